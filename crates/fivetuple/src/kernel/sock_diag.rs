//! `NETLINK_SOCK_DIAG` (sock_diag(7)): every TCP socket of this network namespace, and who has a
//! UDP port.
//!
//! TCP of both families and every state: listening, connected, TIME-WAIT, half-made, and, since
//! Linux 6.8, bound and nothing more. An older kernel does not know the last kind and leaves it
//! out. It needs no privilege.

mod entry;

use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::time::Duration;

use rustix::io::Errno;

use super::netlink::dump;
use super::tcp_info::TcpState;
use crate::address::Family;
use crate::five_tuple::Protocol;
use entry::parse_entry;

/// Sockets that one question returns at most; the answer is cut there.
pub const SOCKETS_MAX: usize = 65_536;

/// All states, with those that a future kernel may add.
const ALL_STATES: u32 = u32::MAX;

/// One socket as the kernel knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SocketEntry {
    /// TCP or UDP.
    pub protocol: Protocol,
    /// The family of the socket. An IPv6 socket may have IPv4 addresses.
    pub family: Family,
    /// Its local address; an IPv4-mapped one is written as IPv4.
    pub local: SocketAddr,
    /// Its peer, if it has one.
    pub peer: Option<SocketAddr>,
    /// Its TCP state; of a UDP socket ESTABLISHED (it has a peer) or CLOSED (it has none).
    pub state: TcpState,
    /// The number by which `/proc/PID/fd` names it; 0 when no descriptor refers to it.
    pub inode: u32,
    /// The user who made it; 0 also where the kernel does not keep it (TIME-WAIT).
    pub uid: u32,
    /// `IPV6_V6ONLY` of an IPv6 socket that listens or is bound.
    pub v6only: Option<bool>,
    /// The identity that `SO_COOKIE` returns.
    pub cookie: u64,
    /// Index of the interface that it is bound to; 0: any.
    pub interface: u32,
    /// Bytes to be read. Listening: connections that wait for accept.
    pub receive_queue: u32,
    /// Sequence numbers not acknowledged. Listening: the backlog in force.
    pub send_queue: u32,
    /// How long it will stay in TIME-WAIT.
    pub time_wait_left: Option<Duration>,
}

/// The TCP sockets with this local port, of both families and in every state.
///
/// # Errors
///
/// ENOENT or EPROTONOSUPPORT: the kernel has no sock_diag for TCP. EAGAIN: no answer in time.
pub fn sockets_on_port(port: u16) -> Result<Vec<SocketEntry>, Errno> {
    both_families(&Question {
        protocol: Protocol::Tcp,
        port,
        states: ALL_STATES,
    })
}

/// The UDP sockets with this local port, of both families.
///
/// # Errors
///
/// As [`sockets_on_port`].
pub fn datagram_sockets_on_port(port: u16) -> Result<Vec<SocketEntry>, Errno> {
    both_families(&Question {
        protocol: Protocol::Udp,
        port,
        states: ALL_STATES,
    })
}

/// All TCP sockets, of both families and in every state, at most [`SOCKETS_MAX`].
///
/// # Errors
///
/// As [`sockets_on_port`].
pub fn sockets() -> Result<Vec<SocketEntry>, Errno> {
    both_families(&Question {
        protocol: Protocol::Tcp,
        port: 0,
        states: ALL_STATES,
    })
}

/// How many five-tuples of both families are in TIME-WAIT.
///
/// # Errors
///
/// As [`sockets_on_port`].
pub fn time_wait_count() -> Result<usize, Errno> {
    let question = Question {
        protocol: Protocol::Tcp,
        port: 0,
        states: 1 << TIME_WAIT,
    };
    let mut total = 0;
    for family in FAMILIES {
        total += dump(&request(&question, family), |count: &mut usize, _| {
            *count += 1;
            ControlFlow::Continue(())
        })?;
    }
    Ok(total)
}

const FAMILIES: [Family; 2] = [Family::Inet, Family::Inet6];
/// Linux's number of the state.
const TIME_WAIT: u8 = 6;

/// What is asked of one family.
struct Question {
    /// TCP or UDP.
    protocol: Protocol,
    /// The local port; 0: all.
    port: u16,
    /// A bit for each state.
    states: u32,
}

fn both_families(question: &Question) -> Result<Vec<SocketEntry>, Errno> {
    let mut entries = Vec::new();
    for family in FAMILIES {
        let room = SOCKETS_MAX.saturating_sub(entries.len());
        let found = dump(
            &request(question, family),
            |found: &mut Vec<SocketEntry>, message| {
                if found.len() >= room {
                    return ControlFlow::Break(());
                }
                // The filter of the kernel is repeated: a kernel that had none would answer all.
                let entry = parse_entry(message, question.protocol)
                    .filter(|entry| question.port == 0 || entry.local.port() == question.port);
                found.extend(entry);
                ControlFlow::Continue(())
            },
        )?;
        entries.extend(found);
    }
    Ok(entries)
}

const IPPROTO_TCP: u8 = 6;
const IPPROTO_UDP: u8 = 17;

/// `inet_diag_req_v2`.
fn request(question: &Question, family: Family) -> Vec<u8> {
    let mut request = Vec::with_capacity(56);
    let protocol = match question.protocol {
        Protocol::Udp => IPPROTO_UDP,
        Protocol::Tcp | Protocol::Unix => IPPROTO_TCP,
    };
    request.extend([family_number(family), protocol, 0, 0]);
    request.extend(question.states.to_ne_bytes());
    request.extend(question.port.to_be_bytes());
    // Any peer port, any addresses, any interface.
    request.extend([0; 2 + 16 + 16 + 4]);
    // No cookie.
    request.extend([0xff; 8]);
    request
}

