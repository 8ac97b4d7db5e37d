//! What is done with datagrams: each is given to the exchange of its peer, which may answer.
//!
//! A peer is who sends from one address and port to one address of ours. Nobody has shown that he
//! is there where his datagrams say they come from, so no peer is ever sent more than
//! [`CREDIT_EACH`] times the bytes that came from it: whoever forges another's address gains
//! nothing. An answer that would be more is not sent at all.
//!
//! ```
//! use fivetuple::Identity;
//! use fivetuple::service::{DatagramExchange, Reply};
//!
//! struct Shout;
//!
//! impl DatagramExchange for Shout {
//!     fn received(&mut self, datagram: &[u8], reply: &Reply) {
//!         reply.send(&datagram.to_ascii_uppercase());
//!     }
//! }
//!
//! let service = |_: &Identity| Shout;
//! # fn is_service(_: impl fivetuple::service::DatagramService) {}
//! # is_service(service);
//! ```

use std::future::{Future, ready};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, OnceLock, Weak};

use tokio::sync::mpsc;

use super::losses::Losses;
use crate::call::Call;
use crate::connection::Live;
use crate::event::{Direction, Event, Identity, Observers, Reason};
use crate::listen::DatagramSocket;

/// Bytes that a peer may be sent for each byte that came from it.
pub const CREDIT_EACH: u64 = 3;

/// What is done with the datagrams of one peer.
pub trait DatagramExchange: Send {
    /// One datagram; an empty one is one, too. `reply` answers, now or (cloned) later.
    fn received(&mut self, datagram: &[u8], reply: &Reply);

    /// The peer is forgotten, for this reason: nothing more comes from it, and nothing more goes to
    /// it.
    fn ended(&mut self, reason: Reason) {
        let _ = reason;
    }
}

/// What is done with each peer. Every `Fn(&Identity) -> impl DatagramExchange` is a service.
pub trait DatagramService: Send + Sync + 'static {
    /// What is done with one of them.
    type Exchange: DatagramExchange + 'static;

    /// A peer has sent its first datagram.
    fn begin(&self, identity: &Identity) -> Self::Exchange;

    /// Descriptors that one peer needs.
    fn descriptors(&self) -> u64 {
        0
    }

    /// Waits for whatever is still being done for peers that have [ended](DatagramExchange::ended);
    /// asked for when the server ends.
    fn finished(&self) -> impl Future<Output = ()> + Send {
        ready(())
    }
}

impl<F, E> DatagramService for F
where
    F: Fn(&Identity) -> E + Send + Sync + 'static,
    E: DatagramExchange + 'static,
{
    type Exchange = E;

    fn begin(&self, identity: &Identity) -> E {
        self(identity)
    }
}

/// The way back to one peer; cheap to clone, may be used from any task. Once the peer is forgotten
/// (idle, displaced, refused, the server has ended) it sends nothing more.
#[derive(Clone, Debug)]
pub struct Reply {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    /// The server closes its socket, whoever still keeps a way back.
    socket: Weak<DatagramSocket>,
    peer: SocketAddr,
    local: SocketAddr,
    live: Arc<Live>,
    /// Bytes that may be sent.
    credit: AtomicU64,
    counts: Counts,
    losses: Losses,
    /// Why the service has asked to end this peer, if it has.
    asked: OnceLock<Reason>,
    asking: mpsc::UnboundedSender<Ending>,
    ended: AtomicBool,
}

/// A service wants this peer to end: who it is, and the number of its connection.
#[derive(Debug)]
pub(crate) struct Ending {
    pub(crate) ends: [SocketAddr; 2],
    pub(crate) number: u64,
}

#[derive(Debug, Default)]
struct Counts {
    sent: AtomicU64,
    withheld: AtomicU64,
    unsent: AtomicU64,
}

/// What went back to one peer, and what did not; in datagrams.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Replies {
    /// Taken by the kernel.
    pub sent: u64,
    /// Not sent, because it was more than the peer may be sent.
    pub withheld: u64,
    /// Not sent, because the kernel had no room or refused.
    pub unsent: u64,
}

impl Reply {
    pub(crate) fn new(
        socket: &Arc<DatagramSocket>,
        live: Arc<Live>,
        ends: [SocketAddr; 2],
        asking: &mpsc::UnboundedSender<Ending>,
    ) -> Self {
        let [peer, local] = ends;
        Self {
            shared: Arc::new(Shared {
                socket: Arc::downgrade(socket),
                peer,
                local,
                live,
                credit: AtomicU64::new(0),
                counts: Counts::default(),
                losses: Losses::new(Direction::Sent),
                asked: OnceLock::new(),
                asking: asking.clone(),
                ended: AtomicBool::new(false),
            }),
        }
    }

