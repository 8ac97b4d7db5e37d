//! Step 7, `close()`: half-close, orderly release, lingering close, abort.
//!
//! Before it: [`crate::connection`]. After it: [`crate::transfer`], which decides when to close
//! and how. The listening socket is not touched by any of this.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

use crate::call::Errno;
use crate::connection::Connection;
use crate::event::{Identity, Reason, Side, Totals};

/// How long a close waits until the peer's kernel has acknowledged everything.
pub const ACKNOWLEDGE_WAIT: Duration = Duration::from_secs(2);
/// How long a lingering close waits in silence for the peer's end, once all is acknowledged.
pub const LINGER_SILENCE: Duration = Duration::from_secs(2);
/// How long a lingering close takes at most.
pub const LINGER_MAX: Duration = Duration::from_secs(30);

/// How a close waits for the peer's end, once ours is sent.
#[derive(Clone, Copy, Debug)]
struct Bounds {
    /// In silence, once everything is acknowledged; longer than that it waits for nothing.
    silence: Duration,
    /// In all.
    total: Duration,
    /// How it ends when that is up.
    late: Reason,
    /// Whether a byte that still comes is thrown away, or answered by RST.
    discards: bool,
}

const LINGER: Bounds = Bounds {
    silence: LINGER_SILENCE,
    total: LINGER_MAX,
    late: Reason::TimedOut,
    discards: true,
};

const LEAVE: Bounds = Bounds {
    silence: LINGER_SILENCE,
    total: ACKNOWLEDGE_WAIT,
    late: Reason::Released,
    discards: false,
};

/// Nothing tells that an acknowledgement came, so it is looked for, at first soon.
const LOOK_FIRST: Duration = Duration::from_millis(1);
const LOOK_LAST: Duration = Duration::from_millis(50);

/// How to close.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Close {
    /// Both directions have ended, or nobody needs the rest: finish sending, wait until
    /// everything is acknowledged, close.
    Release,
    /// The peer may still be sending: finish sending, throw away what comes until its end, so
    /// that no RST overtakes what we sent.
    Linger,
    /// As [`Close::Linger`], but for at most 2 s, and a byte that still comes has nowhere to go:
    /// it is answered by RST.
    Leave,
    /// RST, at once.
    Abort,
    /// A deadline has passed; close at once, by RST if something we sent is not acknowledged.
    TimeOut,
    /// The peer reset the connection, or it is dead; nothing is left to be said.
    Reset,
    /// Something of ours failed; RST, so that the peer does not take it for an orderly end.
    Fail,
}

/// A connection that is over: the facts that remain.
#[derive(Clone, Debug)]
pub struct Closed {
    /// Who it was.
    pub identity: Identity,
    /// How it ended.
    pub reason: Reason,
    /// Who ended first.
    pub first: Side,
    /// What it moved.
    pub totals: Totals,
    /// Which time of its terms was up, if one was.
    pub expired: Option<Expired>,
}

/// Which time of the terms of a transfer was up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expired {
    /// Without a byte either way for too long.
    Idle,
    /// Too long in all.
    Deadline,
    /// Without a byte for too long after one direction had ended.
    HalfClosed,
}

impl Closed {
    /// Ended in order, everything that was sent is acknowledged, and nothing that came was lost.
    pub fn is_complete(&self) -> bool {
        let totals = &self.totals;
        let lost = totals.bytes_unacknowledged + totals.datagrams_dropped;
        self.reason == Reason::Released && lost == 0
    }
}

impl Connection {
    /// Closes in this way and releases the socket.
    pub async fn close(mut self, how: Close) -> Closed {
        let mut closing = Closing::new(how);
        let reason = poll_fn(|cx| closing.poll(&mut self, cx)).await;
        self.closed(reason)
    }

    /// Releases the socket and keeps the facts.
    pub(crate) fn closed(&mut self, reason: Reason) -> Closed {
        let totals = self.finish(reason);
        Closed {
            identity: self.identity().clone(),
            reason,
            first: self.first(),
            totals,
            expired: None,
        }
    }
}

/// A close under way.
#[derive(Debug)]
pub(crate) struct Closing {
    how: Close,
    /// Made when there is something to wait for.
    wait: Option<Wait>,
}

/// A wait for the peer that is not without an end.
#[derive(Debug)]
pub(crate) struct Wait {
    sleep: Pin<Box<Sleep>>,
    look_again: Duration,
    /// No longer than this, whatever happens.
    until: Instant,
    /// Since when nothing moved: reset by every byte and, to linger, until all is acknowledged.
    silent_since: Instant,
}

impl Wait {
    pub(crate) fn new(at_most: Duration) -> Self {
        let now = Instant::now();
        Self {
            sleep: Box::pin(sleep_until(now + LOOK_FIRST)),
            look_again: LOOK_FIRST,
            until: now + at_most,
            silent_since: now,
        }
    }

