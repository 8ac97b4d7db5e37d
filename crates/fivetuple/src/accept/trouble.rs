//! What an error of accept means for the loop.

use crate::call::Errno;
use crate::event::Pause;

/// What an error of accept means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// That client is gone, or a signal came: the next one, please (accept(2), "Error handling").
    OfThatClient,
    /// Something has run out; the client stays in the queue.
    Shortage(Pause),
    /// Not a word in the manual about it: rest, say so, go on.
    Unknown,
}

pub(super) fn trouble(errno: Errno) -> Trouble {
    match errno {
        Errno::CONNABORTED
        | Errno::INTR
        | Errno::PROTO
        | Errno::NOPROTOOPT
        | Errno::OPNOTSUPP
        | Errno::NETDOWN
        | Errno::NETUNREACH
        | Errno::HOSTDOWN
        | Errno::HOSTUNREACH
        | Errno::NONET
        | Errno::TIMEDOUT => Trouble::OfThatClient,
        Errno::MFILE | Errno::NFILE => Trouble::Shortage(Pause::Descriptors),
        Errno::NOBUFS | Errno::NOMEM => Trouble::Shortage(Pause::Memory),
        _ => Trouble::Unknown,
    }
}
