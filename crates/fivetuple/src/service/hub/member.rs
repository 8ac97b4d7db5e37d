//! A member with a connection.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::time::{Sleep, sleep, sleep_until};

use super::log::Missed;
use super::room::Sent;
use super::{Messages, Talk};
use crate::close::{Close, LINGER_MAX};
use crate::connection::Connection;
use crate::event::{Direction, Event, Identity, Observers};
use crate::transfer::{Eof, Exchange, Outgoing, SCRATCH, Supply, Terms};

/// A talk on a connection.
#[derive(Debug)]
pub(in crate::service) struct Member<T> {
    talk: T,
    identity: Identity,
    observers: Observers,
    stays: bool,
    stage: Stage,
    /// The place up to which a member that has finished is still sent what was said.
    until: Option<u64>,
    finished: bool,
    /// There only while it has to answer, or to take its last lines.
    wait: Option<Pin<Box<Sleep>>>,
    /// What it said and nobody was told yet: the end of one read.
    unheard: Vec<u8>,
    /// There only while it is held back: when it is to ask again.
    held: Option<Pin<Box<Sleep>>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    New,
    Here,
    /// It has left, and everything is sent.
    Over,
}

impl<T: Talk> Member<T> {
    pub(in crate::service) fn new(talk: T, connection: &Connection, terms: &Terms) -> Self {
        Self {
            talk,
            identity: connection.identity().clone(),
            observers: connection.observers().clone(),
            stays: terms.eof == Eof::Each,
            stage: Stage::New,
            until: None,
            finished: false,
            wait: None,
            unheard: Vec::new(),
            held: None,
        }
    }

    fn dropped(&self, missed: Missed) {
        self.observers.emit(&Event::Dropped {
            connection: &self.identity,
            direction: Direction::Sent,
            bytes: missed.bytes,
        });
    }

    /// Takes what it says, as much of it as there is room for; the rest waits.
    fn hear(&mut self, bytes: &[u8], out: &mut Outgoing<'_>) {
        let taken = self.talk.hear(bytes, &mut |line| out.send(line));
        if self.talk.has_left() {
            // From now on another time is waited for.
            self.wait = None;
            self.unheard = Vec::new();
            return;
        }
        self.unheard = bytes.get(taken..).unwrap_or_default().to_vec();
    }

    /// How many bytes of it may be published now.
    fn poll_space(&mut self, cx: &mut Context<'_>) -> Poll<usize> {
        let Some(seat) = self.talk.seat() else {
            return Poll::Ready(SCRATCH);
        };
        loop {
            let until = match seat.room(cx) {
                Ok(room) => {
                    self.held = None;
                    return Poll::Ready(room);
                }
                Err(until) => until,
            };
            let held = self
                .held
                .get_or_insert_with(|| Box::pin(sleep_until(until)));
            if held.deadline() != until {
                held.as_mut().reset(until);
            }
            ready!(held.as_mut().poll(cx));
        }
    }

    /// The server stops, and this member was sent everything.
    fn stopped(&mut self, out: &mut Outgoing<'_>) -> Poll<Supply> {
        if let Some(line) = self.talk.farewell() {
            out.send(line.as_bytes());
        }
        self.talk.leave();
        self.stage = Stage::Over;
        Poll::Ready(Supply::Ended)
    }

    /// A member that has no seat yet.
    fn poll_asked(&mut self, cx: &mut Context<'_>, out: &mut Outgoing<'_>) -> Poll<Supply> {
        if self.finished {
            return Poll::Ready(Supply::Ended);
        }
        let number = self.identity.number;
        if self.talk.hall().poll_stopped(cx, number).is_ready() {
            return self.stopped(out);
        }
        let within = self.talk.hall().options.ask_within;
        let wait = self.wait.get_or_insert_with(|| Box::pin(sleep(within)));
        if wait.as_mut().poll(cx).is_pending() {
            return Poll::Pending;
        }
        out.send(self.talk.too_late().as_bytes());
        self.talk.leave();
        self.stage = Stage::Over;
        Poll::Ready(Supply::Ended)
    }
}

