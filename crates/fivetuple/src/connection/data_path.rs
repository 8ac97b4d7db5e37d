//! The data path of a connection: one call on readiness, counted and told.

use std::io::{self, IoSlice};
use std::os::fd::OwnedFd;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, ready};

use rustix::net::{RecvFlags, SendAncillaryBuffer, SendFlags};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::Connection;
use crate::call::{Call, Errno};
use crate::event::{Direction, Event};
use crate::kernel::readiness::{self, errno_of};
use crate::kernel::{TcpState, tcp_info};

impl Connection {
    /// Reads into `buffer` on readiness. A read that does not fill the buffer means that the
    /// socket is drained, so the next one waits for the event loop instead of asking again.
    pub(crate) fn poll_receive(
        &self,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<Result<usize, Errno>> {
        let fd = self.fd.as_ref().ok_or(Errno::BADF)?;
        if self.is_datagram() {
            return self.poll_receive_datagram(cx, fd, buffer);
        }
        let received = loop {
            let mut guard = ready!(fd.poll_read_ready(cx)).map_err(|error| errno_of(&error))?;
            match rustix::net::recv(fd.get_ref(), &mut *buffer, RecvFlags::empty()) {
                Ok((count, _)) => {
                    if count > 0 && count < buffer.len() && !stopped_at_urgent_mark(fd) {
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
            if self.observers.wants().bytes
                && let Some(bytes) = buffer.get(..count)
                && count > 0
            {
                self.moved(Direction::Received, bytes);
            }
        }
        let result = received.map(|count| count as u64);
        self.called(Call::Receive, format_args!("{}", buffer.len()), result);
        Poll::Ready(received)
    }

    /// Receives one datagram; of one that is too long for the buffer the rest is lost, and told.
    /// A short one does not mean that it was the last, and an error of one that was sent waits
    /// until everything that came before it is received.
    fn poll_receive_datagram(
        &self,
        cx: &mut Context<'_>,
        fd: &AsyncFd<OwnedFd>,
        buffer: &mut [u8],
    ) -> Poll<Result<usize, Errno>> {
        let received = loop {
            let refused = self.refused.load(Ordering::Relaxed);
            let ready = match fd.poll_read_ready(cx) {
                Poll::Pending if refused == 0 => return Poll::Pending,
                Poll::Pending => None,
                Poll::Ready(guard) => Some(guard.map_err(|error| errno_of(&error))?),
            };
            match rustix::net::recv(fd.get_ref(), &mut *buffer, RecvFlags::TRUNC) {
                Ok(received) => break Ok(received),
                Err(Errno::AGAIN) => match ready {
                    Some(mut guard) => guard.clear_ready(),
                    None => {
                        self.refused.store(0, Ordering::Relaxed);
                        break Err(Errno::from_raw_os_error(refused));
                    }
                },
                Err(Errno::INTR) => {}
                Err(Errno::CONNREFUSED) => self.note_refused(Errno::CONNREFUSED),
                Err(errno) => break Err(errno),
            }
        };
        let result = received.map(|(_, length)| length as u64);
        self.called(Call::Receive, format_args!("{}", buffer.len()), result);
        let (count, length) = received?;
        self.live.received(count);
        if count == 0 {
            self.live.moved_empty();
        }
        if self.observers.wants().bytes
            && let Some(bytes) = buffer.get(..count)
        {
            self.moved(Direction::Received, bytes);
        }
        if length > count {
            self.observers.emit(&Event::Dropped {
                connection: self.identity(),
                direction: Direction::Received,
                bytes: (length - count) as u64,
            });
        }
        Poll::Ready(Ok(count))
    }

    /// Keeps what the network has said about a datagram of ours until it is time to tell it.
    fn note_refused(&self, errno: Errno) {
        self.refused.store(errno.raw_os_error(), Ordering::Relaxed);
    }

    /// Sends once without waiting; EAGAIN when the kernel takes nothing now.
    pub(crate) fn try_send(&self, bytes: &[u8]) -> Result<usize, Errno> {
        self.send_flagged(bytes, SendFlags::NOSIGNAL)
    }

    /// As [`Self::try_send`], of bytes that the half-close follows at once: it takes them along, in
    /// one segment (send(2), MSG_MORE).
    pub(crate) fn try_send_last(&self, bytes: &[u8]) -> Result<usize, Errno> {
        self.send_flagged(bytes, SendFlags::NOSIGNAL | SendFlags::MORE)
    }

    fn send_flagged(&self, bytes: &[u8], flags: SendFlags) -> Result<usize, Errno> {
        let fd = self.fd()?;
        let sent = loop {
            match rustix::net::send(fd.get_ref(), bytes, flags) {
                Err(Errno::INTR) => {}
                other => break other,
            }
        };
        if sent == Err(Errno::CONNREFUSED) && self.is_datagram() {
            // Of an earlier one; what is there to be received comes first.
            self.note_refused(Errno::CONNREFUSED);
        }
        if let Ok(count) = sent {
            self.live.sent(count);
            if count == 0 {
                self.live.moved_empty();
            }
            if self.observers.wants().bytes
                && let Some(bytes) = bytes.get(..count)
            {
                self.moved(Direction::Sent, bytes);
            }
        }
        if sent != Err(Errno::AGAIN) {
            let result = sent.map(|count| count as u64);
            self.called(Call::Send, format_args!("{} bytes", bytes.len()), result);
        }
        sent
    }

    /// Sends these parts with one call, without waiting; EAGAIN when the kernel takes nothing now.
    pub(crate) fn try_send_parts(&self, parts: &[IoSlice<'_>]) -> Result<usize, Errno> {
        let fd = self.fd()?;
        let sent = loop {
            let mut nothing_else = SendAncillaryBuffer::default();
            let flags = SendFlags::NOSIGNAL;
            match rustix::net::sendmsg(fd.get_ref(), parts, &mut nothing_else, flags) {
                Err(Errno::INTR) => {}
                other => break other,
            }
        };
        if let Ok(count) = sent {
            self.live.sent(count);
            if self.observers.wants().bytes {
                let mut left = count;
                for part in parts {
                    let bytes = part.get(..left.min(part.len())).unwrap_or_default();
                    if !bytes.is_empty() {
                        self.moved(Direction::Sent, bytes);
                    }
                    left -= bytes.len();
                }
            }
        }
        if sent != Err(Errno::AGAIN) {
            let result = sent.map(|count| count as u64);
            let size: usize = parts.iter().map(|part| part.len()).sum();
            self.called(Call::Send, format_args!("{size} bytes"), result);
        }
        sent
    }

    /// Sends once, when the kernel takes something.
    pub(crate) fn poll_send(
        &self,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<Result<usize, Errno>> {
        self.poll_sending(cx, || self.try_send(bytes))
    }

    /// Sends these parts with one call, when the kernel takes something.
    #[cfg(feature = "http")]
    pub(crate) fn poll_send_parts(
        &self,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<Result<usize, Errno>> {
        self.poll_sending(cx, || self.try_send_parts(parts))
    }

    /// Attempts at once, and after EAGAIN whenever the socket is ready for it.
    pub(super) fn poll_sending(
        &self,
        cx: &mut Context<'_>,
        attempt: impl Fn() -> Result<usize, Errno>,
    ) -> Poll<Result<usize, Errno>> {
        match attempt() {
            Err(Errno::AGAIN) => {}
            other => return Poll::Ready(other),
        }
        let fd = self.fd()?;
        loop {
            // Readiness is taken before the attempt and given back after it, so that room that
            // comes in between is not forgotten.
            let mut guard = ready!(fd.poll_write_ready(cx)).map_err(|error| errno_of(&error))?;
            match attempt() {
                Err(Errno::AGAIN) => guard.clear_ready(),
                other => return Poll::Ready(other),
            }
        }
    }

    /// Whether the event loop has heard that the peer has finished sending, however much of what it
    /// has sent is unread. If not, the task is woken when more of that comes, or the end.
    #[cfg(feature = "http")]
    pub(crate) fn has_heard_end(&self, cx: &mut Context<'_>) -> bool {
        let ready = self.fd.as_ref().map(|fd| fd.poll_read_ready(cx));
        matches!(ready, Some(Poll::Ready(Ok(guard))) if guard.ready().is_read_closed())
    }

    /// Waits for an error of a connection that nobody reads from or writes to at the moment: a
    /// peer that is wholly gone is found out by keepalive, and its RST arrives here.
    pub(crate) fn poll_broken(&self, cx: &mut Context<'_>) -> Poll<Errno> {
        let Ok(fd) = self.fd() else {
            return Poll::Ready(Errno::BADF);
        };
        loop {
            let mut guard = match ready!(fd.poll_write_ready(cx)) {
                Ok(guard) => guard,
                Err(error) => return Poll::Ready(errno_of(&error)),
            };
            if let Some(errno) = self.pending_error() {
                return Poll::Ready(errno);
            }
            let closed = || matches!(tcp_info::tcp_state(fd.get_ref()), Ok(TcpState::Closed));
            // A socket that is closed from both sides stays ready for ever. Where our direction
            // had ended before, that is the peer's FIN behind bytes that nobody has read yet, and
            // no error comes after it, unless an RST came since the look above. The FIN may be
            // here before the loop has heard of it.
            if self.half_closed && (guard.ready().is_write_closed() || closed()) {
                return self.pending_error().map_or(Poll::Pending, Poll::Ready);
            }
            if closed() {
                return Poll::Ready(Errno::CONNRESET);
            }
            // A Unix socket has no such state; it hangs up when its peer is gone.
            if self.is_unix() && guard.ready().is_write_closed() {
                return Poll::Ready(Errno::PIPE);
            }
            guard.clear_ready();
        }
    }
}

/// Puts a non-blocking socket under the event loop of this runtime.
pub(crate) fn register(fd: OwnedFd) -> Result<AsyncFd<OwnedFd>, Errno> {
    // PRIORITY: see `stopped_at_urgent_mark`.
    let interest = Interest::READABLE | Interest::WRITABLE | Interest::PRIORITY;
    readiness::register(fd, interest)
}

/// Whether a read may have stopped at the mark of an urgent byte with more behind it: then a
/// short read does not mean that the socket is drained (tcp(7), `SO_OOBINLINE`). It does not mean
/// so before the end of the stream, either.
pub(super) fn stopped_at_urgent_mark(fd: &AsyncFd<OwnedFd>) -> bool {
    let mut urgent = false;
    // Not called unless there is something urgent, or the end; the answer takes the urgent away.
    let looked = fd.try_io(Interest::PRIORITY, |_| {
        urgent = true;
        Err::<(), _>(io::ErrorKind::WouldBlock.into())
    });
    drop(looked);
    urgent
}
