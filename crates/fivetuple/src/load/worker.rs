//! One connection of a load in one window: its work, what becomes of it when it fails.

mod anew;
mod hold;

use std::fs::File;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use super::bulk::{Bulk, Silence};
use super::counters::{Cell, LoadCounters};
use super::flow::{Flow, Line, Talk};
use super::opening::Opener;
use super::samples::{Latencies, Recorded};
use super::schedule::Schedule;
use super::window::Window;
use super::{Failure, Failures, LoadOptions, Mode};
use crate::close::Close;
use crate::connection::Connection;
use crate::kernel::TcpState;

/// The pause before a lost connection is made anew, doubled each time that nothing was done in
/// between.
const PAUSE_FIRST: Duration = Duration::from_millis(1);
const PAUSE_LAST: Duration = Duration::from_millis(100);
/// Who is refused for so long does not try again in this window: the server has gone and is not
/// coming back.
const REFUSED_LONGEST: Duration = Duration::from_secs(1);

/// Since when every connect has been refused.
#[derive(Debug, Default)]
struct Refused(Option<Instant>);

impl Refused {
    /// Notes a failure: whether the server has refused for long enough.
    fn is_enough(&mut self, failure: Failure) -> bool {
        if !failure.is_nobody_there() {
            self.0 = None;
            return false;
        }
        self.0.get_or_insert_with(Instant::now).elapsed() >= REFUSED_LONGEST
    }
}

/// What all connections of a load share.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) options: LoadOptions,
    pub(super) opener: Arc<Opener>,
    pub(super) talk: Arc<Talk>,
    pub(super) counters: Arc<LoadCounters>,
    pub(super) recorded: Recorded,
    /// What is sent in bulk, if the kernel can send it by itself.
    pub(super) zeros: Option<File>,
}

/// A connection that is open, and how far its talk is.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) connection: Connection,
    flow: Flow,
    silence: Silence,
    /// Segments sent again before this window.
    retransmitted: u64,
}

impl Open {
    pub(super) fn new((connection, number): (Connection, u64), talk: &Arc<Talk>) -> Self {
        Self {
            connection,
            flow: Flow::new(talk, number),
            silence: Silence::default(),
            retransmitted: 0,
        }
    }

    /// Segments sent again since it was last asked.
    fn retransmissions(&mut self) -> u64 {
        let info = self.connection.tcp_info().ok();
        let total = info.and_then(|info| info.total_retrans).unwrap_or(0).into();
        let before = std::mem::replace(&mut self.retransmitted, total);
        total.saturating_sub(before)
    }

    /// Whether the peer is there, as far as our kernel knows, and has taken what we sent.
    fn is_alive(&self) -> bool {
        let established = match self.connection.tcp_info() {
            Ok(info) => info.state == TcpState::Established,
            // Not TCP: it would have told us already.
            Err(_) => self.connection.pending_error().is_none(),
        };
        established && self.connection.unacknowledged().unwrap_or(0) == 0
    }
}

/// One of the connections, open or not, and what it has done in this window.
#[derive(Debug)]
pub(super) struct Worker {
    pub(super) index: usize,
    job: Arc<Job>,
    pub(super) open: Option<Open>,
    latencies: Latencies,
    pub(super) failures: Failures,
    pub(super) retransmissions: u64,
    /// Bytes in bulk that the peer's kernel had not acknowledged when the window ended, without
    /// those of its beginning.
    pub(super) unacknowledged: i64,
    pub(super) schedule: Option<Schedule>,
    /// Its peer takes what we send, and sends nothing back.
    pub(super) is_mute: bool,
    pause: Duration,
    /// When its work ended, in the time of the window.
    ended: u64,
}

impl Worker {
    pub(super) fn new(index: usize, job: &Arc<Job>) -> Self {
        Self {
            index,
            job: Arc::clone(job),
            latencies: Latencies::new(&job.recorded),
            open: None,
            failures: Failures::default(),
            retransmissions: 0,
            unacknowledged: 0,
            schedule: None,
            is_mute: false,
            pause: PAUSE_FIRST,
            ended: 0,
        }
    }

    /// Gives it a connection, and its number.
    pub(super) fn open(&mut self, connected: (Connection, u64)) {
        self.open = Some(Open::new(connected, &self.job.talk));
        if let Some(cell) = self.job.counters.cells().get(self.index) {
            cell.set_open(true);
        }
    }

