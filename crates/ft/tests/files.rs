//! `send FILE` and `receive FILE|DIR` with real clients: whole files, nothing overwritten, and
//! nothing that looks whole and is not.

mod rig;

use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::unix::fs::symlink;
use std::process::{Command, Stdio};
use std::thread;

use rig::{Folder, PATIENCE, Running, bytes, eventually, ft, has, number, quiet_port, run, sh};
use rustix::net::sockopt;
use rustix::process::Signal;

/// The sizes at which copying goes wrong, and one that needs many turns.
const SIZES: [usize; 6] = [0, 1, 65535, 65536, 65537, 32 << 20];
const CLIENTS: [&str; 5] = ["nc", "ncat", "socat", "python3", "ft"];
const PYTHON_CLIENT: &str = r"
import socket, sys
with socket.create_connection((sys.argv[1], int(sys.argv[2]))) as s:
    s.sendall(sys.stdin.buffer.read())
    s.shutdown(socket.SHUT_WR)
    while data := s.recv(65536):
        sys.stdout.buffer.write(data)
";

/// A client that sends its stdin, finishes, and prints what comes.
fn client(name: &str, address: SocketAddr) -> Option<Command> {
    let (host, port) = (address.ip().to_string(), address.port().to_string());
    if name != "ft" && !has(name) {
        return None;
    }
    let mut command = Command::new(name);
    match name {
        "nc" => command.args(["-N", &host, &port]),
        "ncat" => command.args([&host, &port]),
        "socat" => command.args(["-t60", "-", &format!("TCP:{address}")]),
        "python3" => command.args(["-c", PYTHON_CLIENT, &host, &port]),
        _ => {
            command = ft();
            command.args(["connect", &host, &port])
        }
    };
    Some(command)
}

/// Starts `ft listen 127.0.0.1:0 …` with stdout under our eyes.
fn listen(words: &[&str]) -> (Running, SocketAddr) {
    listen_on("127.0.0.1:0", words)
}

fn listen_on(address: &str, words: &[&str]) -> (Running, SocketAddr) {
    let mut command = ft();
    command.args(["listen", address]).args(words);
    Running::listen_as(command.stdin(Stdio::null()).stdout(Stdio::piped()))
}

fn read_all(mut connection: &TcpStream) -> Vec<u8> {
    connection.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut all = Vec::new();
    connection.read_to_end(&mut all).unwrap();
    all
}

/// Sends all of it, finishes, and waits for the receipt: the other side's end.
fn deliver(address: SocketAddr, bytes: &[u8]) {
    let mut connection = TcpStream::connect(address).unwrap();
    connection.write_all(bytes).unwrap();
    connection.shutdown(Shutdown::Write).unwrap();
    assert_eq!(read_all(&connection), b"");
}

fn reset(connection: TcpStream) {
    sockopt::set_socket_linger(&connection, Some(std::time::Duration::ZERO)).unwrap();
    drop(connection);
}

#[track_caller]
fn said(lines: &[String], part: &str) -> String {
    let line = lines.iter().find(|line| line.contains(part));
    line.unwrap_or_else(|| panic!("no {part:?} in {lines:#?}"))
        .clone()
}

#[test]
fn every_client_gets_the_file_byte_for_byte() {
    let place = Folder::new();
    for size in SIZES {
        let content = bytes(size as u64, 0, size);
        let (server, address) = listen(&["send", &place.write("file", &content)]);
        for name in CLIENTS {
            let Some(mut client) = client(name, address) else {
                continue;
            };
            // What a client sends is thrown away.
            let output = run(&mut client, b"please\n");
            assert!(
                output.stdout == content,
                "{name} got {} of {size} bytes",
                output.stdout.len()
            );
            assert_eq!(number(output.status), 0, "{name}: {output:?}");
        }
        let ended = server.stop();
        assert_eq!(ended.status, 0, "{:#?}", ended.said);
    }
}

#[test]
fn a_file_comes_from_every_client_byte_for_byte() {
    let place = Folder::new();
    for size in SIZES {
        let content = bytes(size as u64, 0, size);
        for name in CLIENTS {
            let file = place.text("copy");
            let (server, address) = listen(&["receive", &file]);
            let Some(mut client) = client(name, address) else {
                continue;
            };
            if (name, size) == ("ft", 0) {
                // A stdin that ends before its first byte counts as absent, unless there is
                // nothing else to do.
                client.arg("--send-only");
            }
            let output = run(&mut client, &content);
            assert_eq!(number(output.status), 0, "{name}: {output:?}");
            // receive FILE is for one client.
            let ended = server.wait();
            assert_eq!(ended.status, 0, "{:#?}", ended.said);
            said(&ended.said, &format!("{size} B"));
            assert!(fs::read(&file).unwrap() == content, "{name}, {size} bytes");
            assert_eq!(place.names(""), ["copy"]);
            fs::remove_file(&file).unwrap();
        }
    }
}

