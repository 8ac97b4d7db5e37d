//! connect: refused, raced, retried, from a chosen source, in time.

mod recorder;

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use fivetuple::call::{Call, Code};
use fivetuple::connect::{self, STAGGER};
use fivetuple::kernel::limit::ephemeral_ports;
use fivetuple::service::Echo;
use fivetuple::{
    Address, Client, ClientOptions, ConnectOptions, Family, Identity, NotConnected, Observers,
    Reason, Retry, Socket, SocketOptions,
};
use recorder::{Fact, Recorder, Refusing, inet, loopback};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, listen, socket, socket_with};

fn address(of: SocketAddr) -> Address {
    of.to_string().parse().unwrap()
}

/// A listening socket whose accept queue is full, so that a SYN gets no answer (M6).
struct BlackHole {
    _listening: std::os::fd::OwnedFd,
    _queued: Vec<std::os::fd::OwnedFd>,
    address: SocketAddr,
}

fn black_hole(family: AddressFamily, any: &str) -> BlackHole {
    let listening = socket(family, SocketType::STREAM, None).unwrap();
    bind(&listening, &any.parse::<SocketAddr>().unwrap()).unwrap();
    listen(&listening, 0).unwrap();
    let name = rustix::net::getsockname(&listening).unwrap();
    let address: SocketAddr = name.try_into().unwrap();
    let mut queued = Vec::new();
    for _ in 0..4 {
        let flags = SocketFlags::NONBLOCK;
        let client = socket_with(family, SocketType::STREAM, flags, None).unwrap();
        let _ = rustix::net::connect(&client, &address);
        queued.push(client);
    }
    BlackHole {
        _listening: listening,
        _queued: queued,
        address,
    }
}

#[tokio::test]
async fn whoever_calls_the_wildcard_is_connected_with_the_address_that_answers() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let local = listener.local_addr().unwrap();
    let socket = Socket::open(Family::Inet, &SocketOptions::default(), &Observers::none()).unwrap();
    let connection = socket
        .connect(SocketAddr::from(([0, 0, 0, 0], local.port())))
        .await
        .unwrap();
    assert_eq!(connection.five_tuple().unwrap().destination, local);
    let (_accepted, peer) = listener.accept().unwrap();
    assert_eq!(connection.five_tuple().unwrap().source, peer);
}

#[tokio::test]
async fn nobody_listening_is_refused_at_once_and_said_with_the_address() {
    let nobody_there = Refusing::new();
    let begin = Instant::now();
    let options = ConnectOptions::default();
    let refused = connect::open(&address(nobody_there.address), &options, &Observers::none()).await;
    let refused = refused.unwrap_err();
    assert!(begin.elapsed() < Duration::from_secs(1));
    let [error] = refused.explained()[..] else {
        panic!("{refused:?}")
    };
    assert_eq!(
        (error.call(), error.code()),
        (Call::Connect, Code::Errno(Errno::CONNREFUSED))
    );
    assert_eq!(
        error.to_string(),
        format!(
            "connect {}: connection refused (ECONNREFUSED)",
            nobody_there.address
        )
    );
}

#[tokio::test]
async fn a_name_with_two_addresses_is_served_by_the_one_that_answers() {
    // localhost is both families; only one of them has a server.
    for (family, host) in [("127.0.0.1:0", "127.0.0.1"), ("[::1]:0", "::1")] {
        let listener = TcpListener::bind(family).unwrap();
        let port = listener.local_addr().unwrap().port();
        let target = port.to_string().parse().unwrap();
        let options = ConnectOptions::default();
        let connection = connect::open(&target, &options, &Observers::none())
            .await
            .unwrap();
        assert_eq!(inet(connection.identity().peer()).ip().to_string(), host);
    }
}

