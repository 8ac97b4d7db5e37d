//! What happened: one event for every step, and the observers that read them.
//!
//! Before this module: [`crate::call`], the names and errors of calls. After it: every phase,
//! which emits events. Observers read; they never slow or steer the data path, so whatever an
//! observer does with an event must not block.

mod called;
mod identity;
mod program;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::address::{Family, SocketName};
use crate::call::Explained;
use crate::five_tuple::{ConnectionName, Protocol};

pub use called::Called;
pub use identity::{Ends, Identity, Role};
pub use program::ProgramEnd;

/// Which end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// This program.
    Us,
    /// The other end.
    Peer,
}

/// One of the two byte streams of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From us to the peer.
    Sent,
    /// From the peer to us.
    Received,
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// Both directions ended in order.
    Released,
    /// The peer (or something on the way) sent RST; or, over UDP, an ICMP message said that nobody
    /// has the port.
    Reset,
    /// We cut it, by RST.
    Aborted,
    /// A deadline of ours passed, or the kernel gave the peer up.
    TimedOut,
    /// A call failed, or the service did.
    Failed,
}

/// Why a client was turned away: it was accepted, then reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TurnedAway {
    /// The connection limit is reached, or descriptors have run out.
    Limit,
    /// As many connections from its address as one address may have.
    PerIpLimit,
    /// The access rules.
    Rule,
}

/// Why accepting rests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Pause {
    /// The connection limit is reached.
    Limit,
    /// No descriptor is left (EMFILE, ENFILE).
    Descriptors,
    /// The kernel has no memory (ENOBUFS, ENOMEM).
    Memory,
}

macro_rules! names {
    ($($type:ident { $($variant:ident = $name:literal),+ })+) => {$(
        impl $type {
            /// The name in events and messages.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.name())
            }
        }
    )+};
}

names! {
    Side { Us = "us", Peer = "peer" }
    Direction { Sent = "sent", Received = "received" }
    Reason {
        Released = "released", Reset = "reset", Aborted = "aborted", TimedOut = "timed_out",
        Failed = "failed"
    }
    TurnedAway { Limit = "limit", PerIpLimit = "per_ip_limit", Rule = "rule" }
    Pause { Limit = "limit", Descriptors = "descriptors", Memory = "memory" }
}

/// What one connection moved, at its end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Bytes that the kernel took from us.
    pub bytes_sent: u64,
    /// Bytes that we took from the kernel.
    pub bytes_received: u64,
    /// Of the bytes sent, those that the peer's kernel had not acknowledged at the end.
    pub bytes_unacknowledged: u64,
    /// Of UDP: datagrams that came and were lost here, because the receive buffer was full.
    pub datagrams_dropped: u64,
    /// From accept or connect to close.
    pub duration: Duration,
}

