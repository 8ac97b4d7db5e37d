//! What stands in the way of the path of a Unix socket.

use std::fmt;
use std::fs::{self, FileType};
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use super::holder::Who;
use super::{Advice, Cause, Errno, Fact, Visible};
use crate::address::UnixAddress;
use crate::kernel::name::answers;
use crate::kernel::process::{holders, user_name};
use crate::kernel::unix_diag::{self, UnixEntry};

/// What stands in the way of a Unix socket, to listen on or to call. Displayed, it is a plain
/// sentence without a full stop.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PathCause {
    /// A socket that answers.
    Answers(Who),
    /// A socket that is bound and does not listen yet.
    Bound(Who),
    /// A socket that nobody answers at, of this other user.
    DeadOfOther(String),
    /// A socket that nobody answers at.
    Dead,
    /// Something that is no socket: a plain file, a folder.
    NotASocket(&'static str),
    /// A symbolic link, which is not followed.
    SymbolicLink,
    /// The folder of the path does not exist.
    NoFolder(PathBuf),
    /// What should be a folder is none.
    NotAFolder(PathBuf),
    /// This file or folder may not be written or entered by us.
    NotPermitted {
        /// Which.
        path: PathBuf,
        /// Whose it is.
        owner: String,
        /// Its mode.
        mode: u32,
    },
    /// The file system is read-only.
    ReadOnly,
    /// Nothing stands at the path.
    Missing,
    /// Nobody listens under the abstract name.
    NobodyUnderThatName,
    /// A socket of another type, such as one for datagrams.
    OtherType,
    /// The accept queue is full.
    QueueFull(Who),
    /// Nothing more is known than the code.
    Other,
}

impl PathCause {
    /// Why the name cannot be bound.
    pub(super) fn of_bind(address: &UnixAddress, errno: Errno) -> Self {
        let Some(path) = address.path() else {
            return match errno {
                Errno::ADDRINUSE => {
                    Self::held(&unix_diag::bound(address).unwrap_or_default(), address)
                }
                _ => Self::Other,
            };
        };
        match errno {
            Errno::ADDRINUSE => Self::in_the_way(address, path),
            Errno::LOOP => Self::SymbolicLink,
            Errno::NOENT => Self::NoFolder(folder(path)),
            Errno::NOTDIR => Self::NotAFolder(folder(path)),
            Errno::ACCESS | Errno::PERM => Self::not_permitted(&folder(path)),
            Errno::ROFS => Self::ReadOnly,
            _ => Self::Other,
        }
    }

    /// Why the name cannot be connected to.
    pub(super) fn of_connect(address: &UnixAddress, errno: Errno) -> Self {
        let Some(path) = address.path() else {
            return match errno {
                Errno::CONNREFUSED => Self::NobodyUnderThatName,
                Errno::AGAIN | Errno::TIMEDOUT => Self::QueueFull(who(address)),
                _ => Self::Other,
            };
        };
        match errno {
            Errno::CONNREFUSED => match fs::metadata(path).map(|found| found.file_type()) {
                Ok(kind) if !kind.is_socket() => Self::NotASocket(kind_name(kind)),
                _ => Self::Dead,
            },
            Errno::NOENT => Self::Missing,
            Errno::NOTDIR => Self::NotAFolder(folder(path)),
            Errno::ACCESS | Errno::PERM => Self::not_permitted(path),
            Errno::PROTOTYPE => Self::OtherType,
            Errno::AGAIN | Errno::TIMEDOUT => Self::QueueFull(who(address)),
            _ => Self::Other,
        }
    }

    fn in_the_way(address: &UnixAddress, path: &Path) -> Self {
        let Ok(found) = fs::symlink_metadata(path) else {
            return Self::Other;
        };
        let kind = found.file_type();
        if kind.is_symlink() {
            return Self::SymbolicLink;
        }
        if !kind.is_socket() {
            return Self::NotASocket(kind_name(kind));
        }
        let uid = found.uid();
        let bound = unix_diag::bound(address).unwrap_or_default();
        let ours = uid == rustix::process::geteuid().as_raw();
        if bound.is_empty() && !ours && !answers(path) {
            return Self::DeadOfOther(user(uid));
        }
        Self::held(&bound, address)
    }

    fn held(bound: &[UnixEntry], address: &UnixAddress) -> Self {
        let who = holding(bound, address);
        match bound.iter().any(|entry| entry.listens) || bound.is_empty() {
            true => Self::Answers(who),
            false => Self::Bound(who),
        }
    }

