//! What stands in place of `listen()` and `accept()` for datagrams: one socket receives from
//! everybody, and each datagram says from whom it is.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::task::{Context, Poll, ready};

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::Farewell;
use crate::address::SocketName;
use crate::bind::Bound;
use crate::call::{Call, Errno, ReceiveError, SendError, SetOptionError};
use crate::event::{Called, Event, Identity, Observers};
use crate::five_tuple::Protocol;
use crate::kernel::error_queue::{self, QueuedError};
use crate::kernel::readiness::errno_of;
use crate::kernel::{datagram, readiness};

/// Errors of other datagrams that one send puts up with before it counts its own as failed.
const FOREIGN_ERRORS_MAX: usize = 4;

/// A bound socket that receives datagrams from everybody and sends to anybody.
///
/// An error that the network reports about one datagram is kept with that datagram
/// ([`DatagramSocket::errors`]); neither receiving nor sending to others hears of it.
#[derive(Debug)]
pub struct DatagramSocket {
    fd: AsyncFd<OwnedFd>,
    local: SocketAddr,
    observers: Observers,
    /// The last field: fields are dropped in this order, so the socket is closed when this speaks.
    _farewell: Farewell,
}

/// One datagram that was received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Datagram {
    /// How long it was. If that is more than the buffer has room for, the rest is lost.
    pub length: usize,
    /// Who sent it.
    pub peer: SocketAddr,
    /// The address it came to, which is not a wildcard; an answer is sent from there.
    pub local: SocketAddr,
}

impl Bound {
    /// Receives from here on what comes for this address.
    ///
    /// # Errors
    ///
    /// [`SetOptionError`]: the kernel does not tell addresses or errors of single datagrams; or,
    /// with EOPNOTSUPP, the socket is not one of datagrams.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime with I/O enabled.
    pub fn datagrams(self) -> Result<DatagramSocket, SetOptionError> {
        let Self { socket, local, .. } = self;
        let (Protocol::Udp, Some(local)) = (socket.protocol, local.inet()) else {
            return Err(SetOptionError::new("IP_RECVERR", "1", Errno::OPNOTSUPP));
        };
        let names = match local {
            SocketAddr::V4(_) => ("IP_RECVERR", "IP_PKTINFO"),
            SocketAddr::V6(_) => ("IPV6_RECVERR", "IPV6_RECVPKTINFO"),
        };
        let kept = error_queue::keep_errors(&socket.fd, socket.family);
        socket.set(names.0, "1", kept)?;
        if local.ip().is_unspecified() {
            let told = datagram::tell_local(&socket.fd, socket.family);
            socket.set(names.1, "1", told)?;
        }
        // PRIORITY: an error that is queued, see `wake_for_errors`.
        let interest = Interest::READABLE | Interest::PRIORITY;
        let fd = readiness::register(socket.fd, interest)
            .map_err(|errno| SetOptionError::new(names.0, "1", errno))?;
        let observers = socket.observers;
        let name = SocketName::Inet(local);
        observers.emit(&Event::Listening {
            local: &name,
            protocol: Protocol::Udp,
        });
        Ok(DatagramSocket {
            _farewell: Farewell {
                descriptor: fd.as_raw_fd(),
                local: name,
                protocol: Protocol::Udp,
                observers: observers.clone(),
            },
            fd,
            local,
            observers,
        })
    }
}

impl DatagramSocket {
    /// The address that datagrams are sent to.
    pub fn local(&self) -> SocketAddr {
        self.local
    }

    /// Who is told what happens here.
    pub fn observers(&self) -> &Observers {
        &self.observers
    }

    /// Waits for a datagram. An empty one is one, too.
    ///
    /// # Errors
    ///
    /// [`ReceiveError`] about this socket, never about a datagram that was sent from it.
    pub async fn receive(&self, buffer: &mut [u8]) -> Result<Datagram, ReceiveError> {
        poll_fn(|cx| self.poll_receive(cx, buffer))
            .await
            .map_err(|errno| ReceiveError::new(self.local, errno))
    }

