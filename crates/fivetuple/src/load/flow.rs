//! Messages and their replies on one connection: keep so many of them out, check what comes back,
//! note how long it took. A message costs one receive, one send and one look at the clock.

use std::sync::Arc;
use std::task::{Context, Poll, ready};

use super::content::Content;
use super::counters::Cell;
use super::replies::{Expected, Replies};
use super::samples::Latencies;
use super::schedule::Schedule;
use super::window::Window;
use super::{Failure, LoadOptions, Mode};
use crate::connection::Connection;
use crate::transfer::with_scratch;

/// What is said on every connection.
#[derive(Debug)]
pub(super) struct Talk {
    pub(super) content: Content,
    /// Bytes of one message.
    pub(super) size: u64,
    pub(super) expected: Expected,
    /// Messages that may be out at a time.
    pub(super) pipeline: u64,
}

impl Talk {
    /// What these options say.
    pub(super) fn of(options: &LoadOptions) -> Self {
        let request = match &options.mode {
            Mode::Request(request) => Some(request),
            Mode::Connect => options.connect_request.as_ref(),
            _ => None,
        };
        let pipeline = options.pipeline.max(1);
        match request {
            Some(request) => Self {
                content: Content::requests(request, pipeline),
                size: request.message.len() as u64,
                expected: Expected::of(request),
                pipeline: pipeline.into(),
            },
            None => {
                let at_least = u64::from(options.mode != Mode::Connect);
                let size = (options.size as u64).max(at_least);
                Self {
                    content: Content::pattern(),
                    size,
                    expected: Expected::Same(size),
                    pipeline: pipeline.into(),
                }
            }
        }
    }
}

/// A connection at work, and where its work is noted.
pub(super) struct Line<'a> {
    pub(super) connection: &'a Connection,
    pub(super) cell: &'a Cell,
    pub(super) window: &'a Window,
    pub(super) latencies: &'a mut Latencies,
    pub(super) schedule: Option<&'a mut Schedule>,
}

/// When a message was due, and when it could be sent.
#[derive(Clone, Copy, Debug, Default)]
struct Times {
    due: u64,
    sent: u64,
}

/// How far the talk on one connection is.
#[derive(Debug)]
pub(super) struct Flow {
    talk: Arc<Talk>,
    /// Where its stream begins in the content.
    start: u64,
    /// Bytes sent.
    sent: u64,
    /// Messages begun, answered, and to be begun at most.
    begun: u64,
    answered: u64,
    limit: u64,
    replies: Replies,
    /// Of the messages that are out; as many places as a power of two.
    times: Box<[Times]>,
    /// When the reply began that is not whole.
    first_byte: Option<u64>,
    /// When something last came, or was begun after a rest.
    moved: u64,
    /// The kernel took nothing when it was last asked.
    is_blocked: bool,
}

impl Flow {
    /// On a fresh connection, the so-manieth of all.
    pub(super) fn new(talk: &Arc<Talk>, connection: u64) -> Self {
        let places = usize::try_from(talk.pipeline).unwrap_or(usize::MAX);
        Self {
            start: talk.content.start(connection),
            talk: Arc::clone(talk),
            sent: 0,
            begun: 0,
            answered: 0,
            limit: u64::MAX,
            replies: Replies::default(),
            times: vec![Times::default(); places.next_power_of_two()].into(),
            first_byte: None,
            moved: 0,
            is_blocked: false,
        }
    }

    /// Ends after one message more.
    pub(super) fn only_one_more(&mut self) {
        self.limit = self.begun + 1;
    }

    /// Nothing is out.
    pub(super) fn is_at_rest(&self) -> bool {
        self.answered == self.begun
    }

