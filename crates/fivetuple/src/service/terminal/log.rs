//! What was read and is not taken by every client yet.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::task::Waker;

use crate::transfer::LentPipe;

#[derive(Debug, Default)]
pub(super) struct Log {
    pub(super) chunks: VecDeque<Chunk>,
    /// The number of the first chunk that is still here.
    pub(super) first: u64,
    pub(super) bytes: usize,
    /// Bytes of all chunks before the first.
    pub(super) bytes_before: u64,
    /// Bytes that readers have sent out of pipes that they have taken.
    pub(super) sent_of_pipes: u64,
    pub(super) readers: u64,
    /// Readers so far; each is known here by its number among them.
    pub(super) joined: u64,
    pub(super) wakers: HashMap<u64, Waker>,
    /// Or it counts as if there had been one.
    pub(super) any: bool,
    pub(super) ended: bool,
}

#[derive(Debug)]
pub(super) struct Chunk {
    pub(super) payload: Payload,
    pub(super) length: usize,
    /// Readers that have not taken it yet.
    pub(super) waited_for: u64,
}

#[derive(Debug)]
pub(super) enum Payload {
    Bytes(Arc<[u8]>),
    /// For the one reader there is, until it has taken it.
    Pipe(Option<LentPipe>),
}

impl Log {
    pub(super) fn end(&self) -> u64 {
        self.first + self.chunks.len() as u64
    }

    pub(super) fn push(&mut self, payload: Payload, length: usize) {
        self.any = true;
        self.bytes += length;
        let waited_for = self.readers;
        self.chunks.push_back(Chunk {
            payload,
            length,
            waited_for,
        });
        self.wake_all();
    }

    pub(super) fn wake_all(&mut self) {
        for (_, waker) in self.wakers.drain() {
            waker.wake();
        }
    }

    /// Throws the oldest chunk away, wanted or not; those behind must hear of it.
    pub(super) fn drop_first(&mut self) {
        self.pop_first();
        self.wake_all();
    }

    pub(super) fn pop_first(&mut self) {
        if let Some(chunk) = self.chunks.pop_front() {
            self.first += 1;
            self.bytes -= chunk.length;
            self.bytes_before += chunk.length as u64;
        }
    }

    /// One reader is done with the chunk at `index`.
    pub(super) fn taken(&mut self, index: usize) {
        if let Some(chunk) = self.chunks.get_mut(index) {
            chunk.waited_for = chunk.waited_for.saturating_sub(1);
        }
    }

    pub(super) fn drop_taken(&mut self) {
        while self
            .chunks
            .front()
            .is_some_and(|chunk| chunk.waited_for == 0)
        {
            self.pop_first();
        }
    }

    pub(super) fn index(&self, number: u64) -> usize {
        usize::try_from(number.saturating_sub(self.first)).unwrap_or(usize::MAX)
    }
}
