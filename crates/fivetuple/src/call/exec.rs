//! Why a program cannot be started.

use std::ffi::OsStr;
use std::fmt;
use std::io;
use std::path::Path;

use rustix::fs::{Access, access};
use rustix::process::{Resource as Limited, getrlimit};

use super::{Advice, Call, CallError, Cause, Code, Errno, Fact, Resource, Subject};

/// A program that could not be started.
pub type ExecError = CallError<ExecCause>;

/// Why a program could not be started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExecCause {
    /// There is no such file; a name without a slash is looked for in PATH (ENOENT, ENOTDIR).
    NotFound {
        /// Whether PATH was looked through.
        in_path: bool,
    },
    /// The file is there, and the interpreter that its first line names is not (ENOENT).
    InterpreterMissing,
    /// The file may not be executed (EACCES, EPERM).
    NotExecutable,
    /// Neither a program nor a script with a first line that names its interpreter (ENOEXEC).
    NoFormat,
    /// Words and environment are too long together (E2BIG).
    TooLong,
    /// As many processes as there may be (EAGAIN).
    TooManyProcesses {
        /// How many processes the user may have.
        limit: Option<u64>,
    },
    /// Something has run out.
    Resource(Resource),
    /// Nothing more is known than the code.
    Other,
}

/// What is known about a program that cannot be started. Displayed, it is one line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProgramFact {
    /// No folder of PATH has it.
    NotInPath,
    /// The path leads nowhere.
    NoSuchPath,
    /// The interpreter in its first line is missing.
    InterpreterMissing,
    /// Its mode, or the file system, does not let us run it.
    NotExecutable,
    /// Its first line names no interpreter.
    NoInterpreterLine,
    /// How many processes this user may have; a control group may set less.
    ProcessLimit(Option<u64>),
}

/// What to try with a program that cannot be started. Displayed, it is one line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProgramAdvice {
    /// Check the spelling, or write the whole path.
    CheckPath,
    /// Look at the first line of the script.
    CheckInterpreter,
    /// Make the file executable.
    MakeExecutable,
    /// Name an interpreter in the first line.
    AddInterpreterLine,
    /// Use shorter words.
    ShortenWords,
    /// Bound the processes that there are at a time.
    StartFewer,
    /// Let the user have more processes.
    RaiseProcessLimit,
}

impl ExecError {
    /// Starting this program gave this errno.
    pub fn new(program: &OsStr, errno: Errno) -> Self {
        let cause = match errno {
            Errno::NOENT if is_there(program) => ExecCause::InterpreterMissing,
            Errno::NOENT | Errno::NOTDIR => ExecCause::NotFound {
                in_path: is_bare(program),
            },
            Errno::ACCESS | Errno::PERM | Errno::ISDIR => ExecCause::NotExecutable,
            Errno::NOEXEC => ExecCause::NoFormat,
            Errno::TOOBIG => ExecCause::TooLong,
            Errno::AGAIN => ExecCause::TooManyProcesses {
                limit: getrlimit(Limited::Nproc).current,
            },
            errno => Resource::missing(errno).map_or(ExecCause::Other, ExecCause::Resource),
        };
        Self {
            call: Call::Exec,
            subject: Subject::path(Path::new(program)),
            code: Code::Errno(errno),
            cause,
        }
    }

    /// The same out of an error of the standard library.
    pub fn of(program: &OsStr, error: &io::Error) -> Self {
        let errno = match error.kind() {
            // A word with a zero byte in it is no argument.
            io::ErrorKind::InvalidInput => Errno::INVAL,
            _ => Errno::from_io_error(error).unwrap_or(Errno::IO),
        };
        Self::new(program, errno)
    }

    /// Looks for the program as execvp(3) does, in `path` (the value of PATH) if its name has no
    /// slash; `None` if it could be started.
    pub fn foresee(program: &OsStr, path: &OsStr) -> Option<Self> {
        let errno = if program.is_empty() {
            Errno::NOENT
        } else if is_bare(program) {
            let mut worst = Errno::NOENT;
            for folder in std::env::split_paths(path) {
                match executable(&folder.join(program)) {
                    Ok(()) => return None,
                    Err(Errno::ACCESS) => worst = Errno::ACCESS,
                    Err(_) => {}
                }
            }
            worst
        } else {
            executable(Path::new(program)).err()?
        };
        Some(Self::new(program, errno))
    }
}