    /// Goes on; ready when the window is over, or the limit reached, and nothing is out.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        line: &mut Line<'_>,
    ) -> Poll<Result<(), Failure>> {
        if self.is_at_rest() || line.schedule.is_some() {
            let now = line.window.now();
            self.begin(now, line);
        }
        let mut moved = false;
        loop {
            if let Poll::Ready(failure) = self.poll_send(cx, line) {
                return Poll::Ready(Err(failure));
            }
            match self.poll_receive(cx, line) {
                Poll::Ready(Ok(())) => moved = true,
                Poll::Ready(Err(failure)) => return Poll::Ready(Err(failure)),
                Poll::Pending => break,
            }
            // What comes after the last reply, such as the end of the stream, is no failure of it.
            if self.is_done(line.window) {
                return Poll::Ready(Ok(()));
            }
        }
        if moved && !self.is_at_rest() {
            return Poll::Pending;
        }
        self.judge(line.window)
    }

    /// Nothing moves: whether it is the end, or has lasted too long.
    fn judge(&self, window: &Window) -> Poll<Result<(), Failure>> {
        if self.is_done(window) {
            return Poll::Ready(Ok(()));
        }
        if !self.is_at_rest() && window.is_too_late(window.now(), self.moved) {
            return Poll::Ready(Err(Failure::TimedOut));
        }
        Poll::Pending
    }

    /// Nothing is out, and nothing will be begun.
    fn is_done(&self, window: &Window) -> bool {
        self.is_at_rest() && (self.begun == self.limit || window.is_over(window.now()))
    }

    /// Begins the messages that may be sent now.
    fn begin(&mut self, now: u64, line: &mut Line<'_>) {
        let was_at_rest = self.is_at_rest();
        let most = self
            .limit
            .min(self.answered.saturating_add(self.talk.pipeline));
        let end = line.window.end();
        while self.begun < most {
            let due = match &mut line.schedule {
                // What was due and is not sent by the end never is.
                _ if now >= end => None,
                None => Some(now),
                Some(schedule) => schedule.take(now, end),
            };
            let Some(due) = due else { break };
            self.note(Times { due, sent: now });
        }
        if let Some(schedule) = &mut line.schedule {
            schedule.note_backlog(now, end);
        }
        if was_at_rest {
            self.moved = now;
        }
    }

    fn note(&mut self, times: Times) {
        let place = self.place(self.begun);
        if let Some(noted) = self.times.get_mut(place) {
            *noted = times;
        }
        self.begun += 1;
    }

    fn place(&self, message: u64) -> usize {
        // Cut off above is what the mask takes off anyway.
        message as usize & (self.times.len() - 1)
    }

    fn times_of(&self, message: u64) -> Times {
        let place = self.place(message);
        self.times.get(place).copied().unwrap_or_default()
    }

    /// Sends what is begun, as far as the kernel takes it. Ready only with a failure.
    fn poll_send(&mut self, cx: &mut Context<'_>, line: &Line<'_>) -> Poll<Failure> {
        let until = self.begun.saturating_mul(self.talk.size);
        while self.sent < until {
            let bytes = self
                .talk
                .content
                .at(self.start + self.sent, until - self.sent);
            match line.connection.poll_send(cx, bytes) {
                Poll::Ready(Ok(count)) => {
                    self.sent += count as u64;
                    line.cell.add_sent(count);
                    if std::mem::take(&mut self.is_blocked) {
                        self.moved = line.window.now();
                    }
                }
                Poll::Ready(Err(errno)) => return Poll::Ready(Failure::of(errno)),
                Poll::Pending => {
                    self.is_blocked = true;
                    break;
                }
            }
        }
        Poll::Pending
    }

    fn poll_receive(
        &mut self,
        cx: &mut Context<'_>,
        line: &mut Line<'_>,
    ) -> Poll<Result<(), Failure>> {
        let taken = with_scratch(|scratch| {
            let received = ready!(line.connection.poll_receive(cx, scratch));
            let count = match received {
                Ok(0) => return Poll::Ready(Err(Failure::ClosedEarly)),
                Ok(count) => count,
                Err(errno) => return Poll::Ready(Err(Failure::of(errno))),
            };
            line.cell.add_received(count);
            let bytes = scratch.get(..count).unwrap_or_default();
            let sent = (&self.talk.content, self.start, self.sent);
            Poll::Ready(self.replies.take(bytes, &self.talk.expected, sent))
        });
        let whole = match ready!(taken) {
            Ok(whole) => whole,
            Err(failure) => return Poll::Ready(Err(failure)),
        };
        let out = self.begun - self.answered;
        if whole > out || (whole == out && self.replies.is_partial()) {
            return Poll::Ready(Err(Failure::WrongBytes));
        }
        let now = line.window.now();
        self.moved = now;
        if whole > 0 {
            self.answer(whole, now, line);
            self.begin(now, line);
        }
        if self.replies.is_partial() {
            self.first_byte.get_or_insert(now);
        }
        Poll::Ready(Ok(()))
    }

    /// So many replies are whole.
    fn answer(&mut self, whole: u64, now: u64, line: &mut Line<'_>) {
        for _ in 0..whole {
            let times = self.times_of(self.answered);
            let latency = now.saturating_sub(times.sent);
            match self.first_byte.take() {
                None => line.latencies.whole.record(latency),
                Some(first) => {
                    line.latencies.split.record(latency);
                    let first = first.saturating_sub(times.sent);
                    line.latencies.split_first.record(first);
                }
            }
            if line.schedule.is_some() {
                let corrected = now.saturating_sub(times.due);
                line.latencies.corrected.record(corrected);
            }
            self.answered += 1;
        }
        if now <= line.window.end() {
            line.cell.add_messages(whole);
        }
    }

    /// The connection is lost. Messages on a schedule that were out have waited at least until
    /// now; what is lost does not make a server faster.
    pub(super) fn give_up(&self, line: &mut Line<'_>) {
        if line.schedule.is_none() {
            return;
        }
        let now = line.window.now();
        for message in self.answered..self.begun {
            let waited = now.saturating_sub(self.times_of(message).due);
            line.latencies.corrected.record(waited);
        }
    }
}
