//! The exec service: what observers are told of a connection whose socket a program has, and that
//! nothing is left of the program.
#![cfg(feature = "exec")]

mod recorder;

use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;
use std::time::{Duration, Instant};

use fivetuple::kernel::child::GRACE;
use fivetuple::service::{Data, Exec, ExecOptions, Stderr};
use fivetuple::{Reason, ServerOptions, Service, Side, Terms};
use recorder::{Fact, Running, pattern, read_all, reset, until};

fn options() -> ServerOptions {
    ServerOptions {
        terms: Terms {
            half_closed: None,
            ..Terms::SERVER
        },
        ..ServerOptions::default()
    }
}

fn shell(script: &str, data: Data) -> Exec {
    Exec::new(ExecOptions {
        data,
        ..ExecOptions::new(["/bin/sh", "-c", script])
    })
    .unwrap()
}

/// A line without its newline.
fn line(client: &mut impl Read) -> String {
    let mut line = Vec::new();
    let mut byte = [0];
    while client.read(&mut byte).unwrap() == 1 && byte != *b"\n" {
        line.push(byte[0]);
    }
    String::from_utf8(line).unwrap()
}

/// Whether a process runs; a zombie does not.
fn runs(pid: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat.rsplit_once(") ").map(|(_, rest)| &rest[..1]);
    state.is_some_and(|state| state != "Z")
}

const WAYS: [Data; 2] = [Data::Socket, Data::Pipe];

