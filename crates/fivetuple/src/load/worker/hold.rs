//! Connections that are held: idle for the whole window, and checked at its end.

use std::future::poll_fn;
use std::task::Poll;

use tokio::time::timeout;

use super::{Open, Worker};
use crate::load::bulk::Bulk;
use crate::load::counters::Cell;
use crate::load::window::Window;
use crate::load::{Failure, Mode};

impl Worker {
    /// Keeps still until the end, then checks.
    pub(super) async fn hold(&mut self, cell: &Cell, window: &Window) {
        if self.open.is_none() {
            return;
        }
        match self.keep_still(cell, window).await {
            Ok(heard) => self.is_mute |= heard,
            Err(failure) => return self.fail(failure, cell).await,
        }
        let Some(mut open) = self.open.take() else {
            return;
        };
        let checked = if self.is_mute {
            self.deliver(&mut open, cell, window).await
        } else {
            self.exchange(&mut open, (cell, window)).await
        };
        let is_alive = open.is_alive();
        self.open = Some(open);
        match checked {
            Ok(()) if self.is_mute => {}
            Ok(()) => cell.add_messages(1),
            Err(Failure::TimedOut) if is_alive => self.is_mute = true,
            Err(failure) => self.fail(failure, cell).await,
        }
    }

    /// Sends the message to a peer that says something of its own, in which nobody would find the
    /// reply: it is enough that its kernel has it.
    async fn deliver(&self, open: &mut Open, cell: &Cell, window: &Window) -> Result<(), Failure> {
        let talk = &self.job.talk;
        let Open {
            connection,
            silence,
            ..
        } = open;
        let connection = &*connection;
        let sending = async {
            let mut sent = 0;
            while sent < talk.size {
                let bytes = talk.content.at(sent, talk.size - sent);
                let count = poll_fn(|cx| connection.poll_send(cx, bytes)).await;
                let count = count.map_err(Failure::of)?;
                cell.add_sent(count);
                sent += count as u64;
            }
            Ok(())
        };
        let sent = timeout(window.patience_left(), sending).await;
        sent.unwrap_or(Err(Failure::TimedOut))?;
        let kind = (&Mode::Send, 1, None);
        let bulk = Bulk::new(kind, (connection, silence), cell, window);
        bulk.settle().await
    }

    /// Waits for the end of the window: whether the peer has said something meanwhile.
    async fn keep_still(&self, cell: &Cell, window: &Window) -> Result<bool, Failure> {
        let Some(open) = &self.open else {
            return Ok(false);
        };
        let mut heard = false;
        poll_fn(|cx| {
            loop {
                match open.connection.poll_discard(cx, usize::MAX) {
                    Poll::Ready(Ok(0)) => return Poll::Ready(Err(Failure::ClosedEarly)),
                    Poll::Ready(Ok(count)) => {
                        cell.add_received(count);
                        heard = true;
                    }
                    Poll::Ready(Err(errno)) => return Poll::Ready(Err(Failure::of(errno))),
                    Poll::Pending if window.is_over(window.now()) => return Poll::Ready(Ok(())),
                    Poll::Pending => return Poll::Pending,
                }
            }
        })
        .await?;
        Ok(heard)
    }
}
