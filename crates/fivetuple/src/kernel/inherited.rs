//! Descriptors that this process was started with.

use std::os::fd::{FromRawFd, OwnedFd, RawFd};
use std::sync::Mutex;

use rustix::io::Errno;

/// Those that were given out.
static TAKEN: Mutex<Vec<RawFd>> = Mutex::new(Vec::new());

/// Takes over a descriptor that was passed to this process, from 3 on; close-on-exec from here on.
///
/// # Errors
///
/// EBADF: it is not open; EBUSY: it was taken before; EINVAL: 0, 1 and 2 belong to others.
pub fn take(number: RawFd) -> Result<OwnedFd, Errno> {
    if number < 3 {
        return Err(Errno::INVAL);
    }
    let mut taken = TAKEN.lock().map_err(|_| Errno::BUSY)?;
    if taken.contains(&number) {
        return Err(Errno::BUSY);
    }
    // SAFETY: fcntl with F_SETFD takes any number, and says EBADF if it is not open.
    if unsafe { libc::fcntl(number, libc::F_SETFD, libc::FD_CLOEXEC) } == -1 {
        return Err(super::last_errno());
    }
    taken.push(number);
    // SAFETY: it is open, and was passed to this process for it to own; the list above sees to it
    // that it is given out once. A caller that names a descriptor which this process opened itself
    // gets what it asked for: the number is taken from the command line or the service manager
    // before anything else is opened.
    Ok(unsafe { OwnedFd::from_raw_fd(number) })
}

#[cfg(test)]
mod tests {
    use std::os::fd::IntoRawFd;

    use super::*;

    #[test]
    fn a_descriptor_is_given_out_once_and_only_if_it_is_open() {
        assert_eq!(take(2).unwrap_err(), Errno::INVAL);
        assert_eq!(take(60_000).unwrap_err(), Errno::BADF);
        let passed = std::fs::File::open("/dev/null").unwrap().into_raw_fd();
        let taken = take(passed).unwrap();
        assert_eq!(take(passed).unwrap_err(), Errno::BUSY);
        assert!(rustix::io::fcntl_getfd(&taken).unwrap().contains(rustix::io::FdFlags::CLOEXEC));
    }
}
