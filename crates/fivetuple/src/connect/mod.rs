//! Step 4 on the active side, `connect()`: find the addresses, race them, try again.
//!
//! Before it: [`crate::socket`] (and [`crate::bind`] for a chosen source). After it:
//! [`crate::connection`]'s users and [`crate::client`]. [`Socket::connect`] is the bare call;
//! [`open`] is what a client does.

mod race;
mod resolve;

use std::future::poll_fn;
use std::net::SocketAddr;
use std::task::ready;
use std::time::Duration;

use rustix::net::{getpeername, getsockname, sockopt};
use tokio::time::{Instant, sleep};

use crate::address::{Address, AddressError, Family};
use crate::bind::{Bound, NameError};
use crate::call::{Call, ConnectError, Errno, Explained, ResolveError};
use crate::connection::{self, Connection};
use crate::event::{Called, Event, Observers, Role};
use crate::kernel::readiness::errno_of;
use crate::socket::{OpenError, Socket, SocketOptions};

pub use race::STAGGER;
pub use resolve::{ListeningError, listening_addresses, resolve};

/// The pause before the first new try, doubled each time up to [`RETRY_LAST`], and each time
/// shortened by up to a half at random, so that many clients do not come back all at once.
pub const RETRY_FIRST: Duration = Duration::from_millis(100);
/// The longest pause between two tries.
pub const RETRY_LAST: Duration = Duration::from_secs(5);

/// How often a failed connect is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// So many times.
    Times(u32),
    /// Until it succeeds.
    Forever,
}

/// How to connect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectOptions {
    /// The options of each socket.
    pub socket: SocketOptions,
    /// For one try: finding the addresses and racing all of them.
    pub connect_timeout: Duration,
    /// After a try that failed.
    pub retry: Retry,
    /// The source address; port 0 leaves the port to the system.
    pub source: Option<SocketAddr>,
    /// Only this family.
    pub family: Option<Family>,
}

impl Default for ConnectOptions {
    fn default() -> Self {
        Self {
            socket: SocketOptions::default(),
            connect_timeout: Duration::from_secs(10),
            retry: Retry::Times(0),
            source: None,
            family: None,
        }
    }
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum NotConnected {
    /// The address names nobody who could be called.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// The name has no addresses.
    #[error(transparent)]
    Resolve(#[from] ResolveError),
    /// No socket.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The source address could not be had.
    #[error(transparent)]
    Source(#[from] NameError),
    /// Nobody answered at this address.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// Nobody answered at any of these addresses; in the order in which they failed.
    #[error("none of {} addresses answered", .0.len())]
    Each(Vec<NotConnected>),
}

impl NotConnected {
    /// The calls that failed, each with what is known about it.
    pub fn explained(&self) -> Vec<&dyn Explained> {
        match self {
            Self::Address(_) => Vec::new(),
            Self::Resolve(error) => vec![error],
            Self::Open(error) => vec![error.explained()],
            Self::Source(error) => vec![error.explained()],
            Self::Connect(error) => vec![error],
            Self::Each(all) => all.iter().flat_map(Self::explained).collect(),
        }
    }

    /// Whether another try could end otherwise without anybody changing the command.
    fn may_pass(&self) -> bool {
        match self {
            Self::Resolve(_) | Self::Connect(_) => true,
            Self::Each(all) => all.iter().any(Self::may_pass),
            Self::Address(_) | Self::Open(_) | Self::Source(_) => false,
        }
    }
}

impl Socket {
    /// `connect` from an address that the system chooses; waits for the answer.
    ///
    /// # Errors
    ///
    /// [`ConnectError`] with what could be found out. There is no deadline here but the kernel's
    /// own (about two minutes of unanswered SYN, tcp(7)); drop the future to give up.
    pub async fn connect(self, peer: SocketAddr) -> Result<Connection, ConnectError> {
        connect(self, peer, None).await
    }
}

impl Bound {
    /// `connect` from the source address that this socket is bound to.
    ///
    /// # Errors
    ///
    /// As [`Socket::connect`].
    pub async fn connect(self, peer: SocketAddr) -> Result<Connection, ConnectError> {
        let source = self.local();
        connect(self.socket, peer, Some(source)).await
    }
}

async fn connect(
    socket: Socket,
    peer: SocketAddr,
    source: Option<SocketAddr>,
) -> Result<Connection, ConnectError> {
    let Socket { fd, observers, .. } = socket;
    let failed = |errno| match source {
        Some(source) => ConnectError::with_source(peer, source, errno),
        None => ConnectError::new(peer, errno),
    };
    let started = rustix::net::connect(&fd, &peer);
    let fd = connection::register(fd).map_err(failed)?;
    // EINTR leaves the connect going on, like EINPROGRESS (connect(2)).
    let outcome = match started {
        Err(Errno::INPROGRESS | Errno::INTR) => {
            poll_fn(|cx| {
                let ready = ready!(fd.poll_write_ready(cx));
                ready.map_err(|error| errno_of(&error))?.retain_ready();
                sockopt::socket_error(fd.get_ref())
                    .and_then(|error| error)
                    .into()
            })
            .await
        }
        other => other,
    };
    observers.called(Called::on(
        Call::Connect,
        &fd,
        format_args!("{peer}"),
        outcome.map(|()| 0),
    ));
    outcome.map_err(failed)?;
    let local = getsockname(fd.get_ref())
        .and_then(SocketAddr::try_from)
        .map_err(failed)?;
    // Who calls 0.0.0.0 reaches 127.0.0.1 (Linux), and that is what the other end sees. A peer that
    // has reset meanwhile has no name any more.
    let named = getpeername(fd.get_ref()).ok().flatten();
    let peer = named.map_or(Ok(peer), SocketAddr::try_from).unwrap_or(peer);
    if local == peer {
        // Both ends are this one socket: with nobody listening, the system chose the very port
        // that was called as the source (RFC 9293, simultaneous open).
        let _ = sockopt::set_socket_linger(fd.get_ref(), Some(Duration::ZERO));
        return Err(failed(Errno::CONNREFUSED));
    }
    let connection = Connection::new(fd, Role::Connected, (local, peer), &observers);
    Ok(connection.announced())
}

/// Connects to whoever this address means: looks its name up, races its addresses, tries again.
///
/// # Errors
///
/// [`NotConnected`]: why the last try failed.
pub async fn open(
    target: &Address,
    options: &ConnectOptions,
    observers: &Observers,
) -> Result<Connection, NotConnected> {
    let mut pause = RETRY_FIRST;
    let mut tries: u32 = 0;
    loop {
        let failure = match once(target, options, observers).await {
            Ok(connection) => return Ok(connection),
            Err(failure) => failure,
        };
        let again = match options.retry {
            Retry::Times(times) => tries < times,
            Retry::Forever => true,
        };
        if !again || !failure.may_pass() {
            return Err(failure);
        }
        for error in failure.explained() {
            observers.emit(&Event::Failed {
                connection: None,
                local: None,
                error,
            });
        }
        tries = tries.saturating_add(1);
        sleep(pause.mul_f64(1.0 - fastrand::f64() / 2.0)).await;
        pause = (pause * 2).min(RETRY_LAST);
    }
}

async fn once(
    target: &Address,
    options: &ConnectOptions,
    observers: &Observers,
) -> Result<Connection, NotConnected> {
    let until = Instant::now() + options.connect_timeout;
    let addresses = resolve::calling_addresses(target, options).await?;
    race::race(addresses, options, observers, until).await
}
