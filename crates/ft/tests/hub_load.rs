//! Five hundred members at once. This test wants the machine for itself.

mod rig;

use std::io::Write;
use std::net::SocketAddr;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use rig::{Running, descriptors, eventually, has, pss_kib};
use rustix::net::sockopt::set_socket_linger;
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::Barrier;
use tokio::task::JoinSet;

const MEMBERS: usize = 500;
const SENDERS: usize = 8;
/// Lines that each sender says in a round; a round is over when everybody has all of them, so
/// that nobody but who does not read is ever far behind.
const LINES: usize = 40;
const ROUNDS: usize = 150;
/// Who come and go meanwhile; one in so many of them says a line by ending in order.
const GUESTS: usize = 1250;
const IN_ORDER: usize = 5;
/// What the server may need for all this: log, buffers of threads, lines under way.
const GROWTH_MAX_KIB: u64 = 4096;

fn proof(sender: usize, number: usize) -> String {
    let length = (sender * 31 + number * 57) % 200;
    let letter = char::from(b'a' + (sender % 26) as u8);
    format!("{sender} {number} {}\n", letter.to_string().repeat(length))
}

/// Hears everything that the senders say, each in its order, each line whole.
async fn listens(member: TcpStream, turn: Arc<Barrier>) -> (BufReader<TcpStream>, Vec<String>) {
    let mut reader = BufReader::new(member);
    let (mut next, mut others) = ([0; SENDERS], Vec::new());
    let mut line = String::new();
    for round in 1..=ROUNDS {
        while next.iter().any(|next| *next < round * LINES) {
            line.clear();
            let count = reader.read_line(&mut line).await.expect("it is open");
            assert!(count > 0, "the connection ended");
            match line
                .split(' ')
                .next()
                .and_then(|word| word.parse::<usize>().ok())
            {
                Some(sender) => {
                    assert_eq!(line, proof(sender, next[sender]));
                    next[sender] += 1;
                }
                None => others.push(line.clone()),
            }
        }
        turn.wait().await;
    }
    (reader, others)
}

async fn talks(mut member: TcpStream, sender: usize, turn: Arc<Barrier>) {
    let (mut ears, mut mouth) = member.split();
    let talking = async {
        for round in 0..ROUNDS {
            let lines = (round * LINES..(round + 1) * LINES).map(|number| proof(sender, number));
            let text: String = lines.collect();
            for part in text.as_bytes().chunks(611 + sender) {
                mouth.write_all(part).await.expect("it is open");
            }
            turn.wait().await;
        }
    };
    let mut buffer = vec![0; 65_536];
    let hearing = async { while ears.read(&mut buffer).await.expect("it is open") > 0 {} };
    tokio::select! {
        () = talking => {}
        () = hearing => panic!("the connection ended"),
    }
}

/// Who come in mid-flood: a thousand break off in mid-line, and after each four of them one ends in
/// order.
async fn disturb(address: SocketAddr) {
    for number in 0..GUESTS {
        let mut client = TcpStream::connect(address).await.expect("it listens");
        client.write_all(b"never whole").await.expect("it is open");
        if number.is_multiple_of(IN_ORDER) {
            // In order: its last line needs no newline, and it is sent what was said up to then.
            client.shutdown().await.expect("it ends");
            let _ = client.read_to_end(&mut Vec::new()).await;
            continue;
        }
        set_socket_linger(&client, Some(Duration::ZERO)).expect("an option");
    }
}

/// An nc that is stopped in the middle of its line, and its stdin.
fn stopped_in_mid_line(server: &mut Running, address: SocketAddr) -> (Child, ChildStdin) {
    let mut stopped = Command::new("nc");
    stopped.args([address.ip().to_string(), address.port().to_string()]);
    let mut stopped = stopped
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .expect("nc starts");
    let mut typing = stopped.stdin.take().expect("a pipe");
    typing.write_all(b"half a li").expect("it reads");
    server.wait_for("accepted");
    let nc = Pid::from_child(&stopped);
    loop {
        server.signal(Signal::USR1);
        if server
            .wait_for("1 connection accepted")
            .contains("received 9 B")
        {
            break;
        }
    }
    kill_process(nc, Signal::STOP).expect("it lives");
    (stopped, typing)
}

