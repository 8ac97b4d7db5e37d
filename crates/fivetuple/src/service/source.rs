//! The source service: bytes as fast as the client reads.

use std::task::{Context, Poll};

use crate::close::Close;
use crate::transfer::{Exchange, Outgoing, SCRATCH, Supply};

static ZEROS: [u8; SCRATCH] = [0; SCRATCH];

/// Sends so many zero bytes, or zero bytes until the client ends the connection, and throws away
/// what it receives.
#[derive(Clone, Copy, Debug, Default)]
pub struct Source {
    left: Option<u64>,
}

impl Source {
    /// `size` bytes; without it, no end.
    pub fn new(size: Option<u64>) -> Self {
        Self { left: size }
    }
}

impl Exchange for Source {
    fn received(&mut self, _bytes: &[u8], _reply: &mut Outgoing<'_>) {}

    fn poll_room(&mut self, _cx: &mut Context<'_>, _unsent: usize) -> Poll<Result<usize, Close>> {
        Poll::Ready(Ok(SCRATCH))
    }

    fn poll_supply(&mut self, _cx: &mut Context<'_>, out: &mut Outgoing<'_>) -> Poll<Supply> {
        let now = match self.left {
            None => ZEROS.len(),
            Some(0) => return Poll::Ready(Supply::Ended),
            Some(left) => usize::try_from(left).unwrap_or(usize::MAX).min(ZEROS.len()),
        };
        out.send(ZEROS.get(..now).unwrap_or_default());
        self.left = self.left.map(|left| left - now as u64);
        Poll::Ready(Supply::More)
    }
}