#[test]
fn fifty_clients_at_once_get_the_whole_file() {
    let place = Folder::new();
    let content = bytes(1, 0, 2_000_000);
    let (server, address) = listen(&["send", &place.write("file", &content)]);
    let clients: Vec<TcpStream> = (0..50)
        .map(|_| TcpStream::connect(address).unwrap())
        .collect();
    thread::scope(|scope| {
        for client in &clients {
            scope.spawn(|| assert!(read_all(client) == content));
        }
    });
    drop(clients);
    let ended = server.stop();
    assert_eq!(ended.status, 0);
    said(&ended.said, "50 connections accepted, 50 released");
}

#[test]
fn fifty_clients_at_once_leave_fifty_whole_files() {
    let place = Folder::new();
    fs::create_dir(place.path("in")).unwrap();
    let (server, address) = listen(&["receive", &place.text("in"), "--digest"]);
    let ports: Vec<(u16, u64)> = thread::scope(|scope| {
        let sending: Vec<_> = (0..50)
            .map(|seed| {
                scope.spawn(move || {
                    let mut connection = TcpStream::connect(address).unwrap();
                    connection.write_all(&bytes(seed, 0, 1_000_001)).unwrap();
                    connection.shutdown(Shutdown::Write).unwrap();
                    assert_eq!(read_all(&connection), b"");
                    (connection.local_addr().unwrap().port(), seed)
                })
            })
            .collect();
        sending.into_iter().map(|one| one.join().unwrap()).collect()
    });
    // Every client has its receipt, so every file has its name now.
    let names = place.names("in");
    assert_eq!(names.len(), 50, "{names:?}");
    for (port, seed) in ports {
        let end = format!("-127.0.0.1_{port}");
        let name = names.iter().find(|name| name.ends_with(&end)).unwrap();
        let content = fs::read(place.path("in").join(name)).unwrap();
        assert!(content == bytes(seed, 0, 1_000_001), "{name}");
    }
    assert!(names[0].starts_with("000001-") && names[49].starts_with("000050-"));
    let ended = server.stop();
    assert_eq!(ended.status, 0, "{:#?}", ended.said);
    // Their digests are what sha256sum makes of them.
    fs::write(place.path("SUMS"), &ended.stdout).unwrap();
    let check = run(
        Command::new("sha256sum").args(["--strict", "-c", &place.text("SUMS")]),
        b"",
    );
    assert_eq!(number(check.status), 0, "{check:?}");
    assert_eq!(
        String::from_utf8_lossy(&check.stdout)
            .matches(": OK")
            .count(),
        50
    );
}

#[test]
fn what_stands_in_the_way_is_said_before_anybody_can_connect() {
    let place = Folder::new();
    place.write("old", b"old");
    place.write("half.partial", b"half");
    symlink(place.path("elsewhere"), place.path("planted")).unwrap();
    symlink(place.path("elsewhere"), place.path("trap.partial")).unwrap();
    fs::create_dir(place.path("empty")).unwrap();
    let made = Command::new("mkfifo").arg(place.path("pipe")).status();
    assert!(made.unwrap().success());
    for (words, expected) in [
        ("receive old", "ft: open old: exists already (EEXIST)"),
        (
            "receive half",
            "ft: open half.partial: exists already (EEXIST)",
        ),
        (
            "receive planted",
            "ft: open planted: exists already (EEXIST)",
        ),
        (
            "receive trap",
            "ft: open trap.partial: exists already (EEXIST)",
        ),
        (
            "receive missing/",
            "ft: open missing/: no such file (ENOENT)",
        ),
        (
            "receive missing/x",
            "ft: open missing: no such file (ENOENT)",
        ),
        ("receive old/x", "ft: open old: not a directory (ENOTDIR)"),
        ("send missing", "ft: open missing: no such file (ENOENT)"),
        ("send empty", "ft: open empty: is a directory (EISDIR)"),
        ("send pipe", "ft: open pipe: cannot seek (ESPIPE)"),
        ("send /dev/null", "ft: open /dev/null: cannot seek (ESPIPE)"),
        (
            "send /proc/version",
            "ft: open /proc/version: cannot seek (ESPIPE)",
        ),
        (
            "send --from 4 old",
            "ft: open old: invalid argument (EINVAL)",
        ),
    ] {
        let mut command = ft();
        command.args(["listen", "127.0.0.1:0"]);
        command.args(words.split(' ')).current_dir(place.as_path());
        let output = run(&mut command, b"");
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(text.lines().next(), Some(expected), "{words}: {text}");
        assert_eq!(number(output.status), 1, "{words}");
        let sends_what_has_no_size = expected.contains("ESPIPE");
        assert_eq!(
            text.contains("the terminal service"),
            sends_what_has_no_size,
            "{text}"
        );
        assert_eq!(
            text.contains("ever overwritten"),
            expected.contains("EEXIST")
        );
    }
    assert_eq!(fs::read(place.path("old")).unwrap(), b"old");
    assert_eq!(fs::read(place.path("half.partial")).unwrap(), b"half");
    assert!(!place.path("elsewhere").exists());
}

