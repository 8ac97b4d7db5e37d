//! One connection from its first request to its close: whose turn it is, how long that may take,
//! the drain, and how it ends.

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper::{Request, Response};
use rustix::net::sockopt;
use tokio::sync::watch;
use tokio::time::{Instant, Sleep, sleep_until};

use super::carrier::Carrier;
use super::head::length_of_head;
use super::page::Answer;
use super::site::{Asked, Site};
use super::{HEAD_MAX, HttpOptions};
use crate::close::{Close, Closed, Closing};
use crate::connection::{Connection, Live};
use crate::event::{Event, Observers, Reason};
use crate::transfer::{Terms, Timer};

/// A client that had come before the drain and has not asked yet is waited for so long.
const FIRST_REQUEST: Duration = Duration::from_secs(1);
/// Said to a client whose head does not come to its end.
const TOO_LATE: &[u8] = b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\n\
    content-type: text/plain; charset=utf-8\r\ncontent-length: 60\r\n\r\n\
    408 Request Timeout: the head of the request took too long.\n";

/// What the parts of one connection know of each other. All of them run on its one task.
#[derive(Debug)]
pub(super) struct Progress {
    pub(super) live: Arc<Live>,
    pub(super) observers: Observers,
    asked: AtomicU64,
    answered: AtomicU64,
    /// The head of a request has begun and not ended.
    head_begun: AtomicBool,
    /// The connection takes no more bytes for now, and some are left.
    unsent: AtomicBool,
    peer_finished: AtomicBool,
    /// The end of what the peer sends is here, read or not.
    end_came: AtomicBool,
    draining: AtomicBool,
    /// `SO_COOKIE`, where it is shown.
    pub(super) cookie: Option<u64>,
    /// The bytes of the request that is coming, where they are shown.
    head: Option<Mutex<Vec<u8>>>,
}

impl Progress {
    /// Bytes came from the peer; behind them a head has begun, or none has.
    pub(super) fn received(&self, bytes: &[u8], head_begun: bool) {
        self.head_begun.store(head_begun, Ordering::Relaxed);
        if let Some(head) = &self.head {
            let mut head = head.lock().unwrap_or_else(PoisonError::into_inner);
            // What follows a head that is too long is not part of it.
            let room = (2 * HEAD_MAX).saturating_sub(head.len()).min(bytes.len());
            head.extend_from_slice(bytes.get(..room).unwrap_or_default());
        }
    }

    pub(super) fn peer_finished(&self) {
        self.peer_finished.store(true, Ordering::Relaxed);
        self.end_came();
    }

    pub(super) fn end_came(&self) {
        self.end_came.store(true, Ordering::Relaxed);
    }

    /// Bytes were to be sent; whether they have to wait.
    pub(super) fn sending(&self, waits: bool) {
        self.unsent.store(waits, Ordering::Relaxed);
    }

    /// Whether the connection takes no other request.
    pub(super) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    /// An answer has begun, or its last bytes wait to be sent.
    fn is_answering(&self) -> bool {
        let answered = self.answered.load(Ordering::Relaxed);
        self.asked.load(Ordering::Relaxed) > answered || self.unsent.load(Ordering::Relaxed)
    }

    pub(super) fn answered(&self) {
        self.answered.fetch_add(1, Ordering::Relaxed);
    }

    /// The number of this request, and its head as it came.
    fn next_request(&self) -> (u64, Vec<u8>) {
        let number = self.asked.fetch_add(1, Ordering::Relaxed) + 1;
        let head = self.head.as_ref().map(|head| {
            let mut head = head.lock().unwrap_or_else(PoisonError::into_inner);
            let length = length_of_head(&head);
            let rest = head.split_off(length);
            std::mem::replace(&mut *head, rest)
        });
        (number, head.unwrap_or_default())
    }
}

/// How a connection ends.
struct Ending {
    close: Close,
    /// The head of a request took too long: the client is told.
    late: bool,
}

impl Ending {
    fn by(close: Close) -> Self {
        Self { close, late: false }
    }
}

type Http = http1::Connection<Carrier, Requests>;

/// One connection at work.
pub(super) struct Talk {
    http: Http,
    progress: Arc<Progress>,
    turns: Turns,
    timer: Timer,
    /// No request is read any more.
    last: bool,
}

