//! The load generator, against good servers and bad ones.
#![cfg(feature = "load")]

mod recorder;

use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use fivetuple::load::{
    CloseBy, Failure, Load, LoadCounters, LoadOptions, Measured, Mode, Reply, Request,
};
use fivetuple::service::{Discard, Echo, Source};
use fivetuple::{Address, Identity, Observers, Reason, ServerOptions};
use recorder::{PATIENCE, Running, loopback, reset};

const SHORT: Duration = Duration::from_millis(100);
const IMPATIENT: Duration = Duration::from_millis(200);

fn echoes(_: &Identity) -> Echo {
    Echo
}

fn of(mode: Mode) -> LoadOptions {
    LoadOptions {
        mode,
        connections: 4,
        reply_timeout: IMPATIENT,
        ..LoadOptions::default()
    }
}

async fn open(address: SocketAddr, options: &LoadOptions) -> Load {
    let address = Address::from(address);
    let opened = Load::open(&address, options, &Observers::none()).await;
    opened.unwrap()
}

/// One short window.
async fn once(address: SocketAddr, options: &LoadOptions) -> Measured {
    let mut load = open(address, options).await;
    let running = load.run(SHORT);
    let measured = tokio::time::timeout(PATIENCE, running).await;
    let measured = measured.expect("it ends whatever the server does");
    load.close().await;
    measured
}

/// A bad server: what it does with each client, on a thread of the client's own.
fn peer(serve: impl Fn(TcpStream) + Send + Clone + 'static) -> SocketAddr {
    serve_at(loopback(), serve)
}

/// The same at a given address.
fn serve_at(address: SocketAddr, serve: impl Fn(TcpStream) + Send + Clone + 'static) -> SocketAddr {
    let listener = TcpListener::bind(address).unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let serve = serve.clone();
            thread::spawn(move || serve(client));
        }
    });
    address
}

