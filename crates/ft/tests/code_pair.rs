//! The calls that `ft -v` shows, those that strace sees of the C program, and those in its text are
//! the same: in the same order, with the same arguments.

#[path = "code/mod.rs"]
mod code;
mod datagram;
mod program;
mod rig;

use std::ffi::OsString;
use std::process::{Command, Stdio};

use code::script::client::Post;
use code::source::Source;
use code::stage::Stage;
use code::tongue::tongue;
use rig::{Folder, ft, has, run};

/// The calls that make a connection possible.
const CALLS: [&str; 6] = [
    "socket",
    "setsockopt",
    "bind",
    "listen",
    "accept",
    "connect",
];

/// A call in the words of all three: without descriptors, flags and levels.
fn call(line: &str) -> Option<String> {
    let (before, rest) = line.split_once('(')?;
    let name = before.split_whitespace().last()?.trim_end_matches('4');
    let arguments = rest.rsplit_once(") ").or_else(|| rest.rsplit_once(')'))?.0;
    if !CALLS.contains(&name) {
        return None;
    }
    let mut words: Vec<&str> = arguments.split(", ").collect();
    Some(match name {
        "socket" => {
            let kind = words.get(1)?.split('|').next()?;
            let protocol = words.get(2)?.replace("IPPROTO_IP", "0");
            format!("socket {} {kind} {protocol}", words[0])
        }
        "setsockopt" => {
            words.retain(|word| !word.starts_with("SOL_") && !word.starts_with("IPPROTO_"));
            let value = words.get(2)?.trim_matches(['[', ']']);
            format!("setsockopt {} {value}", words.get(1)?)
        }
        "bind" | "connect" => format!("{name} {}", address(arguments.split_once(", ")?.1)),
        "listen" => format!("listen {}", words.get(1)?),
        _ => name.to_owned(),
    })
}

/// An address as `ft` writes it, whoever wrote it.
fn address(text: &str) -> String {
    let between = |start: &str, end: &str| {
        let rest = text.split_once(start)?.1;
        rest.split_once(end).map(|(found, _)| found.to_owned())
    };
    if let Some(path) = between("sun_path=\"", "\"") {
        return format!("unix:{path}");
    }
    let port = between("htons(", ")").unwrap_or_default();
    if let Some(ip) = between("inet_addr(\"", "\"") {
        return format!("{ip}:{port}");
    }
    match between("inet_pton(AF_INET6, \"", "\"") {
        Some(ip) => format!("[{ip}]:{port}"),
        None => text.to_owned(),
    }
}

/// The first calls up to the one that ends the preparations.
fn until<'a>(last: &str, lines: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut calls: Vec<String> = Vec::new();
    for line in lines {
        // The port is chance.
        let masked = call(line).and_then(|call| code::mask::masked(&call, false));
        calls.extend(masked);
        if calls
            .last()
            .is_some_and(|call| call.split(' ').next() == Some(last))
        {
            break;
        }
    }
    calls
}

/// The options that the text of a C program sets, in its order.
fn options_in(text: &str) -> Vec<String> {
    let set = text.lines().filter_map(|line| {
        let line = line.trim();
        let call = line.strip_prefix("set(fd, ")?.strip_suffix(");")?;
        let [_, option, value] = call.split(", ").collect::<Vec<_>>()[..] else {
            return None;
        };
        Some(format!("setsockopt {option} {value}"))
    });
    let mut options: Vec<String> = Vec::new();
    for option in set {
        if !options.contains(&option) {
            options.push(option);
        }
    }
    options
}

/// The program under strace, compiled without the sanitizers: those trace it, too.
fn traced(source: &Source) -> (Command, Folder) {
    let mut build = source.command("gcc");
    build.args(["-std=c11", "-pthread", "-o", "plain", &source.file]);
    assert!(run(&mut build, b"").status.success(), "{build:?}");
    let folder = Folder::new();
    let mut command = Command::new("strace");
    command
        .args(["-D", "-f", "-qq", "-o"])
        .arg(folder.path("calls"));
    command.args([
        "-e",
        "trace=socket,setsockopt,bind,listen,accept,accept4,connect",
    ]);
    command.arg(source.path("plain"));
    (command, folder)
}

/// What the trace of `ft` shows of a run with one client.
fn served(command: Command, addresses: usize) -> Vec<String> {
    let mut stage = Stage::begin(command, addresses);
    drop(stage.client());
    stage.closed(1);
    let lines = stage.said().to_vec();
    stage.stop();
    lines
}

