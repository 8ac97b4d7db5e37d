//! Who holds a port: the sockets that stand in the way of an address, and their processes.

mod words;

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::{Advice, Cause, Errno, Fact};
use crate::five_tuple::Protocol;
use crate::kernel::TcpState;
use crate::kernel::limit::ephemeral_ports;
use crate::kernel::process::{Process, SocketHolder, holders, user_name};
use crate::kernel::sock_diag::{SocketEntry, datagram_sockets_on_port, sockets_on_port};

/// Holders that are named; of more, only their number is told.
pub const HOLDERS_MAX: usize = 8;

/// One socket that holds a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// TCP or UDP; each has ports of its own.
    pub protocol: Protocol,
    /// Its local address.
    pub local: SocketAddr,
    /// Its peer, if it is a connection.
    pub peer: Option<SocketAddr>,
    /// Its TCP state; CLOSED means bound and not listening. UDP has none.
    pub state: TcpState,
    /// How its address stands in the way of the wanted one.
    pub overlap: Overlap,
    /// Whose it is.
    pub who: Who,
}

/// The processes behind a socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Who {
    /// These; several after a fork.
    Processes(Vec<Process>),
    /// Some process of this user; it cannot be seen from here.
    NotVisible {
        /// The number of the user who made the socket.
        uid: u32,
        /// That user's name, if there is one.
        user: Option<String>,
    },
    /// Some process of which nothing is known.
    Unknown,
    /// The kernel itself, for instance its NFS server.
    Kernel,
    /// None: the process has closed it, and the kernel brings the connection to its end.
    Nobody,
}

/// How two local addresses with the same port exclude each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overlap {
    /// They are the same.
    Same,
    /// The holder has the wildcard address of the family, which covers the wanted one.
    HolderIsWildcard,
    /// The wanted address is the wildcard, which covers the holder's.
    WantedIsWildcard,
    /// The holder is on `[::]` without `IPV6_V6ONLY`, which covers IPv4, too.
    HolderIsDualStack,
    /// Wanted is `[::]` without `IPV6_V6ONLY`, which covers the holder's IPv4 address.
    WantedIsDualStack,
}

impl Overlap {
    /// How a socket stands in the way of a wanted local address with its port, if it does.
    fn between(wanted: &SocketAddr, entry: &SocketEntry) -> Option<Self> {
        if differ(scope(wanted), entry.interface) {
            return None;
        }
        let (wanted, held) = (wanted.ip().to_canonical(), entry.local.ip());
        match (wanted, held) {
            (IpAddr::V4(_), IpAddr::V6(held)) => (held.is_unspecified()
                && entry.v6only != Some(true))
            .then_some(Self::HolderIsDualStack),
            (IpAddr::V6(wanted), IpAddr::V4(_)) => {
                wanted.is_unspecified().then_some(Self::WantedIsDualStack)
            }
            _ if wanted == held => Some(Self::Same),
            _ if held.is_unspecified() => Some(Self::HolderIsWildcard),
            _ if wanted.is_unspecified() => Some(Self::WantedIsWildcard),
            _ => None,
        }
    }
}

fn scope(address: &SocketAddr) -> u32 {
    match address {
        SocketAddr::V4(_) => 0,
        SocketAddr::V6(address) => address.scope_id(),
    }
}

/// Whether two interfaces are given and are not the same one.
fn differ(one: u32, other: u32) -> bool {
    one != 0 && other != 0 && one != other
}

/// The five-tuples of a port that are in TIME-WAIT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeWait {
    /// How many.
    pub count: usize,
    /// When the last of them will be gone; at most 60 s.
    pub left: Duration,
}

/// Why a port cannot be had: EADDRINUSE.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortInUse {
    /// The address that was wanted.
    pub wanted: SocketAddr,
    /// The sockets in the way, at most [`HOLDERS_MAX`]: listening ones; if there are none, those
    /// bound and no more; if there are none, connections.
    pub holders: Vec<Holder>,
    /// Holders of the same kind that are not named.
    pub more: usize,
    /// TIME-WAIT, if nothing else is in the way.
    pub time_wait: Option<TimeWait>,
    /// The next port that no socket of this machine has; 0 if there is none near.
    pub free: u16,
}

