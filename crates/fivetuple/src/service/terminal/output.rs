//! From all clients to one writer: a bounded queue of bytes in the order of arrival.
//!
//! Bulk for a file or a pipe comes in pipes, which the thread empties into it without a copy.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::thread;

use super::waiting::{Backlog, Target};
use super::{QUEUE_MAX, SCRATCH, Slow};
use crate::call::{Errno, describe};
use crate::close::Close;
use crate::transfer::{Intake, LentPipe, Patient, Pipes};

/// Why nothing more is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OutputEnd {
    /// Whoever read what we write is gone (EPIPE).
    ReaderGone,
    /// Writing failed: no space, an I/O error. The text says which, and so does the errno, if
    /// the writer gave one.
    Failed(String, Option<Errno>),
    /// Whoever runs us wants an end ([`Output::interrupt`]).
    Interrupted,
}

/// What an ended output means for the connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenGone {
    /// They are closed at once.
    Close,
    /// What comes is thrown away; a connection ends when there is nothing more to send either.
    /// And when the peer has finished, the writer is dropped, so that a program that reads from it
    /// finds the end.
    Discard,
}

/// A writer that takes what clients send.
#[derive(Clone, Debug)]
pub struct Output {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    queue: Mutex<Queue>,
    /// Something was pushed, or the output ended.
    pushed: Condvar,
    slow: Slow,
    when_gone: WhenGone,
    /// For bulk; none where it cannot be written from a pipe.
    pipes: Option<Arc<Pipes>>,
    /// It has turned out that it can not.
    copies: AtomicBool,
    /// There is no thread: what is given to it is gone.
    discards: bool,
}

#[derive(Debug, Default)]
struct Queue {
    waiting: Backlog,
    /// All bytes ever pushed, and all that are written (or thrown away).
    pushed: u64,
    done: u64,
    /// Bytes that are being written, and bytes thrown away behind them meanwhile.
    writing: u64,
    dropped: u64,
    /// No more will be pushed: the writer is dropped after the last byte.
    finished: bool,
    end: Option<OutputEnd>,
    /// When it ended, some bytes were not written.
    lost: bool,
    /// Connections so far; each is known here by its number among them.
    joined: u64,
    /// Who waits for room, or until its bytes are written.
    waiting_for: HashMap<u64, Waker>,
    /// Who only wants to hear of the end.
    watching: HashMap<u64, Waker>,
    owner: Option<Waker>,
}

impl Output {
    /// Starts a thread that writes to `writer`.
    ///
    /// # Errors
    ///
    /// No thread can be started.
    pub fn new(
        writer: impl Write + Send + 'static,
        slow: Slow,
        when_gone: WhenGone,
    ) -> io::Result<Self> {
        Self::start(Target::Writer(Box::new(writer)), None, (slow, when_gone))
    }

    /// Starts a thread that writes to a file, a pipe or whatever else has a descriptor; while
    /// nothing may be thrown away, bulk gets there without a copy.
    ///
    /// # Errors
    ///
    /// No thread can be started.
    pub fn of_file(file: File, slow: Slow, when_gone: WhenGone) -> io::Result<Self> {
        // What is in a pipe cannot be thrown away in part.
        let pipes = (slow == Slow::Block).then(Arc::default);
        Self::start(Target::File(Patient::new(file)), pipes, (slow, when_gone))
    }

    fn start(
        target: Target,
        pipes: Option<Arc<Pipes>>,
        (slow, when_gone): (Slow, WhenGone),
    ) -> io::Result<Self> {
        let shared = Arc::new(Shared::new(pipes, (slow, when_gone)));
        let of_thread = Arc::clone(&shared);
        thread::Builder::new()
            .name("output".into())
            .spawn(move || of_thread.write_all(target))?;
        Ok(Self { shared })
    }

    /// Takes everything and keeps nothing (/dev/null): what comes does not have to be fetched.
    pub fn discarding() -> Self {
        Self {
            shared: Arc::new(Shared {
                discards: true,
                ..Shared::new(None, (Slow::Block, WhenGone::Close))
            }),
        }
    }

