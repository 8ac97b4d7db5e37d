//! Receiving what nobody looks at.

use std::cell::RefCell;
use std::os::fd::AsFd;

use rustix::net::{RecvFlags, recv};

use crate::call::Errno;

/// Bytes that one call throws away at most.
const LENGTH_MAX: usize = 1 << 20;

thread_local! {
    // Zeros that TCP never writes to, so that they take no memory; a Unix socket does write.
    static NOWHERE: RefCell<Vec<u8>> = RefCell::new(vec![0; LENGTH_MAX]);
}

/// Takes up to `length` bytes (and 1 MiB) from the socket; says how many.
pub(super) fn receive(fd: impl AsFd, length: usize) -> Result<usize, Errno> {
    NOWHERE.with_borrow_mut(|nowhere| {
        let room = nowhere.get_mut(..length.min(LENGTH_MAX));
        let (_, count) = recv(fd, room.unwrap_or_default(), RecvFlags::TRUNC)?;
        Ok(count)
    })
}
