//! `NETLINK_SOCK_DIAG` (sock_diag(7)): every TCP socket of this network namespace, and who has a
//! UDP port.
//!
//! TCP of both families and every state: listening, connected, TIME-WAIT, half-made, and, since
//! Linux 6.8, bound and nothing more. An older kernel does not know the last kind and leaves it
//! out. It needs no privilege.

mod entry;

use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::io::{Errno, retry_on_intr};
use rustix::net::netlink::{SOCK_DIAG, SocketAddrNetlink};
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, connect, recv, send, socket_with,
};

use super::field;
use super::tcp_info::TcpState;
use crate::address::Family;
use crate::five_tuple::Protocol;
use entry::parse_entry;

/// Sockets that one question returns at most; the answer is cut there.
pub const SOCKETS_MAX: usize = 65_536;

/// Times that a dump is begun again because sockets came and went while it ran.
const ATTEMPTS_MAX: u32 = 3;

/// Room for one datagram; the kernel fills at most 32 KiB.
const DATAGRAM_MAX: usize = 65_536;

/// The kernel answers at once; longer than this means never.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);

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
        total += dump(&question, family, |count: &mut usize, _| {
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
        let found = dump(question, family, |found: &mut Vec<SocketEntry>, message| {
            if found.len() >= room {
                return ControlFlow::Break(());
            }
            // The filter of the kernel is repeated: a kernel that had none would answer all.
            let entry = parse_entry(message, question.protocol)
                .filter(|entry| question.port == 0 || entry.local.port() == question.port);
            found.extend(entry);
            ControlFlow::Continue(())
        })?;
        entries.extend(found);
    }
    Ok(entries)
}

/// Asks one question and folds the answer; a dump that was interrupted is folded anew.
fn dump<T: Default>(
    question: &Question,
    family: Family,
    mut step: impl FnMut(&mut T, &[u8]) -> ControlFlow<()>,
) -> Result<T, Errno> {
    let mut folded = T::default();
    for sequence in 1..=ATTEMPTS_MAX {
        folded = T::default();
        let fd = open()?;
        let request = request(question, family, sequence);
        retry_on_intr(|| send(&fd, &request, SendFlags::empty()))?;
        if answer(&fd, sequence, |message| step(&mut folded, message))? == Dump::Whole {
            break;
        }
    }
    // Interrupted each time: the last one is still the best that is known.
    Ok(folded)
}

fn open() -> Result<OwnedFd, Errno> {
    let fd = socket_with(
        AddressFamily::NETLINK,
        SocketType::RAW,
        SocketFlags::CLOEXEC,
        Some(SOCK_DIAG),
    )?;
    set_socket_timeout(&fd, Timeout::Recv, Some(ANSWER_TIMEOUT))?;
    // Port 0 is the kernel: nobody else is heard.
    connect(&fd, &SocketAddrNetlink::new(0, 0))?;
    Ok(fd)
}

const HEADER: usize = 16;
const IPPROTO_TCP: u8 = 6;
const IPPROTO_UDP: u8 = 17;
const SOCK_DIAG_BY_FAMILY: u16 = 20;
const NLM_F_REQUEST_DUMP: u16 = 0x0001 | 0x0300;
const NLM_F_DUMP_INTR: u16 = 0x10;
const NLMSG_NOOP: u16 = 1;
const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
/// Numbers beyond this one are no errno (`MAX_ERRNO` of the kernel).
const ERRNO_MAX: u32 = 4095;

