//! A descriptor under the event loop of this runtime (epoll(7), edge-triggered, by tokio).

use std::os::fd::OwnedFd;

use rustix::io::Errno;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Has the event loop watch a non-blocking descriptor for `interest`.
///
/// # Errors
///
/// ENOMEM or ENOSPC: the kernel watches no more; EPERM: a file cannot be watched.
///
/// # Panics
///
/// Outside a tokio runtime with I/O enabled.
pub fn register(fd: OwnedFd, interest: Interest) -> Result<AsyncFd<OwnedFd>, Errno> {
    // SAFETY: an OwnedFd names the same open descriptor as long as it lives, and it lives in the
    // AsyncFd, which stops watching before it gives the descriptor back or closes it.
    let registered = unsafe { AsyncFd::register_with_interest(fd, interest) };
    registered.map_err(|error| errno_of(&error.into()))
}

/// As [`register`]; a descriptor that cannot be watched is given back.
///
/// # Errors
///
/// As [`register`], with the descriptor.
///
/// # Panics
///
/// As [`register`].
#[cfg(feature = "exec")]
pub(crate) fn register_or_return(
    fd: OwnedFd,
    interest: Interest,
) -> Result<AsyncFd<OwnedFd>, (OwnedFd, Errno)> {
    // SAFETY: as in `register`.
    let registered = unsafe { AsyncFd::register_with_interest(fd, interest) };
    registered.map_err(|error| {
        let (fd, error) = error.into_parts();
        (fd, errno_of(&error))
    })
}

/// The errno of an error of the standard library; EIO where it has none.
pub(crate) fn errno_of(error: &std::io::Error) -> Errno {
    Errno::from_io_error(error).unwrap_or(Errno::IO)
}
