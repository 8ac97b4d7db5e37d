//! The dedicated socket: who it is, what it moved, how it is.

mod recorder;

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr};

use fivetuple::event::Role;
use fivetuple::kernel::TcpState;
use fivetuple::{
    Close, Connection, Direction, Family, Listener, Observers, Reason, Socket, SocketOptions, Wants,
};
use recorder::{Fact, Recorder, connect, inet, loopback, until};

fn listener(family: Family, local: &str, observers: &Observers) -> Listener {
    let socket = Socket::open(family, &SocketOptions::default(), observers).unwrap();
    socket
        .bind(local.parse::<SocketAddr>().unwrap())
        .unwrap()
        .listen(8)
        .unwrap()
}

/// Both ends of one connection, each by the phases.
async fn both(family: Family, local: &str, observers: &Observers) -> (Connection, Connection) {
    let listener = listener(family, local, observers);
    let socket = Socket::open(family, &SocketOptions::default(), observers).unwrap();
    let connected = socket.connect(listener.local()).await.unwrap();
    (connected, listener.accept().await.unwrap())
}

#[tokio::test]
async fn both_ends_name_a_connection_with_the_same_words() {
    for (family, local) in [(Family::Inet, "127.0.0.1:0"), (Family::Inet6, "[::1]:0")] {
        let (connected, accepted) = both(family, local, &Observers::none()).await;
        assert_eq!(connected.five_tuple(), accepted.five_tuple());
        assert_eq!(connected.name().to_string(), accepted.name().to_string());
        let (of_us, of_them) = (connected.identity(), accepted.identity());
        assert_eq!(
            (of_us.role, of_them.role),
            (Role::Connected, Role::Accepted)
        );
        assert_eq!(
            (of_us.local(), of_us.peer()),
            (of_them.peer(), of_them.local())
        );
        assert_eq!((of_us.number, of_them.number), (1, 2));
    }
}

#[tokio::test]
async fn the_cookie_is_there_when_somebody_wants_it_and_the_kernel_knows_it() {
    let (connected, _accepted) = both(Family::Inet, "127.0.0.1:0", &Observers::none()).await;
    assert_eq!(connected.identity().cookie, None);
    let recorder = Recorder::wanting(Wants {
        cookies: true,
        ..Wants::default()
    });
    let (connected, accepted) = both(Family::Inet, "127.0.0.1:0", &recorder.observers()).await;
    let cookies = [
        connected.identity().cookie.unwrap(),
        accepted.identity().cookie.unwrap(),
    ];
    assert_ne!(cookies[0], cookies[1]);
    let port = inet(connected.identity().local()).port();
    let known = fivetuple::kernel::sock_diag::sockets_on_port(port).unwrap();
    assert!(known.iter().any(|socket| socket.cookie == cookies[0]));
    let fact = recorder.wait_for(|fact| matches!(fact, Fact::Accepted(_)));
    let Fact::Accepted(identity) = fact else {
        unreachable!()
    };
    assert_eq!(identity.cookie, Some(cookies[1]));
}

#[tokio::test]
async fn the_kernel_tells_the_state_at_every_step() {
    let (mut connected, mut accepted) = both(Family::Inet, "127.0.0.1:0", &Observers::none()).await;
    let state = |connection: &Connection| connection.tcp_info().unwrap().state;
    assert_eq!(
        (state(&connected), state(&accepted)),
        (TcpState::Established, TcpState::Established)
    );
    connected.half_close().unwrap();
    until(|| state(&connected) == TcpState::FinWait2).await;
    assert_eq!(state(&accepted), TcpState::CloseWait);
    assert_eq!(accepted.receive(&mut [0; 8]).await.unwrap(), 0);
    assert!(accepted.is_peer_finished() && !accepted.is_half_closed());
    assert!(connected.is_half_closed() && !connected.is_peer_finished());
    // The other direction is still open.
    accepted.send(b"and yet").await.unwrap();
    assert_eq!(connected.receive(&mut [0; 16]).await.unwrap(), 7);
}

