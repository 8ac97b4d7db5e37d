//! Step 1, `socket()`: an empty endpoint, like a phone that is not yet connected to anything.
//!
//! After it: [`crate::bind`] on the passive side, [`crate::connect`] on the active side.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use rustix::net::{AddressFamily, SocketFlags, SocketType, ipproto, socket_with, sockopt};

use crate::address::{Family, SocketName};
use crate::call::{Call, Errno, Explained, SetOptionError, SocketError};
use crate::event::{Called, Event, Observers};
use crate::five_tuple::Protocol;
use crate::kernel::{datagram, socket_option};

/// When the kernel asks a silent peer whether it is still there (tcp(7)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keepalive {
    /// Silence before the first probe.
    pub idle: Duration,
    /// Time between probes.
    pub interval: Duration,
    /// Unanswered probes until the connection counts as dead.
    pub probes: u32,
}

impl Default for Keepalive {
    fn default() -> Self {
        Self {
            idle: Duration::from_secs(60),
            interval: Duration::from_secs(15),
            probes: 4,
        }
    }
}

/// The options of a new socket. Accepted sockets inherit those of their listening socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SocketOptions {
    /// `TCP_NODELAY`: small writes leave at once instead of waiting for an acknowledgement.
    pub no_delay: bool,
    /// `SO_OOBINLINE`: an urgent byte stays where it stands in the stream.
    pub urgent_inline: bool,
    /// `SO_KEEPALIVE` with its three times; `None` leaves it off.
    pub keepalive: Option<Keepalive>,
    /// `SO_BINDTODEVICE`: only this interface.
    pub interface: Option<String>,
    /// The mode of the file that `bind` makes for a Unix socket: who may write to it may connect
    /// (unix(7)).
    pub file_mode: u32,
}

impl Default for SocketOptions {
    fn default() -> Self {
        Self {
            no_delay: true,
            urgent_inline: true,
            keepalive: Some(Keepalive::default()),
            interface: None,
            file_mode: 0o600,
        }
    }
}

