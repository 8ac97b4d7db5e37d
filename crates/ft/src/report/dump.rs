//! The dump: every block of bytes as hex and text, with who sent it to whom, when and at which
//! offset of its direction.

use std::collections::HashMap;
use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

use fivetuple::{Direction, Event, Identity, Observer, Wants};
use jiff::Timestamp;

use super::clock::{self, Clock};
use super::queue::{Kind, Queue};
use super::words::Named;

/// Bytes of one line.
const WIDTH: usize = 16;
/// Bytes that one line of the dump may take: offset, hex, text.
const LINE_MAX: usize = 2 + 16 + 2 + 3 * WIDTH + 1 + 2 + WIDTH + 2;

/// The observer behind `--dump`.
#[derive(Debug)]
pub(crate) struct Dump {
    queue: Arc<Queue>,
    clock: Clock,
    offsets: Mutex<HashMap<u64, Offsets>>,
}

/// Bytes of one connection that were shown or missed so far.
#[derive(Clone, Copy, Debug, Default)]
struct Offsets {
    sent: u64,
    received: u64,
}

impl Dump {
    /// A dump into `queue`.
    pub(crate) fn new(queue: Arc<Queue>, clock: Clock) -> Self {
        Self {
            queue,
            clock,
            offsets: Mutex::default(),
        }
    }

    fn event_at(&self, event: &Event<'_>, at: impl FnOnce() -> Timestamp) {
        match event {
            Event::Moved {
                connection,
                direction,
                bytes,
            } => {
                let offset = self.advance(connection, *direction, bytes.len());
                self.queue.push(Kind::Block, |to| {
                    let time = self.clock.time(at());
                    head(to, format_args!("{time} {}", Named(connection)));
                    block(to, *direction, (offset, bytes));
                });
            }
            Event::Closed { connection, .. } => {
                self.offsets().remove(&connection.number);
            }
            _ => {}
        }
    }

    /// The offset of the next bytes; the one after them is remembered.
    fn advance(&self, connection: &Identity, direction: Direction, by: usize) -> u64 {
        let mut offsets = self.offsets();
        let offsets = offsets.entry(connection.number).or_default();
        let next = match direction {
            Direction::Sent => &mut offsets.sent,
            Direction::Received => &mut offsets.received,
        };
        let offset = *next;
        *next += by as u64;
        offset
    }

    fn offsets(&self) -> std::sync::MutexGuard<'_, HashMap<u64, Offsets>> {
        self.offsets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for Dump {
    fn wants(&self) -> Wants {
        Wants {
            bytes: true,
            ..Wants::default()
        }
    }

    fn event(&self, event: &Event<'_>) {
        self.event_at(event, clock::now);
    }
}

fn head(to: &mut Vec<u8>, who: std::fmt::Arguments<'_>) {
    // Writing to a Vec does not fail.
    let _ = to.write_fmt(who);
}

/// The rest of the head line, then the lines of the bytes.
fn block(to: &mut Vec<u8>, direction: Direction, (offset, bytes): (u64, &[u8])) {
    let arrow = match direction {
        Direction::Sent => '→',
        Direction::Received => '←',
    };
    let (count, plural) = (bytes.len(), if bytes.len() == 1 { "" } else { "s" });
    let _ = writeln!(
        to,
        "  {arrow} {direction} {count} byte{plural} at offset {offset}"
    );
    to.reserve(bytes.len().div_ceil(WIDTH) * LINE_MAX);
    let mut offset = offset;
    for line in bytes.chunks(WIDTH) {
        hex_line(to, offset, line);
        offset += WIDTH as u64;
    }
}

/// `  00000000  68 65 6c 6c 6f 0a                                 |hello.|`
fn hex_line(to: &mut Vec<u8>, offset: u64, bytes: &[u8]) {
    const BLANK: &[u8] = b"   ";
    to.extend_from_slice(b"  ");
    let skipped = if offset >> 32 == 0 { 4 } else { 0 };
    for byte in offset.to_be_bytes().into_iter().skip(skipped) {
        to.extend_from_slice(digits(byte));
    }
    to.push(b' ');
    for at in 0..WIDTH {
        if at % 8 == 0 {
            to.push(b' ');
        }
        match bytes.get(at) {
            Some(byte) => {
                to.extend_from_slice(digits(*byte));
                to.push(b' ');
            }
            None => to.extend_from_slice(BLANK),
        }
    }
    to.extend_from_slice(b" |");
    to.extend(bytes.iter().map(|byte| match byte {
        b' '..=b'~' => *byte,
        _ => b'.',
    }));
    to.extend_from_slice(b"|\n");
}

fn digits(byte: u8) -> &'static [u8; 2] {
    static HEX: [[u8; 2]; 256] = table();
    &HEX[usize::from(byte)]
}