#[test]
fn without_permission_nothing_is_sent_or_received() {
    let place = Folder::new();
    place.write("secret", b"secret");
    fs::create_dir(place.path("closed")).unwrap();
    let script = format!(
        "cd {} && chmod 600 secret && chmod 755 closed . && \
         as() {{ if [ $(id -u) = 0 ]; then setpriv --reuid 65534 --clear-groups \"$@\"; \
         else chmod 0 secret; chmod 555 closed; \"$@\"; fi; }}
         cp $FT ft && chmod 755 ft
         as ./ft listen 127.0.0.1:0 send secret; echo $?
         as ./ft listen 127.0.0.1:0 receive closed; echo $?
         as ./ft listen 127.0.0.1:0 receive closed/x; echo $?",
        place.as_path().display()
    );
    if !has("setpriv") {
        return;
    }
    let output = run(&mut sh(&script, 0), b"");
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "1\n1\n1\n",
        "{text}"
    );
    assert_eq!(
        text.matches("open secret: permission denied (EACCES)")
            .count(),
        1,
        "{text}"
    );
    assert_eq!(
        text.matches("open closed: permission denied (EACCES)")
            .count(),
        2,
        "{text}"
    );
    assert!(text.contains("check the permissions"), "{text}");
}

#[test]
fn a_file_that_appears_under_the_name_meanwhile_is_not_overwritten() {
    let place = Folder::new();
    let (server, address) = listen(&["receive", &place.text("copy")]);
    let mut connection = TcpStream::connect(address).unwrap();
    connection.write_all(b"new").unwrap();
    eventually("the partial file stands", || {
        place.path("copy.partial").exists()
    });
    place.write("copy", b"somebody else's");
    connection.shutdown(Shutdown::Write).unwrap();
    // No end of ours: the client must not believe that all is well.
    connection.set_read_timeout(Some(PATIENCE)).unwrap();
    let error = connection.read(&mut [0]).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    let ended = server.wait();
    assert_eq!(ended.status, 1);
    said(&ended.said, "copy: exists already (EEXIST)");
    said(&ended.said, "incomplete, 3 B in");
    assert_eq!(fs::read(place.path("copy")).unwrap(), b"somebody else's");
    assert_eq!(fs::read(place.path("copy.partial")).unwrap(), b"new");
}

#[test]
fn in_a_directory_a_taken_name_gets_a_number() {
    let place = Folder::new();
    fs::create_dir(place.path("in")).unwrap();
    let (server, address) = listen(&["receive", &place.text("in/")]);
    let mut connection = TcpStream::connect(address).unwrap();
    let port = connection.local_addr().unwrap().port();
    let name = format!("in/000001-127.0.0.1_{port}");
    place.write(&name, b"old");
    symlink(
        place.path("elsewhere"),
        place.path(&format!("{name}-2.partial")),
    )
    .unwrap();
    connection.write_all(b"new").unwrap();
    connection.shutdown(Shutdown::Write).unwrap();
    assert_eq!(read_all(&connection), b"");
    assert_eq!(fs::read(place.path(&name)).unwrap(), b"old");
    assert_eq!(fs::read(place.path(&format!("{name}-3"))).unwrap(), b"new");
    assert!(!place.path("elsewhere").exists());
    assert_eq!(server.stop().status, 0);
}

#[test]
fn a_full_file_system_leaves_a_partial_file_and_status_one() {
    if !has("unshare") {
        return;
    }
    let possible = Command::new("unshare").args(["-rm", "true"]).output();
    if !possible.is_ok_and(|output| output.status.success()) {
        assert!(
            std::env::var_os("CI").is_none(),
            "under CI nothing is skipped: unshare -rm"
        );
        return;
    }
    let place = Folder::new();
    fs::create_dir(place.path("small")).unwrap();
    // The name of the file, what is said, and what stands in the end.
    for (receive, name) in [("small/copy", "copy"), ("small", "000001-127.0.0.1_")] {
        let script = format!(
            "cd {} && mount -t tmpfs -o size=1m tmpfs small && \
             {{ $FT listen 127.0.0.1:0 receive {receive} & }} && read line && kill $! ; wait $!; \
             status=$?; ls small; exit $status",
            place.as_path().display()
        );
        let mut command = Command::new("unshare");
        command.args(["-rm", "bash", "-c", &script]);
        command.env("FT", env!("CARGO_BIN_EXE_ft"));
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let (mut server, address) = Running::listen_as(&mut command);
        let mut connection = TcpStream::connect(address).unwrap();
        // Reset while it sends, or when it waits for the receipt.
        let sent = connection.write_all(&bytes(1, 0, 8 << 20));
        let _ = connection.shutdown(Shutdown::Write);
        assert!(sent.is_err() || connection.read(&mut [0]).is_err());
        server.wait_for("incomplete, ");
        server
            .child
            .stdin
            .take()
            .unwrap()
            .write_all(b"end\n")
            .unwrap();
        let ended = server.wait();
        assert_eq!(ended.status, 1, "{:#?}", ended.said);
        said(&ended.said, "no space left on the device (ENOSPC)");
        said(&ended.said, "df -h");
        let left = String::from_utf8(ended.stdout).unwrap();
        let left: Vec<&str> = left.lines().collect();
        assert!(
            matches!(left[..], [one] if one.starts_with(name) && one.ends_with(".partial")),
            "{left:?}"
        );
    }
}

