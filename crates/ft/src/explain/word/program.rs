//! The services that run a program for each connection, and what such a program learns.

use crate::explain::topic::{
    Part::{Row, Text},
    Topic, example,
};

pub(crate) const TOPICS: &[Topic] = &[
    Topic {
        name: "exec",
        aliases: &["exec --", "execve"],
        summary: "a program for each connection: ft listen ADDRESS exec -- CMD ARGS",
        body: &[
            Text(
                "No shell is between, and nothing a peer sends becomes a word of the command. The \
                 program has the socket itself as stdin and stdout; --pipe and --pty change that, \
                 and so do --idle, --half-closed, --eof and --dump, for which ft moves the bytes. \
                 Over a Unix socket it has pipes: the kernel does not count the bytes there, so ft \
                 does. It inherits 0, 1 and 2 only, default signals and the old descriptor limit.",
            ),
            Row(
                "it ends",
                "so does the connection: all that it wrote arrives; what it left running in its \
                 process group gets TERM. Any other status than 0 stands in the log",
            ),
            Row(
                "half-close",
                "of the peer: an end of file on stdin; what is written later still gets back",
            ),
            Row(
                "reset",
                "also --deadline, and the end of --drain: TERM to the group, and 5 s later SIGKILL; \
                 so an answer that nobody waits for may end its program",
            ),
            Row(
                "no start",
                "the peer reads a reset. A program that is not there at all is said at once, \
                 status 1",
            ),
            Text(
                "When ft ends, no process of any group is left. When ft itself meets SIGKILL, the \
                 kernel ends each program (not a set-user-ID one); what that had started by \
                 itself is out of reach, as is always who leaves the group (setsid).",
            ),
        ],
        examples: &[
            example("ft listen 8080 exec -- tr a-z A-Z", ""),
            example("printf 'hello\\n' | ft connect 8080", "HELLO"),
        ],
        see_also: &[
            "shell",
            "environment",
            "--pipe",
            "--pty",
            "--stderr",
            "--exec",
        ],
        manual: "execve(2), setpgid(2), prctl(2) PR_SET_PDEATHSIG",
    },
    Topic {
        name: "shell",
        aliases: &["shell 'CMD'", "/bin/sh"],
        summary: "a command for each connection: ft listen ADDRESS shell 'CMD'",
        body: &[Text(
            "The same as exec -- /bin/sh -c CMD: pipes, variables and redirections work. The \
                 command is what you typed; the peer's bytes are its stdin and nothing else. \
                 Write variables in double quotes inside it.",
        )],
        examples: &[
            example("ft listen 8080 shell 'date; sort | uniq -c'", ""),
            example("ft listen 8080 shell 'echo \"$FT_SOURCE_IP\"'", ""),
        ],
        see_also: &["exec", "environment", "--pty"],
        manual: "sh(1)",
    },
    Topic {
        name: "environment",
        aliases: &["UCSPI", "TCPREMOTEIP", "FT_SOURCE_IP", "FT_CONNECTION"],
        summary: "what a program of exec or shell learns of its connection",
        body: &[
            Row("PROTO", "TCP or UNIX"),
            Row("TCPREMOTEIP", "address of the peer, with TCPREMOTEPORT"),
            Row("TCPLOCALIP", "our address, with TCPLOCALPORT"),
            Row(
                "UNIXLOCALPATH",
                "the path of our Unix socket, if it has one",
            ),
            Row(
                "UNIXREMOTEPID",
                "the process that connected to it, with UNIXREMOTEEUID, its user",
            ),
            Row(
                "FT_CONNECTION",
                "the number of the connection, as in the log",
            ),
            Row(
                "FT_SOURCE_IP",
                "who connected, with FT_SOURCE_PORT: the same words at both ends",
            ),
            Row(
                "FT_DESTINATION_IP",
                "who was called, with FT_DESTINATION_PORT",
            ),
            Row("FT_PROTOCOL", "tcp or unix"),
            Text(
                "Addresses and numbers only: nothing that a peer may choose freely. PROTO and the \
                 names with TCP and UNIX are those of UCSPI, which programs for tcpserver and s6 \
                 read. What was set for ft or an outer server is taken out: these names where they \
                 do not hold (over a Unix socket those with TCP, SOURCE and DESTINATION), \
                 TCPREMOTEHOST, TCPREMOTEINFO, TCPLOCALHOST, SSLPROTO, NOTIFY_SOCKET, \
                 LISTEN_PID, LISTEN_FDS, LISTEN_FDNAMES.",
            ),
        ],
        examples: &[example(
            "ft listen 8080 shell 'env | grep -E \"TCP|FT_\"'",
            "",
        )],
        see_also: &["exec", "shell", "five-tuple"],
        manual: "environ(7)",
    },
];
