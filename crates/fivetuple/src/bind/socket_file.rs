//! The file of a Unix socket: made where nothing of value stands, removed when it is still ours.

use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use rustix::fs::{FlockOperation, Mode, OFlags, fchmod, flock, open};

use crate::address::UnixAddress;
use crate::call::Errno;
use crate::kernel::name::answers;
use crate::kernel::unix_diag;

/// How often, and after which pause, another program that is at the same place is waited for. It
/// binds and listens, which takes much less.
const LOCK_TRIES: u32 = 500;
const LOCK_PAUSE: Duration = Duration::from_millis(1);

/// A path that `bind` can make its socket at.
pub(crate) struct Prepared {
    path: Option<Arc<Path>>,
    mode: u32,
    folder: Option<OwnedFd>,
}

/// The file that our `bind` has made. Dropped, it is removed, if it is still the same. It is dropped
/// before its socket: as long as that is open, its inode is no other file's, and nobody takes the
/// path for dead.
#[derive(Debug)]
pub(crate) struct SocketFile {
    path: PathBuf,
    device: u64,
    inode: u64,
    /// The lock on its folder, until it listens. While it is held, no other `bind` of this library
    /// looks for dead sockets there, so that two of them do not take one away from each other.
    folder: Option<OwnedFd>,
}

impl SocketFile {
    /// Makes the place free: a socket of our own user that nobody answers at is removed, and
    /// nothing else ever is. `fd` gets its mode before it has a name, so that nobody can connect
    /// in between who may not (Linux takes the mode of the file from that of the socket).
    pub(crate) fn prepare(
        address: &UnixAddress,
        mode: u32,
        fd: &OwnedFd,
    ) -> Result<Prepared, Errno> {
        let UnixAddress::Path(path) = address else {
            return Ok(Prepared {
                path: None,
                mode,
                folder: None,
            });
        };
        let folder = lock_folder(path);
        remove_dead(address, path)?;
        fchmod(fd, Mode::from_raw_mode(mode))?;
        Ok(Prepared {
            path: Some(Arc::clone(path)),
            mode,
            folder,
        })
    }

    /// The socket listens: whoever looks at the file finds somebody there.
    pub(crate) fn listens(&mut self) {
        self.folder = None;
    }
}

impl Prepared {
    /// After `bind`: remembers the file, and takes back what the umask took from its mode.
    pub(crate) fn made(self) -> Option<SocketFile> {
        let path = self.path?.to_path_buf();
        // A relative path would mean another file after a change of the folder.
        let path = std::path::absolute(&path).unwrap_or(path);
        let found = fs::symlink_metadata(&path).ok()?;
        if found.mode() & 0o7777 != self.mode {
            // Best effort: it is closed more than was asked for, never less.
            let _ = fs::set_permissions(&path, fs::Permissions::from_mode(self.mode));
        }
        Some(SocketFile {
            path,
            device: found.dev(),
            inode: found.ino(),
            folder: self.folder,
        })
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let is_ours = fs::symlink_metadata(&self.path)
            .is_ok_and(|found| (found.dev(), found.ino()) == (self.device, self.inode));
        if is_ours {
            // What cannot be removed is found dead by the next one who wants the path.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// The folder, locked; nothing where it cannot be opened, as bind will say why, or where somebody
/// keeps it locked for longer, who shall not keep us from our own path.
fn lock_folder(path: &Path) -> Option<OwnedFd> {
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let folder = open(folder, flags, Mode::empty()).ok()?;
    for _ in 0..LOCK_TRIES {
        if flock(&folder, FlockOperation::NonBlockingLockExclusive) != Err(Errno::WOULDBLOCK) {
            return Some(folder);
        }
        thread::sleep(LOCK_PAUSE);
    }
    None
}

fn remove_dead(address: &UnixAddress, path: &Path) -> Result<(), Errno> {
    let found = match fs::symlink_metadata(path) {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        // bind gives the same errno.
        Err(_) => return Ok(()),
    };
    if found.file_type().is_symlink() {
        return Err(Errno::LOOP);
    }
    let ours = found.uid() == rustix::process::geteuid().as_raw();
    if !found.file_type().is_socket() || !ours || answers(path) {
        return Err(Errno::ADDRINUSE);
    }
    // Who has bound it and does not listen yet refuses, too.
    if unix_diag::bound(address).is_ok_and(|bound| !bound.is_empty()) {
        return Err(Errno::ADDRINUSE);
    }
    fs::remove_file(path).map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))
}
