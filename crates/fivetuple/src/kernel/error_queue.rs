//! The error queue of a socket (`IP_RECVERR`, `IPV6_RECVERR`, ip(7), ipv6(7)): which datagram an
//! ICMP error is about.
//!
//! Without it an error belongs to the socket, and whoever uses the socket next is told of somebody
//! else's.

use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsFd;

use rustix::io::Errno;

use super::datagram::{Beside, message};
use super::{field, socket_option};
use crate::address::Family;

/// One error about a datagram that was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueuedError {
    /// What it says: ECONNREFUSED, EHOSTUNREACH, EMSGSIZE …
    pub errno: Errno,
    /// Whom the datagram was sent to.
    pub peer: SocketAddr,
    /// The address of this machine that it was sent from, where [`super::datagram::tell_local`]
    /// was asked for.
    pub local: Option<IpAddr>,
}

/// Has the kernel queue errors with the datagrams that they are about.
///
/// # Errors
/// ENOPROTOOPT: it does not.
pub fn keep_errors(fd: impl AsFd, family: Family) -> Result<(), Errno> {
    match family {
        Family::Inet6 => socket_option::set_number(fd, libc::SOL_IPV6, libc::IPV6_RECVERR, 1),
        Family::Inet | Family::Unix => {
            socket_option::set_number(fd, libc::SOL_IP, libc::IP_RECVERR, 1)
        }
    }
}

/// Takes the oldest error; `None` for one that names no datagram.
///
/// # Errors
/// EAGAIN: there is none.
pub fn take(fd: impl AsFd) -> Result<Option<QueuedError>, Errno> {
    let mut beside = Beside::new();
    // What the datagram said is of no interest; what is cut off is nothing lost.
    message(fd, &mut [], &mut beside, libc::MSG_ERRQUEUE)?;
    Ok(read(&beside))
}

fn read(beside: &Beside) -> Option<QueuedError> {
    let error = beside
        .control(libc::SOL_IP, libc::IP_RECVERR)
        .or_else(|| beside.control(libc::SOL_IPV6, libc::IPV6_RECVERR))?;
    // The first field of sock_extended_err.
    let errno = i32::try_from(field::u32(error, 0)?).ok()?;
    Some(QueuedError {
        errno: Errno::from_raw_os_error(errno),
        peer: beside.name()?,
        local: beside.addresses().map(|info| info.destination),
    })
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;

    use rustix::event::{PollFd, PollFlags, poll};

    use super::super::datagram;
    use super::*;

    #[test]
    fn an_error_names_the_datagram_that_it_is_about() {
        for (any, host) in [("0.0.0.0:0", "127.0.0.3"), ("[::]:0", "::1")] {
            let socket = UdpSocket::bind(any).unwrap();
            let family = Family::of(&any.parse().unwrap());
            keep_errors(&socket, family).unwrap();
            datagram::tell_local(&socket, family).unwrap();
            assert_eq!(take(&socket), Err(Errno::AGAIN));
            let gone = UdpSocket::bind((host, 0)).unwrap().local_addr().unwrap();
            let from = SocketAddr::new(gone.ip(), 0);
            datagram::send(&socket, b"hello", gone, Some(from)).unwrap();
            poll(&mut [PollFd::new(&socket, PollFlags::empty())], None).unwrap();
            let error = take(&socket).unwrap().unwrap();
            assert_eq!((error.errno, error.peer), (Errno::CONNREFUSED, gone));
            assert_eq!(error.local, Some(gone.ip()));
            assert_eq!(take(&socket), Err(Errno::AGAIN));
        }
    }
}
