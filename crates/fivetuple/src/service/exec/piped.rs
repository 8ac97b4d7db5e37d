//! A program behind pipes or a pseudo-terminal: we move the bytes, each direction on its own.

use std::future::Future;
use std::os::fd::OwnedFd;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use rustix::termios::{LocalModes, SpecialCodeIndex, tcgetattr};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::child::Child;
use super::complaints::Complaints;
use super::{ExecOptions, Served, fail};
use crate::call::{Errno, ExecError};
use crate::close::{Close, Closed};
use crate::connection::Connection;
use crate::event::{Event, Identity, Observers};
use crate::kernel::readiness::{errno_of, register};
use crate::transfer::{Eof, Exchange, Outgoing, SCRATCH, Supply, Terms, Transfer, with_scratch};

/// A descriptor of ours under the event loop. A terminal is both ends, so it is shared.
type End = Arc<AsyncFd<OwnedFd>>;

/// Moves bytes between the connection and the program until both directions have ended.
pub(super) async fn serve(
    connection: Connection,
    served: Served,
    (stdin, stdout): (OwnedFd, Option<OwnedFd>),
    terms: &Arc<Terms>,
) -> Closed {
    let Served {
        options,
        child,
        complaints,
    } = served;
    let ends = match ends(stdin, stdout) {
        Ok(ends) => ends,
        Err(errno) => {
            drop(child);
            return fail(connection, &ExecError::new(options.program(), errno)).await;
        }
    };
    let exchange = Between {
        is_terminal: Arc::ptr_eq(&ends.0, &ends.1),
        stdin: Some(ends.0),
        stdout: Some(ends.1),
        options,
        child: Some(child),
        complaints,
        identity: connection.identity().clone(),
        observers: connection.observers().clone(),
        eof: terms.eof,
        left: None,
        rest: Vec::new(),
        written: 0,
        last: b'\n',
        finishing: false,
        is_ending: false,
    };
    Piped(Transfer::new(connection, exchange, terms)).await
}

fn ends(stdin: OwnedFd, stdout: Option<OwnedFd>) -> Result<(End, End), Errno> {
    let Some(stdout) = stdout else {
        let terminal = Arc::new(register(stdin, Interest::READABLE | Interest::WRITABLE)?);
        return Ok((Arc::clone(&terminal), terminal));
    };
    let stdin = register(stdin, Interest::WRITABLE)?;
    let stdout = register(stdout, Interest::READABLE)?;
    Ok((Arc::new(stdin), Arc::new(stdout)))
}

/// The transfer, with what the program complains about told first.
struct Piped(Transfer<Between>);

impl Future for Piped {
    type Output = Closed;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Closed> {
        self.0.exchange_mut().complaints.poll(cx);
        Pin::new(&mut self.0).poll(cx)
    }
}

/// What is between the connection and the program.
#[derive(Debug)]
struct Between {
    options: Arc<ExecOptions>,
    /// `None` once it has ended.
    child: Option<Child>,
    complaints: Complaints,
    identity: Identity,
    observers: Observers,
    is_terminal: bool,
    /// `None` once nothing more is written to the program.
    stdin: Option<End>,
    /// `None` once nothing more comes from it.
    stdout: Option<End>,
    eof: Eof,
    /// Bytes that still come from a program that has ended; `None` while it lives, or has a
    /// terminal.
    left: Option<usize>,
    /// Bytes that the program has not taken yet, the first `written` of which it has.
    rest: Vec<u8>,
    written: usize,
    /// The last byte for the program: a terminal's line may have begun.
    last: u8,
    /// The peer has finished: so shall stdin, when the rest is written.
    finishing: bool,
    /// The rest is the end of file of a terminal.
    is_ending: bool,
}

impl Between {
    /// Writes the rest. Ready when there is none, or nobody to take it.
    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while let (Some(stdin), Some(left @ [_, ..])) = (&self.stdin, self.rest.get(self.written..))
        {
            match ready!(poll_write(stdin, cx, left)) {
                Ok(count) => self.written += count,
                // The program reads no more; what it writes still goes to the peer.
                Err(_) => self.stdin = None,
            }
        }
        self.rest = Vec::new();
        self.written = 0;
        Poll::Ready(())
    }

    /// The peer has finished, and everything is written: the program reads an end of file.
    fn finish(&mut self) {
        let Some(stdin) = self.stdin.take() else {
            return;
        };
        if !self.is_terminal {
            return;
        }
        // A terminal has no end of its own, it has a character for it; within a line that only
        // hands over what was typed, and the second one ends.
        let Ok(attributes) = tcgetattr(&stdin) else {
            return;
        };
        let end = attributes.special_codes[SpecialCodeIndex::VEOF];
        let by_line = attributes.local_modes.contains(LocalModes::ICANON);
        let twice = by_line && self.last != b'\n';
        if end != 0 {
            self.is_ending = true;
            self.rest = vec![end; 1 + usize::from(twice)];
            self.stdin = Some(stdin);
        }
    }

    /// Looks whether the program has ended, and tells.
    fn poll_child(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(child) = self.child.take() else {
            return Poll::Ready(());
        };
        if child.poll_ended(cx).is_pending() {
            self.child = Some(child);
            return Poll::Pending;
        }
        self.complaints.finish();
        self.observers.emit(&Event::ProgramEnded {
            connection: &self.identity,
            program: self.options.program().as_encoded_bytes(),
            how: child.reap(),
        });
        self.stdin = None;
        // What the program has written is in the pipe; what others may add to it is not its own.
        if let Some(stdout) = self.stdout.as_ref().filter(|_| !self.is_terminal) {
            let left = rustix::io::ioctl_fionread(stdout).unwrap_or(0);
            self.left = Some(usize::try_from(left).unwrap_or(usize::MAX));
        }
        Poll::Ready(())
    }
}

