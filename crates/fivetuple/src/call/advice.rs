//! What to try after a failure: typed values, chosen by cause, never by searching in a text.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::FileAdvice;
use super::Visible;
use super::exec::ProgramAdvice;
use super::fact::{List, Ports};
use crate::address::Family;
use crate::kernel::interface::InterfaceAddress;
use crate::kernel::limit::DescriptorLimit;
use crate::kernel::process::Process;

/// One thing to try. Displayed, it is a plain sentence without a full stop for users of the
/// library; a program that knows better words matches on the variants.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Advice {
    /// Stop the process that holds the port.
    StopProcess(Process),
    /// Close the socket of our own that holds this address.
    CloseOwnSocket(SocketAddr),
    /// Ask again as root who holds this port.
    LookAsRoot(u16),
    /// Ask outside this container who holds this port: root inside does not see it.
    LookOutside(u16),
    /// Use this port, which was free just now; 0 lets the system choose.
    UseAnotherPort(u16),
    /// Use another path.
    UseAnotherPath,
    /// Make this folder.
    MakeFolder(PathBuf),
    /// Start a listener at the path that was called.
    ListenThere,
    /// Look at the mode and the owner of this file or folder.
    LookAtMode(PathBuf),
    /// Set `SO_REUSEADDR` before bind.
    SetReuseAddress,
    /// Set `IPV6_V6ONLY` on the socket that holds this address.
    SetV6Only(SocketAddr),
    /// Wait so long.
    WaitFor(Duration),
    /// Keep connect from choosing this port (`ip_local_reserved_ports`).
    ReservePort(u16),
    /// Use a port from this one on.
    UsePortFrom(u16),
    /// Have the service manager open the port and hand the socket over.
    UseSocketActivation,
    /// Give the program the capability `CAP_NET_BIND_SERVICE`.
    GrantBindCapability,
    /// Lower `ip_unprivileged_port_start` for everybody.
    LowerUnprivilegedPortStart {
        /// The port that is wanted.
        port: u16,
        /// The present value.
        present: u16,
    },
    /// Look at the rules of SELinux, AppArmor, seccomp or BPF.
    CheckSecurityRules,
    /// Look at the firewall rules of this machine.
    CheckFirewall,
    /// Look at the firewall of the peer, or on the way.
    CheckFirewallOfPeer,
    /// Use this address, which is of this machine.
    UseLocalAddress(IpAddr),
    /// Use an address of this family.
    UseFamily(Family),
    /// Name one of these interfaces.
    NameInterface(Vec<String>),
    /// Raise the soft limit on descriptors, which the program may do itself.
    RaiseSoftLimit(DescriptorLimit),
    /// Raise the hard limit on descriptors.
    RaiseHardLimit,
    /// Raise the limit on open files of the whole system.
    RaiseSystemFiles,
    /// Hold fewer connections at a time.
    HoldFewerConnections,
    /// Connect from more than one source address.
    UseMoreSourceAddresses,
    /// Let the peer close first, so that TIME-WAIT is at its side.
    LetThePeerCloseFirst,
    /// Widen the range of ports that connect chooses from.
    WidenPortRange(Option<RangeInclusive<u16>>),
    /// Use another source port, or none.
    UseAnotherSourcePort,
    /// Connect to this address, where the port is open.
    ConnectTo(SocketAddr),
    /// Start a listener at this address.
    ListenAt(SocketAddr),
    /// Try once more.
    TryAgain,
    /// Wait longer before giving up.
    WaitLonger,
    /// Look whether the port is the right one and the service runs there.
    CheckPort,
    /// Look whether the address is the right one and the machine is on.
    CheckAddress,
    /// Look at routes and cables.
    CheckNetwork,
    /// Look at the program at the other end.
    LookAtPeer,
    /// Look at the spelling of the name.
    CheckName,
    /// Look whether the name server is reachable.
    CheckNameServer,
    /// Use a numeric address, which needs no name server.
    UseNumericAddress,
    /// Something about a file.
    ForFile(FileAdvice),
    /// About a program that cannot be started.
    Program(ProgramAdvice),
}

impl Advice {
    /// The nearest address that can be bound, or the other family if there is none.
    pub(super) fn local_address(family: Family, addresses: &[InterfaceAddress]) -> Option<Self> {
        let usable = addresses
            .iter()
            .filter(|entry| entry.up)
            .filter_map(|entry| entry.address);
        let mut ips: Vec<IpAddr> = usable
            .map(|address| address.ip())
            .filter(|ip| !matches!(ip, IpAddr::V6(ip) if ip.is_unicast_link_local()))
            .collect();
        ips.sort_by_key(IpAddr::is_loopback);
        match ips.first() {
            Some(ip) => Some(Self::UseLocalAddress(*ip)),
            None if addresses.is_empty() => Some(Self::UseFamily(family.other())),
            None => None,
        }
    }

