//! What a living connection shows to others while it is at work.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::event::{Event, Identity, Observers, Role};

/// What a living connection shows to others: its identity and its counters.
#[derive(Debug)]
pub struct Live {
    /// Who it is.
    pub identity: Identity,
    sent: AtomicU64,
    received: AtomicU64,
    /// Datagrams without a byte, either way.
    empty: AtomicU64,
    announced: AtomicBool,
}

impl Live {
    pub(crate) fn new(identity: Identity) -> Self {
        Self {
            identity,
            sent: AtomicU64::new(0),
            received: AtomicU64::new(0),
            empty: AtomicU64::new(0),
            announced: AtomicBool::new(false),
        }
    }

    /// Tells the observers, once, that the connection has come to be.
    pub(crate) fn announce(&self, observers: &Observers) {
        if self.announced.swap(true, Ordering::Relaxed) {
            return;
        }
        observers.emit(&match self.identity.role {
            Role::Accepted => Event::Accepted(&self.identity),
            Role::Connected => Event::Connected(&self.identity),
        });
    }

    /// Bytes that the kernel took from us so far.
    pub fn bytes_sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Bytes that we took from the kernel so far.
    pub fn bytes_received(&self) -> u64 {
        self.received.load(Ordering::Relaxed)
    }

    /// A number that grows whenever something moves.
    pub(crate) fn moved(&self) -> u64 {
        let bytes = self.bytes_sent() + self.bytes_received();
        bytes + self.empty.load(Ordering::Relaxed)
    }

    /// Counts what was sent, where one task alone sends.
    pub(super) fn sent(&self, count: usize) {
        add(&self.sent, count);
    }

    /// Counts what was received; one task alone receives.
    pub(crate) fn received(&self, count: usize) {
        add(&self.received, count);
    }

    /// What was sent in all, as somebody else has counted it.
    #[cfg(feature = "exec")]
    pub(super) fn count_sent(&self, total: u64) {
        self.sent.store(total, Ordering::Relaxed);
    }

    /// What was received in all, as somebody else has counted it.
    #[cfg(feature = "exec")]
    pub(super) fn count_received(&self, total: u64) {
        self.received.store(total, Ordering::Relaxed);
    }

    /// Counts what was sent, where several tasks may send.
    pub(crate) fn sent_by_some_task(&self, count: u64) {
        self.sent.fetch_add(count, Ordering::Relaxed);
    }

    /// Takes that back, where the kernel has not taken it.
    pub(crate) fn not_sent_by_some_task(&self, count: u64) {
        self.sent.fetch_sub(count, Ordering::Relaxed);
    }

    /// Counts an empty datagram.
    pub(crate) fn moved_empty(&self) {
        self.empty.fetch_add(1, Ordering::Relaxed);
    }
}

/// Adds to a counter that only one task writes.
fn add(counter: &AtomicU64, count: usize) {
    let sum = counter.load(Ordering::Relaxed) + count as u64;
    counter.store(sum, Ordering::Relaxed);
}
