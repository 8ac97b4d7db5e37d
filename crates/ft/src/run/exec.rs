//! A program that talks to the peer through its stdin and stdout: the terminal service with the
//! program's pipes in place of ours.

use std::ffi::OsString;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::Duration;

use fivetuple::call::{Visible, describe};
use fivetuple::service::{Input, Output, Terminal, WhenGone};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::plan;

/// How long a program may go on when its connection is over, before TERM and before KILL.
const GRACE: Duration = Duration::from_secs(5);

/// A program at work.
pub(super) struct Program {
    name: OsString,
    pid: Option<Pid>,
    ended: oneshot::Receiver<io::Result<ExitStatus>>,
}

impl Program {
    /// Starts it; no shell looks at the words. It inherits stderr and nothing else of ours.
    pub(super) fn start(
        argv: &[OsString],
        terminal: &plan::Terminal,
    ) -> io::Result<(Terminal, Self)> {
        let (name, arguments) = argv
            .split_first()
            .ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        let mut child = Command::new(name)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let pid = Pid::from_child(&child);
        let pipes = child.stdin.take().zip(child.stdout.take());
        let (stdin, stdout) = pipes.ok_or_else(|| io::Error::from(io::ErrorKind::BrokenPipe))?;
        let output = Output::new(stdin, terminal.slow, WhenGone::Discard)?;
        let input = Input::new(stdout, false, terminal.crlf, terminal.slow)?;
        let ended = reap(child, output.clone())?;
        let terminal = Terminal {
            input: Some(input),
            output,
        };
        let program = Self {
            name: name.clone(),
            pid: Some(pid),
            ended,
        };
        Ok((terminal, program))
    }

    /// The connection is over: waits for the program, then asks it to end, then ends it. Says how
    /// it ended, if it was not well.
    pub(super) async fn finish(mut self, output: &Output) -> Option<String> {
        // Its stdin ends, if it has not yet.
        output.note_reader_gone();
        let mut ended = timeout(GRACE, &mut self.ended).await;
        for signal in [Signal::TERM, Signal::KILL] {
            if ended.is_ok() {
                break;
            }
            self.send(signal);
            ended = timeout(GRACE, &mut self.ended).await;
        }
        let Ok(Ok(Ok(status))) = ended else {
            return Some(format!("{} does not end", self.shown()));
        };
        match (status.code(), status.signal()) {
            (Some(0), _) => None,
            (Some(code), _) => Some(format!("{} ended with status {code}", self.shown())),
            // It was told so by the end of the connection: a pipe without a reader.
            (None, Some(signal)) if signal == Signal::PIPE.as_raw() => None,
            (None, signal) => Some(format!(
                "{} was ended by signal {}",
                self.shown(),
                signal.unwrap_or(0)
            )),
        }
    }

    fn send(&self, signal: Signal) {
        // By descriptor, so that no other process of the same number is ever meant. If it is gone
        // already, all is well.
        let fd = self.pid.map(|pid| pidfd_open(pid, PidfdFlags::empty()));
        if let Some(Ok(fd)) = fd {
            let _ = pidfd_send_signal(fd, signal);
        }
    }

    fn shown(&self) -> String {
        Visible(self.name.as_encoded_bytes()).to_string()
    }
}

/// A thread that waits for the child, so that it is always reaped.
fn reap(mut child: Child, output: Output) -> io::Result<oneshot::Receiver<io::Result<ExitStatus>>> {
    let (tell, ended) = oneshot::channel();
    thread::Builder::new().name("reap".into()).spawn(move || {
        let status = child.wait();
        output.note_reader_gone();
        // Nobody asks after a second interrupt.
        let _ = tell.send(status);
    })?;
    Ok(ended)
}

/// Why a program could not be started.
pub(super) fn complaint(argv: &[OsString], error: &io::Error) -> String {
    let name = argv
        .first()
        .map_or(&b""[..], |name| name.as_encoded_bytes());
    format!("exec {}: {}", Visible(name), describe(error))
}