/// A fact, in the past tense.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A call returned. Only for observers that [want](Wants) calls.
    Called(Called<'a>),
    /// Bytes were sent or received. Only for observers that [want](Wants) bytes.
    Moved {
        /// The connection.
        connection: &'a Identity,
        /// Which way.
        direction: Direction,
        /// The bytes.
        bytes: &'a [u8],
    },
    /// There is an empty endpoint.
    SocketCreated {
        /// Its family.
        family: Family,
        /// Its protocol.
        protocol: Protocol,
    },
    /// The endpoint has a local address.
    Bound {
        /// That address.
        local: &'a SocketName,
    },
    /// Clients may come.
    Listening {
        /// The address they come to.
        local: &'a SocketName,
        /// The protocol.
        protocol: Protocol,
    },
    /// A client came; it has a socket of its own.
    Accepted(&'a Identity),
    /// We reached a server.
    Connected(&'a Identity),
    /// One side finished sending.
    HalfClosed {
        /// The connection.
        connection: &'a Identity,
        /// Who finished.
        by: Side,
    },
    /// The connection is over and its socket closed. Exactly once per connection.
    Closed {
        /// The connection.
        connection: &'a Identity,
        /// How it ended.
        reason: Reason,
        /// Who ended first.
        first: Side,
        /// What it moved.
        totals: &'a Totals,
    },
    /// The listening socket is closed.
    StoppedListening {
        /// Its address.
        local: &'a SocketName,
        /// The protocol.
        protocol: Protocol,
    },
    /// A client was accepted and reset.
    TurnedAway {
        /// Who with whom.
        name: &'a ConnectionName,
        /// Why.
        why: TurnedAway,
    },
    /// Accepting rests; clients wait in the accept queue.
    Paused {
        /// Why.
        why: Pause,
    },
    /// Accepting goes on.
    Resumed,
    /// A call failed.
    Failed {
        /// The connection it belongs to.
        connection: Option<&'a Identity>,
        /// The local address, where there is no connection.
        local: Option<&'a SocketName>,
        /// What failed, and what is known about it.
        error: &'a dyn Explained,
    },
    /// The service did one piece of its work: answered a request. For logs; the bytes in it that
    /// the peer chose are escaped.
    Served {
        /// The connection.
        connection: &'a Identity,
        /// What, on one line.
        what: fmt::Arguments<'a>,
    },
    /// A program that serves the connection wrote a line to its stderr.
    Wrote {
        /// The connection.
        connection: &'a Identity,
        /// The line without its newline, as the program wrote it: any bytes.
        line: &'a [u8],
        /// Bytes of a line that was too long, which are left out.
        left_out: u64,
    },
    /// The program that served the connection has ended by itself.
    ProgramEnded {
        /// The connection.
        connection: &'a Identity,
        /// The program.
        program: &'a [u8],
        /// How it ended.
        how: ProgramEnd,
    },
    /// Bytes were thrown away by a policy that was asked for (`drop-oldest`). Over UDP: what was not
    /// sent, because it was more than three times what the peer has sent, or the kernel had no room
    /// or refused; of what was received, a datagram that was longer than the buffer, or that a relay
    /// had no destination for in time.
    Dropped {
        /// The connection.
        connection: &'a Identity,
        /// Which way they went.
        direction: Direction,
        /// How many.
        bytes: u64,
    },
    /// A connection is too slow for the policy that was asked for, and is closed because of it.
    FellBehind(FellBehind<'a>),
}

/// Who is closed for being too slow, and why.
#[derive(Clone, Copy, Debug)]
pub struct FellBehind<'a> {
    /// The connection.
    pub connection: &'a Identity,
    /// Which way it is behind.
    pub direction: Direction,
    /// How far.
    pub bytes: u64,
    /// The name of the policy, as it is asked for.
    pub policy: &'static str,
}

/// What an observer asks for beyond the plain facts; whatever nobody wants costs nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wants {
    /// Every call ([`Event::Called`]).
    pub calls: bool,
    /// The bytes themselves ([`Event::Moved`]).
    pub bytes: bool,
    /// `SO_COOKIE` in [`Identity::cookie`].
    pub cookies: bool,
}

/// Reads what happens.
pub trait Observer: Send + Sync {
    /// What it asks for; read once, when the observers are put together.
    fn wants(&self) -> Wants {
        Wants::default()
    }

    /// One event. Runs on the thread on which it happened and must not block.
    fn event(&self, event: &Event<'_>);
}

/// All observers of a server or client; cheap to clone.
#[derive(Clone)]
pub struct Observers {
    all: Arc<[Arc<dyn Observer>]>,
    wants: Wants,
    numbered: Arc<AtomicU64>,
}

impl Observers {
    /// Puts observers together.
    pub fn new(all: Vec<Arc<dyn Observer>>) -> Self {
        let mut wants = Wants::default();
        for one in &all {
            let more = one.wants();
            wants.calls |= more.calls;
            wants.bytes |= more.bytes;
            wants.cookies |= more.cookies;
        }
        Self {
            all: all.into(),
            wants,
            numbered: Arc::default(),
        }
    }

    /// Nobody looks.
    pub fn none() -> Self {
        Self::new(Vec::new())
    }

    /// What at least one of them asks for.
    pub fn wants(&self) -> Wants {
        self.wants
    }

    /// The number of the next connection.
    pub(crate) fn next_number(&self) -> u64 {
        self.numbered.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Tells all of them.
    pub fn emit(&self, event: &Event<'_>) {
        for one in &*self.all {
            one.event(event);
        }
    }

    /// Tells all of them what has failed for this connection.
    pub(crate) fn failed(&self, connection: &Identity, error: &dyn Explained) {
        self.emit(&Event::Failed {
            connection: Some(connection),
            local: None,
            error,
        });
    }

    /// Tells those that want calls about one.
    pub fn called(&self, called: Called<'_>) {
        if self.wants.calls {
            self.emit(&Event::Called(called));
        }
    }
}

impl Default for Observers {
    fn default() -> Self {
        Self::none()
    }
}

impl fmt::Debug for Observers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Observers({})", self.all.len())
    }
}
