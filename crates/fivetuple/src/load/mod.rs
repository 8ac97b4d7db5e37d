//! The load generator: many connections to one server, what they do, and how long it takes.
//!
//! Before this module: [`crate::service`]. After it: [`crate::server`] and [`crate::client`]. A
//! [`Load`] has its connections open and at rest; each [`Load::run`] is one window of work, after
//! which they are at rest again, so that two servers can be measured in turns.
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use fivetuple::load::{Load, LoadOptions};
//! use fivetuple::{Address, Observers};
//!
//! # async fn measure() -> Result<(), Box<dyn std::error::Error>> {
//! let address: Address = "localhost:8080".parse()?;
//! let mut load = Load::open(&address, &LoadOptions::default(), &Observers::none()).await?;
//! let measured = load.run(Duration::from_secs(1)).await;
//! println!("{:.0} messages/s", measured.rate());
//! load.close().await;
//! # Ok(())
//! # }
//! ```
//!
//! There is one task per connection. Nothing is allocated, locked or timed for a message: it is
//! one receive, one send, one comparison and one look at the clock.

mod bulk;
mod content;
mod counters;
mod failure;
mod flow;
mod measured;
mod opening;
mod options;
mod pace;
mod replies;
mod samples;
mod schedule;
mod snapshot;
mod window;
mod worker;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep_until};

use crate::address::{Address, SocketName};
use crate::close::Close;
use crate::connect::NotConnected;
use crate::event::Observers;
use crate::service::zeros;

pub use counters::LoadCounters;
pub use failure::{Failure, Failures};
pub use hdrhistogram::Histogram;
pub use measured::Measured;
pub use options::{CloseBy, LoadOptions, Mode, Reply, Request};

use flow::Talk;
use opening::Opener;
use samples::Recorded;
use schedule::Schedule;
use snapshot::Snapshot;
use window::Window;
use worker::{Job, Worker};

/// How often those are woken on whose connections nothing moves.
const LOOK_SHORTEST: Duration = Duration::from_millis(5);
const LOOK_LONGEST: Duration = Duration::from_millis(250);
/// How long bytes move before they count, as a share of the window and at most: what the
/// peer sent while nobody measured has filled the buffers of both kernels.
const LEAD_SHARE: u32 = 4;
const LEAD_LONGEST: Duration = Duration::from_millis(100);

/// Connections to one server that are open and at rest.
#[derive(Debug)]
pub struct Load {
    job: Arc<Job>,
    workers: Vec<Worker>,
    rate: Option<f64>,
    /// What failed since the last window.
    failures: Failures,
    stopped: watch::Sender<bool>,
}

/// Stops a load from elsewhere.
#[derive(Clone, Debug)]
pub struct LoadControl {
    stopped: watch::Sender<bool>,
}

impl LoadControl {
    /// Ends the window that runs, as if it had been shorter; later ones end at once. So does
    /// [opening](Load::open_others).
    pub fn stop(&self) {
        self.stopped.send_replace(true);
    }
}

impl Load {
    /// Opens all connections ([`Mode::Connect`] closes the one that it opens to see who answers).
    /// The first one finds the address to which the others go. If some of the others fail, that is
    /// counted in the first window.
    ///
    /// # Errors
    ///
    /// [`NotConnected`]: the first one failed.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime with I/O and time.
    pub async fn open(
        address: &Address,
        options: &LoadOptions,
        observers: &Observers,
    ) -> Result<Self, NotConnected> {
        let mut load = Self::open_first(address, options, observers).await?;
        load.open_others().await;
        Ok(load)
    }

    /// Opens the first connection alone; [`Load::open_others`] is to follow.
    ///
    /// # Errors
    ///
    /// [`NotConnected`]: it failed.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime with I/O and time.
    pub async fn open_first(
        address: &Address,
        options: &LoadOptions,
        observers: &Observers,
    ) -> Result<Self, NotConnected> {
        let recorded = Recorded::new();
        let times = &recorded.connect;
        let (opener, first) = Opener::first(address, options, observers, times).await?;
        let connections = options.connections.max(1);
        let job = Arc::new(Job {
            options: options.clone(),
            opener: Arc::new(opener),
            talk: Arc::new(Talk::of(options)),
            counters: Arc::new(LoadCounters::new(connections)),
            recorded,
            zeros: options.mode.is_bulk().then(|| zeros().ok()).flatten(),
        });
        let indices = 0..connections as usize;
        let mut workers: Vec<Worker> = indices.map(|index| Worker::new(index, &job)).collect();
        match workers.first_mut() {
            Some(worker) if options.mode != Mode::Connect => worker.open((first, 0)),
            _ => {
                first.close(Close::Abort).await;
            }
        }
        Ok(Self {
            workers,
            job,
            rate: options.open_loop(),
            failures: Failures::default(),
            stopped: watch::Sender::new(false),
        })
    }

