//! When publishers wait for readers, and for how long.
//!
//! By the policy that loses nothing they wait while the log is full; a member that has taken
//! nothing for [`STALL`] meanwhile is closed. By the others, too, they wait while somebody who
//! reads is far behind, or one publisher alone could fill the log before anybody had a turn. But
//! that lasts [`PATIENCE`] at most: who has not caught up by then is awaited no more until it has.

use std::task::Waker;
use std::time::Duration;

use tokio::time::Instant;

use super::{Log, Missed, keep};
use crate::service::Slow;

/// How long a member that takes nothing may hold back others where nothing is lost.
pub(in crate::service::hub) const STALL: Duration = Duration::from_secs(10);
/// How long publishers wait for readers that are far behind. With a log of the default length, who
/// reads 128 KiB a second has caught up far enough by then; who is slower is slow, not late.
const PATIENCE: Duration = Duration::from_millis(500);
/// So many publishers may fill, at the same time and before anybody asks again, what of the log is
/// free.
const AT_ONCE: usize = 4;

/// A time in which publishers wait.
#[derive(Debug, Default)]
pub(super) struct Hold {
    /// Which one it is.
    pub(super) number: u64,
    until: Option<Instant>,
}

/// What a publisher may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::service::hub) enum Room {
    /// So many bytes may be published.
    Bytes(usize),
    /// It is woken when there is room, and asks again at this time in any case.
    HeldUntil(Instant),
}

impl Log {
    /// How much may be published now.
    pub(in crate::service::hub) fn room(
        &mut self,
        member: u64,
        (waker, now): (&Waker, Instant),
    ) -> Room {
        if self.hold.until.is_some_and(|until| now >= until) {
            self.hold.until = None;
            self.wait_no_longer();
            self.trim();
        }
        let until = match self.hold.until {
            Some(until) => until,
            None if self.waited_for < self.hold_from() => {
                return Room::Bytes(match self.slow {
                    Slow::Block => self.cost_max - self.waited_for,
                    Slow::DropOldest | Slow::Close => {
                        ((self.cost_max - self.waited_for) / AT_ONCE).max(1)
                    }
                });
            }
            None => {
                self.hold.number += 1;
                now + self.patience()
            }
        };
        self.hold.until = Some(until);
        keep(&mut self.held, member, waker);
        Room::HeldUntil(until)
    }

    /// Whether somebody besides one member is here, or a history is kept for who comes.
    pub(in crate::service::hub) fn has_company(&mut self, member: u64, waker: &Waker) -> bool {
        let has = self.history > 0 || self.members.len() > 1;
        if !has {
            keep(&mut self.held, member, waker);
        }
        has
    }

    /// From which cost on publishers wait.
    fn hold_from(&self) -> usize {
        match self.slow {
            Slow::Block => self.cost_max,
            Slow::DropOldest | Slow::Close => self.cost_max / 2,
        }
    }

    fn patience(&self) -> Duration {
        match self.slow {
            Slow::Block => STALL,
            Slow::DropOldest | Slow::Close => PATIENCE,
        }
    }

    /// Lets publishers go on when enough is taken. Where the wait is short, that is well below
    /// where it began: so each wait, however often they come, is paid with some bytes that go on.
    pub(super) fn end_hold(&mut self) {
        let enough = match self.slow {
            Slow::Block => self.waited_for < self.cost_max,
            Slow::DropOldest | Slow::Close => self.waited_for <= self.cost_max / 4,
        };
        if enough && self.hold.until.take().is_some() {
            self.let_go();
        }
    }

    /// Those who were held back may look again.
    pub(super) fn let_go(&mut self) {
        self.awake.extend(self.held.drain().map(|(_, waker)| waker));
    }

    /// The wait was too long.
    fn wait_no_longer(&mut self) {
        let (end, hold) = (self.end(), self.hold.number);
        if self.slow != Slow::Block {
            for member in self.members.values_mut() {
                if member.awaited && !member.cut && member.place.number < end {
                    member.awaited = false;
                    self.awaited -= 1;
                }
            }
            for entry in &mut self.entries {
                entry.awaited = 0;
            }
            self.waited_for = 0;
            return self.let_go();
        }
        let stuck: Vec<u64> = self
            .members
            .iter()
            .filter(|(_, member)| {
                !member.cut
                    && member.guest == super::Guest::Connection
                    && member.place.number < end
                    && member.moved_in < hold
            })
            .map(|(who, _)| *who)
            .collect();
        for who in stuck {
            self.note_unread(who);
            self.cut(who);
        }
        self.let_go();
    }

    /// What a member has not taken, it misses.
    fn note_unread(&mut self, who: u64) {
        let Some(member) = self.members.get_mut(&who) else {
            return;
        };
        let from = member.lost_from();
        let start = super::index(from.number, self.first).min(self.entries.len());
        let unread = self.entries.range(start..);
        let missed = Missed::of(unread.filter(|entry| entry.is_for(who)), from);
        member.missed.add(missed);
    }
}

#[cfg(test)]
#[path = "hold_tests.rs"]
pub(super) mod tests;
