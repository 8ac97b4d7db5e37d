//! Step 4 on the passive side, `accept()`: every client gets a new socket, the listening socket
//! goes on listening.
//!
//! Before it: [`crate::listen`] and [`crate::connection`]. After it: [`crate::server`].
//! [`Listener::accept`] is the bare call; [`Acceptor`] is the loop of a server, which no client
//! and no shortage ends.

mod access;
mod loops;
mod places;
mod trouble;

use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{SocketFlags, acceptfrom_with, sockopt};
use tokio::time::{Sleep, sleep};

use crate::address::{SocketName, UnixAddress};
use crate::call::{AcceptError, Call, Errno};
use crate::connection::{self, Connection};
use crate::event::{Called, Ends, Event, Observers, Pause, Role, TurnedAway};
use crate::five_tuple::Protocol;
use crate::kernel::name;
use crate::kernel::readiness::errno_of;
use crate::listen::Listener;

pub use access::Access;
pub use ipnet::IpNet;
pub use loops::{Home, Loops};
pub use places::{AtLimit, Limits, Place, Places};
use trouble::{Trouble, trouble};

/// How long accepting rests after a shortage, unless a connection ends before.
const REST: Duration = Duration::from_millis(100);
/// A shortage is reported no more often than this.
const REPORT_EVERY: Duration = Duration::from_secs(1);
/// Connections accepted in a row before others have their turn.
const BATCH: u32 = 16;

/// What one accept call gives.
type Accepted = Result<(OwnedFd, SocketName), Errno>;

impl Listener {
    /// Takes one client out of the accept queue, or waits for one.
    ///
    /// # Errors
    ///
    /// [`AcceptError`]; the listening socket is unharmed and can be asked again.
    pub async fn accept(&self) -> Result<Connection, AcceptError> {
        let failed = |errno| AcceptError::new(self.local(), errno);
        loop {
            match poll_fn(|cx| self.poll_accept(cx)).await {
                Ok((fd, peer)) => {
                    let connection = self.connection(fd, peer).map_err(failed)?;
                    return Ok(connection.announced());
                }
                Err(errno) if trouble(errno) == Trouble::OfThatClient => {}
                Err(errno) => return Err(failed(errno)),
            }
        }
    }

    /// One accept call; the address comes with it, because asking the new socket for its peer
    /// fails when the client has gone again.
    pub(crate) fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<Accepted> {
        loop {
            let mut guard =
                ready!(self.fd.poll_read_ready(cx)).map_err(|error| errno_of(&error))?;
            match self.try_accept() {
                Err(Errno::AGAIN) => guard.clear_ready(),
                // Linux takes a descriptor before it looks into the queue: when nobody is there,
                // that none is left is no shortage yet.
                Err(Errno::MFILE | Errno::NFILE) if !self.is_awaited() => guard.clear_ready(),
                other => return Poll::Ready(other),
            }
        }
    }

    /// Whether a client is in the accept queue at this moment.
    fn is_awaited(&self) -> bool {
        let mut polled = [PollFd::new(&self.fd, PollFlags::IN)];
        poll(&mut polled, Some(&Timespec::default())) != Ok(0)
    }

    /// One accept call that does not wait.
    pub(crate) fn try_accept(&self) -> Accepted {
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let accepted = match acceptfrom_with(&self.fd, flags) {
            Err(Errno::AGAIN) => return Err(Errno::AGAIN),
            Ok((fd, Some(peer))) => name::read(peer).map(|peer| (fd, peer)),
            Ok((fd, None)) if self.protocol == Protocol::Unix => {
                Ok((fd, UnixAddress::Unnamed.into()))
            }
            Ok((_, None)) => Err(Errno::CONNABORTED),
            Err(errno) => Err(errno),
        };
        if self.observers.wants().calls {
            let result = accepted.as_ref();
            let peer = result.map_or(String::new(), |(_, peer)| peer.to_string());
            let result = result
                .map(|(fd, _)| crate::socket::number(fd))
                .map_err(|errno| *errno);
            self.observers.called(Called::on(
                Call::Accept,
                &self.fd,
                format_args!("{peer}"),
                result,
            ));
        }
        accepted
    }

