//! Where a received file stands: a name in a directory, first a partial one.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, AtFlags, Mode, OFlags, RenameFlags, accessat, openat, statat};

use crate::call::{Call, Errno, FileError};
use crate::event::Identity;

/// What stands behind the name of a file that is not complete.
pub const PARTIAL: &str = ".partial";

/// Names that are tried in a directory when one is taken.
const NAMES_MAX: u32 = 10_000;

/// A directory that files are received into, and the name of the file if there is only one.
///
/// The directory is opened once, so that it stays the same one whatever is renamed meanwhile.
#[derive(Debug)]
pub struct Destination {
    directory: OwnedFd,
    /// As it was written, in front of names that are shown.
    path: PathBuf,
    name: Option<OsString>,
}

/// A file that is being written.
#[derive(Debug)]
pub(super) struct Partial {
    pub(super) file: File,
    /// The name that it shall have, and the one that it has.
    name: OsString,
    partial: OsString,
}

impl Destination {
    /// One file. Neither it nor its partial name may exist.
    ///
    /// # Errors
    ///
    /// [`FileError`]: why it cannot be made.
    pub fn file(path: &Path) -> Result<Self, FileError> {
        let Some(name) = path.file_name() else {
            return Err(FileError::new(Call::Open, path, Errno::ISDIR));
        };
        let directory = path.parent().unwrap_or(Path::new(""));
        let mut destination = Self::directory(directory)?;
        for name in [name.to_owned(), partial(name)] {
            if destination.has(&name) {
                let path = destination.shown(&name);
                return Err(FileError::new(Call::Open, &path, Errno::EXIST));
            }
        }
        destination.name = Some(name.to_owned());
        Ok(destination)
    }

    /// A directory, in which each client has a file that is named by its number and its peer.
    ///
    /// # Errors
    ///
    /// [`FileError`]: it is missing, not a directory, or nothing can be written there.
    pub fn directory(path: &Path) -> Result<Self, FileError> {
        let here = if path.as_os_str().is_empty() {
            Path::new(".")
        } else {
            path
        };
        let failed = |errno| FileError::new(Call::Open, here, errno);
        let flags = OFlags::DIRECTORY | OFlags::CLOEXEC;
        let directory = match rustix::fs::open(here, flags | OFlags::RDONLY, Mode::empty()) {
            // A directory that one may put files into and not list.
            Err(Errno::ACCESS) => rustix::fs::open(here, flags | OFlags::PATH, Mode::empty()),
            other => other,
        }
        .map_err(failed)?;
        accessat(
            &directory,
            ".",
            Access::WRITE_OK | Access::EXEC_OK,
            AtFlags::empty(),
        )
        .map_err(failed)?;
        Ok(Self {
            directory,
            path: path.to_owned(),
            name: None,
        })
    }

    /// The name of the file of this connection: `000001-127.0.0.1_51312`.
    pub(super) fn name_for(&self, identity: &Identity) -> OsString {
        let by_connection = || connection_name(identity.number, &peer_name(identity)).into();
        self.name.clone().unwrap_or_else(by_connection)
    }

    /// The path of a name, as people write it.
    pub(super) fn shown(&self, name: &OsStr) -> PathBuf {
        self.path.join(name)
    }

    /// Makes the partial file, and never opens one that is there.
    pub(super) fn create(&self, wanted: &OsStr) -> Result<Partial, FileError> {
        let flags = OFlags::WRONLY
            | OFlags::CREATE
            | OFlags::EXCL
            | OFlags::NOFOLLOW
            | OFlags::CLOEXEC
            | OFlags::NOCTTY;
        for name in self.names(wanted) {
            let partial = partial(&name);
            let made = if self.has(&name) {
                Err(Errno::EXIST)
            } else {
                openat(&self.directory, &partial, flags, Mode::from_raw_mode(0o666))
            };
            match made {
                Ok(file) => {
                    let file = File::from(file);
                    return Ok(Partial {
                        file,
                        name,
                        partial,
                    });
                }
                Err(Errno::EXIST) => {}
                Err(errno) => return Err(FileError::new(Call::Open, &self.shown(&partial), errno)),
            }
        }
        let path = self.shown(wanted);
        Err(FileError::new(Call::Open, &path, Errno::EXIST))
    }