#[tokio::test]
async fn the_counters_are_what_was_moved_and_can_be_read_from_elsewhere() {
    let listener = listener(Family::Inet, "127.0.0.1:0", &Observers::none());
    let mut client = connect(listener.local());
    let mut accepted = listener.accept().await.unwrap();
    let live = accepted.live().clone();
    accepted.send(&[1; 100_000]).await.unwrap();
    client.read_exact(&mut vec![0; 100_000]).unwrap();
    client.write_all(&[2; 300]).unwrap();
    assert_eq!(accepted.receive(&mut [0; 1000]).await.unwrap(), 300);
    assert_eq!((live.bytes_sent(), live.bytes_received()), (100_000, 300));
    client.shutdown(Shutdown::Write).unwrap();
    assert_eq!(accepted.receive(&mut [0; 1000]).await.unwrap(), 0);
    let closed = accepted.close(Close::Release).await;
    let totals = closed.totals;
    assert_eq!((totals.bytes_sent, totals.bytes_received), (100_000, 300));
    assert_eq!(
        (closed.reason, totals.bytes_unacknowledged),
        (Reason::Released, 0)
    );
    assert_eq!(live.bytes_sent(), 100_000);
}

#[tokio::test]
async fn what_a_peer_has_no_room_for_is_unacknowledged_until_it_reads() {
    let listener = listener(Family::Inet, "127.0.0.1:0", &Observers::none());
    let mut client = connect(listener.local());
    let mut accepted = listener.accept().await.unwrap();
    let live = accepted.live().clone();
    let much = vec![7; 64 << 20];
    let sending = tokio::time::timeout(std::time::Duration::from_millis(300), accepted.send(&much));
    assert!(sending.await.is_err());
    let sent = live.bytes_sent();
    let lacking = u64::from(accepted.unacknowledged().unwrap());
    assert!(lacking > 0 && lacking <= sent, "{lacking} of {sent}");
    accepted.half_close().unwrap();
    assert_eq!(
        u64::from(accepted.unacknowledged().unwrap()),
        lacking,
        "a FIN is no byte"
    );
    let mut all = Vec::new();
    client.read_to_end(&mut all).unwrap();
    assert_eq!(all.len() as u64, sent);
    until(|| accepted.unacknowledged() == Ok(0)).await;
}

#[tokio::test]
async fn who_wants_bytes_gets_every_one_of_both_directions() {
    let recorder = Recorder::wanting(Wants {
        bytes: true,
        ..Wants::default()
    });
    let listener = listener(Family::Inet, "127.0.0.1:0", &recorder.observers());
    let mut client = connect(listener.local());
    let mut accepted = listener.accept().await.unwrap();
    client.write_all(b"question").unwrap();
    accepted.receive(&mut [0; 64]).await.unwrap();
    accepted.send(b"answer").await.unwrap();
    let moved = recorder.wait_for_all(2, |fact| matches!(fact, Fact::Moved(..)));
    assert_eq!(
        moved[0],
        Fact::Moved(1, Direction::Received, b"question".to_vec())
    );
    assert_eq!(
        moved[1],
        Fact::Moved(1, Direction::Sent, b"answer".to_vec())
    );
}

#[tokio::test]
async fn every_call_is_told_in_the_order_of_the_diagram() {
    let recorder = Recorder::wanting(Wants {
        calls: true,
        ..Wants::default()
    });
    let (mut connected, mut accepted) =
        both(Family::Inet, &loopback().to_string(), &recorder.observers()).await;
    connected.send(b"hello").await.unwrap();
    accepted.receive(&mut [0; 8]).await.unwrap();
    connected.half_close().unwrap();
    accepted.receive(&mut [0; 8]).await.unwrap();
    accepted.close(Close::Release).await;
    connected.receive(&mut [0; 8]).await.unwrap();
    connected.close(Close::Release).await;
    let mut names: Vec<String> = Vec::new();
    for fact in recorder.facts() {
        if let Fact::Called(text) = fact
            && !text.starts_with("setsockopt")
        {
            names.push(text.split('(').next().unwrap().to_owned());
        }
    }
    let expected =
        "socket bind listen socket connect accept close send recv shutdown recv close recv close";
    assert_eq!(names.join(" "), expected);
}
