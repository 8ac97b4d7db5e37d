//! Datagrams with both of their addresses (recvmsg(2), sendmsg(2), ip(7), ipv6(7)).
//!
//! A socket on a wildcard address receives for every address of the machine. Which one a datagram
//! came to is told beside it (`IP_PKTINFO`, `IPV6_RECVPKTINFO`), and the answer is sent from there.

use std::net::{IpAddr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::os::fd::{AsFd, AsRawFd};

use libc::{c_int, c_void, iovec, msghdr};
use rustix::io::Errno;

use super::{field, last_errno, socket_option};
use crate::address::Family;

/// No datagram has more bytes: its length stands in 16 bits.
pub const DATAGRAM_MAX: usize = 65_535;

/// Room for a `sockaddr_in6`, which is the longest name here.
const NAME: usize = 28;
/// Room for what is told beside a datagram: its addresses, an error with its offender.
const CONTROL: usize = 256;

/// One datagram, as it was received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Received {
    /// How long it was; of a longer one than the buffer, only the beginning is there.
    pub length: usize,
    /// Who sent it.
    pub peer: SocketAddr,
    /// The address of this machine that it came to, and on a wildcard socket the answer leaves
    /// from; `None` where the kernel does not tell it.
    pub local: Option<IpAddr>,
    /// The interface that it came through, told together with `local`; 0: not told.
    pub interface: u32,
}

/// Has the kernel tell the address that each datagram came to.
///
/// # Errors
/// ENOPROTOOPT: it does not.
pub fn tell_local(fd: impl AsFd, family: Family) -> Result<(), Errno> {
    match family {
        Family::Inet6 => socket_option::set_number(fd, libc::SOL_IPV6, libc::IPV6_RECVPKTINFO, 1),
        Family::Inet | Family::Unix => {
            socket_option::set_number(fd, libc::SOL_IP, libc::IP_PKTINFO, 1)
        }
    }
}

/// Has an error make the socket readable, too: who waits for datagrams wakes up for it
/// (`SO_SELECT_ERR_QUEUE`, socket(7)).
///
/// # Errors
/// ENOPROTOOPT before Linux 3.10.
pub fn wake_for_errors(fd: impl AsFd) -> Result<(), Errno> {
    socket_option::set_number(fd, libc::SOL_SOCKET, libc::SO_SELECT_ERR_QUEUE, 1)
}

/// Receives one datagram without waiting.
///
/// # Errors
/// EAGAIN: there is none. Others are errors of earlier datagrams that the socket held (udp(7)).
pub fn receive(fd: impl AsFd, buffer: &mut [u8]) -> Result<Received, Errno> {
    let mut beside = Beside::new();
    let length = message(fd, buffer, &mut beside, libc::MSG_TRUNC)?;
    let peer = beside.name().ok_or(Errno::AFNOSUPPORT)?;
    let (local, interface) = match beside.addresses() {
        Some(info) => (info.answers_from, info.interface),
        None => (None, 0),
    };
    Ok(Received {
        length,
        peer,
        local,
        interface,
    })
}

/// Sends one datagram without waiting; `from` is the address that it leaves from, where the
/// socket has the wildcard.
///
/// # Errors
/// Those of sendto(2): EAGAIN, ENOBUFS; EMSGSIZE; and errors of earlier datagrams that the socket
/// held.
pub fn send(
    fd: impl AsFd,
    datagram: &[u8],
    to: SocketAddr,
    from: Option<SocketAddr>,
) -> Result<usize, Errno> {
    let mut name = Aligned([0; NAME]);
    let name_length = write_name(&mut name.0, to);
    let mut control = Aligned([0; CONTROL]);
    let control_length = from.map_or(0, |from| write_source(&mut control.0, from));
    let mut part = iovec {
        // The kernel only reads it.
        iov_base: datagram.as_ptr().cast::<c_void>().cast_mut(),
        iov_len: datagram.len(),
    };
    let mut header = header();
    header.msg_name = name.0.as_mut_ptr().cast();
    header.msg_namelen = name_length;
    header.msg_iov = &raw mut part;
    header.msg_iovlen = 1;
    if control_length > 0 {
        header.msg_control = control.0.as_mut_ptr().cast();
        header.msg_controllen = control_length;
    }
    let fd = fd.as_fd().as_raw_fd();
    // SAFETY: the descriptor is borrowed for the whole function; name, part, datagram and control
    // live until the end of it and are as long as the header says; the kernel only reads them.
    let sent = unsafe { libc::sendmsg(fd, &raw const header, libc::MSG_NOSIGNAL) };
    usize::try_from(sent).map_err(|_| last_errno())
}

