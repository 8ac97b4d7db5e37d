//! Step 5, the dedicated socket of one client: who it is, what it moved, how it is.
//!
//! Before it: [`crate::accept`] and [`crate::connect`], the two ways to a connection (they stand
//! to the right because they make it). After it: [`crate::transfer`] and [`crate::close`].

use std::fmt;
use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use rustix::net::{RecvFlags, SendFlags, Shutdown, sockopt};
use tokio::io::unix::AsyncFd;
use tokio::io::{Interest, Ready};

use crate::call::{Call, Errno, ReceiveError, SendError, ShutdownError};
use crate::event::{Called, Direction, Event, Identity, Observers, Reason, Role, Side, Totals};
use crate::five_tuple::FiveTuple;
use crate::kernel::readiness::{self, errno_of};
use crate::kernel::{TcpInfo, TcpState, queue, tcp_info};

/// What a living connection shows to others: its identity and its counters.
#[derive(Debug)]
pub struct Live {
    /// Who it is.
    pub identity: Identity,
    sent: AtomicU64,
    received: AtomicU64,
}

impl Live {
    /// Bytes that the kernel took from us so far.
    pub fn bytes_sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Bytes that we took from the kernel so far.
    pub fn bytes_received(&self) -> u64 {
        self.received.load(Ordering::Relaxed)
    }
}

/// A connected socket of its own. Made by [`Listener::accept`](crate::Listener::accept) or
/// [`Socket::connect`](crate::Socket::connect), used by [`crate::transfer`], ended by
/// [`Connection::close`]; dropped without that, it is aborted.
#[derive(Debug)]
pub struct Connection {
    /// `None` once it is closed.
    fd: Option<AsyncFd<OwnedFd>>,
    live: Arc<Live>,
    observers: Observers,
    half_closed: bool,
    peer_finished: bool,
    first: Option<Side>,
    /// Dropped when the socket is closed.
    guest: Guest,
}

/// Whatever wants to be dropped with the connection.
#[derive(Default)]
struct Guest {
    _held: Option<Box<dyn Send + Sync>>,
}

impl fmt::Debug for Guest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Guest")
    }
}

impl Connection {
    /// A connected socket that is [registered](register); tells the observers.
    pub(crate) fn new(
        fd: AsyncFd<OwnedFd>,
        role: Role,
        (local, peer): (SocketAddr, SocketAddr),
        observers: &Observers,
    ) -> Self {
        let mut identity = Identity::new(observers.next_number(), role, local, peer);
        if observers.wants().cookies {
            identity.cookie = sockopt::socket_cookie(fd.get_ref()).ok();
        }
        let live = Live {
            identity,
            sent: AtomicU64::new(0),
            received: AtomicU64::new(0),
        };
        let connection = Self {
            fd: Some(fd),
            live: Arc::new(live),
            observers: observers.clone(),
            half_closed: false,
            peer_finished: false,
            first: None,
            guest: Guest::default(),
        };
        let identity = connection.identity();
        connection.observers.emit(&match role {
            Role::Accepted => Event::Accepted(identity),
            Role::Connected => Event::Connected(identity),
        });
        connection
    }

    /// Number, five-tuple, addresses, cookie.
    pub fn identity(&self) -> &Identity {
        &self.live.identity
    }

    /// The five values that name this connection, at both ends the same.
    pub fn five_tuple(&self) -> FiveTuple {
        self.identity().five_tuple()
    }

    /// Identity and counters, to be looked at from elsewhere while the connection lives.
    pub fn live(&self) -> &Arc<Live> {
        &self.live
    }

    /// Who is told what happens here.
    pub fn observers(&self) -> &Observers {
        &self.observers
    }

    /// Keeps `guest` until the socket is closed, and drops it right then.
    pub fn attach(&mut self, guest: Box<dyn Send + Sync>) {
        self.guest = Guest { _held: Some(guest) };
    }

    /// What the kernel knows about it (`TCP_INFO`, tcp(7)).
    ///
    /// # Errors
    ///
    /// EBADF once it is closed.
    pub fn tcp_info(&self) -> Result<TcpInfo, Errno> {
        tcp_info::tcp_info(self.fd()?.get_ref())
    }

    /// Bytes sent that the peer's kernel has not acknowledged (`SIOCOUTQ`, tcp(7)).
    ///
    /// # Errors
    ///
    /// EBADF once it is closed.
    pub fn unacknowledged(&self) -> Result<u32, Errno> {
        let fd = self.fd()?.get_ref();
        if self.half_closed {
            queue::unacknowledged_after_half_close(fd)
        } else {
            queue::unacknowledged(fd)
        }
    }

