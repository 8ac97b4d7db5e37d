//! Options about what is shown, and where.

use crate::explain::topic::{
    Part::{Row, Text},
    Topic, example,
};

pub(crate) const TOPICS: &[Topic] = &[
    Topic {
        name: "-v",
        aliases: &["--verbose"],
        summary: "show every call of the diagram",
        body: &[
            Row("of", "listen, connect, relay"),
            Text(
                "Writes one line to stderr for each call: time, arguments, result and \
                 five-tuple. With it on both sides one sees the same connection twice, under the \
                 same name.",
            ),
        ],
        examples: &[
            example("ft listen 8080 -v", ""),
            example("ft connect 8080 -v", "in a second terminal"),
        ],
        see_also: &["-q", "--events", "--dump", "five-tuple"],
        manual: "",
    },
    Topic {
        name: "-q",
        aliases: &["--quiet"],
        summary: "say less on stderr",
        body: &[
            Row("of", "listen, connect, relay"),
            Text(
                "The lines about listening sockets and connections are left out. stdout, events \
                 and the exit status stay as they are.",
            ),
        ],
        examples: &[example("ft listen 8080 echo -q", "")],
        see_also: &["-v", "--events", "status"],
        manual: "",
    },
    Topic {
        name: "--color",
        aliases: &["colour"],
        summary: "when to use colour",
        body: &[
            Row("of", "listen, connect, relay"),
            Row("value", "auto (default), always, never"),
            Text(
                "auto means: only where the output is a terminal, and not if the environment \
                 variable NO_COLOR is set. Nothing is said by colour alone.",
            ),
        ],
        examples: &[example("ft listen 8080 -v --color never", "")],
        see_also: &["-v", "--raw"],
        manual: "",
    },
    Topic {
        name: "--events",
        aliases: &["--events FILE"],
        summary: "write what happens as JSON lines",
        body: &[
            Row("of", "listen, connect, relay"),
            Row("value", "FILE, emptied at the start; - is stderr"),
            Text(
                "One line per event, written out within 100 ms and at the end. The queue to the \
                 file is bounded: if it is full, events are counted in a line missed, and the \
                 data never waits.",
            ),
        ],
        examples: &[
            example("ft listen 8080 echo --events run.jsonl", ""),
            example("ft connect 8080 --events -", "on stderr"),
            example("ft explain events", "all events and keys"),
        ],
        see_also: &["events", "reasons", "-v"],
        manual: "",
    },
    Topic {
        name: "--raw",
        aliases: &[],
        summary: "pass control bytes to the terminal",
        body: &[
            Row("of", "listen, connect"),
            Text(
                "If stdout is a terminal, control bytes of the peer are made visible, because a \
                 peer must not steer your terminal. --raw passes them. A pipe or a file always \
                 gets the exact bytes. It also leaves out the line editing of ft connect.",
            ),
        ],
        examples: &[
            example("ft connect 8080 --raw", "only with a peer that you trust"),
            example(
                "ft connect 8080 | cat -v",
                "exact bytes, shown by another program",
            ),
        ],
        see_also: &["--dump", "--color"],
        manual: "console_codes(4)",
    },
    Topic {
        name: "--dump",
        aliases: &["--dump FILE"],
        summary: "write the traffic as hex and text",
        body: &[
            Row("of", "listen, connect, relay"),
            Row("value", "FILE; - is stderr"),
            Text(
                "Each piece that was sent or received, with time, five-tuple and direction. The \
                 borders between pieces are those of the calls here; TCP itself has none.",
            ),
        ],
        examples: &[
            example("ft connect 8080 --dump -", "on stderr, stdout stays exact"),
            example("ft listen 8080 echo --dump traffic.txt", ""),
        ],
        see_also: &["send", "receive", "--events", "--raw"],
        manual: "",
    },
];
