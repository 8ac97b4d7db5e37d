//! `ft relay` with what people put behind it: bulk, small talk, Redis, PostgreSQL, a web server.

mod rig;

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use rig::{
    Folder, Running, bytes, descriptors, descriptors_at_rest, eventually, ft, has, listener,
    number, patient, quiet_port, run,
};

fn relay(destination: &str) -> (Running, SocketAddr) {
    let mut command = ft();
    command.args(["relay", "127.0.0.1:0", destination]);
    command.stdin(Stdio::null()).stdout(Stdio::null());
    Running::listen_as(&mut command)
}

fn joined(listener: &TcpListener, relay: SocketAddr) -> (TcpStream, TcpStream) {
    let client = TcpStream::connect(relay).expect("the relay listens");
    let (destination, _) = listener.accept().expect("the relay calls");
    (patient(client), patient(destination))
}

/// Sends so many bytes of this seed and finishes sending.
fn send(mut to: TcpStream, seed: u64, size: u64) -> thread::JoinHandle<()> {
    thread::spawn(move || {
        let mut sent = 0;
        while sent < size {
            let count = usize::try_from((size - sent).min(256 * 1024)).expect("it is small");
            to.write_all(&bytes(seed, sent, count))
                .expect("it is taken");
            sent += count as u64;
        }
        to.shutdown(Shutdown::Write).expect("it is connected");
    })
}

/// Receives to the end and checks each byte by its place; how many there were.
fn receive(from: &mut TcpStream, seed: u64) -> u64 {
    let mut received = 0;
    let mut buffer = vec![0; 256 * 1024];
    loop {
        let count = from.read(&mut buffer).expect("no reset, no silence");
        if count == 0 {
            return received;
        }
        let right = buffer[..count] == bytes(seed, received, count)[..];
        assert!(right, "a wrong byte after {received}");
        received += count as u64;
    }
}

#[test]
fn a_long_stream_goes_through_three_relays_byte_by_byte() {
    let size: u64 = match std::env::var_os("FT_TEST_ALL") {
        Some(_) => 1 << 30,
        None => 128 << 20,
    };
    let (listener, address) = listener();
    let (last, at_last) = relay(&address);
    let (middle, at_middle) = relay(&at_last.to_string());
    let (first, at_first) = relay(&at_middle.to_string());
    let (mut client, mut destination) = joined(&listener, at_first);
    let sending = send(client.try_clone().expect("a descriptor is free"), 1, size);
    assert_eq!(receive(&mut destination, 1), size);
    sending.join().expect("it sends");
    // The other direction is open all the while, and ends by itself.
    let answering = send(destination, 2, 1 << 20);
    assert_eq!(receive(&mut client, 2), 1 << 20);
    answering.join().expect("it sends");
    for relay in [first, middle, last] {
        let ended = relay.stop();
        assert_eq!(ended.status, 0);
        let counted = format!("sent {} B, received {size} B", 1 << 20);
        let line = ended.said.last().expect("it says something");
        assert!(
            line.contains("1 released") && line.ends_with(&counted),
            "{line}"
        );
    }
}

#[test]
fn a_destination_that_comes_up_later_is_found_and_gets_what_was_sent_early() {
    let port = quiet_port();
    let mut command = ft();
    command.args(["relay", "127.0.0.1:0", &format!("127.0.0.1:{port}")]);
    command.args(["--retry", "forever"]);
    command.stdin(Stdio::null()).stdout(Stdio::null());
    let (mut relay, at) = Running::listen_as(&mut command);
    let mut client = patient(TcpStream::connect(at).expect("the relay listens"));
    client.write_all(b"early").expect("it is taken");
    for _ in 0..2 {
        relay.wait_for("connection refused (ECONNREFUSED)");
    }
    let listener = TcpListener::bind(("127.0.0.1", port)).expect("nobody has it");
    let (destination, _) = listener.accept().expect("the relay calls again");
    let mut destination = patient(destination);
    let mut came = [0; 5];
    destination.read_exact(&mut came).expect("it comes");
    assert_eq!(&came, b"early");
    destination.write_all(b"reply").expect("it is taken");
    client.read_exact(&mut came).expect("it comes");
    assert_eq!(&came, b"reply");
    drop((client, destination));
    let ended = relay.stop();
    assert_eq!(ended.status, 0);
    let last = ended.said.last().expect("a summary");
    assert!(last.starts_with("1 connection accepted, 1 "), "{last}");
}

