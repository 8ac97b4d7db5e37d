//! Why a file cannot be opened, read, written or given its name.

use std::fmt;
use std::path::Path;

use super::{Advice, Call, CallError, Cause, Code, Errno, Fact, Resource, Subject};

/// A call on a file that failed.
pub type FileError = CallError<FileCause>;

/// Why a call on a file failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FileCause {
    /// There is no such file, or no such directory on the way to it (ENOENT).
    Missing,
    /// There is one of this name (EEXIST).
    Exists,
    /// The permissions forbid it (EACCES, EPERM).
    NotPermitted,
    /// The file system can only be read (EROFS).
    ReadOnly,
    /// The file system, or what this user may have of it, is full (ENOSPC, EDQUOT).
    Full,
    /// A limit on the size of one file (EFBIG).
    TooLarge,
    /// It is a directory (EISDIR).
    Directory,
    /// A part of the path is not a directory (ENOTDIR).
    NotADirectory,
    /// The device failed (EIO).
    Device,
    /// It is not a regular file: it has no size and no place to start from (ESPIPE).
    NotRegular(&'static str),
    /// It ends before the place to start from (EINVAL).
    EndsBefore {
        /// Its bytes.
        size: u64,
        /// Where to start.
        from: u64,
    },
    /// It became shorter while it was read (ENODATA).
    Shrunk {
        /// Its bytes when it was opened.
        size: u64,
        /// Its bytes now.
        now: u64,
    },
    /// Something has run out.
    Resource(Resource),
    /// Nothing more is known than the code.
    Other,
}

/// What is known about a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FileFact {
    /// No file is ever overwritten.
    NeverOverwritten,
    /// What kind of file it is.
    Kind(&'static str),
    /// Its bytes, and that a place behind them was asked for.
    EndsBefore {
        /// Its bytes.
        size: u64,
        /// Where to start.
        from: u64,
    },
    /// How short it became.
    Shrunk {
        /// Its bytes when it was opened.
        size: u64,
        /// Its bytes now.
        now: u64,
    },
}

/// What to try with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FileAdvice {
    /// Look at the spelling of the path.
    CheckPath,
    /// Use another name, or move the old file away.
    UseAnotherName,
    /// Look at the permissions of the file and its directory.
    CheckPermissions,
    /// Make room, or use another file system.
    MakeRoom,
    /// Raise the limit on the size of a file.
    RaiseSizeLimit,
    /// Write to another file system.
    UseAnotherFileSystem,
    /// Send the files of a directory as an archive.
    SendArchive,
    /// Let the terminal service send what has no size.
    UseTerminal,
    /// Look at the messages of the kernel about the device.
    CheckDevice,
}

impl FileError {
    /// This call on this file gave this errno.
    pub fn new(call: Call, path: &Path, errno: Errno) -> Self {
        let cause = match errno {
            Errno::NOENT => FileCause::Missing,
            Errno::EXIST => FileCause::Exists,
            Errno::ACCESS | Errno::PERM => FileCause::NotPermitted,
            Errno::ROFS => FileCause::ReadOnly,
            Errno::NOSPC | Errno::DQUOT => FileCause::Full,
            Errno::FBIG => FileCause::TooLarge,
            Errno::ISDIR => FileCause::Directory,
            Errno::NOTDIR => FileCause::NotADirectory,
            Errno::IO => FileCause::Device,
            errno => Resource::missing(errno).map_or(FileCause::Other, FileCause::Resource),
        };
        Self {
            call,
            subject: Subject::path(path),
            code: Code::Errno(errno),
            cause,
        }
    }

    /// A file of this kind is not one that can be sent.
    pub(crate) fn not_regular(path: &Path, kind: &'static str) -> Self {
        Self {
            cause: FileCause::NotRegular(kind),
            ..Self::new(Call::Open, path, Errno::SPIPE)
        }
    }

    /// The place to start from lies behind the end.
    pub(crate) fn ends_before(path: &Path, (size, from): (u64, u64)) -> Self {
        Self {
            cause: FileCause::EndsBefore { size, from },
            ..Self::new(Call::Open, path, Errno::INVAL)
        }
    }

    /// The file is shorter than when it was opened.
    pub(crate) fn shrunk(path: &Path, (size, now): (u64, u64)) -> Self {
        Self {
            cause: FileCause::Shrunk { size, now },
            ..Self::new(Call::Read, path, Errno::NODATA)
        }
    }
}

impl Cause for FileCause {
    fn facts(&self) -> Vec<Fact> {
        let fact = match *self {
            Self::Exists => FileFact::NeverOverwritten,
            Self::NotRegular(kind) => FileFact::Kind(kind),
            Self::EndsBefore { size, from } => FileFact::EndsBefore { size, from },
            Self::Shrunk { size, now } => FileFact::Shrunk { size, now },
            Self::Resource(cause) => return cause.facts(),
            _ => return Vec::new(),
        };
        vec![Fact::OfFile(fact)]
    }

    fn advice(&self) -> Vec<Advice> {
        let advice = match *self {
            Self::Missing | Self::NotADirectory => FileAdvice::CheckPath,
            Self::Exists => FileAdvice::UseAnotherName,
            Self::NotPermitted => FileAdvice::CheckPermissions,
            Self::ReadOnly => FileAdvice::UseAnotherFileSystem,
            Self::Full => FileAdvice::MakeRoom,
            Self::TooLarge => FileAdvice::RaiseSizeLimit,
            Self::Directory => FileAdvice::SendArchive,
            Self::Device => FileAdvice::CheckDevice,
            Self::NotRegular(_) => FileAdvice::UseTerminal,
            Self::Resource(cause) => return cause.advice(),
            Self::EndsBefore { .. } | Self::Shrunk { .. } | Self::Other => return Vec::new(),
        };
        vec![Advice::ForFile(advice)]
    }
}

impl fmt::Display for FileFact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NeverOverwritten => f.write_str("no file is ever overwritten"),
            Self::Kind(kind) => write!(f, "it is {kind}, without a size or a place to start from"),
            Self::EndsBefore { size, from } => {
                write!(f, "it has {size} B, and byte {from} lies behind its end")
            }
            Self::Shrunk { size, now } => write!(
                f,
                "it became shorter while it was sent: {size} B when it was opened, {now} B now"
            ),
        }
    }
}

impl fmt::Display for FileAdvice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::CheckPath => "check the spelling of the path",
            Self::UseAnotherName => "use another name, or move the old file away",
            Self::CheckPermissions => {
                "check the permissions of the file and of its directory: ls -ld"
            }
            Self::MakeRoom => "make room, or use another file system: df -h",
            Self::RaiseSizeLimit => "raise the limit on the size of a file: ulimit -f",
            Self::UseAnotherFileSystem => "use a directory on another file system",
            Self::SendArchive => "send a directory as an archive, made by tar",
            Self::UseTerminal => "let the terminal service send it, from its stdin",
            Self::CheckDevice => "look at what the kernel says about the device: dmesg",
        })
    }
}
