//! The work on the connections of a server: a task each, counted when it ends, however it does.
//!
//! Each task counts for itself. To join them would mean to keep what has ended until somebody looks,
//! and to wake somebody for each that ends.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::thread;

use pin_project_lite::pin_project;
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::task::AbortHandle;

use super::Summary;
use crate::close::Closed;

/// All work of a server.
#[derive(Debug, Default)]
pub(super) struct Work {
    ledger: Mutex<Ledger>,
    /// Told when the last task has ended.
    none_left: Notify,
}

#[derive(Debug, Default)]
struct Ledger {
    summary: Summary,
    /// By the number of the connection; a task has no handle yet while it is being started.
    tasks: HashMap<u64, Option<AbortHandle>>,
}

impl Work {
    /// A connection was accepted, and its service panicked before there was any work.
    pub(super) fn count_panicked(&self) {
        let summary = &mut self.lock().summary;
        summary.accepted += 1;
        summary.panicked += 1;
    }

    /// A connection was accepted: does the work on it, on a task of this runtime or of the current one.
    pub(super) fn start<F>(self: &Arc<Self>, number: u64, work: F, runtime: Option<&Handle>)
    where
        F: Future<Output = Closed> + Send + 'static,
    {
        let mut ledger = self.lock();
        ledger.summary.accepted += 1;
        ledger.tasks.insert(number, None);
        drop(ledger);
        let counted = Counted {
            work,
            entry: Entry {
                all: Arc::clone(self),
                number,
                has_closed: false,
            },
        };
        let task = match runtime {
            Some(runtime) => runtime.spawn(counted),
            None => tokio::spawn(counted),
        };
        // One that has ended already is not there any more.
        if let Some(handle) = self.lock().tasks.get_mut(&number) {
            *handle = Some(task.abort_handle());
        }
    }

    /// Ends all that is left; they are counted as cut.
    pub(super) fn abort_all(&self) {
        // Copied, because a task may end at once and count itself.
        let handles: Vec<_> = self.lock().tasks.values().flatten().cloned().collect();
        for handle in handles {
            handle.abort();
        }
    }

    /// Waits until no task is left.
    pub(super) async fn none_left(&self) {
        while !self.lock().tasks.is_empty() {
            self.none_left.notified().await;
        }
    }

    /// What has been counted so far.
    pub(super) fn summary(&self) -> Summary {
        self.lock().summary.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pin_project! {
    /// The work on one connection; it is dropped before its entry.
    struct Counted<F> {
        #[pin]
        work: F,
        entry: Entry,
    }
}

impl<F: Future<Output = Closed>> Future for Counted<F> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        let closed = ready!(this.work.poll(cx));
        this.entry.close(closed);
        Poll::Ready(())
    }
}

/// The line of a task in the ledger, as long as it is there.
struct Entry {
    all: Arc<Work>,
    number: u64,
    has_closed: bool,
}

impl Entry {
    fn close(&mut self, closed: Closed) {
        self.has_closed = true;
        let summary = &mut self.all.lock().summary;
        summary.complete += u64::from(closed.is_complete());
        summary.bytes_sent += closed.totals.bytes_sent;
        summary.bytes_received += closed.totals.bytes_received;
        summary.last = Some(closed);
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let mut ledger = self.all.lock();
        let ended = ledger.tasks.remove(&self.number);
        if !self.has_closed {
            let summary = &mut ledger.summary;
            let how = if thread::panicking() {
                &mut summary.panicked
            } else {
                &mut summary.cut
            };
            *how += 1;
        }
        let is_last = ledger.tasks.is_empty();
        drop(ledger);
        // What it holds of the task goes when nobody is held up by it.
        drop(ended);
        if is_last {
            self.all.none_left.notify_one();
        }
    }
}