fn executable(path: &Path) -> Result<(), Errno> {
    access(path, Access::EXEC_OK)?;
    if path.is_dir() {
        return Err(Errno::ACCESS);
    }
    Ok(())
}

fn is_bare(program: &OsStr) -> bool {
    !program.as_encoded_bytes().contains(&b'/')
}

fn is_there(program: &OsStr) -> bool {
    !is_bare(program) && Path::new(program).is_file()
}

impl Cause for ExecCause {
    fn facts(&self) -> Vec<Fact> {
        let fact = match *self {
            Self::NotFound { in_path: true } => ProgramFact::NotInPath,
            Self::NotFound { in_path: false } => ProgramFact::NoSuchPath,
            Self::InterpreterMissing => ProgramFact::InterpreterMissing,
            Self::NotExecutable => ProgramFact::NotExecutable,
            Self::NoFormat => ProgramFact::NoInterpreterLine,
            Self::TooManyProcesses { limit } => ProgramFact::ProcessLimit(limit),
            Self::Resource(resource) => return resource.facts(),
            Self::TooLong | Self::Other => return Vec::new(),
        };
        vec![Fact::Program(fact)]
    }

    fn advice(&self) -> Vec<Advice> {
        let advice: &[ProgramAdvice] = match *self {
            Self::NotFound { .. } => &[ProgramAdvice::CheckPath],
            Self::InterpreterMissing => &[ProgramAdvice::CheckInterpreter],
            Self::NotExecutable => &[ProgramAdvice::MakeExecutable],
            Self::NoFormat => &[ProgramAdvice::AddInterpreterLine],
            Self::TooLong => &[ProgramAdvice::ShortenWords],
            Self::TooManyProcesses { .. } => {
                &[ProgramAdvice::StartFewer, ProgramAdvice::RaiseProcessLimit]
            }
            Self::Resource(resource) => return resource.advice(),
            Self::Other => &[],
        };
        advice.iter().copied().map(Advice::Program).collect()
    }
}

impl fmt::Display for ProgramFact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotInPath => "no folder of PATH has a program of that name",
            Self::NoSuchPath => "nothing is at that path",
            Self::InterpreterMissing => {
                "the file is there, but the interpreter in its first line is not"
            }
            Self::NotExecutable => "the file may not be executed: its mode, or a noexec mount",
            Self::NoInterpreterLine => {
                "it is neither a program nor a script that begins with #! and an interpreter"
            }
            Self::ProcessLimit(Some(limit)) => {
                return write!(
                    f,
                    "this user may have {limit} processes, a control group perhaps fewer"
                );
            }
            Self::ProcessLimit(None) => {
                "the system, or a control group, has as many processes as it may"
            }
        })
    }
}

impl fmt::Display for ProgramAdvice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::CheckPath => "check the spelling, or write the whole path",
            Self::CheckInterpreter => "look at the first line of the file",
            Self::MakeExecutable => "make it executable: chmod +x",
            Self::AddInterpreterLine => "begin the file with a line such as #!/bin/sh",
            Self::ShortenWords => "use shorter words, or a file",
            Self::StartFewer => "have fewer children at a time",
            Self::RaiseProcessLimit => "raise the limit on processes (ulimit -u, pids.max)",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::Explained;

    fn foreseen(program: &str) -> Option<ExecCause> {
        let path = OsStr::new("/nowhere:/bin:/usr/bin");
        ExecError::foresee(OsStr::new(program), path).map(|error| error.cause)
    }

    #[test]
    fn what_cannot_be_started_is_known_beforehand() {
        assert_eq!(foreseen("sh"), None);
        assert_eq!(foreseen("/bin/sh"), None);
        let not_found = |in_path| Some(ExecCause::NotFound { in_path });
        assert_eq!(foreseen("no-such-program"), not_found(true));
        assert_eq!(foreseen("/no/such/program"), not_found(false));
        assert_eq!(foreseen("/etc/passwd/x"), not_found(false));
        assert_eq!(foreseen("/tmp/"), Some(ExecCause::NotExecutable));
        assert_eq!(foreseen(""), not_found(true));
    }

    #[test]
    fn the_line_names_the_program_harmlessly() {
        let error = ExecError::new(OsStr::new("a\x1b[2J"), Errno::NOENT);
        assert_eq!(error.to_string(), r"exec a\x1b[2J: no such file (ENOENT)");
        let many = ExecError::new(OsStr::new("cat"), Errno::AGAIN);
        assert_eq!(many.advice().len(), 2);
        assert_eq!(many.facts().len(), 1);
    }
}