    /// A connection out of an accepted socket; nobody is told of it yet.
    pub(crate) fn connection(&self, fd: OwnedFd, peer: SocketName) -> Result<Connection, Errno> {
        let ends = self.ends(&fd, peer);
        let fd = connection::register(fd)?;
        Ok(Connection::new(fd, Role::Accepted, ends, &self.observers))
    }

    /// Who is connected with whom on an accepted socket.
    fn ends(&self, fd: &OwnedFd, peer: SocketName) -> Ends {
        Ends {
            protocol: self.protocol,
            local: self.local_of(fd),
            peer,
            process: match self.protocol {
                Protocol::Unix => name::peer_process(fd),
                Protocol::Tcp | Protocol::Udp => None,
            },
        }
    }

    /// The local address of an accepted socket; only a wildcard leaves it open.
    fn local_of(&self, fd: &OwnedFd) -> SocketName {
        let is_wildcard = |local: SocketAddr| local.ip().is_unspecified();
        if self.local.inet().is_some_and(is_wildcard) {
            name::local(fd).unwrap_or_else(|_| self.local.clone())
        } else {
            self.local.clone()
        }
    }
}

/// A client that was let in: its connection and the place it takes.
#[derive(Debug)]
pub struct Admitted {
    /// The new connection, which is not announced yet.
    pub connection: Connection,
    /// Counts it; given back when dropped.
    pub place: Place,
    /// The event loop on which it is registered, where there are several.
    pub home: Option<Home>,
}

/// The accept loop of a server: limits, access rules, shortages.
#[derive(Debug)]
pub struct Acceptor {
    listeners: Vec<Listener>,
    access: Access,
    places: Arc<Places>,
    loops: Option<Loops>,
    observers: Observers,
    turn: usize,
    batch: u32,
    paused: Option<Pause>,
    rest: Option<Pin<Box<Sleep>>>,
    reported: Option<Instant>,
    /// Held back so that a client can still be turned away when descriptors have run out.
    reserve: Option<OwnedFd>,
}

impl Acceptor {
    /// Accepts from all of these listening sockets in turn.
    pub fn new(
        listeners: Vec<Listener>,
        access: Access,
        places: Arc<Places>,
        observers: &Observers,
    ) -> Self {
        Self {
            listeners,
            access,
            places,
            loops: None,
            observers: observers.clone(),
            turn: 0,
            batch: 0,
            paused: None,
            rest: None,
            reported: None,
            reserve: reserve(),
        }
    }

    /// Spreads the connections over these event loops.
    #[must_use]
    pub fn on(mut self, loops: Option<Loops>) -> Self {
        self.loops = loops;
        self
    }

    /// The addresses that clients connect to.
    pub fn local(&self) -> impl Iterator<Item = &SocketName> {
        self.listeners.iter().map(Listener::local)
    }

