//! What a log is made of: pieces, places in it, and what is known of each member.

use std::sync::Arc;
use std::task::Waker;

/// What a piece costs beyond its bytes, so that a flood of empty lines is bounded, too.
pub(super) const PIECE_COST: usize = 64;

/// Whole messages that came together.
#[derive(Clone, Debug)]
pub(in crate::service::hub) struct Piece {
    pub(in crate::service::hub) bytes: Arc<[u8]>,
    pub(in crate::service::hub) messages: u64,
    /// Only for this member.
    pub(in crate::service::hub) to: Option<u64>,
}

impl Piece {
    pub(super) fn cost(&self) -> usize {
        self.bytes.len() + PIECE_COST
    }
}

#[derive(Debug)]
pub(super) struct Entry {
    pub(super) piece: Piece,
    pub(super) from: u64,
    /// Members that have not passed it yet.
    pub(super) waiting: usize,
}

impl Entry {
    pub(super) fn is_for(&self, member: u64) -> bool {
        self.from != member && self.piece.to.is_none_or(|to| to == member)
    }
}

/// A place in the log, always between two messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::service::hub) struct Place {
    /// The number of the piece.
    pub(in crate::service::hub) number: u64,
    /// Bytes and messages of it that lie before this place.
    pub(in crate::service::hub) bytes: usize,
    pub(in crate::service::hub) messages: u64,
}

/// What a member did not get.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::service) struct Missed {
    pub(in crate::service::hub) messages: u64,
    pub(in crate::service::hub) bytes: u64,
}

/// A piece that a member is about to be sent.
#[derive(Debug)]
pub(in crate::service::hub) struct Part {
    pub(in crate::service::hub) bytes: Arc<[u8]>,
    /// From here on it is new to this member.
    pub(in crate::service::hub) place: Place,
    pub(super) messages: u64,
}

impl Part {
    pub(in crate::service::hub) fn unseen(&self) -> &[u8] {
        self.bytes.get(self.place.bytes..).unwrap_or_default()
    }
}

#[derive(Debug, Default)]
pub(super) struct Member {
    pub(super) place: Place,
    /// Pieces before this number are being sent.
    pub(super) claimed: u64,
    pub(super) missed: Missed,
    /// It was too slow, and the policy is to close it: it takes part no more.
    pub(super) cut: bool,
    pub(super) name: Option<Arc<str>>,
    /// Wants to hear of new messages.
    pub(super) waker: Option<Waker>,
}

impl Member {
    pub(super) fn skip(&mut self, number: u64) {
        self.place = Place {
            number: number + 1,
            ..Place::default()
        };
    }
}
