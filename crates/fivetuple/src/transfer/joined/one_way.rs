//! One of the two directions of a pair: from one connection to the other.
//!
//! Bytes are copied through the buffer of the thread, which is the fastest way for a little. When
//! several reads in a row fill that buffer, the kernel moves them by itself: it splices them from
//! socket to socket, through a pipe that is lent for as long as bytes flow.

use std::sync::Arc;
use std::task::{Context, Poll, ready};

use super::super::pipes::{Flow, LentPipe, Pipes, is_refused};
use super::super::{Outgoing, TURN, Unsent, with_scratch};
use super::end::End;
use crate::call::Errno;

/// One direction. It flows until its source has finished, then what is kept is sent, then its sink
/// is half-closed. While something is kept nothing is received, so that is at most one read, or
/// what fits into one pipe.
#[derive(Debug, Default)]
pub(super) struct OneWay {
    unsent: Unsent,
    /// Where pipes come from; without it everything is copied.
    pipes: Option<Arc<Pipes>>,
    /// The pipe that bulk is in, or on its way into.
    lent: Option<LentPipe>,
    flow: Flow,
}

impl OneWay {
    /// A direction that may be spliced.
    pub(super) fn with_pipes(pipes: Option<Arc<Pipes>>) -> Self {
        Self {
            pipes,
            ..Self::default()
        }
    }

    /// Bytes that were received and are not sent yet.
    pub(super) fn unsent(&self) -> usize {
        self.unsent.len() + self.lent.as_ref().map_or(0, LentPipe::len)
    }

    /// Forgets what is not sent yet: its receiver does not take it.
    pub(super) fn give_up(&mut self) {
        self.unsent.clear();
        self.lent = None;
    }

    /// Moves what can be moved now. True if there may be more.
    pub(super) fn turn(&mut self, cx: &mut Context<'_>, from: &mut End, to: &mut End) -> bool {
        for _ in 0..TURN {
            while self.unsent() > 0 && to.facts.can_send() {
                if self.poll_send_kept(cx, to).is_pending() {
                    return false;
                }
            }
            if !to.facts.can_send() {
                // Bytes for somebody who is gone.
                self.give_up();
                return false;
            }
            if from.exhausted || from.held || self.poll_carry(cx, from, to).is_pending() {
                // An idle direction has no pipe.
                self.lent = None;
                return false;
            }
        }
        true
    }

    /// Sends what was received before, as far as the kernel takes it.
    fn poll_send_kept(&mut self, cx: &mut Context<'_>, to: &mut End) -> Poll<()> {
        if let Some((pipe, count)) = self.lent.as_ref().and_then(LentPipe::filled) {
            let sent = ready!(to.connection.poll_splice_from(cx, (pipe, count)));
            match (sent, &mut self.lent) {
                (Ok(count), Some(lent)) => lent.note_taken(count),
                (Err(errno), Some(lent)) if is_refused(errno) => {
                    lent.pour(|bytes| self.unsent.push(bytes));
                    self.only_copy();
                }
                (Err(errno), _) => to.send_failed(errno),
                (Ok(_), None) => {}
            }
            return Poll::Ready(());
        }
        match ready!(to.connection.poll_send(cx, self.unsent.bytes())) {
            Ok(count) => self.unsent.advance(count),
            Err(errno) => to.send_failed(errno),
        }
        Poll::Ready(())
    }

    /// Receives once and sends that on in the same breath: here the bytes move, and nowhere else.
    fn poll_carry(&mut self, cx: &mut Context<'_>, from: &mut End, to: &mut End) -> Poll<()> {
        if self.flow.is_bulk() {
            match self.poll_splice(cx, from) {
                Poll::Ready(Ok(())) => return Poll::Ready(()),
                Poll::Ready(Err(())) => {}
                Poll::Pending => return Poll::Pending,
            }
        }
        self.poll_copy(cx, from, to)
    }

    /// Receives into a pipe; an error if it is to be copied instead.
    fn poll_splice(&mut self, cx: &mut Context<'_>, from: &mut End) -> Poll<Result<(), ()>> {
        if self.lent.is_none() {
            self.lent = self.pipes.as_ref().and_then(Pipes::lend);
        }
        let Some(to_pipe) = self.lent.as_ref().and_then(LentPipe::empty) else {
            self.flow.note_no_pipe();
            return Poll::Ready(Err(()));
        };
        let found = from.connection.poll_splice_into(cx, to_pipe);
        Poll::Ready(match ready!(self.flow.looked(found)) {
            Ok(count) => {
                self.flow.note_spliced(count);
                if let Some(lent) = &mut self.lent {
                    lent.note_put(count);
                }
                Ok(())
            }
            Err(Errno::AGAIN) => {
                // Whenever that receive comes, it is the next call.
                self.flow.note_no_pipe();
                Err(())
            }
            Err(errno) if is_refused(errno) => {
                self.only_copy();
                Err(())
            }
            Err(errno) => {
                from.receive_failed(errno);
                Ok(())
            }
        })
    }

    fn poll_copy(&mut self, cx: &mut Context<'_>, from: &mut End, to: &mut End) -> Poll<()> {
        with_scratch(|scratch| {
            let found = from.connection.poll_receive(cx, scratch);
            match ready!(self.flow.looked(found)) {
                Ok(0) => from.finished(),
                Ok(count) => {
                    (self.flow).note_read(count == scratch.len() && self.pipes.is_some());
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

    /// From here on everything is copied.
    fn only_copy(&mut self) {
        self.pipes = None;
        self.lent = None;
        self.flow = Flow::default();
    }
}
