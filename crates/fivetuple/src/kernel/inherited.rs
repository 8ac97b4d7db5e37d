//! Listening sockets that this process was started with.

use std::os::fd::{FromRawFd, OwnedFd, RawFd};
use std::sync::Mutex;

use rustix::io::Errno;

/// Those that were given out.
static TAKEN: Mutex<Vec<RawFd>> = Mutex::new(Vec::new());

/// Takes over a listening socket that was passed to this process, from descriptor 3 on;
/// close-on-exec from here on. To be called before this process opens sockets of its own.
///
/// # Errors
///
/// EBADF: it is not open; ENOTSOCK: it is no socket; EPROTOTYPE: it is no stream socket, as those of
/// datagrams are; EINVAL: it does not listen, or is 0, 1 or 2, which belong to others; EBUSY: it was
/// taken before.
pub fn take_listening(number: RawFd) -> Result<OwnedFd, Errno> {
    if number < 3 {
        return Err(Errno::INVAL);
    }
    let mut taken = TAKEN.lock().map_err(|_| Errno::BUSY)?;
    if taken.contains(&number) {
        return Err(Errno::BUSY);
    }
    if option(number, libc::SO_TYPE)? != libc::SOCK_STREAM {
        return Err(Errno::PROTOTYPE);
    }
    if option(number, libc::SO_ACCEPTCONN)? == 0 {
        return Err(Errno::INVAL);
    }
    // SAFETY: fcntl with F_SETFD takes any number, and says EBADF if it is not open.
    if unsafe { libc::fcntl(number, libc::F_SETFD, libc::FD_CLOEXEC) } == -1 {
        return Err(super::last_errno());
    }
    taken.push(number);
    // SAFETY: it is an open listening socket. This process has opened none yet, as this function
    // asks, so it was passed to this process for it to own; the list above sees to it that it is
    // given out once.
    Ok(unsafe { OwnedFd::from_raw_fd(number) })
}

/// An option of a socket whose value is a number (socket(7)).
fn option(number: RawFd, name: libc::c_int) -> Result<libc::c_int, Errno> {
    let mut value: libc::c_int = 0;
    let mut length = libc::socklen_t::try_from(size_of_val(&value)).map_err(|_| Errno::INVAL)?;
    // SAFETY: getsockopt takes any number, and says EBADF or ENOTSOCK; the value and its true
    // length are ours and live through the call.
    let result = unsafe {
        libc::getsockopt(
            number,
            libc::SOL_SOCKET,
            name,
            (&raw mut value).cast(),
            &raw mut length,
        )
    };
    match result {
        -1 => Err(super::last_errno()),
        _ => Ok(value),
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::{AsRawFd, IntoRawFd};

    use super::*;

    #[test]
    fn a_socket_is_given_out_once_and_only_if_it_listens() {
        assert_eq!(take_listening(2).unwrap_err(), Errno::INVAL);
        assert_eq!(take_listening(60_000).unwrap_err(), Errno::BADF);
        let file = std::fs::File::open("/dev/null").unwrap();
        assert_eq!(
            take_listening(file.as_raw_fd()).unwrap_err(),
            Errno::NOTSOCK
        );
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        assert_eq!(
            take_listening(socket.as_raw_fd()).unwrap_err(),
            Errno::PROTOTYPE
        );
        let (socket, _peer) = std::os::unix::net::UnixStream::pair().unwrap();
        assert_eq!(
            take_listening(socket.as_raw_fd()).unwrap_err(),
            Errno::INVAL
        );
        let listening = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let passed = listening.into_raw_fd();
        let taken = take_listening(passed).unwrap();
        assert_eq!(take_listening(passed).unwrap_err(), Errno::BUSY);
        assert!(
            rustix::io::fcntl_getfd(&taken)
                .unwrap()
                .contains(rustix::io::FdFlags::CLOEXEC)
        );
    }
}
