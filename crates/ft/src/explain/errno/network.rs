//! Errors that came from outside: from the peer, from a router, or from silence.

use crate::explain::topic::{Part::Row, Topic, example};

pub(crate) const TOPICS: &[Topic] = &[
    Topic {
        name: "ECONNREFUSED",
        aliases: &["connection refused", "refused"],
        summary: "nobody listens there",
        body: &[
            Row(
                "given by",
                "connect; on a connected UDP socket also send and recv",
            ),
            Row(
                "means",
                "our SYN was answered by RST (RFC 9293 section 3.10.7.1), or by ICMP port \
                 unreachable. The machine is up and answers.",
            ),
            Row(
                "whose fault",
                "the address or port is wrong, the server is not running, it listens on another \
                 address or family only, or a firewall rejects. A full accept queue does not \
                 refuse: it stays silent (ETIMEDOUT).",
            ),
            Row(
                "try",
                "look on that machine for the listening socket and its address; try -4 and -6; \
                 --retry while a server is starting",
            ),
        ],
        examples: &[
            example(
                "ft connect 127.0.0.1:9",
                "refused, unless something listens on port 9",
            ),
            example("ss -ltn", "who listens here, and on which address"),
        ],
        see_also: &["connect", "reset", "ETIMEDOUT", "--retry", "loopback"],
        manual: "connect(2), tcp(7)",
    },
    Topic {
        name: "ETIMEDOUT",
        aliases: &["connection timed out"],
        summary: "no answer",
        body: &[
            Row(
                "given by",
                "connect, when no SYN was answered; send and recv, when data or keepalive probes \
                 stayed without acknowledgement",
            ),
            Row(
                "means",
                "segments went out, nothing came back: a firewall that discards silently, a \
                 machine that is off, or an accept queue that is full. By itself Linux gives up \
                 a connect after about two minutes (tcp_syn_retries 6), data after about 15 \
                 minutes (tcp_retries2 15); ft gives up a connect after --connect-timeout (10 s) \
                 and a silent peer after 60 s and 4 probes 15 s apart.",
            ),
            Row(
                "whose fault",
                "the path or the peer's machine; seldom the program there",
            ),
            Row(
                "try",
                "another port of the same machine: if that one refuses, a firewall filters the \
                 first",
            ),
        ],
        examples: &[
            example(
                "ft connect 192.0.2.1:80 --connect-timeout 2s",
                "nobody has this address",
            ),
            example("ft connect 192.0.2.1:80 -v", "how long connect took"),
        ],
        see_also: &[
            "SYN-SENT",
            "keepalive",
            "backlog",
            "--connect-timeout",
            "EHOSTUNREACH",
        ],
        manual: "connect(2), tcp(7), RFC 9293 section 3.8.3",
    },
    Topic {
        name: "EHOSTUNREACH",
        aliases: &["no route to host"],
        summary: "the network is there, the machine is not",
        body: &[
            Row(
                "given by",
                "connect; send and recv later on; accept, for an error that was already pending",
            ),
            Row(
                "means",
                "a router answered ICMP host unreachable, a firewall answered ICMP \
                 administratively prohibited, or nobody on our own network owns the address (ARP \
                 or neighbour discovery found no one, after about 3 s)",
            ),
            Row(
                "whose fault",
                "the machine is off, the address is wrong, or a firewall rejects",
            ),
            Row(
                "try",
                "ask which way the bytes would go, and whether the neighbour answers",
            ),
        ],
        examples: &[
            example("ip route get 192.0.2.1", "interface and gateway"),
            example("ip neigh", "FAILED: nobody answered for that address"),
            example(
                "ft connect 192.0.2.1:80",
                "whatever your network says to it",
            ),
        ],
        see_also: &["ENETUNREACH", "ETIMEDOUT"],
        manual: "connect(2), ip(7), RFC 1122 section 4.2.3.9",
    },
    Topic {
        name: "ENETUNREACH",
        aliases: &["network is unreachable"],
        summary: "no route leads there",
        body: &[
            Row(
                "given by",
                "connect, at once, from our own routing table; or when a router answers ICMP \
                 network unreachable; also connect to a broadcast or multicast address",
            ),
            Row(
                "means",
                "as a rule nothing was sent. Typical: an IPv6 address on a machine that has no \
                 IPv6 route.",
            ),
            Row("whose fault", "this machine's routes, or the address"),
            Row(
                "try",
                "-4, or a route; ft races the families, so one that works is enough",
            ),
        ],
        examples: &[
            example("ip -6 route", "is there a default route?"),
            example(
                "ft connect '[2001:db8::1]:80'",
                "the documentation prefix (RFC 3849)",
            ),
        ],
        see_also: &["EHOSTUNREACH", "-4", "ENETDOWN"],
        manual: "connect(2), ip(7)",
    },
    Topic {
        name: "ECONNRESET",
        aliases: &["connection reset by peer", "connection reset"],
        summary: "the peer ended the connection with RST",
        body: &[
            Row("given by", "recv and send; connect, if the RST came late"),
            Row(
                "means",
                "an RST arrived. What we had received before can still be read; what the peer \
                 had not yet acknowledged is lost. The errno is given once: later sends say \
                 EPIPE.",
            ),
            Row(
                "whose fault",
                "the peer's side: it closed while our bytes lay unread in its kernel, its \
                 program or machine crashed and came back, it aborted on purpose (SO_LINGER 0), \
                 or a firewall forgot the connection. A server that turns a client away does it \
                 too.",
            ),
            Row(
                "try",
                "the peer's log; --events on both sides, its reason and first tell who ended it",
            ),
        ],
        examples: &[
            example("ft listen 8080 --deny 127.0.0.0/8", "accepts, then resets"),
            example("ft connect 127.0.0.1:8080", "ECONNRESET, status 1"),
        ],
        see_also: &["reset", "reasons", "EPIPE", "linger", "half-open"],
        manual: "recv(2), send(2), tcp(7), RFC 9293 section 3.5.3",
    },
    Topic {
        name: "EPIPE",
        aliases: &["broken pipe", "sigpipe"],
        summary: "we send, but this direction has ended",
        body: &[
            Row(
                "given by",
                "send, after our own shutdown or after the RST has come; write to a pipe whose \
                 reader has gone. Without MSG_NOSIGNAL the signal SIGPIPE comes first.",
            ),
            Row(
                "means",
                "nothing was sent now. The first send after the peer has gone succeeds and is \
                 lost: its RST is what makes the second one fail.",
            ),
            Row(
                "whose fault",
                "the peer went before we had finished, or we went on after shutdown",
            ),
            Row(
                "try",
                "count what was acknowledged, not what send accepted: bytes_unacknowledged in \
                 the events",
            ),
        ],
        examples: &[
            example("ft listen 8080 chargen", "sends without end"),
            example(
                "ft connect 8080 | head -n 1",
                "EPIPE on stdout is a quiet end, status 0",
            ),
        ],
        see_also: &["ECONNRESET", "shutdown", "eof", "status"],
        manual: "send(2), write(2), signal(7)",
    },
    Topic {
        name: "ECONNABORTED",
        aliases: &["software caused connection abort", "connection aborted"],
        summary: "the connection was ended from this machine, or before accept",
        body: &[
            Row(
                "given by",
                "accept, on systems that report a client that gave up in the queue (Linux \
                 accepts it and reports ECONNRESET on the first recv); recv and send, after ss \
                 -K or another tool has destroyed the socket",
            ),
            Row(
                "means",
                "for accept: the RST came first. After ss -K: the kernel here sent RST, and the \
                 peer has ECONNRESET.",
            ),
            Row("whose fault", "the client's, or the administrator's"),
            Row(
                "try",
                "nothing: ft accepts the next client and the listening socket stays",
            ),
        ],
        examples: &[
            example("ft listen 8080", "a server to try it on"),
            example(
                "ss -K dst 127.0.0.1 dport = 8080",
                "ends its clients, as root",
            ),
        ],
        see_also: &["accept", "ECONNRESET", "reset"],
        manual: "accept(2), ss(8)",
    },
    Topic {
        name: "ENETDOWN",
        aliases: &["network is down"],
        summary: "the interface is down",
        body: &[
            Row(
                "given by",
                "send through an interface that is down; accept, for an error that was already \
                 pending on the new connection. TCP mostly says ENETUNREACH instead, because the \
                 route went with the interface.",
            ),
            Row("means", "nothing left this machine"),
            Row("whose fault", "cable, radio or administrator"),
            Row(
                "try",
                "bring the interface up; ft goes on accepting and tries again by itself",
            ),
        ],
        examples: &[example(
            "ip -brief address",
            "the second column: UP, DOWN, UNKNOWN",
        )],
        see_also: &["ENETUNREACH", "accept"],
        manual: "accept(2), ip(7)",
    },
    Topic {
        name: "EHOSTDOWN",
        aliases: &["host is down"],
        summary: "a router says that it does not know the host",
        body: &[
            Row(
                "given by",
                "connect, send, recv, or accept for an error that was already pending",
            ),
            Row(
                "means",
                "ICMP destination unreachable, code 7 (destination host unknown). Routers of \
                 today send code 1 instead, and that is EHOSTUNREACH.",
            ),
            Row("whose fault", "the machine is off, or the address is wrong"),
            Row("try", "as for EHOSTUNREACH"),
        ],
        examples: &[example(
            "ip route get 192.0.2.1",
            "which router would be asked",
        )],
        see_also: &["EHOSTUNREACH", "accept"],
        manual: "accept(2), icmp(7), RFC 1122 section 3.2.2.1",
    },
    Topic {
        name: "EPROTO",
        aliases: &["protocol error"],
        summary: "the new connection was broken before accept took it",
        body: &[
            Row(
                "given by",
                "accept, for a protocol error that was already pending; other systems say so \
                 when a client gave up in the queue",
            ),
            Row("means", "one client is lost; the listening socket is whole"),
            Row("whose fault", "that client's, or a protocol other than TCP"),
            Row("try", "accept again; ft does"),
        ],
        examples: &[example(
            "ft listen 8080 -v",
            "accept is tried again by itself",
        )],
        see_also: &["accept", "ECONNABORTED"],
        manual: "accept(2)",
    },
];
