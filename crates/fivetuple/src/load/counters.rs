//! What a load shows while it runs: relaxed counters, for each connection its own, so that no two
//! threads write to one place.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Counts the work of one connection; one task at a time writes it.
#[derive(Debug, Default)]
#[repr(align(64))]
pub(super) struct Cell {
    messages: AtomicU64,
    sent: AtomicU64,
    received: AtomicU64,
    failures: AtomicU64,
    open: AtomicU64,
}

impl Cell {
    pub(super) fn add_messages(&self, count: u64) {
        add(&self.messages, count);
    }

    pub(super) fn add_sent(&self, count: usize) {
        add(&self.sent, count as u64);
    }

    pub(super) fn add_received(&self, count: usize) {
        add(&self.received, count as u64);
    }

    pub(super) fn add_failures(&self, count: u64) {
        add(&self.failures, count);
    }

    pub(super) fn set_open(&self, is_open: bool) {
        self.open.store(is_open.into(), Relaxed);
    }

    pub(super) fn messages(&self) -> u64 {
        self.messages.load(Relaxed)
    }

    pub(super) fn sent(&self) -> u64 {
        self.sent.load(Relaxed)
    }

    pub(super) fn received(&self) -> u64 {
        self.received.load(Relaxed)
    }

    /// A number that grows with everything that happens.
    pub(super) fn moved(&self) -> u64 {
        self.messages() + self.sent() + self.received() + self.failures.load(Relaxed)
    }
}

/// Adds where one task writes.
fn add(counter: &AtomicU64, count: u64) {
    counter.store(counter.load(Relaxed).wrapping_add(count), Relaxed);
}

/// The counters of a load since it was opened, to be read from anywhere at any time.
#[derive(Debug)]
pub struct LoadCounters {
    cells: Box<[Cell]>,
}

impl LoadCounters {
    pub(super) fn new(connections: u32) -> Self {
        Self {
            cells: (0..connections).map(|_| Cell::default()).collect(),
        }
    }

    pub(super) fn cells(&self) -> &[Cell] {
        &self.cells
    }

    fn sum(&self, counter: impl Fn(&Cell) -> &AtomicU64) -> u64 {
        let all = self.cells.iter();
        all.map(|cell| counter(cell).load(Relaxed)).sum()
    }

    /// Exchanges that were verified.
    pub fn messages(&self) -> u64 {
        self.sum(|cell| &cell.messages)
    }

    /// Bytes that the kernel took from us.
    pub fn bytes_sent(&self) -> u64 {
        self.sum(|cell| &cell.sent)
    }

    /// Bytes that we took from the kernel.
    pub fn bytes_received(&self) -> u64 {
        self.sum(|cell| &cell.received)
    }

    /// Failures of any kind.
    pub fn failures(&self) -> u64 {
        self.sum(|cell| &cell.failures)
    }

    /// Connections that are open now.
    pub fn open(&self) -> u64 {
        self.sum(|cell| &cell.open)
    }
}
