//! Starts `ft` as users do, reads what it says, and ends it.
#![allow(
    dead_code,
    unused_imports,
    reason = "each test binary uses its own part"
)]

mod folder;
mod strace;
mod stream;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{IpAddr, Ipv6Addr, SocketAddr, TcpListener, UdpSocket};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

pub(crate) use folder::Folder;
pub(crate) use strace::{Attached, Calls, Traced};
pub(crate) use stream::{connect, listener, patient};

/// Nothing in a test takes so long unless it hangs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// The program under test.
pub(crate) fn ft() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ft"));
    command
        .env("NO_COLOR", "1")
        .env("TZ", "UTC")
        .env("LC_ALL", "C.UTF-8");
    command
}

/// A running `ft`, whose stderr is read line by line.
pub(crate) struct Running {
    pub(crate) child: Child,
    lines: Receiver<String>,
    /// Everything read so far.
    pub(crate) said: Vec<String>,
}

/// How it ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: i32,
    pub(crate) stdout: Vec<u8>,
    pub(crate) said: Vec<String>,
}

impl Running {
    /// Starts this command with stderr under our eyes. stdin and stdout are /dev/null unless the
    /// command says otherwise.
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command.stderr(Stdio::piped()).spawn().expect("ft starts");
        let stderr = child.stderr.take().expect("stderr is a pipe");
        let (tell, lines) = channel();
        thread::spawn(move || {
            for line in BufReader::new(stderr).lines() {
                let Ok(line) = line else { break };
                if tell.send(line).is_err() {
                    break;
                }
            }
        });
        Self {
            child,
            lines,
            said: Vec::new(),
        }
    }

    /// `ft listen ADDRESS …` with nothing on stdin; waits until it listens.
    pub(crate) fn listen(words: &[&str]) -> (Self, SocketAddr) {
        let mut command = ft();
        command.arg("listen").args(words);
        command.stdin(Stdio::null()).stdout(Stdio::null());
        Self::listen_as(&mut command)
    }

    /// The same with a command made elsewhere.
    pub(crate) fn listen_as(command: &mut Command) -> (Self, SocketAddr) {
        let mut running = Self::start(command);
        let line = running.wait_for("listening on ");
        let address = line.strip_prefix("listening on ").and_then(|rest| {
            rest.strip_suffix(" tcp")
                .or_else(|| rest.strip_suffix(" udp"))
        });
        let address = address.unwrap_or_else(|| panic!("not a listening line: {line:?}"));
        let address = address.parse().expect("an address after `listening on`");
        (running, address)
    }

    /// Waits for a line on stderr that contains this.
    pub(crate) fn wait_for(&mut self, part: &str) -> String {
        let until = Instant::now() + PATIENCE;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) => {
                    self.said.push(line.clone());
                    if line.contains(part) {
                        return line;
                    }
                }
                Err(error) => panic!("no line with {part:?} ({error}); it said {:#?}", self.said),
            }
        }
    }

    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, signal).expect("it lives");
    }

    /// Stops it as a whole: kill(2) returns before every thread has stopped.
    pub(crate) fn freeze(&self) {
        self.signal(rustix::process::Signal::STOP);
        eventually("it is stopped", || {
            let states = each_thread(self.child.id(), |status| status.contains("State:\tT"));
            states.into_iter().all(|stopped| stopped)
        });
    }

    /// TERM, then waits for the end.
    pub(crate) fn stop(self) -> Ended {
        self.signal(rustix::process::Signal::TERM);
        self.wait()
    }

    /// Waits for the end.
    pub(crate) fn wait(mut self) -> Ended {
        let stdout = self.child.stdout.take().map(|mut pipe| {
            thread::spawn(move || {
                let mut bytes = Vec::new();
                let _ = pipe.read_to_end(&mut bytes);
                bytes
            })
        });
        let status = self.wait_status();
        loop {
            match self.lines.recv_timeout(PATIENCE) {
                Ok(line) => self.said.push(line),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => panic!("stderr stays open"),
            }
        }
        Ended {
            status: number(status),
            stdout: stdout.map_or(Vec::new(), |thread| thread.join().expect("it reads")),
            said: std::mem::take(&mut self.said),
        }
    }

    fn wait_status(&mut self) -> ExitStatus {
        wait(&mut self.child)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port for TCP and UDP that nobody has and that the kernel gives to nobody: it is below those of
/// ip_local_port_range, and each test has some of its own. For programs that cannot be asked for any
/// free one, and for a port where nobody shall be.
pub(crate) fn quiet_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let own = (std::process::id() % 750) as u16 * 16;
    loop {
        let port = 20_000 + own + NEXT.fetch_add(1, Ordering::Relaxed) % 16;
        let here = [IpAddr::from([127, 0, 0, 1]), Ipv6Addr::LOCALHOST.into()];
        let free = |ip: IpAddr| {
            TcpListener::bind((ip, port)).is_ok() && UdpSocket::bind((ip, port)).is_ok()
        };
        if here.into_iter().all(free) {
            return port;
        }
    }
}

