//! Why a connect fails.

use std::net::SocketAddr;
use std::time::Duration;

use super::bind::lacks_interface;
use super::holder::{HOLDERS_MAX, Holder, Overlap, listeners, name_holders, reachable};
use super::{
    Advice, Call, CallError, Cause, Code, Errno, Fact, PathCause, PortsExhausted, Resource,
};
use crate::address::{Family, SocketName};
use crate::kernel::interface::{self, is_of_this_machine};
use crate::kernel::sock_diag::sockets_on_port;

/// A connect that failed.
pub type ConnectError = CallError<ConnectCause>;

/// Why a connect failed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConnectCause {
    /// Our SYN was answered with an RST (ECONNREFUSED).
    Refused(Box<Refused>),
    /// Our SYN was not answered (ETIMEDOUT).
    TimedOut {
        /// How long was waited, if it was our deadline that ended the waiting.
        after: Option<Duration>,
        /// The destination is of this machine, and the accept queue of its listening socket is
        /// full.
        full_queue: Option<AcceptQueue>,
    },
    /// A router, or this machine, found nobody at the address (EHOSTUNREACH, EHOSTDOWN).
    HostUnreachable,
    /// No route leads there (ENETUNREACH, ENETDOWN).
    NoRoute {
        /// The family of the destination.
        family: Family,
        /// Whether this machine has an address of that family that reaches beyond itself.
        has_family: bool,
        /// The same of the other family.
        has_other: bool,
    },
    /// No local port is left for this destination (EADDRNOTAVAIL).
    PortsExhausted(PortsExhausted),
    /// The chosen source address and port are in use with this destination (EADDRNOTAVAIL,
    /// EADDRINUSE).
    FiveTupleInUse {
        /// The socket that has the five-tuple, if it was found.
        holder: Option<Box<Holder>>,
    },
    /// The machine has no address of the family (EADDRNOTAVAIL, EAFNOSUPPORT).
    NoFamily(Family),
    /// A link-local IPv6 address without its interface (EINVAL), or with one that is not there
    /// (ENODEV).
    NoInterface {
        /// The names of the interfaces.
        interfaces: Vec<String>,
    },
    /// A firewall rule of this machine forbids it (EPERM), or the destination is a broadcast
    /// address (EACCES).
    NotPermitted,
    /// The connection was reset in the middle of the handshake (ECONNRESET).
    Reset,
    /// What is wrong with the path of a Unix socket.
    Path(PathCause),
    /// A relay has called itself; the call was answered, and is not taken for one (ECONNREFUSED).
    Itself,
    /// Of a relay: it is its own client, which would talk to itself.
    ItsClient,
    /// Something has run out.
    Resource(Resource),
    /// Nothing more is known than the code.
    Other,
}

/// Who does not listen, and who does, where a connect was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Where the call went.
    pub destination: SocketAddr,
    /// Whether that is an address of this machine; only then the rest is known.
    pub here: bool,
    /// A socket that listens at the destination by now, or whose queue was full.
    pub listener: Option<Box<Holder>>,
    /// Sockets that listen on the port at other addresses of this machine.
    pub elsewhere: Vec<Holder>,
}

/// The accept queue of a listening socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AcceptQueue {
    /// The local address of the listening socket.
    pub local: SocketAddr,
    /// Connections that wait to be accepted.
    pub waiting: u32,
    /// The backlog in force.
    pub backlog: u32,
}

impl ConnectError {
    /// A connect to this address gave this errno: finds out why, by netlink and `/proc`.
    pub fn new(destination: impl Into<SocketName>, errno: Errno) -> Self {
        let destination = destination.into();
        let cause = match &destination {
            SocketName::Inet(address) => ConnectCause::of(*address, errno),
            SocketName::Unix(address) => match Resource::missing(errno) {
                Some(resource) => ConnectCause::Resource(resource),
                None => ConnectCause::Path(PathCause::of_connect(address, errno)),
            },
        };
        Self::build(&destination, errno, cause)
    }

    /// The same for a socket that had been bound to a source address (and port) before.
    pub fn with_source(destination: SocketAddr, source: SocketAddr, errno: Errno) -> Self {
        let taken = matches!(errno, Errno::ADDRNOTAVAIL | Errno::ADDRINUSE);
        if !taken || source.port() == 0 {
            return Self::new(destination, errno);
        }
        let holder = five_tuple_holder(destination, source);
        let cause = ConnectCause::FiveTupleInUse { holder };
        Self::build(&destination.into(), errno, cause)
    }

    /// A connect to this address was given up after this time (ETIMEDOUT).
    pub fn timed_out(destination: impl Into<SocketName>, after: Duration) -> Self {
        let destination = destination.into();
        let cause = match &destination {
            SocketName::Inet(address) => ConnectCause::TimedOut {
                after: Some(after),
                full_queue: full_queue(*address),
            },
            SocketName::Unix(address) => {
                ConnectCause::Path(PathCause::of_connect(address, Errno::TIMEDOUT))
            }
        };
        Self::build(&destination, Errno::TIMEDOUT, cause)
    }

