//! Which processes hold a socket: `/proc/PID/fd` names every socket by its inode (proc(5)).
//!
//! Only processes whose descriptors we may look at are seen: our own user's, or all as root.

use std::ffi::CStr;
use std::fs;
use std::path::Path;
use std::ptr;
use std::time::{Duration, SystemTime};

/// Processes that one question returns at most.
pub const PROCESSES_MAX: usize = 64;

/// One process.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Process {
    /// Its number.
    pub pid: u32,
    /// The name that the kernel keeps (`comm`, at most 15 bytes). The process chooses it: any
    /// byte may stand in it, so it is shown with its control bytes escaped only.
    pub name: Vec<u8>,
    /// The real user.
    pub uid: u32,
    /// The name of that user, where there is one.
    pub user: Option<String>,
    /// When it was started, good to about a second.
    pub since: Option<SystemTime>,
}

impl Process {
    /// Whether it is the process that asks.
    pub fn is_ours(&self) -> bool {
        self.pid == std::process::id()
    }
}

/// A process and the inode of the socket that it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SocketHolder {
    /// The inode of the socket.
    pub inode: u32,
    /// A process with a descriptor of it. After a fork there are several.
    pub process: Process,
}

/// The processes that hold these sockets, as far as they are visible, at most
/// [`PROCESSES_MAX`] in all; each process once for each socket.
pub fn holders(inodes: &[u32]) -> Vec<SocketHolder> {
    let mut holders = Vec::new();
    if inodes.iter().all(|&inode| inode == 0) {
        return holders;
    }
    let Ok(entries) = fs::read_dir("/proc") else {
        return holders;
    };
    for entry in entries.flatten() {
        let Some(pid) = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok())
        else {
            continue;
        };
        let held = held_sockets(&entry.path(), inodes);
        if held.is_empty() {
            continue;
        }
        let Some(process) = process(pid) else {
            continue;
        };
        for inode in held {
            if holders.len() == PROCESSES_MAX {
                return holders;
            }
            holders.push(SocketHolder {
                inode,
                process: process.clone(),
            });
        }
    }
    holders
}

/// Those of `inodes` that a process holds, each once.
fn held_sockets(directory: &Path, inodes: &[u32]) -> Vec<u32> {
    let mut held = Vec::new();
    let Ok(descriptors) = fs::read_dir(directory.join("fd")) else {
        return held;
    };
    for descriptor in descriptors.flatten() {
        let inode = fs::read_link(descriptor.path())
            .ok()
            .and_then(|link| socket_inode(link.to_str()?))
            .filter(|inode| *inode != 0 && inodes.contains(inode));
        if let Some(inode) = inode
            && !held.contains(&inode)
        {
            held.push(inode);
        }
    }
    held
}

fn socket_inode(link: &str) -> Option<u32> {
    link.strip_prefix("socket:[")?
        .strip_suffix(']')?
        .parse()
        .ok()
}

/// What `/proc` tells of one process; `None` once it is gone.
pub fn process(pid: u32) -> Option<Process> {
    let directory = Path::new("/proc").join(pid.to_string());
    let stat = fs::read(directory.join("stat")).ok()?;
    let status = fs::read(directory.join("status")).ok()?;
    let uid = parse_uid(&status)?;
    Some(Process {
        pid,
        name: parse_name(&stat)?.to_vec(),
        uid,
        user: user_name(uid),
        since: parse_start_ticks(&stat).and_then(start_time),
    })
}

/// Field 2 of `/proc/PID/stat`: between the first and the *last* parenthesis, since the name may
/// contain both.
fn parse_name(stat: &[u8]) -> Option<&[u8]> {
    let first = stat.iter().position(|&byte| byte == b'(')?;
    let last = stat.iter().rposition(|&byte| byte == b')')?;
    stat.get(first.checked_add(1)?..last)
}

/// Field 22 of `/proc/PID/stat`, in clock ticks after boot.
fn parse_start_ticks(stat: &[u8]) -> Option<u64> {
    let last = stat.iter().rposition(|&byte| byte == b')')?;
    // Field 3 comes first after the name.
    let rest = std::str::from_utf8(stat.get(last.checked_add(1)?..)?).ok()?;
    rest.split_ascii_whitespace().nth(22 - 3)?.parse().ok()
}

/// The real user: the first number after `Uid:` in `/proc/PID/status`.
fn parse_uid(status: &[u8]) -> Option<u32> {
    let line = status
        .split(|&byte| byte == b'\n')
        .find_map(|line| line.strip_prefix(b"Uid:"))?;
    std::str::from_utf8(line)
        .ok()?
        .split_ascii_whitespace()
        .next()?
        .parse()
        .ok()
}

/// When the machine was started, seconds after 1970 (`btime` in `/proc/stat`).
fn parse_boot_time(stat: &str) -> Option<u64> {
    stat.lines()
        .find_map(|line| line.strip_prefix("btime "))?
        .trim()
        .parse()
        .ok()
}

