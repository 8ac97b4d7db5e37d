//! The relay of datagrams: each peer has a connected socket of its own to the destination, so what
//! comes back is that peer's.
//!
//! What the peer sends goes on at once, from the task of the server; what comes back is waited for
//! by a task of the session. Both sides end together: when the server forgets the peer, or when
//! nobody has the destination's port. What comes back obeys the rule of all services of datagrams,
//! three bytes for each byte that came.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Instant;

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, oneshot, watch};

use super::Relay;
use crate::call::{Errno, ReceiveError};
use crate::connection::Connection;
use crate::event::{Direction, Identity, Observers, Reason, Side};
use crate::listen::is_of_a_datagram;
use crate::service::losses::Losses;
use crate::service::{DatagramExchange, DatagramService, Reply};
use crate::transfer::with_scratch;

/// Bytes that may wait, of all peers together, while the names of destinations are looked up. What
/// comes beyond them, and what waits in vain, is dropped, counted and told.
const EARLY_MAX: usize = 1 << 20;
/// What a datagram that waits takes besides its bytes.
const EARLY_EACH: usize = 64;
/// Datagrams that are taken in a row before others have their turn.
const BATCH: usize = 64;

/// The sessions of one relay.
#[derive(Debug)]
pub(super) struct Sessions {
    running: watch::Sender<usize>,
    early: Arc<Semaphore>,
}

impl Default for Sessions {
    fn default() -> Self {
        Self {
            running: watch::Sender::new(0),
            early: Arc::new(Semaphore::new(EARLY_MAX)),
        }
    }
}

/// One session more, until it is dropped.
struct Running(Arc<Sessions>);

impl Running {
    fn new(sessions: &Arc<Sessions>) -> Self {
        sessions.running.send_modify(|count| *count += 1);
        Self(Arc::clone(sessions))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.running.send_modify(|count| *count -= 1);
    }
}

impl DatagramService for Relay {
    type Exchange = Datagrams;

    fn begin(&self, _: &Identity) -> Datagrams {
        Datagrams {
            relay: self.clone(),
            session: None,
        }
    }

    fn descriptors(&self) -> u64 {
        1
    }

    async fn finished(&self) {
        let mut running = self.sessions.running.subscribe();
        // It fails when there is no relay any more, and so no session.
        let _ = running.wait_for(|count| *count == 0).await;
    }
}

/// What a relay does with the datagrams of one peer.
#[derive(Debug)]
pub struct Datagrams {
    relay: Relay,
    /// From the first datagram to the end of the peer.
    session: Option<Session>,
}

/// A peer's session, as the server's task has it.
#[derive(Debug)]
struct Session {
    reply: Reply,
    observers: Observers,
    // Given up before `ended` tells the other task, which then has it alone.
    way: Arc<Way>,
    ended: oneshot::Sender<Reason>,
}

/// The way to the destination.
#[derive(Debug)]
struct Way {
    connected: OnceLock<Connection>,
    early: Mutex<Vec<Early>>,
    /// A send was told that nobody has the port: whoever receives has to hear of it, and readiness
    /// does not tell, since the error is taken off the socket.
    refused: Notify,
    /// Of what came early.
    unheld: Losses,
    unsent: Losses,
}

/// A datagram that came before there was a way.
#[derive(Debug)]
struct Early {
    datagram: Box<[u8]>,
    _room: OwnedSemaphorePermit,
}

impl DatagramExchange for Datagrams {
    fn received(&mut self, datagram: &[u8], reply: &Reply) {
        if self.session.is_none() {
            self.session = Session::begin(&self.relay, reply);
        }
        if let Some(session) = &self.session {
            session.send(datagram, &self.relay.sessions.early);
        }
    }

    fn ended(&mut self, reason: Reason) {
        if let Some(session) = self.session.take() {
            session.end(reason);
        }
    }
}

impl Session {
    /// `None` if there is no server any more.
    fn begin(relay: &Relay, reply: &Reply) -> Option<Self> {
        let observers = reply.observers()?;
        let way = Arc::new(Way {
            connected: OnceLock::new(),
            early: Mutex::default(),
            refused: Notify::new(),
            unheld: Losses::new(Direction::Received),
            unsent: Losses::new(Direction::Sent),
        });
        let (ended, by_server) = oneshot::channel();
        let running = Running::new(&relay.sessions);
        let task = Task {
            relay: relay.clone(),
            reply: reply.clone(),
            observers: observers.clone(),
        };
        let work = task.work(Arc::clone(&way), by_server);
        tokio::spawn(async move {
            work.await;
            drop(running);
        });
        Some(Self {
            reply: reply.clone(),
            observers,
            way,
            ended,
        })
    }

    /// Sends it on, or keeps it until there is a destination.
    fn send(&self, datagram: &[u8], room: &Arc<Semaphore>) {
        let way = &*self.way;
        if let Some(connected) = way.connected.get() {
            return way.send(connected, datagram);
        }
        let mut early = way.early();
        // It may have been found just now.
        if let Some(connected) = way.connected.get() {
            drop(early);
            return way.send(connected, datagram);
        }
        let size = u32::try_from(datagram.len() + EARLY_EACH).unwrap_or(u32::MAX);
        match Arc::clone(room).try_acquire_many_owned(size) {
            Ok(room) => early.push(Early {
                datagram: datagram.into(),
                _room: room,
            }),
            Err(_) => {
                let length = datagram.len() as u64;
                (way.unheld).note(length, self.reply.identity(), &self.observers);
            }
        }
    }

