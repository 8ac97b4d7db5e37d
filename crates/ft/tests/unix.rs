//! Unix sockets: every case of the path, the file's life, and the servers that people know.

mod rig;
mod script;

use std::fs;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

use rig::{Folder, Running, bytes, descriptors, descriptors_at_rest, eventually, ft, has, run};
use rustix::process::{Signal, kill_process};
use script::check;
use serde_json::Value;

fn address(path: &Path) -> String {
    format!("unix:{}", path.display())
}

fn listen(path: &Path, words: &[&str]) -> Running {
    let mut command = ft();
    command.arg("listen").arg(address(path)).args(words);
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    let mut running = Running::start(&mut command);
    running.wait_for("listening on unix:");
    running
}

#[test]
fn what_stands_at_the_path_has_its_own_message_and_is_left_alone() {
    check(
        "unix-listen",
        r#"umask 022
        $FT listen unix:/mnt/none/x echo
        mkdir dir && $FT listen unix:/mnt/dir echo
        echo precious > file && $FT listen unix:/mnt/file echo
        cat file >&2
        ln -s nowhere link && $FT listen unix:/mnt/link echo
        $FT listen unix:/mnt/file/x echo
        $FT listen unix:/mnt/live echo 2> log &
        wait_for grep listening log
        $FT listen unix:/mnt/live echo
        $FT listen unix:@name echo 2> log2 &
        wait_for grep listening log2
        $FT listen unix:@name echo
        python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("/mnt/theirs")'
        chown 1234 theirs; $FT listen unix:/mnt/theirs echo
        mkdir -m 700 closed; chmod 755 /mnt
        setpriv --reuid=1234 --clear-groups $FT listen unix:/mnt/closed/x echo
        $FT listen unix:/mnt/$(printf '%0200d' 0) echo
        $FT listen unix: echo
        $FT listen unix:/mnt/y echo --allow 10.0.0.0/8
        $FT listen 8080 echo --mode 0660
        $FT listen unix:/mnt/y echo --mode 9
        ls -A /mnt >&2"#,
    );
}

#[test]
fn what_is_wrong_with_a_path_that_is_called_is_said() {
    check(
        "unix-connect",
        r#"$FT connect unix:/mnt/none
        echo x > file && $FT connect unix:/mnt/file
        python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("/mnt/dead")'
        $FT connect unix:/mnt/dead
        $FT connect unix:@nobody
        $FT listen unix:/mnt/live echo 2> log &
        wait_for grep listening log
        setpriv --reuid=1234 --clear-groups $FT connect unix:/mnt/live
        python3 -c 'import socket; socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).bind("/mnt/datagrams")'
        $FT connect unix:/mnt/live --source 127.0.0.1
        $FT connect unix:/mnt/live --check"#,
    );
}

#[test]
fn a_full_accept_queue_is_waited_for_and_then_said() {
    check(
        "unix-queue",
        r#"peer 's = socket.socket(socket.AF_UNIX); s.bind("/mnt/full"); s.listen(0)
c = socket.socket(socket.AF_UNIX); c.connect("/mnt/full"); ready()'
        $FT connect unix:/mnt/full --connect-timeout 300ms < /dev/null"#,
    );
}

#[test]
fn the_file_has_its_mode_from_the_start_and_goes_with_the_server() {
    let folder = Folder::new();
    let path = folder.path("x");
    for (words, mode) in [
        (&["echo"][..], 0o600),
        (&["echo", "--mode", "0666"], 0o666),
        (&["echo", "--mode", "660"], 0o660),
    ] {
        let server = listen(&path, words);
        let found = fs::symlink_metadata(&path).expect("it is there");
        assert!(found.file_type().is_socket());
        assert_eq!(found.permissions().mode() & 0o777, mode);
        assert_eq!(server.stop().status, 0);
        assert!(!path.exists(), "it is removed");
    }
}

#[test]
fn a_socket_that_nobody_answers_at_is_replaced() {
    let folder = Folder::new();
    let path = folder.path("x");
    let mut killed = listen(&path, &["echo"]);
    killed.child.kill().expect("it lives");
    killed.child.wait().expect("it ends");
    let server = listen(&path, &["echo"]);
    let output = run(ft().arg("connect").arg(address(&path)), b"hello");
    assert_eq!(output.stdout, b"hello");
    assert_eq!(server.stop().status, 0);
}

#[test]
fn a_file_that_is_not_ours_any_more_is_left_alone() {
    let folder = Folder::new();
    let path = folder.path("x");
    let server = listen(&path, &["echo"]);
    fs::remove_file(&path).expect("it is there");
    let _other = UnixListener::bind(&path).expect("another listens there now");
    assert_eq!(server.stop().status, 0);
    assert!(path.exists(), "the other one's file is still there");
}