/// Bytes where the kernel wants them aligned.
#[repr(C, align(8))]
pub(super) struct Aligned<const N: usize>(pub(super) [u8; N]);

/// What recvmsg tells beside the bytes.
pub(super) struct Beside {
    name: Aligned<NAME>,
    name_length: usize,
    control: Aligned<CONTROL>,
    control_length: usize,
}

impl Beside {
    pub(super) fn new() -> Self {
        Self {
            name: Aligned([0; NAME]),
            name_length: 0,
            control: Aligned([0; CONTROL]),
            control_length: 0,
        }
    }

    /// The address in `msg_name`.
    pub(super) fn name(&self) -> Option<SocketAddr> {
        read_name(self.name.0.get(..self.name_length)?)
    }

    /// The first control message of this kind.
    pub(super) fn control(&self, level: c_int, kind: c_int) -> Option<&[u8]> {
        let row = self.control.0.get(..self.control_length)?;
        control_message(row, (level, kind))
    }

    pub(super) fn addresses(&self) -> Option<Addresses> {
        let v4 = self.control(libc::SOL_IP, libc::IP_PKTINFO);
        let v6 = || self.control(libc::SOL_IPV6, libc::IPV6_PKTINFO);
        match v4 {
            Some(info) => Addresses::read_v4(info),
            None => Addresses::read_v6(v6()?),
        }
    }
}

/// `in_pktinfo` and `in6_pktinfo`.
pub(super) struct Addresses {
    /// The destination in the header.
    pub(super) destination: IpAddr,
    /// The same, or the machine's own address where that is one of a group (broadcast, multicast).
    pub(super) answers_from: Option<IpAddr>,
    pub(super) interface: u32,
}

impl Addresses {
    fn read_v4(info: &[u8]) -> Option<Self> {
        let interface = field::u32(info, 0)?;
        let own: [u8; 4] = field::bytes(info, 4)?;
        let destination: [u8; 4] = field::bytes(info, 8)?;
        Some(Self {
            destination: destination.into(),
            answers_from: (own != [0; 4]).then(|| own.into()),
            interface,
        })
    }

    fn read_v6(info: &[u8]) -> Option<Self> {
        let destination = Ipv6Addr::from(field::bytes::<16>(info, 0)?);
        Some(Self {
            destination: destination.into(),
            answers_from: (!destination.is_multicast()).then(|| destination.into()),
            interface: field::u32(info, 16)?,
        })
    }
}

/// One recvmsg; returns what the kernel says the length is, with `MSG_TRUNC` the whole one.
pub(super) fn message(
    fd: impl AsFd,
    buffer: &mut [u8],
    beside: &mut Beside,
    flags: c_int,
) -> Result<usize, Errno> {
    let mut part = iovec {
        iov_base: buffer.as_mut_ptr().cast(),
        iov_len: buffer.len(),
    };
    let mut header = header();
    header.msg_name = beside.name.0.as_mut_ptr().cast();
    header.msg_namelen = 28;
    header.msg_iov = &raw mut part;
    header.msg_iovlen = 1;
    header.msg_control = beside.control.0.as_mut_ptr().cast();
    header.msg_controllen = CONTROL;
    let fd = fd.as_fd().as_raw_fd();
    // SAFETY: the descriptor is borrowed for the whole function; name, part, buffer and control
    // are writable, live until the end of it, and are as long as the header says.
    let received = unsafe { libc::recvmsg(fd, &raw mut header, flags | libc::MSG_DONTWAIT) };
    let length = usize::try_from(received).map_err(|_| last_errno())?;
    beside.name_length = usize::try_from(header.msg_namelen).unwrap_or(0).min(NAME);
    beside.control_length = header.msg_controllen.min(CONTROL);
    Ok(length)
}

fn header() -> msghdr {
    // SAFETY: a msghdr is numbers and pointers, for which zero is a value.
    unsafe { std::mem::zeroed() }
}

/// `cmsghdr`: its length, level and kind; the data begins at an aligned place behind them.
const LEVEL: usize = size_of::<usize>();
const KIND: usize = LEVEL + 4;
const DATA: usize = (KIND + 4).next_multiple_of(size_of::<usize>());

/// The data of the first control message of this level and kind.
fn control_message(mut row: &[u8], wanted: (c_int, c_int)) -> Option<&[u8]> {
    loop {
        let length = usize::from_ne_bytes(field::bytes(row, 0)?);
        let level = c_int::from_ne_bytes(field::bytes(row, LEVEL)?);
        let kind = c_int::from_ne_bytes(field::bytes(row, KIND)?);
        let data = row.get(DATA..length)?;
        if (level, kind) == wanted {
            return Some(data);
        }
        row = row.get(length.checked_next_multiple_of(size_of::<usize>())?..)?;
    }
}

