//! A process group: started with its leader, and seen to its end.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::process::Command;
use std::ptr;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::process::{
    Pid, PidfdFlags, Signal, WaitId, WaitIdOptions, kill_process_group, pidfd_open, waitid,
};

use super::{Apart, Ended, has_ended, prepare, reap, signal_group};
use crate::kernel::last_errno;
use crate::kernel::limit::DescriptorLimit;

/// How long a group may go on after TERM.
pub const GRACE: Duration = Duration::from_secs(5);
/// How long those that KILL has met are waited for: a parent may be slow to reap them, or never
/// do it.
const KILLED_WAIT: Duration = Duration::from_secs(1);

/// A process group, by the process that it was started with.
#[derive(Debug)]
pub struct Group {
    /// A pidfd of that process.
    pub leader: OwnedFd,
    /// Its number, which is that of the group.
    pub number: Pid,
}

impl Group {
    /// Starts a program that leads a group and stands [apart](prepare). The thread that calls
    /// must live as long as the program.
    ///
    /// SIGCHLD is ignored by this process no longer, if it was: the kernel would reap a program
    /// as it ends, before anybody has a descriptor for it or has asked how it ended.
    ///
    /// # Errors
    ///
    /// What fork, exec or `pidfd_open` failed with. Nothing has been left behind then.
    pub fn start(
        command: &mut Command,
        apart: Apart,
        limit: Option<DescriptorLimit>,
    ) -> io::Result<Self> {
        keep_zombies()?;
        prepare(command, apart, limit);
        let mut child = command.spawn()?;
        let number = Pid::from_child(&child);
        match pidfd_open(number, PidfdFlags::empty()) {
            Ok(leader) => Ok(Self { leader, number }),
            Err(errno) => {
                // Nobody could watch it. It is not reaped yet, so the number is its own.
                let _ = kill_process_group(number, Signal::KILL);
                let _ = child.wait();
                Err(errno.into())
            }
        }
    }

    /// Sends a signal to all of it; nobody left is as good.
    pub fn signal(&self, signal: Signal) {
        let _ = signal_group(&self.leader, self.number, Some(signal));
    }

    /// Asks all of it to end.
    pub fn terminate(&self) {
        self.signal(Signal::TERM);
        // Who is stopped does not hear it otherwise.
        self.signal(Signal::CONT);
    }

    /// Whether nobody is left, zombies neither.
    pub fn is_empty(&self) -> bool {
        signal_group(&self.leader, self.number, None) == Err(Errno::SRCH)
    }

    /// Blocks until the leader has ended, and does not reap it.
    pub fn wait_for_leader(&self) {
        let look = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        let wait = || waitid(WaitId::PidFd(self.leader.as_fd()), look);
        while wait().is_err_and(|errno| errno == Errno::INTR) {}
    }
}

/// How far the end of a group has come: TERM, then KILL, and the leader reaped.
///
/// The leader is reaped after the others of its group have been told to end: as long as it is a
/// zombie, nobody else can get its number.
#[derive(Debug)]
pub struct Ending {
    term_at: Instant,
    termed: bool,
    killed_at: Option<Instant>,
    reaped: Option<Ended>,
}

impl Ending {
    /// The end of a group that gets TERM at this time, or when its leader has ended.
    pub fn new(term_at: Instant) -> Self {
        Self {
            term_at,
            termed: false,
            killed_at: None,
            reaped: None,
        }
    }

    /// Does what it is time for. Whether the group is over: its leader reaped, and nobody left
    /// but who has been killed and is not reaped by a parent of his own for a second.
    pub fn is_over(&mut self, group: &Group, now: Instant) -> bool {
        let ended = self.reaped.is_some() || has_ended(&group.leader);
        if !self.termed && (ended || now >= self.term_at) {
            self.termed = true;
            self.term_at = self.term_at.min(now);
            group.terminate();
        }
        if self.termed && self.killed_at.is_none() && now >= self.term_at + GRACE {
            self.kill(group, now);
        }
        if ended && self.reaped.is_none() {
            self.reaped = reap(&group.leader);
        }
        let waited = self.killed_at.is_some_and(|at| now >= at + KILLED_WAIT);
        self.reaped.is_some() && (waited || group.is_empty())
    }

    /// Ends it now.
    pub fn kill(&mut self, group: &Group, now: Instant) {
        self.killed_at.get_or_insert(now);
        group.signal(Signal::KILL);
    }

    /// How the leader had ended, once it is reaped.
    pub fn how(&self) -> Option<Ended> {
        self.reaped
    }
}

/// Has children that have ended stay until we reap them, as is the default. Somebody may have
/// started us with SIGCHLD ignored, which says the opposite.
fn keep_zombies() -> Result<(), Errno> {
    let mut action = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: the action is ours and is only written to.
    if unsafe { libc::sigaction(libc::SIGCHLD, ptr::null(), action.as_mut_ptr()) } != 0 {
        return Err(last_errno());
    }
    // SAFETY: the call has succeeded, so the action has a value.
    let mut action = unsafe { action.assume_init() };
    let reaped_by_kernel = action.sa_flags & libc::SA_NOCLDWAIT != 0;
    if action.sa_sigaction != libc::SIG_IGN && !reaped_by_kernel {
        return Ok(());
    }
    action.sa_flags &= !libc::SA_NOCLDWAIT;
    if action.sa_sigaction == libc::SIG_IGN {
        action.sa_sigaction = libc::SIG_DFL;
    }
    // SAFETY: the action is what was in force, or the default one; the old one is not asked for.
    if unsafe { libc::sigaction(libc::SIGCHLD, &raw const action, ptr::null_mut()) } != 0 {
        return Err(last_errno());
    }
    Ok(())
}
