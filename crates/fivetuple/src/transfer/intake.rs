//! Receiving, in the way that an exchange wants it: into the buffer of the thread, into a pipe, or
//! into nothing.

use std::task::{Context, Poll, ready};

use super::{Exchange, Intake, LentPipe, Outgoing, SCRATCH, Transfer, is_refused, with_scratch};
use crate::call::Errno;
use crate::close::Close;

impl<E: Exchange + Unpin> Transfer<E> {
    /// Receives once, in the way that the exchange wants it.
    pub(super) fn poll_intake(&mut self, cx: &mut Context<'_>, room: usize) -> Poll<()> {
        let pipes = match self.exchange.intake() {
            _ if self.end.send_only() => None,
            Intake::Bytes => return self.poll_bytes(cx, room),
            Intake::Pipes(pipes) => Some(pipes),
            Intake::Nothing => None,
        };
        let Some(pipes) = pipes else {
            if !self.connection.can_discard() {
                return self.poll_bytes(cx, room);
            }
            let received = ready!(self.connection.poll_discard(cx, usize::MAX));
            self.received(received, &[]);
            return Poll::Ready(());
        };
        if !self.flow.is_bulk() || !self.connection.is_unseen() {
            return self.poll_bytes(cx, room);
        }
        let Some(lent) = pipes.lend() else {
            self.flow.note_no_pipe();
            return self.poll_bytes(cx, room);
        };
        self.poll_pipe(cx, lent, room)
    }

    /// Receives into a pipe; into the buffer of the thread where that cannot be.
    fn poll_pipe(&mut self, cx: &mut Context<'_>, mut lent: LentPipe, room: usize) -> Poll<()> {
        let Some(to_pipe) = lent.empty() else {
            return self.poll_bytes(cx, room);
        };
        let found = self.connection.poll_splice_into(cx, to_pipe);
        match ready!(self.flow.looked(found)) {
            Ok(count) => {
                self.flow.note_spliced(count);
                lent.note_put(count);
                self.exchange.received_pipe(lent);
            }
            Err(errno) if errno == Errno::AGAIN || is_refused(errno) => {
                self.flow.note_no_pipe();
                return self.poll_bytes(cx, room);
            }
            Err(errno) => self.receive_failed(errno),
        }
        Poll::Ready(())
    }

    /// Receives into the buffer of the thread.
    fn poll_bytes(&mut self, cx: &mut Context<'_>, room: usize) -> Poll<()> {
        with_scratch(|scratch| {
            let Some(buffer) = scratch.get_mut(..room) else {
                return Poll::Pending;
            };
            let found = self.connection.poll_receive(cx, buffer);
            let received = ready!(self.flow.looked(found));
            self.flow.note_read(received == Ok(SCRATCH));
            self.received(received, buffer);
            Poll::Ready(())
        })
    }

    /// Gives the exchange what was received into `buffer`, or notes the end.
    fn received(&mut self, received: Result<usize, Errno>, buffer: &[u8]) {
        let mut reply = Outgoing::new(&self.connection, &mut self.unsent);
        match received {
            Ok(0) if self.connection.is_datagram() => self.exchange.received(&[], &mut reply),
            Ok(0) if self.end.send_failed => {
                self.end.broken = Some(Close::Reset);
                return;
            }
            Ok(0) => self.exchange.peer_finished(&mut reply),
            Ok(_) if self.end.send_only() => {}
            Ok(_) if matches!(self.exchange.intake(), Intake::Nothing) => {}
            Ok(count) => self
                .exchange
                .received(buffer.get(..count).unwrap_or_default(), &mut reply),
            Err(errno) => {
                self.receive_failed(errno);
                return;
            }
        }
        let failed = reply.failed();
        if received == Ok(0) && !self.connection.is_datagram() {
            self.end.peer_finished = true;
            self.connection.note_peer_finished();
        }
        if let Some(errno) = failed {
            self.send_failed(errno);
        }
    }
}
