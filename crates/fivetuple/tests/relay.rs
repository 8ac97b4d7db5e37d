//! The relay service: every order in which two connections that are joined can end.

mod recorder;

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use fivetuple::service::Relay;
use fivetuple::{ConnectOptions, Eof, Reason, ServerOptions, Side, Terms};
use recorder::{Fact, PATIENCE, Running, pattern, read_all, reset, until};

const SHORT: Duration = Duration::from_millis(150);

/// A relay at work, and the listening socket it leads to.
struct Rig {
    relay: Running,
    listener: TcpListener,
}

impl Rig {
    async fn new(terms: Terms) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let to = [listener.local_addr().unwrap()];
        let relay = start(&to, ConnectOptions::default(), terms).await;
        Self { relay, listener }
    }

    /// A client, and what the destination accepted for it.
    fn pair(&self) -> (TcpStream, TcpStream) {
        let client = self.relay.connect();
        (client, accept(&self.listener))
    }
}

async fn start(to: &[SocketAddr], options: ConnectOptions, terms: Terms) -> Running {
    let to = to.iter().map(|address| (*address).into()).collect();
    let options = (Relay::new(to, options), terms);
    let server = ServerOptions {
        terms: options.1,
        ..ServerOptions::default()
    };
    Running::start(options.0, server).await
}

fn accept(listener: &TcpListener) -> TcpStream {
    let (stream, _) = listener.accept().unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Sends these bytes and waits until they are at the other end.
fn passes(from: &mut TcpStream, to: &mut TcpStream, bytes: &[u8]) {
    from.write_all(bytes).unwrap();
    let mut there = vec![0; bytes.len()];
    to.read_exact(&mut there).unwrap();
    assert_eq!(there, bytes);
}

/// How one of the two ends its side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// A half-close; it goes on reading. Whoever does so second gives a late answer before.
    Finish,
    /// `close`, both directions.
    Close,
    /// RST.
    Reset,
    /// Nothing, until a time is up.
    Silence,
}

const WAYS: [Way; 4] = [Way::Finish, Way::Close, Way::Reset, Way::Silence];

/// What the first of them reads after the second has ended, and how the two connections closed.
#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    read_by_first: Result<&'static [u8], ErrorKind>,
    first: Reason,
    second: Reason,
}

const ANSWER: &[u8] = b"late answer";

/// What must come of this order of ends.
fn expected(first: Way, second: Way) -> Outcome {
    let outcome = |read_by_first, first, second| Outcome {
        read_by_first,
        first,
        second,
    };
    const RESET: Result<&[u8], ErrorKind> = Err(ErrorKind::ConnectionReset);
    match (first, second) {
        (Way::Finish, Way::Finish | Way::Close) => {
            outcome(Ok(ANSWER), Reason::Released, Reason::Released)
        }
        (Way::Close, Way::Finish | Way::Close) => {
            outcome(Ok(b""), Reason::Released, Reason::Released)
        }
        (Way::Finish, Way::Reset) => outcome(RESET, Reason::Aborted, Reason::Reset),
        (Way::Close, Way::Reset) => outcome(Ok(b""), Reason::Aborted, Reason::Reset),
        (Way::Reset, _) => outcome(Ok(b""), Reason::Reset, Reason::Aborted),
        (Way::Close, Way::Silence) => outcome(Ok(b""), Reason::TimedOut, Reason::TimedOut),
        (Way::Finish | Way::Silence, Way::Silence) => {
            outcome(RESET, Reason::TimedOut, Reason::TimedOut)
        }
        // The one that is silent sees the other's end, which it does not answer.
        (Way::Silence, Way::Finish | Way::Close) => {
            outcome(Ok(b""), Reason::TimedOut, Reason::TimedOut)
        }
        (Way::Silence, Way::Reset) => outcome(RESET, Reason::Aborted, Reason::Reset),
    }
}

fn terms(first: Way, second: Way) -> Terms {
    let is_silent = [first, second].contains(&Way::Silence);
    let both_silent = first == second && is_silent;
    Terms {
        half_closed: is_silent.then_some(SHORT),
        idle: both_silent.then_some(SHORT),
        ..Terms::SERVER
    }
}

