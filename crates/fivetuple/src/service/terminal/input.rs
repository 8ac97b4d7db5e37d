//! From a reader to every client: one log of chunks, read by each client at its own place.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::thread;
use std::time::Duration;

use super::log::{Log, Payload};
use super::newlines::Newlines;
use super::{QUEUE_MAX, Slow};
use crate::call::Errno;
use crate::transfer::{Flow, LentPipe, Patient, Pipes, is_refused};

/// Bytes that one read of the reader takes at most.
const READ: usize = 64 * 1024;

/// A reader whose bytes go to every client that is connected when they are read.
///
/// It is read only while somebody is connected, and not while 256 KiB wait: bulk for one client may
/// be 1 MiB more, and another that is being sent.
#[derive(Clone, Debug)]
pub struct Input {
    source: Source,
    interactive: bool,
}

#[derive(Clone, Debug)]
enum Source {
    Shared(Arc<Shared>),
    File(Arc<File>),
}

#[derive(Debug)]
struct Shared {
    log: Mutex<Log>,
    /// Somebody joined, or took something.
    changed: Condvar,
    slow: Slow,
}

impl Input {
    /// How long one client that takes nothing may hold back the reader while others wait.
    pub const STALL: Duration = Duration::from_secs(10);

    /// Starts a thread that reads from `reader` as soon as somebody is connected.
    ///
    /// `interactive` says that a person types there; `crlf` turns each LF without a CR before it
    /// into CR LF.
    ///
    /// # Errors
    ///
    /// No thread can be started.
    pub fn new(
        reader: impl Read + Send + 'static,
        interactive: bool,
        crlf: bool,
        slow: Slow,
    ) -> std::io::Result<Self> {
        let shared = Shared::new(slow);
        let of_thread = Arc::clone(&shared);
        start(move || of_thread.read_all(reader, crlf, None))?;
        Ok(Self {
            source: Source::Shared(shared),
            interactive,
        })
    }

    /// Starts a thread that reads from a file, a pipe or whatever else has a descriptor; while one
    /// client alone is connected, bulk gets to it without a copy.
    ///
    /// # Errors
    ///
    /// No thread can be started.
    pub fn of_file(file: File, slow: Slow) -> std::io::Result<Self> {
        let shared = Shared::new(slow);
        let of_thread = Arc::clone(&shared);
        let stdin = Patient::new(file.try_clone()?);
        // What is in a pipe cannot be thrown away in part.
        let bulk = (slow == Slow::Block).then(|| Bulk::new(Patient::new(file)));
        start(move || of_thread.read_all(stdin, false, bulk))?;
        Ok(Self {
            source: Source::Shared(shared),
            interactive: false,
        })
    }

    /// A regular file for one connection alone, from where it stands to its end. The task of the
    /// connection has the kernel send it (sendfile(2)), or reads it: it waits where the file system
    /// does.
    pub fn to_one(file: File) -> Self {
        Self {
            source: Source::File(Arc::new(file)),
            interactive: false,
        }
    }

    /// Its end is one even before its first byte: somebody wants to send an empty file.
    #[must_use]
    pub fn never_absent(self) -> Self {
        if let Source::Shared(shared) = &self.source {
            shared.lock().any = true;
        }
        self
    }

    pub(super) fn is_interactive(&self) -> bool {
        self.interactive
    }

    /// What a client gets from here on.
    pub(super) fn join(&self) -> Feed {
        match &self.source {
            Source::Shared(shared) => Feed::Reader(Shared::join(shared)),
            Source::File(file) => Feed::File(Arc::clone(file)),
        }
    }
}

/// What one client gets.
#[derive(Debug)]
pub(super) enum Feed {
    Reader(Reader),
    File(Arc<File>),
}

impl Shared {
    fn join(shared: &Arc<Self>) -> Reader {
        let mut log = shared.lock();
        // What was read when nobody was there any more goes to the next who comes.
        let (next, seen) = if log.readers == 0 {
            for chunk in &mut log.chunks {
                chunk.waited_for = 1;
            }
            (log.first, log.bytes_before)
        } else {
            (log.end(), log.bytes_before + log.bytes as u64)
        };
        log.readers += 1;
        log.joined += 1;
        shared.changed.notify_all();
        Reader {
            shared: Arc::clone(shared),
            number: log.joined,
            next,
            seen,
        }
    }
}

fn start(work: impl FnOnce() + Send + 'static) -> std::io::Result<()> {
    thread::Builder::new().name("input".into()).spawn(work)?;
    Ok(())
}

impl Shared {
    fn new(slow: Slow) -> Arc<Self> {
        Arc::new(Self {
            log: Mutex::default(),
            changed: Condvar::new(),
            slow,
        })
    }

