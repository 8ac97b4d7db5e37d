//! socket, bind, listen: the passive open against real sockets.

mod recorder;

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;

use fivetuple::call::Code;
use fivetuple::service::Daytime;
use fivetuple::{
    Family, Identity, Observers, Server, ServerOptions, Socket, SocketName, SocketOptions, Wants,
};
use recorder::{Fact, Recorder, Running, inet, loopback, read_all};
use rustix::io::Errno;

/// Somebody who has bound and not listened yet refuses like somebody dead.
#[tokio::test]
async fn a_unix_socket_that_does_not_listen_yet_is_not_taken_for_a_dead_one() {
    // In a folder of its own, which is locked for a while.
    let folder = std::env::temp_dir().join(format!("fivetuple-bound-{}", std::process::id()));
    std::fs::create_dir(&folder).unwrap();
    let path = folder.join("x");
    let address: SocketName = format!("unix:{}", path.display()).parse().unwrap();
    let socket = || {
        let options = SocketOptions::default();
        Socket::open(Family::Unix, &options, &Observers::none()).unwrap()
    };
    let first = socket().bind(address.clone()).unwrap();
    let error = socket().bind(address.clone()).unwrap_err();
    assert!(error.to_string().contains("EADDRINUSE"), "{error}");
    let listener = first.listen(1).unwrap();
    UnixStream::connect(&path).unwrap();
    // Now nobody has to wait, and somebody is found there.
    let error = socket().bind(address.clone()).unwrap_err();
    assert!(error.to_string().contains("EADDRINUSE"), "{error}");
    drop(listener);
    drop(socket().bind(address).unwrap());
    // The last one has removed its file.
    std::fs::remove_dir(&folder).unwrap();
}

async fn open(address: &str, observers: &Observers) -> Result<Server, fivetuple::NotListening> {
    let address = address.parse().unwrap();
    Server::open(&address, ServerOptions::default(), observers).await
}

#[tokio::test]
async fn a_port_alone_gets_one_loopback_socket_per_family_and_the_same_port_on_both() {
    let recorder = Recorder::new();
    let server = open("0", &recorder.observers()).await.unwrap();
    let local: Vec<SocketAddr> = server.local().map(inet).collect();
    assert_eq!(local[0].ip(), Ipv4Addr::LOCALHOST);
    assert_eq!(local[1].ip(), Ipv6Addr::LOCALHOST);
    assert_eq!(local[0].port(), local[1].port());
    assert_ne!(local[0].port(), 0);
    let listening: Vec<Fact> = local
        .iter()
        .map(|local| Fact::Listening((*local).into()))
        .collect();
    let seen = recorder.wait_for_all(2, |fact| matches!(fact, Fact::Listening(_)));
    assert_eq!(seen, listening);
}

#[tokio::test]
async fn every_interface_has_a_socket_of_each_family_that_serves_only_it() {
    let recorder = Recorder::wanting(Wants {
        calls: true,
        ..Wants::default()
    });
    let server = open("*:0", &recorder.observers()).await.unwrap();
    let local: Vec<SocketAddr> = server.local().map(inet).collect();
    assert_eq!(local[0].ip(), Ipv4Addr::UNSPECIFIED);
    assert_eq!(local[1].ip(), Ipv6Addr::UNSPECIFIED);
    let only = |fact: &Fact| matches!(fact, Fact::Called(text) if text.contains("IPV6_V6ONLY, 1"));
    assert_eq!(recorder.count(only), 1);
    let shared = |fact: &Fact| matches!(fact, Fact::Called(text) if text.contains("REUSEPORT"));
    assert_eq!(recorder.count(shared), 0);
}

#[tokio::test]
async fn a_client_of_a_wildcard_socket_is_named_by_the_address_it_called() {
    for (family, any, called) in [
        (Family::Inet, "0.0.0.0:0", "127.0.0.2"),
        (Family::Inet6, "[::]:0", "::1"),
    ] {
        let (options, nobody) = (SocketOptions::default(), Observers::none());
        let socket = Socket::open(family, &options, &nobody).unwrap();
        let listener = socket
            .bind(any.parse::<SocketAddr>().unwrap())
            .unwrap()
            .listen(8)
            .unwrap();
        let called = SocketAddr::new(called.parse().unwrap(), inet(listener.local()).port());
        let client = TcpStream::connect(called).unwrap();
        let accepted = listener.accept().await.unwrap();
        assert_eq!(accepted.five_tuple().unwrap().destination, called);
        assert_eq!(
            accepted.five_tuple().unwrap().source,
            client.local_addr().unwrap()
        );
    }
}

#[tokio::test]
async fn a_second_server_on_a_taken_port_is_refused_and_the_holder_named() {
    let first = open("127.0.0.1:0", &Observers::none()).await.unwrap();
    let taken = first.local().next().unwrap();
    let refused = open(&taken.to_string(), &Observers::none())
        .await
        .unwrap_err();
    let error = refused.explained().unwrap();
    assert_eq!(error.code(), Code::Errno(Errno::ADDRINUSE));
    let facts: Vec<String> = error.facts().iter().map(ToString::to_string).collect();
    let me = format!("pid {}", std::process::id());
    assert!(facts.iter().any(|fact| fact.contains(&me)), "{facts:?}");
    assert!(!error.advice().is_empty());
}

#[tokio::test]
async fn where_one_family_is_taken_none_is_bound() {
    // Whoever holds only ::1 leaves 127.0.0.1 free.
    let holder = TcpListener::bind("[::1]:0").unwrap();
    let port = holder.local_addr().unwrap().port();
    let recorder = Recorder::new();
    let refused = open(&port.to_string(), &recorder.observers()).await;
    let error = refused.unwrap_err();
    assert_eq!(
        error.explained().unwrap().code(),
        Code::Errno(Errno::ADDRINUSE)
    );
    assert_eq!(recorder.count(|fact| matches!(fact, Fact::Listening(_))), 0);
    TcpListener::bind(("127.0.0.1", port)).unwrap();
}

#[tokio::test]
async fn the_backlog_that_was_asked_for_is_the_one_in_force() {
    let (options, nobody) = (SocketOptions::default(), Observers::none());
    let socket = Socket::open(Family::Inet, &options, &nobody).unwrap();
    let listener = socket.bind(loopback()).unwrap().listen(7).unwrap();
    let port = inet(listener.local()).port();
    let sockets = fivetuple::kernel::sock_diag::sockets_on_port(port).unwrap();
    assert_eq!(sockets[0].send_queue, 7, "the backlog in force");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_port_of_connections_in_time_wait_can_be_bound() {
    let server = Running::start(|_: &Identity| Daytime::default(), ServerOptions::default()).await;
    let mut client = server.connect();
    // The server has nothing more to say and finishes first: TIME-WAIT stays on its port.
    assert!(!read_all(&mut client).unwrap().is_empty());
    drop(client);
    let local = server.address;
    let summary = server.drain().await;
    assert_eq!(summary.complete, 1);
    let again = open(&local.to_string(), &Observers::none()).await.unwrap();
    assert_eq!(again.local().next().map(inet), Some(local));
}
