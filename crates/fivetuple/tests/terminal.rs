//! The terminal service: any reader to every client, every client to any writer.

mod recorder;

use std::io::{self, ErrorKind, Read, Write};
use std::net::Shutdown;
use std::sync::mpsc::{self, Receiver, Sender, SyncSender};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use fivetuple::service::{Input, Output, OutputEnd, Slow, Terminal, WhenGone};
use fivetuple::{Direction, Reason, ServerOptions, Side};
use recorder::{Fact, Running, pattern, read_all};

/// A reader whose bytes the test gives, one piece per read; it tells when it is asked.
struct Typed {
    pieces: Receiver<Vec<u8>>,
    asked: Sender<()>,
}

impl Read for Typed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let _ = self.asked.send(());
        let piece = self.pieces.recv().unwrap_or_default();
        buffer[..piece.len()].copy_from_slice(&piece);
        Ok(piece.len())
    }
}

fn typed() -> (Sender<Vec<u8>>, Receiver<()>, Typed) {
    let (give, pieces) = mpsc::channel();
    let (asked, is_asked) = mpsc::channel();
    (give, is_asked, Typed { pieces, asked })
}

/// A writer that keeps what it gets, behind a gate that the test opens.
#[derive(Clone, Default)]
struct Written(Arc<(Mutex<State>, Condvar)>);

#[derive(Default)]
struct State {
    bytes: Vec<u8>,
    asked: bool,
    shut: bool,
    dropped: bool,
    error: Option<ErrorKind>,
}

impl Written {
    fn set(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.0.0.lock().unwrap());
        self.0.1.notify_all();
    }

    fn wait(&self, is_so: impl Fn(&State) -> bool) -> Vec<u8> {
        let guard = self.0.0.lock().unwrap();
        let (state, late) = self
            .0
            .1
            .wait_timeout_while(guard, recorder::PATIENCE, |state| !is_so(state))
            .unwrap();
        assert!(!late.timed_out(), "only {} bytes came", state.bytes.len());
        state.bytes.clone()
    }
}

struct Gate(Written);

impl Write for Gate {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let (state, changed) = &*self.0.0;
        self.0.set(|state| state.asked = true);
        let mut state = changed
            .wait_while(state.lock().unwrap(), |state| state.shut)
            .unwrap();
        if let Some(error) = state.error {
            return Err(error.into());
        }
        state.bytes.extend_from_slice(bytes);
        changed.notify_all();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.0.set(|state| state.dropped = true);
    }
}

fn output(written: &Written, slow: Slow, when_gone: WhenGone) -> Output {
    Output::new(Gate(written.clone()), slow, when_gone).unwrap()
}

fn input(reader: impl Read + Send + 'static, slow: Slow) -> Input {
    Input::new(reader, false, false, slow).unwrap()
}

