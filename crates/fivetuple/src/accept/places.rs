//! How many connections there may be, in all and from one address.

use std::collections::HashMap;
use std::future::poll_fn;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use crate::event::TurnedAway;
use crate::kernel::limit::{descriptor_limit, open_descriptors};

/// What a server opens besides its connections: the descriptor held back to turn clients away, the
/// one that accept takes before it looks into the queue, and files of `/proc` that it reads.
const OPEN_LATER: u64 = 4;

/// What happens to clients that come when all places are taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AtLimit {
    /// They wait in the accept queue until a place is free.
    #[default]
    Wait,
    /// They are accepted and reset.
    Refuse,
}

/// Bounds on connections.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Connections at a time; `None` takes what the descriptor limit leaves.
    pub max_connections: Option<u64>,
    /// Connections at a time from one IP address; more are turned away.
    pub max_per_ip: Option<u32>,
    /// At `max_connections`.
    pub at_limit: AtLimit,
}

impl Limits {
    /// Connections at a time, when each needs so many descriptors.
    ///
    /// The soft limit on descriptors less a reserve (256, or a quarter if that is less, but no less
    /// than what is open now and a few) is divided by what one connection needs;
    /// `max_connections` can only lower that.
    pub fn connections(&self, descriptors_each: u64) -> u64 {
        let limit = descriptor_limit().soft.unwrap_or(u64::MAX);
        // Where not one is left to count with, all of them are open.
        let open = open_descriptors().unwrap_or(limit);
        let possible = spare(limit, open) / descriptors_each.max(1);
        self.max_connections
            .unwrap_or(u64::MAX)
            .min(possible)
            .max(1)
    }
}

/// Descriptors for connections, when so many are open now.
fn spare(limit: u64, open: u64) -> u64 {
    let reserve = (limit / 4).min(256);
    limit.saturating_sub(reserve.max(open.saturating_add(OPEN_LATER)))
}

/// Counts the connections of a server.
#[derive(Debug)]
pub struct Places {
    max: u64,
    max_per_ip: Option<u32>,
    at_limit: AtLimit,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    count: u64,
    /// Places given back so far.
    left: u64,
    /// What `left` was when somebody last asked.
    left_seen: u64,
    /// Only kept when there is a limit per address.
    by_ip: HashMap<IpAddr, u32>,
    waiting: Option<Waker>,
}

impl Places {
    /// `max` places in all.
    pub fn new(max: u64, limits: &Limits) -> Arc<Self> {
        Arc::new(Self {
            max,
            max_per_ip: limits.max_per_ip,
            at_limit: limits.at_limit,
            taken: Mutex::default(),
        })
    }

    /// Connections now.
    pub fn count(&self) -> u64 {
        self.lock().count
    }

    /// Connections at a time, at most.
    pub fn max(&self) -> u64 {
        self.max
    }

    /// Whether clients may wait in the accept queue because all places are taken.
    pub fn is_full(&self) -> bool {
        self.waits_when_full() && self.lock().count >= self.max
    }

    pub(super) fn waits_when_full(&self) -> bool {
        self.at_limit == AtLimit::Wait
    }

    /// Waits until a place is free; one task at a time may.
    pub async fn free(&self) {
        poll_fn(|cx| self.poll_free(cx)).await;
    }

    /// Ready when a place is free.
    pub(super) fn poll_free(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut taken = self.lock();
        if taken.count < self.max {
            return Poll::Ready(());
        }
        taken.waiting = Some(cx.waker().clone());
        Poll::Pending
    }

    /// Ready when a place was given back since this was last asked.
    pub(super) fn poll_left(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut taken = self.lock();
        if taken.left != taken.left_seen {
            taken.left_seen = taken.left;
            return Poll::Ready(());
        }
        taken.waiting = Some(cx.waker().clone());
        Poll::Pending
    }

    pub(super) fn take(self: &Arc<Self>, ip: Option<IpAddr>) -> Result<Place, TurnedAway> {
        let mut taken = self.lock();
        if taken.count >= self.max {
            return Err(TurnedAway::Limit);
        }
        if let (Some(max), Some(ip)) = (self.max_per_ip, ip) {
            let from_there = taken.by_ip.entry(ip).or_default();
            if *from_there >= max {
                return Err(TurnedAway::PerIpLimit);
            }
            *from_there += 1;
        }
        taken.count += 1;
        Ok(Place {
            places: Arc::clone(self),
            ip,
        })
    }

    fn give_back(&self, ip: Option<IpAddr>) {
        let mut taken = self.lock();
        taken.count -= 1;
        taken.left += 1;
        if let Some(ip) = ip
            && let Some(from_there) = taken.by_ip.get_mut(&ip)
        {
            *from_there -= 1;
            if *from_there == 0 {
                taken.by_ip.remove(&ip);
            }
        }
        if let Some(waker) = taken.waiting.take() {
            waker.wake();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One connection's place; given back when dropped.
#[derive(Debug)]
pub struct Place {
    places: Arc<Places>,
    /// Of the client; a Unix socket has none.
    ip: Option<IpAddr>,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.give_back(self.ip);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reserve_is_a_quarter_or_what_is_open_and_never_more_than_there_is() {
        for (limit, open, left) in [
            (1 << 20, 13, (1 << 20) - 256),
            (1024, 13, 768),
            (1024, 300, 720),
            (100, 13, 75),
            (24, 13, 7),
            (12, 12, 0),
            (12, u64::MAX, 0),
        ] {
            assert_eq!(spare(limit, open), left, "{limit} {open}");
        }
    }
}
