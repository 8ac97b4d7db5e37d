//! `ft listen udp:…` and `ft connect udp:…`: real processes, and the programs that people know.

mod datagram;
mod program;
mod rig;

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::process::{Command, Stdio};

use datagram::{ask, end, peer, receive, talk};
use program::{ALL, Place, client};
use rig::{
    Folder, PATIENCE, Running, bytes, eventually, ft, has, number, pss_kib, quiet_port, run,
};
use rustix::process::Signal;

/// `ft listen udp:127.0.0.1:0 …`.
fn serve(words: &[&str]) -> (Running, SocketAddr) {
    Running::listen(&[&["udp:127.0.0.1:0"], words].concat())
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

// ---- The server ----------------------------------------------------------------------------

#[test]
fn fifty_peers_with_four_datagrams_each_get_exactly_their_own_replies() {
    let (server, address) = serve(&["echo"]);
    let peers: Vec<UdpSocket> = (0..50).map(|_| peer(address)).collect();
    let question = |number: usize, turn: u64| bytes(number as u64, turn * 100, 100);
    for turn in 0..4 {
        for (number, peer) in peers.iter().enumerate() {
            peer.send(&question(number, turn)).expect("it is sent");
        }
    }
    for (number, peer) in peers.iter().enumerate() {
        for turn in 0..4 {
            assert!(
                receive(peer) == question(number, turn),
                "peer {number} in turn {turn}"
            );
        }
    }
    let ended = server.stop();
    assert_eq!(ended.status, 0);
    let summary = ended.said.last().expect("a summary");
    assert!(
        summary.starts_with("50 connections accepted, 50 released; sent 20000 B, received 20000 B"),
        "{summary}"
    );
}

/// Sends from each of these many addresses out of 127.0.0.0/8, and sees that it was taken.
fn from_addresses(range: std::ops::Range<u32>, server: SocketAddr) {
    for number in range {
        let ip = Ipv4Addr::from(0x7f01_0001 + number);
        let socket = UdpSocket::bind((ip, 0)).expect("all of 127.0.0.0/8 is ours");
        socket
            .set_read_timeout(Some(PATIENCE))
            .expect("it takes a time");
        socket.send_to(b"hello", server).expect("it is sent");
        let mut buffer = [0; 16];
        let (length, from) = socket.recv_from(&mut buffer).expect("it is answered");
        assert_eq!((&buffer[..length], from), (&b"hello"[..], server));
    }
}

#[test]
fn exclusive_many_thousand_source_addresses_leave_memory_flat() {
    /// A peer is known with its name, its counters and its place in three tables.
    const BYTES_EACH_MAX: u64 = 1500;
    const GROWTH_MAX_KIB: u64 = 1024;
    let all = std::env::var_os("FT_TEST_ALL").is_some();
    let (cap, sources) = if all { (10_000, 50_000) } else { (1000, 5000) };
    let max = cap.to_string();
    let folder = Folder::new();
    let events = folder.text("events");
    let words = ["echo", "--max-connections", &max, "--events", &events];
    let (server, address) = serve(&words);
    let pid = server.child.id();
    from_addresses(0..10, address);
    let empty = pss_kib(pid);
    from_addresses(10..cap, address);
    let full = pss_kib(pid);
    let each = full.saturating_sub(empty) * 1024 / u64::from(cap);
    from_addresses(cap..sources, address);
    let after = pss_kib(pid);
    let _ = writeln!(
        std::io::stderr(),
        "PSS: {empty} KiB empty, {full} KiB with {cap} peers ({each} B each), {after} KiB after \
         {sources} addresses"
    );
    // The queues of the reports are bounded, too, and fill while the machine is slow.
    assert!(full <= empty + u64::from(cap) * BYTES_EACH_MAX / 1024 + 2 * GROWTH_MAX_KIB);
    assert!(
        after <= full + GROWTH_MAX_KIB,
        "it grew from {full} to {after} KiB"
    );
    let ended = server.stop();
    assert_eq!(ended.status, 0);
    let summary = ended.said.last().expect("a summary");
    let (displaced, released) = (sources - cap, cap);
    let expected =
        format!("{sources} connections accepted, {released} released, {displaced} aborted");
    assert!(summary.starts_with(&expected), "{summary}");
}

#[test]
fn no_service_sends_more_than_three_times_what_came() {
    for service in ["echo", "discard", "chargen", "daytime", "time"] {
        let (mut server, address) = serve(&[service, "--idle", "100ms"]);
        let victims: Vec<UdpSocket> = (0..4).map(|_| peer(address)).collect();
        for (victim, length) in victims.iter().zip([1, 3, 20, 300]) {
            // It never reads, as one whose address is forged.
            for _ in 0..10 {
                victim.send(&vec![b'x'; length]).expect("it is sent");
            }
        }
        for _ in 0..4 {
            server.wait_for("closed: timed out");
        }
        let counted = |line: &str, word: &str| -> u64 {
            let rest = line.split(word).nth(1).expect("the line counts");
            rest.split(' ')
                .next()
                .and_then(|n| n.parse().ok())
                .expect("a number")
        };
        let closed = server.said.iter().filter(|line| line.contains(" closed: "));
        for line in closed {
            let (sent, received) = (counted(line, ", sent "), counted(line, ", received "));
            assert!(
                received % 10 == 0 && received > 0 && sent <= 3 * received,
                "{line}"
            );
        }
        assert_eq!(server.stop().status, 0);
    }
}

#[test]
fn what_is_withheld_is_told_and_counted() {
    let (mut server, address) = serve(&["daytime"]);
    peer(address).send(b"x").expect("it is sent");
    let line = server.wait_for(" not sent: over 3 times what came, or no room");
    assert!(
        line.starts_with("#1 127.0.0.1:") && line.contains(" udp "),
        "{line}"
    );
    let answer = text(&ask(&peer(address), &[b' '; 32]));
    assert!(answer.ends_with("\r\n") && answer.len() > 20, "{answer}");
    let ended = server.stop();
    assert!(
        ended
            .said
            .last()
            .is_some_and(|line| line.contains(", not sent ")),
        "{ended:?}"
    );
}

#[test]
fn time_and_chargen_answer_each_datagram() {
    let (_time, address) = serve(&["time"]);
    assert_eq!(ask(&peer(address), b"ab").len(), 4);
    let (_chargen, address) = serve(&["chargen"]);
    let peer = peer(address);
    for _ in 0..20 {
        let answer = ask(&peer, &[b'?'; 200]);
        assert!(answer.len() <= 512, "{}", answer.len());
        let printing = |byte: &u8| matches!(byte, b' '..=b'~' | b'\r' | b'\n');
        assert!(answer.iter().all(printing), "{}", text(&answer));
    }
}

#[test]
fn how_others_can_send_is_said_as_a_command_that_works() {
    let (mut server, address) = Running::listen(&["udp:0", "echo"]);
    let line = server.wait_for("only this machine can send");
    let command = format!("ft listen 'udp:*:{}' echo", address.port());
    assert!(line.ends_with(&command), "{line}");
    assert_eq!(server.stop().status, 0);
}

#[test]
fn a_wildcard_server_answers_from_the_address_that_was_asked() {
    let (server, address) = Running::listen(&["udp:*:0", "echo"]);
    for ip in ["127.0.0.1", "127.0.0.2", "127.9.9.9", "::1"] {
        let asked = SocketAddr::new(ip.parse::<IpAddr>().expect("an address"), address.port());
        // A connected socket hears only whom it has asked.
        assert_eq!(ask(&peer(asked), b"hello"), b"hello", "{ip}");
    }
    let ended = server.stop();
    let from = |part: &str| ended.said.iter().any(|line| line.contains(part));
    assert!(
        from(&format!(" → 127.0.0.2:{} udp accepted", address.port())),
        "{ended:?}"
    );
}

#[test]
fn a_peer_whose_socket_is_closed_disturbs_nobody() {
    let (mut server, address) = serve(&["echo"]);
    let stays = peer(address);
    assert_eq!(ask(&stays, b"before"), b"before");
    server.freeze();
    let goes = peer(address);
    goes.send(b"nobody reads the answer").expect("it is sent");
    drop(goes);
    server.signal(Signal::CONT);
    let line = server.wait_for(" closed: ");
    assert!(
        line.starts_with("#2 ") && line.contains("closed: reset by peer"),
        "{line}"
    );
    for _ in 0..10 {
        assert_eq!(ask(&stays, b"after"), b"after");
    }
    let ended = server.stop();
    assert_eq!(ended.status, 0);
    assert!(
        !ended.said.iter().any(|line| line.starts_with("ft: ")),
        "{ended:?}"
    );
}

#[test]
fn term_ends_it_at_once_whoever_is_known() {
    for signal in [Signal::TERM, Signal::INT] {
        let (server, address) = serve(&["echo"]);
        assert_eq!(ask(&peer(address), b"x"), b"x");
        server.signal(signal);
        let ended = server.wait();
        assert_eq!(ended.status, 0);
        let last = ended.said.last().expect("a summary");
        assert_eq!(
            last,
            "1 connection accepted, 1 released; sent 1 B, received 1 B"
        );
        let closed = &ended.said[ended.said.len() - 2];
        assert!(closed.contains("closed: released by us first"), "{closed}");
    }
}

#[test]
fn at_the_limit_the_new_one_makes_place_or_is_turned_away() {
    for (policy, status) in [(&[][..], true), (&["--at-limit", "refuse"], false)] {
        let (mut server, address) = serve(&[&["echo", "--max-connections", "1"], policy].concat());
        let (one, two) = (peer(address), peer(address));
        assert_eq!(ask(&one, b"one"), b"one");
        two.send(b"two").expect("it is sent");
        if status {
            assert_eq!(receive(&two), b"two");
            server.wait_for("#1 ");
            server.wait_for("closed: aborted by us");
        } else {
            server.wait_for("turned away 127.0.0.1:");
            assert_eq!(ask(&one, b"one"), b"one");
        }
        assert_eq!(server.stop().status, 0);
    }
}

#[test]
fn the_trace_and_the_dump_show_each_datagram() {
    let (mut server, address) = serve(&["echo", "-v", "--dump", "-"]);
    let peer = peer(address);
    assert_eq!(ask(&peer, b""), b"");
    assert_eq!(ask(&peer, b"four"), b"four");
    let name = peer.local_addr().expect("it has a name").to_string();
    let name = format!("127.0.0.1:{}", name.rsplit(':').next().expect("a port"));
    server.wait_for(&format!("4 bytes to {name}) = 4"));
    server.wait_for("→ sent 4 bytes at offset 0");
    let ended = server.stop();
    for part in [
        "SOCK_DGRAM, IPPROTO_UDP".to_owned(),
        format!("from {name}) = 0"),
        format!("from {name}) = 4"),
        "← received 0 bytes at offset 0".to_owned(),
        "|four|".to_owned(),
    ] {
        let told = ended.said.iter().any(|line| line.contains(&part));
        assert!(told, "{part}: {:#?}", ended.said);
    }
    assert!(!ended.said.iter().any(|line| line.contains("SO_REUSEADDR")));
}

#[test]
fn the_events_name_the_peer_and_its_protocol() {
    let mut command = ft();
    command.args(["listen", "udp:127.0.0.1:0", "echo", "--events", "-"]);
    let (server, address) = Running::listen_as(command.stdin(Stdio::null()).stdout(Stdio::null()));
    assert_eq!(ask(&peer(address), b"x"), b"x");
    let ended = server.stop();
    let events: Vec<serde_json::Value> = ended
        .said
        .iter()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect();
    let names: Vec<&str> = events
        .iter()
        .filter_map(|event| event["event"].as_str())
        .collect();
    let expected = "socket_created bound listening accepted closed stopped_listening";
    assert_eq!(names.join(" "), expected);
    for event in &events[3..5] {
        assert_eq!(event["five_tuple"]["protocol"], "udp");
        assert!(event["cookie"].is_u64(), "{event}");
    }
    assert_eq!(events[4]["reason"], "released");
}

// ---- The client ----------------------------------------------------------------------------

fn connect(address: SocketAddr, options: &[&str]) -> Command {
    let mut command = ft();
    command
        .arg("connect")
        .arg(format!("udp:{address}"))
        .args(options);
    command
}

#[test]
fn each_line_is_a_datagram_and_silence_is_the_end() {
    let server = UdpSocket::bind("127.0.0.1:0").expect("a port is free");
    server
        .set_read_timeout(Some(PATIENCE))
        .expect("it takes a time");
    let address = server.local_addr().expect("it has a name");
    let answering = std::thread::spawn(move || {
        let mut received = Vec::new();
        for _ in 0..4 {
            let mut buffer = [0; 100];
            let (length, from) = server.recv_from(&mut buffer).expect("four come");
            received.push(text(&buffer[..length]));
            server.send_to(b"", from).expect("an empty one goes, too");
            let answer = format!("{length} ");
            server.send_to(answer.as_bytes(), from).expect("it goes");
        }
        (received, server)
    });
    let mut command = connect(address, &["--wait", "100ms"]);
    let (mut client, answer) = talk(command.stderr(Stdio::piped()), b"one\n\nthree\nlast", 6);
    assert_eq!(text(&answer), "4 1 6 ");
    drop(client.stdin.take());
    let (received, _server) = answering.join().expect("it answers");
    assert_eq!(received, ["one\n", "\n", "three\n", "last"]);
    assert_eq!(number(rig::wait(&mut client)), 0);
    let mut said = String::new();
    let stderr = client.stderr.as_mut().expect("stderr is a pipe");
    stderr.read_to_string(&mut said).expect("it is text");
    assert_eq!(said, "");
}

#[test]
fn the_lines_of_a_file_are_datagrams_of_their_own() {
    let server = UdpSocket::bind("127.0.0.1:0").expect("a port is free");
    server
        .set_read_timeout(Some(PATIENCE))
        .expect("it takes a time");
    let folder = Folder::new();
    let lines = folder.write("lines", b"one\ntwo\nthree");
    let mut command = connect(
        server.local_addr().expect("it has a name"),
        &["--wait", "0"],
    );
    command.stdin(File::open(lines).expect("it is there"));
    let mut client = command.spawn().expect("it starts");
    for expected in ["one\n", "two\n", "three"] {
        let mut buffer = [0; 100];
        let length = server.recv(&mut buffer).expect("three come");
        assert_eq!(text(&buffer[..length]), expected);
    }
    assert_eq!(number(rig::wait(&mut client)), 0);
}

#[test]
fn nothing_to_send_is_the_end_after_the_wait() {
    let (_server, address) = serve(&["echo"]);
    let output = run(&mut connect(address, &["--wait", "0"]), b"");
    assert_eq!((number(output.status), output.stdout.len()), (0, 0));
    let output = run(&mut connect(address, &["--send-only"]), b"hello\n");
    assert_eq!((number(output.status), output.stdout.len()), (0, 0));
}

#[test]
fn the_longest_datagram_comes_back_and_a_longer_one_is_refused() {
    let (_server, address) = serve(&["echo"]);
    let mut longest = vec![b'x'; 65_506];
    longest.push(b'\n');
    let output = run(&mut connect(address, &[]), &longest);
    assert_eq!(number(output.status), 0, "{}", text(&output.stderr));
    assert!(
        output.stdout == longest,
        "{} bytes came back",
        output.stdout.len()
    );
    for length in [65_508, 300_000] {
        let output = run(&mut connect(address, &[]), &vec![b'x'; length]);
        let said = text(&output.stderr);
        assert_eq!(number(output.status), 1, "{said}");
        assert!(said.starts_with("ft: send 127.0.0.1:"), "{said}");
        assert!(
            said.contains(" udp: message too long (EMSGSIZE)\n"),
            "{said}"
        );
        assert!(said.contains("at most 65,507 bytes over IPv4"), "{said}");
        assert!(said.contains("ft explain EMSGSIZE"), "{said}");
    }
}

#[test]
fn a_port_that_nobody_has_is_refused() {
    let address = SocketAddr::from(([127, 0, 0, 1], quiet_port()));
    for input in [&b"one\n"[..], b"one\ntwo\nthree\nfour\n"] {
        let output = run(&mut connect(address, &[]), input);
        let said = text(&output.stderr);
        assert_eq!(number(output.status), 1, "{said}");
        assert!(said.starts_with("ft: recv 127.0.0.1:"), "{said}");
        assert!(
            said.contains(" udp: connection refused (ECONNREFUSED)\n"),
            "{said}"
        );
        assert!(said.contains("no socket has that UDP port"), "{said}");
        assert_eq!(said.matches("ft: ").count(), 1, "{said}");
    }
}

#[test]
fn a_port_of_udp_in_use_names_its_holder() {
    let (server, address) = serve(&["echo"]);
    let words = ["listen", &format!("udp:{address}"), "echo"];
    let output = run(ft().args(words), b"");
    let said = text(&output.stderr);
    assert_eq!(number(output.status), 1, "{said}");
    let (pid, next) = (
        server.child.id(),
        address.port().checked_add(1).unwrap_or(0),
    );
    let expected =
        format!("ft: bind {address}: address in use (EADDRINUSE)\n  held by ft (pid {pid}, ");
    assert!(said.starts_with(&expected), "{said}");
    assert!(
        said.contains(&format!("): bound to {address} udp\n")),
        "{said}"
    );
    assert!(
        said.contains(&format!("kill {pid} · ft listen udp:{next} echo")),
        "{said}"
    );
}

#[test]
fn what_needs_a_stream_says_so() {
    let of = |service| format!("ft listen: {service} needs a stream: leave out udp:");
    for (line, sentence) in [
        ("listen udp:0", "terminal needs a stream"),
        ("listen udp:0 source 5", &of("source")),
        ("listen udp:0 send Cargo.toml", &of("send")),
        ("listen udp:0 receive none", &of("receive")),
        ("listen udp:0 http", &of("http")),
        ("listen udp:0 exec -- cat", &of("exec")),
        ("listen udp:0 shell cat", &of("shell")),
        ("listen udp:0 hub", &of("hub")),
        ("listen udp:0 chat", &of("chat")),
        (
            "listen udp:0 echo --once",
            "--once needs a stream: leave out --once or udp:",
        ),
        (
            "listen udp:0 echo --at-limit wait",
            "--at-limit wait needs a stream",
        ),
        ("connect udp:9 --eof full", "--eof needs a stream"),
        ("connect udp:9 --half-closed 1s", "over udp: write --wait"),
        ("connect udp:9 --exec -- cat", "--exec needs a stream"),
        ("connect 9 --wait 1s", "--wait is about datagrams"),
        ("connect udp:9 --check", "udp: has none"),
    ] {
        let output = run(ft().args(line.split(' ')), b"");
        let said = text(&output.stderr);
        assert_eq!(number(output.status), 2, "{line}: {said}");
        assert!(said.contains(sentence), "{line}: {said}");
    }
}

// ---- With others ---------------------------------------------------------------------------

/// Prints its port; answers each datagram with the same in upper case.
const PYTHON_SERVER: &str = r"
import socket, sys
host = sys.argv[1]
s = socket.socket(socket.AF_INET6 if ':' in host else socket.AF_INET, socket.SOCK_DGRAM)
s.bind((host, 0))
print(s.getsockname()[1], flush=True)
while True:
    data, peer = s.recvfrom(65536)
    s.sendto(data.upper(), peer)
";

#[test]
fn every_client_gets_its_datagram_back_over_both_families() {
    for host in ["127.0.0.1", "[::1]"] {
        let (server, address) = Running::listen(&[&format!("udp:{host}:0"), "echo"]);
        for name in ALL {
            let Some(mut command) = client(name, &Place::Udp(address)) else {
                continue;
            };
            let (client, answer) = talk(&mut command, b"hello from afar\n", 16);
            end(client);
            assert_eq!(text(&answer), "hello from afar\n", "{name} {host}");
        }
        assert_eq!(server.stop().status, 0);
    }
}

#[test]
fn a_python_server_answers_over_both_families() {
    if !has("python3") {
        return;
    }
    for host in ["127.0.0.1", "::1"] {
        let mut server = Command::new("python3")
            .args(["-c", PYTHON_SERVER, host])
            .stdout(Stdio::piped())
            .spawn()
            .expect("python3 starts");
        let mut line = String::new();
        let stdout = server.stdout.take().expect("stdout is a pipe");
        BufReader::new(stdout)
            .read_line(&mut line)
            .expect("its port");
        let port = line.trim().parse().expect("a number");
        let address = SocketAddr::new(host.parse().expect("an address"), port);
        let output = run(&mut connect(address, &["--wait", "300ms"]), b"one\ntwo\n");
        server.kill().expect("it lives");
        let _ = server.wait();
        assert_eq!(
            (number(output.status), text(&output.stdout)),
            (0, "ONE\nTWO\n".into())
        );
    }
}

/// Starts a server and asks it until it answers; who is not there yet refuses.
fn answers(mut server: Command, port: u16) {
    let mut server = server
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts");
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let mut output = None;
    eventually("it answers", || {
        let asked = run(&mut connect(address, &["--wait", "500ms"]), b"hello\n");
        let answered = number(asked.status) == 0 && !asked.stdout.is_empty();
        output = Some(asked);
        answered
    });
    server.kill().expect("it lives");
    let _ = server.wait();
    assert_eq!(text(&output.expect("it was asked").stdout), "hello\n");
}

#[test]
fn socat_and_ncat_answer_as_servers() {
    if has("socat") {
        let port = quiet_port();
        let mut command = Command::new("socat");
        command.args([
            &format!("UDP4-RECVFROM:{port},bind=127.0.0.1,fork"),
            "EXEC:cat",
        ]);
        answers(command, port);
    }
    if has("ncat") {
        let port = quiet_port();
        let mut command = Command::new("ncat");
        command.args([
            "-u",
            "-l",
            "-k",
            "-e",
            "/bin/cat",
            "127.0.0.1",
            &port.to_string(),
        ]);
        answers(command, port);
    }
}

#[test]
fn nc_as_a_server_takes_lines_and_answers_what_is_typed() {
    if !has("nc") {
        return;
    }
    let port = quiet_port();
    let mut server = Command::new("nc")
        .args(["-u", "-l", "127.0.0.1", &port.to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("nc starts");
    // Looked for from outside: a bind of ours would be in its way.
    let bound = format!(":{port:04X} ");
    eventually("it is bound", || {
        std::fs::read_to_string("/proc/net/udp").is_ok_and(|table| table.contains(&bound))
    });
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let (mut client, _) = talk(&mut connect(address, &[]), b"hello\n", 0);
    let mut stdout = server.stdout.take().expect("stdout is a pipe");
    let mut buffer = [0; 6];
    stdout.read_exact(&mut buffer).expect("the line comes");
    assert_eq!(&buffer, b"hello\n");
    let mut stdin = server.stdin.take().expect("stdin is a pipe");
    stdin.write_all(b"answer\n").expect("it is typed");
    let mut answer = [0; 7];
    let stdout = client.stdout.as_mut().expect("stdout is a pipe");
    stdout.read_exact(&mut answer).expect("the answer comes");
    assert_eq!(&answer, b"answer\n");
    end(client);
    end(server);
}
