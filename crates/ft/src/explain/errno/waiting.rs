//! Not failures but answers: not yet, already, once more.

use crate::explain::topic::{Part::Row, Topic, example};

pub(crate) const TOPICS: &[Topic] = &[
    Topic {
        name: "EAGAIN",
        aliases: &[
            "EWOULDBLOCK",
            "resource temporarily unavailable",
            "would block",
        ],
        summary: "not now; wait until the socket is ready",
        body: &[
            Row(
                "given by",
                "accept, recv and send on a non-blocking socket; on a blocking one when \
                 SO_RCVTIMEO or SO_SNDTIMEO has passed. On Linux EWOULDBLOCK is the same number.",
            ),
            Row(
                "means",
                "accept: nobody is queued. recv: nothing has come and the peer has not finished. \
                 send: the send buffer is full because the peer does not read.",
            ),
            Row(
                "whose fault",
                "nobody's; a program that tries again in a loop wastes a processor",
            ),
            Row(
                "try",
                "wait with poll or epoll. ft does, so it is never reported.",
            ),
        ],
        examples: &[
            example("ft listen 8080 source", "sends as fast as the client reads"),
            example("ft connect 8080 | sleep 30", "nobody reads"),
            example(
                "ss -tn sport = 8080",
                "Send-Q has grown full; the server waits",
            ),
        ],
        see_also: &["send", "receive", "EINPROGRESS"],
        manual: "recv(2), send(2), accept(2), epoll(7)",
    },
    Topic {
        name: "EINPROGRESS",
        aliases: &["operation now in progress", "in progress"],
        summary: "the SYN is on its way",
        body: &[
            Row("given by", "connect on a non-blocking socket"),
            Row(
                "means",
                "the state is SYN-SENT. When the socket becomes writable, SO_ERROR tells the \
                 outcome: 0, ECONNREFUSED, ETIMEDOUT and so on.",
            ),
            Row("whose fault", "nobody's"),
            Row("try", "wait; ft does, up to --connect-timeout"),
        ],
        examples: &[example(
            "ft connect -v 127.0.0.1:9",
            "one connect, with its final result",
        )],
        see_also: &["connect", "EALREADY", "SYN-SENT"],
        manual: "connect(2)",
    },
    Topic {
        name: "EALREADY",
        aliases: &["operation already in progress"],
        summary: "a connect of this socket is under way",
        body: &[
            Row(
                "given by",
                "a second connect on a non-blocking socket in SYN-SENT",
            ),
            Row("means", "the first attempt goes on; nothing new was sent"),
            Row(
                "whose fault",
                "ours: the program should wait and ask SO_ERROR",
            ),
            Row("try", "poll for writing instead of calling connect again"),
        ],
        examples: &[example(
            "ft connect -v 127.0.0.1:9",
            "connect is called once per address",
        )],
        see_also: &["EINPROGRESS", "EISCONN"],
        manual: "connect(2)",
    },
    Topic {
        name: "EISCONN",
        aliases: &[
            "transport endpoint is already connected",
            "already connected",
        ],
        summary: "this socket has a connection, or listens",
        body: &[
            Row(
                "given by",
                "connect, on a socket that is connected already; on Linux also on a listening \
                 socket",
            ),
            Row("means", "the existing connection is untouched"),
            Row("whose fault", "ours: one socket, one connection, once"),
            Row("try", "a new socket for every connection"),
        ],
        examples: &[example(
            "ft connect -v 8080",
            "every attempt begins with socket",
        )],
        see_also: &["socket", "connect", "EALREADY", "ENOTCONN"],
        manual: "connect(2)",
    },
    Topic {
        name: "ENOTCONN",
        aliases: &["transport endpoint is not connected", "not connected"],
        summary: "this socket has no peer (any more)",
        body: &[
            Row(
                "given by",
                "recv, shutdown and getpeername, before connect, on a listening socket, or after \
                 an RST. (send says EPIPE instead on Linux.)",
            ),
            Row(
                "means",
                "the state is CLOSED or LISTEN. accept may hand over a connection that was reset \
                 in the queue: getpeername then says ENOTCONN, though accept told the address.",
            ),
            Row(
                "whose fault",
                "ours if connect was forgotten, otherwise the peer that reset",
            ),
            Row(
                "try",
                "take the peer's address from accept; receive on the socket that accept returned",
            ),
        ],
        examples: &[example(
            "ft demo",
            "which socket carries bytes, and which never does",
        )],
        see_also: &["accept", "ECONNRESET", "shutdown"],
        manual: "recv(2), shutdown(2), getpeername(2)",
    },
    Topic {
        name: "EINTR",
        aliases: &["interrupted system call"],
        summary: "a signal came while the call waited",
        body: &[
            Row(
                "given by",
                "every call that can wait: accept, connect, recv, send, poll",
            ),
            Row(
                "means",
                "nothing is wrong. Call again, with two exceptions: connect goes on by itself \
                 (wait for it, then ask SO_ERROR), and close has released the descriptor on \
                 Linux.",
            ),
            Row("whose fault", "nobody's"),
            Row("try", "ft calls again, so it is never reported"),
        ],
        examples: &[
            example("ft listen 8080", "a server"),
            example(
                "kill -USR1 PID",
                "interrupts it: it prints its counters and goes on",
            ),
        ],
        see_also: &["signals", "close"],
        manual: "signal(7), connect(2), close(2)",
    },
];
