//! What names one connection in every event about it.

use std::sync::OnceLock;
use std::time::Instant;

use crate::address::SocketName;
use crate::five_tuple::{ConnectionName, FiveTuple, Protocol, UnixPair, UnixProcess};

/// How a connection came to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// We listened; the peer connected.
    Accepted,
    /// We connected; the peer listened.
    Connected,
}

/// The two ends of a connection, as one of them sees them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ends {
    /// The protocol.
    pub protocol: Protocol,
    /// Our address (getsockname).
    pub local: SocketName,
    /// The peer's address (from accept or connect).
    pub peer: SocketName,
    /// The peer's process, of a Unix socket (`SO_PEERCRED`).
    pub process: Option<UnixProcess>,
}

/// Number, name and addresses of one connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// 1, 2, 3 … in the order in which the connections came to be that the same observers watch.
    pub number: u64,
    /// How it came to be.
    pub role: Role,
    /// Who is connected with whom.
    pub ends: Ends,
    /// `SO_COOKIE`, when an observer wants it.
    pub cookie: Option<u64>,
    /// When it came to be.
    pub since: Instant,
    /// The number of the other connection of a relay, from when there is one.
    pub pair: OnceLock<u64>,
}

impl Identity {
    /// A connection that has just come to be.
    pub(crate) fn new(number: u64, role: Role, ends: Ends) -> Self {
        Self {
            number,
            role,
            ends,
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

    /// Our address.
    pub const fn local(&self) -> &SocketName {
        &self.ends.local
    }

    /// The peer's address.
    pub const fn peer(&self) -> &SocketName {
        &self.ends.peer
    }

    /// What names it in logs and messages, written from the side that connected.
    pub fn name(&self) -> ConnectionName {
        self.ends.name(self.role)
    }

    /// The five-tuple, written from the side that connected; a Unix socket has none.
    pub fn five_tuple(&self) -> Option<FiveTuple> {
        match self.name() {
            ConnectionName::FiveTuple(five_tuple) => Some(five_tuple),
            ConnectionName::Unix(_) => None,
        }
    }
}

impl Ends {
    /// The name of a connection with these ends.
    pub fn name(&self, role: Role) -> ConnectionName {
        let (source, destination) = match role {
            Role::Accepted => (&self.peer, &self.local),
            Role::Connected => (&self.local, &self.peer),
        };
        match (source, destination) {
            (SocketName::Inet(source), SocketName::Inet(destination)) => FiveTuple {
                source: *source,
                destination: *destination,
                protocol: self.protocol,
            }
            .into(),
            (_, SocketName::Unix(destination)) => ConnectionName::Unix(UnixPair {
                source: match role {
                    Role::Accepted => self.process,
                    Role::Connected => Some(UnixProcess::ours()),
                },
                destination: destination.clone(),
            }),
            // The two ends of one connection are of one family.
            (SocketName::Unix(source), SocketName::Inet(_)) => ConnectionName::Unix(UnixPair {
                source: self.process,
                destination: source.clone(),
            }),
        }
    }
}
