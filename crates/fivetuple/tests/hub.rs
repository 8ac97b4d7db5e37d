//! The hub: what one member sends, all others receive, whole and in order.

mod recorder;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use fivetuple::service::{Hub, HubOptions, Messages, Output, Slow, WhenGone};
use fivetuple::{Direction, Eof, Reason, ServerOptions, Side, Terms};
use recorder::{Fact, PATIENCE, Running, read_all, reset, until};

async fn start(options: HubOptions) -> Running {
    Running::start(Hub::new(options), ServerOptions::default()).await
}

/// A member that is surely in the room: the server has accepted it.
fn join(server: &Running) -> TcpStream {
    let is_accepted = |fact: &Fact| matches!(fact, Fact::Accepted(..));
    let before = server.recorder.count(is_accepted);
    let member = server.connect();
    server.recorder.wait_for_all(before + 1, is_accepted);
    member
}

fn hears(member: &mut TcpStream, expected: &str) {
    let mut bytes = vec![0; expected.len()];
    member.read_exact(&mut bytes).unwrap();
    assert_eq!(String::from_utf8_lossy(&bytes), expected);
}

fn says(member: &mut TcpStream, text: &str) {
    member.write_all(text.as_bytes()).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_says_all_others_hear_and_itself_does_not() {
    let server = start(HubOptions::default()).await;
    let (mut a, mut b, mut c) = (join(&server), join(&server), join(&server));
    says(&mut a, "one\ntw");
    hears(&mut b, "one\n");
    hears(&mut c, "one\n");
    // The half line of one does not hold up another, and is not mixed with it.
    says(&mut b, "from b\n");
    hears(&mut c, "from b\n");
    says(&mut a, "o\n\n");
    hears(&mut c, "two\n\n");
    hears(&mut b, "two\n\n");
    hears(&mut a, "from b\n");
    drop((a, b, c));
    assert_eq!(server.drain().await.complete, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_that_finishes_is_heard_hears_what_was_said_and_its_connection_ends() {
    let server = start(HubOptions::default()).await;
    let (mut stays, mut ends) = (join(&server), join(&server));
    says(&mut stays, "before\n");
    hears(&mut ends, "before\n");
    // The last line has no newline; it gets one.
    says(&mut ends, "hi");
    ends.shutdown(Shutdown::Write).unwrap();
    assert_eq!(read_all(&mut ends).unwrap(), b"");
    let (reason, first, _) = server.recorder.closed();
    assert_eq!((reason, first), (Reason::Released, Side::Peer));
    hears(&mut stays, "hi\n");
    // A reset in mid-line says nothing: the line never came whole.
    let mut breaks = join(&server);
    says(&mut breaks, "never whole");
    until(|| {
        server
            .table
            .all()
            .iter()
            .any(|live| live.bytes_received() == 11)
    })
    .await;
    reset(breaks);
    let mut last = join(&server);
    says(&mut last, "last\n");
    hears(&mut stays, "last\n");
    drop((stays, last));
    server.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_eof_each_a_member_that_has_finished_goes_on_receiving() {
    let terms = Terms {
        eof: Eof::Each,
        ..Terms::SERVER
    };
    let options = ServerOptions {
        terms,
        ..ServerOptions::default()
    };
    let server = Running::start(Hub::new(HubOptions::default()), options).await;
    let (mut talks, mut listens) = (join(&server), join(&server));
    listens.shutdown(Shutdown::Write).unwrap();
    server
        .recorder
        .wait_for(|fact| matches!(fact, Fact::HalfClosed(_, Side::Peer)));
    says(&mut talks, "still here\n");
    hears(&mut listens, "still here\n");
    // By these terms nobody's end is the other's: both are ended otherwise.
    reset(listens);
    reset(talks);
    server.drain().await;
}

/// Waits until the kernel has taken all of this for each of these members: whoever is stuck may
/// take it too, for as long as there is room, so it matters who has it and not how many.
async fn heard(server: &Running, members: &[u64], sent: usize) {
    until(|| {
        let all = server.table.all();
        let at_pace = all.iter().filter(|live| {
            members.contains(&live.identity.number) && live.bytes_sent() >= sent as u64
        });
        at_pace.count() == members.len()
    })
    .await;
}

/// Lines of some length, each with its number.
fn numbered(count: u32) -> Vec<u8> {
    let mut all = Vec::new();
    for number in 0..count {
        all.extend_from_slice(format!("{number:08} {}\n", "x".repeat(991)).as_bytes());
    }
    all
}

/// Reads numbered lines and what was missed in between; every gap must be as wide as it was said.
/// Returns how many lines came and how many did not.
fn read_numbered(member: TcpStream, count: u32) -> (u32, u32) {
    let (mut next, mut got, mut missed) = (0, 0, 0);
    let mut lines = BufReader::new(member).lines();
    while next < count {
        let line = lines.next().expect("more lines").unwrap();
        if let Some(rest) = line.strip_prefix("-- missed ") {
            let lost: u32 = rest.split(' ').next().unwrap().parse().unwrap();
            assert!(
                line == format!("-- missed {lost} messages --") || lost == 1,
                "{line}"
            );
            (next, missed) = (next + lost, missed + lost);
            continue;
        }
        assert_eq!(line.len(), 1000, "a whole line: {line}");
        assert_eq!(line[..8].parse::<u32>().unwrap(), next);
        (next, got) = (next + 1, got + 1);
    }
    (got, missed)
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_read_misses_the_oldest_and_is_told_exactly_how_many() {
    const COUNT: u32 = 20_000;
    let server = start(HubOptions::default()).await;
    let (mut talks, slow, reads) = (join(&server), join(&server), join(&server));
    let stays_open = reads.try_clone().unwrap();
    let reading = thread::spawn(move || read_numbered(reads, COUNT));
    let (mut after, mut sent) = (join(&server), 0);
    let lines = numbered(COUNT);
    let listening = thread::spawn(move || {
        let mut buffer = vec![0; 100_000];
        let mut left = 1001 * COUNT as usize;
        while left > 0 {
            left -= after.read(&mut buffer).unwrap();
        }
        after
    });
    while sent < lines.len() {
        let part = &lines[sent..(sent + 100_100).min(lines.len())];
        talks.write_all(part).unwrap();
        sent += part.len();
        heard(&server, &[3, 4], sent).await;
    }
    assert_eq!(reading.join().unwrap(), (COUNT, 0));
    drop(listening.join().unwrap());
    // It stays a member: what comes later, it hears.
    let (got, missed) = read_numbered(slow, COUNT);
    assert_eq!(got + missed, COUNT);
    assert!(missed > 1000, "only {missed} missed");
    let dropped = server
        .recorder
        .wait_for(|fact| matches!(fact, Fact::Dropped(..)));
    let Fact::Dropped(2, Direction::Sent, bytes) = dropped else {
        panic!("{dropped:?}");
    };
    assert!(
        bytes > 0 && bytes % 1001 == 0 && bytes <= 1001 * u64::from(missed),
        "{bytes}"
    );
    drop((talks, stays_open));
    server.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_close_who_does_not_read_is_closed_and_the_others_lose_nothing() {
    const COUNT: u32 = 12_000;
    let options = HubOptions {
        slow: Slow::Close,
        ..HubOptions::default()
    };
    let server = start(options).await;
    let (mut talks, mut slow, reads) = (join(&server), join(&server), join(&server));
    let stays_open = reads.try_clone().unwrap();
    let reading = thread::spawn(move || read_numbered(reads, COUNT));
    let lines = numbered(COUNT);
    let mut sent = 0;
    for part in lines.chunks(100_100) {
        talks.write_all(part).unwrap();
        sent += part.len();
        heard(&server, &[3], sent).await;
    }
    assert_eq!(reading.join().unwrap(), (COUNT, 0));
    let closed = |fact: &Fact| matches!(fact, Fact::Closed(2, Reason::Aborted, ..));
    server.recorder.wait_for(closed);
    server
        .recorder
        .wait_for(|fact| matches!(fact, Fact::Dropped(2, Direction::Sent, _)));
    assert!(read_all(&mut slow).is_err(), "a reset, not an end in order");
    drop((talks, stays_open));
    server.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_block_nobody_is_read_until_the_slowest_has_caught_up() {
    let (room, slow) = Blocked::start().await;
    let catching_up = thread::spawn(move || read_numbered(slow, Blocked::COUNT));
    assert_eq!(catching_up.join().unwrap(), (Blocked::COUNT, 0));
    room.go_on().await;
}

/// A room that loses nothing and is held back: the first member talks, the second takes nothing,
/// the third reads.
struct Blocked {
    server: Running,
    talking: JoinHandle<TcpStream>,
    reading: JoinHandle<(u32, u32)>,
    stays_open: TcpStream,
}

impl Blocked {
    const COUNT: u32 = 20_000;

    /// The room, and the one who takes nothing.
    async fn start() -> (Self, TcpStream) {
        let options = HubOptions {
            slow: Slow::Block,
            ..HubOptions::default()
        };
        let server = start(options).await;
        let (mut talks, stuck, reads) = (join(&server), join(&server), join(&server));
        let stays_open = reads.try_clone().unwrap();
        let reading = thread::spawn(move || read_numbered(reads, Self::COUNT));
        let talking = thread::spawn(move || {
            talks.write_all(&numbered(Self::COUNT)).unwrap();
            talks
        });
        held_back(&server, 1, 2).await;
        let room = Self {
            server,
            talking,
            reading,
            stays_open,
        };
        (room, stuck)
    }

    /// Everything is said, and who reads loses nothing.
    async fn go_on(self) {
        let talks = self.talking.join().unwrap();
        assert_eq!(self.reading.join().unwrap(), (Self::COUNT, 0));
        drop((talks, self.stays_open));
        self.server.drain().await;
    }
}

/// Waits until the log of this room is full, but for some lines, of what one member said and
/// another has not taken. Beside its text each line of a thousand bytes counts 64 at most.
async fn held_back(server: &Running, talks: u64, stuck: u64) {
    let full = HubOptions::default().max_behind as u64 / 16 * 15 - 2048;
    until(|| {
        let all = server.table.all();
        let live = |number| all.iter().find(|live| live.identity.number == number);
        let said = live(talks).map_or(0, |live| live.bytes_received());
        said >= full + live(stuck).map_or(u64::MAX / 2, |live| live.bytes_sent())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_block_a_reset_of_the_one_that_holds_all_back_lets_them_go_on() {
    let (room, stuck) = Blocked::start().await;
    reset(stuck);
    let closed = |fact: &Fact| matches!(fact, Fact::Closed(2, Reason::Reset, ..));
    room.server.recorder.wait_for(closed);
    room.go_on().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_block_who_is_stuck_while_others_wait_is_closed() {
    const COUNT: u32 = 20_000;
    let options = HubOptions {
        slow: Slow::Block,
        ..HubOptions::default()
    };
    let server = start(options).await;
    let (mut talks, mut stuck, reads) = (join(&server), join(&server), join(&server));
    let stays_open = reads.try_clone().unwrap();
    let reading = thread::spawn(move || read_numbered(reads, COUNT));
    let since = Instant::now();
    talks.write_all(&numbered(COUNT)).unwrap();
    assert!(since.elapsed() >= Hub::STALL);
    assert_eq!(reading.join().unwrap(), (COUNT, 0));
    let closed = |fact: &Fact| matches!(fact, Fact::Closed(2, Reason::Aborted, ..));
    server.recorder.wait_for(closed);
    assert!(
        read_all(&mut stuck).is_err(),
        "a reset, not an end in order"
    );
    drop((talks, stays_open));
    server.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn exclusive_who_reads_loses_nothing_however_fast_one_talks() {
    const COUNT: u32 = 2_000;
    for (slow, max_behind) in [
        (Slow::DropOldest, 256 * 1024),
        (Slow::DropOldest, 64 * 1024),
        (Slow::Close, 64 * 1024),
    ] {
        let options = HubOptions {
            slow,
            max_behind,
            ..HubOptions::default()
        };
        let server = start(options).await;
        let mut talks = join(&server);
        let (mut open, mut reading) = (Vec::new(), Vec::new());
        for _ in 0..3 {
            let reads = join(&server);
            open.push(reads.try_clone().unwrap());
            reading.push(thread::spawn(move || read_numbered(reads, COUNT)));
        }
        talks.write_all(&numbered(COUNT)).unwrap();
        for reading in reading {
            assert_eq!(reading.join().unwrap(), (COUNT, 0), "{slow:?}");
        }
        drop((talks, open));
        server.drain().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_is_too_long_is_cut_and_its_sender_hears_of_it() {
    let options = HubOptions {
        max_line: 10,
        ..HubOptions::default()
    };
    let server = start(options).await;
    let (mut a, mut b) = (join(&server), join(&server));
    says(&mut a, "1234567890\n12345678901");
    hears(&mut b, "1234567890\n1234567890\n");
    hears(
        &mut a,
        "-- your line was longer than 10 bytes: the rest of it was left out --\n",
    );
    says(&mut a, "2345\nnext\n");
    hears(&mut b, "next\n");
    drop((a, b));
    server.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn chunks_pass_as_they_come_with_any_bytes() {
    let options = HubOptions {
        messages: Messages::Chunks,
        ..HubOptions::default()
    };
    let server = start(options).await;
    let (mut a, mut b) = (join(&server), join(&server));
    says(&mut a, "no newline \0 \u{1b}");
    hears(&mut b, "no newline \0 \u{1b}");
    drop((a, b));
    server.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_line_names_the_room_and_rooms_hear_nothing_of_each_other() {
    // With a history it does not matter who comes first.
    let options = HubOptions {
        rooms: true,
        history: 10,
        ..HubOptions::default()
    };
    let server = start(options).await;
    let (mut a, mut b, mut c) = (join(&server), join(&server), join(&server));
    says(&mut b, "red\r\n");
    says(&mut c, "blue\nto blue\n");
    says(&mut a, "\n");
    hears(
        &mut a,
        "-- the first line names a room: 1 to 64 visible characters --\n",
    );
    says(&mut a, "red\nto red\n");
    hears(&mut b, "to red\n");
    says(&mut b, "answer\n");
    hears(&mut a, "answer\n");
    let mut d = join(&server);
    says(&mut d, "blue");
    says(&mut d, "\nhello\n");
    hears(&mut d, "to blue\n");
    hears(&mut c, "hello\n");
    drop((a, b, c, d));
    server.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_names_no_room_in_time_is_told_so_and_released() {
    let options = HubOptions {
        rooms: true,
        ask_within: Duration::from_millis(200),
        ..HubOptions::default()
    };
    let server = start(options).await;
    let mut silent = join(&server);
    let said = String::from_utf8(read_all(&mut silent).unwrap()).unwrap();
    assert_eq!(said, "-- no room was named in time --\n");
    drop(silent);
    assert_eq!(server.recorder.closed().0, Reason::Released);
    server.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_joins_gets_the_last_messages_also_when_nobody_was_there() {
    let options = HubOptions {
        history: 2,
        ..HubOptions::default()
    };
    let server = start(options).await;
    let mut a = join(&server);
    says(&mut a, "1\n2\n3\n");
    a.shutdown(Shutdown::Write).unwrap();
    read_all(&mut a).unwrap();
    let mut b = join(&server);
    hears(&mut b, "2\n3\n");
    drop(b);
    server.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_console_is_a_member_without_a_connection() {
    struct Writer(mpsc::Sender<Vec<u8>>);
    impl Write for Writer {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            let _ = self.0.send(bytes.to_vec());
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let hub = Hub::new(HubOptions::default());
    let (tell, written) = mpsc::channel();
    let output = Output::new(Writer(tell), Slow::Block, WhenGone::Close).unwrap();
    let console = hub.console();
    // It is all there before anybody is: it waits for somebody who hears it.
    console.speak(&b"hello\nlast"[..], &output).unwrap();
    tokio::spawn(console.listen(output));
    let server = Running::start(hub, ServerOptions::default()).await;
    let mut a = join(&server);
    hears(&mut a, "hello\nlast\n");
    says(&mut a, "hi\n");
    assert_eq!(written.recv_timeout(PATIENCE).unwrap(), b"hi\n");
    drop(a);
    server.drain().await;
}

/// A line that proves itself: sender, number, and as many letters as it says.
fn proof(sender: u32, number: u32) -> String {
    let length = (sender * 7919 + number * 104_729) % 3000;
    let letter = char::from(b'a' + (sender % 26) as u8);
    let letters = letter.to_string().repeat(length as usize);
    format!("{sender} {number} {length} {letters}\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_of_many_at_once_are_never_torn_or_mixed_and_keep_their_order() {
    const SENDERS: u32 = 16;
    const EACH: u32 = 300;
    let options = HubOptions {
        slow: Slow::Block,
        max_behind: 64 * 1024,
        max_line: 4096,
        ..HubOptions::default()
    };
    let server = start(options).await;
    let mut listening = Vec::new();
    for pace in [97, 777, 65_536] {
        let mut member = join(&server);
        listening.push(thread::spawn(move || {
            let mut all = Vec::new();
            let mut buffer = vec![0; pace];
            let mut lines = 0;
            while lines < (SENDERS * EACH) as usize {
                let count = member.read(&mut buffer).unwrap();
                assert!(count > 0, "more lines are to come");
                lines += buffer[..count]
                    .iter()
                    .filter(|byte| **byte == b'\n')
                    .count();
                all.extend_from_slice(&buffer[..count]);
            }
            String::from_utf8(all).unwrap()
        }));
    }
    let mut talking = Vec::new();
    for sender in 0..SENDERS {
        let mut member = join(&server);
        let mut ears = member.try_clone().unwrap();
        talking.push(thread::spawn(move || {
            // Each hears the others, too, and throws it away.
            let listening = thread::spawn(move || read_all(&mut ears).unwrap().len());
            let mut step = 1 + sender as usize;
            for number in 0..EACH {
                let line = proof(sender, number).into_bytes();
                for part in line.chunks(step) {
                    member.write_all(part).unwrap();
                }
                step = (step * 31 + 7) % 1500 + 1;
            }
            member.shutdown(Shutdown::Write).unwrap();
            listening.join().unwrap()
        }));
    }
    for talker in talking {
        talker.join().unwrap();
    }
    for listener in listening {
        let mut next = [0; SENDERS as usize];
        for line in listener.join().unwrap().split_inclusive('\n') {
            let sender: u32 = line.split(' ').next().unwrap().parse().unwrap();
            let number = &mut next[sender as usize];
            assert_eq!(line, proof(sender, *number));
            *number += 1;
        }
        assert_eq!(next, [EACH; SENDERS as usize]);
    }
    server.drain().await;
}
