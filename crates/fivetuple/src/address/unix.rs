//! Names of Unix sockets: `unix:/path` and `unix:@abstract` (unix(7)).

use std::ffi::OsStr;
use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;

use super::{AddressError, Shown};

/// Bytes that a path may have: `sun_path` holds 108 with the NUL behind it (unix(7)).
pub const PATH_BYTES_MAX: usize = 107;

/// The name of a Unix socket.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum UnixAddress {
    /// A file, which is made by `bind`; its mode says who may connect.
    Path(Arc<Path>),
    /// A name that is no file and that everybody on this machine may connect to.
    Abstract(Arc<[u8]>),
    /// None: the socket was never bound, as most that connect are.
    Unnamed,
}

impl UnixAddress {
    /// Reads what stands behind `unix:`, with or without `//`.
    ///
    /// # Errors
    /// [`AddressError::EmptyPath`], [`AddressError::PathTooLong`], [`AddressError::NulInPath`].
    pub fn read(text: &str) -> Result<Self, AddressError> {
        let name = text.strip_prefix("//").unwrap_or(text);
        if let Some(name) = name.strip_prefix('@') {
            return Self::from_abstract(name.as_bytes());
        }
        Self::from_path(Path::new(OsStr::new(name)))
    }

    /// A file.
    ///
    /// # Errors
    /// As [`UnixAddress::read`].
    pub fn from_path(path: &Path) -> Result<Self, AddressError> {
        check(path.as_os_str().as_bytes())?;
        Ok(Self::Path(path.into()))
    }

    /// An abstract name, without the `@` that stands for its NUL.
    ///
    /// # Errors
    /// [`AddressError::PathTooLong`].
    pub fn from_abstract(name: &[u8]) -> Result<Self, AddressError> {
        check(name)?;
        Ok(Self::Abstract(name.into()))
    }

    /// The file, if it is one.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Path(path) => Some(path),
            Self::Abstract(_) | Self::Unnamed => None,
        }
    }
}

fn check(name: &[u8]) -> Result<(), AddressError> {
    match name {
        [] => Err(AddressError::EmptyPath),
        _ if name.contains(&0) => Err(AddressError::NulInPath),
        _ if name.len() > PATH_BYTES_MAX => Err(AddressError::PathTooLong { bytes: name.len() }),
        _ => Ok(()),
    }
}

/// `unix:/path`, `unix:@abstract`, `unix:` for none; control characters escaped.
impl fmt::Display for UnixAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => write!(f, "unix:{}", Shown::whole(&path.to_string_lossy())),
            Self::Abstract(name) => {
                write!(f, "unix:@{}", Shown::whole(&String::from_utf8_lossy(name)))
            }
            Self::Unnamed => f.write_str("unix:"),
        }
    }
}

impl fmt::Debug for UnixAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}