    /// Something has moved just now.
    pub(crate) fn note_moved(&mut self) {
        self.silent_since = Instant::now();
    }

    /// Whether nothing has moved for so long.
    pub(crate) fn is_silent(&self, silence: Duration) -> bool {
        self.silent_since.elapsed() >= silence
    }

    /// Waits until the next look; false when the time is up.
    pub(crate) fn poll_look(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        if self.sleep.as_mut().poll(cx).is_pending() {
            return Poll::Pending;
        }
        let now = Instant::now();
        if now >= self.until {
            return Poll::Ready(false);
        }
        self.look_again = (self.look_again * 2).min(LOOK_LAST);
        let next = (now + self.look_again).min(self.until);
        self.sleep.as_mut().reset(next);
        Poll::Ready(true)
    }
}

impl Closing {
    pub(crate) fn new(how: Close) -> Self {
        Self { how, wait: None }
    }

    /// Goes on closing; ready with the reason when the socket can be released.
    pub(crate) fn poll(
        &mut self,
        connection: &mut Connection,
        cx: &mut Context<'_>,
    ) -> Poll<Reason> {
        match self.how {
            Close::Release => self.poll_release(connection, cx),
            Close::Linger => self.poll_linger(&LINGER, connection, cx),
            Close::Leave => self.poll_linger(&LEAVE, connection, cx),
            Close::Abort => {
                connection.reset_on_close();
                connection.note_first(Side::Us);
                Poll::Ready(Reason::Aborted)
            }
            Close::TimeOut => {
                if connection.unacknowledged().unwrap_or(0) > 0 {
                    // What the peer has is not all there is; a FIN would say it were.
                    connection.reset_on_close();
                }
                connection.note_first(Side::Us);
                Poll::Ready(Reason::TimedOut)
            }
            Close::Reset => {
                connection.note_first(Side::Peer);
                Poll::Ready(Reason::Reset)
            }
            Close::Fail => {
                connection.reset_on_close();
                connection.note_first(Side::Us);
                Poll::Ready(Reason::Failed)
            }
        }
    }

    fn poll_release(&mut self, connection: &mut Connection, cx: &mut Context<'_>) -> Poll<Reason> {
        // When the peer has finished and all is acknowledged, close itself sends the FIN.
        if self.wait.is_none() && !connection.is_peer_finished() && connection.half_close().is_err()
        {
            return Poll::Ready(Reason::Reset);
        }
        loop {
            match connection.unacknowledged() {
                Ok(0) | Err(_) => return Poll::Ready(Reason::Released),
                Ok(_) => {}
            }
            if let Some(Errno::CONNRESET | Errno::PIPE) = connection.pending_error() {
                return Poll::Ready(Reason::Reset);
            }
            let wait = self.wait.get_or_insert_with(|| Wait::new(ACKNOWLEDGE_WAIT));
            match wait.poll_look(cx) {
                Poll::Ready(true) => {}
                Poll::Ready(false) => return Poll::Ready(Reason::Released),
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    fn poll_linger(
        &mut self,
        bounds: &Bounds,
        connection: &mut Connection,
        cx: &mut Context<'_>,
    ) -> Poll<Reason> {
        if connection.half_close().is_err() {
            return Poll::Ready(Reason::Reset);
        }
        let wait = self.wait.get_or_insert_with(|| Wait::new(bounds.total));
        loop {
            if !connection.is_peer_finished() {
                let mut scratch = [0; 4096];
                match connection.poll_receive(cx, &mut scratch) {
                    Poll::Ready(Ok(0)) => connection.note_peer_finished(),
                    Poll::Ready(Ok(_)) if !bounds.discards => {
                        connection.reset_on_close();
                        return Poll::Ready(Reason::Aborted);
                    }
                    Poll::Ready(Ok(_)) => {
                        wait.note_moved();
                        if wait.silent_since < wait.until {
                            continue;
                        }
                        return Poll::Ready(bounds.late);
                    }
                    Poll::Ready(Err(Errno::TIMEDOUT)) => return Poll::Ready(Reason::TimedOut),
                    Poll::Ready(Err(_)) => return Poll::Ready(Reason::Reset),
                    Poll::Pending => {}
                }
            }
            let acknowledged = connection.unacknowledged().unwrap_or(0) == 0;
            if !acknowledged {
                wait.note_moved();
            } else if connection.is_peer_finished() || wait.is_silent(bounds.silence) {
                return Poll::Ready(Reason::Released);
            }
            match wait.poll_look(cx) {
                Poll::Ready(true) => {}
                Poll::Ready(false) => return Poll::Ready(bounds.late),
                Poll::Pending => return Poll::Pending,
            }
        }
    }
}

#[cfg(test)]
mod tests;
