//! A connection for each message: connect, one exchange, close.

use std::future::poll_fn;
use std::task::Poll;

use tokio::time::timeout;

use super::{Open, PAUSE_FIRST, PAUSE_LAST, Refused, Worker};
use crate::close::Close;
use crate::event::Reason;
use crate::load::counters::Cell;
use crate::load::window::Window;
use crate::load::{CloseBy, Failure};

impl Worker {
    /// Connect, one exchange, close, again and again, until the window ends or the server has
    /// refused for long enough.
    pub(super) async fn connect_anew(&mut self, cell: &Cell, window: &Window) {
        let mut refused = Refused::default();
        while let Some(due) = self.wait_until_due(window).await {
            let begin = window.now();
            match self.once(cell, window).await {
                Ok(()) => {
                    refused = Refused::default();
                    self.pause = PAUSE_FIRST;
                    let took = window.now().saturating_sub(begin);
                    self.latencies.connection.record(took);
                    if self.schedule.is_some() {
                        let corrected = window.now().saturating_sub(due);
                        self.latencies.corrected.record(corrected);
                    }
                }
                Err(failure) => {
                    self.count(failure, cell);
                    if self.schedule.is_some() {
                        let waited = window.now().saturating_sub(due.min(begin));
                        self.latencies.corrected.record(waited);
                    }
                    if refused.is_enough(failure) {
                        return;
                    }
                    let _ = timeout(self.pause, window.ended()).await;
                    self.pause = (self.pause * 2).min(PAUSE_LAST);
                }
            }
        }
    }

    /// When the next connect is due, once it is; `None` when the window is over before.
    async fn wait_until_due(&mut self, window: &Window) -> Option<u64> {
        poll_fn(|_| {
            let now = window.now();
            if window.is_over(now) {
                return Poll::Ready(None);
            }
            let Some(schedule) = &mut self.schedule else {
                return Poll::Ready(Some(now));
            };
            let due = schedule.take(now, window.end());
            schedule.note_backlog(now, window.end());
            match due {
                Some(due) => Poll::Ready(Some(due)),
                None => Poll::Pending,
            }
        })
        .await
    }

    async fn once(&mut self, cell: &Cell, window: &Window) -> Result<(), Failure> {
        let patience = window.patience_left();
        let connected = self.job.opener.connect_within(patience).await?;
        let mut open = Open::new(connected, &self.job.talk);
        cell.set_open(true);
        let exchanged = self.exchange(&mut open, (cell, window)).await;
        self.retransmissions += open.retransmissions();
        let how = match (&exchanged, self.job.options.close_by) {
            (Ok(()), CloseBy::Fin) => Close::Linger,
            (Ok(()), CloseBy::Reset) | (Err(_), _) => Close::Abort,
        };
        // A peer that goes on sending is not waited for longer than for a reply.
        let closing = open.connection.close(how);
        let closed = timeout(window.patience_left(), closing).await;
        cell.set_open(false);
        exchanged?;
        let closed = closed.map_err(|_| Failure::TimedOut)?;
        match closed.reason {
            Reason::Released | Reason::Aborted => {}
            Reason::TimedOut => return Err(Failure::TimedOut),
            Reason::Reset | Reason::Failed => return Err(Failure::Reset),
        }
        if !window.is_over(window.now()) {
            cell.add_messages(1);
        }
        Ok(())
    }
}
