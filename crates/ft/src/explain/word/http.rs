//! The http service.

use crate::explain::topic::{
    Part::{Row, Text},
    Topic, example,
};

pub(crate) const TOPICS: &[Topic] = &[Topic {
    name: "http",
    aliases: &["http service", "HTTP/1.1", "web server"],
    summary: "the service that gives the files of a folder to browsers",
    body: &[
        Row(
            "files",
            "GET and HEAD; one range; ETag and Last-Modified; text is UTF-8",
        ),
        Row(
            "folders",
            "index.html if there is one, otherwise a list; times are UTC",
        ),
        Row(
            "refused",
            "names that begin with a dot, .., symlinks that are absolute or lead out of \
             DIR, and whatever is no plain file: 404 for all of them",
        ),
        Row(
            "requests",
            "a head has 16 KiB and 10 s at most; a body is thrown away, and the connection ends \
             behind the answer",
        ),
        Row(
            "kept",
            "a connection waits 60 s for its next request; an answer that nobody takes is given \
             up after 5 min without a byte, after --half-closed if its client has finished sending",
        ),
        Row(
            "stopped",
            "after INT or TERM an answer that has begun is finished; connections without a \
             request end at once",
        ),
        Text(
            "One line is logged for each request; the events are those of the connection. \
             Several ranges at once are answered with the whole file. Needs Linux 5.6 (openat2).",
        ),
    ],
    examples: &[
        example("ft listen 8080 http", "this folder, for this machine"),
        example("ft listen '*:8080' http /srv/www --status", "for everybody"),
        example(
            "ft connect 8080 --crlf",
            "type: GET / HTTP/1.0, and an empty line",
        ),
    ],
    see_also: &["--status", "--head-deadline", "services", "--allow"],
    manual: "RFC 9110, RFC 9112, openat2(2)",
}];