#[test]
fn a_limit_on_the_size_of_files_is_said() {
    let place = Folder::new();
    let script = format!(
        "trap '' XFSZ; ulimit -f 100; exec $FT listen 127.0.0.1:0 receive {}",
        place.text("copy")
    );
    let mut command = sh(&script, 0);
    command.stdin(Stdio::null()).stdout(Stdio::null());
    let (server, address) = Running::listen_as(&mut command);
    let mut connection = TcpStream::connect(address).unwrap();
    let sent = connection.write_all(&bytes(1, 0, 8 << 20));
    let _ = connection.shutdown(Shutdown::Write);
    assert!(sent.is_err() || connection.read(&mut [0]).is_err());
    let ended = server.wait();
    assert_eq!(ended.status, 1);
    said(&ended.said, "copy.partial: file too large (EFBIG)");
    said(&ended.said, "ulimit -f");
    assert_eq!(place.names(""), ["copy.partial"]);
    assert_eq!(
        fs::read(place.path("copy.partial")).unwrap(),
        bytes(1, 0, 102_400)
    );
}

#[test]
fn killed_at_any_moment_it_leaves_nothing_half_under_a_whole_name() {
    let rounds = if std::env::var_os("FT_TEST_ALL").is_some() {
        500
    } else {
        20
    };
    let content = bytes(7, 0, 3_000_000);
    let mut completed = 0;
    let destinations = ["in", "in/file"];
    for (round, to) in (0..rounds).flat_map(|round| destinations.map(|to| (round, to))) {
        let place = Folder::new();
        fs::create_dir(place.path("in")).unwrap();
        let (server, address) = listen(&["receive", &place.text(to), "--drain", "0"]);
        let signal = if round % 2 == 0 {
            Signal::KILL
        } else {
            Signal::TERM
        };
        // From before the first byte to behind the last.
        let moment = content.len() * round / rounds * 5 / 4;
        let mut connection = TcpStream::connect(address).unwrap();
        let (before, after) = content.split_at(moment.min(content.len()));
        connection.write_all(before).unwrap();
        server.signal(signal);
        let _ = connection.write_all(after);
        let _ = connection.shutdown(Shutdown::Write);
        let _ = connection.read(&mut [0]);
        server.wait();
        for name in place.names("in") {
            let got = fs::read(place.path("in").join(&name)).unwrap();
            if name.ends_with(".partial") {
                assert!(content.starts_with(&got), "{name}");
            } else {
                assert!(got == content, "{name} has {} bytes", got.len());
                completed += 1;
            }
        }
    }
    assert!(completed < rounds * 2, "none was killed in time");
}

#[test]
fn after_a_reset_the_partial_file_is_said_and_the_commands_complete_it() {
    let place = Folder::new();
    let content = bytes(3, 0, 500_000);
    place.write("FILE", &content);
    let fixed = SocketAddr::from(([127, 0, 0, 1], quiet_port()));
    let receive = ["receive", &place.text("copy")];
    let (server, address) = listen_on(&fixed.to_string(), &receive);
    let mut connection = TcpStream::connect(address).unwrap();
    connection.write_all(&content[..123_456]).unwrap();
    // All of it is written before the client goes, so that the test knows what is there.
    eventually("123456 bytes are written", || {
        fs::metadata(place.path("copy.partial")).is_ok_and(|file| file.len() == 123_456)
    });
    reset(connection);
    let ended = server.wait();
    assert_eq!(ended.status, 1);
    said(&ended.said, "closed: reset by peer");
    said(&ended.said, "incomplete, 123456 B (123.46 kB) in");
    assert_eq!(place.names(""), ["FILE", "copy.partial"]);
    // What is printed is typed, on both sides.
    let here = said(&ended.said, "to continue, here: ");
    let there = said(&ended.said, "and there: ");
    let (_, here) = here.split_once("here: ").unwrap();
    let (_, there) = there.split_once("there: ").unwrap();
    let mut command = sh(&here.replacen("ft ", "$FT ", 1), 0);
    command.current_dir(place.as_path()).stdin(Stdio::null());
    let (server, _) = Running::listen_as(&mut command);
    let mut command = sh(&there.replacen("| ft ", "| $FT ", 1), 0);
    let output = run(command.current_dir(place.as_path()), b"");
    assert_eq!(number(output.status), 0, "{output:?}");
    assert_eq!(server.wait().status, 0);
    assert_eq!(place.names(""), ["FILE", "copy"]);
    assert!(fs::read(place.path("copy")).unwrap() == content);
}

#[test]
fn the_bytes_that_are_said_after_a_deadline_are_those_of_the_file() {
    let place = Folder::new();
    let (server, address) = listen(&["receive", &place.text("copy"), "--deadline", "300ms"]);
    let mut connection = TcpStream::connect(address).unwrap();
    while connection.write_all(&[0; 65536]).is_ok() {}
    let ended = server.wait();
    assert_eq!(ended.status, 124);
    let length = fs::metadata(place.path("copy.partial")).unwrap().len();
    said(&ended.said, &format!("incomplete, {length} B "));
    said(&ended.said, &format!("tail -c +{} FILE", length + 1));
}

