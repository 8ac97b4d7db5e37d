//! `--slow`: a stdout that nobody reads, and what that costs a client that sends a lot.

mod rig;

use std::fs::File;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::process::{ChildStdin, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rig::{Folder, Running, bytes, connect, ft};
use serde_json::Value;

/// More than the kernel holds for a connection and a pipe.
const MUCH: usize = 48 << 20;

/// The terminal service with this policy; its stdout is a pipe that is not read yet.
fn listen(words: &[&str]) -> (Running, SocketAddr, ChildStdin) {
    let mut command = ft();
    command.args(["listen", "127.0.0.1:0"]).args(words);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let (mut server, address) = Running::listen_as(&mut command);
    let stdin = server.child.stdin.take().unwrap();
    (server, address, stdin)
}

fn hears(client: &mut TcpStream, text: &[u8]) {
    let mut heard = vec![0; text.len()];
    client.read_exact(&mut heard).unwrap();
    assert_eq!(heard, text);
}

#[test]
fn with_block_a_blocked_stdout_stops_only_those_who_would_write_to_it() {
    let (mut server, address, mut stdin) = listen(&["--slow", "block"]);
    // Nobody reads stdout; one client floods until it is held back.
    let mut flood = connect(address);
    server.wait_for("accepted");
    flood.set_nonblocking(true).unwrap();
    let mut sent = 0;
    let mut idle = 0;
    while idle < 200 {
        match flood.write(&[b'f'; 65536]) {
            Ok(count) => (sent, idle) = (sent + count, 0),
            Err(_) => {
                idle += 1;
                // peer: it tries again a little later
                thread::sleep(Duration::from_millis(5));
            }
        }
    }
    // Accepting, and sending to everybody, goes on.
    let mut other = connect(address);
    server.wait_for("accepted");
    stdin.write_all(b"news\n").unwrap();
    hears(&mut other, b"news\n");
    flood.set_nonblocking(false).unwrap();
    hears(&mut flood, b"news\n");
    // When stdout is read again, nothing is lost.
    drop((stdin, flood, other));
    let mut stdout = server.child.stdout.take().unwrap();
    let mut all = vec![0; sent];
    stdout.read_exact(&mut all).unwrap();
    assert!(all.iter().all(|byte| *byte == b'f'));
    drop(stdout);
    assert_eq!(server.wait().status, 0);
}

#[test]
fn with_drop_oldest_a_blocked_stdout_holds_nobody_up_and_what_is_dropped_is_counted() {
    let folder = Folder::new();
    let file = folder.text("events");
    let (mut server, address, mut stdin) = listen(&["--slow", "drop-oldest", "--events", &file]);
    let mut flood = connect(address);
    server.wait_for("accepted");
    let sent = bytes(7, 0, MUCH);
    // Nobody reads stdout, and yet all of it is taken.
    flood.write_all(&sent).unwrap();
    flood.shutdown(Shutdown::Write).unwrap();
    stdin.write_all(b"news\n").unwrap();
    hears(&mut flood, b"news\n");
    drop(stdin);
    let mut stdout = server.child.stdout.take().unwrap();
    let reading = thread::spawn(move || {
        let mut all = Vec::new();
        stdout.read_to_end(&mut all).unwrap();
        all
    });
    server.wait_for("closed: released");
    assert_eq!(server.stop().status, 0);
    let shown = reading.join().unwrap();
    assert!(
        shown.ends_with(&sent[MUCH - 200_000..]),
        "the newest is there"
    );

    let text = std::fs::read_to_string(&file).unwrap();
    let events: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let dropped: Vec<&Value> = events
        .iter()
        .filter(|event| event["event"] == "dropped")
        .collect();
    for event in &dropped {
        assert_eq!(event["connection"], 1);
        assert_eq!(event["direction"], "received");
    }
    let bytes = dropped.iter().map(|event| event["bytes"].as_u64().unwrap());
    assert_eq!(bytes.sum::<u64>() + shown.len() as u64, MUCH as u64);
}

#[test]
fn with_close_a_blocked_stdout_costs_who_writes_the_connection_and_nobody_else() {
    let (mut server, address, mut stdin) = listen(&["--slow", "close"]);
    let mut listens = connect(address);
    server.wait_for("#1 ");
    let mut flood = connect(address);
    server.wait_for("#2 ");
    let sent = bytes(7, 0, MUCH);
    assert!(flood.write_all(&sent).is_err(), "it is cut off");
    let said = server.wait_for("#2 ");
    assert!(said.contains("so it is closed (--slow close)"), "{said}");
    let said = server.wait_for("#2 ");
    assert!(said.contains("closed: aborted by us"), "{said}");
    stdin.write_all(b"news\n").unwrap();
    hears(&mut listens, b"news\n");
    // What is shown of it is shown from its beginning and without a gap.
    drop((stdin, listens));
    let ended = server.stop();
    assert_eq!(ended.status, 0, "{:#?}", ended.said);
    assert!(!ended.stdout.is_empty() && sent.starts_with(&ended.stdout));
}

#[test]
fn who_takes_a_little_all_the_time_is_not_stuck() {
    /// When it would count as stuck.
    const STALL: Duration = Duration::from_secs(10);
    let folder = Folder::new();
    let (bulk, socket) = (folder.path("bulk"), folder.path("socket"));
    let file = File::create_new(&bulk).unwrap();
    file.set_len(64 << 20).unwrap();
    let mut command = ft();
    command
        .arg("listen")
        .arg(format!("unix:{}", socket.display()));
    command
        .stdin(File::open(&bulk).unwrap())
        .stdout(Stdio::null());
    let mut server = Running::start(&mut command);
    server.wait_for("listening on");
    // Over a Unix socket, which tells of room as soon as there is a little.
    let mut slow = UnixStream::connect(&socket).unwrap();
    slow.set_read_timeout(Some(rig::PATIENCE)).unwrap();
    slow.read_exact(&mut vec![0; 4 << 20]).unwrap();
    let _waits_for_it = UnixStream::connect(&socket).unwrap();
    let until = Instant::now() + STALL + STALL / 2;
    while Instant::now() < until {
        slow.read_exact(&mut [0; 16 * 1024]).unwrap();
        thread::sleep(Duration::from_millis(250)); // peer: 64 KiB a second
    }
}
