//! The steps of the diagram: what each call does, its prototype, and how `-v` shows it.

use super::topic::{
    Part::{Fixed, Row},
    Topic, example,
};

pub(crate) const TOPICS: &[Topic] = &[
    Topic {
        name: "socket",
        aliases: &["socket()", "socket step", "sockets"],
        summary: "step 1: an empty endpoint, a phone not yet connected to anything",
        body: &[
            Fixed("int socket(int domain, int type, int protocol);"),
            Row(
                "does",
                "gives a descriptor that has no name and no peer yet. Both sides begin with it.",
            ),
            Row(
                "ft asks for",
                "AF_INET or AF_INET6, SOCK_STREAM with SOCK_CLOEXEC; one socket per family",
            ),
            Row(
                "then sets",
                "SO_REUSEADDR (server), TCP_NODELAY, SO_KEEPALIVE, SO_OOBINLINE; IPV6_V6ONLY on \
                 every IPv6 socket",
            ),
            Row(
                "-v shows",
                "time, arguments, result: the descriptor or the errno; the event socket_created",
            ),
            Row(
                "fails with",
                "EMFILE, ENFILE, EAFNOSUPPORT, ENOBUFS, ENOMEM, EACCES",
            ),
        ],
        examples: &[
            example("ft listen 0 -v", "the first lines"),
            example("ft demo", "all steps, narrated"),
        ],
        see_also: &["bind", "connect", "EMFILE", "keepalive", "Nagle"],
        manual: "socket(2), socket(7), tcp(7)",
    },
    Topic {
        name: "bind",
        aliases: &["bind()"],
        summary: "step 2: the endpoint gets an address and a port",
        body: &[
            Fixed("int bind(int sockfd, const struct sockaddr *addr, socklen_t addrlen);"),
            Row(
                "does",
                "from now on, what arrives for that port is delivered to this socket. Port 0 \
                 asks the system for a free one. The wildcard address (0.0.0.0, ::) stands for \
                 all interfaces.",
            ),
            Row("server", "always: clients must know where to call"),
            Row(
                "client",
                "implicit in connect; only --source makes it a call of its own",
            ),
            Row(
                "-v shows",
                "the address that was asked for, and the one that was given; the event bound",
            ),
            Row(
                "fails with",
                "EADDRINUSE, EACCES, EADDRNOTAVAIL, EINVAL (bound already), ENODEV",
            ),
        ],
        examples: &[
            example("ft listen 0 -v", "the system chooses; the line says what"),
            example(
                "ft connect 8080 --source 127.0.0.2 -v",
                "a client that binds",
            ),
        ],
        see_also: &[
            "listen",
            "port",
            "addresses",
            "ephemeral port",
            "--source",
            "EADDRINUSE",
        ],
        manual: "bind(2), ip(7), ipv6(7)",
    },
    Topic {
        name: "listen",
        aliases: &["listen()", "listening socket", "passive open"],
        summary: "step 3: passive; the socket waits and never carries data",
        body: &[
            Fixed("int listen(int sockfd, int backlog);"),
            Row(
                "does",
                "the state becomes LISTEN. The kernel now completes handshakes by itself and \
                 puts the connections into the accept queue, until the program takes them.",
            ),
            Row(
                "backlog",
                "how many may wait; ft asks for 4096, net.core.somaxconn caps it",
            ),
            Row(
                "stays",
                "the listening socket outlives all its clients; only stopping the server closes \
                 it",
            ),
            Row(
                "-v shows",
                "the backlog; always: listening on 127.0.0.1:8080 tcp",
            ),
            Row(
                "fails with",
                "EADDRINUSE, EOPNOTSUPP (not a connection-oriented socket), EINVAL",
            ),
        ],
        examples: &[
            example("ft listen 8080", "127.0.0.1 and ::1"),
            example(
                "ss -ltn sport = 8080",
                "Recv-Q: waiting now, Send-Q: the backlog",
            ),
        ],
        see_also: &["LISTEN", "backlog", "accept", "--backlog", "loopback"],
        manual: "listen(2), RFC 9293 section 3.9.1",
    },
    Topic {
        name: "accept",
        aliases: &["accept()", "accept4"],
        summary: "step 4, server: one new socket for one client",
        body: &[
            Fixed("int accept4(int sockfd, struct sockaddr *addr, socklen_t *addrlen,"),
            Fixed("            int flags);"),
            Row(
                "does",
                "takes the oldest connection out of the accept queue. It has a descriptor of its \
                 own, the same local port and its own five-tuple; the listening socket goes on \
                 listening, so many clients share one port.",
            ),
            Row(
                "-v shows",
                "the new descriptor and the five-tuple; the event accepted",
            ),
            Row(
                "fails with",
                "EMFILE and ENFILE (the client waits), ECONNABORTED, EPROTO and other errors of \
                 that one client. None of them ends the server.",
            ),
        ],
        examples: &[
            example("ft listen 8080 echo -v", ""),
            example(
                "ft connect 8080",
                "from two terminals: two five-tuples, one port",
            ),
        ],
        see_also: &[
            "listen",
            "backlog",
            "five-tuple",
            "EMFILE",
            "--max-connections",
        ],
        manual: "accept(2), RFC 9293 section 3.9.1",
    },
    Topic {
        name: "connect",
        aliases: &["connect()", "active open"],
        summary: "step 4, client: the active open",
        body: &[
            Fixed("int connect(int sockfd, const struct sockaddr *addr, socklen_t addrlen);"),
            Row(
                "does",
                "binds an ephemeral port if there is none, sends SYN and waits for the answer. \
                 It succeeds when the peer's kernel answers, even before its program calls \
                 accept.",
            ),
            Row(
                "many",
                "a name with several addresses: ft starts the next attempt before the first has \
                 failed, and keeps the winner (RFC 8305)",
            ),
            Row(
                "datagrams",
                "on a UDP socket connect sends nothing; it only sets the destination",
            ),
            Row(
                "-v shows",
                "address, time it took, result; the event connected",
            ),
            Row(
                "fails with",
                "ECONNREFUSED, ETIMEDOUT, EHOSTUNREACH, ENETUNREACH, EADDRNOTAVAIL",
            ),
        ],
        examples: &[
            example("ft connect localhost:8080 -v", "both families are tried"),
            example(
                "ft connect 8080 --check",
                "connect, close, and the status says it",
            ),
        ],
        see_also: &[
            "SYN-SENT",
            "ephemeral port",
            "--connect-timeout",
            "ECONNREFUSED",
        ],
        manual: "connect(2), RFC 9293 section 3.5, RFC 8305",
    },
    Topic {
        name: "send",
        aliases: &["send()", "write", "sendmsg"],
        summary: "step 6: bytes to the peer",
        body: &[
            Fixed("ssize_t send(int sockfd, const void *buf, size_t len, int flags);"),
            Row(
                "does",
                "copies bytes into the send buffer and returns how many it took, perhaps fewer \
                 than offered. It does not wait until they arrive: sent means handed to the \
                 kernel.",
            ),
            Row(
                "full",
                "when the peer does not read, the buffers fill and send waits; ft then stops \
                 reading what it would send",
            ),
            Row(
                "-v shows",
                "every call: how many bytes were offered, and the result; --dump shows the bytes",
            ),
            Row("fails with", "ECONNRESET, EPIPE, ETIMEDOUT"),
        ],
        examples: &[
            example("printf 'hello\\n' | ft connect 8080", ""),
            example(
                "ft connect 8080 --dump -",
                "what you type, as hex and text, on stderr",
            ),
        ],
        see_also: &["receive", "eof", "EPIPE", "--dump", "Nagle"],
        manual: "send(2), tcp(7)",
    },
    Topic {
        name: "receive",
        aliases: &["recv", "recv()", "read"],
        summary: "step 6: bytes from the peer",
        body: &[
            Fixed("ssize_t recv(int sockfd, void *buf, size_t len, int flags);"),
            Row(
                "does",
                "returns what has come, at least one byte. TCP keeps the order of bytes, not the \
                 borders of sends: two sends may come as one, one as several.",
            ),
            Row(
                "returns 0",
                "end of stream: the peer has finished sending (its FIN came). Not an error.",
            ),
            Row(
                "-v shows",
                "every call: how many bytes there was room for, and the result; --dump shows the \
                 bytes",
            ),
            Row(
                "fails with",
                "ECONNRESET, ETIMEDOUT, ENOTCONN; EAGAIN when it should wait",
            ),
        ],
        examples: &[
            example("ft listen 8080 chargen", ""),
            example(
                "ft connect 8080 --receive-only | head -n 3",
                "three lines, then a quiet end",
            ),
        ],
        see_also: &["send", "eof", "half-close", "ECONNRESET", "--dump"],
        manual: "recv(2), tcp(7)",
    },
    Topic {
        name: "shutdown",
        aliases: &["shutdown()", "SHUT_WR"],
        summary: "step 6 to 7: half-close, our direction ends",
        body: &[
            Fixed("int shutdown(int sockfd, int how);   /* how: SHUT_WR */"),
            Row(
                "does",
                "sends FIN after everything that was sent. The peer's recv returns 0. We still \
                 receive. The descriptor stays open; only close releases it.",
            ),
            Row(
                "when",
                "our input has ended, and --send-only or --receive-only does not say otherwise",
            ),
            Row(
                "state",
                "ESTABLISHED becomes FIN-WAIT-1, CLOSE-WAIT becomes LAST-ACK",
            ),
            Row(
                "-v shows",
                "the call and the five-tuple; the event half_closed, by us or by peer",
            ),
            Row("fails with", "ENOTCONN"),
        ],
        examples: &[
            example("ft listen 8080 echo -v", ""),
            example(
                "printf hello | ft connect 8080 -v",
                "shutdown, then the echo still comes",
            ),
        ],
        see_also: &["half-close", "eof", "close", "FIN-WAIT-1", "EPIPE"],
        manual: "shutdown(2), RFC 9293 section 3.6.1",
    },
    Topic {
        name: "close",
        aliases: &["close()"],
        summary: "step 7: the socket is released",
        body: &[
            Fixed("int close(int fd);"),
            Row(
                "does",
                "gives the descriptor back. If it was the last one, FIN goes out after what is \
                 still unsent. If received bytes lie unread, RST goes out instead, and the peer \
                 may lose what it had not read.",
            ),
            Row(
                "so ft",
                "half-closes first and discards input until the peer's FIN, 2 s of silence, or \
                 30 s",
            ),
            Row(
                "stays",
                "the listening socket is still there for the next client",
            ),
            Row(
                "-v shows",
                "the call and the five-tuple; the event closed, with reason and counts",
            ),
        ],
        examples: &[
            example("ft listen 8080 --once -v", "one client, then the end"),
            example("printf hello | ft connect 8080 -v", ""),
        ],
        see_also: &["shutdown", "linger", "reasons", "TIME-WAIT", "reset"],
        manual: "close(2), socket(7) SO_LINGER, RFC 9293 section 3.6",
    },
];
