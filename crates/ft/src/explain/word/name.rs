//! Words about who and where: ports, addresses, the five-tuple, the queues in front of accept.

use crate::explain::topic::{
    Part::{Fixed, Row, Text},
    Topic, example,
};

pub(crate) const TOPICS: &[Topic] = &[
    Topic {
        name: "port",
        aliases: &["ports", "port number", "well-known port"],
        summary: "a number, 1 to 65535, that says which socket of a machine is meant",
        body: &[
            Text(
                "An IP address leads to a machine, the port to a socket on it. One listening \
                 socket has a port of an address for itself; all its clients' connections share \
                 it, told apart by their five-tuples. TCP and UDP count separately. A port is \
                 not a file, a wire or a process: it exists while a socket has it.",
            ),
            Row(
                "0",
                "not a port: as the argument of bind it asks the system to choose",
            ),
            Row(
                "1-1023",
                "bind needs a capability on Linux (net.ipv4.ip_unprivileged_port_start)",
            ),
            Row(
                "32768-60999",
                "given to clients by default (net.ipv4.ip_local_port_range)",
            ),
        ],
        examples: &[
            example("ft listen 0", "the system chooses, the line says which"),
            example("ss -ltnp", "who listens on which port"),
            example("getent services http", "the name of port 80"),
        ],
        see_also: &["five-tuple", "ephemeral port", "bind", "EADDRINUSE"],
        manual: "ip(7), services(5), RFC 6335",
    },
    Topic {
        name: "five-tuple",
        aliases: &["5-tuple", "fivetuple", "socket pair", "tuple"],
        summary: "the name of a connection",
        body: &[
            Text(
                "Source IP, source port, destination IP, destination port, protocol. No two \
                 connections of a machine have all five alike at the same time; that is how \
                 thousands of clients share one server port.",
            ),
            Text(
                "ft writes it from the side that connected, on both sides: source is the side \
                 that called connect, destination the side that listens. So both logs have the \
                 same words:",
            ),
            Fixed("127.0.0.1:51312 → 127.0.0.1:8080 tcp"),
        ],
        examples: &[
            example("ft listen 8080 echo", ""),
            example(
                "ft connect 8080 -v",
                "the same five-tuple as in the first terminal",
            ),
            example(
                "ss -tn sport = 8080",
                "the same, seen from the server's socket",
            ),
        ],
        see_also: &["port", "ephemeral port", "accept", "TIME-WAIT"],
        manual: "RFC 9293 section 4, tcp(7)",
    },
    Topic {
        name: "ephemeral port",
        aliases: &["ephemeral", "source port", "local port range"],
        summary: "a port that the kernel chooses, for a client or for port 0",
        body: &[
            Text(
                "A client that does not bind gets one in connect, out of \
                 net.ipv4.ip_local_port_range (32768 to 60999: about 28,000). It need only make \
                 the five-tuple unique, so the same port may serve connections to different \
                 destinations.",
            ),
            Text(
                "When all are taken for one destination, also by TIME-WAIT, connect says \
                 EADDRNOTAVAIL. A server should not choose its port from this range: a client \
                 may be there first, and then bind says EADDRINUSE.",
            ),
        ],
        examples: &[
            example("sysctl net.ipv4.ip_local_port_range", ""),
            example(
                "ft connect 8080 -v",
                "the source port, another one each time",
            ),
        ],
        see_also: &["port", "EADDRNOTAVAIL", "TIME-WAIT", "--source"],
        manual: "ip(7), RFC 6056",
    },
    Topic {
        name: "loopback",
        aliases: &[
            "localhost",
            "127.0.0.1",
            "::1",
            "wildcard address",
            "0.0.0.0",
        ],
        summary: "addresses of this machine for itself: 127.0.0.0/8 and ::1",
        body: &[
            Text(
                "What is sent there never leaves the machine. ft listen 8080 binds 127.0.0.1 and \
                 ::1, so nobody outside can call; *:8080 (the wildcard address) opens it on \
                 every interface.",
            ),
            Text(
                "localhost is a name for both addresses. A server on one of them only refuses \
                 the clients of the other: that is why a look at ss helps when localhost works \
                 in one program and not in another. In a container, loopback is the container's \
                 own.",
            ),
        ],
        examples: &[
            example("ft listen 8080", "this machine only"),
            example("ft listen '*:8080'", "everybody"),
            example("ss -ltn sport = 8080", "the address tells"),
        ],
        see_also: &["addresses", "bind", "ECONNREFUSED", "--allow"],
        manual: "ip(7), RFC 1122 section 3.2.1.3, RFC 4291 section 2.5.3",
    },
    Topic {
        name: "addresses",
        aliases: &["address", "address grammar"],
        summary: "how an address is written",
        body: &[
            Row(
                "8080",
                "listen: 127.0.0.1 and ::1, this machine only; connect: localhost",
            ),
            Row(":8080", "listen: every interface; connect: localhost"),
            Row("*:8080", "listen: every interface, IPv4 and IPv6"),
            Row("host:8080", "a name or an IPv4 address"),
            Row("[::1]:8080", "an IPv6 address, in brackets"),
            Row("host:http", "a port name from /etc/services"),
            Row(
                "127.0.0.1:0",
                "listen: the system chooses the port, and ft says which; the same for both \
                 families",
            ),
            Row(
                "tcp:host:8080",
                "with a scheme; tcp://host:8080 is the same",
            ),
            Row("udp:8080", "datagrams; host and port as above"),
            Text(
                "connect also takes host and port as two words. There is one socket for each \
                 family, never a mixed one; if a port is taken in one family, none is bound.",
            ),
        ],
        examples: &[
            example("ft listen 127.0.0.1:8080", "IPv4 alone"),
            example("ft connect localhost 8080", ""),
            example("ft connect '[::1]:8080'", ""),
        ],
        see_also: &["port", "loopback", "bind", "EAI_NONAME"],
        manual: "ip(7), ipv6(7), RFC 3986 section 3.2.2",
    },
    Topic {
        name: "backlog",
        aliases: &["accept queue", "SYN queue", "somaxconn", "accept_queue_len"],
        summary: "how many connections may wait to be accepted",
        body: &[
            Text(
                "The kernel completes handshakes without the program. SYN queue: the SYN has \
                 come, the last ACK has not. Accept queue: established, waiting for accept. \
                 backlog is the number given to listen, and it bounds the accept queue (capped \
                 by net.core.somaxconn).",
            ),
            Text(
                "If that queue is full, Linux does not refuse: it ignores the SYN, and the \
                 client tries again until it gives up (ETIMEDOUT). listen(1) lets two wait; the \
                 third hangs. With net.ipv4.tcp_abort_on_overflow=1 an RST is sent when the last \
                 ACK finds no room.",
            ),
        ],
        examples: &[
            example(
                "ft listen 127.0.0.1:8080 --backlog 1",
                "then Ctrl-Z: it accepts no more",
            ),
            example(
                "ft connect 127.0.0.1:8080",
                "in three terminals: the third hangs",
            ),
            example(
                "ss -ltn sport = 8080",
                "Recv-Q: waiting, Send-Q: the backlog",
            ),
        ],
        see_also: &["--backlog", "listen", "accept", "ETIMEDOUT", "SYN-RECEIVED"],
        manual: "listen(2), tcp(7), RFC 4987",
    },
    Topic {
        name: "services",
        aliases: &[
            "service",
            "echo",
            "discard",
            "chargen",
            "daytime",
            "time",
            "source",
            "terminal",
            "receive FILE",
            "receive DIR",
            "partial",
        ],
        summary: "what ft listen does with a connection",
        body: &[
            Row(
                "terminal",
                "default: what you type or pipe in goes to every client; what they send goes to \
                 stdout in order of arrival",
            ),
            Row("echo", "sends back what it receives (RFC 862)"),
            Row("discard", "receives and throws away (RFC 863)"),
            Row("chargen", "sends lines of characters without end (RFC 864)"),
            Row(
                "daytime",
                "sends date and time as text, then ends (RFC 867)",
            ),
            Row(
                "time",
                "sends the seconds since 1900 as four bytes, then ends (RFC 868)",
            ),
            Row(
                "source [SIZE]",
                "sends bytes as fast as the client reads, SIZE of them or without end",
            ),
            Row(
                "relay",
                "relay DESTINATION: connects each client to another server",
            ),
            Row("send FILE", "gives each client a file, then ends"),
            Row(
                "receive FILE|DIR",
                "writes what each client sends to a file; in a directory, one for each. Until the \
                 peer has finished and all is on the disk (fsync) its name ends in .partial; no \
                 file is ever overwritten, and our end of the connection is the receipt. FILE is \
                 for one client: --once",
            ),
            Row(
                "http [DIR]",
                "the files of DIR, or of this folder, for browsers (RFC 9112)",
            ),
            Row("exec, shell", "a program for each client: see there"),
            Row(
                "hub, chat",
                "what one client sends, all others get; chat: with names",
            ),
            Text(
                "terminal reads stdin only while somebody is connected. After stdin has ended, \
                 later clients get our half-close at once.",
            ),
        ],
        examples: &[
            example("ft listen 8080 daytime", ""),
            example(
                "ft listen 8081 source 10Mi",
                "10 × 1024 × 1024 bytes for each client",
            ),
            example("ft connect 8081 > /dev/null", ""),
        ],
        see_also: &[
            "relay", "exec", "eof", "units", "--slow", "--from", "--digest", "listen",
        ],
        manual: "RFC 862, 863, 864, 867, 868",
    },
    Topic {
        name: "udp",
        aliases: &["datagram", "datagrams", "udp:", "not sent"],
        summary: "datagrams: each by itself, whole or not at all, maybe twice",
        body: &[
            Text(
                "ft listen udp:PORT has one socket for everybody. Peers are told apart by their \
                 five-tuples; each is accepted with its first datagram and closed after 30 s \
                 without one (--idle). With 10,000 peers (--max-connections; a relay has at most \
                 as many as descriptors) the one that is silent for longest makes place, or the \
                 new one is turned away (--at-limit refuse). ICMP saying that nobody has the port \
                 closes that peer (reset).",
            ),
            Text(
                "Anybody can write another's address on a datagram. So no peer is sent more than \
                 3 times the bytes that came from it: an answer that is longer is not sent. The \
                 line of daytime needs a question of about 15 bytes, the 4 bytes of time one \
                 of 2; an empty or one-byte question gets nothing from them.",
            ),
            Text(
                "ft relay udp:A udp:B gives each peer a socket of its own to B; silence closes \
                 both sides. If nobody has B's port, the log says so, and the peer's next datagram \
                 finds the next destination. The rule of 3 holds for what comes back, so long \
                 answers to short questions, as of DNS, do not get through. Two relays that lead \
                 to each other pass a datagram on for ever.",
            ),
            Text(
                "ft connect udp: sends each line as a datagram, its newline included; a longer \
                 line than 65,507 bytes (IPv4) is EMSGSIZE. Nobody answers a connect of UDP, so \
                 the first address of a name is taken. Nobody says either that he has finished: \
                 1 s of silence after the end of our input is the end (--wait).",
            ),
        ],
        examples: &[
            example(
                "ft listen udp:8080 echo",
                "also discard, chargen, daytime, time, relay",
            ),
            example("ft connect udp:8080", "type lines"),
            example("ft listen udp:8013 daytime", ""),
            example(
                "printf '%32s\\n' | ft connect udp:8013",
                "32 spaces pay for the line",
            ),
        ],
        see_also: &[
            "relay",
            "--wait",
            "--idle",
            "five-tuple",
            "EMSGSIZE",
            "ECONNREFUSED",
        ],
        manual: "udp(7), RFC 768, RFC 8085",
    },
    Topic {
        name: "units",
        aliases: &["DURATION", "SIZE"],
        summary: "how durations and sizes are written",
        body: &[
            Row("DURATION", "500ms 10s 5m 1h; a bare number is seconds"),
            Row(
                "SIZE",
                "bytes; k M G mean 1000, 1000², 1000³; Ki Mi Gi mean 1024, 1024², 1024³",
            ),
        ],
        examples: &[
            example("ft listen 8080 source 1M", "1,000,000 bytes"),
            example("ft connect 8080 --deadline 500ms > /dev/null", ""),
        ],
        see_also: &["--idle", "--deadline", "services"],
        manual: "units(7)",
    },
];
