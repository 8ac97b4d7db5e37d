//! What is done with the bytes of one connection.

use std::sync::Arc;
use std::task::{Context, Poll};

use super::{LentPipe, Outgoing, Pipes, SCRATCH};
use crate::close::Close;

/// What an exchange has to send of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Supply {
    /// It has sent something just now; ask again.
    More,
    /// It has sent everything: we finish sending.
    Ended,
    /// It never has anything of its own; it only answers. We finish when the peer has.
    Absent,
}

/// What an exchange wants to have of what comes.
#[derive(Clone, Copy, Debug)]
pub enum Intake<'a> {
    /// The bytes.
    Bytes,
    /// The bytes; and when there are many of them, pipes of this stock that are filled with them,
    /// by [`Exchange::received_pipe`].
    Pipes(&'a Arc<Pipes>),
    /// Nothing: whatever comes is thrown away, and [`Exchange::received`] is not called.
    Nothing,
}

/// What is done with the bytes of one connection. Only [`Exchange::received`] must be written.
///
/// An exchange never waits: where it cannot go on, it keeps the waker of `cx` and returns
/// [`Poll::Pending`].
pub trait Exchange: Send {
    /// Bytes from the peer. `reply` sends; what it is given is kept until it is sent.
    fn received(&mut self, bytes: &[u8], reply: &mut Outgoing<'_>);

    /// What of it is wanted.
    fn intake(&self) -> Intake<'_> {
        Intake::Bytes
    }

    /// Bytes from the peer, in a pipe. Only where [`Intake::Pipes`] is wanted.
    fn received_pipe(&mut self, filled: LentPipe) {
        drop(filled);
    }

    /// How many bytes may be read from the peer now; `Pending` or 0 holds the peer back. By default
    /// nothing is read while an answer (of `unsent` bytes) waits.
    ///
    /// # Errors
    ///
    /// The way to close the connection, when the bytes have nowhere to go any more.
    fn poll_room(&mut self, cx: &mut Context<'_>, unsent: usize) -> Poll<Result<usize, Close>> {
        let _ = cx;
        if unsent == 0 {
            Poll::Ready(Ok(SCRATCH))
        } else {
            // Asked again as soon as the rest is sent.
            Poll::Pending
        }
    }

    /// Asked for what it has to send of its own, whenever everything before is sent.
    fn poll_supply(&mut self, cx: &mut Context<'_>, out: &mut Outgoing<'_>) -> Poll<Supply> {
        let _ = (cx, out);
        Poll::Ready(Supply::Absent)
    }

    /// The peer has finished sending; a last answer may be given.
    fn peer_finished(&mut self, reply: &mut Outgoing<'_>) {
        let _ = reply;
    }

    /// Whether what was received has reached its destination.
    ///
    /// # Errors
    ///
    /// The way to close the connection, when it never will.
    fn poll_delivered(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Close>> {
        let _ = cx;
        Poll::Ready(Ok(()))
    }

    /// Whether what came before a reset is still delivered. Otherwise a reset ends everything.
    fn delivers_after_reset(&self) -> bool {
        true
    }

    /// The connection closes: nothing more will be asked of it or given to it.
    fn closing(&mut self) {}

    /// Whether its input is a person: then it does not keep a connection that the peer has ended.
    fn is_interactive(&self) -> bool {
        false
    }
}
