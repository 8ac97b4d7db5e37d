//! Every service over Unix sockets, and the relay between them and TCP in any combination.

mod rig;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use rig::{Folder, PATIENCE, Running, bytes, eventually, ft, has, run};
use rustix::net::sockopt::set_socket_linger;

fn address(path: &Path) -> String {
    format!("unix:{}", path.display())
}

fn listen(address: &str, words: &[&str]) -> Running {
    let mut command = ft();
    command.arg("listen").arg(address).args(words);
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    let mut running = Running::start(&mut command);
    running.wait_for("listening on ");
    running
}

/// What a client that sends this, and finishes, is given.
fn answer(address: &str, input: &[u8]) -> Vec<u8> {
    let output = run(ft().args(["connect", address]), input);
    assert!(output.status.success(), "{output:?}");
    output.stdout
}

fn member(path: &Path) -> (UnixStream, BufReader<UnixStream>) {
    let stream = UnixStream::connect(path).expect("it is let in");
    stream.set_read_timeout(Some(PATIENCE)).expect("a deadline");
    let lines = BufReader::new(stream.try_clone().expect("a second descriptor"));
    (stream, lines)
}

fn line(reader: &mut impl BufRead) -> String {
    let mut line = String::new();
    reader.read_line(&mut line).expect("a line comes");
    line
}

#[test]
fn services_that_answer_or_send_do_so_over_a_unix_socket() {
    let folder = Folder::new();
    let path = folder.path("x");
    let address = address(&path);
    let big = bytes(11, 0, 1 << 20);
    for (words, input, check) in [
        (&["discard"][..], &big[..], 0..=0),
        (&["daytime"], b"", 20..=60),
        (&["time"], b"", 4..=4),
        (&["source", "300000"], b"", 300_000..=300_000),
        (
            &["shell", "cat; echo late"],
            &big,
            (1 << 20) + 5..=(1 << 20) + 5,
        ),
        (&["exec", "--", "cat"], &big, 1 << 20..=1 << 20),
        (&["exec", "--pipe", "--", "cat"], &big, 1 << 20..=1 << 20),
    ] {
        let mut server = listen(&address, words);
        let came = answer(&address, input);
        assert!(check.contains(&came.len()), "{words:?}: {}", came.len());
        let closed = server.wait_for("closed: released");
        let sent = format!("sent {} B", came.len());
        assert!(closed.contains(&sent), "{words:?}: {closed}");
        assert_eq!(server.stop().status, 0, "{words:?}");
    }
}

#[test]
fn chargen_stops_when_its_reader_is_gone() {
    let folder = Folder::new();
    let path = folder.path("x");
    let mut server = listen(&address(&path), &["chargen"]);
    let mut client = UnixStream::connect(&path).expect("it is let in");
    client.read_exact(&mut [0; 100_000]).expect("it sends");
    drop(client);
    server.wait_for("closed: ");
    assert_eq!(server.stop().status, 0);
}

#[test]
fn a_program_knows_the_path_and_the_process_of_its_client() {
    let folder = Folder::new();
    let path = folder.path("x");
    let script = "echo $PROTO $UNIXLOCALPATH $UNIXREMOTEPID $UNIXREMOTEEUID $TCPREMOTEIP.";
    let server = listen(&address(&path), &["shell", script]);
    let (_writer, mut lines) = member(&path);
    let uid = rustix::process::geteuid().as_raw();
    let expected = format!("UNIX {} {} {uid} .\n", path.display(), std::process::id());
    assert_eq!(line(&mut lines), expected);
    assert_eq!(server.stop().status, 0);
}

