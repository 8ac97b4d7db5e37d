//! What was found out about a failure: one typed value for each thing that is known.

use std::fmt;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::time::Duration;

use super::connect::AcceptQueue;
use super::exec::ProgramFact;
use super::holder::{Holder, Overlap, TimeWait};
use super::path::PathCause;
use super::{FileFact, Visible};
use crate::address::Family;
use crate::kernel::interface::InterfaceAddress;
use crate::kernel::limit::DescriptorLimit;

/// One thing that is known about a failure. Displayed, it is one line without a full stop;
/// names that others chose are shown with their control bytes escaped.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fact {
    /// This socket holds the wanted address.
    HeldBy(Holder),
    /// So many more sockets hold it.
    MoreHolders(usize),
    /// How a holder stands in the way of the wanted address that is not its own.
    Overlaps(Overlap, SocketAddr),
    /// The port is one of those that connect chooses from.
    PortChosenByConnect(u16, RangeInclusive<u16>),
    /// Ended connections keep the port.
    InTimeWait(TimeWait),
    /// Nobody was found; who held the port may have gone meanwhile.
    HolderNotFound,
    /// All ports of this range are taken.
    EphemeralPortsTaken(RangeInclusive<u16>),
    /// How many five-tuples of the machine are in TIME-WAIT.
    TimeWaitCount(usize),
    /// The port needs a privilege.
    PrivilegedPort {
        /// The port that was wanted.
        port: u16,
        /// The first port that needs none.
        start: u16,
    },
    /// A rule of the system forbids the call.
    ForbiddenByRule,
    /// A firewall rule of this machine forbids the packet.
    ForbiddenByFirewall,
    /// The address is not one of this machine's.
    NotOfThisMachine,
    /// The addresses that the machine has, and on which interface.
    LocalAddresses(Family, Vec<(SocketAddr, String)>),
    /// A link-local address means something only together with an interface.
    LinkLocalNeedsInterface,
    /// The names of the interfaces.
    Interfaces(Vec<String>),
    /// The socket is bound already.
    AlreadyBound,
    /// The address is of another family than the socket.
    WrongFamily,
    /// The kernel offers no sockets, or has no address, of this family.
    NoFamily(Family),
    /// The socket is connected or of a kind that cannot listen.
    CannotListen,
    /// The socket does not listen.
    NotListening,
    /// The client went away before it was accepted.
    ClientGone,
    /// The limit on descriptors of this process.
    DescriptorLimit {
        /// The limit in force, and the one that it can be raised to.
        limit: DescriptorLimit,
        /// How many are open, where that could be counted.
        open: Option<u64>,
    },
    /// Open files of the whole system.
    SystemFiles {
        /// How many are open.
        open: u64,
        /// How many may be.
        limit: u64,
    },
    /// The kernel has no memory for it.
    KernelMemory,
    /// The option needs a privilege.
    OptionNeedsPrivilege,
    /// The kernel does not know the option.
    OptionUnknown,
    /// No socket listens at this address of this machine.
    NobodyListens(SocketAddr),
    /// The port is listened on, at another address.
    ListensElsewhere(Holder),
    /// The address is listened on by now.
    ListensByNow(Holder),
    /// The destination of a relay is the relay.
    RelayCallsItself,
    /// The client of a relay has the address of the destination.
    RelayCallsClient,
    /// Another machine answered, and refused.
    RefusedFarAway,
    /// No answer came to our SYN.
    SynNotAnswered,
    /// The listening socket is here, and its accept queue is full.
    AcceptQueueFull(AcceptQueue),
    /// What stands at the path of a Unix socket.
    Path(PathCause),
    /// How long was waited.
    WaitedFor(Duration),
    /// Nobody at the address answers on its network.
    HostUnreachable,
    /// No route leads to the address.
    NoRoute(Family),
    /// This machine has no address of the family that reaches beyond itself.
    NoAddressBeyond(Family),
    /// Source and destination are in use together.
    FiveTupleInUse,
    /// An RST came from the peer.
    ResetByPeer,
    /// Our direction had ended before.
    SendingHadEnded,
    /// The peer acknowledged nothing, over all repetitions.
    NothingAcknowledged,
    /// The network reported that the peer cannot be reached any more.
    WayLost,
    /// This machine aborted the connection.
    AbortedHere,
    /// The socket has no peer, or none any more.
    NotConnected,
    /// ICMP says that no socket has the port that a datagram was for.
    PortUnreachable,
    /// The bytes are more than one datagram carries.
    DatagramTooLong,
    /// The resolver knows the name not, or without an address.
    NameUnknown,
    /// The name servers that were asked.
    NameServers(Vec<String>),
    /// The name has addresses of this family only.
    NameHasOnlyFamily(Family),
    /// Something about a file.
    OfFile(FileFact),
    /// About a program that cannot be started.
    Program(ProgramFact),
}

