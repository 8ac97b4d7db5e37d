//! `ft bench` against our own servers and against bad ones: it ends on time, counts what failed
//! by kind, and its status tells.

mod rig;

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixListener;
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use rig::{
    Folder, PATIENCE, Running, can_make_namespaces, eventually, ft, has, namespaces, quiet_port,
    run,
};
use rustix::process::Signal;
use serde_json::Value;

/// Against a bad server the end must have come by now. The time of a run, of a connect and of a
/// reply are 0.8 s together: this is near twenty times as long, so that no slow machine is taken
/// for a wait that nothing ends.
const ON_TIME: Duration = Duration::from_secs(15);

const MODES: [&str; 7] = [
    "echo", "connect", "request", "send", "receive", "both", "hold",
];

/// Who waits for what never comes waits no longer than this.
const HASTY: [&str; 4] = ["--reply-timeout", "300ms", "--connect-timeout", "300ms"];

/// `ft bench` with these words; a server that answers has all the time that it needs.
fn bench(address: &str, words: &[&str]) -> Command {
    let mut command = ft();
    command.args(["bench", address]).args(words);
    for (option, value) in [("-d", "200ms"), ("-c", "4"), ("--reply-timeout", "20s")] {
        if !words.contains(&option) {
            command.args([option, value]);
        }
    }
    command
}

/// Its status and the object on stdout.
fn json(address: impl std::fmt::Display, words: &[&str]) -> (i32, Value) {
    let output = run(bench(&address.to_string(), words).arg("--json"), b"");
    let text = String::from_utf8(output.stdout).unwrap();
    let value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text:?}"));
    (rig::number(output.status), value)
}

/// The same against a bad server.
fn on_time(address: impl std::fmt::Display, words: &[&str]) -> (i32, Value) {
    let begin = Instant::now();
    let (status, value) = json(address, &[words, &HASTY].concat());
    let took = begin.elapsed();
    assert!(took < ON_TIME, "{words:?} {took:?} {value}");
    (status, value)
}

/// The words for a mode. A request is as long as the messages of an echo, and so is its reply.
struct Modes {
    _folder: Folder,
    file: String,
}

impl Modes {
    fn new() -> Self {
        let folder = Folder::new();
        let file = folder.path("request");
        std::fs::write(&file, [b'?'; 64]).unwrap();
        let file = file.to_str().unwrap().to_owned();
        Self {
            _folder: folder,
            file,
        }
    }

    fn words<'a>(&'a self, mode: &'a str) -> Vec<&'a str> {
        let mut words = vec!["--mode", mode];
        if mode == "request" {
            words.extend(["--message", &self.file, "--reply-bytes", "64"]);
        }
        words
    }
}

fn number(value: &Value) -> u64 {
    value
        .as_u64()
        .unwrap_or_else(|| panic!("{value} is no number"))
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A bad server: what it does with each client, on a thread of the client's own.
fn peer(serve: impl Fn(TcpStream) + Send + Clone + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let serve = serve.clone();
            thread::spawn(move || serve(client));
        }
    });
    address
}

/// A bad server that waits until four clients are there, and then does this to each of them and to
/// those that come later. Before, it could be done to a client whose connect is not over.
fn peer_of_four(end: impl Fn(TcpStream) + Send + Clone + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        let mut clients = listener.incoming().flatten();
        let first: Vec<TcpStream> = clients.by_ref().take(4).collect();
        for client in first.into_iter().chain(clients) {
            let end = end.clone();
            thread::spawn(move || end(client));
        }
    });
    address
}

/// Sockets that have sent a SYN to this port and wait for the answer.
fn connects_out(port: u16) -> usize {
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let peer = format!(":{port:04X}");
    let is_out = |line: &&str| {
        let mut fields = line.split_whitespace().skip(2);
        fields.next().is_some_and(|name| name.ends_with(&peer)) && fields.next() == Some("02")
    };
    table.lines().filter(is_out).count()
}

/// A socket on which nobody accepts, with room for so many connections; the SYN of others is not
/// answered.
fn black_hole(room: i32) -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    rustix::net::listen(&listener, room - 1).unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

fn reset(client: TcpStream) {
    rustix::net::sockopt::set_socket_linger(&client, Some(Duration::ZERO)).unwrap();
    drop(client);
}

/// Reads once, and says whether something came.
fn reads(client: &mut TcpStream) -> Option<Vec<u8>> {
    let mut buffer = [0; 65_536];
    match client.read(&mut buffer) {
        Ok(count @ 1..) => Some(buffer[..count].to_vec()),
        _ => None,
    }
}