    /// A relay that listens at this address has called it.
    pub fn of_itself(destination: &SocketName) -> Self {
        Self::build(destination, Errno::CONNREFUSED, ConnectCause::Itself)
    }

    /// The destination of a relay is the very client that it is called for.
    pub fn of_its_client(destination: &SocketName) -> Self {
        Self::build(destination, Errno::CONNREFUSED, ConnectCause::ItsClient)
    }

    fn build(destination: &SocketName, errno: Errno, cause: ConnectCause) -> Self {
        let subject = destination.into();
        Self {
            call: Call::Connect,
            subject,
            code: Code::Errno(errno),
            cause,
        }
    }
}

impl ConnectCause {
    fn of(destination: SocketAddr, errno: Errno) -> Self {
        let family = Family::of(&destination);
        match errno {
            Errno::CONNREFUSED => Self::Refused(Box::new(Refused::by(destination))),
            Errno::TIMEDOUT => Self::TimedOut {
                after: None,
                full_queue: full_queue(destination),
            },
            Errno::HOSTUNREACH | Errno::HOSTDOWN => Self::HostUnreachable,
            Errno::NETUNREACH | Errno::NETDOWN => Self::NoRoute {
                family,
                has_family: has_address_beyond(family),
                has_other: has_address_beyond(family.other()),
            },
            Errno::ADDRNOTAVAIL if !has_any_address(family) => Self::NoFamily(family),
            Errno::ADDRNOTAVAIL => Self::PortsExhausted(PortsExhausted::now()),
            Errno::ADDRINUSE => Self::FiveTupleInUse { holder: None },
            Errno::AFNOSUPPORT => Self::NoFamily(family),
            Errno::NODEV => Self::no_interface(),
            Errno::INVAL if lacks_interface(&destination) => Self::no_interface(),
            Errno::PERM | Errno::ACCESS => Self::NotPermitted,
            Errno::CONNRESET => Self::Reset,
            errno => Resource::missing(errno).map_or(Self::Other, Self::Resource),
        }
    }

    fn no_interface() -> Self {
        Self::NoInterface {
            interfaces: interface::names().unwrap_or_default(),
        }
    }
}

impl Refused {
    fn by(destination: SocketAddr) -> Self {
        let here = is_of_this_machine(destination.ip()).unwrap_or(false);
        let mut refused = Self {
            destination,
            here,
            listener: None,
            elsewhere: Vec::new(),
        };
        if here {
            let (there, mut elsewhere): (Vec<_>, Vec<_>) = listeners(destination)
                .into_iter()
                .partition(|(_, covers)| *covers);
            elsewhere.truncate(HOLDERS_MAX);
            let named = |entries: Vec<_>| {
                name_holders(
                    entries
                        .into_iter()
                        .map(|(entry, _)| (entry, Overlap::Same))
                        .collect(),
                )
            };
            refused.listener = named(there).into_iter().next().map(Box::new);
            refused.elsewhere = named(elsewhere);
        }
        refused
    }
}

/// The accept queue of the listening socket at the destination, if it is here and full.
fn full_queue(destination: SocketAddr) -> Option<AcceptQueue> {
    if !is_of_this_machine(destination.ip()).unwrap_or(false) {
        return None;
    }
    listeners(destination)
        .into_iter()
        .find_map(|(entry, covers)| {
            let queue = AcceptQueue {
                local: entry.local,
                waiting: entry.receive_queue,
                backlog: entry.send_queue,
            };
            // Linux lets one more wait than the backlog says.
            (covers && queue.waiting > queue.backlog).then_some(queue)
        })
}

fn five_tuple_holder(destination: SocketAddr, source: SocketAddr) -> Option<Box<Holder>> {
    let entries = sockets_on_port(source.port()).ok()?;
    let holding = entries.into_iter().find(|entry| {
        entry.peer == Some(destination) && (entry.local == source || source.ip().is_unspecified())
    })?;
    name_holders(vec![(holding, Overlap::Same)])
        .into_iter()
        .next()
        .map(Box::new)
}

fn has_any_address(family: Family) -> bool {
    addresses_of(family).next().is_some()
}

/// Whether this machine has an address of the family that is neither loopback nor link-local.
fn has_address_beyond(family: Family) -> bool {
    addresses_of(family).any(|address| match address {
        SocketAddr::V4(address) => !address.ip().is_loopback() && !address.ip().is_link_local(),
        SocketAddr::V6(address) => {
            !address.ip().is_loopback() && !address.ip().is_unicast_link_local()
        }
    })
}