impl Exchange for Between {
    fn received(&mut self, bytes: &[u8], _reply: &mut Outgoing<'_>) {
        if self.stdin.is_none() {
            // Nobody reads it any more; holding the peer back would hold up its end.
            return;
        }
        if let Some(last) = bytes.last() {
            self.last = *last;
        }
        let count = self
            .stdin
            .as_ref()
            .map_or(Ok(0), |stdin| try_write(stdin, bytes));
        match count {
            Ok(count) => self.rest = bytes.get(count..).unwrap_or_default().to_vec(),
            Err(Errno::AGAIN) => self.rest = bytes.to_vec(),
            Err(_) => self.stdin = None,
        }
    }

    fn poll_room(&mut self, cx: &mut Context<'_>, _unsent: usize) -> Poll<Result<usize, Close>> {
        self.poll_flush(cx).map(|()| Ok(SCRATCH))
    }

    fn poll_supply(&mut self, cx: &mut Context<'_>, out: &mut Outgoing<'_>) -> Poll<Supply> {
        // Looked at before the read: what the program wrote before its end is there by then.
        let ended = self.poll_child(cx).is_ready();
        let Some(stdout) = &self.stdout else {
            return Poll::Ready(Supply::Ended);
        };
        let room = self.left.map_or(SCRATCH, |left| left.min(SCRATCH));
        let read = with_scratch(|scratch| {
            let buffer = scratch.get_mut(..room).unwrap_or_default();
            let read = if ended {
                read_now(stdout, buffer)
            } else {
                poll_read(stdout, cx, buffer)
            };
            read.map_ok(|count| {
                out.send(buffer.get(..count).unwrap_or_default());
                count
            })
        });
        match read {
            Poll::Ready(Ok(count)) if count > 0 => {
                self.left = self.left.map(|left| left.saturating_sub(count));
                return Poll::Ready(Supply::More);
            }
            Poll::Pending if !ended => return Poll::Pending,
            // The end of the pipe; EIO, which is the end of a terminal; or nothing more from a
            // program that has ended, whoever else has its stdout.
            _ => {}
        }
        self.stdout = None;
        Poll::Ready(Supply::Ended)
    }

    fn peer_finished(&mut self, _reply: &mut Outgoing<'_>) {
        self.finishing = true;
    }

    fn poll_delivered(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Close>> {
        let ended = self.poll_child(cx).is_ready();
        ready!(self.poll_flush(cx));
        if std::mem::take(&mut self.finishing) {
            self.finish();
        }
        if self.is_ending {
            ready!(self.poll_flush(cx));
            self.stdin = None;
        }
        match (self.eof, ended) {
            _ if self.stdout.is_some() => Poll::Ready(Ok(())),
            // Everything that it wrote is with the kernel, and nobody is there to receive.
            (Eof::Half | Eof::Full, true) => Poll::Ready(Err(Close::Linger)),
            // It goes on without a word; the connection lasts as long as its program.
            (Eof::Half | Eof::Each, false) => Poll::Pending,
            (Eof::Each, true) | (Eof::Full, false) => Poll::Ready(Ok(())),
        }
    }

    fn delivers_after_reset(&self) -> bool {
        // A program that does not read would hold up the end of its own connection.
        false
    }

    fn closing(&mut self) {
        let in_order = self.stdout.is_none() && self.stdin.is_none();
        self.stdin = None;
        self.stdout = None;
        if let Some(child) = self.child.take()
            && in_order
        {
            child.leave();
        }
    }
}

/// Reads on readiness; a read that does not fill the buffer has drained the pipe.
pub(super) fn poll_read(
    fd: &AsyncFd<OwnedFd>,
    cx: &mut Context<'_>,
    buffer: &mut [u8],
) -> Poll<Result<usize, Errno>> {
    loop {
        let mut guard = ready!(fd.poll_read_ready(cx)).map_err(|error| errno_of(&error))?;
        match rustix::io::read(fd.get_ref(), &mut *buffer) {
            Err(Errno::AGAIN) => guard.clear_ready(),
            Err(Errno::INTR) => {}
            read => return Poll::Ready(read),
        }
    }
}

/// Reads without asking the event loop, which may have told of the end of a program before it
/// tells of what the program wrote. Pending: there is nothing.
pub(super) fn read_now(fd: &AsyncFd<OwnedFd>, buffer: &mut [u8]) -> Poll<Result<usize, Errno>> {
    loop {
        match rustix::io::read(fd.get_ref(), &mut *buffer) {
            Err(Errno::AGAIN) => return Poll::Pending,
            Err(Errno::INTR) => {}
            read => return Poll::Ready(read),
        }
    }
}

fn poll_write(
    fd: &AsyncFd<OwnedFd>,
    cx: &mut Context<'_>,
    bytes: &[u8],
) -> Poll<Result<usize, Errno>> {
    loop {
        let mut guard = ready!(fd.poll_write_ready(cx)).map_err(|error| errno_of(&error))?;
        match try_write(fd, bytes) {
            Err(Errno::AGAIN) => guard.clear_ready(),
            written => return Poll::Ready(written),
        }
    }
}

fn try_write(fd: &AsyncFd<OwnedFd>, bytes: &[u8]) -> Result<usize, Errno> {
    loop {
        match rustix::io::write(fd.get_ref(), bytes) {
            Err(Errno::INTR) => {}
            written => return written,
        }
    }
}