#[test]
fn where_the_first_address_of_a_name_is_dead_the_next_is_called() {
    let mut dead_first = 0;
    for host in ["127.0.0.1", "::1"] {
        let port = quiet_port();
        let listener = TcpListener::bind((host, port)).expect("nobody has it");
        let mut command = ft();
        command.args(["relay", "127.0.0.1:0", &format!("localhost:{port}"), "-v"]);
        command.stdin(Stdio::null()).stdout(Stdio::null());
        let (mut relay, at) = Running::listen_as(&mut command);
        let (mut client, mut destination) = joined(&listener, at);
        client.write_all(b"through").expect("it is taken");
        let mut came = [0; 7];
        destination.read_exact(&mut came).expect("it comes");
        assert_eq!(&came, b"through", "{host}");
        relay.wait_for(" connected for #1");
        let refused = |line: &String| line.contains("ECONNREFUSED");
        dead_first += usize::from(relay.said.iter().any(refused));
        drop((client, destination));
        assert_eq!(relay.stop().status, 0);
    }
    // localhost has both addresses, and one of the two comes first.
    assert_eq!(dead_first, 1);
}

#[test]
fn bulk_both_ways_at_once_arrives_whole() {
    let (listener, address) = listener();
    let (_relay, at) = relay(&address);
    let (client, destination) = joined(&listener, at);
    // One of them ends long before the other.
    let (there, back) = (48 << 20, 16 << 20);
    let ends = [
        (client, 1, there, 2, back),
        (destination, 2, back, 1, there),
    ];
    let threads = ends.map(|(mut stream, seed, size, from, expected)| {
        thread::spawn(move || {
            let sending = send(
                stream.try_clone().expect("a descriptor is free"),
                seed,
                size,
            );
            assert_eq!(receive(&mut stream, from), expected);
            sending.join().expect("it sends");
        })
    });
    for thread in threads {
        thread.join().expect("all is well");
    }
}

#[test]
fn small_talk_of_both_sides_keeps_its_order_without_delay() {
    const KEYS: u64 = 2000;
    let (listener, address) = listener();
    let (_relay, at) = relay(&address);
    let (mut client, mut destination) = joined(&listener, at);
    // As a shell: each key comes back before the next is typed, with some more now and then.
    let shell = thread::spawn(move || {
        let mut key = [0];
        for at in 0..KEYS {
            destination.read_exact(&mut key).expect("a key");
            destination.write_all(&key).expect("its echo");
            if at % 100 == 0 {
                destination
                    .write_all(&bytes(9, at, 3000))
                    .expect("an output");
            }
        }
    });
    for at in 0..KEYS {
        let key = bytes(7, at, 1);
        client.write_all(&key).expect("it is taken");
        let mut back = vec![0; if at % 100 == 0 { 3001 } else { 1 }];
        client.read_exact(&mut back).expect("an echo");
        assert_eq!(back[..1], key[..]);
        assert!(back.len() == 1 || back[1..] == bytes(9, at, 3000)[..]);
    }
    shell.join().expect("all is well");
}

#[test]
fn a_connection_for_each_request_leaves_nothing_behind() {
    const REQUESTS: u64 = 300;
    let (listener, address) = listener();
    let (relay, at) = relay(&address);
    let pid = relay.child.id();
    let before = descriptors_at_rest(pid);
    let server = thread::spawn(move || {
        for seed in 0..REQUESTS {
            let (stream, _) = listener.accept().expect("the relay calls");
            let mut stream = patient(stream);
            assert_eq!(receive(&mut stream, seed), 100 + seed);
            send(stream, seed + REQUESTS, 5000)
                .join()
                .expect("it sends");
        }
    });
    for seed in 0..REQUESTS {
        let mut client = patient(TcpStream::connect(at).expect("the relay listens"));
        let request = client.try_clone().expect("a descriptor is free");
        send(request, seed, 100 + seed).join().expect("it sends");
        assert_eq!(receive(&mut client, seed + REQUESTS), 5000);
    }
    server.join().expect("all is well");
    eventually("all pairs are closed", || descriptors(pid) == before);
    let ended = relay.stop();
    assert_eq!(ended.status, 0);
    let line = ended.said.last().expect("it says something");
    assert!(
        line.starts_with("300 connections accepted, 300 released;"),
        "{line}"
    );
}

