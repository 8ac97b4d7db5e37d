//! One run of a server, `ft` itself or a program of `ft code`: its clients, and what came of it.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use rustix::process::Signal;

use super::mask;
use super::wire::Wire;
use crate::program::Place;
use crate::rig::{Folder, PATIENCE, Running, bytes, eventually};

/// What was seen, line by line; that of a program equals that of `ft`.
pub(crate) type Transcript = Vec<String>;

/// How much [`lay_out`] puts into the file that is sent.
pub(crate) const BULK: usize = 1 << 20;

/// What a run finds in its folder.
pub(crate) fn lay_out(folder: &Folder) {
    folder.write("file", &bytes(1, 0, BULK));
    folder.write("index.html", b"Hello, HTTP!\n");
    fs::create_dir(folder.path("inbox")).expect("the folder is new");
}

pub(crate) struct Stage {
    running: Running,
    pub(crate) folder: Folder,
    /// Where it listens, in the order in which it says so.
    pub(crate) places: Vec<Place>,
    /// How many connections the script has seen accepted and closed.
    accepted: usize,
    closed: usize,
    /// The numbers of those whose bytes chance counts.
    vague: BTreeSet<u64>,
    /// Up to which number chance numbers them.
    mixed: u64,
    notes: Transcript,
    stdin: Option<ChildStdin>,
    stdout: Receiver<Vec<u8>>,
    heard: Vec<u8>,
}

impl Stage {
    /// Starts it in a folder of its own, and waits until it listens at so many addresses.
    pub(crate) fn begin(command: Command, addresses: usize) -> Self {
        let folder = Folder::new();
        lay_out(&folder);
        Self::begin_in(command, addresses, folder)
    }

    /// The same in a folder that is there.
    pub(crate) fn begin_in(mut command: Command, addresses: usize, folder: Folder) -> Self {
        command.current_dir(folder.as_path());
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut running = Running::start(&mut command);
        let listening = (0..addresses).map(|_| running.wait_for("listening on "));
        let places: Vec<Place> = listening
            .map(|line| place(&line, folder.as_path()))
            .collect();
        let stdin = running.child.stdin.take();
        let mut pipe = running.child.stdout.take().expect("stdout is a pipe");
        let (tell, stdout) = channel();
        thread::spawn(move || {
            let mut buffer = vec![0; 65_536];
            while let Ok(count @ 1..) = pipe.read(&mut buffer) {
                if tell.send(buffer[..count].to_vec()).is_err() {
                    break;
                }
            }
        });
        Self {
            running,
            folder,
            places,
            accepted: 0,
            closed: 0,
            vague: BTreeSet::new(),
            mixed: 0,
            notes: Vec::new(),
            stdin,
            stdout,
            heard: Vec::new(),
        }
    }

    /// Something that the script has seen.
    pub(crate) fn note(&mut self, what: impl Into<String>) {
        self.notes.push(what.into());
    }

    /// A client that is accepted.
    pub(crate) fn client(&mut self) -> Wire {
        self.client_of(0)
    }

    /// A client of another address.
    pub(crate) fn client_of(&mut self, place: usize) -> Wire {
        let wire = Wire::to(&self.places[place]);
        self.accepted(1);
        wire
    }

    /// Waits until so many more are accepted.
    pub(crate) fn accepted(&mut self, more: usize) {
        self.accepted += more;
        self.reach(" accepted", self.accepted);
    }

    /// Waits until so many more connections are closed.
    pub(crate) fn closed(&mut self, more: usize) {
        self.closed += more;
        self.reach(" closed: ", self.closed);
    }

    /// Waits until this has been said so often in all.
    pub(crate) fn reach(&mut self, part: &str, times: usize) {
        let said = |running: &Running| {
            running
                .said
                .iter()
                .filter(|line| line.contains(part))
                .count()
        };
        while said(&self.running) < times {
            self.running.wait_for(part);
        }
    }

    /// How many bytes each of them moves is not counted everywhere.
    pub(crate) fn are_vague(&mut self) {
        let numbers = self.running.said.iter().map(|line| mask::number(line));
        self.vague.extend(numbers);
    }

    /// What it has said so far.
    pub(crate) fn said(&self) -> &[String] {
        &self.running.said
    }

    /// The number of the connection that was accepted last.
    pub(crate) fn last(&self) -> u64 {
        let accepted = |line: &&String| line.ends_with(" accepted");
        let line = self.running.said.iter().rev().find(accepted);
        line.map_or(0, |line| mask::number(line))
    }

