//! What is told, how often, and what is told of whom is too slow.

mod rig;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Stdio;
use std::thread;

use rig::{Ended, Folder, Running, ft, number, run};

/// A port at which nobody listens.
fn refusing() -> (TcpStream, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    // The client keeps its own port, and nobody listens there.
    let port = client.local_addr().unwrap().to_string();
    (client, port)
}

fn connect(words: &[&str]) -> Ended {
    let mut command = ft();
    command.arg("connect").args(words);
    Running::start(command.stdin(Stdio::null()).stdout(Stdio::null())).wait()
}

/// Lines that begin something, less what is known of it.
fn heads(ended: &Ended) -> Vec<&String> {
    let lines = ended.said.iter();
    lines.filter(|line| !line.starts_with(' ')).collect()
}

#[test]
fn tries_again_are_told_once_at_first_and_once_at_last_and_quietly_at_last_only() {
    let (_client, port) = refusing();
    let ended = connect(&[&port, "--retry", "3"]);
    assert_eq!(ended.status, 1);
    let refused = format!("ft: connect {port}: connection refused (ECONNREFUSED)");
    let heads_told = heads(&ended);
    assert_eq!(heads_told.first(), Some(&&refused));
    assert_eq!(heads_told.last(), Some(&&refused));
    let same = heads_told.iter().filter(|line| ***line == refused).count();
    assert_eq!(same, 2, "{:#?}", ended.said);
    let ended = connect(&[&port, "--retry", "3", "-q"]);
    assert_eq!(heads(&ended), [&refused]);
    assert!(ended.said.concat().contains("try: "), "{:?}", ended.said);
}

#[test]
fn an_interface_that_is_not_there_is_told_once() {
    let ended = connect(&["8080", "--interface", "nosuch0"]);
    assert_eq!(ended.status, 1);
    assert_eq!(heads(&ended).len(), 1, "{:#?}", ended.said);
}

#[test]
fn an_errno_of_stdout_can_be_looked_up() {
    let full = || std::fs::File::create("/dev/full").unwrap();
    for words in [&["demo"][..], &["explain", "28"]] {
        let mut command = ft();
        command.args(words).stdin(Stdio::null()).stdout(full());
        let ended = Running::start(&mut command).wait();
        assert_eq!(ended.status, 1);
        assert_eq!(
            ended.said,
            [
                "ft: write stdout: no space left on the device (ENOSPC)",
                "  try: ft explain ENOSPC"
            ]
        );
    }
}

#[test]
fn times_are_those_of_the_zone_or_marked() {
    let (_client, port) = refusing();
    // Minutes of the day of the first line, and what stands behind the time.
    let minutes = |zone: &str| {
        let output = run(ft().args(["connect", "-v", &port]).env("TZ", zone), b"");
        let text = String::from_utf8(output.stderr).unwrap();
        let time = text.split(' ').next().unwrap().to_owned();
        let number = |from: usize| time[from..from + 2].parse::<u32>().unwrap();
        (number(0) * 60 + number(3), time.ends_with('Z'))
    };
    let zones: &[&str] = if std::path::Path::new("/usr/share/zoneinfo/Asia/Kolkata").exists() {
        &["IST-5:30", "Asia/Kolkata"]
    } else {
        &["IST-5:30"]
    };
    for zone in zones {
        let (before, (there, marked)) = (minutes("UTC").0, minutes(zone));
        let after = minutes("UTC").0;
        let ahead = |utc: u32| (there + 1440 - utc) % 1440;
        assert!(ahead(before) >= 330 && ahead(after) <= 330, "{zone}");
        assert!(!marked);
    }
    assert!(minutes("Nowhere/At_All").1);
}

#[test]
fn who_is_too_slow_is_closed_with_its_reason() {
    let mut command = ft();
    command.args(["listen", "127.0.0.1:0", "--slow", "close", "--events"]);
    let folder = Folder::new();
    let events = folder.path("events");
    command
        .arg(&events)
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    let (mut server, address) = Running::listen_as(&mut command);
    // Nobody reads stdout; the client floods until it is reset.
    let mut client = TcpStream::connect(address).unwrap();
    while client.write(&[b'x'; 65536]).is_ok() {}
    let line = server.wait_for("was too slow");
    assert!(
        line.contains(" behind (received), so it is closed (--slow close)"),
        "{line}"
    );
    server.wait_for("closed: aborted by us");
    drop(server.child.stdout.take());
    server.wait();
    let text = std::fs::read_to_string(&events).unwrap();
    let behind = text
        .lines()
        .filter(|line| line.contains("\"event\":\"fell_behind\""));
    let behind: Vec<&str> = behind.collect();
    assert_eq!(behind.len(), 1, "{text}");
    assert!(behind[0].ends_with("\"policy\":\"close\"}"), "{behind:?}");
}

#[test]
fn what_is_dropped_is_told_now_and_then_and_in_all() {
    const SENT: usize = 64 << 20;
    let mut command = ft();
    command.args(["listen", "127.0.0.1:0", "--slow", "drop-oldest"]);
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    let start = std::time::Instant::now();
    let (mut server, address) = Running::listen_as(&mut command);
    let mut client = TcpStream::connect(address).unwrap();
    client.write_all(&vec![b'x'; SENT]).unwrap();
    drop(client);
    let mut stdout = server.child.stdout.take().unwrap();
    let reading = thread::spawn(move || {
        let mut all = Vec::new();
        stdout.read_to_end(&mut all).unwrap();
        all.len()
    });
    let closed = server.wait_for("closed: released");
    let seconds = start.elapsed().as_secs();
    let ended = server.stop();
    assert_eq!(ended.status, 0);
    let written = reading.join().unwrap();
    let total = closed
        .split(", ")
        .find(|part| part.ends_with("dropped (received)"));
    let total = total.unwrap_or_else(|| panic!("{closed}"));
    let dropped: usize = total.split(' ').next().unwrap().parse().unwrap();
    assert_eq!(dropped + written, SENT);
    let told = ended.said.iter().filter(|line| line.contains("too slow"));
    assert!(told.count() as u64 <= seconds + 1, "{:#?}", ended.said);
}

#[test]
fn a_command_of_a_later_release_asks_no_name_server() {
    let output = run(ft().args(["board", "8080"]), b"");
    assert_eq!(number(output.status), 2);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(said, "ft board: not in this release\ntry: ft --help\n");
}
