//! Step 5, the dedicated socket of one client: who it is, what it moved, how it is.
//!
//! Before it: [`crate::accept`] and [`crate::connect`], the two ways to a connection (they stand
//! to the right because they make it). After it: [`crate::transfer`] and [`crate::close`].

mod bulk;
mod data_path;
mod discard;
#[cfg(feature = "exec")]
mod hand_over;
mod live;

use std::fmt;
use std::future::poll_fn;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::AtomicI32;
use std::time::Duration;

use rustix::net::{Shutdown, sockopt};
use tokio::io::unix::AsyncFd;

use crate::call::{Call, Errno, ReceiveError, SendError, ShutdownError};
use crate::event::{
    Called, Direction, Ends, Event, Identity, Observers, Reason, Role, Side, Totals,
};
use crate::five_tuple::{ConnectionName, FiveTuple, Protocol};
use crate::kernel::{TcpInfo, queue, socket_option, tcp_info};

pub(crate) use data_path::register;
#[cfg(feature = "exec")]
pub(crate) use hand_over::{NOT_STANDARD, Over};
pub use live::Live;

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
    /// Another program has the socket, and what it moves is not counted yet.
    #[cfg(feature = "exec")]
    handed_over: bool,
    /// Of datagrams: the errno of one that was sent, told when everything that came is received.
    refused: AtomicI32,
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
    /// A connected socket that is [registered](register).
    pub(crate) fn new(fd: AsyncFd<OwnedFd>, role: Role, ends: Ends, observers: &Observers) -> Self {
        let mut identity = Identity::new(observers.next_number(), role, ends);
        if observers.wants().cookies {
            identity.cookie = sockopt::socket_cookie(fd.get_ref()).ok();
        }
        Self {
            fd: Some(fd),
            live: Arc::new(Live::new(identity)),
            observers: observers.clone(),
            half_closed: false,
            peer_finished: false,
            first: None,
            #[cfg(feature = "exec")]
            handed_over: false,
            refused: AtomicI32::new(0),
            guest: Guest::default(),
        }
    }

    /// Tells the observers that it has come to be; until then they hear nothing of it.
    pub(crate) fn announced(self) -> Self {
        self.live.announce(&self.observers);
        self
    }

    /// Number, five-tuple, addresses, cookie.
    pub fn identity(&self) -> &Identity {
        &self.live.identity
    }

    /// The five values that name this connection, at both ends the same; a Unix socket has none.
    pub fn five_tuple(&self) -> Option<FiveTuple> {
        self.identity().five_tuple()
    }

    /// What names it in logs and messages: its five-tuple, or what a Unix socket has instead.
    pub fn name(&self) -> ConnectionName {
        self.identity().name()
    }

    fn is_unix(&self) -> bool {
        self.identity().ends.protocol == Protocol::Unix
    }

    /// Whether it moves datagrams: then a receive of 0 bytes is no end, and nothing is half-closed.
    pub(crate) fn is_datagram(&self) -> bool {
        self.identity().ends.protocol == Protocol::Udp
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
        if self.is_unix() || self.is_datagram() {
            // What is sent is in the peer's queue at once; or nobody ever acknowledges it.
            Ok(0)
        } else if self.half_closed {
            queue::unacknowledged_after_half_close(fd)
        } else {
            queue::unacknowledged(fd)
        }
    }

    /// Datagrams that came and found no room in the receive buffer.
    fn datagrams_dropped(&self) -> Result<u32, Errno> {
        if self.is_datagram() {
            socket_option::datagrams_dropped(self.fd()?.get_ref())
        } else {
            Ok(0)
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

    /// Receives what is there, or waits for it; 0 bytes are the end of the peer's stream, or an
    /// empty datagram.
    ///
    /// # Errors
    ///
    /// [`ReceiveError`], about this five-tuple.
    pub async fn receive(&mut self, buffer: &mut [u8]) -> Result<usize, ReceiveError> {
        let received = poll_fn(|cx| self.poll_receive(cx, buffer)).await;
        if received == Ok(0) && !buffer.is_empty() && !self.is_datagram() {
            self.note_peer_finished();
        }
        received.map_err(|errno| ReceiveError::new(self.name(), errno))
    }

    /// Sends all of `bytes`; over UDP as one datagram.
    ///
    /// # Errors
    ///
    /// [`SendError`], about this five-tuple; [`Live::bytes_sent`] says how many went.
    pub async fn send(&mut self, bytes: &[u8]) -> Result<(), SendError> {
        let mut left = bytes;
        while !left.is_empty() || (bytes.is_empty() && self.is_datagram()) {
            let sent = poll_fn(|cx| self.poll_send(cx, left)).await;
            let sent = sent.map_err(|errno| SendError::new(self.name(), errno))?;
            left = left.get(sent..).unwrap_or_default();
            if bytes.is_empty() {
                break;
            }
        }
        Ok(())
    }

    /// Finishes sending (`shutdown`, write side): the peer reads to the end of what was sent and
    /// may still answer. Over UDP the peer does not hear of it.
    ///
    /// # Errors
    ///
    /// [`ShutdownError`]: ENOTCONN after a reset.
    pub fn half_close(&mut self) -> Result<(), ShutdownError> {
        if self.half_closed {
            return Ok(());
        }
        if !self.is_datagram() {
            let fd = self.fd();
            let result = fd.and_then(|fd| rustix::net::shutdown(fd.get_ref(), Shutdown::Write));
            self.called(Call::Shutdown, format_args!("SHUT_WR"), result.map(|()| 0));
            result.map_err(|errno| ShutdownError::new(self.name(), errno))?;
        }
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

    /// The error that the socket holds (`SO_ERROR`), if any; asking takes it off.
    pub(crate) fn pending_error(&self) -> Option<Errno> {
        match sockopt::socket_error(self.fd().ok()?.get_ref()) {
            Ok(Ok(())) => None,
            Ok(Err(errno)) | Err(errno) => Some(errno),
        }
    }

    /// Closes the socket and tells the observers, once.
    pub(crate) fn finish(&mut self, reason: Reason) -> Totals {
        #[cfg(feature = "exec")]
        if self.handed_over {
            self.count_what_others_moved(None);
        }
        let unacknowledged = self.unacknowledged().unwrap_or(0);
        let dropped = self.datagrams_dropped().unwrap_or(0);
        let descriptor = self.fd.take().map(|fd| {
            let number = fd.as_raw_fd();
            drop(fd);
            number
        });
        let totals = Totals {
            bytes_sent: self.live.bytes_sent(),
            bytes_received: self.live.bytes_received(),
            bytes_unacknowledged: unacknowledged.into(),
            datagrams_dropped: dropped.into(),
            duration: self.identity().since.elapsed(),
        };
        self.guest = Guest::default();
        if descriptor.is_some() {
            self.live.announce(&self.observers);
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
        if let Ok(fd) = self.fd()
            && !self.is_datagram()
        {
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

#[cfg(test)]
pub(crate) mod tests;
