//! accept: limits, rules, shortages; and the listening socket that outlives all of them.

mod recorder;

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::os::fd::{AsFd, OwnedFd};

use fivetuple::event::{Pause, TurnedAway};
use fivetuple::service::Echo;
use fivetuple::{
    Access, AtLimit, ConnectionName, Family, Identity, Limits, Observers, ServerOptions, Socket,
    SocketOptions,
};
use recorder::{Fact, Running, connect, echo, loopback, reset};

fn echoes(_: &Identity) -> Echo {
    Echo
}

fn limited(limits: Limits) -> ServerOptions {
    ServerOptions {
        limits,
        ..ServerOptions::default()
    }
}

/// Whether this client is reset without having got a byte. The reset may come before connect has
/// returned, and fail it.
fn is_turned_away(client: std::io::Result<TcpStream>) -> bool {
    let received = client.and_then(|mut client| {
        client.set_read_timeout(Some(recorder::PATIENCE))?;
        client.read(&mut [0; 8])
    });
    received.is_err_and(|error| error.kind() == ErrorKind::ConnectionReset)
}

fn is_paused(fact: &Fact) -> bool {
    matches!(fact, Fact::Paused(Pause::Limit))
}

#[tokio::test(flavor = "multi_thread")]
async fn at_the_limit_clients_wait_until_a_place_is_free() {
    let limits = Limits {
        max_connections: Some(2),
        ..Limits::default()
    };
    let server = Running::start(echoes, limited(limits)).await;
    let (mut first, mut second) = (server.connect(), server.connect());
    echo(&mut first, b"1");
    echo(&mut second, b"2");
    server.recorder.wait_for(is_paused);
    let mut third = server.connect();
    third.write_all(b"3").unwrap();
    third
        .set_read_timeout(Some(std::time::Duration::from_millis(200)))
        .unwrap();
    assert_eq!(
        third.read(&mut [0]).unwrap_err().kind(),
        ErrorKind::WouldBlock
    );
    assert_eq!(server.table.len(), 2);
    drop(first);
    third.set_read_timeout(Some(recorder::PATIENCE)).unwrap();
    let mut answer = [0];
    third.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"3");
    server.recorder.wait_for(|fact| *fact == Fact::Resumed);
    drop((second, third));
    let summary = server.drain().await;
    assert_eq!((summary.accepted, summary.complete), (3, 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn accepting_goes_on_when_a_place_is_free_not_when_somebody_takes_it() {
    let limits = Limits {
        max_connections: Some(1),
        ..Limits::default()
    };
    let server = Running::start(echoes, limited(limits)).await;
    let mut client = server.connect();
    echo(&mut client, b"hello");
    server.recorder.wait_for(is_paused);
    drop(client);
    server.recorder.wait_for(|fact| *fact == Fact::Resumed);
}

#[tokio::test(flavor = "multi_thread")]
async fn at_the_limit_clients_are_reset_where_that_was_asked_for() {
    let limits = Limits {
        max_connections: Some(1),
        at_limit: AtLimit::Refuse,
        ..Limits::default()
    };
    let server = Running::start(echoes, limited(limits)).await;
    let mut first = server.connect();
    echo(&mut first, b"hello");
    for _ in 0..20 {
        assert!(is_turned_away(TcpStream::connect(server.address)));
    }
    let turned_away = |fact: &Fact| matches!(fact, Fact::TurnedAway(..));
    for fact in server.recorder.wait_for_all(20, turned_away) {
        let Fact::TurnedAway(ConnectionName::FiveTuple(five_tuple), why) = fact else {
            unreachable!()
        };
        assert_eq!(
            (five_tuple.destination, why),
            (server.address, TurnedAway::Limit)
        );
    }
    drop(first);
    server.recorder.wait_for(Fact::is_closed);
    echo(&mut server.connect(), b"now it is my turn");
    assert_eq!(server.drain().await.accepted, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_address_has_its_own_limit() {
    let limits = Limits {
        max_per_ip: Some(2),
        ..Limits::default()
    };
    let server = Running::start(echoes, limited(limits)).await;
    let from = |source: &str| {
        let socket = socket_from(source);
        rustix::net::connect(&socket, &server.address)?;
        Ok(TcpStream::from(socket))
    };
    let welcome = |source: &str| {
        let client: std::io::Result<TcpStream> = from(source);
        client.unwrap()
    };
    let mut one = welcome("127.0.0.1:0");
    let mut two = welcome("127.0.0.1:0");
    echo(&mut one, b"1");
    echo(&mut two, b"2");
    assert!(is_turned_away(from("127.0.0.1:0")));
    echo(&mut welcome("127.0.0.9:0"), b"from elsewhere");
    drop(one);
    server.recorder.wait_for_all(2, Fact::is_closed);
    echo(&mut welcome("127.0.0.1:0"), b"a place is free again");
    let why = |fact: &Fact| matches!(fact, Fact::TurnedAway(_, TurnedAway::PerIpLimit));
    assert_eq!(server.recorder.count(why), 1);
    drop(two);
    assert_eq!(server.drain().await.accepted, 4);
}

/// A blocking socket with this source address.
fn socket_from(source: &str) -> OwnedFd {
    use rustix::net::{AddressFamily, SocketType, bind, socket};
    let socket = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
    bind(&socket, &source.parse::<std::net::SocketAddr>().unwrap()).unwrap();
    socket
}

#[tokio::test(flavor = "multi_thread")]
async fn whom_the_rules_do_not_admit_is_reset_and_no_service_sees_it() {
    let networks = |text: &str| vec![text.parse().unwrap()];
    for (access, admitted) in [
        (
            Access {
                allow: networks("127.0.0.0/8"),
                deny: Vec::new(),
            },
            true,
        ),
        (
            Access {
                allow: networks("10.0.0.0/8"),
                deny: Vec::new(),
            },
            false,
        ),
        (
            Access {
                allow: Vec::new(),
                deny: networks("127.0.0.1/32"),
            },
            false,
        ),
        (
            Access {
                allow: networks("127.0.0.0/8"),
                deny: networks("127.0.0.0/24"),
            },
            false,
        ),
    ] {
        let options = ServerOptions {
            access,
            ..ServerOptions::default()
        };
        let server = Running::start(echoes, options).await;
        if admitted {
            echo(&mut server.connect(), b"hello");
        } else {
            assert!(is_turned_away(TcpStream::connect(server.address)));
            let rule = |fact: &Fact| matches!(fact, Fact::TurnedAway(_, TurnedAway::Rule));
            server.recorder.wait_for(rule);
            assert_eq!(
                server
                    .recorder
                    .count(|fact| matches!(fact, Fact::Accepted(_))),
                0
            );
        }
        assert_eq!(server.drain().await.accepted, u64::from(admitted));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_resets_before_it_is_accepted_is_survived() {
    let (options, nobody) = (SocketOptions::default(), Observers::none());
    let socket = Socket::open(Family::Inet, &options, &nobody).unwrap();
    let listener = socket.bind(loopback()).unwrap().listen(64).unwrap();
    let mut names = Vec::new();
    for _ in 0..32 {
        let client = connect(listener.local());
        names.push(client.local_addr().unwrap());
        reset(client);
    }
    // Linux still gives them, each with its address, and then their reset (M11).
    for name in names {
        let mut accepted = listener.accept().await.unwrap();
        assert_eq!(accepted.five_tuple().unwrap().source, name);
        let error = accepted.receive(&mut [0; 8]).await.unwrap_err();
        assert_eq!(error.errno(), Some(rustix::io::Errno::CONNRESET));
    }
    let mut client = connect(listener.local());
    let mut accepted = listener.accept().await.unwrap();
    client.write_all(b"fine").unwrap();
    assert_eq!(accepted.receive(&mut [0; 8]).await.unwrap(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_listening_socket_outlives_every_client() {
    let server = Running::start(echoes, ServerOptions::default()).await;
    for round in 0..300 {
        let mut client = server.connect();
        match round % 3 {
            0 => reset(client),
            1 => drop(client),
            _ => echo(&mut client, b"hello"),
        }
    }
    let stopped = |fact: &Fact| matches!(fact, Fact::StoppedListening(_));
    assert_eq!(server.recorder.count(stopped), 0);
    server.recorder.wait_for_all(300, Fact::is_closed);
    let (recorder, address) = (server.recorder.clone(), server.address);
    assert_eq!(server.drain().await.accepted, 300);
    assert_eq!(recorder.count(stopped), 1);
    let refused = TcpStream::connect(address).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
}

#[tokio::test]
async fn an_accepted_socket_has_the_options_of_its_listening_socket() {
    use rustix::net::sockopt;
    let (options, nobody) = (SocketOptions::default(), Observers::none());
    let socket = Socket::open(Family::Inet, &options, &nobody).unwrap();
    let listener = socket.bind(loopback()).unwrap().listen(4).unwrap();
    let client = connect(listener.local());
    let accepted = listener.accept().await.unwrap();
    let fd = accepted.as_fd();
    assert!(sockopt::tcp_nodelay(fd).unwrap());
    assert!(sockopt::socket_oobinline(fd).unwrap());
    assert!(sockopt::socket_keepalive(fd).unwrap());
    assert_eq!(sockopt::tcp_keepidle(fd).unwrap().as_secs(), 60);
    let flags = rustix::io::fcntl_getfd(fd).unwrap();
    assert!(flags.contains(rustix::io::FdFlags::CLOEXEC));
    drop(client);
}
