//! What is tried in every language: a command, and what its clients do.

use std::ffi::OsString;
use std::net::{Ipv6Addr, TcpListener};
use std::process::Command;

use super::script::{self, Destination, datagram};
use super::stage::{Stage, Transcript};

/// What is done with one run of a program that is about to start.
pub(crate) type Script = Box<dyn Fn(Command) -> Transcript + Send + Sync>;

/// A command with its scripts, each of which has a run of its own.
pub(crate) struct Cell {
    /// `echo tcp`, also where a language lacks it.
    pub(crate) name: String,
    /// The file's name.
    pub(crate) stem: &'static str,
    /// What follows `ft`.
    pub(crate) words: Vec<OsString>,
    pub(crate) scripts: Vec<Script>,
}

pub(crate) fn cell(
    name: impl Into<String>,
    stem: &'static str,
    words: &[&str],
    scripts: Vec<Script>,
) -> Cell {
    Cell {
        name: name.into(),
        stem,
        words: words.iter().map(OsString::from).collect(),
        scripts,
    }
}

/// A machine without IPv6 serves IPv4 alone.
pub(crate) fn families() -> usize {
    1 + usize::from(TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_ok())
}

/// What the clients of a server do that says so often that it listens.
pub(crate) fn served<const N: usize>(
    addresses: usize,
    scripts: [fn(Stage) -> Transcript; N],
) -> Vec<Script> {
    let boxed = |script: fn(Stage) -> Transcript| -> Script {
        Box::new(move |command| script(Stage::begin(command, addresses)))
    };
    scripts.map(boxed).into()
}

/// All services over this protocol of streams.
pub(crate) fn streams(protocol: &str) -> Vec<Cell> {
    let (address, addresses) = match protocol {
        "tcp" => ("0", families()),
        _ => ("unix:sock", 1),
    };
    let of = |name: &str, stem: &'static str, words: &[&str], scripts: Vec<Script>| {
        let words = [&["listen", address], words].concat();
        cell(format!("{name} {protocol}"), stem, &words, scripts)
    };
    let plain = |stem: &'static str, script: fn(Stage) -> Transcript| {
        of(stem, stem, &[stem], served(addresses, [script]))
    };
    let echo = [script::echo, script::idle, script::twice_told];
    let program = ["exec", "--", "sh", "-c", script::PROGRAM];
    let mut receive = served(addresses, [script::receive, script::receive_broken]);
    if protocol == "unix" {
        // It knows no reset.
        receive.pop();
    }
    let many = served(addresses, [script::receive_many]);
    let terminal = served(addresses, [script::terminal, script::terminal_ended]);
    vec![
        of("echo", "echo", &["echo"], served(addresses, echo)),
        plain("discard", script::discard),
        plain("chargen", script::chargen),
        plain("daytime", script::waits),
        plain("time", script::waits),
        of(
            "send",
            "send",
            &["send", "file"],
            served(addresses, [script::send]),
        ),
        of("receive", "receive", &["receive", "got"], receive),
        of("receive-many", "receive", &["receive", "inbox/"], many),
        of("exec", "exec", &program, served(addresses, [script::exec])),
        plain("hub", script::hub),
        relay(protocol, address, addresses),
        plain("http", script::http),
        of("terminal", "terminal", &[], terminal),
    ]
}

/// The services over TCP with every bound that a server can have, none of which is reached: programs with
/// bounds take other ways.
pub(crate) fn bounded() -> Vec<Cell> {
    const BOUNDS: [&str; 6] = [
        "--backlog=70",
        "--max-connections=500",
        "--drain=40s",
        "--idle=50s",
        "--half-closed=45s",
        "--deadline=100s",
    ];
    let mut cells = streams("tcp");
    for cell in &mut cells {
        cell.name.push_str(" bounded");
        // Behind the verb.
        cell.words.splice(1..1, BOUNDS.map(OsString::from));
    }
    cells
}

fn relay(protocol: &str, address: &str, addresses: usize) -> Cell {
    let destination = Destination::new(protocol);
    let to = destination.address.clone();
    let script: Script =
        Box::new(move |command| script::relay(Stage::begin(command, addresses), &destination));
    cell(
        format!("relay {protocol}"),
        "relay",
        &["listen", address, "relay", &to],
        vec![script],
    )
}

/// All services of datagrams.
pub(crate) fn datagrams() -> Vec<Cell> {
    let of = |stem: &'static str, script: fn(Stage) -> Transcript| {
        let words = ["listen", "udp:0", stem];
        cell(
            format!("{stem} udp"),
            stem,
            &words,
            served(families(), [script]),
        )
    };
    vec![
        of("echo", datagram::echo),
        of("discard", datagram::discard),
        of("chargen", datagram::chargen),
        of("daytime", datagram::waits),
        of("time", datagram::waits),
    ]
}
