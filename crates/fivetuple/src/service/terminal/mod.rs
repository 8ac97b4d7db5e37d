//! The terminal service: what is typed or piped in goes to every connected client; what they send
//! is written out in the order of arrival.
//!
//! Over UDP a line is a datagram.
//!
//! It takes any reader and any writer; what comes in bulk from or for a file goes through pipes that
//! the kernel fills and empties by itself. Each has a thread of its own, because reading from a
//! terminal or a file blocks and no flag on the descriptor may change that: it belongs to other
//! programs, too. Nobody ever waits for these threads to end.

mod input;
mod lines;
mod log;
mod newlines;
mod output;
mod waiting;

use std::fs::File;
use std::future::Future;
use std::io::{ErrorKind, Read};
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use crate::close::{Close, Closed};
use crate::connection::Connection;
use crate::event::{Direction, Event, FellBehind, Identity, Observers};
use crate::service::Service;
use crate::transfer::{
    Exchange, Intake, LentPipe, Outgoing, SCRATCH, Supply, Terms, Transfer, with_scratch,
};

pub use input::Input;
use input::{Feed, Next, Reader};
use lines::Lines;
pub use output::{Output, OutputEnd, WhenGone};

/// What happens to who is too slow: a writer that does not take what clients send, or a client
/// that does not take what the reader gives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Slow {
    /// Hold back: a blocked writer stops the reading from those clients who would write to it; a
    /// client far behind stops the reader, but not for longer than [`Input::STALL`] while other
    /// clients wait for it: then that client is closed.
    #[default]
    Block,
    /// Throw away what is oldest, and say how much.
    DropOldest,
    /// Close the connection concerned: one that would write when the writer is 256 KiB behind,
    /// and one that takes nothing of the reader's for [`Input::STALL`].
    Close,
}

impl Slow {
    /// The name of the policy, as `--slow` has it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Block => "block",
            Self::DropOldest => "drop-oldest",
            Self::Close => "close",
        }
    }
}

/// A reader and a writer, shared by all connections.
#[derive(Clone, Debug)]
pub struct Terminal {
    /// What goes to every client; `None` sends nothing.
    pub input: Option<Input>,
    /// Where goes what they send.
    pub output: Output,
}

impl Service for Terminal {
    fn serve(
        &self,
        connection: Connection,
        terms: &Arc<Terms>,
    ) -> impl Future<Output = Closed> + Send + 'static {
        let identity = connection.identity();
        let (reader, file) = match self.input.as_ref().map(Input::join) {
            None => (None, None),
            Some(Feed::Reader(reader)) => (Some(reader), None),
            Some(Feed::File(file)) => (None, Some(file)),
        };
        let exchange = TerminalExchange {
            number: self.output.join(),
            identity: identity.clone(),
            observers: connection.observers().clone(),
            interactive: self.input.as_ref().is_some_and(Input::is_interactive),
            reader,
            file,
            lines: connection.is_datagram().then(Lines::default),
            sending: None,
            output: self.output.clone(),
            mark: 0,
            refused: false,
            ended: false,
        };
        Transfer::new(connection, exchange, terms)
    }
}

#[derive(Debug)]
struct TerminalExchange {
    /// Its number at the output.
    number: u64,
    identity: Identity,
    observers: Observers,
    interactive: bool,
    reader: Option<Reader>,
    /// Sent from here, if no reader brings it.
    file: Option<Arc<File>>,
    /// Of a connection of datagrams.
    lines: Option<Lines>,
    /// What the reader gave last and is not sent yet, if it is a pipe.
    sending: Option<LentPipe>,
    output: Output,
    /// Our last byte's place in all that was ever given to the output.
    mark: u64,
    /// The output did not take what came, and we are to be closed for it.
    refused: bool,
    ended: bool,
}

impl TerminalExchange {
    fn dropped(&self, direction: Direction, bytes: u64) {
        if bytes > 0 {
            self.observers.emit(&Event::Dropped {
                connection: &self.identity,
                direction,
                bytes,
            });
        }
    }

    /// Too slow for the policy, and closed because of it.
    fn fell_behind(&self, direction: Direction, (bytes, slow): (u64, Slow)) {
        self.observers.emit(&Event::FellBehind(FellBehind {
            connection: &self.identity,
            direction,
            bytes,
            policy: slow.name(),
        }));
    }
}

impl Exchange for TerminalExchange {
    fn received(&mut self, bytes: &[u8], _reply: &mut Outgoing<'_>) {
        match self.output.push(bytes) {
            Ok((mark, dropped)) => {
                self.mark = mark;
                self.dropped(Direction::Received, dropped);
            }
            Err(behind) => {
                self.fell_behind(Direction::Received, (behind, Slow::Close));
                self.refused = true;
            }
        }
    }

