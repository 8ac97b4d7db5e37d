//! The eleven states of RFC 9293: who is in one, how one gets in and out, what lingers and why.

use super::topic::{Part::Row, Topic, example};

pub(crate) const TOPICS: &[Topic] = &[
    Topic {
        name: "LISTEN",
        aliases: &["LISTENING"],
        summary: "the listening socket waits for clients",
        body: &[
            Row("who", "the server's listening socket, and only that one"),
            Row("in", "listen"),
            Row(
                "out",
                "close. Clients change nothing: each gets a socket of its own.",
            ),
            Row("stays", "as long as the server runs"),
            Row(
                "ss shows",
                "LISTEN; Recv-Q is the length of the accept queue, Send-Q the backlog",
            ),
        ],
        examples: &[
            example("ft listen 8080", ""),
            example("ss -ltn sport = 8080", "two lines: IPv4 and IPv6"),
        ],
        see_also: &["listen", "accept", "backlog", "SYN-RECEIVED"],
        manual: "RFC 9293 section 3.3.2, listen(2), ss(8)",
    },
    Topic {
        name: "SYN-SENT",
        aliases: &[],
        summary: "our SYN is out, no answer yet",
        body: &[
            Row("who", "the client, during connect"),
            Row("in", "connect sends SYN"),
            Row(
                "out",
                "SYN and ACK come: ESTABLISHED. RST comes: ECONNREFUSED. Nothing comes: \
                 ETIMEDOUT.",
            ),
            Row(
                "stays",
                "Linux sends the SYN again 6 times (tcp_syn_retries), about two minutes in all; \
                 ft ends it after --connect-timeout. Many of them: a silent firewall or a full \
                 accept queue.",
            ),
            Row("ss shows", "SYN-SENT"),
        ],
        examples: &[
            example("ft connect 192.0.2.1:80", "nobody answers there"),
            example("ss -tn state syn-sent", "within the ten seconds"),
        ],
        see_also: &["connect", "--connect-timeout", "ETIMEDOUT", "SYN-RECEIVED"],
        manual: "RFC 9293 section 3.5, tcp(7)",
    },
    Topic {
        name: "SYN-RECEIVED",
        aliases: &["SYN-RECV", "SYN-RCVD"],
        summary: "a SYN came, ours is out, the last ACK is missing",
        body: &[
            Row(
                "who",
                "the server's kernel; no program sees it, it waits in the SYN queue",
            ),
            Row("in", "a SYN reaches a listening socket"),
            Row(
                "out",
                "the ACK comes: ESTABLISHED, into the accept queue. RST comes, or five repeats \
                 (tcp_synack_retries) stay unanswered: gone.",
            ),
            Row(
                "stays",
                "about a minute at most. Many of them: a SYN flood, or an accept queue that is \
                 full. SYN cookies keep the machine serving without remembering them.",
            ),
            Row("ss shows", "SYN-RECV"),
        ],
        examples: &[
            example("ft listen 8080", ""),
            example(
                "ss -tn state syn-recv",
                "normally empty: it lasts one round trip",
            ),
        ],
        see_also: &["LISTEN", "backlog", "accept", "SYN-SENT"],
        manual: "RFC 9293 section 3.5, RFC 4987, tcp(7)",
    },
    Topic {
        name: "ESTABLISHED",
        aliases: &["ESTAB"],
        summary: "both directions are open",
        body: &[
            Row("who", "both sides, each with a socket of its own"),
            Row(
                "in",
                "the handshake is complete; on the server's side even before accept",
            ),
            Row(
                "out",
                "our FIN: FIN-WAIT-1. The peer's FIN: CLOSE-WAIT. RST: CLOSED.",
            ),
            Row(
                "stays",
                "as long as both want; without traffic nothing is sent, for days. A peer that \
                 vanished without FIN or RST is found by keepalive probes only, or by sending.",
            ),
            Row(
                "ss shows",
                "ESTAB; Recv-Q is what our program has not read, Send-Q what is not acknowledged",
            ),
        ],
        examples: &[
            example("ft listen 8080 echo", ""),
            example("ft connect 8080", ""),
            example(
                "ss -tn dport = 8080 or sport = 8080",
                "one connection, two sockets, one five-tuple",
            ),
        ],
        see_also: &[
            "five-tuple",
            "half-open",
            "keepalive",
            "FIN-WAIT-1",
            "CLOSE-WAIT",
        ],
        manual: "RFC 9293 section 3.3.2, ss(8)",
    },
    Topic {
        name: "FIN-WAIT-1",
        aliases: &[],
        summary: "our FIN is out, not yet acknowledged",
        body: &[
            Row("who", "the side that finished sending first"),
            Row("in", "shutdown or close in ESTABLISHED"),
            Row(
                "out",
                "the ACK comes: FIN-WAIT-2. The peer's FIN comes first: CLOSING. Both: \
                 TIME-WAIT.",
            ),
            Row(
                "stays",
                "one round trip; longer while bytes in front of the FIN are still in Send-Q, \
                 because the FIN goes out after them. A peer that does not read holds it here.",
            ),
            Row(
                "ss shows",
                "FIN-WAIT-1, without a process once the program has closed",
            ),
        ],
        examples: &[
            example("ft listen 8080", "then Ctrl-Z: it no longer reads"),
            example(
                "seq 100000 | ft connect 8080",
                "more than the stopped server's kernel takes",
            ),
            example(
                "ss -tn state fin-wait-1",
                "the client's socket, with a full Send-Q",
            ),
        ],
        see_also: &["FIN-WAIT-2", "CLOSING", "half-close", "close"],
        manual: "RFC 9293 section 3.6, tcp(7)",
    },
    Topic {
        name: "FIN-WAIT-2",
        aliases: &[],
        summary: "our FIN is acknowledged, the peer still sends",
        body: &[
            Row("who", "the side that finished sending first"),
            Row("in", "the ACK of our FIN"),
            Row("out", "the peer's FIN: TIME-WAIT"),
            Row(
                "stays",
                "with a program behind it (half-close): as long as the peer likes, unless \
                 --half-closed says otherwise. After close nobody owns it, and Linux removes \
                 such an orphan after tcp_fin_timeout (60 s). Many of them: peers that sit in \
                 CLOSE-WAIT.",
            ),
            Row(
                "ss shows",
                "FIN-WAIT-2, without a process when it is an orphan",
            ),
        ],
        examples: &[
            example(
                "ft listen 8080 --eof each",
                "on a terminal: it keeps its own direction open",
            ),
            example(
                "printf hello | ft connect 8080",
                "half-closes, waits for the peer's end",
            ),
            example("ss -tn state fin-wait-2", "the client's socket"),
        ],
        see_also: &["CLOSE-WAIT", "half-close", "--half-closed", "eof"],
        manual: "RFC 9293 section 3.6, tcp(7) tcp_fin_timeout",
    },
    Topic {
        name: "CLOSE-WAIT",
        aliases: &[],
        summary: "the peer has finished; our program has not closed",
        body: &[
            Row("who", "the side that has received the FIN"),
            Row("in", "the peer's FIN in ESTABLISHED"),
            Row("out", "our own shutdown or close: LAST-ACK"),
            Row(
                "stays",
                "until our program acts: no time limit of the kernel ends it. Sockets that pile \
                 up here are a bug of the program on this machine, which ignores the end of \
                 stream (recv returned 0) or forgets to close. ft listen ends them after \
                 --half-closed (5 min).",
            ),
            Row("ss shows", "CLOSE-WAIT; with -p the guilty process"),
        ],
        examples: &[
            example(
                "ft listen 8080 --eof each",
                "on a terminal: waits for your Ctrl-D",
            ),
            example("printf hello | ft connect 8080", ""),
            example("ss -tnp state close-wait", "the server's socket"),
        ],
        see_also: &["FIN-WAIT-2", "LAST-ACK", "--half-closed", "eof", "receive"],
        manual: "RFC 9293 section 3.6, ss(8)",
    },
    Topic {
        name: "CLOSING",
        aliases: &[],
        summary: "both sent FIN at the same time",
        body: &[
            Row("who", "both sides at once, which is rare"),
            Row("in", "the peer's FIN in FIN-WAIT-1, before the ACK of ours"),
            Row("out", "that ACK: TIME-WAIT"),
            Row(
                "stays",
                "one round trip, or until repeats of the FIN are given up",
            ),
            Row("ss shows", "CLOSING, almost always without a process"),
        ],
        examples: &[example("ss -tan state closing", "normally empty")],
        see_also: &["FIN-WAIT-1", "TIME-WAIT"],
        manual: "RFC 9293 section 3.6",
    },
    Topic {
        name: "LAST-ACK",
        aliases: &[],
        summary: "both FINs are out, the ACK of ours is missing",
        body: &[
            Row("who", "the side that finished second"),
            Row("in", "shutdown or close in CLOSE-WAIT"),
            Row("out", "the ACK: CLOSED, with no TIME-WAIT on this side"),
            Row(
                "stays",
                "one round trip; longer while bytes in front of the FIN are not acknowledged, or \
                 if the peer is gone: then until the repeats are given up",
            ),
            Row(
                "ss shows",
                "LAST-ACK, without a process once the program has closed",
            ),
        ],
        examples: &[example("ss -tan state last-ack", "normally empty")],
        see_also: &["CLOSE-WAIT", "TIME-WAIT", "CLOSED"],
        manual: "RFC 9293 section 3.6",
    },
    Topic {
        name: "TIME-WAIT",
        aliases: &["2MSL"],
        summary: "all is over; the five-tuple rests",
        body: &[
            Row("who", "the side that closed first, and only that one"),
            Row("in", "the peer's FIN after ours was acknowledged"),
            Row(
                "out",
                "after 60 s on Linux (fixed, no sysctl; the RFC says four minutes)",
            ),
            Row(
                "why",
                "a lost last ACK can be sent again, and late segments of the old connection \
                 cannot enter a new one with the same five-tuple",
            ),
            Row(
                "stays",
                "no process, no descriptor, little memory. It reserves one five-tuple, not the \
                 server's port: with SO_REUSEADDR (ft sets it) a server starts again at once. It \
                 hurts a client that opens thousands of connections to one destination \
                 (EADDRNOTAVAIL).",
            ),
            Row("ss shows", "TIME-WAIT with timer:(timewait,…) under -o"),
        ],
        examples: &[
            example("ft listen 8080 daytime", "the server closes first here"),
            example("ft connect 8080", ""),
            example(
                "ss -tano state time-wait",
                "on the server's side, counting down",
            ),
        ],
        see_also: &[
            "EADDRNOTAVAIL",
            "EADDRINUSE",
            "ephemeral port",
            "linger",
            "close",
        ],
        manual: "RFC 9293 section 3.6, RFC 6191, socket(7)",
    },
    Topic {
        name: "CLOSED",
        aliases: &["UNCONN"],
        summary: "no connection at all",
        body: &[
            Row(
                "who",
                "a new socket before listen or connect; a connection after its end",
            ),
            Row(
                "in",
                "LAST-ACK acknowledged, TIME-WAIT over, an RST, or an error",
            ),
            Row("out", "listen: LISTEN. connect: SYN-SENT."),
            Row(
                "stays",
                "a TCP socket that is only bound reserves its port all the same",
            ),
            Row(
                "ss shows",
                "nothing for TCP in most versions; UNCONN for UDP",
            ),
        ],
        examples: &[example(
            "ft connect 127.0.0.1:9",
            "CLOSED, SYN-SENT, CLOSED: refused",
        )],
        see_also: &["LISTEN", "SYN-SENT", "reset", "EADDRINUSE"],
        manual: "RFC 9293 section 3.3.2",
    },
];
