//! Options of the services hub and chat.

use crate::explain::topic::{
    Part::{Row, Text},
    Topic, example,
};

pub(crate) const TOPICS: &[Topic] = &[
    Topic {
        name: "--messages",
        aliases: &["--messages lines", "--messages chunks"],
        summary: "what a hub passes on as one",
        body: &[
            Row("of", "listen, with hub"),
            Row("lines", "default: whole lines, never torn, never mixed"),
            Row(
                "chunks",
                "bytes as they come, for what has no lines; nothing is added, so who misses some \
                 is not told",
            ),
        ],
        examples: &[example("ft listen 8080 hub --messages chunks", "")],
        see_also: &["hub", "--max-line"],
        manual: "",
    },
    Topic {
        name: "--max-behind",
        aliases: &["--max-behind SIZE"],
        summary: "how far behind a client of a hub may be",
        body: &[
            Row("of", "listen, with hub and chat"),
            Row("value", "SIZE (default 256Ki)"),
            Text(
                "No more than that is kept of a room, its history included; messages that come \
                 together count 64 bytes more than their text. Who is further behind gets what \
                 --slow says.",
            ),
        ],
        examples: &[example("ft listen 8080 hub --max-behind 1Mi", "")],
        see_also: &["--slow", "hub", "--history"],
        manual: "",
    },
    Topic {
        name: "--max-line",
        aliases: &["--max-line SIZE"],
        summary: "the longest line in a hub",
        body: &[
            Row("of", "listen, with hub and chat"),
            Row("value", "SIZE without the newline (default 64Ki)"),
            Text(
                "What is longer is cut, the rest left out, and its sender is told. With \
                 --messages chunks it is about the name of a room alone.",
            ),
        ],
        examples: &[example("ft listen 8080 chat --max-line 1k", "")],
        see_also: &["hub", "--messages"],
        manual: "",
    },
    Topic {
        name: "--rooms",
        aliases: &["room"],
        summary: "the first line names a room",
        body: &[
            Row("of", "listen, with hub and chat"),
            Text(
                "A room comes with the first client that names it and goes, history and all, with \
                 the last. Its name has 1 to 64 visible characters. Who names none within 5 \
                 minutes is released.",
            ),
        ],
        examples: &[
            example("ft listen 8080 hub --rooms", ""),
            example("ft connect 8080", "then type the name of the room"),
        ],
        see_also: &["hub", "chat"],
        manual: "",
    },
    Topic {
        name: "--history",
        aliases: &["--history N"],
        summary: "who joins gets the last messages",
        body: &[
            Row("of", "listen, with hub and chat"),
            Row(
                "value",
                "N messages (default 0), as far as --max-behind reaches",
            ),
            Text("What was told to one alone is not among them."),
        ],
        examples: &[example("ft listen 8080 chat --history 50", "")],
        see_also: &["--max-behind", "chat"],
        manual: "",
    },
    Topic {
        name: "--console",
        aliases: &[],
        summary: "stdin and stdout take part in a hub",
        body: &[
            Row("of", "listen, with hub and chat"),
            Text(
                "What is typed or piped in goes to all, what they say to stdout. stdin is read \
                 while somebody is there, or with --history always; when it ends, the server goes \
                 on. A reader of stdout that goes ends it. In a chat the name is console; with \
                 --rooms its first line names the room.",
            ),
        ],
        examples: &[
            example("ft listen 8080 chat --console", ""),
            example("ft listen 8080 hub --console > log", "a copy of everything"),
        ],
        see_also: &["hub", "chat", "--rooms"],
        manual: "",
    },
];