    /// Whether we have finished sending.
    pub fn is_half_closed(&self) -> bool {
        self.half_closed
    }

    /// Whether the peer has finished sending.
    pub fn is_peer_finished(&self) -> bool {
        self.peer_finished
    }

    /// Receives what is there, or waits for it; 0 bytes are the end of the peer's stream.
    ///
    /// # Errors
    ///
    /// [`ReceiveError`], about this five-tuple.
    pub async fn receive(&mut self, buffer: &mut [u8]) -> Result<usize, ReceiveError> {
        let received = poll_fn(|cx| self.poll_receive(cx, buffer)).await;
        if received == Ok(0) && !buffer.is_empty() {
            self.note_peer_finished();
        }
        received.map_err(|errno| ReceiveError::new(self.five_tuple(), errno))
    }

    /// Sends all of `bytes`.
    ///
    /// # Errors
    ///
    /// [`SendError`], about this five-tuple; [`Live::bytes_sent`] says how many went.
    pub async fn send(&mut self, bytes: &[u8]) -> Result<(), SendError> {
        let mut left = bytes;
        while !left.is_empty() {
            let sent = poll_fn(|cx| self.poll_send(cx, left)).await;
            let sent = sent.map_err(|errno| SendError::new(self.five_tuple(), errno))?;
            left = left.get(sent..).unwrap_or_default();
        }
        Ok(())
    }

    /// Finishes sending (`shutdown`, write side): the peer reads to the end of what was sent and
    /// may still answer.
    ///
    /// # Errors
    ///
    /// [`ShutdownError`]: ENOTCONN after a reset.
    pub fn half_close(&mut self) -> Result<(), ShutdownError> {
        if self.half_closed {
            return Ok(());
        }
        let result = match self.fd() {
            Ok(fd) => rustix::net::shutdown(fd.get_ref(), Shutdown::Write),
            Err(errno) => Err(errno),
        };
        self.called(Call::Shutdown, format_args!("SHUT_WR"), result.map(|()| 0));
        result.map_err(|errno| ShutdownError::new(self.five_tuple(), errno))?;
        self.half_closed = true;
        self.first.get_or_insert(Side::Us);
        self.observers.emit(&Event::HalfClosed {
            connection: self.identity(),
            by: Side::Us,
        });
        Ok(())
    }

    /// Receive returned 0: notes it once and says so.
    pub(crate) fn note_peer_finished(&mut self) {
        if self.peer_finished {
            return;
        }
        self.peer_finished = true;
        self.first.get_or_insert(Side::Peer);
        self.observers.emit(&Event::HalfClosed {
            connection: self.identity(),
            by: Side::Peer,
        });
    }

    /// Who ended first, if it was neither FIN: a reset or a cut.
    pub(crate) fn note_first(&mut self, side: Side) {
        self.first.get_or_insert(side);
    }

