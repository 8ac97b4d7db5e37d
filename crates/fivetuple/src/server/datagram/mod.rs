//! The passive road for datagrams: socket → bind, and then one socket for everybody. Peers are
//! told apart here, by their five-tuples.
//!
//! One task does everything, so nothing is locked; it takes a bounded number of datagrams, then
//! others have their turn.

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use rustix::net::sockopt;
use tokio::sync::watch;
use tokio::time::{Sleep, sleep_until};

use super::datagram_options::{DatagramOptions, DatagramSummary};
use super::opening::open_each;
use super::peers::{Key, Peer, Peers};
use super::{Control, NotListening, Order, Table};
use crate::accept::Access;
use crate::address::{Address, AddressError, SocketName};
use crate::call::{Call, Errno, ReceiveError};
use crate::connect::NoAddresses;
use crate::connection::Live;
use crate::event::{
    Direction, Ends, Event, Identity, Observers, Reason, Role, Side, Totals, TurnedAway,
};
use crate::five_tuple::{ConnectionName, FiveTuple, Protocol};
use crate::kernel::datagram::DATAGRAM_MAX;
use crate::kernel::error_queue::QueuedError;
use crate::listen::{Datagram, DatagramSocket};
use crate::service::{DatagramExchange, DatagramService, Reply};
use crate::socket::{OpenError, Socket};

/// Datagrams, errors and expired peers that are taken in a row before others have their turn.
const BATCH: usize = 64;
/// How long receiving rests after an error of the socket itself.
const REST: Duration = Duration::from_millis(100);

/// A server of datagrams: they are received from now on.
#[derive(Debug)]
pub struct DatagramServer {
    sockets: Vec<Arc<DatagramSocket>>,
    options: DatagramOptions,
    observers: Observers,
    table: Arc<Table>,
    orders: watch::Sender<Order>,
}

impl DatagramServer {
    /// Makes and binds one socket for each address: all of them, or none.
    ///
    /// # Errors
    ///
    /// [`NotListening`], for the first address that could not be had.
    pub async fn open(
        address: &Address,
        options: DatagramOptions,
        observers: &Observers,
    ) -> Result<Self, NotListening> {
        if !matches!(address, Address::Udp(_)) {
            return Err(NoAddresses::from(AddressError::NotDatagrams).into());
        }
        let bind = |name: SocketName| {
            let socket = Socket::open_datagram(name.family(), &options.socket, observers)?;
            Ok(socket.bind(name)?)
        };
        let sockets = open_each((address, options.family), bind, |bound| {
            let socket = bound.datagrams().map_err(OpenError::from)?;
            Ok(Arc::new(socket))
        });
        Ok(Self {
            sockets: sockets.await?,
            options,
            observers: observers.clone(),
            table: Arc::default(),
            orders: watch::Sender::new(Order::Serve),
        })
    }

    /// The addresses that datagrams are sent to.
    pub fn local(&self) -> impl Iterator<Item = SocketAddr> {
        self.sockets.iter().map(|socket| socket.local())
    }

    /// Stops it from elsewhere.
    pub fn control(&self) -> Control {
        Control(self.orders.clone())
    }

    /// The peers that are known.
    pub fn table(&self) -> Arc<Table> {
        Arc::clone(&self.table)
    }

    /// Gives each datagram to the exchange of its peer until told to stop; then ends at once.
    pub async fn serve<S: DatagramService>(self, service: S) -> DatagramSummary {
        let mut order = self.orders.subscribe();
        let mut serving = Serving::new(self, service);
        tokio::select! {
            biased;
            _ = order.wait_for(|order| *order > Order::Serve) => {}
            never = poll_fn(|cx| serving.poll_work(cx)) => match never {},
        }
        while let Some(peer) = serving.peers.pop_first() {
            serving.end(peer, Reason::Released, Side::Us);
        }
        serving.summary
    }
}

struct Serving<S: DatagramService> {
    service: S,
    sockets: Vec<Arc<DatagramSocket>>,
    access: Access,
    observers: Observers,
    cookie: Option<u64>,
    table: Arc<Table>,
    peers: Peers<S::Exchange>,
    buffer: Box<[u8]>,
    summary: DatagramSummary,
    expiry: Option<Pin<Box<Sleep>>>,
    rest: Option<Pin<Box<Sleep>>>,
}