/// Waits for a child, not for ever.
pub(crate) fn wait(child: &mut Child) -> ExitStatus {
    let fd = rustix::process::pidfd_open(
        rustix::process::Pid::from_child(child),
        rustix::process::PidfdFlags::empty(),
    )
    .expect("a child has a pid");
    let mut polled = [rustix::event::PollFd::new(
        &fd,
        rustix::event::PollFlags::IN,
    )];
    let patience = rustix::time::Timespec {
        tv_sec: PATIENCE.as_secs().try_into().expect("it is short"),
        tv_nsec: 0,
    };
    let ready = rustix::event::poll(&mut polled, Some(&patience)).expect("poll works");
    if ready == 0 {
        let _ = child.kill();
        panic!("it does not end");
    }
    child.wait().expect("it has ended")
}

/// The status as a shell has it.
pub(crate) fn number(status: ExitStatus) -> i32 {
    let by_signal = || 128 + status.signal().unwrap_or(0);
    status.code().unwrap_or_else(by_signal)
}

/// Runs a command with this on stdin, to its end.
pub(crate) fn run(command: &mut Command, input: &[u8]) -> Output {
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command
        .spawn()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let mut stdin = child.stdin.take().expect("stdin is a pipe");
    let input = input.to_vec();
    let writing = thread::spawn(move || {
        // A program that does not read to the end is its own business.
        let _ = stdin.write_all(&input);
    });
    let read = |pipe: Option<Box<dyn Read + Send>>| {
        let mut pipe = pipe.expect("a pipe");
        thread::spawn(move || {
            let mut bytes = Vec::new();
            let _ = pipe.read_to_end(&mut bytes);
            bytes
        })
    };
    let stdout = read(child.stdout.take().map(|pipe| Box::new(pipe) as _));
    let stderr = read(child.stderr.take().map(|pipe| Box::new(pipe) as _));
    let status = wait(&mut child);
    drop(writing);
    Output {
        status,
        stdout: stdout.join().expect("it reads"),
        stderr: stderr.join().expect("it reads"),
    }
}

/// `sh -c`, with `$FT` and `$PORT` set.
pub(crate) fn sh(script: &str, port: u16) -> Command {
    let mut command = Command::new("bash");
    command
        .args(["-c", script])
        .env("FT", env!("CARGO_BIN_EXE_ft"))
        .env("PORT", port.to_string())
        .env("NO_COLOR", "1");
    command
}

/// Whether a program is there. Without it a test is skipped and says so; under CI it fails.
pub(crate) fn has(program: &str) -> bool {
    let path = std::env::var("PATH").unwrap_or_default() + ":/usr/sbin:/sbin";
    let found = path
        .split(':')
        .any(|folder| std::path::Path::new(folder).join(program).exists());
    assert!(
        found || std::env::var_os("CI").is_none(),
        "under CI nothing is skipped: {program}"
    );
    if !found {
        let _ = writeln!(std::io::stderr(), "skipped: there is no {program}");
    }
    found
}

/// What makes network, mount and process namespaces for a command.
pub(crate) fn namespaces() -> Command {
    let mut command = Command::new("unshare");
    let own = if rustix::process::geteuid().is_root() {
        "-nmpf"
    } else {
        "-rnmpf"
    };
    command.args([own, "--mount-proc", "--kill-child"]);
    command
}

