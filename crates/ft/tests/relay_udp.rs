//! `ft relay udp:… udp:…`: each peer has a socket of its own to the destination.

mod datagram;
mod rig;

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::process::{Command, Stdio};
use std::time::Duration;

use datagram::{ask, end, peer, receive, talk};
use rig::{
    PATIENCE, Running, bytes, can_make_namespaces, descriptors, descriptors_at_rest, eventually,
    ft, has, namespaces, quiet_port, run,
};

/// `ft relay udp:127.0.0.1:0 …`.
fn relay(words: &[&str]) -> (Running, SocketAddr) {
    let mut command = ft();
    command.args(["relay", "udp:127.0.0.1:0"]).args(words);
    command.stdin(Stdio::null()).stdout(Stdio::null());
    Running::listen_as(&mut command)
}

fn echo() -> (Running, String) {
    let (server, address) = Running::listen(&["udp:127.0.0.1:0", "echo"]);
    (server, format!("udp:{address}"))
}

/// A destination in our hands.
fn destination() -> (UdpSocket, String) {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a port is free");
    socket
        .set_read_timeout(Some(PATIENCE))
        .expect("it takes a time");
    let address = socket.local_addr().expect("it has a name");
    (socket, format!("udp:{address}"))
}

fn taken(socket: &UdpSocket) -> (Vec<u8>, SocketAddr) {
    let mut buffer = vec![0; 65_536];
    let (length, from) = socket.recv_from(&mut buffer).expect("it comes");
    buffer.truncate(length);
    (buffer, from)
}

#[test]
fn fifty_peers_with_four_datagrams_each_get_exactly_their_own_replies() {
    let (_echo, to) = echo();
    let (relay, address) = relay(&[&to]);
    let peers: Vec<UdpSocket> = (0..50).map(|_| peer(address)).collect();
    let question = |number: usize, turn: u64| bytes(number as u64, turn * 100, 100);
    for turn in 0..4 {
        for (number, peer) in peers.iter().enumerate() {
            peer.send(&question(number, turn)).expect("it is sent");
        }
    }
    for (number, peer) in peers.iter().enumerate() {
        for turn in 0..4 {
            // In their order, too: what came before there was a way goes first.
            assert!(
                receive(peer) == question(number, turn),
                "{number} in turn {turn}"
            );
        }
    }
    let ended = relay.stop();
    assert_eq!(ended.status, 0);
    let summary = ended.said.last().expect("a summary");
    let expected = "50 connections accepted, 50 released; sent 20000 B, received 20000 B";
    assert_eq!(summary, expected);
}

#[test]
fn empty_ones_and_the_longest_go_both_ways_through_three_relays() {
    let (_echo, to) = echo();
    let (_last, at_last) = relay(&[&to]);
    let (_middle, at_middle) = relay(&[&format!("udp:{at_last}")]);
    let (_first, at_first) = relay(&[&format!("udp:{at_middle}")]);
    let peer = peer(at_first);
    for (seed, length) in [(1, 0), (2, 1), (3, 0), (4, 65_507), (5, 1400)] {
        let question = bytes(seed, 0, length);
        assert!(ask(&peer, &question) == question, "{length} bytes");
    }
}

#[test]
fn the_families_of_both_sides_are_their_own() {
    let (_six, address) = Running::listen(&["udp:[::1]:0", "echo"]);
    let (_relay, at) = relay(&[&format!("udp:{address}")]);
    assert_eq!(ask(&peer(at), b"to six"), b"to six");
    let (_four, to) = echo();
    let mut command = ft();
    command.args(["relay", "udp:*:0", &to]);
    command.stdin(Stdio::null()).stdout(Stdio::null());
    let (_relay, at) = Running::listen_as(&mut command);
    for ip in ["127.0.0.1", "127.0.0.2", "::1"] {
        let asked = SocketAddr::new(ip.parse().expect("an address"), at.port());
        assert_eq!(ask(&peer(asked), b"to four"), b"to four", "{ip}");
    }
}

