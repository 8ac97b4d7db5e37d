//! Datagrams: the socket, the peers of a server, and a connected socket, against real sockets.

mod recorder;

use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fivetuple::call::{BindCause, Errno, Who};
use fivetuple::event::TurnedAway;
use fivetuple::server::{DatagramSummary, WhenFull};
use fivetuple::service::{Chargen, DatagramExchange, Daytime, Discard, Echo, Relay, Reply, Time};
use fivetuple::{
    ConnectOptions, Control, DatagramOptions, DatagramServer, DatagramService, Direction, Family,
    Identity, NameError, Observers, Reason, Side, Socket, SocketName, SocketOptions, Table, Wants,
};
use recorder::{Fact, PATIENCE, Recorder, until};
use tokio::task::JoinHandle;

/// A server of datagrams at work.
struct Running {
    address: SocketAddr,
    control: Control,
    table: Arc<Table>,
    recorder: Arc<Recorder>,
    serving: JoinHandle<DatagramSummary>,
}

impl Running {
    async fn start(service: impl DatagramService, options: DatagramOptions) -> Self {
        Self::at("udp:127.0.0.1:0", service, options).await
    }

    async fn at(address: &str, service: impl DatagramService, options: DatagramOptions) -> Self {
        let recorder = Recorder::new();
        let address = address.parse().unwrap();
        let server = DatagramServer::open(&address, options, &recorder.observers())
            .await
            .unwrap();
        let address = server.local().next().unwrap();
        Self {
            address,
            control: server.control(),
            table: server.table(),
            recorder,
            serving: tokio::spawn(server.serve(service)),
        }
    }

    fn peer(&self) -> UdpSocket {
        peer(self.address)
    }

    async fn end(self) -> (DatagramSummary, Vec<Fact>) {
        self.control.drain();
        let ended = tokio::time::timeout(PATIENCE, self.serving).await;
        let summary = ended.expect("it ends").expect("it does not panic");
        (summary, self.recorder.facts())
    }
}

/// A peer that sends to this address and waits no longer than [`PATIENCE`] for anything.
fn peer(address: SocketAddr) -> UdpSocket {
    let any = if address.is_ipv4() {
        "0.0.0.0:0"
    } else {
        "[::]:0"
    };
    let socket = UdpSocket::bind(any).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket.connect(address).unwrap();
    socket
}

fn receive(socket: &UdpSocket) -> Vec<u8> {
    let mut buffer = vec![0; 65_536];
    let length = socket.recv(&mut buffer).unwrap();
    buffer.truncate(length);
    buffer
}

fn ask(socket: &UdpSocket, question: &[u8]) -> Vec<u8> {
    socket.send(question).unwrap();
    receive(socket)
}

fn echo() -> impl DatagramService {
    |_: &Identity| Echo
}

fn ends(facts: &[Fact]) -> Vec<(u64, Reason)> {
    let of = |fact: &Fact| match fact {
        Fact::Closed(number, reason, ..) => Some((*number, *reason)),
        _ => None,
    };
    facts.iter().filter_map(of).collect()
}