#[test]
fn every_mode_is_verified_against_our_own_servers() {
    for (service, words, moved) in [
        ("echo", &["--mode", "echo"][..], "messages"),
        ("echo", &["--pipeline", "8", "-s", "100"], "messages"),
        ("echo", &["--rate", "500"], "messages"),
        ("echo", &["--mode", "connect"], "messages"),
        ("echo", &["--mode", "connect", "--close", "fin"], "messages"),
        ("echo", &["--mode", "connect", "-s", "0"], "messages"),
        ("echo", &["--warm-up", "50ms"], "messages"),
        ("echo", &["--mode", "hold"], "messages"),
        ("discard", &["--mode", "send"], "bytes_sent"),
        ("source", &["--mode", "receive"], "bytes_received"),
        ("source", &["--mode", "both"], "bytes_sent"),
        ("discard", &["--mode", "hold"], "alive"),
    ] {
        let (_server, address) = Running::listen(&["127.0.0.1:0", service]);
        let (status, value) = json(address, words);
        let result = &value["results"][0];
        assert_eq!(status, 0, "{words:?} {value}");
        assert_eq!(number(&result["failures"]["total"]), 0, "{words:?} {value}");
        assert!(number(&result[moved]) > 0, "{words:?} {value}");
        assert_eq!(result["peer"], address.to_string());
        assert_eq!(value["interrupted"], false);
    }
}

