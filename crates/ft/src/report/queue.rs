//! A bounded queue of text to one descriptor, written out by a thread of its own.
//!
//! Whoever has something to say appends it under a short lock and goes on; nobody waits for a slow
//! terminal or disk. What does not fit is counted, and the count is written as soon as there is
//! room. After a write error everything is dropped in silence; [`Queue::failed`] remembers it.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;

use super::status::Status;

/// What kind of text it is; each kind says in its own way how much of it was missed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Lines for people.
    Line,
    /// JSON lines.
    Event,
    /// Blocks of the dump.
    Block,
}

const KINDS: [Kind; 3] = [Kind::Line, Kind::Event, Kind::Block];

/// Writes the line that says how many of a kind were missed.
pub(crate) type Missed = fn(Kind, u64, &mut Vec<u8>);

/// Room that must be there before a count of missed texts is written.
const MISSED_LINE: usize = 256;
/// Bytes of one write, so that room comes back while a long text is written out.
const WRITE_MAX: usize = 64 * 1024;
/// What is kept of a buffer that has grown further.
const CAPACITY_KEPT: usize = 1024 * 1024;

/// The end that producers hold. Dropping it lets the thread end once everything is written.
#[derive(Debug)]
pub(crate) struct Queue {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    /// There is something to write, or never will be again.
    filled: Condvar,
    /// Everything is written, or never will be.
    emptied: Condvar,
    bytes_max: usize,
    missed: Missed,
}

#[derive(Debug, Default)]
struct State {
    text: Vec<u8>,
    status: Status,
    /// Bytes that the thread has taken and not written yet.
    taken: usize,
    missed: [u64; KINDS.len()],
    /// The thread waits.
    waits: bool,
    closed: bool,
    failed: Option<Errno>,
}

impl Queue {
    /// A queue of at most `bytes_max` to `sink`.
    ///
    /// # Errors
    ///
    /// No thread can be started.
    pub(crate) fn start(
        sink: impl AsFd + Send + 'static,
        bytes_max: usize,
        missed: Missed,
    ) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            state: Mutex::default(),
            filled: Condvar::new(),
            emptied: Condvar::new(),
            bytes_max,
            missed,
        });
        let writer = Arc::clone(&shared);
        thread::Builder::new()
            .name("report".to_owned())
            .spawn(move || writer.write_out(sink.as_fd()))?;
        Ok(Self { shared })
    }

    /// Appends what `write` writes, or counts it as missed. Never waits for the writer.
    pub(crate) fn push(&self, kind: Kind, write: impl FnOnce(&mut Vec<u8>)) {
        let Shared {
            bytes_max, missed, ..
        } = *self.shared;
        let mut state = self.shared.lock();
        if state.failed.is_some() {
            return;
        }
        let room = bytes_max.saturating_sub(state.taken);
        if state.has_missed() {
            if state.text.len() + MISSED_LINE > room {
                state.count(kind);
                return;
            }
            state.tell_missed(missed);
        }
        let before = state.text.len();
        if before < room {
            write(&mut state.text);
        }
        if state.text.len() > room || before >= room {
            state.text.truncate(before);
            state.count(kind);
        }
        let waits = state.waits;
        drop(state);
        if waits {
            self.shared.filled.notify_one();
        }
    }

    /// Draws this line below all others from now on, in place of the one before; an empty one draws
    /// nothing. Only for a terminal.
    pub(crate) fn set_status(&self, text: &str) {
        self.change_status(|status| status.set(text));
    }

    /// Takes it away for good.
    pub(crate) fn end_status(&self) {
        self.change_status(Status::end);
    }

    fn change_status(&self, change: impl FnOnce(&mut Status)) {
        let mut state = self.shared.lock();
        change(&mut state.status);
        let wake = state.waits && state.status.is_due();
        drop(state);
        if wake {
            self.shared.filled.notify_one();
        }
    }

    /// Waits until everything is written, but not longer than `within`. Whether it was.
    pub(crate) fn flush(&self, within: Duration) -> bool {
        let state = self.shared.lock();
        let (state, _) = self
            .shared
            .emptied
            .wait_timeout_while(state, within, |state| !state.is_done())
            .unwrap_or_else(PoisonError::into_inner);
        state.is_done() && state.failed.is_none()
    }

    /// The error that ended the writing.
    pub(crate) fn failed(&self) -> Option<Errno> {
        self.shared.lock().failed
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        self.shared.lock().closed = true;
        self.shared.filled.notify_one();
    }
}