/// Why there is no socket with the options that were asked for.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// `socket` failed.
    #[error(transparent)]
    Socket(#[from] SocketError),
    /// `setsockopt` failed.
    #[error(transparent)]
    Option(#[from] SetOptionError),
}

impl OpenError {
    /// The call that failed, with what is known about it.
    pub fn explained(&self) -> &dyn Explained {
        match self {
            Self::Socket(error) => error,
            Self::Option(error) => error,
        }
    }
}

/// An endpoint without a name. [`Socket::bind`] or [`Socket::connect`] is next.
///
/// It cannot listen before it is bound:
///
/// ```compile_fail
/// # async fn wrong(socket: fivetuple::Socket) {
/// socket.listen(4096);
/// # }
/// ```
#[derive(Debug)]
pub struct Socket {
    pub(crate) fd: OwnedFd,
    pub(crate) family: Family,
    pub(crate) protocol: Protocol,
    pub(crate) file_mode: u32,
    pub(crate) observers: Observers,
}

impl Socket {
    /// A stream socket: `socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, …)`, then the
    /// options; of a Unix socket those of TCP are left out.
    ///
    /// # Errors
    ///
    /// [`OpenError`]: no such family, no descriptor left, or an option refused.
    pub fn open(
        family: Family,
        options: &SocketOptions,
        observers: &Observers,
    ) -> Result<Self, OpenError> {
        Self::make(family, stream_of(family), options, observers)
    }

    /// A socket for datagrams: `socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
    /// IPPROTO_UDP)`, then the options; those of TCP are left out.
    ///
    /// [`Socket::bind`] and [`Bound::datagrams`](crate::Bound::datagrams) are next on the passive
    /// side, [`Socket::connect`] on the active side.
    ///
    /// # Errors
    ///
    /// As [`Socket::open`]; EAFNOSUPPORT for [`Family::Unix`], which has streams alone here.
    pub fn open_datagram(
        family: Family,
        options: &SocketOptions,
        observers: &Observers,
    ) -> Result<Self, OpenError> {
        if family == Family::Unix {
            return Err(SocketError::new(family, Errno::AFNOSUPPORT).into());
        }
        let socket = Self::make(family, Protocol::Udp, options, observers)?;
        let set = datagram::wake_for_errors(&socket.fd);
        socket.set("SO_SELECT_ERR_QUEUE", "1", set)?;
        Ok(socket)
    }

    fn make(
        family: Family,
        protocol: Protocol,
        options: &SocketOptions,
        observers: &Observers,
    ) -> Result<Self, OpenError> {
        let (domain, domain_name) = match family {
            Family::Inet => (AddressFamily::INET, "AF_INET"),
            Family::Inet6 => (AddressFamily::INET6, "AF_INET6"),
            Family::Unix => (AddressFamily::UNIX, "AF_UNIX"),
        };
        let (kind, number_of_protocol, words) = match protocol {
            Protocol::Tcp => (
                SocketType::STREAM,
                Some(ipproto::TCP),
                "SOCK_STREAM, IPPROTO_TCP",
            ),
            Protocol::Udp => (
                SocketType::DGRAM,
                Some(ipproto::UDP),
                "SOCK_DGRAM, IPPROTO_UDP",
            ),
            Protocol::Unix => (SocketType::STREAM, None, "SOCK_STREAM, 0"),
        };
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let made = socket_with(domain, kind, flags, number_of_protocol);
        observers.called(Called {
            call: Call::Socket,
            descriptor: None,
            arguments: format_args!("{domain_name}, {words}"),
            result: made.as_ref().map(number).map_err(|errno| *errno),
            connection: None,
        });
        let fd = made.map_err(|errno| SocketError::new(family, errno))?;
        observers.emit(&Event::SocketCreated { family, protocol });
        let socket = Self {
            fd,
            family,
            protocol,
            file_mode: options.file_mode,
            observers: observers.clone(),
        };
        socket.set_options(options)?;
        Ok(socket)
    }

    /// A socket that another program has made.
    pub(crate) fn adopt(
        fd: OwnedFd,
        local: &SocketName,
        options: &SocketOptions,
        observers: &Observers,
    ) -> Result<Self, SetOptionError> {
        let family = local.family();
        let socket = Self {
            fd,
            family,
            protocol: stream_of(family),
            file_mode: options.file_mode,
            observers: observers.clone(),
        };
        socket.set_options(options)?;
        Ok(socket)
    }

    /// The family it was made for.
    pub fn family(&self) -> Family {
        self.family
    }

    fn set_options(&self, options: &SocketOptions) -> Result<(), SetOptionError> {
        if self.protocol == Protocol::Tcp {
            self.set_tcp_options(options)?;
        }
        if self.protocol != Protocol::Unix
            && let Some(interface) = &options.interface
        {
            let set = socket_option::bind_to_device(&self.fd, interface);
            self.set("SO_BINDTODEVICE", interface, set)?;
        }
        Ok(())
    }

    fn set_tcp_options(&self, options: &SocketOptions) -> Result<(), SetOptionError> {
        let fd = &self.fd;
        if options.no_delay {
            self.set("TCP_NODELAY", "1", sockopt::set_tcp_nodelay(fd, true))?;
        }
        if options.urgent_inline {
            self.set("SO_OOBINLINE", "1", sockopt::set_socket_oobinline(fd, true))?;
        }
        if let Some(times) = options.keepalive {
            let Keepalive {
                idle,
                interval,
                probes,
            } = times;
            self.set("SO_KEEPALIVE", "1", sockopt::set_socket_keepalive(fd, true))?;
            let set = sockopt::set_tcp_keepidle(fd, idle);
            self.set("TCP_KEEPIDLE", &idle.as_secs().to_string(), set)?;
            let set = sockopt::set_tcp_keepintvl(fd, interval);
            self.set("TCP_KEEPINTVL", &interval.as_secs().to_string(), set)?;
            let set = sockopt::set_tcp_keepcnt(fd, probes);
            self.set("TCP_KEEPCNT", &probes.to_string(), set)?;
        }
        Ok(())
    }

    /// Reports one setsockopt and turns its errno into an error.
    pub(crate) fn set(
        &self,
        option: &'static str,
        value: &str,
        result: Result<(), Errno>,
    ) -> Result<(), SetOptionError> {
        self.observers.called(Called::on(
            Call::SetOption,
            &self.fd,
            format_args!("{option}, {value}"),
            result.map(|()| 0),
        ));
        result.map_err(|errno| SetOptionError::new(option, value, errno))
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// The protocol of the stream sockets of a family.
const fn stream_of(family: Family) -> Protocol {
    match family {
        Family::Inet | Family::Inet6 => Protocol::Tcp,
        Family::Unix => Protocol::Unix,
    }
}

/// A descriptor as the result of a call.
pub(crate) fn number(fd: &OwnedFd) -> u64 {
    use std::os::fd::AsRawFd;
    fd.as_raw_fd().unsigned_abs().into()
}
