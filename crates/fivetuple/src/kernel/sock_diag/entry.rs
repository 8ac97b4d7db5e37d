//! One socket in the answer: `inet_diag_msg` with its attributes.

use std::net::{IpAddr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::time::Duration;

use super::{FAMILIES, SocketEntry, family_number};
use crate::address::Family;
use crate::five_tuple::Protocol;
use crate::kernel::field;
use crate::kernel::netlink::attribute;
use crate::kernel::tcp_info::TcpState;

pub(super) const INET_DIAG_SKV6ONLY: u16 = 11;
/// The kind of the timer of TIME-WAIT.
const TIMER_TIME_WAIT: u8 = 3;
/// Bytes of `inet_diag_msg`; attributes follow.
pub(super) const ENTRY: usize = 72;

/// Reads `inet_diag_msg` and the attribute `INET_DIAG_SKV6ONLY`.
pub(super) fn parse_entry(body: &[u8], protocol: Protocol) -> Option<SocketEntry> {
    let number = field::u8(body, 0)?;
    let family = FAMILIES
        .into_iter()
        .find(|&family| family_number(family) == number)?;
    let interface = field::u32(body, 40)?;
    let local = address(body, family, (4, 8), interface)?;
    let peer = address(body, family, (6, 24), interface)?;
    let in_time_wait = field::u8(body, 2)? == TIMER_TIME_WAIT;
    Some(SocketEntry {
        protocol,
        family,
        local,
        peer: (peer.port() != 0).then_some(peer),
        state: TcpState::from_linux(field::u8(body, 1)?)?,
        inode: field::u32(body, 68)?,
        uid: field::u32(body, 64)?,
        v6only: attribute(body.get(ENTRY..)?, INET_DIAG_SKV6ONLY)
            .and_then(|value| field::u8(value, 0))
            .map(|value| value != 0),
        cookie: u64::from(field::u32(body, 44)?) | u64::from(field::u32(body, 48)?) << 32,
        interface,
        receive_queue: field::u32(body, 56)?,
        send_queue: field::u32(body, 60)?,
        time_wait_left: in_time_wait
            .then(|| field::u32(body, 52))
            .flatten()
            .map(|left| Duration::from_millis(left.into())),
    })
}

/// The address whose port and IP stand at these two offsets.
fn address(
    body: &[u8],
    family: Family,
    (port, ip): (usize, usize),
    interface: u32,
) -> Option<SocketAddr> {
    let port = field::u16_network(body, port)?;
    if family == Family::Inet {
        let ip: [u8; 4] = field::bytes(body, ip)?;
        return Some(SocketAddr::from((ip, port)));
    }
    let ip = Ipv6Addr::from(field::bytes::<16>(body, ip)?);
    Some(match ip.to_ipv4_mapped() {
        Some(ip) => SocketAddr::new(IpAddr::V4(ip), port),
        None => {
            let scope = if ip.is_unicast_link_local() {
                interface
            } else {
                0
            };
            SocketAddrV6::new(ip, port, 0, scope).into()
        }
    })
}