async fn socket(address: &str) -> fivetuple::DatagramSocket {
    let name: SocketName = address.parse().unwrap();
    let options = SocketOptions::default();
    let socket = Socket::open_datagram(name.family(), &options, &Observers::none()).unwrap();
    socket.bind(name).unwrap().datagrams().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wildcard_socket_answers_from_the_address_that_was_asked() {
    for (any, asked) in [("0.0.0.0:0", "127.0.0.2"), ("[::]:0", "::1")] {
        let server = socket(any).await;
        let asked = SocketAddr::new(asked.parse().unwrap(), server.local().port());
        let client = peer(asked);
        client.send(b"hello").unwrap();
        let mut buffer = [0; 3];
        let datagram = server.receive(&mut buffer).await.unwrap();
        assert_eq!(
            (datagram.length, datagram.local, &buffer),
            (5, asked, b"hel")
        );
        assert_eq!(datagram.peer.port(), client.local_addr().unwrap().port());
        server.send(b"bye", datagram.peer, datagram.local).unwrap();
        // A connected socket hears only whom it has asked.
        assert_eq!(receive(&client), b"bye");
        client.send(b"").unwrap();
        assert_eq!(server.receive(&mut buffer).await.unwrap().length, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_about_one_datagram_disturbs_neither_receiving_nor_sending() {
    let server = socket("127.0.0.1:0").await;
    let alive = peer(server.local());
    let to_alive = alive.local_addr().unwrap();
    let gone = peer(server.local()).local_addr().unwrap();
    for round in 0..20 {
        server.send(b"nobody", gone, server.local()).unwrap();
        server.send(b"somebody", to_alive, server.local()).unwrap();
        assert_eq!(receive(&alive), b"somebody", "round {round}");
        alive.send(b"question").unwrap();
        let mut buffer = [0; 16];
        assert_eq!(server.receive(&mut buffer).await.unwrap().peer, to_alive);
        until(|| {
            server
                .errors()
                .any(|error| (error.errno, error.peer) == (Errno::CONNREFUSED, gone))
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_of_udp_is_held_by_sockets_of_udp_and_never_shared() {
    let holder = UdpSocket::bind("127.0.0.1:0").unwrap();
    let local = holder.local_addr().unwrap();
    let open = || {
        let options = SocketOptions::default();
        Socket::open_datagram(Family::Inet, &options, &Observers::none()).unwrap()
    };
    let error = match open().bind(local) {
        Err(NameError::Bind(error)) => error,
        other => panic!("{other:?}"),
    };
    let BindCause::PortInUse(cause) = &error.cause else {
        panic!("{error:?}");
    };
    assert_eq!(cause.holders.len(), 1, "{cause:?}");
    assert!(matches!(&cause.holders[0].who, Who::Processes(all) if all[0].is_ours()));
    let shown = cause.holders[0].to_string();
    assert!(
        shown.ends_with(&format!(": bound to {local} udp")),
        "{shown}"
    );
    assert!(matches!(open().bind_source(local), Err(NameError::Bind(_))));
    drop(holder);
    // TCP and UDP count separately.
    let _tcp = std::net::TcpListener::bind(local);
    assert!(open().bind(local).is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_of_a_stream_receives_no_datagrams() {
    let (options, nobody) = (SocketOptions::default(), Observers::none());
    let name: SocketName = "127.0.0.1:0".parse().unwrap();
    let bound = Socket::open(Family::Inet, &options, &nobody).unwrap();
    let error = bound.bind(name.clone()).unwrap().datagrams().unwrap_err();
    assert_eq!(error.errno(), Some(Errno::OPNOTSUPP));
    assert!(Socket::open_datagram(Family::Unix, &options, &nobody).is_err());
    let bound = Socket::open_datagram(Family::Inet, &options, &nobody).unwrap();
    assert!(bound.bind(name).unwrap().listen(1).is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_peers_at_once_get_their_own_replies() {
    let running = Running::start(echo(), DatagramOptions::default()).await;
    let peers: Vec<UdpSocket> = (0..50).map(|_| running.peer()).collect();
    for turn in 0..4 {
        for (number, peer) in peers.iter().enumerate() {
            peer.send(format!("{number}.{turn}").as_bytes()).unwrap();
        }
    }
    let answers = tokio::task::spawn_blocking(move || {
        let mut answers = 0;
        for (number, peer) in peers.iter().enumerate() {
            for turn in 0..4 {
                assert_eq!(receive(peer), format!("{number}.{turn}").as_bytes());
                answers += 1;
            }
        }
        answers
    });
    assert_eq!(answers.await.unwrap(), 200);
    assert_eq!(running.table.len(), 50);
    let (summary, facts) = running.end().await;
    assert_eq!(
        (summary.accepted, summary.received, summary.sent),
        (50, 200, 200)
    );
    let ends = ends(&facts);
    assert_eq!(ends.len(), 50);
    assert!(ends.iter().all(|(_, reason)| *reason == Reason::Released));
    assert!(matches!(facts.last(), Some(Fact::StoppedListening(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn empty_and_largest_datagrams_are_echoed_whole() {
    for address in ["udp:127.0.0.1:0", "udp:[::1]:0"] {
        let running = Running::at(address, echo(), DatagramOptions::default()).await;
        let peer = running.peer();
        let largest: Vec<u8> = recorder::pattern(65_507);
        for question in [&b""[..], b"x", &largest] {
            assert_eq!(ask(&peer, question), question);
        }
        let (summary, _) = running.end().await;
        assert_eq!(
            (summary.received, summary.sent, summary.truncated),
            (3, 3, 0)
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_peer_is_sent_more_than_three_times_what_came() {
    async fn check<S: DatagramService>(name: &str, service: S) {
        let running = Running::start(service, DatagramOptions::default()).await;
        let victims: Vec<UdpSocket> = (0..6).map(|_| running.peer()).collect();
        for (victim, length) in victims.iter().zip([0_usize, 1, 2, 7, 40, 600]) {
            // It never reads; as one whose address is forged.
            for _ in 0..20 {
                victim.send(&vec![b'x'; length]).unwrap();
            }
            running
                .recorder
                .wait_for(|fact| matches!(fact, Fact::Accepted(_)));
        }
        let table = Arc::clone(&running.table);
        until(|| {
            table
                .all()
                .iter()
                .map(|live| live.bytes_received())
                .sum::<u64>()
                == 13_000
        })
        .await;
        for live in table.all() {
            let most = 3 * live.bytes_received();
            assert!(
                live.bytes_sent() <= most,
                "{name}: {} of {most}",
                live.bytes_sent()
            );
        }
        running.end().await;
    }
    check("echo", |_: &Identity| Echo).await;
    check("discard", |_: &Identity| Discard).await;
    check("chargen", |_: &Identity| Chargen).await;
    check("daytime", |_: &Identity| Daytime::default()).await;
    check("time", |_: &Identity| Time::default()).await;
    check("flood", |_: &Identity| Flood).await;
}

/// A service that would answer with far too much.
struct Flood;

impl DatagramExchange for Flood {
    fn received(&mut self, _datagram: &[u8], reply: &Reply) {
        for _ in 0..10 {
            reply.send(&[b'!'; 5]);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_too_long_is_withheld_whole_and_told() {
    let running = Running::start(|_: &Identity| Flood, DatagramOptions::default()).await;
    let peer = running.peer();
    // 12 bytes may go: two answers of five, not one byte of the third.
    assert_eq!(ask(&peer, b"four"), b"!!!!!");
    assert_eq!(receive(&peer), b"!!!!!");
    running
        .recorder
        .wait_for(|fact| matches!(fact, Fact::Dropped(1, Direction::Sent, 5)));
    let (summary, facts) = running.end().await;
    assert_eq!((summary.sent, summary.withheld, summary.unsent), (2, 8, 0));
    let told = facts.iter().map(|fact| match fact {
        Fact::Dropped(_, _, bytes) => *bytes,
        _ => 0,
    });
    assert_eq!(told.sum::<u64>(), 40, "{facts:#?}");
    let dropped = facts
        .iter()
        .filter(|fact| matches!(fact, Fact::Dropped(..)));
    assert_eq!(dropped.count(), 2, "once at first, once at the end");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_is_gone_is_closed_and_others_are_not_disturbed() {
    let running = Running::start(echo(), DatagramOptions::default()).await;
    let stays = running.peer();
    assert_eq!(ask(&stays, b"before"), b"before");
    for _ in 0..10 {
        let goes = running.peer();
        goes.send(b"and nobody reads the answer").unwrap();
        drop(goes);
        assert_eq!(ask(&stays, b"between"), b"between");
    }
    // An answer that was sent before its peer went draws no error.
    assert_eq!(ask(&stays, b"after"), b"after");
    let (_, facts) = running.end().await;
    for fact in &facts {
        match fact {
            Fact::Failed(number, text) => {
                assert_ne!(*number, Some(1), "{text}");
                assert!(
                    text.contains("recv ") && text.contains("ECONNREFUSED"),
                    "{text}"
                );
            }
            Fact::Closed(1, reason, ..) => assert_eq!(*reason, Reason::Released),
            _ => {}
        }
    }
}

/// Answers when the test says so.
struct Later(Arc<Mutex<Vec<Reply>>>);

impl DatagramExchange for Later {
    fn received(&mut self, _datagram: &[u8], reply: &Reply) {
        self.0.lock().unwrap().push(reply.clone());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_icmp_error_closes_its_peer_as_reset_and_tells_nobody_else() {
    let replies = Arc::new(Mutex::new(Vec::new()));
    let keep = Arc::clone(&replies);
    let service = move |_: &Identity| Later(Arc::clone(&keep));
    let running = Running::at("udp:*:0", service, DatagramOptions::default()).await;
    let asked = SocketAddr::new("127.0.0.2".parse().unwrap(), running.address.port());
    let (goes, stays) = (peer(asked), peer(asked));
    for socket in [&goes, &stays] {
        socket.send(b"question").unwrap();
        until(|| !replies.lock().unwrap().is_empty()).await;
    }
    until(|| replies.lock().unwrap().len() == 2).await;
    let number = |socket: &UdpSocket| {
        let all = replies.lock().unwrap();
        let local = socket.local_addr().unwrap().port();
        let found = all
            .iter()
            .find(|reply| reply.identity().peer().inet().unwrap().port() == local);
        found.unwrap().clone()
    };
    let (to_goes, to_stays) = (number(&goes), number(&stays));
    drop(goes);
    assert!(to_goes.send(b"late"));
    let gone = to_goes.identity().number;
    let closed = running.recorder.wait_for(Fact::is_closed);
    assert!(matches!(closed, Fact::Closed(n, Reason::Reset, Side::Peer, _) if n == gone));
    assert!(
        running
            .recorder
            .count(|fact| matches!(fact, Fact::Failed(Some(n), _) if *n == gone))
            == 1
    );
    assert!(!to_goes.send(b"too late"), "it is forgotten");
    assert!(to_stays.send(b"answer"));
    assert_eq!(receive(&stays), b"answer");
    let (summary, _) = running.end().await;
    assert_eq!(summary.sent, 2);
    assert!(!to_stays.send(b"the server has ended"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_peer_is_forgotten_and_comes_back_as_a_new_one() {
    let idle = Duration::from_millis(50);
    let options = DatagramOptions {
        idle,
        ..DatagramOptions::default()
    };
    let running = Running::start(echo(), options).await;
    let peer = running.peer();
    ask(&peer, b"first");
    let closed = running.recorder.wait_for(Fact::is_closed);
    match closed {
        Fact::Closed(1, Reason::TimedOut, Side::Us, totals) => {
            assert!(totals.duration >= idle, "{totals:?}");
            assert_eq!((totals.bytes_sent, totals.bytes_received), (5, 5));
        }
        other => panic!("{other:?}"),
    }
    assert!(running.table.is_empty());
    ask(&peer, b"second");
    let (summary, _) = running.end().await;
    assert_eq!(summary.accepted, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deadline_ends_a_peer_that_is_not_silent() {
    let deadline = Some(Duration::from_millis(100));
    let options = DatagramOptions {
        deadline,
        ..DatagramOptions::default()
    };
    let running = Running::start(echo(), options).await;
    let peer = running.peer();
    until(|| {
        peer.send(b"again").unwrap();
        running.recorder.count(Fact::is_closed) > 0
    })
    .await;
    let (_, facts) = running.end().await;
    assert_eq!(ends(&facts)[0], (1, Reason::TimedOut));
}

#[tokio::test(flavor = "multi_thread")]
async fn at_the_limit_the_most_silent_makes_place_or_the_new_one_is_turned_away() {
    for when_full in [WhenFull::Displace, WhenFull::Refuse] {
        let options = DatagramOptions {
            max_connections: 3,
            when_full,
            ..DatagramOptions::default()
        };
        let running = Running::start(echo(), options).await;
        let peers: Vec<UdpSocket> = (0..3).map(|_| running.peer()).collect();
        for peer in &peers {
            ask(peer, b"here");
        }
        // The first was silent for longest until now.
        ask(&peers[0], b"still here");
        let newcomer = running.peer();
        newcomer.send(b"and I").unwrap();
        match when_full {
            WhenFull::Displace => {
                assert_eq!(receive(&newcomer), b"and I");
                let (_, facts) = running.end().await;
                assert_eq!(ends(&facts)[0], (2, Reason::Aborted));
            }
            WhenFull::Refuse => {
                running
                    .recorder
                    .wait_for(|fact| matches!(fact, Fact::TurnedAway(_, TurnedAway::Limit)));
                assert_eq!(running.table.len(), 3);
                let (summary, _) = running.end().await;
                assert_eq!((summary.accepted, summary.turned_away), (3, 1));
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_of_one_address_and_rules_turn_peers_away() {
    let mut options = DatagramOptions {
        max_per_ip: Some(1),
        ..DatagramOptions::default()
    };
    options.access.deny = vec!["127.0.0.9/32".parse().unwrap()];
    let running = Running::start(echo(), options).await;
    let (one, two) = (running.peer(), running.peer());
    ask(&one, b"one");
    two.send(b"two").unwrap();
    running
        .recorder
        .wait_for(|fact| matches!(fact, Fact::TurnedAway(_, TurnedAway::PerIpLimit)));
    let denied = UdpSocket::bind("127.0.0.9:0").unwrap();
    denied.send_to(b"x", running.address).unwrap();
    running
        .recorder
        .wait_for(|fact| matches!(fact, Fact::TurnedAway(_, TurnedAway::Rule)));
    let (summary, _) = running.end().await;
    assert_eq!((summary.accepted, summary.turned_away), (1, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_datagram_that_is_too_long_is_counted_and_given_to_nobody() {
    let options = DatagramOptions {
        length_max: 10,
        ..DatagramOptions::default()
    };
    let running = Running::start(echo(), options).await;
    let peer = running.peer();
    peer.send(b"longer than ten").unwrap();
    assert_eq!(ask(&peer, b"just ten..".as_slice()), b"just ten..");
    peer.send(b"longer than ten").unwrap();
    running
        .recorder
        .wait_for(|fact| matches!(fact, Fact::Dropped(1, Direction::Received, 15)));
    assert_eq!(ask(&peer, b"short"), b"short");
    let (summary, _) = running.end().await;
    assert_eq!((summary.truncated, summary.received), (2, 2));
}

/// Panics when it is told to.
struct Fragile;

impl DatagramExchange for Fragile {
    fn received(&mut self, datagram: &[u8], reply: &Reply) {
        assert_ne!(datagram, b"panic");
        reply.send(datagram);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_ends_its_own_peer_only() {
    let running = Running::start(|_: &Identity| Fragile, DatagramOptions::default()).await;
    let (one, two) = (running.peer(), running.peer());
    ask(&one, b"one");
    ask(&two, b"two");
    one.send(b"panic").unwrap();
    let closed = running.recorder.wait_for(Fact::is_closed);
    assert!(matches!(closed, Fact::Closed(1, Reason::Failed, ..)));
    assert_eq!(ask(&two, b"still"), b"still");
    assert_eq!(running.end().await.0.panicked, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connected_socket_keeps_boundaries_and_tells_a_refusal_after_the_last_answer() {
    let server = UdpSocket::bind("127.0.0.1:0").unwrap();
    let name = SocketName::from(server.local_addr().unwrap());
    let recorder = Recorder::wanting(Wants {
        bytes: true,
        ..Wants::default()
    });
    let options = SocketOptions::default();
    let socket = Socket::open_datagram(Family::Inet, &options, &recorder.observers()).unwrap();
    let mut client = socket.connect(name).await.unwrap();
    for datagram in [&b"one"[..], b"", b"three"] {
        client.send(datagram).await.unwrap();
    }
    let mut buffer = [0; 16];
    let (length, from) = server.recv_from(&mut buffer).unwrap();
    assert_eq!(&buffer[..length], b"one");
    assert_eq!(server.recv(&mut buffer).unwrap(), 0);
    assert_eq!(server.recv(&mut buffer).unwrap(), 5);
    server.send_to(b"", from).unwrap();
    server.send_to(b"longer than five", from).unwrap();
    assert_eq!(client.receive(&mut buffer).await.unwrap(), 0);
    assert!(!client.is_peer_finished(), "an empty datagram is no end");
    assert_eq!(client.receive(&mut buffer[..5]).await.unwrap(), 5);
    recorder.wait_for(|fact| matches!(fact, Fact::Dropped(1, Direction::Received, 11)));
    server.send_to(b"last words", from).unwrap();
    drop(server);
    // The first is refused; whichever call is told of it, the answer is received before.
    client.send(b"anybody?").await.unwrap();
    let refused = AtomicBool::new(false);
    for _ in 0..3 {
        if client.send(b"anybody?").await.is_err() {
            refused.store(true, Ordering::Relaxed);
        }
    }
    assert_eq!(client.receive(&mut buffer).await.unwrap(), 10);
    let error = client.receive(&mut buffer).await.unwrap_err();
    assert_eq!(error.errno(), Some(Errno::CONNREFUSED));
    assert!(error.to_string().starts_with("recv 127.0.0.1:"), "{error}");
    assert!(refused.load(Ordering::Relaxed));
}

/// Answers, and ends its peer when that says so: in the call, or later from another task. Tells how
/// it ended itself.
struct Polite(Arc<Mutex<Vec<Reason>>>);

impl DatagramExchange for Polite {
    fn received(&mut self, datagram: &[u8], reply: &Reply) {
        reply.send(datagram);
        match datagram {
            b"bye" => reply.end(Reason::Released),
            b"bye later" => {
                let reply = reply.clone();
                tokio::spawn(async move {
                    reply.end(Reason::Failed);
                    // Only the first counts.
                    reply.end(Reason::Released);
                });
            }
            _ => {}
        }
    }

    fn ended(&mut self, reason: Reason) {
        self.0.lock().unwrap().push(reason);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_may_end_a_peer_and_hears_how_each_one_ended() {
    let heard = Arc::<Mutex<Vec<Reason>>>::default();
    let service = {
        let heard = Arc::clone(&heard);
        move |_: &Identity| Polite(Arc::clone(&heard))
    };
    let running = Running::start(service, DatagramOptions::default()).await;
    let (one, two) = (running.peer(), running.peer());
    assert_eq!(ask(&one, b"bye"), b"bye");
    // Whatever comes behind it, however soon, is that of a new one.
    assert_eq!(ask(&one, b"here again"), b"here again");
    assert_eq!(ask(&two, b"bye later"), b"bye later");
    running
        .recorder
        .wait_for(|fact| matches!(fact, Fact::Closed(3, Reason::Failed, ..)));
    assert_eq!(ask(&two, b"here again"), b"here again");
    assert_eq!(running.table.len(), 2);
    let (summary, facts) = running.end().await;
    assert_eq!(summary.accepted, 4);
    let expected = [
        (1, Reason::Released),
        (3, Reason::Failed),
        (2, Reason::Released),
        (4, Reason::Released),
    ];
    assert_eq!(ends(&facts), expected);
    let heard = heard.lock().unwrap();
    assert_eq!(*heard, expected.map(|(_, reason)| reason));
}

#[tokio::test(flavor = "multi_thread")]
async fn when_a_relay_has_ended_both_sides_have() {
    let echo = Running::start(echo(), DatagramOptions::default()).await;
    let to = vec![format!("udp:{}", echo.address).parse().unwrap()];
    let relay = Relay::new(to, ConnectOptions::default());
    let running = Running::start(relay, DatagramOptions::default()).await;
    let peers: Vec<UdpSocket> = (0..30).map(|_| running.peer()).collect();
    for peer in &peers {
        assert_eq!(ask(peer, b"hello"), b"hello");
    }
    // Said before `serve` returns: nothing of it is left behind.
    let (_, facts) = running.end().await;
    let mut all = ends(&facts);
    all.sort_unstable_by_key(|(number, _)| *number);
    let expected: Vec<_> = (1..=60).map(|number| (number, Reason::Released)).collect();
    assert_eq!(all, expected);
    echo.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_a_destination_in_vain_is_told() {
    let to = vec!["udp:name.invalid:9".parse().unwrap()];
    // Whatever the name server of this machine says, or does not.
    let options = ConnectOptions {
        connect_timeout: Duration::from_secs(1),
        ..ConnectOptions::default()
    };
    let running = Running::start(Relay::new(to, options), DatagramOptions::default()).await;
    for _ in 0..3 {
        running.peer().send(b"hello").unwrap();
    }
    running.recorder.wait_for_all(3, |fact| {
        matches!(fact, Fact::Closed(_, Reason::Failed, ..))
    });
    let (summary, facts) = running.end().await;
    assert_eq!((summary.accepted, summary.sent), (3, 0));
    for number in 1..=3 {
        let of = |wanted: &Fact| facts.iter().filter(|fact| *fact == wanted).count();
        let dropped = Fact::Dropped(number, Direction::Received, 5);
        assert_eq!(of(&dropped), 1, "{facts:?}");
        let failed = |fact: &&Fact| matches!(fact, Fact::Failed(Some(of), _) if *of == number);
        assert_eq!(facts.iter().filter(failed).count(), 1, "{facts:?}");
    }
}

/// Whoever writes the address of the destination on a datagram.
#[tokio::test(flavor = "multi_thread")]
async fn a_destination_is_not_relayed_to_itself() {
    let destination = UdpSocket::bind("127.0.0.1:0").unwrap();
    let to = vec![
        format!("udp:{}", destination.local_addr().unwrap())
            .parse()
            .unwrap(),
    ];
    let relay = Relay::new(to, ConnectOptions::default());
    let running = Running::start(relay, DatagramOptions::default()).await;
    destination.send_to(b"round", running.address).unwrap();
    let failed = running
        .recorder
        .wait_for(|fact| matches!(fact, Fact::Failed(Some(1), _)));
    let Fact::Failed(_, text) = failed else {
        panic!("{failed:?}");
    };
    assert!(text.contains("connect 127.0.0.1:"), "{text}");
    running
        .recorder
        .wait_for(|fact| matches!(fact, Fact::Closed(1, Reason::Failed, ..)));
    let (summary, _) = running.end().await;
    assert_eq!((summary.accepted, summary.sent), (1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_dropped_ends_its_peers() {
    let running = Running::start(echo(), DatagramOptions::default()).await;
    assert_eq!(ask(&running.peer(), b"hello"), b"hello");
    running.serving.abort();
    let closed = running.recorder.wait_for(Fact::is_closed);
    assert!(matches!(closed, Fact::Closed(1, Reason::Aborted, ..)));
}