impl<T: Talk> Exchange for Member<T> {
    fn received(&mut self, bytes: &[u8], reply: &mut Outgoing<'_>) {
        if !self.talk.has_left() && self.stage != Stage::Over {
            self.hear(bytes, reply);
        }
    }

    /// Members are heard also while they do not read, but not while they do not read the answers
    /// that they themselves ask for.
    fn poll_room(&mut self, cx: &mut Context<'_>, unsent: usize) -> Poll<Result<usize, Close>> {
        if unsent > self.talk.hall().options.max_line + SCRATCH || !self.unheard.is_empty() {
            return Poll::Pending;
        }
        let read_max = self.talk.read_max();
        self.poll_space(cx).map(|space| Ok(space.min(read_max)))
    }

    fn poll_supply(&mut self, cx: &mut Context<'_>, out: &mut Outgoing<'_>) -> Poll<Supply> {
        if self.stage == Stage::New {
            self.stage = Stage::Here;
            self.talk.greet(&mut |line| out.send(line));
            return Poll::Ready(Supply::More);
        }
        if self.talk.has_left() {
            self.stage = Stage::Over;
            return Poll::Ready(Supply::Ended);
        }
        // Its answers so far are sent.
        if !self.unheard.is_empty() && self.poll_space(cx).is_ready() {
            let unheard = std::mem::take(&mut self.unheard);
            self.hear(&unheard, out);
            return Poll::Ready(Supply::More);
        }
        let Some(seat) = self.talk.seat() else {
            return self.poll_asked(cx, out);
        };
        if self.wait.take().is_some() {
            self.talk.hall().forget(self.identity.number);
        }
        match seat.send((cx, self.until), out) {
            Sent::Some => Poll::Ready(Supply::More),
            Sent::Nothing => Poll::Pending,
            Sent::Reached if self.until.is_some() => Poll::Ready(Supply::Ended),
            Sent::Reached => self.stopped(out),
            Sent::Missed(missed) => {
                self.dropped(missed);
                if self.talk.hall().options.messages == Messages::Lines {
                    out.send(missed_line(missed.messages).as_bytes());
                }
                Poll::Ready(Supply::More)
            }
        }
    }

    fn peer_finished(&mut self, reply: &mut Outgoing<'_>) {
        if self.talk.has_left() {
            return;
        }
        self.talk.finish(&mut |line| reply.send(line));
        if self.talk.has_left() {
            self.wait = None;
        }
        if !self.stays {
            self.finished = true;
            self.until = self.talk.seat().map(super::Seat::end);
        }
    }

    fn poll_delivered(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Close>> {
        if self.stage == Stage::Over {
            return Poll::Ready(Err(Close::Linger));
        }
        if self.talk.has_left() {
            let wait = self.wait.get_or_insert_with(|| Box::pin(sleep(LINGER_MAX)));
            return match wait.as_mut().poll(cx) {
                Poll::Ready(()) => Poll::Ready(Err(Close::TimeOut)),
                Poll::Pending => Poll::Ready(Ok(())),
            };
        }
        let cut_off = |seat: &super::Seat| seat.poll_cut_off(cx);
        if let Some(Poll::Ready(missed)) = self.talk.seat().map(cut_off) {
            self.dropped(missed);
            return Poll::Ready(Err(Close::Abort));
        }
        Poll::Ready(Ok(()))
    }

    /// Who is held back by a member that is gone would wait for ever.
    fn delivers_after_reset(&self) -> bool {
        false
    }

    fn closing(&mut self) {
        self.talk.hall().forget(self.identity.number);
        self.talk.leave();
    }
}

/// What a member reads in place of what it missed.
pub(super) fn missed_line(messages: u64) -> String {
    let plural = if messages == 1 { "" } else { "s" };
    format!("-- missed {messages} message{plural} --\n")
}