/// Its file goes while its socket is open still: who starts meanwhile finds somebody there.
#[test]
fn a_server_that_stops_takes_nobody_elses_file_with_it() {
    if !has("strace") {
        return;
    }
    let folder = Folder::new();
    let path = folder.path("x");
    let mut slow = Command::new("strace");
    slow.args([
        "-f",
        "-qq",
        "-o",
        "/dev/null",
        "-e",
        "trace=unlink,unlinkat",
    ]);
    slow.args(["-e", "inject=unlink,unlinkat:delay_enter=1000000"]);
    slow.arg(env!("CARGO_BIN_EXE_ft"));
    slow.arg("listen").arg(address(&path)).arg("echo");
    slow.stdin(Stdio::null()).stdout(Stdio::null());
    let mut stops = Running::start(&mut slow);
    stops.wait_for("listening on unix:");
    let tracer = stops.child.id();
    let children = format!("/proc/{tracer}/task/{tracer}/children");
    let pid = fs::read_to_string(children).expect("strace lives");
    let pid = pid
        .trim()
        .parse()
        .ok()
        .and_then(rustix::process::Pid::from_raw);
    kill_process(pid.expect("it has a child"), Signal::TERM).expect("it lives");
    // One after the other, until the path is free.
    let next = loop {
        let mut command = ft();
        command.arg("listen").arg(address(&path)).arg("echo");
        command.stdin(Stdio::null()).stdout(Stdio::null());
        let mut next = Running::start(&mut command);
        if next.wait_for("unix:").starts_with("listening on") {
            break next;
        }
    };
    assert_eq!(stops.wait().status, 0);
    let output = run(ft().arg("connect").arg(address(&path)), b"hello");
    assert_eq!(output.stdout, b"hello", "it is the one at the path");
    assert_eq!(next.stop().status, 0);
}

#[test]
fn a_holder_is_known_by_the_file_and_not_by_the_text_of_the_path() {
    let (one, other) = (Folder::new(), Folder::new());
    let start = |folder: &Folder| {
        let mut command = ft();
        command.args(["listen", "unix:x", "echo"]);
        command.current_dir(folder.as_path());
        command.stdin(Stdio::null()).stdout(Stdio::null());
        Running::start(&mut command)
    };
    let (mut holder, mut stranger) = (start(&one), start(&other));
    holder.wait_for("listening on unix:x");
    stranger.wait_for("listening on unix:x");
    for text in ["unix:x", "unix:./x", &address(&one.path("x"))] {
        let mut command = ft();
        command
            .args(["listen", text, "echo"])
            .current_dir(one.as_path());
        let said = run(&mut command, b"").stderr;
        let said = String::from_utf8_lossy(&said).into_owned();
        let named = |running: &Running| said.contains(&format!("pid {},", running.child.id()));
        assert!(named(&holder) && !named(&stranger), "{text}: {said}");
    }
}

#[test]
fn of_many_that_start_at_once_over_a_dead_socket_one_listens() {
    let folder = Folder::new();
    let path = folder.path("x");
    for _ in 0..5 {
        drop(UnixListener::bind(&path).expect("a socket"));
        let starting: Vec<_> = (0..8)
            .map(|_| {
                let address = address(&path);
                thread::spawn(move || {
                    let mut command = ft();
                    command.args(["listen", &address, "echo"]);
                    command.stdin(Stdio::null()).stdout(Stdio::null());
                    let mut running = Running::start(&mut command);
                    let said = running.wait_for("unix:");
                    (running, said)
                })
            })
            .collect();
        let mut listening = Vec::new();
        for one in starting {
            let (running, said) = one.join().expect("it says something");
            if said.starts_with("listening on") {
                listening.push(running);
            } else {
                assert!(said.contains("EADDRINUSE"), "{said}");
            }
        }
        assert_eq!(listening.len(), 1);
        let output = run(ft().arg("connect").arg(address(&path)), b"hello");
        assert_eq!(output.stdout, b"hello", "it is the one at the path");
        for server in listening {
            assert_eq!(server.stop().status, 0);
        }
    }
}

#[test]
fn both_ends_name_the_connection_with_the_same_words() {
    let folder = Folder::new();
    let (path, events) = (folder.path("x"), folder.path("events"));
    let mut server = listen(
        &path,
        &["echo", "--events", events.to_str().expect("UTF-8")],
    );
    let mut client = ft();
    client.args(["connect", &address(&path), "--events", "-"]);
    let output = run(&mut client, b"hello");
    assert_eq!(output.stdout, b"hello");
    let closed = server.wait_for("closed: released");
    let name = closed.split(" closed").next().expect("a name");
    let uid = rustix::process::geteuid().as_raw();
    assert!(name.starts_with("#1 pid "), "{name}");
    assert!(
        name.ends_with(&format!(" uid {uid} → {} unix", address(&path))),
        "{name}"
    );
    let pid = server.child.id();
    assert_eq!(server.stop().status, 0);

    let read = |text: &str, event: &str| -> Value {
        let line = text.lines().find(|line| line.contains(event)).expect(event);
        serde_json::from_str(line).expect("JSON")
    };
    let theirs = String::from_utf8(output.stderr).expect("UTF-8");
    let ours = fs::read_to_string(&events).expect("the events");
    for (text, event, peer) in [
        (&theirs, "\"connected\"", Some(pid)),
        (&ours, "\"accepted\"", None),
    ] {
        let event = read(text, event);
        assert_eq!(event["five_tuple"], Value::Null);
        assert_eq!(event["path"], path.to_str().expect("UTF-8"));
        assert_eq!(event["peer_uid"], uid);
        if let Some(pid) = peer {
            assert_eq!(event["peer_pid"], pid);
        }
    }
    assert_eq!(read(&ours, "\"listening\"")["local"], Value::Null);
    assert_eq!(
        read(&ours, "\"listening\"")["path"],
        path.to_str().expect("UTF-8")
    );
}

