//! Cells beyond the services: clients, options, and what fails at once.

use std::process::Command;
use std::sync::Arc;

use super::cell::{Cell, Script, cell, families, served};
use super::script::client::{self, Post};
use super::script::{Destination, Silent, fails, late_answer, no_answer, option};
use super::stage::{Stage, Transcript};
use crate::rig::quiet_port;

/// What a server does to a client of it.
type Answer = fn(Command, &Post) -> Transcript;

fn called(
    name: String,
    post: Post,
    options: &[&str],
    (program, answers): (&[&str], &[Answer]),
) -> Cell {
    let post = Arc::new(post);
    let scripts = answers.iter().map(|answer| {
        let (answer, post) = (*answer, Arc::clone(&post));
        Box::new(move |command| answer(command, &post)) as Script
    });
    let scripts = scripts.collect();
    let words = [&["connect"], options, &[&*post.address], program].concat();
    cell(name, "client", &words, scripts)
}

/// The clients of streams.
pub(crate) fn clients(protocol: &str) -> Vec<Cell> {
    const TERMINAL: [Answer; 6] = [
        client::lines,
        client::bulk,
        client::server_first,
        client::goes_on,
        client::reset,
        client::told,
    ];
    let program = [
        "--exec",
        "--",
        "sh",
        "-c",
        "read w; echo \"got $w\"; echo oops >&2; exit 3",
    ];
    let of = |name: &str, of: (&[&str], &[Answer])| {
        called(format!("{name} {protocol}"), Post::new(protocol), &[], of)
    };
    let mut answers: Vec<Answer> = TERMINAL.to_vec();
    if protocol == "unix" {
        // It knows no reset.
        answers.retain(|answer| !std::ptr::fn_addr_eq(*answer, client::reset as Answer));
    }
    vec![
        of("client", (&[], &answers)),
        of("client-exec", (&program, &[client::exec])),
    ]
}

/// The client of datagrams.
pub(crate) fn datagram_client() -> Vec<Cell> {
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").expect("a port is free");
    let address = format!("udp:{}", socket.local_addr().expect("it has one"));
    std::thread::spawn(move || {
        let mut buffer = vec![0; 65_536];
        while let Ok((count, from)) = socket.recv_from(&mut buffer) {
            let _ = socket.send_to(&buffer[..count], from);
        }
    });
    let nobody = format!("udp:127.0.0.1:{}", quiet_port());
    let script = || -> Vec<Script> { vec![Box::new(fails::fails)] };
    let words = ["connect", "--wait", "300ms"];
    vec![
        cell(
            "client udp",
            "client",
            &[&words[..], &[&*address]].concat(),
            script(),
        ),
        cell(
            "client-refused udp",
            "client",
            &[&words[..], &[&*nobody]].concat(),
            script(),
        ),
    ]
}

/// Options of servers.
pub(crate) fn options() -> Vec<Cell> {
    let here = "127.0.0.1:0";
    let of = |name: &str, words: &[&str], scripts| {
        cell(
            name,
            "echo",
            &[&["listen"], words, &["echo"]].concat(),
            scripts,
        )
    };
    let once = served(1, [option::once, option::once_reset]);
    let in_time = || served(1, [option::out_of_time]);
    let refuse = ["--max-connections", "1", "--at-limit", "refuse"];
    let both = families();
    vec![
        of("once", &[here, "--once"], once),
        of("idle", &[here, "--idle", "300ms", "--once"], in_time()),
        of(
            "deadline",
            &[here, "--deadline", "300ms", "--once"],
            in_time(),
        ),
        of(
            "idle-and-on",
            &[here, "--idle", "300ms"],
            served(1, [option::out_of_time_and_on]),
        ),
        of(
            "refuse",
            &[&[here], &refuse[..]].concat(),
            served(1, [option::refuses]),
        ),
        of(
            "queue",
            &[here, "--max-connections", "1"],
            served(1, [option::queues]),
        ),
        of(
            "drain",
            &[here, "--drain", "300ms"],
            served(1, [option::cut]),
        ),
        of("quiet", &["unix:sock", "-q"], served(0, [option::quiet])),
        of("everywhere", &["*:0"], served(both, [option::addresses])),
        of(
            "name",
            &["localhost:0", "-4"],
            served(1, [option::addresses]),
        ),
        of("inet6", &["0", "-6"], served(both - 1, [option::addresses])),
        of(
            "mode",
            &["unix:sock", "--mode", "0660"],
            served(1, [option::mode]),
        ),
        of(
            "half",
            &[here, "--eof", "each"],
            served(1, [option::once_then_stop]),
        ),
    ]
}

