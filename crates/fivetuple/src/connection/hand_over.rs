//! A connection whose socket another program has: we keep a duplicate and do no I/O on it.
//!
//! [`Connection::hand_over`] gives the socket away, blocking as programs expect it. Blocking is a
//! property of the open file description that the duplicates share, so until
//! [`Connection::take_back`] nothing here may send or receive. What the program moved is read
//! from `TCP_INFO` afterwards.

use std::os::fd::{AsFd, OwnedFd};
use std::task::{Context, Poll, ready};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::io::fcntl_dupfd_cloexec;
use tokio::io::Interest;

use super::{Connection, register};
use crate::call::Errno;
use crate::event::{Event, Role, Side};
use crate::kernel::readiness;
use crate::kernel::{TcpInfo, TcpState, queue};

/// Descriptors 0, 1 and 2 belong to others, also where they are closed.
pub(crate) const NOT_STANDARD: i32 = 3;

/// What became of a connection while another program had its socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Over {
    /// The socket holds an error: a reset, or a peer that is wholly gone.
    Broken,
    /// Both directions have ended, or an error was told to the program.
    Ended,
}

impl Connection {
    /// Gives the socket to another program, which may block on it. From now on it is only
    /// [watched](Self::poll_over), until it is [taken back](Self::take_back).
    ///
    /// # Errors
    ///
    /// EMFILE, ENOMEM, ENOSPC: no duplicate can be had or watched. Nothing has changed then.
    pub(crate) fn hand_over(&mut self) -> Result<OwnedFd, Errno> {
        let ours = self.duplicate()?;
        // An interest that no ordinary traffic meets: errors and hang-ups are told always.
        let ours = readiness::register(ours, Interest::PRIORITY)?;
        set_blocking(ours.get_ref(), true)?;
        let Some(theirs) = self.fd.replace(ours) else {
            return Err(Errno::BADF);
        };
        self.handed_over = true;
        Ok(theirs.into_inner())
    }

    /// Waits until nothing more can be sent or received by whoever has the socket.
    pub(crate) fn poll_over(&self, cx: &mut Context<'_>) -> Poll<Over> {
        let Ok(fd) = self.fd() else {
            return Poll::Ready(Over::Broken);
        };
        loop {
            let Ok(mut guard) = ready!(fd.poll_read_ready(cx)) else {
                return Poll::Ready(Over::Broken);
            };
            // A look that takes nothing off: the error belongs to the program.
            let mut polled = [PollFd::new(fd, PollFlags::empty())];
            let looked = poll(&mut polled, Some(&Timespec::default()));
            let seen = polled.first().map_or(PollFlags::empty(), PollFd::revents);
            if looked.is_err() || seen.contains(PollFlags::ERR) {
                return Poll::Ready(Over::Broken);
            }
            if seen.contains(PollFlags::HUP) {
                return Poll::Ready(Over::Ended);
            }
            guard.clear_ready();
        }
    }

    /// The program has ended, or is about to: the socket is ours again, with the bytes that the
    /// program moved counted. `seen` is the error that the socket held.
    ///
    /// # Errors
    ///
    /// EMFILE, ENOMEM, ENOSPC: it cannot be watched as before, so nothing can be received.
    pub(crate) fn take_back(&mut self, seen: Option<Errno>) -> Result<(), Errno> {
        self.count_what_others_moved(seen);
        self.handed_over = false;
        set_blocking(self.fd()?.get_ref(), false)?;
        let ours = register(self.duplicate()?)?;
        self.fd = Some(ours);
        Ok(())
    }

    /// Whether both directions have ended in order, which takes a program that has half-closed:
    /// our FIN is acknowledged. Notes and tells it.
    pub(crate) fn note_both_ended(&mut self) -> bool {
        let ended = self.tcp_info().is_ok_and(|info| {
            let over = matches!(info.state, TcpState::Closed | TcpState::TimeWait);
            over && is_our_fin_acknowledged(&info, self.identity().role)
        });
        if ended && !self.half_closed {
            self.half_closed = true;
            self.note_first(Side::Us);
            self.observers.emit(&Event::HalfClosed {
                connection: self.identity(),
                by: Side::Us,
            });
            self.note_peer_finished();
        }
        ended
    }

