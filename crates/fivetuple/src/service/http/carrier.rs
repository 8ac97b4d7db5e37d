//! Brings hyper's bytes over a connection: each read and write is one call of its data path, so
//! counters, events and dump see them.

use std::fmt;
use std::io::{Error, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use hyper::rt::{Read, ReadBufCursor, Write};

use super::head::Heads;
use super::talk::Progress;
use crate::call::{Errno, Explained, ReceiveError, SendError};
use crate::close::Close;
use crate::connection::Connection;
use crate::event::Event;
use crate::transfer::{SCRATCH, close_for, with_scratch};

/// A connection as hyper reads and writes it.
pub(super) struct Carrier {
    pub(super) connection: Connection,
    progress: Arc<Progress>,
    heads: Heads,
    /// A call failed: how the connection is closed then.
    pub(super) broken: Option<Close>,
}

impl fmt::Debug for Carrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Carrier").field(&self.connection).finish()
    }
}

impl Carrier {
    pub(super) fn new(connection: Connection, progress: &Arc<Progress>) -> Self {
        Self {
            connection,
            progress: Arc::clone(progress),
            heads: Heads::default(),
            broken: None,
        }
    }

    fn failed(&mut self, errno: Errno, error: &dyn Explained) -> Error {
        if self.broken.replace(close_for(errno)).is_none() {
            self.connection.observers().emit(&Event::Failed {
                connection: Some(self.connection.identity()),
                local: None,
                error,
            });
        }
        Error::from_raw_os_error(errno.raw_os_error())
    }

    fn sent(
        &mut self,
        sent: Poll<Result<usize, Errno>>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<usize, Error>> {
        self.progress.sending(sent.is_pending());
        // hyper reads nothing until the answer is out.
        if sent.is_pending() && self.connection.has_heard_end(cx) {
            self.progress.end_came();
        }
        sent.map_err(|errno| {
            let error = SendError::new(self.connection.name(), errno);
            self.failed(errno, &error)
        })
    }
}

impl Read for Carrier {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut buffer: ReadBufCursor<'_>,
    ) -> Poll<Result<(), Error>> {
        let this = self.get_mut();
        let room = buffer.remaining().min(SCRATCH);
        if room == 0 {
            return Poll::Ready(Ok(()));
        }
        let received = ready!(with_scratch(|scratch| {
            let scratch = scratch.get_mut(..room).unwrap_or_default();
            this.connection.poll_receive(cx, scratch).map_ok(|count| {
                let bytes = scratch.get(..count).unwrap_or_default();
                buffer.put_slice(bytes);
                this.progress.received(bytes, this.heads.take_all(bytes));
                count
            })
        }));
        Poll::Ready(match received {
            Ok(0) => {
                this.connection.note_peer_finished();
                this.progress.peer_finished();
                Ok(())
            }
            Ok(_) => Ok(()),
            Err(errno) => {
                let error = ReceiveError::new(this.connection.name(), errno);
                Err(this.failed(errno, &error))
            }
        })
    }
}

impl Write for Carrier {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<Result<usize, Error>> {
        let this = self.get_mut();
        let sent = this.connection.poll_send(cx, bytes);
        this.sent(sent, cx)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<Result<usize, Error>> {
        let this = self.get_mut();
        let sent = this.connection.poll_send_parts(cx, pieces);
        this.sent(sent, cx)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    /// The half-close is part of the close, which follows.
    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }
}