#[tokio::test]
async fn a_silent_address_costs_no_more_than_its_head_start() {
    // Which family is called first is up to the system, so each is silent once.
    let mut slow = 0;
    for silent_first in [true, false] {
        let (hole, second) = if silent_first {
            (black_hole(AddressFamily::INET, "127.0.0.1:0"), "::1")
        } else {
            (black_hole(AddressFamily::INET6, "[::1]:0"), "127.0.0.1")
        };
        let port = hole.address.port();
        let answers = TcpListener::bind((second, port)).unwrap();
        let target = port.to_string().parse().unwrap();
        let begin = Instant::now();
        let options = ConnectOptions::default();
        let connection = connect::open(&target, &options, &Observers::none())
            .await
            .unwrap();
        let took = begin.elapsed();
        assert_eq!(
            inet(connection.identity().peer()),
            answers.local_addr().unwrap()
        );
        assert!(took < STAGGER + Duration::from_millis(200), "{took:?}");
        slow += u32::from(took >= STAGGER);
    }
    assert_eq!(
        slow, 1,
        "the second address starts after the head start of the first"
    );
}

#[tokio::test]
async fn an_address_that_never_answers_times_out_and_says_so() {
    let hole = black_hole(AddressFamily::INET, "127.0.0.1:0");
    let options = ConnectOptions {
        connect_timeout: Duration::from_millis(300),
        ..ConnectOptions::default()
    };
    let begin = Instant::now();
    let late = connect::open(&address(hole.address), &options, &Observers::none()).await;
    let took = begin.elapsed();
    assert!(
        took >= options.connect_timeout && took < Duration::from_secs(2),
        "{took:?}"
    );
    let late = late.unwrap_err();
    let [error] = late.explained()[..] else {
        panic!("{late:?}")
    };
    assert_eq!(error.code(), Code::Errno(Errno::TIMEDOUT));
    assert!(
        error.to_string().contains(&hole.address.to_string()),
        "{error}"
    );
}

#[tokio::test]
async fn no_time_at_all_is_a_time_out_too() {
    let options = ConnectOptions {
        connect_timeout: Duration::ZERO,
        ..ConnectOptions::default()
    };
    let hole = black_hole(AddressFamily::INET, "127.0.0.1:0");
    let late = connect::open(&address(hole.address), &options, &Observers::none()).await;
    let late = late.unwrap_err();
    let [error] = late.explained()[..] else {
        panic!("{late:?}")
    };
    assert_eq!(error.code(), Code::Errno(Errno::TIMEDOUT));
}

#[tokio::test(flavor = "multi_thread")]
async fn retrying_waits_for_a_server_that_comes_later() {
    let held = Refusing::new();
    let later = held.address;
    let peer = thread::spawn(move || {
        thread::sleep(Duration::from_millis(400)); // peer: starts late
        held.listen().accept().unwrap()
    });
    let recorder = Recorder::new();
    let options = ConnectOptions {
        retry: Retry::Forever,
        ..ConnectOptions::default()
    };
    let (target, observers) = (address(later), recorder.observers());
    let connecting = connect::open(&target, &options, &observers);
    let connection = tokio::time::timeout(recorder::PATIENCE, connecting)
        .await
        .unwrap()
        .unwrap();
    let (_, seen) = peer.join().unwrap();
    assert_eq!(seen, inet(connection.identity().local()));
    assert!(recorder.count(|fact| matches!(fact, Fact::Failed(None, _))) >= 1);
    assert_eq!(recorder.count(|fact| matches!(fact, Fact::Connected(_))), 1);
}

#[tokio::test]
async fn so_many_retries_are_so_many_more_tries() {
    let nobody_there = Refusing::new();
    let recorder = Recorder::new();
    let options = ConnectOptions {
        retry: Retry::Times(2),
        ..ConnectOptions::default()
    };
    let refused = connect::open(
        &address(nobody_there.address),
        &options,
        &recorder.observers(),
    )
    .await;
    assert!(matches!(refused, Err(NotConnected::Connect(_))));
    assert_eq!(
        recorder.count(|fact| matches!(fact, Fact::SocketCreated(_))),
        3
    );
    // The last failure is the result, not an event.
    assert_eq!(recorder.count(|fact| matches!(fact, Fact::Failed(..))), 2);
}