    /// How it wants what comes.
    pub(super) fn intake(&self) -> Intake<'_> {
        match &self.shared.pipes {
            _ if self.shared.discards => Intake::Nothing,
            Some(pipes) if !self.shared.copies.load(Ordering::Relaxed) => Intake::Pipes(pipes),
            _ => Intake::Bytes,
        }
    }

    /// Why nothing more is written, once that is so.
    pub fn end(&self) -> Option<OutputEnd> {
        self.shared.lock().end.clone()
    }

    /// Waits until nothing more is written.
    pub async fn ended(&self) -> OutputEnd {
        std::future::poll_fn(|cx| {
            let mut queue = self.shared.lock();
            match &queue.end {
                Some(end) => Poll::Ready(end.clone()),
                None => {
                    queue.owner = Some(cx.waker().clone());
                    Poll::Pending
                }
            }
        })
        .await
    }

    /// Says that the reader is gone, for whoever finds it out before a write does.
    pub fn note_reader_gone(&self) {
        self.shared.end(OutputEnd::ReaderGone);
    }

    /// Ends all connections in order, but now: what is not written yet is thrown away.
    pub fn interrupt(&self) {
        self.shared.end(OutputEnd::Interrupted);
    }

    /// The number by which a connection is known here.
    pub(in crate::service) fn join(&self) -> u64 {
        let mut queue = self.shared.lock();
        queue.joined += 1;
        queue.joined
    }

    /// Appends; returns the place of the last byte and how many older bytes were thrown away.
    ///
    /// # Errors
    ///
    /// There was no room, and the policy is to close who would write all the same: how many bytes
    /// the writer is behind.
    pub(in crate::service) fn push(&self, bytes: &[u8]) -> Result<(u64, u64), u64> {
        let mut queue = self.shared.lock();
        if self.shared.slow == Slow::Close && queue.waiting.bytes() >= QUEUE_MAX {
            return Err(queue.waiting.bytes() as u64);
        }
        queue.pushed += bytes.len() as u64;
        if queue.end.is_some() || self.shared.discards {
            queue.done += bytes.len() as u64;
            return Ok((queue.pushed, 0));
        }
        let mut dropped = 0;
        if self.shared.slow == Slow::DropOldest {
            let over = (queue.waiting.bytes() + bytes.len()).saturating_sub(QUEUE_MAX);
            dropped = queue.waiting.drop_oldest(over);
            if queue.writing > 0 {
                queue.dropped += dropped as u64;
            } else {
                queue.done += dropped as u64;
            }
        }
        queue.waiting.append(bytes);
        self.shared.pushed.notify_one();
        Ok((queue.pushed, dropped as u64))
    }

    /// Appends what is in a pipe; returns the place of its last byte.
    pub(super) fn push_pipe(&self, filled: LentPipe) -> u64 {
        let mut queue = self.shared.lock();
        queue.pushed += filled.len() as u64;
        if queue.end.is_some() {
            queue.done += filled.len() as u64;
        } else {
            queue.waiting.append_pipe(filled);
            self.shared.pushed.notify_one();
        }
        queue.pushed
    }

    /// How many bytes it takes now; `Pending` while that is less than `least`.
    pub(in crate::service) fn poll_room(
        &self,
        cx: &mut Context<'_>,
        who: u64,
        least: usize,
    ) -> Poll<Result<usize, Close>> {
        let mut queue = self.shared.lock();
        if let Some(end) = &queue.end {
            return Poll::Ready(match self.shared.close_for(end, queue.lost) {
                Some(close) => Err(close),
                None => Ok(SCRATCH),
            });
        }
        let room = QUEUE_MAX.saturating_sub(queue.waiting.bytes());
        match self.shared.slow {
            Slow::DropOldest => Poll::Ready(Ok(SCRATCH)),
            // Who has nothing to write is not concerned: only a byte that comes shows who has.
            Slow::Close => Poll::Ready(Ok(room.max(least))),
            Slow::Block if room < least => {
                queue.waiting_for.insert(who, cx.waker().clone());
                Poll::Pending
            }
            Slow::Block => Poll::Ready(Ok(room)),
        }
    }

    /// Ready when everything up to `mark` is written. `ended`: there is nothing more to send.
    pub(in crate::service) fn poll_delivered(
        &self,
        cx: &mut Context<'_>,
        (who, mark): (u64, u64),
        ended: bool,
    ) -> Poll<Result<(), Close>> {
        let mut queue = self.shared.lock();
        if let Some(end) = &queue.end {
            return Poll::Ready(match self.shared.close_for(end, queue.lost) {
                Some(close) => Err(close),
                None if ended => Err(Close::Linger),
                None => Ok(()),
            });
        }
        if queue.done >= mark {
            // The end of the output is heard of even when nothing is owed.
            queue.watching.insert(who, cx.waker().clone());
            return Poll::Ready(Ok(()));
        }
        queue.waiting_for.insert(who, cx.waker().clone());
        Poll::Pending
    }

    pub(super) fn is_of_a_program(&self) -> bool {
        self.shared.when_gone == WhenGone::Discard
    }

    pub(super) fn peer_finished(&self) {
        if self.is_of_a_program() {
            self.shared.lock().finished = true;
            self.shared.pushed.notify_one();
        }
    }

    pub(in crate::service) fn forget(&self, who: u64) {
        let mut queue = self.shared.lock();
        queue.waiting_for.remove(&who);
        queue.watching.remove(&who);
    }
}

