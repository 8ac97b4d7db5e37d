//! How to serve datagrams, and what came of it.

use std::time::Duration;

use crate::accept::{Access, Limits};
use crate::address::Family;
use crate::kernel::datagram::DATAGRAM_MAX;
use crate::socket::SocketOptions;

/// What happens to one peer too many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WhenFull {
    /// The peer that is silent for longest makes place.
    #[default]
    Displace,
    /// The new one is turned away.
    Refuse,
}

/// How to serve datagrams.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatagramOptions {
    /// The options of the sockets.
    pub socket: SocketOptions,
    /// Only this family.
    pub family: Option<Family>,
    /// Who may send.
    pub access: Access,
    /// Peers that are known at a time.
    pub max_connections: usize,
    /// Peers at a time from one IP address; more are turned away.
    pub max_per_ip: Option<u32>,
    /// At `max_connections`.
    pub when_full: WhenFull,
    /// A peer is forgotten when nothing has come from it or gone to it for so long.
    pub idle: Duration,
    /// Longest time in all.
    pub deadline: Option<Duration>,
    /// The longest datagram that is taken; a longer one is thrown away, counted and told.
    pub length_max: usize,
}

impl DatagramOptions {
    /// Peers at a time, when each needs so many descriptors: no more than the limit on them allows
    /// (as of [`Limits::connections`]).
    pub(super) fn peers(&self, descriptors_each: u64) -> usize {
        let max = self.max_connections.max(1);
        if descriptors_each == 0 {
            return max;
        }
        let possible = Limits::default().connections(descriptors_each);
        usize::try_from(possible).map_or(max, |possible| possible.min(max))
    }
}

impl Default for DatagramOptions {
    fn default() -> Self {
        Self {
            socket: SocketOptions::default(),
            family: None,
            access: Access::default(),
            max_connections: 10_000,
            max_per_ip: None,
            when_full: WhenFull::default(),
            idle: Duration::from_secs(30),
            deadline: None,
            length_max: DATAGRAM_MAX,
        }
    }
}

/// What a server of datagrams did, at its end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DatagramSummary {
    /// Peers that were served.
    pub accepted: u64,
    /// Services that panicked.
    pub panicked: u64,
    /// Datagrams of peers that were let in.
    pub received: u64,
    /// Datagrams that were thrown away because they were too long.
    pub truncated: u64,
    /// Datagrams of whoever was turned away.
    pub turned_away: u64,
    /// Datagrams that were sent.
    pub sent: u64,
    /// Datagrams that were not sent, because they were more than the peer may be sent.
    pub withheld: u64,
    /// Datagrams that were not sent, because the kernel had no room or refused.
    pub unsent: u64,
}
