//! Five hundred members at once. This test wants the machine for itself.

mod rig;

use std::io::Write;
use std::net::SocketAddr;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use rig::{Running, descriptors, eventually, has, pss_kib};
use rustix::net::sockopt::set_socket_linger;
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::Barrier;
use tokio::task::{AbortHandle, JoinSet};

const MEMBERS: usize = 500;
const SENDERS: usize = 8;
/// Lines that each sender says in a round; a round is over when everybody has all of them, so
/// that nobody but who does not read is ever far behind.
const LINES: usize = 40;
/// Rounds at least: they go on until those who come and go have gone.
const ROUNDS: usize = 150;
/// Who come and go meanwhile; one in so many of them says a line by ending in order.
const GUESTS: usize = 1250;
const IN_ORDER: usize = 5;
/// What the server may need for all this: log, buffers of threads, lines under way.
const GROWTH_MAX_KIB: u64 = 4096;
/// The memory of the server is looked at whenever so many have come and gone.
const LOOK_EVERY: usize = 50;

/// What all members have in common.
struct Flood {
    turn: Barrier,
    /// Rounds that there will be, so far as is known.
    rounds: AtomicUsize,
    /// Those who come and go.
    others: AbortHandle,
}

impl Flood {
    /// One of the senders, at the end of its round and before anybody begins the next: there is one
    /// more if the others have not gone.
    fn go_on(&self, round: usize) {
        if !self.others.is_finished() {
            self.rounds.fetch_max(round + 1, SeqCst);
        }
    }

    fn has(&self, round: usize) -> bool {
        round <= self.rounds.load(SeqCst)
    }
}

fn proof(sender: usize, number: usize) -> String {
    let length = (sender * 31 + number * 57) % 200;
    let letter = char::from(b'a' + (sender % 26) as u8);
    format!("{sender} {number} {}\n", letter.to_string().repeat(length))
}

/// Hears everything that the senders say, each in its order, each line whole.
async fn listens(member: TcpStream, flood: Arc<Flood>) -> (BufReader<TcpStream>, Vec<String>) {
    let mut reader = BufReader::new(member);
    let (mut next, mut others) = ([0; SENDERS], Vec::new());
    let mut line = String::new();
    for round in (1..).take_while(|round| flood.has(*round)) {
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
        flood.turn.wait().await;
    }
    (reader, others)
}

async fn talks(mut member: TcpStream, sender: usize, flood: Arc<Flood>) {
    let (mut ears, mut mouth) = member.split();
    let talking = async {
        for round in (1..).take_while(|round| flood.has(*round)) {
            let lines = ((round - 1) * LINES..round * LINES).map(|number| proof(sender, number));
            let text: String = lines.collect();
            for part in text.as_bytes().chunks(611 + sender) {
                mouth.write_all(part).await.expect("it is open");
            }
            if sender == 0 {
                flood.go_on(round);
            }
            flood.turn.wait().await;
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
/// order. The most memory that the server had meanwhile.
async fn disturb(address: SocketAddr, pid: u32) -> u64 {
    let mut most = 0;
    for number in 0..GUESTS {
        if number.is_multiple_of(LOOK_EVERY) {
            most = most.max(pss_kib(pid));
        }
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
    most
}

/// One with little room that never reads.
async fn never_reads(address: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(4096).expect("an option");
    socket.connect(address).await.expect("it listens")
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

/// What came of the flood.
struct Over {
    members: Vec<BufReader<TcpStream>>,
    rounds: usize,
    /// The most memory that the server had in it, and what it had afterwards.
    memory: [u64; 2],
}

/// All members at once, the last of them as senders, while others come and go.
async fn flood(all: Vec<TcpStream>, address: SocketAddr, pid: u32) -> Over {
    let disturbing = tokio::spawn(disturb(address, pid));
    let flood = Arc::new(Flood {
        turn: Barrier::new(MEMBERS + SENDERS),
        rounds: AtomicUsize::new(ROUNDS),
        others: disturbing.abort_handle(),
    });
    let (mut listening, mut talking) = (JoinSet::new(), JoinSet::new());
    for (number, member) in all.into_iter().enumerate() {
        if number < MEMBERS {
            listening.spawn(listens(member, Arc::clone(&flood)));
        } else {
            talking.spawn(talks(member, number - MEMBERS, Arc::clone(&flood)));
        }
    }
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
    assert!(disturbing.is_finished(), "the flood was over before");
    let most = disturbing.await.expect("they come and go");
    Over {
        members,
        rounds: flood.rounds.load(SeqCst),
        memory: [most, pss_kib(pid)],
    }
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
    let stalled_count = match std::env::var_os("FT_TEST_ALL") {
        Some(_) => 40,
        None => 1,
    };
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let (before, [most, after], counted) = runtime.block_on(async {
        let (mut stalled, mut all) = (Vec::new(), Vec::new());
        for _ in 0..stalled_count {
            stalled.push(never_reads(address).await);
        }
        for _ in 0..MEMBERS + SENDERS {
            all.push(TcpStream::connect(address).await.expect("it listens"));
        }
        // All are in the room: each is accepted, and said so.
        for _ in 0..MEMBERS + SENDERS + stalled_count {
            server.wait_for("accepted");
        }
        let before = pss_kib(pid);
        let mut over = flood(all, address, pid).await;
        // The stopped one goes on, and its line is whole.
        kill_process(nc, Signal::CONT).expect("it lives");
        typing.write_all(b"ne\n").expect("it reads");
        hear_the_last(&mut over.members).await;
        let counting = stalled
            .into_iter()
            .map(|member| counts(member, over.rounds));
        let counted = counting.collect::<JoinSet<_>>().join_all().await;
        (before, over.memory, counted)
    });
    drop(typing);
    let _ = stopped.kill();
    let _ = stopped.wait();
    let _ = writeln!(
        std::io::stderr(),
        "PSS {before} KiB before, {most} KiB at most, {after} KiB after; of those who did not read \
         each heard and missed so many lines: {counted:?}"
    );
    assert!(
        most.max(after) <= before + GROWTH_MAX_KIB,
        "{before} KiB before, {most} KiB at most, {after} KiB after"
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
async fn counts(member: TcpStream, rounds: usize) -> (usize, usize) {
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
    let said = SENDERS * LINES * rounds + GUESTS.div_ceil(IN_ORDER) + 1;
    assert_eq!(heard + missed, said, "{heard} and {missed}");
    // Unless the kernel of this machine keeps all of it for who does not read.
    let bytes: usize = (0..SENDERS)
        .flat_map(|sender| (0..LINES * rounds).map(move |number| proof(sender, number).len()))
        .sum();
    assert!(
        missed > 0 || bytes < send_buffer_max() + (512 << 10),
        "it was never far behind"
    );
    (heard, missed)
}
