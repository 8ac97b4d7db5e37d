//! File: from a file on stdin of one process to another that writes to /dev/null; each tool on both
//! sides.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::contender::{Recipe, recipes};
use crate::drive::pattern::Pattern;
use crate::harness::Harness;
use crate::machine::Times;
use crate::pairs::{Measure, Pairs, Slice, alternate};
use crate::process::{end, free_port, is_listening, spawn, wait_for};
use crate::row::{Row, Target, Unit, Work};
use crate::trouble::{Doing, Trouble};

/// A transfer that takes longer has failed.
const PATIENCE: Duration = Duration::from_secs(60);

/// The receiver and the sender of one tool.
type Both = [Recipe; 2];

/// `ft` beside the four others.
pub(super) fn rows(harness: &Harness) -> Vec<Row> {
    let size = harness.form.file;
    let others: [(Both, f64); 4] = [
        (recipes::FILE_NC, 2.0),
        (recipes::FILE_NCAT, 2.5),
        (recipes::FILE_SOCAT, 2.5),
        (recipes::FILE_SOCAT_LARGE, 1.3),
    ];
    let work = Work {
        name: format!("{} MiB file, stdin to /dev/null", size >> 20),
        ft: recipes::FILE_FT[1],
        unit: Unit::Byte,
        measure: Measure::Rate,
        destination: 0,
        apart: None,
        also: [recipes::FILE_FT]
            .iter()
            .chain(others.iter().map(|(both, _)| both))
            .map(|[receiver, _]| *receiver)
            .collect(),
    };
    let file = harness.folder().join("file");
    let made = Pattern::new().and_then(|pattern| {
        make(&file, &pattern, size)?;
        Ok(pattern)
    });
    let mut rows = Vec::new();
    for (other, least) in others {
        let pairs = match &made {
            Ok(pattern) => contest(harness, &file, pattern, &other),
            Err(trouble) => Err(Trouble::wrong("the file", trouble.to_string())),
        };
        rows.push(harness.row(&work, (other[1], Some(Target::AtLeast(least))), pairs));
    }
    // The folder goes at the end of the run; the space is wanted before.
    let _ = fs::remove_file(&file);
    rows
}

fn make(path: &Path, pattern: &Pattern, size: u64) -> Result<(), Trouble> {
    let mut file = File::create(path).doing("make the file that is sent")?;
    let bytes = pattern.bytes();
    for _ in 0..size / bytes.len() as u64 {
        file.write_all(bytes).doing("write the file that is sent")?;
    }
    // Nobody is to be measured while the disk writes.
    file.sync_all().doing("write the file that is sent")
}

/// Checks what both tools deliver, then has them do it in turns.
fn contest(
    harness: &Harness,
    file: &Path,
    pattern: &Pattern,
    other: &Both,
) -> Result<Pairs, Trouble> {
    let size = harness.form.file;
    for tool in [&recipes::FILE_FT, other] {
        let mut transfer = Transfer::start(harness, tool, file, Stdio::piped())?;
        let arrived = check(&mut transfer.receiver, pattern)?;
        transfer.end()?;
        if arrived != size {
            let what = format!("delivered {arrived} of {size} bytes");
            return Err(Trouble::wrong(tool[1].name, what));
        }
    }
    let once = |tool: Both| {
        move |_| {
            let times = Times::now();
            let transfer = Transfer::start(harness, &tool, file, Stdio::null())?;
            let mut slice = transfer.end()?;
            slice.units = size as f64;
            slice.stolen = times.stolen_since();
            Ok(slice)
        }
    };
    alternate(
        &harness.form,
        &mut (Box::new(once(recipes::FILE_FT)) as _),
        &mut (Box::new(once(*other)) as _),
    )
}

/// Reads everything that a receiver writes, and compares it with what was sent.
fn check(receiver: &mut Child, pattern: &Pattern) -> Result<u64, Trouble> {
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
            return Err(Trouble::wrong(
                "a receiver",
                format!("writes other bytes near {place}"),
            ));
        }
        place += received as u64;
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
    /// Starts the receiver, waits until it listens, and starts the sender.
    fn start(harness: &Harness, tool: &Both, file: &Path, output: Stdio) -> Result<Self, Trouble> {
        let port = free_port()?;
        let mut receiving = harness.command(&tool[0], port, 0)?;
        receiving
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(Stdio::null());
        let mut sending = harness.command(&tool[1], port, 0)?;
        let file = File::open(file).doing("open the file that is sent")?;
        sending
            .stdin(file)
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let mut receiver = spawn(&mut receiving, None).doing("start a receiver")?;
        let until = Instant::now() + PATIENCE;
        while !is_listening(port) {
            if Instant::now() > until || receiver.try_wait().doing("wait for it")?.is_some() {
                end_both(&mut receiver, None);
                return Err(Trouble::wrong(tool[0].name, "does not listen"));
            }
            thread::sleep(Duration::from_millis(1));
        }
        let started = Instant::now();
        let sender = spawn(&mut sending, None).doing("start a sender")?;
        Ok(Self {
            receiver,
            sender,
            started,
            name: tool[0].name,
        })
    }

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
        end_both(&mut self.receiver, Some(&mut self.sender));
    }
}

fn end_both(receiver: &mut Child, sender: Option<&mut Child>) {
    std::iter::once(receiver).chain(sender).for_each(end);
}
