//! Room in the log, by the policy for who is too slow.

use std::collections::BTreeMap;

use super::piece::{Guest, Member, Missed};
use super::{Log, Place};
use crate::service::Slow;

/// Who is far behind, so that a publisher has to look at nobody else: at all of them only after half
/// of a full log was said.
#[derive(Debug, Default)]
pub(super) struct Behind {
    /// Who was in the older half of the log when it was full, and has not come out of it.
    pub(super) overtaken: Vec<u64>,
    /// No other who takes part is before this piece.
    pub(super) others_from: u64,
    /// How many members were looked at.
    #[cfg(test)]
    pub(super) looks: usize,
}

impl Behind {
    /// Somebody who is not known to be behind is there.
    pub(super) fn note_other(&mut self, place: Place) {
        self.others_from = self.others_from.min(place.number);
    }

    /// Finds out who has not passed the middle of the log.
    fn look_at_all(&mut self, members: &BTreeMap<u64, Member>, middle: u64) {
        self.overtaken.clear();
        self.others_from = u64::MAX;
        for (who, member) in members.iter().filter(|(_, member)| !member.cut) {
            if member.place.number < middle {
                self.overtaken.push(*who);
            } else {
                self.note_other(member.place);
            }
        }
        #[cfg(test)]
        {
            self.looks += members.len();
        }
    }

    /// Those who are far behind, each to be looked at.
    fn take_overtaken(&mut self) -> Vec<u64> {
        #[cfg(test)]
        {
            self.looks += self.overtaken.len();
        }
        std::mem::take(&mut self.overtaken)
    }
}

impl Log {
    /// Throws away what is oldest until the limit is kept; the newest piece always stays.
    pub(super) fn make_room(&mut self) {
        let (mut left, mut going, mut waiting) = (self.cost, 0, false);
        for entry in &self.entries {
            let kept = self.slow == Slow::Block && entry.waiting > 0;
            if left <= self.cost_max || going + 1 == self.entries.len() || kept {
                break;
            }
            left -= entry.piece.cost();
            going += 1;
            waiting |= entry.waiting > 0;
        }
        if waiting {
            self.overtake(going);
        }
        for _ in 0..going {
            self.pop();
        }
    }

    /// Those who have not passed the oldest pieces, so many of them, will never get them.
    fn overtake(&mut self, going: usize) {
        let kept = self.first + going as u64;
        let middle = kept + (self.end() - kept) / 2;
        if self.behind.others_from < kept {
            self.behind.look_at_all(&self.members, middle);
        }
        let (mut overtaken, mut too_slow) = (self.behind.take_overtaken(), Vec::new());
        overtaken.retain(|who| {
            let Some(member) = self.members.get_mut(who).filter(|member| !member.cut) else {
                return false;
            };
            if member.place.number >= middle {
                self.behind.note_other(member.place);
                return false;
            }
            if member.place.number < kept {
                // What is being sent is accounted for when that is done.
                let lost = member.lost_from();
                let from = super::index(lost.number, self.first).min(going);
                let gone = self.entries.range(from..going);
                let missed = Missed::of(gone.filter(|entry| entry.is_for(*who)), lost);
                member.missed.add(missed);
                member.place = Place::at(kept);
                let closable = self.slow == Slow::Close && member.guest == Guest::Connection;
                if closable && missed.messages > 0 {
                    too_slow.push(*who);
                }
            }
            true
        });
        self.behind.overtaken = overtaken;
        for who in too_slow {
            self.cut(who);
        }
    }

    /// Ends the part that a member takes: nobody waits for it, and its connection is closed.
    pub(super) fn cut(&mut self, member: u64) {
        let Some(state) = self.members.get_mut(&member) else {
            return;
        };
        state.cut = true;
        let (place, awaited) = (state.place, state.awaited);
        self.awake.extend(self.watching.remove(&member));
        self.awake.extend(self.parked.remove(&member));
        self.release(place.number, awaited);
    }

    /// One member fewer waits for the pieces from `number` on.
    pub(super) fn release(&mut self, number: u64, awaited: bool) {
        self.living -= 1;
        self.awaited -= usize::from(awaited);
        let from = super::index(number, self.first).min(self.entries.len());
        for entry in self.entries.range_mut(from..) {
            entry.waiting = entry.waiting.saturating_sub(1);
            if awaited {
                entry.no_longer_awaited(&mut self.waited_for);
            }
        }
    }
}

#[cfg(test)]
#[path = "slow_tests.rs"]
mod tests;
