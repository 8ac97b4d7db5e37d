//! Files whose reads and writes wait, whoever has made them non-blocking.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};

use rustix::event::{PollFd, PollFlags, poll};

/// A file, a pipe or a socket that others may hold too (stdin, stdout): one of them may have set
/// `O_NONBLOCK`, which is of the open file and so counts for all of them (open(2)). It is left as it
/// is, and waited for.
#[derive(Debug)]
pub struct Patient(File);

impl Patient {
    /// Reads and writes go there.
    pub fn new(file: File) -> Self {
        Self(file)
    }

    pub(crate) fn wait_to_read(&self) {
        self.wait(PollFlags::IN);
    }

    pub(crate) fn wait_to_write(&self) {
        self.wait(PollFlags::OUT);
    }

    fn wait(&self, for_what: PollFlags) {
        // Whatever comes of it, the next call tells.
        let _ = poll(&mut [PollFd::new(&self.0, for_what)], None);
    }
}

impl AsFd for Patient {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl Read for Patient {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.0.read(buffer) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.wait_to_read(),
                read => return read,
            }
        }
    }
}

impl Write for Patient {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            match self.0.write(bytes) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.wait_to_write(),
                written => return written,
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}