impl State {
    fn is_done(&self) -> bool {
        let waits = !self.text.is_empty() || self.has_missed() || self.status.is_due();
        self.failed.is_some() || (self.taken == 0 && !waits)
    }

    fn has_missed(&self) -> bool {
        self.missed.iter().any(|count| *count > 0)
    }

    fn count(&mut self, kind: Kind) {
        for (count, of) in self.missed.iter_mut().zip(KINDS) {
            *count += u64::from(of == kind);
        }
    }

    fn tell_missed(&mut self, missed: Missed) {
        for (count, kind) in self.missed.iter_mut().zip(KINDS) {
            if *count > 0 {
                missed(kind, *count, &mut self.text);
                *count = 0;
            }
        }
    }
}

impl Shared {
    /// A producer that panicked has at worst left an unfinished line.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The thread: takes all there is, writes it, waits for more.
    fn write_out(&self, sink: BorrowedFd<'_>) {
        let mut batch = Vec::new();
        while self.take(&mut batch) {
            let written = self.write_batch(sink, &batch);
            batch.clear();
            batch.shrink_to(CAPACITY_KEPT);
            let mut state = self.lock();
            state.taken = 0;
            if let Err(errno) = written {
                state.failed = Some(errno);
                state.text = Vec::new();
            }
            if state.is_done() {
                self.emptied.notify_all();
            }
        }
    }

    /// Waits for text and takes it, with the counts of what came after it; false at the end.
    fn take(&self, batch: &mut Vec<u8>) -> bool {
        let mut state = self.lock();
        loop {
            if state.failed.is_some() {
                return false;
            }
            state.tell_missed(self.missed);
            if !state.text.is_empty() || state.status.is_due() {
                let State { text, status, .. } = &mut *state;
                if status.is_in_use() {
                    status.compose(text, batch);
                } else {
                    std::mem::swap(text, batch);
                }
                state.taken = batch.len();
                return true;
            }
            if state.closed {
                return false;
            }
            state.waits = true;
            state = self
                .filled
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
            state.waits = false;
        }
    }

    fn write_batch(&self, sink: BorrowedFd<'_>, mut batch: &[u8]) -> Result<(), Errno> {
        while !batch.is_empty() {
            let next = batch.get(..WRITE_MAX).unwrap_or(batch);
            match rustix::io::write(sink, next) {
                Ok(0) => return Err(Errno::IO),
                Ok(written) => {
                    batch = batch.get(written..).unwrap_or_default();
                    self.lock().taken = batch.len();
                }
                Err(Errno::INTR) => {}
                // Somebody else who holds it has made it non-blocking.
                Err(Errno::AGAIN) => wait_for_room(sink)?,
                Err(errno) => return Err(errno),
            }
        }
        Ok(())
    }
}

fn wait_for_room(sink: BorrowedFd<'_>) -> Result<(), Errno> {
    match poll(&mut [PollFd::new(&sink, PollFlags::OUT)], None) {
        Ok(_) | Err(Errno::INTR) => Ok(()),
        Err(errno) => Err(errno),
    }
}

#[cfg(test)]
mod tests {
    use std::io::{PipeWriter, Read, Write};

    use super::*;

    const LONG: Duration = Duration::from_secs(20);

    fn missed(kind: Kind, count: u64, to: &mut Vec<u8>) {
        let _ = writeln!(to, "missed {count} {kind:?}");
    }

    fn start(sink: PipeWriter, bytes_max: usize) -> Queue {
        Queue::start(sink, bytes_max, missed).unwrap()
    }

    fn push(queue: &Queue, line: &str) {
        queue.push(Kind::Line, |to| to.extend_from_slice(line.as_bytes()));
    }

    #[test]
    fn text_comes_out_in_order_and_at_once() {
        let (mut reader, writer) = io::pipe().unwrap();
        let queue = start(writer, 1000);
        push(&queue, "first\n");
        let mut buffer = [0; 6];
        reader.read_exact(&mut buffer).unwrap();
        assert_eq!(&buffer, b"first\n");
        push(&queue, "second\n");
        push(&queue, "third\n");
        assert!(queue.flush(LONG));
        drop(queue);
        let mut rest = String::new();
        reader.read_to_string(&mut rest).unwrap();
        assert_eq!(rest, "second\nthird\n");
    }

