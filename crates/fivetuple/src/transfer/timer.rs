//! The deadlines of one connection. There is a timer only where one was asked for, it is set once
//! and looked at when it rings, so that bytes that move cost nothing.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::time::{Instant, Sleep, sleep_until};

use super::Terms;
use crate::close::Expired;

#[derive(Debug)]
pub(crate) struct Timer {
    terms: Arc<Terms>,
    since: Instant,
    sleep: Option<Pin<Box<Sleep>>>,
    /// Bytes moved when they were last counted, and when that was.
    seen: u64,
    active: Instant,
    one_sided: bool,
    expired: Option<Expired>,
}

impl Timer {
    /// For what came to be at `since` and is at work from now on.
    pub(crate) fn new(since: std::time::Instant, terms: &Arc<Terms>) -> Self {
        Self {
            terms: Arc::clone(terms),
            since: since.into(),
            sleep: None,
            seen: 0,
            active: Instant::now(),
            one_sided: false,
            expired: None,
        }
    }

    pub(crate) fn expired(&self) -> Option<Expired> {
        self.expired
    }

    /// Takes back that a time was up, if it was this one.
    pub(super) fn take_expired_if(&mut self, which: Option<Expired>) -> bool {
        let is_it = self.expired == which;
        if is_it {
            self.expired = None;
        }
        is_it
    }

    /// Ready when a time is up. Called whenever nothing moves any more, with the bytes moved so
    /// far.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>, moved: u64, one_sided: bool) -> Poll<()> {
        let terms = &self.terms;
        let watches = terms.idle.is_some()
            || terms.deadline.is_some()
            || (one_sided && terms.half_closed.is_some());
        if !watches {
            return Poll::Pending;
        }
        if moved != self.seen || one_sided != self.one_sided {
            self.seen = moved;
            self.one_sided = one_sided;
            self.active = Instant::now();
        }
        loop {
            let Some((due, which)) = self.next_due() else {
                return Poll::Pending;
            };
            if due <= Instant::now() {
                self.expired = Some(which);
                return Poll::Ready(());
            }
            let sleep = self.sleep.get_or_insert_with(|| Box::pin(sleep_until(due)));
            // A timer that rings too early is set anew then; one that would ring too late, now.
            if due < sleep.deadline() {
                sleep.as_mut().reset(due);
            }
            if sleep.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            self.sleep = None;
        }
    }

    fn next_due(&self) -> Option<(Instant, Expired)> {
        let since = self.since;
        let terms = &self.terms;
        let half_closed = terms.half_closed.filter(|_| self.one_sided);
        [
            terms.deadline.map(|time| (since + time, Expired::Deadline)),
            terms.idle.map(|time| (self.active + time, Expired::Idle)),
            half_closed.map(|time| (self.active + time, Expired::HalfClosed)),
        ]
        .into_iter()
        .flatten()
        .min_by_key(|(due, _)| *due)
    }
}