#[test]
fn a_client_that_falls_silent_leaves_a_partial_file() {
    let place = Folder::new();
    let (server, address) = listen(&["receive", &place.text("copy"), "--idle", "2s"]);
    let mut connection = TcpStream::connect(address).unwrap();
    connection.write_all(b"only this").unwrap();
    let ended = server.wait();
    assert_eq!(ended.status, 124);
    said(&ended.said, "incomplete, 9 B in");
    assert_eq!(place.names(""), ["copy.partial"]);
}

#[test]
fn a_client_that_is_reset_before_its_first_byte_leaves_no_file() {
    let place = Folder::new();
    let (server, address) = listen(&["receive", &place.text("copy")]);
    reset(TcpStream::connect(address).unwrap());
    assert_eq!(server.wait().status, 1);
    assert!(place.names("").is_empty());
}

#[test]
fn after_a_break_of_send_the_commands_of_the_client_complete_the_copy() {
    let place = Folder::new();
    let content = bytes(4, 0, 30_000_000);
    place.write("FILE", &content);
    let mut command = ft();
    command.args(["listen", "127.0.0.1:0", "send", "FILE", "--drain", "0"]);
    command
        .current_dir(place.as_path())
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    let (server, address) = Running::listen_as(&mut command);
    // A relay that lets some of it through, then resets.
    let port = quiet_port();
    let between = std::net::TcpListener::bind(("127.0.0.1", port)).unwrap();
    let script = format!("exec $FT connect 127.0.0.1:{port} > copy");
    let mut command = sh(&script, 0);
    command.current_dir(place.as_path()).stdin(Stdio::null());
    let client = Running::start(&mut command);
    let (mut accepted, _) = between.accept().unwrap();
    let mut connected = TcpStream::connect(address).unwrap();
    let mut some = vec![0; 1_000_000];
    connected.read_exact(&mut some).unwrap();
    accepted.write_all(&some).unwrap();
    eventually("a million bytes are written", || {
        fs::metadata(place.path("copy")).is_ok_and(|file| file.len() == 1_000_000)
    });
    reset(accepted);
    reset(connected);
    let ended = client.wait();
    assert_eq!(ended.status, 1);
    let there = said(&ended.said, "copy has 1000000 B; to continue, there: ");
    let here = said(&ended.said, "and here: ");
    assert!(
        there.ends_with(&format!("ft listen {port} send --from 1000000 FILE")),
        "{there}"
    );
    assert!(
        here.ends_with(&format!("ft connect 127.0.0.1:{port} >> copy")),
        "{here}"
    );
    let ended = server.stop();
    said(&ended.said, "perhaps not all of FILE is there");
    // At another port: this server went on listening.
    said(
        &ended.said,
        &format!(
            "ft listen 127.0.0.1:{} send --from BYTES FILE",
            address.port() + 1
        ),
    );
    drop(between);
    let (_, there) = there.split_once("ft listen").unwrap();
    let mut command = sh(&format!("exec $FT listen {there} --once"), 0);
    command.current_dir(place.as_path()).stdin(Stdio::null());
    let (server, _) = Running::listen_as(&mut command);
    let (_, here) = here.split_once("ft connect").unwrap();
    let mut command = sh(&format!("exec $FT connect {here}"), 0);
    let output = run(command.current_dir(place.as_path()), b"");
    assert_eq!(number(output.status), 0, "{output:?}");
    assert_eq!(server.wait().status, 0);
    assert!(fs::read(place.path("copy")).unwrap() == content);
}

/// A client that has begun to read and stops.
fn begun(address: SocketAddr) -> TcpStream {
    let mut connection = TcpStream::connect(address).unwrap();
    connection.read_exact(&mut [0; 1000]).unwrap();
    connection.set_read_timeout(Some(PATIENCE)).unwrap();
    connection
}

#[test]
fn a_file_that_becomes_shorter_is_never_a_clean_end() {
    let place = Folder::new();
    let file = place.write("file", &bytes(5, 0, 40_000_000));
    let (server, address) = listen(&["send", &file]);
    let mut connection = begun(address);
    let open = fs::File::options().write(true).open(&file).unwrap();
    open.set_len(20_000_000).unwrap();
    let error = connection.read_to_end(&mut Vec::new()).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    let ended = server.stop();
    assert_eq!(ended.status, 1);
    said(&ended.said, "file: no data (ENODATA)");
    said(&ended.said, "40000000 B when it was opened, 20000000 B now");
    said(&ended.said, "closed: failed");
}