/// Whether they can be made; skipped as [`has`] does.
pub(crate) fn can_make_namespaces() -> bool {
    if !["unshare", "ip", "python3", "ss"]
        .iter()
        .all(|program| has(program))
    {
        return false;
    }
    let made = run(namespaces().arg("true"), b"").status.success();
    assert!(
        made || std::env::var_os("CI").is_none(),
        "under CI nothing is skipped: namespaces"
    );
    made
}

/// The byte at this place of what this connection sends, for checks by position.
pub(crate) fn byte(seed: u64, position: u64) -> u8 {
    bytes(seed, position, 1)[0]
}

/// So many of those bytes, from this place on.
pub(crate) fn bytes(seed: u64, from: u64, count: usize) -> Vec<u8> {
    let start = usize::try_from(from % 8).expect("less than 8");
    let mut all = Vec::with_capacity(start + count + 8);
    let mut word = from / 8;
    while all.len() < start + count {
        let mixed =
            (word ^ seed.wrapping_mul(0x9e37_79b9_7f4a_7c15)).wrapping_mul(0xff51_afd7_ed55_8ccd);
        all.extend_from_slice(&(mixed ^ (mixed >> 32)).to_le_bytes());
        word += 1;
    }
    all.truncate(start + count);
    all.drain(..start);
    all
}

/// Lines of `/proc/PID/smaps_rollup` in KiB.
pub(crate) fn pss_kib(pid: u32) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).expect("it lives");
    let line = text
        .lines()
        .find(|line| line.starts_with("Pss:"))
        .expect("Pss is there");
    line.split_whitespace()
        .nth(1)
        .and_then(|kib| kib.parse().ok())
        .expect("a number")
}

/// Open descriptors of a process.
pub(crate) fn descriptors(pid: u32) -> usize {
    std::fs::read_dir(format!("/proc/{pid}/fd"))
        .expect("it lives")
        .count()
}

/// Open descriptors of a process that has nothing left to do: what it opens right after it has
/// said that it listens is open, and what the last client left is closed.
pub(crate) fn descriptors_at_rest(pid: u32) -> usize {
    rest(pid);
    descriptors(pid)
}

/// Waits until a process has nothing left to do.
pub(crate) fn rest(pid: u32) {
    eventually("it is at rest", || {
        // A thread that slept at both looks and has not run between them slept all the while.
        let first = switches_asleep(pid);
        first.is_some() && first == switches_asleep(pid)
    });
}

/// How often each thread of a process has left its processor, if all of them sleep.
fn switches_asleep(pid: u32) -> Option<Vec<String>> {
    let each = each_thread(pid, |status| {
        let switches = status
            .lines()
            .filter(|line| line.starts_with("Pid:") || line.contains("ctxt_switches"));
        status.contains("State:\tS").then(|| switches.collect())
    });
    each.into_iter().collect()
}

/// Reads `/proc/PID/task/*/status`; of a thread that has just ended it is empty.
fn each_thread<T>(pid: u32, read: impl Fn(&str) -> T) -> Vec<T> {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).expect("it lives");
    let status = |task: std::fs::DirEntry| std::fs::read_to_string(task.path().join("status"));
    tasks
        .flatten()
        .map(|task| read(&status(task).unwrap_or_default()))
        .collect()
}

/// CPU time of all threads of a process.
pub(crate) fn cpu_time(pid: u32) -> Duration {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).expect("it lives");
    let nanoseconds = tasks.flatten().map(|task| {
        let text = std::fs::read_to_string(task.path().join("schedstat")).unwrap_or_default();
        text.split_whitespace()
            .next()
            .and_then(|ns| ns.parse::<u64>().ok())
            .unwrap_or(0)
    });
    Duration::from_nanos(nanoseconds.sum())
}

/// Waits until this is so; the thing that is waited for is all that ends the wait.
pub(crate) fn eventually(what: &str, mut so: impl FnMut() -> bool) {
    let until = Instant::now() + PATIENCE;
    while !so() {
        assert!(Instant::now() < until, "never: {what}");
        thread::yield_now();
    }
}
