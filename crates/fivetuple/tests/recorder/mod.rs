//! What the tests of the phases look through: an observer that keeps what it is told, a server at
//! work, and peers made of the plain sockets of the standard library.
#![allow(dead_code, reason = "each test file uses a part of it")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use fivetuple::event::{Pause, TurnedAway};
use fivetuple::{
    ConnectionName, Control, Direction, Event, Family, Identity, Observer, Observers, Reason,
    Server, ServerOptions, Service, Side, SocketName, Summary, Table, Totals, Wants,
};
use rustix::net::{AddressFamily, SocketType, bind, listen, socket, sockopt};
use tokio::task::JoinHandle;

/// How long a test waits for what must come.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// An event that can be kept; connections are named by their numbers.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Fact {
    Called(String),
    Moved(u64, Direction, Vec<u8>),
    SocketCreated(Family),
    Bound(SocketName),
    Listening(SocketName),
    Accepted(Identity),
    Connected(Identity),
    HalfClosed(u64, Side),
    Closed(u64, Reason, Side, Totals),
    StoppedListening(SocketName),
    TurnedAway(ConnectionName, TurnedAway),
    Paused(Pause),
    Resumed,
    Failed(Option<u64>, String),
    Dropped(u64, Direction, u64),
}

impl Fact {
    fn of(event: &Event<'_>) -> Option<Self> {
        Some(match event {
            Event::Called(called) => Self::Called(called.to_string()),
            Event::Moved {
                connection,
                direction,
                bytes,
            } => Self::Moved(connection.number, *direction, bytes.to_vec()),
            Event::SocketCreated { family, .. } => Self::SocketCreated(*family),
            Event::Bound { local } => Self::Bound((*local).clone()),
            Event::Listening { local, .. } => Self::Listening((*local).clone()),
            Event::Accepted(identity) => Self::Accepted((*identity).clone()),
            Event::Connected(identity) => Self::Connected((*identity).clone()),
            Event::HalfClosed { connection, by } => Self::HalfClosed(connection.number, *by),
            Event::Closed {
                connection,
                reason,
                first,
                totals,
            } => Self::Closed(connection.number, *reason, *first, **totals),
            Event::StoppedListening { local, .. } => Self::StoppedListening((*local).clone()),
            Event::TurnedAway { name, why } => Self::TurnedAway((*name).clone(), *why),
            Event::Paused { why } => Self::Paused(*why),
            Event::Resumed => Self::Resumed,
            Event::Failed {
                connection, error, ..
            } => Self::Failed(
                connection.map(|identity| identity.number),
                error.to_string(),
            ),
            Event::Dropped {
                connection,
                direction,
                bytes,
            } => Self::Dropped(connection.number, *direction, *bytes),
            _ => return None,
        })
    }

    pub(crate) fn is_closed(&self) -> bool {
        matches!(self, Self::Closed(..))
    }
}

/// Keeps every event.
#[derive(Debug, Default)]
pub(crate) struct Recorder {
    facts: Mutex<Vec<Fact>>,
    more: Condvar,
    wants: Wants,
}

impl Recorder {
    pub(crate) fn new() -> Arc<Self> {
        Self::wanting(Wants::default())
    }

    pub(crate) fn wanting(wants: Wants) -> Arc<Self> {
        Arc::new(Self {
            wants,
            ..Self::default()
        })
    }

    pub(crate) fn observers(self: &Arc<Self>) -> Observers {
        Observers::new(vec![Arc::clone(self) as Arc<dyn Observer>])
    }

    pub(crate) fn facts(&self) -> Vec<Fact> {
        self.facts.lock().unwrap().clone()
    }

    pub(crate) fn count(&self, is_it: impl Fn(&Fact) -> bool) -> usize {
        self.facts
            .lock()
            .unwrap()
            .iter()
            .filter(|fact| is_it(fact))
            .count()
    }

    /// Waits for the first fact that is like this.
    pub(crate) fn wait_for(&self, is_it: impl Fn(&Fact) -> bool) -> Fact {
        self.wait_for_all(1, is_it).remove(0)
    }