#[test]
fn a_file_that_grows_is_sent_as_it_was_and_a_change_is_said() {
    let place = Folder::new();
    let content = bytes(6, 0, 20_000_000);
    let file = place.write("file", &content);
    let (mut server, address) = listen(&["send", &file, "--digest"]);
    let mut connection = begun(address);
    let mut open = fs::File::options().append(true).open(&file).unwrap();
    open.write_all(b"more").unwrap();
    let mut rest = Vec::new();
    connection.read_to_end(&mut rest).unwrap();
    assert!(rest == content[1000..]);
    drop(connection);
    server.wait_for("somebody wrote to ");
    // The next client gets what is there now; a file that is replaced goes on as it was.
    let mut connection = begun(address);
    fs::rename(place.write("other", b"other"), &file).unwrap();
    rest.clear();
    connection.read_to_end(&mut rest).unwrap();
    assert!(rest.ends_with(b"more") && rest.len() == 20_000_004 - 1000);
    drop(connection);
    assert_eq!(read_all(&TcpStream::connect(address).unwrap()), b"other");
    fs::remove_file(&file).unwrap();
    let gone = TcpStream::connect(address).unwrap();
    gone.set_read_timeout(Some(PATIENCE)).unwrap();
    assert!((&gone).read(&mut [0]).is_err());
    let ended = server.stop();
    assert_eq!(ended.status, 1);
    said(&ended.said, "file: no such file (ENOENT)");
}

#[test]
fn digests_are_those_of_sha256sum_at_both_ends() {
    let place = Folder::new();
    place.write("big file", &bytes(8, 0, 5_000_001));
    let script = "cd $PLACE && sha256sum 'big file' | cut -d' ' -f1; \
         tail -c +1000001 'big file' | sha256sum | cut -d' ' -f1";
    let output = run(sh(script, 0).env("PLACE", place.as_path()), b"");
    let sums = String::from_utf8(output.stdout).unwrap();
    let sums: Vec<&str> = sums.lines().collect();
    let [whole, rest] = sums[..] else {
        panic!("{sums:?}");
    };
    let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    for (from, sum, line) in [
        ("0", whole, format!("{whole}  big file\n")),
        (
            "1M",
            rest,
            format!("# {rest}  big file from byte 1000000 on\n"),
        ),
    ] {
        let mut command = ft();
        command.args(["listen", "127.0.0.1:0", "send", "--from", from, "big file"]);
        command
            .args(["--digest", "--once", "-q"])
            .current_dir(place.as_path());
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        // With -q the address is not said, so the port is chosen here.
        command.args(["--events", "-"]);
        let mut server = Running::start(&mut command);
        let listening = server.wait_for("\"event\":\"listening\"");
        let (_, port) = listening.rsplit_once("\"port\":").unwrap();
        let port = port.trim_end_matches('}').to_owned();
        let mut client = ft();
        client.args(["connect", "127.0.0.1", &port, "--digest", "-q"]);
        let output = run(client.stdin(Stdio::null()), b"");
        assert_eq!(
            String::from_utf8_lossy(&output.stderr),
            format!("{empty}  sent\n{sum}  received\n")
        );
        let ended = server.wait();
        assert_eq!(String::from_utf8(ended.stdout).unwrap(), line);
    }
    let (server, address) = listen(&["receive", &place.text("copy"), "--digest"]);
    let port = address.port().to_string();
    let mut client = ft();
    client.args(["connect", "127.0.0.1", &port, "--digest"]);
    let output = run(&mut client, &fs::read(place.path("big file")).unwrap());
    assert_eq!(
        String::from_utf8_lossy(&output.stderr),
        format!("{whole}  sent\n{empty}  received\n")
    );
    let ended = server.wait();
    let line = format!("{whole}  {}\n", place.text("copy"));
    assert_eq!(String::from_utf8(ended.stdout).unwrap(), line);
}

#[test]
fn a_digest_that_cannot_be_written_is_status_one() {
    let place = Folder::new();
    let script = format!(
        "exec $FT listen 127.0.0.1:0 receive {} --digest > /dev/full",
        place.text("copy")
    );
    let mut command = sh(&script, 0);
    let (server, address) = Running::listen_as(command.stdin(Stdio::null()));
    deliver(address, b"hello");
    let ended = server.wait();
    assert_eq!(ended.status, 1);
    said(
        &ended.said,
        "write stdout: no space left on the device (ENOSPC)",
    );
    assert_eq!(fs::read(place.path("copy")).unwrap(), b"hello");
}

#[test]
fn a_tree_goes_through_tar_and_receive() {
    let place = Folder::new();
    fs::create_dir_all(place.path("from/below")).unwrap();
    fs::create_dir(place.path("to")).unwrap();
    place.write("from/below/file", &bytes(1, 0, 3_000_000));
    place.write("from/empty", b"");
    let (server, address) = listen(&["receive", &place.text("tree.tar")]);
    let script = format!(
        "cd {}/from && tar c . | $FT connect $PORT",
        place.as_path().display()
    );
    let output = run(&mut sh(&script, address.port()), b"");
    assert_eq!(number(output.status), 0, "{output:?}");
    assert_eq!(server.wait().status, 0);
    let script = format!(
        "cd {}/to && tar x -f ../tree.tar && diff -r . ../from",
        place.as_path().display()
    );
    assert_eq!(number(run(&mut sh(&script, 0), b"").status), 0);
}

