//! Why a bind fails.

use std::net::SocketAddr;

use super::{
    Advice, Call, CallError, Cause, Code, Errno, Fact, PathCause, PortInUse, PortsExhausted,
    Resource,
};
use crate::address::{Family, SocketName, UnixAddress};
use crate::five_tuple::Protocol;
use crate::kernel::interface::{self, InterfaceAddress};
use crate::kernel::limit::unprivileged_port_start;

/// A bind that failed.
pub type BindError = CallError<BindCause>;

/// Why a bind failed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BindCause {
    /// Another socket has the port (EADDRINUSE).
    PortInUse(Box<PortInUse>),
    /// Port 0 was asked for, and no port is left to choose (EADDRINUSE).
    PortsExhausted(PortsExhausted),
    /// The port is a privileged one (EACCES).
    PrivilegedPort {
        /// The port that was wanted.
        port: u16,
        /// The first port that needs no privilege.
        start: u16,
    },
    /// A rule of the system, not the number of the port, forbids it (EACCES, EPERM).
    NotPermitted,
    /// The address is not one of this machine's (EADDRNOTAVAIL).
    NotLocal {
        /// The family of the wanted address.
        family: Family,
        /// The addresses of that family that this machine has.
        addresses: Vec<InterfaceAddress>,
    },
    /// A link-local IPv6 address without its interface (EINVAL), or with one that is not there
    /// (ENODEV).
    NoInterface {
        /// The names of the interfaces.
        interfaces: Vec<String>,
    },
    /// The socket is bound already (EINVAL).
    AlreadyBound,
    /// The address is of another family than the socket (EAFNOSUPPORT, EINVAL).
    WrongFamily,
    /// What stands in the way of the path of a Unix socket.
    Path(PathCause),
    /// Something has run out.
    Resource(Resource),
    /// Nothing more is known than the code.
    Other,
}

impl BindError {
    /// A bind to this address gave this errno: finds out why, by netlink and `/proc`.
    pub fn new(name: impl Into<SocketName>, errno: Errno) -> Self {
        Self::of(&name.into(), Protocol::Tcp, errno)
    }

    /// The same for a socket of datagrams: a port of UDP is held by sockets of UDP.
    pub fn of_datagrams(address: SocketAddr, errno: Errno) -> Self {
        Self::of(&address.into(), Protocol::Udp, errno)
    }

    fn of(name: &SocketName, protocol: Protocol, errno: Errno) -> Self {
        Self {
            call: Call::Bind,
            subject: name.into(),
            code: Code::Errno(errno),
            cause: match name {
                SocketName::Inet(address) => BindCause::of(*address, protocol, errno),
                SocketName::Unix(address) => BindCause::of_unix(address, errno),
            },
        }
    }
}

impl BindCause {
    fn of(address: SocketAddr, protocol: Protocol, errno: Errno) -> Self {
        let start = unprivileged_port_start();
        match errno {
            Errno::ADDRINUSE if address.port() == 0 => Self::PortsExhausted(PortsExhausted::now()),
            Errno::ADDRINUSE => Self::PortInUse(Box::new(PortInUse::of_bind(address, protocol))),
            Errno::ACCESS if address.port() != 0 && address.port() < start => {
                Self::PrivilegedPort {
                    port: address.port(),
                    start,
                }
            }
            Errno::ACCESS | Errno::PERM => Self::NotPermitted,
            Errno::ADDRNOTAVAIL => Self::not_local(Family::of(&address)),
            Errno::NODEV => Self::NoInterface {
                interfaces: interface::names().unwrap_or_default(),
            },
            Errno::INVAL if lacks_interface(&address) => Self::NoInterface {
                interfaces: interface::names().unwrap_or_default(),
            },
            Errno::INVAL => Self::AlreadyBound,
            Errno::AFNOSUPPORT => Self::WrongFamily,
            errno => Resource::missing(errno).map_or(Self::Other, Self::Resource),
        }
    }

    fn of_unix(address: &UnixAddress, errno: Errno) -> Self {
        match Resource::missing(errno) {
            Some(resource) => Self::Resource(resource),
            None => Self::Path(PathCause::of_bind(address, errno)),
        }
    }

    fn not_local(family: Family) -> Self {
        let mut addresses = interface::addresses().unwrap_or_default();
        addresses.retain(|entry| {
            entry
                .address
                .is_some_and(|local| Family::of(&local) == family)
        });
        Self::NotLocal { family, addresses }
    }
}

/// Whether it is a link-local IPv6 address that does not say on which link.
pub(super) fn lacks_interface(address: &SocketAddr) -> bool {
    match address {
        SocketAddr::V4(_) => false,
        SocketAddr::V6(address) => address.ip().is_unicast_link_local() && address.scope_id() == 0,
    }
}

impl Cause for BindCause {
    fn facts(&self) -> Vec<Fact> {
        match self {
            Self::PortInUse(cause) => cause.facts(),
            Self::PortsExhausted(cause) => cause.facts(),
            Self::Path(cause) => cause.facts(),
            Self::Resource(cause) => cause.facts(),
            Self::PrivilegedPort { port, start } => {
                vec![Fact::PrivilegedPort {
                    port: *port,
                    start: *start,
                }]
            }
            Self::NotPermitted => vec![Fact::ForbiddenByRule],
            Self::NotLocal { family, addresses } => {
                vec![
                    Fact::NotOfThisMachine,
                    Fact::local_addresses(*family, addresses),
                ]
            }
            Self::NoInterface { interfaces } => {
                vec![
                    Fact::LinkLocalNeedsInterface,
                    Fact::Interfaces(interfaces.clone()),
                ]
            }
            Self::AlreadyBound => vec![Fact::AlreadyBound],
            Self::WrongFamily => vec![Fact::WrongFamily],
            Self::Other => Vec::new(),
        }
    }

    fn advice(&self) -> Vec<Advice> {
        match self {
            Self::PortInUse(cause) => cause.advice(),
            Self::PortsExhausted(cause) => cause.advice(),
            Self::Path(cause) => cause.advice(),
            Self::Resource(cause) => cause.advice(),
            Self::PrivilegedPort { port, start } => vec![
                Advice::UsePortFrom(*start),
                Advice::UseSocketActivation,
                Advice::GrantBindCapability,
                Advice::LowerUnprivilegedPortStart {
                    port: *port,
                    present: *start,
                },
            ],
            Self::NotPermitted => vec![Advice::CheckSecurityRules],
            Self::NotLocal { family, addresses } => Advice::local_address(*family, addresses)
                .into_iter()
                .collect(),
            Self::NoInterface { interfaces } => vec![Advice::NameInterface(interfaces.clone())],
            Self::AlreadyBound | Self::WrongFamily | Self::Other => Vec::new(),
        }
    }
}