/// Echoes what this makes of each read.
fn answers(client: TcpStream, mut answer: impl FnMut(&mut Vec<u8>, usize)) {
    let mut client = client;
    let mut buffer = [0; 65_536];
    let mut number = 0;
    while let Ok(count @ 1..) = client.read(&mut buffer) {
        let mut bytes = buffer[..count].to_vec();
        answer(&mut bytes, number);
        number += 1;
        if client.write_all(&bytes).is_err() {
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_echo_is_counted_once_by_everybody() {
    for (size, pipeline) in [(64, 1), (1, 7), (200_000, 2), (1000, 16)] {
        let server = Running::start(echoes, ServerOptions::default()).await;
        let options = LoadOptions {
            size,
            pipeline,
            reply_timeout: PATIENCE,
            ..of(Mode::Echo)
        };
        let mut load = open(server.address, &options).await;
        assert_eq!(load.live().open(), 4);
        let measured = load.run(SHORT).await;
        assert_eq!(measured.failures.total(), 0, "{:?}", measured.failures);
        assert!(measured.messages > 0);
        assert_eq!(measured.per_connection.len(), 4);
        assert_eq!(
            measured.per_connection.iter().sum::<u64>(),
            measured.messages
        );
        assert_eq!(load.live().messages(), measured.messages);
        assert!(measured.reply.len() >= measured.messages);
        assert_eq!(measured.first_byte.len(), measured.reply.len());
        assert!(measured.first_byte.max() <= measured.reply.max());
        // The first is not timed.
        assert_eq!(measured.connect.len(), 3);
        assert!(measured.corrected.is_none());
        assert!(measured.bytes_received >= measured.messages * size as u64);
        assert!(measured.elapsed >= SHORT);
        // At rest: what was sent has come back.
        let live = Arc::clone(load.live());
        assert_eq!(live.bytes_sent(), live.bytes_received());
        assert_eq!(load.close().await, 4);
        for (_, reason, totals) in server.recorder.all_closed(4) {
            assert_eq!(reason, Reason::Released);
            assert_eq!(totals.bytes_sent, totals.bytes_received);
        }
        server.drain().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_byte_of_a_reply_is_timed_apart_from_its_last() {
    let pause = Duration::from_millis(30);
    let live = Arc::new(OnceLock::<Arc<LoadCounters>>::new());
    let seen = Arc::clone(&live);
    let halves = peer(move |mut client| {
        client.set_nodelay(true).unwrap();
        let mut buffer = [0; 64];
        let mut sent = 0;
        while client.read_exact(&mut buffer).is_ok() {
            client.write_all(&buffer[..32]).unwrap();
            sent += 32;
            // However slow the machine is, the first half has been read when the second is sent.
            while seen.wait().bytes_received() < sent {
                thread::yield_now();
            }
            thread::sleep(pause); // peer: it takes its time in the middle
            client.write_all(&buffer[32..]).unwrap();
            sent += 32;
        }
    });
    let options = LoadOptions {
        connections: 1,
        reply_timeout: PATIENCE,
        ..of(Mode::Echo)
    };
    let mut load = open(halves, &options).await;
    live.set(Arc::clone(load.live())).unwrap();
    let measured = load.run(SHORT * 3).await;
    load.close().await;
    assert_eq!(measured.failures.total(), 0, "{:?}", measured.failures);
    let (first, last) = (&measured.first_byte, &measured.reply);
    assert_eq!(first.len(), last.len());
    let apart = Duration::from_millis(20).as_nanos() as u64;
    assert!(first.min() + apart <= last.min(), "{measured:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_load_works_in_slices_on_the_same_connections() {
    let first = Running::start(echoes, ServerOptions::default()).await;
    let second = Running::start(echoes, ServerOptions::default()).await;
    let options = of(Mode::Echo);
    let mut one = open(first.address, &options).await;
    let mut other = open(second.address, &options).await;
    let mut all = one.run(SHORT).await;
    for turn in 0..4 {
        let load = if turn % 2 == 0 { &mut other } else { &mut one };
        let measured = load.run(Duration::from_millis(30)).await;
        assert!(measured.messages > 0);
        assert_eq!(measured.failures.total(), 0);
        assert_eq!(measured.connect.len(), if turn == 0 { 3 } else { 0 });
        all.add(&measured);
    }
    assert!(all.reply.len() >= all.messages);
    assert_eq!(all.connect.len(), 6);
    assert_eq!((one.close().await, other.close().await), (4, 4));
    assert_eq!(first.drain().await.accepted, 4);
    assert_eq!(second.drain().await.accepted, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn bulk_goes_either_way_and_both() {
    let discard = Running::start(|_: &Identity| Discard, ServerOptions::default()).await;
    let source = Running::start(|_: &Identity| Source::default(), ServerOptions::default()).await;
    let echo = Running::start(echoes, ServerOptions::default()).await;
    for (mode, server, sends, receives) in [
        (Mode::Send, &discard, true, false),
        (Mode::Receive, &source, false, true),
        (Mode::Both, &source, true, true),
        (Mode::Both, &echo, true, true),
    ] {
        let options = LoadOptions {
            size: 100_000,
            reply_timeout: PATIENCE,
            ..of(mode.clone())
        };
        let measured = once(server.address, &options).await;
        assert_eq!(
            measured.failures.total(),
            0,
            "{mode:?} {:?}",
            measured.failures
        );
        assert_eq!(measured.bytes_sent > 0, sends, "{mode:?}");
        assert_eq!(measured.bytes_received > 0, receives, "{mode:?}");
        let both = measured.bytes_sent + measured.bytes_received;
        assert_eq!(measured.per_connection.iter().sum::<u64>(), both);
        assert_eq!((measured.messages, measured.open), (0, 4));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_wait_in_our_kernel_have_not_arrived() {
    let server = peer(|client| {
        let _small = rustix::net::sockopt::set_socket_recv_buffer_size(&client, 16_384);
        let mut client = client;
        let mut buffer = [0; 4096];
        while let Ok(1..) = client.read(&mut buffer) {
            thread::sleep(Duration::from_millis(4)); // peer: it reads 1 MB/s at most
        }
    });
    let options = LoadOptions {
        size: 1 << 20,
        connections: 1,
        ..of(Mode::Send)
    };
    let mut load = open(server, &options).await;
    let measured = load.run(SHORT).await;
    // 100 KB are read in this time; our own kernel has room for megabytes.
    assert!(measured.bytes_sent < 1_000_000, "{}", measured.bytes_sent);
    assert_eq!(measured.per_connection, [measured.bytes_sent]);
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_came_while_nobody_measured_are_not_counted() {
    let (filled, is_filled) = std::sync::mpsc::channel();
    let server = peer(move |client| {
        client.set_nonblocking(true).unwrap();
        while (&client).write(&[0; 65_536]).is_ok() {}
        filled.send(()).unwrap();
        thread::sleep(PATIENCE * 3); // peer: from now on it is mute
        drop(client);
    });
    let options = LoadOptions {
        reply_timeout: PATIENCE,
        ..of(Mode::Receive)
    };
    let mut load = open(server, &options).await;
    for _ in 0..4 {
        is_filled.recv_timeout(PATIENCE).unwrap();
    }
    let measured = load.run(SHORT * 4).await;
    assert_eq!(measured.bytes_received, 0);
    assert_eq!(measured.failures.total(), 0, "{measured:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_pauses_has_the_whole_timeout() {
    let slow = peer(|mut client| {
        thread::sleep(IMPATIENT); // peer: it is slow to begin
        let _ = client.write_all(b"!");
        thread::sleep(PATIENCE * 3); // peer: and to go on
    });
    let options = LoadOptions {
        reply_timeout: Duration::from_secs(1),
        ..of(Mode::Receive)
    };
    let mut load = open(slow, &options).await;
    for _ in 0..2 {
        let measured = load.run(SHORT).await;
        assert_eq!(measured.failures.total(), 0, "{measured:?}");
    }
    // Silence goes on from window to window.
    let measured = load.run(Duration::from_secs(2)).await;
    assert!(measured.failures.of(Failure::TimedOut) >= 4, "{measured:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_per_exchange_ends_by_fin_or_by_reset() {
    for (close_by, reason) in [
        (CloseBy::Fin, Reason::Released),
        (CloseBy::Reset, Reason::Reset),
    ] {
        let server = Running::start(echoes, ServerOptions::default()).await;
        let options = LoadOptions {
            close_by,
            sources: ["127.0.0.2", "127.0.0.3"]
                .map(|ip| ip.parse().unwrap())
                .into(),
            ..of(Mode::Connect)
        };
        let measured = once(server.address, &options).await;
        assert_eq!(measured.failures.total(), 0, "{:?}", measured.failures);
        assert!(measured.messages > 0);
        assert!(measured.connect.len() >= measured.messages);
        assert_eq!(measured.open, 0);
        let ends = server.recorder.all_closed(measured.messages as usize + 1);
        let alike = ends.iter().filter(|(_, end, _)| *end == reason).count();
        assert!(alike as u64 >= measured.messages, "{ends:?}");
        let sources: Vec<IpAddr> = server
            .recorder
            .facts()
            .into_iter()
            .filter_map(|fact| match fact {
                recorder::Fact::Accepted(identity) => Some(recorder::inet(identity.peer()).ip()),
                _ => None,
            })
            .collect();
        for ip in &options.sources {
            assert!(sources.contains(ip));
        }
        server.drain().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_of_any_protocol_end_by_length_or_by_text() {
    let server = peer(|client| {
        answers(client, |bytes, _| {
            let asked = bytes.iter().filter(|byte| **byte == b'\n').count();
            *bytes = b"head\r\n\r\nbody.".repeat(asked);
        });
    });
    let text = |text: &[u8]| Arc::<[u8]>::from(text);
    for reply in [Reply::Bytes(13), Reply::Until(text(b"body."))] {
        for pipeline in [1, 8] {
            let request = Request {
                message: text(b"GET /\n"),
                reply: reply.clone(),
            };
            let options = LoadOptions {
                pipeline,
                ..of(Mode::Request(request.clone()))
            };
            let measured = once(server, &options).await;
            assert_eq!(measured.failures.total(), 0, "{:?}", measured.failures);
            assert!(measured.messages > 0);
            let options = LoadOptions {
                connect_request: Some(request),
                ..of(Mode::Connect)
            };
            let measured = once(server, &options).await;
            assert_eq!(measured.failures.total(), 0, "{:?}", measured.failures);
            assert!(measured.messages > 0);
        }
    }
    let short = Request {
        message: text(b"GET /\n"),
        reply: Reply::Bytes(12),
    };
    let measured = once(server, &of(Mode::Request(short))).await;
    assert!(measured.failures.of(Failure::WrongBytes) > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rate_is_kept_and_latency_counts_from_when_a_message_was_due() {
    let server = Running::start(echoes, ServerOptions::default()).await;
    for mode in [Mode::Echo, Mode::Connect] {
        let options = LoadOptions {
            rate: Some(200.0),
            reply_timeout: PATIENCE,
            ..of(mode)
        };
        let mut load = open(server.address, &options).await;
        let measured = load.run(Duration::from_millis(500)).await;
        assert_eq!(measured.failures.total(), 0, "{:?}", measured.failures);
        // A message for every 5 ms, the first at 0; the last may come after the end.
        let corrected = measured.corrected.clone().unwrap();
        assert_eq!(corrected.len(), 100);
        assert!(measured.messages + measured.backlog >= 90, "{measured:?}");
        assert!(corrected.max() >= measured.reply.max());
        let is_anew = options.mode == Mode::Connect;
        assert_eq!(measured.connection.len() >= 90, is_anew);
        assert_eq!(measured.connection.is_empty(), !is_anew);
        assert!(corrected.max() >= measured.connection.max());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stalls_cannot_hide_behind_the_messages_that_it_delays() {
    let stall = Duration::from_millis(150);
    let server = peer(move |client| {
        answers(client, |_, number| {
            if number == 3 {
                thread::sleep(stall); // peer: it stalls once
            }
        });
    });
    let options = LoadOptions {
        rate: Some(1000.0),
        connections: 1,
        reply_timeout: PATIENCE,
        ..of(Mode::Echo)
    };
    let mut load = open(server, &options).await;
    let measured = load.run(Duration::from_millis(400)).await;
    assert_eq!(measured.failures.total(), 0);
    let corrected = measured.corrected.clone().unwrap();
    assert_eq!(corrected.len(), 400);
    // Of those that were due in the first half of the stall, each has waited half of it or more.
    let waited = |histogram: &fivetuple::load::Histogram<u64>| {
        let half = stall.as_nanos() as u64 / 2;
        histogram.count_between(half, u64::MAX)
    };
    assert!(waited(&corrected) >= 70, "{}", waited(&corrected));
    assert!(waited(&measured.reply) < waited(&corrected));
    assert!(measured.backlog_max >= 100, "{}", measured.backlog_max);
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_connections_are_held_and_checked() {
    let echo = Running::start(echoes, ServerOptions::default()).await;
    let measured = once(echo.address, &of(Mode::Hold)).await;
    assert_eq!(
        (measured.messages, measured.alive, measured.open),
        (4, 0, 4)
    );
    let discard = Running::start(|_: &Identity| Discard, ServerOptions::default()).await;
    let measured = once(discard.address, &of(Mode::Hold)).await;
    assert_eq!(
        (measured.messages, measured.alive, measured.open),
        (0, 4, 4)
    );
    assert_eq!(measured.failures.total(), 0);
    let greets = peer(|mut client| {
        client.write_all(b"220 hello\r\n").unwrap();
        let mut buffer = [0; 64];
        while let Ok(1..) = client.read(&mut buffer) {}
    });
    let measured = once(greets, &of(Mode::Hold)).await;
    assert_eq!((measured.messages, measured.alive), (0, 4));
    assert_eq!(measured.failures.total(), 0, "{:?}", measured.failures);
    // The message is counted with the others after the end of the window.
    let mut load = open(greets, &of(Mode::Hold)).await;
    load.run(SHORT).await;
    assert_eq!(load.live().bytes_sent(), 4 * 64);
    let leaves = peer(drop);
    let measured = once(leaves, &of(Mode::Hold)).await;
    assert_eq!((measured.messages, measured.open), (0, 0));
    assert_eq!(measured.failures.total(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusing_server_is_an_error_before_anything_begins() {
    let unused = TcpListener::bind(loopback()).unwrap();
    let address = unused.local_addr().unwrap();
    drop(unused);
    for mode in [Mode::Echo, Mode::Connect] {
        let address = Address::from(address);
        let opened = Load::open(&address, &of(mode), &Observers::none()).await;
        assert!(opened.unwrap_err().to_string().contains("refused"));
    }
}

/// A load on four connections to a server that has just died, and where that was.
async fn orphaned(options: &LoadOptions) -> (Load, SocketAddr) {
    let listener = TcpListener::bind(loopback()).unwrap();
    let address = listener.local_addr().unwrap();
    let load = open(address, options).await;
    // One that connects anew has closed the only one that it has made.
    let count = if options.mode == Mode::Connect { 1 } else { 4 };
    let clients: Vec<TcpStream> = (0..count).map(|_| listener.accept().unwrap().0).collect();
    drop(listener);
    clients.into_iter().for_each(reset);
    (load, address)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_goes_away_ends_the_run_early_and_is_counted() {
    for (mode, rate, resets, is_tried_again) in [
        (Mode::Echo, None, 4, true),
        (Mode::Echo, Some(100.0), 4, true),
        (Mode::Connect, None, 0, true),
        (Mode::Connect, Some(100.0), 0, true),
        (Mode::Send, None, 4, true),
        (Mode::Receive, None, 4, true),
        (Mode::Both, None, 4, true),
        (Mode::Hold, None, 4, false),
    ] {
        let options = LoadOptions {
            rate,
            ..of(mode.clone())
        };
        let (mut load, _) = orphaned(&options).await;
        let begin = Instant::now();
        let measured = load.run(PATIENCE).await;
        assert!(begin.elapsed() < PATIENCE, "{mode:?} {measured:?}");
        let failures = &measured.failures;
        assert_eq!(failures.of(Failure::Reset), resets, "{mode:?} {failures:?}");
        let refused = failures.of(Failure::Refused);
        assert_eq!(refused >= 4, is_tried_again, "{mode:?} {failures:?}");
        assert_eq!(failures.total(), resets + refused, "{mode:?} {failures:?}");
        assert_eq!((measured.open, measured.messages), (0, 0), "{mode:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_dies_makes_no_latency_short() {
    let options = LoadOptions {
        rate: Some(100.0),
        ..of(Mode::Echo)
    };
    let (mut load, _) = orphaned(&options).await;
    let measured = load.run(PATIENCE).await;
    let corrected = measured.corrected.clone().unwrap();
    // It gave up after a second; what was due in that second has waited, and later on nothing is.
    assert!((80..500).contains(&corrected.len()), "{}", corrected.len());
    let half = corrected.value_at_quantile(0.5);
    assert!(half >= 100_000_000, "{half}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_restarted_is_found_again() {
    let (mut load, address) = orphaned(&of(Mode::Echo)).await;
    let (control, live) = (load.control(), Arc::clone(load.live()));
    let running = tokio::spawn(async move { load.run(PATIENCE).await });
    // Each has been reset, and refused at least once.
    recorder::until(|| live.failures() >= 8).await;
    serve_at(address, |client| answers(client, |_, _| {}));
    recorder::until(|| live.open() == 4 && live.messages() > 0).await;
    control.stop();
    let measured = running.await.unwrap();
    assert_eq!(measured.open, 4);
    assert!(measured.failures.of(Failure::Refused) >= 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mute_server_is_timed_out_in_every_mode_that_waits_for_it() {
    let mute = peer(|client| {
        // Keeps it open, reads nothing.
        thread::sleep(PATIENCE * 3); // peer: it is mute
        drop(client);
    });
    for mode in [
        Mode::Echo,
        Mode::Connect,
        Mode::Receive,
        Mode::Both,
        Mode::Send,
    ] {
        let measured = once(mute, &of(mode.clone())).await;
        assert!(
            measured.failures.of(Failure::TimedOut) >= 4,
            "{mode:?} {measured:?}"
        );
        assert_eq!(measured.messages, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lies_are_found() {
    let changed = peer(|client| answers(client, |bytes, _| bytes[0] ^= 1));
    let doubled = peer(|client| {
        answers(client, |bytes, number| {
            if number == 2 {
                bytes.extend_from_within(..);
            }
        });
    });
    let lost = peer(|client| {
        answers(client, |bytes, number| {
            if number == 2 {
                bytes.truncate(bytes.len() / 2);
            } else if number > 2 {
                bytes.extend_from_within(..);
            }
        });
    });
    for (server, at_least) in [
        (changed, Failure::WrongBytes),
        (doubled, Failure::WrongBytes),
    ] {
        let measured = once(server, &of(Mode::Echo)).await;
        assert!(measured.failures.of(at_least) >= 4, "{measured:?}");
    }
    let measured = once(lost, &of(Mode::Echo)).await;
    assert!(measured.failures.of(Failure::TimedOut) >= 4, "{measured:?}");
    let options = LoadOptions {
        pipeline: 4,
        ..of(Mode::Echo)
    };
    let measured = once(lost, &options).await;
    assert!(measured.failures.total() >= 4, "{measured:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_reset_or_early_end_does_not_end_the_run() {
    let resets = peer(|mut client| {
        let mut buffer = [0; 64];
        for _ in 0..3 {
            if client.read_exact(&mut buffer).is_err() {
                return;
            }
            client.write_all(&buffer).unwrap();
        }
        reset(client);
    });
    let measured = once(resets, &of(Mode::Echo)).await;
    assert!(measured.failures.of(Failure::Reset) > 4, "{measured:?}");
    assert!(measured.messages > 12);
    let ends = peer(|mut client| {
        let mut buffer = [0; 64];
        if client.read_exact(&mut buffer).is_ok() {
            client.write_all(&buffer).unwrap();
        }
    });
    let measured = once(ends, &of(Mode::Echo)).await;
    assert!(measured.failures.total() > 4, "{measured:?}");
    assert!(
        measured.failures.of(Failure::ClosedEarly) > 0,
        "{measured:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_replies_and_closes_has_replied() {
    let server = peer(|mut client| {
        let mut buffer = [0; 64];
        if client.read_exact(&mut buffer).is_ok() {
            // The reply and the FIN are there together when they are looked at.
            let _ = client.write_all(&buffer);
        }
    });
    for close_by in [CloseBy::Fin, CloseBy::Reset] {
        let options = LoadOptions {
            close_by,
            ..of(Mode::Connect)
        };
        let measured = once(server, &options).await;
        assert_eq!(measured.failures.total(), 0, "{:?}", measured.failures);
        assert!(measured.messages > 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_never_ends_is_not_waited_for() {
    let source = Running::start(|_: &Identity| Source::default(), ServerOptions::default()).await;
    let options = LoadOptions {
        size: 0,
        close_by: CloseBy::Fin,
        ..of(Mode::Connect)
    };
    let begin = Instant::now();
    let measured = once(source.address, &options).await;
    assert!(begin.elapsed() < Duration::from_secs(2));
    assert!(measured.failures.of(Failure::TimedOut) >= 4, "{measured:?}");
}

/// Sockets that have sent a SYN to this port and wait for the answer.
fn connects_out(port: u16) -> usize {
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let peer = format!(":{port:04X}");
    let is_out = |line: &&str| {
        let mut fields = line.split_whitespace().skip(2);
        fields.next().is_some_and(|name| name.ends_with(&peer)) && fields.next() == Some("02")
    };
    table.lines().filter(is_out).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn opening_that_is_stopped_counts_what_is_out() {
    let listener = TcpListener::bind(loopback()).unwrap();
    // There is room for one connection, and the SYN of the others is not answered.
    rustix::net::listen(&listener, 0).unwrap();
    let address = listener.local_addr().unwrap();
    let mut options = of(Mode::Echo);
    options.connect.connect_timeout = PATIENCE * 10;
    let (to, observers) = (Address::from(address), Observers::none());
    let opened = Load::open_first(&to, &options, &observers).await;
    let mut load = opened.unwrap();
    let control = load.control();
    let begin = Instant::now();
    let stopping = async {
        recorder::until(|| connects_out(address.port()) == 3).await;
        control.stop();
    };
    tokio::join!(load.open_others(), stopping);
    assert!(begin.elapsed() < PATIENCE);
    assert_eq!(load.failures().of(Failure::Unfinished), 3);
    assert_eq!((load.failures().total(), load.live().open()), (3, 1));
    // They are told with the first window, which ends at once.
    let measured = load.run(PATIENCE * 10).await;
    assert!(begin.elapsed() < PATIENCE);
    assert_eq!(measured.failures.of(Failure::Unfinished), 3, "{measured:?}");
    assert_eq!(load.failures().total(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_stopped_from_elsewhere() {
    let server = Running::start(echoes, ServerOptions::default()).await;
    let mut load = open(server.address, &of(Mode::Echo)).await;
    let (control, live) = (load.control(), Arc::clone(load.live()));
    let running = tokio::spawn(async move { load.run(PATIENCE * 10).await });
    recorder::until(|| live.messages() > 0).await;
    control.stop();
    let measured = running.await.unwrap();
    assert!(measured.messages > 0);
    assert!(measured.elapsed < PATIENCE);
    assert_eq!(measured.failures.total(), 0);
}