    /// Works until the window is over and nothing is out.
    pub(super) async fn work(mut self, window: Arc<Window>) -> Self {
        let index = self.index;
        poll_fn(|cx| {
            window.enter(index, cx.waker());
            Poll::Ready(())
        })
        .await;
        let job = Arc::clone(&self.job);
        let Some(cell) = job.counters.cells().get(index) else {
            return self;
        };
        match job.options.mode {
            Mode::Connect => self.connect_anew(cell, &window).await,
            Mode::Hold => self.hold(cell, &window).await,
            Mode::Echo | Mode::Request(_) | Mode::Send | Mode::Receive | Mode::Both => {
                self.go_on(cell, &window).await;
            }
        }
        if let Some(open) = &mut self.open {
            self.retransmissions += open.retransmissions();
        }
        self.ended = window.now();
        self.latencies.hand_over();
        self
    }

    /// On one connection after the other, as long as each lasts.
    async fn go_on(&mut self, cell: &Cell, window: &Window) {
        loop {
            if self.open.is_none() && !self.reopen(cell, window).await {
                return;
            }
            let before = (cell.messages(), cell.received());
            let Err(failure) = self.one(cell, window).await else {
                return;
            };
            if before != (cell.messages(), cell.received()) {
                self.pause = PAUSE_FIRST;
            }
            self.fail(failure, cell).await;
        }
    }

    /// The work on the connection that is open.
    async fn one(&mut self, cell: &Cell, window: &Window) -> Result<(), Failure> {
        let Some(open) = &mut self.open else {
            return Ok(());
        };
        let Open {
            connection,
            flow,
            silence,
            ..
        } = open;
        let options = &self.job.options;
        if options.mode.is_bulk() {
            let kind = (&options.mode, options.size, self.job.zeros.as_ref());
            let mut bulk = Bulk::new(kind, (connection, silence), cell, window);
            let outcome = bulk.run().await;
            self.unacknowledged += bulk.unacknowledged;
            return outcome;
        }
        let mut line = Line {
            connection,
            cell,
            window,
            latencies: &mut self.latencies,
            schedule: self.schedule.as_mut(),
        };
        let outcome = poll_fn(|cx| flow.poll(cx, &mut line)).await;
        if outcome.is_err() {
            flow.give_up(&mut line);
        }
        outcome
    }

    /// Waits a little and connects, until it succeeds; false when the window ends before, or the
    /// server has refused for long enough.
    async fn reopen(&mut self, cell: &Cell, window: &Window) -> bool {
        let mut refused = Refused::default();
        loop {
            tokio::select! {
                () = window.ended() => return false,
                () = sleep(self.pause) => {}
            }
            self.pause = (self.pause * 2).min(PAUSE_LAST);
            let opener = Arc::clone(&self.job.opener);
            let connected = tokio::select! {
                () = window.ended() => return false,
                connected = opener.connect() => connected,
            };
            match connected {
                Ok(connected) => {
                    self.open(connected);
                    return true;
                }
                Err(failure) => {
                    self.count(failure, cell);
                    if refused.is_enough(failure) {
                        return false;
                    }
                }
            }
        }
    }

    /// Counts a failure and parts with the connection.
    async fn fail(&mut self, failure: Failure, cell: &Cell) {
        self.count(failure, cell);
        let Some(mut open) = self.open.take() else {
            return;
        };
        self.retransmissions += open.retransmissions();
        cell.set_open(false);
        let how = match failure {
            Failure::Reset => Close::Reset,
            Failure::TimedOut => Close::TimeOut,
            _ => Close::Abort,
        };
        open.connection.close(how).await;
    }

    fn count(&mut self, failure: Failure, cell: &Cell) {
        self.failures.count(failure, 1);
        cell.add_failures(1);
    }

    /// One message and its reply, in a time of its own.
    async fn exchange(
        &mut self,
        open: &mut Open,
        (cell, whole): (&Cell, &Window),
    ) -> Result<(), Failure> {
        if self.job.talk.size == 0 {
            return Ok(());
        }
        let patience = self.job.options.reply_timeout.min(whole.patience_left());
        let window = Window::new(patience, 0, patience);
        // The message is counted when its connection has closed.
        let uncounted = Cell::default();
        let mut line = Line {
            connection: &open.connection,
            cell: &uncounted,
            window: &window,
            latencies: &mut self.latencies,
            schedule: None,
        };
        open.flow.only_one_more();
        let exchange = poll_fn(|cx| open.flow.poll(cx, &mut line));
        let outcome = timeout(patience, exchange).await;
        cell.add_sent(uncounted.sent() as usize);
        cell.add_received(uncounted.received() as usize);
        outcome.unwrap_or(Err(Failure::TimedOut))
    }

    /// Messages that were due by the end of the window and never sent have waited until then, or
    /// until this connection gave up. To be asked when the window is over, for only then its end is
    /// known.
    pub(super) fn tell_unsent(&self, window: &Window) {
        let Some(schedule) = &self.schedule else {
            return;
        };
        let end = window.end();
        for (due, count) in schedule.never_sent(end, 1000) {
            let waited = self.ended.max(end).saturating_sub(due);
            self.job.recorded.corrected.record_all(waited, count);
        }
    }
}
