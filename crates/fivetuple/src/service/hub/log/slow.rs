//! Room in the log, by the policy for who is too slow.

use super::piece::{Guest, Missed};
use super::{Log, Place};
use crate::service::Slow;

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
        let mut too_slow = Vec::new();
        for (who, member) in &mut self.members {
            if member.cut || member.place.number >= kept {
                continue;
            }
            // What is being sent is accounted for when that is done.
            let lost = member.lost_from();
            let from = super::index(lost.number, self.first).min(going);
            let gone = self.entries.range(from..going);
            let missed = Missed::of(gone.filter(|entry| entry.is_for(*who)), lost);
            member.missed.add(missed);
            member.place = Place::at(kept);
            if missed.messages > 0 && self.slow == Slow::Close && member.guest == Guest::Connection
            {
                too_slow.push(*who);
            }
        }
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
