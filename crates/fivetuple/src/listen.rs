//! Step 3, `listen()`: the socket waits for clients and never carries data.
//!
//! Datagrams need no such step: what comes for the port is delivered. [`DatagramSocket`] is what
//! stands in its place.
//!
//! Before it: [`crate::bind`]. After it: [`crate::accept`].

mod datagram;

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use crate::address::SocketName;
use crate::bind::{Bound, SocketFile};
use crate::call::{Call, ListenError};
use crate::event::{Called, Event, Observers};
use crate::five_tuple::Protocol;
use crate::kernel::readiness;

pub use datagram::{Datagram, DatagramSocket, Errors};

/// Clients that may wait in the accept queue unless something else is asked for; the system's
/// own bound is `net.core.somaxconn` (listen(2)).
pub const BACKLOG: u32 = 4096;

/// A listening socket. It stays open for all clients; each accepted client gets a socket of its
/// own.
///
/// It never carries data:
///
/// ```compile_fail
/// # async fn wrong(listener: fivetuple::Listener) {
/// listener.send(b"nobody would receive this");
/// # }
/// ```
#[derive(Debug)]
pub struct Listener {
    pub(crate) fd: AsyncFd<OwnedFd>,
    pub(crate) local: SocketName,
    pub(crate) protocol: Protocol,
    pub(crate) observers: Observers,
    /// Of a Unix socket: removed after the socket is closed.
    _file: Option<SocketFile>,
    /// The last field: fields are dropped in this order, so the socket is closed when this speaks.
    _farewell: Farewell,
}

/// Says that the socket is closed.
#[derive(Debug)]
struct Farewell {
    descriptor: RawFd,
    local: SocketName,
    protocol: Protocol,
    observers: Observers,
}

impl Drop for Farewell {
    fn drop(&mut self) {
        self.observers.called(Called {
            call: Call::Close,
            descriptor: Some(self.descriptor),
            arguments: format_args!(""),
            result: Ok(0),
            connection: None,
        });
        self.observers.emit(&Event::StoppedListening {
            local: &self.local,
            protocol: self.protocol,
        });
    }
}

impl Bound {
    /// `listen`: from here on clients can connect, even before they are accepted.
    ///
    /// # Errors
    ///
    /// [`ListenError`]: EADDRINUSE comes from here, too, when another socket that is bound to the
    /// same address began to listen first.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime with I/O enabled.
    pub fn listen(self, backlog: u32) -> Result<Listener, ListenError> {
        let Self {
            socket,
            local,
            file,
        } = self;
        let number = i32::try_from(backlog).unwrap_or(i32::MAX);
        let result = rustix::net::listen(&socket.fd, number);
        socket.observers.called(Called::on(
            Call::Listen,
            &socket.fd,
            format_args!("{number}"),
            result.map(|()| 0),
        ));
        result.map_err(|errno| ListenError::new(local.clone(), errno))?;
        let fd = readiness::register(socket.fd, Interest::READABLE)
            .map_err(|errno| ListenError::new(local.clone(), errno))?;
        let protocol = socket.protocol;
        let observers = socket.observers;
        observers.emit(&Event::Listening {
            local: &local,
            protocol,
        });
        Ok(Listener {
            _farewell: Farewell {
                descriptor: fd.as_raw_fd(),
                local: local.clone(),
                protocol,
                observers: observers.clone(),
            },
            fd,
            local,
            protocol,
            observers,
            _file: file,
        })
    }
}

impl Listener {
    /// The address that clients connect to.
    pub fn local(&self) -> &SocketName {
        &self.local
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.get_ref().as_fd()
    }
}
