//! Step 6, send and receive: both directions of one connection, until each has ended.
//!
//! Before it: [`crate::close`], the ways to end. After it: [`crate::service`], which says what is
//! done with the bytes. The rules of the end of stream stand alone in [`EndOfStream`]; this module
//! moves bytes and tells it the facts.
//!
//! Bytes are read on readiness into a buffer that belongs to the thread, so an idle connection
//! holds none. What the kernel does not take at once is kept in [`Outgoing`]; while it waits, an
//! exchange that answers is not given more to answer. Back-pressure is not reading.

mod end_of_stream;
mod exchange;
mod intake;
mod joined;
mod outgoing;
mod patient;
mod pipes;
mod scratch;
mod terms;
mod timer;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use crate::call::{Errno, Explained, ReceiveError, SendError};
use crate::close::{Close, Closed, Closing, Expired};
use crate::connection::Connection;

pub use end_of_stream::{EndOfStream, Eof, Input, Step};
pub use exchange::{Exchange, Intake, Supply};
pub use joined::Joined;
pub use outgoing::Outgoing;
use outgoing::Unsent;
pub use patient::Patient;
pub(crate) use pipes::{Flow, is_refused};
pub use pipes::{LentPipe, Pipes};
pub use scratch::SCRATCH;
pub(crate) use scratch::with_scratch;
pub use terms::Terms;
pub(crate) use timer::Timer;

/// Reads or writes that one connection does in a row.
const TURN: usize = 8;
/// Times that it does so in both directions before others have their turn.
const ROUNDS: usize = 4;

/// A connection at work: a future that ends when the connection has closed.
#[derive(Debug)]
#[must_use = "nothing is moved until it is awaited"]
pub struct Transfer<E> {
    connection: Connection,
    exchange: E,
    end: EndOfStream,
    unsent: Unsent,
    flow: Flow,
    timer: Timer,
    closing: Option<Box<Closing>>,
}

impl<E: Exchange + Unpin> Transfer<E> {
    /// Puts an exchange on a connection.
    pub fn new(connection: Connection, exchange: E, terms: &Arc<Terms>) -> Self {
        let mut end = EndOfStream::new(terms.eof, terms.send_only);
        end.interactive = exchange.is_interactive();
        end.delivers_after_reset = exchange.delivers_after_reset();
        Self {
            timer: Timer::new(connection.identity().since, terms),
            connection,
            exchange,
            end,
            unsent: Unsent::default(),
            flow: Flow::default(),
            closing: None,
        }
    }

    /// The exchange, between two polls.
    #[cfg(feature = "exec")]
    pub(crate) fn exchange_mut(&mut self) -> &mut E {
        &mut self.exchange
    }

    /// Sends what waits, then what the exchange has of its own. True if something moved.
    fn poll_sending(&mut self, cx: &mut Context<'_>) -> bool {
        let mut moved = false;
        for _ in 0..TURN {
            while !self.unsent.is_empty() && self.end.can_send() {
                match self.connection.poll_send(cx, self.unsent.bytes()) {
                    Poll::Ready(Ok(count)) => self.unsent.advance(count),
                    Poll::Ready(Err(errno)) => self.send_failed(errno),
                    Poll::Pending => return moved,
                }
                moved = true;
            }
            if self.end.input != Input::Open || !self.end.can_send() {
                return moved;
            }
            let mut out = Outgoing::new(&self.connection, &mut self.unsent);
            let supply = self.exchange.poll_supply(cx, &mut out);
            if let Some(errno) = out.failed() {
                self.send_failed(errno);
            }
            match supply {
                Poll::Ready(Supply::More) => {}
                Poll::Ready(Supply::Ended) => self.end.input = Input::Ended,
                Poll::Ready(Supply::Absent) => self.end.input = Input::Absent,
                Poll::Pending => {
                    if self.end.peer_finished
                        && let Poll::Ready(errno) = self.connection.poll_broken(cx)
                    {
                        self.broken(errno);
                        return true;
                    }
                    return moved;
                }
            }
            moved = true;
        }
        moved
    }

    /// Receives as long as there is something and the exchange has room. Whether something came, and
    /// whether there may be more.
    fn poll_receiving(&mut self, cx: &mut Context<'_>) -> (bool, bool) {
        for done in 0..TURN {
            let ended = (done > 0, false);
            if self.end.peer_finished || self.end.broken.is_some() {
                return ended;
            }
            let room = if self.end.send_only() {
                SCRATCH
            } else {
                match self.exchange.poll_room(cx, self.unsent.len()) {
                    // Less room would cut a datagram; there is enough again when it is asked anew.
                    Poll::Ready(Ok(room)) if room < SCRATCH && self.connection.is_datagram() => {
                        return ended;
                    }
                    // An empty buffer would read like the end of the stream.
                    Poll::Ready(Ok(0)) | Poll::Pending => {
                        self.poll_held_back(cx);
                        return ended;
                    }
                    Poll::Ready(Ok(room)) => room.min(SCRATCH),
                    Poll::Ready(Err(close)) => {
                        self.end.broken = Some(close);
                        return ended;
                    }
                }
            };
            if self.poll_intake(cx, room).is_pending() {
                return ended;
            }
        }
        (true, true)
    }

    /// Moves what can be moved; ready when it is time to close.
    fn poll_moving(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        for _ in 0..ROUNDS {
            // What was there before stands in front of an answer to what comes now.
            let sent = self.poll_sending(cx);
            let (came, more) = self.poll_receiving(cx);
            let answered = came && self.poll_sending(cx);
            let step = self.poll_step(cx);
            if self.closing.is_some() {
                return Poll::Ready(());
            }
            if step == Step::GoOn && !sent && !more && !answered {
                return self.poll_timer(cx);
            }
        }
        // There may be more to do, after the others have had their turn.
        cx.waker().wake_by_ref();
        self.poll_timer(cx)
    }

