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

use rustix::net::{getpeername, sockopt};
use tokio::time::{Instant, sleep};

use crate::address::{Address, Family, SocketName};
use crate::bind::{Bound, NameError};
use crate::call::{Call, ConnectError, Errno, Explained};
use crate::connection::{self, Connection};
use crate::event::{Called, Ends, Event, Observers, Role};
use crate::five_tuple::Protocol;
use crate::kernel::name;
use crate::kernel::readiness::errno_of;
use crate::socket::{OpenError, Socket, SocketOptions};

pub use race::STAGGER;
pub(crate) use resolve::calling_names;
pub use resolve::{NoAddresses, listening_names, resolve};

/// The pause before the first new try, doubled each time up to [`RETRY_LAST`], and each time
/// shortened by up to a half at random, so that many clients do not come back all at once.
pub const RETRY_FIRST: Duration = Duration::from_millis(100);
/// The longest pause between two tries.
pub const RETRY_LAST: Duration = Duration::from_secs(5);

/// How often a full accept queue of a Unix socket is looked at again.
const QUEUE_LOOK: Duration = Duration::from_millis(10);

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
    /// There is no address to call.
    #[error(transparent)]
    Addresses(#[from] NoAddresses),
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
            Self::Addresses(error) => error.explained().into_iter().collect(),
            Self::Open(error) => vec![error.explained()],
            Self::Source(error) => vec![error.explained()],
            Self::Connect(error) => vec![error],
            Self::Each(all) => all.iter().flat_map(Self::explained).collect(),
        }
    }

    /// Whether another try could end otherwise without anybody changing the command.
    pub(crate) fn may_pass(&self) -> bool {
        match self {
            Self::Connect(_) => true,
            Self::Addresses(error) => matches!(error, NoAddresses::Resolve(_)),
            Self::Each(all) => all.iter().any(Self::may_pass),
            Self::Open(_) | Self::Source(_) => false,
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
    pub async fn connect(self, peer: impl Into<SocketName>) -> Result<Connection, ConnectError> {
        let connection = self.reach(peer.into()).await?;
        Ok(connection.announced())
    }

    /// The same; nobody is told of the connection yet.
    async fn reach(self, peer: SocketName) -> Result<Connection, ConnectError> {
        connect(self, peer, None).await
    }

    /// The same without looking for the cause of a failure, for who makes many connections.
    #[cfg(feature = "load")]
    pub(crate) async fn connect_bare(self, peer: &SocketName) -> Result<Connection, Errno> {
        Ok(call(self, peer).await?.announced())
    }
}

impl Bound {
    /// `connect` from the source address that this socket is bound to.
    ///
    /// # Errors
    ///
    /// As [`Socket::connect`].
    pub async fn connect(self, peer: impl Into<SocketName>) -> Result<Connection, ConnectError> {
        let connection = self.reach(peer.into()).await?;
        Ok(connection.announced())
    }

    /// The same; nobody is told of the connection yet.
    async fn reach(self, peer: SocketName) -> Result<Connection, ConnectError> {
        let source = self.local.inet();
        connect(self.socket, peer, source).await
    }
}

async fn connect(
    socket: Socket,
    peer: SocketName,
    source: Option<SocketAddr>,
) -> Result<Connection, ConnectError> {
    let called = call(socket, &peer).await;
    called.map_err(|errno| match (peer.inet(), source) {
        (Some(peer), Some(source)) => ConnectError::with_source(peer, source, errno),
        _ => ConnectError::new(peer, errno),
    })
}

async fn call(socket: Socket, peer: &SocketName) -> Result<Connection, Errno> {
    let Socket {
        fd,
        observers,
        protocol,
        ..
    } = socket;
    let started = loop {
        match name::connect(&fd, peer) {
            // The accept queue of a Unix socket is full, and nothing tells when it is not.
            Err(Errno::AGAIN) if protocol == Protocol::Unix => sleep(QUEUE_LOOK).await,
            other => break other,
        }
    };
    let fd = connection::register(fd)?;
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
    outcome?;
    let local = name::local(fd.get_ref())?;
    // Who calls 0.0.0.0 reaches 127.0.0.1 (Linux), and that is what the other end sees. A peer that
    // has reset meanwhile has no name any more.
    let named = match protocol {
        Protocol::Unix => None,
        Protocol::Tcp | Protocol::Udp => getpeername(fd.get_ref()).ok().flatten(),
    };
    let peer = named
        .and_then(|named| name::read(named).ok())
        .unwrap_or_else(|| peer.clone());
    if local == peer {
        // Both ends are this one socket: with nobody listening, the system chose the very port
        // that was called as the source (RFC 9293, simultaneous open).
        let _ = sockopt::set_socket_linger(fd.get_ref(), Some(Duration::ZERO));
        return Err(Errno::CONNREFUSED);
    }
    let ends = Ends {
        protocol,
        local,
        process: match protocol {
            Protocol::Unix => name::peer_process(fd.get_ref()),
            Protocol::Tcp | Protocol::Udp => None,
        },
        peer,
    };
    Ok(Connection::new(fd, Role::Connected, ends, &observers))
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
    let mut tries = Tries::new(options.retry);
    loop {
        let failure = match once(target, options, observers).await {
            Ok(connection) => return Ok(connection.announced()),
            Err(failure) => failure,
        };
        let pause = tries.next_pause().filter(|_| failure.may_pass());
        let Some(pause) = pause else {
            return Err(failure);
        };
        for error in failure.explained() {
            observers.emit(&Event::Failed {
                connection: None,
                local: None,
                error,
            });
        }
        sleep(pause).await;
    }
}

/// The tries that are left, and the pauses between them.
#[derive(Debug)]
pub(crate) struct Tries {
    left: Retry,
    pause: Duration,
}

impl Tries {
    pub(crate) fn new(retry: Retry) -> Self {
        Self {
            left: retry,
            pause: RETRY_FIRST,
        }
    }

    /// How long to wait before the next try; `None` when that was the last.
    pub(crate) fn next_pause(&mut self) -> Option<Duration> {
        if let Retry::Times(left) = &mut self.left {
            *left = left.checked_sub(1)?;
        }
        let pause = self.pause.mul_f64(1.0 - fastrand::f64() / 2.0);
        self.pause = (self.pause * 2).min(RETRY_LAST);
        Some(pause)
    }
}

/// One try; nobody is told of the connection yet.
pub(crate) async fn once(
    target: &Address,
    options: &ConnectOptions,
    observers: &Observers,
) -> Result<Connection, NotConnected> {
    let until = Instant::now() + options.connect_timeout;
    let addresses = calling_names(target, options).await?;
    if let Address::Udp(_) = target {
        return datagrams(addresses, options, observers).await;
    }
    race::race(addresses, options, observers, until).await
}

/// The first address that this machine can send to. Nobody answers a connect of UDP, so there is
/// nothing to race for: it only sets whom the socket sends to and hears. Nobody is told of the
/// connection yet.
pub(crate) async fn datagrams(
    addresses: Vec<SocketName>,
    options: &ConnectOptions,
    observers: &Observers,
) -> Result<Connection, NotConnected> {
    let mut failures = Vec::new();
    for address in addresses {
        let connecting = async {
            let socket = Socket::open_datagram(address.family(), &options.socket, observers)?;
            Ok(match options.source {
                Some(source) => socket.bind_source(source)?.reach(address).await?,
                None => socket.reach(address).await?,
            })
        };
        match connecting.await {
            Ok(connection) => return Ok(connection),
            Err(failure) => failures.push(failure),
        }
    }
    Err(match failures.len() {
        1 => failures.remove(0),
        _ => NotConnected::Each(failures),
    })
}
