//! Commands to type, for the long help and the manual pages.

/// A command and what it does.
pub(super) type Example = (&'static str, &'static str);

const LISTEN: &[Example] = &[
    ("ft listen 8080", "talk with who calls from here"),
    (
        "ft listen '*:8080' echo",
        "everybody gets back what they send",
    ),
    (
        "ft listen 8080 --once > copy",
        "one client's bytes into a file",
    ),
    (
        "ft listen 8080 source 1M",
        "a million bytes for each client",
    ),
    ("ft listen 8080 send big.iso", "a file for each client"),
    ("ft listen 8080 receive inbox/", "a file from each client"),
    ("ft listen 8080 http . --status", "a folder, for browsers"),
    (
        "ft listen 8080 exec -- tr a-z A-Z",
        "a program for each client",
    ),
    (
        "ft listen 0 discard --events run.jsonl",
        "any free port; JSON lines",
    ),
    (
        "ft listen '*:8080' --allow 192.168.0.0/16",
        "only from these addresses",
    ),
    ("ft listen 8080 hub", "what one sends, all others get"),
    ("ft listen '*:8080' chat", "a room to talk in"),
    ("ft listen udp:8080 echo", "each datagram comes back"),
    ("ft listen 8080 -v", "every call of the diagram"),
];

const RELAY: &[Example] = &[
    (
        "ft relay 8080 example.com:80",
        "callers of 8080 talk with example.com",
    ),
    (
        "ft relay '*:80' 8080 --allow 10.0.0.0/8",
        "a local service for a network",
    ),
    (
        "ft relay 8080 one:80,two:80",
        "two destinations, each has its turn",
    ),
    (
        "ft relay 8080 9090 --retry forever",
        "clients wait for their server",
    ),
    (
        "ft relay 8080 9090 --dump -",
        "everything that goes through, in hex",
    ),
    ("ft relay udp:8080 udp:9090", "datagrams"),
];

const CONNECT: &[Example] = &[
    ("ft connect 8080", "stdin and stdout are the data"),
    (
        "ft connect example.com 80 --crlf",
        "a text protocol by hand",
    ),
    (
        "ft connect 8080 --send-only < copy",
        "send a file, then close",
    ),
    ("ft connect 8080 --receive-only > copy", "take what comes"),
    (
        "ft connect localhost:20-25,80 --check",
        "which of these ports answer",
    ),
    (
        "ft connect 8080 --retry forever",
        "wait for a server that is starting",
    ),
    ("ft connect udp:8080", "each line is a datagram"),
    (
        "ft connect 8080 --exec -- tr a-z A-Z",
        "a program talks to the peer",
    ),
];

const BENCH: &[Example] = &[
    ("ft bench 8080", "echo: 64 connections for 10 s"),
    (
        "ft bench 8080 -c 1 -s 1k -d 1s --json",
        "one connection, for programs",
    ),
    ("ft bench 8080 --rate 10k", "latency from when each was due"),
    (
        "ft bench 8080 --find-max 'p99<1ms'",
        "the highest rate that keeps this",
    ),
    ("ft bench 8080 9090", "two servers in turns, and the ratio"),
    ("ft bench 8080 --mode receive", "bytes; also send and both"),
    (
        "ft bench 8080 --mode connect --close fin",
        "a connection for each exchange",
    ),
    ("ft bench 8080 --mode hold -c 10k", "idle connections"),
];

const CODE: &[Example] = &[
    (
        "ft code python listen 8080 echo > echo.py",
        "then: python3 echo.py",
    ),
    (
        "ft code c listen 8080 relay example.com:80",
        "one loop around poll",
    ),
    (
        "ft code rust --model tokio listen 8080 hub",
        "another model",
    ),
    (
        "ft code java --output Client.java connect 8080",
        "into a file",
    ),
    ("ft code --list", "languages, models, styles"),
];

const EXPLAIN: &[Example] = &[
    ("ft explain", "all words"),
    ("ft explain ECONNREFUSED", "an error"),
    ("ft explain TIME-WAIT", "a state"),
    ("ft explain --eof", "an option"),
];

const DEMO: &[Example] = &[("ft demo", "needs no second terminal")];

const COMPLETIONS: &[Example] = &[
    ("ft completions bash > ft.bash", "then: source ft.bash"),
    ("ft completions fish > ft.fish", "then: source ft.fish"),
];

const MAN: &[Example] = &[
    ("ft man > ft.1", "then: man ./ft.1"),
    ("ft man listen > ft-listen.1", "the page of ft listen"),
];

const ALL: &[Example] = &[
    ("ft demo", "the whole diagram, narrated"),
    ("ft listen 8080", "a server on this machine"),
    ("ft localhost 8080", "its client, in a second terminal"),
    ("ft listen 8080 echo -v", "every call shown"),
    ("ft explain ECONNREFUSED", "what an error means"),
];

/// The examples of a verb; without one, those of `ft`.
pub(super) fn examples(verb: Option<&str>) -> &'static [Example] {
    match verb {
        Some("listen") => LISTEN,
        Some("connect") => CONNECT,
        Some("relay") => RELAY,
        Some("bench") => BENCH,
        Some("code") => CODE,
        Some("explain") => EXPLAIN,
        Some("demo") => DEMO,
        Some("completions") => COMPLETIONS,
        Some("man") => MAN,
        _ => ALL,
    }
}

/// The block at the end of the long help.
pub(super) fn block(verb: Option<&str>) -> String {
    let examples = examples(verb);
    let width = examples.iter().map(|(command, _)| command.len()).max();
    let width = width.unwrap_or_default();
    let lines = examples
        .iter()
        .map(|(command, what)| format!("\n  {command:width$}  {what}"));
    format!("EXAMPLES{}", lines.collect::<String>())
}
