//! The counters of a load at one moment, and what is between two.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use super::LoadCounters;
use crate::kernel::process::processor_awaited;

/// All counters, and our processor time, at one moment.
#[derive(Debug)]
pub(super) struct Snapshot {
    cells: Vec<Moved>,
    /// Time that this process was on a processor.
    pub(super) cpu: Duration,
    /// Time that its threads waited for one.
    pub(super) cpu_awaited: Duration,
}

/// What one connection has moved.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Moved {
    pub(super) messages: u64,
    pub(super) sent: u64,
    pub(super) received: u64,
}

impl Snapshot {
    pub(super) fn new(counters: &LoadCounters) -> Self {
        let cells = counters.cells().iter().map(|cell| Moved {
            messages: cell.messages(),
            sent: cell.sent(),
            received: cell.received(),
        });
        Self {
            cells: cells.collect(),
            cpu: processor_time(),
            cpu_awaited: processor_awaited(),
        }
    }

    /// Our processor time counts from now on.
    pub(super) fn count_processors_anew(&mut self) {
        self.cpu = processor_time();
        self.cpu_awaited = processor_awaited();
    }

    fn of(&self, index: usize) -> Moved {
        self.cells.get(index).copied().unwrap_or_default()
    }

    /// What was moved from this moment to a later one.
    pub(super) fn moved(&self, later: &Self, index: usize) -> Moved {
        let (before, after) = (self.of(index), later.of(index));
        Moved {
            messages: after.messages - before.messages,
            sent: after.sent - before.sent,
            received: after.received - before.received,
        }
    }
}

/// Time that this process was on a processor.
fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    let nanoseconds = u32::try_from(time.tv_nsec).unwrap_or(0);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), nanoseconds)
}