    /// The next client that is let in. Never fails and never ends: whatever happens to a client
    /// or to the machine, the listening sockets outlive it.
    pub async fn next(&mut self) -> Admitted {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    /// The next client that waits in an accept queue at this moment and is let in.
    pub fn take_queued(&mut self) -> Option<Admitted> {
        let mut listener = 0;
        while let Some(this) = self.listeners.get(listener) {
            if self.places.is_full() {
                return None;
            }
            match this.try_accept() {
                Ok((fd, peer)) => {
                    if let Some(admitted) = self.admit(listener, fd, peer) {
                        return Some(admitted);
                    }
                }
                Err(errno) if trouble(errno) == Trouble::OfThatClient => {}
                Err(_) => listener += 1,
            }
        }
        None
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Admitted> {
        if self.batch >= BATCH {
            self.batch = 0;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        loop {
            let waits = self.places.waits_when_full();
            if waits && self.places.poll_free(cx).is_pending() {
                self.pause(Pause::Limit);
                return Poll::Pending;
            }
            if self.paused == Some(Pause::Limit) {
                self.resume();
            }
            if let Some(rest) = &mut self.rest {
                let rested = rest.as_mut().poll(cx).is_ready();
                if !rested && self.places.poll_left(cx).is_pending() {
                    return Poll::Pending;
                }
                self.rest = None;
            }
            let (listener, accepted) = ready!(self.poll_any(cx));
            match accepted {
                Ok((fd, peer)) => {
                    self.resume();
                    if let Some(admitted) = self.admit(listener, fd, peer) {
                        self.batch += 1;
                        return Poll::Ready(admitted);
                    }
                }
                Err(errno) => self.survive(errno, listener),
            }
        }
    }

    /// The next result of accept from any of the sockets; the one after the last has precedence.
    fn poll_any(&mut self, cx: &mut Context<'_>) -> Poll<(usize, Accepted)> {
        let count = self.listeners.len();
        for step in 1..=count {
            let index = (self.turn + step) % count;
            let Some(listener) = self.listeners.get(index) else {
                continue;
            };
            if let Poll::Ready(accepted) = listener.poll_accept(cx) {
                self.turn = index;
                return Poll::Ready((index, accepted));
            }
        }
        self.batch = 0;
        Poll::Pending
    }

    fn admit(&mut self, listener: usize, fd: OwnedFd, peer: SocketName) -> Option<Admitted> {
        let listener = self.listeners.get(listener)?;
        // The access rules are about IP addresses; the mode of its file guards a Unix socket.
        let ip = peer.inet().map(|peer| peer.ip());
        let place = if ip.is_none_or(|ip| self.access.admits(ip)) {
            self.places.take(ip)
        } else {
            Err(TurnedAway::Rule)
        };
        let place = match place {
            Ok(place) => place,
            Err(why) => {
                turn_away(listener, fd, peer, why);
                return None;
            }
        };
        let home = self.loops.as_ref().and_then(Loops::home);
        let entered = home.as_ref().map(|home| home.handle().enter());
        let made = listener.connection(fd, peer);
        drop(entered);
        match made {
            Ok(connection) => Some(Admitted {
                connection,
                place,
                home,
            }),
            Err(errno) => {
                self.failed(listener.local(), errno);
                None
            }
        }
    }

    /// An error of accept: nothing is ended by it.
    fn survive(&mut self, errno: Errno, listener: usize) {
        let why = match trouble(errno) {
            Trouble::OfThatClient => return,
            Trouble::Shortage(why) => Some(why),
            Trouble::Unknown => None,
        };
        if why == Some(Pause::Descriptors) && !self.places.waits_when_full() {
            // Without a descriptor nobody can even be reset: the reserve makes one free.
            self.reserve = None;
            let turned_away = self.listeners.get(listener).is_some_and(|this| {
                let taken = this.try_accept();
                taken
                    .map(|(fd, peer)| turn_away(this, fd, peer, TurnedAway::Limit))
                    .is_ok()
            });
            self.reserve = reserve();
            if turned_away {
                return;
            }
        }
        let due = self.reported.is_none_or(|at| at.elapsed() >= REPORT_EVERY);
        if let Some(local) = self.listeners.get(listener).map(Listener::local)
            && due
        {
            self.reported = Some(Instant::now());
            self.failed(local, errno);
        }
        if let Some(why) = why {
            self.pause(why);
        }
        self.rest = Some(Box::pin(sleep(REST)));
    }

    fn failed(&self, local: &SocketName, errno: Errno) {
        self.observers.emit(&Event::Failed {
            connection: None,
            local: Some(local),
            error: &AcceptError::new(local, errno),
        });
    }

    fn pause(&mut self, why: Pause) {
        if self.paused != Some(why) {
            self.paused = Some(why);
            self.observers.emit(&Event::Paused { why });
        }
    }

    fn resume(&mut self) {
        if self.paused.take().is_some() {
            self.observers.emit(&Event::Resumed);
        }
    }
}

/// Resets a client, so that it knows at once.
fn turn_away(listener: &Listener, fd: OwnedFd, peer: SocketName, why: TurnedAway) {
    let name = listener.ends(&fd, peer).name(Role::Accepted);
    // Best effort: where this fails, the client reads an end of stream instead of a reset.
    let _ = sockopt::set_socket_linger(&fd, Some(Duration::ZERO));
    drop(fd);
    let name = &name;
    listener.observers.emit(&Event::TurnedAway { name, why });
}

/// A descriptor that is only there to be given up.
fn reserve() -> Option<OwnedFd> {
    std::fs::File::open("/dev/null").ok().map(OwnedFd::from)
}
