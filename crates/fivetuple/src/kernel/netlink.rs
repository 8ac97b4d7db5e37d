//! Questions to `NETLINK_SOCK_DIAG` (sock_diag(7), netlink(7)): a dump is asked for, read to its end,
//! and begun again if sockets came and went meanwhile.

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

/// Times that a dump is begun again because sockets came and went while it ran.
const ATTEMPTS_MAX: u32 = 3;

/// Room for one datagram; the kernel fills at most 32 KiB.
const DATAGRAM_MAX: usize = 65_536;

/// The kernel answers at once; longer than this means never.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);

const HEADER: usize = 16;
const SOCK_DIAG_BY_FAMILY: u16 = 20;
const NLM_F_REQUEST_DUMP: u16 = 0x0001 | 0x0300;
const NLM_F_DUMP_INTR: u16 = 0x10;
const NLMSG_NOOP: u16 = 1;
const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
/// Numbers beyond this one are no errno (`MAX_ERRNO` of the kernel).
const ERRNO_MAX: u32 = 4095;

/// Asks for the sockets that `request` (the structure of a family) describes and folds the answer; a
/// dump that was interrupted is folded anew.
///
/// # Errors
///
/// ENOENT or EPROTONOSUPPORT: the kernel has no sock_diag for these. EAGAIN: no answer in time.
pub(super) fn dump<T: Default>(
    request: &[u8],
    mut step: impl FnMut(&mut T, &[u8]) -> ControlFlow<()>,
) -> Result<T, Errno> {
    let mut folded = T::default();
    for sequence in 1..=ATTEMPTS_MAX {
        folded = T::default();
        let fd = open()?;
        let message = message(request, sequence);
        retry_on_intr(|| send(&fd, &message, SendFlags::empty()))?;
        if answer(&fd, sequence, |message| step(&mut folded, message))? == Dump::Whole {
            break;
        }
    }
    // Interrupted each time: the last one is still the best that is known.
    Ok(folded)
}

/// The request behind an `nlmsghdr`.
fn message(request: &[u8], sequence: u32) -> Vec<u8> {
    let length = u32::try_from(HEADER + request.len()).unwrap_or(u32::MAX);
    let mut message = Vec::with_capacity(HEADER + request.len());
    message.extend(length.to_ne_bytes());
    message.extend(SOCK_DIAG_BY_FAMILY.to_ne_bytes());
    message.extend(NLM_F_REQUEST_DUMP.to_ne_bytes());
    message.extend(sequence.to_ne_bytes());
    message.extend([0; 4]);
    message.extend(request);
    message
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

/// The value of one attribute (`rtattr`) in a row of them.
pub(super) fn attribute(mut row: &[u8], wanted: u16) -> Option<&[u8]> {
    loop {
        let length = usize::from(field::u16(row, 0)?);
        let value = row.get(4..length)?;
        if field::u16(row, 2)? == wanted {
            return Some(value);
        }
        row = row.get(length.next_multiple_of(4)..)?;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

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

    fn read(datagram: &[u8]) -> (Result<Datagram, Errno>, bool, usize) {
        let (mut interrupted, mut found) = (false, 0);
        let mut visit = |body: &[u8]| {
            found += usize::from(body == b"body");
            ControlFlow::Continue(())
        };
        let result = each_message(datagram, 1, &mut interrupted, &mut visit);
        (result, interrupted, found)
    }

    #[test]
    fn a_dump_is_read_over_its_messages_to_its_end() {
        let one = message(SOCK_DIAG_BY_FAMILY, 2, b"body");
        let done = message(NLMSG_DONE, 2 | NLM_F_DUMP_INTR, &[0; 4]);
        let (result, interrupted, found) = read(&[one.clone(), one.clone()].concat());
        assert_eq!((result, interrupted, found), (Ok(Datagram::More), false, 2));
        let (result, interrupted, found) = read(&[one.clone(), done, one].concat());
        assert_eq!((result, interrupted, found), (Ok(Datagram::End), true, 1));
        let refused = message(NLMSG_ERROR, 0, &(-2_i32).to_ne_bytes());
        assert_eq!(read(&refused).0, Err(Errno::NOENT));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(datagram: Vec<u8>, body: Vec<u8>) {
            _ = read(&datagram);
            _ = read(&message(SOCK_DIAG_BY_FAMILY, 0, &body));
            _ = read(&message(NLMSG_ERROR, 0, &body));
            _ = attribute(&body, 11);
        }
    }
}
