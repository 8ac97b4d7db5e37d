//! From a plan to the context of a program.
//!
//! What cannot be said in any language is refused here, by name; what is only shown otherwise is put
//! on the list in the first comment. Nothing is dropped in silence.

use std::net::{IpAddr, SocketAddr};
use std::os::unix::ffi::OsStrExt;
use std::time::Duration;

use fivetuple::address::{AddressError, HostPort, Resolution, UnixAddress};
use fivetuple::{Address, AtLimit, ConnectOptions, Eof, Family, Retry, SocketOptions, Terms};

use super::context;
use super::context::{
    Calling, Keepalive, Listening, Place, SetOption, Socket, SocketAddress, Typed,
};

/// What stands before an address, by the kind of its socket.
pub(super) const fn protocol(address: &Address) -> &'static str {
    match address {
        Address::Tcp(_) => "tcp",
        Address::Udp(_) => "udp",
        Address::Unix(_) => "unix",
    }
}

/// Where the server waits.
pub(super) fn listening(
    address: &Address,
    family: Option<Family>,
    socket: &SocketOptions,
    backlog: u32,
) -> Result<Listening, AddressError> {
    let place = match address.host_port() {
        Some(host) => ip_place(host, host.listening_addresses(family)?, family),
        None => unix_place(address),
    };
    let two = place.addresses.len() > 1;
    Ok(Listening {
        optional_inet6: two,
        same_port: two && place.port == 0,
        mode: socket.file_mode,
        mode_octal: format!("{:o}", socket.file_mode),
        backlog,
        options: match address {
            Address::Tcp(_) => {
                let mut options = stream_options(socket);
                options.push(option("SOL_SOCKET", "SO_REUSEADDR", 1));
                options.push(v6_only());
                options
            }
            Address::Udp(_) => vec![v6_only()],
            Address::Unix(_) => Vec::new(),
        },
        place,
    })
}

/// Whom the client calls.
pub(super) fn calling(
    address: &Address,
    options: &ConnectOptions,
) -> Result<Calling, AddressError> {
    let place = match address.host_port() {
        Some(host) => ip_place(
            host,
            host.calling_addresses(options.family)?,
            options.family,
        ),
        None => unix_place(address),
    };
    let mut set = match address {
        Address::Tcp(_) => stream_options(&options.socket),
        Address::Udp(_) | Address::Unix(_) => Vec::new(),
    };
    if let (Address::Tcp(_), Some(source)) = (address, options.source)
        && source.port() == 0
    {
        set.push(option("IPPROTO_IP", "IP_BIND_ADDRESS_NO_PORT", 1));
    }
    Ok(Calling {
        place,
        source: options.source.map(socket_address),
        connect_timeout_ms: milliseconds(options.connect_timeout),
        retry: match options.retry {
            Retry::Times(times) => times.into(),
            Retry::Forever => -1,
        },
        options: set,
    })
}

fn ip_place(host: &HostPort, resolution: Resolution<'_>, family: Option<Family>) -> Place {
    let (addresses, name) = match resolution {
        Resolution::Known(addresses) => (addresses, None),
        Resolution::Ask(name) => (Vec::new(), Some(Typed::new(name))),
    };
    Place {
        addresses: addresses.into_iter().map(socket_address).collect(),
        name,
        port: host.port,
        family: family.map(family_word),
        path: None,
        is_abstract: false,
    }
}

fn unix_place(address: &Address) -> Place {
    let (path, is_abstract) = match address {
        Address::Unix(UnixAddress::Path(path)) => (Some(path.as_os_str().as_bytes()), false),
        Address::Unix(UnixAddress::Abstract(name)) => (Some(&**name), true),
        _ => (None, false),
    };
    Place {
        addresses: Vec::new(),
        name: None,
        port: 0,
        family: None,
        path: path.map(Typed::new),
        is_abstract,
    }
}

fn socket_address(address: SocketAddr) -> SocketAddress {
    SocketAddress {
        family: family_word(Family::of(&address)),
        ip: match address.ip() {
            IpAddr::V4(ip) => ip.to_string(),
            IpAddr::V6(ip) => ip.to_string(),
        },
        scope_id: match address {
            SocketAddr::V4(_) => 0,
            SocketAddr::V6(address) => address.scope_id(),
        },
        port: address.port(),
    }
}

const fn family_word(family: Family) -> &'static str {
    match family {
        Family::Inet => "inet",
        Family::Inet6 => "inet6",
        Family::Unix => "unix",
    }
}

/// The options of a socket, by what they mean.
pub(super) fn socket(options: &SocketOptions) -> Socket {
    Socket {
        no_delay: options.no_delay,
        urgent_inline: options.urgent_inline,
        keepalive: options.keepalive.map(|keepalive| Keepalive {
            idle_s: keepalive.idle.as_secs(),
            interval_s: keepalive.interval.as_secs(),
            count: keepalive.probes,
        }),
    }
}

/// The options of a socket as calls, in the order in which `ft` makes them.
fn stream_options(options: &SocketOptions) -> Vec<SetOption> {
    let mut set = Vec::new();
    if options.no_delay {
        set.push(option("IPPROTO_TCP", "TCP_NODELAY", 1));
    }
    if options.urgent_inline {
        set.push(option("SOL_SOCKET", "SO_OOBINLINE", 1));
    }
    if let Some(keepalive) = &options.keepalive {
        set.extend([
            option("SOL_SOCKET", "SO_KEEPALIVE", 1),
            option("IPPROTO_TCP", "TCP_KEEPIDLE", keepalive.idle.as_secs()),
            option("IPPROTO_TCP", "TCP_KEEPINTVL", keepalive.interval.as_secs()),
            option("IPPROTO_TCP", "TCP_KEEPCNT", keepalive.probes.into()),
        ]);
    }
    set
}

const fn option(level: &'static str, name: &'static str, value: u64) -> SetOption {
    SetOption {
        level,
        name,
        value,
        family: None,
    }
}

const fn v6_only() -> SetOption {
    SetOption {
        family: Some("inet6"),
        ..option("IPPROTO_IPV6", "IPV6_V6ONLY", 1)
    }
}

/// When connections end. A bound that nobody asked for is generated where `bounded`.
pub(super) fn terms(terms: &Terms, defaults: &Terms, bounded: bool) -> context::Terms {
    let asked = terms.half_closed != defaults.half_closed;
    context::Terms {
        eof: match terms.eof {
            Eof::Half => "half",
            Eof::Each => "each",
            Eof::Full => "full",
        },
        idle_ms: terms.idle.map(milliseconds),
        deadline_ms: terms.deadline.map(milliseconds),
        half_closed_ms: terms
            .half_closed
            .filter(|_| asked || bounded)
            .map(milliseconds),
        datagram_wait_ms: None,
        once: false,
        drain_ms: 0,
        max_connections: None,
        at_limit: at_limit(AtLimit::Wait),
    }
}

pub(super) const fn at_limit(policy: AtLimit) -> &'static str {
    match policy {
        AtLimit::Wait => "wait",
        AtLimit::Refuse => "refuse",
    }
}

/// Whole milliseconds, at least one.
pub(super) fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX).max(1)
}
