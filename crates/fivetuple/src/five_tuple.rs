//! Who talks with whom: the five values that name one connection, and the name of one that has no
//! ports.
//!
//! Before this module: [`crate::address`]. After it: every phase that has a peer.

use std::fmt;
use std::net::SocketAddr;

use crate::address::UnixAddress;

/// The protocol of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Protocol {
    /// A stream of bytes with acknowledgement (RFC 9293).
    Tcp,
    /// Datagrams (RFC 768).
    Udp,
    /// A stream of bytes within this machine (unix(7)).
    Unix,
}

impl Protocol {
    /// The lower-case name, as it stands at the end of a written five-tuple.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Unix => "unix",
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Source IP, source port, destination IP, destination port, protocol.
///
/// It is written from the side that connected, at both ends: the source is the side that called
/// `connect`, the destination is the side that listens. So the logs of client and server name one
/// connection with the same words.
///
/// ```
/// use fivetuple::{FiveTuple, Protocol};
/// let name = FiveTuple {
///     source: "127.0.0.1:51312".parse().unwrap(),
///     destination: "127.0.0.1:8080".parse().unwrap(),
///     protocol: Protocol::Tcp,
/// };
/// assert_eq!(name.to_string(), "127.0.0.1:51312 → 127.0.0.1:8080 tcp");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FiveTuple {
    /// IP address and port of the side that connected.
    pub source: SocketAddr,
    /// IP address and port of the side that listens.
    pub destination: SocketAddr,
    /// The protocol.
    pub protocol: Protocol,
}

impl fmt::Display for FiveTuple {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} → {} {}",
            self.source, self.destination, self.protocol
        )
    }
}

/// A process at one end of a Unix socket, as it was when it connected or listened
/// (`SO_PEERCRED`, unix(7)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct UnixProcess {
    /// Its number; 0 where it is of another container.
    pub pid: u32,
    /// Its user.
    pub uid: u32,
}

impl UnixProcess {
    /// This process.
    pub fn ours() -> Self {
        Self {
            pid: std::process::id(),
            uid: rustix::process::geteuid().as_raw(),
        }
    }
}

/// What stands in place of a five-tuple for a Unix socket: who connected, and the path. At both
/// ends the same, too.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct UnixPair {
    /// The process that connected, where the kernel tells it.
    pub source: Option<UnixProcess>,
    /// Where it connected to.
    pub destination: UnixAddress,
}

impl fmt::Display for UnixPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.source {
            Some(UnixProcess { pid, uid }) => write!(f, "pid {pid} uid {uid}")?,
            None => f.write_str("somebody")?,
        }
        write!(f, " → {} unix", self.destination)
    }
}

/// What names one connection: its five-tuple, or what a Unix socket has instead.
///
/// ```
/// use fivetuple::address::UnixAddress;
/// use fivetuple::five_tuple::{ConnectionName, UnixPair, UnixProcess};
/// let name = ConnectionName::Unix(UnixPair {
///     source: Some(UnixProcess { pid: 4711, uid: 1000 }),
///     destination: UnixAddress::read("/run/x").unwrap(),
/// });
/// assert_eq!(name.to_string(), "pid 4711 uid 1000 → unix:/run/x unix");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ConnectionName {
    /// TCP or UDP.
    FiveTuple(FiveTuple),
    /// A Unix socket.
    Unix(UnixPair),
}

impl From<FiveTuple> for ConnectionName {
    fn from(five_tuple: FiveTuple) -> Self {
        Self::FiveTuple(five_tuple)
    }
}

impl fmt::Display for ConnectionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FiveTuple(name) => write!(f, "{name}"),
            Self::Unix(name) => write!(f, "{name}"),
        }
    }
}