#[test]
fn a_large_file_leaves_no_memory_behind_and_no_descriptor() {
    let place = Folder::new();
    fs::create_dir(place.path("in")).unwrap();
    let (server, address) = listen(&["receive", &place.text("in")]);
    let content = bytes(9, 0, 32 << 20);
    deliver(address, &content);
    let pid = server.child.id();
    let after = rig::pss_kib(pid);
    assert!(after < 64 * 1024, "{after} KiB");
    // A connection that waits holds two descriptors at most, and gives them back.
    let before = rig::descriptors_at_rest(pid);
    let mut waiting = TcpStream::connect(address).unwrap();
    waiting.write_all(b"x").unwrap();
    eventually("its file is open", || rig::descriptors(pid) == before + 2);
    waiting.shutdown(Shutdown::Write).unwrap();
    assert_eq!(read_all(&waiting), b"");
    eventually("both are closed", || rig::descriptors(pid) == before);
    assert_eq!(server.stop().status, 0);
}

/// What a terminal shows, and its keyboard.
struct Screen {
    child: std::process::Child,
    shown: Vec<u8>,
    keyboard: std::process::ChildStdin,
}

impl Screen {
    fn start(command: &str, place: &Folder, port: u16) -> Self {
        let mut script = sh("exec script -qec \"$0\" /dev/null", port);
        script.arg(command).current_dir(place.as_path());
        script.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = script.spawn().unwrap();
        let keyboard = child.stdin.take().unwrap();
        Self {
            child,
            shown: Vec::new(),
            keyboard,
        }
    }

    /// Reads until this is shown; the text so far.
    fn wait_for(&mut self, part: &str) -> String {
        let mut buffer = [0; 4096];
        loop {
            let text = String::from_utf8_lossy(&self.shown).into_owned();
            if text.contains(part) {
                return text;
            }
            let count = self
                .child
                .stdout
                .as_mut()
                .unwrap()
                .read(&mut buffer)
                .unwrap();
            assert!(count > 0, "no {part:?} in {text:?}");
            self.shown.extend_from_slice(&buffer[..count]);
        }
    }

