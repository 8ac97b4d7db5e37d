//! Options of the services that run a program for each connection.

use crate::explain::topic::{
    Part::{Row, Text},
    Topic, example,
};

pub(crate) const TOPICS: &[Topic] = &[
    Topic {
        name: "--pipe",
        aliases: &[],
        summary: "give the program pipes instead of the socket",
        body: &[
            Row("of", "listen, with exec and shell"),
            Text(
                "ft moves the bytes then, and each direction ends on its own: a program that \
                 closes stdout half-closes, one that closes stdin may go on writing. At most 64 \
                 KiB wait for each direction. For programs that do not like a socket as stdin, \
                 and where the log should count while a connection lasts.",
            ),
        ],
        examples: &[example("ft listen 8080 --pipe exec -- cat", "")],
        see_also: &["exec", "--pty", "half-close"],
        manual: "pipe(7)",
    },
    Topic {
        name: "--pty",
        aliases: &["pseudo-terminal"],
        summary: "give the program a terminal",
        body: &[
            Row("of", "listen, with exec and shell"),
            Text(
                "A pseudo-terminal of 24 lines and 80 columns controls the program. It behaves as \
                 terminals do: it shows what is typed, ends lines with CR LF, takes lines of at \
                 most 4095 bytes, and Ctrl-C from the peer interrupts the group. stderr goes \
                 there too, unless --stderr says otherwise.",
            ),
            Text(
                "The peer's half-close becomes Ctrl-D, twice within a line. Jobs that a shell put \
                 into groups of their own get HUP when the terminal goes.",
            ),
        ],
        examples: &[
            example("ft listen 8080 --pty exec -- bash", ""),
            example("ft connect 8080 --raw", "for programs that draw"),
        ],
        see_also: &["exec", "--pipe", "--raw"],
        manual: "pty(7), termios(3)",
    },
    Topic {
        name: "--stderr",
        aliases: &["--stderr log", "--stderr peer", "--stderr null"],
        summary: "what becomes of the stderr of a program",
        body: &[
            Row("of", "listen, with exec and shell"),
            Row(
                "log",
                "default: each line on our stderr, escaped, behind the number of its connection. \
                 The program never waits: over 2048 bytes of a line and 256 KiB a second are left \
                 out, and ft says how many",
            ),
            Row("peer", "to the peer, as stdout; default with --pty"),
            Row("null", "thrown away"),
        ],
        examples: &[example(
            "ft listen 8080 shell 'echo oh >&2'",
            "#1 stderr: oh",
        )],
        see_also: &["exec", "--pty"],
        manual: "stderr(3)",
    },
    Topic {
        name: "--max-children",
        aliases: &["--max-children N"],
        summary: "how many programs there are at a time",
        body: &[
            Row("of", "listen, with exec and shell"),
            Row("value", "N (as many as there may be connections)"),
            Text(
                "A further bound beside --max-connections: who comes at it meets --at-limit. A \
                 program whose connection has ended counts until its group is gone, which takes \
                 5 s if it ignores TERM.",
            ),
        ],
        examples: &[example("ft listen 8080 --max-children 8 exec -- cat", "")],
        see_also: &["exec", "--max-connections", "--at-limit"],
        manual: "setrlimit(2) RLIMIT_NPROC",
    },
];
