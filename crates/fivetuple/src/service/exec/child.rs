//! One process group: its leader is the program that was started.

use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use rustix::process::Pid;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::GRACE;
use super::starter::{Presence, Starter};
use crate::call::Errno;
use crate::event::ProgramEnd;
use crate::kernel::child::{Ended, Ending, Group};
use crate::kernel::readiness::register_or_return;

/// A program that was started. Dropped, its group is ended.
#[derive(Debug)]
pub(super) struct Child {
    leader: Leader,
    number: Pid,
    starter: Arc<Starter>,
    presence: Option<Presence>,
}

/// The descriptor of the process.
#[derive(Debug)]
enum Leader {
    Plain(OwnedFd),
    Watched(AsyncFd<OwnedFd>),
    Gone,
}

impl Leader {
    fn into_fd(self) -> Option<OwnedFd> {
        match self {
            Self::Plain(fd) => Some(fd),
            Self::Watched(fd) => Some(fd.into_inner()),
            Self::Gone => None,
        }
    }
}

impl Child {
    pub(super) fn new(group: Group, presence: Presence, starter: Arc<Starter>) -> Self {
        Self {
            leader: Leader::Plain(group.leader),
            number: group.number,
            starter,
            presence: Some(presence),
        }
    }

    /// Its number.
    pub(super) fn pid(&self) -> u64 {
        self.number.as_raw_nonzero().get().unsigned_abs().into()
    }

    /// Puts it under the event loop, so that its end can be waited for.
    pub(super) fn watch(&mut self) -> Result<(), Errno> {
        let Some(fd) = std::mem::replace(&mut self.leader, Leader::Gone).into_fd() else {
            return Ok(());
        };
        let (leader, result) = match register_or_return(fd, Interest::READABLE) {
            Ok(fd) => (Leader::Watched(fd), Ok(())),
            Err((fd, errno)) => (Leader::Plain(fd), Err(errno)),
        };
        self.leader = leader;
        result
    }

    /// Waits until the program has ended. What it started may go on.
    pub(super) fn poll_ended(&self, cx: &mut Context<'_>) -> Poll<()> {
        match &self.leader {
            Leader::Watched(fd) => fd.poll_read_ready(cx).map(|_| ()),
            Leader::Plain(_) | Leader::Gone => Poll::Ready(()),
        }
    }

    /// The program has ended: whoever is left of its group is told to.
    pub(super) fn reap(mut self) -> ProgramEnd {
        let how = self.end_from(Instant::now());
        match how {
            Some(Ended::Status(status)) => ProgramEnd::Status(status),
            Some(Ended::Signal(signal)) => ProgramEnd::Signal(signal),
            Some(Ended::Unknown) | None => ProgramEnd::Unknown,
        }
    }

    /// The connection has ended in order: the program may still do what it does then.
    pub(super) fn leave(mut self) {
        self.end_from(Instant::now() + GRACE);
    }

    /// How the program had ended, if it has.
    fn end_from(&mut self, term_at: Instant) -> Option<Ended> {
        let leader = std::mem::replace(&mut self.leader, Leader::Gone).into_fd()?;
        let mut leaving = Leaving {
            group: Group {
                leader,
                number: self.number,
            },
            ending: Ending::new(term_at),
            _presence: self.presence.take(),
        };
        let is_over = leaving.is_over(Instant::now());
        let how = leaving.ending.how();
        if !is_over {
            self.starter.end(leaving);
        }
        how
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.end_from(Instant::now());
    }
}

/// A group that is being ended.
#[derive(Debug)]
pub(super) struct Leaving {
    group: Group,
    ending: Ending,
    _presence: Option<Presence>,
}

impl Leaving {
    /// Does what it is time for. Whether the group is over.
    pub(super) fn is_over(&mut self, now: Instant) -> bool {
        self.ending.is_over(&self.group, now)
    }

    /// Ends it now.
    pub(super) fn kill(&mut self) {
        self.ending.kill(&self.group, Instant::now());
    }
}
