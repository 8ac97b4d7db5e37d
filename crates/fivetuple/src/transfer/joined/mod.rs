//! Two connections moved into one another, until both have closed: what a relay does.
//!
//! Each direction is a [`OneWay`] and ends on its own; each connection is an [`End`] with an
//! [`EndOfStream`] of its own, whose input is what the other one sends. So the rules are those of
//! every connection, and one thing is added to them: a FIN becomes a FIN and an RST an RST. A
//! connection that dies takes the other with it, by RST, once what it had sent before is there.

mod end;
mod last_bytes;
mod one_way;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::{EndOfStream, Eof, Pipes, ROUNDS, Step, Terms, Timer};
use crate::close::{Close, Closed};
use crate::connection::Connection;
use end::End;
use last_bytes::LastBytes;
use one_way::OneWay;

/// Two connections at work: a future that ends when both have closed. It gives the end of the
/// accepted one, or that of the connected one if only that was not complete.
#[derive(Debug)]
#[must_use = "nothing is moved until it is awaited"]
pub struct Joined {
    accepted: End,
    connected: End,
    /// From the accepted side to the connected side.
    there: OneWay,
    back: OneWay,
    /// The first end in either direction closes.
    is_full: bool,
    /// Counted over both.
    timer: Timer,
    /// One of them is dying, and what it sent is still on its way.
    last: Option<Box<LastBytes>>,
}

impl Joined {
    /// Joins them; bulk goes through pipes of this stock. `terms` counts from when the accepted one
    /// came to be.
    pub fn new(
        accepted: Connection,
        connected: Connection,
        (terms, pipes): (&Arc<Terms>, &Arc<Pipes>),
    ) -> Self {
        let is_unseen = accepted.is_unseen() && connected.is_unseen();
        let one_way = || OneWay::with_pipes(is_unseen.then(|| Arc::clone(pipes)));
        Self {
            timer: Timer::new(accepted.identity().since, terms),
            accepted: End::new(accepted, terms.eof),
            connected: End::new(connected, terms.eof),
            there: one_way(),
            back: one_way(),
            is_full: terms.eof == Eof::Full,
            last: None,
        }
    }

    /// Moves what can be moved; ready when it is time to close.
    fn poll_moving(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        for _ in 0..ROUNDS {
            let there = (self.there).turn(cx, &mut self.accepted, &mut self.connected);
            let back = (self.back).turn(cx, &mut self.connected, &mut self.accepted);
            self.hold_at_first_end();
            self.watch(cx);
            self.pass_on_death(cx);
            let stepped = self.step();
            if self.accepted.is_closing() {
                return Poll::Ready(());
            }
            if !there && !back && !stepped {
                return self.poll_timer(cx);
            }
        }
        // There may be more to do, after the others have had their turn.
        cx.waker().wake_by_ref();
        self.poll_timer(cx)
    }

    /// With `full`, nothing more is received once one direction has ended.
    fn hold_at_first_end(&mut self) {
        let (accepted, connected) = (&mut self.accepted, &mut self.connected);
        if self.is_full && (accepted.facts.peer_finished || connected.facts.peer_finished) {
            accepted.held = true;
            connected.held = true;
        }
    }

    /// Looks for the death of a connection that nobody reads from: because it has finished, or
    /// because what it sent before still waits for the other one. Where bytes wait for it, the
    /// attempts to send them find the same.
    fn watch(&mut self, cx: &mut Context<'_>) {
        let (there, back) = (self.there.unsent(), self.back.unsent());
        for (end, waiting, from_it) in [
            (&mut self.accepted, back, there),
            (&mut self.connected, there, back),
        ] {
            let unread = end.exhausted || end.held || from_it > 0;
            let open = !(end.facts.peer_finished && end.facts.half_closed);
            if unread && open && waiting == 0 && !end.is_dying() {
                end.watch(cx);
            }
        }
    }

    /// Has the other one of a dying connection aborted once it has what was sent before.
    fn pass_on_death(&mut self, cx: &mut Context<'_>) {
        let (accepted, connected) = (&mut self.accepted, &mut self.connected);
        let (dying, other, way) = match (accepted.is_dying(), connected.is_dying()) {
            (false, false) => return,
            (true, false) => (accepted, connected, &mut self.there),
            (false, true) => (connected, accepted, &mut self.back),
            (true, true) => {
                self.last = None;
                accepted.facts.broken.get_or_insert(Close::Reset);
                connected.facts.broken.get_or_insert(Close::Reset);
                return;
            }
        };
        let last = (self.last).get_or_insert_with(|| Box::new(LastBytes::new()));
        if last.poll(cx, (&*dying, &*other), way.unsent()).is_ready() {
            self.last = None;
            way.give_up();
            dying.facts.broken.get_or_insert(Close::Reset);
            other.facts.broken.get_or_insert(Close::Abort);
        }
    }

    /// Tells the rules what is so now, and does what they say.
    fn step(&mut self) -> bool {
        let (there, back) = (self.there.unsent() > 0, self.back.unsent() > 0);
        let on_its_way = self.last.is_some();
        let finished = [&self.accepted, &self.connected].map(|end| end.facts.peer_finished);
        let [accepted, connected] = finished;
        (self.accepted).look_at(connected, (back, there || on_its_way));
        (self.connected).look_at(accepted, (there, back || on_its_way));
        let stepped = self.accepted.step() | self.connected.step();
        // One never outlives the other.
        match (self.accepted.is_closing(), self.connected.is_closing()) {
            (true, false) => self.connected.abort(),
            (false, true) => self.accepted.abort(),
            _ => {}
        }
        stepped
    }

    fn poll_timer(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let ends = [&self.accepted, &self.connected];
        let moved = ends.map(|end| end.connection.live().moved());
        let one_sided = ends.iter().any(|end| end.is_one_sided());
        let due = self.timer.poll(cx, moved.iter().sum(), one_sided);
        if due.is_ready() {
            self.accepted.time_out();
            self.connected.time_out();
        }
        due
    }
}

impl Future for Joined {
    type Output = Closed;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Closed> {
        let this = &mut *self;
        if !this.accepted.is_closing() && this.poll_moving(cx).is_pending() {
            return Poll::Pending;
        }
        let expired = this.timer.expired();
        let accepted = this.accepted.poll_closed(cx, expired);
        let connected = this.connected.poll_closed(cx, expired);
        if !accepted || !connected {
            return Poll::Pending;
        }
        let accepted = this.accepted.take_closed();
        let connected = this.connected.take_closed();
        let incomplete = connected.filter(|closed| !closed.is_complete());
        match (accepted, incomplete) {
            (Some(accepted), Some(connected)) if accepted.is_complete() => Poll::Ready(connected),
            (Some(accepted), _) => Poll::Ready(accepted),
            // Polled after its end, which no owner of a future may do.
            (None, _) => Poll::Pending,
        }
    }
}
