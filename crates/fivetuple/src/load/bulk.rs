//! Bytes as fast as they go, one way or both.

use std::fs::File;
use std::future::poll_fn;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::counters::Cell;
use super::window::Window;
use super::{Failure, Mode};
use crate::call::Errno;
use crate::connection::Connection;
use crate::service::{COPIED_MAX, ZEROS_LENGTH};
use crate::transfer::is_refused;

/// The most that one send or receive takes.
const LENGTH_MAX: usize = ZEROS_LENGTH;
/// What is sent.
static ZEROS: [u8; LENGTH_MAX] = [0; LENGTH_MAX];
/// Sends and receives in a row before others have their turn.
const TURN: usize = 8;
/// Nothing tells that an acknowledgement came, so it is looked for.
const LOOK: Duration = Duration::from_millis(1);

/// What a connection in bulk keeps from one window to the next.
#[derive(Debug, Default)]
pub(super) struct Silence {
    /// Something has come.
    heard: bool,
    /// How long nothing had moved when the last window ended, in nanoseconds.
    lasted: u64,
}

/// The work of one connection in one window.
pub(super) struct Bulk<'a> {
    pub(super) connection: &'a Connection,
    pub(super) cell: &'a Cell,
    pub(super) window: &'a Window,
    sends: bool,
    receives: bool,
    /// What is sent without a copy; none where the kernel does not do that.
    file: Option<&'a File>,
    /// Bytes of one send.
    length: usize,
    /// When something last moved that is to move.
    moved: u64,
    silence: &'a mut Silence,
    counts: bool,
    /// Bytes that the peer's kernel had not acknowledged at the end of the window, without those of
    /// its beginning.
    pub(super) unacknowledged: i64,
}

impl<'a> Bulk<'a> {
    pub(super) fn new(
        (mode, length, file): (&Mode, usize, Option<&'a File>),
        (connection, silence): (&'a Connection, &'a mut Silence),
        cell: &'a Cell,
        window: &'a Window,
    ) -> Self {
        Self {
            connection,
            cell,
            window,
            sends: matches!(mode, Mode::Send | Mode::Both),
            receives: matches!(mode, Mode::Receive | Mode::Both),
            file: file.filter(|_| length > COPIED_MAX),
            length: length.clamp(1, LENGTH_MAX),
            moved: window.now(),
            silence,
            counts: true,
            unacknowledged: 0,
        }
    }

    /// Until the end of the window; then, where we send, until everything is acknowledged.
    pub(super) async fn run(&mut self) -> Result<(), Failure> {
        self.lead_in().await?;
        poll_fn(|cx| self.poll(cx)).await?;
        if self.sends {
            self.unacknowledged += i64::from(self.connection.unacknowledged().unwrap_or(0));
            self.settle().await?;
            self.silence.lasted = 0;
        }
        Ok(())
    }

    /// Works without counting, until it is time to count.
    async fn lead_in(&mut self) -> Result<(), Failure> {
        let lead = self.window.lead_left();
        if lead.is_zero() {
            return Ok(());
        }
        self.counts = false;
        let leading = timeout(lead, poll_fn(|cx| self.poll(cx))).await;
        self.counts = true;
        // That it took the whole time is its end.
        if let Ok(ended) = leading {
            return ended;
        }
        // What is on its way by now arrives in the time that counts.
        self.unacknowledged -= i64::from(self.connection.unacknowledged().unwrap_or(0));
        Ok(())
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        for _ in 0..TURN {
            let now = self.window.now();
            let is_over = self.window.is_over(now);
            // Who has never heard anything waits on: the peer may only be slow to begin.
            if is_over && (self.silence.heard || !self.receives) {
                self.silence.lasted += now.saturating_sub(self.moved);
                return Poll::Ready(Ok(()));
            }
            let mut moved = false;
            if self.sends && !is_over {
                match self.poll_send(cx) {
                    Poll::Ready(Ok(count)) => {
                        if self.counts {
                            self.cell.add_sent(count);
                        }
                        moved = true;
                    }
                    Poll::Ready(Err(errno)) => return Poll::Ready(Err(Failure::of(errno))),
                    Poll::Pending => {}
                }
            }
            let mut heard = false;
            match self.poll_receive(cx) {
                Poll::Ready(Ok(())) => heard = self.receives,
                Poll::Ready(Err(failure)) => return Poll::Ready(Err(failure)),
                Poll::Pending => {}
            }
            if !moved && !heard {
                let silent = now.saturating_add(self.silence.lasted);
                return if self.window.is_too_late(silent, self.moved) {
                    Poll::Ready(Err(Failure::TimedOut))
                } else {
                    Poll::Pending
                };
            }
            self.note_moved(now, heard);
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn note_moved(&mut self, now: u64, heard: bool) {
        self.moved = now;
        self.silence.lasted = 0;
        self.silence.heard |= heard;
    }

    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<Result<usize, Errno>> {
        if let Some(file) = self.file {
            let sent = self
                .connection
                .poll_send_file(cx, (file, Some(0), self.length));
            match sent {
                Poll::Ready(Err(errno)) if is_refused(errno) => self.file = None,
                sent => return sent,
            }
        }
        let bytes = ZEROS.get(..self.length).unwrap_or_default();
        self.connection.poll_send(cx, bytes)
    }

    fn poll_receive(&self, cx: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        self.connection
            .poll_discard(cx, LENGTH_MAX)
            .map(|received| match received {
                Ok(0) => Err(Failure::ClosedEarly),
                Ok(count) => {
                    if self.counts {
                        self.cell.add_received(count);
                    }
                    Ok(())
                }
                Err(errno) => Err(Failure::of(errno)),
            })
    }

    /// Waits until the peer's kernel has everything. What the peer sends meanwhile is taken, for
    /// otherwise it might not take any more from us.
    pub(super) async fn settle(&self) -> Result<(), Failure> {
        let until = Instant::now() + self.window.patience_left();
        while self.connection.unacknowledged().unwrap_or(0) > 0 {
            if Instant::now() >= until {
                return Err(Failure::TimedOut);
            }
            let receiving = poll_fn(|cx| self.poll_receive(cx));
            if let Ok(Err(failure)) = timeout(LOOK, receiving).await {
                return Err(failure);
            }
        }
        Ok(())
    }
}
