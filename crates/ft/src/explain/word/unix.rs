//! The word about sockets that are files.

use crate::explain::topic::{
    Part::{Row, Text},
    Topic, example,
};

pub(crate) const TOPICS: &[Topic] = &[Topic {
    name: "unix",
    aliases: &["unix socket", "unix domain socket", "AF_UNIX", "unix:"],
    summary: "a socket within this machine, named by a path",
    body: &[
        Row(
            "unix:/path",
            "a file, made by bind and removed at the end; at most 107 bytes",
        ),
        Row(
            "unix:@name",
            "an abstract name: no file, no mode, everybody here may connect",
        ),
        Text(
            "It has no IP addresses and no ports, so no five-tuple. In its place stand the \
             process that connected (pid and uid, from the kernel: SO_PEERCRED) and the path: \
             pid 4711 uid 1000 → unix:/path unix.",
        ),
        Text(
            "ft makes the file where nothing stands, or where a socket of your own user stands \
             that nobody answers at. A plain file, a folder, a socket that answers, and what \
             is of another user are left alone.",
        ),
        Text(
            "There is no RST: who closes with bytes unread gives the peer ECONNRESET, and an \
             abort looks like an end. A full accept queue makes connect wait.",
        ),
    ],
    examples: &[
        example("ft listen unix:/tmp/x echo", ""),
        example("ft connect unix:/tmp/x", "in a second terminal"),
    ],
    see_also: &["--mode", "socket", "addresses"],
    manual: "unix(7)",
}];