fn start_time(ticks: u64) -> Option<SystemTime> {
    let boot = parse_boot_time(&fs::read_to_string("/proc/stat").ok()?)?;
    let per_second = rustix::param::clock_ticks_per_second().max(1);
    let after_boot = Duration::from_millis(ticks.checked_mul(1000)? / per_second);
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(boot).checked_add(after_boot)?)
}

/// How long the threads of this process that live have been ready to run and waited for a
/// processor, all of them together (`/proc/self/task/TID/schedstat`); zero on a kernel without it.
pub fn processor_awaited() -> Duration {
    let Ok(threads) = fs::read_dir("/proc/self/task") else {
        return Duration::ZERO;
    };
    let awaited = threads.flatten().filter_map(|thread| {
        let text = fs::read_to_string(thread.path().join("schedstat"));
        parse_awaited(&text.ok()?)
    });
    Duration::from_nanos(awaited.sum())
}

/// The second of three numbers, in nanoseconds.
fn parse_awaited(schedstat: &str) -> Option<u64> {
    schedstat.split_ascii_whitespace().nth(1)?.parse().ok()
}

/// The name of a user (getpwuid_r(3)); `None` where the system knows none.
pub fn user_name(uid: u32) -> Option<String> {
    /// Room for one entry of the user database; a longer one counts as unknown.
    const ENTRY_MAX: usize = 16_384;
    let mut strings = vec![0; ENTRY_MAX];
    // SAFETY: `passwd` holds integers and pointers only, for which all zero is a value.
    let mut entry: libc::passwd = unsafe { std::mem::zeroed() };
    let mut found: *mut libc::passwd = ptr::null_mut();
    // SAFETY: the entry, the room for its strings with its true length and the pointer to the
    // result are ours and live through the call.
    let code = unsafe {
        libc::getpwuid_r(
            uid,
            &raw mut entry,
            strings.as_mut_ptr(),
            strings.len(),
            &raw mut found,
        )
    };
    if code != 0 || found.is_null() || entry.pw_name.is_null() {
        return None;
    }
    // SAFETY: after success the name is a string with its zero byte inside `strings`.
    let name = unsafe { CStr::from_ptr(entry.pw_name) };
    name.to_str().ok().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::os::fd::AsFd;

    use super::*;

    #[test]
    fn a_name_with_parentheses_and_spaces_does_not_shift_the_fields() {
        let fields = "S 1 42 42 0 -1 4194304 1 0 0 0 0 0 0 0 20 0 1 0 12345 0 0";
        for name in ["plain", "a) S (b", "((", ") )", "", "a b c"] {
            let stat = format!("42 ({name}) {fields}\n");
            assert_eq!(parse_name(stat.as_bytes()), Some(name.as_bytes()));
            assert_eq!(parse_start_ticks(stat.as_bytes()), Some(12345), "{name}");
        }
        for bad in ["", "42", "42 (x", "42 )x(", "42 (x) S", "42 (x) S 1 2 3"] {
            assert_eq!(parse_start_ticks(bad.as_bytes()), None, "{bad:?}");
        }
        assert_eq!(parse_name(b")("), None);
    }

    #[test]
    fn status_and_stat_are_read_by_their_keys() {
        assert_eq!(
            parse_uid(b"Name:\tUid:\xff\nUid:\t1000\t0\t0\t0\nGid:\t1\n"),
            Some(1000)
        );
        assert_eq!(parse_uid(b"Name:\tx\n"), None);
        assert_eq!(
            parse_boot_time("cpu 1 2\nbtime 1700000000\n"),
            Some(1_700_000_000)
        );
        assert_eq!(parse_boot_time("cpu 1 2\n"), None);
        assert_eq!(socket_inode("socket:[17]"), Some(17));
        for bad in ["socket:[]", "socket:[x]", "pipe:[17]", "socket:[17"] {
            assert_eq!(socket_inode(bad), None);
        }
    }

    #[test]
    fn the_wait_for_a_processor_is_the_second_number() {
        assert_eq!(parse_awaited("12 345 6\n"), Some(345));
        for bad in ["", "12", "12 x 6"] {
            assert_eq!(parse_awaited(bad), None, "{bad:?}");
        }
        // What was waited once stays waited.
        let before = processor_awaited();
        assert!(processor_awaited() >= before);
    }

    #[test]
    fn this_process_holds_its_own_socket() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let second = listener.try_clone().unwrap();
        let inode = rustix::fs::fstat(listener.as_fd()).unwrap().st_ino;
        let found = holders(&[0, u32::try_from(inode).unwrap()]);
        assert_eq!(found.len(), 1, "two descriptors of one process count once");
        let ours = &found[0].process;
        assert!(ours.is_ours() && u64::from(found[0].inode) == inode);
        assert_eq!(ours.uid, rustix::process::getuid().as_raw());
        let age = SystemTime::now()
            .duration_since(ours.since.unwrap())
            .unwrap_or_default();
        assert!(age < Duration::from_secs(3600));
        drop((listener, second));
        assert_eq!(holders(&[0]), []);
        assert_eq!(user_name(0).as_deref(), Some("root"));
        assert_eq!(user_name(u32::MAX - 7), None);
        assert_eq!(process(u32::MAX), None);
    }
}
