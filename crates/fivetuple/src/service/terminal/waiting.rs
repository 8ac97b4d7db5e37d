//! What waits for the output, and how it is written.

use std::fs::File;
use std::io::{self, Write};

use crate::transfer::LentPipe;

/// What the thread writes to.
pub(super) enum Target {
    Writer(Box<dyn Write + Send>),
    File(File),
}

/// Bytes, or bulk in a pipe.
#[derive(Debug)]
pub(super) enum Waiting {
    Bytes(Vec<u8>),
    Pipe(LentPipe),
}

impl Target {
    /// Writes all of it, and waits as long as that takes.
    pub(super) fn write(&mut self, waiting: &mut Waiting) -> io::Result<()> {
        match (self, waiting) {
            (Self::Writer(writer), Waiting::Bytes(bytes)) => {
                writer.write_all(bytes).and_then(|()| writer.flush())
            }
            (Self::File(file), Waiting::Bytes(bytes)) => file.write_all(bytes),
            (Self::File(file), Waiting::Pipe(filled)) => filled.write_to(file),
            (Self::Writer(writer), Waiting::Pipe(filled)) => {
                let mut written = Ok(());
                filled.pour(|bytes| {
                    if written.is_ok() {
                        written = writer.write_all(bytes);
                    }
                });
                written
            }
        }
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
