//! Pipes that bulk goes through: from a socket into the pipe and on to where it belongs, without a
//! copy (splice(2)).
//!
//! The memory of pipes is short: without privilege a user has 16,384 pages for all of them
//! (`pipe-user-pages-soft`, pipe(7)), 1,024 pipes of the usual size. So there are few, lent for as
//! long as bulk flows and given back when they are empty. Who gets none copies.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::{Duration, Instant};

use rustix::pipe::{
    PipeFlags, SpliceFlags, fcntl_getpipe_size, fcntl_setpipe_size, pipe_with, splice,
};

use super::{Patient, with_scratch};
use crate::call::Errno;

/// Pipes at most: of the wanted size, half of what a user without privilege may have. A server with
/// bulk on stdin and on stdout has two such stocks.
const PIPES_MAX: usize = 32;
/// Pipes that nobody has and that are kept for the next.
const IDLE_MAX: usize = 8;
/// The wanted size of a pipe, the largest that needs no privilege (`pipe-max-size`). One stream
/// through a relay took 0.26 s of CPU per GB with it, 0.28 with half of it, 0.35 with a quarter.
const WANTED: usize = 1024 * 1024;
/// A pipe that is smaller moves less with one call than a copy does: through one of 16 KiB a stream took
/// more CPU than copied, through one of 64 KiB a fifth less.
const LEAST: usize = 64 * 1024;
/// After the system has refused a pipe, nobody asks for so long.
const REST: Duration = Duration::from_secs(1);

/// Full reads in a row, with no look at an empty socket between them, after which bytes count as bulk. A
/// message of 128 KiB through a relay took 49 µs of CPU so, 68 where three were asked for, and where the
/// relay is about as fast as the source hardly ever are there three.
const FULL_READS: u8 = 2;
/// What brings less than this before nothing is left is no bulk any more: so much costs the same copied
/// and spliced.
const BULK_LEAST: usize = 64 * 1024;

/// Whether bytes of one direction come in bulk, so that a pipe is worth its calls.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Flow {
    /// Reads in a row that filled the buffer.
    full_reads: u8,
    /// Bytes through pipes since nothing was left.
    spliced: usize,
}

impl Flow {
    pub(crate) fn is_bulk(self) -> bool {
        self.full_reads >= FULL_READS
    }

    /// Bytes were read into a buffer, and filled it or did not.
    pub(crate) fn note_read(&mut self, is_full: bool) {
        self.full_reads = match is_full {
            true => self.full_reads.saturating_add(1),
            false => 0,
        };
    }

    /// So many bytes went into a pipe.
    pub(crate) fn note_spliced(&mut self, count: usize) {
        self.spliced = self.spliced.saturating_add(count);
    }

    /// Nothing is left for now. Messages that each fill the buffer are no bulk by that; where
    /// nothing has come since it was said last, it says nothing new of what is bulk.
    pub(crate) fn note_dry(&mut self) {
        let spliced = std::mem::take(&mut self.spliced);
        let is_little = spliced > 0 && spliced < BULK_LEAST;
        if is_little || !self.is_bulk() {
            self.full_reads = 0;
        }
    }

    /// Notes a look at a socket, if it found nothing, and hands on what it found.
    pub(crate) fn looked<T>(&mut self, found: Poll<T>) -> Poll<T> {
        if found.is_pending() {
            self.note_dry();
        }
        found
    }

    /// No pipe is to be had; it is asked for again after as many full reads.
    pub(crate) fn note_no_pipe(&mut self) {
        self.full_reads = 0;
    }
}

/// A bounded number of pipes, shared by all who move bulk.
#[derive(Debug, Default)]
pub struct Pipes {
    stock: Mutex<Stock>,
}

#[derive(Debug, Default)]
struct Stock {
    idle: Vec<Pipe>,
    /// Idle ones and lent ones.
    made: usize,
    refused: Option<Instant>,
}

#[derive(Debug)]
struct Pipe {
    read: OwnedFd,
    write: OwnedFd,
    size: usize,
}

/// A pipe that is lent, and knows what is inside. Dropped, it is given back if it is empty; with
/// bytes inside it is closed, and they are gone.
#[derive(Debug)]
pub struct LentPipe {
    pipes: Arc<Pipes>,
    /// There until it is dropped.
    pipe: Option<Pipe>,
    inside: usize,
}

