//! Options of `ft bench`.

use crate::explain::topic::{
    Part::{Fixed, Row, Text},
    Topic, example,
};

pub(crate) const TOPICS: &[Topic] = &[
    Topic {
        name: "-c",
        aliases: &["--connections", "--connections N"],
        summary: "how many connections work at a time",
        body: &[
            Row("of", "bench"),
            Row("value", "N, with k or M (64)"),
            Text(
                "All are opened before the time begins, and stay open; with --mode connect, so \
                 many make one connection after the other. One source address has some 28,000 \
                 ports for one destination: for more, see --source-addresses. Each needs a \
                 descriptor.",
            ),
        ],
        examples: &[example("ft bench 8080 -c 1", "the time of one round trip")],
        see_also: &["bench", "--source-addresses", "ephemeral port", "EMFILE"],
        manual: "ip(7) ip_local_port_range",
    },
    Topic {
        name: "-d",
        aliases: &["--duration", "--duration DURATION"],
        summary: "how long the work goes on",
        body: &[
            Row("of", "bench"),
            Row("value", "DURATION (10s; with --find-max 1s for each rate)"),
            Text(
                "For each address. What is out when the time is over is waited for, for as long \
                 as --reply-timeout says, and not counted as a message. INT ends the time early: \
                 what was measured until then is printed, and the status is 130; connects that are \
                 out before the time begins are given up, and counted as unfinished. A second INT \
                 does not wait for what is out. The time ends early, too, when the server has gone \
                 and refused every connect for a second.",
            ),
        ],
        examples: &[example("ft bench 8080 -d 1m", "")],
        see_also: &["bench", "--warm-up", "--reply-timeout", "units"],
        manual: "",
    },
    Topic {
        name: "-s",
        aliases: &["--size", "--size SIZE"],
        summary: "how long a message is",
        body: &[
            Row("of", "bench"),
            Row(
                "value",
                "SIZE (64; of send and both 1Mi for each send, the most)",
            ),
            Text(
                "Each byte depends on its place and its connection, so that a byte that is lost, \
                 doubled, changed or sent to somebody else is found when it comes back. With \
                 --mode connect, 0 means to connect and close and nothing else.",
            ),
        ],
        examples: &[example("ft bench 8080 -s 16Ki", "")],
        see_also: &["bench", "--pipeline", "units"],
        manual: "",
    },
    Topic {
        name: "--pipeline",
        aliases: &["--pipeline N"],
        summary: "how many messages of a connection are out at a time",
        body: &[
            Row("of", "bench, modes echo and request"),
            Row("value", "N (1)"),
            Text(
                "What may be sent at a time is sent with one call. The rate rises, and so does \
                 latency, since a message waits for those before it.",
            ),
        ],
        examples: &[example("ft bench 8080 --pipeline 16", "")],
        see_also: &["bench", "--rate"],
        manual: "",
    },
    Topic {
        name: "--rate",
        aliases: &["--rate N", "open loop", "closed loop"],
        summary: "messages per second, on a schedule that waits for nobody",
        body: &[
            Row("of", "bench, modes echo, request and connect"),
            Row("value", "N, with k or M, over all connections"),
            Text(
                "Without it each connection sends when its reply has come (closed loop): a server \
                 that stalls for a second is then asked nothing in that second, and has one slow \
                 reply to show. With it every message is due at its time (open loop), and latency \
                 counts from there: the column corrected. Those that the stall has delayed are \
                 slow, too, as they would be for people. The column uncorrected counts from when \
                 it was sent; with --mode connect, from the beginning of the connect, and both to \
                 the end of the close.",
            ),
            Text(
                "backlog tells how many messages were due and never sent, because earlier ones of \
                 their connection had no reply.",
            ),
        ],
        examples: &[example("ft bench 8080 --rate 10k -c 100", "")],
        see_also: &["bench", "--find-max", "--pipeline"],
        manual: "",
    },
    Topic {
        name: "--find-max",
        aliases: &["--find-max BOUND"],
        summary: "look for the highest rate that keeps a latency",
        body: &[
            Row("of", "bench, modes echo, request and connect"),
            Row("value", "'p99<1ms', 'p99.9<500us', 'max<10ms'"),
            Text(
                "Rates are tried for one second each (-d): doubled until one does not hold, then \
                 halved in between until two are within 5 %. One holds when the latency does, \
                 counted as --rate counts it, when nothing failed and nothing was left behind; one \
                 that does not is tried a second time. If not even 10 per second hold, or the \
                 server does nothing but time out, the status is 1.",
            ),
        ],
        examples: &[example("ft bench 8080 --find-max 'p99<1ms'", "")],
        see_also: &["--rate", "bench"],
        manual: "",
    },
    Topic {
        name: "--warm-up",
        aliases: &["--warm-up DURATION"],
        summary: "work for so long before it counts",
        body: &[
            Row("of", "bench"),
            Row("value", "DURATION (none)"),
            Text(
                "Caches fill and windows grow meanwhile. What fails meanwhile counts all the same, \
                 but there are no records of it (--export).",
            ),
        ],
        examples: &[example("ft bench 8080 --warm-up 2s", "")],
        see_also: &["bench", "-d", "units"],
        manual: "",
    },
    Topic {
        name: "--message",
        aliases: &["--message FILE"],
        summary: "the request of any protocol",
        body: &[
            Row("of", "bench, modes request and connect"),
            Row("value", "FILE: the bytes, as they are"),
            Text(
                "It is sent as it stands, again and again. Where a reply ends, --reply-bytes or \
                 --reply-until says; nothing else in it is looked at. For HTTP:",
            ),
            Fixed("printf 'GET / HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n' > get"),
        ],
        examples: &[example(
            "ft bench 8080 --mode request --message get --reply-bytes 153",
            "",
        )],
        see_also: &["--reply-bytes", "--reply-until", "bench"],
        manual: "",
    },
    Topic {
        name: "--reply-bytes",
        aliases: &["--reply-bytes SIZE"],
        summary: "how long each reply is",
        body: &[
            Row("of", "bench with --message"),
            Row("value", "SIZE"),
            Text(
                "A byte that comes when no reply is due counts as wrong bytes. How long a reply \
                 is, ft connect tells:",
            ),
            Fixed("ft connect 8080 < get | wc -c"),
        ],
        examples: &[example(
            "ft bench 8080 --mode request --message get --reply-bytes 153",
            "",
        )],
        see_also: &["--message", "--reply-until", "units"],
        manual: "",
    },
    Topic {
        name: "--reply-until",
        aliases: &["--reply-until TEXT"],
        summary: "what each reply ends with",
        body: &[
            Row("of", "bench with --message"),
            Row(
                "value",
                "TEXT, where \\r \\n \\t \\0 \\\\ and \\x00 stand for bytes",
            ),
            Text("The first time that it comes is the end of the reply."),
        ],
        examples: &[example(
            "ft bench 6379 --mode request --message ping --reply-until '\\r\\n'",
            "Redis",
        )],
        see_also: &["--message", "--reply-bytes"],
        manual: "",
    },
    Topic {
        name: "--close",
        aliases: &["--close HOW"],
        summary: "how bench --mode connect closes",
        body: &[
            Row("of", "bench --mode connect"),
            Row("rst", "the default: by RST, and the port is free at once"),
            Row(
                "fin",
                "by FIN, in order, when the peer has finished, too. The port then rests in \
                 TIME-WAIT for a minute, and some 28,000 of them are all there are for one source \
                 address",
            ),
        ],
        examples: &[example("ft bench 8080 --mode connect --close fin", "")],
        see_also: &["TIME-WAIT", "reset", "--source-addresses", "bench"],
        manual: "socket(7) SO_LINGER",
    },
    Topic {
        name: "--source-addresses",
        aliases: &["--source-addresses IP,IP"],
        summary: "source addresses that the connections use in turn",
        body: &[
            Row("of", "bench"),
            Row("value", "IP addresses of this machine with commas"),
            Text(
                "Each has ports of its own, so there can be so many times as many connections. On \
                 loopback all of 127.0.0.0/8 is ours.",
            ),
        ],
        examples: &[example(
            "ft bench 127.0.0.1:8080 -c 50k --source-addresses 127.0.0.2,127.0.0.3",
            "",
        )],
        see_also: &["--source", "ephemeral port", "EADDRNOTAVAIL"],
        manual: "ip(7) IP_BIND_ADDRESS_NO_PORT",
    },
    Topic {
        name: "--reply-timeout",
        aliases: &["--reply-timeout DURATION"],
        summary: "how long a reply may be silent",
        body: &[
            Row("of", "bench"),
            Row("value", "DURATION (5s)"),
            Text(
                "A connection that waits for a reply and hears nothing for so long has timed out: \
                 it is counted, reset, and made anew. So long, too, the end of a run waits for \
                 what is out.",
            ),
        ],
        examples: &[example("ft bench 8080 --reply-timeout 500ms", "")],
        see_also: &["ETIMEDOUT", "--connect-timeout", "bench", "units"],
        manual: "",
    },
    Topic {
        name: "--json",
        aliases: &[],
        summary: "the result as one JSON object",
        body: &[
            Row("of", "bench"),
            Text(
                "One line on stdout. results has an object for each address, ratios one for each \
                 but the first, find_max the rates that were tried. Times are in nanoseconds, all \
                 rates per second; size, pipeline and closed_by are null where the mode has none. \
                 cpu has the time on processors and the time that was waited for one; \
                 generator_limited says that the generator or its machine was the limit, and not \
                 the server; left_alone says that a server had no turn more because it only \
                 timed out, keeps_up that nothing was left behind at a rate. It is printed \
                 whatever the outcome; the status tells.",
            ),
        ],
        examples: &[example("ft bench 8080 -d 1s --json", "")],
        see_also: &["--export", "bench", "status"],
        manual: "",
    },
    Topic {
        name: "--export",
        aliases: &["--export FORMAT"],
        summary: "a record for every second",
        body: &[
            Row("of", "bench"),
            Row(
                "csv",
                "a line with the names of the columns, then one for each record",
            ),
            Row("json", "one JSON object for each record"),
            Text(
                "Written to stdout while it runs: address, at and seconds (the end of the record \
                 since the beginning, and how long it is), and for that time over all connections \
                 messages, bytes_sent, bytes_received, failures, open. The last record of an \
                 address is shorter. The result goes to stderr, unless -q is given. When nobody reads \
                 the records any more, the run ends.",
            ),
        ],
        examples: &[example("ft bench 8080 --export csv > run.csv", "")],
        see_also: &["--json", "bench"],
        manual: "",
    },
];
