//! A server of datagrams at work. Peers are told apart here, by their five-tuples.
//!
//! One task does everything, so nothing is locked; it takes a bounded number of datagrams, then
//! others have their turn.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use rustix::net::sockopt;
use tokio::sync::mpsc;
use tokio::time::{Sleep, sleep_until};

use super::DatagramServer;
use super::options::DatagramSummary;
use super::peers::{Key, Peer, Peers};
use crate::accept::Access;
use crate::address::SocketName;
use crate::call::{Call, Errno, ReceiveError};
use crate::connection::Live;
use crate::event::{
    Direction, Ends, Event, Identity, Observers, Reason, Role, Side, Totals, TurnedAway,
};
use crate::five_tuple::{ConnectionName, FiveTuple, Protocol};
use crate::kernel::datagram::DATAGRAM_MAX;
use crate::kernel::error_queue::QueuedError;
use crate::listen::{Datagram, DatagramSocket};
use crate::server::Table;
use crate::service::{DatagramExchange, DatagramService, Ending, Reply};

/// Datagrams, errors and expired peers that are taken in a row before others have their turn.
const BATCH: usize = 64;
/// How long receiving rests after an error of the socket itself.
const REST: Duration = Duration::from_millis(100);

pub(super) struct Serving<S: DatagramService> {
    pub(super) service: S,
    sockets: Vec<Arc<DatagramSocket>>,
    access: Access,
    observers: Observers,
    cookie: Option<u64>,
    table: Arc<Table>,
    pub(super) peers: Peers<S::Exchange>,
    buffer: Box<[u8]>,
    pub(super) summary: DatagramSummary,
    /// Whom the service wants to end.
    endings: mpsc::UnboundedReceiver<Ending>,
    asking: mpsc::UnboundedSender<Ending>,
    expiry: Option<Pin<Box<Sleep>>>,
    rest: Option<Pin<Box<Sleep>>>,
}

impl<S: DatagramService> Serving<S> {
    pub(super) fn new(server: DatagramServer, service: S) -> Self {
        let wants_cookie = server.observers.wants().cookies;
        let first = server.sockets.first().filter(|_| wants_cookie);
        let (asking, endings) = mpsc::unbounded_channel();
        let max = server.options.peers(service.descriptors());
        Self {
            service,
            access: server.options.access.clone(),
            cookie: first.and_then(|socket| sockopt::socket_cookie(&**socket).ok()),
            peers: Peers::new(&server.options, max),
            buffer: vec![0; server.options.length_max.clamp(1, DATAGRAM_MAX)].into(),
            sockets: server.sockets,
            observers: server.observers,
            table: server.table,
            summary: DatagramSummary::default(),
            endings,
            asking,
            expiry: None,
            rest: None,
        }
    }

    pub(super) fn poll_work(&mut self, cx: &mut Context<'_>) -> Poll<Infallible> {
        let now = Instant::now();
        let mut more = false;
        self.poll_endings(cx);
        // Another one is first each time, so that none uses up the turn of all.
        let count = self.sockets.len();
        self.sockets.rotate_left(count.min(1));
        for index in 0..count {
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

    /// Ends whom the service wants to end: all of them, since each has been let in by a datagram.
    fn poll_endings(&mut self, cx: &mut Context<'_>) {
        // Without the budget of the task, which is for datagrams.
        while let Some(ending) = self
            .endings
            .try_recv()
            .ok()
            .or_else(|| self.poll_ending(cx))
        {
            let key = ending.ends.into();
            // It may have ended otherwise, and another be there now.
            let known = self.peers.known(&key);
            if known.is_some_and(|peer| peer.reply.identity().number == ending.number) {
                self.end_if_asked(&key);
            }
        }
    }

    fn poll_ending(&mut self, cx: &mut Context<'_>) -> Option<Ending> {
        match self.endings.poll_recv(cx) {
            Poll::Ready(ending) => ending,
            Poll::Pending => None,
        }
    }

    fn end_if_asked(&mut self, key: &Key) {
        let peer = self.peers.known(key);
        if let Some(reason) = peer.and_then(|peer| peer.reply.asked_to_end())
            && let Some(peer) = self.peers.remove(key)
        {
            self.end(peer, reason, Side::Us);
        }
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
        let bytes = buffer.get(..datagram.length);
        if self.give(socket, &key, (datagram.length, bytes, now)) {
            return;
        }
        self.end_if_asked(&key);
        if bytes.is_some() && self.admit(socket, key) {
            self.give(socket, &key, (datagram.length, bytes, now));
        } else {
            self.summary.truncated += u64::from(bytes.is_none());
            let result = (Ok(datagram.length as u64), None);
            socket.called(Call::Receive, format_args!("from {}", key.0), result);
        }
    }

    /// Gives a datagram (`None`: it was longer than the buffer) to a peer that is known and not to
    /// end; false if there is none.
    fn give(
        &mut self,
        socket: &DatagramSocket,
        key: &Key,
        (length, bytes, now): (usize, Option<&[u8]>, Instant),
    ) -> bool {
        let peer = self.peers.active(key, now);
        let Some(peer) = peer.filter(|peer| peer.reply.asked_to_end().is_none()) else {
            return false;
        };
        let identity = peer.reply.identity();
        let result = (Ok(length as u64), Some(identity));
        socket.called(Call::Receive, format_args!("from {}", key.0), result);
        let Some(bytes) = bytes else {
            self.summary.truncated += 1;
            self.observers.emit(&Event::Dropped {
                connection: identity,
                direction: Direction::Received,
                bytes: length as u64,
            });
            return true;
        };
        self.summary.received += 1;
        peer.reply.received(bytes, &self.observers);
        let answer = || peer.exchange.received(bytes, &peer.reply);
        let answered = catch_unwind(AssertUnwindSafe(answer));
        peer.note_moved();
        if answered.is_err() {
            self.panicked(key);
        }
        true
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
            let reply = Reply::new(socket, live, key.into(), &self.asking);
            self.closed(&reply, Reason::Failed, Side::Us);
            return false;
        };
        live.announce(&self.observers);
        let entry = Table::enter(&self.table, Arc::clone(&live), (None, None));
        let reply = Reply::new(socket, live, key.into(), &self.asking);
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
        let identity = peer.reply.identity();
        let told = ReceiveError::new(identity.name(), error.errno);
        self.observers.failed(identity, &told);
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

    pub(super) fn end(&mut self, peer: Peer<S::Exchange>, reason: Reason, first: Side) {
        let Peer {
            reply,
            mut exchange,
            entry,
            ..
        } = peer;
        drop(entry);
        reply.stop();
        // An exchange that panics even now harms nobody else.
        let _ = catch_unwind(AssertUnwindSafe(|| {
            exchange.ended(reason);
            drop(exchange);
        }));
        self.closed(&reply, reason, first);
    }

    fn closed(&mut self, reply: &Reply, reason: Reason, first: Side) {
        reply.tell_losses(&self.observers);
        let replies = reply.replies();
        self.summary.sent += replies.sent;
        self.summary.withheld += replies.withheld;
        self.summary.unsent += replies.unsent;
        let totals = Totals {
            bytes_sent: reply.live().bytes_sent(),
            bytes_received: reply.live().bytes_received(),
            bytes_unacknowledged: 0,
            datagrams_dropped: 0,
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

impl<S: DatagramService> Drop for Serving<S> {
    /// Whoever drops a server at work ends its peers, too.
    fn drop(&mut self) {
        while let Some(peer) = self.peers.pop_first() {
            self.end(peer, Reason::Aborted, Side::Us);
        }
    }
}