impl Pipes {
    /// An empty pipe, if one can be had.
    pub(crate) fn lend(self: &Arc<Self>) -> Option<LentPipe> {
        let pipe = self.lock().take()?;
        Some(LentPipe {
            pipes: Arc::clone(self),
            pipe: Some(pipe),
            inside: 0,
        })
    }

    fn lock(&self) -> MutexGuard<'_, Stock> {
        self.stock.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Stock {
    fn take(&mut self) -> Option<Pipe> {
        if let Some(pipe) = self.idle.pop() {
            return Some(pipe);
        }
        let rests = self.refused.is_some_and(|refused| refused.elapsed() < REST);
        if self.made >= PIPES_MAX || rests {
            return None;
        }
        match Pipe::new() {
            Ok(pipe) => {
                self.made += 1;
                Some(pipe)
            }
            Err(_) => {
                self.refused = Some(Instant::now());
                None
            }
        }
    }

    fn give_back(&mut self, pipe: Pipe, is_empty: bool) {
        if is_empty && self.idle.len() < IDLE_MAX {
            self.idle.push(pipe);
        } else {
            self.made -= 1;
        }
    }
}

impl Pipe {
    fn new() -> Result<Self, Errno> {
        let (read, write) = pipe_with(PipeFlags::CLOEXEC)?;
        // Where the user has no more pages, it stays as small as it is.
        let _ = fcntl_setpipe_size(&write, WANTED);
        let size = fcntl_getpipe_size(&write)?;
        if size < LEAST {
            return Err(Errno::NOBUFS);
        }
        Ok(Self { read, write, size })
    }
}

impl LentPipe {
    /// How many bytes are inside.
    pub fn len(&self) -> usize {
        self.inside
    }

    /// Whether nothing is inside.
    pub fn is_empty(&self) -> bool {
        self.inside == 0
    }

    /// The end to read from, and how many bytes are inside, if any are.
    pub(crate) fn filled(&self) -> Option<(BorrowedFd<'_>, usize)> {
        let pipe = self.pipe.as_ref().filter(|_| self.inside > 0)?;
        Some((pipe.read.as_fd(), self.inside))
    }

    /// The end to write to, and how much it takes, if the pipe is empty.
    pub(crate) fn empty(&self) -> Option<(BorrowedFd<'_>, usize)> {
        let pipe = self.pipe.as_ref().filter(|_| self.inside == 0)?;
        Some((pipe.write.as_fd(), pipe.size))
    }

    /// So many bytes were put in.
    pub(crate) fn note_put(&mut self, count: usize) {
        self.inside += count;
    }

    /// So many bytes were taken out.
    pub(crate) fn note_taken(&mut self, count: usize) {
        self.inside = self.inside.saturating_sub(count);
    }

    /// Takes everything out, to be copied.
    pub(crate) fn pour(&mut self, mut to: impl FnMut(&[u8])) {
        let inside = std::mem::take(&mut self.inside);
        let Some(pipe) = &self.pipe else {
            return;
        };
        with_scratch(|scratch| {
            let mut left = inside;
            while left > 0 {
                match rustix::io::read(&pipe.read, &mut *scratch) {
                    Ok(count) if count > 0 => {
                        to(scratch.get(..count).unwrap_or_default());
                        left = left.saturating_sub(count);
                    }
                    Err(Errno::INTR) => {}
                    // A pipe of our own that holds bytes has nothing else to say.
                    Ok(_) | Err(_) => break,
                }
            }
        });
    }

    /// Fills the empty pipe from a file or another pipe; waits until there is something. 0 bytes
    /// are the end.
    ///
    /// # Errors
    ///
    /// Of splice(2); for those that are [refusals](is_refused) it is to be read instead.
    pub(crate) fn fill(&mut self, from: &Patient) -> Result<usize, Errno> {
        let Some((pipe, room)) = self.empty() else {
            return Err(Errno::AGAIN);
        };
        let count = loop {
            match splice(from, None, pipe, None, room, SpliceFlags::MOVE) {
                Err(Errno::INTR) => {}
                // The pipe has room, so it is the file that has nothing yet.
                Err(Errno::AGAIN) => from.wait_to_read(),
                other => break other?,
            }
        };
        self.note_put(count);
        Ok(count)
    }

