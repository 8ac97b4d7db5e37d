//! Who has a name of a Unix socket (`unix_diag`, sock_diag(7)).
//!
//! A path is known by the file that stands there, not by its text: programs bind relative paths in
//! other folders, and one path has many spellings. Only sockets of this network namespace are told.

use std::fs;
use std::ops::ControlFlow;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::io::Errno;

use super::field;
use super::netlink::{attribute, dump};
use crate::address::UnixAddress;

/// A socket that is bound to a name and not connected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnixEntry {
    /// The number by which `/proc/PID/fd` names it.
    pub inode: u32,
    /// Whether it listens; otherwise it may listen yet.
    pub listens: bool,
    /// The user who made it; told since Linux 5.3.
    pub uid: Option<u32>,
}

/// The sockets that are bound to this name: to the file at the path, or to the abstract name.
///
/// # Errors
///
/// ENOENT or EPROTONOSUPPORT: the kernel has no `unix_diag`. EAGAIN: no answer in time.
pub fn bound(name: &UnixAddress) -> Result<Vec<UnixEntry>, Errno> {
    let Some(wanted) = Wanted::new(name) else {
        return Ok(Vec::new());
    };
    dump(&request(), |found: &mut Vec<UnixEntry>, body| {
        found.extend(entry(body, &wanted));
        ControlFlow::Continue(())
    })
}

/// What is looked for.
#[derive(Debug)]
enum Wanted {
    /// A file: its inode and device, and its absolute path, for a file system whose numbers differ
    /// from those that stat(2) gives (overlayfs).
    File {
        inode: u64,
        device: u64,
        path: Vec<u8>,
    },
    /// An abstract name, with the zero in front.
    Abstract(Vec<u8>),
}

impl Wanted {
    fn new(name: &UnixAddress) -> Option<Self> {
        match name {
            UnixAddress::Path(path) => Self::file(path),
            UnixAddress::Abstract(name) => Some(Self::Abstract([b"\0", &**name].concat())),
            UnixAddress::Unnamed => None,
        }
    }

    fn file(path: &Path) -> Option<Self> {
        let found = fs::metadata(path).ok()?;
        let absolute = std::path::absolute(path).ok()?;
        Some(Self::File {
            inode: found.ino(),
            device: found.dev(),
            path: absolute.as_os_str().as_bytes().to_vec(),
        })
    }

    fn is(&self, name: &[u8], file: Option<(u32, u32)>) -> bool {
        match self {
            Self::Abstract(wanted) => name == wanted,
            Self::File {
                inode,
                device,
                path,
            } => {
                let numbers = (low_bits(*inode), kernel_device(*device));
                file == Some(numbers) || name.strip_suffix(b"\0").unwrap_or(name) == path
            }
        }
    }
}

/// The kernel tells the low 32 bits of the inode.
fn low_bits(inode: u64) -> u32 {
    (inode & u64::from(u32::MAX)) as u32
}

/// A device as the kernel has it inside: 12 bits of major number, 20 of minor.
fn kernel_device(device: u64) -> u32 {
    (rustix::fs::major(device) << 20) | (rustix::fs::minor(device) & 0xf_ffff)
}

/// TCP's numbers, which Unix sockets have, too (`TCP_CLOSE`, `TCP_LISTEN`).
const CLOSED: u8 = 7;
const LISTEN: u8 = 10;
/// `UDIAG_SHOW_NAME`, `UDIAG_SHOW_VFS`, `UDIAG_SHOW_UID`.
const SHOW: u32 = 0x01 | 0x02 | 0x40;
/// `UNIX_DIAG_NAME`, `UNIX_DIAG_VFS`, `UNIX_DIAG_UID`.
const NAME: u16 = 0;
const FILE: u16 = 1;
const UID: u16 = 7;
/// Bytes of `unix_diag_msg`; attributes follow.
const ENTRY: usize = 16;

/// `unix_diag_req`.
fn request() -> Vec<u8> {
    const AF_UNIX: u8 = 1;
    let mut request = Vec::with_capacity(24);
    request.extend([AF_UNIX, 0, 0, 0]);
    request.extend((1_u32 << CLOSED | 1 << LISTEN).to_ne_bytes());
    // Any inode.
    request.extend([0; 4]);
    request.extend(SHOW.to_ne_bytes());
    // No cookie.
    request.extend([0xff; 8]);
    request
}

/// `unix_diag_msg` with its attributes, if it is what is looked for.
fn entry(body: &[u8], wanted: &Wanted) -> Option<UnixEntry> {
    let row = body.get(ENTRY..)?;
    let file =
        attribute(row, FILE).and_then(|file| Some((field::u32(file, 0)?, field::u32(file, 4)?)));
    let name = attribute(row, NAME).unwrap_or_default();
    if !wanted.is(name, file) {
        return None;
    }
    Some(UnixEntry {
        inode: field::u32(body, 4)?,
        listens: field::u8(body, 2)? == LISTEN,
        uid: attribute(row, UID).and_then(|uid| field::u32(uid, 0)),
    })
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsRawFd;
    use std::os::linux::net::SocketAddrExt;
    use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};

    use proptest::prelude::*;

    use super::*;

    fn inode(fd: &impl AsRawFd) -> u32 {
        let link = fs::metadata(format!("/proc/self/fd/{}", fd.as_raw_fd())).unwrap();
        low_bits(link.ino())
    }

    fn of(path: &Path) -> Vec<UnixEntry> {
        bound(&UnixAddress::Path(path.into())).unwrap()
    }

    #[test]
    fn a_socket_is_found_by_its_file_however_the_path_is_written() {
        let folder = std::env::temp_dir().join(format!("fivetuple-diag-{}", std::process::id()));
        fs::create_dir(&folder).unwrap();
        let path = folder.join("x");
        let listener = UnixListener::bind(&path).unwrap();
        // What is connected has the name, too, and does not hold it.
        let _client = UnixStream::connect(&path).unwrap();
        let (_accepted, _) = listener.accept().unwrap();
        let expected = UnixEntry {
            inode: inode(&listener),
            listens: true,
            uid: Some(rustix::process::geteuid().as_raw()),
        };
        let found = of(&folder
            .join("../")
            .join(folder.file_name().unwrap())
            .join("x"));
        assert_eq!(found, [expected]);
        fs::rename(&path, folder.join("y")).unwrap();
        assert!(of(&path).is_empty());
        assert_eq!(of(&folder.join("y")).len(), 1);
        drop(listener);
        assert!(of(&folder.join("y")).is_empty());
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn an_abstract_name_is_found_as_it_is() {
        let name = format!("fivetuple-diag-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        let listener = UnixListener::bind_addr(&address).unwrap();
        let of = |name: &str| bound(&UnixAddress::Abstract(name.as_bytes().into())).unwrap();
        let found: Vec<u32> = of(&name).into_iter().map(|entry| entry.inode).collect();
        assert_eq!(found, [inode(&listener)]);
        assert!(of(&name[1..]).is_empty());
    }

    proptest! {
        #[test]
        fn any_bytes_are_an_entry_or_none(body: Vec<u8>) {
            _ = entry(&body, &Wanted::Abstract(Vec::new()));
        }
    }
}
