//! A program that talks to the peer through its stdin and stdout: the terminal service with the
//! program's pipes in place of ours.

use std::ffi::OsString;
use std::io;
use std::process::Command;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use fivetuple::call::{Visible, describe};
use fivetuple::kernel::child::{Apart, Ended, Ending, GRACE, Group};
use fivetuple::service::{Input, Output, Terminal, WhenGone};
use rustix::process::Signal;
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::status;
use crate::plan;

/// How often a group whose leader has ended is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// A program at work. Dropped before its [end](Self::finish), all of its group is killed.
pub(super) struct Program {
    name: OsString,
    group: Arc<Group>,
    ended: oneshot::Receiver<Option<Ended>>,
    /// What a person has sent it by way of us.
    passed: Option<Signal>,
    is_over: bool,
}

impl Program {
    /// Starts it as the leader of a process group; no shell looks at the words. It inherits stderr
    /// and the environment of ours, and no descriptor beside.
    pub(super) fn start(
        argv: &[OsString],
        terminal: &plan::Terminal,
    ) -> io::Result<(Terminal, Self)> {
        let (name, arguments) = argv
            .split_first()
            .ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        // Whatever may fail comes before the program, so that none is left behind.
        let (stdin, ours_to_write) = io::pipe()?;
        let (ours_to_read, stdout) = io::pipe()?;
        let output = Output::new(ours_to_write, terminal.slow, WhenGone::Discard)?;
        let input = Input::new(ours_to_read, false, terminal.crlf, terminal.slow)?;
        let mut command = Command::new(name);
        command.args(arguments).stdin(stdin).stdout(stdout);
        let (group, ended) = begin(command, output.clone())?;
        let terminal = Terminal {
            input: Some(input),
            output,
        };
        let program = Self {
            name: name.clone(),
            group,
            ended,
            passed: None,
            is_over: false,
        };
        Ok((terminal, program))
    }

    /// Passes on what ends us with this status: Ctrl-C at the terminal means the program too, and
    /// its group is not that of the terminal.
    pub(super) fn pass(&mut self, status: u8) {
        let signal = match status {
            status::INTERRUPTED => Signal::INT,
            _ => Signal::TERM,
        };
        self.passed = Some(signal);
        self.group.signal(signal);
    }

    /// The connection is over: waits for the program and all of its group, then asks them to end,
    /// then ends them. Says how the program ended, if it was not well.
    pub(super) async fn finish(mut self, output: &Output) -> Option<String> {
        // Its stdin ends, if it has not yet.
        output.note_reader_gone();
        let mut ended = timeout(GRACE, &mut self.ended).await;
        for end in [Group::terminate, |group: &Group| group.signal(Signal::KILL)] {
            if ended.is_ok() {
                break;
            }
            end(&self.group);
            ended = timeout(GRACE, &mut self.ended).await;
        }
        self.is_over = ended.is_ok();
        let passed = self.passed.map(Signal::as_raw);
        match ended {
            Ok(Ok(Some(Ended::Status(0)))) => None,
            Ok(Ok(Some(Ended::Status(code)))) => {
                Some(format!("{} ended with status {code}", self.shown()))
            }
            // It was told so by the end of the connection, a pipe without a reader, or by us.
            Ok(Ok(Some(Ended::Signal(signal))))
                if signal == Signal::PIPE.as_raw() || Some(signal) == passed =>
            {
                None
            }
            Ok(Ok(Some(Ended::Signal(signal)))) => {
                Some(format!("{} was ended by signal {signal}", self.shown()))
            }
            Ok(_) => Some(format!("{} ended, nobody knows how", self.shown())),
            Err(_) => Some(format!("{} does not end", self.shown())),
        }
    }

    fn shown(&self) -> String {
        Visible(self.name.as_encoded_bytes()).to_string()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        if !self.is_over {
            self.group.signal(Signal::KILL);
        }
    }
}

type Begun = (Arc<Group>, oneshot::Receiver<Option<Ended>>);

/// Starts the program on a thread of its own, which lives as long as the program: the kernel
/// kills a child when the thread that started it ends. The thread waits for the program and sees
/// its group to the end.
fn begin(mut command: Command, output: Output) -> io::Result<Begun> {
    let (tell_begun, begun) = mpsc::channel();
    let (tell_ended, ended) = oneshot::channel();
    thread::Builder::new().name("exec".into()).spawn(move || {
        let group = Group::start(&mut command, Apart::Group, None).map(Arc::new);
        // Its ends of the pipes are its own.
        drop(command);
        let watched = group.as_ref().ok().map(Arc::clone);
        // Who has asked waits for the answer.
        let _ = tell_begun.send(group);
        let Some(group) = watched else { return };
        group.wait_for_leader();
        output.note_reader_gone();
        let mut ending = Ending::new(Instant::now());
        while !ending.is_over(&group, Instant::now()) {
            thread::sleep(LOOK_EVERY);
        }
        // Nobody asks after a second interrupt.
        let _ = tell_ended.send(ending.how());
    })?;
    let group = begun.recv().map_err(io::Error::other)??;
    Ok((group, ended))
}

/// Why a program could not be started.
pub(super) fn complaint(argv: &[OsString], error: &io::Error) -> String {
    let name = argv
        .first()
        .map_or(&b""[..], |name| name.as_encoded_bytes());
    format!("exec {}: {}", Visible(name), describe(error))
}
