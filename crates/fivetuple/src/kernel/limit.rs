//! The limits that a program of sockets meets: descriptors, ports, queues, ignored signals.
//!
//! What stands in `/proc/sys/net` is read in the network namespace of the reader.

use std::fs;
use std::mem::MaybeUninit;
use std::ops::RangeInclusive;
use std::ptr;

use rustix::io::Errno;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::{errno_of, last_errno};

/// The limit on the descriptors of this process (`RLIMIT_NOFILE`, getrlimit(2)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DescriptorLimit {
    /// The limit in force: descriptors are smaller than this number. `None`: unlimited.
    pub soft: Option<u64>,
    /// How far the process itself may raise it. `None`: unlimited.
    pub hard: Option<u64>,
}

/// The limit on descriptors.
pub fn descriptor_limit() -> DescriptorLimit {
    let limit = getrlimit(Resource::Nofile);
    DescriptorLimit {
        soft: limit.current,
        hard: limit.maximum,
    }
}

/// Raises the soft limit to the hard one and returns what was in force before, for children.
///
/// # Errors
///
/// As [`set_descriptor_limit`]; nothing has changed then.
pub fn raise_descriptor_limit() -> Result<DescriptorLimit, Errno> {
    let before = descriptor_limit();
    if before.soft != before.hard {
        set_descriptor_limit(DescriptorLimit {
            soft: before.hard,
            hard: before.hard,
        })?;
    }
    Ok(before)
}

/// Sets the limit on descriptors (setrlimit(2)).
///
/// # Errors
///
/// EPERM: the hard limit would grow. EINVAL: the soft limit is greater than the hard one.
pub fn set_descriptor_limit(limit: DescriptorLimit) -> Result<(), Errno> {
    setrlimit(
        Resource::Nofile,
        Rlimit {
            current: limit.soft,
            maximum: limit.hard,
        },
    )
}

/// How many descriptors this process has open, the one used for counting left out.
///
/// # Errors
///
/// EMFILE when no descriptor is left to count with; ENOENT without `/proc`.
pub fn open_descriptors() -> Result<u64, Errno> {
    let entries = fs::read_dir("/proc/self/fd").map_err(|error| errno_of(&error))?;
    let count = u64::try_from(entries.count()).unwrap_or(u64::MAX);
    Ok(count.saturating_sub(1))
}

/// Open files of the whole system, and their limit (`/proc/sys/fs/file-nr`, proc(5)).
pub fn system_descriptors() -> Option<(u64, u64)> {
    let text = fs::read_to_string("/proc/sys/fs/file-nr").ok()?;
    let mut words = text.split_ascii_whitespace();
    let open = words.next()?.parse().ok()?;
    let limit = words.nth(1)?.parse().ok()?;
    Some((open, limit))
}

/// The ports that connect, and bind to port 0, choose from (`ip_local_port_range`, ip(7)).
pub fn ephemeral_ports() -> Option<RangeInclusive<u16>> {
    parse_range(&fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").ok()?)
}

/// The first port that needs no privilege (`ip_unprivileged_port_start`, ip(7)).
///
/// 1024 where the kernel does not tell (before Linux 4.11).
pub fn unprivileged_port_start() -> u16 {
    number("/proc/sys/net/ipv4/ip_unprivileged_port_start")
        .and_then(|start| u16::try_from(start).ok())
        .unwrap_or(1024)
}

/// The greatest backlog in force (`somaxconn`, listen(2)); a greater one is cut to it, silently.
pub fn backlog_max() -> Option<u32> {
    number("/proc/sys/net/core/somaxconn").and_then(|max| u32::try_from(max).ok())
}

/// Whether this process ignores a signal (`SigIgn` in `/proc/self/status`, proc(5)).
///
/// A signal ignored at start was ignored by whoever started the program, and stays ignored.
pub fn signal_ignored(signal: i32) -> bool {
    signal_in("SigIgn:", signal)
}

/// Whether the first thread of this process blocks a signal (`SigBlk`, proc(5)).
pub fn signal_blocked(signal: i32) -> bool {
    signal_in("SigBlk:", signal)
}

/// Blocks a signal for the calling thread (pthread_sigmask(3)): it is not delivered to it.
///
/// # Errors
///
/// EINVAL: no such signal.
pub fn block_signal(signal: i32) -> Result<(), Errno> {
    let mut set = MaybeUninit::uninit();
    // SAFETY: sigemptyset writes a whole set to the place it is given.
    let result = unsafe { libc::sigemptyset(set.as_mut_ptr()) };
    if result != 0 {
        return Err(last_errno());
    }
    // SAFETY: sigemptyset has succeeded, so the set has a value.
    let mut set: libc::sigset_t = unsafe { set.assume_init() };
    // SAFETY: the set has a value; a number that is no signal is refused.
    if unsafe { libc::sigaddset(&raw mut set, signal) } != 0 {
        return Err(last_errno());
    }
    // SAFETY: the set is read, and no old mask is asked for.
    let result = unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, &raw const set, ptr::null_mut()) };
    match result {
        0 => Ok(()),
        errno => Err(Errno::from_raw_os_error(errno)),
    }
}