impl PortInUse {
    /// Finds out who is in the way of a bind.
    pub(super) fn of_bind(wanted: SocketAddr, protocol: Protocol) -> Self {
        let on_port = match protocol {
            Protocol::Udp => datagram_sockets_on_port,
            Protocol::Tcp | Protocol::Unix => sockets_on_port,
        };
        let entries = on_port(wanted.port()).unwrap_or_default();
        Self {
            free: free_port_behind(wanted.port(), on_port),
            ..Self::among(wanted, entries)
        }
    }

    /// Finds out who is in the way of a listen by a socket that is bound to this address.
    pub(super) fn of_listen(local: SocketAddr) -> Self {
        let mut entries = sockets_on_port(local.port()).unwrap_or_default();
        if entries.iter().any(|entry| entry.state == TcpState::Listen) {
            // The socket that was to listen is bound itself; it is not in its own way.
            entries.retain(|entry| entry.state == TcpState::Listen);
        }
        Self {
            free: free_port_behind(local.port(), sockets_on_port),
            ..Self::among(local, entries)
        }
    }

    fn among(wanted: SocketAddr, entries: Vec<SocketEntry>) -> Self {
        let mut in_the_way: Vec<(SocketEntry, Overlap)> = entries
            .into_iter()
            .filter_map(|entry| Overlap::between(&wanted, &entry).map(|overlap| (entry, overlap)))
            .collect();
        // Whether the wanted [::] was to cover IPv4 is not known; it was if nothing else holds.
        let dual = |overlap: Overlap| overlap == Overlap::WantedIsDualStack;
        if in_the_way.iter().any(|&(_, overlap)| !dual(overlap)) {
            in_the_way.retain(|&(_, overlap)| !dual(overlap));
        }
        let first = in_the_way.iter().map(|(entry, _)| Rank::of(entry)).min();
        in_the_way.retain(|(entry, _)| Some(Rank::of(entry)) == first);
        if first == Some(Rank::TimeWait) {
            let left = in_the_way
                .iter()
                .filter_map(|(entry, _)| entry.time_wait_left)
                .max();
            let time_wait = TimeWait {
                count: in_the_way.len(),
                left: left.unwrap_or(TIME_WAIT_MAX),
            };
            return Self {
                wanted,
                holders: Vec::new(),
                more: 0,
                time_wait: Some(time_wait),
                free: 0,
            };
        }
        let more = in_the_way.len().saturating_sub(HOLDERS_MAX);
        in_the_way.truncate(HOLDERS_MAX);
        Self {
            wanted,
            holders: name_holders(in_the_way),
            more,
            time_wait: None,
            free: 0,
        }
    }

    /// Whether a connection got the port by chance, since connect chooses from this range.
    fn by_chance(&self) -> bool {
        self.holders.iter().any(|holder| holder.peer.is_some())
            && ephemeral_ports().is_some_and(|range| range.contains(&self.wanted.port()))
    }
}

/// How many ports are looked at for a free one; each costs two questions to the kernel.
const NEAR: u16 = 64;

/// The next port that no socket has; 0 if none is near, or the kernel does not tell.
fn free_port_behind(port: u16, on_port: impl Fn(u16) -> Result<Vec<SocketEntry>, Errno>) -> u16 {
    let behind = port.saturating_add(1)..=port.saturating_add(NEAR);
    let is_free = |other: &u16| *other != port && on_port(*other).is_ok_and(|all| all.is_empty());
    let found = behind.into_iter().find(is_free);
    found.unwrap_or_default()
}

/// Linux keeps a five-tuple in TIME-WAIT for one minute (`TCP_TIMEWAIT_LEN`).
const TIME_WAIT_MAX: Duration = Duration::from_secs(60);

/// What holds a port most firmly comes first; only the first kind is named.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Listening,
    Bound,
    Connection,
    TimeWait,
}

impl Rank {
    fn of(entry: &SocketEntry) -> Self {
        match entry.state {
            TcpState::Listen => Self::Listening,
            TcpState::Closed => Self::Bound,
            TcpState::TimeWait => Self::TimeWait,
            _ => Self::Connection,
        }
    }
}