#[test]
fn members_of_a_hub_and_of_a_chat_hear_each_other() {
    let folder = Folder::new();
    let path = folder.path("x");
    let mut server = listen(&address(&path), &["hub"]);
    let (mut one, _) = member(&path);
    let (_other, mut heard) = member(&path);
    server.wait_for("#2");
    one.write_all(b"hello\n").expect("it sends");
    assert_eq!(line(&mut heard), "hello\n");
    server.signal(rustix::process::Signal::INT);
    server.wait_for("no longer listening");
    server.signal(rustix::process::Signal::INT);
    server.wait();

    let server = listen(&address(&path), &["chat"]);
    let (mut anna, mut to_anna) = member(&path);
    assert_eq!(line(&mut to_anna), "-- your name? --\n");
    anna.write_all(b"anna\n").expect("it sends");
    assert!(line(&mut to_anna).starts_with("-- welcome, anna"));
    let (mut bert, mut to_bert) = member(&path);
    bert.write_all(b"bert\nhello\n").expect("it sends");
    assert!(line(&mut to_bert).contains("your name?"));
    assert!(line(&mut to_anna).contains("bert"));
    assert_eq!(line(&mut to_anna), "bert: hello\n");
    drop(server);
}

#[test]
fn files_go_out_and_come_in() {
    let folder = Folder::new();
    let (path, big, inbox) = (folder.path("x"), folder.path("big"), folder.path("inbox"));
    let data = bytes(5, 0, 3_000_000);
    fs::write(&big, &data).expect("a file");
    fs::create_dir(&inbox).expect("a folder");
    let address = address(&path);
    let server = listen(&address, &["send", big.to_str().expect("UTF-8")]);
    assert!(answer(&address, b"") == data);
    assert_eq!(server.stop().status, 0);
    let server = listen(&address, &["receive", inbox.to_str().expect("UTF-8")]);
    answer(&address, &data);
    assert_eq!(server.stop().status, 0);
    let names: Vec<_> = fs::read_dir(&inbox)
        .expect("it is there")
        .flatten()
        .collect();
    assert_eq!(names.len(), 1);
    let name = names[0].file_name().into_string().expect("UTF-8");
    assert!(name.starts_with("000001-pid_"), "{name}");
    assert!(fs::read(names[0].path()).expect("it is whole") == data);
}

#[test]
fn curl_is_served_over_a_unix_socket() {
    if !has("curl") {
        return;
    }
    let folder = Folder::new();
    let (path, site) = (folder.path("x"), folder.path("site"));
    fs::create_dir(&site).expect("a folder");
    fs::write(site.join("hello.txt"), "hello, world\n").expect("a file");
    let server = listen(
        &address(&path),
        &["http", site.to_str().expect("UTF-8"), "--status"],
    );
    let mut curl = Command::new("curl");
    curl.args(["-sS", "--unix-socket"]).arg(&path);
    curl.args(["http://localhost/hello.txt", "http://localhost/.ft"]);
    let output = run(&mut curl, b"");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    assert!(text.starts_with("hello, world\n"), "{text}");
    assert!(
        text.contains(&format!("→ {} unix", address(&path))),
        "{text}"
    );
    assert_eq!(server.stop().status, 0);
}

