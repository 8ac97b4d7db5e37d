//! What went wrong under load, counted by kind.

use std::fmt;

use crate::call::{Code, Errno};
use crate::connect::NotConnected;

/// A kind of failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Nobody listens: a connect was answered by RST.
    Refused,
    /// The peer reset the connection.
    Reset,
    /// What must come did not: an answer to a connect, a reply, an acknowledgement, a byte.
    TimedOut,
    /// The peer finished sending while there was more to come.
    ClosedEarly,
    /// Not the bytes that were to come: other ones, or more of them.
    WrongBytes,
    /// No local address or port is left to call from.
    NoPorts,
    /// The name has no address to call.
    NoAddress,
    /// A connect that was out when the load was [stopped](super::LoadControl::stop).
    Unfinished,
    /// Any other errno.
    Other(Errno),
}

impl Failure {
    pub(super) fn of(errno: Errno) -> Self {
        match errno {
            Errno::CONNREFUSED => Self::Refused,
            Errno::CONNRESET | Errno::PIPE | Errno::CONNABORTED => Self::Reset,
            Errno::TIMEDOUT => Self::TimedOut,
            Errno::ADDRNOTAVAIL | Errno::ADDRINUSE => Self::NoPorts,
            other => Self::Other(other),
        }
    }

    /// Whether nobody listens: refused, or the file of a Unix socket has gone.
    pub(super) fn is_nobody_there(self) -> bool {
        matches!(self, Self::Refused | Self::Other(Errno::NOENT))
    }

    /// Its name in reports: one word, with underscores.
    pub fn name(self) -> String {
        match self {
            Self::Refused => "refused".into(),
            Self::Reset => "reset".into(),
            Self::TimedOut => "timed_out".into(),
            Self::ClosedEarly => "closed_early".into(),
            Self::WrongBytes => "wrong_bytes".into(),
            Self::NoPorts => "no_ports".into(),
            Self::NoAddress => "no_address".into(),
            Self::Unfinished => "unfinished".into(),
            Self::Other(errno) => Code::Errno(errno).name().into_owned(),
        }
    }
}

impl From<&NotConnected> for Failure {
    /// The kind of the last call that failed; a name without an address is [`Failure::NoAddress`].
    fn from(failure: &NotConnected) -> Self {
        match failure.explained().last().map(|call| call.code()) {
            Some(Code::Errno(errno)) => Self::of(errno),
            Some(Code::Lookup(_)) | None => Self::NoAddress,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Other(errno) => {
                let code = Code::Errno(*errno);
                write!(f, "{} ({code})", code.text())
            }
            known => f.pad(&known.name().replace('_', " ")),
        }
    }
}

/// How often what failed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Failures {
    counts: Vec<(Failure, u64)>,
}

impl Failures {
    /// All of them.
    pub fn total(&self) -> u64 {
        self.counts.iter().map(|(_, count)| count).sum()
    }

    /// Those of one kind.
    pub fn of(&self, kind: Failure) -> u64 {
        let found = self.counts.iter().find(|(known, _)| *known == kind);
        found.map_or(0, |(_, count)| *count)
    }

    /// Each kind that there was, the most frequent first.
    pub fn iter(&self) -> impl Iterator<Item = (Failure, u64)> {
        let mut sorted = self.counts.clone();
        sorted.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        sorted.into_iter()
    }

    /// Adds those of another count.
    pub fn add(&mut self, other: &Self) {
        for (kind, count) in &other.counts {
            self.count(*kind, *count);
        }
    }

    pub(super) fn count(&mut self, kind: Failure, times: u64) {
        match self.counts.iter_mut().find(|(known, _)| *known == kind) {
            Some((_, count)) => *count += times,
            None => self.counts.push((kind, times)),
        }
    }
}

impl From<Failure> for Failures {
    /// One failure.
    fn from(kind: Failure) -> Self {
        Self {
            counts: vec![(kind, 1)],
        }
    }
}