impl Shared {
    fn new(pipes: Option<Arc<Pipes>>, (slow, when_gone): (Slow, WhenGone)) -> Self {
        Self {
            queue: Mutex::default(),
            pushed: Condvar::new(),
            slow,
            when_gone,
            pipes,
            copies: AtomicBool::new(false),
            discards: false,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write_all(&self, mut target: Target) {
        loop {
            let mut waiting = {
                let mut queue = self
                    .pushed
                    .wait_while(self.lock(), |queue| {
                        queue.waiting.is_empty() && queue.end.is_none() && !queue.finished
                    })
                    .unwrap_or_else(PoisonError::into_inner);
                if queue.end.is_some() {
                    return;
                }
                let Some(waiting) = queue.waiting.take() else {
                    return;
                };
                queue.writing = waiting.len() as u64;
                // Room again: who was held back may read on while this is written.
                queue.wake();
                waiting
            };
            match target.write(&mut waiting) {
                Ok(copied) => {
                    self.copies.fetch_or(copied, Ordering::Relaxed);
                    let mut queue = self.lock();
                    queue.waiting.keep_memory(waiting);
                    queue.done += queue.writing + queue.dropped;
                    (queue.writing, queue.dropped) = (0, 0);
                    queue.wake();
                }
                Err(error) if error.kind() == ErrorKind::BrokenPipe => {
                    return self.end(OutputEnd::ReaderGone);
                }
                Err(error) => {
                    let errno = Errno::from_io_error(&error);
                    return self.end(OutputEnd::Failed(describe(&error), errno));
                }
            }
        }
    }

    /// How connections close when the output has ended in this way; `None` goes on without it.
    /// A reader that has taken everything and gone (tar at the end of an archive) has lost nothing,
    /// and neither has the peer, if it sends no more.
    fn close_for(&self, end: &OutputEnd, lost: bool) -> Option<Close> {
        match (end, self.when_gone) {
            (OutputEnd::Interrupted, _) => Some(Close::Release),
            (OutputEnd::ReaderGone, WhenGone::Close) if !lost => Some(Close::Leave),
            (_, WhenGone::Close) => Some(Close::Abort),
            (_, WhenGone::Discard) => None,
        }
    }

    fn end(&self, end: OutputEnd) {
        let mut queue = self.lock();
        if queue.end.is_none() {
            queue.lost = queue.writing > 0 || !queue.waiting.is_empty();
            queue.end = Some(end);
        }
        queue.done = queue.pushed;
        queue.waiting = Backlog::default();
        queue.wake();
        for (_, waker) in queue.watching.drain() {
            waker.wake();
        }
        if let Some(owner) = queue.owner.take() {
            owner.wake();
        }
        self.pushed.notify_one();
    }
}

impl Queue {
    /// Wakes whoever waits for something that a write brings.
    fn wake(&mut self) {
        for (_, waker) in self.waiting_for.drain() {
            waker.wake();
        }
    }
}
