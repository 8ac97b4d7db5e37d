//! How many bytes wait in a socket: sent and not acknowledged, received and not read.

use std::os::fd::{AsFd, AsRawFd};

use libc::c_int;
use rustix::io::Errno;

use super::last_errno;
use super::tcp_info::{TcpState, tcp_state};

/// Bytes given to the kernel that the peer's kernel has not acknowledged (`SIOCOUTQ`, tcp(7)).
///
/// Linux counts sequence numbers, and our FIN is one of them. It is taken off here, so that only
/// bytes of data are counted, wherever the TCP state tells that the FIN waits (FIN-WAIT-1,
/// CLOSING, LAST-ACK). After a reset the kernel keeps the count, but the state is CLOSED and no
/// longer tells; who has half-closed asks [`unacknowledged_after_half_close`] instead.
///
/// # Errors
///
/// EINVAL for a listening socket; ENOTTY or EOPNOTSUPP for what is not TCP.
pub fn unacknowledged(fd: impl AsFd) -> Result<u32, Errno> {
    let fd = fd.as_fd();
    // The state comes first: a FIN seen as waiting is either still counted, then as the last
    // one, or was acknowledged meanwhile, and then the queue is empty.
    let fin_waits = matches!(
        tcp_state(fd)?,
        TcpState::FinWait1 | TcpState::Closing | TcpState::LastAck
    );
    Ok(sequence_numbers(fd)?.saturating_sub(u32::from(fin_waits)))
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
