//! How many bytes are moved at once, and by whom.

use crate::explain::topic::{
    Part::{Row, Text},
    Topic, example,
};

pub(crate) const TOPICS: &[Topic] = &[Topic {
    name: "bulk",
    aliases: &["splice", "sendfile", "zero-copy", "MSG_TRUNC"],
    summary: "who moves the bytes: ft, or the kernel by itself",
    body: &[
        Text(
            "A little is read into a buffer and written from it: that is the fastest way for \
             messages. Where much comes at once, the kernel moves it without a copy, and ft only \
             says from where to where. With -v the calls are splice and sendfile instead of recv \
             and send.",
        ),
        Row(
            "relay",
            "after three reads in a row that fill the buffer of 64 KiB: from socket to socket \
             through a pipe (splice), until little comes again",
        ),
        Row(
            "files",
            "send FILE, source and ft connect < FILE: from the pages of the file to the socket \
             (sendfile)",
        ),
        Row(
            "stdin, stdout",
            "a pipe on stdin, a pipe or a file on stdout: through a pipe (splice)",
        ),
        Row(
            "nowhere",
            "discard, and a stdout that is /dev/null: what comes is not fetched at all (MSG_TRUNC)",
        ),
        Text(
            "Pipes are short where a user has no privilege (16384 pages for all), so there are at \
             most 32 for all relayed connections; who gets none is copied. --dump, --digest and \
             --crlf want to see the bytes, so they are copied, and so they are where the kernel or \
             a filter of system calls refuses.",
        ),
    ],
    examples: &[
        example(
            "ft listen 8080 source 10G",
            "then: ft connect 8080 > /dev/null",
        ),
        example("ft relay 8080 9090 -v", "splice, as soon as bulk flows"),
    ],
    see_also: &["relay", "services", "--dump", "--digest"],
    manual: "splice(2), sendfile(2), tcp(7), pipe(7)",
}];