    /// Sends one datagram at once, from this address if the socket has the wildcard.
    ///
    /// # Errors
    ///
    /// [`SendError`]: EAGAIN and ENOBUFS where the kernel has no room for it now, EMSGSIZE where
    /// it is too long.
    pub fn send(&self, bytes: &[u8], to: SocketAddr, from: SocketAddr) -> Result<(), SendError> {
        self.try_send(bytes, to, from)
            .map_err(|errno| SendError::new(to, errno))
    }

    /// The errors that were reported about datagrams sent from here, and are not taken yet.
    pub fn errors(&self) -> Errors<'_> {
        Errors { socket: self }
    }

    /// Asks the kernel until it has none, and only then waits: a short datagram does not mean that
    /// it was the last one.
    pub(crate) fn poll_receive(
        &self,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<Result<Datagram, Errno>> {
        loop {
            let mut guard =
                ready!(self.fd.poll_read_ready(cx)).map_err(|error| errno_of(&error))?;
            match datagram::receive(&self.fd, buffer) {
                Ok(received) => return Poll::Ready(Ok(self.received(&received))),
                Err(Errno::AGAIN) => guard.clear_ready(),
                // Of a datagram that was sent before; the queue of errors has it, with its peer.
                Err(errno) if is_of_a_datagram(errno) => {}
                Err(errno) => return Poll::Ready(Err(errno)),
            }
        }
    }

    fn received(&self, received: &datagram::Received) -> Datagram {
        let mut local = self.local;
        if let Some(ip) = received.local {
            local.set_ip(ip);
        }
        if let SocketAddr::V6(local) = &mut local
            && local.ip().is_unicast_link_local()
            && received.interface != 0
        {
            local.set_scope_id(received.interface);
        }
        Datagram {
            length: received.length,
            peer: received.peer,
            local,
        }
    }

    pub(crate) fn try_send(
        &self,
        bytes: &[u8],
        to: SocketAddr,
        from: SocketAddr,
    ) -> Result<(), Errno> {
        let from = self.local.ip().is_unspecified().then_some(from);
        let mut foreign = 0;
        loop {
            match datagram::send(&self.fd, bytes, to, from) {
                Ok(_) => return Ok(()),
                Err(Errno::INTR) => {}
                // What the socket held of others before it came to this one.
                Err(errno) if is_of_a_datagram(errno) && foreign < FOREIGN_ERRORS_MAX => {
                    foreign += 1;
                }
                Err(errno) => return Err(errno),
            }
        }
    }

    /// Tells observers that want calls about one on this socket.
    pub(crate) fn called(
        &self,
        call: Call,
        arguments: std::fmt::Arguments<'_>,
        (result, of): (Result<u64, Errno>, Option<&Identity>),
    ) {
        if self.observers.wants().calls {
            let mut called = Called::on(call, &self.fd, arguments, result);
            called.connection = of;
            self.observers.called(called);
        }
    }
}

impl AsFd for DatagramSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.get_ref().as_fd()
    }
}

/// The queue of errors of one socket.
#[derive(Debug)]
pub struct Errors<'a> {
    socket: &'a DatagramSocket,
}

impl Iterator for Errors<'_> {
    type Item = QueuedError;

    fn next(&mut self) -> Option<QueuedError> {
        loop {
            match error_queue::take(&self.socket.fd) {
                Ok(Some(mut error)) => {
                    if !self.socket.local.ip().is_unspecified() {
                        error.local = Some(self.socket.local.ip());
                    }
                    return Some(error);
                }
                Ok(None) | Err(Errno::INTR) => {}
                Err(_) => return None,
            }
        }
    }
}

/// Whether an errno may be what the network has reported about some datagram (icmp(7), udp(7)).
pub(crate) fn is_of_a_datagram(errno: Errno) -> bool {
    matches!(
        errno,
        Errno::CONNREFUSED
            | Errno::HOSTUNREACH
            | Errno::NETUNREACH
            | Errno::HOSTDOWN
            | Errno::NONET
            | Errno::PROTO
            | Errno::NOPROTOOPT
            | Errno::OPNOTSUPP
            | Errno::ACCESS
            | Errno::MSGSIZE
            | Errno::INTR
    )
}
