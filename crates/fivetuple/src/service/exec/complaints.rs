//! What a program writes to stderr, line by line to the observers. It is always read, so the
//! program never waits for who looks at it; what is too much is left out and counted.

use std::os::fd::OwnedFd;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::piped::{poll_read, read_now};
use crate::call::Errno;
use crate::connection::Connection;
use crate::event::{Event, Identity, Observers};
use crate::kernel::readiness::register;
use crate::transfer::{SCRATCH, with_scratch};

/// Bytes of a line that are told; the rest of it is counted.
const LINE_MAX: usize = 2048;
/// What is told of a line besides its bytes.
const LINE_COST: usize = 32;
/// Bytes that are told in a second.
const PER_SECOND_MAX: usize = 256 * 1024;
/// Reads in a row before the data has its turn.
const TURN: usize = 2;
/// Reads for what is still there when the program has ended; others may go on writing.
const LAST_READS: usize = 16;

type End = AsyncFd<OwnedFd>;
type Read = Poll<Result<usize, Errno>>;

/// The reading end of a program's stderr.
#[derive(Debug)]
pub(super) struct Complaints {
    pipe: Option<AsyncFd<OwnedFd>>,
    told: Told,
}

/// Whom lines are told to, and how much was told.
#[derive(Debug)]
struct Told {
    identity: Identity,
    observers: Observers,
    /// The beginning of a line whose end has not come.
    begun: Vec<u8>,
    /// Bytes of that line that no longer fitted.
    cut: u64,
    second: Instant,
    in_this_second: usize,
    left_out: u64,
}

impl Complaints {
    /// Without a pipe there is never anything.
    pub(super) fn new(pipe: Option<OwnedFd>, connection: &Connection) -> Result<Self, Errno> {
        let pipe = match pipe {
            Some(pipe) => Some(register(pipe, Interest::READABLE)?),
            None => None,
        };
        Ok(Self {
            pipe,
            told: Told {
                identity: connection.identity().clone(),
                observers: connection.observers().clone(),
                begun: Vec::new(),
                cut: 0,
                second: Instant::now(),
                in_this_second: 0,
                left_out: 0,
            },
        })
    }

    /// Tells what has come, and sees to it that it is called again when more comes.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) {
        for _ in 0..TURN {
            match self.read(|pipe, scratch| poll_read(pipe, cx, scratch)) {
                Poll::Ready(true) => {}
                Poll::Ready(false) => return self.end(),
                Poll::Pending => return,
            }
        }
        cx.waker().wake_by_ref();
    }

    /// The program has ended: tells what it has left.
    pub(super) fn finish(&mut self) {
        for _ in 0..LAST_READS {
            if self.read(read_now) != Poll::Ready(true) {
                break;
            }
        }
        self.end();
    }

    /// Reads once; false at the end.
    fn read(&mut self, read: impl FnOnce(&End, &mut [u8]) -> Read) -> Poll<bool> {
        let Some(pipe) = &self.pipe else {
            return Poll::Pending;
        };
        let told = &mut self.told;
        with_scratch(|scratch| {
            read(pipe, scratch).map(|read| match read {
                Ok(count) if count > 0 => {
                    told.bytes(scratch.get(..count).unwrap_or_default());
                    true
                }
                _ => false,
            })
        })
    }

    fn end(&mut self) {
        if self.pipe.take().is_some() {
            self.told.end();
        }
    }
}

impl Told {
    fn bytes(&mut self, bytes: &[u8]) {
        let mut pieces = bytes.split(|byte| *byte == b'\n').peekable();
        while let Some(piece) = pieces.next() {
            let ended = pieces.peek().is_some();
            if ended && self.begun.is_empty() {
                self.line(piece, 0);
                continue;
            }
            let room = LINE_MAX.saturating_sub(self.begun.len());
            let fits = piece.get(..room).unwrap_or(piece);
            self.begun.extend_from_slice(fits);
            self.cut += (piece.len() - fits.len()) as u64;
            if ended {
                self.begun_line();
            }
        }
    }

    fn begun_line(&mut self) {
        let line = std::mem::take(&mut self.begun);
        let cut = std::mem::take(&mut self.cut);
        self.line(&line, cut);
    }

    fn line(&mut self, line: &[u8], cut: u64) {
        let now = Instant::now();
        if now - self.second >= Duration::from_secs(1) {
            self.second = now;
            self.in_this_second = 0;
        }
        let cost = line.len() + LINE_COST;
        self.in_this_second = self.in_this_second.saturating_add(cost);
        if self.in_this_second > PER_SECOND_MAX {
            self.left_out += line.len() as u64 + cut + 1;
            return;
        }
        self.owed();
        let shown = line.get(..LINE_MAX).unwrap_or(line);
        self.tell(shown, cut + (line.len() - shown.len()) as u64);
    }

    fn end(&mut self) {
        if !self.begun.is_empty() || self.cut > 0 {
            self.begun_line();
        }
        self.owed();
    }

    fn owed(&mut self) {
        let left_out = std::mem::take(&mut self.left_out);
        if left_out > 0 {
            self.tell(b"", left_out);
        }
    }

    fn tell(&self, line: &[u8], left_out: u64) {
        self.observers.emit(&Event::Wrote {
            connection: &self.identity,
            line,
            left_out,
        });
    }
}

const _: () = assert!(LINE_MAX < SCRATCH);
