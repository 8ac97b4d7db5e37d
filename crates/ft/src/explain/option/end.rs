//! Options that say when a connection, or the server, comes to its end.

use crate::explain::topic::{
    Part::{Row, Text},
    Topic, example,
};

pub(crate) const TOPICS: &[Topic] = &[
    Topic {
        name: "--eof",
        aliases: &["--eof half", "--eof each", "--eof full"],
        summary: "what the end of one direction means for the other",
        body: &[
            Row("of", "listen, connect, relay"),
            Row(
                "half",
                "default: our input's end becomes a half-close, and we go on receiving; the word \
                 eof has the whole table",
            ),
            Row(
                "each",
                "the connection ends only when both directions have ended",
            ),
            Row(
                "full",
                "the first end in either direction closes, after what is left was sent",
            ),
        ],
        examples: &[
            example("ft listen 8080 echo", ""),
            example(
                "printf hello | ft connect 8080",
                "half: the echo comes, then the end",
            ),
            example(
                "printf hello | ft connect 8080 --eof full",
                "may not wait for the echo",
            ),
        ],
        see_also: &["eof", "half-close", "--half-closed"],
        manual: "shutdown(2)",
    },
    Topic {
        name: "--idle",
        aliases: &["--idle DURATION", "idle_timeout"],
        summary: "end a connection on which nothing moves",
        body: &[
            Row("of", "listen, connect, relay"),
            Row(
                "value",
                "DURATION (none), for each connection by itself, of a relay for both together",
            ),
            Text(
                "Counts from the last byte in either direction. The connection ends with the \
                 reason timed_out; ft connect then has status 124. ft listen udp: forgets a \
                 silent peer after 30s unless this says otherwise.",
            ),
        ],
        examples: &[
            example("ft listen 8080", ""),
            example("ft connect 8080 --idle 5s", "type nothing"),
        ],
        see_also: &["--deadline", "keepalive", "status", "units"],
        manual: "",
    },
    Topic {
        name: "--deadline",
        aliases: &["--deadline DURATION"],
        summary: "end a connection after so long, whatever happens on it",
        body: &[
            Row("of", "listen, connect, relay"),
            Row(
                "value",
                "DURATION (none), for each connection by itself, of a relay for both together",
            ),
            Text(
                "Counts from accepted or connected. The connection ends with the reason \
                 timed_out; ft connect then has status 124.",
            ),
        ],
        examples: &[
            example("ft listen 8080 chargen", ""),
            example(
                "ft connect 8080 --deadline 1s > /dev/null",
                "one second of it",
            ),
        ],
        see_also: &["--idle", "reasons", "status", "units"],
        manual: "",
    },
    Topic {
        name: "--half-closed",
        aliases: &["--half-closed DURATION"],
        summary: "how long one direction may stay open alone",
        body: &[
            Row("of", "listen, connect, relay"),
            Row(
                "value",
                "DURATION or never (5m for listen and relay; never for connect, exec and shell)",
            ),
            Text(
                "Counts while only one direction has ended. Without such a limit, a server \
                 collects sockets in CLOSE-WAIT and FIN-WAIT-2 from peers that never finish.",
            ),
        ],
        examples: &[
            example(
                "ft listen 8080 --eof each --half-closed 10s",
                "on a terminal",
            ),
            example(
                "printf hello | ft connect 8080",
                "half-closes; after 10 s the server ends it",
            ),
        ],
        see_also: &["half-close", "CLOSE-WAIT", "FIN-WAIT-2", "units"],
        manual: "tcp(7) tcp_fin_timeout",
    },
    Topic {
        name: "--wait",
        aliases: &["--wait DURATION"],
        summary: "over UDP: how long to wait for one more datagram",
        body: &[
            Row("of", "connect udp:"),
            Row("value", "DURATION (1s)"),
            Text(
                "Over UDP nobody says that he has finished. So when our input has ended, ft \
                 connect waits this long after the last datagram, then ends with status 0. 0 \
                 takes nothing that comes later. It does not count while there is input: \
                 --idle and --deadline do.",
            ),
        ],
        examples: &[
            example("ft listen udp:8080 echo", ""),
            example(
                "printf 'a\\nb\\n' | ft connect udp:8080 --wait 200ms",
                "two datagrams",
            ),
        ],
        see_also: &["udp", "--idle", "eof", "units"],
        manual: "udp(7)",
    },
    Topic {
        name: "--once",
        aliases: &[],
        summary: "serve one connection, then stop",
        body: &[
            Row("of", "listen, relay"),
            Text(
                "The listening socket is closed when its one client has been accepted and \
                 served. The exit status is that connection's own outcome, so a script can rely \
                 on it.",
            ),
        ],
        examples: &[
            example("ft listen 8080 --once > copy", ""),
            example(
                "ft connect 8080 --send-only < /etc/services",
                "then look at both statuses",
            ),
        ],
        see_also: &["status", "--drain", "eof"],
        manual: "",
    },
    Topic {
        name: "--drain",
        aliases: &["--drain DURATION", "drain"],
        summary: "how long a server that stops waits for its clients",
        body: &[
            Row("of", "listen, relay"),
            Row("value", "DURATION (30s)"),
            Text(
                "At the first INT or TERM: what is queued is accepted, the listening sockets are \
                 closed, and the connections may finish within this time. What is left then is \
                 cut, and the status is 1. A second signal ends all at once.",
            ),
        ],
        examples: &[example(
            "ft listen 8080 echo --drain 5s",
            "connect, then press Ctrl-C here",
        )],
        see_also: &["signals", "status", "reasons", "units"],
        manual: "",
    },
];
