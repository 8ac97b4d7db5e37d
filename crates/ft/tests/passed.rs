//! Sockets that are passed on, with this test in the place of the service manager.

mod rig;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread;

use rig::{PATIENCE, Running, eventually, run};

/// `ft` as a service manager starts it: the socket is descriptor 3, and the environment says so.
fn managed(socket: OwnedFd, words: &str) -> Command {
    let mut command = as_manager("1", "web", words);
    command.stdin(Stdio::from(socket)).stdout(Stdio::null());
    command
}

/// The same with what it calls the sockets. They come in as stdin and stdout, which are not theirs
/// any more when `ft` begins.
fn as_manager(count: &str, names: &str, words: &str) -> Command {
    let mut command = Command::new("bash");
    let script = format!(
        "exec 3<&0 4>&1 9<&- < /dev/null > /dev/null; \
         LISTEN_PID=$$ LISTEN_FDS={count} LISTEN_FDNAMES={names} exec $FT listen {words}"
    );
    command
        .args(["-c", &script])
        .env("FT", env!("CARGO_BIN_EXE_ft"))
        .env("NO_COLOR", "1");
    command
}

/// What the example unit says behind this key.
fn unit(file: &str, key: &str) -> String {
    let path = format!("{}/../../docs/{file}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).expect("the unit is there");
    let value = text
        .lines()
        .find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
    value
        .unwrap_or_else(|| panic!("no {key} in {file}"))
        .to_owned()
}

/// `ft` as the example unit in docs/ has it started, and told to whom it says how it is.
fn as_the_unit_says(socket: OwnedFd, manager: &Path) -> Command {
    let started = unit("ft-echo.service", "ExecStart");
    let words = started.strip_prefix("/usr/local/bin/ft listen ");
    let words = words.expect("it starts what is installed");
    assert_eq!(unit("ft-echo.service", "Type"), "notify");
    assert_eq!(unit("ft-echo.socket", "Accept"), "no");
    let name = unit("ft-echo.socket", "FileDescriptorName");
    let mut command = as_manager("1", &name, words);
    command.stdin(Stdio::from(socket)).stdout(Stdio::null());
    command.env("NOTIFY_SOCKET", manager);
    command
}

/// The ear of a service manager, and what it has heard next.
fn manager(folder: &rig::Folder) -> (PathBuf, UnixDatagram) {
    let path = folder.path("manager");
    let manager = UnixDatagram::bind(&path).expect("a socket");
    manager
        .set_read_timeout(Some(PATIENCE))
        .expect("a deadline");
    (path, manager)
}

fn hear(manager: &UnixDatagram) -> String {
    let mut state = [0; 64];
    let count = manager.recv(&mut state).expect("it tells");
    String::from_utf8_lossy(&state[..count]).into_owned()
}

fn start(listening: &TcpListener, words: &str) -> Running {
    let socket = listening.try_clone().expect("a second descriptor");
    Running::start(&mut managed(socket.into(), words))
}

/// One connection, one exchange, both ends in order.
fn exchange(address: SocketAddr) -> std::io::Result<()> {
    let mut client = TcpStream::connect(address)?;
    client.set_read_timeout(Some(PATIENCE))?;
    client.write_all(b"hello")?;
    client.shutdown(std::net::Shutdown::Write)?;
    let mut back = Vec::new();
    client.read_to_end(&mut back)?;
    assert_eq!(back, b"hello");
    Ok(())
}

#[test]
fn a_passed_socket_is_served_by_number_by_name_and_with_all() {
    let listening = TcpListener::bind("127.0.0.1:0").expect("a socket");
    let address = listening.local_addr().expect("an address");
    for word in ["3", "web", "all"] {
        let mut server = start(&listening, &format!("--listen-fd {word} echo"));
        server.wait_for(&format!("listening on {address} tcp"));
        exchange(address).expect("it is served");
        assert_eq!(server.stop().status, 0);
    }
}

#[test]
fn of_several_passed_sockets_those_are_served_that_are_named() {
    let sockets = ["a", "b"].map(|name| {
        let listening = TcpListener::bind("127.0.0.1:0").expect("a socket");
        let address = listening.local_addr().expect("an address");
        (name, listening, address)
    });
    let [(_, first, _), (_, second, _)] = &sockets;
    let start = |words: &str| {
        let mut command = as_manager("2", "a:b", words);
        let fd = |socket: &TcpListener| OwnedFd::from(socket.try_clone().expect("a second one"));
        command.stdin(fd(first)).stdout(fd(second));
        Running::start(&mut command)
    };
    for (name, _, address) in &sockets {
        let mut server = start(&format!("--listen-fd {name} echo"));
        server.wait_for(&format!("listening on {address} tcp"));
        exchange(*address).expect("it is served");
        let ended = server.stop();
        assert_eq!(ended.status, 0);
        let listened = |line: &&String| line.starts_with("listening on ");
        assert_eq!(ended.said.iter().filter(listened).count(), 1, "{ended:?}");
    }
    for words in ["--listen-fd all echo", "--listen-fd b --listen-fd a echo"] {
        let mut server = start(words);
        server.wait_for("listening on ");
        server.wait_for("listening on ");
        for (_, _, address) in &sockets {
            exchange(*address).expect("it is served");
        }
        assert_eq!(server.stop().status, 0);
    }
    let ended = start("--listen-fd c echo").wait();
    assert_eq!(ended.status, 2, "{ended:?}");
    assert!(
        ended.said[0].contains("no socket of that name was passed"),
        "{ended:?}"
    );
}

#[test]
fn a_passed_unix_socket_is_served_and_its_file_left() {
    let folder = rig::Folder::new();
    let path = folder.path("x");
    let listening = UnixListener::bind(&path).expect("a socket");
    let mut server = Running::start(&mut managed(listening.into(), "--listen-fd all echo"));
    server.wait_for(&format!("listening on unix:{} unix", path.display()));
    let address = format!("unix:{}", path.display());
    let output = run(rig::ft().args(["connect", &address]), b"hello");
    assert_eq!(output.stdout, b"hello");
    assert_eq!(server.stop().status, 0);
    assert!(path.exists(), "it was not ours to remove");
}

/// They would let everybody in: the clients of a Unix socket have no IP address.
#[test]
fn rules_about_ip_addresses_are_refused_for_a_passed_unix_socket() {
    let folder = rig::Folder::new();
    let listening = UnixListener::bind(folder.path("x")).expect("a socket");
    for rule in ["--allow 10.0.0.0/8", "--deny ::/0", "--max-per-ip 1"] {
        let socket = listening.try_clone().expect("a second descriptor");
        let words = format!("--listen-fd 3 echo {rule}");
        let ended = Running::start(&mut managed(socket.into(), &words)).wait();
        let option = rule.split(' ').next().expect("an option");
        let sentence =
            format!("ft: {option} is about IP addresses, and a Unix socket has none: leave it out");
        assert_eq!(ended.said, [sentence]);
        assert_eq!(ended.status, 2);
    }
    let listening = TcpListener::bind("127.0.0.1:0").expect("a socket");
    let address = listening.local_addr().expect("an address");
    let mut server = start(&listening, "--listen-fd 3 echo --allow 127.0.0.0/8");
    server.wait_for(&format!("listening on {address} tcp"));
    exchange(address).expect("it is let in");
    assert_eq!(server.stop().status, 0);
}

#[test]
fn what_is_no_listening_socket_is_said() {
    let (stream, _peer) = UnixStream::pair().expect("two sockets");
    let cases: [(OwnedFd, &str); 4] = [
        (
            std::fs::File::open("/dev/null")
                .expect("it is there")
                .into(),
            "descriptor 3: not a socket (ENOTSOCK)",
        ),
        (
            std::net::UdpSocket::bind("127.0.0.1:0")
                .expect("a socket")
                .into(),
            "descriptor 3 is no stream socket, and --listen-fd takes no other: for datagrams \
             write ft listen udp:PORT",
        ),
        (
            stream.into(),
            "descriptor 3 is a socket that does not listen",
        ),
        (
            TcpListener::bind("127.0.0.1:0").expect("a socket").into(),
            "descriptor 9: not an open descriptor (EBADF)",
        ),
    ];
    for (fd, sentence) in cases {
        let number = if sentence.contains('9') { 9 } else { 3 };
        let ended = Running::start(&mut managed(fd, &format!("--listen-fd {number} echo"))).wait();
        assert_eq!(ended.said, [format!("ft: {sentence}")]);
        assert_eq!(ended.status, 1);
    }
}

#[test]
fn the_manager_hears_when_it_is_ready_and_when_it_stops() {
    let folder = rig::Folder::new();
    let (path, manager) = manager(&folder);
    let listening = TcpListener::bind("127.0.0.1:0").expect("a socket");
    let address = listening.local_addr().expect("an address");
    let server = Running::start(&mut as_the_unit_says(listening.into(), &path));
    assert_eq!(hear(&manager), "READY=1");
    exchange(address).expect("it is served, as it said");
    server.signal(rustix::process::Signal::TERM);
    assert_eq!(hear(&manager), "STOPPING=1");
    assert_eq!(server.wait().status, 0);
}

#[test]
fn no_client_is_refused_or_reset_while_the_server_is_restarted_under_load() {
    let listening = TcpListener::bind("127.0.0.1:0").expect("a socket");
    let address = listening.local_addr().expect("an address");
    // And connections to each server, at least.
    let (restarts, each) = if std::env::var_os("FT_TEST_ALL").is_some() {
        (20, 20_000)
    } else {
        (20, 8)
    };
    let folder = rig::Folder::new();
    let (path, manager) = manager(&folder);
    let start = || {
        let socket = listening.try_clone().expect("a second descriptor");
        let server = Running::start(&mut as_the_unit_says(socket.into(), &path));
        assert_eq!(hear(&manager), "READY=1");
        server
    };
    let (stop, served) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicU64::new(0)),
    );
    let mut server = start();
    let clients: Vec<_> = (0..8)
        .map(|_| {
            let (stop, served) = (Arc::clone(&stop), Arc::clone(&served));
            thread::spawn(move || {
                while !stop.load(Relaxed) {
                    exchange(address)?;
                    served.fetch_add(1, Relaxed);
                }
                Ok::<(), std::io::Error>(())
            })
        })
        .collect();
    for _ in 0..restarts {
        let before = served.load(Relaxed);
        eventually("clients are served", || {
            served.load(Relaxed) > before + each
        });
        assert_eq!(server.stop().status, 0);
        assert_eq!(hear(&manager), "STOPPING=1");
        server = start();
    }
    stop.store(true, Relaxed);
    for client in clients {
        client
            .join()
            .expect("it does not panic")
            .expect("nobody is refused or reset");
    }
    assert_eq!(server.stop().status, 0);
}