#[test]
fn exclusive_five_hundred_members_lose_nothing_by_those_who_do_not_read() {
    if !has("nc") {
        return;
    }
    let (mut server, address) = Running::listen(&["127.0.0.1:0", "hub", "--backlog", "4096"]);
    let pid = server.child.id();
    let (mut stopped, mut typing) = stopped_in_mid_line(&mut server, address);
    let nc = Pid::from_child(&stopped);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let (before, after, missed) = runtime.block_on(async {
        let never_reads = TcpSocket::new_v4().expect("a socket");
        never_reads.set_recv_buffer_size(4096).expect("an option");
        let never_reads = never_reads.connect(address).await.expect("it listens");
        let turn = Arc::new(Barrier::new(MEMBERS + SENDERS));
        let (mut listening, mut talking) = (JoinSet::new(), JoinSet::new());
        let mut all = Vec::new();
        for _ in 0..MEMBERS + SENDERS {
            all.push(TcpStream::connect(address).await.expect("it listens"));
        }
        // All are in the room: each is accepted, and said so.
        for _ in 0..=MEMBERS + SENDERS {
            server.wait_for("accepted");
        }
        let before = pss_kib(pid);
        for (number, member) in all.into_iter().enumerate() {
            if number < MEMBERS {
                listening.spawn(listens(member, Arc::clone(&turn)));
            } else {
                talking.spawn(talks(member, number - MEMBERS, Arc::clone(&turn)));
            }
        }
        let disturbing = tokio::spawn(disturb(address));
        let mut members = Vec::new();
        while let Some(listened) = listening.join_next().await {
            let (member, others) = listened.expect("it heard everything");
            // Who ends in order in mid-line has said a line; who breaks off has not.
            assert!(
                others.iter().all(|line| line == "never whole\n"),
                "{others:?}"
            );
            members.push(member);
        }
        while let Some(talked) = talking.join_next().await {
            talked.expect("it said everything");
        }
        disturbing.await.expect("they come and go");
        let after = pss_kib(pid);
        // The stopped one goes on, and its line is whole.
        kill_process(nc, Signal::CONT).expect("it lives");
        typing.write_all(b"ne\n").expect("it reads");
        hear_the_last(&mut members).await;
        (before, after, counts(never_reads).await)
    });
    drop(typing);
    let _ = stopped.kill();
    let _ = stopped.wait();
    let _ = writeln!(
        std::io::stderr(),
        "PSS {before} KiB before, {after} KiB after; who did not read heard {} lines and missed {}",
        missed.0,
        missed.1
    );
    assert!(
        after <= before + GROWTH_MAX_KIB,
        "{before} KiB before, {after} KiB after"
    );
    eventually("all are gone", || descriptors(pid) < 64);
    assert_eq!(server.stop().status, 0);
}

/// The most that the kernel keeps of what it is to send on one connection.
fn send_buffer_max() -> usize {
    let sizes = std::fs::read_to_string("/proc/sys/net/ipv4/tcp_wmem").expect("Linux");
    let max = sizes.split_whitespace().last().expect("three numbers");
    max.parse().expect("a number")
}

async fn hear_the_last(members: &mut [BufReader<TcpStream>]) {
    for member in members {
        let mut line = String::new();
        while line != "half a line\n" {
            assert!(line.is_empty() || line == "never whole\n", "{line}");
            line.clear();
            member.read_line(&mut line).await.expect("it is open");
        }
    }
}

/// Reads what is there for one who never read: lines that came, and lines that were missed. In the
/// end it hears the same last line as everybody.
async fn counts(member: TcpStream) -> (usize, usize) {
    let mut reader = BufReader::new(member);
    let (mut heard, mut missed) = (0, 0);
    let mut line = String::new();
    while line != "half a line\n" {
        line.clear();
        let count = reader.read_line(&mut line).await.expect("it is open");
        assert!(count > 0, "the connection ended");
        match line.strip_prefix("-- missed ") {
            None => heard += 1,
            Some(rest) => {
                let count = rest.split(' ').next().expect("a number");
                missed += count.parse::<usize>().expect("a number");
            }
        }
    }
    let said = SENDERS * LINES * ROUNDS + GUESTS.div_ceil(IN_ORDER) + 1;
    assert_eq!(heard + missed, said, "{heard} and {missed}");
    // Unless the kernel of this machine keeps all of it for who does not read.
    let bytes: usize = (0..SENDERS)
        .flat_map(|sender| (0..LINES * ROUNDS).map(move |number| proof(sender, number).len()))
        .sum();
    assert!(
        missed > 0 || bytes < send_buffer_max() + (512 << 10),
        "it was never far behind"
    );
    (heard, missed)
}