fn addresses_of(family: Family) -> impl Iterator<Item = SocketAddr> {
    let all = interface::addresses().unwrap_or_default();
    all.into_iter()
        .filter(|entry| entry.up)
        .filter_map(|entry| entry.address)
        .filter(move |address| Family::of(address) == family)
}

impl Cause for Refused {
    fn facts(&self) -> Vec<Fact> {
        if !self.here {
            return vec![Fact::RefusedFarAway];
        }
        if let Some(listener) = &self.listener {
            return vec![Fact::ListensByNow((**listener).clone())];
        }
        let nobody = Fact::NobodyListens(self.destination);
        let elsewhere = self.elsewhere.iter().cloned().map(Fact::ListensElsewhere);
        [nobody].into_iter().chain(elsewhere).collect()
    }

    fn advice(&self) -> Vec<Advice> {
        if !self.here {
            return vec![Advice::CheckPort, Advice::CheckFirewallOfPeer];
        }
        if self.listener.is_some() {
            return vec![Advice::TryAgain];
        }
        let mut advice: Vec<Advice> = Vec::new();
        for holder in &self.elsewhere {
            let mut address = holder.local;
            address.set_ip(reachable(address.ip()));
            if !advice.contains(&Advice::ConnectTo(address)) {
                advice.push(Advice::ConnectTo(address));
            }
        }
        advice.push(Advice::ListenAt(self.destination));
        advice
    }
}

impl Cause for ConnectCause {
    fn facts(&self) -> Vec<Fact> {
        match self {
            Self::Refused(cause) => cause.facts(),
            Self::PortsExhausted(cause) => cause.facts(),
            Self::Path(cause) => cause.facts(),
            Self::Resource(cause) => cause.facts(),
            Self::TimedOut { after, full_queue } => {
                let after = after.map(Fact::WaitedFor);
                let why = full_queue.map_or(Fact::SynNotAnswered, Fact::AcceptQueueFull);
                after.into_iter().chain([why]).collect()
            }
            Self::HostUnreachable => vec![Fact::HostUnreachable],
            Self::NoRoute {
                family,
                has_family: true,
                ..
            } => vec![Fact::NoRoute(*family)],
            Self::NoRoute {
                family,
                has_family: false,
                ..
            } => {
                vec![Fact::NoRoute(*family), Fact::NoAddressBeyond(*family)]
            }
            Self::FiveTupleInUse { holder } => {
                let holder = holder.as_deref().cloned().map(Fact::HeldBy);
                [Fact::FiveTupleInUse].into_iter().chain(holder).collect()
            }
            Self::NoFamily(family) => vec![Fact::NoFamily(*family)],
            Self::NoInterface { interfaces } => {
                vec![
                    Fact::LinkLocalNeedsInterface,
                    Fact::Interfaces(interfaces.clone()),
                ]
            }
            Self::NotPermitted => vec![Fact::ForbiddenByFirewall],
            Self::Reset => vec![Fact::ResetByPeer],
            Self::Itself => vec![Fact::RelayCallsItself],
            Self::ItsClient => vec![Fact::RelayCallsClient],
            Self::Other => Vec::new(),
        }
    }

    fn advice(&self) -> Vec<Advice> {
        match self {
            Self::Refused(cause) => cause.advice(),
            Self::PortsExhausted(cause) => cause.advice(),
            Self::Path(cause) => cause.advice(),
            Self::Resource(cause) => cause.advice(),
            Self::TimedOut {
                full_queue: Some(_),
                ..
            } => vec![Advice::LookAtPeer],
            Self::TimedOut {
                full_queue: None, ..
            } => {
                vec![
                    Advice::CheckAddress,
                    Advice::CheckFirewallOfPeer,
                    Advice::WaitLonger,
                ]
            }
            Self::HostUnreachable => vec![Advice::CheckAddress, Advice::CheckNetwork],
            Self::NoRoute {
                family,
                has_family: false,
                has_other: true,
            } => {
                vec![Advice::UseFamily(family.other()), Advice::CheckNetwork]
            }
            Self::NoRoute {
                has_family: false, ..
            } => vec![Advice::CheckNetwork],
            Self::NoRoute { .. } => vec![Advice::CheckAddress, Advice::CheckNetwork],
            Self::FiveTupleInUse { .. } => vec![Advice::UseAnotherSourcePort],
            Self::NoFamily(family) => vec![Advice::UseFamily(family.other())],
            Self::NoInterface { interfaces } => vec![Advice::NameInterface(interfaces.clone())],
            Self::NotPermitted => vec![Advice::CheckFirewall],
            Self::Reset => vec![Advice::LookAtPeer],
            Self::Itself => vec![Advice::CheckAddress],
            Self::ItsClient => Vec::new(),
            Self::Other => Vec::new(),
        }
    }
}
