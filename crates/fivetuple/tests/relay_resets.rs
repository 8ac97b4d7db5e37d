//! A reset at any byte: what arrives through a relay is a beginning of what was sent, and its end
//! is never an orderly one.

mod recorder;

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use fivetuple::service::Relay;
use fivetuple::{ConnectOptions, Reason, ServerOptions};
use recorder::{Fact, PATIENCE, Running, byte_at, pattern, reset};
use tokio::task::JoinSet;

/// Bytes per direction, at most: more than a read of the relay; and now and then so many that the
/// kernel moves them by itself.
const LENGTH_MAX: usize = 200_000;
const BULK_MAX: usize = 900_000;
/// Bytes that are in the relay at most: those of one pipe.
const BETWEEN: u64 = 1 << 20;

/// Relays that are at work at a time: each spends most of its time waiting.
const AT_A_TIME: u64 = 8;

/// Numbers that look like chance and are the same in every run.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit as u64) as usize
    }
}

/// One that sends so many bytes and resets, at a place of its choice in what it reads.
fn reset_at(mut stream: TcpStream, all: &[u8], chance: &mut Chance) {
    let sends = chance.below(all.len());
    let reads = if chance.below(2) == 0 {
        0
    } else {
        chance.below(all.len())
    };
    stream.write_all(&all[..sends]).unwrap();
    let mut buffer = vec![0; reads];
    stream.read_exact(&mut buffer).unwrap();
    reset(stream);
}

/// The other one: sends everything it may, and reads until an end.
fn read_to_reset(mut stream: TcpStream, all: &Arc<Vec<u8>>, finishes: bool) {
    let mut writer = stream.try_clone().unwrap();
    let bytes = Arc::clone(all);
    let sending = thread::spawn(move || {
        let sent = writer.write_all(&bytes);
        if sent.is_ok() && finishes {
            let _ = writer.shutdown(Shutdown::Write);
        }
        sent.err().map(|error| error.kind())
    });
    let mut position = 0;
    let mut buffer = vec![0; 30_000];
    let end = loop {
        match stream.read(&mut buffer) {
            Ok(0) => break None,
            Err(error) => break Some(error.kind()),
            Ok(count) => {
                for byte in &buffer[..count] {
                    assert_eq!(*byte, byte_at(position), "at {position}");
                    position += 1;
                }
            }
        }
    };
    assert!(position <= all.len());
    // The error of a reset is told once, to the read or to the write.
    let kinds = [end, sending.join().unwrap()];
    let was_reset = |kind: &Option<ErrorKind>| {
        matches!(
            kind,
            Some(ErrorKind::ConnectionReset | ErrorKind::BrokenPipe)
        )
    };
    assert!(kinds.iter().any(was_reset), "an orderly end: {kinds:?}");
}

/// One reset through this relay.
fn play(relay: &Running, listener: &TcpListener, seed: u64, all: &Arc<Vec<u8>>) {
    let client = relay.connect();
    let (destination, _) = listener.accept().unwrap();
    destination.set_read_timeout(Some(PATIENCE)).unwrap();
    destination.set_write_timeout(Some(PATIENCE)).unwrap();
    // A destination that resets sooner has not been reached at all.
    relay
        .recorder
        .wait_for(|fact| matches!(fact, Fact::Connected(_)));
    let mut chance = Chance(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    let client_resets = chance.below(2) == 0;
    let finishes = chance.below(2) == 0;
    let (dies, lives) = if client_resets {
        (client, destination)
    } else {
        (destination, client)
    };
    let bytes = Arc::clone(all);
    let dying = thread::spawn(move || reset_at(dies, &bytes, &mut chance));
    read_to_reset(lives, all, finishes);
    dying.join().unwrap();
    let ends = relay.recorder.take_closed(2);
    let [(_, accepted, _), (_, connected, _)] = ends[..] else {
        panic!("{ends:?}");
    };
    let (dead, other) = if client_resets {
        (accepted, connected)
    } else {
        (connected, accepted)
    };
    assert_eq!(
        (dead, other),
        (Reason::Reset, Reason::Aborted),
        "seed {seed}"
    );
    let (there, back) = (ends[0].2, ends[1].2);
    assert!(
        there.bytes_received - back.bytes_sent <= BETWEEN,
        "seed {seed}"
    );
    assert!(
        back.bytes_received - there.bytes_sent <= BETWEEN,
        "seed {seed}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn no_reset_at_any_byte_becomes_an_orderly_end() {
    let seeds: u64 = if std::env::var_os("FT_TEST_ALL").is_some() {
        100_000
    } else {
        300
    };
    let lengths = [LENGTH_MAX, BULK_MAX].map(|length| Arc::new(pattern(length)));
    let mut series = JoinSet::new();
    for first in 0..AT_A_TIME {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let to = listener.local_addr().unwrap().into();
        let relay = Relay::new(vec![to], ConnectOptions::default());
        let relay = Running::start(relay, ServerOptions::default()).await;
        let lengths = lengths.clone();
        series.spawn_blocking(move || {
            for seed in (first..seeds).step_by(AT_A_TIME as usize) {
                let is_bulk = seed / AT_A_TIME % 8 == 7;
                play(&relay, &listener, seed, &lengths[usize::from(is_bulk)]);
            }
            assert!(relay.table.is_empty());
        });
    }
    series.join_all().await;
}