/// Addresses that are told; of more, only the first.
const LOCAL_ADDRESSES_MAX: usize = 8;

impl Fact {
    /// The addresses of this machine, of one family.
    pub(super) fn local_addresses(family: Family, addresses: &[InterfaceAddress]) -> Self {
        let addresses = addresses
            .iter()
            .filter_map(|entry| {
                entry
                    .address
                    .map(|address| (address, entry.interface.clone()))
            })
            .take(LOCAL_ADDRESSES_MAX)
            .collect();
        Self::LocalAddresses(family, addresses)
    }

    /// The words of a fact that needs no value.
    fn plain(&self) -> &'static str {
        match self {
            Self::HolderNotFound => {
                "no socket that holds it was found: it has gone meanwhile, or is bound and no more, \
                 which Linux before 6.8 does not show"
            }
            Self::ForbiddenByRule => {
                "a rule of this system forbids it (SELinux, AppArmor, seccomp, BPF)"
            }
            Self::ForbiddenByFirewall => "a firewall rule of this machine forbids it",
            Self::NotOfThisMachine => "no interface of this machine has that address",
            Self::LinkLocalNeedsInterface => {
                "a link-local address is reached through an interface, which must be named"
            }
            Self::AlreadyBound => "the socket is bound already",
            Self::WrongFamily => "the address is of another family than the socket",
            Self::CannotListen => "the socket is connected, or not of a kind that listens",
            Self::NotListening => "the socket does not listen",
            Self::ClientGone => {
                "the client was gone before it was accepted; others are not affected"
            }
            Self::KernelMemory => "the kernel has no memory left for it",
            Self::OptionNeedsPrivilege => "the option needs a privilege",
            Self::OptionUnknown => "this kernel does not know the option",
            Self::RelayCallsClient => {
                "the client comes from the destination's own address: it would talk to itself"
            }
            Self::RelayCallsItself => {
                "that is where this relay listens: every client would be its own next client"
            }
            Self::RefusedFarAway => {
                "the machine answered: nothing listens on that port, or a firewall refuses for it"
            }
            Self::SynNotAnswered => {
                "no answer: the machine is off, the address wrong, or a firewall silent"
            }
            Self::HostUnreachable => "nobody answers at that address on its network",
            Self::FiveTupleInUse => "this source and destination are in use together",
            Self::ResetByPeer => {
                "an RST came from the peer: its program died, aborted, or closed with unread data"
            }
            Self::SendingHadEnded => "our direction had ended before, by an RST or by a half-close",
            Self::NothingAcknowledged => {
                "the peer acknowledged nothing, however often it was repeated"
            }
            Self::WayLost => "the network reports that the peer cannot be reached any more",
            Self::AbortedHere => "the connection was aborted on this machine",
            Self::NotConnected => "the socket has no peer, or none any more",
            Self::PortUnreachable => {
                "an ICMP message came back: no socket has that UDP port, or a firewall says so"
            }
            Self::DatagramTooLong => {
                "a datagram carries at most 65,507 bytes over IPv4, 65,527 over IPv6"
            }
            Self::NameUnknown => "the resolver knows no address of that name",
            _ => "",
        }
    }
}

impl fmt::Display for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::HeldBy(holder) => write!(f, "held by {holder}"),
            Self::MoreHolders(count) => write!(f, "and by {count} more"),
            Self::Overlaps(overlap, wanted) => show_overlap(*overlap, *wanted, f),
            Self::PortChosenByConnect(port, range) => {
                write!(
                    f,
                    "port {port} is one of {}, which connect chooses from",
                    Ports(range)
                )
            }
            Self::InTimeWait(wait) => write!(
                f,
                "held by {} in TIME-WAIT, for at most {} s more; SO_REUSEADDR was not set then, \
                 or is not set now",
                Count(wait.count, "ended connection"),
                wait.left.as_millis().div_ceil(1000)
            ),
            Self::EphemeralPortsTaken(range) => write!(f, "the ports {} are taken", Ports(range)),
            Self::TimeWaitCount(count) => {
                write!(
                    f,
                    "{} in TIME-WAIT on this machine",
                    Count(*count, "connection")
                )
            }
            Self::PrivilegedPort { port, start } => {
                write!(
                    f,
                    "port {port} needs a privilege; ports from {start} on need none"
                )
            }
            Self::LocalAddresses(family, addresses) => show_addresses(*family, addresses, f),
            Self::Interfaces(names) => write!(f, "interfaces here: {}", List(names)),
            Self::NoFamily(family) => write!(f, "this machine has no {family}"),
            Self::DescriptorLimit { limit, open } => show_limit(*limit, *open, f),
            Self::SystemFiles { open, limit } => {
                write!(
                    f,
                    "{open} files are open in the whole system, {limit} may be"
                )
            }
            Self::NobodyListens(address) => write!(f, "nothing listens on {address}"),
            Self::ListensElsewhere(holder) => {
                write!(f, "the port is open at another address: {holder}")
            }
            Self::ListensByNow(holder) => write!(f, "by now somebody listens there: {holder}"),
            other => show_network(other, f),
        }
    }
}

