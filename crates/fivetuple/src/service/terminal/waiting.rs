//! What waits for the output, and how it is written.

use std::collections::VecDeque;
use std::io::{self, Write};

use super::QUEUE_MAX;
use crate::transfer::{LentPipe, Patient, is_refused};

/// What the thread writes to.
pub(super) enum Target {
    Writer(Box<dyn Write + Send>),
    File(Patient),
}

/// Bytes, or bulk in a pipe.
#[derive(Debug)]
pub(super) enum Waiting {
    Bytes(Vec<u8>),
    Pipe(LentPipe),
}

/// All that waits, oldest first.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    parts: VecDeque<Waiting>,
    bytes: usize,
    /// Memory for the next bytes.
    spare: Vec<u8>,
}

impl Target {
    /// Writes all of it, and waits as long as that takes. Whether a pipe had to be copied.
    pub(super) fn write(&mut self, waiting: &mut Waiting) -> io::Result<bool> {
        let filled = match (&mut *self, waiting) {
            (Self::Writer(writer), Waiting::Bytes(bytes)) => {
                writer.write_all(bytes).and_then(|()| writer.flush())?;
                return Ok(false);
            }
            (Self::File(file), Waiting::Bytes(bytes)) => {
                file.write_all(bytes)?;
                return Ok(false);
            }
            (Self::File(file), Waiting::Pipe(filled)) => match filled.write_to(file) {
                Ok(()) => return Ok(false),
                Err(errno) if is_refused(errno) => filled,
                Err(errno) => return Err(errno.into()),
            },
            (Self::Writer(_), Waiting::Pipe(filled)) => filled,
        };
        let mut written = Ok(());
        filled.pour(|bytes| {
            if written.is_ok() {
                written = match self {
                    Self::Writer(writer) => writer.write_all(bytes),
                    Self::File(file) => file.write_all(bytes),
                };
            }
        });
        written.map(|()| true)
    }
}

impl Waiting {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Bytes(bytes) => bytes.len(),
            Self::Pipe(filled) => filled.len(),
        }
    }
}

impl Backlog {
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    pub(super) fn append(&mut self, bytes: &[u8]) {
        self.bytes += bytes.len();
        if let Some(Waiting::Bytes(last)) = self.parts.back_mut() {
            return last.extend_from_slice(bytes);
        }
        let mut memory = std::mem::take(&mut self.spare);
        memory.extend_from_slice(bytes);
        self.parts.push_back(Waiting::Bytes(memory));
    }

    pub(super) fn append_pipe(&mut self, filled: LentPipe) {
        self.bytes += filled.len();
        self.parts.push_back(Waiting::Pipe(filled));
    }

    /// Throws away up to `count` of the oldest bytes; how many there were.
    pub(super) fn drop_oldest(&mut self, count: usize) -> usize {
        let Some(Waiting::Bytes(oldest)) = self.parts.front_mut() else {
            return 0;
        };
        let dropped = count.min(oldest.len());
        oldest.drain(..dropped);
        self.bytes -= dropped;
        dropped
    }

    /// The oldest part, to be written.
    pub(super) fn take(&mut self) -> Option<Waiting> {
        let oldest = self.parts.pop_front()?;
        self.bytes -= oldest.len();
        Some(oldest)
    }

    /// What was written gives its memory to what comes next.
    pub(super) fn keep_memory(&mut self, written: Waiting) {
        if let Waiting::Bytes(mut memory) = written {
            memory.clear();
            memory.shrink_to(QUEUE_MAX);
            self.spare = memory;
        }
    }
}