#[test]
fn a_relay_for_one_client_has_the_outcome_of_its_pair() {
    for (reset, status) in [(false, 0), (true, 1)] {
        let (listener, address) = listener();
        let mut command = ft();
        command.args(["relay", "--once", "127.0.0.1:0", &address]);
        command.stdin(Stdio::null()).stdout(Stdio::null());
        let (relay, at) = Running::listen_as(&mut command);
        let (mut client, destination) = joined(&listener, at);
        if reset {
            let linger = Some(Duration::ZERO);
            rustix::net::sockopt::set_socket_linger(&destination, linger).expect("it can be set");
        }
        drop(destination);
        let end = client.read(&mut [0]).map_err(|error| error.kind());
        assert_eq!(
            end,
            if reset {
                Err(ErrorKind::ConnectionReset)
            } else {
                Ok(0)
            }
        );
        drop(client);
        assert_eq!(relay.wait().status, status);
    }
}

#[test]
fn the_log_and_the_events_say_what_belongs_together() {
    let (listener, address) = listener();
    let mut command = ft();
    command.args(["relay", "127.0.0.1:0", &address, "--events", "-"]);
    command.stdin(Stdio::null()).stdout(Stdio::null());
    let mut relay = Running::start(&mut command);
    let line = relay.wait_for("listening on ");
    let at = line
        .strip_prefix("listening on ")
        .and_then(|rest| rest.strip_suffix(" tcp"));
    let at = at.and_then(|at| at.parse().ok()).expect("an address");
    let (client, destination) = joined(&listener, at);
    let source = destination.peer_addr().expect("it is connected");
    relay.wait_for(&format!("#2 {source} → {address} tcp connected for #1"));
    drop((client, destination));
    let ended = relay.stop();
    for (event, number, pair) in [("connected", 2, 1), ("closed", 1, 2), ("closed", 2, 1)] {
        let (event, number) = (
            format!("\"event\":\"{event}\""),
            format!("\"connection\":{number},"),
        );
        let pair = format!("\"pair\":{pair},\"five_tuple\":{{");
        let parts = [&event, &number, &pair];
        let told = |line: &String| parts.iter().all(|part| line.contains(*part));
        assert!(ended.said.iter().any(told), "{parts:?}: {:#?}", ended.said);
    }
}

/// A program of somebody else, ended by its number when the test ends.
struct Server(Child);

impl Server {
    fn start(command: &mut Command) -> Self {
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        Self(
            command
                .spawn()
                .unwrap_or_else(|error| panic!("{command:?}: {error}")),
        )
    }

    /// Waits until somebody accepts on this port.
    fn listens(self, port: u16) -> Self {
        eventually("the server listens", || {
            TcpStream::connect(("127.0.0.1", port)).is_ok()
        });
        self
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let pid = rustix::process::Pid::from_child(&self.0);
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::INT);
        rig::wait(&mut self.0);
    }
}

/// What a command prints, with this on stdin; it must succeed.
fn printed(command: &mut Command, input: &[u8]) -> Vec<u8> {
    let output = run(command, input);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(number(output.status), 0, "{command:?}: {said}");
    output.stdout
}

#[test]
fn redis_works_through_a_relay() {
    if !["redis-server", "redis-cli"]
        .iter()
        .all(|program| has(program))
    {
        return;
    }
    let folder = Folder::new();
    let port = quiet_port();
    let mut server = Command::new("redis-server");
    server.args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]);
    server
        .args(["--port", &port.to_string()])
        .current_dir(folder.as_path());
    let _server = Server::start(&mut server).listens(port);
    let (_relay, at) = relay(&format!("127.0.0.1:{port}"));
    let cli = |words: &[&str], input: &[u8]| {
        let mut command = Command::new("redis-cli");
        command
            .args(["-h", "127.0.0.1", "-p", &at.port().to_string()])
            .args(words);
        printed(&mut command, input)
    };
    assert_eq!(cli(&["ping"], b""), b"PONG\n");
    let value: String = (0..1_000_000_u32)
        .map(|at| char::from(b'a' + (at % 23) as u8))
        .collect();
    assert_eq!(cli(&["-x", "set", "large"], value.as_bytes()), b"OK\n");
    assert_eq!(cli(&["get", "large"], b""), format!("{value}\n").as_bytes());
    // Many requests without waiting for the answers.
    let requests: String = (0..10_000)
        .map(|at| format!("SET key:{at} {at}\r\n"))
        .collect();
    let told = String::from_utf8(cli(&["--pipe"], requests.as_bytes())).expect("text");
    assert!(told.contains("errors: 0, replies: 10000"), "{told}");
    assert_eq!(cli(&["get", "key:9999"], b""), b"9999\n");
}

