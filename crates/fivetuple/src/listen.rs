//! Step 3, `listen()`: the socket waits for clients and never carries data.
//!
//! Datagrams need no such step: what comes for the port is delivered. [`DatagramSocket`] is what
//! stands in its place.
//!
//! Before it: [`crate::bind`]. After it: [`crate::accept`].

mod datagram;

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

use rustix::net::{SocketType, sockopt};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use crate::address::SocketName;
use crate::bind::{Bound, SocketFile};
use crate::call::{Call, Code, Errno, ListenError, SetOptionError};
use crate::event::{Called, Event, Observers};
use crate::five_tuple::Protocol;
use crate::kernel::{name, readiness};
use crate::socket::{Socket, SocketOptions};

pub(crate) use datagram::is_of_a_datagram;
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
    /// Of a Unix socket; the first field, see [`SocketFile`].
    _file: Option<SocketFile>,
    pub(crate) fd: AsyncFd<OwnedFd>,
    pub(crate) local: SocketName,
    pub(crate) protocol: Protocol,
    pub(crate) observers: Observers,
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
            mut file,
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
        if let Some(file) = &mut file {
            file.listens();
        }
        Listener::watch(Self {
            socket,
            local,
            file,
        })
    }
}

/// Why a socket that was passed to this program cannot be listened on.
#[derive(Debug, thiserror::Error)]
pub enum NotAdopted {
    /// The descriptor is not one of an open socket.
    #[error("descriptor {number} is no open socket: {} ({})", Code::Errno(*errno).text(), Code::Errno(*errno))]
    NotASocket {
        /// The descriptor.
        number: RawFd,
        /// What the kernel says.
        errno: Errno,
    },
    /// It is a socket that does not listen.
    #[error("descriptor {number} is a socket that does not listen")]
    NotListening {
        /// The descriptor.
        number: RawFd,
    },
    /// It is a socket of another type than a stream.
    #[error("descriptor {number} is not a stream socket")]
    NotAStream {
        /// The descriptor.
        number: RawFd,
    },
    /// An option of it cannot be set.
    #[error(transparent)]
    Option(#[from] SetOptionError),
    /// It cannot be watched.
    #[error(transparent)]
    Listen(#[from] ListenError),
}

impl Listener {
    /// A socket that listens already and was passed to this program: by a service manager, or by
    /// whoever ran it before. Its options are set, as accepted sockets inherit them; its file, if
    /// it is a Unix socket, belongs to who made it and is not removed.
    ///
    /// # Errors
    ///
    /// [`NotAdopted`]: it is not such a socket.
    pub fn adopt(
        fd: OwnedFd,
        options: &SocketOptions,
        observers: &Observers,
    ) -> Result<Self, NotAdopted> {
        let number = fd.as_raw_fd();
        let not_a_socket = |errno| NotAdopted::NotASocket { number, errno };
        let kind = sockopt::socket_type(&fd).map_err(not_a_socket)?;
        if kind != SocketType::STREAM {
            return Err(NotAdopted::NotAStream { number });
        }
        if !sockopt::socket_acceptconn(&fd).map_err(not_a_socket)? {
            return Err(NotAdopted::NotListening { number });
        }
        let local = name::local(&fd).map_err(not_a_socket)?;
        rustix::io::ioctl_fionbio(&fd, true).map_err(not_a_socket)?;
        let socket = Socket::adopt(fd, &local, options, observers)?;
        Ok(Self::watch(Bound {
            socket,
            local,
            file: None,
        })?)
    }

    /// Watches for clients from here on.
    fn watch(listening: Bound) -> Result<Self, ListenError> {
        let Bound {
            socket,
            local,
            file,
        } = listening;
        let fd = readiness::register(socket.fd, Interest::READABLE)
            .map_err(|errno| ListenError::new(local.clone(), errno))?;
        let protocol = socket.protocol;
        let observers = socket.observers;
        observers.emit(&Event::Listening {
            local: &local,
            protocol,
        });
        Ok(Self {
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
