//! Where to listen and whom to call, as people write it.
//!
//! An [`HostPort`] is plain data: what was typed, read and checked, before the system is asked
//! anything. Reading one never asks a name server; only a port name may look into
//! `/etc/services`, and an interface name behind `%` becomes its number.
//!
//! | written | `listen` binds | `connect` calls |
//! |---|---|---|
//! | `8080` | 127.0.0.1 and ::1 | 127.0.0.1 and ::1 |
//! | `:8080` | every interface | 127.0.0.1 and ::1 |
//! | `*:8080` | every interface | an error: nobody in particular |
//! | `host:8080` | the addresses of the name | the addresses of the name |
//! | `10.0.0.1:8080`, `[fe80::1%eth0]:8080` | that address | that address |
//!
//! Before this module: nothing. After it: [`crate::FiveTuple`] and every phase with an address.

mod error;
mod host;
mod parse;
mod port;
mod port_set;
mod socket_name;
mod unix;

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};

pub use error::{AddressError, NameProblem, Shown};
pub use port::{port_names, read_port};
pub use port_set::{HostPorts, PortSet};
pub use socket_name::SocketName;
pub use unix::{PATH_BYTES_MAX, UnixAddress};

/// One place to listen at or to call, and the protocol.
///
/// ```
/// use fivetuple::address::{Address, Host, HostPort};
/// let place = HostPort { host: Host::Name("example.com".into()), port: 80 };
/// let address: Address = "example.com:http".parse().unwrap();
/// assert_eq!(address, Address::Tcp(place));
/// assert_eq!(address.to_string(), "example.com:80");
/// assert_eq!("udp:53".parse::<Address>().unwrap().to_string(), "udp:53");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Address {
    /// A stream over IP: no scheme, or `tcp:`.
    Tcp(HostPort),
    /// Datagrams over IP: `udp:`.
    Udp(HostPort),
    /// A stream within this machine: `unix:`.
    Unix(UnixAddress),
}

impl Address {
    /// Host and port, if it has them.
    pub const fn host_port(&self) -> Option<&HostPort> {
        match self {
            Self::Tcp(place) | Self::Udp(place) => Some(place),
            Self::Unix(_) => None,
        }
    }
}

/// A host and a port.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HostPort {
    /// The machine, or which addresses of this machine.
    pub host: Host,
    /// The port; 0 asks the system to choose one.
    pub port: u16,
}

/// The part of an address before the port.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Host {
    /// A port alone, `8080`: this machine and nobody else.
    Here,
    /// Nothing before the colon, `:8080`: every interface to listen on, this machine to call.
    Omitted,
    /// A star, `*:8080`: every interface to listen on; it cannot be called.
    Any,
    /// An IPv4 address. IPv4-mapped IPv6 addresses are read as this.
    V4(Ipv4Addr),
    /// An IPv6 address.
    V6 {
        /// The address.
        ip: Ipv6Addr,
        /// The number of the interface behind `%`; 0 where there is none.
        scope_id: u32,
    },
    /// A name in lower case, to be resolved elsewhere.
    Name(String),
}

/// A family of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Family {
    /// AF_INET.
    Inet,
    /// AF_INET6.
    Inet6,
    /// AF_UNIX.
    Unix,
}

impl Family {
    /// The family of an address.
    pub const fn of(address: &SocketAddr) -> Self {
        match address {
            SocketAddr::V4(_) => Self::Inet,
            SocketAddr::V6(_) => Self::Inet6,
        }
    }

    /// The other one of IP; AF_UNIX has none beside it.
    pub const fn other(self) -> Self {
        match self {
            Self::Inet => Self::Inet6,
            Self::Inet6 => Self::Inet,
            Self::Unix => Self::Unix,
        }
    }
}

/// What an address comes to: socket addresses, or a name that a resolver has to be asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resolution<'a> {
    /// The socket addresses, never none, IPv4 first for this machine and for every interface.
    Known(Vec<SocketAddr>),
    /// A name; its port is the port of the address.
    Ask(&'a str),
}

