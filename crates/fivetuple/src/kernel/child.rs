//! A new process between fork and exec, and its process group afterwards.
//!
//! What runs in the child before exec makes system calls and nothing else: other threads of the
//! parent may have held any lock at the moment of the fork.

mod group;

use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::ptr;

use libc::{c_int, c_uint};
use rustix::io::Errno;
use rustix::process::{
    Pid, Resource, Rlimit, Signal, WaitId, WaitIdOptions, getpid, getppid, getrlimit,
    ioctl_tiocsctty, kill_process_group, set_parent_process_death_signal, setrlimit, setsid,
    test_kill_process_group, waitid,
};
use rustix::pty::{OpenptFlags, grantpt, ioctl_tiocgptpeer, openpt, unlockpt};
use rustix::stdio::stdin;
use rustix::termios::{Winsize, tcsetwinsize};

use super::last_errno;
use super::limit::DescriptorLimit;
pub use group::{Ending, GRACE, Group};

/// How a new process stands apart from its parent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Apart {
    /// In a process group of its own.
    Group,
    /// The same, and with the terminal on its stdin as controlling terminal (setsid(2)).
    Terminal,
}

/// How a process that was reaped had ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// By itself, with this status.
    Status(i32),
    /// By this signal.
    Signal(i32),
    /// It has been reaped by somebody else (SIGCHLD is ignored): nothing is known.
    Unknown,
}

/// What the kernel takes for a set of signals.
const SIGNAL_SET_BYTES: usize = 8;
/// The end of the numbers of signals.
const SIGNALS_END: c_int = 65;
/// The first descriptor that a child does not inherit.
const NOT_INHERITED: c_uint = 3;
/// Where close_range(2) is missing, descriptors up to this one are looked at.
const LOOKED_AT: c_int = 65_536;
/// `PIDFD_SIGNAL_PROCESS_GROUP` (Linux 6.9).
const TO_THE_GROUP: c_uint = 1 << 2;

/// Has the process that `command` starts stand apart: KILL when the thread that started it ends,
/// descriptors 0, 1 and 2 only, no signal ignored or blocked, and the limit on descriptors that
/// is given.
pub fn prepare(command: &mut Command, apart: Apart, limit: Option<DescriptorLimit>) {
    let parent = getpid();
    if apart == Apart::Group {
        command.process_group(0);
    }
    let in_the_child = move || -> io::Result<()> {
        if apart == Apart::Terminal {
            setsid()?;
            ioctl_tiocsctty(stdin())?;
        }
        set_parent_process_death_signal(Some(Signal::KILL))?;
        if getppid() != Some(parent) {
            // The parent was gone before it could be watched.
            return Err(Errno::SRCH.into());
        }
        default_signals();
        if let Some(limit) = limit {
            let hard = getrlimit(Resource::Nofile).maximum;
            let soft = match (limit.soft, hard) {
                (Some(soft), Some(hard)) => Some(soft.min(hard)),
                (None, hard) => hard,
                (soft, None) => soft,
            };
            setrlimit(
                Resource::Nofile,
                Rlimit {
                    current: soft,
                    maximum: hard,
                },
            )?;
        }
        close_the_rest_on_exec();
        Ok(())
    };
    // SAFETY: the closure makes system calls on values of its own; it takes no lock and allocates
    // nothing, so it may run between fork and exec of a program with several threads.
    unsafe { command.pre_exec(in_the_child) };
}

/// Gives every signal its default action and blocks none. The kernel is asked directly: the C
/// library keeps two signals to itself, which may be ignored all the same.
fn default_signals() {
    // As the kernel has it: action, flags, restorer, mask. SIG_DFL is 0.
    let default = [0_u64; 8];
    let no_old: *mut u64 = ptr::null_mut();
    for signal in 1..SIGNALS_END {
        // SAFETY: the action is ours, at least as long as the kernel's structure on every machine,
        // and all zero it is the default action; KILL and STOP give EINVAL.
        unsafe {
            libc::syscall(
                libc::SYS_rt_sigaction,
                signal,
                default.as_ptr(),
                no_old,
                SIGNAL_SET_BYTES,
            )
        };
    }
    // SAFETY: a set of signals is plain bits, for which all zero is a value.
    let mut none: libc::sigset_t = unsafe { std::mem::zeroed() };
    // SAFETY: the set is ours.
    unsafe { libc::sigemptyset(&raw mut none) };
    // SAFETY: the set is ours and initialised; the old mask is not asked for.
    unsafe { libc::sigprocmask(libc::SIG_SETMASK, &raw const none, ptr::null_mut()) };
}

/// Marks everything but stdin, stdout and stderr close-on-exec: what somebody left open in us is
/// no business of a child.
fn close_the_rest_on_exec() {
    // SAFETY: the call takes numbers only and marks descriptors of this process, which is a
    // child about to exec; nothing is closed yet.
    let marked = unsafe {
        libc::syscall(
            libc::SYS_close_range,
            NOT_INHERITED,
            c_uint::MAX,
            libc::CLOSE_RANGE_CLOEXEC,
        )
    };
    if marked == 0 {
        return;
    }
    // Linux before 5.11.
    for fd in 3..LOOKED_AT {
        // SAFETY: a number that names no descriptor gives EBADF; the mark harms none.
        unsafe { libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC) };
    }
}