#[test]
fn the_terminal_service_has_its_two_directions() {
    let folder = Folder::new();
    let path = folder.path("x");
    let mut command = ft();
    command.args(["listen", &address(&path), "--once"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut server = Running::start(&mut command);
    server.wait_for("listening on ");
    let mut stdin = server.child.stdin.take().expect("a pipe");
    stdin.write_all(b"from the server\n").expect("it reads");
    drop(stdin);
    assert_eq!(
        answer(&address(&path), b"from the client\n"),
        b"from the server\n"
    );
    let ended = server.wait();
    assert_eq!(
        (ended.status, &ended.stdout[..]),
        (0, &b"from the client\n"[..])
    );
}

#[test]
fn a_relay_joins_tcp_and_unix_sockets_in_any_combination() {
    let folder = Folder::new();
    let (echo, front) = (folder.path("echo"), folder.path("front"));
    let unix_echo = listen(&address(&echo), &["echo"]);
    let (tcp_echo, tcp) = Running::listen(&["127.0.0.1:0", "echo"]);
    let data = bytes(9, 0, 5_000_000);
    for destination in [address(&echo), tcp.to_string()] {
        let relay = listen(&address(&front), &["relay", &destination]);
        assert!(
            answer(&address(&front), &data) == data,
            "unix → {destination}"
        );
        assert_eq!(relay.stop().status, 0);
        let (relay, place) = Running::listen(&["127.0.0.1:0", "relay", &destination]);
        assert!(
            answer(&place.to_string(), &data) == data,
            "tcp → {destination}"
        );
        assert_eq!(relay.stop().status, 0);
    }
    assert_eq!(unix_echo.stop().status, 0);
    assert_eq!(tcp_echo.stop().status, 0);
}

#[test]
fn a_relay_on_a_unix_socket_calls_as_its_options_say() {
    let folder = Folder::new();
    let front = address(&folder.path("front"));
    let (echo, place) = Running::listen(&["0", "echo"]);
    let destination = format!("localhost:{}", place.port());
    for (option, host) in [("-4", "127.0.0.1"), ("-6", "[::1]")] {
        let words = ["relay", &destination, option, "--interface", "lo", "-v"];
        let mut relay = listen(&front, &words);
        assert_eq!(answer(&front, b"hello"), b"hello");
        relay.wait_for("SO_BINDTODEVICE, lo");
        let line = relay.wait_for(" connected for #1");
        let called = format!(" → {host}:{} tcp", place.port());
        assert!(line.contains(&called), "{option}: {line}");
        assert_eq!(relay.stop().status, 0);
    }
    assert_eq!(echo.stop().status, 0);
}

#[test]
fn a_reset_behind_a_relay_never_becomes_an_orderly_end() {
    let folder = Folder::new();
    let path = folder.path("x");
    let target = UnixListener::bind(&path).expect("a socket");
    let (mut relay, place) = Running::listen(&["127.0.0.1:0", "relay", &address(&path)]);
    let mut client = TcpStream::connect(place).expect("it is let in");
    client.set_read_timeout(Some(PATIENCE)).expect("a deadline");
    let (peer, _) = target.accept().expect("the relay calls");
    client.write_all(b"unread").expect("it sends");
    relay.wait_for("connected for #1");
    eventually("it is there", || {
        let mut looked = [0; 6];
        rustix::net::recv(&peer, &mut looked, rustix::net::RecvFlags::PEEK)
            .is_ok_and(|(count, _)| count == 6)
    });
    // With bytes unread, a close is a reset.
    drop(peer);
    let mut rest = Vec::new();
    let error = client.read_to_end(&mut rest).expect_err("it is told");
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
}

#[test]
fn a_reset_before_a_relay_is_an_end_for_a_unix_socket_and_told_as_what_it_was() {
    let folder = Folder::new();
    let path = folder.path("x");
    let target = UnixListener::bind(&path).expect("a socket");
    let (mut relay, place) = Running::listen(&["127.0.0.1:0", "relay", &address(&path)]);
    let mut client = TcpStream::connect(place).expect("it is let in");
    let (mut peer, _) = target.accept().expect("the relay calls");
    peer.set_read_timeout(Some(PATIENCE)).expect("a deadline");
    client.write_all(b"last words").expect("it sends");
    let mut words = [0; 10];
    peer.read_exact(&mut words).expect("they come");
    set_socket_linger(&client, Some(Duration::ZERO)).expect("an option");
    drop(client);
    // There is no RST for a Unix socket.
    assert_eq!(peer.read(&mut words).expect("an end"), 0);
    let mut closed = [relay.wait_for("closed: "), relay.wait_for("closed: ")];
    closed.sort();
    let [accepted, connected] = closed;
    assert!(accepted.contains("closed: reset by peer"), "{accepted}");
    assert!(connected.contains("closed: aborted"), "{connected}");
    assert!(connected.starts_with("#2 "), "{connected}");
}
