//! Words about how a direction, a connection or a run comes to its end.

use crate::explain::topic::{
    Part::{Row, Text},
    Topic, example,
};

pub(crate) const TOPICS: &[Topic] = &[
    Topic {
        name: "eof",
        aliases: &[
            "end of stream",
            "end of file",
            "end-of-stream",
            "acknowledged",
            "lingering close",
        ],
        summary: "end of stream: recv returns 0, the peer has finished sending",
        body: &[
            Text(
                "Each direction of a connection ends on its own, with FIN. --eof says what the \
                 end of one means for the other. With half, the default:",
            ),
            Row(
                "listen",
                "our input ends: half-close after everything is sent, and go on receiving. The \
                 peer finishes: send what is ours to send (a pipe or file on stdin: to its end; \
                 a terminal: what was typed), then close. The listening socket stays.",
            ),
            Row(
                "connect",
                "our input ends: half-close after everything is sent, go on receiving, exit when \
                 the peer finishes. The peer finishes: write out what came; exit if our input \
                 has ended or is a terminal; otherwise go on sending until the input ends or a \
                 send fails (status 1). A peer that is wholly gone is noticed by probing.",
            ),
            Row(
                "each",
                "--eof each: end only when both directions have ended",
            ),
            Row(
                "full",
                "--eof full: the first end in either direction closes, after flushing",
            ),
            Text(
                "Absent stdin: a stdin that ends before its first byte (< /dev/null, an empty \
                 pipe, a service without input) counts as absent. There is no half-close until \
                 the peer has finished. An empty plain file is not absent: it is sent.",
            ),
            Text(
                "Acknowledged: before closing, ft waits up to 2 s until everything that it sent \
                 is acknowledged; bytes that are not, or a reset, make the status 1. \
                 Acknowledged means that the peer's kernel has the bytes. It does not mean that \
                 the program over there has read them, and even less that it has done something \
                 with them: only an answer of its own can say so.",
            ),
            Text(
                "Lingering close: closing with unread input would send RST and could destroy \
                 what the peer has not read yet. So ft half-closes and discards input until the \
                 peer's FIN; it gives up after 2 s of silence once everything is acknowledged, \
                 or after 30 s (timed_out).",
            ),
        ],
        examples: &[
            example("ft listen 8080 echo", ""),
            example(
                "printf hello | ft connect 8080",
                "half-close, the echo, the peer's FIN, exit 0",
            ),
            example(
                "ft connect 8080 < /dev/null",
                "absent stdin: waits for the peer",
            ),
            example(
                "ft connect 8080",
                "type, then Ctrl-D is the end of our input",
            ),
        ],
        see_also: &[
            "--eof",
            "half-close",
            "--half-closed",
            "shutdown",
            "status",
            "reasons",
        ],
        manual: "shutdown(2), recv(2), RFC 9293 section 3.6",
    },
    Topic {
        name: "half-close",
        aliases: &["half_close", "half closed", "FIN"],
        summary: "we have finished sending and still receive",
        body: &[
            Text(
                "shutdown(SHUT_WR) sends FIN behind the last byte. The peer reads everything, \
                 then recv returns 0: now it knows that the question is complete, and it can \
                 still answer. That is how a client says end of input to a server without losing \
                 the reply.",
            ),
            Text(
                "Not to be confused with half-open, where one side is gone and the other does \
                 not know.",
            ),
        ],
        examples: &[
            example("ft listen 8080 echo", ""),
            example(
                "printf hello | ft connect 8080 -v",
                "half-closed: we have finished sending, then the peer has",
            ),
        ],
        see_also: &["eof", "shutdown", "FIN-WAIT-2", "CLOSE-WAIT", "half-open"],
        manual: "shutdown(2), RFC 9293 section 3.6.1",
    },
    Topic {
        name: "half-open",
        aliases: &["dead peer"],
        summary: "one side is gone and the other does not know",
        body: &[
            Text(
                "The peer's machine lost power, or a firewall forgot the connection: no FIN, no \
                 RST. Our socket stays ESTABLISHED. Who only receives waits for ever; who sends \
                 learns it by RST (the machine is back) or by ETIMEDOUT (it is not).",
            ),
            Text(
                "Keepalive finds it: ft probes after 60 s of silence and gives up 60 s later. \
                 --idle ends silent connections whether the peer lives or not.",
            ),
        ],
        examples: &[
            example("ft listen 8080 --idle 10m", ""),
            example(
                "ss -tno state established",
                "timer:(keepalive,…): when the next probe goes",
            ),
        ],
        see_also: &["keepalive", "half-close", "ETIMEDOUT", "--idle"],
        manual: "RFC 9293 section 3.5.1, tcp(7)",
    },
    Topic {
        name: "reset",
        aliases: &["RST", "abort", "aborted"],
        summary: "RST: the connection ends at once, in both directions",
        body: &[
            Text(
                "No FIN, no waiting, no TIME-WAIT. What the peer's kernel has received can still \
                 be read there; what is unsent or unacknowledged is lost. The peer's next recv \
                 says ECONNRESET.",
            ),
            Row("reset", "RST came"),
            Row(
                "aborted",
                "we sent RST: on purpose with SO_LINGER 0 (a client turned away, a connection \
                 given up or failed), or because close found unread input",
            ),
            Row(
                "refused",
                "RST as the answer to our SYN; only connect can be refused",
            ),
            Row(
                "stray",
                "RST as the answer to a segment for a connection that does not exist (any more)",
            ),
        ],
        examples: &[
            example("ft listen 8080 --deny 127.0.0.1", "turns away by reset"),
            example("ft connect 127.0.0.1:8080", "ECONNRESET"),
        ],
        see_also: &[
            "ECONNRESET",
            "ECONNREFUSED",
            "reasons",
            "linger",
            "half-open",
        ],
        manual: "RFC 9293 section 3.5.2",
    },
    Topic {
        name: "linger",
        aliases: &["SO_LINGER"],
        summary: "the socket option that changes what close does",
        body: &[
            Row(
                "off",
                "default: close returns at once, the kernel sends what is left and then FIN",
            ),
            Row(
                "on, 0 s",
                "close discards what is unsent and sends RST: an abort. No TIME-WAIT remains.",
            ),
            Row(
                "on, n s",
                "close waits up to n s for the acknowledgement, blocking the thread even on a \
                 non-blocking socket",
            ),
            Text(
                "ft uses only the second: to turn clients away, to abort, and when a connection has \
                 failed or is given up before its close. To see that \
                 bytes arrived it waits for acknowledgement before close; see eof for the \
                 lingering close, which is not this option.",
            ),
        ],
        examples: &[
            example("ft listen 8080 --deny 127.0.0.1 -v", "the abort"),
            example("ft connect 127.0.0.1:8080", ""),
        ],
        see_also: &["close", "reset", "eof", "TIME-WAIT"],
        manual: "socket(7) SO_LINGER, tcp(7)",
    },
    Topic {
        name: "keepalive",
        aliases: &["keep-alive", "SO_KEEPALIVE"],
        summary: "probes that find out whether a silent peer is still there",
        body: &[
            Text(
                "After a time without traffic the kernel sends an empty segment that must be \
                 acknowledged. The program over there notices nothing. Without an answer to \
                 several of them the connection ends with ETIMEDOUT; if the machine has been \
                 restarted, with ECONNRESET.",
            ),
            Row(
                "ft",
                "after 60 s, every 15 s, 4 times: a dead peer is found after two minutes",
            ),
            Row(
                "Linux",
                "off; if it is switched on: after 2 h, every 75 s, 9 times",
            ),
            Text(
                "While bytes of ours wait for acknowledgement no probes are sent: then the \
                 repeats of these bytes find the dead peer. HTTP's keep-alive is something else.",
            ),
        ],
        examples: &[
            example("ft listen 8080", ""),
            example("ft connect 8080", "type nothing"),
            example("ss -tno sport = 8080", "timer:(keepalive,…)"),
        ],
        see_also: &["half-open", "ETIMEDOUT", "--idle"],
        manual: "tcp(7), socket(7), RFC 9293 section 3.8.4",
    },
    Topic {
        name: "Nagle",
        aliases: &["TCP_NODELAY", "nodelay", "delayed ack"],
        summary: "hold back small segments until the last one is acknowledged",
        body: &[
            Text(
                "Nagle's rule saves segments when a program writes byte by byte. Together with \
                 delayed acknowledgement (40 to 200 ms on Linux) it makes a program slow \
                 that writes a request in two pieces: the second waits for the acknowledgement \
                 of the first.",
            ),
            Text(
                "ft switches the rule off (TCP_NODELAY) and writes what is ready in one piece \
                 instead.",
            ),
        ],
        examples: &[example(
            "ft connect 8080 -v",
            "TCP_NODELAY among the options that are set",
        )],
        see_also: &["send", "keepalive"],
        manual: "tcp(7), RFC 9293 section 3.7.4, RFC 896",
    },
    Topic {
        name: "signals",
        aliases: &["signal", "SIGINT", "SIGTERM", "SIGUSR1", "ctrl-c"],
        summary: "what INT, TERM and USR1 do to ft",
        body: &[
            Row(
                "first",
                "INT (Ctrl-C) or TERM stops a server: what is queued is accepted, the listening \
                 sockets are closed, the connections may finish within --drain (30 s)",
            ),
            Row(
                "second",
                "now: what is left is cut; status 130 (INT) or 143 (TERM)",
            ),
            Row("USR1", "prints the counters on stderr and goes on"),
            Row(
                "PIPE",
                "never fatal: a reader that went is noticed by EPIPE",
            ),
            Text("A signal that was ignored at the start (nohup) stays ignored."),
        ],
        examples: &[
            example(
                "ft listen 8080 echo",
                "connect from elsewhere, then Ctrl-C here",
            ),
            example("kill -USR1 PID", "bytes each way, so far"),
        ],
        see_also: &["--drain", "status", "EINTR", "EPIPE"],
        manual: "signal(7)",
    },
];