/// `nlmsghdr` and `inet_diag_req_v2`.
fn request(question: &Question, family: Family, sequence: u32) -> Vec<u8> {
    const LENGTH: u32 = 72;
    let mut request = Vec::with_capacity(72);
    request.extend(LENGTH.to_ne_bytes());
    request.extend(SOCK_DIAG_BY_FAMILY.to_ne_bytes());
    request.extend(NLM_F_REQUEST_DUMP.to_ne_bytes());
    request.extend(sequence.to_ne_bytes());
    request.extend([0; 4]);
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

#[derive(Debug, PartialEq, Eq)]
enum Dump {
    Whole,
    Interrupted,
}

/// What one datagram has told.
#[derive(Debug, PartialEq, Eq)]
enum Datagram {
    More,
    End,
}

fn answer(
    fd: &OwnedFd,
    sequence: u32,
    mut visit: impl FnMut(&[u8]) -> ControlFlow<()>,
) -> Result<Dump, Errno> {
    let mut buffer = vec![0; DATAGRAM_MAX];
    let mut interrupted = false;
    loop {
        let (filled, length) =
            match retry_on_intr(|| recv(fd, buffer.as_mut_slice(), RecvFlags::TRUNC)) {
                // The kernel had no room for a datagram; what is missing is asked again.
                Err(Errno::NOBUFS) => return Ok(Dump::Interrupted),
                received => received?,
            };
        if length == 0 || length > DATAGRAM_MAX {
            return Err(Errno::PROTO);
        }
        let datagram = buffer.get(..filled).unwrap_or_default();
        if each_message(datagram, sequence, &mut interrupted, &mut visit)? == Datagram::End {
            return Ok(if interrupted {
                Dump::Interrupted
            } else {
                Dump::Whole
            });
        }
    }
}

fn each_message(
    mut datagram: &[u8],
    sequence: u32,
    interrupted: &mut bool,
    visit: &mut impl FnMut(&[u8]) -> ControlFlow<()>,
) -> Result<Datagram, Errno> {
    while let Some(message) = split_message(&mut datagram) {
        if message.sequence != sequence {
            continue;
        }
        *interrupted |= message.flags & NLM_F_DUMP_INTR != 0;
        match message.kind {
            NLMSG_NOOP => {}
            NLMSG_DONE => return Ok(Datagram::End),
            NLMSG_ERROR => {
                // The body is an errno with its sign turned; 0 is a bare acknowledgement.
                let code = field::u32(message.body, 0).map(u32::wrapping_neg);
                return match code {
                    Some(0) => Ok(Datagram::End),
                    Some(errno @ 1..=ERRNO_MAX) => {
                        Err(Errno::from_raw_os_error(errno.cast_signed()))
                    }
                    _ => Err(Errno::PROTO),
                };
            }
            SOCK_DIAG_BY_FAMILY if visit(message.body).is_break() => return Ok(Datagram::End),
            _ => {}
        }
    }
    Ok(Datagram::More)
}

struct Message<'a> {
    kind: u16,
    flags: u16,
    sequence: u32,
    body: &'a [u8],
}

/// Takes the first netlink message off; `None` at the end and for a length that cannot be.
fn split_message<'a>(datagram: &mut &'a [u8]) -> Option<Message<'a>> {
    let length = usize::try_from(field::u32(datagram, 0)?).ok()?;
    let message = Message {
        kind: field::u16(datagram, 4)?,
        flags: field::u16(datagram, 6)?,
        sequence: field::u32(datagram, 8)?,
        body: datagram.get(HEADER..length)?,
    };
    *datagram = datagram
        .get(length.checked_next_multiple_of(4)?..)
        .unwrap_or_default();
    Some(message)
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use proptest::prelude::*;
    use rustix::net::bind;
    use rustix::net::sockopt::{set_ipv6_v6only, socket_cookie};

    use super::entry::{ENTRY, INET_DIAG_SKV6ONLY, attribute};
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

    fn message(kind: u16, flags: u16, body: &[u8]) -> Vec<u8> {
        let mut message = Vec::new();
        message.extend(u32::try_from(HEADER + body.len()).unwrap().to_ne_bytes());
        message.extend(kind.to_ne_bytes());
        message.extend(flags.to_ne_bytes());
        message.extend(1_u32.to_ne_bytes());
        message.extend([0; 4]);
        message.extend(body);
        message
    }

    fn read(datagram: &[u8]) -> (Result<Datagram, Errno>, bool, Vec<SocketEntry>) {
        let (mut interrupted, mut found) = (false, Vec::new());
        let mut visit = |body: &[u8]| {
            found.extend(parse_entry(body, Protocol::Tcp));
            ControlFlow::Continue(())
        };
        let result = each_message(datagram, 1, &mut interrupted, &mut visit);
        (result, interrupted, found)
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

    #[test]
    fn a_dump_is_read_over_its_messages_to_its_end() {
        let one = message(SOCK_DIAG_BY_FAMILY, 2, &listening(1));
        let done = message(NLMSG_DONE, 2 | NLM_F_DUMP_INTR, &[0; 4]);
        let (result, interrupted, found) = read(&[one.clone(), one.clone()].concat());
        assert_eq!(
            (result, interrupted, found.len()),
            (Ok(Datagram::More), false, 2)
        );
        let (result, interrupted, found) = read(&[one.clone(), done, one].concat());
        assert_eq!(
            (result, interrupted, found.len()),
            (Ok(Datagram::End), true, 1)
        );
        let refused = message(NLMSG_ERROR, 0, &(-2_i32).to_ne_bytes());
        assert_eq!(read(&refused).0, Err(Errno::NOENT));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(datagram: Vec<u8>, body: Vec<u8>) {
            _ = read(&datagram);
            _ = read(&message(SOCK_DIAG_BY_FAMILY, 0, &body));
            _ = read(&message(NLMSG_ERROR, 0, &body));
            _ = attribute(&body, INET_DIAG_SKV6ONLY);
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
