//! The system calls of a contender and its children while it works, by name: `strace -c`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::tree::{self, Member};
use super::{LOOK_EVERY, Running, end, spawn, wait_for};
use crate::trouble::{Doing, Trouble};

/// strace has so long to have hold of everybody, and to write down what it has counted.
const WITHIN: Duration = Duration::from_secs(10);

/// Calls that are being counted; dropped, nobody is traced any more.
#[derive(Debug)]
pub struct Counting {
    strace: Child,
    summary: PathBuf,
}

impl Counting {
    /// Counts from here on, with this strace, which keeps a file in this folder.
    ///
    /// # Errors
    ///
    /// It cannot be started, or it may not trace the contender (ptrace(2), Yama).
    pub fn start(server: &Running, strace: &Path, folder: &Path) -> Result<Self, Trouble> {
        let summary = folder.join("calls");
        let members = tree::members(server.pid());
        let mut command = counting(strace, &summary);
        for Member { pid, .. } in &members {
            command.args(["-p", &pid.to_string()]);
        }
        command.stdin(Stdio::null()).stdout(Stdio::null());
        let strace = spawn(command.stderr(Stdio::null()), None).doing("start strace")?;
        let mut counting = Self { strace, summary };
        counting.wait_until_it_has(server, &members)?;
        Ok(counting)
    }

    fn wait_until_it_has(&mut self, server: &Running, members: &[Member]) -> Result<(), Trouble> {
        let until = Instant::now() + WITHIN;
        while !members.iter().all(tree::is_traced) {
            let ended = self.strace.try_wait().doing("wait for strace")?;
            if ended.is_some() || Instant::now() > until {
                return Err(server.wrong("cannot be traced"));
            }
            thread::sleep(LOOK_EVERY);
        }
        Ok(())
    }

    /// How often each call was made, the most frequent first.
    ///
    /// # Errors
    ///
    /// strace does not end, or has written nothing down.
    pub fn stop(mut self) -> Result<Vec<(String, u64)>, Trouble> {
        kill_process(Pid::from_child(&self.strace), Signal::INT).doing("stop strace")?;
        wait_for(&mut self.strace, WITHIN)?;
        calls_in(&self.summary)
    }
}

impl Drop for Counting {
    fn drop(&mut self) {
        end(&mut self.strace);
    }
}

/// strace that counts, and writes it into this file.
fn counting(strace: &Path, summary: &Path) -> Command {
    let mut command = Command::new(strace);
    command.args(["-c", "-f", "-qq", "-U", "calls,name", "-o"]);
    command.arg(summary);
    command
}

/// The same command, whose calls and those of its children are counted into this file. What it
/// reads and writes is to be said anew.
pub fn counted(command: &Command, strace: &Path, summary: &Path) -> Command {
    let mut counted = counting(strace, summary);
    counted.arg(command.get_program()).args(command.get_args());
    counted
}

/// The calls that were counted into a file: how often each was made, the most frequent first.
///
/// # Errors
///
/// Nothing was written down.
pub fn calls_in(summary: &Path) -> Result<Vec<(String, u64)>, Trouble> {
    let summary = fs::read_to_string(summary).doing("read what strace has counted")?;
    Ok(lines_of(&summary))
}

/// The lines of a summary that have a number and a name.
fn lines_of(summary: &str) -> Vec<(String, u64)> {
    let line = |line: &str| {
        let (count, name) = line.trim().split_once(char::is_whitespace)?;
        let count = count.parse().ok()?;
        (name != "total").then(|| (name.trim().to_owned(), count))
    };
    let mut calls: Vec<(String, u64)> = summary.lines().filter_map(line).collect();
    calls.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    calls
}

#[cfg(test)]
mod tests {
    use super::lines_of;

    #[test]
    fn a_summary_is_read_without_its_frame_and_its_total() {
        let summary = "    calls syscall\n--------- --------\n        7 epoll_wait\n      120 sendto\n\
                       --------- --------\n      127 total\n";
        let calls = [("sendto".to_owned(), 120), ("epoll_wait".to_owned(), 7)];
        assert_eq!(lines_of(summary), calls);
        assert_eq!(lines_of(""), []);
    }
}
