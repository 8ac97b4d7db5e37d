//! Latencies on their way into histograms. Each connection keeps a few and hands them over
//! together, so that a message costs neither a lock nor a walk through a large histogram.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hdrhistogram::Histogram;

/// Samples that one connection keeps before it hands them over.
const TOGETHER: usize = 128;
/// The longest time that is told apart, in nanoseconds: an hour. Longer ones count as this.
const LONGEST: u64 = 3_600_000_000_000;
/// Decimal digits of a value that are exact.
const DIGITS: u8 = 3;

/// An empty histogram of nanoseconds.
pub(super) fn histogram() -> Histogram<u64> {
    // The bounds are constants that hdrhistogram accepts; the smallest histogram is never needed.
    Histogram::new_with_bounds(1, LONGEST, DIGITS)
        .or_else(|_| Histogram::new(DIGITS))
        .unwrap_or_else(|error| unreachable!("constant bounds are valid: {error}"))
}

/// A histogram that many connections fill.
#[derive(Clone, Debug)]
pub(super) struct Shared(Arc<Mutex<Histogram<u64>>>);

impl Shared {
    pub(super) fn new() -> Self {
        Self(Arc::new(Mutex::new(histogram())))
    }

    fn lock(&self) -> MutexGuard<'_, Histogram<u64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One value at once; for what is rare.
    pub(super) fn record(&self, nanoseconds: u64) {
        self.lock().saturating_record(nanoseconds.max(1));
    }

    /// So many times the same value.
    pub(super) fn record_all(&self, nanoseconds: u64, times: u64) {
        self.lock().saturating_record_n(nanoseconds.max(1), times);
    }

    /// What has come together, and empties it.
    pub(super) fn take(&self) -> Histogram<u64> {
        std::mem::replace(&mut self.lock(), histogram())
    }
}

/// The samples of one connection for one histogram.
#[derive(Debug)]
pub(super) struct Samples {
    kept: Vec<u64>,
    into: Shared,
}

impl Samples {
    pub(super) fn new(into: &Shared) -> Self {
        Self {
            kept: Vec::new(),
            into: into.clone(),
        }
    }

    pub(super) fn record(&mut self, nanoseconds: u64) {
        self.kept.push(nanoseconds);
        if self.kept.len() >= TOGETHER {
            self.hand_over();
        }
    }

    pub(super) fn hand_over(&mut self) {
        if self.kept.is_empty() {
            return;
        }
        let mut histogram = self.into.lock();
        for nanoseconds in self.kept.drain(..) {
            histogram.saturating_record(nanoseconds.max(1));
        }
    }
}

/// The histograms of a load.
#[derive(Clone, Debug)]
pub(super) struct Recorded {
    /// Replies that came in one piece: their first byte is their last.
    pub(super) whole: Shared,
    /// Replies that came in several.
    pub(super) split: Shared,
    /// The first bytes of those.
    pub(super) split_first: Shared,
    /// Replies since the time at which the message was due.
    pub(super) corrected: Shared,
    /// Connects.
    pub(super) connect: Shared,
    /// Connections from the connect to the close, each with its one exchange.
    pub(super) connection: Shared,
}

impl Recorded {
    pub(super) fn new() -> Self {
        Self {
            whole: Shared::new(),
            split: Shared::new(),
            split_first: Shared::new(),
            corrected: Shared::new(),
            connect: Shared::new(),
            connection: Shared::new(),
        }
    }
}

/// The samples of one connection.
#[derive(Debug)]
pub(super) struct Latencies {
    pub(super) whole: Samples,
    pub(super) split: Samples,
    pub(super) split_first: Samples,
    pub(super) corrected: Samples,
    pub(super) connection: Samples,
}

impl Latencies {
    pub(super) fn new(into: &Recorded) -> Self {
        Self {
            whole: Samples::new(&into.whole),
            split: Samples::new(&into.split),
            split_first: Samples::new(&into.split_first),
            corrected: Samples::new(&into.corrected),
            connection: Samples::new(&into.connection),
        }
    }

    pub(super) fn hand_over(&mut self) {
        self.whole.hand_over();
        self.split.hand_over();
        self.split_first.hand_over();
        self.corrected.hand_over();
        self.connection.hand_over();
    }
}
