//! Measuring a server under load.

use crate::explain::topic::{
    Part::{Row, Text},
    Topic, example,
};

pub(crate) const TOPICS: &[Topic] = &[Topic {
    name: "bench",
    aliases: &["load", "benchmark", "latency", "wrong bytes", "wrong_bytes"],
    summary: "many connections at work: how much they do, and how long it takes",
    body: &[
        Text(
            "ft bench ADDRESS. The server is any that does what the mode says; here, ft listen \
             with echo, discard or source.",
        ),
        Row("echo", "messages that come back; every byte is compared"),
        Row(
            "connect",
            "connect, one exchange, close by RST or FIN (--close)",
        ),
        Row("request", "any request and its reply (--message)"),
        Row(
            "send",
            "bytes as fast as the peer takes them, all acknowledged; discard",
        ),
        Row(
            "receive",
            "bytes as fast as the peer sends them, not looked at; source",
        ),
        Row("both", "both at once; source or echo"),
        Row(
            "hold",
            "nothing, for so long; then each is sent a message, which must arrive",
        ),
        Text(
            "Bytes in bulk count once the peer's kernel has acknowledged them; what the peer had \
             sent before the time began does not count.",
        ),
        Text(
            "reply is the time to the last byte of a reply, first byte the time to its first, \
             connect that of the handshake (not of the very first one, which looks up the name and \
             waits for the server), connection in --mode connect the time to the end of the close. \
             Replies that are only counted and not compared are said to be answered. What fails is \
             counted by kind: refused, reset, timed out, closed early (the peer finished too soon), \
             wrong bytes (others than were sent, or too many), no ports, no address, unfinished (a \
             connect that was out at INT). A connection that failed is made anew after 1 to 100 ms, \
             but not with --mode hold, and the run ends when all have been refused for a second. \
             The status is 0 only if nothing failed.",
        ),
        Text(
            "our processor: a generator that waits for its server sleeps. If for 90 % of the time \
             it was running, or waiting for a processor, on all that it can use (one for each \
             connection), it or this machine was the limit; a line says so.",
        ),
        Text(
            "Several addresses take turns, A B B A, and the ratio is the median of the turns. A \
             server that does nothing but time out is left alone after its first turn.",
        ),
    ],
    examples: &[
        example("ft listen 8080 echo -q", "a server"),
        example("ft bench 8080", "in a second terminal"),
        example("ft bench 8080 9090 -d 20s", "two servers compared"),
    ],
    see_also: &["--rate", "--find-max", "--json", "services", "status"],
    manual: "",
}];
