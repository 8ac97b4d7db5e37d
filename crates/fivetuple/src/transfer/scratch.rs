//! The buffer that bytes are read into: one for each thread, none for a connection.

use std::cell::RefCell;

/// Bytes that one read takes at most; the size of the buffer of each thread. No datagram is longer.
pub const SCRATCH: usize = 64 * 1024;

thread_local! {
    static THREAD_SCRATCH: RefCell<Box<[u8]>> = RefCell::new(vec![0; SCRATCH].into());
}

/// Lends the buffer of this thread. Not while it is lent already: an exchange has it only when it
/// is asked for what it has to send.
pub(crate) fn with_scratch<R>(work: impl FnOnce(&mut [u8]) -> R) -> R {
    THREAD_SCRATCH.with_borrow_mut(|scratch| work(scratch))
}