impl<S: DatagramService> Serving<S> {
    fn new(server: DatagramServer, service: S) -> Self {
        let wants_cookie = server.observers.wants().cookies;
        let first = server.sockets.first().filter(|_| wants_cookie);
        Self {
            service,
            access: server.options.access.clone(),
            cookie: first.and_then(|socket| sockopt::socket_cookie(&**socket).ok()),
            peers: Peers::new(&server.options),
            buffer: vec![0; server.options.length_max.clamp(1, DATAGRAM_MAX)].into(),
            sockets: server.sockets,
            observers: server.observers,
            table: server.table,
            summary: DatagramSummary::default(),
            expiry: None,
            rest: None,
        }
    }

    fn poll_work(&mut self, cx: &mut Context<'_>) -> Poll<Infallible> {
        let now = Instant::now();
        let mut more = false;
        for index in 0..self.sockets.len() {
            let Some(socket) = self.sockets.get(index).map(Arc::clone) else {
                break;
            };
            more |= self.poll_socket(cx, &socket, now);
        }
        more |= self.poll_expiry(cx);
        if more {
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    }

    /// Takes what is there; true if there may be more.
    fn poll_socket(
        &mut self,
        cx: &mut Context<'_>,
        socket: &Arc<DatagramSocket>,
        now: Instant,
    ) -> bool {
        if let Some(rest) = &mut self.rest {
            if rest.as_mut().poll(cx).is_pending() {
                return false;
            }
            self.rest = None;
        }
        let mut buffer = std::mem::take(&mut self.buffer);
        let mut taken = 0;
        while taken < BATCH
            && let Poll::Ready(received) = socket.poll_receive(cx, &mut buffer)
        {
            taken += 1;
            match received {
                Ok(datagram) => self.received(socket, &datagram, (&buffer, now)),
                Err(errno) => {
                    self.failed(socket, errno);
                    break;
                }
            }
        }
        self.buffer = buffer;
        let mut errors = 0;
        for error in socket.errors().take(BATCH) {
            errors += 1;
            self.reported(socket, error);
        }
        if self.rest.is_some() {
            cx.waker().wake_by_ref();
        }
        taken == BATCH || errors == BATCH
    }

    fn received(
        &mut self,
        socket: &Arc<DatagramSocket>,
        datagram: &Datagram,
        (buffer, now): (&[u8], Instant),
    ) {
        let key = (datagram.peer, datagram.local);
        let truncated = datagram.length > buffer.len();
        let known = self.peers.active(&key, now).is_some();
        let came = known || !truncated && self.admit(socket, key);
        let peer = self.peers.known(&key).filter(|_| came);
        let identity = peer.map(|peer| peer.reply.identity());
        let result = (Ok(datagram.length as u64), identity);
        socket.called(Call::Receive, format_args!("from {}", key.0), result);
        if truncated {
            self.summary.truncated += 1;
            if let Some(connection) = identity {
                self.observers.emit(&Event::Dropped {
                    connection,
                    direction: Direction::Received,
                    bytes: datagram.length as u64,
                });
            }
            return;
        }
        let bytes = buffer.get(..datagram.length).unwrap_or_default();
        if let Some(peer) = self.peers.active(&key, now) {
            self.summary.received += 1;
            peer.reply.received(bytes, &self.observers);
            let answer = || peer.exchange.received(bytes, &peer.reply);
            let answered = catch_unwind(AssertUnwindSafe(answer));
            peer.note_moved();
            if answered.is_err() {
                self.panicked(&key);
            }
        }
    }

    /// Lets a new peer in, or not.
    fn admit(&mut self, socket: &Arc<DatagramSocket>, key: Key) -> bool {
        let (peer, local) = key;
        let place = if self.access.admits(peer.ip()) {
            self.peers.place(peer.ip())
        } else {
            Err(TurnedAway::Rule)
        };
        match place {
            Ok(None) => {}
            Ok(Some(displaced)) => self.end(displaced, Reason::Aborted, Side::Us),
            Err(why) => {
                self.summary.turned_away += 1;
                let name = &ConnectionName::FiveTuple(FiveTuple {
                    source: peer,
                    destination: local,
                    protocol: Protocol::Udp,
                });
                self.observers.emit(&Event::TurnedAway { name, why });
                return false;
            }
        }
        let ends = Ends {
            protocol: Protocol::Udp,
            local: local.into(),
            peer: peer.into(),
            process: None,
        };
        let mut identity = Identity::new(self.observers.next_number(), Role::Accepted, ends);
        identity.cookie = self.cookie;
        self.summary.accepted += 1;
        let live = Arc::new(Live::new(identity));
        let begin = || self.service.begin(&live.identity);
        let Ok(exchange) = catch_unwind(AssertUnwindSafe(begin)) else {
            self.summary.panicked += 1;
            live.announce(&self.observers);
            let reply = Reply::new(socket, live, [peer, local]);
            self.closed(&reply, Reason::Failed, Side::Us);
            return false;
        };
        live.announce(&self.observers);
        let entry = Table::enter(&self.table, Arc::clone(&live), None);
        let reply = Reply::new(socket, live, [peer, local]);
        self.peers.insert(key, Peer::new(reply, exchange, entry));
        true
    }

    /// The network has said something about a datagram that was sent. It is told to the peer that
    /// the datagram was for, and to nobody else.
    fn reported(&mut self, socket: &Arc<DatagramSocket>, error: QueuedError) {
        let Some(ip) = error.local else { return };
        let mut local = socket.local();
        local.set_ip(ip);
        let mut key = (error.peer, local);
        if let (SocketAddr::V6(peer), SocketAddr::V6(local)) = (&error.peer, &mut key.1)
            && local.ip().is_unicast_link_local()
        {
            local.set_scope_id(peer.scope_id());
        }
        let Some(peer) = self.peers.known(&key) else {
            return;
        };
        self.observers.emit(&Event::Failed {
            connection: Some(peer.reply.identity()),
            local: None,
            error: &ReceiveError::new(peer.reply.identity().name(), error.errno),
        });
        // Nobody has that port (any more); other errors may pass.
        if error.errno == Errno::CONNREFUSED
            && let Some(peer) = self.peers.remove(&key)
        {
            self.end(peer, Reason::Reset, Side::Peer);
        }
    }

    /// Ends whose time is up; true if there may be more.
    fn poll_expiry(&mut self, cx: &mut Context<'_>) -> bool {
        for _ in 0..BATCH {
            let now = Instant::now();
            while let Some(peer) = self.peers.pop_expired(now) {
                self.end(peer, Reason::TimedOut, Side::Us);
            }
            let Some(due) = self.peers.next_due() else {
                self.expiry = None;
                return false;
            };
            let due = due.into();
            // A timer that rings too early is set anew then; one that would ring too late, now.
            let sleep = self
                .expiry
                .get_or_insert_with(|| Box::pin(sleep_until(due)));
            if due < sleep.deadline() {
                sleep.as_mut().reset(due);
            }
            if sleep.as_mut().poll(cx).is_pending() {
                return false;
            }
            self.expiry = None;
        }
        true
    }

    fn failed(&mut self, socket: &DatagramSocket, errno: Errno) {
        let local = SocketName::Inet(socket.local());
        self.observers.emit(&Event::Failed {
            connection: None,
            local: Some(&local),
            error: &ReceiveError::new(socket.local(), errno),
        });
        self.rest = Some(Box::pin(sleep_until((Instant::now() + REST).into())));
    }

    fn panicked(&mut self, key: &Key) {
        self.summary.panicked += 1;
        if let Some(peer) = self.peers.remove(key) {
            self.end(peer, Reason::Failed, Side::Us);
        }
    }

    fn end(&mut self, peer: Peer<S::Exchange>, reason: Reason, first: Side) {
        let Peer {
            reply,
            exchange,
            entry,
            ..
        } = peer;
        drop(entry);
        // An exchange that panics even now harms nobody else.
        let _ = catch_unwind(AssertUnwindSafe(|| drop(exchange)));
        self.closed(&reply, reason, first);
    }

    fn closed(&mut self, reply: &Reply, reason: Reason, first: Side) {
        reply.end(&self.observers);
        let replies = reply.replies();
        self.summary.sent += replies.sent;
        self.summary.withheld += replies.withheld;
        self.summary.unsent += replies.unsent;
        let totals = Totals {
            bytes_sent: reply.live().bytes_sent(),
            bytes_received: reply.live().bytes_received(),
            bytes_unacknowledged: 0,
            duration: reply.identity().since.elapsed(),
        };
        self.observers.emit(&Event::Closed {
            connection: reply.identity(),
            reason,
            first,
            totals: &totals,
        });
    }
}