    /// Reads into `buffer` on readiness. A read that does not fill the buffer means that the
    /// socket is drained, so the next one waits for the event loop instead of asking again.
    pub(crate) fn poll_receive(
        &self,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<Result<usize, Errno>> {
        let fd = self.fd.as_ref().ok_or(Errno::BADF)?;
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
            add(&self.live.received, count);
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

    /// Sends once without waiting; EAGAIN when the kernel takes nothing now.
    pub(crate) fn try_send(&self, bytes: &[u8]) -> Result<usize, Errno> {
        let fd = self.fd()?;
        let sent = loop {
            match rustix::net::send(fd.get_ref(), bytes, SendFlags::NOSIGNAL) {
                Err(Errno::INTR) => {}
                other => break other,
            }
        };
        if let Ok(count) = sent {
            add(&self.live.sent, count);
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

    /// Sends once, when the kernel takes something.
    pub(crate) fn poll_send(
        &self,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<Result<usize, Errno>> {
        match self.try_send(bytes) {
            Err(Errno::AGAIN) => {}
            other => return Poll::Ready(other),
        }
        let fd = self.fd()?;
        loop {
            // Readiness is taken before the attempt and given back after it, so that room that
            // comes in between is not forgotten.
            let mut guard = ready!(fd.poll_write_ready(cx)).map_err(|error| errno_of(&error))?;
            match self.try_send(bytes) {
                Err(Errno::AGAIN) => guard.clear_ready(),
                other => return Poll::Ready(other),
            }
        }
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
            // A socket that is closed from both sides stays ready for ever; the state tells.
            if matches!(tcp_info::tcp_state(fd.get_ref()), Ok(TcpState::Closed)) {
                return Poll::Ready(Errno::CONNRESET);
            }
            guard.clear_ready();
        }
    }

    /// The error that the socket holds (`SO_ERROR`), if any; asking takes it off.
    pub(crate) fn pending_error(&self) -> Option<Errno> {
        match sockopt::socket_error(self.fd().ok()?.get_ref()) {
            Ok(Ok(())) => None,
            Ok(Err(errno)) | Err(errno) => Some(errno),
        }
    }

    /// Closes the socket and tells the observers, once.
    pub(crate) fn finish(&mut self, reason: Reason) -> Totals {
        let unacknowledged = self.unacknowledged().unwrap_or(0);
        let descriptor = self.fd.take().map(|fd| {
            let number = fd.as_raw_fd();
            drop(fd);
            number
        });
        let totals = Totals {
            bytes_sent: self.live.bytes_sent(),
            bytes_received: self.live.bytes_received(),
            bytes_unacknowledged: unacknowledged.into(),
            duration: self.identity().since.elapsed(),
        };
        self.guest = Guest::default();
        if descriptor.is_some() {
            self.observers.called(Called {
                call: Call::Close,
                descriptor,
                arguments: format_args!(""),
                result: Ok(0),
                connection: Some(self.identity()),
            });
            self.observers.emit(&Event::Closed {
                connection: self.identity(),
                reason,
                first: self.first(),
                totals: &totals,
            });
        }
        totals
    }

    /// Who ended first; us as long as nobody did.
    pub(crate) fn first(&self) -> Side {
        self.first.unwrap_or(Side::Us)
    }

    /// Makes the coming close send RST and throw away what waits (`SO_LINGER` with time 0).
    pub(crate) fn reset_on_close(&self) {
        if let Ok(fd) = self.fd() {
            let set = sockopt::set_socket_linger(fd.get_ref(), Some(Duration::ZERO));
            let result = set.map(|()| 0);
            self.called(Call::SetOption, format_args!("SO_LINGER, 0"), result);
        }
    }

    fn fd(&self) -> Result<&AsyncFd<OwnedFd>, Errno> {
        self.fd.as_ref().ok_or(Errno::BADF)
    }

    #[cold]
    fn moved(&self, direction: Direction, bytes: &[u8]) {
        self.observers.emit(&Event::Moved {
            connection: self.identity(),
            direction,
            bytes,
        });
    }

    fn called(&self, call: Call, arguments: fmt::Arguments<'_>, result: Result<u64, Errno>) {
        if self.observers.wants().calls
            && let Some(fd) = &self.fd
        {
            let called = Called::on(call, fd, arguments, result).of(self.identity());
            self.observers.called(called);
        }
    }
}

impl AsFd for Connection {
    /// # Panics
    ///
    /// Never: a connection that can still be named by its owner has its socket.
    fn as_fd(&self) -> BorrowedFd<'_> {
        match &self.fd {
            Some(fd) => fd.get_ref().as_fd(),
            None => unreachable!("only `finish` takes the socket, and its callers own the rest"),
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if self.fd.is_some() {
            self.reset_on_close();
            let failed = std::thread::panicking();
            self.finish(if failed {
                Reason::Failed
            } else {
                Reason::Aborted
            });
        }
    }
}

/// Puts a non-blocking socket under the event loop of this runtime.
pub(crate) fn register(fd: OwnedFd) -> Result<AsyncFd<OwnedFd>, Errno> {
    // PRIORITY: see `stopped_at_urgent_mark`.
    let interest = Interest::READABLE | Interest::WRITABLE | Interest::PRIORITY;
    readiness::register(fd, interest)
}

/// Adds to a counter that only this connection writes.
fn add(counter: &AtomicU64, count: usize) {
    let sum = counter.load(Ordering::Relaxed) + count as u64;
    counter.store(sum, Ordering::Relaxed);
}

/// Whether a read may have stopped at the mark of an urgent byte with more behind it: then a
/// short read does not mean that the socket is drained (tcp(7), `SO_OOBINLINE`).
fn stopped_at_urgent_mark(fd: &AsyncFd<OwnedFd>) -> bool {
    // Something is readable, so this look never waits and registers no waker.
    let look = pin!(fd.ready(Interest::READABLE | Interest::PRIORITY));
    let mut cx = Context::from_waker(Waker::noop());
    let Poll::Ready(Ok(mut guard)) = look.poll(&mut cx) else {
        return false;
    };
    let urgent = guard.ready().is_priority();
    if urgent {
        guard.clear_ready_matching(Ready::PRIORITY);
    }
    urgent
}
