//! Step 2, `bind()`: the endpoint gets an address and port of this machine.
//!
//! Before it: [`crate::socket`]. After it: [`crate::listen`] on the passive side, or
//! [`crate::connect`] when the source address was chosen.

mod socket_file;

use std::os::fd::{AsFd, BorrowedFd};

use rustix::net::sockopt;

use crate::address::{Family, SocketName};
use crate::call::{BindError, Call, Explained, SetOptionError};
use crate::event::{Called, Event};
use crate::five_tuple::Protocol;
use crate::kernel::{name, socket_option};
use crate::socket::Socket;

pub(crate) use socket_file::SocketFile;

/// Why a socket did not get its local address.
#[derive(Debug, thiserror::Error)]
pub enum NameError {
    /// `setsockopt` failed.
    #[error(transparent)]
    Option(#[from] SetOptionError),
    /// `bind` failed.
    #[error(transparent)]
    Bind(#[from] BindError),
}

impl NameError {
    /// The call that failed, with what is known about it.
    pub fn explained(&self) -> &dyn Explained {
        match self {
            Self::Option(error) => error,
            Self::Bind(error) => error,
        }
    }
}

/// An endpoint with a local address. [`Bound::listen`] (for datagrams [`Bound::datagrams`]) or
/// [`Bound::connect`] is next.
///
/// Nobody can be accepted before it listens:
///
/// ```compile_fail
/// # async fn wrong(bound: fivetuple::Bound) {
/// bound.accept().await;
/// # }
/// ```
#[derive(Debug)]
pub struct Bound {
    /// Of a Unix socket; the first field, see [`SocketFile`].
    pub(crate) file: Option<SocketFile>,
    pub(crate) socket: Socket,
    pub(crate) local: SocketName,
}

impl Socket {
    /// `bind`, for a socket that shall listen.
    ///
    /// Sets `SO_REUSEADDR` first, so that connections of an earlier run in TIME-WAIT do not
    /// matter, and `IPV6_V6ONLY`, so that each family has a socket of its own (socket(7), ipv6(7)).
    /// `SO_REUSEPORT` is never set: a port is not shared by accident. A socket of datagrams gets
    /// no `SO_REUSEADDR` either, because there it means just that.
    ///
    /// For a Unix socket this makes a file: never over anything else but a socket of our own user
    /// that nobody answers at, which is removed first; with the mode that the options say from its
    /// first moment on. Whoever drops the result removes the file. Until it listens, its folder is
    /// locked (flock(2)) against others that would find nobody at the file; they wait for up to half
    /// a second.
    ///
    /// # Errors
    ///
    /// [`BindError`] finds out who holds the port or path, and the other reasons of bind(2).
    pub fn bind(self, local: impl Into<SocketName>) -> Result<Bound, NameError> {
        let local = local.into();
        if let SocketName::Unix(address) = &local {
            let file = SocketFile::prepare(address, self.file_mode, &self.fd);
            let file = file.map_err(|errno| BindError::new(local.clone(), errno))?;
            let mut bound = self.name(local)?;
            bound.file = file.made();
            return Ok(bound);
        }
        self.reuse_address()?;
        if self.family == Family::Inet6 {
            let set = sockopt::set_ipv6_v6only(&self.fd, true);
            self.set("IPV6_V6ONLY", "1", set)?;
        }
        Ok(self.name(local)?)
    }

    /// `bind`, for a socket that shall connect from this source address.
    ///
    /// With port 0 the port is chosen by `connect` (`IP_BIND_ADDRESS_NO_PORT`, ip(7)), so that as
    /// many connections are possible as there are five-tuples, not as there are ports.
    ///
    /// # Errors
    ///
    /// As [`Socket::bind`].
    pub fn bind_source(self, source: impl Into<SocketName>) -> Result<Bound, NameError> {
        let source = source.into();
        if source.inet().is_none_or(|source| source.port() == 0) {
            let set = socket_option::bind_address_no_port(&self.fd, true);
            self.set("IP_BIND_ADDRESS_NO_PORT", "1", set)?;
        } else {
            self.reuse_address()?;
        }
        Ok(self.name(source)?)
    }

    /// For TCP it lets TIME-WAIT be; for UDP it would share the port.
    fn reuse_address(&self) -> Result<(), SetOptionError> {
        if self.protocol == Protocol::Udp {
            return Ok(());
        }
        let set = sockopt::set_socket_reuseaddr(&self.fd, true);
        self.set("SO_REUSEADDR", "1", set)
    }

    fn name(self, wanted: SocketName) -> Result<Bound, BindError> {
        let result = name::bind(&self.fd, &wanted);
        self.observers.called(Called::on(
            Call::Bind,
            &self.fd,
            format_args!("{wanted}"),
            result.map(|()| 0),
        ));
        result.map_err(|errno| match (self.protocol, wanted.inet()) {
            (Protocol::Udp, Some(address)) => BindError::of_datagrams(address, errno),
            _ => BindError::new(wanted.clone(), errno),
        })?;
        let local = name::local(&self.fd).unwrap_or(wanted);
        self.observers.emit(&Event::Bound { local: &local });
        Ok(Bound {
            socket: self,
            local,
            file: None,
        })
    }
}

impl Bound {
    /// The address it got; the port is the one that the system chose where 0 was asked for.
    pub fn local(&self) -> &SocketName {
        &self.local
    }
}

impl AsFd for Bound {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}
