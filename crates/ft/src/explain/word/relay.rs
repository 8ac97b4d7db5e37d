//! Words about two connections that are joined.

use crate::explain::topic::{
    Part::{Fixed, Row, Text},
    Topic, example,
};

pub(crate) const TOPICS: &[Topic] = &[Topic {
    name: "relay",
    aliases: &["pair", "accepted side", "connected side", "proxy"],
    summary: "two connections joined: a client's, and one to a destination",
    body: &[
        Text(
            "ft relay LISTEN DESTINATION, the same as ft listen LISTEN relay DESTINATION. For \
             each client it accepts, it connects to the destination and moves the bytes of each \
             into the other. There are two five-tuples, and each line says which belong together:",
        ),
        Fixed("#1 127.0.0.1:51312 → 127.0.0.1:8080 tcp accepted"),
        Fixed("#2 127.0.0.1:40022 → 127.0.0.1:6379 tcp connected for #1"),
        Row(
            "ends",
            "each direction ends on its own: a FIN is passed on when everything before it is \
             sent, and the other direction goes on",
        ),
        Row(
            "reset",
            "an RST is passed on as RST: one connection is closed as reset, the other as \
             aborted. What was sent before it is delivered first, as long as it is taken: for 2 s \
             without progress, 30 s in all. A Unix socket knows no RST: there the program reads \
             an end, and the log says aborted",
        ),
        Row(
            "times",
            "--idle, --deadline and --half-closed count both connections together, the deadline \
             from accept on. When one is up, a direction that had not ended ends by RST, since a \
             FIN would say that this was all",
        ),
        Row(
            "early",
            "while the destination is called, what the client sends waits in the kernel, and its \
             reset ends the call",
        ),
        Row(
            "down",
            "no destination answers: the client is reset, the log says why, the relay goes on",
        ),
        Row(
            "several",
            "A,B,C: each has its turn. One that fails is tried after all others for 5 s; its \
             client gets the next",
        ),
        Text(
            "One connection needs two descriptors, so --max-connections is half as many; with \
             udp: it needs one.",
        ),
    ],
    examples: &[
        example("ft listen 9090 echo", "a server to lead to"),
        example("ft relay 8080 9090", "in a second terminal"),
        example("ft connect 8080", "in a third: the echo of 9090"),
        example(
            "ft relay 8080 9090,9091 --retry 5",
            "two destinations, and patience",
        ),
        example("ft relay udp:8080 udp:9090", "datagrams: see udp"),
    ],
    see_also: &[
        "services",
        "eof",
        "reset",
        "half-close",
        "udp",
        "--retry",
        "--half-closed",
    ],
    manual: "RFC 9293 section 3.6",
}];
