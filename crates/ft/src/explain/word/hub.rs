//! The services that pass on to all what one says.

use crate::explain::topic::{
    Part::{Row, Text},
    Topic, example,
};

pub(crate) const TOPICS: &[Topic] = &[
    Topic {
        name: "hub",
        aliases: &["broadcast", "members"],
        summary: "what one client sends, all others receive",
        body: &[
            Text(
                "Lines reach everybody else whole, those of one client in their order. Each is \
                 kept once, however many read it, and no longer than the slowest needs it or \
                 --max-behind allows.",
            ),
            Row(
                "too slow",
                "misses the oldest and reads: -- missed 12 messages -- (see --slow)",
            ),
            Row(
                "the end",
                "a client that has finished is heard, is sent what was said up to then, and its \
                 connection closes; with --eof each it goes on receiving",
            ),
            Row(
                "INT or TERM",
                "every client is sent what was said until then, and its connection closes",
            ),
            Row(
                "no newline",
                "the last line gets one; a reset in mid-line says nothing",
            ),
        ],
        examples: &[
            example("ft listen 8080 hub", ""),
            example("ft connect 8080 < news", "its lines are told to all others"),
            example(
                "ft listen 8080 hub --console < news",
                "told to who is there",
            ),
        ],
        see_also: &["chat", "--slow", "--max-behind", "--rooms", "--history"],
        manual: "",
    },
    Topic {
        name: "chat",
        aliases: &["/who", "/msg", "line editing"],
        summary: "the hub with names",
        body: &[
            Row(
                "first",
                "a name is asked for: letters and digits, unique in the room",
            ),
            Row("/name NEW", "another name"),
            Row("/who", "who is here"),
            Row("/msg NAME TEXT", "to one alone"),
            Row("/help, /quit", ""),
            Text(
                "Control characters of one client never reach the terminal of another. Any client \
                 will do; ft connect edits lines on a terminal, remembers them for the arrow keys, \
                 and prints what comes above the one that is being typed. --raw leaves that out, \
                 and so do -v and reports on the same terminal.",
            ),
        ],
        examples: &[
            example("ft listen '*:8080' chat --history 20", ""),
            example("ft connect 8080", "nc localhost 8080 will do, too"),
        ],
        see_also: &["hub", "--rooms", "--console", "--raw"],
        manual: "",
    },
];