/// Ends the first, then the second when it has seen that, and says what came of it.
fn play(
    (first, second): (Way, Way),
    (mut one, mut other): (TcpStream, TcpStream),
) -> (Outcome, [Option<TcpStream>; 2]) {
    passes(&mut one, &mut other, b"from one");
    passes(&mut other, &mut one, b"from the other");
    let mut one = match first {
        Way::Finish => {
            one.shutdown(Shutdown::Write).unwrap();
            Some(one)
        }
        Way::Close => {
            drop(one);
            None
        }
        Way::Reset => {
            reset(one);
            None
        }
        Way::Silence => Some(one),
    };
    // The second sees the end of the first as what it was.
    match first {
        Way::Finish | Way::Close => assert_eq!(read_all(&mut other).unwrap(), b""),
        Way::Reset => {
            let end = read_all(&mut other).unwrap_err();
            assert_eq!(end.kind(), ErrorKind::ConnectionReset);
        }
        Way::Silence => {}
    }
    let kept = match second {
        Way::Finish | Way::Close if first == Way::Finish => {
            other.write_all(ANSWER).unwrap();
            other.shutdown(Shutdown::Write).unwrap();
            (second == Way::Finish).then_some(other)
        }
        Way::Finish => {
            // After a reset there is nothing to finish.
            let _ = other.shutdown(Shutdown::Write);
            Some(other)
        }
        Way::Close => {
            drop(other);
            None
        }
        Way::Reset => {
            reset(other);
            None
        }
        Way::Silence => Some(other),
    };
    let read = one.as_mut().map_or(Ok(Vec::new()), read_all);
    let outcome = Outcome {
        read_by_first: match read {
            Ok(bytes) if bytes == ANSWER => Ok(ANSWER),
            Ok(bytes) => {
                assert_eq!(bytes, b"");
                Ok(b"")
            }
            Err(error) => Err(error.kind()),
        },
        first: Reason::Failed,
        second: Reason::Failed,
    };
    (outcome, [one, kept])
}

