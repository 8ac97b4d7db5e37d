//! The log of a room: every message once, read by each member at its own place.
//!
//! The log holds *pieces*: some whole messages of one member that came together, so that a flood
//! of short lines costs one entry for many of them. Each piece knows how many members have not
//! passed it yet; what all have passed goes, except for the history. Plain data under the lock of
//! its [room](super::room); nothing here sends or waits.

mod names;
mod piece;
mod slow;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::task::Waker;

use crate::service::Slow;
pub(in crate::service) use piece::Missed;
use piece::{Entry, Member};
pub(super) use piece::{Part, Piece, Place};

/// What a member finds in the log.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// The parts are filled in; [`Log::sent`] is owed.
    Parts,
    /// First of all, this was missed.
    Missed(Missed),
    /// Nothing new; the waker is kept.
    Nothing,
    /// Everything before the place that was asked for is taken.
    Reached,
}

/// The messages of one room and who is where in them.
#[derive(Debug)]
pub(super) struct Log {
    entries: VecDeque<Entry>,
    /// The number of the oldest piece that is still here.
    first: u64,
    /// What all pieces cost, and those that somebody has not passed.
    cost: usize,
    waited_for: usize,
    /// Messages to everybody that are here.
    messages: u64,
    members: HashMap<u64, Member>,
    /// Members that are not cut.
    living: usize,
    joined: u64,
    slow: Slow,
    cost_max: usize,
    history: u64,
    /// Who waits until there is room, or company.
    held: HashMap<u64, Waker>,
    /// Who is to be woken once the lock is given back.
    pub(super) awake: Vec<Waker>,
}

impl Log {
    pub(super) fn new(slow: Slow, cost_max: usize, history: u64) -> Self {
        Self {
            entries: VecDeque::new(),
            first: 0,
            cost: 0,
            waited_for: 0,
            messages: 0,
            members: HashMap::new(),
            living: 0,
            joined: 0,
            slow,
            cost_max,
            history,
            held: HashMap::new(),
            awake: Vec::new(),
        }
    }

    /// A new member, who begins with the history.
    pub(super) fn join(&mut self, name: Option<Arc<str>>) -> u64 {
        self.joined += 1;
        let place = self.start();
        for entry in self.entries_from(place.number) {
            entry.waiting += 1;
        }
        self.living += 1;
        self.count_waited_for();
        let member = Member {
            place,
            claimed: place.number,
            name,
            ..Member::default()
        };
        self.members.insert(self.joined, member);
        self.let_go();
        self.joined
    }

    pub(super) fn leave(&mut self, number: u64) {
        let Some(member) = self.members.remove(&number) else {
            return;
        };
        if !member.cut {
            self.release(member.place.number);
        }
        self.held.remove(&number);
        self.trim();
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.members.len()
    }

    /// Appends, makes room as the policy says, and wakes those who wait for messages.
    pub(super) fn append(&mut self, from: u64, pieces: impl IntoIterator<Item = Piece>) {
        for piece in pieces {
            self.cost += piece.cost();
            if self.living > 0 {
                self.waited_for += piece.cost();
            }
            if piece.to.is_none() {
                self.messages += piece.messages;
            }
            self.entries.push_back(Entry {
                piece,
                from,
                waiting: self.living,
            });
        }
        self.make_room();
        self.trim();
        let woken = self
            .members
            .values_mut()
            .filter_map(|member| member.waker.take());
        self.awake.extend(woken);
    }

    /// What `member` gets next: at most `max` parts, none from the piece `until` on.
    pub(super) fn take(
        &mut self,
        member: u64,
        until: Option<u64>,
        (parts, max): (&mut Vec<Part>, usize),
    ) -> Taken {
        let end = self.end();
        let Some(state) = self.members.get_mut(&member) else {
            return Taken::Reached;
        };
        if state.missed != Missed::default() {
            return Taken::Missed(std::mem::take(&mut state.missed));
        }
        let stop = until.unwrap_or(end).min(end);
        let (mut next, mut place) = (state.place.number, state.place);
        while next < stop && parts.len() < max {
            let Some(entry) = self.entries.get(index(next, self.first)) else {
                break;
            };
            if entry.is_for(member) {
                parts.push(Part {
                    bytes: Arc::clone(&entry.piece.bytes),
                    place: Place {
                        number: next,
                        ..place
                    },
                    messages: entry.piece.messages,
                });
            }
            next += 1;
            place = Place::default();
        }
        if !parts.is_empty() {
            state.claimed = next;
            return Taken::Parts;
        }
        if next > state.place.number {
            let reached = Place {
                number: next,
                ..Place::default()
            };
            self.pass(member, reached);
            self.trim();
        }
        if until.is_some_and(|until| next >= until) {
            Taken::Reached
        } else {
            Taken::Nothing
        }
    }

    /// Keeps the waker of a member that takes nothing now.
    pub(super) fn park(&mut self, member: u64, waker: &Waker) {
        if let Some(state) = self.members.get_mut(&member) {
            state.waker.get_or_insert_with(|| waker.clone());
        }
    }