    /// Gives a partial file its name, when all of it is on the disk; says which.
    pub(super) fn complete(&self, partial: &Partial) -> Result<PathBuf, FileError> {
        let shown = self.shown(&partial.partial);
        sync(&partial.file).map_err(|errno| FileError::new(Call::Sync, &shown, errno))?;
        for name in self.names(&partial.name) {
            match self.rename(&partial.partial, &name) {
                Ok(()) => {
                    // The file is whole and has its name; a directory that cannot be synced (some
                    // network file systems, one that may not be listed) takes nothing from that.
                    let _ = sync(&self.directory);
                    return Ok(self.shown(&name));
                }
                Err(Errno::EXIST) => {}
                Err(errno) => return Err(FileError::new(Call::Rename, &shown, errno)),
            }
        }
        let path = self.shown(&partial.name);
        Err(FileError::new(Call::Rename, &path, Errno::EXIST))
    }

    /// A name that is given away already is not taken: the rename itself looks.
    fn rename(&self, from: &OsStr, to: &OsStr) -> Result<(), Errno> {
        let directory = &self.directory;
        let renamed =
            rustix::fs::renameat_with(directory, from, directory, to, RenameFlags::NOREPLACE);
        match renamed {
            // Not every file system can do it (NFS); a second name that must be new is the same.
            Err(Errno::INVAL | Errno::NOSYS) => {
                rustix::fs::linkat(directory, from, directory, to, AtFlags::empty())?;
                rustix::fs::unlinkat(directory, from, AtFlags::empty())
            }
            other => other,
        }
    }

    /// The names to try: the one that was asked for and no other, or in a directory also those
    /// behind it.
    fn names(&self, wanted: &OsStr) -> impl Iterator<Item = OsString> {
        let wanted = wanted.to_owned();
        let last = if self.name.is_some() { 1 } else { NAMES_MAX };
        (1..=last).map(move |number| {
            let mut name = wanted.clone();
            if number > 1 {
                name.push(format!("-{number}"));
            }
            name
        })
    }

    /// Whether there is something of this name, a dangling symbolic link included.
    fn has(&self, name: &OsStr) -> bool {
        statat(&self.directory, name, AtFlags::SYMLINK_NOFOLLOW).is_ok()
    }
}

impl Partial {
    /// A file of any kind, a pipe say, as one that is being written.
    #[cfg(test)]
    pub(super) fn on(file: File, name: &OsStr) -> Self {
        Self {
            file,
            name: name.to_owned(),
            partial: partial(name),
        }
    }

    pub(super) fn path(&self, destination: &Destination) -> PathBuf {
        destination.shown(&self.partial)
    }
}

fn partial(name: &OsStr) -> OsString {
    let mut partial = name.to_owned();
    partial.push(PARTIAL);
    partial
}

/// The peer in the name of a file: its address, or the process behind a Unix socket.
fn peer_name(identity: &Identity) -> String {
    match (identity.peer().inet(), identity.ends.process) {
        (Some(address), _) => address.to_string(),
        (None, Some(process)) => format!("pid-{}", process.pid),
        (None, None) => "unix".to_owned(),
    }
}

/// Number and peer, in characters that mean nothing to a shell or a terminal.
fn connection_name(number: u64, peer: &str) -> String {
    let safe = |c: char| {
        if c.is_ascii_alphanumeric() || c == '.' {
            c
        } else {
            '_'
        }
    };
    let peer = peer.chars().filter(|c| !matches!(c, '[' | ']')).map(safe);
    format!("{number:06}-{}", peer.collect::<String>())
}

fn sync(fd: impl std::os::fd::AsFd) -> Result<(), Errno> {
    loop {
        match rustix::fs::fsync(&fd) {
            Err(Errno::INTR) => {}
            // What has no disk behind it needs none.
            Err(Errno::INVAL) => return Ok(()),
            other => return other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_made_of_number_and_peer_and_is_harmless() {
        for (number, peer, name) in [
            (1, "127.0.0.1:51312", "000001-127.0.0.1_51312"),
            (12, "[::1]:80", "000012-__1_80"),
            (1_234_567, "[fe80::1%3]:80", "1234567-fe80__1_3_80"),
            (3, "../\n;$(x)", "000003-.._____x_"),
        ] {
            assert_eq!(connection_name(number, peer), name);
        }
    }
}
