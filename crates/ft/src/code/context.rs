//! What the templates are given: the plan as the calls and terms of one program, with nothing in it
//! that a language would have to decide.

use serde::Serialize;

/// One program.
#[derive(Serialize)]
pub(super) struct Context {
    /// Safe in a comment that ends with its line.
    pub(super) command: String,
    pub(super) version: &'static str,
    pub(super) language: &'static str,
    pub(super) model: &'static str,
    /// What is said of the model in the first comment.
    pub(super) described: &'static str,
    pub(super) style: &'static str,
    /// Whether the steps of the diagram stand above their calls.
    pub(super) commented: bool,
    /// The name of the file, and of the class in it.
    pub(super) file: String,
    pub(super) class: String,
    /// What the program does not do as `ft` does: sentences.
    pub(super) lacks: Vec<String>,
    /// `server` or `client`.
    pub(super) role: &'static str,
    /// `tcp`, `udp` or `unix`.
    pub(super) protocol: &'static str,
    pub(super) service: &'static str,
    pub(super) listen: Option<Listening>,
    pub(super) connect: Option<Calling>,
    pub(super) socket: Socket,
    #[serde(flatten)]
    pub(super) terms: Terms,
    /// Say nothing but errors.
    pub(super) quiet: bool,
    #[serde(flatten)]
    pub(super) action: Action,
}

/// Where a server waits.
#[derive(Serialize)]
pub(super) struct Listening {
    #[serde(flatten)]
    pub(super) place: Place,
    /// Both families stand for one address: IPv6 may be missing.
    pub(super) optional_inet6: bool,
    /// Port 0 of two addresses: the second has the port that the first got.
    pub(super) same_port: bool,
    /// The mode of the file of a Unix socket.
    pub(super) mode: u32,
    /// The same in octal digits.
    pub(super) mode_octal: String,
    pub(super) backlog: u32,
    /// What is set between `socket` and `bind`.
    pub(super) options: Vec<SetOption>,
}

/// Whom a client calls.
#[derive(Serialize)]
pub(super) struct Calling {
    #[serde(flatten)]
    pub(super) place: Place,
    pub(super) source: Option<SocketAddress>,
    pub(super) connect_timeout_ms: u64,
    /// After a failure; -1 is for ever.
    pub(super) retry: i64,
    /// What is set between `socket` and `connect`, `bind` of the source included.
    pub(super) options: Vec<SetOption>,
}

/// An address: numbers, a name to be resolved, or the path of a Unix socket.
#[derive(Serialize)]
pub(super) struct Place {
    pub(super) addresses: Vec<SocketAddress>,
    pub(super) name: Option<Typed>,
    pub(super) port: u16,
    /// The only family that is asked for: `inet` or `inet6`.
    pub(super) family: Option<&'static str>,
    pub(super) path: Option<Typed>,
    #[serde(rename = "abstract")]
    pub(super) is_abstract: bool,
}

/// An IP address and a port.
#[derive(Serialize)]
pub(super) struct SocketAddress {
    /// `inet` or `inet6`.
    pub(super) family: &'static str,
    pub(super) ip: String,
    pub(super) scope_id: u32,
    pub(super) port: u16,
}

/// A call of `setsockopt`.
#[derive(Serialize)]
pub(super) struct SetOption {
    pub(super) level: &'static str,
    pub(super) name: &'static str,
    pub(super) value: u64,
    /// Sockets of this family only.
    pub(super) family: Option<&'static str>,
}

/// The options of every socket, by what they mean.
#[derive(Serialize)]
pub(super) struct Socket {
    pub(super) no_delay: bool,
    pub(super) urgent_inline: bool,
    pub(super) keepalive: Option<Keepalive>,
}

#[derive(Serialize)]
pub(super) struct Keepalive {
    pub(super) idle_s: u64,
    pub(super) interval_s: u64,
    pub(super) count: u32,
}

/// When a connection ends, and how many there may be.
#[derive(Serialize)]
pub(super) struct Terms {
    /// `half`, `each` or `full`.
    pub(super) eof: &'static str,
    pub(super) idle_ms: Option<u64>,
    pub(super) deadline_ms: Option<u64>,
    pub(super) half_closed_ms: Option<u64>,
    /// Silence after the end of the input that ends a client of datagrams.
    pub(super) datagram_wait_ms: Option<u64>,
    pub(super) once: bool,
    pub(super) drain_ms: u64,
    pub(super) max_connections: Option<u64>,
    /// `wait` or `refuse`.
    pub(super) at_limit: &'static str,
}

/// What is done with a connection; the one that [`Context::service`] names is there.
#[derive(Default, Serialize)]
pub(super) struct Action {
    pub(super) terminal: Option<Terminal>,
    pub(super) send: Option<Send>,
    pub(super) receive: Option<Receive>,
    pub(super) exec: Option<Exec>,
    pub(super) hub: Option<Hub>,
    pub(super) relay: Option<Calling>,
}

#[derive(Serialize)]
pub(super) struct Terminal {
    pub(super) input: bool,
    pub(super) output: bool,
    pub(super) crlf: bool,
}

#[derive(Serialize)]
pub(super) struct Send {
    pub(super) path: Typed,
    pub(super) from: u64,
}

#[derive(Serialize)]
pub(super) struct Receive {
    pub(super) path: Typed,
    pub(super) directory: bool,
}

#[derive(Serialize)]
pub(super) struct Exec {
    pub(super) words: Vec<Typed>,
    /// Pipes were asked for, which the program has in most languages in any case.
    pub(super) pipe: bool,
}

#[derive(Serialize)]
pub(super) struct Hub {
    pub(super) max_line: usize,
    pub(super) max_behind: usize,
    /// `drop-oldest`, `block` or `close`.
    pub(super) slow: &'static str,
}

/// Bytes that a user has typed. They are no string, so that no template prints them as they are.
#[derive(Serialize)]
pub(super) struct Typed {
    bytes: Vec<u8>,
}

impl Typed {
    pub(super) fn new(bytes: impl AsRef<[u8]>) -> Self {
        let bytes = bytes.as_ref().to_vec();
        Self { bytes }
    }

    pub(super) fn is_text(&self) -> bool {
        std::str::from_utf8(&self.bytes).is_ok()
    }
}
