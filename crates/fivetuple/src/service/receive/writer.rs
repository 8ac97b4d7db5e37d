//! Writes what one connection received, away from the event loop.
//!
//! Bytes wait in a bounded queue. While there are any, one job of this connection is with tokio's
//! blocking threads: it takes all that waits, writes it, and looks again. There is never more than
//! one, so the bytes keep their order, and an idle connection has none and holds no buffer. A job
//! whose client is faster than its disk gives its thread to the next one from time to time: there
//! may be more connections than threads.
//!
//! Whoever is the last to touch the file tells what became of it: the connection when it ends, or
//! the job that is at work then. What is told is so what stands on the disk.

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

/// What one job writes before others have its thread.
const TURN_MAX: usize = 4 * QUEUE_MAX;

/// Hears what became of the file.
pub(super) type Tell = Box<dyn FnOnce(Outcome) + Send>;

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
    /// For the job to call when it stops; the connection is gone.
    tell: Option<Tell>,
    waker: Option<Waker>,
}

/// What became of it.
pub(super) struct Outcome {
    pub(super) path: Option<PathBuf>,
    pub(super) bytes: u64,
    pub(super) complete: bool,
    pub(super) failed: Option<FileError>,
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
            Arc::clone(&self.0).spawn();
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

    /// The connection is over: what still waits is not written. `tell` is called once, now or by
    /// the job that is at work. A file that is being completed may still get its name.
    pub(super) fn leave(&self, tell: Tell) {
        let mut state = self.0.lock();
        state.left = true;
        state.waiting = Vec::new();
        if state.busy {
            state.tell = Some(tell);
        } else {
            let outcome = state.outcome();
            drop(state);
            tell(outcome);
        }
    }
}

impl State {
    fn wait<T>(&mut self, cx: &Context<'_>) -> Poll<T> {
        self.waker = Some(cx.waker().clone());
        Poll::Pending
    }

    /// What a job does next that has written so many bytes.
    fn turn(&self, written: usize) -> Turn {
        match (self.waiting.is_empty(), self.finish) {
            (false, _) if written >= TURN_MAX => Turn::HandOver,
            (false, _) => Turn::Write,
            (true, true) if !self.complete && !self.left => Turn::Complete,
            (true, _) => Turn::Rest,
        }
    }

    fn outcome(&self) -> Outcome {
        let digesting = self.digesting.as_ref().filter(|_| self.complete);
        Outcome {
            path: self.path.clone(),
            bytes: self.written,
            complete: self.complete,
            failed: self.failed.clone(),
            digest: digesting.map(Digesting::digest),
        }
    }
}

/// What a job does next.
enum Turn {
    Write,
    Complete,
    /// Another job goes on, behind those that wait for a thread.
    HandOver,
    Rest,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn spawn(self: Arc<Self>) {
        tokio::task::spawn_blocking(move || self.work());
    }

