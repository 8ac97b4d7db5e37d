//! Errors of a program that calls in the wrong order or with the wrong thing.

use crate::explain::topic::{Part::Row, Topic, example};

pub(crate) const TOPICS: &[Topic] = &[
    Topic {
        name: "EBADF",
        aliases: &["bad file descriptor"],
        summary: "this number is not an open descriptor",
        body: &[
            Row("given by", "every call that takes a descriptor"),
            Row(
                "means",
                "it was closed already, or never opened. Worse is the case without an error: the \
                 number was given out again, and bytes go to a stranger.",
            ),
            Row(
                "whose fault",
                "ours: closed twice, or closed by another thread",
            ),
            Row(
                "try",
                "one owner for each descriptor. With stdin or stdout closed at start, ft uses \
                 /dev/null in their place.",
            ),
        ],
        examples: &[example(
            "ft connect 8080 <&-",
            "stdin closed: it counts as ended",
        )],
        see_also: &["close", "ENOTSOCK"],
        manual: "close(2), errno(3)",
    },
    Topic {
        name: "ENOTSOCK",
        aliases: &["socket operation on non-socket"],
        summary: "the descriptor is open, but it is a file, a pipe or a terminal",
        body: &[
            Row(
                "given by",
                "all socket calls: bind, listen, accept, connect, send, recv, shutdown",
            ),
            Row("means", "nothing was sent"),
            Row(
                "whose fault",
                "ours: often a descriptor that was closed and whose number a file has now",
            ),
            Row("try", "read and write work on both files and sockets"),
        ],
        examples: &[example(
            "ft listen 8080 -v",
            "socket, bind and listen on one descriptor",
        )],
        see_also: &["socket", "EBADF"],
        manual: "bind(2), send(2)",
    },
    Topic {
        name: "EINVAL",
        aliases: &["invalid argument"],
        summary: "the argument, or the moment, does not fit",
        body: &[
            Row(
                "given by",
                "bind, on a socket that is bound; listen, on one that is connected; accept, on \
                 one that does not listen; shutdown, for an unknown how; a wrong address length",
            ),
            Row("means", "nothing was sent; the socket is as it was"),
            Row("whose fault", "ours: the steps are in the wrong order"),
            Row(
                "try",
                "the order of the diagram: socket, bind, listen, accept, or socket, connect",
            ),
        ],
        examples: &[example("ft demo", "every step in its place")],
        see_also: &["socket", "bind", "listen", "accept"],
        manual: "bind(2), listen(2), accept(2), shutdown(2)",
    },
    Topic {
        name: "EFAULT",
        aliases: &["bad address"],
        summary: "a pointer points outside the program's memory",
        body: &[
            Row(
                "given by",
                "every call that reads or writes memory of the caller",
            ),
            Row("means", "it has nothing to do with IP addresses"),
            Row("whose fault", "ours: a bug"),
            Row("try", "a debugger. In safe Rust it does not happen."),
        ],
        examples: &[],
        see_also: &["EINVAL"],
        manual: "errno(3)",
    },
    Topic {
        name: "EDESTADDRREQ",
        aliases: &["destination address required"],
        summary: "a datagram without a destination",
        body: &[
            Row(
                "given by",
                "send on a datagram socket that has not been connected; write likewise",
            ),
            Row(
                "means",
                "nothing was sent. An unconnected TCP socket says EPIPE instead.",
            ),
            Row("whose fault", "ours"),
            Row(
                "try",
                "sendto with an address, or connect first: it gives a datagram socket a default \
                 destination and sends nothing",
            ),
        ],
        examples: &[example(
            "ft explain connect",
            "what connect means for datagrams",
        )],
        see_also: &["connect", "send", "ENOTCONN"],
        manual: "send(2), udp(7)",
    },
    Topic {
        name: "EOPNOTSUPP",
        aliases: &["ENOTSUP", "operation not supported"],
        summary: "this kind of socket cannot do that",
        body: &[
            Row(
                "given by",
                "listen and accept on a UDP socket; send and recv with a flag that the protocol \
                 lacks; connect, when a router answers ICMP source route failed",
            ),
            Row(
                "means",
                "only a connection-oriented socket (SOCK_STREAM, SOCK_SEQPACKET) can listen",
            ),
            Row("whose fault", "ours: wrong type of socket"),
            Row(
                "try",
                "SOCK_STREAM for listen and accept; UDP is bound and receives at once",
            ),
        ],
        examples: &[example(
            "ft listen 8080 -v",
            "the type that socket was asked for",
        )],
        see_also: &["socket", "listen", "EPROTONOSUPPORT"],
        manual: "listen(2), accept(2), send(2)",
    },
    Topic {
        name: "EPROTONOSUPPORT",
        aliases: &["protocol not supported"],
        summary: "this family and type have no such protocol",
        body: &[
            Row(
                "given by",
                "socket, for example SOCK_STREAM with IPPROTO_UDP, or a protocol whose kernel \
                 module is not there",
            ),
            Row("means", "nothing was made"),
            Row("whose fault", "ours, or a kernel built without it"),
            Row("try", "protocol 0: the usual one for the type"),
        ],
        examples: &[example("ft connect -v 8080", "family and type of socket")],
        see_also: &["socket", "EAFNOSUPPORT"],
        manual: "socket(2), protocols(5)",
    },
    Topic {
        name: "ENOPROTOOPT",
        aliases: &["protocol not available"],
        summary: "this kernel does not know the socket option",
        body: &[
            Row(
                "given by",
                "setsockopt and getsockopt, for an option unknown at that level; connect and \
                 send, when ICMP protocol unreachable came",
            ),
            Row("means", "the socket works, but without that option"),
            Row(
                "whose fault",
                "an old kernel, or a TCP option on a socket that is not TCP",
            ),
            Row("try", "go on without the option, if it was only for speed"),
        ],
        examples: &[example("ft listen 8080 -v", "every option as it is set")],
        see_also: &["socket", "keepalive", "Nagle"],
        manual: "setsockopt(2), tcp(7), ip(7)",
    },
    Topic {
        name: "ESHUTDOWN",
        aliases: &["cannot send after transport endpoint shutdown"],
        summary: "sent after our own shutdown",
        body: &[
            Row(
                "given by",
                "protocols other than TCP, such as SCTP; for TCP Linux says EPIPE in this case",
            ),
            Row(
                "means",
                "our direction has ended with FIN and cannot be opened again",
            ),
            Row("whose fault", "ours"),
            Row("try", "send first, then half-close"),
        ],
        examples: &[example("ft explain shutdown", "the half-close")],
        see_also: &["EPIPE", "shutdown", "half-close"],
        manual: "shutdown(2), sctp(7)",
    },
    Topic {
        name: "EIO",
        aliases: &["input/output error"],
        summary: "a device failed, seldom a socket",
        body: &[
            Row(
                "given by",
                "read and write of a terminal or a disk: a background process that reads the \
                 terminal while it ignores SIGTTIN, a terminal that is gone, a broken disk",
            ),
            Row("means", "stdin or stdout is broken, not the connection"),
            Row("whose fault", "this machine's, or the terminal's"),
            Row(
                "try",
                "stdin and stdout from a file or a pipe; a stdin that cannot be read counts as \
                 ended",
            ),
        ],
        examples: &[example(
            "ft listen 8080 discard < /dev/null",
            "needs no terminal",
        )],
        see_also: &["eof", "ENOSPC"],
        manual: "read(2), write(2)",
    },
    Topic {
        name: "ENOENT",
        aliases: &["no such file or directory"],
        summary: "the path does not exist",
        body: &[
            Row(
                "given by",
                "open, for the file of --events or --dump in a directory that is not there; \
                 exec, for a program that is not in PATH",
            ),
            Row("means", "nothing was sent"),
            Row("whose fault", "ours: the path"),
            Row("try", "make the directory; give the program's full path"),
        ],
        examples: &[
            example(
                "ft listen 8080 --events nosuch/events.jsonl",
                "the directory is missing",
            ),
            example(
                "ft connect 8080 --exec -- nosuch-program",
                "the program is missing",
            ),
        ],
        see_also: &["exec", "--exec", "--events", "EISDIR", "EACCES"],
        manual: "open(2), execve(2)",
    },
    Topic {
        name: "EISDIR",
        aliases: &["is a directory"],
        summary: "a directory where a file is needed",
        body: &[
            Row(
                "given by",
                "open for writing: --events and --dump; read, when stdin is a directory",
            ),
            Row("means", "nothing was sent"),
            Row("whose fault", "ours: the path"),
            Row("try", "a file name behind the directory"),
        ],
        examples: &[
            example("ft listen 8080 --events /tmp", "EISDIR"),
            example("ft listen 8080 --events /tmp/ft.jsonl", ""),
        ],
        see_also: &["--events", "--dump", "ENOENT"],
        manual: "open(2), read(2)",
    },
];
