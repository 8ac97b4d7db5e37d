//! The bytes that are sent: each by its position in the stream, so that the same ones are known
//! when they come back.

use std::sync::Arc;

use super::Request;
use crate::transfer::SCRATCH;

/// A prime: what a peer loses or repeats is not a multiple of it by accident.
const PERIOD: usize = 65_521;
/// Where the streams of two connections in a row begin in the pattern, apart from each other.
const APART: u64 = 4_099;
const SEED: u64 = 0x0005_4D1E;

/// An endless stream that repeats itself.
#[derive(Clone, Debug)]
pub(super) struct Content {
    bytes: Arc<[u8]>,
    period: usize,
    apart: u64,
}

impl Content {
    /// Bytes without an order. Any [`SCRATCH`] of them stand together.
    pub(super) fn pattern() -> Self {
        let mut bytes = vec![0; PERIOD];
        fastrand::Rng::with_seed(SEED).fill(&mut bytes);
        bytes.extend_from_within(..);
        bytes.extend_from_within(..SCRATCH - PERIOD);
        Self {
            bytes: bytes.into(),
            period: PERIOD,
            apart: APART,
        }
    }

    /// One message again and again, as many together as one send may take.
    pub(super) fn requests(request: &Request, pipeline: u32) -> Self {
        let message = &request.message;
        let together = (SCRATCH / message.len().max(1)).clamp(1, pipeline.max(1) as usize);
        Self {
            bytes: message.repeat(together).into(),
            period: message.len().max(1),
            apart: 0,
        }
    }

    /// Where the stream of the so-manieth connection begins.
    pub(super) fn start(&self, connection: u64) -> u64 {
        connection.wrapping_mul(self.apart) % PERIOD as u64
    }

    /// Bytes from here on, at most `length`, at least one if that is not 0.
    pub(super) fn at(&self, position: u64, length: u64) -> &[u8] {
        let place = self.place(position);
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        let end = place.saturating_add(length).min(self.bytes.len());
        self.bytes.get(place..end).unwrap_or_default()
    }

    /// Whether these bytes, at most [`SCRATCH`], belong here.
    pub(super) fn is_at(&self, position: u64, bytes: &[u8]) -> bool {
        self.at(position, bytes.len() as u64) == bytes
    }

    fn place(&self, position: u64) -> usize {
        usize::try_from(position % self.period as u64).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::Reply;

    #[test]
    fn a_byte_depends_on_its_position_alone() {
        let content = Content::pattern();
        let whole = content.at(0, SCRATCH as u64).to_vec();
        assert_eq!(content.at(7, 100), &whole[7..107]);
        assert_eq!(content.at(PERIOD as u64 + 7, 100), &whole[7..107]);
        assert_eq!(content.at(PERIOD as u64 - 1, SCRATCH as u64).len(), SCRATCH);
        assert!(content.is_at(64, &whole[64..128]));
        assert!(!content.is_at(64, &whole[65..129]));
        assert!(!content.is_at(content.start(1), &whole[..64]));
    }

    #[test]
    fn requests_stand_together_as_far_as_the_pipeline_reaches() {
        let request = Request {
            message: Arc::from(&b"GET\n"[..]),
            reply: Reply::Bytes(1),
        };
        let content = Content::requests(&request, 3);
        assert_eq!(content.at(4_000, 12), b"GET\nGET\nGET\n");
        assert_eq!(content.at(4_001, 100), b"ET\nGET\nGET\n");
        assert_eq!(content.start(9), 0);
    }
}
