//! When messages are due where a rate is asked for: every connection has a fixed schedule, all of
//! them together make the rate, and none waits for a reply.

/// The schedule of one connection in one window.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Schedule {
    /// When its first message is due, nanoseconds after the beginning of the window.
    first: f64,
    /// Nanoseconds between two.
    interval: f64,
    /// Messages that were sent, or given up with their connection.
    taken: u64,
    /// The most that were due at a time and not sent.
    longest: u64,
}

impl Schedule {
    /// The connections take turns: the one with this index among so many, at so many messages per
    /// second in all.
    pub(super) fn new(rate: f64, index: usize, connections: usize) -> Self {
        let between = 1e9 / rate.max(f64::MIN_POSITIVE);
        Self {
            first: between * index as f64,
            interval: between * connections as f64,
            taken: 0,
            longest: 0,
        }
    }

    /// When the next message is due.
    pub(super) fn next(&self) -> u64 {
        (self.first + self.interval * self.taken as f64) as u64
    }

    /// Takes the next message if it is due by now and before the end: when it was.
    pub(super) fn take(&mut self, now: u64, end: u64) -> Option<u64> {
        let due = self.next();
        if due > now || due >= end {
            return None;
        }
        self.taken += 1;
        Some(due)
    }

    /// How many are due by now and before the end, and not taken.
    pub(super) fn backlog(&self, now: u64, end: u64) -> u64 {
        let until = now.min(end.saturating_sub(1)) as f64;
        if until < self.first {
            return 0;
        }
        let due = ((until - self.first) / self.interval) as u64 + 1;
        due.saturating_sub(self.taken)
    }

    /// Notes how many are due and not taken.
    pub(super) fn note_backlog(&mut self, now: u64, end: u64) {
        if self.next() <= now {
            self.longest = self.longest.max(self.backlog(now, end));
        }
    }

    /// The most that it has noted.
    pub(super) fn longest_backlog(&self) -> u64 {
        self.longest
    }

    /// Messages of the window that were never sent, in at most so many groups: when the first of
    /// each was due, and how many they are.
    pub(super) fn never_sent(&self, end: u64, groups: u64) -> impl Iterator<Item = (u64, u64)> {
        let (schedule, backlog) = (*self, self.backlog(u64::MAX, end));
        let step = backlog.div_ceil(groups.max(1)).max(1);
        (0..backlog.div_ceil(step)).map(move |group| {
            let mut first = schedule;
            first.taken += group * step;
            (first.next(), step.min(backlog - group * step))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_take_turns_and_together_make_the_rate() {
        let mut all: Vec<u64> = Vec::new();
        for index in 0..4 {
            let mut schedule = Schedule::new(1000.0, index, 4);
            assert_eq!(schedule.backlog(u64::MAX, 1_000_000_000), 250);
            while let Some(due) = schedule.take(u64::MAX, 1_000_000_000) {
                all.push(due);
            }
        }
        all.sort_unstable();
        let expected: Vec<u64> = (0..1000).map(|at| at * 1_000_000).collect();
        assert_eq!(all, expected);
    }

    #[test]
    fn nothing_is_taken_before_it_is_due() {
        let mut schedule = Schedule::new(100.0, 1, 2);
        assert_eq!(schedule.next(), 10_000_000);
        assert_eq!(schedule.take(9_999_999, u64::MAX), None);
        assert_eq!(schedule.backlog(9_999_999, u64::MAX), 0);
        assert_eq!(schedule.backlog(35_000_000, u64::MAX), 2);
        assert_eq!(schedule.take(35_000_000, u64::MAX), Some(10_000_000));
        assert_eq!(schedule.take(35_000_000, 30_000_000), None);
        assert_eq!(schedule.backlog(35_000_000, u64::MAX), 1);
    }

    #[test]
    fn what_was_never_sent_is_told_in_groups() {
        let schedule = Schedule::new(1000.0, 0, 1);
        let groups: Vec<(u64, u64)> = schedule.never_sent(10_000_000, 3).collect();
        assert_eq!(groups, [(0, 4), (4_000_000, 4), (8_000_000, 2)]);
        assert_eq!(Schedule::new(1.0, 1, 2).never_sent(10, 3).count(), 0);
    }
}
