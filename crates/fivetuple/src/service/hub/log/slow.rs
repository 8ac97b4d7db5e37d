//! Room in the log, by the policy for who is too slow.

use super::Log;
use crate::service::Slow;

impl Log {
    /// Throws away what is oldest until the limit is kept; the newest piece always stays.
    pub(super) fn make_room(&mut self) {
        while self.cost > self.cost_max && self.entries.len() > 1 {
            let waiting = self.entries.front().map_or(0, |entry| entry.waiting);
            if waiting > 0 {
                if self.slow == Slow::Block {
                    return;
                }
                self.overtake();
            }
            self.pop();
        }
    }

    /// Those who have not passed the oldest piece will never get it.
    fn overtake(&mut self) {
        let number = self.first;
        let Some(entry) = self.entries.front() else {
            return;
        };
        let mut too_slow = Vec::new();
        for (who, member) in &mut self.members {
            if member.cut || member.place.number > number {
                continue;
            }
            let place = member.place;
            member.skip(number);
            // What is being sent is accounted for when that is done.
            if entry.is_for(*who) && member.claimed <= number {
                member.missed.messages += entry.piece.messages - place.messages;
                member.missed.bytes += (entry.piece.bytes.len() - place.bytes) as u64;
                if self.slow == Slow::Close {
                    too_slow.push(*who);
                }
            }
        }
        for who in too_slow {
            self.cut(who);
        }
    }

    pub(super) fn cut(&mut self, member: u64) {
        let Some(state) = self.members.get_mut(&member) else {
            return;
        };
        state.cut = true;
        self.awake.extend(state.waker.take());
        let next = state.place.number;
        self.release(next);
    }

    /// One member fewer waits for the pieces from `number` on.
    pub(super) fn release(&mut self, number: u64) {
        self.living -= 1;
        for entry in self.entries_from(number) {
            entry.waiting = entry.waiting.saturating_sub(1);
        }
        self.count_waited_for();
    }
}
