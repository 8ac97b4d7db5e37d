//! The relay service while it calls: destinations that are down, silent, slow, or several; what
//! the client does meanwhile; and many pairs at once.

mod recorder;

use std::collections::HashSet;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::thread;
use std::time::{Duration, Instant};

use fivetuple::service::Relay;
use fivetuple::{ConnectOptions, Expired, Reason, Retry, ServerOptions, SocketName, Terms};
use recorder::{Fact, PATIENCE, Refusing, Running, byte_at, pattern, read_all, reset, until};
use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};

async fn start(to: &[SocketAddr], options: ConnectOptions, terms: Terms) -> Running {
    let to = to.iter().map(|address| (*address).into()).collect();
    let server = ServerOptions {
        terms,
        ..ServerOptions::default()
    };
    Running::start(Relay::new(to, options), server).await
}

fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

fn accept(listener: &TcpListener) -> TcpStream {
    let (stream, _) = listener.accept().unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// A destination that does not answer a SYN: its accept queue is full.
struct Silent {
    listener: TcpListener,
    address: SocketAddr,
    waiting: Vec<OwnedFd>,
}

impl Silent {
    fn new() -> Self {
        let (listener, address) = listener();
        rustix::net::listen(&listener, 0).unwrap();
        let mut silent = Self {
            listener,
            address,
            waiting: Vec::new(),
        };
        // One is let in beside the backlog of none; the next ones wait for an answer.
        for _ in 0..3 {
            let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
            let fd = socket_with(AddressFamily::INET, SocketType::STREAM, flags, None).unwrap();
            let _ = rustix::net::connect(&fd, &address);
            silent.waiting.push(fd);
        }
        silent
    }

    /// Takes everybody until one who speaks: whoever filled the queue is gone and says nothing.
    fn wake_up(&mut self) -> (TcpStream, Vec<u8>) {
        self.waiting.clear();
        loop {
            let mut stream = accept(&self.listener);
            let mut first = [0];
            if let Ok(1) = stream.read(&mut first) {
                return (stream, first.to_vec());
            }
        }
    }
}

fn is_reset(client: &mut TcpStream) {
    let end = read_all(client).unwrap_err();
    assert_eq!(end.kind(), ErrorKind::ConnectionReset);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_destination_that_is_down_resets_its_client_and_ends_nothing_else() {
    let down = Refusing::new();
    let address = down.address;
    let relay = start(&[address], ConnectOptions::default(), Terms::SERVER).await;
    for _ in 0..3 {
        is_reset(&mut relay.connect());
    }
    let failures = relay
        .recorder
        .wait_for_all(3, |fact| matches!(fact, Fact::Failed(..)));
    let text = format!("connect {address}: connection refused (ECONNREFUSED)");
    assert_eq!(failures[2], Fact::Failed(Some(3), text));
    for end in relay.recorder.all_closed(3) {
        assert_eq!(end.1, Reason::Failed);
    }
    // By now it is up.
    let listener = down.listen();
    let mut client = relay.connect();
    client.write_all(b"hello").unwrap();
    let mut there = [0; 5];
    accept(&listener).read_exact(&mut there).unwrap();
    assert_eq!(&there, b"hello");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_waits_with_retry_until_its_destination_is_up() {
    let down = Refusing::new();
    let options = ConnectOptions {
        retry: Retry::Forever,
        ..ConnectOptions::default()
    };
    let relay = start(&[down.address], options, Terms::SERVER).await;
    let mut client = relay.connect();
    client.write_all(b"early").unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    relay
        .recorder
        .wait_for_all(2, |fact| matches!(fact, Fact::Failed(..)));
    let listener = down.listen();
    let mut destination = accept(&listener);
    assert_eq!(read_all(&mut destination).unwrap(), b"early");
    destination.write_all(b"answer").unwrap();
    drop(destination);
    assert_eq!(read_all(&mut client).unwrap(), b"answer");
    let ends = relay.recorder.all_closed(2);
    assert!(ends.iter().all(|end| end.1 == Reason::Released), "{ends:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_destination_is_given_up_after_the_connect_timeout() {
    let silent = Silent::new();
    let options = ConnectOptions {
        connect_timeout: Duration::from_millis(200),
        ..ConnectOptions::default()
    };
    let relay = start(&[silent.address], options, Terms::SERVER).await;
    let before = Instant::now();
    is_reset(&mut relay.connect());
    assert!(before.elapsed() >= Duration::from_millis(200));
    let failed = relay
        .recorder
        .wait_for(|fact| matches!(fact, Fact::Failed(..)));
    let Fact::Failed(Some(1), text) = failed else {
        panic!("{failed:?}");
    };
    assert!(text.ends_with("timed out (ETIMEDOUT)"), "{text}");
    assert_eq!(relay.recorder.closed().0, Reason::Failed);
}

#[tokio::test(flavor = "multi_thread")]
async fn while_it_calls_a_clients_reset_is_noticed_and_the_deadline_counts() {
    let silent = Silent::new();
    let terms = Terms {
        deadline: Some(Duration::from_millis(200)),
        ..Terms::SERVER
    };
    let relay = start(&[silent.address], ConnectOptions::default(), terms).await;
    is_reset(&mut relay.connect());
    assert_eq!(relay.recorder.closed().0, Reason::TimedOut);
    let last = relay.drain().await.last.unwrap();
    assert_eq!(last.expired, Some(Expired::Deadline));

    for finished_before in [false, true] {
        let options = ConnectOptions::default();
        let relay = start(&[silent.address], options, Terms::SERVER).await;
        let mut client = relay.connect();
        client.write_all(b"early").unwrap();
        if finished_before {
            client.shutdown(Shutdown::Write).unwrap();
        }
        let made = |fact: &Fact| matches!(fact, Fact::SocketCreated(_));
        relay.recorder.wait_for_all(2, made);
        let before = Instant::now();
        reset(client);
        assert_eq!(relay.recorder.closed().0, Reason::Reset);
        // Sooner than the call would have ended by itself.
        assert!(before.elapsed() < ConnectOptions::default().connect_timeout);
        assert_eq!(
            relay
                .recorder
                .count(|fact| matches!(fact, Fact::Connected(_))),
            0
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_client_sends_early_waits_for_a_slow_destination() {
    let mut silent = Silent::new();
    let options = ConnectOptions::default();
    let relay = start(&[silent.address], options, Terms::SERVER).await;
    let mut client = relay.connect();
    client.write_all(&pattern(100_000)).unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    let made = |fact: &Fact| matches!(fact, Fact::SocketCreated(_));
    relay.recorder.wait_for_all(2, made);
    let (mut destination, mut there) = silent.wake_up();
    destination.read_to_end(&mut there).unwrap();
    assert!(there == pattern(100_000));
    destination.write_all(b"answer").unwrap();
    drop(destination);
    assert_eq!(read_all(&mut client).unwrap(), b"answer");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_destination_has_its_turn_and_one_that_is_down_costs_no_client() {
    let (one, at_one) = listener();
    let (two, at_two) = listener();
    let down = Refusing::new();
    let to = [at_one, down.address, at_two];
    let relay = start(&to, ConnectOptions::default(), Terms::SERVER).await;
    let mut pairs = Vec::new();
    for listener in [&one, &two, &one, &two, &one] {
        let mut client = relay.connect();
        let mut destination = accept(listener);
        client.write_all(b"x").unwrap();
        destination.read_exact(&mut [0]).unwrap();
        pairs.push((client, destination));
    }
    // Only the second client found that one down; it got the next, and no other tried it.
    let failed = |fact: &Fact| matches!(fact, Fact::Failed(..));
    assert_eq!(relay.recorder.count(failed), 1);
    let told = relay.recorder.wait_for(failed);
    assert!(matches!(told, Fact::Failed(Some(3), _)), "{told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_calls_itself_is_no_chain_without_end() {
    // Whoever starts it may ask before; a name that leads back is only seen by calling it.
    let recorder = recorder::Recorder::new();
    let observers = recorder.observers();
    let any = "127.0.0.1:0".parse().unwrap();
    let server = fivetuple::Server::open(&any, ServerOptions::default(), &observers)
        .await
        .unwrap();
    let address = server.local().next().and_then(SocketName::inet).unwrap();
    let table = server.table();
    let relay = Relay::new(vec![address.into()], ConnectOptions::default());
    assert!(relay.leads_back(&[address.into()]).is_some());
    tokio::spawn(server.serve(relay));
    is_reset(&mut recorder::connect(address));
    // Which of them sees it first is left to chance; nobody calls on after it.
    let text = format!("connect {address}: connection refused (ECONNREFUSED)");
    recorder.wait_for(|fact| matches!(fact, Fact::Failed(Some(_), told) if *told == text));
    until(|| table.is_empty()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_pairs_at_once_have_their_own_bytes_and_leave_no_descriptor() {
    const PAIRS: u64 = 200;
    const LENGTH: usize = 200_000;
    let (listener, address) = listener();
    let options = ConnectOptions::default();
    let relay = start(&[address], options, Terms::SERVER).await;
    let echoing = thread::spawn(move || {
        let accepted: Vec<_> = (0..PAIRS).map(|_| accept(&listener)).collect();
        let threads = accepted.into_iter().map(|mut stream| {
            thread::spawn(move || {
                let mut back = stream.try_clone().unwrap();
                std::io::copy(&mut stream, &mut back).unwrap();
                back.shutdown(Shutdown::Write).unwrap();
            })
        });
        let threads: Vec<_> = threads.collect();
        threads.into_iter().for_each(|one| one.join().unwrap());
    });
    let clients: Vec<_> = (0..PAIRS).map(|_| relay.connect()).collect();
    let threads = clients.into_iter().enumerate().map(|(seed, mut client)| {
        thread::spawn(move || {
            let bytes = move |at: usize| byte_at(at).wrapping_add(seed as u8);
            let mut writer = client.try_clone().unwrap();
            let sending = thread::spawn(move || {
                let all: Vec<u8> = (0..LENGTH).map(bytes).collect();
                writer.write_all(&all).unwrap();
                writer.shutdown(Shutdown::Write).unwrap();
            });
            let back = read_all(&mut client).unwrap();
            sending.join().unwrap();
            assert_eq!(back.len(), LENGTH);
            assert!((0..LENGTH).all(|at| back[at] == bytes(at)), "client {seed}");
        })
    });
    let threads: Vec<_> = threads.collect();
    threads.into_iter().for_each(|one| one.join().unwrap());
    echoing.join().unwrap();
    let ends = relay.recorder.all_closed(2 * PAIRS as usize);
    for (number, reason, totals) in ends {
        assert_eq!(reason, Reason::Released, "{number}");
        let moved = (totals.bytes_received, totals.bytes_sent);
        assert_eq!(moved, (LENGTH as u64, LENGTH as u64), "{number}");
    }
    let sockets = open_sockets();
    let summary = relay.drain().await;
    assert_eq!((summary.accepted, summary.complete), (PAIRS, PAIRS));
    // The relay's listening socket is the last that was left.
    assert_eq!(open_sockets(), sockets - 1);
    assert_eq!(sockets, 1);
}

/// TCP sockets of this process that are open.
fn open_sockets() -> usize {
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(std::fs::read_to_string);
    let tables = tables.map(Result::unwrap_or_default).concat();
    let inodes: HashSet<&str> = tables
        .lines()
        .filter_map(|line| line.split_whitespace().nth(9))
        .collect();
    let folder = std::fs::read_dir("/proc/self/fd").unwrap();
    let names = folder
        .flatten()
        .filter_map(|entry| std::fs::read_link(entry.path()).ok());
    names
        .filter(|name| {
            let name = name.to_string_lossy();
            let inode = name
                .strip_prefix("socket:[")
                .and_then(|name| name.strip_suffix(']'));
            inode.is_some_and(|inode| inodes.contains(inode))
        })
        .count()
}
