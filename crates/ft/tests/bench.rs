//! `ft bench` against our own servers and against bad ones: it ends on time, counts what failed
//! by kind, and its status tells.

mod rig;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rig::{Folder, PATIENCE, Running, ft, has, quiet_port, run};
use rustix::process::Signal;
use serde_json::Value;

/// `ft bench` with these words, quick to give up.
fn bench(address: &str, words: &[&str]) -> Command {
    let mut command = ft();
    command.args(["bench", address]).args(words);
    for (option, value) in [
        ("-d", "200ms"),
        ("-c", "4"),
        ("--reply-timeout", "300ms"),
        ("--connect-timeout", "300ms"),
    ] {
        if !words.contains(&option) {
            command.args([option, value]);
        }
    }
    command
}

/// Its status and the object on stdout.
fn json(address: impl std::fmt::Display, words: &[&str]) -> (i32, Value) {
    let begin = Instant::now();
    let output = run(bench(&address.to_string(), words).arg("--json"), b"");
    assert!(begin.elapsed() < PATIENCE);
    let text = String::from_utf8(output.stdout).unwrap();
    let value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text:?}"));
    (rig::number(output.status), value)
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
    let (status, value) = json(first, &[&second]);
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
    for mode in ["echo", "connect", "receive", "hold"] {
        let (status, value) = json(port, &["--mode", mode, "-d", "60s"]);
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
fn a_full_accept_queue_is_a_black_hole_with_an_end() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    rustix::net::listen(&listener, 1).unwrap();
    let address = listener.local_addr().unwrap();
    // Two connections fill it; the SYN of the others is not answered.
    let (status, value) = json(address, &["-c", "6", "-d", "100ms"]);
    let result = &value["results"][0];
    assert_eq!(status, 1);
    assert!(
        number(&result["failures"]["kinds"]["timed_out"]) >= 6,
        "{value}"
    );
    assert_eq!(number(&result["messages"]), 0, "{value}");
    let _full: Vec<TcpStream> = (0..2)
        .filter_map(|_| TcpStream::connect_timeout(&address, Duration::from_millis(100)).ok())
        .collect();
    for mode in ["echo", "connect"] {
        let (status, value) = json(address, &["--mode", mode]);
        assert_eq!(status, 1, "{value}");
        assert!(
            number(&value["results"][0]["failures"]["total"]) >= 1,
            "{value}"
        );
    }
    drop(listener);
}

#[test]
fn a_mute_server_times_out_and_ends_on_time() {
    let mute = peer(|client| {
        thread::sleep(PATIENCE * 2); // peer: it never says anything
        drop(client);
    });
    for mode in ["echo", "connect", "receive", "both"] {
        let (status, value) = json(mute, &["--mode", mode]);
        let result = &value["results"][0];
        assert_eq!(status, 1, "{value}");
        assert!(
            number(&result["failures"]["kinds"]["timed_out"]) >= 4,
            "{value}"
        );
        assert_eq!(number(&result["messages"]), 0);
    }
    // A mute server that takes what is sent may well be held.
    let (status, value) = json(mute, &["--mode", "hold"]);
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
    for (server, kind, word) in [
        (resets, "reset", "ECONNRESET"),
        (closes, "closed_early", "eof"),
        (lies, "wrong_bytes", "bench"),
        (talks, "wrong_bytes", "bench"),
    ] {
        for mode in ["echo", "connect"] {
            let (status, value) = json(server, &["--mode", mode]);
            let result = &value["results"][0];
            assert_eq!(status, 1, "{value}");
            assert!(
                number(&result["failures"]["kinds"][kind]) >= 4,
                "{kind} {value}"
            );
        }
        let output = run(&mut bench(&server.to_string(), &[]), b"");
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
    let (status, value) = json(address, &[&mute.to_string()]);
    let (good, bad) = (&value["results"][0], &value["results"][1]);
    assert_eq!(status, 1, "{value}");
    assert_eq!(
        (&good["left_alone"], &bad["left_alone"]),
        (&false.into(), &true.into())
    );
    assert_eq!(number(&bad["failures"]["total"]), 4, "{value}");
    assert_eq!(number(&value["ratios"][0]["turns"]), 1, "{value}");
    let (status, value) = json(mute, &["--find-max", "p99<1s", "-d", "100ms"]);
    assert_eq!(status, 1, "{value}");
    let trials = value["find_max"]["trials"].as_array().unwrap();
    assert_eq!(trials.len(), 1, "{value}");
    let said = text(&run(
        &mut bench(&address.to_string(), &[&mute.to_string()]),
        b"",
    ));
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
fn one_bench_that_is_cut_off_harms_no_other() {
    let (_server, address) = Running::listen(&["127.0.0.1:0", "echo"]);
    let begin = |words: &[&str]| {
        let mut command = bench(&address.to_string(), words);
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        Running::start(&mut command)
    };
    let cut = begin(&["-d", "10m"]);
    let others: Vec<Running> = (0..3).map(|_| begin(&["--json"])).collect();
    cut.signal(Signal::KILL);
    for other in others {
        let ended = other.wait();
        let value: Value = serde_json::from_slice(&ended.stdout).unwrap();
        assert_eq!(ended.status, 0, "{value}");
        assert!(number(&value["results"][0]["messages"]) > 0);
    }
    assert_eq!(cut.wait().status, 137);
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
