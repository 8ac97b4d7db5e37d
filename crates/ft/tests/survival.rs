//! What the accept loop and the data path live through.

mod rig;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Command, Stdio};
use std::thread;

use rig::{Running, bytes, can_make_namespaces, has, namespaces};
use rustix::process::Signal;

fn echoes(address: SocketAddr, size: usize) {
    let mut client = TcpStream::connect(address).unwrap();
    let mut sending = client.try_clone().unwrap();
    let sent = bytes(5, 0, size);
    let expected = sent.clone();
    let feeding = thread::spawn(move || {
        sending.write_all(&sent).unwrap();
        sending.shutdown(std::net::Shutdown::Write).unwrap();
    });
    let mut received = Vec::new();
    client.read_to_end(&mut received).unwrap();
    assert!(received == expected, "{} of {size} bytes", received.len());
    feeding.join().unwrap();
}

/// A server whose accept fails in this way, three times, before it works.
fn failing(errno: &str) -> (Running, SocketAddr) {
    let mut command = Command::new("strace");
    command.args(["-f", "-qq", "-o", "/dev/null", "-e", "trace=accept4", "-e"]);
    command.arg(format!("inject=accept4:error={errno}:when=1..3"));
    command.args([
        env!("CARGO_BIN_EXE_ft"),
        "listen",
        "127.0.0.1:0",
        "echo",
        "--once",
    ]);
    command.stdin(Stdio::null()).stdout(Stdio::null());
    Running::listen_as(&mut command)
}

#[test]
fn no_error_of_accept_ends_the_server() {
    if !has("strace") {
        return;
    }
    for (errno, is_said) in [
        ("ECONNABORTED", false),
        ("EPROTO", false),
        ("ENETDOWN", false),
        ("ENETUNREACH", false),
        ("EHOSTDOWN", false),
        ("EHOSTUNREACH", false),
        ("ENONET", false),
        ("ENOPROTOOPT", false),
        ("EOPNOTSUPP", false),
        ("ETIMEDOUT", false),
        ("EINTR", false),
        ("EMFILE", true),
        ("ENFILE", true),
        ("ENOBUFS", true),
        ("ENOMEM", true),
        ("EPERM", true),
        ("EIO", true),
    ] {
        let (server, address) = failing(errno);
        echoes(address, 1000);
        let ended = server.wait();
        assert_eq!(ended.status, 0, "{errno}: {:#?}", ended.said);
        let said = ended.said.iter().any(|line| line.contains(errno));
        assert_eq!(said, is_said, "{errno}: {:#?}", ended.said);
    }
}

#[test]
fn signals_at_any_moment_disturb_no_transfer() {
    let (server, address) = Running::listen(&["127.0.0.1:0", "echo"]);
    thread::scope(|scope| {
        let moving = scope.spawn(|| echoes(address, 64 << 20));
        while !moving.is_finished() {
            server.signal(Signal::USR1);
            thread::yield_now();
        }
    });
    let ended = server.stop();
    assert_eq!(ended.status, 0, "{:#?}", ended.said.last());
    assert!(
        ended.said.iter().any(|line| line.contains("1 open")),
        "counters are printed"
    );
}

#[test]
fn an_urgent_byte_stays_where_it_stands() {
    let (server, address) = Running::listen(&["127.0.0.1:0", "echo"]);
    let mut client = TcpStream::connect(address).unwrap();
    // All of it is there before the server reads.
    server.freeze();
    client.write_all(b"before ").unwrap();
    rustix::net::send(&client, b"!", rustix::net::SendFlags::OOB).unwrap();
    client.write_all(b" behind").unwrap();
    server.signal(Signal::CONT);
    let mut heard = [0; 15];
    client.read_exact(&mut heard).unwrap();
    assert_eq!(&heard, b"before ! behind");
    drop(client);
    assert_eq!(server.stop().status, 0);
}