    /// Writes everything to a file, and waits as long as that takes.
    ///
    /// # Errors
    ///
    /// Of splice(2) and write(2): EPIPE, ENOSPC. What is inside still is after a
    /// [refusal](is_refused) (a file that is appended to), and is to be [poured](Self::pour).
    pub(crate) fn write_to(&mut self, file: &Patient) -> Result<(), Errno> {
        while let Some((pipe, count)) = self.filled() {
            match splice(pipe, None, file, None, count, SpliceFlags::MOVE) {
                Ok(count) => self.note_taken(count),
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => file.wait_to_write(),
                Err(errno) => return Err(errno),
            }
        }
        Ok(())
    }
}

impl Drop for LentPipe {
    fn drop(&mut self) {
        if let Some(pipe) = self.pipe.take() {
            self.pipes.lock().give_back(pipe, self.inside == 0);
        }
    }
}

/// Whether an error of splice is about the call and not about the two ends: old kernels, filters
/// of system calls (seccomp(2)), odd kinds of files.
pub(crate) fn is_refused(errno: Errno) -> bool {
    matches!(
        errno,
        Errno::INVAL | Errno::NOSYS | Errno::PERM | Errno::ACCESS | Errno::OPNOTSUPP
    )
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;

    #[test]
    fn pipes_are_few_and_an_empty_one_is_lent_again() {
        let pipes = Arc::new(Pipes::default());
        let lent: Vec<LentPipe> = std::iter::from_fn(|| pipes.lend()).collect();
        assert_eq!(lent.len(), PIPES_MAX);
        drop(lent);
        let stock = pipes.lock();
        assert_eq!((stock.idle.len(), stock.made), (IDLE_MAX, IDLE_MAX));
    }

    #[test]
    fn a_pipe_with_bytes_in_it_is_lent_to_nobody_else() {
        let pipes = Arc::new(Pipes::default());
        let mut lent = pipes.lend().unwrap();
        rustix::io::write(lent.empty().unwrap().0, b"of somebody").unwrap();
        lent.note_put(11);
        assert!(lent.empty().is_none());
        drop(lent);
        assert_eq!(pipes.lock().made, 0);
        let mut lent = pipes.lend().unwrap();
        assert!(lent.is_empty());
        rustix::io::write(lent.empty().unwrap().0, b"mine").unwrap();
        lent.note_put(4);
        let mut poured = Vec::new();
        lent.pour(|bytes| poured.extend_from_slice(bytes));
        assert_eq!(poured, b"mine");
        drop(lent);
        assert_eq!(pipes.lock().made, 1);
    }

    #[test]
    fn what_a_file_refuses_stays_inside() {
        let name = format!("fivetuple-append-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        let file = File::options()
            .append(true)
            .create_new(true)
            .open(&path)
            .unwrap();
        std::fs::remove_file(&path).unwrap();
        let pipes = Arc::new(Pipes::default());
        let mut lent = pipes.lend().unwrap();
        let (end, _) = lent.empty().unwrap();
        rustix::io::write(end, b"after").unwrap();
        lent.note_put(5);
        assert!(is_refused(lent.write_to(&Patient::new(file)).unwrap_err()));
        let mut poured = Vec::new();
        lent.pour(|bytes| poured.extend_from_slice(bytes));
        assert_eq!(poured, b"after");
    }

    #[test]
    fn many_full_reads_are_bulk_until_little_comes() {
        let mut flow = Flow::default();
        for _ in 0..FULL_READS {
            assert!(!flow.is_bulk());
            flow.note_read(true);
        }
        assert!(flow.is_bulk());
        flow.note_spliced(BULK_LEAST);
        flow.note_dry();
        assert!(flow.is_bulk());
        flow.note_dry();
        assert!(flow.is_bulk());
        flow.note_spliced(BULK_LEAST - 1);
        flow.note_dry();
        assert!(!flow.is_bulk());
    }

    #[test]
    fn messages_that_each_fill_the_buffer_are_no_bulk() {
        let mut flow = Flow::default();
        for _ in 0..10 {
            flow.note_read(true);
            assert!(!flow.is_bulk());
            flow.note_dry();
        }
    }
}