/// The facts about the peer, the way to it and its name.
fn show_network(fact: &Fact, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match fact {
        Fact::AcceptQueueFull(queue) => write!(
            f,
            "the accept queue of {} is full: {} wait{}, backlog {}; its program does not accept",
            queue.local,
            Count(queue.waiting as usize, "connection"),
            if queue.waiting == 1 { "s" } else { "" },
            queue.backlog
        ),
        Fact::Path(cause) => write!(f, "{cause}"),
        Fact::WaitedFor(after) => write!(f, "given up after {after:?}"),
        Fact::NoRoute(family) => write!(f, "no {family} route leads there"),
        Fact::NoAddressBeyond(family) => {
            write!(
                f,
                "this machine has no {family} address that reaches beyond it"
            )
        }
        Fact::NameServers(servers) if servers.is_empty() => {
            f.write_str("no name server in /etc/resolv.conf")
        }
        Fact::NameServers(servers) => {
            write!(f, "name servers in /etc/resolv.conf: {}", List(servers))
        }
        Fact::NameHasOnlyFamily(family) => write!(f, "the name has {family} addresses only"),
        Fact::OfFile(fact) => write!(f, "{fact}"),
        Fact::Program(fact) => write!(f, "{fact}"),
        plain => f.write_str(plain.plain()),
    }
}

fn show_overlap(overlap: Overlap, wanted: SocketAddr, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let family = Family::of(&wanted);
    match overlap {
        Overlap::Same => write!(f, "it has the same address, {wanted}"),
        Overlap::HolderIsWildcard => write!(
            f,
            "the wildcard address covers every {family} address of this machine, {} too",
            wanted.ip()
        ),
        Overlap::WantedIsWildcard => write!(
            f,
            "{} is every {family} address of this machine, the holder's too",
            wanted.ip()
        ),
        Overlap::HolderIsDualStack => {
            f.write_str("[::] without IPV6_V6ONLY covers every IPv4 address, too")
        }
        Overlap::WantedIsDualStack => {
            f.write_str("[::] without IPV6_V6ONLY is wanted, which covers IPv4, too")
        }
    }
}

fn show_addresses(
    family: Family,
    addresses: &[(SocketAddr, String)],
    f: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    if addresses.is_empty() {
        return write!(f, "this machine has no {family} address");
    }
    write!(f, "{family} addresses here: ")?;
    for (at, (address, interface)) in addresses.iter().enumerate() {
        let comma = if at > 0 { ", " } else { "" };
        write!(
            f,
            "{comma}{} ({})",
            address.ip(),
            Visible(interface.as_bytes())
        )?;
    }
    Ok(())
}

fn show_limit(
    limit: DescriptorLimit,
    open: Option<u64>,
    f: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    let number = |limit: Option<u64>| limit.map_or("unlimited".to_owned(), |n| n.to_string());
    if let Some(open) = open {
        write!(f, "{open} descriptors are open; ")?;
    }
    write!(f, "the limit of this process is {}", number(limit.soft))?;
    write!(f, ", it may raise it to {}", number(limit.hard))
}

/// A range of ports.
pub(super) struct Ports<'a>(pub(super) &'a RangeInclusive<u16>);

impl fmt::Display for Ports<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}–{}", self.0.start(), self.0.end())
    }
}

/// Names that others chose, with commas.
pub(super) struct List<'a>(pub(super) &'a [String]);

impl fmt::Display for List<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, name) in self.0.iter().enumerate() {
            let comma = if at > 0 { ", " } else { "" };
            write!(f, "{comma}{}", Visible(name.as_bytes()))?;
        }
        Ok(())
    }
}

/// A number and what it counts.
struct Count(usize, &'static str);

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = if self.0 == 1 { "" } else { "s" };
        write!(f, "{} {}{plural}", self.0, self.1)
    }
}