    /// Waits for so many facts that are like this.
    pub(crate) fn wait_for_all(&self, count: usize, is_it: impl Fn(&Fact) -> bool) -> Vec<Fact> {
        let mut facts = self.facts.lock().unwrap();
        let until = Instant::now() + PATIENCE;
        loop {
            let found: Vec<Fact> = facts.iter().filter(|fact| is_it(fact)).cloned().collect();
            if found.len() >= count {
                return found;
            }
            let left = until.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "it never happened; what did: {facts:#?}");
            facts = self.more.wait_timeout(facts, left).unwrap().0;
        }
    }

    /// Waits until so many connections have closed: how each did, in the order of their numbers.
    pub(crate) fn all_closed(&self, count: usize) -> Vec<(u64, Reason, Totals)> {
        let facts = self.wait_for_all(count, Fact::is_closed);
        let mut ends: Vec<_> = facts
            .into_iter()
            .map(|fact| match fact {
                Fact::Closed(number, reason, _, totals) => (number, reason, totals),
                other => panic!("{other:?}"),
            })
            .collect();
        ends.sort_by_key(|(number, ..)| *number);
        ends
    }

    /// The same, and forgets everything that happened until now.
    pub(crate) fn take_closed(&self, count: usize) -> Vec<(u64, Reason, Totals)> {
        let ends = self.all_closed(count);
        self.facts.lock().unwrap().clear();
        ends
    }

    /// Waits for the end of the only connection.
    pub(crate) fn closed(&self) -> (Reason, Side, Totals) {
        match self.wait_for(Fact::is_closed) {
            Fact::Closed(_, reason, first, totals) => (reason, first, totals),
            other => panic!("{other:?}"),
        }
    }
}

impl Observer for Recorder {
    fn wants(&self) -> Wants {
        self.wants
    }

    fn event(&self, event: &Event<'_>) {
        if let Some(fact) = Fact::of(event) {
            self.facts.lock().unwrap().push(fact);
            self.more.notify_all();
        }
    }
}

/// A server at work on a port of its own.
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    pub(crate) control: Control,
    pub(crate) table: Arc<Table>,
    pub(crate) recorder: Arc<Recorder>,
    serving: JoinHandle<Summary>,
}

impl Running {
    pub(crate) async fn start(service: impl Service, options: ServerOptions) -> Self {
        let recorder = Recorder::new();
        let address = "127.0.0.1:0".parse().unwrap();
        let server = Server::open(&address, options, &recorder.observers())
            .await
            .unwrap();
        let address = server.local().next().and_then(SocketName::inet).unwrap();
        Self {
            address,
            control: server.control(),
            table: server.table(),
            recorder,
            serving: tokio::spawn(server.serve(service)),
        }
    }

    pub(crate) fn connect(&self) -> TcpStream {
        connect(self.address)
    }

    /// Tells it to stop and waits for its end.
    pub(crate) async fn drain(self) -> Summary {
        self.control.drain();
        self.end().await
    }

    pub(crate) async fn end(self) -> Summary {
        let end = tokio::time::timeout(PATIENCE, self.serving).await;
        end.expect("the server ends")
            .expect("the server does not panic")
    }
}

/// A client that waits no longer than [`PATIENCE`] for anything.
pub(crate) fn connect(address: impl Into<SocketName>) -> TcpStream {
    let client = TcpStream::connect_timeout(&inet(&address.into()), PATIENCE).unwrap();
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    client.set_write_timeout(Some(PATIENCE)).unwrap();
    client
}

/// IP address and port.
pub(crate) fn inet(name: &SocketName) -> SocketAddr {
    name.inet().expect("it is not a Unix socket")
}

/// Ends a connection by RST.
pub(crate) fn reset(client: TcpStream) {
    sockopt::set_socket_linger(client.as_fd(), Some(Duration::ZERO)).unwrap();
    drop(client);
}

/// Everything until the end of the stream.
pub(crate) fn read_all(client: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    client.read_to_end(&mut bytes).map(|_| bytes)
}

/// Sends and waits for the same bytes.
pub(crate) fn echo(client: &mut TcpStream, bytes: &[u8]) {
    client.write_all(bytes).unwrap();
    let mut back = vec![0; bytes.len()];
    client.read_exact(&mut back).unwrap();
    assert_eq!(back, bytes);
}

/// The byte that belongs at this place of a stream.
pub(crate) fn byte_at(position: usize) -> u8 {
    let mixed = (position as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (mixed >> 56) as u8
}

/// A stream of this many bytes, each by its place.
pub(crate) fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(byte_at).collect()
}

/// Waits until this is so; for what no event tells.
pub(crate) async fn until(mut condition: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < end, "it did not come to be");
        tokio::task::yield_now().await;
    }
}

/// Loopback, the port left to the system.
pub(crate) fn loopback() -> SocketAddr {
    "127.0.0.1:0".parse().unwrap()
}

/// A port that is held, so that nobody else gets it, and on which nothing listens.
pub(crate) struct Refusing {
    held: OwnedFd,
    pub(crate) address: SocketAddr,
}

impl Refusing {
    pub(crate) fn new() -> Self {
        let held = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
        bind(&held, &loopback()).unwrap();
        let name = rustix::net::getsockname(&held).unwrap();
        let address = name.try_into().unwrap();
        Self { held, address }
    }

    pub(crate) fn listen(self) -> TcpListener {
        listen(&self.held, 16).unwrap();
        self.held.into()
    }
}