    #[test]
    fn what_does_not_fit_is_counted_exactly_and_nobody_waits() {
        const LINES: u64 = 20_000;
        let (mut reader, writer) = io::pipe().unwrap();
        // Smaller than the queue, so that both are full whoever runs first.
        rustix::pipe::fcntl_setpipe_size(&writer, 4096).unwrap();
        let queue = start(writer, 8192);
        for number in 0..LINES {
            let kind = if number % 2 == 0 {
                Kind::Line
            } else {
                Kind::Event
            };
            queue.push(kind, |to| {
                let _ = writeln!(to, "{number:060} {kind:?}");
            });
        }
        assert!(!queue.flush(Duration::from_millis(1)));
        let reading = thread::spawn(move || {
            let mut all = String::new();
            reader.read_to_string(&mut all).map(|_| all)
        });
        assert!(queue.flush(LONG));
        push(&queue, "last\n");
        drop(queue);
        let all = reading.join().unwrap().unwrap();
        let count = |kind: &str| {
            let plain = all
                .lines()
                .filter(|line| line.starts_with('0') && line.ends_with(kind));
            let missed: u64 = all
                .lines()
                .filter_map(|line| line.strip_prefix("missed ")?.strip_suffix(kind))
                .map(|count| count.trim().parse::<u64>().unwrap())
                .sum();
            assert!(missed > 0);
            plain.count() as u64 + missed
        };
        assert_eq!(count("Line"), LINES / 2);
        assert_eq!(count("Event"), LINES / 2);
        assert!(all.ends_with("\nlast\n"), "{all}");
    }

    #[test]
    fn the_count_stands_before_what_comes_later() {
        let (mut reader, writer) = io::pipe().unwrap();
        let queue = start(writer, 8192);
        let full = "x".repeat(99) + "\n";
        for _ in 0..2000 {
            push(&queue, &full);
        }
        let reading = thread::spawn(move || {
            let mut all = String::new();
            reader.read_to_string(&mut all).map(|_| all)
        });
        assert!(queue.flush(LONG));
        push(&queue, "after\n");
        drop(queue);
        let all = reading.join().unwrap().unwrap();
        let (missed, after) = (all.find("missed").unwrap(), all.find("after").unwrap());
        assert!(missed < after);
    }

    #[test]
    fn a_text_larger_than_the_queue_is_missed() {
        let (mut reader, writer) = io::pipe().unwrap();
        let queue = start(writer, 1000);
        queue.push(Kind::Block, |to| to.resize(5000, b'x'));
        assert!(queue.flush(LONG));
        drop(queue);
        let mut all = String::new();
        reader.read_to_string(&mut all).unwrap();
        assert_eq!(all, "missed 1 Block\n");
    }

    #[test]
    fn without_a_reader_it_is_quiet() {
        let (reader, writer) = io::pipe().unwrap();
        drop(reader);
        let queue = start(writer, 1000);
        assert_eq!(queue.failed(), None);
        push(&queue, "nobody reads this\n");
        assert!(!queue.flush(LONG));
        assert_eq!(queue.failed(), Some(Errno::PIPE));
        push(&queue, "nor this\n");
        assert!(!queue.flush(LONG));
    }

    #[test]
    fn a_full_device_is_remembered() {
        let full = std::fs::File::options()
            .write(true)
            .open("/dev/full")
            .unwrap();
        let queue = Queue::start(full, 1000, missed).unwrap();
        push(&queue, "x");
        assert!(!queue.flush(LONG));
        assert_eq!(queue.failed(), Some(Errno::NOSPC));
    }

    #[test]
    fn a_descriptor_that_somebody_made_non_blocking_loses_nothing() {
        let (mut reader, writer) = io::pipe().unwrap();
        rustix::io::ioctl_fionbio(&writer, true).unwrap();
        let queue = start(writer, 1024 * 1024);
        push(&queue, &"x".repeat(300_000));
        let mut all = vec![0; 300_000];
        reader.read_exact(&mut all).unwrap();
        assert!(queue.flush(LONG));
    }
}
