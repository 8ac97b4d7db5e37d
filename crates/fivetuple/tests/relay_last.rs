//! The relay service when one of its two connections is dead, and how long the last bytes of it may
//! be on their way to the other.

mod namespace;
mod recorder;

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use fivetuple::service::Relay;
use fivetuple::{ConnectOptions, Keepalive, Reason, ServerOptions, SocketOptions};
use namespace::{has_nft, in_namespace, run};
use recorder::{PATIENCE, Running, byte_at, pattern, reset};
use rustix::net::{AddressFamily, SocketType, sockopt};

/// What a dying connection has said reaches the other within this time, or never.
const LAST_MAX: Duration = Duration::from_secs(30);

async fn start(to: SocketAddr, socket: SocketOptions) -> Running {
    let options = ConnectOptions {
        socket: socket.clone(),
        ..ConnectOptions::default()
    };
    let server = ServerOptions {
        socket,
        ..ServerOptions::default()
    };
    Running::start(Relay::new(vec![to.into()], options), server).await
}

fn accept(listener: &TcpListener) -> TcpStream {
    let (stream, _) = listener.accept().unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// A client with an address of its own.
fn connect_from(source: SocketAddr, to: SocketAddr) -> TcpStream {
    let fd = rustix::net::socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
    rustix::net::bind(&fd, &source).unwrap();
    rustix::net::connect(&fd, &to).unwrap();
    let stream = TcpStream::from(fd);
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_is_dead_ends_the_other_with_a_reset_after_what_it_had_said() {
    if !has_nft()
        || in_namespace("one_that_is_dead_ends_the_other_with_a_reset_after_what_it_had_said")
    {
        return;
    }
    let socket = SocketOptions {
        keepalive: Some(Keepalive {
            idle: Duration::from_secs(1),
            interval: Duration::from_secs(1),
            probes: 1,
        }),
        ..SocketOptions::default()
    };
    let (here, there): (SocketAddr, SocketAddr) = (
        "127.0.0.2:0".parse().unwrap(),
        "127.0.0.3:0".parse().unwrap(),
    );
    for client_dies in [true, false] {
        let listener = TcpListener::bind(there).unwrap();
        let relay = start(listener.local_addr().unwrap(), socket.clone()).await;
        let client = connect_from(here, relay.address);
        let destination = accept(&listener);
        let (mut dies, mut lives, address) = if client_dies {
            (client, destination, here.ip())
        } else {
            (destination, client, there.ip())
        };
        dies.write_all(b"last words").unwrap();
        let mut words = [0; 10];
        lives.read_exact(&mut words).unwrap();
        assert_eq!(&words, b"last words");
        let silence = format!(
            "add table inet t; add chain inet t c {{ type filter hook input priority 0; }}; \
             add rule inet t c ip saddr {address} drop; add rule inet t c ip daddr {address} drop;"
        );
        run("nft", &[&silence]);
        let end = lives.read(&mut [0]).unwrap_err();
        assert_eq!(end.kind(), ErrorKind::ConnectionReset);
        let ends = relay.recorder.all_closed(2);
        let (accepted, connected) = (ends[0].1, ends[1].1);
        let (dead, other) = if client_dies {
            (accepted, connected)
        } else {
            (connected, accepted)
        };
        assert_eq!((dead, other), (Reason::TimedOut, Reason::Aborted));
        run("nft", &["flush ruleset"]);
        relay.drain().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn last_bytes_that_are_taken_ever_so_slowly_have_half_a_minute() {
    // As long as the rule says.
    if std::env::var_os("FT_TEST_ALL").is_none() {
        return;
    }
    const LENGTH: usize = 1 << 20;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    sockopt::set_socket_recv_buffer_size(&listener, 4096).unwrap();
    let relay = start(listener.local_addr().unwrap(), SocketOptions::default()).await;
    let mut client = relay.connect();
    let mut destination = accept(&listener);
    client.write_all(&pattern(LENGTH)).unwrap();
    let live = relay.table.all().remove(0);
    recorder::until(|| live.bytes_received() == LENGTH as u64).await;
    drop(live);
    reset(client);
    let start = Instant::now();
    let mut buffer = [0; 2048];
    let mut position = 0;
    let end = loop {
        match destination.read(&mut buffer) {
            Ok(count) => {
                assert!(count > 0, "a reset became an orderly end");
                for byte in &buffer[..count] {
                    assert_eq!(*byte, byte_at(position), "at {position}");
                    position += 1;
                }
            }
            Err(error) => break error.kind(),
        }
        thread::sleep(Duration::from_millis(250)); // peer: takes a little now and then
    };
    assert_eq!(end, ErrorKind::ConnectionReset);
    let after = start.elapsed();
    let range = LAST_MAX..LAST_MAX + LAST_MAX / 4;
    assert!(range.contains(&after), "{position} B in {after:?}");
    assert!(position < LENGTH, "all of it in {after:?}");
    let ends = relay.recorder.all_closed(2);
    assert_eq!((ends[0].1, ends[1].1), (Reason::Reset, Reason::Aborted));
}