    fn lock(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read_all(&self, mut reader: impl Read, crlf: bool, mut bulk: Option<Bulk>) {
        let mut buffer = vec![0; READ];
        let mut newlines = Newlines::default();
        loop {
            self.wait_for_room();
            if let Some(splicing) = bulk.as_mut()
                && splicing.flow.is_bulk()
                && self.lock().readers == 1
            {
                match splicing.fill() {
                    Ok(Some(filled)) if filled.is_empty() => break,
                    Ok(Some(filled)) => {
                        self.publish_pipe(filled);
                        continue;
                    }
                    Ok(None) => {}
                    Err(errno) if is_refused(errno) => bulk = None,
                    // To read it tells what is wrong.
                    Err(_) => splicing.flow.note_no_pipe(),
                }
            }
            match reader.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => {
                    if let Some(splicing) = &mut bulk {
                        splicing.flow.note_read(count == READ);
                    }
                    let bytes = buffer.get(..count).unwrap_or_default();
                    if crlf {
                        self.publish(newlines.with_cr(bytes).into());
                    } else {
                        self.publish(bytes.into());
                    }
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // What cannot be read counts as ended.
                Err(_) => break,
            }
        }
        let mut log = self.lock();
        log.ended = true;
        log.wake_all();
    }

    /// Waits until somebody is connected and the log has room, or makes room.
    fn wait_for_room(&self) {
        let mut log = self.lock();
        loop {
            if log.readers > 0 && log.bytes < QUEUE_MAX {
                return;
            }
            if log.readers == 0 {
                log = self
                    .changed
                    .wait(log)
                    .unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            if self.slow == Slow::DropOldest {
                log.drop_first();
                continue;
            }
            let before = (log.first, log.sent_of_pipes);
            log = self
                .changed
                .wait_timeout_while(log, Input::STALL, |log| {
                    log.readers > 0 && log.bytes >= QUEUE_MAX
                })
                .unwrap_or_else(PoisonError::into_inner)
                .0;
            let stalled = (log.first, log.sent_of_pipes) == before && log.bytes >= QUEUE_MAX;
            if stalled && (log.readers > 1 || self.slow == Slow::Close) {
                log.drop_first();
            }
        }
    }

    fn publish(&self, bytes: Arc<[u8]>) {
        let length = bytes.len();
        self.lock().push(Payload::Bytes(bytes), length);
    }

    fn publish_pipe(&self, mut filled: LentPipe) {
        let mut log = self.lock();
        let length = filled.len();
        if log.readers <= 1 {
            return log.push(Payload::Pipe(Some(filled)), length);
        }
        // Another has come meanwhile, and a pipe can be read once.
        let mut bytes = Vec::with_capacity(length);
        filled.pour(|part| bytes.extend_from_slice(part));
        log.push(Payload::Bytes(bytes.into()), length);
    }
}

/// What comes in bulk is spliced.
#[derive(Debug)]
struct Bulk {
    file: Patient,
    pipes: Arc<Pipes>,
    flow: Flow,
}

impl Bulk {
    fn new(file: Patient) -> Self {
        Self {
            file,
            pipes: Arc::default(),
            flow: Flow::default(),
        }
    }

    /// The next bytes, or an empty pipe at the end; none if there is no pipe to be had.
    fn fill(&mut self) -> Result<Option<LentPipe>, Errno> {
        let Some(mut lent) = self.pipes.lend() else {
            self.flow.note_no_pipe();
            return Ok(None);
        };
        let count = lent.fill(&self.file)?;
        self.flow.note_spliced(count);
        self.flow.note_dry();
        Ok(Some(lent))
    }
}

/// What a reader gets next.
#[derive(Debug)]
pub(super) enum Next {
    Bytes(Arc<[u8]>),
    Pipe(LentPipe),
    /// So many bytes were thrown away before this reader took them.
    Missed(u64),
    /// It was too slow, and the policy is to close it.
    CutOff,
    Ended,
    /// Ended without a single byte.
    Absent,
}

/// One client's place in the log.
#[derive(Debug)]
pub(super) struct Reader {
    shared: Arc<Shared>,
    number: u64,
    /// The number of the chunk that it takes next.
    next: u64,
    /// Bytes of the log before that chunk.
    seen: u64,
}

impl Reader {
    /// Ready when it was too slow and the policy is to close it. Asked for while it takes nothing,
    /// too: who is stuck would never come to ask for the next bytes.
    /// Tells how far behind it was, and the policy.
    pub(super) fn poll_cut_off(&self, cx: &mut Context<'_>) -> Poll<(u64, Slow)> {
        let mut log = self.shared.lock();
        if self.shared.slow != Slow::DropOldest && self.next < log.first {
            let end = log.bytes_before + log.bytes as u64;
            return Poll::Ready((end.saturating_sub(self.seen), self.shared.slow));
        }
        log.wakers.insert(self.number, cx.waker().clone());
        Poll::Pending
    }

    /// So many bytes of a pipe that it has taken are sent: it is slow perhaps, but not stuck.
    pub(super) fn note_sent(&self, count: usize) {
        self.shared.lock().sent_of_pipes += count as u64;
    }

    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Next> {
        let mut log = self.shared.lock();
        if self.next < log.first {
            if self.shared.slow != Slow::DropOldest {
                return Poll::Ready(Next::CutOff);
            }
            let missed = log.bytes_before.saturating_sub(self.seen);
            self.next = log.first;
            self.seen = log.bytes_before;
            return Poll::Ready(Next::Missed(missed));
        }
        let index = log.index(self.next);
        let Some(chunk) = log.chunks.get_mut(index) else {
            return match (log.ended, log.any) {
                (true, true) => Poll::Ready(Next::Ended),
                (true, false) => Poll::Ready(Next::Absent),
                (false, _) => {
                    log.wakers.insert(self.number, cx.waker().clone());
                    Poll::Pending
                }
            };
        };
        let next = match &mut chunk.payload {
            Payload::Bytes(bytes) => Next::Bytes(Arc::clone(bytes)),
            Payload::Pipe(filled) => match filled.take() {
                Some(filled) => Next::Pipe(filled),
                None => Next::Missed(chunk.length as u64),
            },
        };
        self.next += 1;
        self.seen += chunk.length as u64;
        log.taken(index);
        log.drop_taken();
        self.shared.changed.notify_all();
        Poll::Ready(next)
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let mut log = self.shared.lock();
        for index in log.index(self.next)..log.chunks.len() {
            log.taken(index);
        }
        log.readers -= 1;
        log.wakers.remove(&self.number);
        log.drop_taken();
        self.shared.changed.notify_all();
    }
}