    /// Sends one datagram at once, from the address that the peer has sent to. It never waits: true
    /// if the kernel took it; false if it was more than [`Reply::credit`], or there was no room for
    /// it, and then it is counted and told ([`Event::Dropped`]).
    pub fn send(&self, datagram: &[u8]) -> bool {
        let shared = &*self.shared;
        let Some(socket) = shared.socket.upgrade() else {
            return false;
        };
        if shared.ended.load(Relaxed) {
            return false;
        }
        let length = datagram.len() as u64;
        let spend = |credit: u64| credit.checked_sub(length);
        if shared.credit.fetch_update(Relaxed, Relaxed, spend).is_err() {
            shared.counts.withheld.fetch_add(1, Relaxed);
            (shared.losses).note(length, self.identity(), socket.observers());
            return false;
        }
        // Counted before it goes: an ICMP error about it may end the peer before the call returns.
        shared.counts.sent.fetch_add(1, Relaxed);
        shared.live.sent_by_some_task(length);
        let result = socket.try_send(datagram, shared.peer, shared.local);
        let identity = Some(self.identity());
        let to = format_args!("{length} bytes to {}", shared.peer);
        socket.called(Call::Send, to, (result.map(|()| length), identity));
        match result {
            Ok(()) => self.moved(Direction::Sent, datagram, socket.observers()),
            Err(errno) => {
                shared.credit.fetch_add(length, Relaxed);
                shared.live.not_sent_by_some_task(length);
                shared.counts.sent.fetch_sub(1, Relaxed);
                shared.counts.unsent.fetch_add(1, Relaxed);
                let (identity, observers) = (self.identity(), socket.observers());
                shared.losses.failed(errno, identity, observers);
                shared.losses.note(length, identity, observers);
            }
        }
        result.is_ok()
    }

    /// Bytes that may be sent now: three times those that came, less those that were sent.
    pub fn credit(&self) -> u64 {
        self.shared.credit.load(Relaxed)
    }

    /// Number, five-tuple and addresses.
    pub fn identity(&self) -> &Identity {
        &self.shared.live.identity
    }

    /// Identity and counters.
    pub fn live(&self) -> &Arc<Live> {
        &self.shared.live
    }

    /// What went back so far.
    pub fn replies(&self) -> Replies {
        let counts = &self.shared.counts;
        Replies {
            sent: counts.sent.load(Relaxed),
            withheld: counts.withheld.load(Relaxed),
            unsent: counts.unsent.load(Relaxed),
        }
    }

    /// Has the server forget this peer, for this reason. Its next datagram is that of a new one.
    pub fn end(&self, reason: Reason) {
        let shared = &*self.shared;
        // Once for each peer; the server takes all there are in each of its turns.
        if shared.asked.set(reason).is_ok() {
            let ending = Ending {
                ends: [shared.peer, shared.local],
                number: self.identity().number,
            };
            // Without a server everything has ended.
            let _ = shared.asking.send(ending);
        }
    }

    /// Who is told what happens here; `None` once there is no server any more.
    pub(crate) fn observers(&self) -> Option<Observers> {
        let socket = self.shared.socket.upgrade()?;
        Some(socket.observers().clone())
    }

    /// Why this peer is to end, if the service has asked for it.
    pub(crate) fn asked_to_end(&self) -> Option<Reason> {
        self.shared.asked.get().copied()
    }

    /// A datagram has come: for its bytes the peer may be sent three times as many.
    pub(crate) fn received(&self, datagram: &[u8], observers: &Observers) {
        self.shared.live.received(datagram.len());
        let more = CREDIT_EACH * datagram.len() as u64;
        self.shared.credit.fetch_add(more, Relaxed);
        self.moved(Direction::Received, datagram, observers);
    }

    /// Nothing is sent from now on.
    pub(crate) fn stop(&self) {
        self.shared.ended.store(true, Relaxed);
    }

    /// What was not sent and is not told is told.
    pub(crate) fn tell_losses(&self, observers: &Observers) {
        self.shared.losses.tell(0, self.identity(), observers);
    }

    fn moved(&self, direction: Direction, bytes: &[u8], observers: &Observers) {
        if observers.wants().bytes {
            observers.emit(&Event::Moved {
                connection: self.identity(),
                direction,
                bytes,
            });
        }
    }
}
