//! Writes what one connection received, away from the event loop.
//!
//! Bytes wait in a bounded queue. While there are any, one job of this connection is with tokio's
//! blocking threads: it takes all that waits, writes it, and looks again. There is never more than
//! one, so the bytes keep their order, and an idle connection has none and holds no buffer.

use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use super::super::digest::{Digest, Digesting};
use super::place::{Destination, Partial};
use crate::call::{Call, Errno, FileError};
use crate::transfer::SCRATCH;

/// Bytes that wait for the disk, per connection; as many again are being written.
const QUEUE_MAX: usize = 4 * SCRATCH;

/// The file of one connection.
pub(super) struct Writer(Arc<Shared>);

struct Shared {
    destination: Arc<Destination>,
    name: OsString,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    waiting: Vec<u8>,
    /// A job is on its way or at work.
    busy: bool,
    /// The peer has finished: after what waits, the file is complete.
    finish: bool,
    /// Made for the first byte, or for the end of a file without any; with the job while it works.
    partial: Option<Partial>,
    digesting: Option<Digesting>,
    /// Where the file stands.
    path: Option<PathBuf>,
    written: u64,
    complete: bool,
    failed: Option<FileError>,
    /// Whoever could go on is gone.
    left: bool,
    waker: Option<Waker>,
}

/// What became of it.
pub(super) struct Outcome {
    pub(super) path: Option<PathBuf>,
    pub(super) bytes: u64,
    pub(super) complete: bool,
    pub(super) digest: Option<Digest>,
}

impl Writer {
    pub(super) fn new(destination: Arc<Destination>, name: OsString, digest: bool) -> Self {
        Self(Arc::new(Shared {
            destination,
            name,
            state: Mutex::new(State {
                digesting: digest.then(Digesting::default),
                ..State::default()
            }),
        }))
    }

    pub(super) fn push(&self, bytes: &[u8]) {
        let mut state = self.0.lock();
        if state.failed.is_none() {
            state.waiting.extend_from_slice(bytes);
            self.start(state);
        }
    }

    /// There will be no more bytes: writes what waits and completes the file.
    pub(super) fn finish(&self) {
        let mut state = self.0.lock();
        state.finish = true;
        if state.failed.is_none() {
            self.start(state);
        }
    }

    fn start(&self, mut state: MutexGuard<'_, State>) {
        if !state.busy {
            state.busy = true;
            drop(state);
            let shared = Arc::clone(&self.0);
            tokio::task::spawn_blocking(move || shared.work());
        }
    }

    /// Room in the queue; `None` when it has failed.
    pub(super) fn poll_room(&self, cx: &mut Context<'_>) -> Poll<Option<usize>> {
        let mut state = self.0.lock();
        if state.failed.is_some() {
            return Poll::Ready(None);
        }
        // Room for a whole read, so that a slow disk does not make reads of a few bytes.
        if state.waiting.len() + SCRATCH > QUEUE_MAX {
            return state.wait(cx);
        }
        Poll::Ready(Some(SCRATCH))
    }

    /// Ready when nothing is owed to the file: whether it has not failed.
    pub(super) fn poll_written(&self, cx: &mut Context<'_>) -> Poll<bool> {
        let mut state = self.0.lock();
        if state.failed.is_some() {
            Poll::Ready(false)
        } else if state.busy {
            state.wait(cx)
        } else {
            Poll::Ready(true)
        }
    }

    /// Ready when the file has its name.
    pub(super) fn poll_complete(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.0.lock();
        if state.complete {
            Poll::Ready(())
        } else {
            state.wait(cx)
        }
    }

    pub(super) fn failure(&self) -> Option<FileError> {
        self.0.lock().failed.clone()
    }

    /// The connection is over. A file that is being completed right now may still get its name.
    pub(super) fn leave(&self) -> Outcome {
        let mut state = self.0.lock();
        state.left = true;
        Outcome {
            path: state.path.clone(),
            bytes: state.written,
            complete: state.complete,
            digest: state
                .digesting
                .as_ref()
                .filter(|_| state.complete)
                .map(Digesting::digest),
        }
    }
}

impl State {
    fn wait<T>(&mut self, cx: &Context<'_>) -> Poll<T> {
        self.waker = Some(cx.waker().clone());
        Poll::Pending
    }
}

/// What a job does next.
enum Turn {
    Write,
    Complete,
    Rest,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A job: everything that can be done now.
    fn work(&self) {
        let mut bytes = Vec::new();
        let (mut partial, mut digesting) = {
            let mut state = self.lock();
            (state.partial.take(), state.digesting.take())
        };
        loop {
            let turn = {
                let mut state = self.lock();
                let turn = match (state.waiting.is_empty(), state.finish) {
                    (false, _) => Turn::Write,
                    (true, true) if !state.complete && !state.left => Turn::Complete,
                    (true, _) => Turn::Rest,
                };
                if matches!(turn, Turn::Rest) {
                    (state.partial, state.digesting) = (partial, digesting);
                    state.busy = false;
                    wake(state);
                    return;
                }
                std::mem::swap(&mut bytes, &mut state.waiting);
                // Room again: more may be received while this is written.
                wake(state);
                turn
            };
            let done = self.open(&mut partial).and_then(|partial| match &turn {
                Turn::Complete => self.complete(partial),
                Turn::Write | Turn::Rest => self.write(partial, &bytes),
            });
            if let Err(error) = done {
                let mut state = self.lock();
                state.failed = Some(error);
                state.waiting = Vec::new();
                state.busy = false;
                wake(state);
                return;
            }
            if matches!(turn, Turn::Complete) {
                // Closed here, where it may block.
                partial = None;
            }
            if let Some(digesting) = &mut digesting {
                digesting.push(&bytes);
            }
            bytes.clear();
        }
    }

    fn open<'a>(&self, partial: &'a mut Option<Partial>) -> Result<&'a mut Partial, FileError> {
        if partial.is_none() {
            let made = self.destination.create(&self.name)?;
            self.lock().path = Some(made.path(&self.destination));
            *partial = Some(made);
        }
        partial.as_mut().ok_or_else(|| {
            let path = self.destination.shown(&self.name);
            FileError::new(Call::Open, &path, Errno::BADF)
        })
    }

    fn write(&self, partial: &mut Partial, bytes: &[u8]) -> Result<(), FileError> {
        let mut left = bytes;
        while !left.is_empty() {
            let errno = match partial.file.write(left) {
                Ok(0) => Errno::IO,
                Ok(count) => {
                    left = left.get(count..).unwrap_or_default();
                    self.lock().written += count as u64;
                    continue;
                }
                Err(error) => Errno::from_io_error(&error).unwrap_or(Errno::IO),
            };
            if errno != Errno::INTR {
                let path = partial.path(&self.destination);
                return Err(FileError::new(Call::Write, &path, errno));
            }
        }
        Ok(())
    }

    fn complete(&self, partial: &Partial) -> Result<(), FileError> {
        let path = self.destination.complete(partial)?;
        let mut state = self.lock();
        state.path = Some(path);
        state.complete = true;
        Ok(())
    }
}

fn wake(mut state: MutexGuard<'_, State>) {
    let waker = state.waker.take();
    drop(state);
    if let Some(waker) = waker {
        waker.wake();
    }
}