#[test]
fn postgresql_works_through_a_relay() {
    let Some(programs) = postgresql() else { return };
    let folder = Folder::new();
    let data = folder.path("data");
    let user = as_postgres(folder.as_path());
    let mut create = Command::new(programs.join("initdb"));
    create
        .args([
            "--no-sync",
            "--auth=trust",
            "--encoding=UTF8",
            "--locale=C",
            "-D",
        ])
        .arg(&data);
    printed(user.put_on(&mut create), b"");
    let port = quiet_port();
    let mut server = Command::new(programs.join("postgres"));
    server
        .args(["-c", "listen_addresses=127.0.0.1", "-c", "fsync=off", "-k"])
        .arg(folder.as_path());
    server.args(["-p", &port.to_string(), "-D"]).arg(&data);
    let _server = Server::start(user.put_on(&mut server));
    let (_relay, at) = relay(&format!("127.0.0.1:{port}"));
    let psql = |words: &[&str], input: &[u8]| {
        let mut command = Command::new("psql");
        command.args([
            "-X",
            "-A",
            "-t",
            "-q",
            "-v",
            "ON_ERROR_STOP=1",
            "-d",
            "postgres",
            "-U",
        ]);
        command.args([
            user.name.as_str(),
            "-h",
            "127.0.0.1",
            "-p",
            &at.port().to_string(),
        ]);
        run(command.args(words), input)
    };
    // Until it is up, the relay resets who comes.
    eventually("the server answers", || {
        psql(&["-c", "select 1"], b"").stdout == b"1\n"
    });
    let rows: String = (0..50_000).map(|at| format!("{at}\trow {at}\n")).collect();
    let mut script =
        b"create table rows (number int, text text);\ncopy rows from stdin;\n".to_vec();
    script.extend_from_slice(rows.as_bytes());
    script.extend_from_slice(b"\\.\nselect count(*), sum(number) from rows;\n");
    let output = psql(&[], &script);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.stdout, b"50000|1249975000\n", "{said}");
    let output = psql(
        &["-c", "copy (select * from rows order by number) to stdout"],
        b"",
    );
    assert!(output.stdout == rows.as_bytes());
}

/// The folder of the server's programs, which is not on the PATH.
fn postgresql() -> Option<PathBuf> {
    if !has("psql") {
        return None;
    }
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
    let mut folders = versions.flatten().map(|version| version.path().join("bin"));
    let found = folders.find(|folder| folder.join("initdb").exists());
    assert!(
        found.is_some() || std::env::var_os("CI").is_none(),
        "under CI nothing is skipped: postgres"
    );
    if found.is_none() {
        let _ = writeln!(std::io::stderr(), "skipped: there is no postgres");
    }
    found
}

/// PostgreSQL refuses to run as root.
struct User {
    name: String,
    ids: Option<(u32, u32)>,
}

fn as_postgres(folder: &Path) -> User {
    let of = |word: &str| {
        let id = printed(Command::new("id").arg(word).arg("postgres"), b"");
        let id = String::from_utf8(id).expect("text");
        id.trim().parse().expect("a number")
    };
    if !rustix::process::geteuid().is_root() {
        let name = printed(Command::new("id").arg("-un"), b"");
        let name = String::from_utf8(name).expect("text").trim().to_owned();
        return User { name, ids: None };
    }
    let ids = (of("-u"), of("-g"));
    std::os::unix::fs::chown(folder, Some(ids.0), Some(ids.1)).expect("we are root");
    User {
        name: "postgres".to_owned(),
        ids: Some(ids),
    }
}

impl User {
    fn put_on<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        if let Some((user, group)) = self.ids {
            command.uid(user).gid(group);
        }
        command.current_dir("/")
    }
}

#[test]
fn curl_fetches_through_a_relay() {
    if !["curl", "python3"].iter().all(|program| has(program)) {
        return;
    }
    let folder = Folder::new();
    let content = bytes(3, 0, 5_000_000);
    std::fs::write(folder.path("content"), &content).expect("there is room");
    let port = quiet_port();
    let mut server = Command::new("python3");
    server.args([
        "-m",
        "http.server",
        "--bind",
        "127.0.0.1",
        &port.to_string(),
    ]);
    let _server = Server::start(server.current_dir(folder.as_path())).listens(port);
    let (_relay, at) = relay(&format!("127.0.0.1:{port}"));
    let url = format!("http://{at}/content");
    let mut curl = Command::new("curl");
    let fetched = printed(curl.args(["-sS", "--noproxy", "*", &url, &url]), b"");
    assert!(fetched == [&content[..], &content[..]].concat());
}
