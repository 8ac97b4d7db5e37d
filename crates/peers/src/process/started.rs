//! Who has been started and not ended yet: a harness that is interrupted leaves nobody behind.

use std::sync::{Mutex, PoisonError};

use rustix::process::Pid;

use super::tree;

static STARTED: Mutex<Vec<Pid>> = Mutex::new(Vec::new());

/// Notes somebody who was started.
pub(super) fn enter(pid: Pid) {
    let mut started = STARTED.lock().unwrap_or_else(PoisonError::into_inner);
    started.push(pid);
}

/// Forgets somebody who has ended.
pub(super) fn leave(pid: Pid) {
    let mut started = STARTED.lock().unwrap_or_else(PoisonError::into_inner);
    started.retain(|known| *known != pid);
}

/// Ends everybody who was started, with all their children.
pub fn end_all() {
    let started = STARTED.lock().unwrap_or_else(PoisonError::into_inner);
    for pid in started.iter() {
        tree::end(&tree::members(*pid));
    }
}
