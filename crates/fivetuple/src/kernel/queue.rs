//! How many bytes wait in a socket: sent and not acknowledged, received and not read.

use std::os::fd::{AsFd, AsRawFd};

use libc::c_int;
use rustix::io::Errno;

use super::last_errno;
use super::tcp_info::{TcpState, tcp_info};

/// Bytes given to the kernel that the peer's kernel has not acknowledged (`SIOCOUTQ`, tcp(7)).
///
/// Linux counts sequence numbers, and our FIN is one of them. It is taken off here, so that only
/// bytes of data are counted, wherever the TCP state tells that the FIN waits (FIN-WAIT-1,
/// CLOSING, LAST-ACK). After a reset the kernel keeps the count, but the state is CLOSED and no
/// longer tells; who has half-closed asks [`unacknowledged_after_half_close`] instead.
///
/// # Errors
///
/// EINVAL for a listening socket; ENOTTY for what is no socket. Only what it says of TCP has a meaning.
pub fn unacknowledged(fd: impl AsFd) -> Result<u32, Errno> {
    let fd = fd.as_fd();
    if sequence_numbers(fd)? == 0 {
        return Ok(0);
    }
    // The state comes first: a FIN seen as waiting is either still counted, then as the last
    // one, or was acknowledged meanwhile, and then the queue is empty.
    let info = tcp_info(fd)?;
    let all = sequence_numbers(fd)?;
    Ok(match info.state {
        TcpState::FinWait1 | TcpState::Closing | TcpState::LastAck => all.saturating_sub(1),
        // Never connected: what is counted is our SYN, and Linux adds to it when it gives up.
        TcpState::Closed if info.bytes_sent == Some(0) && info.snd_wnd.is_none_or(|w| w == 0) => 0,
        _ => all,
    })
}

/// The same for a socket whose `shutdown` of the sending side has succeeded, in every state.
///
/// The FIN is then the last sequence number and is counted until everything is acknowledged,
/// after a reset, too.
///
/// # Errors
///
/// As [`unacknowledged`].
pub fn unacknowledged_after_half_close(fd: impl AsFd) -> Result<u32, Errno> {
    Ok(sequence_numbers(fd)?.saturating_sub(1))
}

/// Bytes received that nobody has read yet (`FIONREAD`, tcp(7)).
///
/// A waiting end of stream counts as no byte.
///
/// # Errors
///
/// EINVAL for a listening socket.
pub fn unread(fd: impl AsFd) -> Result<u64, Errno> {
    rustix::io::ioctl_fionread(fd)
}

