//! The socket options that `rustix` does not have.
//!
//! Everything else (`SO_REUSEADDR`, `TCP_NODELAY`, keepalive …) is in [`rustix::net::sockopt`].

use std::os::fd::{AsFd, AsRawFd};

use libc::{c_int, c_void, socklen_t};
use rustix::io::Errno;

use super::{field, last_errno};

/// `SO_BINDTODEVICE` (socket(7)): use only this interface, whatever the routes say.
///
/// `name` is the name of an interface, at most 15 bytes; the empty name takes the restriction off
/// again. Since Linux 5.7 it needs no privilege as long as the socket has no interface yet.
///
/// # Errors
///
/// ENODEV: no such interface. EINVAL: the name is too long or contains a zero byte.
/// EPERM: `CAP_NET_RAW` is needed.
pub fn bind_to_device(fd: impl AsFd, name: &str) -> Result<(), Errno> {
    if name.len() >= libc::IFNAMSIZ || name.contains('\0') {
        return Err(Errno::INVAL);
    }
    set(fd, libc::SOL_SOCKET, libc::SO_BINDTODEVICE, name.as_bytes())
}

/// `IP_BIND_ADDRESS_NO_PORT` (ip(7)): a bind to port 0 chooses no port; connect will.
///
/// The port is then chosen with the destination in sight, so that one source port serves many
/// destinations. It is an option of the level `SOL_IP` for IPv6 sockets, too.
///
/// # Errors
///
/// ENOPROTOOPT before Linux 4.2.
pub fn bind_address_no_port(fd: impl AsFd, on: bool) -> Result<(), Errno> {
    set_number(
        fd,
        libc::SOL_IP,
        libc::IP_BIND_ADDRESS_NO_PORT,
        c_int::from(on),
    )
}

/// `TCP_NOTSENT_LOWAT` (tcp(7)): the socket is writable only while fewer unsent bytes wait in it.
///
/// Keeps what a reader that does not read can make the kernel hold to about twice this number.
///
/// # Errors
///
/// EINVAL if the number is greater than 2³¹ − 1.
pub fn not_sent_low_water(fd: impl AsFd, bytes: u32) -> Result<(), Errno> {
    let bytes = c_int::try_from(bytes).map_err(|_| Errno::INVAL)?;
    set_number(fd, libc::IPPROTO_TCP, libc::TCP_NOTSENT_LOWAT, bytes)
}

/// Datagrams that came for this socket and were thrown away, because its receive buffer was full
/// (`SO_MEMINFO`, the ninth of its numbers). It counts from 0 again after 2³² of them.
///
/// # Errors
///
/// ENOPROTOOPT before Linux 4.12.
pub fn datagrams_dropped(fd: impl AsFd) -> Result<u32, Errno> {
    const DROPS: usize = 8;
    let mut numbers = [0; 4 * (DROPS + 1)];
    let filled = get(fd, libc::SOL_SOCKET, libc::SO_MEMINFO, &mut numbers)?;
    field::u32(filled, 4 * DROPS).ok_or(Errno::NOPROTOOPT)
}

/// Sets an option that is a number.
pub(super) fn set_number(
    fd: impl AsFd,
    level: c_int,
    option: c_int,
    value: c_int,
) -> Result<(), Errno> {
    set(fd, level, option, &value.to_ne_bytes())
}

fn set(fd: impl AsFd, level: c_int, option: c_int, value: &[u8]) -> Result<(), Errno> {
    let fd = fd.as_fd().as_raw_fd();
    let length = socklen_t::try_from(value.len()).map_err(|_| Errno::INVAL)?;
    // SAFETY: the descriptor is borrowed for the whole function, and `value` is readable for
    // `length` bytes; the kernel only reads it.
    let result =
        unsafe { libc::setsockopt(fd, level, option, value.as_ptr().cast::<c_void>(), length) };
    if result == 0 {
        Ok(())
    } else {
        Err(last_errno())
    }
}