async fn start(input: Option<Input>, output: Output) -> Running {
    Running::start(Terminal { input, output }, ServerOptions::default()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_typed_goes_to_every_client_and_what_they_send_is_written() {
    let (give, _asked, reader) = typed();
    let written = Written::default();
    let out = output(&written, Slow::Block, WhenGone::Close);
    let server = start(Some(input(reader, Slow::Block)), out).await;
    let mut clients: Vec<_> = (0..3).map(|_| server.connect()).collect();
    server
        .recorder
        .wait_for_all(3, |fact| matches!(fact, Fact::Accepted(_)));
    for client in &mut clients {
        // Whoever has had his own bytes written is there.
        client.write_all(b"here").unwrap();
    }
    written.wait(|state| state.bytes.len() == 12);
    give.send(b"to all of you".to_vec()).unwrap();
    for client in &mut clients {
        let mut got = [0; 13];
        client.read_exact(&mut got).unwrap();
        assert_eq!(&got, b"to all of you");
    }
    drop(give);
    for client in &mut clients {
        assert_eq!(client.read(&mut [0]).unwrap(), 0);
        client.shutdown(Shutdown::Write).unwrap();
    }
    let mut late = server.connect();
    assert_eq!(
        late.read(&mut [0]).unwrap(),
        0,
        "a later client gets our half-close at once"
    );
    late.write_all(b"but is heard").unwrap();
    drop(late);
    assert!(
        written
            .wait(|state| state.bytes.len() == 24)
            .ends_with(b"but is heard")
    );
    let summary = server.drain().await;
    assert_eq!((summary.accepted, summary.complete), (4, 4));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_input_without_a_byte_is_absent_and_finishes_after_the_peer() {
    let written = Written::default();
    let out = output(&written, Slow::Block, WhenGone::Close);
    let server = start(Some(input(io::empty(), Slow::Block)), out).await;
    let mut client = server.connect();
    client.write_all(b"hello").unwrap();
    written.wait(|state| state.bytes == b"hello");
    client
        .set_read_timeout(Some(Duration::from_millis(200)))
        .unwrap();
    assert_eq!(
        client.read(&mut [0]).unwrap_err().kind(),
        ErrorKind::WouldBlock
    );
    client.shutdown(Shutdown::Write).unwrap();
    assert_eq!(client.read(&mut [0]).unwrap(), 0);
    assert_eq!(server.recorder.closed().1, Side::Peer);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_input_reaches_every_client_whole_and_the_answer_still_comes() {
    const LENGTH: usize = 3 << 20;
    let written = Written::default();
    let out = output(&written, Slow::Block, WhenGone::Close);
    let server = start(
        Some(input(io::Cursor::new(pattern(LENGTH)), Slow::Block)),
        out,
    )
    .await;
    let mut client = server.connect();
    assert!(read_all(&mut client).unwrap() == pattern(LENGTH));
    client.write_all(b"thank you").unwrap();
    drop(client);
    assert_eq!(written.wait(|state| state.bytes.len() == 9), b"thank you");
    let (reason, first, totals) = server.recorder.closed();
    assert_eq!((reason, first), (Reason::Released, Side::Us));
    assert_eq!(totals.bytes_sent, LENGTH as u64);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_reader_is_read_only_while_somebody_is_connected() {
    let (give, asked, reader) = typed();
    let written = Written::default();
    let out = output(&written, Slow::Block, WhenGone::Close);
    let server = start(Some(input(reader, Slow::Block)), out).await;
    assert!(
        asked.recv_timeout(Duration::from_millis(200)).is_err(),
        "nobody is there"
    );
    let first = server.connect();
    asked.recv_timeout(recorder::PATIENCE).unwrap();
    // The read that was under way when the last one left cannot be undone; its bytes wait.
    reset_and_wait(&server, first, 1);
    give.send(b"for the next".to_vec()).unwrap();
    assert!(
        asked.recv_timeout(Duration::from_millis(200)).is_err(),
        "nobody is there again"
    );
    let mut second = server.connect();
    let mut got = [0; 12];
    second.read_exact(&mut got).unwrap();
    assert_eq!(&got, b"for the next");
    drop(give);
}

fn reset_and_wait(server: &Running, client: std::net::TcpStream, closed: usize) {
    recorder::reset(client);
    server.recorder.wait_for_all(closed, Fact::is_closed);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blocked_writer_stops_the_reading_and_nothing_else() {
    let (give, _asked, reader) = typed();
    let written = Written::default();
    written.set(|state| state.shut = true);
    let out = output(&written, Slow::Block, WhenGone::Close);
    let server = start(Some(input(reader, Slow::Block)), out).await;
    let mut client = server.connect();
    let mut writer = client.try_clone().unwrap();
    let (done, is_done) = mpsc::channel();
    const LENGTH: usize = 12 << 20;
    let sending = std::thread::spawn(move || {
        writer.write_all(&pattern(LENGTH)).unwrap();
        writer.shutdown(Shutdown::Write).unwrap();
        done.send(()).unwrap();
    });
    assert!(
        is_done.recv_timeout(Duration::from_millis(500)).is_err(),
        "nothing holds it back"
    );
    let received = server.table.all()[0].bytes_received();
    assert!(
        received <= 1 << 20,
        "{received} bytes were taken from the client"
    );
    give.send(b"sending goes on".to_vec()).unwrap();
    let mut got = [0; 15];
    client.read_exact(&mut got).unwrap();
    assert_eq!(&got, b"sending goes on");
    written.set(|state| state.shut = false);
    assert!(written.wait(|state| state.bytes.len() == LENGTH) == pattern(LENGTH));
    sending.join().unwrap();
    drop(give);
    assert_eq!(client.read(&mut [0]).unwrap(), 0);
    assert_eq!(server.drain().await.complete, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_waits_until_what_came_before_it_is_written() {
    let written = Written::default();
    written.set(|state| state.shut = true);
    let server = start(None, output(&written, Slow::Block, WhenGone::Close)).await;
    let mut client = server.connect();
    client.write_all(b"the last words").unwrap();
    recorder::until(|| {
        server
            .table
            .all()
            .iter()
            .any(|live| live.bytes_received() == 14)
    })
    .await;
    recorder::reset(client);
    server
        .recorder
        .wait_for(|fact| matches!(fact, Fact::Failed(..)));
    assert_eq!(server.recorder.count(Fact::is_closed), 0);
    written.set(|state| state.shut = false);
    assert_eq!(server.recorder.closed().0, Reason::Reset);
    assert_eq!(
        written.wait(|state| !state.bytes.is_empty()),
        b"the last words"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn dropping_the_oldest_says_how_much_and_keeps_the_newest() {
    const LENGTH: usize = 4 << 20;
    let written = Written::default();
    written.set(|state| state.shut = true);
    let server = start(None, output(&written, Slow::DropOldest, WhenGone::Close)).await;
    let mut client = server.connect();
    client.write_all(&pattern(LENGTH)).unwrap();
    recorder::until(|| {
        server
            .table
            .all()
            .iter()
            .any(|live| live.bytes_received() == LENGTH as u64)
    })
    .await;
    written.set(|state| state.shut = false);
    client.shutdown(Shutdown::Write).unwrap();
    assert_eq!(server.recorder.closed().0, Reason::Released);
    let mut dropped = 0;
    for fact in server.recorder.facts() {
        if let Fact::Dropped(1, Direction::Received, bytes) = fact {
            dropped += bytes;
        }
    }
    let bytes = written.wait(|_| true);
    assert!(dropped > 0);
    assert_eq!(bytes.len() as u64 + dropped, LENGTH as u64);
    assert!(bytes.ends_with(&pattern(LENGTH)[LENGTH - 200_000..]));
}

#[tokio::test(flavor = "multi_thread")]
async fn closing_for_a_slow_writer_ends_who_would_write_and_nobody_else() {
    let (give, _asked, reader) = typed();
    let written = Written::default();
    written.set(|state| state.shut = true);
    let out = output(&written, Slow::Close, WhenGone::Close);
    let server = start(Some(input(reader, Slow::Close)), out).await;
    let mut listens = server.connect();
    let accepted = |fact: &Fact| matches!(fact, Fact::Accepted(_));
    server.recorder.wait_for(accepted);
    let mut talks = server.connect();
    // The writer has its hands full with the first bytes; what comes then fills the queue.
    talks.write_all(&[1]).unwrap();
    written.wait(|state| state.asked);
    let end = loop {
        if let Err(error) = talks.write_all(&[1; 65_536]) {
            break error.kind();
        }
    };
    assert!(
        matches!(end, ErrorKind::ConnectionReset | ErrorKind::BrokenPipe),
        "{end:?}"
    );
    let aborted = |fact: &Fact| matches!(fact, Fact::Closed(_, Reason::Aborted, Side::Us, _));
    server.recorder.wait_for(aborted);
    // Who writes nothing still gets what is typed, also when it comes only now.
    let mut late = server.connect();
    server.recorder.wait_for_all(3, accepted);
    recorder::until(|| server.table.len() == 2).await;
    give.send(b"news".to_vec()).unwrap();
    for client in [&mut listens, &mut late] {
        let mut got = [0; 4];
        client.read_exact(&mut got).unwrap();
        assert_eq!(&got, b"news");
    }
    late.write_all(b"x").unwrap();
    server.recorder.wait_for_all(2, aborted);
    // When the writer has caught up, writing costs nothing again.
    written.set(|state| state.shut = false);
    written.wait(|state| state.bytes.len() > 256 << 10);
    listens.write_all(b"and thanks").unwrap();
    let bytes = written.wait(|state| state.bytes.ends_with(b"and thanks"));
    assert!(bytes[..bytes.len() - 10].iter().all(|byte| *byte == 1));
    drop((give, listens));
    let summary = server.drain().await;
    assert_eq!((summary.accepted, summary.complete), (3, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn closing_for_a_slow_client_ends_it_though_nobody_else_waits() {
    let out = output(&Written::default(), Slow::Close, WhenGone::Close);
    let server = start(Some(input(io::repeat(b'x'), Slow::Close)), out).await;
    let since = Instant::now();
    let mut stuck = server.connect();
    let (reason, first, _) = server.recorder.closed();
    assert_eq!((reason, first), (Reason::Aborted, Side::Us));
    assert!(since.elapsed() >= Input::STALL);
    assert_eq!(
        read_all(&mut stuck).unwrap_err().kind(),
        ErrorKind::ConnectionReset
    );
    // The reader goes on for whoever comes next.
    let mut next = server.connect();
    next.read_exact(&mut vec![0; 4 << 20]).unwrap();
    assert_eq!(server.recorder.count(Fact::is_closed), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_reader_of_the_output_is_gone_the_connections_are_closed() {
    for (kind, expected) in [
        (ErrorKind::BrokenPipe, Some(OutputEnd::ReaderGone)),
        (ErrorKind::StorageFull, None),
    ] {
        let written = Written::default();
        written.set(|state| state.error = Some(kind));
        let out = output(&written, Slow::Block, WhenGone::Close);
        let server = start(None, out.clone()).await;
        let (mut client, idle) = (server.connect(), server.connect());
        server
            .recorder
            .wait_for_all(2, |fact| matches!(fact, Fact::Accepted(_)));
        client.write_all(b"hello").unwrap();
        // The one that says nothing hears of it, too.
        for fact in server.recorder.wait_for_all(2, Fact::is_closed) {
            assert!(
                matches!(fact, Fact::Closed(_, Reason::Aborted, Side::Us, _)),
                "{fact:?}"
            );
        }
        let end = out.ended().await;
        assert!(
            expected.is_none_or(|expected| expected == end),
            "{:?}",
            out.end()
        );
        drop(idle);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_reads_no_more_does_not_cost_the_client_its_output() {
    let (give, _asked, reader) = typed();
    let written = Written::default();
    written.set(|state| state.error = Some(ErrorKind::BrokenPipe));
    let out = output(&written, Slow::Block, WhenGone::Discard);
    let server = start(Some(input(reader, Slow::Block)), out.clone()).await;
    let mut client = server.connect();
    client.write_all(b"not wanted").unwrap();
    assert_eq!(out.ended().await, OutputEnd::ReaderGone);
    client.write_all(b"nor this").unwrap();
    give.send(b"the answer".to_vec()).unwrap();
    drop(give);
    assert_eq!(read_all(&mut client).unwrap(), b"the answer");
    drop(client);
    assert_eq!(server.recorder.closed().0, Reason::Released);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_finds_the_end_when_the_peer_has_finished() {
    let (give, _asked, reader) = typed();
    let written = Written::default();
    let out = output(&written, Slow::Block, WhenGone::Discard);
    let server = start(Some(input(reader, Slow::Block)), out).await;
    let mut client = server.connect();
    client.write_all(b"question").unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    assert_eq!(written.wait(|state| state.dropped), b"question");
    give.send(b"answer".to_vec()).unwrap();
    drop(give);
    assert_eq!(read_all(&mut client).unwrap(), b"answer");
    assert_eq!(server.recorder.closed().0, Reason::Released);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_takes_nothing_holds_the_others_back_only_for_a_while() {
    let reader = io::repeat(b'x').take(64 << 20);
    let written = Written::default();
    let out = output(&written, Slow::Block, WhenGone::Close);
    let (begin, hold) = mpsc::sync_channel(1);
    let held = Held {
        hold,
        begun: false,
        reader,
    };
    let server = start(Some(input(held, Slow::Block)), out).await;
    let stuck = server.connect();
    let mut good = server.connect();
    let both = |fact: &Fact| matches!(fact, Fact::Accepted(_));
    server.recorder.wait_for_all(2, both);
    recorder::until(|| server.table.len() == 2).await;
    good.write_all(b"there").unwrap();
    written.wait(|state| state.bytes.len() == 5);
    let since = Instant::now();
    let begin: SyncSender<()> = begin;
    begin.send(()).unwrap();
    assert_eq!(read_all(&mut good).unwrap().len(), 64 << 20);
    assert!(since.elapsed() < Input::STALL + Duration::from_secs(5));
    let fact = server.recorder.wait_for(Fact::is_closed);
    assert!(
        matches!(fact, Fact::Closed(1, Reason::Aborted, Side::Us, _)),
        "{fact:?}"
    );
    drop((stuck, good));
}

/// A reader that begins when it is told to.
struct Held<R> {
    hold: Receiver<()>,
    begun: bool,
    reader: R,
}

impl<R: Read> Read for Held<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if !self.begun {
            let _ = self.hold.recv();
            self.begun = true;
        }
        self.reader.read(buffer)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_joins_late_misses_only_what_was_read_since_then() {
    const PIECE: usize = 64 * 1024;
    let (give, asked, reader) = typed();
    let written = Written::default();
    let out = output(&written, Slow::Block, WhenGone::Close);
    let server = start(Some(input(reader, Slow::DropOldest)), out).await;
    // Takes nothing, so that pieces stay in the log.
    let _stuck = server.connect();
    let mut given = 0_u64;
    let mut fill = |count: usize| {
        for _ in 0..count {
            asked.recv_timeout(recorder::PATIENCE).unwrap();
            give.send(vec![1; PIECE]).unwrap();
            given += PIECE as u64;
        }
        given
    };
    let before = fill(200);
    let mut late = server.connect();
    server
        .recorder
        .wait_for_all(2, |fact| matches!(fact, Fact::Accepted(_)));
    recorder::until(|| server.table.len() == 2).await;
    let all = fill(200);
    drop(give);
    // What it missed it hears of when it takes something again.
    let taken = read_all(&mut late).unwrap().len() as u64;
    let mut dropped = 0;
    for fact in server.recorder.facts() {
        if let Fact::Dropped(2, _, bytes) = fact {
            dropped += bytes;
        }
    }
    assert!(dropped > 0);
    // The piece that was being read when it joined may be its own.
    let since = all - before + PIECE as u64;
    assert!(dropped + taken <= since, "{dropped} and {taken} of {since}");
}
