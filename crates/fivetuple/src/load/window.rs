//! The time in which a load works, as all its connections see it.
//!
//! No connection has a timer: who waits is woken when the window ends, when its message is due
//! ([`super::pace`]), and now and then while nothing moves, to see whether it has waited too long.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::task::Waker;
use std::time::{Duration, Instant};

use tokio::sync::watch;

/// A window of time.
#[derive(Debug)]
pub(super) struct Window {
    begin: Instant,
    /// Nanoseconds after the beginning, in which nothing is counted.
    lead: u64,
    /// Nanoseconds after the beginning.
    end: AtomicU64,
    patience: u64,
    over: watch::Sender<bool>,
    wakers: Box<[OnceLock<Waker>]>,
}

impl Window {
    /// From now on for so long, for so many tasks, each of which has `patience` with its peer.
    pub(super) fn new(duration: Duration, tasks: usize, patience: Duration) -> Self {
        Self {
            begin: Instant::now(),
            lead: 0,
            end: AtomicU64::new(nanoseconds(duration)),
            patience: nanoseconds(patience),
            over: watch::Sender::new(false),
            wakers: (0..tasks).map(|_| OnceLock::new()).collect(),
        }
    }

    /// The same with so long before it in which nothing is counted.
    pub(super) fn with_lead(mut self, lead: Duration) -> Self {
        self.lead = nanoseconds(lead);
        *self.end.get_mut() += self.lead;
        self
    }

    /// How much is left of the time in which nothing is counted.
    pub(super) fn lead_left(&self) -> Duration {
        Duration::from_nanos(self.lead.saturating_sub(self.now()))
    }

    /// How long it is, without that time.
    pub(super) fn length(&self) -> Duration {
        Duration::from_nanos(self.end().saturating_sub(self.lead))
    }

    /// Nanoseconds since the beginning.
    pub(super) fn now(&self) -> u64 {
        nanoseconds(self.begin.elapsed())
    }

    /// When it ends.
    pub(super) fn end(&self) -> u64 {
        self.end.load(Relaxed)
    }

    /// Whether it has ended at this time.
    pub(super) fn is_over(&self, now: u64) -> bool {
        now >= self.end()
    }

    /// Whether who has waited since then has waited too long; nobody waits longer than the
    /// patience after the end.
    pub(super) fn is_too_late(&self, now: u64, since: u64) -> bool {
        now >= since.min(self.end()).saturating_add(self.patience)
    }

    /// How long that may still be, from now on.
    pub(super) fn patience_left(&self) -> Duration {
        let last = self.end().saturating_add(self.patience);
        Duration::from_nanos(last.saturating_sub(self.now()))
    }

    /// Ends it now, if it has not ended; wakes everybody.
    pub(super) fn finish(&self) {
        self.end.fetch_min(self.now(), Relaxed);
        self.over.send_replace(true);
        for waker in &self.wakers {
            if let Some(waker) = waker.get() {
                waker.wake_by_ref();
            }
        }
    }

    /// Waits for its end.
    pub(super) async fn ended(&self) {
        let mut over = self.over.subscribe();
        // The sender lives as long as the window.
        let _ = over.wait_for(|over| *over).await;
    }

    /// The task that can be woken under this number.
    pub(super) fn enter(&self, task: usize, waker: &Waker) {
        if let Some(place) = self.wakers.get(task) {
            place.get_or_init(|| waker.clone());
        }
    }

    pub(super) fn wake(&self, task: usize) {
        if let Some(waker) = self.wakers.get(task).and_then(OnceLock::get) {
            waker.wake_by_ref();
        }
    }

    pub(super) fn tasks(&self) -> usize {
        self.wakers.len()
    }
}

/// A time as a number; 584 years are the most.
pub(super) fn nanoseconds(time: Duration) -> u64 {
    time.as_secs()
        .saturating_mul(1_000_000_000)
        .saturating_add(time.subsec_nanos().into())
}
