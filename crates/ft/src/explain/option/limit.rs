//! Options that say who may come, and how many.

use crate::explain::topic::{
    Part::{Row, Text},
    Topic, example,
};

pub(crate) const TOPICS: &[Topic] = &[
    Topic {
        name: "--backlog",
        aliases: &["--backlog N"],
        summary: "the number given to listen",
        body: &[
            Row("of", "listen, relay"),
            Row("value", "N (4096); net.core.somaxconn is the ceiling"),
            Text(
                "So many established connections may wait to be accepted (on Linux one more). It \
                 does not limit how many are served: that is --max-connections.",
            ),
        ],
        examples: &[
            example("ft listen 8080 --backlog 1", ""),
            example("ss -ltn sport = 8080", "Send-Q is 1"),
        ],
        see_also: &["backlog", "--max-connections", "listen"],
        manual: "listen(2)",
    },
    Topic {
        name: "--max-connections",
        aliases: &["--max-connections N"],
        summary: "how many connections at the same time",
        body: &[
            Row("of", "listen, relay"),
            Row(
                "value",
                "N (as many as the descriptor limit allows, less a reserve; 10000 over udp:)",
            ),
            Text(
                "The reserve is 256 descriptors or a quarter of the limit, whichever is less. \
                 What happens at the limit is the choice of --at-limit.",
            ),
        ],
        examples: &[
            example(
                "ft listen 8080 echo --max-connections 1",
                "the second client waits",
            ),
            example("ulimit -n", "the descriptor limit"),
        ],
        see_also: &["--at-limit", "--max-per-ip", "EMFILE"],
        manual: "getrlimit(2)",
    },
    Topic {
        name: "--max-per-ip",
        aliases: &["--max-per-ip N"],
        summary: "how many connections from one address",
        body: &[
            Row("of", "listen, relay"),
            Row("value", "N (no limit)"),
            Text(
                "A client beyond it is turned away: accepted, then reset. The event turned_away \
                 says per_ip_limit. All clients behind one address translation share an address.",
            ),
        ],
        examples: &[example("ft listen '*:8080' echo --max-per-ip 10", "")],
        see_also: &["--max-connections", "--deny", "events"],
        manual: "",
    },
    Topic {
        name: "--at-limit",
        aliases: &["--at-limit wait", "--at-limit refuse"],
        summary: "what happens to one client too many",
        body: &[
            Row("of", "listen, relay"),
            Row(
                "wait",
                "default: ft stops accepting; the client is connected and waits in the accept \
                 queue until somebody leaves (events paused, resumed)",
            ),
            Row(
                "refuse",
                "the client is turned away at once: accepted, then reset (event turned_away, why \
                 limit)",
            ),
            Row(
                "udp:",
                "by default the peer that is silent for longest makes place; refuse turns the \
                 new one away",
            ),
        ],
        examples: &[
            example("ft listen 8080 echo --max-connections 1", ""),
            example(
                "ft listen 8081 echo --max-connections 1 --at-limit refuse",
                "",
            ),
        ],
        see_also: &["--max-connections", "backlog", "events"],
        manual: "accept(2)",
    },
    Topic {
        name: "--allow",
        aliases: &["--allow CIDR"],
        summary: "only these clients",
        body: &[
            Row("of", "listen, relay"),
            Row(
                "value",
                "CIDR or a single address; may be given several times",
            ),
            Text(
                "With one --allow, everybody who matches none of them is turned away: accepted, \
                 then reset. --deny is looked at first.",
            ),
        ],
        examples: &[example(
            "ft listen '*:8080' --allow 192.168.0.0/16 --allow 127.0.0.1",
            "",
        )],
        see_also: &["--deny", "addresses", "reset"],
        manual: "RFC 4632",
    },
    Topic {
        name: "--deny",
        aliases: &["--deny CIDR"],
        summary: "not these clients",
        body: &[
            Row("of", "listen, relay"),
            Row(
                "value",
                "CIDR or a single address; may be given several times",
            ),
            Text(
                "A match is turned away: accepted, then reset, for TCP cannot refuse one client \
                 and hear the next. --deny wins over --allow. The event turned_away says rule.",
            ),
        ],
        examples: &[
            example("ft listen 8080 --deny 127.0.0.1", "IPv6 may still come"),
            example("ft connect 127.0.0.1:8080", "ECONNRESET"),
        ],
        see_also: &["--allow", "ECONNRESET", "events"],
        manual: "RFC 4632",
    },
    Topic {
        name: "--slow",
        aliases: &["--slow block", "--slow drop-oldest", "--slow close"],
        summary: "what happens to a client that does not read",
        body: &[
            Row("of", "listen, with the terminal service, hub and chat"),
            Row(
                "block",
                "default: nothing is thrown away. A client far behind holds back stdin, but is \
                 closed if it stays stuck while others wait; a stdout that is not read stops the \
                 reading from clients",
            ),
            Row(
                "drop-oldest",
                "the oldest bytes are thrown away, for a slow client and for a slow stdout; ft \
                 says how many",
            ),
            Row(
                "close",
                "a client too far behind is closed; so is one whose bytes find stdout full",
            ),
            Text(
                "With all three, a bounded number of bytes is kept. In a hub and a chat \
                 drop-oldest is the default: who talks fast waits half a second at most for \
                 those who read. block reads nothing from anybody while one is --max-behind, and \
                 closes one that takes nothing for 10 seconds meanwhile. A console is never \
                 closed: with close it misses the oldest.",
            ),
        ],
        examples: &[
            example("ft listen 8080 --slow block", ""),
            example("ft connect 8080 | sleep 60", "a client that does not read"),
        ],
        see_also: &["send", "--idle", "services"],
        manual: "",
    },
];