    /// Opens the other connections ([`Mode::Connect`] has none). Those that fail are counted in the
    /// first window, and so are those that are out when it is [stopped](LoadControl::stop), as
    /// [`Failure::Unfinished`].
    pub async fn open_others(&mut self) {
        if self.job.options.mode == Mode::Connect {
            return;
        }
        let count = self.workers.len().saturating_sub(1);
        let opening = self.job.opener.connect_all(count, self.stopped.subscribe());
        let mut others = self.workers.iter_mut().skip(1);
        for connected in opening.await {
            match connected {
                Ok(connected) => {
                    if let Some(other) = others.next() {
                        other.open(connected);
                    }
                }
                Err(failure) => self.failures.count(failure, 1),
            }
        }
    }

    /// Who is called.
    pub fn peer(&self) -> &SocketName {
        self.job.opener.peer()
    }

    /// What failed since the last window.
    pub fn failures(&self) -> &Failures {
        &self.failures
    }

    /// Counters to be looked at while it runs.
    pub fn live(&self) -> &Arc<LoadCounters> {
        &self.job.counters
    }

    /// Stops it from elsewhere.
    pub fn control(&self) -> LoadControl {
        LoadControl {
            stopped: self.stopped.clone(),
        }
    }

    /// Another [rate](LoadOptions::rate) from the next window on.
    pub fn set_rate(&mut self, rate: Option<f64>) {
        self.rate = rate.filter(|_| self.job.options.mode.has_rate());
    }

    /// Works for so long, finishes what is out, and is at rest again; that takes up to the reply
    /// timeout longer. Ends sooner when it is [stopped](LoadControl::stop), and when nothing is open
    /// and every connect has been refused for a second (or the file of a Unix socket was gone).
    ///
    /// If the future is dropped before its end, the connections are reset.
    pub async fn run(&mut self, duration: Duration) -> Measured {
        let workers = std::mem::take(&mut self.workers);
        let patience = self.job.options.reply_timeout;
        let window = Window::new(duration, workers.len(), patience);
        let window = Arc::new(window.with_lead(self.lead(duration)));
        let mut tasks = JoinSet::new();
        let mut before = Snapshot::new(&self.job.counters);
        let count = workers.len();
        for mut worker in workers {
            worker.schedule = self
                .rate
                .map(|rate| Schedule::new(rate, worker.index, count));
            tasks.spawn(worker.work(Arc::clone(&window)));
        }
        let pacing = self.pace(&window);
        let supervised = self.supervise(&mut tasks, &window, &mut before);
        let ((mut workers, after, elapsed), ()) = tokio::join!(supervised, pacing);
        workers.sort_by_key(|worker| worker.index);
        self.workers = workers;
        self.measured((&before, &after), elapsed, &window)
    }

    /// How long it works before a window of this length.
    fn lead(&self, duration: Duration) -> Duration {
        match self.job.options.mode {
            Mode::Receive | Mode::Both => LEAD_LONGEST.min(duration / LEAD_SHARE),
            _ => Duration::ZERO,
        }
    }

    async fn pace(&self, window: &Window) {
        if let Some(rate) = self.rate {
            pace::pace(rate, window).await;
        }
    }