#[tokio::test(flavor = "multi_thread")]
async fn the_bytes_of_a_program_are_counted_whoever_moves_them() {
    for data in WAYS {
        let exec = shell("cat; head -c 70000 /dev/zero", data);
        let running = Running::start(exec.clone(), options()).await;
        let mut client = running.connect();
        let sent = pattern(300_000);
        let mut writing = client.try_clone().unwrap();
        let writer = std::thread::spawn(move || {
            writing.write_all(&sent).unwrap();
            writing.shutdown(Shutdown::Write).unwrap();
        });
        let answer = read_all(&mut client).unwrap();
        writer.join().unwrap();
        assert!(answer[..300_000] == pattern(300_000) && answer.len() == 370_000);
        let (reason, first, totals) = running.recorder.closed();
        assert_eq!((reason, first), (Reason::Released, Side::Peer), "{data:?}");
        assert_eq!(totals.bytes_sent, 370_000);
        assert_eq!(totals.bytes_received, 300_000);
        assert_eq!(totals.bytes_unacknowledged, 0);
        assert_eq!(running.drain().await.complete, 1);
        exec.ended().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_ends_first_is_our_end_and_what_nobody_read_harms_nothing() {
    for data in WAYS {
        let running = Running::start(shell("echo done", data), options()).await;
        let mut client = running.connect();
        client.write_all(b"unread").unwrap();
        assert_eq!(line(&mut client), "done");
        assert_eq!(client.read(&mut [0]).unwrap(), 0);
        drop(client);
        let (reason, first, totals) = running.recorder.closed();
        assert_eq!((reason, first), (Reason::Released, Side::Us), "{data:?}");
        assert_eq!((totals.bytes_sent, totals.bytes_received), (5, 6));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn both_ends_of_a_stream_that_the_program_itself_has_shut_are_told() {
    let script = "import socket, sys, time\n\
        s = socket.socket(fileno=0)\n\
        s.sendall(b'bye'); s.shutdown(socket.SHUT_WR)\n\
        while s.recv(100): pass\n\
        time.sleep(0.2)";
    let exec = Exec::new(ExecOptions::new(["python3", "-c", script])).unwrap();
    let running = Running::start(exec, options()).await;
    let mut client = running.connect();
    assert_eq!(read_all(&mut client).unwrap(), b"bye");
    client.write_all(b"1234567").unwrap();
    drop(client);
    let (reason, _, totals) = running.recorder.closed();
    assert_eq!(reason, Reason::Released);
    assert_eq!((totals.bytes_sent, totals.bytes_received), (3, 7));
    let halves = running
        .recorder
        .count(|fact| matches!(fact, Fact::HalfClosed(..)));
    assert_eq!(halves, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_is_a_reset_whoever_hears_of_it_first() {
    // The first never looks at its socket, the second waits in a read.
    for script in ["echo $$; exec sleep 1000", "echo $$; cat; exec sleep 1000"] {
        for (data, half_closes) in [
            (Data::Socket, false),
            (Data::Socket, true),
            (Data::Pipe, false),
            (Data::Terminal, false),
        ] {
            if half_closes && script.contains("cat") {
                continue;
            }
            let exec = shell(script, data);
            let running = Running::start(exec.clone(), options()).await;
            let mut client = running.connect();
            let pid = line(&mut client).trim().to_owned();
            client.write_all(b"12345").unwrap();
            if half_closes {
                client.shutdown(Shutdown::Write).unwrap();
            }
            assert!(runs(&pid));
            reset(client);
            let (reason, first, totals) = running.recorder.closed();
            assert_eq!(reason, Reason::Reset, "{script} {data:?}");
            if half_closes {
                // Nobody read them, so the program was given none.
                assert_eq!((first, totals.bytes_received), (Side::Peer, 0));
            }
            exec.ended().await;
            assert!(!runs(&pid));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_cut_leaves_nothing() {
    for data in [Data::Socket, Data::Pipe, Data::Terminal] {
        let exec = shell("trap '' TERM; sleep 1000 & echo $!; wait; sleep 1000", data);
        let running = Running::start(exec.clone(), options()).await;
        let mut client = running.connect();
        let pid = line(&mut client).trim().to_owned();
        running.control.cut();
        let recorder = running.recorder.clone();
        assert_eq!(running.end().await.cut, 1);
        assert_eq!(recorder.closed().0, Reason::Aborted);
        exec.kill();
        exec.ended().await;
        until(|| !runs(&pid)).await;
        let error = read_all(&mut client).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{data:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn places_are_given_back_when_the_group_is_gone() {
    let exec = Exec::new(ExecOptions {
        max_children: Some(1),
        ..ExecOptions::new([
            "/bin/sh",
            "-c",
            "trap '' TERM; echo here; while :; do sleep 1; done",
        ])
    })
    .unwrap();
    let running = Running::start(exec, options()).await;
    let mut first = running.connect();
    assert_eq!(line(&mut first), "here");
    let mut second = running.connect();
    let third = running.connect();
    running
        .recorder
        .wait_for_all(3, |fact| matches!(fact, Fact::Accepted(_)));
    // One that goes while it waits takes no place.
    reset(third);
    running
        .recorder
        .wait_for(|fact| matches!(fact, Fact::Closed(3, Reason::Reset, ..)));
    second
        .set_read_timeout(Some(Duration::from_millis(200)))
        .unwrap();
    assert!(second.read(&mut [0]).is_err(), "it waits");
    second.set_read_timeout(Some(recorder::PATIENCE)).unwrap();
    reset(first);
    assert_eq!(line(&mut second), "here");
}

#[tokio::test(flavor = "multi_thread")]
async fn exclusive_descriptors_are_those_that_are_open_while_a_program_runs() {
    for (data, stderr) in [
        (Data::Socket, Stderr::Null),
        (Data::Socket, Stderr::Log),
        (Data::Pipe, Stderr::Peer),
        (Data::Pipe, Stderr::Log),
        (Data::Terminal, Stderr::Peer),
    ] {
        let exec = Exec::new(ExecOptions {
            data,
            stderr,
            ..ExecOptions::new(["cat"])
        })
        .unwrap();
        let each = exec.descriptors();
        let running = Running::start(exec.clone(), options()).await;
        let connect = || {
            let mut client = running.connect();
            client.write_all(b"x\n").unwrap();
            assert_eq!(line(&mut client).trim(), "x");
            client
        };
        let open = || fivetuple::kernel::limit::open_descriptors().unwrap();
        drop(connect());
        running.recorder.wait_for(Fact::is_closed);
        exec.ended().await;
        let before = open();
        let clients: Vec<_> = (0..20).map(|_| connect()).collect();
        // The sockets of the clients are ours, too. A child that is just being started takes some
        // more for a moment.
        let expected = before + 20 * (each + 1);
        until(|| open() <= expected).await;
        assert!(
            open() > expected - 20,
            "{data:?} {stderr:?}: fewer would do"
        );
        drop(clients);
        // What is still closing would count in the next round.
        running.drain().await;
        exec.ended().await;
    }
}

#[test]
fn what_cannot_be_started_is_refused_at_once() {
    for words in [vec!["no-such-program"], vec![], vec!["/etc/passwd"]] {
        let error = Exec::new(ExecOptions::new(words)).unwrap_err();
        assert!(error.to_string().starts_with("exec "), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_ended_after_all_were_killed_is_killed_too() {
    for data in WAYS {
        let exec = shell("trap '' TERM; echo; exec sleep 1000", data);
        let running = Running::start(exec.clone(), options()).await;
        let mut client = running.connect();
        line(&mut client);
        let killed = Instant::now();
        exec.kill();
        // The connection ends only now, and with it the program, which ignores TERM.
        running.control.cut();
        exec.ended().await;
        assert!(killed.elapsed() < GRACE, "{data:?}: {:?}", killed.elapsed());
        running.end().await;
    }
}
