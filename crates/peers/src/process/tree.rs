//! A process with all its children: time on a core, memory, and their end.
//!
//! Some contenders fork for each connection. What lives, or has ended and was not waited for yet, has
//! a clock of its own, in nanoseconds; what was waited for is in its parent's times, in ticks of
//! 10 ms.

use std::fs;
use std::process::{Child, ExitStatus};
use std::time::{Duration, Instant};

use fivetuple::kernel::processor_time::processor_time;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{
    Pid, PidfdFlags, Signal, WaitId, WaitIdOptions, kill_process, pidfd_open, waitid,
};

use super::started;
use crate::trouble::{Doing, Trouble};

/// Where fields stand in /proc/PID/stat behind the name.
const PARENT: usize = 1;
const CHILDREN_TIMES: [usize; 2] = [13, 14];
const START: usize = 19;

/// A process, and when it began: its number alone may be given to another later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Member {
    pub(super) pid: i32,
    begun: u64,
}

/// The fields of /proc/PID/stat behind the name, which may contain anything.
fn fields(pid: i32) -> Option<Vec<u64>> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, rest) = text.rsplit_once(')')?;
    // The state is a letter and some fields are negative; none of those is asked for.
    let number = |field: &str| field.parse().unwrap_or(0);
    Some(rest.split_whitespace().map(number).collect())
}

/// The process and all that descend from it.
pub(super) fn members(root: Pid) -> Vec<Member> {
    let root = root.as_raw_nonzero().get();
    let everybody = fs::read_dir("/proc").into_iter().flatten().flatten();
    let everybody: Vec<(Member, u64)> = everybody
        .filter_map(|entry| {
            let pid = entry.file_name().to_str()?.parse().ok()?;
            let fields = fields(pid)?;
            let begun = *fields.get(START)?;
            Some((Member { pid, begun }, *fields.get(PARENT)?))
        })
        .collect();
    let is_root = |(member, _): &&(Member, u64)| member.pid == root;
    let mut found: Vec<Member> = everybody
        .iter()
        .filter(is_root)
        .map(|(one, _)| *one)
        .collect();
    let mut next = 0;
    while let Some(parent) = found.get(next).map(|member| member.pid) {
        let children = everybody
            .iter()
            .filter(|(_, of)| i64::try_from(*of) == Ok(parent.into()));
        found.extend(children.map(|(child, _)| *child));
        next += 1;
    }
    found
}

/// The time that a process and all its children have had on a core.
pub(super) fn cpu(root: Pid) -> Duration {
    members(root).iter().map(|member| time_of(member.pid)).sum()
}

/// The time of a process, and that of its children that have ended and were waited for.
fn time_of(pid: i32) -> Duration {
    let fields = fields(pid).unwrap_or_default();
    let children = CHILDREN_TIMES.iter();
    let ticks: u64 = children.filter_map(|place| fields.get(*place)).sum();
    let per_second = u32::try_from(rustix::param::clock_ticks_per_second()).unwrap_or(100);
    let own = Pid::from_raw(pid).map(processor_time);
    // Who has gone is in its parent's times.
    own.and_then(Result::ok).unwrap_or_default() + Duration::from_secs(ticks) / per_second
}

/// Memory in user space in bytes: pages of its own, and its share of those that are shared.
pub(super) fn memory(root: Pid) -> u64 {
    let of_one = |member: &Member| -> Option<u64> {
        let text = fs::read_to_string(format!("/proc/{}/smaps_rollup", member.pid)).ok()?;
        let line = text.lines().find_map(|line| line.strip_prefix("Pss:"))?;
        line.split_whitespace().next()?.parse().ok()
    };
    members(root).iter().filter_map(of_one).sum::<u64>() * 1024
}

/// Whether all threads of a process are traced.
pub(super) fn is_traced(member: &Member) -> bool {
    let threads = fs::read_dir(format!("/proc/{}/task", member.pid));
    let is_traced = |thread: fs::DirEntry| {
        let status = fs::read_to_string(thread.path().join("status")).unwrap_or_default();
        !status.contains("TracerPid:\t0\n")
    };
    // Who has ended is nobody to wait for.
    threads.into_iter().flatten().flatten().all(is_traced)
}

fn send(member: &Member, signal: Signal) {
    let begun = fields(member.pid).and_then(|fields| fields.get(START).copied());
    if begun == Some(member.begun)
        && let Some(pid) = Pid::from_raw(member.pid)
    {
        // Who has just ended needs no signal.
        let _ = kill_process(pid, signal);
    }
}

/// Asks these processes to end.
pub(super) fn ask(members: &[Member]) {
    members.iter().for_each(|member| send(member, Signal::TERM));
}

/// Ends these processes.
pub(super) fn end(members: &[Member]) {
    members.iter().for_each(|member| send(member, Signal::KILL));
}

/// How a program ended that was waited for.
#[derive(Clone, Copy, Debug)]
pub struct Ended {
    /// Its exit status.
    pub status: ExitStatus,
    /// When it was found to have ended.
    pub at: Instant,
    /// The time that it and its children have had on a core.
    pub cpu: Duration,
}

/// Waits until a child ends, and reads its times before it is forgotten. One that does not end in
/// time is ended.
///
/// # Errors
///
/// It does not end in time, or is nobody's child any more.
pub fn wait_for(child: &mut Child, within: Duration) -> Result<Ended, Trouble> {
    let pid = Pid::from_child(child);
    let watch = pidfd_open(pid, PidfdFlags::empty()).doing("watch a program")?;
    let mut watched = [PollFd::new(&watch, PollFlags::IN)];
    let seconds = i64::try_from(within.as_secs()).unwrap_or(i64::MAX);
    let within = Timespec {
        tv_sec: seconds,
        tv_nsec: 0,
    };
    if poll(&mut watched, Some(&within)).doing("wait for a program")? == 0 {
        end(&members(pid));
        child.wait().doing("wait for a program")?;
        started::leave(pid);
        return Err(Trouble::wrong("a program", "does not end"));
    }
    let at = Instant::now();
    // Waited for, but not forgotten: its times can still be read.
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
    waitid(WaitId::Pid(pid), options).doing("wait for a program")?;
    let cpu = time_of(pid.as_raw_nonzero().get());
    let status = child.wait().doing("wait for a program")?;
    started::leave(pid);
    Ok(Ended { status, at, cpu })
}