    /// Ends the window in time, wakes who may have waited too long, and collects the tasks.
    async fn supervise(
        &self,
        tasks: &mut JoinSet<Worker>,
        window: &Window,
        before: &mut Snapshot,
    ) -> (Vec<Worker>, Snapshot, Duration) {
        let counters = &self.job.counters;
        let mut stopped = self.stopped.subscribe();
        let mut workers = Vec::new();
        let mut seen: Vec<u64> = counters.cells().iter().map(|_| u64::MAX).collect();
        let look = (self.job.options.reply_timeout / 8).clamp(LOOK_SHORTEST, LOOK_LONGEST);
        let mut looks = interval_at(Instant::now() + look, look);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let end = Instant::now() + Duration::from_nanos(window.end());
        let lead = Instant::now() + window.lead_left();
        let mut leads = lead > Instant::now();
        let mut after = None;
        // Nothing is waited for, before the end.
        let is_still = self.job.options.mode == Mode::Hold;
        loop {
            let is_over = after.is_some();
            tokio::select! {
                joined = tasks.join_next() => match joined {
                    Some(Ok(worker)) => workers.push(worker),
                    Some(Err(panicked)) => std::panic::resume_unwind(panicked.into_panic()),
                    None => break,
                },
                () = sleep_until(lead), if leads => {
                    leads = false;
                    before.count_processors_anew();
                }
                () = sleep_until(end), if !is_over => {
                    after = Some(Snapshot::new(counters));
                    window.finish();
                }
                _ = stopped.wait_for(|stopped| *stopped), if !is_over => {
                    after = Some(Snapshot::new(counters));
                    window.finish();
                }
                _ = looks.tick(), if !is_still || is_over => wake_still(counters, &mut seen, window),
            }
        }
        let after = after.unwrap_or_else(|| Snapshot::new(counters));
        window.finish();
        // Each connection has seen for itself that it was over, then.
        (workers, after, window.length())
    }

    fn measured(
        &mut self,
        (before, after): (&Snapshot, &Snapshot),
        elapsed: Duration,
        window: &Window,
    ) -> Measured {
        for worker in &self.workers {
            worker.tell_unsent(window);
        }
        let recorded = &self.job.recorded;
        let mut reply = recorded.whole.take();
        let mut first_byte = reply.clone();
        measured::join(&mut reply, &recorded.split.take());
        measured::join(&mut first_byte, &recorded.split_first.take());
        let corrected = recorded.corrected.take();
        let mut failures = std::mem::take(&mut self.failures);
        let mut measured = Measured {
            elapsed,
            messages: 0,
            bytes_sent: 0,
            bytes_received: 0,
            failures: Failures::default(),
            reply,
            corrected: self.rate.map(|_| corrected),
            connect: recorded.connect.take(),
            connection: recorded.connection.take(),
            first_byte,
            per_connection: Vec::with_capacity(self.workers.len()),
            cpu: after.cpu.saturating_sub(before.cpu),
            cpu_awaited: after.cpu_awaited.saturating_sub(before.cpu_awaited),
            retransmissions: 0,
            backlog: 0,
            backlog_max: 0,
            alive: 0,
            open: 0,
        };
        let is_bulk = self.job.options.mode.is_bulk();
        // Messages are counted in the window alone, and a check of held connections after it.
        let last = Snapshot::new(&self.job.counters);
        for worker in &mut self.workers {
            let moved = before.moved(after, worker.index);
            let messages = before.moved(&last, worker.index).messages;
            measured.messages += messages;
            let unacknowledged = std::mem::take(&mut worker.unacknowledged);
            let sent = moved.sent.saturating_add_signed(-unacknowledged);
            measured.bytes_sent += sent;
            measured.bytes_received += moved.received;
            let both = sent + moved.received;
            measured
                .per_connection
                .push(if is_bulk { both } else { messages });
            failures.add(&std::mem::take(&mut worker.failures));
            measured.retransmissions += std::mem::take(&mut worker.retransmissions);
            if let Some(schedule) = worker.schedule.take() {
                measured.backlog += schedule.backlog(u64::MAX, window.end());
                measured.backlog_max = measured.backlog_max.max(schedule.longest_backlog());
            }
            measured.open += u64::from(worker.open.is_some());
            measured.alive += u64::from(worker.open.is_some() && worker.is_mute);
        }
        measured.failures = failures;
        measured
    }

    /// Closes all connections; how many were open.
    pub async fn close(self) -> u64 {
        let mut closing = JoinSet::new();
        for worker in self.workers {
            if let Some(open) = worker.open {
                closing.spawn(open.connection.close(Close::Release));
            }
        }
        closing.join_all().await.len() as u64
    }
}

/// Wakes the tasks on whose connections nothing has moved since the last look.
fn wake_still(counters: &LoadCounters, seen: &mut [u64], window: &Window) {
    for (index, (cell, seen)) in counters.cells().iter().zip(seen).enumerate() {
        let moved = cell.moved();
        if std::mem::replace(seen, moved) == moved {
            window.wake(index);
        }
    }
}