#[test]
fn a_destination_that_refuses_is_told_and_the_next_datagram_finds_it_again() {
    let place = SocketAddr::from(([127, 0, 0, 1], quiet_port()));
    let to = format!("udp:{place}");
    let (mut relay, address) = relay(&[&to]);
    let peer = peer(address);
    peer.send(b"nobody").expect("it is sent");
    let told = relay.wait_for("ft: recv ");
    assert!(
        told.contains(" udp: connection refused (ECONNREFUSED) for #1"),
        "{told}"
    );
    let mut closed = [0; 2].map(|_| relay.wait_for(" closed: "));
    closed.sort_unstable();
    assert!(closed[0].contains("closed: aborted by us"), "{closed:?}");
    assert!(closed[1].contains("closed: reset by peer"), "{closed:?}");
    let back = UdpSocket::bind(place).expect("nobody has it");
    back.set_read_timeout(Some(PATIENCE))
        .expect("it takes a time");
    peer.send(b"somebody").expect("it is sent");
    let (question, from) = taken(&back);
    assert_eq!(question, b"somebody");
    back.send_to(b"answer", from).expect("it is sent");
    assert_eq!(receive(&peer), b"answer");
    let ended = relay.stop();
    assert_eq!(ended.status, 0);
    let summary = ended.said.last().expect("a summary");
    let expected = "2 connections accepted, 1 released, 1 aborted; sent 6 B, received 14 B";
    assert_eq!(summary, expected);
}

#[test]
fn destinations_have_their_turn_and_one_that_refuses_rests() {
    let ((one, to_one), (two, to_two)) = (destination(), destination());
    let both = format!("{to_one},{to_two}");
    let (mut relay, address) = relay(&[&both]);
    let peers: Vec<UdpSocket> = (0..4).map(|_| peer(address)).collect();
    for (number, peer) in peers.iter().enumerate() {
        peer.send(&[b'0' + number as u8]).expect("it is sent");
        let of = if number.is_multiple_of(2) { &one } else { &two };
        assert_eq!(taken(of).0, [b'0' + number as u8]);
        // Whoever has a destination keeps it.
        peer.send(b"more").expect("it is sent");
        assert_eq!(taken(of).0, b"more");
    }
    drop(one);
    peers[0].send(b"lost").expect("it is sent");
    relay.wait_for("connection refused (ECONNREFUSED) for #");
    relay.wait_for("closed: aborted by us");
    // The other's turn, however long this takes: what was refused is tried after it.
    let soon = Some(Duration::from_millis(100));
    two.set_read_timeout(soon).expect("it takes a time");
    eventually("the other one is called", || {
        peer(address).send(b"new").expect("it is sent");
        two.recv(&mut [0; 16]).is_ok()
    });
}

/// A send that is told of a refusal takes the error off the socket; receiving hears of it too.
#[test]
fn a_burst_to_a_destination_that_is_gone_ends_every_session() {
    let (server, to) = destination();
    let (mut relay, address) = relay(&[&to]);
    let peers: Vec<UdpSocket> = (0..100).map(|_| peer(address)).collect();
    for peer in &peers {
        peer.send(b"known").expect("it is sent");
        taken(&server);
    }
    drop(server);
    for peer in &peers {
        for _ in 0..2 {
            peer.send(b"nobody").expect("it is sent");
        }
    }
    for _ in &peers {
        relay.wait_for("closed: aborted by us");
    }
    assert_eq!(relay.stop().status, 0);
}

/// The name server is silent, and peers come from everywhere.
#[test]
fn peers_that_come_and_go_do_not_each_look_a_name_up() {
    if !can_make_namespaces() {
        return;
    }
    let script = r#"
        ip link set lo up; mount -t tmpfs tmpfs /mnt && cd /mnt
        printf 'nameserver 127.0.0.1
options timeout:2 attempts:1
' > resolv.conf
        printf 'hosts: files dns
' > nsswitch.conf
        for file in resolv.conf nsswitch.conf; do
            [ ! -e /etc/$file ] || mount --bind $file $(realpath /etc/$file)
        done
        python3 -c "
import os, socket, subprocess
silent = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); silent.bind(('127.0.0.1', 53))
ft = subprocess.Popen([os.environ['FT'], 'relay', 'udp:127.0.0.1:5000', 'udp:silent:9',
    '--max-connections', '20'], stderr=subprocess.PIPE, text=True)