fn check_server(model: &str, address: &str, addresses: usize, service: &[&str]) {
    let words = [&["listen", address], service].concat();
    let words: Vec<OsString> = words.iter().map(OsString::from).collect();
    let source = Source::of(tongue("c", model), &[], service[0], &words).expect("C has all");
    let mut command = ft();
    command.args(&words).arg("-v");
    if service[0] == "exec" {
        // What stands behind -- belongs to the program.
        command = ft();
        command.args(["-v"]).args(&words);
    }
    let shown = served(command, addresses);
    let shown = until("accept", shown.iter().map(String::as_str));
    let (command, folder) = traced(&source);
    served(command, addresses);
    let calls = std::fs::read_to_string(folder.path("calls")).expect("strace wrote it");
    let mut made = until("accept", calls.lines());
    // One that only looks whether somebody listens there does not end up as ours.
    if address.starts_with("unix:") && made.get(0..2).is_some_and(|two| two[0] == two[1]) {
        made.remove(0);
    }
    assert_eq!(
        made, shown,
        "{model} {address} {service:?}: strace of C, and ft -v"
    );
    steps(&source.text(), &["socket", "bind", "listen", "accept"]);
    if service[0] == "relay" {
        // Its text has the options of two sockets.
        return;
    }
    let mut options: Vec<String> = Vec::new();
    for call in shown
        .into_iter()
        .filter(|call| call.starts_with("setsockopt "))
    {
        // Each family has those of both.
        if !options.contains(&call) {
            options.push(call);
        }
    }
    let mut in_text = options_in(&source.text());
    // What is for IPv6 stands in the text behind a condition.
    in_text.retain(|call| addresses > 1 || !call.contains("IPV6_V6ONLY"));
    assert_eq!(
        in_text, options,
        "{model} {address} {service:?}: the text of C, and ft -v"
    );
}

/// Each step of the diagram stands in the text once, in its order.
fn steps(text: &str, names: &[&str]) {
    let numbers = [
        "socket",
        "bind",
        "listen",
        "accept",
        "established",
        "send",
        "close",
    ];
    let mut before = 0;
    for name in names {
        let number = numbers
            .iter()
            .position(|known| known == name)
            .map_or(4, |at| at + 1);
        let step = format!("// {number}. {name}:");
        assert_eq!(
            text.matches(&step).count(),
            1,
            "{step} stands in it once:\n{text}"
        );
        let at = text.find(&step).unwrap_or_default();
        assert!(
            at > before,
            "{step} is not behind the step before it:\n{text}"
        );
        before = at;
    }
}

fn check_client(model: &str, protocol: &str) {
    let post = Post::new(protocol);
    let words = ["connect", &post.address].map(OsString::from);
    let source = Source::of(tongue("c", model), &[], "client", &words).expect("C has all");
    let serve = |command: Command| code::script::client::lines(command, &post);
    let mut shown = ft();
    shown.arg("-v").args(&words).stdin(Stdio::null());
    let shown = serve(shown);
    let shown = until("connect", shown.iter().map(String::as_str));
    let (command, folder) = traced(&source);
    serve(command);
    let calls = std::fs::read_to_string(folder.path("calls")).expect("strace wrote it");
    let made = until("connect", calls.lines());
    assert_eq!(made, shown, "{model} {protocol}: strace of C, and ft -v");
    steps(&source.text(), &["socket", "connect"]);
}

/// Whether strace may trace here.
fn can_trace() -> bool {
    has("gcc") && has("strace")
}

const MODELS: [&str; 3] = ["poll", "threads", "epoll"];

#[test]
fn servers_make_the_calls_that_ft_shows() {
    if !can_trace() {
        return;
    }
    let services: [&[&str]; 11] = [
        &["echo"],
        &["discard"],
        &["chargen"],
        &["daytime"],
        &["time"],
        &["send", "file"],
        &["receive", "inbox/"],
        &["exec", "--", "cat"],
        &["hub"],
        &["relay", "127.0.0.1:9"],
        &["http"],
    ];
    for (at, service) in services.iter().enumerate() {
        let model = MODELS[at % MODELS.len()];
        check_server(model, "127.0.0.1:0", 1, service);
        check_server(model, "0", code::cell::families(), service);
        check_server(model, "unix:sock", 1, service);
    }
}

#[test]
fn clients_make_the_calls_that_ft_shows() {
    if !can_trace() {
        return;
    }
    for model in MODELS {
        check_client(model, "tcp");
        check_client(model, "unix");
    }
}
