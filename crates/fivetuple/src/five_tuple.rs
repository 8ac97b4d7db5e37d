//! Who talks with whom: the five values that name one connection.
//!
//! Before this module: nothing. After it: every phase that has a peer.

use std::fmt;
use std::net::SocketAddr;

/// The protocol of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Protocol {
    /// A stream of bytes with acknowledgement (RFC 9293).
    Tcp,
}

impl Protocol {
    /// The lower-case name, as it stands at the end of a written five-tuple.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
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
