//! stdin and stdout. They belong to other programs too, so no flag of theirs is ever changed:
//! each is read or written by a thread that may block.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::thread;
use std::time::Duration;

use fivetuple::call::Filter;
use fivetuple::kernel::limit::block_signal;
use fivetuple::kernel::readiness;
use fivetuple::service::{Input, Output, OutputEnd, Terminal, WhenGone};
use fivetuple::transfer::Patient;
use rustix::fs::{FileType, fstat, makedev};
use rustix::io::{Errno, fcntl_dupfd_cloexec};
use rustix::process::{Signal, getpgrp};
use rustix::termios::{isatty, tcgetpgrp};
use tokio::io::Interest;

use crate::plan;

/// Descriptors from here on are ours; 0, 1 and 2 are left alone.
const OURS: i32 = 3;

/// The terminal service on stdin and stdout, for one stream alone or for all connections that come.
pub(super) fn terminal(plan: &plan::Terminal, for_one: bool) -> io::Result<Terminal> {
    let stdin = if plan.input {
        file(rustix::stdio::stdin())?
    } else {
        None
    };
    let input = match stdin {
        Some(stdin) => {
            let is_file = kind(&stdin) == Some(FileType::RegularFile);
            let input = if plan.crlf || isatty(&stdin) {
                let keyboard = Keyboard::new(stdin);
                Input::new(keyboard, plan.interactive, plan.crlf, plan.slow)?
            } else if is_file && for_one {
                Input::to_one(stdin)
            } else {
                Input::of_file(stdin, plan.slow)?
            };
            Some(if is_file { input.never_absent() } else { input })
        }
        None => None,
    };
    let output = output(plan)?;
    Ok(Terminal { input, output })
}

/// Whether stdin is a regular file.
pub(super) fn stdin_is_file() -> bool {
    kind(rustix::stdio::stdin()) == Some(FileType::RegularFile)
}

/// Whether it is /dev/null.
fn is_null(fd: impl AsFd) -> bool {
    fstat(fd).is_ok_and(|stat| {
        FileType::from_raw_mode(stat.st_mode) == FileType::CharacterDevice
            && stat.st_rdev == makedev(1, 3)
    })
}

fn kind(fd: impl AsFd) -> Option<FileType> {
    let stat = fstat(fd).ok()?;
    Some(FileType::from_raw_mode(stat.st_mode))
}

/// stdin, to be read by a thread; none where it is closed, which counts as ended.
pub(super) fn stdin() -> io::Result<Option<Keyboard>> {
    Ok(file(rustix::stdio::stdin())?.map(Keyboard::new))
}

/// stdout, for a thread that may wait for it; none where it is closed.
pub(super) fn stdout() -> io::Result<Option<File>> {
    file(rustix::stdio::stdout())
}

/// stdout, written by a thread.
pub(super) fn output(plan: &plan::Terminal) -> io::Result<Output> {
    match stdout()? {
        Some(stdout) if plan.output && !is_null(&stdout) => {
            let output = if plan.visible {
                let shown = VisibleWriter::new(Filter::new(), Patient::new(stdout));
                Output::new(shown, plan.slow, WhenGone::Close)?
            } else {
                Output::of_file(stdout, plan.slow, WhenGone::Close)?
            };
            watch(&output);
            Ok(output)
        }
        // Closed at the start counts as /dev/null.
        _ => Ok(Output::discarding()),
    }
}

/// A descriptor of our own for it; none where it is closed, which counts as ended.
pub(super) fn file(fd: BorrowedFd<'_>) -> io::Result<Option<File>> {
    match fcntl_dupfd_cloexec(fd, OURS) {
        Ok(fd) => Ok(Some(File::from(fd))),
        Err(Errno::BADF) => Ok(None),
        Err(errno) => Err(errno.into()),
    }
}

/// A stdin that is not read while it is the terminal of another job.
///
/// Reading it then would stop the whole program, connections and all (SIGTTIN, tty_ioctl(4)),
/// and again whenever it is continued. With the signal blocked, read fails instead.
pub(super) struct Keyboard {
    stdin: Patient,
    /// SIGTTIN, for the thread that reads.
    is_blocked: bool,
}

/// How soon a job notices that it is in the foreground again.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

impl Keyboard {
    fn new(stdin: File) -> Self {
        Self {
            stdin: Patient::new(stdin),
            is_blocked: false,
        }
    }

    /// Whether another job has the terminal.
    fn is_in_background(&self) -> bool {
        tcgetpgrp(&self.stdin).is_ok_and(|foreground| foreground != getpgrp())
    }
}

impl Read for Keyboard {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if !self.is_blocked {
            // Where it cannot be blocked, reading goes on as it would without.
            let _ = block_signal(Signal::TTIN.as_raw());
            self.is_blocked = true;
        }
        loop {
            match self.stdin.read(buffer) {
                Err(error)
                    if Errno::from_io_error(&error) == Some(Errno::IO)
                        && self.is_in_background() =>
                {
                    thread::sleep(LOOK_AGAIN);
                }
                read => return read,
            }
        }
    }
}

/// Hears that the reader of a pipe on stdout has gone without writing to it.
fn watch(output: &Output) {
    let stdout = rustix::stdio::stdout();
    if !matches!(kind(stdout), Some(FileType::Fifo | FileType::Socket)) {
        return;
    }
    let Ok(fd) = fcntl_dupfd_cloexec(stdout, OURS) else {
        return;
    };
    // Where it cannot be watched, the next write finds it out.
    let Ok(watched) = readiness::register(fd, Interest::ERROR) else {
        return;
    };
    let output = output.clone();
    tokio::spawn(async move {
        if let Ok(mut guard) = watched.ready(Interest::ERROR).await {
            guard.retain_ready();
            output.note_reader_gone();
        }
    });
}

/// What an ended stdout makes of the status: a reader that has gone is a quiet end.
pub(super) fn complaint(end: &OutputEnd) -> Option<String> {
    match end {
        OutputEnd::ReaderGone | OutputEnd::Interrupted => None,
        OutputEnd::Failed(text, None) => Some(format!("write stdout: {text}")),
        OutputEnd::Failed(_, Some(errno)) => Some(super::stdout_failed(&(*errno).into())),
    }
}

/// Makes the control bytes of a peer visible before they reach a terminal.
pub(super) struct VisibleWriter<W: Write> {
    filter: Filter,
    text: String,
    writer: W,
}

impl<W: Write> VisibleWriter<W> {
    pub(super) fn new(filter: Filter, writer: W) -> Self {
        Self {
            filter,
            text: String::new(),
            writer,
        }
    }
}

impl<W: Write> Write for VisibleWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.text.clear();
        self.filter.push(bytes, &mut self.text);
        self.writer.write_all(self.text.as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

impl<W: Write> Drop for VisibleWriter<W> {
    fn drop(&mut self) {
        self.text.clear();
        self.filter.finish(&mut self.text);
        // The last bytes of a character that never came whole; if they cannot be written, so be it.
        let _ = self.writer.write_all(self.text.as_bytes());
    }
}
