//! What was lost of datagrams: counted at once, told now and then.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::call::{Errno, SendError};
use crate::event::{Direction, Event, Identity, Observers};

/// What is lost of one peer is told no more often than this.
const TELL_EVERY: Duration = Duration::from_secs(1);

/// Bytes of one direction of one connection that went no further.
#[derive(Debug)]
pub(super) struct Losses {
    direction: Direction,
    /// Not told yet.
    bytes: AtomicU64,
    told: Mutex<Option<Instant>>,
}

impl Losses {
    pub(super) fn new(direction: Direction) -> Self {
        Self {
            direction,
            bytes: AtomicU64::new(0),
            told: Mutex::default(),
        }
    }

    /// So many more; told if that is due.
    #[cold]
    pub(super) fn note(&self, bytes: u64, identity: &Identity, observers: &Observers) {
        self.bytes.fetch_add(bytes, Relaxed);
        let mut told = self.told();
        if is_due(*told) {
            *told = Some(Instant::now());
            drop(told);
            self.tell(0, identity, observers);
        }
    }

    /// Tells why a send failed, if something is due. No room is nobody's fault, and no news.
    #[cold]
    pub(super) fn failed(&self, errno: Errno, identity: &Identity, observers: &Observers) {
        let is_no_room = matches!(errno, Errno::AGAIN | Errno::NOBUFS | Errno::NOMEM);
        if !is_no_room && is_due(*self.told()) {
            observers.failed(identity, &SendError::new(identity.name(), errno));
        }
    }

    /// Tells what is not told yet, and so many more.
    pub(super) fn tell(&self, more: u64, connection: &Identity, observers: &Observers) {
        let bytes = self.bytes.swap(0, Relaxed) + more;
        if bytes > 0 {
            observers.emit(&Event::Dropped {
                connection,
                direction: self.direction,
                bytes,
            });
        }
    }

    fn told(&self) -> MutexGuard<'_, Option<Instant>> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_due(told: Option<Instant>) -> bool {
    told.is_none_or(|told| told.elapsed() >= TELL_EVERY)
}
