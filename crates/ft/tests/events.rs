//! The events of both ends of real connections, and the dump of their bytes.

mod rig;

#[path = "../src/explain/events.rs"]
#[allow(dead_code, reason = "the command uses the rest")]
mod schema;

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::Stdio;
use std::time::Duration;

use rig::{Folder, Running, bytes, eventually, ft, number, run};
use rustix::net::sockopt::set_socket_linger;
use serde_json::Value;

/// The events in a file, each held to the schema.
fn events(file: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    text.lines().map(valid).collect()
}

/// One line as an event with the keys that the schema wants and no others.
fn valid(line: &str) -> Value {
    assert!(line.starts_with(r#"{"v":1,"at":""#), "{line}");
    let event: Value = serde_json::from_str(line).unwrap();
    let name = event["event"].as_str().unwrap();
    let known = schema::EVENTS.iter().find(|known| known.event == name);
    let known = known.unwrap_or_else(|| panic!("no such event in the schema: {line}"));
    let keys: Vec<&str> = event
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    for key in schema::COMMON.iter().chain(known.required) {
        assert!(keys.contains(key), "{key} is missing: {line}");
    }
    for key in keys {
        let allowed = [schema::COMMON, known.required, known.optional];
        assert!(
            allowed.iter().any(|keys| keys.contains(&key)),
            "{key} in {line}"
        );
    }
    event
}

fn named<'a>(events: &'a [Value], name: &str) -> Vec<&'a Value> {
    events
        .iter()
        .filter(|event| event["event"] == name)
        .collect()
}

/// Every connection that came to be has exactly one end.
fn ends_of(events: &[Value], begin: &str) -> HashMap<u64, Value> {
    let mut ends = HashMap::new();
    for closed in named(events, "closed") {
        let connection = closed["connection"].as_u64().unwrap();
        let twice = ends.insert(connection, (*closed).clone());
        assert!(twice.is_none(), "closed twice: {closed}");
    }
    let begun = named(events, begin);
    assert_eq!(begun.len(), ends.len());
    for event in begun {
        let end = &ends[&event["connection"].as_u64().unwrap()];
        assert_eq!(event["five_tuple"], end["five_tuple"]);
        assert_eq!(event["cookie"], end["cookie"]);
    }
    ends
}

#[test]
fn both_ends_name_a_connection_with_the_same_words_and_count_the_same_bytes() {
    let folder = Folder::new();
    let (ours, theirs) = (folder.text("server"), folder.text("client"));
    let (server, address) = Running::listen(&["127.0.0.1:0", "echo", "--events", &ours]);
    let question = bytes(2, 0, 123_456);
    let port = address.port().to_string();
    let output = run(
        ft().args(["connect", &port, "--events", &theirs]),
        &question,
    );
    assert_eq!(number(output.status), 0);
    assert!(output.stdout == question);
    assert_eq!(server.stop().status, 0);
    let server = ends_of(&events(&ours), "accepted");
    let client = ends_of(&events(&theirs), "connected");
    let (server, client) = (&server[&1], &client[&1]);
    assert_eq!(server["five_tuple"], client["five_tuple"]);
    assert_eq!(server["five_tuple"]["destination_port"], address.port());
    for end in [server, client] {
        assert_eq!(end["bytes_sent"], 123_456);
        assert_eq!(end["bytes_received"], 123_456);
        assert_eq!(end["bytes_unacknowledged"], 0);
        assert_eq!(end["reason"], "released");
    }
    assert_eq!(
        (&server["first"], &client["first"]),
        (&"peer".into(), &"us".into())
    );
    let halves = named(&events(&ours), "half_closed").len();
    assert_eq!(halves, 1, "the server's own end is the close itself");
}

#[test]
fn every_connection_has_one_end_however_it_ends() {
    let folder = Folder::new();
    let file = folder.text("events");
    let words = ["127.0.0.1:0", "echo", "--events", &file, "--drain", "0"];
    let (mut server, address) = Running::listen(&words);
    for round in 0..60 {
        let mut client = TcpStream::connect(address).unwrap();
        match round % 3 {
            0 => set_socket_linger(&client, Some(Duration::ZERO)).unwrap(),
            1 => {
                client.write_all(b"x").unwrap();
                client.read_exact(&mut [0]).unwrap();
            }
            _ => {}
        }
    }
    for _ in 0..60 {
        server.wait_for("closed: ");
    }
    let stays = TcpStream::connect(address).unwrap();
    server.wait_for("accepted");
    // The file follows while the server runs.
    eventually("the last client is in the file", || {
        named(&events(&file), "accepted").len() == 61
    });
    let ended = server.stop();
    assert_eq!(ended.status, 1, "one was cut: {:#?}", ended.said.last());
    drop(stays);
    let events = events(&file);
    let ends = ends_of(&events, "accepted");
    let count = |reason: &str| ends.values().filter(|end| end["reason"] == reason).count();
    assert_eq!(
        (count("reset"), count("released"), count("aborted")),
        (20, 40, 1)
    );
    assert_eq!(named(&events, "stopped_listening").len(), 1);
    let order: Vec<_> = events.iter().take(3).map(|event| &event["event"]).collect();
    assert_eq!(order, ["socket_created", "bound", "listening"]);
}