    fn end(self, reason: Reason) {
        let Self {
            reply,
            observers,
            way,
            ended,
        } = self;
        let early = std::mem::take(&mut *way.early());
        let never_sent = early.iter().map(|one| one.datagram.len() as u64).sum();
        way.unheld.tell(never_sent, reply.identity(), &observers);
        drop(way);
        // The other task may have ended.
        let _ = ended.send(reason);
    }
}

impl Way {
    /// The destination is known: sends what came early, in its order before all that follows.
    fn open(&self, connected: Connection) -> Option<&Connection> {
        loop {
            let mut early = self.early();
            if early.is_empty() {
                self.connected.set(connected).ok()?;
                return self.connected.get();
            }
            // Sent while others may add to it: the task of the server waits for nobody.
            let some = std::mem::take(&mut *early);
            drop(early);
            for one in some {
                self.send(&connected, &one.datagram);
            }
        }
    }

    /// There is nobody to wait for: a datagram that finds no room now is lost.
    fn send(&self, connected: &Connection, datagram: &[u8]) {
        let Err(errno) = connected.try_send(datagram) else {
            return;
        };
        let (identity, observers) = (connected.identity(), connected.observers());
        if errno == Errno::CONNREFUSED {
            self.refused.notify_one();
        } else {
            self.unsent.failed(errno, identity, observers);
        }
        let length = datagram.len() as u64;
        self.unsent.note(length, identity, observers);
    }

    fn early(&self) -> MutexGuard<'_, Vec<Early>> {
        self.early.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The other task of a session: it finds the destination, sends back what comes from there, and
/// closes the connected side.
struct Task {
    relay: Relay,
    reply: Reply,
    observers: Observers,
}

impl Task {
    /// Until one of both sides has ended.
    async fn work(self, way: Arc<Way>, mut by_server: oneshot::Receiver<Reason>) {
        let (reason, first) = tokio::select! {
            biased;
            reason = &mut by_server => (passed_on(reason.ok()), Side::Us),
            ended = self.carry(&way) => {
                self.reply.end(ended.peer);
                // The server lets go of the way, and then says that the peer has ended.
                let _ = by_server.await;
                (ended.connected, Side::Peer)
            }
        };
        let connected = Arc::into_inner(way).and_then(|way| {
            let connected = way.connected.into_inner()?;
            way.unsent.tell(0, connected.identity(), &self.observers);
            Some(connected)
        });
        if let Some(mut connected) = connected {
            connected.note_first(first);
            connected.closed(reason);
        }
    }

    /// Moves datagrams until that fails.
    async fn carry(&self, way: &Way) -> Ended {
        // On the heap, so that a session at work does not carry the room that connecting took.
        let found = Box::pin(self.relay.connect(self.reply.identity(), &self.observers)).await;
        let Some((connected, destination)) = found else {
            return Ended::FAILED;
        };
        self.reply.identity().join(connected.identity());
        let Some(connected) = way.open(connected.announced()) else {
            return Ended::FAILED;
        };
        let mut refused = pin!(way.refused.notified());
        let errno = poll_fn(|cx| {
            // Told of it, receiving finds the error.
            let _ = refused.as_mut().poll(cx);
            poll_back(cx, connected, &self.reply)
        })
        .await;
        // Told as the client's, like a destination that is not reached.
        let identity = connected.identity();
        let error = ReceiveError::new(identity.name(), errno);
        self.observers.failed(self.reply.identity(), &error);
        if !is_of_a_datagram(errno) {
            return Ended::FAILED;
        }
        destination.note(Some(Instant::now()));
        destination.names.note_refused(identity.peer());
        Ended {
            connected: Reason::Reset,
            peer: Reason::Aborted,
        }
    }
}

/// How both sides of a session end that ends by itself.
struct Ended {
    connected: Reason,
    peer: Reason,
}

impl Ended {
    const FAILED: Self = Self {
        connected: Reason::Failed,
        peer: Reason::Failed,
    };
}

/// How the connected side ends with its peer: what ended that ends this.
fn passed_on(of_peer: Option<Reason>) -> Reason {
    match of_peer {
        Some(Reason::Reset) => Reason::Aborted,
        Some(reason) => reason,
        // The exchange is gone without a word, as after a panic.
        None => Reason::Failed,
    }
}

/// Sends back what comes, until receiving fails.
fn poll_back(cx: &mut Context<'_>, connected: &Connection, reply: &Reply) -> Poll<Errno> {
    for _ in 0..BATCH {
        let received = with_scratch(|buffer| {
            let received = ready!(connected.poll_receive(cx, buffer));
            Poll::Ready(received.map(|length| {
                // What may not or cannot go is counted and told there.
                reply.send(buffer.get(..length).unwrap_or_default());
            }))
        });
        match ready!(received) {
            // A router has told the size that fits; the next datagrams are cut to it.
            Ok(()) | Err(Errno::MSGSIZE) => {}
            Err(errno) => return Poll::Ready(errno),
        }
    }
    cx.waker().wake_by_ref();
    Poll::Pending
}