#[tokio::test]
async fn a_source_address_is_used_and_its_port_may_be_left_to_the_system() {
    let listener = TcpListener::bind(loopback()).unwrap();
    let there = listener.local_addr().unwrap();
    let source = Some("127.0.0.7:0".parse().unwrap());
    let options = ConnectOptions {
        source,
        ..ConnectOptions::default()
    };
    let connection = connect::open(&address(there), &options, &Observers::none())
        .await
        .unwrap();
    let (_client, seen) = listener.accept().unwrap();
    assert_eq!(seen.ip().to_string(), "127.0.0.7");
    assert_eq!(connection.five_tuple().unwrap().source, seen);
    assert_ne!(seen.port(), 0);
}

#[tokio::test]
async fn a_source_of_one_family_calls_only_that_family() {
    let listener = TcpListener::bind("[::1]:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let source = Some("127.0.0.1:0".parse().unwrap());
    let options = ConnectOptions {
        source,
        ..ConnectOptions::default()
    };
    let target = port.to_string().parse().unwrap();
    let refused = connect::open(&target, &options, &Observers::none())
        .await
        .unwrap_err();
    assert_eq!(refused.explained().len(), 1, "{refused:?}");
}

#[tokio::test]
async fn a_source_that_this_machine_does_not_have_is_not_tried_again() {
    let nobody_there = Refusing::new();
    let source = Some("192.0.2.1:0".parse().unwrap());
    let options = ConnectOptions {
        source,
        retry: Retry::Forever,
        ..ConnectOptions::default()
    };
    let (target, nobody) = (address(nobody_there.address), Observers::none());
    let none = connect::open(&target, &options, &nobody);
    let none = tokio::time::timeout(recorder::PATIENCE, none)
        .await
        .unwrap()
        .unwrap_err();
    assert!(matches!(none, NotConnected::Source(_)), "{none:?}");
}

#[tokio::test]
async fn a_connection_to_oneself_counts_as_refused() {
    let mut ports = ephemeral_ports().unwrap();
    // A free even port of the ephemeral range: there connect may choose it as the source (M12).
    let own = ports.find(|port| port % 2 == 0 && TcpListener::bind(("127.0.0.1", *port)).is_ok());
    let own: SocketAddr = ([127, 0, 0, 1], own.unwrap()).into();
    let recorder = Recorder::new();
    let options = SocketOptions::default();
    // Bound to the very address that is called, it meets itself at the first try.
    let socket = Socket::open(Family::Inet, &options, &recorder.observers()).unwrap();
    let error = socket
        .bind_source(own)
        .unwrap()
        .connect(own)
        .await
        .unwrap_err();
    assert_eq!(error.errno(), Some(Errno::CONNREFUSED));
    let bare = TcpStream::connect(own).map(|met| met.local_addr().unwrap());
    assert!(bare.is_err() || bare.unwrap() == own);
    for _ in 0..4000 {
        let socket = Socket::open(Family::Inet, &options, &Observers::none()).unwrap();
        let error = socket.connect(own).await.unwrap_err();
        assert_eq!(error.errno(), Some(Errno::CONNREFUSED));
    }
    assert_eq!(recorder.count(|fact| matches!(fact, Fact::Connected(_))), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_tells_how_its_connection_ended() {
    let listener = TcpListener::bind(loopback()).unwrap();
    let target = address(listener.local_addr().unwrap());
    let peer = thread::spawn(move || drop(listener.accept().unwrap()));
    let recorder = Recorder::new();
    let service = |_: &Identity| Echo;
    let options = ClientOptions::default();
    let observers = recorder.observers();
    let client = Client::open(&target, &options, &observers).await.unwrap();
    let closed = client.serve(&service).await;
    assert_eq!(closed.reason, Reason::Released);
    assert!(closed.is_complete());
    assert_eq!(recorder.count(Fact::is_closed), 1);
    peer.join().unwrap();
}