    fn end(mut self) -> String {
        let mut stdout = self.child.stdout.take().unwrap();
        stdout.read_to_end(&mut self.shown).unwrap();
        rig::wait(&mut self.child);
        String::from_utf8_lossy(&self.shown).into_owned()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What stays on the screen: each line as it is after all that was taken away from it.
fn lines_that_stay(shown: &str) -> Vec<String> {
    let line = |line: &str| line.rsplit("\r\x1b[K").next().unwrap().to_owned();
    let lines = shown
        .split('\n')
        .map(|one| one.strip_suffix('\r').unwrap_or(one));
    lines.map(line).collect()
}

#[test]
fn on_a_terminal_progress_is_drawn_below_whole_lines() {
    if !has("script") {
        return;
    }
    let place = Folder::new();
    place.write("file", &bytes(1, 0, 30_000_000));
    let command = "stty cols 80; $FT listen 127.0.0.1:0 send file --digest --drain 0";
    let mut screen = Screen::start(command, &place, 0);
    let text = screen.wait_for(" tcp");
    let (_, rest) = text.split_once("listening on ").unwrap();
    let address: SocketAddr = rest.split_once(" tcp").unwrap().0.parse().unwrap();
    let mut slow = begun(address);
    screen.wait_for("of 30.00 MB [");
    let text = screen.wait_for("B/s, ");
    assert!(text.contains(" left"), "{text:?}");
    // Others come and go meanwhile.
    let others: Vec<TcpStream> = (0..3).map(|_| begun(address)).collect();
    screen.wait_for("4 connections");
    others.into_iter().for_each(reset);
    let mut all = Vec::new();
    slow.read_to_end(&mut all).unwrap();
    assert_eq!(all.len(), 30_000_000 - 1000);
    drop(slow);
    screen.wait_for("  file\r\n");
    // INT, as from the keyboard.
    screen.keyboard.write_all(b"\x03").unwrap();
    let shown = screen.end();
    let lines = lines_that_stay(&shown);
    let count = |part: &str| {
        let with = lines.iter().filter(|line| line.contains(part));
        with.inspect(|line| assert!(line.starts_with('#'), "{line:?}"))
            .count()
    };
    assert_eq!(count(" tcp accepted"), 4, "{lines:#?}");
    assert_eq!(count(" closed: "), 4, "{lines:#?}");
    assert!(
        !lines.iter().any(|line| line.contains("MB [")),
        "{lines:#?}"
    );
    assert!(shown.contains("4 connections accepted"), "{shown:?}");
}

#[test]
fn connect_draws_its_progress_and_never_on_stdout() {
    if !has("script") {
        return;
    }
    let place = Folder::new();
    let content = bytes(2, 0, 20_000_000);
    place.write("file", &content);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let command = "stty cols 80; $FT connect 127.0.0.1:$PORT --progress < file > copy";
    let mut screen = Screen::start(command, &place, port);
    let (mut connection, _) = listener.accept().unwrap();
    connection.read_exact(&mut [0; 1000]).unwrap();
    let text = screen.wait_for("left");
    assert!(text.contains("of 20.00 MB ["), "{text:?}");
    std::io::copy(&mut connection, &mut std::io::sink()).unwrap();
    connection.write_all(b"answer").unwrap();
    drop(connection);
    let shown = screen.end();
    assert_eq!(lines_that_stay(&shown), [""], "{shown:?}");
    assert_eq!(fs::read(place.path("copy")).unwrap(), b"answer");
}

#[test]
fn where_the_size_is_unknown_the_bytes_and_the_rate_are_drawn() {
    if !has("script") {
        return;
    }
    let place = Folder::new();
    fs::create_dir(place.path("inbox")).unwrap();
    let content = bytes(3, 0, 3_000_000);
    let (first, last) = content.split_at(2_000_000);
    // What comes from a server.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let command = "stty cols 80; $FT connect 127.0.0.1:$PORT --progress > copy";
    let mut screen = Screen::start(command, &place, port);
    let (mut connection, _) = listener.accept().unwrap();
    connection.write_all(first).unwrap();
    screen.wait_for("2.00 MB, ");
    screen.wait_for(" MB/s");
    connection.write_all(last).unwrap();
    drop(connection);
    let shown = screen.end();
    assert_eq!(lines_that_stay(&shown), [""], "{shown:?}");
    assert!(fs::read(place.path("copy")).unwrap() == content);
    // What comes from clients.
    let command = "stty cols 80; $FT listen 127.0.0.1:0 receive inbox";
    let mut screen = Screen::start(command, &place, 0);
    let text = screen.wait_for(" tcp");
    let (_, rest) = text.split_once("listening on ").unwrap();
    let mut client = TcpStream::connect(rest.split_once(" tcp").unwrap().0).unwrap();
    client.write_all(first).unwrap();
    screen.wait_for("2.00 MB, ");
    screen.wait_for(" MB/s");
    client.write_all(last).unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    assert_eq!(client.read(&mut [0]).unwrap(), 0);
    screen.wait_for(" closed: ");
    screen.keyboard.write_all(b"\x03").unwrap();
    let shown = screen.end();
    let lines = lines_that_stay(&shown);
    assert!(
        !lines.iter().any(|line| line.contains("MB/s")),
        "{lines:#?}"
    );
    let names = place.names("inbox");
    assert_eq!(names.len(), 1, "{names:?}");
    assert!(fs::read(place.path("inbox").join(&names[0])).unwrap() == content);
}

#[test]
fn without_a_terminal_nothing_is_drawn_and_usr1_prints_the_line() {
    let place = Folder::new();
    let file = place.write("file", &bytes(1, 0, 30_000_000));
    let (mut server, address) = listen(&["send", &file, "--drain", "0"]);
    let connection = begun(address);
    server.signal(Signal::USR1);
    let line = server.wait_for(" B (");
    assert!(
        line.contains(" of 30000000 B (") && line.contains(" MB/s, "),
        "{line}"
    );
    let port = address.port().to_string();
    let mut command = ft();
    command.args(["connect", "127.0.0.1", &port, "--progress"]);
    let mut client = Running::start(command.stdin(Stdio::null()).stdout(Stdio::piped()));
    let mut stdout = client.child.stdout.take().unwrap();
    stdout.read_exact(&mut [0; 1000]).unwrap();
    client.signal(Signal::USR1);
    let line = client.wait_for("MB/s");
    assert!(
        line.contains("sent 0 B, received ") && line.contains(" B, "),
        "{line}"
    );
    drop(stdout);
    let ended = client.wait();
    assert_eq!(ended.said.len(), 1, "{:?}", ended.said);
    drop(connection);
    for line in server.stop().said {
        assert!(!line.contains('\r') && !line.contains('\x1b'), "{line:?}");
    }
}

#[test]
fn mistakes_are_one_sentence() {
    let place = Folder::new();
    for (words, expected) in [
        (&["send"][..], "ft listen: which file? write send FILE"),
        (
            &["receive"],
            "ft listen: into which file or directory? write receive FILE or receive DIR",
        ),
        (
            &["send", "-"],
            "ft listen: send gives each client a file, and stdin is read once",
        ),
        (
            &["receive", "-"],
            "ft listen: receive writes files: leave out receive -",
        ),
        (
            &["send", "a", "b"],
            "ft listen: 'b' is one word too many behind send",
        ),
        (
            &["send", "echo"],
            "ft listen: a listening socket has one service",
        ),
        (
            &["echo", "--digest"],
            "ft listen: --digest is for send and receive",
        ),
        (
            &["--from", "1"],
            "ft listen: --from is for send and receive",
        ),
        (
            &["receive", "x", "--from", "1"],
            "ft listen: --from is where send starts",
        ),
        (
            &["send", "x", "--crlf"],
            "ft listen: --crlf is for the terminal service",
        ),
        (
            &["send", "x", "--from", "1K"],
            "ft listen: --from 1K: not a size: write 1k",
        ),
    ] {
        let mut command = ft();
        command.args(["listen", "8080"]).args(words);
        let output = run(command.current_dir(place.as_path()), b"");
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(text.starts_with(expected), "{words:?}: {text}");
        assert_eq!(number(output.status), 2);
    }
    assert!(place.names("").is_empty());
}
