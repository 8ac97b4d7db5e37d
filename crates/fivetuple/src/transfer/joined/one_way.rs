//! One of the two directions of a pair: from one connection to the other.

use std::task::{Context, Poll, ready};

use super::super::{Outgoing, TURN, Unsent, with_scratch};
use super::end::End;

/// One direction. It flows until its source has finished, then what is kept is sent, then its sink
/// is half-closed. While something is kept nothing is received, so that is at most one read.
#[derive(Debug, Default)]
pub(super) struct OneWay {
    unsent: Unsent,
}

impl OneWay {
    /// Bytes that were received and are not sent yet.
    pub(super) fn unsent(&self) -> usize {
        self.unsent.len()
    }

    /// Forgets what is not sent yet: its receiver does not take it.
    pub(super) fn give_up(&mut self) {
        self.unsent.clear();
    }

    /// Moves what can be moved now. True if something was.
    pub(super) fn turn(&mut self, cx: &mut Context<'_>, from: &mut End, to: &mut End) -> bool {
        let mut moved = false;
        for _ in 0..TURN {
            while !self.unsent.is_empty() && to.facts.can_send() {
                match to.connection.poll_send(cx, self.unsent.bytes()) {
                    Poll::Ready(Ok(count)) => self.unsent.advance(count),
                    Poll::Ready(Err(errno)) => to.send_failed(errno),
                    Poll::Pending => return moved,
                }
                moved = true;
            }
            if !to.facts.can_send() {
                // Bytes for somebody who is gone.
                self.unsent.clear();
                return moved;
            }
            if from.exhausted || from.held || self.poll_carry(cx, from, to).is_pending() {
                return moved;
            }
            moved = true;
        }
        moved
    }

    /// Receives once and sends that on in the same breath: here the bytes move, and nowhere else.
    fn poll_carry(&mut self, cx: &mut Context<'_>, from: &mut End, to: &mut End) -> Poll<()> {
        with_scratch(|scratch| {
            match ready!(from.connection.poll_receive(cx, scratch)) {
                Ok(0) => from.finished(),
                Ok(count) => {
                    let mut out = Outgoing::new(&to.connection, &mut self.unsent);
                    out.send(scratch.get(..count).unwrap_or_default());
                    if let Some(errno) = out.failed() {
                        to.send_failed(errno);
                    }
                }
                Err(errno) => from.receive_failed(errno),
            }
            Poll::Ready(())
        })
    }
}