    fn intake(&self) -> Intake<'_> {
        self.output.intake()
    }

    fn received_pipe(&mut self, filled: LentPipe) {
        self.mark = self.output.push_pipe(filled);
    }

    fn poll_room(&mut self, cx: &mut Context<'_>, _unsent: usize) -> Poll<Result<usize, Close>> {
        if self.refused {
            return Poll::Ready(Err(Close::Abort));
        }
        // A datagram is received whole or not at all.
        let least = if self.lines.is_some() { SCRATCH } else { 1 };
        self.output.poll_room(cx, self.number, least)
    }

    fn poll_supply(&mut self, cx: &mut Context<'_>, out: &mut Outgoing<'_>) -> Poll<Supply> {
        if let Some(file) = &self.file {
            let supply = ready!(poll_send_file(file, cx, out));
            self.ended = supply == Supply::Ended;
            return Poll::Ready(supply);
        }
        let Some(reader) = &mut self.reader else {
            return Poll::Ready(Supply::Absent);
        };
        if let Some(line) = self.lines.as_mut().and_then(Lines::next) {
            out.send(line);
            return Poll::Ready(Supply::More);
        }
        if let Some(sending) = &mut self.sending {
            let before = sending.len();
            let sent = out.poll_send_pipe(cx, sending);
            reader.note_sent(before.saturating_sub(sending.len()));
            ready!(sent);
            self.sending = None;
        }
        Poll::Ready(match ready!(reader.poll_next(cx)) {
            Next::Bytes(bytes) => {
                match &mut self.lines {
                    Some(lines) => lines.push(bytes),
                    None => out.send(&bytes),
                }
                Supply::More
            }
            Next::Pipe(filled) => {
                match &mut self.lines {
                    Some(lines) => lines.push(poured(filled)),
                    None => self.sending = Some(filled),
                }
                Supply::More
            }
            Next::Missed(bytes) => {
                self.dropped(Direction::Sent, bytes);
                Supply::More
            }
            // Said when it is asked what is delivered.
            Next::CutOff => return Poll::Pending,
            Next::Ended | Next::Absent if self.lines.is_some() => {
                // Asked for once; nobody would say over UDP that it is our turn to finish.
                if let Some(line) = self.lines.as_mut().and_then(Lines::last) {
                    out.send(line);
                }
                self.ended = true;
                Supply::Ended
            }
            Next::Ended => {
                self.ended = true;
                Supply::Ended
            }
            // A program that says nothing and ends has ended all the same.
            Next::Absent if self.output.is_of_a_program() => {
                self.ended = true;
                Supply::Ended
            }
            Next::Absent => Supply::Absent,
        })
    }

    fn peer_finished(&mut self, _reply: &mut Outgoing<'_>) {
        self.output.peer_finished();
    }

    fn poll_delivered(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Close>> {
        let cut_off = |reader: &Reader| reader.poll_cut_off(cx);
        if let Some(Poll::Ready(behind)) = self.reader.as_ref().map(cut_off) {
            self.fell_behind(Direction::Sent, behind);
            // Said once.
            self.reader = None;
            return Poll::Ready(Err(Close::Abort));
        }
        self.output
            .poll_delivered(cx, (self.number, self.mark), self.ended)
    }

    fn is_interactive(&self) -> bool {
        self.interactive
    }

    fn closing(&mut self) {
        // What is read from now on is for others.
        self.reader = None;
    }
}

/// Sends what comes next in the file.
fn poll_send_file(mut file: &File, cx: &mut Context<'_>, out: &mut Outgoing<'_>) -> Poll<Supply> {
    Poll::Ready(
        match ready!(out.poll_send_file(cx, (file, None, AT_ONCE))) {
            Some(0) => Supply::Ended,
            Some(_) => Supply::More,
            None => with_scratch(|scratch| match file.read(scratch) {
                Err(error) if error.kind() == ErrorKind::Interrupted => Supply::More,
                // What cannot be read counts as ended.
                Ok(0) | Err(_) => Supply::Ended,
                Ok(count) => {
                    out.send(scratch.get(..count).unwrap_or_default());
                    Supply::More
                }
            }),
        },
    )
}

/// What is in a pipe, as bytes.
fn poured(mut filled: LentPipe) -> Arc<[u8]> {
    let mut bytes = Vec::with_capacity(filled.len());
    filled.pour(|part| bytes.extend_from_slice(part));
    bytes.into()
}

impl Drop for TerminalExchange {
    fn drop(&mut self) {
        self.output.forget(self.number);
    }
}

/// Bytes of a file that are sent with one call.
const AT_ONCE: usize = 1024 * 1024;

/// Bytes that wait at most between a reader or writer and the connections.
const QUEUE_MAX: usize = 4 * SCRATCH;