ft.stderr.readline()
most = 0
for n in range(500):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind((f'127.1.{n // 250}.{n % 250 + 1}', 0))
    s.sendto(b'hello', ('127.0.0.1', 5000))
    while 'accepted' not in ft.stderr.readline(): pass
    most = max(most, len(os.listdir(f'/proc/{ft.pid}/task')))
ft.kill()
print(most)"
    "#;
    let mut command = namespaces();
    command.args(["bash", "-c", script]);
    let output = run(command.env("FT", env!("CARGO_BIN_EXE_ft")), b"");
    let most = String::from_utf8_lossy(&output.stdout).into_owned();
    let most: u32 = most.trim().parse().unwrap_or_else(|_| panic!("{output:?}"));
    assert!(most < 16, "{most} threads");
}

#[test]
fn no_peer_is_sent_more_than_three_times_what_came_from_it() {
    let (server, to) = destination();
    let (mut relay, address) = relay(&[&to]);
    let peer = peer(address);
    peer.send(b"0123456789").expect("it is sent");
    let (_, from) = taken(&server);
    for (answer, goes) in [(31, false), (30, true)] {
        server
            .send_to(&vec![b'a'; answer], from)
            .expect("it is sent");
        if goes {
            assert_eq!(receive(&peer).len(), answer);
        }
    }
    let told = relay.wait_for(" not sent: over 3 times what came, or no room");
    assert!(told.starts_with("#1 "), "{told}");
    // What comes later gives credit again.
    peer.send(b"x").expect("it is sent");
    taken(&server);
    server.send_to(b"abc", from).expect("it is sent");
    assert_eq!(receive(&peer), b"abc");
    let ended = relay.stop();
    let last = ended.said.last().expect("a summary");
    assert!(
        last.contains("sent 33 B, received 11 B, not sent 31 B"),
        "{last}"
    );
}

#[test]
fn both_sides_end_together_after_silence_and_their_descriptors_are_given_back() {
    let (_echo, to) = echo();
    let (mut relay, address) = relay(&[&to, "--idle", "300ms"]);
    let pid = relay.child.id();
    let before = descriptors_at_rest(pid);
    for _ in 0..5 {
        assert_eq!(ask(&peer(address), b"x"), b"x");
    }
    for _ in 0..10 {
        relay.wait_for("closed: timed out");
    }
    assert_eq!(descriptors(pid), before);
    assert_eq!(relay.stop().status, 0);
}

#[test]
fn each_connection_has_one_end_and_names_its_other_side() {
    let (_echo, to) = echo();
    let mut command = ft();
    command.args(["relay", "udp:127.0.0.1:0", &to, "--events", "-"]);
    let (relay, address) = Running::listen_as(command.stdin(Stdio::null()).stdout(Stdio::null()));
    let peers: Vec<UdpSocket> = (0..20).map(|_| peer(address)).collect();
    for peer in &peers {
        assert_eq!(ask(peer, b"hello"), b"hello");
    }
    let ended = relay.stop();
    assert_eq!(ended.status, 0);
    let events = ended.said.iter();
    let events: Vec<serde_json::Value> = events
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect();
    let of = |name: &str| -> Vec<(u64, u64)> {
        let named = events.iter().filter(|event| event["event"] == name);
        let numbers = |event: &serde_json::Value| {
            let number = |key: &str| event[key].as_u64().unwrap_or(0);
            (number("connection"), number("pair"))
        };
        let mut all: Vec<_> = named.map(numbers).collect();
        all.sort_unstable();
        all
    };
    let accepted: Vec<u64> = of("accepted").iter().map(|(number, _)| *number).collect();
    let connected = of("connected");
    let pairs: Vec<u64> = connected.iter().map(|(_, pair)| *pair).collect();
    assert_eq!((accepted.len(), &accepted), (20, &pairs));
    let mut both: Vec<(u64, u64)> = connected
        .iter()
        .map(|(one, other)| (*other, *one))
        .collect();
    both.extend(&connected);
    both.sort_unstable();
    assert_eq!(of("closed"), both);
    let closed = events.iter().filter(|event| event["event"] == "closed");
    for event in closed {
        assert_eq!(event["reason"], "released", "{event}");
        assert_eq!(
            (&event["bytes_sent"], &event["bytes_received"]),
            (&5.into(), &5.into())
        );
    }
}

