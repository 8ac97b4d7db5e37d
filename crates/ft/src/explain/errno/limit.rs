//! Errors of a machine that has run out of something.

use crate::explain::topic::{Part::Row, Topic, example};

pub(crate) const TOPICS: &[Topic] = &[
    Topic {
        name: "EMFILE",
        aliases: &["too many open files"],
        summary: "this process has no descriptor left",
        body: &[
            Row(
                "given by",
                "socket, accept, open, pipe: whatever makes a descriptor",
            ),
            Row(
                "means",
                "the soft limit RLIMIT_NOFILE is reached. The client is not refused: its \
                 connection is established and waits in the accept queue.",
            ),
            Row(
                "whose fault",
                "ours: too low a limit, or descriptors that are never closed",
            ),
            Row(
                "try",
                "a higher limit. ft raises the soft limit to the hard one, keeps a reserve, and \
                 stops accepting before it runs out (event paused); it never spins.",
            ),
        ],
        examples: &[
            example("ulimit -Hn", "the hard limit"),
            example(
                "ft listen 8080 --max-connections 1000",
                "fewer connections than descriptors",
            ),
        ],
        see_also: &["--max-connections", "--at-limit", "ENFILE", "accept"],
        manual: "accept(2), socket(2), getrlimit(2)",
    },
    Topic {
        name: "ENFILE",
        aliases: &["too many open files in system"],
        summary: "the whole machine has no open file left",
        body: &[
            Row("given by", "socket, accept, open, pipe"),
            Row(
                "means",
                "fs.file-max is reached; every program of an ordinary user suffers",
            ),
            Row("whose fault", "some process here, not necessarily ours"),
            Row(
                "try",
                "find who holds most, or raise the sysctl; ft waits and accepts again",
            ),
        ],
        examples: &[
            example("sysctl fs.file-nr", "in use, unused, limit"),
            example("ss -s", "how many of them are sockets"),
        ],
        see_also: &["EMFILE", "accept"],
        manual: "accept(2), proc_sys_fs(5)",
    },
    Topic {
        name: "ENOBUFS",
        aliases: &["no buffer space available"],
        summary: "no memory for socket buffers",
        body: &[
            Row("given by", "socket, accept, connect, send"),
            Row(
                "means",
                "often the limit for socket memory and not the memory of the machine. A TCP send \
                 that merely finds its own buffer full does not fail, it waits.",
            ),
            Row(
                "whose fault",
                "many connections with much data that nobody reads",
            ),
            Row(
                "try",
                "fewer connections, readers that read, a larger net.ipv4.tcp_mem; ft pauses \
                 accepting (event paused, why memory) and tries again",
            ),
        ],
        examples: &[
            example("sysctl net.ipv4.tcp_mem", "low, pressure, high: in pages"),
            example("ss -tm", "memory of each connection"),
        ],
        see_also: &["ENOMEM", "--max-connections", "--slow"],
        manual: "accept(2), tcp(7)",
    },
    Topic {
        name: "ENOMEM",
        aliases: &["cannot allocate memory", "out of memory"],
        summary: "the kernel has no memory for this",
        body: &[
            Row(
                "given by",
                "socket, accept, connect, setsockopt, and most other calls",
            ),
            Row(
                "means",
                "memory of the machine, of the control group, or of sockets is used up",
            ),
            Row("whose fault", "this machine's load"),
            Row(
                "try",
                "fewer connections. For accept ft pauses and tries again.",
            ),
        ],
        examples: &[
            example(
                "ft listen 8080 --max-connections 500",
                "a bound of your own",
            ),
            example("ss -tm", "memory of each connection"),
        ],
        see_also: &["ENOBUFS", "--max-connections"],
        manual: "accept(2), socket(2), cgroups(7)",
    },
    Topic {
        name: "ENOSPC",
        aliases: &["no space left on device", "disk full"],
        summary: "the disk is full",
        body: &[
            Row(
                "given by",
                "write to a file: stdout, --events, --dump; epoll_ctl, when the user watches \
                 more descriptors than fs.epoll.max_user_watches. Not by the calls of the \
                 diagram.",
            ),
            Row(
                "means",
                "the connection is healthy, but what came over it cannot be kept",
            ),
            Row("whose fault", "this machine's disk"),
            Row(
                "try",
                "make room. Data that cannot be written to stdout makes the status 1.",
            ),
        ],
        examples: &[
            example("ft listen 8080 source 1M --once", "a million bytes"),
            example("ft connect 8080 > /dev/full", "ENOSPC, status 1"),
        ],
        see_also: &["--events", "--dump", "status"],
        manual: "write(2), epoll_ctl(2), full(4)",
    },
    Topic {
        name: "EMSGSIZE",
        aliases: &["message too long"],
        summary: "the datagram is too long",
        body: &[
            Row(
                "given by",
                "send on a datagram socket: over IPv4 a UDP datagram holds at most 65,507 bytes; \
                 with path MTU discovery at most what the path carries",
            ),
            Row(
                "means",
                "nothing was sent. TCP does not give it: it cuts bytes into segments itself.",
            ),
            Row("whose fault", "ours"),
            Row("try", "smaller datagrams, or TCP"),
        ],
        examples: &[example(
            "ip route get 192.0.2.1",
            "a lowered mtu stands in this answer",
        )],
        see_also: &["send", "EDESTADDRREQ"],
        manual: "send(2), udp(7), ip(7)",
    },
];