impl HostPort {
    /// Where to bind. With `only`, addresses of the other family are left out.
    ///
    /// # Errors
    /// [`AddressError::OtherFamily`] when nothing is left.
    pub fn listening_addresses(
        &self,
        only: Option<Family>,
    ) -> Result<Resolution<'_>, AddressError> {
        match &self.host {
            Host::Omitted | Host::Any => {
                Ok(self.both(Ipv4Addr::UNSPECIFIED, Ipv6Addr::UNSPECIFIED, only))
            }
            _ => self.named_addresses(only),
        }
    }

    /// Whom to call. With `only`, addresses of the other family are left out.
    ///
    /// # Errors
    /// [`AddressError::NobodyToCall`] for `*`, [`AddressError::OtherFamily`] when nothing is left.
    pub fn calling_addresses(&self, only: Option<Family>) -> Result<Resolution<'_>, AddressError> {
        match &self.host {
            Host::Any => Err(AddressError::NobodyToCall { port: self.port }),
            _ => self.named_addresses(only),
        }
    }

    fn named_addresses(&self, only: Option<Family>) -> Result<Resolution<'_>, AddressError> {
        let (address, family) = match &self.host {
            Host::Name(name) if !is_localhost(name) => return Ok(Resolution::Ask(name)),
            Host::Here | Host::Omitted | Host::Any | Host::Name(_) => {
                return Ok(self.both(Ipv4Addr::LOCALHOST, Ipv6Addr::LOCALHOST, only));
            }
            Host::V4(ip) => (SocketAddr::new(IpAddr::V4(*ip), self.port), Family::Inet),
            Host::V6 { ip, scope_id } => (
                SocketAddr::V6(SocketAddrV6::new(*ip, self.port, 0, *scope_id)),
                Family::Inet6,
            ),
        };
        match only {
            Some(wanted) if wanted != family => Err(AddressError::OtherFamily {
                ip: address.ip(),
                wanted,
            }),
            _ => Ok(Resolution::Known(vec![address])),
        }
    }

    fn both(&self, v4: Ipv4Addr, v6: Ipv6Addr, only: Option<Family>) -> Resolution<'_> {
        let v4 = SocketAddr::new(IpAddr::V4(v4), self.port);
        let v6 = SocketAddr::new(IpAddr::V6(v6), self.port);
        Resolution::Known(match only {
            None => vec![v4, v6],
            Some(Family::Inet) => vec![v4],
            Some(Family::Inet6) => vec![v6],
            Some(Family::Unix) => Vec::new(),
        })
    }
}

/// Whether a name means this machine without asking anybody (RFC 6761, section 6.3):
/// `localhost` and everything below it.
pub fn is_localhost(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    let last = name.rsplit('.').next().unwrap_or(name);
    last.eq_ignore_ascii_case("localhost")
}

impl From<IpAddr> for Host {
    fn from(ip: IpAddr) -> Self {
        match ip.to_canonical() {
            IpAddr::V4(ip) => Self::V4(ip),
            IpAddr::V6(ip) => Self::V6 { ip, scope_id: 0 },
        }
    }
}

impl From<SocketAddr> for HostPort {
    fn from(address: SocketAddr) -> Self {
        let mut host = Host::from(address.ip());
        if let (Host::V6 { scope_id, .. }, SocketAddr::V6(v6)) = (&mut host, address) {
            *scope_id = v6.scope_id();
        }
        Self {
            host,
            port: address.port(),
        }
    }
}

impl From<SocketName> for Address {
    fn from(name: SocketName) -> Self {
        match name {
            SocketName::Inet(address) => Self::Tcp(address.into()),
            SocketName::Unix(address) => Self::Unix(address),
        }
    }
}

impl From<SocketAddr> for Address {
    fn from(address: SocketAddr) -> Self {
        Self::Tcp(address.into())
    }
}

/// The canonical spelling; reading it gives the same address again.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(place) => write!(f, "{place}"),
            Self::Udp(place) => match &place.host {
                Host::Here => write!(f, "udp:{}", place.port),
                host => write!(f, "udp:{host}:{}", place.port),
            },
            Self::Unix(address) => write!(f, "{address}"),
        }
    }
}

/// The canonical spelling; reading it gives the same address again.
impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            Host::Here => write!(f, "{}", self.port),
            // A host that is called like a scheme would be read as one.
            Host::Name(name) if parse::is_scheme(name) => write!(f, "tcp:{name}:{}", self.port),
            host => write!(f, "{host}:{}", self.port),
        }
    }
}

/// The host as it stands before `:PORT`; nothing where no host is written.
impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Here | Self::Omitted => Ok(()),
            Self::Any => f.write_str("*"),
            Self::V4(ip) => write!(f, "{ip}"),
            Self::V6 { ip, scope_id: 0 } => write!(f, "[{ip}]"),
            Self::V6 { ip, scope_id } => write!(f, "[{ip}%{scope_id}]"),
            Self::Name(name) => f.write_str(name),
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Inet => "IPv4",
            Self::Inet6 => "IPv6",
            Self::Unix => "Unix",
        })
    }
}

#[cfg(test)]
mod tests;
