//! send and receive: both directions of a connection, until each has ended.

mod recorder;

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::thread;
use std::time::{Duration, Instant};

use fivetuple::service::{Echo, Source};
use fivetuple::transfer::Supply;
use fivetuple::{
    ConnectOptions, Eof, Exchange, Expired, Identity, Outgoing, Reason, ServerOptions, Side, Terms,
};
use recorder::{Fact, Recorder, Running, byte_at, connect, echo, pattern, read_all};
use rustix::net::{SendFlags, send};

fn echoes(_: &Identity) -> Echo {
    Echo
}

fn with(terms: Terms) -> ServerOptions {
    ServerOptions {
        terms,
        ..ServerOptions::default()
    }
}

/// Keeps what it receives, and answers when the peer has finished.
#[derive(Default)]
struct AnswerAtEnd {
    received: Vec<u8>,
}

impl Exchange for AnswerAtEnd {
    fn received(&mut self, bytes: &[u8], _reply: &mut Outgoing<'_>) {
        self.received.extend_from_slice(bytes);
    }

    fn peer_finished(&mut self, reply: &mut Outgoing<'_>) {
        self.received.reverse();
        reply.send(&self.received);
    }
}

/// Never has anything to send, and never ends.
struct Silent;

impl Exchange for Silent {
    fn received(&mut self, _bytes: &[u8], _reply: &mut Outgoing<'_>) {}

    fn poll_supply(&mut self, _cx: &mut Context<'_>, _out: &mut Outgoing<'_>) -> Poll<Supply> {
        Poll::Pending
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_byte_of_a_long_echo_comes_back_in_its_place_to_a_slow_reader() {
    const LENGTH: usize = 16 << 20;
    let server = Running::start(echoes, ServerOptions::default()).await;
    let mut client = server.connect();
    let mut writer = client.try_clone().unwrap();
    let sending = thread::spawn(move || {
        for chunk in pattern(LENGTH).chunks(77_777) {
            writer.write_all(chunk).unwrap();
        }
        writer.shutdown(Shutdown::Write).unwrap();
    });
    let mut position = 0;
    let mut buffer = vec![0; 33_333];
    loop {
        let count = client.read(&mut buffer).unwrap();
        if count == 0 {
            break;
        }
        for byte in &buffer[..count] {
            assert_eq!(*byte, byte_at(position), "at {position}");
            position += 1;
        }
        if position % 64 == 0 {
            thread::sleep(Duration::from_millis(1)); // peer: reads slowly
        }
    }
    assert_eq!(position, LENGTH);
    sending.join().unwrap();
    let (reason, first, totals) = server.recorder.closed();
    assert_eq!((reason, first), (Reason::Released, Side::Peer));
    assert_eq!(totals.bytes_received, LENGTH as u64);
    assert_eq!(totals.bytes_sent, LENGTH as u64);
    assert_eq!(totals.bytes_unacknowledged, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_may_come_after_the_peer_has_finished_sending() {
    let service = |_: &Identity| AnswerAtEnd::default();
    let server = Running::start(service, ServerOptions::default()).await;
    let mut client = server.connect();
    let question = pattern(3 << 20);
    client.write_all(&question).unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    let mut answer = read_all(&mut client).unwrap();
    answer.reverse();
    assert!(answer == question);
    assert_eq!(server.drain().await.complete, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn urgent_bytes_stay_in_their_places_and_stall_nothing() {
    let server = Running::start(echoes, ServerOptions::default()).await;
    for round in 0..200 {
        let mut client = server.connect();
        // One write before, the urgent byte, one write after, all there before anybody reads.
        client.write_all(b"before-").unwrap();
        assert_eq!(send(client.as_fd(), b"U", SendFlags::OOB), Ok(1));
        client.write_all(b"-after").unwrap();
        if round % 2 == 0 {
            assert_eq!(send(client.as_fd(), b"V", SendFlags::OOB), Ok(1));
            client.write_all(b"-end").unwrap();
        }
        let expected: &[u8] = match round % 2 {
            0 => b"before-U-afterV-end",
            _ => b"before-U-after",
        };
        let mut back = vec![0; expected.len()];
        client.read_exact(&mut back).unwrap();
        assert_eq!(back, expected, "round {round}");
        client.shutdown(Shutdown::Write).unwrap();
        assert_eq!(read_all(&mut client).unwrap(), b"");
    }
    assert_eq!(server.drain().await.complete, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_does_not_read_is_not_read_from_and_costs_bounded_memory() {
    let server = Running::start(echoes, ServerOptions::default()).await;
    let mut client = server.connect();
    client.set_nonblocking(true).unwrap();
    let mut written = 0_u64;
    let mut quiet_since = Instant::now();
    while quiet_since.elapsed() < Duration::from_millis(500) {
        match client.write(&[7; 65_536]) {
            Ok(count) => {
                written += count as u64;
                quiet_since = Instant::now();
            }
            Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
        }
        assert!(written < 256 << 20, "nothing holds this peer back");
    }
    let live = server.table.all().remove(0);
    let held = live.bytes_received() - live.bytes_sent();
    assert!(
        held <= 64 * 1024,
        "{held} bytes are kept for one connection"
    );
    // It goes on where it stopped.
    client.set_nonblocking(false).unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    assert_eq!(read_all(&mut client).unwrap().len() as u64, written);
    assert_eq!(server.drain().await.complete, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_ends_its_own_connection_only() {
    struct Fragile;
    impl Exchange for Fragile {
        fn received(&mut self, bytes: &[u8], reply: &mut Outgoing<'_>) {
            assert_ne!(bytes, b"break", "on purpose");
            reply.send(bytes);
        }
    }
    let server = Running::start(|_: &Identity| Fragile, ServerOptions::default()).await;
    let mut sound = server.connect();
    echo(&mut sound, b"hello");
    let mut broken = server.connect();
    broken.write_all(b"break").unwrap();
    let error = read_all(&mut broken).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    let (reason, first, _) = server.recorder.closed();
    assert_eq!((reason, first), (Reason::Failed, Side::Us));
    echo(&mut sound, b"still here");
    echo(&mut server.connect(), b"and new ones, too");
    drop(sound);
    let summary = server.drain().await;
    assert_eq!((summary.accepted, summary.panicked), (3, 1));
    assert_eq!(summary.complete, 2);
}

/// Serves one connection under these terms and tells how it ended.
async fn expires(
    terms: Terms,
    client_does: impl FnOnce(&mut TcpStream),
) -> (Option<Expired>, Reason) {
    let options = ServerOptions {
        once: true,
        ..with(terms)
    };
    let server = Running::start(|_: &Identity| Silent, options).await;
    let mut client = server.connect();
    client_does(&mut client);
    let closed = server.end().await.last.unwrap();
    (closed.expired, closed.reason)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_without_a_byte_for_too_long_is_idle() {
    let terms = Terms {
        idle: Some(Duration::from_millis(300)),
        ..Terms::SERVER
    };
    let begin = Instant::now();
    let end = expires(terms, |client| {
        for _ in 0..5 {
            thread::sleep(Duration::from_millis(100)); // peer: says something now and then
            client.write_all(b"x").unwrap();
        }
    });
    assert_eq!(end.await, (Some(Expired::Idle), Reason::TimedOut));
    let took = begin.elapsed();
    assert!(took >= Duration::from_millis(800), "{took:?}");
    assert!(took < Duration::from_millis(1800), "{took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deadline_ends_a_connection_that_is_busy_all_the_time() {
    for service_sends in [false, true] {
        let terms = Terms {
            deadline: Some(Duration::from_millis(400)),
            ..Terms::SERVER
        };
        let options = ServerOptions {
            once: true,
            ..with(terms)
        };
        let server = if service_sends {
            Running::start(|_: &Identity| Source::new(None), options).await
        } else {
            Running::start(echoes, options).await
        };
        let begin = Instant::now();
        let mut client = server.connect();
        let mut buffer = vec![0; 1 << 20];
        // Reads or talks until it is cut off.
        let end = loop {
            let moved = if service_sends {
                client.read(&mut buffer)
            } else {
                client
                    .write_all(b"ping")
                    .and_then(|()| client.read(&mut buffer[..4]))
            };
            match moved {
                Ok(0) => break Ok(0),
                Ok(_) => {}
                Err(error) => break Err(error.kind()),
            }
            assert!(
                begin.elapsed() < Duration::from_secs(10),
                "no deadline came"
            );
        };
        let closed = server.end().await.last.unwrap();
        assert_eq!(closed.expired, Some(Expired::Deadline), "{end:?}");
        assert_eq!(closed.reason, Reason::TimedOut);
        assert!(begin.elapsed() >= Duration::from_millis(400));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_is_half_closed_for_too_long_expires() {
    let terms = Terms {
        half_closed: Some(Duration::from_millis(200)),
        ..Terms::SERVER
    };
    let end = expires(terms, |client| client.shutdown(Shutdown::Write).unwrap());
    assert_eq!(end.await, (Some(Expired::HalfClosed), Reason::TimedOut));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_both_sides_keep_open_does_not_expire_as_half_closed() {
    let terms = Terms {
        half_closed: Some(Duration::from_millis(100)),
        ..Terms::SERVER
    };
    let server = Running::start(echoes, with(terms)).await;
    let mut client = server.connect();
    thread::sleep(Duration::from_millis(400)); // peer: takes its time
    echo(&mut client, b"still there");
    drop(client);
    assert_eq!(server.drain().await.complete, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_busy_connection_leaves_the_thread_to_others() {
    // Both tasks share one thread: whoever never gives it back starves the other.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let server = runtime.spawn(Running::start(
        |identity: &Identity| Mixed {
            number: identity.number,
        },
        ServerOptions::default(),
    ));
    let server = server.await.unwrap();
    let mut greedy = server.connect();
    let reading = thread::spawn(move || {
        let mut buffer = vec![0; 4 << 20];
        let mut total = 0_u64;
        while let Ok(count @ 1..) = greedy.read(&mut buffer) {
            total += count as u64;
        }
        total
    });
    server
        .recorder
        .wait_for(|fact| matches!(fact, Fact::Accepted(_)));
    let mut modest = server.connect();
    for _ in 0..20 {
        let begin = Instant::now();
        echo(&mut modest, b"my turn");
        assert!(
            begin.elapsed() < Duration::from_secs(2),
            "{:?}",
            begin.elapsed()
        );
    }
    server.control.cut();
    let summary = server.end().await;
    assert_eq!(summary.cut, 2);
    assert!(reading.join().unwrap() > 0);
    runtime.shutdown_background();
}

/// The first connection gets bytes without end, the others an echo.
struct Mixed {
    number: u64,
}

impl Exchange for Mixed {
    fn received(&mut self, bytes: &[u8], reply: &mut Outgoing<'_>) {
        reply.send(bytes);
    }

    fn poll_supply(&mut self, _cx: &mut Context<'_>, out: &mut Outgoing<'_>) -> Poll<Supply> {
        if self.number > 1 {
            return Poll::Ready(Supply::Absent);
        }
        out.send(&[0; 1024]);
        Poll::Ready(Supply::More)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_supply_that_never_waits_gives_the_thread_back_between_its_turns() {
    // Polled by hand: one poll must come to an end even if the kernel takes everything at once.
    struct Nothing(u64);
    impl Exchange for Nothing {
        fn received(&mut self, _bytes: &[u8], _reply: &mut Outgoing<'_>) {}
        fn poll_supply(&mut self, _cx: &mut Context<'_>, _out: &mut Outgoing<'_>) -> Poll<Supply> {
            self.0 += 1;
            assert!(self.0 < 10_000, "it is asked again and again in one turn");
            Poll::Ready(Supply::More)
        }
    }
    let server = Running::start(echoes, ServerOptions::default()).await;
    let target = server.address.to_string().parse().unwrap();
    let (options, observers) = (ConnectOptions::default(), Recorder::new().observers());
    let connection = fivetuple::connect::open(&target, &options, &observers)
        .await
        .unwrap();
    let terms = Arc::new(Terms::CLIENT);
    let mut transfer = fivetuple::transfer::Transfer::new(connection, Nothing(0), &terms);
    let mut cx = Context::from_waker(std::task::Waker::noop());
    assert!(std::pin::Pin::new(&mut transfer).poll(&mut cx).is_pending());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_either_direction_closes_after_flushing_where_that_was_asked_for() {
    struct Answer(bool);
    impl Exchange for Answer {
        fn received(&mut self, _bytes: &[u8], _reply: &mut Outgoing<'_>) {}
        fn poll_supply(&mut self, _cx: &mut Context<'_>, out: &mut Outgoing<'_>) -> Poll<Supply> {
            if self.0 {
                return Poll::Ready(Supply::Ended);
            }
            self.0 = true;
            out.send(&pattern(8 << 20));
            Poll::Ready(Supply::More)
        }
    }
    let terms = Terms {
        eof: Eof::Full,
        ..Terms::SERVER
    };
    let server = Running::start(|_: &Identity| Answer(false), with(terms)).await;
    let mut client = server.connect();
    assert!(read_all(&mut client).unwrap() == pattern(8 << 20));
    client.write_all(b"nobody wants this any more").unwrap();
    drop(client);
    let (reason, first, totals) = server.recorder.closed();
    assert_eq!((reason, first), (Reason::Released, Side::Us));
    assert_eq!(totals.bytes_unacknowledged, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_of_nothing_is_not_the_end_of_the_stream() {
    /// Has room only for a byte at a time, and at first for none.
    struct Narrow(u32);
    impl Exchange for Narrow {
        fn received(&mut self, bytes: &[u8], reply: &mut Outgoing<'_>) {
            assert!(bytes.len() <= 1, "no room for {}", bytes.len());
            reply.send(bytes);
        }
        fn poll_room(
            &mut self,
            cx: &mut Context<'_>,
            _unsent: usize,
        ) -> Poll<Result<usize, fivetuple::Close>> {
            self.0 += 1;
            if self.0 % 2 == 1 {
                cx.waker().wake_by_ref();
                return Poll::Ready(Ok(0));
            }
            Poll::Ready(Ok(1))
        }
    }
    let server = Running::start(|_: &Identity| Narrow(0), ServerOptions::default()).await;
    let mut client = connect(server.address);
    echo(&mut client, b"one by one");
    drop(client);
    assert_eq!(server.drain().await.complete, 1);
}