/// Writes the control message that chooses the source address; returns its length.
fn write_source(to: &mut [u8; CONTROL], from: SocketAddr) -> usize {
    let (level, kind) = match from {
        SocketAddr::V4(_) => (libc::SOL_IP, libc::IP_PKTINFO),
        SocketAddr::V6(_) => (libc::SOL_IPV6, libc::IPV6_PKTINFO),
    };
    let mut at = DATA;
    match from {
        SocketAddr::V4(from) => {
            at += put(to, at, &0_u32.to_ne_bytes());
            at += put(to, at, &from.ip().octets());
            at += put(to, at, &[0; 4]);
        }
        SocketAddr::V6(from) => {
            at += put(to, at, &from.ip().octets());
            at += put(to, at, &from.scope_id().to_ne_bytes());
        }
    }
    put(to, 0, &at.to_ne_bytes());
    put(to, LEVEL, &level.to_ne_bytes());
    put(to, KIND, &kind.to_ne_bytes());
    at.next_multiple_of(size_of::<usize>())
}

/// Reads `sockaddr_in` or `sockaddr_in6`; an IPv4-mapped address is written as IPv4.
pub(super) fn read_name(name: &[u8]) -> Option<SocketAddr> {
    let family = c_int::from(field::u16(name, 0)?);
    let port = field::u16_network(name, 2)?;
    match family {
        libc::AF_INET => Some((field::bytes::<4>(name, 4)?, port).into()),
        libc::AF_INET6 => {
            let ip = Ipv6Addr::from(field::bytes::<16>(name, 8)?);
            let scope = field::u32(name, 24)?;
            Some(SocketAddrV6::new(ip, port, 0, scope).into())
        }
        _ => None,
    }
}

/// Writes `sockaddr_in` or `sockaddr_in6`; returns its length.
fn write_name(to: &mut [u8; NAME], address: SocketAddr) -> libc::socklen_t {
    put(to, 2, &address.port().to_be_bytes());
    match address {
        SocketAddr::V4(address) => {
            put(to, 0, &2_u16.to_ne_bytes());
            put(to, 4, &address.ip().octets());
            16
        }
        SocketAddr::V6(address) => {
            put(to, 0, &10_u16.to_ne_bytes());
            put(to, 8, &address.ip().octets());
            put(to, 24, &address.scope_id().to_ne_bytes());
            28
        }
    }
}

/// Copies bytes to their place; returns how many. There is always room.
fn put(to: &mut [u8], at: usize, bytes: &[u8]) -> usize {
    if let Some(place) = to.get_mut(at..at + bytes.len()) {
        place.copy_from_slice(bytes);
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_are_written_and_read() {
        for text in ["127.0.0.1:53", "[::1]:65535", "[fe80::1%3]:7"] {
            let address: SocketAddr = text.parse().unwrap();
            let mut name = [0; NAME];
            let length = write_name(&mut name, address) as usize;
            assert_eq!(read_name(&name[..length]), Some(address));
            assert_eq!(read_name(&name[..length - 1]).is_none(), length > 16);
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(bytes: Vec<u8>) {
            _ = read_name(&bytes);
            _ = control_message(&bytes, (libc::SOL_IP, libc::IP_PKTINFO));
            _ = Addresses::read_v4(&bytes);
            _ = Addresses::read_v6(&bytes);
        }
    }

    #[test]
    fn a_wildcard_socket_is_told_where_a_datagram_came_to_and_answers_from_there() {
        for (any, host) in [("0.0.0.0:0", "127.0.0.2"), ("[::]:0", "::1")] {
            let server = UdpSocket::bind(any).unwrap();
            let family = Family::of(&any.parse().unwrap());
            tell_local(&server, family).unwrap();
            let asked = SocketAddr::new(host.parse().unwrap(), server.local_addr().unwrap().port());
            let client = UdpSocket::bind(any).unwrap();
            client.send_to(b"hello", asked).unwrap();
            let mut buffer = [0; 3];
            let mut wait = [rustix::event::PollFd::new(
                &server,
                rustix::event::PollFlags::IN,
            )];
            rustix::event::poll(&mut wait, None).unwrap();
            let received = receive(&server, &mut buffer).unwrap();
            assert_eq!((received.length, &buffer), (5, b"hel"));
            assert_eq!(received.local, Some(asked.ip()));
            assert_eq!(send(&server, b"bye", received.peer, Some(asked)), Ok(3));
            let mut buffer = [0; 16];
            assert_eq!(client.recv_from(&mut buffer).unwrap(), (3, asked));
            assert_eq!(receive(&server, &mut buffer), Err(Errno::AGAIN));
        }
    }
}
