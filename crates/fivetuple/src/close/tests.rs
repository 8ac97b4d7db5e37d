//! The bounds of a close that waits for the peer's end, with shorter ones than those in use.

use std::future::poll_fn;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::thread;

use super::*;
use crate::connection::tests::pair;

/// Nothing here takes so long.
const NEVER: Duration = Duration::from_secs(60);
const SOON: Duration = Duration::from_millis(300);

/// Closes within these bounds, and releases the socket.
async fn close(mut ours: Connection, bounds: Bounds) -> Closed {
    let mut closing = Closing::new(Close::Linger);
    let reason = poll_fn(|cx| closing.poll_linger(&bounds, &mut ours, cx)).await;
    ours.closed(reason)
}

/// Sends a byte again and again, until it is told that nobody is there any more.
fn sends_for_ever(mut peer: TcpStream, pause: Duration) -> ErrorKind {
    loop {
        thread::sleep(pause); // peer: a byte now and then
        if let Err(error) = peer.write_all(b"x") {
            return error.kind();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_never_finishes_is_given_up_when_the_whole_time_is_up() {
    for pause in [Duration::ZERO, Duration::from_millis(20)] {
        let (ours, peer) = pair().await;
        let sending = thread::spawn(move || sends_for_ever(peer, pause));
        let begin = Instant::now();
        let bounds = Bounds {
            silence: NEVER,
            total: SOON,
            ..LINGER
        };
        let closed = close(ours, bounds).await;
        assert!(begin.elapsed() >= SOON);
        assert_eq!((closed.reason, closed.first), (Reason::TimedOut, Side::Us));
        let told = sending.join().unwrap();
        assert!(
            matches!(told, ErrorKind::ConnectionReset | ErrorKind::BrokenPipe),
            "{told:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_peer_does_not_acknowledge_is_no_silence() {
    let (ours, peer) = pair().await;
    while ours.try_send(&[1; 65_536]).is_ok() {}
    let bounds = Bounds {
        silence: Duration::ZERO,
        total: SOON,
        ..LINGER
    };
    let closed = close(ours, bounds).await;
    assert_eq!(closed.reason, Reason::TimedOut);
    assert!(closed.totals.bytes_unacknowledged > 0);
    drop(peer);
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_ends_a_lingering_close_in_order_long_before_the_whole_time() {
    let (ours, mut peer) = pair().await;
    let bounds = Bounds {
        silence: SOON,
        total: NEVER,
        ..LINGER
    };
    let closed = close(ours, bounds).await;
    assert_eq!((closed.reason, closed.first), (Reason::Released, Side::Us));
    assert_eq!(peer.read(&mut [0]).unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_leaves_answers_a_byte_that_still_comes_by_a_reset() {
    let (ours, peer) = pair().await;
    let sending = thread::spawn(move || sends_for_ever(peer, Duration::from_millis(1)));
    let bounds = Bounds {
        silence: NEVER,
        total: NEVER,
        ..LEAVE
    };
    let closed = close(ours, bounds).await;
    assert_eq!((closed.reason, closed.first), (Reason::Aborted, Side::Us));
    sending.join().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn who_leaves_a_peer_that_acknowledges_nothing_ends_in_order_and_incomplete() {
    let (ours, peer) = pair().await;
    while ours.try_send(&[1; 65_536]).is_ok() {}
    let bounds = Bounds {
        silence: Duration::ZERO,
        total: SOON,
        ..LEAVE
    };
    let closed = close(ours, bounds).await;
    assert_eq!(closed.reason, Reason::Released);
    assert!(!closed.is_complete());
    drop(peer);
}