/// `AF_INET` and `AF_INET6`, in the one byte that netlink has for them.
const fn family_number(family: Family) -> u8 {
    match family {
        Family::Inet => 2,
        Family::Inet6 => 10,
        Family::Unix => 1,
    }
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use proptest::prelude::*;
    use rustix::net::sockopt::{set_ipv6_v6only, socket_cookie};
    use rustix::net::{AddressFamily, SocketType, bind};

    use super::entry::{ENTRY, INET_DIAG_SKV6ONLY};
    use super::*;

    /// One `inet_diag_msg` of an IPv6 socket that listens on `[::]:80`, with its attributes.
    fn listening(v6only: u8) -> Vec<u8> {
        let mut body = vec![0; ENTRY];
        body[0] = 10;
        body[1] = 10;
        body[4..6].copy_from_slice(&80_u16.to_be_bytes());
        body[64..68].copy_from_slice(&1000_u32.to_ne_bytes());
        body[68..72].copy_from_slice(&7_u32.to_ne_bytes());
        for (kind, value) in [(8_u16, 3), (INET_DIAG_SKV6ONLY, v6only)] {
            body.extend(5_u16.to_ne_bytes());
            body.extend(kind.to_ne_bytes());
            body.extend([value, 0, 0, 0]);
        }
        body
    }

    #[test]
    fn an_entry_has_its_address_state_owner_and_v6only() {
        for (value, expected) in [(0, false), (1, true)] {
            let entry = parse_entry(&listening(value), Protocol::Tcp).unwrap();
            assert_eq!(entry.local, "[::]:80".parse().unwrap());
            assert_eq!((entry.state, entry.peer), (TcpState::Listen, None));
            assert_eq!((entry.uid, entry.inode), (1000, 7));
            assert_eq!(entry.v6only, Some(expected));
        }
        let without_attributes = parse_entry(&listening(1)[..ENTRY], Protocol::Tcp).unwrap();
        assert_eq!(without_attributes.v6only, None);
        assert_eq!(parse_entry(&listening(1)[..ENTRY - 1], Protocol::Tcp), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_an_entry_or_none(body: Vec<u8>) {
            _ = parse_entry(&body, Protocol::Tcp);
            _ = parse_entry(&body, Protocol::Udp);
        }
    }

    #[test]
    fn listening_connected_and_accepted_sockets_of_a_port_are_found() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let local = listener.local_addr().unwrap();
        let client = TcpStream::connect(local).unwrap();
        let (accepted, peer) = listener.accept().unwrap();
        let entries = sockets_on_port(local.port()).unwrap();
        let by_cookie = |cookie: u64| entries.iter().find(|entry| entry.cookie == cookie);
        let entry = by_cookie(socket_cookie(&listener).unwrap()).unwrap();
        assert_eq!(
            (entry.state, entry.local, entry.peer),
            (TcpState::Listen, local, None)
        );
        assert_eq!(entry.uid, rustix::process::geteuid().as_raw());
        assert!(entry.send_queue > 0, "the backlog in force");
        let entry = by_cookie(socket_cookie(&accepted).unwrap()).unwrap();
        assert_eq!(
            (entry.state, entry.peer),
            (TcpState::Established, Some(peer))
        );
        let entries = sockets_on_port(peer.port()).unwrap();
        assert!(entries.iter().any(|entry| entry.peer == Some(local)));
        assert!(sockets().unwrap().len() >= 3);
        assert!(time_wait_count().is_ok());
        drop(client);
    }

    #[test]
    fn udp_sockets_of_a_port_are_found_with_and_without_a_peer() {
        let server = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let client = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        client.connect(server.local_addr().unwrap()).unwrap();
        for (socket, state) in [
            (&server, TcpState::Closed),
            (&client, TcpState::Established),
        ] {
            let local = socket.local_addr().unwrap();
            let entries = datagram_sockets_on_port(local.port()).unwrap();
            let ours = socket_cookie(socket).unwrap();
            let entry = entries.iter().find(|entry| entry.cookie == ours).unwrap();
            assert_eq!((entry.local, entry.state), (local, state));
            assert_eq!(entry.peer, socket.peer_addr().ok());
            assert_eq!(entry.protocol, Protocol::Udp);
        }
    }

    #[test]
    fn a_socket_that_is_only_bound_is_found_with_its_v6only() {
        for v6only in [false, true] {
            let fd = rustix::net::socket(AddressFamily::INET6, SocketType::STREAM, None).unwrap();
            set_ipv6_v6only(&fd, v6only).unwrap();
            let any: SocketAddr = "[::]:0".parse().unwrap();
            bind(&fd, &any).unwrap();
            let local = SocketAddr::try_from(rustix::net::getsockname(&fd).unwrap()).unwrap();
            let entries = sockets_on_port(local.port()).unwrap();
            let ours = socket_cookie(&fd).unwrap();
            // Before Linux 6.8 such sockets are not shown.
            if let Some(entry) = entries.iter().find(|entry| entry.cookie == ours) {
                assert_eq!((entry.local, entry.state), (local, TcpState::Closed));
                assert_eq!(entry.v6only, Some(v6only));
            }
        }
    }
}
