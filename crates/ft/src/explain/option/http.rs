//! Options of the http service.

use crate::explain::topic::{
    Part::{Row, Text},
    Topic, example,
};

pub(crate) const TOPICS: &[Topic] = &[
    Topic {
        name: "--status",
        aliases: &["/.ft", "status page"],
        summary: "http: a page that shows the very connection it is asked for over",
        body: &[
            Row("of", "listen, with http"),
            Row("value", "none; the page is /.ft"),
            Text(
                "The seven steps of the diagram, filled in: five-tuple, number and cookie of the \
                 connection, which of its requests this is, the bytes so far, and the request as \
                 it came. Text, and HTML for who accepts that. No file can stand in its way: \
                 names that begin with a dot are not served.",
            ),
        ],
        examples: &[example(
            "ft listen 8080 http --status",
            "then: curl localhost:8080/.ft",
        )],
        see_also: &["http", "five-tuple", "services"],
        manual: "RFC 9112",
    },
    Topic {
        name: "--head-deadline",
        aliases: &["--head-deadline DURATION", "slowloris"],
        summary: "http: how long the head of a request may take",
        body: &[
            Row("of", "listen, with http"),
            Row("value", "DURATION (10s)"),
            Text(
                "Counted from the first byte of a request. A client that is still sending its \
                 head then gets 408 and is closed (timed_out), however many bytes it goes on \
                 sending; others are served meanwhile. Who types slowly takes a longer one.",
            ),
        ],
        examples: &[example("ft listen 8080 http --head-deadline 1m", "")],
        see_also: &["http", "--idle", "--deadline", "units"],
        manual: "RFC 9110 15.5.9",
    },
];
