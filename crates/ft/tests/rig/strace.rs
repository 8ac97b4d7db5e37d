//! strace(1) at a program: which calls it makes, how often, and which of them the kernel refuses.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};

use super::{Folder, eventually, wait};

/// `ft` under strace from its first call to its last; its own process is the one that is started.
pub(crate) struct Traced {
    folder: Folder,
}

impl Traced {
    /// The command, and what strace writes about it.
    pub(crate) fn ft(options: &[&str]) -> (Command, Self) {
        let folder = Folder::new();
        let mut command = Command::new("strace");
        command.args(["-D", "-f", "-qq", "-o"]);
        command.arg(folder.path("calls")).args(options);
        command.arg(env!("CARGO_BIN_EXE_ft"));
        command.env("NO_COLOR", "1").env("LC_ALL", "C.UTF-8");
        (command, Self { folder })
    }

    /// The same for counts.
    pub(crate) fn counted() -> (Command, Self) {
        Self::ft(&["-c"])
    }

    /// Waits until strace has written this, which may be after the end of the program.
    pub(crate) fn wait_for(&self, part: &str) {
        eventually(part, || self.written().contains(part));
    }

    /// All calls, once the program has ended.
    pub(crate) fn calls(self) -> Calls {
        self.wait_for(" total\n");
        Calls(self.written())
    }

    /// What it has written by now.
    pub(crate) fn written(&self) -> String {
        let mut text = Vec::new();
        if let Ok(mut file) = File::open(self.folder.path("calls")) {
            file.read_to_end(&mut text).expect("a file");
        }
        String::from_utf8_lossy(&text).into_owned()
    }
}

/// strace at a process that runs: it is there from now on.
pub(crate) struct Attached {
    strace: Child,
    folder: Folder,
}

impl Attached {
    /// Counts the calls that are made while it is there.
    pub(crate) fn counting(pid: u32) -> Self {
        Self::at(pid, &["-c"])
    }

    /// Comes to a process, and returns when it has all of its threads.
    pub(crate) fn at(pid: u32, options: &[&str]) -> Self {
        let folder = Folder::new();
        let mut strace = Command::new("strace");
        strace.args(["-f", "-o"]).arg(folder.path("calls"));
        strace.args(options).args(["-p", &pid.to_string()]);
        strace.stdin(Stdio::null()).stderr(Stdio::piped());
        let mut strace = strace.spawn().expect("it starts");
        let threads = fs::read_dir(format!("/proc/{pid}/task"))
            .expect("it lives")
            .count();
        let mut told = BufReader::new(strace.stderr.take().expect("a pipe")).lines();
        let mut attached = 0;
        while attached < threads {
            let line = told.next().expect("it goes on").expect("text");
            assert!(!line.contains("Operation not permitted"), "{line}");
            // One line for each thread, or one that says how many there are.
            let many = line
                .split(" with ")
                .nth(1)
                .and_then(|rest| rest.split(' ').next());
            attached += many.map_or(1, |many| many.parse().expect("a number"));
        }
        Self { strace, folder }
    }

    /// What it has counted or written.
    pub(crate) fn leave(mut self) -> Calls {
        let pid = rustix::process::Pid::from_child(&self.strace);
        rustix::process::kill_process(pid, rustix::process::Signal::INT).expect("it lives");
        wait(&mut self.strace);
        Calls(fs::read_to_string(self.folder.path("calls")).expect("strace wrote it"))
    }
}

impl Drop for Attached {
    fn drop(&mut self) {
        let _ = self.strace.kill();
        let _ = self.strace.wait();
    }
}

/// What strace wrote.
pub(crate) struct Calls(pub(crate) String);

impl Calls {
    /// How often this call was made, by the table of counts.
    pub(crate) fn of(&self, name: &str) -> u64 {
        let count = |line: &str| {
            let words: Vec<&str> = line.split_whitespace().collect();
            let count = words.get(3).and_then(|count| count.parse::<u64>().ok());
            count.filter(|_| words.last() == Some(&name))
        };
        self.0.lines().filter_map(count).sum()
    }

    /// How often all of these were made.
    pub(crate) fn sum(&self, names: &[&str]) -> u64 {
        names.iter().map(|name| self.of(name)).sum()
    }
}
