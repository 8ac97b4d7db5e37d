//! The receive service: what each client sends goes into a file of its own.
//!
//! A file that is being written stands under its name with [`PARTIAL`] behind it. It gets its own
//! name when the peer has finished sending in order and everything is on the disk (fsync), by a
//! rename that never overwrites; only then do we finish sending, so that a client that sees our
//! end of the stream knows that its file is whole. What was reset, timed out or could not be
//! written keeps the partial name, and so it is when this program is killed at any moment.
//!
//! Writing blocks, so it is done on tokio's threads for that ([`writer`]); a connection that is
//! 256 KiB ahead of its disk is not read from.

mod place;
mod writer;

use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::digest::Digest;
use crate::close::{Close, Closed};
use crate::connection::Connection;
use crate::event::{Identity, Observers};
use crate::service::Service;
use crate::transfer::{Exchange, Outgoing, Supply, Terms, Transfer};

pub use place::{Destination, PARTIAL};
use writer::Writer;

/// Writes the bytes of each client to a file.
#[derive(Clone)]
pub struct ReceiveFile {
    destination: Arc<Destination>,
    digest: bool,
    tell: Tell,
}

type Tell = Arc<dyn Fn(&Received<'_>) + Send + Sync>;

/// The file of one client, when its connection is over and nothing more is written to it.
#[derive(Clone, Debug)]
pub struct Received<'a> {
    /// Whose it is.
    pub identity: &'a Identity,
    /// Where it stands; `None` if there is none, because nothing came or nothing could be made.
    pub path: Option<PathBuf>,
    /// Its bytes.
    pub bytes: u64,
    /// The peer ended in order, everything is written, and the file has its name.
    pub complete: bool,
    /// A call on the file failed; the observers were told which.
    pub failed: bool,
    /// Of its bytes, if it is complete and it was asked for.
    pub digest: Option<Digest>,
}

impl ReceiveFile {
    /// Writes to this destination. `tell` hears of the file of each client whose connection is
    /// over and to which nothing more is written; it must not block. A slow disk delays it beyond
    /// the end of the server: what `tell` owns is dropped when the last file was told.
    pub fn new(
        destination: Destination,
        tell: impl Fn(&Received<'_>) + Send + Sync + 'static,
    ) -> Self {
        Self {
            destination: Arc::new(destination),
            digest: false,
            tell: Arc::new(tell),
        }
    }

    /// Digests what is written, for each client.
    #[must_use]
    pub fn with_digest(mut self, digest: bool) -> Self {
        self.digest = digest;
        self
    }
}

impl Service for ReceiveFile {
    fn serve(
        &self,
        connection: Connection,
        terms: &Arc<Terms>,
    ) -> impl Future<Output = Closed> + Send + 'static {
        let identity = connection.identity().clone();
        let name = self.destination.name_for(&identity);
        let exchange = ReceiveExchange {
            writer: Writer::new(Arc::clone(&self.destination), name, self.digest),
            observers: connection.observers().clone(),
            identity,
            finished: false,
            failed: false,
            tell: Arc::clone(&self.tell),
        };
        Transfer::new(connection, exchange, terms)
    }

    fn descriptors(&self) -> u64 {
        2
    }
}

struct ReceiveExchange {
    writer: Writer,
    observers: Observers,
    identity: Identity,
    /// The peer has finished sending.
    finished: bool,
    /// The failure of the file was told.
    failed: bool,
    tell: Tell,
}

impl ReceiveExchange {
    /// How to close, if the file has failed; said once.
    fn failure(&mut self) -> Option<Close> {
        let error = self.writer.failure()?;
        if !self.failed {
            self.failed = true;
            self.observers.failed(&self.identity, &error);
        }
        Some(Close::Fail)
    }
}

impl Exchange for ReceiveExchange {
    fn received(&mut self, bytes: &[u8], _reply: &mut Outgoing<'_>) {
        self.writer.push(bytes);
    }

    fn poll_room(&mut self, cx: &mut Context<'_>, _unsent: usize) -> Poll<Result<usize, Close>> {
        self.writer.poll_room(cx).map(|room| match room {
            Some(room) => Ok(room),
            None => Err(self.failure().unwrap_or(Close::Fail)),
        })
    }

    /// Nothing is sent, and our end of the stream is the receipt: it waits for the file.
    fn poll_supply(&mut self, cx: &mut Context<'_>, _out: &mut Outgoing<'_>) -> Poll<Supply> {
        if self.finished && self.writer.poll_complete(cx).is_ready() {
            return Poll::Ready(Supply::Ended);
        }
        Poll::Pending
    }

    fn peer_finished(&mut self, _reply: &mut Outgoing<'_>) {
        self.finished = true;
        self.writer.finish();
    }

    fn poll_delivered(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Close>> {
        match self.writer.poll_written(cx) {
            Poll::Ready(true) => Poll::Ready(Ok(())),
            Poll::Ready(false) => Poll::Ready(Err(self.failure().unwrap_or(Close::Fail))),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl Drop for ReceiveExchange {
    fn drop(&mut self) {
        let (tell, observers) = (Arc::clone(&self.tell), self.observers.clone());
        let (identity, told) = (self.identity.clone(), self.failed);
        self.writer.leave(Box::new(move |outcome| {
            if let (Some(error), false) = (&outcome.failed, told) {
                observers.failed(&identity, error);
            }
            tell(&Received {
                identity: &identity,
                path: outcome.path,
                bytes: outcome.bytes,
                complete: outcome.complete,
                failed: outcome.failed.is_some(),
                digest: outcome.digest,
            });
        }));
    }
}
