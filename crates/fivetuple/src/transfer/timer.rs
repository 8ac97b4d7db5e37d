//! The deadlines of one connection. There is a timer only where one was asked for, it is set once
//! and looked at when it rings, so that bytes that move cost nothing.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::time::{Instant, Sleep, sleep_until};

use super::Terms;
use crate::close::Expired;
use crate::connection::Live;

#[derive(Debug)]
pub(crate) struct Timer {
    terms: Arc<Terms>,
    sleep: Option<Pin<Box<Sleep>>>,
    /// Bytes moved when they were last counted, and when that was.
    seen: u64,
    active: Instant,
    one_sided: bool,
    expired: Option<Expired>,
}

impl Timer {
    pub(crate) fn new(live: &Live, terms: &Arc<Terms>) -> Self {
        Self {
            terms: Arc::clone(terms),
            sleep: None,
            seen: 0,
            active: live.identity.since.into(),
            one_sided: false,
            expired: None,
        }
    }

    pub(crate) fn expired(&self) -> Option<Expired> {
        self.expired
    }

    /// Ready when a time is up. Called whenever nothing moves any more.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>, live: &Live, one_sided: bool) -> Poll<()> {
        let terms = &self.terms;
        let watches = terms.idle.is_some()
            || terms.deadline.is_some()
            || (one_sided && terms.half_closed.is_some());
        if !watches {
            return Poll::Pending;
        }
        let moved = live.bytes_sent() + live.bytes_received();
        if moved != self.seen || one_sided != self.one_sided {
            self.seen = moved;
            self.one_sided = one_sided;
            self.active = Instant::now();
        }
        loop {
            let Some((due, which)) = self.next_due(live) else {
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

    fn next_due(&self, live: &Live) -> Option<(Instant, Expired)> {
        let since = Instant::from(live.identity.since);
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
