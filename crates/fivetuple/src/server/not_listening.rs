//! Why a server does not listen.

use rustix::io::Errno;

use crate::bind::NameError;
use crate::call::{Explained, ListenError};
use crate::connect::NoAddresses;
use crate::socket::OpenError;

/// Why a server does not listen.
#[derive(Debug, thiserror::Error)]
pub enum NotListening {
    /// There is no address to listen on.
    #[error(transparent)]
    Addresses(#[from] NoAddresses),
    /// No socket.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The address could not be had.
    #[error(transparent)]
    Name(#[from] NameError),
    /// It could not be listened on.
    #[error(transparent)]
    Listen(#[from] ListenError),
}

impl NotListening {
    /// The call that failed, with what is known about it.
    pub fn explained(&self) -> Option<&dyn Explained> {
        match self {
            Self::Addresses(error) => error.explained(),
            Self::Open(error) => Some(error.explained()),
            Self::Name(error) => Some(error.explained()),
            Self::Listen(error) => Some(error),
        }
    }

    /// Whether it says that this machine does not have the family.
    pub(super) fn is_missing_family(&self) -> bool {
        let errno = match self {
            Self::Open(OpenError::Socket(error)) => error.errno(),
            Self::Name(NameError::Bind(error)) => error.errno(),
            _ => None,
        };
        matches!(errno, Some(Errno::AFNOSUPPORT | Errno::ADDRNOTAVAIL))
    }

    pub(super) fn is_taken(&self) -> bool {
        let errno = match self {
            Self::Name(NameError::Bind(error)) => error.errno(),
            Self::Listen(error) => error.errno(),
            _ => None,
        };
        errno == Some(Errno::ADDRINUSE)
    }
}