    /// The folder that cannot be entered, or else the last part of the path.
    fn not_permitted(path: &Path) -> Self {
        let above: Vec<&Path> = path.ancestors().collect();
        let closed = above.iter().rev().find(|part| {
            let enters = fs::symlink_metadata(part.join("."));
            enters.is_err_and(|error| error.kind() == io::ErrorKind::PermissionDenied)
        });
        let path = closed.copied().unwrap_or(path);
        match fs::metadata(path) {
            Ok(found) => Self::NotPermitted {
                path: path.to_owned(),
                owner: user(found.uid()),
                mode: found.mode() & 0o7777,
            },
            Err(_) => Self::Other,
        }
    }
}

fn who(address: &UnixAddress) -> Who {
    holding(&unix_diag::bound(address).unwrap_or_default(), address)
}

fn holding(bound: &[UnixEntry], address: &UnixAddress) -> Who {
    let inodes: Vec<u32> = bound.iter().map(|entry| entry.inode).collect();
    let found = holders(&inodes);
    let processes: Vec<_> = found.into_iter().map(|holder| holder.process).collect();
    if !processes.is_empty() {
        return Who::Processes(processes);
    }
    let told = bound.iter().find_map(|entry| entry.uid);
    let of_file = || Some(fs::metadata(address.path()?).ok()?.uid());
    match told.or_else(of_file) {
        Some(uid) => Who::NotVisible {
            uid,
            user: user_name(uid),
        },
        None => Who::Unknown,
    }
}

fn user(uid: u32) -> String {
    user_name(uid).unwrap_or_else(|| uid.to_string())
}

fn folder(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => PathBuf::from("."),
        Some(parent) => parent.to_owned(),
        None => path.to_owned(),
    }
}

fn kind_name(kind: FileType) -> &'static str {
    if kind.is_dir() {
        "a folder"
    } else if kind.is_file() {
        "a plain file"
    } else if kind.is_fifo() {
        "a named pipe"
    } else {
        "a device"
    }
}

impl Cause for PathCause {
    fn facts(&self) -> Vec<Fact> {
        match self {
            Self::Other => Vec::new(),
            known => vec![Fact::Path(known.clone())],
        }
    }

    fn advice(&self) -> Vec<Advice> {
        match self {
            Self::Answers(who) | Self::Bound(who) => {
                let processes = match who {
                    Who::Processes(processes) => processes.as_slice(),
                    _ => &[],
                };
                let others = processes.iter().filter(|process| !process.is_ours());
                let stop = others.cloned().map(Advice::StopProcess);
                stop.chain([Advice::UseAnotherPath]).collect()
            }
            Self::NoFolder(folder) => vec![Advice::MakeFolder(folder.clone())],
            Self::Dead | Self::Missing | Self::NobodyUnderThatName => vec![Advice::ListenThere],
            Self::QueueFull(_) => vec![Advice::LookAtPeer],
            Self::NotPermitted { path, .. } => vec![Advice::LookAtMode(path.clone())],
            Self::DeadOfOther(_)
            | Self::NotASocket(_)
            | Self::SymbolicLink
            | Self::NotAFolder(_)
            | Self::ReadOnly
            | Self::OtherType => vec![Advice::UseAnotherPath],
            Self::Other => Vec::new(),
        }
    }
}

impl fmt::Display for PathCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |path: &Path| Visible(path.as_os_str().as_encoded_bytes()).to_string();
        match self {
            Self::Answers(who) => write!(f, "held by {who}: it listens there"),
            Self::Bound(who) => write!(f, "held by {who}: bound, and not listening yet"),
            Self::DeadOfOther(user) => write!(
                f,
                "a socket of user {} that nobody answers at stands there; it is not ours to remove",
                Visible(user.as_bytes())
            ),
            Self::Dead => f.write_str("a socket stands there, and nobody listens on it any more"),
            Self::NotASocket(kind) => {
                write!(
                    f,
                    "{kind} stands at that path; it is no socket, and is left alone"
                )
            }
            Self::SymbolicLink => {
                f.write_str("a symbolic link stands at that path; it is not followed")
            }
            Self::NoFolder(folder) => write!(f, "there is no folder {}", shown(folder)),
            Self::NotAFolder(path) => write!(f, "{} is no folder", shown(path)),
            Self::NotPermitted { path, owner, mode } => write!(
                f,
                "{} is of user {} and has mode {mode:04o}",
                shown(path),
                Visible(owner.as_bytes())
            ),
            Self::ReadOnly => f.write_str("the file system is read-only"),
            Self::Missing => f.write_str("nothing stands at that path"),
            Self::NobodyUnderThatName => f.write_str("nobody listens under that abstract name"),
            Self::OtherType => f.write_str("the socket there is of another type, not a stream"),
            Self::QueueFull(who) => write!(f, "the accept queue is full: {who} does not accept"),
            Self::Other => Ok(()),
        }
    }
}