#[test]
fn many_source_addresses_take_no_more_descriptors_than_there_may_be() {
    let (_echo, to) = echo();
    let (relay, address) = relay(&[&to, "--max-connections", "40"]);
    let pid = relay.child.id();
    let before = descriptors_at_rest(pid);
    for number in 0..500 {
        let socket = UdpSocket::bind((Ipv4Addr::from(0x7f01_0001 + number), 0));
        let socket = socket.expect("all of 127.0.0.0/8 is ours");
        socket
            .set_read_timeout(Some(PATIENCE))
            .expect("it takes a time");
        socket.connect(address).expect("there is a way");
        assert_eq!(ask(&socket, b"hello"), b"hello");
    }
    // One that makes place is closed a little later, by its own task.
    eventually("forty have a descriptor", || {
        descriptors(pid) == before + 40
    });
    let ended = relay.stop();
    let summary = ended.said.last().expect("a summary");
    let expected = "500 connections accepted, 40 released, 460 aborted";
    assert!(summary.starts_with(expected), "{summary}");
}

#[test]
fn with_a_small_descriptor_limit_one_after_the_other_makes_place() {
    let (_echo, to) = echo();
    let mut command = Command::new("bash");
    let script = "ulimit -n 64; exec \"$0\" relay udp:127.0.0.1:0 \"$1\"";
    command.args(["-c", script, env!("CARGO_BIN_EXE_ft"), &to]);
    let (relay, address) = Running::listen_as(command.stdin(Stdio::null()).stdout(Stdio::null()));
    let peers: Vec<UdpSocket> = (0..100).map(|_| peer(address)).collect();
    for peer in &peers {
        assert_eq!(ask(peer, b"hello"), b"hello");
    }
    let ended = relay.stop();
    assert_eq!(ended.status, 0);
    let failed = ended.said.iter().any(|line| line.starts_with("ft: "));
    assert!(!failed, "{:#?}", ended.said);
}

/// Sends a line with each of these programs, through a relay.
#[test]
fn the_programs_that_people_know_talk_through_it() {
    let (_echo, to) = echo();
    let (_relay, address) = relay(&[&to]);
    let (ip, port) = (address.ip().to_string(), address.port().to_string());
    let to_socat = format!("UDP4:{address}");
    for (name, words) in [
        ("nc", &["-u", &ip, &port][..]),
        ("ncat", &["-u", &ip, &port]),
        ("socat", &["-", &to_socat]),
    ] {
        if has(name) {
            let (client, answer) = talk(Command::new(name).args(words), b"hello\n", 6);
            end(client);
            assert_eq!(answer, b"hello\n", "{name}");
        }
    }
    let to = format!("udp:{address}");
    let output = run(ft().args(["connect", &to]), b"one\ntwo\n");
    assert_eq!(output.stdout, b"one\ntwo\n");
}

#[test]
fn what_cannot_be_joined_says_what_to_write() {
    for (line, sentence) in [
        (
            "relay udp:1 127.0.0.1:2",
            "a relay of datagrams leads to datagrams: write udp:127.0.0.1:2, or listen without udp:",
        ),
        (
            "relay udp:1 unix:/x",
            "a relay of datagrams leads to datagrams: write udp:HOST:PORT, or listen without udp:",
        ),
        (
            "listen 1 relay udp:one:2",
            "a relay of streams leads to a stream: write one:2, or listen with udp: in front, too",
        ),
        (
            "relay udp:1 udp:2 --eof each",
            "--eof needs a stream: leave out --eof or udp:",
        ),
    ] {
        let output = run(ft().args(line.split(' ')), b"");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(rig::number(output.status), 2, "{line}: {said}");
        assert!(said.contains(sentence), "{line}: {said}");
    }
}
