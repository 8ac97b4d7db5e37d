//! What a load is: how many connections, what each of them does, how fast.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::connect::ConnectOptions;

/// What the connections of a load do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Messages of a given size, which the peer sends back; every byte is compared.
    Echo,
    /// Connect, one exchange, close, again and again.
    Connect,
    /// Requests and replies of any protocol.
    Request(Request),
    /// Bytes as fast as the peer takes them. What it sends is thrown away.
    Send,
    /// Bytes as fast as the peer sends them; nobody looks at them.
    Receive,
    /// Both at once.
    Both,
    /// Nothing; and at the end each connection is checked.
    Hold,
}

impl Mode {
    /// Whether it moves bytes without messages.
    pub const fn is_bulk(&self) -> bool {
        matches!(self, Self::Send | Self::Receive | Self::Both)
    }
}

/// A request, and how its reply ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// What is sent each time; not empty.
    pub message: Arc<[u8]>,
    /// How the end of the reply is known.
    pub reply: Reply,
}

/// How the end of a reply is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// It has so many bytes, at least 1.
    Bytes(u64),
    /// It ends with these bytes, which are not empty.
    Until(Arc<[u8]>),
}

/// How the connections of [`Mode::Connect`] are closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum CloseBy {
    /// By FIN: both directions end in order, and the port rests in TIME-WAIT for a minute.
    Fin,
    /// By RST (`SO_LINGER` with time 0): the port is free at once.
    #[default]
    Reset,
}

impl CloseBy {
    /// The name of the segment.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fin => "FIN",
            Self::Reset => "RST",
        }
    }
}

/// How a load is made.
#[derive(Clone, Debug, PartialEq)]
pub struct LoadOptions {
    /// What the connections do.
    pub mode: Mode,
    /// How many there are; in [`Mode::Connect`], how many at a time. At least 1.
    pub connections: u32,
    /// Bytes of one message; in the bulk modes of one send, at most 1 MiB. At least 1; in
    /// [`Mode::Connect`] 0 means that nothing is exchanged.
    pub size: usize,
    /// Messages that each connection may have out without their replies. At least 1.
    pub pipeline: u32,
    /// Messages per second over all connections, on a fixed schedule that does not wait for
    /// replies (open loop); in [`Mode::Connect`], connections per second. Without it each
    /// connection sends as soon as a reply has come (closed loop). The bulk modes and
    /// [`Mode::Hold`] know no rate.
    pub rate: Option<f64>,
    /// How to connect.
    pub connect: ConnectOptions,
    /// Source addresses, used in turn (`IP_BIND_ADDRESS_NO_PORT`, ip(7)); none leaves it to the
    /// system, or to `connect`.
    pub sources: Vec<IpAddr>,
    /// How long a connection may wait without a byte for what must come: then it has timed out. So
    /// long, too, is finished after a run what was begun in it.
    pub reply_timeout: Duration,
    /// How [`Mode::Connect`] closes.
    pub close_by: CloseBy,
    /// The exchange of [`Mode::Connect`]; without it, an echo of `size` bytes.
    pub connect_request: Option<Request>,
}

impl LoadOptions {
    /// The rate, in the modes that know one.
    pub(super) fn open_loop(&self) -> Option<f64> {
        self.rate
            .filter(|_| !self.mode.is_bulk() && self.mode != Mode::Hold)
    }
}

impl Default for LoadOptions {
    fn default() -> Self {
        Self {
            mode: Mode::Echo,
            connections: 64,
            size: 64,
            pipeline: 1,
            rate: None,
            connect: ConnectOptions::default(),
            sources: Vec::new(),
            reply_timeout: Duration::from_secs(5),
            close_by: CloseBy::default(),
            connect_request: None,
        }
    }
}
