//! What names one connection in every event about it.

use std::net::SocketAddr;
use std::sync::OnceLock;
use std::time::Instant;

use crate::five_tuple::{FiveTuple, Protocol};

/// How a connection came to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// We listened; the peer connected.
    Accepted,
    /// We connected; the peer listened.
    Connected,
}

/// Number, five-tuple and addresses of one connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// 1, 2, 3 … in the order in which the connections came to be that the same observers watch.
    pub number: u64,
    /// How it came to be.
    pub role: Role,
    /// Our address (getsockname).
    pub local: SocketAddr,
    /// The peer's address (from accept or connect).
    pub peer: SocketAddr,
    /// `SO_COOKIE`, when an observer wants it.
    pub cookie: Option<u64>,
    /// When it came to be.
    pub since: Instant,
    /// The number of the other connection of a relay, from when there is one.
    pub pair: OnceLock<u64>,
}

impl Identity {
    /// A connection that has just come to be.
    pub(crate) fn new(number: u64, role: Role, local: SocketAddr, peer: SocketAddr) -> Self {
        Self {
            number,
            role,
            local,
            peer,
            cookie: None,
            since: Instant::now(),
            pair: OnceLock::new(),
        }
    }

    /// The number of the other connection of a relay, once there is one.
    pub fn pair(&self) -> Option<u64> {
        self.pair.get().copied()
    }

    /// Joins two connections in the eyes of the observers; what is joined stays so.
    pub(crate) fn join(&self, other: &Self) {
        self.pair.get_or_init(|| other.number);
        other.pair.get_or_init(|| self.number);
    }

    /// The five-tuple, written from the side that connected.
    pub fn five_tuple(&self) -> FiveTuple {
        let (source, destination) = match self.role {
            Role::Accepted => (self.peer, self.local),
            Role::Connected => (self.local, self.peer),
        };
        FiveTuple {
            source,
            destination,
            protocol: Protocol::Tcp,
        }
    }
}
