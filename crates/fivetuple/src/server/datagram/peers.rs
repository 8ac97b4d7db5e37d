//! The peers that a server of datagrams knows, the one that is silent for longest first.

use std::collections::{BTreeMap, HashMap};
use std::hash::RandomState;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use hashlink::LinkedHashMap;

use super::options::{DatagramOptions, WhenFull};
use crate::event::TurnedAway;
use crate::server::table::Entry;
use crate::service::Reply;

/// Who sends from where to which address of ours.
pub(super) type Key = (SocketAddr, SocketAddr);

/// One of them.
pub(super) struct Peer<E> {
    pub(super) reply: Reply,
    pub(super) exchange: E,
    /// When it last sent something, or was sent something.
    active: Instant,
    /// What had been moved then.
    moved: u64,
    /// Its line in the table that others look at.
    pub(super) entry: Entry,
}

impl<E> Peer<E> {
    pub(super) fn new(reply: Reply, exchange: E, entry: Entry) -> Self {
        Self {
            active: reply.identity().since,
            moved: 0,
            reply,
            exchange,
            entry,
        }
    }

    fn number(&self) -> u64 {
        self.reply.identity().number
    }

    /// What has been moved so far, either way.
    fn moved(&self) -> u64 {
        self.reply.live().moved() + self.reply.replies().sent
    }
}

/// All of them. Each step takes the same time however many there are; with a deadline, which has
/// an order of its own, its logarithm.
pub(super) struct Peers<E> {
    known: LinkedHashMap<Key, Peer<E>, RandomState>,
    /// By number, which grows with the time of their coming; only kept with a deadline.
    by_age: BTreeMap<u64, Key>,
    /// Only kept when there is a limit for each address.
    by_ip: HashMap<IpAddr, u32>,
    max: usize,
    max_per_ip: Option<u32>,
    when_full: WhenFull,
    idle: Duration,
    deadline: Option<Duration>,
}

impl<E> Peers<E> {
    /// Nobody yet, and never more than `max`.
    pub(super) fn new(options: &DatagramOptions, max: usize) -> Self {
        Self {
            known: LinkedHashMap::with_hasher(RandomState::new()),
            by_age: BTreeMap::new(),
            by_ip: HashMap::new(),
            max,
            max_per_ip: options.max_per_ip,
            when_full: options.when_full,
            idle: options.idle,
            deadline: options.deadline,
        }
    }

    /// The peer that has just sent something, if it is known.
    pub(super) fn active(&mut self, key: &Key, now: Instant) -> Option<&mut Peer<E>> {
        let peer = self.known.to_back(key)?;
        peer.active = now;
        Some(peer)
    }

    pub(super) fn known(&self, key: &Key) -> Option<&Peer<E>> {
        self.known.get(key)
    }

    /// Whether a new one may come; at the limit, who has to go for it.
    pub(super) fn place(&mut self, ip: IpAddr) -> Result<Option<Peer<E>>, TurnedAway> {
        if let Some(max) = self.max_per_ip
            && self.by_ip.get(&ip).is_some_and(|count| *count >= max)
        {
            return Err(TurnedAway::PerIpLimit);
        }
        if self.known.len() < self.max {
            return Ok(None);
        }
        match self.when_full {
            WhenFull::Refuse => Err(TurnedAway::Limit),
            WhenFull::Displace => Ok(self.pop_first()),
        }
    }

    /// A new one, for which there is a place.
    pub(super) fn insert(&mut self, key: Key, peer: Peer<E>) {
        if self.deadline.is_some() {
            self.by_age.insert(peer.number(), key);
        }
        if self.max_per_ip.is_some() {
            *self.by_ip.entry(key.0.ip()).or_default() += 1;
        }
        self.known.insert(key, peer);
    }

    pub(super) fn remove(&mut self, key: &Key) -> Option<Peer<E>> {
        let peer = self.known.remove(key)?;
        self.forget(key, &peer);
        Some(peer)
    }

    /// The one that is silent for longest.
    pub(super) fn pop_first(&mut self) -> Option<Peer<E>> {
        let (key, peer) = self.known.pop_front()?;
        self.forget(&key, &peer);
        Some(peer)
    }

    fn forget(&mut self, key: &Key, peer: &Peer<E>) {
        if self.deadline.is_some() {
            self.by_age.remove(&peer.number());
        }
        if self.max_per_ip.is_some()
            && let Some(count) = self.by_ip.get_mut(&key.0.ip())
        {
            *count -= 1;
            if *count == 0 {
                self.by_ip.remove(&key.0.ip());
            }
        }
    }

    /// One whose time is up.
    pub(super) fn pop_expired(&mut self, now: Instant) -> Option<Peer<E>> {
        if let Some(key) = self.oldest().filter(|(_, due)| *due <= now) {
            return self.remove(&key.0);
        }
        loop {
            let (key, peer) = self.known.front()?;
            if peer.active + self.idle > now {
                return None;
            }
            let (key, moved) = (*key, peer.moved());
            if moved == peer.moved {
                return self.remove(&key);
            }
            // Only now it shows that it was sent something by another task.
            let peer = self.known.to_back(&key)?;
            (peer.moved, peer.active) = (moved, now);
        }
    }

    /// When the next one may be.
    pub(super) fn next_due(&self) -> Option<Instant> {
        let (_, silent) = self.known.front()?;
        let idle = silent.active + self.idle;
        Some(self.oldest().map_or(idle, |(_, due)| due.min(idle)))
    }

    /// The one that came first, and when its deadline is.
    fn oldest(&self) -> Option<(Key, Instant)> {
        let deadline = self.deadline?;
        let (_, key) = self.by_age.first_key_value()?;
        let peer = self.known.get(key)?;
        Some((*key, peer.reply.identity().since + deadline))
    }
}

impl<E> Peer<E> {
    /// What was moved while its own datagrams were answered says nothing new.
    pub(super) fn note_moved(&mut self) {
        self.moved = self.moved();
    }
}
