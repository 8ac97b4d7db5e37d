//! Words about what a run leaves behind: events, reasons, the exit status.

use crate::explain::topic::{
    Part::{Fixed, Row, Schema, Text},
    Topic, example,
};

pub(crate) const TOPICS: &[Topic] = &[
    Topic {
        name: "events",
        aliases: &["event", "json", "schema"],
        summary: "what happened, one JSON object per line (--events FILE)",
        body: &[
            Fixed(r#"{"v":1,"at":"2026-11-22T10:00:00.123456789Z","event":"accepted","#),
            Fixed(r#" "connection":1,"cookie":4099,"five_tuple":{"source_ip":"127.0.0.1","#),
            Fixed(r#" "source_port":51312,"destination_ip":"127.0.0.1","#),
            Fixed(r#" "destination_port":8080,"protocol":"tcp"}}"#),
            Schema,
            Text(
                "Every accepted and every connected has exactly one closed. Keys in [ ] are \
                 there when they are known. Readers should skip keys that they do not know; v \
                 changes when an old key changes its meaning.",
            ),
        ],
        examples: &[example(
            "ft listen 8080 echo --events -",
            "on stderr; --events FILE into a file",
        )],
        see_also: &["--events", "reasons", "five-tuple"],
        manual: "RFC 8259, RFC 3339",
    },
    Topic {
        name: "reasons",
        aliases: &[
            "reason",
            "released",
            "timed_out",
            "failed",
            "orderly release",
        ],
        summary: "why a connection is over",
        body: &[
            Row(
                "released",
                "both directions ended by FIN: the orderly release",
            ),
            Row("reset", "RST came"),
            Row(
                "aborted",
                "we sent RST: a second signal, a drain that was over, a client that was too slow \
                 (--slow close), an abort on purpose",
            ),
            Row(
                "timed_out",
                "--idle, --deadline or --half-closed was over, the lingering close took 30 s, or \
                 the peer did not answer any more (ETIMEDOUT)",
            ),
            Row(
                "failed",
                "something on this machine broke: stdout, a program, a call",
            ),
            Text(
                "Besides the reason, closed says who ended first: us or peer. A client that was \
                 turned away has no closed, only turned_away.",
            ),
        ],
        examples: &[
            example(
                "ft listen 8080 echo --events -",
                "the reason stands in the line closed",
            ),
            example("printf hello | ft connect 8080", "released, first peer"),
        ],
        see_also: &["events", "reset", "eof", "status", "--idle"],
        manual: "RFC 9293 section 3.6",
    },
    Topic {
        name: "status",
        aliases: &["exit status", "exit code"],
        summary: "the number that ft returns to the shell",
        body: &[
            Row("0", "done"),
            Row(
                "1",
                "the network said no, or data was lost: refused, reset, no answer to connect, \
                 bytes that were not acknowledged, a stdout that cannot be written",
            ),
            Row("2", "usage: the command line was not understood"),
            Row("124", "--idle or --deadline was over"),
            Row("130, 143", "ended by INT, by TERM"),
            Text(
                "A server stopped by INT or TERM: 0 if all its connections ended within --drain, \
                 1 if some were cut, 130 or 143 on a second signal. --once: the outcome of that \
                 one connection. A reader of stdout that went away is a quiet end: 0.",
            ),
        ],
        examples: &[
            example("ft connect 127.0.0.1:9; echo $?", "1"),
            example("ft connect 8080 --check && echo open", "for scripts"),
        ],
        see_also: &["eof", "--check", "--once", "signals", "reasons"],
        manual: "",
    },
];