/// Reads an option of any length into `into` and returns the part that the kernel filled.
pub(super) fn get(
    fd: impl AsFd,
    level: c_int,
    option: c_int,
    into: &mut [u8],
) -> Result<&[u8], Errno> {
    let fd = fd.as_fd().as_raw_fd();
    let mut length = socklen_t::try_from(into.len()).map_err(|_| Errno::INVAL)?;
    // SAFETY: the descriptor is borrowed for the whole function, `into` is writable for `length`
    // bytes, and the kernel writes at most that many and stores their number in `length`.
    let result = unsafe {
        libc::getsockopt(
            fd,
            level,
            option,
            into.as_mut_ptr().cast::<c_void>(),
            &raw mut length,
        )
    };
    if result != 0 {
        return Err(last_errno());
    }
    let filled = usize::try_from(length).unwrap_or(usize::MAX);
    Ok(into.get(..filled).unwrap_or(into))
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, UdpSocket};

    use rustix::net::{AddressFamily, SocketType, socket};

    use super::*;

    fn number(fd: impl AsFd, level: c_int, option: c_int) -> i32 {
        let mut into = [0; 4];
        let filled = get(fd, level, option, &mut into).unwrap();
        i32::from_ne_bytes(filled.try_into().unwrap())
    }

    #[test]
    fn bind_address_no_port_works_for_both_families() {
        for (family, address) in [
            (AddressFamily::INET, "127.0.0.1:0"),
            (AddressFamily::INET6, "[::1]:0"),
        ] {
            let fd = socket(family, SocketType::STREAM, None).unwrap();
            bind_address_no_port(&fd, true).unwrap();
            assert_eq!(number(&fd, libc::SOL_IP, libc::IP_BIND_ADDRESS_NO_PORT), 1);
            let address: std::net::SocketAddr = address.parse().unwrap();
            rustix::net::bind(&fd, &address).unwrap();
            let local = rustix::net::getsockname(&fd).unwrap();
            assert_eq!(std::net::SocketAddr::try_from(local).unwrap().port(), 0);
            bind_address_no_port(&fd, false).unwrap();
            assert_eq!(number(&fd, libc::SOL_IP, libc::IP_BIND_ADDRESS_NO_PORT), 0);
        }
    }

    #[test]
    fn bind_to_device_takes_lo_and_refuses_the_rest() {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        assert_eq!(bind_to_device(&socket, "no-such-device"), Err(Errno::NODEV));
        assert_eq!(
            bind_to_device(&socket, "a-name-of-sixteen"),
            Err(Errno::INVAL)
        );
        assert_eq!(bind_to_device(&socket, "lo\0"), Err(Errno::INVAL));
        bind_to_device(&socket, "lo").unwrap();
        let mut name = [0; 16];
        let filled = get(&socket, libc::SOL_SOCKET, libc::SO_BINDTODEVICE, &mut name).unwrap();
        assert_eq!(filled, b"lo\0");
    }

    #[test]
    fn what_finds_no_room_is_counted() {
        let receiver = UdpSocket::bind("127.0.0.1:0").unwrap();
        rustix::net::sockopt::set_socket_recv_buffer_size(&receiver, 2048).unwrap();
        let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
        assert_eq!(datagrams_dropped(&receiver), Ok(0));
        let sent = 64;
        for _ in 0..sent {
            let to = receiver.local_addr().unwrap();
            sender.send_to(&[0; 1000], to).unwrap();
        }
        receiver.set_nonblocking(true).unwrap();
        let mut received = 0;
        while receiver.recv(&mut [0; 1000]).is_ok() {
            received += 1;
        }
        assert!(received < sent);
        assert_eq!(datagrams_dropped(&receiver), Ok(sent - received));
    }

    #[test]
    fn not_sent_low_water_is_what_was_set() {
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        not_sent_low_water(&socket, 131_072).unwrap();
        assert_eq!(
            number(&socket, libc::IPPROTO_TCP, libc::TCP_NOTSENT_LOWAT),
            131_072
        );
        assert_eq!(not_sent_low_water(&socket, u32::MAX), Err(Errno::INVAL));
    }
}
