//! keepalive: a peer that vanished without a word is found dead by the kernel's probes.

mod namespace;
mod recorder;

use std::io::Write;
use std::net::TcpListener;
use std::time::Duration;

use fivetuple::service::Discard;
use fivetuple::{
    Close, Family, Identity, Keepalive, Reason, ServerOptions, Side, Socket, SocketOptions,
};
use namespace::{has_nft, in_namespace, run};
use recorder::{Fact, Running, loopback};
use rustix::io::Errno;

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_answers_no_probe_is_timed_out_and_the_listening_socket_goes_on() {
    if !has_nft()
        || in_namespace(
            "a_peer_that_answers_no_probe_is_timed_out_and_the_listening_socket_goes_on",
        )
    {
        return;
    }
    let socket = SocketOptions {
        keepalive: Some(Keepalive {
            idle: Duration::from_secs(1),
            interval: Duration::from_secs(1),
            probes: 2,
        }),
        ..SocketOptions::default()
    };
    let options = ServerOptions {
        socket: socket.clone(),
        ..ServerOptions::default()
    };
    let server = Running::start(|_: &Identity| Discard, options).await;
    let mut vanished = server.connect();
    vanished.write_all(b"here").unwrap();
    recorder::until(|| {
        let all = server.table.all();
        all.first().is_some_and(|live| live.bytes_received() == 4)
    })
    .await;
    // The same on the side that calls.
    let listener = TcpListener::bind(loopback()).unwrap();
    let ours = Socket::open(Family::Inet, &socket, &server.recorder.observers()).unwrap();
    let mut ours = ours.connect(listener.local_addr().unwrap()).await.unwrap();

    let drop_all = "add table inet t; \
         add chain inet t c { type filter hook input priority 0; policy drop; }";
    run("nft", &[drop_all]);
    let mut buffer = [0; 8];
    let receiving = tokio::time::timeout(recorder::PATIENCE, ours.receive(&mut buffer));
    let error = receiving.await.expect("it ends").unwrap_err();
    assert_eq!(error.errno(), Some(Errno::TIMEDOUT));
    let closed = ours.close(Close::TimeOut).await;
    assert_eq!((closed.reason, closed.first), (Reason::TimedOut, Side::Us));
    for fact in server.recorder.wait_for_all(2, Fact::is_closed) {
        assert!(
            matches!(fact, Fact::Closed(_, Reason::TimedOut, Side::Us, _)),
            "{fact:?}"
        );
    }
    let failed =
        |fact: &Fact| matches!(fact, Fact::Failed(Some(_), why) if why.contains("ETIMEDOUT"));
    assert_eq!(
        server.recorder.count(failed),
        1,
        "{:#?}",
        server.recorder.facts()
    );

    run("nft", &["flush ruleset"]);
    let mut next = server.connect();
    next.write_all(b"and here").unwrap();
    drop(next);
    let released = |fact: &Fact| matches!(fact, Fact::Closed(_, Reason::Released, ..));
    server.recorder.wait_for(released);
    let summary = server.drain().await;
    assert_eq!((summary.accepted, summary.complete), (2, 1));
}

#[test]
fn by_default_a_silent_peer_is_dead_after_two_minutes_at_most() {
    let Keepalive {
        idle,
        interval,
        probes,
    } = SocketOptions::default().keepalive.unwrap();
    assert!(idle + interval * probes <= Duration::from_secs(120));
}