    /// Receives what is left before the end of the stream of a peer that has finished, so that it
    /// is told who ended first, and no reset follows from what nobody read.
    pub(crate) fn poll_drain_finished(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let state = self.tcp_info().map(|info| info.state);
        if !matches!(state, Ok(TcpState::CloseWait | TcpState::LastAck)) {
            return Poll::Ready(());
        }
        self.note_first(Side::Peer);
        let mut scratch = [0; 4096];
        loop {
            match ready!(self.poll_receive(cx, &mut scratch)) {
                Ok(0) => break,
                Ok(_) => {}
                Err(_) => return Poll::Ready(()),
            }
        }
        self.note_peer_finished();
        Poll::Ready(())
    }

    fn duplicate(&self) -> Result<OwnedFd, Errno> {
        fcntl_dupfd_cloexec(self.as_fd(), NOT_STANDARD)
    }

    /// Puts what `TCP_INFO` has counted into our counters.
    pub(super) fn count_what_others_moved(&self, seen: Option<Errno>) {
        let Ok(info) = self.tcp_info() else {
            return;
        };
        let outstanding = self.unacknowledged().unwrap_or(0);
        if let Some(sent) = sent(&info, outstanding, self.identity().role) {
            self.live.count_sent(sent);
        }
        if let Some(received) = info.bytes_received {
            let unread = self.fd().map_or(Ok(0), |fd| queue::unread(fd.get_ref()));
            // EPIPE: a reset that came after the peer's FIN.
            let role = self.identity().role;
            let fin = has_peers_fin(info.state)
                || seen == Some(Errno::PIPE)
                || (info.state == TcpState::Closed && is_our_fin_acknowledged(&info, role));
            let taken = received.saturating_sub(u64::from(fin) + unread.unwrap_or(0));
            self.live.count_received(taken);
        }
    }
}

/// Bytes of data given to the kernel so far.
fn sent(info: &TcpInfo, outstanding: u32, role: Role) -> Option<u64> {
    if let (Some(sent), Some(again), Some(waiting)) =
        (info.bytes_sent, info.bytes_retrans, info.notsent_bytes)
    {
        // A FIN that waits behind data is counted as a byte that waits.
        let fin = u32::from(has_our_fin(info.state));
        return Some(sent.saturating_sub(again) + u64::from(waiting.saturating_sub(fin)));
    }
    // Before Linux 4.19: what is acknowledged, our SYN among it where we connected.
    let acknowledged = info.bytes_acked?;
    let syn = u64::from(role == Role::Connected);
    Some(acknowledged.saturating_sub(syn) + u64::from(outstanding))
}

/// What is acknowledged is more than the data: our FIN too, and our SYN where we connected.
fn is_our_fin_acknowledged(info: &TcpInfo, role: Role) -> bool {
    let (Some(acknowledged), Some(sent), Some(again)) =
        (info.bytes_acked, info.bytes_sent, info.bytes_retrans)
    else {
        return false;
    };
    let syn = u64::from(role == Role::Connected);
    acknowledged == sent.saturating_sub(again) + syn + 1
}

fn has_our_fin(state: TcpState) -> bool {
    matches!(
        state,
        TcpState::FinWait1 | TcpState::Closing | TcpState::LastAck
    )
}

fn has_peers_fin(state: TcpState) -> bool {
    matches!(
        state,
        TcpState::CloseWait | TcpState::Closing | TcpState::LastAck | TcpState::TimeWait
    )
}

fn set_blocking(fd: impl AsFd, blocking: bool) -> Result<(), Errno> {
    let flags = fcntl_getfl(&fd)?;
    let wanted = if blocking {
        flags - OFlags::NONBLOCK
    } else {
        flags | OFlags::NONBLOCK
    };
    if wanted != flags {
        fcntl_setfl(&fd, wanted)?;
    }
    Ok(())
}