impl Talk {
    pub(super) fn new(
        connection: Connection,
        site: &Arc<Site>,
        options: &HttpOptions,
        terms: &Arc<Terms>,
    ) -> Self {
        let live = Arc::clone(connection.live());
        let progress = Arc::new(Progress {
            observers: connection.observers().clone(),
            asked: AtomicU64::new(0),
            answered: AtomicU64::new(0),
            head_begun: AtomicBool::new(false),
            unsent: AtomicBool::new(false),
            peer_finished: AtomicBool::new(false),
            end_came: AtomicBool::new(false),
            draining: AtomicBool::new(false),
            cookie: match options.status {
                true => sockopt::socket_cookie(&connection).ok(),
                false => None,
            },
            head: options.status.then(Mutex::default),
            live,
        });
        let requests = Requests {
            site: Arc::clone(site),
            progress: Arc::clone(&progress),
        };
        let mut http = http1::Builder::new();
        // The time of a head runs from its first byte, so we hold it ourselves.
        http.header_read_timeout(None)
            .half_close(true)
            .max_header_size(HEAD_MAX)
            .max_buf_size(HEAD_MAX);
        Self {
            timer: Timer::new(progress.live.identity.since, terms),
            turns: Turns::new(&progress.live, options),
            http: http.serve_connection(Carrier::new(connection, &progress), requests),
            progress,
            last: false,
        }
    }

    /// Serves the connection to its end.
    pub(super) async fn until_closed(mut self, mut draining: watch::Receiver<bool>) -> Closed {
        let drain = async move {
            // A server that is gone drains as well.
            let _ = draining.wait_for(|draining| *draining).await;
        };
        let mut drain = Box::pin(drain);
        let ending = poll_fn(|cx| {
            if !self.progress.is_draining() && drain.as_mut().poll(cx).is_ready() {
                self.progress.drain();
            }
            self.poll(cx)
        })
        .await;
        drop(drain);
        let Self { http, timer, .. } = self;
        let carrier = http.into_parts().io;
        let mut connection = carrier.connection;
        if ending.late {
            // Nothing else waits to be sent, and whoever takes no byte misses nothing.
            let _ = connection.try_send(TOO_LATE);
        }
        let mut closing = Closing::new(carrier.broken.unwrap_or(ending.close));
        let mut reason = poll_fn(|cx| closing.poll(&mut connection, cx)).await;
        if ending.late {
            reason = Reason::TimedOut;
        }
        let mut closed = connection.closed(reason);
        closed.expired = timer.expired();
        closed
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Ending> {
        loop {
            if let Poll::Ready(result) = Pin::new(&mut self.http).poll(cx) {
                return Poll::Ready(Ending::by(self.close(result)));
            }
            let turn = self.turns.now(&self.progress, self.last);
            if self.progress.is_draining() && turn == Turn::Answer && !self.last {
                self.no_more_requests();
            }
            match self.turns.poll_due(cx, &self.progress) {
                Poll::Pending => break,
                Poll::Ready(Turn::Head) => {
                    let close = Close::Leave;
                    return Poll::Ready(Ending { close, late: true });
                }
                Poll::Ready(Turn::Answer) => return Poll::Ready(Ending::by(Close::TimeOut)),
                // Looks whether something is still to be flushed.
                Poll::Ready(Turn::Wait) => self.no_more_requests(),
            }
        }
        let one_sided = self.progress.end_came.load(Ordering::Relaxed);
        let due = self.timer.poll(cx, self.progress.live.moved(), one_sided);
        due.map(|()| Ending::by(Close::TimeOut))
    }

    fn no_more_requests(&mut self) {
        self.last = true;
        Pin::new(&mut self.http).graceful_shutdown();
    }

    /// The way to close when HTTP is over.
    fn close(&self, result: hyper::Result<()>) -> Close {
        if let Err(error) = &result
            && error.is_parse()
        {
            let refused = match error.is_parse_too_large() {
                true => "a head that is too long, and it is refused",
                false => "no request of HTTP/1, and it is refused",
            };
            self.progress.observers.emit(&Event::Served {
                connection: &self.progress.live.identity,
                what: format_args!("{refused}"),
            });
        }
        match result {
            // The peer must not take what it has for the whole answer.
            Err(error) if error.is_user() || error.is_body_write_aborted() => Close::Fail,
            _ if self.progress.peer_finished.load(Ordering::Relaxed) => Close::Release,
            // Everything that was asked is answered; who is late by a request asks elsewhere.
            Ok(()) if self.progress.is_draining() && self.turns.is_idle() => Close::Release,
            _ => Close::Linger,
        }
    }
}

/// Whose turn it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    /// Nothing of the next request has come.
    Wait,
    /// The head of a request is coming, and the answers before it are out.
    Head,
    /// An answer is being made or sent.
    Answer,
}

