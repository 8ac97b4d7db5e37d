//! One of the two connections of a pair, and how far its end has come.

use std::task::{Context, Poll};

use super::super::{Input, close_for, tell};
use super::{EndOfStream, Eof, Step};
use crate::call::{Errno, ReceiveError, SendError};
use crate::close::{Close, Closed, Closing, Expired};
use crate::connection::Connection;

/// One of the two connections of a pair, and how far its end has come.
#[derive(Debug)]
pub(super) struct End {
    pub(super) connection: Connection,
    /// Its facts: what the other one sends is our input here.
    pub(super) facts: EndOfStream,
    /// Nothing more can be received from it.
    pub(super) exhausted: bool,
    /// Nothing more is to be received from it.
    pub(super) held: bool,
    closing: Option<Box<Closing>>,
    closed: Option<Closed>,
}

impl End {
    pub(super) fn new(connection: Connection, eof: Eof) -> Self {
        Self {
            connection,
            facts: EndOfStream::new(eof, false),
            exhausted: false,
            held: false,
            closing: None,
            closed: None,
        }
    }

    /// It is reset, dead, or cannot be sent to.
    pub(super) fn is_dying(&self) -> bool {
        self.facts.send_failed || self.facts.broken.is_some()
    }

    pub(super) fn is_closing(&self) -> bool {
        self.closing.is_some()
    }

    /// One of its directions has ended.
    pub(super) fn is_one_sided(&self) -> bool {
        self.facts.peer_finished || self.facts.half_closed || self.facts.send_failed
    }

    /// Takes down what the other connection and the bytes in between have come to.
    pub(super) fn look_at(&mut self, input_ended: bool, (unsent, undelivered): (bool, bool)) {
        self.facts.input = if input_ended {
            Input::Ended
        } else {
            Input::Open
        };
        self.facts.unsent = unsent;
        self.facts.undelivered = undelivered;
    }

    /// Receive returned 0. Linux reads so after a reset, too, whose error a send or a look at the
    /// socket has taken off.
    pub(super) fn finished(&mut self) {
        self.exhausted = true;
        if self.is_dying() {
            self.facts.broken.get_or_insert(Close::Reset);
        } else {
            self.facts.peer_finished = true;
            self.connection.note_peer_finished();
        }
    }

    /// Nothing can be received from it any more.
    pub(super) fn receive_failed(&mut self, errno: Errno) {
        self.exhausted = true;
        self.broke(errno);
    }

    /// Nothing can be sent to it any more.
    pub(super) fn send_failed(&mut self, errno: Errno) {
        if !self.is_dying() {
            let error = SendError::new(self.connection.name(), errno);
            self.facts.sending_failed(close_for(errno));
            tell(&self.connection, &error);
        }
    }

    /// Whether it has died while nobody reads from it or sends to it.
    pub(super) fn watch(&mut self, cx: &mut Context<'_>) {
        match self.connection.poll_broken(cx) {
            // The RST of a peer that had finished sending: what it ends is our sending.
            Poll::Ready(Errno::PIPE) => self.send_failed(Errno::PIPE),
            Poll::Ready(errno) => self.broke(errno),
            Poll::Pending => {}
        }
    }

    fn broke(&mut self, errno: Errno) {
        if !self.is_dying() {
            let error = ReceiveError::new(self.connection.name(), errno);
            tell(&self.connection, &error);
        }
        self.facts.broken.get_or_insert(close_for(errno));
    }

    /// Does what the rules say now. True if that was something.
    pub(super) fn step(&mut self) -> bool {
        if self.is_closing() {
            return false;
        }
        match self.facts.step() {
            Step::GoOn => return false,
            Step::HalfClose => {
                self.facts.half_closed = true;
                if let Err(error) = self.connection.half_close() {
                    let errno = error.errno().unwrap_or(Errno::NOTCONN);
                    self.facts.sending_failed(close_for(errno));
                    tell(&self.connection, &error);
                }
            }
            Step::Close(how) => self.close(how),
        }
        true
    }

    pub(super) fn abort(&mut self) {
        self.close(Close::Abort);
    }

    fn close(&mut self, how: Close) {
        self.closing = Some(Box::new(Closing::new(how)));
    }

    /// A deadline has passed. A FIN would say that what the other connection sent was all.
    pub(super) fn time_out(&mut self) {
        if !self.facts.half_closed {
            self.connection.reset_on_close();
        }
        self.close(Close::TimeOut);
    }

    /// Goes on closing. True when it is closed.
    pub(super) fn poll_closed(&mut self, cx: &mut Context<'_>, expired: Option<Expired>) -> bool {
        if self.closed.is_none()
            && let Some(closing) = &mut self.closing
            && let Poll::Ready(reason) = closing.poll(&mut self.connection, cx)
        {
            let mut closed = self.connection.closed(reason);
            closed.expired = expired;
            self.closed = Some(closed);
        }
        self.closed.is_some()
    }

    /// The facts that remain, once it is closed.
    pub(super) fn take_closed(&mut self) -> Option<Closed> {
        self.closed.take()
    }
}