fn signal_in(set: &str, signal: i32) -> bool {
    fs::read_to_string("/proc/self/status")
        .is_ok_and(|status| parse_signal(&status, set, signal).unwrap_or(false))
}

fn parse_signal(status: &str, set: &str, signal: i32) -> Option<bool> {
    let hex = status
        .lines()
        .find_map(|line| line.strip_prefix(set))?
        .trim();
    let mask = u64::from_str_radix(hex, 16).ok()?;
    let bit = u32::try_from(signal).ok()?.checked_sub(1)?;
    Some(mask.checked_shr(bit)? & 1 == 1)
}

fn parse_range(text: &str) -> Option<RangeInclusive<u16>> {
    let mut words = text.split_ascii_whitespace();
    let first = words.next()?.parse().ok()?;
    let last = words.next()?.parse().ok()?;
    (first <= last).then_some(first..=last)
}

fn number(path: &str) -> Option<u64> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_of_ports_is_two_numbers_in_order() {
        assert_eq!(parse_range("32768\t60999\n"), Some(32768..=60999));
        for bad in ["", "1", "2 1", "1 65536", "a b"] {
            assert_eq!(parse_range(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn a_signal_is_a_bit_counted_from_one() {
        let status = "Name:\tx\nSigBlk:\t0000000000000000\nSigIgn:\t8000000000001001\n";
        let ignored = |signal| parse_signal(status, "SigIgn:", signal);
        assert_eq!(ignored(1), Some(true));
        assert_eq!(ignored(2), Some(false));
        assert_eq!(ignored(13), Some(true));
        assert_eq!(ignored(64), Some(true));
        assert_eq!(ignored(0), None);
        assert_eq!(ignored(65), None);
        assert_eq!(parse_signal("SigIgn:\tzz", "SigIgn:", 1), None);
    }

    #[test]
    fn a_signal_is_blocked_for_one_thread_alone() {
        let blocked = |signal: i32| {
            let status = fs::read_to_string("/proc/thread-self/status").unwrap();
            parse_signal(&status, "SigBlk:", signal).unwrap()
        };
        std::thread::spawn(move || {
            assert!(!blocked(libc::SIGTTIN));
            block_signal(libc::SIGTTIN).unwrap();
            assert!(blocked(libc::SIGTTIN));
            assert_eq!(block_signal(4096), Err(Errno::INVAL));
        })
        .join()
        .unwrap();
        assert!(!blocked(libc::SIGTTIN));
    }

    #[test]
    fn this_machine_has_limits() {
        let limit = descriptor_limit();
        assert!(limit.soft.is_none_or(|soft| soft > 0));
        assert!(open_descriptors().unwrap() >= 1);
        assert!(ephemeral_ports().is_some_and(|ports| !ports.is_empty()));
        assert!(backlog_max().is_some_and(|max| max > 0));
        assert!(system_descriptors().is_some_and(|(open, limit)| open < limit));
        assert!(!signal_blocked(libc::SIGKILL));
        // The Rust runtime ignores SIGPIPE.
        assert!(signal_ignored(libc::SIGPIPE));
    }
}