#[test]
fn a_last_descriptor_that_is_taken_is_no_shortage_until_somebody_waits() {
    if !has("prlimit") {
        return;
    }
    let (mut server, address) = Running::listen(&["127.0.0.1:0", "echo"]);
    echoes(address, 10);
    server.wait_for("closed: released");
    let pid = server.child.id();
    let taken = |fd: &u64| std::path::Path::new(&format!("/proc/{pid}/fd/{fd}")).exists();
    let free = (3..).find(|fd| !taken(fd)).unwrap();
    let limit = format!("--nofile={}", free + 1);
    let lowered = Command::new("prlimit")
        .args(["--pid", &pid.to_string(), &limit])
        .status();
    assert!(lowered.unwrap().success());
    let mut first = TcpStream::connect(address).unwrap();
    for _ in 0..2 {
        first.write_all(b"x").unwrap();
        first.read_exact(&mut [0]).unwrap();
    }
    server.signal(Signal::USR1);
    server.wait_for("1 open");
    assert!(
        !server.said.concat().contains("EMFILE"),
        "{:#?}",
        server.said
    );
    let mut second = TcpStream::connect(address).unwrap();
    server.wait_for("EMFILE");
    drop(first);
    second.write_all(b"y").unwrap();
    second.read_exact(&mut [0]).unwrap();
    drop(second);
    let ended = server.stop();
    assert_eq!(ended.status, 0);
    let resumed = ended
        .said
        .iter()
        .filter(|line| line.starts_with("resumed"))
        .count();
    assert_eq!(resumed, 1, "{:#?}", ended.said);
}

/// Both ends of a connection, and then nothing arrives any more.
const VANISHED: &str = r#"
export PATH=$PATH:/usr/sbin:/sbin NO_COLOR=1
ip link set lo up; mount -t tmpfs tmpfs /mnt; cd /mnt
$FT listen 127.0.0.1:8080 discard 2> log & server=$!
until grep -q listening log; do :; done
$FT connect 127.0.0.1:8080 < <(exec tail -f /dev/null) & client=$!
until grep -q accepted log; do :; done
nft 'add table inet t; add chain inet t c { type filter hook input priority 0; policy drop; }'
wait $client; echo client $?
grep -m 1 -o 'closed: timed out' < <(exec tail -n +1 -f log)
nft flush ruleset
echo hello | $FT connect 127.0.0.1:8080; echo again $?
kill $server; wait $server; echo server $?
"#;

/// A long run; the short one, with keepalive times of its own, is the library's.
#[test]
fn a_peer_that_vanishes_is_timed_out_by_both_ends_and_the_server_goes_on() {
    let whole = std::env::var_os("FT_TEST_ALL").is_some();
    if !whole || !has("nft") || !can_make_namespaces() {
        return;
    }
    let mut command = namespaces();
    command.args(["bash", "-c", VANISHED]);
    command.env("FT", env!("CARGO_BIN_EXE_ft"));
    let output = command.stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "client 1\nclosed: timed out\nagain 0\nserver 0\n",
        "{said}"
    );
    assert!(said.contains("ETIMEDOUT"), "{said}");
}

#[test]
fn a_small_limit_is_never_reached_by_ft_itself() {
    if !has("prlimit") {
        return;
    }
    let mut command = Command::new("prlimit");
    command.args(["--nofile=24:24", env!("CARGO_BIN_EXE_ft")]);
    command.args(["listen", "127.0.0.1:0", "echo"]);
    command.stdin(Stdio::null()).stdout(Stdio::null());
    let (server, address) = Running::listen_as(&mut command);
    let clients: Vec<TcpStream> = (0..20)
        .map(|_| {
            let mut client = TcpStream::connect(address).unwrap();
            client.write_all(b"x").unwrap();
            client
        })
        .collect();
    for mut client in clients {
        client.read_exact(&mut [0]).unwrap();
    }
    let ended = server.stop();
    assert_eq!(ended.status, 0);
    let said = ended.said.concat();
    assert!(!said.contains("EMFILE"), "{:#?}", ended.said);
    assert!(
        said.contains("paused: the limit of connections"),
        "{:#?}",
        ended.said
    );
}

#[test]
fn with_hardly_any_descriptors_it_ends_with_the_errno_and_without_a_panic() {
    if !has("prlimit") {
        return;
    }
    // Below 4 not even the libraries can be loaded.
    for limit in 4..=12 {
        let start = |words: &[&str]| {
            let mut command = Command::new("prlimit");
            command.arg(format!("--nofile={limit}:{limit}"));
            command.arg(env!("CARGO_BIN_EXE_ft")).args(words);
            Running::start(command.stdin(Stdio::null()).stdout(Stdio::null()))
        };
        let mut server = start(&["listen", "127.0.0.1:0"]);
        let listens = server.wait_for("").starts_with("listening");
        let listened = if listens {
            server.stop()
        } else {
            server.wait()
        };
        for ended in [
            listened,
            start(&["connect", "127.0.0.1:9"]).wait(),
            start(&["demo"]).wait(),
        ] {
            let said = ended.said.join("\n");
            assert!(ended.status <= 1, "{limit}: {} {said}", ended.status);
            let told = said.contains("(E") && said.contains("try: ");
            assert!(ended.status == 0 || told, "{limit}: {said}");
            assert!(limit >= 9 || said.contains("(EMFILE)\n"), "{limit}: {said}");
        }
    }
}