#[test]
fn the_table_has_what_was_measured() {
    let (_server, address) = Running::listen(&["127.0.0.1:0", "echo"]);
    let output = run(&mut bench(&address.to_string(), &[]), b"");
    let said = text(&output);
    let head = format!("{address}: echo, 4 connections, 64 B messages, ");
    assert!(said.starts_with(&head), "{said}");
    for name in [
        "messages",
        "sent",
        "received",
        "latency",
        "p50",
        "p90",
        "p99",
        "p99.9",
        "p99.99",
        "max",
        "each connection",
        "failures",
        "retransmissions",
        "our processor",
    ] {
        let begins = |line: &str| line.trim_start().starts_with(&format!("{name} "));
        assert!(said.lines().any(begins), "{name}: {said}");
    }
    assert!(said.contains("  failures         none\n"), "{said}");
    assert!(said.contains('█'), "{said}");
    assert!(
        output.stderr.is_empty(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn what_a_mode_does_not_know_is_null_and_how_it_closes_is_said() {
    let modes = Modes::new();
    let (_echo, echo) = Running::listen(&["127.0.0.1:0", "echo"]);
    let (_source, source) = Running::listen(&["127.0.0.1:0", "source"]);
    let asks = ["--message", &modes.file, "--reply-bytes", "64"];
    let (none, one, size) = (Value::Null, Value::from(1), Value::from(64));
    for (mode, words, expected) in [
        ("echo", &[][..], [&size, &one, &none]),
        ("request", &[], [&none, &one, &none]),
        ("connect", &[], [&size, &none, &"RST".into()]),
        ("connect", &asks, [&none, &none, &"RST".into()]),
        (
            "connect",
            &["--close", "fin"],
            [&size, &none, &"FIN".into()],
        ),
        ("receive", &[], [&none, &none, &none]),
        ("both", &["-s", "64"], [&size, &none, &none]),
        ("hold", &[], [&size, &none, &none]),
    ] {
        let address = if ["receive", "both"].contains(&mode) {
            source
        } else {
            echo
        };
        let words = [&modes.words(mode)[..], words].concat();
        let (status, value) = json(address, &words);
        assert_eq!(status, 0, "{value}");
        let found = ["size", "pipeline", "closed_by"].map(|name| &value[name]);
        assert_eq!(found, expected, "{words:?} {value}");
        let said = text(&run(&mut bench(&address.to_string(), &words), b""));
        let head = said.lines().next().unwrap();
        let closed_by = expected[2].as_str();
        assert_eq!(head.contains("closed by"), closed_by.is_some(), "{said}");
        if let Some(segment) = closed_by {
            assert!(head.contains(&format!(", closed by {segment}, ")), "{said}");
        }
    }
}

#[test]
fn a_generator_that_has_nothing_to_do_is_not_the_limit() {
    let (_server, address) = Running::listen(&["127.0.0.1:0", "echo"]);
    let (_, value) = json(address, &["--mode", "hold", "-d", "1s"]);
    let cpu = &value["results"][0]["cpu"];
    assert_eq!(cpu["generator_limited"], false, "{value}");
    assert!(cpu["awaited_ns"].is_u64(), "{value}");
}

#[test]
fn the_first_byte_is_timed_apart_from_the_last() {
    let halves = peer(|mut client| {
        client.set_nodelay(true).unwrap();
        while let Some(bytes) = reads(&mut client) {
            let (first, second) = bytes.split_at(bytes.len() / 2);
            let _ = client.write_all(first);
            thread::sleep(Duration::from_millis(30)); // peer: it takes its time in the middle
            let _ = client.write_all(second);
        }
    });
    let (status, value) = json(halves, &["-d", "500ms"]);
    assert_eq!(status, 0, "{value}");
    let fastest = |what| number(&value["results"][0]["latency"][what]["min"]);
    let apart = Duration::from_millis(20).as_nanos() as u64;
    assert!(fastest("first_byte") + apart <= fastest("reply"), "{value}");
}

/// The first three messages are lost on their way.
const LOSSY: &str = r#"
export PATH=$PATH:/usr/sbin:/sbin
ip link set lo up
exec {server}< <(exec $FT listen 127.0.0.1:8080 echo 2>&1)
read -r <&$server
nft 'add table inet t; add chain inet t c { type filter hook input priority 0; policy accept; };
     add rule inet t c tcp dport 8080 ip length > 60 limit rate 1/day burst 3 packets drop'
$FT bench 127.0.0.1:8080 -c 4 -d 300ms --reply-timeout 30s --json
"#;

#[test]
fn what_is_lost_on_the_way_is_sent_again_and_counted() {
    if !has("nft") || !can_make_namespaces() {
        return;
    }
    let mut command = namespaces();
    command.args(["bash", "-c", LOSSY]);
    command.env("FT", env!("CARGO_BIN_EXE_ft"));
    let output = run(&mut command, b"");
    let value: Value = serde_json::from_slice(&output.stdout).unwrap();
    let result = &value["results"][0];
    assert!(number(&result["retransmissions"]) >= 3, "{value}");
    assert_eq!(number(&result["failures"]["total"]), 0, "{value}");
    assert!(number(&result["messages"]) > 0, "{value}");
}

#[test]
fn a_terminal_is_shown_how_far_it_is_and_then_the_table_alone() {
    if !has("script") {
        return;
    }
    let (_server, address) = Running::listen(&["127.0.0.1:0", "echo"]);
    let ft = env!("CARGO_BIN_EXE_ft");
    let line = format!("{ft} bench {address} -c 2 -d 300ms");
    let mut command = Command::new("script");
    command
        .args(["-qec", &line, "/dev/null"])
        .env("TERM", "xterm");
    let said = text(&run(&mut command, b""));
    assert!(
        said.contains(" of 0.3 s ") && said.contains("2 open, 0 failures"),
        "{said}"
    );
    let (_, left) = said
        .rsplit_once("\r\x1b[K")
        .expect("the line is taken away");
    assert!(
        left.starts_with(&format!("{address}: echo, 2 connections")),
        "{said}"
    );
}

#[test]
fn a_rate_has_both_latencies_and_the_backlog() {
    let (_server, address) = Running::listen(&["127.0.0.1:0", "echo"]);
    let output = run(&mut bench(&address.to_string(), &["--rate", "200"]), b"");
    let said = text(&output);
    assert!(said.contains(" corrected   uncorrected "), "{said}");
    assert!(said.contains("  backlog  "), "{said}");
    assert!(said.contains(", 200 per second asked for, "), "{said}");
}

#[test]
fn requests_are_read_from_a_file() {
    let folder = Folder::new();
    let file = folder.path("get");
    std::fs::write(&file, "ping\n").unwrap();
    let file = file.to_str().unwrap();
    let (_server, address) = Running::listen(&["127.0.0.1:0", "echo"]);
    for reply in [["--reply-bytes", "5"], ["--reply-until", "ng\\n"]] {
        for mode in ["request", "connect"] {
            let words = [&["--mode", mode, "--message", file][..], &reply].concat();
            let (status, value) = json(address, &words);
            assert_eq!(status, 0, "{value}");
            assert!(number(&value["results"][0]["messages"]) > 0, "{value}");
            // Nobody has looked at what they say.
            let said = text(&run(&mut bench(&address.to_string(), &words), b""));
            assert!(said.contains(" answered, "), "{said}");
        }
    }
    std::fs::write(file, "").unwrap();
    for (file, said) in [(file, "is empty"), ("no-such-file", "ENOENT")] {
        let words = ["--mode", "request", "--message", file, "--reply-bytes", "5"];
        let output = run(&mut bench(&address.to_string(), &words), b"");
        assert_eq!(output.status.code(), Some(1));
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(told.contains(said) && output.stdout.is_empty(), "{told}");
    }
}

#[test]
fn a_unix_socket_is_measured_too() {
    let folder = Folder::new();
    let path = format!("unix:{}", folder.path("s").display());
    let mut command = ft();
    command.args(["listen", &path, "echo"]);
    command.stdin(Stdio::null()).stdout(Stdio::null());
    let mut server = Running::start(&mut command);
    server.wait_for("listening on ");
    for mode in ["echo", "connect", "hold", "both"] {
        let (status, value) = json(&path, &["--mode", mode]);
        assert_eq!(status, 0, "{mode}: {value}");
    }
}

#[test]
fn source_addresses_are_used_in_turn() {
    let (mut server, address) = Running::listen(&["127.0.0.1:0", "echo"]);
    let words = ["--source-addresses", "127.0.0.2,127.0.0.3"];
    for (mode, times) in [("echo", 2), ("connect", 2)] {
        let (status, value) = json(address, &[&words[..], &["--mode", mode]].concat());
        assert_eq!(status, 0, "{value}");
        for _ in 0..times {
            server.wait_for(" 127.0.0.2:");
            server.wait_for(" 127.0.0.3:");
        }
    }
}

#[test]
fn a_server_that_is_starting_is_waited_for() {
    let port = quiet_port();
    let mut command = bench(&port.to_string(), &["--retry", "forever", "--json"]);
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    let mut running = Running::start(&mut command);
    running.wait_for("connection refused (ECONNREFUSED)");
    let (_server, _) = Running::listen(&[&port.to_string(), "echo"]);
    let ended = running.wait();
    let value: Value = serde_json::from_slice(&ended.stdout).unwrap();
    assert_eq!(ended.status, 0, "{value}");
    assert!(number(&value["results"][0]["messages"]) > 0, "{value}");
}

#[test]
fn two_servers_are_compared_in_turns() {
    let (_one, first) = Running::listen(&["127.0.0.1:0", "echo"]);
    let (_other, second) = Running::listen(&["127.0.0.1:0", "echo"]);
    let second = second.to_string();
    // A turn in which the first had no time to do anything is no turn.
    let (status, value) = json(first, &[&second, "-d", "2s"]);
    assert_eq!(status, 0, "{value}");
    let ratio = &value["ratios"][0];
    assert_eq!(
        (&ratio["address"], &ratio["to"]),
        (&second.clone().into(), &first.to_string().into())
    );
    assert!(
        number(&ratio["turns"]) >= 4 && ratio["median"].as_f64().unwrap() > 0.0,
        "{value}"
    );
    assert!(ratio["spread"].as_f64().is_some());
    let output = run(&mut bench(&first.to_string(), &[&second]), b"");
    let said = text(&output);
    let line = format!("{second} does ");
    let line = said.lines().find(|said| said.starts_with(&line));
    assert!(line.is_some_and(|line| line.contains(" ± ")), "{said}");
}

#[test]
fn the_highest_rate_that_holds_is_found_or_none() {
    let (_server, address) = Running::listen(&["127.0.0.1:0", "echo"]);
    let each = ["--find-max", "p50<20s", "-d", "20ms"];
    let (status, value) = json(address, &each);
    let found = &value["find_max"];
    assert_eq!(status, 0, "{value}");
    assert!(found["rate"].as_f64().unwrap() >= 10.0, "{value}");
    let trials = found["trials"].as_array().unwrap();
    assert!(trials.iter().any(|trial| trial["holds"] == true));
    let (status, value) = json(address, &["--find-max", "p50<1us", "-d", "20ms"]);
    assert_eq!(status, 1, "{value}");
    assert!(value["find_max"]["rate"].is_null());
}

/// An echo that is late as soon as more come than so many per second.
fn late_above(rate: f64, late: Duration) -> SocketAddr {
    const TOGETHER: usize = 10;
    let came = Arc::new(Mutex::new(VecDeque::new()));
    let time = Duration::from_secs_f64(TOGETHER as f64 / rate);
    peer(move |mut client| {
        while let Some(bytes) = reads(&mut client) {
            let now = Instant::now();
            let is_late = {
                let mut came = came.lock().unwrap();
                came.push_back(now);
                came.len() > TOGETHER && now - came.pop_front().unwrap() < time
            };
            if is_late {
                thread::sleep(late); // peer: it is late
            }
            if client.write_all(&bytes).is_err() {
                return;
            }
        }
    })
}

#[test]
fn the_bound_decides_which_rate_is_the_highest() {
    let late = Duration::from_millis(80);
    let server = late_above(125.0, late);
    // So many connections that all that are late are out together, and nothing is left behind.
    let words = ["--find-max", "p50<40ms", "-c", "64", "-d", "400ms"];
    let (status, value) = json(server, &words);
    assert_eq!(status, 0, "{value}");
    let found = &value["find_max"];
    let rate = found["rate"].as_f64().unwrap();
    assert!((30.0..250.0).contains(&rate), "{value}");
    let trials = found["trials"].as_array().unwrap();
    let mut trials = trials.iter();
    let too_much = trials.find(|trial| trial["rate"].as_f64() == Some(250.0));
    let too_much = too_much.expect("a quarter of 1000 is tried");
    assert_eq!(too_much["holds"], false, "{value}");
    assert_eq!(too_much["keeps_up"], true, "{value}");
    assert_eq!(number(&too_much["failures"]), 0, "{value}");
    assert!(number(&too_much["latency_ns"]) >= 80_000_000, "{value}");
}

#[test]
fn records_are_written_while_it_runs() {
    let (_server, address) = Running::listen(&["127.0.0.1:0", "echo"]);
    let output = run(
        &mut bench(&address.to_string(), &["--export", "csv", "-d", "1200ms"]),
        b"",
    );
    let said = text(&output);
    let mut lines = said.lines();
    let columns = lines.next().unwrap();
    assert_eq!(
        columns,
        "address,at,seconds,messages,bytes_sent,bytes_received,failures,open"
    );
    let records: Vec<Vec<&str>> = lines.map(|line| line.split(',').collect()).collect();
    assert_eq!(records.len(), 2, "{said}");
    for record in &records {
        assert_eq!(record.len(), 8, "{said}");
        assert!(
            record[0] == address.to_string() && record[2] != "0.000" && record[7] == "4",
            "{said}"
        );
    }
    let summed: u64 = records
        .iter()
        .map(|record| record[3].parse::<u64>().unwrap())
        .sum();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        told.contains(&format!("messages         {summed} verified")),
        "{told}\n{said}"
    );
    let words = ["--export", "json", "-q"];
    let output = run(&mut bench(&address.to_string(), &words), b"");
    let record: Value = serde_json::from_str(text(&output).trim_end()).unwrap();
    assert_eq!((&record["v"], &record["open"]), (&1.into(), &4.into()));
    assert!(output.stderr.is_empty());
}

#[test]
fn a_server_that_refuses_is_told_at_once() {
    let port = quiet_port();
    let modes = Modes::new();
    for mode in MODES {
        let words = [&modes.words(mode)[..], &["-d", "60s"]].concat();
        let (status, value) = on_time(port, &words);
        let result = &value["results"][0];
        assert_eq!(status, 1);
        assert_eq!(
            number(&result["failures"]["kinds"]["refused"]),
            1,
            "{value}"
        );
        assert!(result["peer"].is_null());
    }
    let output = run(&mut bench(&port.to_string(), &[]), b"");
    let said = text(&output);
    assert!(said.contains("0 of 4 opened"), "{said}");
    assert!(
        said.contains("1 refused (ft explain ECONNREFUSED)"),
        "{said}"
    );
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(told.contains("connection refused (ECONNREFUSED)"), "{told}");
}

#[test]
fn a_name_without_an_address_is_no_lack_of_ports() {
    let (status, value) = json("name.invalid:9", &[]);
    let kinds = &value["results"][0]["failures"]["kinds"];
    assert_eq!((status, number(&kinds["no_address"])), (1, 1), "{value}");
}

#[test]
fn a_server_that_is_killed_ends_the_run_early() {
    let modes = Modes::new();
    for (mode, service) in [
        ("echo", "echo"),
        ("connect", "echo"),
        ("request", "echo"),
        ("send", "discard"),
        ("receive", "source"),
        ("both", "source"),
        ("hold", "echo"),
    ] {
        let (mut server, address) = Running::listen(&["127.0.0.1:0", service]);
        let words = [&modes.words(mode)[..], &["-d", "10m", "--json"]].concat();
        let mut command = bench(&address.to_string(), &words);
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        let running = Running::start(&mut command);
        // With --mode connect, the first is only there to see who answers.
        server.wait_for(if mode == "connect" { "#5 " } else { "#4 " });
        server.signal(Signal::KILL);
        let begin = Instant::now();
        let ended = running.wait();
        assert!(begin.elapsed() < ON_TIME, "{mode}");
        let value: Value = serde_json::from_slice(&ended.stdout).unwrap();
        assert_eq!(ended.status, 1, "{mode} {value}");
        let result = &value["results"][0];
        assert!(number(&result["failures"]["total"]) >= 4, "{mode} {value}");
        assert_eq!(number(&result["open"]), 0, "{mode} {value}");
        let is_tried_again = result["failures"]["kinds"]["refused"].is_u64();
        assert_eq!(is_tried_again, mode != "hold", "{mode} {value}");
    }
}

#[test]
fn a_unix_socket_whose_file_has_gone_ends_the_run_early() {
    let folder = Folder::new();
    for mode in ["echo", "connect"] {
        let path = folder.path(mode);
        let listener = UnixListener::bind(&path).unwrap();
        let address = format!("unix:{}", path.display());
        let mut command = bench(&address, &["--mode", mode, "-d", "10m", "--json"]);
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        let running = Running::start(&mut command);
        let clients: Vec<_> = (0..4).map(|_| listener.accept().unwrap()).collect();
        std::fs::remove_file(&path).unwrap();
        drop((listener, clients));
        let begin = Instant::now();
        let ended = running.wait();
        assert!(begin.elapsed() < ON_TIME, "{mode}");
        let value: Value = serde_json::from_slice(&ended.stdout).unwrap();
        let kinds = &value["results"][0]["failures"]["kinds"];
        assert_eq!(ended.status, 1, "{value}");
        assert!(number(&kinds["ENOENT"]) >= 4, "{value}");
    }
}

#[test]
fn a_full_accept_queue_is_a_black_hole_with_an_end() {
    let modes = Modes::new();
    for mode in MODES {
        let (listener, address) = black_hole(2);
        let words = [&modes.words(mode)[..], &["-c", "6", "-d", "100ms"]].concat();
        let (status, value) = on_time(address, &words);
        let result = &value["results"][0];
        assert_eq!(status, 1, "{value}");
        let timed_out = number(&result["failures"]["kinds"]["timed_out"]);
        assert!(timed_out >= 4, "{mode} {value}");
        assert_eq!(number(&result["messages"]), 0, "{value}");
        // Now not even the first comes through.
        let _full: Vec<TcpStream> = (0..2)
            .filter_map(|_| TcpStream::connect_timeout(&address, Duration::from_millis(100)).ok())
            .collect();
        let (status, value) = on_time(address, &words);
        let result = &value["results"][0];
        assert_eq!(status, 1, "{value}");
        let kinds = &result["failures"]["kinds"];
        assert_eq!(number(&kinds["timed_out"]), 1, "{mode} {value}");
        assert!(result["peer"].is_null(), "{value}");
        drop(listener);
    }
}

#[test]
fn a_mute_server_times_out_and_ends_on_time() {
    let mute = peer(|client| {
        thread::sleep(PATIENCE * 2); // peer: it never says anything
        drop(client);
    });
    let modes = Modes::new();
    for mode in MODES.into_iter().filter(|mode| *mode != "hold") {
        let (status, value) = on_time(mute, &modes.words(mode));
        let result = &value["results"][0];
        assert_eq!(status, 1, "{value}");
        assert!(
            number(&result["failures"]["kinds"]["timed_out"]) >= 4,
            "{mode} {value}"
        );
        assert_eq!(number(&result["messages"]), 0);
    }
    // A mute server that takes what is sent may well be held.
    let (status, value) = on_time(mute, &["--mode", "hold"]);
    assert_eq!(
        (status, number(&value["results"][0]["alive"])),
        (0, 4),
        "{value}"
    );
}

#[test]
fn each_kind_of_bad_server_is_counted_as_what_it_is() {
    let resets = peer(|mut client| {
        reads(&mut client);
        reset(client);
    });
    let closes = peer(|mut client| {
        reads(&mut client);
    });
    let lies = peer(|mut client| {
        while let Some(mut bytes) = reads(&mut client) {
            bytes[7] ^= 0x20;
            if client.write_all(&bytes).is_err() {
                return;
            }
        }
    });
    let talks = peer(|mut client| {
        while let Some(mut bytes) = reads(&mut client) {
            bytes.push(b'!');
            if client.write_all(&bytes).is_err() {
                return;
            }
        }
    });
    // Those that need not be told anything first.
    let resets_at_once = peer_of_four(reset);
    let finishes = peer_of_four(|mut client| {
        client.shutdown(Shutdown::Write).unwrap();
        while reads(&mut client).is_some() {}
    });
    let modes = Modes::new();
    let exchanges = &["echo", "connect", "request"][..];
    for (server, kind, word, of) in [
        (resets, "reset", "ECONNRESET", exchanges),
        (resets, "reset", "ECONNRESET", &["send", "both"]),
        (resets_at_once, "reset", "ECONNRESET", &["receive"]),
        (peer_of_four(reset), "reset", "ECONNRESET", &["hold"]),
        (closes, "closed_early", "eof", exchanges),
        (
            finishes,
            "closed_early",
            "eof",
            &["send", "receive", "both", "hold"],
        ),
        // What a request is answered, nobody compares; and in bulk nobody looks.
        (lies, "wrong_bytes", "bench", &["echo", "connect", "hold"]),
        (talks, "wrong_bytes", "bench", exchanges),
        (talks, "wrong_bytes", "bench", &["hold"]),
    ] {
        for mode in of {
            let (status, value) = on_time(server, &modes.words(mode));
            let result = &value["results"][0];
            assert_eq!(status, 1, "{mode} {value}");
            assert!(
                number(&result["failures"]["kinds"][kind]) >= 4,
                "{kind} {mode} {value}"
            );
        }
        let output = run(&mut bench(&server.to_string(), &modes.words(of[0])), b"");
        let said = text(&output);
        assert!(said.contains(&format!("(ft explain {word})")), "{said}");
    }
}

#[test]
fn a_slow_server_is_slow_and_not_wrong() {
    let slow = peer(|mut client| {
        while let Some(bytes) = reads(&mut client) {
            thread::sleep(Duration::from_millis(30)); // peer: it takes its time
            if client.write_all(&bytes).is_err() {
                return;
            }
        }
    });
    let (status, value) = json(slow, &["--rate", "1000"]);
    let result = &value["results"][0];
    assert_eq!(
        (status, number(&result["failures"]["total"])),
        (0, 0),
        "{value}"
    );
    assert!(number(&result["latency"]["reply"]["p50"]) >= 30_000_000);
    assert!(number(&result["backlog"]) > 0, "{value}");
    assert_eq!(
        number(&result["latency"]["corrected"]["count"]),
        200,
        "{value}"
    );
    assert!(
        number(&result["latency"]["corrected"]["p50"]) >= 60_000_000,
        "{value}"
    );
}

#[test]
fn an_interrupt_prints_what_there_is() {
    let (mut server, address) = Running::listen(&["127.0.0.1:0", "echo"]);
    let mut command = bench(&address.to_string(), &["-d", "10m"]);
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    let running = Running::start(&mut command);
    server.wait_for("#4 ");
    running.signal(Signal::INT);
    let ended = running.wait();
    let said = String::from_utf8(ended.stdout).unwrap();
    assert_eq!(ended.status, 130, "{said}");
    assert!(said.contains(": echo, 4 connections"), "{said}");
    assert!(
        said.ends_with("interrupted: this is what was measured until then\n"),
        "{said}"
    );
}

#[test]
fn an_interrupt_is_told_to_programs_too() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let mut command = bench(&address, &["-d", "10m", "-c", "1", "--json"]);
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    let running = Running::start(&mut command);
    let (mut client, _) = listener.accept().unwrap();
    let mut message = [0; 64];
    for _ in 0..3 {
        client.read_exact(&mut message).unwrap();
        client.write_all(&message).unwrap();
    }
    running.signal(Signal::INT);
    while let Some(bytes) = reads(&mut client) {
        // It may have closed by now.
        let _ = client.write_all(&bytes);
    }
    let ended = running.wait();
    let value: Value = serde_json::from_slice(&ended.stdout).unwrap();
    assert_eq!((ended.status, &value["interrupted"]), (130, &true.into()));
    let result = &value["results"][0];
    assert_eq!(number(&result["failures"]["total"]), 0, "{value}");
    assert!(number(&result["messages"]) >= 2, "{value}");
}

#[test]
fn an_interrupt_while_connections_are_opened_counts_those_that_are_out() {
    // All connects but the first have no answer, or not even that one.
    for (opened, out, form) in [
        (1, 4, "-q"),
        (0, 1, "-q"),
        (1, 4, "--json"),
        (0, 1, "--json"),
    ] {
        let (_listener, address) = black_hole(1);
        let _full = (opened == 0).then(|| TcpStream::connect(address).unwrap());
        let words = ["-c", "5", "--connect-timeout", "10m", form];
        let mut command = bench(&address.to_string(), &words);
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        let running = Running::start(&mut command);
        eventually("they are out", || connects_out(address.port()) == out);
        running.signal(Signal::INT);
        let begin = Instant::now();
        let ended = running.wait();
        assert!(begin.elapsed() < ON_TIME);
        assert_eq!(ended.status, 130, "{:?}", ended.said);
        let said = String::from_utf8(ended.stdout).unwrap();
        if form == "--json" {
            let value: Value = serde_json::from_str(&said).unwrap();
            let result = &value["results"][0];
            let unfinished = &result["failures"]["kinds"]["unfinished"];
            assert_eq!(number(unfinished), out as u64, "{value}");
            assert_eq!(number(&result["open"]), opened, "{value}");
            assert_eq!(value["interrupted"], true);
            continue;
        }
        for part in [
            "; nothing was measured\n",
            &format!(" {opened} of 5 opened\n"),
            &format!(" {out} unfinished (ft explain bench)\n"),
            "\ninterrupted: this is what was measured until then\n",
        ] {
            assert!(said.contains(part), "{part:?} {said}");
        }
    }
}

#[test]
fn a_second_interrupt_waits_for_nobody() {
    let mute = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = mute.local_addr().unwrap().to_string();
    let mut command = ft();
    command.args([
        "bench",
        &address,
        "-d",
        "10m",
        "--reply-timeout",
        "10m",
        "-c",
        "1",
    ]);
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    let mut running = Running::start(&mut command);
    let (mut client, _) = mute.accept().unwrap();
    client.read_exact(&mut [0; 64]).unwrap();
    running.signal(Signal::INT);
    running.wait_for("waiting up to 600s for replies; again to leave");
    running.signal(Signal::INT);
    let ended = running.wait();
    let said = String::from_utf8(ended.stdout).unwrap();
    assert_eq!(ended.status, 130, "{said}");
    assert!(said.contains("; nothing was measured\n"), "{said}");
    assert!(said.ends_with("until then\n"), "{said}");
}

#[test]
fn a_second_interrupt_keeps_the_turns_that_are_over() {
    let (_server, address) = Running::listen(&["127.0.0.1:0", "echo"]);
    let mute = TcpListener::bind("127.0.0.1:0").unwrap();
    let other = mute.local_addr().unwrap().to_string();
    let words = [&other, "-c", "1", "--reply-timeout", "10m"];
    let mut command = bench(&address.to_string(), &words);
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    let mut running = Running::start(&mut command);
    // The first server has had its turn.
    let (mut client, _) = mute.accept().unwrap();
    client.read_exact(&mut [0; 64]).unwrap();
    running.signal(Signal::INT);
    running.wait_for("again to leave");
    running.signal(Signal::INT);
    let ended = running.wait();
    let said = String::from_utf8(ended.stdout).unwrap();
    assert_eq!(ended.status, 130, "{said}");
    assert!(said.contains(" verified, "), "{said}");
    assert!(said.contains("; nothing was measured\n"), "{said}");
}

#[test]
fn who_only_times_out_has_no_second_turn() {
    let mute = peer(|client| {
        thread::sleep(PATIENCE * 2); // peer: it never says anything
        drop(client);
    });
    let (_server, address) = Running::listen(&["127.0.0.1:0", "echo"]);
    let mute = mute.to_string();
    let both = [&[&mute[..]], &HASTY[..]].concat();
    let (status, value) = on_time(address, &[&mute]);
    let (good, bad) = (&value["results"][0], &value["results"][1]);
    assert_eq!(status, 1, "{value}");
    assert_eq!(
        (&good["left_alone"], &bad["left_alone"]),
        (&false.into(), &true.into())
    );
    assert_eq!(number(&bad["failures"]["total"]), 4, "{value}");
    assert_eq!(number(&value["ratios"][0]["turns"]), 1, "{value}");
    let (status, value) = on_time(&mute, &["--find-max", "p99<1s", "-d", "100ms"]);
    assert_eq!(status, 1, "{value}");
    let trials = value["find_max"]["trials"].as_array().unwrap();
    assert_eq!(trials.len(), 1, "{value}");
    let said = text(&run(&mut bench(&address.to_string(), &both), b""));
    assert!(said.contains("it was left alone from then on"), "{said}");
}

#[test]
fn no_time_is_too_short_to_compare_in() {
    let (_server, address) = Running::listen(&["127.0.0.1:0", "echo"]);
    let words = [&address.to_string(), "-d", "0.000000001"];
    let (_, value) = json(address, &words);
    assert_eq!(value["results"].as_array().unwrap().len(), 2);
}

#[test]
fn the_warm_up_is_in_no_number() {
    let (_server, address) = Running::listen(&["127.0.0.1:0", "echo"]);
    let (status, value) = json(address, &["--mode", "connect", "--warm-up", "400ms"]);
    let result = &value["results"][0];
    assert_eq!(status, 0, "{value}");
    // What is under way at the end of the time is timed and no message.
    for what in ["connect", "connection", "reply"] {
        let count = number(&result["latency"][what]["count"]);
        assert!(count <= number(&result["messages"]) + 4, "{what}: {value}");
    }
    let words = ["--export", "csv", "--warm-up", "1200ms"];
    let said = text(&run(&mut bench(&address.to_string(), &words), b""));
    assert_eq!(said.lines().count(), 2, "{said}");
}

#[test]
fn a_reader_of_the_records_that_goes_ends_the_run() {
    let (_server, address) = Running::listen(&["127.0.0.1:0", "echo"]);
    let mut command = bench(&address.to_string(), &["--export", "csv", "-d", "10m"]);
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    let mut running = Running::start(&mut command);
    let mut reader = running.child.stdout.take().unwrap();
    reader.read_exact(&mut [0; 8]).unwrap();
    drop(reader);
    let ended = running.wait();
    assert_eq!(ended.status, 0, "{:?}", ended.said);
}

#[test]
fn what_the_numbers_do_not_say_is_said() {
    let slow = peer(|mut client| {
        while let Some(bytes) = reads(&mut client) {
            thread::sleep(Duration::from_millis(30)); // peer: it takes its time
            if client.write_all(&bytes).is_err() {
                return;
            }
        }
    });
    for (words, sentence) in [
        (
            &["-d", "5ms"][..],
            "no reply came before the end of the time",
        ),
        (
            &["--find-max", "p50<20s", "-d", "100ms"],
            "does not hold: fell behind",
        ),
    ] {
        let said = text(&run(&mut bench(&slow.to_string(), words), b""));
        assert!(said.contains(sentence), "{said}");
    }
}

#[test]
fn one_bench_that_is_cut_off_or_stopped_harms_no_other() {
    for (service, mode, moved) in [
        ("echo", "echo", "messages"),
        ("discard", "send", "bytes_sent"),
        ("source", "receive", "bytes_received"),
    ] {
        let (mut server, address) = Running::listen(&["127.0.0.1:0", service]);
        let begin = |words: &[&str]| {
            let words = [&["--mode", mode], words].concat();
            let mut command = bench(&address.to_string(), &words);
            command.stdin(Stdio::null()).stdout(Stdio::piped());
            Running::start(&mut command)
        };
        let cut = begin(&["-d", "10m"]);
        server.wait_for("#4 ");
        let stopped = begin(&["-d", "10m"]);
        server.wait_for("#8 ");
        stopped.freeze();
        let others: Vec<Running> = (0..3).map(|_| begin(&["--json", "-d", "1s"])).collect();
        server.wait_for("#20 ");
        cut.signal(Signal::KILL);
        for other in others {
            let ended = other.wait();
            let value: Value = serde_json::from_slice(&ended.stdout).unwrap();
            assert_eq!(ended.status, 0, "{mode} {value}");
            assert!(number(&value["results"][0][moved]) > 0, "{mode} {value}");
        }
        assert_eq!(cut.wait().status, 137);
        stopped.signal(Signal::KILL);
        assert_eq!(stopped.wait().status, 137);
        let ended = server.stop();
        assert_eq!(ended.status, 0, "{:?}", ended.said);
    }
}

#[test]
fn what_makes_no_sense_is_said_before_anything_is_opened() {
    for (words, sentence) in [
        (
            &["bench"][..],
            "the address is missing: write ft bench 8080",
        ),
        (
            &["bench", "udp:8080"],
            "ft bench measures connections, and udp: has none",
        ),
        (
            &["bench", "1", "-c", "0"],
            "nothing would be done: write at least 1",
        ),
        (
            &["bench", "1", "-s", "0"],
            "--size 0 moves nothing: write at least 1",
        ),
        (
            &["bench", "1", "--mode", "send", "-s", "2Mi"],
            "one send takes at most 1 MiB",
        ),
        (
            &["bench", "1", "--mode", "send", "--rate", "5"],
            "leave out --rate",
        ),
        (
            &["bench", "1", "--mode", "request"],
            "the request is missing: write --message FILE",
        ),
        (
            &["bench", "1", "--find-max", "x"],
            "not a bound: write one such as 'p99<1ms'",
        ),
        (
            &["bench", "1", "2", "--mode", "hold"],
            "leave the other addresses out",
        ),
        (
            &["bench", "1", "--json", "--export", "csv"],
            "both write to stdout",
        ),
        (
            &["bench", "1", "--dump", "-"],
            "ft bench shows no bytes: leave out --dump",
        ),
        (&["bench", "unix:x", "-4"], "a Unix socket has none"),
    ] {
        let output = run(ft().args(words), b"");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{words:?} {said}");
        assert!(said.contains(sentence), "{words:?} {said}");
        assert!(output.stdout.is_empty());
    }
}
