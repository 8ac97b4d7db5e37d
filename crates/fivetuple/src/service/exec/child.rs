//! One process group: its leader is the program that was started.
//!
//! The leader is reaped after the others of its group have been told to end: as long as it is a
//! zombie, nobody else can get its number.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use rustix::process::{Pid, Signal};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::GRACE;
use super::starter::{Presence, Starter};
use crate::call::Errno;
use crate::event::ProgramEnd;
use crate::kernel::child::{Ended, has_ended, reap, signal_group};
use crate::kernel::readiness::register_or_return;

/// A program that was started. Dropped, its group is ended.
#[derive(Debug)]
pub(super) struct Child {
    leader: Leader,
    group: Pid,
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
    pub(super) fn new(
        (leader, group): (OwnedFd, Pid),
        presence: Presence,
        starter: Arc<Starter>,
    ) -> Self {
        Self {
            leader: Leader::Plain(leader),
            group,
            starter,
            presence: Some(presence),
        }
    }

    /// Its number.
    pub(super) fn pid(&self) -> u64 {
        self.group.as_raw_nonzero().get().unsigned_abs().into()
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
        let Some(fd) = std::mem::replace(&mut self.leader, Leader::Gone).into_fd() else {
            return ProgramEnd::Unknown;
        };
        let presence = self.presence.take();
        let mut ending = Ending::new((fd, self.group), presence, Instant::now());
        ending.is_over(Instant::now());
        let how = ending.reaped;
        if !ending.is_over(Instant::now()) {
            self.starter.end(ending);
        }
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

    fn end_from(&mut self, term_at: Instant) {
        if let Some(fd) = std::mem::replace(&mut self.leader, Leader::Gone).into_fd() {
            let presence = self.presence.take();
            let mut ending = Ending::new((fd, self.group), presence, term_at);
            if !ending.is_over(Instant::now()) {
                self.starter.end(ending);
            }
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.end_from(Instant::now());
    }
}

/// A group that is being ended.
#[derive(Debug)]
pub(super) struct Ending {
    leader: OwnedFd,
    group: Pid,
    _presence: Option<Presence>,
    term_at: Instant,
    termed: bool,
    killed: bool,
    reaped: Option<Ended>,
}

impl Ending {
    fn new((leader, group): (OwnedFd, Pid), presence: Option<Presence>, term_at: Instant) -> Self {
        Self {
            leader,
            group,
            _presence: presence,
            term_at,
            termed: false,
            killed: false,
            reaped: None,
        }
    }

    /// Does what it is time for. Whether the group is over: its leader reaped, and nobody left who
    /// has not been killed.
    pub(super) fn is_over(&mut self, now: Instant) -> bool {
        let ended = self.reaped.is_some() || has_ended(self.fd());
        if !self.termed && (ended || now >= self.term_at) {
            self.termed = true;
            self.term_at = self.term_at.min(now);
            self.signal(Signal::TERM);
            // Who is stopped does not hear it otherwise.
            self.signal(Signal::CONT);
        }
        if self.termed && !self.killed && now >= self.term_at + GRACE {
            self.kill();
        }
        if ended && self.reaped.is_none() {
            self.reaped = reap(self.fd());
        }
        // What KILL has met runs no more, though some parent may be slow to reap it.
        self.reaped.is_some() && (self.killed || self.is_empty())
    }

    /// Ends it now.
    pub(super) fn kill(&mut self) {
        self.killed = true;
        self.signal(Signal::KILL);
    }

    fn is_empty(&self) -> bool {
        signal_group(self.fd(), self.group, None) == Err(Errno::SRCH)
    }

    fn signal(&self, signal: Signal) {
        // Nobody left is as good.
        let _ = signal_group(self.fd(), self.group, Some(signal));
    }

    fn fd(&self) -> BorrowedFd<'_> {
        self.leader.as_fd()
    }
}
