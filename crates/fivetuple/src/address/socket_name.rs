//! The name of a socket, of whatever family.

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

use super::{AddressError, Family, UnixAddress};

/// The name of a socket: what getsockname(2) and getpeername(2) say.
///
/// ```
/// use fivetuple::address::SocketName;
/// let name: SocketName = "127.0.0.1:8080".parse().unwrap();
/// assert_eq!(name.inet().unwrap().port(), 8080);
/// assert_eq!("unix:/run/x".parse::<SocketName>().unwrap().to_string(), "unix:/run/x");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum SocketName {
    /// An IP address and a port.
    Inet(SocketAddr),
    /// A Unix socket.
    Unix(UnixAddress),
}

impl SocketName {
    /// IP address and port, if it is not a Unix socket.
    pub const fn inet(&self) -> Option<SocketAddr> {
        match self {
            Self::Inet(address) => Some(*address),
            Self::Unix(_) => None,
        }
    }

    /// The family of the socket that can have this name.
    pub const fn family(&self) -> Family {
        match self {
            Self::Inet(address) => Family::of(address),
            Self::Unix(_) => Family::Unix,
        }
    }
}

impl From<SocketAddr> for SocketName {
    fn from(address: SocketAddr) -> Self {
        Self::Inet(address)
    }
}

impl From<UnixAddress> for SocketName {
    fn from(address: UnixAddress) -> Self {
        Self::Unix(address)
    }
}

impl From<&SocketName> for SocketName {
    fn from(name: &SocketName) -> Self {
        name.clone()
    }
}

impl FromStr for SocketName {
    type Err = AddressError;

    /// Reads `IP:PORT`, `unix:/path` or `unix:@abstract`; no name is looked up.
    fn from_str(text: &str) -> Result<Self, AddressError> {
        match text.strip_prefix("unix:") {
            Some(name) => UnixAddress::read(name).map(Self::Unix),
            None => text
                .parse()
                .map(Self::Inet)
                .map_err(|_| AddressError::NotNumeric { shown: text.into() }),
        }
    }
}

impl fmt::Display for SocketName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inet(address) => write!(f, "{address}"),
            Self::Unix(address) => write!(f, "{address}"),
        }
    }
}
