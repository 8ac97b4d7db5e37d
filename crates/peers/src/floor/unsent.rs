//! Bytes that the kernel has not taken yet: what makes a loop correct when a peer reads slowly.

use std::os::fd::AsFd;

use rustix::io::Errno;
use rustix::net::{SendFlags, send};

/// Bytes that were received and could not be sent at once.
#[derive(Debug, Default)]
pub(super) struct Unsent {
    bytes: Vec<u8>,
    sent: usize,
}

impl Unsent {
    /// Whether everything has been sent.
    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Sends bytes, and keeps what the kernel does not take. Nothing may be kept from before.
    pub(super) fn send(&mut self, to: impl AsFd, bytes: &[u8]) -> Result<(), Errno> {
        debug_assert!(self.is_empty(), "bytes would overtake others");
        let sent = taken(to, bytes)?;
        if sent < bytes.len() {
            self.bytes.extend_from_slice(&bytes[sent..]);
        }
        Ok(())
    }

    /// Sends what was kept, as much as the kernel takes.
    pub(super) fn flush(&mut self, to: impl AsFd) -> Result<(), Errno> {
        self.sent += taken(to, &self.bytes[self.sent..])?;
        if self.sent == self.bytes.len() {
            // The memory goes, too: an idle connection holds none.
            *self = Self::default();
        }
        Ok(())
    }
}

/// How many of the bytes the kernel takes now.
fn taken(to: impl AsFd, bytes: &[u8]) -> Result<usize, Errno> {
    match send(to, bytes, SendFlags::NOSIGNAL) {
        Err(Errno::AGAIN | Errno::INTR) => Ok(0),
        sent => sent,
    }
}