/// The listening sockets with this port on this machine, and whether each of them covers the
/// destination.
pub(super) fn listeners(destination: SocketAddr) -> Vec<(SocketEntry, bool)> {
    let mut destination = destination;
    destination.set_ip(reachable(destination.ip()));
    let entries = sockets_on_port(destination.port()).unwrap_or_default();
    entries
        .into_iter()
        .filter(|entry| entry.state == TcpState::Listen)
        .map(|entry| {
            let covers = Overlap::between(&destination, &entry).is_some();
            (entry, covers)
        })
        .collect()
}

/// The address that a call to a wildcard address reaches: loopback.
pub(super) fn reachable(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(ip) if ip.is_unspecified() => std::net::Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => std::net::Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    }
}

/// Finds the processes of sockets.
pub(super) fn name_holders(entries: Vec<(SocketEntry, Overlap)>) -> Vec<Holder> {
    let inodes: Vec<u32> = entries.iter().map(|(entry, _)| entry.inode).collect();
    let found = holders(&inodes);
    entries
        .into_iter()
        .map(|(entry, overlap)| Holder {
            protocol: entry.protocol,
            local: entry.local,
            peer: entry.peer,
            state: entry.state,
            overlap,
            who: who(&entry, &found),
        })
        .collect()
}

fn who(entry: &SocketEntry, found: &[SocketHolder]) -> Who {
    match (entry.inode, entry.state) {
        (0, TcpState::Listen | TcpState::Closed) => return Who::Kernel,
        (0, _) => return Who::Nobody,
        _ => {}
    }
    let processes: Vec<Process> = found
        .iter()
        .filter(|holder| holder.inode == entry.inode)
        .map(|holder| holder.process.clone())
        .collect();
    if processes.is_empty() {
        Who::NotVisible {
            uid: entry.uid,
            user: user_name(entry.uid),
        }
    } else {
        Who::Processes(processes)
    }
}

impl Cause for PortInUse {
    fn facts(&self) -> Vec<Fact> {
        let mut facts: Vec<Fact> = self.holders.iter().cloned().map(Fact::HeldBy).collect();
        if self.more > 0 {
            facts.push(Fact::MoreHolders(self.more));
        }
        let mut overlaps: Vec<Overlap> = Vec::new();
        for holder in &self.holders {
            if holder.overlap != Overlap::Same && !overlaps.contains(&holder.overlap) {
                overlaps.push(holder.overlap);
                facts.push(Fact::Overlaps(holder.overlap, self.wanted));
            }
        }
        if self.by_chance() {
            facts.extend(
                ephemeral_ports().map(|range| Fact::PortChosenByConnect(self.wanted.port(), range)),
            );
        }
        if let Some(time_wait) = self.time_wait {
            facts.push(Fact::InTimeWait(time_wait));
        } else if self.holders.is_empty() {
            facts.push(Fact::HolderNotFound);
        }
        facts
    }

    fn advice(&self) -> Vec<Advice> {
        let mut advice = Vec::new();
        for holder in &self.holders {
            match &holder.who {
                Who::Processes(processes) => {
                    advice.extend(processes.iter().map(|process| {
                        if process.is_ours() {
                            Advice::CloseOwnSocket(holder.local)
                        } else {
                            Advice::StopProcess(process.clone())
                        }
                    }));
                }
                Who::NotVisible { .. } if rustix::process::geteuid().is_root() => {
                    advice.push(Advice::LookOutside(self.wanted.port()));
                }
                Who::NotVisible { .. } | Who::Unknown => {
                    advice.push(Advice::LookAsRoot(self.wanted.port()));
                }
                Who::Kernel => {}
                Who::Nobody => advice.push(Advice::SetReuseAddress),
            }
            if holder.overlap == Overlap::HolderIsDualStack {
                advice.push(Advice::SetV6Only(holder.local));
            }
        }
        if let Some(time_wait) = self.time_wait {
            advice.push(Advice::SetReuseAddress);
            advice.push(Advice::WaitFor(time_wait.left));
        }
        if self.by_chance() {
            advice.push(Advice::ReservePort(self.wanted.port()));
        }
        advice.push(Advice::UseAnotherPort(self.free));
        let mut seen: Vec<Advice> = Vec::new();
        for one in advice {
            if !seen.contains(&one) {
                seen.push(one);
            }
        }
        seen
    }
}