    /// How many bytes the connection moves that was accepted last is chance.
    pub(crate) fn is_vague(&mut self) {
        self.vague.insert(self.last());
    }

    /// Which numbers the connections have that were there so far is chance.
    pub(crate) fn are_mixed(&mut self) {
        let numbers = self.running.said.iter().map(|line| mask::number(line));
        self.mixed = numbers.max().unwrap_or(0);
    }

    /// Writes to its stdin.
    pub(crate) fn type_in(&mut self, text: &[u8]) {
        let stdin = self.stdin.as_mut().expect("stdin is open");
        stdin.write_all(text).expect("it reads");
    }

    pub(crate) fn end_input(&mut self) {
        self.stdin = None;
    }

    /// Waits until so many bytes in all stand on its stdout.
    pub(crate) fn printed(&mut self, count: usize) {
        while self.heard.len() < count {
            let more = self.stdout.recv_timeout(PATIENCE).expect("it prints");
            self.heard.extend(more);
        }
    }

    pub(crate) fn signal(&self, signal: Signal) {
        self.running.signal(signal);
    }

    /// TERM, and waits until nobody can connect any more.
    pub(crate) fn refuse_more(&self) {
        self.signal(Signal::TERM);
        eventually("it listens no longer", || {
            !self.places.iter().any(is_listening)
        });
    }

    /// TERM, and the end of it all.
    pub(crate) fn stop(self) -> Transcript {
        self.signal(Signal::TERM);
        self.wait()
    }

    /// Waits for its end; what was seen, and said.
    pub(crate) fn wait(self) -> Transcript {
        self.wait_and_see(|_| Vec::new())
    }

    /// The same, and what is in the folder then.
    pub(crate) fn wait_and_see(mut self, see: impl FnOnce(&Folder) -> Transcript) -> Transcript {
        self.stdin = None;
        let ended = self.running.wait();
        while let Ok(more) = self.stdout.recv_timeout(PATIENCE) {
            self.heard.extend(more);
        }
        for place in &self.places {
            if let Place::Unix(path) = place {
                self.notes
                    .push(format!("its path is left: {}", path.exists()));
            }
        }
        if !self.heard.is_empty() {
            self.notes.push(format!("stdout: {}", shown(&self.heard)));
        }
        self.notes.push(format!("status {}", ended.status));
        self.notes.extend(see(&self.folder));
        let mut lines = ended.said;
        lines.sort_by_key(|line| mask::number(line));
        let mut mixed = Vec::new();
        for line in lines {
            let number = mask::number(&line);
            let Some(masked) = mask::masked(&line, self.vague.contains(&number)) else {
                continue;
            };
            if (1..=self.mixed).contains(&number) {
                mixed.push(mask::without_numbers(&masked));
            } else {
                self.notes.push(masked);
            }
        }
        mixed.sort();
        self.notes.extend(mixed);
        self.notes
    }
}

/// Bytes for people: all of them, or how many and a sum of them.
pub(crate) fn shown(bytes: &[u8]) -> String {
    if bytes.len() <= 200 {
        return format!("\"{}\"", bytes.escape_ascii());
    }
    let sum = bytes.iter().fold(0_u64, |sum, byte| {
        sum.wrapping_mul(1_099_511_628_211)
            .wrapping_add(u64::from(*byte) + 1)
    });
    format!("{} bytes, sum {sum:016x}", bytes.len())
}

/// What stands in a line that says where it listens.
fn place(line: &str, folder: &Path) -> Place {
    let words: Vec<&str> = line.split(' ').collect();
    let address = || -> SocketAddr { words[2].parse().unwrap_or_else(|_| panic!("{line}")) };
    match words[..] {
        ["listening", "on", _, "tcp"] => Place::Tcp(address()),
        ["listening", "on", _, "udp"] => Place::Udp(address()),
        ["listening", "on", path, "unix"] => {
            let path = path.strip_prefix("unix:").expect("it begins so");
            Place::Unix(folder.join(path))
        }
        _ => panic!("not a listening line: {line:?}"),
    }
}

/// Whether a client would come through, seen without being one.
fn is_listening(place: &Place) -> bool {
    let Place::Tcp(address) = place else {
        return matches!(place, Place::Unix(path) if path.exists());
    };
    let table = if address.is_ipv4() { "tcp" } else { "tcp6" };
    let sockets = fs::read_to_string(format!("/proc/net/{table}")).expect("it is Linux");
    let port = format!(":{:04X}", address.port());
    sockets.lines().any(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        words.get(1).is_some_and(|local| local.ends_with(&port)) && words.get(3) == Some(&"0A")
    })
}
