//! The JSON lines of `--events`: which keys an event has, and what they mean.
//!
//! `ft explain events` is printed from this table, and a test holds real output against it.

use std::fmt;

/// Keys of one kind of event.
pub(crate) struct EventSchema {
    /// The value of the key `event`.
    pub(crate) event: &'static str,
    /// Keys that every such line has, besides [`COMMON`].
    pub(crate) required: &'static [&'static str],
    /// Keys that a line has when there is something to say.
    pub(crate) optional: &'static [&'static str],
}

/// One key: what kind of value it has, and what that says.
pub(crate) struct KeySchema {
    /// The name; the parts of an object are written `object.part`.
    pub(crate) key: &'static str,
    /// The kind of its value.
    pub(crate) kind: Kind,
    /// What the value says.
    pub(crate) meaning: &'static str,
}

/// The kind of a value.
pub(crate) enum Kind {
    /// A whole number, never negative.
    Integer,
    /// A string.
    Text,
    /// One of these strings.
    OneOf(&'static [&'static str]),
    /// An object with these keys.
    Object(&'static [&'static str]),
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer => f.write_str("integer"),
            Self::Text => f.write_str("string"),
            Self::OneOf(values) => f.write_str(&values.join(" | ")),
            Self::Object(keys) => write!(f, "{{{}}}", keys.join(", ")),
        }
    }
}

/// Keys of every line, in this order, in front of all others.
pub(crate) const COMMON: &[&str] = &["v", "at", "event"];

/// Every event with its keys, in the order of a connection's life.
pub(crate) static EVENTS: &[EventSchema] = &[
    EventSchema {
        event: "socket_created",
        required: &["family", "protocol"],
        optional: &[],
    },
    EventSchema {
        event: "bound",
        required: &["local"],
        optional: PATH,
    },
    EventSchema {
        event: "listening",
        required: &["local", "protocol"],
        optional: PATH,
    },
    EventSchema {
        event: "accepted",
        required: CONNECTION,
        optional: OF_A_CONNECTION,
    },
    EventSchema {
        event: "connected",
        required: CONNECTION,
        optional: OF_A_CONNECTION,
    },
    EventSchema {
        event: "half_closed",
        required: &["connection", "cookie", "five_tuple", "by"],
        optional: OF_A_CONNECTION,
    },
    EventSchema {
        event: "closed",
        required: CLOSED,
        optional: OF_THE_END,
    },
    EventSchema {
        event: "stopped_listening",
        required: &["local", "protocol"],
        optional: PATH,
    },
    EventSchema {
        event: "turned_away",
        required: &["five_tuple", "why"],
        optional: PATH,
    },
    EventSchema {
        event: "paused",
        required: &["why"],
        optional: &[],
    },
    EventSchema {
        event: "resumed",
        required: &[],
        optional: &[],
    },
    EventSchema {
        event: "failed",
        required: &["call", "errno", "message"],
        optional: &[
            "connection",
            "cookie",
            "pair",
            "five_tuple",
            "local",
            "path",
            "peer_pid",
            "peer_uid",
        ],
    },
    EventSchema {
        event: "dropped",
        required: &["connection", "cookie", "five_tuple", "direction", "bytes"],
        optional: OF_A_CONNECTION,
    },
    EventSchema {
        event: "fell_behind",
        required: &[
            "connection",
            "cookie",
            "five_tuple",
            "direction",
            "bytes",
            "policy",
        ],
        optional: &[],
    },
    EventSchema {
        event: "missed",
        required: &["count"],
        optional: &[],
    },
];

/// Of a Unix socket, in place of `local` or `five_tuple`, which are null.
const PATH: &[&str] = &["path"];
/// The other connection of a relay, from when there is one; and of a Unix socket its name.
const OF_A_CONNECTION: &[&str] = &["pair", "path", "peer_pid", "peer_uid"];
const OF_THE_END: &[&str] = &["pair", "path", "peer_pid", "peer_uid", "datagrams_dropped"];
const CONNECTION: &[&str] = &["connection", "cookie", "five_tuple"];
const CLOSED: &[&str] = &[
    "connection",
    "cookie",
    "five_tuple",
    "reason",
    "first",
    "bytes_sent",
    "bytes_received",
    "bytes_unacknowledged",
    "duration_ns",
];
const SIDES: &[&str] = &["us", "peer"];
const FIVE: &[&str] = &[
    "source_ip",
    "source_port",
    "destination_ip",
    "destination_port",
    "protocol",
];
const REASONS: &[&str] = &["released", "reset", "aborted", "timed_out", "failed"];
const WHY: &[&str] = &["limit", "per_ip_limit", "rule", "descriptors", "memory"];

/// Every key, with the kind of its value.
pub(crate) static KEYS: &[KeySchema] = &[
    key("v", Kind::Integer, "1"),
    key("at", Kind::Text, "RFC 3339, UTC, nine digits of a second"),
    key("event", Kind::Text, "a name of the table above"),
    key(
        "family",
        Kind::OneOf(&["inet", "inet6", "unix"]),
        "IPv4, IPv6 or Unix",
    ),
    key(
        "protocol",
        Kind::OneOf(&["tcp", "udp", "unix"]),
        "of the socket",
    ),
    key(
        "local",
        Kind::Object(&["ip", "port"]),
        "before there is a peer; null for a Unix socket",
    ),
    key("connection", Kind::Integer, "1, 2, 3 … in this run"),
    key(
        "cookie",
        Kind::Integer,
        "SO_COOKIE; ss -e shows it in hex (sk:)",
    ),
    key(
        "pair",
        Kind::Integer,
        "the number of the other connection of a relay",
    ),
    key(
        "five_tuple",
        Kind::Object(FIVE),
        "source is the side that connected; null for a Unix socket",
    ),
    key("path", Kind::Text, "of a Unix socket; @name is abstract"),
    key("peer_pid", Kind::Integer, "of a Unix socket (SO_PEERCRED)"),
    key("peer_uid", Kind::Integer, "of a Unix socket (SO_PEERCRED)"),
    key("by", Kind::OneOf(SIDES), "who finished sending"),
    key("reason", Kind::OneOf(REASONS), "see reasons"),
    key("first", Kind::OneOf(SIDES), "who ended first"),
    key("bytes_sent", Kind::Integer, "handed to the kernel"),
    key("bytes_received", Kind::Integer, "taken from the kernel"),
    key(
        "bytes_unacknowledged",
        Kind::Integer,
        "sent, not acknowledged by the peer's kernel",
    ),
    key(
        "datagrams_dropped",
        Kind::Integer,
        "of UDP, if any: came and found the receive buffer full",
    ),
    key(
        "duration_ns",
        Kind::Integer,
        "from accepted or connected to closed",
    ),
    key(
        "why",
        Kind::OneOf(WHY),
        "turned away: first three; paused: limit, the last two",
    ),
    key(
        "direction",
        Kind::OneOf(&["sent", "received"]),
        "as seen from this side",
    ),
    key(
        "bytes",
        Kind::Integer,
        "thrown away, or how far behind, as --slow asked",
    ),
    key(
        "policy",
        Kind::OneOf(&["block", "drop-oldest", "close"]),
        "--slow: why it was closed",
    ),
    key("call", Kind::Text, "manual name, such as bind"),
    key("errno", Kind::Text, "name, such as EADDRINUSE"),
    key("message", Kind::Text, "for people; its words may change"),
    key(
        "count",
        Kind::Integer,
        "events lost because the queue was full",
    ),
];

const fn key(key: &'static str, kind: Kind, meaning: &'static str) -> KeySchema {
    KeySchema { key, kind, meaning }
}