const fn table() -> [[u8; 2]; 256] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut table = [[0; 2]; 256];
    let mut byte = 0;
    while byte < table.len() {
        table[byte] = [DIGITS[byte >> 4], DIGITS[byte & 15]];
        byte += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use fivetuple::{Reason, Side, Totals};

    use super::*;
    use crate::report::samples;

    #[test]
    fn blocks_of_many_clients_have_heads_and_offsets() {
        let (one, two) = (samples::identity(1), samples::identity(2));
        let text = samples::written(|queue| {
            let dump = Dump::new(queue, Clock::utc());
            let at = || "2026-11-23T12:00:00.123456Z".parse().unwrap();
            let moved = |connection, direction, bytes| {
                let event = Event::Moved {
                    connection,
                    direction,
                    bytes,
                };
                dump.event_at(&event, at);
            };
            moved(&one, Direction::Received, b"GET / HTTP/1.1\r\n\x1b[");
            moved(&two, Direction::Received, b"\x00\xff|");
            moved(&one, Direction::Sent, b"hello");
            moved(&one, Direction::Received, b"!");
        });
        assert_eq!(
            text,
            "\
12:00:00.123456 #1 127.0.0.1:51312 → 127.0.0.1:8080 tcp  ← received 18 bytes at offset 0
  00000000  47 45 54 20 2f 20 48 54  54 50 2f 31 2e 31 0d 0a  |GET / HTTP/1.1..|
  00000010  1b 5b                                             |.[|
12:00:00.123456 #2 127.0.0.1:51313 → 127.0.0.1:8080 tcp  ← received 3 bytes at offset 0
  00000000  00 ff 7c                                          |..||
12:00:00.123456 #1 127.0.0.1:51312 → 127.0.0.1:8080 tcp  → sent 5 bytes at offset 0
  00000000  68 65 6c 6c 6f                                    |hello|
12:00:00.123456 #1 127.0.0.1:51312 → 127.0.0.1:8080 tcp  ← received 1 byte at offset 18
  00000012  21                                                |!|
"
        );
    }

    #[test]
    fn a_connection_that_is_over_is_forgotten() {
        let identity = samples::identity(1);
        samples::written(|queue| {
            let dump = Dump::new(queue, Clock::utc());
            dump.event(&Event::Moved {
                connection: &identity,
                direction: Direction::Sent,
                bytes: b"x",
            });
            assert_eq!(dump.offsets().len(), 1);
            dump.event(&Event::Closed {
                connection: &identity,
                reason: Reason::Released,
                first: Side::Us,
                totals: &Totals::default(),
            });
            assert!(dump.offsets().is_empty());
        });
    }

    #[test]
    fn an_offset_beyond_four_gibibytes_has_more_digits() {
        let mut to = Vec::new();
        hex_line(&mut to, 0x1_2345_6789, &[0xab; WIDTH]);
        assert!(to.starts_with(b"  0000000123456789  ab ab"));
        assert!(to.len() <= LINE_MAX);
    }
}