    /// The words of an advice that needs no value.
    fn plain(&self) -> &'static str {
        match self {
            Self::UseAnotherPath => "use another path or name",
            Self::ListenThere => "start a listener there",
            Self::SetReuseAddress => "set SO_REUSEADDR before bind",
            Self::UseSocketActivation => {
                "let the service manager open the port and hand the socket over (systemd.socket)"
            }
            Self::GrantBindCapability => {
                "give the program that one capability: setcap cap_net_bind_service=+ep PROGRAM"
            }
            Self::CheckSecurityRules => "look at the rules of SELinux, AppArmor, seccomp or BPF",
            Self::CheckFirewall => "look at the firewall rules of this machine (nft list ruleset)",
            Self::CheckFirewallOfPeer => "look at the firewall there, or on the way",
            Self::RaiseHardLimit => "raise the hard limit (LimitNOFILE= or limits.conf)",
            Self::RaiseSystemFiles => "raise the sysctl fs.file-max",
            Self::HoldFewerConnections => "hold fewer connections at a time",
            Self::UseMoreSourceAddresses => "connect from more than one source address",
            Self::LetThePeerCloseFirst => "let the peer close first: TIME-WAIT is then at its side",
            Self::UseAnotherSourcePort => "choose another source port, or none",
            Self::TryAgain => "try again",
            Self::WaitLonger => "wait longer",
            Self::CheckPort => "check the port, and that the service runs there",
            Self::CheckAddress => "check the address, and that the machine is on",
            Self::CheckNetwork => "check the network: ip address, ip route",
            Self::LookAtPeer => "look at the program at the other end",
            Self::CheckName => "check the spelling of the name",
            Self::CheckNameServer => "check that the name server can be reached",
            Self::UseNumericAddress => "use a numeric address, which needs no name server",
            _ => "",
        }
    }
}

impl fmt::Display for Advice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::StopProcess(process) => {
                write!(f, "stop {} (pid {})", Visible(&process.name), process.pid)
            }
            Self::CloseOwnSocket(local) => {
                write!(f, "close the socket of this program that holds {local}")
            }
            Self::MakeFolder(path) => write!(f, "make the folder {}", shown(path)),
            Self::LookAtMode(path) => write!(f, "look at the mode of {}", shown(path)),
            Self::LookAsRoot(port) => write!(f, "ask as root who holds port {port}"),
            Self::LookOutside(port) => {
                write!(f, "ask outside this container who holds port {port}")
            }
            Self::SetV6Only(holder) => {
                write!(f, "set IPV6_V6ONLY on the socket that holds {holder}")
            }
            Self::WaitFor(left) => write!(f, "wait {} s", left.as_millis().div_ceil(1000)),
            Self::ReservePort(port) => write!(
                f,
                "keep connect from choosing it: sysctl net.ipv4.ip_local_reserved_ports={port}"
            ),
            Self::UseAnotherPort(0) => f.write_str("use port 0 and let the system choose"),
            Self::UseAnotherPort(port) => write!(f, "use another port: {port} is free"),
            Self::UsePortFrom(start) => write!(f, "use a port from {start} on"),
            Self::LowerUnprivilegedPortStart { port, present } => write!(
                f,
                "open it to everybody: sysctl net.ipv4.ip_unprivileged_port_start={port} \
                 (now {present})"
            ),
            Self::UseLocalAddress(ip) => write!(f, "use {ip}, which is of this machine"),
            Self::UseFamily(family) => write!(f, "use an {family} address"),
            Self::NameInterface(names) => write!(f, "name one of: {}", List(names)),
            Self::RaiseSoftLimit(limit) => match limit.hard {
                Some(hard) => write!(f, "raise the limit: ulimit -n {hard}"),
                None => f.write_str("raise the limit: ulimit -n unlimited"),
            },
            Self::WidenPortRange(Some(range)) => write!(
                f,
                "widen the sysctl net.ipv4.ip_local_port_range (now {})",
                Ports(range)
            ),
            Self::WidenPortRange(None) => {
                f.write_str("widen the sysctl net.ipv4.ip_local_port_range")
            }
            Self::ConnectTo(address) => write!(f, "connect to {address}"),
            Self::ListenAt(address) => write!(f, "start a listener on {address}"),
            Self::ForFile(advice) => write!(f, "{advice}"),
            Self::Program(advice) => write!(f, "{advice}"),
            plain => f.write_str(plain.plain()),
        }
    }
}

fn shown(path: &Path) -> Visible<'_> {
    Visible(path.as_os_str().as_encoded_bytes())
}
