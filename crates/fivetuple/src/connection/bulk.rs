//! Bulk: bytes that the kernel moves or throws away by itself. They never come into this process,
//! so these calls are for connections whose bytes nobody wants to see ([`Connection::is_unseen`]).

use std::os::fd::{AsFd, BorrowedFd};
use std::task::{Context, Poll, ready};

use rustix::pipe::SpliceFlags;

use super::data_path::stopped_at_urgent_mark;
use super::{Connection, discard};
use crate::call::{Call, Errno};
use crate::kernel::readiness::errno_of;

/// Neither end of a splice waits.
const NOW: SpliceFlags = SpliceFlags::MOVE.union(SpliceFlags::NONBLOCK);

impl Connection {
    /// Whether no observer wants the bytes themselves.
    pub(crate) fn is_unseen(&self) -> bool {
        !self.observers.wants().bytes
    }

    /// Moves what was received into an empty pipe with so much room (splice(2)): how many bytes.
    /// EAGAIN: only a receive can tell what comes next, which is the end of the stream or something
    /// behind an urgent byte; a splice stops there as if there were nothing.
    pub(crate) fn poll_splice_into(
        &self,
        cx: &mut Context<'_>,
        (pipe, room): (impl AsFd, usize),
    ) -> Poll<Result<usize, Errno>> {
        let fd = self.fd.as_ref().ok_or(Errno::BADF)?;
        let moved = loop {
            let mut guard = ready!(fd.poll_read_ready(cx)).map_err(|error| errno_of(&error))?;
            match rustix::pipe::splice(fd, None, &pipe, None, room, NOW) {
                Ok(0) => return Poll::Ready(Err(Errno::AGAIN)),
                Err(Errno::AGAIN) if stopped_at_urgent_mark(fd) => {
                    return Poll::Ready(Err(Errno::AGAIN));
                }
                Err(Errno::AGAIN) => guard.clear_ready(),
                Err(Errno::INTR) => {}
                moved => break moved,
            }
        };
        if let Ok(count) = moved {
            self.live.received(count);
        }
        let result = moved.map(|count| count as u64);
        self.called(
            Call::Splice,
            format_args!("to a pipe, {room} bytes"),
            result,
        );
        Poll::Ready(moved)
    }

    /// Sends what is in a pipe, `count` bytes, as far as the kernel takes it (splice(2)).
    pub(crate) fn poll_splice_from(
        &self,
        cx: &mut Context<'_>,
        (pipe, count): (impl AsFd, usize),
    ) -> Poll<Result<usize, Errno>> {
        self.poll_sending(cx, || {
            self.try_bulk((Call::Splice, count), |fd| {
                rustix::pipe::splice(&pipe, None, fd, None, count, NOW)
            })
        })
    }

    /// Sends `count` bytes of a file from `at` on, or from where it stands, as far as the kernel takes
    /// them (sendfile(2)): 0 where the file ends before.
    pub(crate) fn poll_send_file(
        &self,
        cx: &mut Context<'_>,
        (file, at, count): (impl AsFd, Option<u64>, usize),
    ) -> Poll<Result<usize, Errno>> {
        self.poll_sending(cx, || {
            self.try_bulk((Call::SendFile, count), |fd| {
                let mut at = at;
                rustix::fs::sendfile(fd, &file, at.as_mut(), count)
            })
        })
    }

    /// Whether what is received can be thrown away unseen.
    pub(crate) fn can_discard(&self) -> bool {
        self.is_unseen() && !self.is_datagram()
    }

    /// Receives into nothing, up to `length` bytes (and 1 MiB): how many, 0 at the peer's end of the
    /// stream. Over TCP nothing is copied. Observers are not shown these bytes.
    pub(crate) fn poll_discard(
        &self,
        cx: &mut Context<'_>,
        length: usize,
    ) -> Poll<Result<usize, Errno>> {
        let fd = self.fd.as_ref().ok_or(Errno::BADF)?;
        let length = length.min(discard::LENGTH_MAX);
        let received = loop {
            let mut guard = ready!(fd.poll_read_ready(cx)).map_err(|error| errno_of(&error))?;
            match discard::receive(fd, length) {
                Ok(count) => {
                    if count > 0 && count < length && !stopped_at_urgent_mark(fd) {
                        guard.clear_ready();
                    }
                    break Ok(count);
                }
                Err(Errno::AGAIN) => guard.clear_ready(),
                Err(Errno::INTR) => {}
                Err(errno) => break Err(errno),
            }
        };
        if let Ok(count) = received {
            self.live.received(count);
        }
        let result = received.map(|count| count as u64);
        self.called(Call::Receive, format_args!("{length}, MSG_TRUNC"), result);
        Poll::Ready(received)
    }

    /// One call that has the kernel send something; EAGAIN when it takes nothing now.
    fn try_bulk(
        &self,
        (call, count): (Call, usize),
        send: impl Fn(BorrowedFd<'_>) -> Result<usize, Errno>,
    ) -> Result<usize, Errno> {
        let fd = self.fd()?.get_ref().as_fd();
        let sent = loop {
            match send(fd) {
                Err(Errno::INTR) => {}
                other => break other,
            }
        };
        if let Ok(count) = sent {
            self.live.sent(count);
        }
        if sent != Err(Errno::AGAIN) {
            let result = sent.map(|count| count as u64);
            self.called(call, format_args!("{count} bytes"), result);
        }
        sent
    }
}