fn sequence_numbers(fd: impl AsFd) -> Result<u32, Errno> {
    let fd = fd.as_fd().as_raw_fd();
    let mut count: c_int = 0;
    // SAFETY: SIOCOUTQ (the number of TIOCOUTQ) writes one int, which `count` is; the descriptor
    // is borrowed for the whole function.
    let result = unsafe { libc::ioctl(fd, libc::TIOCOUTQ, &raw mut count) };
    if result != 0 {
        return Err(last_errno());
    }
    Ok(u32::try_from(count).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use std::io::{ErrorKind, Read, Write};
    use std::net::{Shutdown, TcpListener, TcpStream};
    use std::time::Duration;

    use rustix::net::sockopt::set_socket_linger;
    use rustix::net::{AddressFamily, SocketType, connect, socket};

    use super::*;
    use crate::kernel::tcp_info::tcp_state;

    fn pair() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (accepted, _) = listener.accept().unwrap();
        (client, accepted)
    }

    /// Sends until nothing more fits; returns how many bytes went.
    fn fill(client: &mut TcpStream) -> u64 {
        client.set_nonblocking(true).unwrap();
        let mut sent = 0;
        loop {
            match client.write(&[1; 65_536]) {
                Ok(count) => sent += count as u64,
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::WouldBlock);
                    client.set_nonblocking(false).unwrap();
                    return sent;
                }
            }
        }
    }

    /// The same by another way: what was sent, less what `TCP_INFO` says is acknowledged. The
    /// SYN counts as one.
    fn expected(client: &TcpStream, sent: u64) -> u64 {
        sent - (tcp_info(client).unwrap().bytes_acked.unwrap() - 1)
    }

    #[test]
    fn only_bytes_of_data_are_counted_before_and_after_the_half_close() {
        let (mut client, mut accepted) = pair();
        assert_eq!(unacknowledged(&client), Ok(0));
        let sent = fill(&mut client);
        wait_until(|| u64::from(unacknowledged(&client).unwrap()) == expected(&client, sent));
        client.shutdown(Shutdown::Write).unwrap();
        assert_eq!(tcp_state(&client), Ok(TcpState::FinWait1));
        assert_eq!(
            u64::from(unacknowledged(&client).unwrap()),
            expected(&client, sent)
        );
        assert_eq!(
            unacknowledged(&client),
            unacknowledged_after_half_close(&client)
        );
        let received = std::io::copy(&mut accepted, &mut std::io::sink()).unwrap();
        assert_eq!(received, sent);
        wait_until(|| unacknowledged(&client) == Ok(0));
        assert_eq!(unacknowledged_after_half_close(&client), Ok(0));
    }

    #[test]
    fn after_a_reset_the_bytes_that_were_lost_stay_counted() {
        for half_close in [false, true] {
            let (mut client, accepted) = pair();
            let sent = fill(&mut client);
            if half_close {
                client.shutdown(Shutdown::Write).unwrap();
            }
            let lost = unacknowledged(&client).unwrap();
            assert!(u64::from(lost) <= sent && lost > 0);
            set_socket_linger(&accepted, Some(Duration::ZERO)).unwrap();
            drop(accepted);
            wait_until(|| tcp_state(&client) == Ok(TcpState::Closed));
            let after = if half_close {
                unacknowledged_after_half_close(&client)
            } else {
                unacknowledged(&client)
            };
            assert_eq!(after, Ok(lost), "{half_close}");
            assert_eq!(
                client.read(&mut [0]).unwrap_err().kind(),
                ErrorKind::ConnectionReset
            );
        }
    }

    #[test]
    fn last_ack_does_not_count_the_fin() {
        let (mut client, accepted) = pair();
        accepted.shutdown(Shutdown::Write).unwrap();
        wait_until(|| tcp_state(&client) == Ok(TcpState::CloseWait));
        let sent = fill(&mut client);
        client.shutdown(Shutdown::Write).unwrap();
        assert_eq!(tcp_state(&client), Ok(TcpState::LastAck));
        assert_eq!(
            u64::from(unacknowledged(&client).unwrap()),
            expected(&client, sent)
        );
    }

    #[test]
    fn what_never_connected_has_nothing_to_be_acknowledged() {
        let fd = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
        assert_eq!(unacknowledged(&fd), Ok(0));
        let gone = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap();
        assert_eq!(connect(&fd, &gone), Err(Errno::CONNREFUSED));
        assert_eq!(unacknowledged(&fd), Ok(0));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        assert_eq!(unacknowledged(&listener), Err(Errno::INVAL));
    }

    #[test]
    fn unread_counts_what_nobody_has_read() {
        let (mut client, mut accepted) = pair();
        assert_eq!(unread(&accepted), Ok(0));
        client.write_all(&[1; 300]).unwrap();
        wait_until(|| unread(&accepted) == Ok(300));
        accepted.read_exact(&mut [0; 100]).unwrap();
        assert_eq!(unread(&accepted), Ok(200));
    }

    fn wait_until(mut condition: impl FnMut() -> bool) {
        let begin = std::time::Instant::now();
        while !condition() {
            assert!(
                begin.elapsed() < Duration::from_secs(10),
                "it did not come to be"
            );
            std::thread::yield_now();
        }
    }
}