/// Sends a signal to every process of the group that `leader` was started as the leader of;
/// `None` only looks whether anybody is there.
///
/// The descriptor of the leader names the group also when the leader has been reaped, so no group
/// that later got the same number is ever meant. Before Linux 6.9 the number has to do.
///
/// # Errors
///
/// ESRCH: nobody is left in the group.
pub fn signal_group(leader: impl AsFd, group: Pid, signal: Option<Signal>) -> Result<(), Errno> {
    let number = signal.map_or(0, Signal::as_raw);
    let fd = leader.as_fd().as_raw_fd();
    let nothing_more: *const libc::siginfo_t = ptr::null();
    // SAFETY: the descriptor is borrowed for the whole function; without a siginfo_t the kernel
    // fills in its own.
    let sent = unsafe {
        libc::syscall(
            libc::SYS_pidfd_send_signal,
            fd,
            number,
            nothing_more,
            TO_THE_GROUP,
        )
    };
    if sent == 0 {
        return Ok(());
    }
    match last_errno() {
        Errno::INVAL | Errno::NOSYS => match signal {
            Some(signal) => kill_process_group(group, signal),
            None => test_kill_process_group(group),
        },
        errno => Err(errno),
    }
}

/// Whether the process has ended, without reaping it.
pub fn has_ended(leader: impl AsFd) -> bool {
    let look = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    !matches!(waitid(WaitId::PidFd(leader.as_fd()), look), Ok(None))
}

/// Reaps the process if it has ended.
pub fn reap(leader: impl AsFd) -> Option<Ended> {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG;
    match waitid(WaitId::PidFd(leader.as_fd()), options) {
        Ok(None) => None,
        Ok(Some(status)) => Some(match (status.exit_status(), status.terminating_signal()) {
            (Some(status), _) => Ended::Status(status),
            (None, Some(signal)) => Ended::Signal(signal),
            (None, None) => Ended::Unknown,
        }),
        Err(_) => Some(Ended::Unknown),
    }
}

/// A new pseudo-terminal of 24 lines and 80 columns: our end, and the end of a program. Neither
/// is inherited, and neither becomes our controlling terminal.
///
/// # Errors
///
/// EMFILE, ENFILE; ENOSPC: the system has no pseudo-terminal left.
pub fn pseudo_terminal() -> Result<(OwnedFd, OwnedFd), Errno> {
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    let ours = openpt(flags)?;
    grantpt(&ours)?;
    unlockpt(&ours)?;
    let theirs = ioctl_tiocgptpeer(&ours, flags)?;
    let size = Winsize {
        ws_row: 24,
        ws_col: 80,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    tcsetwinsize(&ours, size)?;
    Ok((ours, theirs))
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::process::Stdio;

    use rustix::process::{PidfdFlags, pidfd_open};

    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn the_group_is_reached_by_the_descriptor_of_a_leader_that_is_gone() {
        let mut command = shell("sleep 1000 & echo $!");
        prepare(&mut command, Apart::Group, None);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let group = Pid::from_child(&child);
        let leader = pidfd_open(group, PidfdFlags::empty()).unwrap();
        let mut pipe = child.stdout.take().unwrap();
        while !has_ended(&leader) {
            std::thread::yield_now();
        }
        assert_eq!(signal_group(&leader, group, None), Ok(()));
        assert_eq!(reap(&leader), Some(Ended::Status(0)));
        assert_eq!(signal_group(&leader, group, None), Ok(()));
        assert_eq!(signal_group(&leader, group, Some(Signal::KILL)), Ok(()));
        // The pipe ends when the one that was left behind has ended.
        let mut text = String::new();
        pipe.read_to_string(&mut text).unwrap();
        assert!(text.trim().parse::<u32>().is_ok(), "{text}");
        // It has been reaped already.
        assert!(child.wait().is_err());
    }

    #[test]
    fn a_child_has_default_signals_and_the_limit_that_is_given() {
        // In place of the shell, which blocks signals of its own accord while it starts a program.
        let mut command = shell("ulimit -Sn; exec grep -E 'Sig(Ign|Blk)' /proc/self/status");
        let soft = Some(77);
        let limit = DescriptorLimit { soft, hard: None };
        prepare(&mut command, Apart::Group, Some(limit));
        let output = command.output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert_eq!(
            text,
            "77\nSigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n"
        );
    }

    #[test]
    fn a_pseudo_terminal_has_a_size_and_controls_its_program() {
        let (_ours, theirs) = pseudo_terminal().unwrap();
        let mut command = shell("tty && stty size && ps -o tpgid= -p $$ && echo $$");
        prepare(&mut command, Apart::Terminal, None);
        let output = command.stdin(theirs).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let words: Vec<&str> = text.split_whitespace().collect();
        assert!(words[0].starts_with("/dev/pts/"), "{text}");
        assert_eq!(words[1..3], ["24", "80"]);
        assert_eq!(words[3], words[4]);
    }
}
