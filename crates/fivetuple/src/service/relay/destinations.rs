//! The destinations of a relay, each of which has its turn.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::names::Names;
use crate::address::Address;

/// How long a destination that has failed is called only after all others: long enough that not
/// every client waits for one that is down, short enough that one that is up again is soon used.
pub const REST: Duration = Duration::from_secs(5);

/// Where a relay leads.
#[derive(Debug)]
pub(super) struct Destinations {
    pub(super) all: Vec<Destination>,
    turn: AtomicUsize,
}

/// One of the places where it leads.
#[derive(Debug)]
pub(super) struct Destination {
    pub(super) address: Address,
    /// When it last failed, unless a stream has been connected since.
    failed: Mutex<Option<Instant>>,
    /// Of datagrams.
    pub(super) names: Arc<Names>,
}

impl Destination {
    pub(super) fn note(&self, failed: Option<Instant>) {
        *self.failed() = failed;
    }

    fn failed(&self) -> MutexGuard<'_, Option<Instant>> {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Destinations {
    pub(super) fn new(addresses: Vec<Address>) -> Self {
        let destination = |address| Destination {
            address,
            failed: Mutex::default(),
            names: Arc::default(),
        };
        Self {
            all: addresses.into_iter().map(destination).collect(),
            turn: AtomicUsize::new(0),
        }
    }

    /// All of them in the order in which the next client tries them: first those that do not
    /// rest, beginning with the one whose turn it is, then the others, the one that has rested
    /// longest first.
    pub(super) fn in_turn(&self) -> impl Iterator<Item = &Destination> {
        let now = Instant::now();
        let mut ready = Vec::with_capacity(self.all.len());
        let mut resting = Vec::new();
        for destination in &self.all {
            let failed = *destination.failed();
            match failed {
                Some(at) if now.saturating_duration_since(at) < REST => {
                    resting.push((at, destination));
                }
                _ => ready.push(destination),
            }
        }
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let first = turn % ready.len().max(1);
        ready.rotate_left(first);
        resting.sort_by_key(|(at, _)| *at);
        let resting = resting.into_iter().map(|(_, destination)| destination);
        ready.into_iter().chain(resting)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn destinations(ports: &[u16]) -> Destinations {
        let address = |port: &u16| port.to_string().parse().unwrap();
        Destinations::new(ports.iter().map(address).collect())
    }

    fn turns(destinations: &Destinations) -> Vec<u16> {
        let turn = destinations.in_turn();
        turn.map(|destination| destination.address.host_port().unwrap().port)
            .collect()
    }

    fn ago(seconds: u64) -> Option<Instant> {
        Instant::now().checked_sub(Duration::from_secs(seconds))
    }

    #[test]
    fn each_has_its_turn_and_the_others_stand_behind_it() {
        let destinations = destinations(&[1, 2, 3]);
        assert_eq!(turns(&destinations), [1, 2, 3]);
        assert_eq!(turns(&destinations), [2, 3, 1]);
        assert_eq!(turns(&destinations), [3, 1, 2]);
        assert_eq!(turns(&destinations), [1, 2, 3]);
    }

    #[test]
    fn one_that_failed_comes_last_until_it_has_rested_or_answered() {
        let destinations = destinations(&[1, 2, 3]);
        destinations.all[1].note(ago(1));
        assert_eq!(turns(&destinations), [1, 3, 2]);
        assert_eq!(turns(&destinations), [3, 1, 2]);
        destinations.all[1].note(ago(REST.as_secs() + 1));
        assert_eq!(turns(&destinations), [3, 1, 2]);
        assert_eq!(turns(&destinations), [1, 2, 3]);
        destinations.all[1].note(ago(1));
        destinations.all[1].note(None);
        assert_eq!(turns(&destinations), [2, 3, 1]);
    }

    #[test]
    fn when_all_have_failed_the_one_that_failed_first_is_tried_first() {
        let destinations = destinations(&[1, 2, 3]);
        for (at, seconds) in [(0, 1), (1, 3), (2, 2)] {
            destinations.all[at].note(ago(seconds));
        }
        assert_eq!(turns(&destinations), [2, 3, 1]);
        assert!(turns(&Destinations::new(Vec::new())).is_empty());
    }
}