/// Options of clients.
pub(crate) fn client_options() -> Vec<Cell> {
    let of = |name: &str, options: &[&str], answer: Answer| {
        called(name.to_owned(), Post::new("tcp"), options, (&[], &[answer]))
    };
    vec![
        of("client-source", &["--source", "127.0.0.2"], client::lines),
        of("client-crlf", &["--crlf"], client::lines),
        of("client-idle", &["--idle", "300ms"], client::silent),
        of("client-deadline", &["--deadline", "300ms"], client::silent),
        of("client-full", &["--eof", "full"], client::server_first),
        of("client-receives", &["--receive-only"], client::server_first),
    ]
}

/// What ends before anybody is served.
pub(crate) fn failures() -> Vec<Cell> {
    let (listener, taken) = crate::rig::listener();
    let nobody = quiet_port().to_string();
    let of = |name: &str, stem: &'static str, words: &[&str]| {
        let script: Script = Box::new(fails::fails);
        cell(name, stem, words, vec![script])
    };
    let holding: Script = Box::new(move |command| {
        let _held = &listener;
        fails::fails(command)
    });
    let nowhere = format!("127.0.0.1:{nobody}");
    vec![
        cell("taken", "echo", &["listen", &taken, "echo"], vec![holding]),
        of(
            "no-program",
            "exec",
            &["listen", "127.0.0.1:0", "exec", "--", "no-such-program"],
        ),
        of(
            "no-file",
            "send",
            &["listen", "127.0.0.1:0", "send", "no-such-file"],
        ),
        of(
            "exists",
            "receive",
            &["listen", "127.0.0.1:0", "receive", "file"],
        ),
        of(
            "no-folder",
            "receive",
            &["listen", "127.0.0.1:0", "receive", "nowhere/"],
        ),
        of("not-here", "echo", &["listen", "192.0.2.1:0", "echo"]),
        of("no-name", "client", &["connect", "no-such-host.invalid:9"]),
        of("nobody", "client", &["connect", &nobody]),
        of(
            "nobody-again",
            "client",
            &["connect", "--retry", "1", &nowhere],
        ),
        of("no-path", "client", &["connect", "unix:no-such-path"]),
    ]
}

/// A relay to where nobody listens, and one that ends by a time.
pub(crate) fn lost_relay() -> Vec<Cell> {
    let nobody = format!("127.0.0.1:{}", quiet_port());
    let words = ["listen", "127.0.0.1:0", "relay", &nobody];
    let scripts = served(1, [super::script::relay_to_nobody]);
    let destination = Destination::new("tcp");
    let to = destination.address.clone();
    let in_time = [
        "listen",
        "127.0.0.1:0",
        "--once",
        "--idle=300ms",
        "relay",
        &to,
    ];
    let out_of_time: Script = Box::new(move |command| {
        let _there = &destination;
        option::relay_out_of_time(Stage::begin(command, 1))
    });
    vec![
        cell("relay-to-nobody", "relay", &words, scripts),
        cell("relay-out-of-time", "relay", &in_time, vec![out_of_time]),
    ]
}

/// Relays to where nobody answers for a while, or at all.
pub(crate) fn slow_relays() -> Vec<Cell> {
    let of = |name: &str, times: [&str; 2], script: fn(Stage, &Silent) -> Transcript| {
        let silent = Silent::new();
        let to = silent.address.clone();
        let words = ["listen", "127.0.0.1:0", times[0], times[1], "relay", &to];
        let script: Script = Box::new(move |command| {
            silent.fill();
            script(Stage::begin(command, 1), &silent)
        });
        cell(name, "relay", &words, vec![script])
    };
    vec![
        of(
            "relay-to-slow",
            ["--idle=50s", "--deadline=100s"],
            late_answer,
        ),
        of(
            "relay-to-silence",
            ["--idle=50s", "--deadline=300ms"],
            no_answer,
        ),
    ]
}
