//! Options of the active open, and of what is sent.

use crate::explain::topic::{
    Part::{Row, Text},
    Topic, example,
};

pub(crate) const TOPICS: &[Topic] = &[
    Topic {
        name: "--connect-timeout",
        aliases: &["--connect-timeout DURATION"],
        summary: "how long connect may take",
        body: &[
            Row("of", "connect, relay, bench"),
            Row("value", "DURATION (10s)"),
            Text(
                "When it is over, ft says ETIMEDOUT and the status is 1. Without it Linux would \
                 try for about two minutes. It limits each attempt of --retry by itself, and of a \
                 relay each call of a destination.",
            ),
        ],
        examples: &[example(
            "ft connect 192.0.2.1:80 --connect-timeout 2s",
            "nobody answers there",
        )],
        see_also: &["ETIMEDOUT", "SYN-SENT", "--retry", "units"],
        manual: "tcp(7) tcp_syn_retries",
    },
    Topic {
        name: "--retry",
        aliases: &["--retry N"],
        summary: "try again if connect fails",
        body: &[
            Row("of", "connect, relay, bench"),
            Row("value", "N or forever (0)"),
            Text(
                "Repeats a connect that failed, at most N times. A connection that was made is \
                 never made a second time, so no byte is sent twice. Good for a server that is \
                 still starting. A relay calls all its destinations again, while its client \
                 waits.",
            ),
        ],
        examples: &[
            example("ft connect 8080 --retry forever", "refused for now"),
            example("ft listen 8080", "in a second terminal: now it connects"),
        ],
        see_also: &["ECONNREFUSED", "--connect-timeout", "--check"],
        manual: "connect(2)",
    },
    Topic {
        name: "--source",
        aliases: &["--source ADDRESS", "source address"],
        summary: "the local address of a client",
        body: &[
            Row("of", "connect, relay, bench"),
            Row(
                "value",
                "ADDRESS[:PORT]; without it the kernel chooses both",
            ),
            Text(
                "bind is then called before connect. The address must belong to this machine. \
                 With a port, the five-tuple is complete beforehand and exists once: after a \
                 close on this side it rests in TIME-WAIT.",
            ),
        ],
        examples: &[
            example(
                "ft connect 127.0.0.1:8080 --source 127.0.0.2 -v",
                "all of 127.0.0.0/8 is ours",
            ),
            example("ft connect 127.0.0.1:8080 --source 127.0.0.1:40000", ""),
        ],
        see_also: &["bind", "ephemeral port", "EADDRNOTAVAIL", "--interface"],
        manual: "bind(2), ip(7)",
    },
    Topic {
        name: "-4",
        aliases: &["ipv4"],
        summary: "only IPv4",
        body: &[
            Row("of", "connect, listen, relay"),
            Row("connect", "only IPv4 addresses of the name are tried"),
            Row("listen", "a socket for IPv4 only"),
            Row(
                "relay",
                "both: where it listens and what it calls, if that is IP",
            ),
            Text(
                "Without -4 and -6, connect races both families, and the first that answers wins \
                 (RFC 8305); listen makes one socket for each.",
            ),
        ],
        examples: &[example("ft connect -4 localhost:8080", "127.0.0.1")],
        see_also: &["-6", "addresses", "EAI_ADDRFAMILY"],
        manual: "ip(7), RFC 8305",
    },
    Topic {
        name: "-6",
        aliases: &["ipv6"],
        summary: "only IPv6",
        body: &[
            Row("of", "connect, listen, relay"),
            Row("connect", "only IPv6 addresses of the name are tried"),
            Row("listen", "a socket for IPv6 only"),
            Row(
                "relay",
                "both: where it listens and what it calls, if that is IP",
            ),
            Text(
                "Without -4 and -6, connect races both families, and the first that answers wins \
                 (RFC 8305); listen makes one socket for each.",
            ),
        ],
        examples: &[example("ft connect -6 localhost:8080", "::1")],
        see_also: &["-4", "addresses", "EAFNOSUPPORT"],
        manual: "ipv6(7), RFC 8305",
    },
    Topic {
        name: "--interface",
        aliases: &["--interface NAME", "SO_BINDTODEVICE"],
        summary: "go through one interface only",
        body: &[
            Row("of", "connect, listen, relay"),
            Row("value", "NAME, as ip -brief address shows it"),
            Text(
                "Sets SO_BINDTODEVICE: bytes leave and arrive through that interface only, \
                 whatever the routes say. ft listen with a bare port and --interface binds every \
                 address, and only who comes through that interface can connect.",
            ),
            Text(
                "A relay listens and calls through that interface. To listen on one and call \
                 through another, leave it out: write the address to listen on, and --source.",
            ),
        ],
        examples: &[
            example("ft listen 8080 --interface lo", ""),
            example("ft connect 127.0.0.1:8080 --interface lo", ""),
        ],
        see_also: &["--source", "ENODEV", "ENETUNREACH"],
        manual: "socket(7) SO_BINDTODEVICE",
    },
    Topic {
        name: "--send-only",
        aliases: &[],
        summary: "send our input, take nothing",
        body: &[
            Row("of", "connect, listen"),
            Text(
                "What the peer sends is not written to stdout. After our input has ended and \
                 everything is acknowledged, the connection is closed.",
            ),
        ],
        examples: &[
            example("ft listen 8080 > copy", ""),
            example("ft connect 8080 --send-only < /etc/services", ""),
        ],
        see_also: &["--receive-only", "eof", "status"],
        manual: "",
    },
    Topic {
        name: "--receive-only",
        aliases: &["--recv-only"],
        summary: "take what comes, send nothing",
        body: &[
            Row("of", "connect, listen"),
            Text(
                "stdin is not read, so nothing is sent. The end comes when the peer has \
                 finished.",
            ),
        ],
        examples: &[
            example("ft listen 8080 source 1M", ""),
            example(
                "ft connect 8080 --receive-only > million",
                "exactly 1,000,000 bytes",
            ),
        ],
        see_also: &["--send-only", "eof"],
        manual: "",
    },
    Topic {
        name: "--crlf",
        aliases: &[],
        summary: "send CR LF at the end of every line",
        body: &[
            Row("of", "connect, listen"),
            Text(
                "The old text protocols (SMTP, HTTP, FTP) end a line with two bytes, 13 and 10; \
                 a terminal gives only the second. What is received stays as it is.",
            ),
        ],
        examples: &[example(
            "printf 'hello\\n' | ft connect 8080 --crlf --dump -",
            "0d 0a in the dump",
        )],
        see_also: &["--dump", "send"],
        manual: "RFC 5321 section 2.3.8",
    },
    Topic {
        name: "--check",
        aliases: &["-z"],
        summary: "only see whether somebody listens",
        body: &[
            Row("of", "connect"),
            Row(
                "value",
                "none; the port may be several: ports and ranges with commas",
            ),
            Text(
                "Connects, closes, and lets the exit status speak: 0 if every port answered, \
                 otherwise 1. stdout has a line for each that did, stderr for each that did not. \
                 No byte is sent, but the server does see a connection that ends at once.",
            ),
        ],
        examples: &[
            example("ft connect 8080 --check", ""),
            example("ft connect localhost 20-25,80 --check", "several ports"),
            example("ft connect 8080 --check --retry 10", "wait for a server"),
        ],
        see_also: &["status", "connect", "ECONNREFUSED", "--retry"],
        manual: "",
    },
    Topic {
        name: "--exec",
        aliases: &["--exec --"],
        summary: "join a program to the connection",
        body: &[
            Row("of", "connect"),
            Row(
                "value",
                "-- CMD ARGS; everything behind -- belongs to the program",
            ),
            Text(
                "The program's stdin gets what is received, and what it writes to stdout is \
                 sent. No shell is in between, so nothing that a peer sends is ever a command \
                 line. While the program lives, --half-closed does not count.",
            ),
            Text(
                "It leads a process group, to which Ctrl-C and TERM are passed on, so it cannot \
                 read the terminal. When the connection is over, the group has 5 s, then gets \
                 TERM, and 5 s later SIGKILL; at once when ft is asked to end a second time.",
            ),
        ],
        examples: &[
            example("ft listen 8080", "type some words, then Ctrl-D"),
            example(
                "ft connect 8080 --exec -- tr a-z A-Z",
                "they come back in capitals",
            ),
        ],
        see_also: &["eof", "--half-closed", "ENOENT"],
        manual: "execve(2)",
    },
];
