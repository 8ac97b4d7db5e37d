//! The time that another process has had on a core.

use std::time::Duration;

use libc::{clockid_t, timespec};
use rustix::io::Errno;
use rustix::process::Pid;

use super::last_errno;

/// The time on a core of all threads of a process, also of those that have ended
/// (clock_getcpuclockid(3)). A process that has ended has it until somebody has waited for it.
///
/// # Errors
///
/// ESRCH: there is no such process, or none any more.
pub fn processor_time(pid: Pid) -> Result<Duration, Errno> {
    let mut clock: clockid_t = 0;
    // SAFETY: the number of a clock is written to `clock`, which lives as long as the call.
    let error = unsafe { libc::clock_getcpuclockid(pid.as_raw_pid(), &raw mut clock) };
    if error != 0 {
        return Err(Errno::from_raw_os_error(error));
    }
    let mut time = timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: a time is written to `time`, which lives as long as the call.
    let status = unsafe { libc::clock_gettime(clock, &raw mut time) };
    if status != 0 {
        return Err(last_errno());
    }
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    let nanoseconds = u32::try_from(time.tv_nsec).unwrap_or(0);
    Ok(Duration::new(seconds, nanoseconds))
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use rustix::process::{WaitId, WaitIdOptions, getpid, waitid};

    use super::*;

    #[test]
    fn the_time_of_a_thread_that_has_ended_is_counted() {
        let before = processor_time(getpid()).unwrap();
        let own = rustix::time::ClockId::ThreadCPUTime;
        let spent = Duration::from_millis(30);
        let work = move || while time_of(own) < spent {};
        std::thread::spawn(work).join().unwrap();
        assert!(processor_time(getpid()).unwrap() - before >= spent);
    }

    fn time_of(clock: rustix::time::ClockId) -> Duration {
        let time = rustix::time::clock_gettime(clock);
        Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
    }

    #[test]
    fn a_process_has_its_time_until_it_is_waited_for() {
        let mut child = Command::new("true").stdin(Stdio::null()).spawn().unwrap();
        let pid = Pid::from_child(&child);
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        waitid(WaitId::Pid(pid), options).unwrap();
        assert!(processor_time(pid).unwrap() > Duration::ZERO);
        child.wait().unwrap();
        assert_eq!(processor_time(pid), Err(Errno::SRCH));
    }
}