#[test]
fn who_is_turned_away_has_an_event_of_its_own_and_no_connection() {
    let folder = Folder::new();
    let file = folder.text("events");
    let words = [
        "127.0.0.1:0",
        "echo",
        "--events",
        &file,
        "--deny",
        "127.0.0.0/8",
    ];
    let (mut server, address) = Running::listen(&words);
    // The reset may come before or after connect has returned.
    if let Ok(mut client) = TcpStream::connect(address) {
        assert!(
            client.read(&mut [0]).is_err(),
            "a reset, not an end of stream"
        );
    }
    server.wait_for("turned away");
    assert_eq!(server.stop().status, 0);
    let events = events(&file);
    assert!(ends_of(&events, "accepted").is_empty());
    let turned_away = named(&events, "turned_away");
    assert_eq!(turned_away.len(), 1);
    assert_eq!(turned_away[0]["why"], "rule");
}

#[test]
fn a_failed_call_is_an_event_with_call_and_errno() {
    let folder = Folder::new();
    let file = folder.text("events");
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = listener.local_addr().unwrap().to_string();
    let output = run(ft().args(["listen", &taken, "--events", &file]), b"");
    assert_eq!(number(output.status), 1);
    let events = events(&file);
    let failed = named(&events, "failed");
    assert_eq!(failed.len(), 1, "{events:#?}");
    assert_eq!(
        (&failed[0]["call"], &failed[0]["errno"]),
        (&"bind".into(), &"EADDRINUSE".into())
    );
}

#[test]
fn a_file_that_cannot_be_opened_or_written_is_said() {
    let output = run(
        ft().args(["listen", "0", "--events", "/nonexistent/x"]),
        b"",
    );
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(number(output.status), 1);
    assert_eq!(
        said,
        "ft: open /nonexistent/x: no such file (ENOENT)\n  \
         try: check the spelling of the path · ft explain ENOENT\n"
    );
    let (server, address) = Running::listen(&["127.0.0.1:0", "echo"]);
    let port = address.port().to_string();
    let output = run(
        ft().args(["connect", &port, "--events", "/dev/full"]),
        b"hello",
    );
    assert_eq!(
        (number(output.status), &output.stdout[..]),
        (1, &b"hello"[..])
    );
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        said.starts_with("ft: write /dev/full: no space left"),
        "{said}"
    );
    server.stop();
}

#[test]
fn the_dump_of_two_clients_at_once_has_every_byte_of_each_at_its_place() {
    let folder = Folder::new();
    let file = folder.text("events");
    let (mut server, address) = Running::listen(&["127.0.0.1:0", "echo", "--dump", &file]);
    let mut clients: Vec<_> = (0..2)
        .map(|_| TcpStream::connect(address).unwrap())
        .collect();
    for part in 0..20 {
        for (seed, client) in clients.iter_mut().enumerate() {
            client
                .write_all(&bytes(seed as u64, part * 100, 100))
                .unwrap();
            client.read_exact(&mut [0; 100]).unwrap();
        }
    }
    let ports: Vec<u16> = clients
        .iter()
        .map(|client| client.local_addr().unwrap().port())
        .collect();
    drop(clients);
    for _ in 0..2 {
        server.wait_for("closed: released");
    }
    assert_eq!(server.stop().status, 0);
    let dumped = reassemble(&std::fs::read_to_string(&file).unwrap(), address);
    for (seed, port) in ports.into_iter().enumerate() {
        for direction in ["sent", "received"] {
            let got = &dumped[&(port, direction.to_owned())];
            assert!(
                *got == bytes(seed as u64, 0, 2000),
                "{port} {direction}: {}",
                got.len()
            );
        }
    }
}

/// The bytes of a dump by the client's port and direction, out of the columns of hex.
fn reassemble(dump: &str, server: SocketAddr) -> HashMap<(u16, String), Vec<u8>> {
    let mut all: HashMap<(u16, String), Vec<u8>> = HashMap::new();
    let mut current = None;
    for line in dump.lines().filter(|line| !line.is_empty()) {
        if line.contains('→') && line.contains(&server.to_string()) {
            let direction = ["sent", "received"]
                .into_iter()
                .find(|word| line.contains(word));
            let port = line.split("127.0.0.1:").nth(1).unwrap();
            let port = port.split(' ').next().unwrap().parse().unwrap();
            current = Some((port, direction.unwrap().to_owned()));
            continue;
        }
        let hex = line.trim_start().split_once(' ').unwrap().1;
        let hex: String = hex.trim_start().chars().take(16 * 3 + 1).collect();
        let bytes = hex
            .split_whitespace()
            .map_while(|pair| u8::from_str_radix(pair, 16).ok());
        let key = current.clone().expect("a block begins with its head");
        all.entry(key).or_default().extend(bytes);
    }
    all
}

#[test]
fn events_on_stderr_stand_between_the_other_lines() {
    let mut command = ft();
    command.args(["listen", "127.0.0.1:0", "echo", "-q", "--events", "-"]);
    let mut server = Running::start(command.stdin(Stdio::null()).stdout(Stdio::null()));
    let line = server.wait_for(r#""event":"listening""#);
    assert_eq!(valid(&line)["local"]["ip"], "127.0.0.1");
    assert_eq!(server.stop().status, 0);
}
