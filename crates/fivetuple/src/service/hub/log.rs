//! The log of a room: every message once, read by each member at its own place.
//!
//! The log holds *pieces*: some whole messages of one member that came together, so that a flood
//! of short lines costs one entry for many of them. Each piece knows how many members have not
//! passed it yet; what all have passed goes, except for the history. Plain data under the lock of
//! its [room](super::room); nothing here sends or waits.

mod hold;
mod names;
mod piece;
mod slow;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::task::Waker;

use crate::service::Slow;
use hold::Hold;
pub(super) use hold::{Room, STALL};
use piece::{Entry, Member};
pub(in crate::service) use piece::{Guest, Missed};
pub(super) use piece::{Part, Piece, Place};
use slow::Behind;

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
    /// What all pieces cost, and those that somebody who is awaited has not passed.
    cost: usize,
    waited_for: usize,
    /// Messages to everybody that are here.
    messages: u64,
    members: BTreeMap<u64, Member>,
    behind: Behind,
    /// Who has which name, in lower case.
    names: HashMap<Box<str>, u64>,
    /// Members that are not cut, and those of them that publishers wait for.
    living: usize,
    awaited: usize,
    joined: u64,
    slow: Slow,
    cost_max: usize,
    history: u64,
    hold: Hold,
    /// Nothing is said from this place on: the server stops.
    stop: Option<u64>,
    /// Who waits until there is room, or company.
    held: HashMap<u64, Waker>,
    /// Who has taken everything and wants to hear of new messages.
    parked: HashMap<u64, Waker>,
    /// Who wants to hear that it is cut, also while it takes nothing.
    watching: HashMap<u64, Waker>,
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
            members: BTreeMap::new(),
            behind: Behind::default(),
            names: HashMap::new(),
            living: 0,
            awaited: 0,
            joined: 0,
            slow,
            cost_max,
            history,
            hold: Hold::default(),
            stop: None,
            held: HashMap::new(),
            parked: HashMap::new(),
            watching: HashMap::new(),
            awake: Vec::new(),
        }
    }

    /// A new member, who begins with the history.
    pub(super) fn join(&mut self, guest: Guest, name: Option<Arc<str>>) -> u64 {
        self.joined += 1;
        let place = self.start();
        // Nobody waits until somebody has read what was said before he came, but by the policy
        // that loses nothing.
        let awaited = self.slow == Slow::Block || place.number == self.end();
        let from = index(place.number, self.first).min(self.entries.len());
        for entry in self.entries.range_mut(from..) {
            entry.waiting += 1;
            if awaited {
                entry.awaited += 1;
                if entry.awaited == 1 {
                    self.waited_for += entry.piece.cost();
                }
            }
        }
        self.living += 1;
        self.awaited += usize::from(awaited);
        let member = Member {
            guest,
            place,
            claimed: place.number,
            missed: Missed::default(),
            cut: false,
            awaited,
            moved_in: self.hold.number,
            name: None,
        };
        self.members.insert(self.joined, member);
        self.behind.note_other(place);
        if let Some(name) = name {
            self.rename(self.joined, name);
        }
        self.let_go();
        self.joined
    }

    pub(super) fn leave(&mut self, number: u64) {
        let Some(member) = self.members.remove(&number) else {
            return;
        };
        if let Some(name) = member.name {
            self.names.remove(name.to_lowercase().as_str());
        }
        if !member.cut {
            self.release(member.place.number, member.awaited);
        }
        self.held.remove(&number);
        self.parked.remove(&number);
        self.watching.remove(&number);
        self.trim();
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.members.len()
    }

    /// Appends, makes room as the policy says, and wakes those who wait for messages.
    pub(super) fn append(&mut self, from: u64, pieces: impl IntoIterator<Item = Piece>) {
        if self.stop.is_some() {
            return;
        }
        for piece in pieces {
            self.cost += piece.cost();
            if self.awaited > 0 {
                self.waited_for += piece.cost();
            }
            if piece.to.is_none() {
                self.messages += piece.messages;
            }
            self.entries.push_back(Entry {
                piece,
                from,
                waiting: self.living,
                awaited: self.awaited,
            });
        }
        self.make_room();
        self.trim();
        self.awake
            .extend(self.parked.drain().map(|(_, waker)| waker));
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
        if state.cut {
            return Taken::Nothing;
        }
        if state.missed != Missed::default() {
            return Taken::Missed(std::mem::take(&mut state.missed));
        }
        let until = until.or(self.stop);
        let stop = until.unwrap_or(end).min(end);
        let (mut next, mut place) = (state.place.number, state.place);
        while next < stop && parts.len() < max {
            let Some(entry) = self.entries.get(index(next, self.first)) else {
                break;
            };
            if entry.is_for(member) {
                parts.push(Part {
                    bytes: Arc::clone(&entry.piece.bytes),
                    place,
                    messages: entry.piece.messages,
                });
            }
            next += 1;
            place = Place::at(next);
        }
        if !parts.is_empty() {
            state.claimed = next;
            return Taken::Parts;
        }
        if next > state.place.number {
            self.pass(member, Place::at(next));
            self.trim();
        }
        if until.is_some_and(|until| next >= until) {
            Taken::Reached
        } else {
            Taken::Nothing
        }
    }

    /// Nothing more is said: who has taken everything has reached the end.
    pub(super) fn stop(&mut self) {
        self.stop = Some(self.end());
        self.awake
            .extend(self.parked.drain().map(|(_, waker)| waker));
    }

    /// Keeps the waker of a member that has taken everything.
    pub(super) fn park(&mut self, member: u64, waker: &Waker) {
        keep(&mut self.parked, member, waker);
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
        state.missed.add(missed);
        let closable = slow == Slow::Close && state.guest == Guest::Connection;
        if closable && missed.messages > 0 {
            self.cut(member);
            self.trim();
        }
    }

    /// What a member that was cut has missed; `None` as long as it takes part: then the waker is
    /// kept, if it can be cut.
    pub(super) fn cut_off(&mut self, member: u64, waker: &Waker) -> Option<Missed> {
        let state = self.members.get(&member)?;
        if state.cut {
            return Some(state.missed);
        }
        if self.slow != Slow::DropOldest {
            keep(&mut self.watching, member, waker);
        }
        None
    }

    /// The number of the next piece.
    pub(super) fn end(&self) -> u64 {
        self.first + self.entries.len() as u64
    }

    /// Where the history begins: so many messages before the end, or where the log begins.
    fn start(&self) -> Place {
        let mut place = Place::at(self.end());
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

    /// `member`, which takes part, has passed everything before `place`.
    fn pass(&mut self, member: u64, place: Place) {
        let end = self.end();
        let Some(state) = self.members.get_mut(&member) else {
            return;
        };
        let from = index(state.place.number, self.first);
        let to = index(place.number, self.first).min(self.entries.len());
        state.place = place;
        state.moved_in = self.hold.number;
        for entry in self.entries.range_mut(from.min(to)..to) {
            entry.waiting = entry.waiting.saturating_sub(1);
            if state.awaited {
                entry.no_longer_awaited(&mut self.waited_for);
            }
        }
        // Who has caught up is awaited again.
        if !state.awaited && place.number == end {
            state.awaited = true;
            self.awaited += 1;
        }
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
        self.end_hold();
        if self.entries.is_empty() {
            self.entries.shrink_to(ENTRIES_KEPT);
        }
    }

    fn pop(&mut self) {
        let Some(entry) = self.entries.pop_front() else {
            return;
        };
        self.first += 1;
        self.cost -= entry.piece.cost();
        if entry.awaited > 0 {
            self.waited_for -= entry.piece.cost();
        }
        if entry.piece.to.is_none() {
            self.messages -= entry.piece.messages;
        }
    }
}

/// Entries that an empty log keeps room for.
const ENTRIES_KEPT: usize = 16;

/// Keeps the newest waker of this member.
fn keep(wakers: &mut HashMap<u64, Waker>, member: u64, waker: &Waker) {
    wakers
        .entry(member)
        .and_modify(|kept| kept.clone_from(waker))
        .or_insert_with(|| waker.clone());
}

fn index(number: u64, first: u64) -> usize {
    usize::try_from(number.saturating_sub(first)).unwrap_or(usize::MAX)
}

#[cfg(test)]
#[path = "log_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "log_counted.rs"]
mod counted;