    /// A job: everything that can be done now.
    fn work(self: Arc<Self>) {
        let mut bytes = Vec::new();
        let mut written = 0;
        let (mut partial, mut digesting) = {
            let mut state = self.lock();
            (state.partial.take(), state.digesting.take())
        };
        loop {
            let mut state = self.lock();
            let turn = state.turn(written);
            if let Turn::HandOver | Turn::Rest = turn {
                (state.partial, state.digesting) = (partial, digesting);
                if let Turn::Rest = turn {
                    rest(state);
                } else {
                    drop(state);
                    self.spawn();
                }
                return;
            }
            std::mem::swap(&mut bytes, &mut state.waiting);
            // Room again: more may be received while this is written.
            wake(state);
            let done = self.open(&mut partial).and_then(|partial| match turn {
                Turn::Complete => self.complete(partial),
                _ => self.write(partial, &bytes),
            });
            if let Err(error) = done {
                let mut state = self.lock();
                state.failed = Some(error);
                state.waiting = Vec::new();
                rest(state);
                return;
            }
            if let Turn::Complete = turn {
                // Closed here, where it may block.
                partial = None;
            }
            if let Some(digesting) = &mut digesting {
                digesting.push(&bytes);
            }
            written += bytes.len();
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

/// The job stops. If the connection has gone meanwhile, what became of the file is told here.
fn rest(mut state: MutexGuard<'_, State>) {
    state.busy = false;
    let tell = state.tell.take().map(|tell| (tell, state.outcome()));
    wake(state);
    if let Some((tell, outcome)) = tell {
        tell(outcome);
    }
}

fn wake(mut state: MutexGuard<'_, State>) {
    let waker = state.waker.take();
    drop(state);
    if let Some(waker) = waker {
        waker.wake();
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::{PipeReader, Read, pipe};
    use std::os::fd::OwnedFd;
    use std::sync::mpsc::{Receiver, channel};
    use std::time::Duration;

    use rustix::fs::{OFlags, fcntl_setfl};

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(60);

    fn on(file: File) -> Writer {
        let destination = Arc::new(Destination::directory(&std::env::temp_dir()).unwrap());
        let writer = Writer::new(destination, "file".into(), false);
        writer.0.lock().partial = Some(Partial::on(file, "file".as_ref()));
        writer
    }

    /// A writer whose disk is a full pipe, which takes nothing until somebody reads; how much there
    /// is in it.
    fn on_a_full_pipe() -> (Writer, PipeReader, usize) {
        let (reader, mut pipe) = pipe().unwrap();
        fcntl_setfl(&pipe, OFlags::NONBLOCK).unwrap();
        let mut full = 0;
        while let Ok(count) = pipe.write(&[0; 4096]) {
            full += count;
        }
        fcntl_setfl(&pipe, OFlags::empty()).unwrap();
        (on(OwnedFd::from(pipe).into()), reader, full)
    }

    /// Its job has taken something and waits for the disk.
    fn begin(writer: &Writer) -> usize {
        writer.push(&[b'x'; SCRATCH]);
        while !writer.0.lock().waiting.is_empty() {
            std::thread::yield_now();
        }
        SCRATCH
    }

    /// Gives the writer as much as it takes before its disk does; says how much.
    fn fill(writer: &Writer) -> usize {
        let mut cx = Context::from_waker(Waker::noop());
        let mut pushed = 0;
        while let Poll::Ready(room) = writer.poll_room(&mut cx) {
            let bytes = vec![b'x'; room.unwrap()];
            writer.push(&bytes);
            pushed += bytes.len();
        }
        pushed
    }

    fn leave(writer: &Writer) -> Receiver<Outcome> {
        let (tell, told) = channel();
        writer.leave(Box::new(move |outcome| tell.send(outcome).unwrap()));
        told
    }

    #[tokio::test]
    async fn a_disk_that_takes_nothing_holds_the_client_back_until_it_does() {
        let (writer, mut disk, full) = on_a_full_pipe();
        let pushed = begin(&writer) + fill(&writer);
        assert_eq!(pushed, SCRATCH + QUEUE_MAX);
        let reading = tokio::task::spawn_blocking(move || {
            disk.read_exact(&mut vec![0; full + pushed]).unwrap();
            disk
        });
        let room = std::future::poll_fn(|cx| writer.poll_room(cx)).await;
        assert_eq!(room, Some(SCRATCH));
        let _disk = reading.await.unwrap();
        assert!(std::future::poll_fn(|cx| writer.poll_written(cx)).await);
    }

    #[tokio::test]
    async fn a_connection_that_goes_while_its_disk_is_busy_is_told_of_when_it_is_not() {
        let (writer, mut disk, full) = on_a_full_pipe();
        begin(&writer);
        fill(&writer);
        let told = leave(&writer);
        assert!(told.try_recv().is_err(), "told while it is written");
        drop(writer);
        let mut stands = Vec::new();
        disk.read_to_end(&mut stands).unwrap();
        let outcome = told.recv_timeout(PATIENCE).unwrap();
        assert_eq!(outcome.bytes, (stands.len() - full) as u64);
        assert!(!outcome.complete && outcome.failed.is_none());
    }

    #[test]
    fn a_client_that_never_rests_lets_others_have_the_thread() {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.max_blocking_threads(1).build().unwrap();
        let _guard = runtime.enter();
        let (writer, mut disk, _) = on_a_full_pipe();
        // A disk that takes everything.
        let other = on(File::options().write(true).open("/dev/null").unwrap());
        begin(&writer);
        other.push(b"a few bytes");
        let mut read = 0;
        while other.0.lock().busy {
            // More waits than the job can write before it is looked at again.
            fill(&writer);
            disk.read_exact(&mut [0; SCRATCH]).unwrap();
            read += SCRATCH;
            assert!(read < 16 * TURN_MAX, "the other waits for ever");
        }
        assert_eq!(other.0.lock().written, 11);
    }

    #[tokio::test]
    async fn an_error_after_the_connection_has_gone_is_told_too() {
        let (writer, disk, _) = on_a_full_pipe();
        begin(&writer);
        fill(&writer);
        let told = leave(&writer);
        drop(disk);
        let outcome = told.recv_timeout(PATIENCE).unwrap();
        assert!(outcome.failed.is_some());
        assert_eq!(outcome.bytes, 0);
    }
}
