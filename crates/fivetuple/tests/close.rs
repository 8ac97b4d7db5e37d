//! close: half-close, orderly release, lingering close, abort; how each looks from both ends.

mod recorder;

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::task::{Context, Poll};
use std::thread;
use std::time::{Duration, Instant};

use fivetuple::kernel::TcpState;
use fivetuple::kernel::tcp_info::tcp_info;
use fivetuple::service::{Daytime, Service, Source, Time};
use fivetuple::transfer::Supply;
use fivetuple::{
    Close, Connection, Eof, Exchange, Family, Identity, Outgoing, Reason, ServerOptions, Side,
    Socket, SocketOptions, Terms,
};
use recorder::{Fact, Recorder, Running, connect, inet, loopback, pattern, read_all, reset};
use rustix::net::sockopt;

const ANSWER: usize = 4 << 20;

/// Answers at once, at length, and reads nothing.
struct EarlyAnswer {
    answered: bool,
    reads: bool,
}

impl Exchange for EarlyAnswer {
    fn received(&mut self, _bytes: &[u8], _reply: &mut Outgoing<'_>) {}

    fn poll_room(&mut self, _cx: &mut Context<'_>, _unsent: usize) -> Poll<Result<usize, Close>> {
        if self.reads {
            Poll::Ready(Ok(65_536))
        } else {
            Poll::Pending
        }
    }

    fn poll_supply(&mut self, _cx: &mut Context<'_>, out: &mut Outgoing<'_>) -> Poll<Supply> {
        if self.answered {
            return Poll::Ready(Supply::Ended);
        }
        self.answered = true;
        out.send(&pattern(ANSWER));
        Poll::Ready(Supply::More)
    }
}

/// A connection of ours by hand, and the plain socket at its other end.
async fn pair(recorder: &std::sync::Arc<Recorder>) -> (Connection, TcpStream) {
    let listener = TcpListener::bind(loopback()).unwrap();
    let options = SocketOptions::default();
    let socket = Socket::open(Family::Inet, &options, &recorder.observers()).unwrap();
    let ours = socket
        .connect(listener.local_addr().unwrap())
        .await
        .unwrap();
    let (peer, _) = listener.accept().unwrap();
    peer.set_read_timeout(Some(recorder::PATIENCE)).unwrap();
    (ours, peer)
}

/// The answer of a server with this service, and how many segments it took, the SYN counted.
async fn answer_in_segments(service: impl Service) -> (Vec<u8>, Option<u32>) {
    let server = Running::start(service, ServerOptions::default()).await;
    let mut client = server.connect();
    let answer = read_all(&mut client).unwrap();
    (answer, tcp_info(&client).unwrap().segs_in)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_bytes_and_the_end_come_in_one_segment() {
    let (answer, segments) = answer_in_segments(|_: &Identity| Time::default()).await;
    assert_eq!((answer.len(), segments), (4, Some(2)));
    let (answer, segments) = answer_in_segments(|_: &Identity| Daytime::default()).await;
    assert_eq!((answer.ends_with(b"\r\n"), segments), (true, Some(2)));
    let source = Source::new(Some(64));
    let (answer, segments) = answer_in_segments(move |_: &Identity| source.clone()).await;
    assert_eq!((answer, segments), (vec![0; 64], Some(2)));
}

fn state_of((local, peer): (SocketAddr, SocketAddr)) -> Option<TcpState> {
    let sockets = fivetuple::kernel::sock_diag::sockets_on_port(local.port()).unwrap();
    let of_it = sockets
        .into_iter()
        .find(|socket| socket.local == local && socket.peer == Some(peer));
    of_it.map(|socket| socket.state)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_close_with_unread_input_does_not_cost_the_peer_the_answer() {
    for (eof, send_only) in [(Eof::Full, false), (Eof::Half, true), (Eof::Full, true)] {
        let terms = Terms {
            eof,
            send_only,
            ..Terms::SERVER
        };
        let service = |_: &Identity| EarlyAnswer {
            answered: false,
            reads: false,
        };
        let options = ServerOptions {
            terms,
            ..ServerOptions::default()
        };
        let server = Running::start(service, options).await;
        let mut client = server.connect();
        client.write_all(&[1; 100]).unwrap();
        thread::sleep(Duration::from_millis(50)); // peer: reads late and in small pieces
        let mut answer = Vec::new();
        let mut buffer = [0; 20_000];
        while let count @ 1.. = client.read(&mut buffer).unwrap() {
            answer.extend_from_slice(&buffer[..count]);
            if answer.len() % 3 == 0 {
                // Goes on talking to somebody who does not listen any more.
                client.write_all(b"more").unwrap();
            }
        }
        assert!(
            answer == pattern(ANSWER),
            "{} of {ANSWER} came",
            answer.len()
        );
        drop(client);
        let (reason, first, totals) = server.recorder.closed();
        assert_eq!((reason, first), (Reason::Released, Side::Us));
        assert_eq!(
            (totals.bytes_sent, totals.bytes_unacknowledged),
            (ANSWER as u64, 0)
        );
        assert_eq!(server.drain().await.complete, 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lingering_close_ends_after_a_while_of_silence() {
    let terms = Terms {
        send_only: true,
        ..Terms::SERVER
    };
    let options = ServerOptions {
        terms,
        ..ServerOptions::default()
    };
    let service = |_: &Identity| EarlyAnswer {
        answered: false,
        reads: false,
    };
    let server = Running::start(service, options).await;
    let mut client = server.connect();
    assert_eq!(read_all(&mut client).unwrap().len(), ANSWER);
    // The client keeps its own direction open and says nothing.
    let begin = Instant::now();
    let (reason, first, totals) = server.recorder.closed();
    let took = begin.elapsed();
    assert_eq!(
        (reason, first, totals.bytes_unacknowledged),
        (Reason::Released, Side::Us, 0)
    );
    assert!(
        took >= fivetuple::LINGER_SILENCE - Duration::from_millis(200),
        "{took:?}"
    );
    assert!(
        took < fivetuple::LINGER_SILENCE + Duration::from_secs(2),
        "{took:?}"
    );
}

/// A long run; the short one is beside the bounds themselves.
#[tokio::test(flavor = "multi_thread")]
async fn a_lingering_close_ends_at_last_though_the_peer_never_does() {
    if std::env::var_os("FT_TEST_ALL").is_none() {
        return;
    }
    let recorder = Recorder::new();
    let (ours, mut peer) = pair(&recorder).await;
    let sending = thread::spawn(move || {
        while peer.write_all(b"x").is_ok() {
            thread::sleep(Duration::from_millis(100)); // peer: a byte now and then
        }
    });
    let begin = Instant::now();
    let closed = ours.close(Close::Linger).await;
    assert_eq!((closed.reason, closed.first), (Reason::TimedOut, Side::Us));
    assert!(begin.elapsed() >= fivetuple::LINGER_MAX);
    sending.join().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_stops_reading_is_given_up_with_what_it_has_not_acknowledged() {
    let recorder = Recorder::new();
    let (mut ours, peer) = pair(&recorder).await;
    let much = pattern(32 << 20);
    let sending = tokio::time::timeout(Duration::from_millis(500), ours.send(&much));
    assert!(
        sending.await.is_err(),
        "a peer that does not read took everything"
    );
    let begin = Instant::now();
    let closed = ours.close(Close::Release).await;
    assert!(begin.elapsed() >= fivetuple::ACKNOWLEDGE_WAIT);
    assert!(closed.totals.bytes_unacknowledged > 0);
    assert!(!closed.is_complete());
    assert!(closed.totals.bytes_unacknowledged <= closed.totals.bytes_sent);
    drop(peer);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_abort_reaches_the_peer_as_a_reset_and_leaves_no_time_wait() {
    let recorder = Recorder::new();
    let (mut ours, mut peer) = pair(&recorder).await;
    let both = (inet(ours.identity().local()), inet(ours.identity().peer()));
    ours.send(b"never mind").await.unwrap();
    let closed = ours.close(Close::Abort).await;
    assert_eq!((closed.reason, closed.first), (Reason::Aborted, Side::Us));
    let error = peer.read_to_end(&mut Vec::new()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    assert_eq!(state_of(both), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_is_dropped_is_aborted_and_says_so() {
    let recorder = Recorder::new();
    let (ours, mut peer) = pair(&recorder).await;
    drop(ours);
    let (reason, first, _) = recorder.closed();
    assert_eq!((reason, first), (Reason::Aborted, Side::Us));
    let error = peer.read(&mut [0]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_came_before_a_reset_is_delivered_and_then_the_reset_is_told() {
    let recorder = Recorder::new();
    let (mut ours, mut peer) = pair(&recorder).await;
    peer.write_all(b"the last words").unwrap();
    reset(peer);
    recorder::until(|| matches!(ours.tcp_info(), Ok(info) if info.state == TcpState::Closed)).await;
    let mut buffer = [0; 64];
    assert_eq!(ours.receive(&mut buffer).await.unwrap(), 14);
    let error = ours.receive(&mut buffer).await.unwrap_err();
    assert_eq!(error.errno(), Some(rustix::io::Errno::CONNRESET));
    let closed = ours.close(Close::Reset).await;
    assert_eq!((closed.reason, closed.first), (Reason::Reset, Side::Peer));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_by_the_peer_ends_a_transfer_with_what_it_had_sent() {
    let service = |_: &Identity| EarlyAnswer {
        answered: true,
        reads: true,
    };
    let server = Running::start(service, ServerOptions::default()).await;
    for _ in 0..20 {
        let mut client = server.connect();
        client.write_all(b"the last words").unwrap();
        reset(client);
    }
    let all = server.recorder.wait_for_all(20, Fact::is_closed);
    for fact in all {
        let Fact::Closed(_, reason, _, totals) = fact else {
            unreachable!()
        };
        assert_eq!((reason, totals.bytes_received), (Reason::Reset, 14));
    }
    let failed = |fact: &Fact| matches!(fact, Fact::Failed(..));
    assert_eq!(
        server.recorder.count(failed),
        20,
        "{:#?}",
        server.recorder.facts()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_while_we_send_counts_what_was_lost() {
    let service = |_: &Identity| EarlyAnswer {
        answered: false,
        reads: true,
    };
    let server = Running::start(service, ServerOptions::default()).await;
    let mut client = server.connect();
    sockopt::set_socket_recv_buffer_size(client.as_fd(), 8192).unwrap();
    client.read_exact(&mut [0; 1000]).unwrap();
    reset(client);
    let (reason, first, totals) = server.recorder.closed();
    assert_eq!((reason, first), (Reason::Reset, Side::Peer));
    assert!(
        totals.bytes_unacknowledged > 0 || totals.bytes_sent < ANSWER as u64,
        "{totals:?}"
    );
    assert_eq!(server.drain().await.complete, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_connection_closes_exactly_once_however_it_ends() {
    let service = |identity: &Identity| EarlyAnswer {
        answered: identity.number.is_multiple_of(2),
        reads: true,
    };
    let terms = Terms {
        idle: Some(Duration::from_secs(5)),
        ..Terms::SERVER
    };
    let options = ServerOptions {
        terms,
        ..ServerOptions::default()
    };
    let server = Running::start(service, options).await;
    let mut kept = Vec::new();
    for round in 0..60 {
        let mut client = server.connect();
        match round % 6 {
            0 => reset(client),
            1 => drop(client),
            2 => client.shutdown(Shutdown::Write).unwrap(),
            3 => {
                client.write_all(b"x").unwrap();
                reset(client);
            }
            4 => {
                let _ = read_all(&mut connect(server.address));
            }
            _ => kept.push(client),
        }
    }
    let accepted = |fact: &Fact| matches!(fact, Fact::Accepted(_));
    server.recorder.wait_for_all(70, accepted);
    server.control.drain();
    server
        .recorder
        .wait_for(|fact| matches!(fact, Fact::StoppedListening(_)));
    server.control.cut();
    let recorder = server.recorder.clone();
    let table = server.table.clone();
    let summary = server.end().await;
    let mut closed: Vec<u64> = Vec::new();
    for fact in recorder.facts() {
        if let Fact::Closed(number, ..) = fact {
            closed.push(number);
        }
    }
    closed.sort_unstable();
    assert_eq!(closed, (1..=70).collect::<Vec<u64>>());
    assert_eq!(summary.accepted, 70);
    assert!(table.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_ends_first_is_told_and_each_half_close_once() {
    for peer_first in [false, true] {
        let recorder = Recorder::new();
        let (mut ours, mut peer) = pair(&recorder).await;
        let mut buffer = [0; 8];
        if peer_first {
            peer.shutdown(Shutdown::Write).unwrap();
            assert_eq!(ours.receive(&mut buffer).await.unwrap(), 0);
            assert_eq!(ours.receive(&mut buffer).await.unwrap(), 0);
            ours.half_close().unwrap();
        } else {
            ours.half_close().unwrap();
            ours.half_close().unwrap();
            assert_eq!(peer.read(&mut buffer).unwrap(), 0);
            peer.shutdown(Shutdown::Write).unwrap();
            assert_eq!(ours.receive(&mut buffer).await.unwrap(), 0);
        }
        let closed = ours.close(Close::Release).await;
        assert_eq!(closed.reason, Reason::Released);
        assert_eq!(closed.first, if peer_first { Side::Peer } else { Side::Us });
        let half: Vec<Fact> = recorder.facts();
        let half = half
            .iter()
            .filter(|fact| matches!(fact, Fact::HalfClosed(..)))
            .count();
        assert_eq!(half, 2);
    }
}
