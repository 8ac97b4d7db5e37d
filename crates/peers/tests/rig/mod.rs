//! What the tests of the harness share.
#![allow(
    dead_code,
    reason = "each file of tests is a program of its own, and none uses all of this"
)]

use std::net::TcpStream;
use std::path::PathBuf;
use std::time::Duration;

use peers::harness::Harness;
use peers::pairs::Form;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// So little that a test takes a moment, and says nothing about speed.
pub(crate) const TINY: Form = Form {
    pairs: 2,
    slice: Duration::from_millis(20),
    warm_up: Duration::from_millis(5),
    file: 8 << 20,
    idle: 10,
    is_quick: true,
};

/// A harness without `ft`: only the floors.
pub(crate) fn harness() -> Harness {
    harness_of(TINY)
}

/// The same in this form.
pub(crate) fn harness_of(form: Form) -> Harness {
    let floor = PathBuf::from(env!("CARGO_BIN_EXE_peers"));
    Harness::new(form, PathBuf::from("no-ft"), floor).unwrap()
}

/// Waits until nothing more can be sent on a connection from which nobody reads.
pub(crate) fn wait_until_full(stream: &TcpStream) {
    // peer: the one that reads slowly is this test
    let moment = Timespec {
        tv_sec: 0,
        tv_nsec: 50_000_000,
    };
    loop {
        let mut writable = [PollFd::new(stream, PollFlags::OUT)];
        if poll(&mut writable, Some(&moment)).unwrap() == 0 {
            return;
        }
    }
}
