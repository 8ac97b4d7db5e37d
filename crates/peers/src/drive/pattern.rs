//! Bytes that say where they belong: what is lost, doubled or moved is seen at the place it came to.

use std::io::Write;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{MemfdFlags, memfd_create};

use crate::trouble::{Doing, Trouble};

/// The bytes repeat after so many; a loss of exactly as many shows in the count.
pub const PERIOD: usize = 8 << 20;

/// The bytes, in memory and as a file that can be sent without copying.
#[derive(Debug)]
pub struct Pattern {
    bytes: Vec<u8>,
    file: OwnedFd,
}

impl Pattern {
    /// Made anew; always the same.
    ///
    /// # Errors
    ///
    /// There is no file in memory to be had.
    pub fn new() -> Result<Self, Trouble> {
        let words = 0..PERIOD as u64 / 8;
        let bytes: Vec<u8> = words.flat_map(|at| mixed(at).to_le_bytes()).collect();
        let file = memfd_create("pattern", MemfdFlags::CLOEXEC).doing("make a file in memory")?;
        let mut file = std::fs::File::from(file);
        file.write_all(&bytes).doing("write a file in memory")?;
        Ok(Self {
            bytes,
            file: file.into(),
        })
    }

    /// One period of the bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The same as a file.
    pub fn file(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }

    /// Whether these bytes belong to this place of the stream.
    pub fn holds(&self, place: u64, received: &[u8]) -> bool {
        let mut at = usize::try_from(place % PERIOD as u64).unwrap_or(0);
        let mut rest = received;
        while !rest.is_empty() {
            let length = rest.len().min(PERIOD - at);
            if rest[..length] != self.bytes[at..at + length] {
                return false;
            }
            rest = &rest[length..];
            at = 0;
        }
        true
    }
}

/// A word for each place, unlike its neighbours (the finalizer of SplitMix64).
fn mixed(at: u64) -> u64 {
    let mut word = at.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_in_another_place_is_seen() {
        let pattern = Pattern::new().unwrap();
        let end = PERIOD as u64 - 5;
        let across = [&pattern.bytes()[PERIOD - 5..], &pattern.bytes()[..5]].concat();
        assert!(pattern.holds(end, &across));
        assert!(pattern.holds(end + 3 * PERIOD as u64, &across));
        assert!(!pattern.holds(end + 8, &across));
        assert!(!pattern.holds(end - 1, &across));
    }
}
