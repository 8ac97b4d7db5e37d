//! Options about files that are sent and received.

use crate::explain::topic::{
    Part::{Fixed, Row, Text},
    Topic, example,
};

pub(crate) const TOPICS: &[Topic] = &[
    Topic {
        name: "--from",
        aliases: &["--from OFFSET", "offset"],
        summary: "the byte of the file that send begins with",
        body: &[
            Row("of", "listen … send FILE"),
            Row("value", "OFFSET, a size: 1048576, 1Mi, 20M (default 0)"),
            Text(
                "send gives each client the file as it is when that client comes: so many bytes, \
                 then our end. What is appended meanwhile is not sent. A file that becomes shorter \
                 or cannot be read ends the connection by RST, so that nobody takes a part for the \
                 whole.",
            ),
            Text(
                "After a break, the side that received knows how much it has. ft connect prints \
                 both commands when its stdout is a file:",
            ),
            Fixed("big.iso has 1048576 B; to continue, there: ft listen 8080 send"),
            Fixed("  --from 1048576 FILE and here: ft connect 8080 >> big.iso"),
            Text(
                "A pipe or a device has no place to start from: it goes through the terminal \
                 service, ft listen 8080 < FILE.",
            ),
        ],
        examples: &[
            example("ft listen 8080 send big.iso", "the whole file"),
            example("ft listen 8080 send --from 1Mi big.iso", "the rest"),
        ],
        see_also: &["--digest", "--progress", "services", "units", "reset"],
        manual: "pread(2)",
    },
    Topic {
        name: "--digest",
        aliases: &["sha256", "SHA-256", "sha256sum"],
        summary: "print the SHA-256 of what was moved",
        body: &[
            Row("of", "listen … send, listen … receive, connect"),
            Text(
                "send and receive print one line on stdout for each file that is whole, in the \
                 form of sha256sum; with --from it is a comment there, because it is the digest \
                 of the part that was sent. connect prints one line for what was sent and one for \
                 what was received, on stderr.",
            ),
            Text(
                "The digest is computed on the bytes as they move: for receive, on those that \
                 were written.",
            ),
        ],
        examples: &[
            example(
                "ft listen 8080 receive copy --digest > SUMS",
                "then: sha256sum -c SUMS",
            ),
            example("ft connect 8080 --digest --send-only < big.iso", ""),
        ],
        see_also: &["--from", "--progress", "services"],
        manual: "sha256sum(1), FIPS 180-4",
    },
    Topic {
        name: "--progress",
        aliases: &["progress", "bar"],
        summary: "show bytes, rate and the time that is left",
        body: &[
            Row("of", "connect; send and receive do it without being asked"),
            Text(
                "A line at the bottom of the terminal on stderr, drawn ten times a second, below \
                 the lines of the log. The time that is left is known when the size is: of send, \
                 and when stdin is a file. It is never on stdout, and not drawn where stderr is \
                 not a terminal, or with -q; connect does not draw it where stdout is a terminal, \
                 because the data is there.",
            ),
            Text("Without a terminal, USR1 prints the same as one line."),
        ],
        examples: &[
            example("ft connect 8080 --progress --send-only < big.iso", ""),
            example("ft connect 8080 --progress > copy", ""),
            example("kill -USR1 4242", "one line, on stderr"),
        ],
        see_also: &["--digest", "signals", "-q"],
        manual: "",
    },
];
