//! A file from stdin of one process to another that writes it out: each tool on both sides.

use std::convert::identity;
use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::pattern::Pattern;
use crate::contender::Recipe;
use crate::harness::{Around, Harness};
use crate::machine::Times;
use crate::pairs::{Calls, Slice};
use crate::process::{end, free_port, is_listening, spawn, wait_for};
use crate::trouble::{Doing, Trouble};

/// A transfer that takes longer has failed.
const PATIENCE: Duration = Duration::from_secs(60);

/// The receiver and the sender of one tool.
pub type Both = [Recipe; 2];

/// A file with bytes that say where they belong.
#[derive(Debug)]
pub struct Sent {
    path: PathBuf,
    pattern: Pattern,
    size: u64,
}

impl Sent {
    /// Makes the file.
    ///
    /// # Errors
    ///
    /// It cannot be written.
    pub fn make(path: &Path, size: u64) -> Result<Self, Trouble> {
        let pattern = Pattern::new()?;
        let mut file = File::create(path).doing("make the file that is sent")?;
        let bytes = pattern.bytes();
        for _ in 0..size / bytes.len() as u64 {
            file.write_all(bytes).doing("write the file that is sent")?;
        }
        // Nobody is to be measured while the disk writes.
        file.sync_all().doing("write the file that is sent")?;
        Ok(Self {
            path: path.to_owned(),
            pattern,
            size,
        })
    }

    /// Has a tool send the file, and compares every byte that arrives.
    ///
    /// # Errors
    ///
    /// The tool is missing, fails, or delivers something else.
    pub fn check(&self, harness: &Harness, tool: &Both) -> Result<(), Trouble> {
        let mut planned = Planned::new(harness, tool, self);
        planned.output = Stdio::piped();
        let mut transfer = planned.begin()?;
        let arrived = arrived(&mut transfer.receiver, &self.pattern)?;
        transfer.end()?;
        if arrived == self.size {
            return Ok(());
        }
        let what = format!("delivered {arrived} of {} bytes", self.size);
        Err(Trouble::wrong(tool[1].name, what))
    }

    /// Has a tool send the file to /dev/null.
    ///
    /// # Errors
    ///
    /// The tool is missing or fails.
    pub fn once(&self, harness: &Harness, tool: &Both) -> Result<Slice, Trouble> {
        self.run(Planned::new(harness, tool, self))
    }

    /// Which calls the receiver and the sender of a tool make for a byte, counted one after the other.
    pub fn calls(&self, harness: &Harness, tool: &Both) -> [(String, Calls); 2] {
        ["receiver", "sender"].map(|side| {
            let calls = harness.calls_of(|around| {
                let mut planned = Planned::new(harness, tool, self);
                planned.around[usize::from(side == "sender")] = around;
                self.run(planned)
            });
            (format!("{}, {side}", tool[0].name), calls)
        })
    }

    fn run(&self, planned: Planned<'_>) -> Result<Slice, Trouble> {
        let times = Times::now();
        let mut slice = planned.begin()?.end()?;
        slice.units = self.size as f64;
        slice.stolen = times.stolen_since();
        Ok(slice)
    }
}

/// Reads everything that a receiver writes, and compares it with what was sent.
fn arrived(receiver: &mut Child, pattern: &Pattern) -> Result<u64, Trouble> {
    let Some(mut output) = receiver.stdout.take() else {
        return Ok(0);
    };
    let mut chunk = vec![0; 256 * 1024];
    let mut place = 0;
    loop {
        let received = output
            .read(&mut chunk)
            .doing("read what a receiver writes")?;
        if received == 0 {
            return Ok(place);
        }
        if !pattern.holds(place, &chunk[..received]) {
            let what = format!("writes other bytes near {place}");
            return Err(Trouble::wrong("a receiver", what));
        }
        place += received as u64;
    }
}

/// A transfer that is to begin.
struct Planned<'a> {
    harness: &'a Harness,
    tool: &'a Both,
    file: &'a Path,
    output: Stdio,
    /// What is made of the command of the receiver, and of the sender's.
    around: [Around<'a>; 2],
}

impl<'a> Planned<'a> {
    fn new(harness: &'a Harness, tool: &'a Both, sent: &'a Sent) -> Self {
        Self {
            harness,
            tool,
            file: &sent.path,
            output: Stdio::null(),
            around: [&identity::<Command>; 2],
        }
    }

    /// Starts the receiver, waits until it listens, and starts the sender.
    fn begin(self) -> Result<Transfer, Trouble> {
        let [receives, sends] = self.tool;
        let port = free_port()?;
        let mut receiving = self.around[0](self.harness.command(receives, port, 0)?);
        receiving.stdin(Stdio::null()).stdout(self.output);
        let mut sending = self.around[1](self.harness.command(sends, port, 0)?);
        let file = File::open(self.file).doing("open the file that is sent")?;
        sending.stdin(file).stdout(Stdio::null());
        let mut receiver =
            spawn(receiving.stderr(Stdio::null()), None).doing("start a receiver")?;
        let until = Instant::now() + PATIENCE;
        while !is_listening(port) {
            if Instant::now() > until || receiver.try_wait().doing("wait for it")?.is_some() {
                end(&mut receiver);
                return Err(Trouble::wrong(receives.name, "does not listen"));
            }
            thread::sleep(Duration::from_millis(1));
        }
        let started = Instant::now();
        match spawn(sending.stderr(Stdio::null()), None).doing("start a sender") {
            Ok(sender) => Ok(Transfer {
                receiver,
                sender,
                started,
                name: receives.name,
            }),
            Err(trouble) => {
                end(&mut receiver);
                Err(trouble)
            }
        }
    }
}

/// A transfer that goes on: who receives, who sends, and since when.
struct Transfer {
    receiver: Child,
    sender: Child,
    started: Instant,
    name: &'static str,
}

impl Transfer {
    /// Waits for both, and says what they needed.
    fn end(mut self) -> Result<Slice, Trouble> {
        let sent = wait_for(&mut self.sender, PATIENCE);
        let received = wait_for(&mut self.receiver, PATIENCE);
        let (sent, received) = (sent?, received?);
        if !sent.status.success() || !received.status.success() {
            let what = format!("sender {}, receiver {}", sent.status, received.status);
            return Err(Trouble::wrong(self.name, what));
        }
        Ok(Slice {
            elapsed: sent.at.max(received.at) - self.started,
            server: received.cpu,
            client: sent.cpu,
            ..Slice::default()
        })
    }
}

impl Drop for Transfer {
    /// Whatever went wrong, nobody stays behind.
    fn drop(&mut self) {
        end(&mut self.sender);
        end(&mut self.receiver);
    }
}
