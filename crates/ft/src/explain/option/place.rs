//! Options about where clients come from and to: sockets that were passed, files.

use crate::explain::topic::{
    Part::{Row, Text},
    Topic, example,
};

pub(crate) const TOPICS: &[Topic] = &[
    Topic {
        name: "--listen-fd",
        aliases: &[
            "--listen-fd FD",
            "socket activation",
            "systemd",
            "LISTEN_FDS",
        ],
        summary: "serve sockets that listen already",
        body: &[
            Row("of", "listen"),
            Row(
                "value",
                "a descriptor from 3 on, a name of LISTEN_FDNAMES, or all; may be repeated",
            ),
            Text(
                "Whoever starts ft has opened the port: systemd, or a shell. It stands in place \
                 of ADDRESS. A low port then needs no privilege, and a restart refuses nobody, \
                 because clients wait in the accept queue of the socket that stays open. Not for \
                 UDP, where ft opens the port itself.",
            ),
            Text(
                "With NOTIFY_SOCKET in the environment (Type=notify) ft says READY=1 when clients \
                 can come and STOPPING=1 when it drains.",
            ),
        ],
        examples: &[example(
            "ft listen --listen-fd 3 echo",
            "docs/systemd.md has a whole unit",
        )],
        see_also: &["EACCES", "--drain", "unix"],
        manual: "sd_listen_fds(3), sd_notify(3), systemd.socket(5)",
    },
    Topic {
        name: "--mode",
        aliases: &["--mode MODE"],
        summary: "who may connect to a Unix socket; of bench, what the connections do",
        body: &[
            Row(
                "bench",
                "echo (default), connect, request, send, receive, both, hold: see bench",
            ),
            Row(
                "listen",
                "three octal digits (0600); an abstract name has none",
            ),
            Text(
                "Who may write to the file may connect. The file has this mode from its first \
                 moment on, whatever the umask.",
            ),
        ],
        examples: &[example(
            "ft listen unix:/tmp/x echo --mode 0660",
            "our group, too",
        )],
        see_also: &["unix", "EACCES", "bench"],
        manual: "unix(7), chmod(1)",
    },
];
