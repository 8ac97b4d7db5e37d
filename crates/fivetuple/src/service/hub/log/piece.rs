//! What a log is made of: pieces, places in it, and what is known of each member.

use std::sync::Arc;

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
    /// Those of them that publishers wait for.
    pub(super) awaited: usize,
}

impl Entry {
    pub(super) fn is_for(&self, member: u64) -> bool {
        self.from != member && self.piece.to.is_none_or(|to| to == member)
    }

    /// One member fewer is awaited here; the last one takes the piece out of that sum.
    pub(super) fn no_longer_awaited(&mut self, waited_for: &mut usize) {
        self.awaited -= 1;
        if self.awaited == 0 {
            *waited_for -= self.piece.cost();
        }
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

impl Place {
    /// Before this piece.
    pub(in crate::service::hub) fn at(number: u64) -> Self {
        Self {
            number,
            ..Self::default()
        }
    }
}

/// What a member did not get.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::service) struct Missed {
    pub(in crate::service::hub) messages: u64,
    pub(in crate::service::hub) bytes: u64,
}

impl Missed {
    /// All of these pieces, but for what lies before this place in the first.
    pub(super) fn of<'a>(entries: impl Iterator<Item = &'a Entry>, from: Place) -> Self {
        let mut missed = Self::default();
        for entry in entries {
            missed.messages += entry.piece.messages;
            missed.bytes += entry.piece.bytes.len() as u64;
        }
        missed.messages = missed.messages.saturating_sub(from.messages);
        missed.bytes = missed.bytes.saturating_sub(from.bytes as u64);
        missed
    }

    pub(super) fn add(&mut self, more: Self) {
        self.messages += more.messages;
        self.bytes += more.bytes;
    }
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

/// Who takes part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::service) enum Guest {
    /// Over a connection, which can be closed.
    Connection,
    /// Whoever runs the server; there is nothing to close.
    Console,
}

#[derive(Debug)]
pub(super) struct Member {
    pub(super) guest: Guest,
    pub(super) place: Place,
    /// Pieces before this number are being sent.
    pub(super) claimed: u64,
    pub(super) missed: Missed,
    /// It was too slow, and the policy is to close it: it takes part no more.
    pub(super) cut: bool,
    /// Publishers wait for it, if only for a short time.
    pub(super) awaited: bool,
    /// The number of the hold in which it passed something last.
    pub(super) moved_in: u64,
    pub(super) name: Option<Arc<str>>,
}

impl Member {
    /// From where on it has not been given what is there.
    pub(super) fn lost_from(&self) -> Place {
        if self.claimed > self.place.number {
            Place::at(self.claimed)
        } else {
            self.place
        }
    }
}