#[tokio::test(flavor = "multi_thread")]
async fn every_order_of_ends_comes_out_at_the_other_end_as_what_it_was() {
    for first in WAYS {
        for second in WAYS {
            for client_first in [true, false] {
                let rig = Rig::new(terms(first, second)).await;
                let (client, destination) = rig.pair();
                let (mut outcome, kept) = if client_first {
                    play((first, second), (client, destination))
                } else {
                    play((first, second), (destination, client))
                };
                let ends = rig.relay.recorder.all_closed(2);
                drop(kept);
                let [(1, accepted, _), (2, connected, _)] = ends[..] else {
                    panic!("{ends:?}");
                };
                (outcome.first, outcome.second) = if client_first {
                    (accepted, connected)
                } else {
                    (connected, accepted)
                };
                assert_eq!(
                    outcome,
                    expected(first, second),
                    "{first:?}, then {second:?}, client first: {client_first}"
                );
                rig.relay.drain().await;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn both_connections_say_which_is_the_other() {
    let rig = Rig::new(Terms::SERVER).await;
    let (mut client, mut destination) = rig.pair();
    passes(&mut client, &mut destination, b"hello");
    let recorder = &rig.relay.recorder;
    let connected = recorder.wait_for(|fact| matches!(fact, Fact::Connected(_)));
    let Fact::Connected(connected) = connected else {
        panic!();
    };
    assert_eq!((connected.number, connected.pair()), (2, Some(1)));
    assert_eq!(rig.relay.table.all()[0].identity.pair(), Some(2));
    drop(client);
    assert_eq!(read_all(&mut destination).unwrap(), b"");
    drop(destination);
    let ends = recorder.all_closed(2);
    assert!(ends.iter().all(|end| end.1 == Reason::Released));
    let summary = rig.relay.drain().await;
    assert_eq!((summary.accepted, summary.complete), (1, 1));
    assert_eq!((summary.bytes_received, summary.bytes_sent), (5, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_came_before_a_reset_is_there_before_it() {
    const LENGTH: usize = 3 << 20;
    for client_sends in [true, false] {
        let rig = Rig::new(Terms::SERVER).await;
        let (client, destination) = rig.pair();
        let (mut from, mut to) = if client_sends {
            (client, destination)
        } else {
            (destination, client)
        };
        let table = std::sync::Arc::clone(&rig.relay.table);
        let writing = thread::spawn(move || {
            from.write_all(&pattern(LENGTH)).unwrap();
            let end = Instant::now() + PATIENCE;
            let live = table.all().remove(0);
            // Acknowledged by the relay's kernel is enough; taken by the relay is what shows.
            let taken = || match client_sends {
                true => live.bytes_received(),
                false => live.bytes_sent(),
            };
            while taken() < (LENGTH - (1 << 20)) as u64 {
                assert!(Instant::now() < end);
                thread::yield_now();
            }
            let left = || rustix::io::ioctl_fionread(&from).unwrap();
            assert_eq!(left(), 0);
            wait_until_acknowledged(&from);
            reset(from);
        });
        let mut received = Vec::new();
        let mut buffer = vec![0; 40_000];
        let error = loop {
            match to.read(&mut buffer) {
                Ok(0) => panic!("a reset became an orderly end"),
                Ok(count) => received.extend_from_slice(&buffer[..count]),
                Err(error) => break error,
            }
            if received.len() % 8 == 0 {
                thread::sleep(Duration::from_millis(2)); // peer: reads slowly
            }
        };
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        assert!(received == pattern(LENGTH), "{} bytes", received.len());
        writing.join().unwrap();
        rig.relay.drain().await;
    }
}

fn wait_until_acknowledged(stream: &TcpStream) {
    let end = Instant::now() + PATIENCE;
    while fivetuple::kernel::queue::unacknowledged(stream).unwrap() > 0 {
        assert!(Instant::now() < end);
        thread::yield_now();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_early_answer_survives_a_destination_that_does_not_read_the_request() {
    const LENGTH: usize = 300_000;
    let rig = Rig::new(Terms::SERVER).await;
    let (mut client, mut destination) = rig.pair();
    let mut request = client.try_clone().unwrap();
    let sending = thread::spawn(move || {
        // Longer than all buffers on the way: ends with the reset, at some place.
        request.write_all(&pattern(64 << 20)).is_err()
    });
    destination.write_all(&pattern(LENGTH)).unwrap();
    let live = rig.relay.table.all().remove(0);
    until(|| live.bytes_sent() == LENGTH as u64).await;
    // Unread request: this close is an RST.
    drop(destination);
    let mut answer = Vec::new();
    // The error of a reset is told once: to this read or to that write.
    let read = client.read_to_end(&mut answer);
    assert!(answer == pattern(LENGTH), "{} bytes", answer.len());
    assert!(sending.join().unwrap() || read.is_err());
    let ends = rig.relay.recorder.all_closed(2);
    assert_eq!((ends[0].1, ends[1].1), (Reason::Aborted, Reason::Reset));
    let (received, sent) = (ends[0].2.bytes_received, ends[1].2.bytes_sent);
    // What one pipe holds.
    assert!(received - sent <= 1 << 20, "{received} in, {sent} out");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_is_passed_on_while_bytes_wait_for_a_destination_that_does_not_read() {
    for half_close_first in [false, true] {
        let rig = Rig::new(Terms::SERVER).await;
        let (mut client, mut destination) = rig.pair();
        if half_close_first {
            destination.shutdown(Shutdown::Write).unwrap();
            assert_eq!(read_all(&mut client).unwrap(), b"");
        }
        client.set_nonblocking(true).unwrap();
        let bytes = pattern(1 << 20);
        let live = rig.relay.table.all().remove(0);
        // Until nothing moves any more: every buffer on the way is full.
        let mut sent = 0_usize;
        let mut seen = (Instant::now(), 0);
        while seen.0.elapsed() < Duration::from_millis(300) {
            let from = sent % bytes.len();
            match client.write(&bytes[from..]) {
                Ok(count) => sent += count,
                Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
            }
            let now = (sent as u64, live.bytes_received());
            if now.0 + now.1 != seen.1 {
                seen = (Instant::now(), now.0 + now.1);
            }
            tokio::task::yield_now().await;
        }
        reset(client);
        let ends = rig.relay.recorder.all_closed(2);
        assert_eq!((ends[0].1, ends[1].1), (Reason::Reset, Reason::Aborted));
        let mut received = Vec::new();
        let end = destination.read_to_end(&mut received).unwrap_err();
        assert_eq!(end.kind(), ErrorKind::ConnectionReset);
        assert!(received.len() <= sent);
        let whole = received.iter().zip(bytes.iter().cycle());
        assert!(whole.into_iter().all(|(got, sent)| got == sent));
        let (taken, given) = (ends[0].2.bytes_received, ends[1].2.bytes_sent);
        // What one pipe holds.
        assert!(taken - given <= 1 << 20, "{taken} in, {given} out");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn with_full_the_first_end_closes_both_after_everything_is_sent() {
    const LENGTH: usize = 2 << 20;
    for client_first in [true, false] {
        let rig = Rig::new(Terms {
            eof: Eof::Full,
            ..Terms::SERVER
        })
        .await;
        let (client, destination) = rig.pair();
        let (mut one, mut other) = if client_first {
            (client, destination)
        } else {
            (destination, client)
        };
        let writing = thread::spawn(move || {
            one.write_all(&pattern(LENGTH)).unwrap();
            one.shutdown(Shutdown::Write).unwrap();
            // What the other one sends from now on is not passed on.
            assert_eq!(read_all(&mut one).unwrap(), b"");
        });
        assert!(read_all(&mut other).unwrap() == pattern(LENGTH));
        writing.join().unwrap();
        // Thrown away until its end.
        other.write_all(b"too late").unwrap();
        drop(other);
        let ends = rig.relay.recorder.all_closed(2);
        assert!(ends.iter().all(|end| end.1 == Reason::Released), "{ends:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_counts_both_connections_and_both_directions() {
    let rig = Rig::new(Terms {
        idle: Some(Duration::from_millis(600)),
        ..Terms::SERVER
    })
    .await;
    let (mut client, mut destination) = rig.pair();
    let start = Instant::now();
    for _ in 0..15 {
        passes(&mut destination, &mut client, b"tick");
        thread::sleep(Duration::from_millis(60)); // peer: one direction only, for longer than idle
    }
    // A machine that is so slow that a tick came late has cut it rightly.
    assert!(start.elapsed() > Duration::from_millis(600));
    for stream in [&mut client, &mut destination] {
        let end = read_all(stream).unwrap_err();
        assert_eq!(end.kind(), ErrorKind::ConnectionReset);
    }
    let facts = rig.relay.recorder.wait_for_all(2, Fact::is_closed);
    for fact in facts {
        assert!(matches!(
            fact,
            Fact::Closed(_, Reason::TimedOut, Side::Us, _)
        ));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_deadline_cuts_a_pair_that_is_busy() {
    let rig = Rig::new(Terms {
        deadline: Some(Duration::from_millis(300)),
        ..Terms::SERVER
    })
    .await;
    let (mut client, mut destination) = rig.pair();
    let sending = thread::spawn(move || {
        let chunk = pattern(50_000);
        while destination.write_all(&chunk).is_ok() {}
    });
    let end = read_all(&mut client).unwrap_err();
    assert_eq!(end.kind(), ErrorKind::ConnectionReset);
    sending.join().unwrap();
    let ends = rig.relay.recorder.all_closed(2);
    assert!(ends.iter().all(|end| end.1 == Reason::TimedOut), "{ends:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_cut_resets_both_sides() {
    let rig = Rig::new(Terms::SERVER).await;
    let (mut client, mut destination) = rig.pair();
    passes(&mut client, &mut destination, b"hello");
    rig.relay.control.cut();
    for stream in [&mut client, &mut destination] {
        let end = read_all(stream).unwrap_err();
        assert_eq!(end.kind(), ErrorKind::ConnectionReset);
    }
    let ends = rig.relay.recorder.all_closed(2);
    assert!(ends.iter().all(|end| end.1 == Reason::Aborted), "{ends:?}");
    assert_eq!(rig.relay.end().await.cut, 1);
}
