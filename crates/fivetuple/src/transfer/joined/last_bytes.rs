//! What a connection sent before it died still reaches the other one: an RST that is passed on
//! makes the receiving kernel forget what it has not been told yet, so it comes last.

use std::task::{Context, Poll};

use super::end::End;
use crate::close::{LINGER_MAX, LINGER_SILENCE, Wait};

/// The bytes of a dying connection on their way to the other one.
#[derive(Debug)]
pub(super) struct LastBytes {
    wait: Wait,
    acknowledged: u64,
}

impl LastBytes {
    pub(super) fn new() -> Self {
        Self {
            wait: Wait::new(LINGER_MAX),
            acknowledged: 0,
        }
    }

    /// Ready when all of it is acknowledged, when nothing was for 2 s, or after 30 s. `unsent`
    /// bytes are not with the kernel yet.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        (dying, to): (&End, &End),
        unsent: usize,
    ) -> Poll<()> {
        loop {
            let waiting = u64::from(to.connection.unacknowledged().unwrap_or(0));
            if waiting == 0 && unsent == 0 && (dying.exhausted || dying.held) {
                return Poll::Ready(());
            }
            let acknowledged = to.connection.live().bytes_sent().saturating_sub(waiting);
            if acknowledged > self.acknowledged {
                self.acknowledged = acknowledged;
                self.wait.note_moved();
            } else if self.wait.is_silent(LINGER_SILENCE) {
                return Poll::Ready(());
            }
            match self.wait.poll_look(cx) {
                Poll::Ready(true) => {}
                Poll::Ready(false) => return Poll::Ready(()),
                Poll::Pending => return Poll::Pending,
            }
        }
    }
}
