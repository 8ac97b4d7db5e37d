//! How a server stops, whom it lets in, and the statuses that come of it.

mod rig;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::Stdio;
use std::time::Duration;

use rig::{Running, eventually, ft, number, run};
use rustix::net::sockopt::set_socket_linger;
use rustix::process::Signal;

fn ask(client: &mut TcpStream) {
    client.write_all(b"x").unwrap();
    let mut answer = [0];
    client.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"x");
}

/// Whether a client is turned away: reset, in connect or right after it.
fn is_turned_away(address: SocketAddr) -> bool {
    let Ok(mut client) = TcpStream::connect(address) else {
        return true;
    };
    client.read(&mut [0]).is_err()
}

#[test]
fn the_first_signal_lets_connections_end_and_closes_the_port() {
    for signal in [Signal::INT, Signal::TERM] {
        let (mut server, address) = Running::listen(&["127.0.0.1:0", "echo"]);
        let mut client = TcpStream::connect(address).unwrap();
        ask(&mut client);
        server.signal(signal);
        server.wait_for("no longer listening");
        let refused = TcpStream::connect(address).unwrap_err();
        assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
        ask(&mut client);
        drop(client);
        let ended = server.wait();
        assert_eq!(ended.status, 0);
        assert!(
            ended
                .said
                .last()
                .unwrap()
                .contains("1 connection accepted, 1 released")
        );
    }
}

#[test]
fn clients_in_the_queue_are_served_even_at_the_limit() {
    let words = ["127.0.0.1:0", "echo", "--max-connections", "1"];
    let (server, address) = Running::listen(&words);
    let mut first = TcpStream::connect(address).unwrap();
    ask(&mut first);
    let mut second = TcpStream::connect(address).unwrap();
    server.signal(Signal::TERM);
    drop(first);
    ask(&mut second);
    drop(second);
    assert_eq!(server.wait().status, 0);
}

#[test]
fn what_outlasts_the_drain_is_cut_and_a_second_signal_cuts_at_once() {
    let (server, address) = Running::listen(&["127.0.0.1:0", "echo", "--drain", "100ms"]);
    let mut client = TcpStream::connect(address).unwrap();
    ask(&mut client);
    assert_eq!(server.stop().status, 1);
    assert!(client.read(&mut [0]).is_err(), "cut by a reset");
    for (signal, status) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let (mut server, address) = Running::listen(&["127.0.0.1:0", "echo"]);
        let mut client = TcpStream::connect(address).unwrap();
        ask(&mut client);
        server.signal(signal);
        server.wait_for("no longer listening");
        server.signal(signal);
        assert_eq!(server.wait().status, status);
    }
}

#[test]
fn usr1_prints_counters() {
    let (mut server, address) = Running::listen(&["127.0.0.1:0", "echo"]);
    let mut client = TcpStream::connect(address).unwrap();
    ask(&mut client);
    // The byte may be here before the server has counted it.
    eventually("it is counted", || {
        server.signal(Signal::USR1);
        let line = server.wait_for("1 open");
        line == "1 connection accepted, 1 open; sent 1 B, received 1 B"
    });
    drop(client);
    assert_eq!(server.stop().status, 0);
}

#[test]
fn once_has_the_outcome_of_its_connection() {
    let (server, address) = Running::listen(&["127.0.0.1:0", "echo", "--once"]);
    ask(&mut TcpStream::connect(address).unwrap());
    assert_eq!(server.wait().status, 0);
    let (server, address) = Running::listen(&["127.0.0.1:0", "echo", "--once"]);
    let mut client = TcpStream::connect(address).unwrap();
    ask(&mut client);
    set_socket_linger(&client, Some(Duration::ZERO)).unwrap();
    drop(client);
    assert_eq!(server.wait().status, 1);
    let (server, address) = Running::listen(&["127.0.0.1:0", "echo", "--once", "--idle", "100ms"]);
    let silent = TcpStream::connect(address).unwrap();
    assert_eq!(server.wait().status, 124);
    drop(silent);
}

#[test]
fn a_restart_finds_its_port_at_once() {
    let (server, address) = Running::listen(&["127.0.0.1:0", "daytime"]);
    // The server finishes first, so TIME-WAIT is at its side.
    let mut client = TcpStream::connect(address).unwrap();
    client.read_to_end(&mut Vec::new()).unwrap();
    drop(client);
    assert_eq!(server.stop().status, 0);
    let (server, again) = Running::listen(&[&address.to_string(), "daytime"]);
    assert_eq!(again, address);
    let second = run(ft().args(["listen", &address.to_string()]), b"");
    assert_eq!(number(second.status), 1);
    let said = String::from_utf8_lossy(&second.stderr).into_owned();
    assert!(
        said.contains("address in use (EADDRINUSE)\n  held by ft (pid "),
        "{said}"
    );
    assert_eq!(server.stop().status, 0);
}

#[test]
fn limits_and_rules_decide_who_is_served() {
    let words = [
        "127.0.0.1:0",
        "echo",
        "--max-connections",
        "1",
        "--at-limit",
        "refuse",
    ];
    let (server, address) = Running::listen(&words);
    let mut first = TcpStream::connect(address).unwrap();
    ask(&mut first);
    assert!(is_turned_away(address));
    ask(&mut first);
    drop(first);
    assert_eq!(server.stop().status, 0);

    let (server, address) = Running::listen(&["127.0.0.1:0", "echo", "--max-per-ip", "1"]);
    let mut first = TcpStream::connect(address).unwrap();
    ask(&mut first);
    assert!(is_turned_away(address));
    drop(first);
    assert_eq!(server.stop().status, 0);

    for (rule, network, let_in) in [
        ("--allow", "127.0.0.0/8", true),
        ("--allow", "10.0.0.0/8", false),
        ("--deny", "127.0.0.1", false),
        ("--deny", "10.0.0.0/8", true),
    ] {
        let (server, address) = Running::listen(&["127.0.0.1:0", "echo", rule, network]);
        if let_in {
            ask(&mut TcpStream::connect(address).unwrap());
        } else {
            assert!(is_turned_away(address), "{rule} {network}");
        }
        assert_eq!(server.stop().status, 0);
    }
}

#[test]
fn families_and_interfaces_are_as_asked_for() {
    for (words, addresses) in [
        (&["0"][..], &["127.0.0.1", "[::1]"][..]),
        (&["0", "-4"], &["127.0.0.1"]),
        (&["0", "-6"], &["[::1]"]),
        (&["*:0"], &["0.0.0.0", "[::]"]),
        (&["0", "--interface", "lo"], &["0.0.0.0", "[::]"]),
        (&["localhost:0", "-4"], &["127.0.0.1"]),
    ] {
        let mut command = ft();
        command.arg("listen").args(words).arg("echo");
        let mut server = Running::start(command.stdin(Stdio::null()).stdout(Stdio::null()));
        let mut ports = Vec::new();
        for address in addresses {
            let line = server.wait_for("listening on ");
            let rest = line.strip_prefix(&format!("listening on {address}:"));
            let port = rest.and_then(|rest| rest.strip_suffix(" tcp"));
            ports.push(
                port.unwrap_or_else(|| panic!("{words:?}: {line}"))
                    .to_owned(),
            );
        }
        assert!(
            ports.iter().all(|port| *port == ports[0]),
            "{words:?}: {ports:?}"
        );
        let mut client = TcpStream::connect((
            if words.contains(&"-6") {
                "::1"
            } else {
                "127.0.0.1"
            },
            ports[0].parse().unwrap(),
        ))
        .unwrap();
        ask(&mut client);
        drop(client);
        assert_eq!(server.stop().status, 0);
    }
}
