//! What a busy run would say too often: it is counted, and said no more than once a second.

use std::collections::HashMap;
use std::fmt;
use std::time::{Duration, Instant};

use fivetuple::Direction;

use super::words::Bytes;

/// Lines of one kind come no more often than this.
const EVERY: Duration = Duration::from_secs(1);

/// When a line of this kind was last told.
#[derive(Debug, Default)]
pub(super) struct Pace {
    told: Option<Instant>,
}

impl Pace {
    /// Whether it is time for a line; if so, it counts as told.
    pub(super) fn is_due(&mut self, now: Instant) -> bool {
        let early = |told| now.saturating_duration_since(told) < EVERY;
        if self.told.is_some_and(early) {
            return false;
        }
        self.told = Some(now);
        true
    }
}

/// What a server does not do for a client.
#[derive(Clone, Copy, Debug)]
pub(super) enum Refusal {
    TurnedAway,
    Paused,
    Resumed,
}

/// Lines about refusals that were left out. Displayed: `turned away 3, paused 1`.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct LeftOut([u64; 3]);

impl LeftOut {
    pub(super) fn count(&mut self, refusal: Refusal) {
        if let Some(count) = self.0.get_mut(refusal as usize) {
            *count += 1;
        }
    }

    pub(super) fn sum(self) -> u64 {
        self.0.iter().sum()
    }
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kinds = ["turned away", "paused", "resumed"].into_iter().zip(self.0);
        let mut separator = "";
        for (kind, count) in kinds.filter(|(_, count)| *count > 0) {
            write!(f, "{separator}{kind} {count}")?;
            separator = ", ";
        }
        Ok(())
    }
}

/// Bytes that were thrown away, by connection.
#[derive(Debug, Default)]
pub(super) struct Drops {
    pace: Pace,
    of: HashMap<u64, Dropped>,
}

/// Bytes of one connection that were thrown away: sent and received, in all and untold.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Dropped {
    total: [u64; 2],
    untold: [u64; 2],
}

impl Drops {
    /// Counts; what is to be told of the connection, if it is time for a line.
    pub(super) fn count(
        &mut self,
        connection: u64,
        (direction, bytes): (Direction, u64),
        now: Instant,
    ) -> Option<Sums> {
        let dropped = self.of.entry(connection).or_default();
        let at = match direction {
            Direction::Sent => 0,
            Direction::Received => 1,
        };
        for sums in [&mut dropped.total, &mut dropped.untold] {
            if let Some(sum) = sums.get_mut(at) {
                *sum += bytes;
            }
        }
        let due = self.pace.is_due(now);
        due.then(|| Sums(std::mem::take(&mut dropped.untold)))
    }

    /// The total of a connection that has closed.
    pub(super) fn forget(&mut self, connection: u64) -> Option<Sums> {
        self.of
            .remove(&connection)
            .map(|dropped| Sums(dropped.total))
    }
}

/// `65536 B (65.54 kB) dropped (received)`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sums([u64; 2]);

impl fmt::Display for Sums {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let directions = [Direction::Sent, Direction::Received]
            .into_iter()
            .zip(self.0);
        let mut separator = "";
        for (direction, bytes) in directions.filter(|(_, bytes)| *bytes > 0) {
            write!(f, "{separator}{} dropped ({direction})", Bytes(bytes))?;
            separator = ", ";
        }
        Ok(())
    }
}

/// How a client tells of tries that fail before the last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Tries {
    /// The try under way is the last.
    #[default]
    Last,
    /// What is new, and now and then that it goes on.
    Told,
    /// Not a word.
    Silent,
}

/// What a client that is not connected has said.
#[derive(Debug, Default)]
pub(super) struct Failures {
    pub(super) tries: Tries,
    told: Vec<String>,
    pace: Pace,
}

/// What is to be said of a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Say {
    Nothing,
    /// It is the first of its kind.
    Error,
    StillTrying,
}

impl Failures {
    /// Different failures that are remembered.
    const TOLD_MAX: usize = 64;

    /// The try that begins now, or has failed now, is the last.
    pub(super) fn last_try(&mut self) {
        self.tries = Tries::Last;
        self.told.clear();
    }

    pub(super) fn failed(&mut self, error: &str, now: Instant) -> Say {
        if self.tries == Tries::Silent {
            return Say::Nothing;
        }
        if !self.told.iter().any(|told| told == error) {
            if self.told.len() < Self::TOLD_MAX {
                self.told.push(error.to_owned());
            }
            self.pace.is_due(now);
            return Say::Error;
        }
        if self.tries == Tries::Told && self.pace.is_due(now) {
            return Say::StillTrying;
        }
        Say::Nothing
    }
}
