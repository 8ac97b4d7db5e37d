//! What goes to the peer: sent at once as far as the kernel takes it, the rest kept.

use std::io::IoSlice;
use std::os::fd::AsFd;
use std::task::{Context, Poll, ready};

use super::close_for;
use super::pipes::{LentPipe, is_refused};
use crate::call::Errno;
use crate::close::Close;
use crate::connection::Connection;

/// Sends the bytes of an exchange.
///
/// The rest that the kernel does not take now is kept; by default its exchange is not given more
/// to answer until that is sent, so it holds at most what one answer was.
#[derive(Debug)]
pub struct Outgoing<'a> {
    connection: &'a Connection,
    unsent: &'a mut Unsent,
    failed: Option<Errno>,
}

impl<'a> Outgoing<'a> {
    pub(super) fn new(connection: &'a Connection, unsent: &'a mut Unsent) -> Self {
        Self {
            connection,
            unsent,
            failed: None,
        }
    }

    /// Sends these bytes after those before them. After a failure, or once our direction has
    /// ended, they go nowhere.
    pub fn send(&mut self, bytes: &[u8]) {
        self.send_by(bytes, Connection::try_send);
    }

    /// Sends these bytes, with which our direction ends: an exchange that has called this says
    /// [`Supply::Ended`](super::Supply::Ended) now. The last of them and the FIN go out together.
    pub fn send_last(&mut self, bytes: &[u8]) {
        // A datagram ends nothing.
        let send = match self.connection.is_datagram() {
            true => Connection::try_send,
            false => Connection::try_send_last,
        };
        self.send_by(bytes, send);
    }

    fn send_by(&mut self, bytes: &[u8], send: fn(&Connection, &[u8]) -> Result<usize, Errno>) {
        if self.connection.is_half_closed() {
            return;
        }
        let mut left = bytes;
        while !left.is_empty() && self.unsent.is_empty() && self.failed.is_none() {
            match send(self.connection, left) {
                Ok(count) => left = left.get(count..).unwrap_or_default(),
                Err(Errno::AGAIN) => break,
                Err(errno) => self.failed = Some(errno),
            }
        }
        if self.failed.is_none() {
            self.unsent.push(left);
        }
    }

    /// Sends of these parts, with one call, what the kernel takes now, and keeps nothing: the
    /// number of bytes that it took. None are taken while earlier ones wait.
    pub fn send_some(&mut self, parts: &[IoSlice<'_>]) -> usize {
        if self.connection.is_half_closed() || !self.unsent.is_empty() || self.failed.is_some() {
            return 0;
        }
        match self.connection.try_send_parts(parts) {
            Ok(count) => count,
            Err(Errno::AGAIN) => 0,
            Err(errno) => {
                self.failed = Some(errno);
                0
            }
        }
    }

    /// Sends what the kernel takes of these bytes now and keeps none of the rest, for an exchange
    /// that can read them again; says how many. `Pending` while the kernel takes nothing. After a
    /// failure, or once our direction has ended, it takes none.
    pub fn poll_send(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<usize> {
        if self.connection.is_half_closed() || self.failed.is_some() {
            return Poll::Ready(0);
        }
        if !self.unsent.is_empty() {
            // Asked again as soon as that is sent.
            return Poll::Pending;
        }
        Poll::Ready(match ready!(self.connection.poll_send(cx, bytes)) {
            Ok(count) => count,
            Err(errno) => {
                self.failed = Some(errno);
                0
            }
        })
    }

    /// Sends bytes of a file, `count` from `at` on (or from where it stands), as far as the kernel
    /// takes them now, without a copy; says how many, 0 where the file ends before. `Pending` while it
    /// takes nothing, and after a failure, or once our direction has ended. None: the kernel does not
    /// do it with this file, or the bytes are wanted on their way, so they have to be read and sent.
    pub fn poll_send_file(
        &mut self,
        cx: &mut Context<'_>,
        (file, at, count): (impl AsFd, Option<u64>, usize),
    ) -> Poll<Option<usize>> {
        if self.connection.is_half_closed() || self.failed.is_some() {
            return Poll::Pending;
        }
        if !self.connection.is_unseen() {
            return Poll::Ready(None);
        }
        if !self.unsent.is_empty() {
            // Asked again as soon as that is sent.
            return Poll::Pending;
        }
        Poll::Ready(
            match ready!(self.connection.poll_send_file(cx, (file, at, count))) {
                Ok(count) => Some(count),
                Err(errno) if is_of_connection(errno) => {
                    self.failed = Some(errno);
                    return Poll::Pending;
                }
                // To read it tells what is wrong with the file, if anything is.
                Err(_) => None,
            },
        )
    }

    /// Sends what is in a pipe, as far as the kernel takes it now; ready when the pipe is empty.
    /// `Pending` after a failure, or once our direction has ended.
    pub fn poll_send_pipe(&mut self, cx: &mut Context<'_>, lent: &mut LentPipe) -> Poll<()> {
        while let Some((pipe, count)) = lent.filled() {
            if self.connection.is_half_closed() || self.failed.is_some() || !self.unsent.is_empty()
            {
                return Poll::Pending;
            }
            let sent = match self.connection.is_unseen() {
                true => ready!(self.connection.poll_splice_from(cx, (pipe, count))),
                false => Err(Errno::INVAL),
            };
            match sent {
                Ok(count) => lent.note_taken(count),
                Err(errno) if is_refused(errno) => lent.pour(|bytes| self.send(bytes)),
                Err(errno) => self.failed = Some(errno),
            }
        }
        Poll::Ready(())
    }

    /// Bytes that wait to be sent.
    pub fn unsent(&self) -> usize {
        self.unsent.len()
    }

    pub(super) fn failed(&self) -> Option<Errno> {
        self.failed
    }
}

/// Whether a send failed because of the connection, and not because of what was to be sent.
fn is_of_connection(errno: Errno) -> bool {
    close_for(errno) != Close::Fail
}

/// Bytes that the kernel has not taken yet. Holds no memory when there are none.
#[derive(Debug, Default)]
pub(super) struct Unsent {
    bytes: Vec<u8>,
    start: usize,
}

impl Unsent {
    pub(super) fn bytes(&self) -> &[u8] {
        self.bytes.get(self.start..).unwrap_or_default()
    }

    pub(super) fn len(&self) -> usize {
        self.bytes.len() - self.start
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// The first `count` bytes were sent.
    pub(super) fn advance(&mut self, count: usize) {
        self.start += count;
        if self.start >= self.bytes.len() {
            self.clear();
        }
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}
