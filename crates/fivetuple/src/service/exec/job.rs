//! Starting one program: what it gets as stdin, stdout and stderr, and what we keep. Everything
//! here happens on the thread of the starter, so that a program that waits for its turn has no
//! pipe and no terminal open yet, only the socket that is handed over.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::process::{Command, Stdio};
use std::sync::Arc;

use rustix::fs::{OFlags, fcntl_setfl};
use rustix::io::fcntl_dupfd_cloexec;
use rustix::pipe::{PipeFlags, pipe_with};

use super::environment::{self, Environment};
use super::{Data, ExecOptions, Stderr};
use crate::call::Errno;
use crate::connection::NOT_STANDARD;
use crate::kernel::child::{Apart, Group, pseudo_terminal};

/// A program to be started.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) options: Arc<ExecOptions>,
    pub(super) environment: Environment,
    pub(super) data: Data,
    /// The socket, for [`Data::Socket`].
    pub(super) socket: Option<OwnedFd>,
}

/// What we keep of the ways to a program.
#[derive(Debug)]
pub(super) enum Ours {
    /// It has the socket.
    Nothing,
    /// What is written here it reads, what it writes is read here. Neither blocks.
    Ends {
        stdin: OwnedFd,
        /// `None`: the same, a terminal.
        stdout: Option<OwnedFd>,
    },
}

/// A program that has begun, before anybody watches it.
#[derive(Debug)]
pub(super) struct Begun {
    pub(super) group: Group,
    pub(super) ours: Ours,
    /// What it writes to stderr is read here.
    pub(super) stderr: Option<OwnedFd>,
}

/// What a program has as stdin and stdout.
struct Theirs {
    stdin: OwnedFd,
    stdout: OwnedFd,
}

impl Job {
    /// Starts it; the program has been executed when this returns.
    pub(super) fn begin(self) -> io::Result<Begun> {
        let (theirs, ours) = self.ways()?;
        let (stderr, theirs_too) = self.stderr(&theirs)?;
        let Self {
            options,
            environment,
            data,
            socket: _,
        } = self;
        let (program, arguments) = options
            .words
            .split_first()
            .ok_or(io::ErrorKind::InvalidInput)?;
        let mut command = Command::new(program);
        command
            .args(arguments)
            .stdin(theirs.stdin)
            .stdout(theirs.stdout)
            .stderr(theirs_too);
        environment::give(environment, &mut command);
        let apart = match data {
            Data::Socket | Data::Pipe => Apart::Group,
            Data::Terminal => Apart::Terminal,
        };
        Ok(Begun {
            group: Group::start(&mut command, apart, options.descriptor_limit)?,
            ours,
            stderr,
        })
    }

    fn ways(&self) -> Result<(Theirs, Ours), Errno> {
        match (self.data, &self.socket) {
            (Data::Socket, Some(socket)) => {
                let theirs = Theirs {
                    stdin: duplicate(socket)?,
                    stdout: duplicate(socket)?,
                };
                Ok((theirs, Ours::Nothing))
            }
            (Data::Terminal, _) => {
                let (ours, theirs) = pseudo_terminal()?;
                let theirs = Theirs {
                    stdin: duplicate(&theirs)?,
                    stdout: theirs,
                };
                let ours = Ours::Ends {
                    stdin: not_blocking(ours)?,
                    stdout: None,
                };
                Ok((theirs, ours))
            }
            (Data::Pipe | Data::Socket, _) => {
                let (stdin, ours_to_write) = pipe_with(PipeFlags::CLOEXEC)?;
                let (ours_to_read, stdout) = pipe_with(PipeFlags::CLOEXEC)?;
                let ours = Ours::Ends {
                    stdin: not_blocking(ours_to_write)?,
                    stdout: Some(not_blocking(ours_to_read)?),
                };
                Ok((Theirs { stdin, stdout }, ours))
            }
        }
    }

    fn stderr(&self, theirs: &Theirs) -> Result<(Option<OwnedFd>, Stdio), Errno> {
        Ok(match self.options.stderr {
            Stderr::Log => {
                let (ours, theirs) = pipe_with(PipeFlags::CLOEXEC)?;
                (Some(not_blocking(ours)?), theirs.into())
            }
            Stderr::Peer => (None, duplicate(&theirs.stdout)?.into()),
            Stderr::Null => (None, Stdio::null()),
            Stderr::Inherit => (None, Stdio::inherit()),
        })
    }
}

fn duplicate(fd: impl AsFd) -> Result<OwnedFd, Errno> {
    fcntl_dupfd_cloexec(fd, NOT_STANDARD)
}

/// Our end has an open file description of its own, so its flags are no business of the program.
fn not_blocking(fd: OwnedFd) -> Result<OwnedFd, Errno> {
    let flags = rustix::fs::fcntl_getfl(&fd)?;
    fcntl_setfl(&fd, flags | OFlags::NONBLOCK)?;
    Ok(fd)
}