/// How long whose turn it is has lasted. There is one timer, set when a turn begins that could
/// end before it rings; bytes that move cost nothing.
struct Turns {
    head_deadline: Duration,
    keep_alive: Duration,
    stall: Duration,
    turn: Turn,
    since: Instant,
    /// The requests and bytes when they were last counted.
    asked: u64,
    moved: u64,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Turns {
    fn new(live: &Live, options: &HttpOptions) -> Self {
        Self {
            head_deadline: options.head_deadline,
            keep_alive: options.keep_alive,
            stall: options.stall,
            turn: Turn::Wait,
            since: live.identity.since.into(),
            asked: 0,
            moved: 0,
            sleep: None,
        }
    }

    fn is_idle(&self) -> bool {
        self.turn == Turn::Wait
    }

    /// Looks whose turn it is. After the `last` request, what is left to be flushed is an answer.
    fn now(&mut self, progress: &Progress, last: bool) -> Turn {
        let moved = progress.live.bytes_received() + progress.live.bytes_sent();
        let asked = progress.asked.load(Ordering::Relaxed);
        let turn = match last || progress.is_answering() {
            true => Turn::Answer,
            false if progress.head_begun.load(Ordering::Relaxed) => Turn::Head,
            false => Turn::Wait,
        };
        // The bytes of a head, or of empty lines before it, give it no more time.
        let goes_on = turn == Turn::Answer && moved != self.moved;
        if turn != self.turn || asked != self.asked || goes_on {
            self.since = Instant::now();
        }
        self.turn = turn;
        self.asked = asked;
        self.moved = moved;
        turn
    }

    /// Ready when this turn has lasted too long.
    fn poll_due(&mut self, cx: &mut Context<'_>, progress: &Progress) -> Poll<Turn> {
        let draining = progress.is_draining();
        let due = match self.turn {
            Turn::Wait if draining && self.asked > 0 => return Poll::Ready(Turn::Wait),
            Turn::Wait if draining => {
                let came: Instant = progress.live.identity.since.into();
                (came + FIRST_REQUEST).min(self.since + self.keep_alive)
            }
            Turn::Wait => self.since + self.keep_alive,
            Turn::Head => self.since + self.head_deadline,
            Turn::Answer => self.since + self.stall,
        };
        loop {
            if due <= Instant::now() {
                return Poll::Ready(self.turn);
            }
            let sleep = self.sleep.get_or_insert_with(|| Box::pin(sleep_until(due)));
            // A timer that rings too early is set anew then; one that would ring too late, now.
            if due < sleep.deadline() {
                sleep.as_mut().reset(due);
            }
            if sleep.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            self.sleep = None;
        }
    }
}

/// Answers the requests of one connection.
struct Requests {
    site: Arc<Site>,
    progress: Arc<Progress>,
}

impl hyper::service::Service<Request<Incoming>> for Requests {
    type Response = Response<Answer>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Answer>, Infallible>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let (number, head) = self.progress.next_request();
        // A body is not read: hyper throws away what is there, the lingering close the rest.
        let has_body = !request.body().is_end_stream();
        let asked = Asked {
            parts: request.into_parts().0,
            has_body,
            number,
            head,
            progress: Arc::clone(&self.progress),
        };
        let site = Arc::clone(&self.site);
        Box::pin(async move { Ok(site.answer(asked).await) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_to_the_late_has_the_length_that_it_says() {
        let text = std::str::from_utf8(TOO_LATE).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.ends_with(&format!("content-length: {}", body.len())));
    }
}