    /// `member` has been sent everything before `place`; of what it took, `rest` was not sent.
    pub(super) fn sent(&mut self, member: u64, place: Place, rest: &[Part]) {
        let (first, slow) = (self.first, self.slow);
        let Some(state) = self.members.get_mut(&member) else {
            return;
        };
        state.claimed = place.number;
        if state.cut {
            return;
        }
        if place.number >= first {
            self.pass(member, place);
            self.trim();
            return;
        }
        // The log went on over what was being sent; only this member knows what of it is lost.
        let gone = rest.iter().filter(|part| part.place.number < first);
        let mut missed = Missed::default();
        for part in gone {
            let seen = if part.place.number == place.number {
                place
            } else {
                part.place
            };
            missed.messages += part.messages - seen.messages;
            missed.bytes += (part.bytes.len() - seen.bytes) as u64;
        }
        state.missed.messages += missed.messages;
        state.missed.bytes += missed.bytes;
        if slow == Slow::Close && missed.messages > 0 {
            self.cut(member);
        }
    }

    /// What a member that was cut has missed; `None` as long as it takes part.
    pub(super) fn cut_off(&self, member: u64) -> Option<Missed> {
        let state = self.members.get(&member)?;
        state.cut.then_some(state.missed)
    }

    /// How much may be published now, by the policy that holds publishers back.
    pub(super) fn room(&mut self, member: u64, waker: &Waker) -> Option<usize> {
        if self.slow != Slow::Block {
            return Some(usize::MAX);
        }
        if self.waited_for < self.cost_max {
            return Some(self.cost_max - self.waited_for);
        }
        self.held.insert(member, waker.clone());
        None
    }

    /// Whether somebody besides one member is here, or a history is kept for who comes.
    pub(super) fn has_company(&mut self, member: u64, waker: &Waker) -> bool {
        let has = self.history > 0 || self.members.len() > 1;
        if !has {
            self.held.insert(member, waker.clone());
        }
        has
    }

    /// The number of the next piece.
    pub(super) fn end(&self) -> u64 {
        self.first + self.entries.len() as u64
    }

    /// Where the history begins: so many messages before the end, or where the log begins.
    fn start(&self) -> Place {
        let mut place = Place {
            number: self.end(),
            ..Place::default()
        };
        let mut wanted = self.history;
        for entry in self.entries.iter().rev() {
            if wanted == 0 {
                break;
            }
            place.number -= 1;
            if entry.piece.to.is_some() {
                continue;
            }
            let surplus = entry.piece.messages.saturating_sub(wanted);
            wanted = wanted.saturating_sub(entry.piece.messages);
            if surplus > 0 {
                let mut ends = memchr::memchr_iter(b'\n', &entry.piece.bytes);
                let skipped = usize::try_from(surplus - 1).unwrap_or(usize::MAX);
                place.bytes = ends.nth(skipped).map_or(0, |end| end + 1);
                place.messages = surplus;
            }
        }
        place
    }

    fn entries_from(&mut self, number: u64) -> impl Iterator<Item = &mut Entry> {
        let from = index(number, self.first).min(self.entries.len());
        self.entries.range_mut(from..)
    }

    /// `member` has passed everything before `place`.
    fn pass(&mut self, member: u64, place: Place) {
        let Some(state) = self.members.get_mut(&member) else {
            return;
        };
        let from = index(state.place.number, self.first);
        let to = index(place.number, self.first).min(self.entries.len());
        state.place = place;
        for entry in self.entries.range_mut(from.min(to)..to) {
            entry.waiting = entry.waiting.saturating_sub(1);
            if entry.waiting == 0 {
                self.waited_for -= entry.piece.cost();
            }
        }
    }

    /// Counts anew what somebody waits for; only where members come and go.
    fn count_waited_for(&mut self) {
        let waited_for = self.entries.iter().filter(|entry| entry.waiting > 0);
        self.waited_for = waited_for.map(|entry| entry.piece.cost()).sum();
    }

    /// Throws away what everybody has passed and no history needs; lets publishers go on.
    fn trim(&mut self) {
        while let Some(entry) = self.entries.front() {
            let left = match entry.piece.to {
                None => self.messages - entry.piece.messages,
                Some(_) => self.messages,
            };
            if entry.waiting > 0 || left < self.history {
                break;
            }
            self.pop();
        }
        if self.waited_for < self.cost_max {
            self.let_go();
        }
        if self.entries.is_empty() {
            self.entries.shrink_to(ENTRIES_KEPT);
        }
    }

    /// Those who were held back may look again.
    fn let_go(&mut self) {
        self.awake.extend(self.held.drain().map(|(_, waker)| waker));
    }

    fn pop(&mut self) {
        let Some(entry) = self.entries.pop_front() else {
            return;
        };
        self.first += 1;
        self.cost -= entry.piece.cost();
        if entry.waiting > 0 {
            self.waited_for -= entry.piece.cost();
        }
        if entry.piece.to.is_none() {
            self.messages -= entry.piece.messages;
        }
    }
}

/// Entries that an empty log keeps room for.
const ENTRIES_KEPT: usize = 16;

fn index(number: u64, first: u64) -> usize {
    usize::try_from(number.saturating_sub(first)).unwrap_or(usize::MAX)
}

#[cfg(test)]
#[path = "log_tests.rs"]
mod tests;