    fn poll_timer(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let silent = self.end.peer_finished && self.connection.is_datagram();
        let one_sided = (self.end.peer_finished || self.end.half_closed) && !silent;
        let moved = self.connection.live().moved();
        let due = self.timer.poll(cx, moved, one_sided);
        if due.is_ready() && !self.is_silence() {
            if self.is_amid_sending() {
                // The end of the stream would say that this was all.
                self.connection.reset_on_close();
            }
            self.close(Close::TimeOut);
            return due;
        }
        if due.is_ready() {
            // What is received is still delivered.
            self.end.peer_finished = true;
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    }

    /// Whether some of what there is to send was sent, and not the rest.
    fn is_amid_sending(&self) -> bool {
        let has_more = self.end.input == Input::Open && !self.end.interactive;
        let begun = self.connection.live().bytes_sent() > 0;
        !self.end.half_closed && (!self.unsent.is_empty() || has_more && begun)
    }

    /// Whether the time that was up is that of the half-closed state, on a connection of datagrams:
    /// nobody says there that he has finished, silence is the end.
    fn is_silence(&mut self) -> bool {
        let expired = Some(Expired::HalfClosed);
        self.connection.is_datagram() && self.timer.take_expired_if(expired)
    }

    /// Nothing is read now, and so no reset either. Where that ends everything, it is looked for.
    fn poll_held_back(&mut self, cx: &mut Context<'_>) {
        if !self.end.delivers_after_reset
            && let Poll::Ready(errno) = self.connection.poll_broken(cx)
        {
            self.receive_failed(errno);
        }
    }

    /// Nothing more can be sent. What the peer sent before is still received (pitfall: a write
    /// error must not throw away an answer that has already arrived).
    fn send_failed(&mut self, errno: Errno) {
        if self.is_refusal(errno) {
            // It is about an earlier datagram; the receiving side tells it after the last one.
            self.end.send_failed = true;
            self.unsent.clear();
        } else if !self.end.send_failed {
            let error = SendError::new(self.connection.name(), errno);
            self.sending_ended(&error, errno);
        }
    }

    fn sending_ended(&mut self, error: &dyn Explained, errno: Errno) {
        self.end.sending_failed(close_for(errno));
        self.unsent.clear();
        tell(&self.connection, error);
    }

    /// The socket holds an error while nothing moves. The RST of a peer that had finished sending
    /// reads EPIPE, whichever call finds it: what it ends is our sending.
    fn broken(&mut self, errno: Errno) {
        if errno == Errno::PIPE {
            self.send_failed(errno);
        } else {
            self.receive_failed(errno);
        }
    }

    /// Whether it says that nobody has the port that datagrams of ours were for.
    fn is_refusal(&self, errno: Errno) -> bool {
        errno == Errno::CONNREFUSED && self.connection.is_datagram()
    }

    fn receive_failed(&mut self, errno: Errno) {
        if !self.end.send_failed || self.is_refusal(errno) {
            let error = ReceiveError::new(self.connection.name(), errno);
            tell(&self.connection, &error);
        }
        self.unsent.clear();
        self.end.broken = Some(close_for(errno));
    }

    fn close(&mut self, how: Close) {
        let how = match how {
            // Nothing is acknowledged, and an end is not heard of: there is nothing to wait for.
            Close::Linger | Close::Leave if self.connection.is_datagram() => Close::Release,
            how => how,
        };
        self.exchange.closing();
        self.closing = Some(Box::new(Closing::new(how)));
    }

    /// Tells the rules what is so now, and does what they say.
    fn poll_step(&mut self, cx: &mut Context<'_>) -> Step {
        self.end.unsent = !self.unsent.is_empty();
        self.end.undelivered = match self.exchange.poll_delivered(cx) {
            Poll::Ready(Ok(())) => false,
            Poll::Ready(Err(close)) => {
                self.end.broken = Some(close);
                false
            }
            Poll::Pending => true,
        };
        let step = self.end.step();
        match step {
            Step::HalfClose => {
                self.end.half_closed = true;
                if let Err(error) = self.connection.half_close() {
                    let errno = error.errno().unwrap_or(Errno::NOTCONN);
                    self.sending_ended(&error, errno);
                }
            }
            Step::Close(how) => self.close(how),
            Step::GoOn => {}
        }
        step
    }
}

impl<E: Exchange + Unpin> Future for Transfer<E> {
    type Output = Closed;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Closed> {
        let this = &mut *self;
        if this.closing.is_none() && this.poll_moving(cx).is_pending() {
            return Poll::Pending;
        }
        let Some(closing) = &mut this.closing else {
            return Poll::Pending;
        };
        closing.poll(&mut this.connection, cx).map(|reason| {
            let mut closed = this.connection.closed(reason);
            closed.expired = this.timer.expired();
            closed
        })
    }
}

/// Tells the observers what failed on this connection.
pub(crate) fn tell(connection: &Connection, error: &dyn Explained) {
    connection.observers().failed(connection.identity(), error);
}

/// The way to close after this error.
pub(crate) fn close_for(errno: Errno) -> Close {
    match errno {
        Errno::CONNRESET | Errno::CONNREFUSED | Errno::PIPE | Errno::NOTCONN => Close::Reset,
        Errno::TIMEDOUT | Errno::HOSTUNREACH | Errno::NETUNREACH => Close::TimeOut,
        Errno::CONNABORTED => Close::Abort,
        _ => Close::Fail,
    }
}