#[test]
fn it_talks_to_the_servers_that_people_know() {
    let folder = Folder::new();
    for (program, words) in [
        ("nc", &["-lU", "PATH"][..]),
        ("ncat", &["-lU", "PATH"]),
        ("socat", &["-", "UNIX-LISTEN:PATH"]),
    ] {
        if !has(program) {
            continue;
        }
        let path = folder.path(program);
        let name = path.to_str().expect("UTF-8");
        let words = words.iter().map(|word| word.replace("PATH", name));
        let mut command = Command::new(program);
        command
            .args(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut server = command.spawn().expect("it starts");
        eventually("it listens", || path.exists());
        let mut client = ft();
        client.args(["connect", &address(&path), "--send-only", "--retry", "50"]);
        let output = run(&mut client, b"hello");
        assert!(output.status.success(), "{program}: {output:?}");
        drop(server.stdin.take());
        let output = server.wait_with_output().expect("it ends");
        assert_eq!(output.stdout, b"hello", "{program}");
    }
}

#[test]
fn a_half_close_gets_its_late_answer_both_ways() {
    let folder = Folder::new();
    let path = folder.path("x");
    let server = listen(&path, &["echo"]);
    let data = bytes(3, 0, 4 << 20);
    let output = run(ft().arg("connect").arg(address(&path)), &data);
    assert!(output.status.success());
    assert!(output.stdout == data);
    assert_eq!(server.stop().status, 0);
}

#[test]
fn a_peer_that_is_gone_ends_a_connection_that_only_waits() {
    let folder = Folder::new();
    let path = folder.path("x");
    let mut command = ft();
    command.args(["listen", &address(&path)]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut server = Running::start(&mut command);
    server.wait_for("listening on unix:");
    let mut client = ft();
    client.args(["connect", &address(&path)]);
    let mut client = Running::start(client.stdin(Stdio::piped()).stdout(Stdio::null()));
    server.wait_for("accepted");
    client.child.kill().expect("it lives");
    server.wait_for("closed");
}

#[test]
fn an_abstract_name_is_served_and_leaves_nothing() {
    let name = format!("unix:@ft-test-{}", std::process::id());
    let mut command = ft();
    command.args(["listen", &name, "daytime"]);
    command.stdin(Stdio::null()).stdout(Stdio::null());
    let mut server = Running::start(&mut command);
    server.wait_for(&format!("listening on {name} unix"));
    server.wait_for("everybody on this machine");
    let output = run(ft().args(["connect", &name]), b"");
    assert!(!output.stdout.is_empty());
    assert_eq!(server.stop().status, 0);
}

/// Whether somebody is connected to this path (`/proc/net/unix`, state 03).
fn table_has_clients(path: &Path) -> bool {
    let table = fs::read_to_string("/proc/net/unix").expect("it is there");
    let name = path.to_str().expect("UTF-8");
    let mut lines = table.lines();
    lines.any(|line| line.ends_with(name) && line.contains(" 03 "))
}

#[test]
fn five_hundred_clients_at_once_leave_no_descriptor() {
    let folder = Folder::new();
    let path = folder.path("x");
    let server = listen(&path, &["echo"]);
    // With one client served, everything that the server opens for itself is open.
    let output = run(ft().arg("connect").arg(address(&path)), b"hello");
    assert_eq!(output.stdout, b"hello");
    eventually("it is alone", || !table_has_clients(&path));
    let before = descriptors_at_rest(server.child.id());
    let round = || {
        use std::io::{Read, Write};
        let mut clients: Vec<_> = (0..500)
            .map(|_| std::os::unix::net::UnixStream::connect(&path).expect("it is let in"))
            .collect();
        for (at, client) in clients.iter_mut().enumerate() {
            client
                .write_all(&bytes(at as u64, 0, 4096))
                .expect("it sends");
        }
        for (at, client) in clients.iter_mut().enumerate() {
            let mut back = vec![0; 4096];
            client.read_exact(&mut back).expect("it answers");
            assert!(back == bytes(at as u64, 0, 4096));
        }
    };
    round();
    eventually("all are gone", || descriptors(server.child.id()) == before);
    round();
    eventually("all are gone", || descriptors(server.child.id()) == before);
    assert_eq!(server.stop().status, 0);
}
