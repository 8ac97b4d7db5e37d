//! When a connection ends: the rules, and nothing else.
//!
//! Facts go in, a step comes out. There is no I/O here and no time, so every order of facts can
//! be tried by a test. The table that these rules spell out stands in `docs/end-of-stream.md`.

use crate::close::Close;

/// What the end of one direction means for the other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Eof {
    /// Our end is passed on (half-close) and we go on receiving; the peer's end closes once what
    /// is ours to send is sent.
    #[default]
    Half,
    /// Only when both directions have ended.
    Each,
    /// The first end in either direction closes, after flushing.
    Full,
}

/// What we have to send.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Input {
    /// More may come.
    #[default]
    Open,
    /// It ended after at least one byte.
    Ended,
    /// There never was any; it is no reason to finish sending before the peer does.
    Absent,
}

/// What is to be done now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing changes.
    GoOn,
    /// Finish sending.
    HalfClose,
    /// Close, in this way.
    Close(Close),
}

/// The facts of one connection that its end depends on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndOfStream {
    eof: Eof,
    send_only: bool,
    /// What we have to send.
    pub input: Input,
    /// The input is a person, whom an ended peer does not have to wait for.
    pub interactive: bool,
    /// A reset waits until what came before it is delivered.
    pub delivers_after_reset: bool,
    /// Some of it is not with the kernel yet.
    pub unsent: bool,
    /// We have finished sending.
    pub half_closed: bool,
    /// A send failed; what the peer sent before may still be there.
    pub send_failed: bool,
    /// The peer has finished sending.
    pub peer_finished: bool,
    /// Some of what it sent has not reached its destination yet.
    pub undelivered: bool,
    /// Nothing more can come or go, and this is how to close.
    pub broken: Option<Close>,
}

impl EndOfStream {
    /// A new connection: both directions are open.
    pub fn new(eof: Eof, send_only: bool) -> Self {
        Self {
            eof,
            send_only,
            input: Input::Open,
            interactive: false,
            delivers_after_reset: true,
            unsent: false,
            half_closed: false,
            send_failed: false,
            peer_finished: false,
            undelivered: false,
            broken: None,
        }
    }

    /// Whether what the peer sends is thrown away.
    pub fn send_only(&self) -> bool {
        self.send_only
    }

    /// A send failed, and this would be the way to close. What the peer sent before an RST is
    /// still received (pitfall: a write error must not throw away an answer that has arrived).
    pub fn sending_failed(&mut self, close: Close) {
        self.send_failed = true;
        if self.peer_finished || close != Close::Reset {
            self.broken = Some(close);
        }
    }

    /// Whether our direction is still open.
    pub fn can_send(&self) -> bool {
        !self.half_closed && !self.send_failed && self.broken.is_none()
    }

    /// What is to be done now.
    pub fn step(&self) -> Step {
        if let Some(close) = self.broken {
            // What arrived before a reset is still delivered; an abort of ours waits for nobody.
            let waits = self.undelivered
                && self.delivers_after_reset
                && matches!(close, Close::Reset | Close::TimeOut);
            return if waits {
                Step::GoOn
            } else {
                Step::Close(close)
            };
        }
        if self.send_failed {
            // The peer's last words first; the receiving side finds the end.
            return Step::GoOn;
        }
        match self.close() {
            Some(close) => Step::Close(close),
            None if self.is_sent() && !self.half_closed => Step::HalfClose,
            None => Step::GoOn,
        }
    }

    /// Everything that is ours to send is with the kernel.
    fn is_sent(&self) -> bool {
        let ended = match self.input {
            Input::Open => false,
            Input::Ended => true,
            Input::Absent => self.peer_finished || self.send_only,
        };
        ended && !self.unsent
    }

    fn close(&self) -> Option<Close> {
        if self.send_only && self.is_sent() {
            return Some(self.release_or_linger());
        }
        let received = self.peer_finished && !self.undelivered;
        match self.eof {
            Eof::Half => {
                let nothing_typed = self.interactive && !self.unsent;
                (received && (self.is_sent() || nothing_typed)).then_some(Close::Release)
            }
            Eof::Each => (received && self.is_sent()).then_some(Close::Release),
            Eof::Full => {
                let ended = self.peer_finished || self.input == Input::Ended;
                (ended && !self.unsent && !self.undelivered).then(|| self.release_or_linger())
            }
        }
    }

    fn release_or_linger(&self) -> Close {
        if self.peer_finished {
            Close::Release
        } else {
            Close::Linger
        }
    }
}

#[cfg(test)]
#[path = "end_of_stream_tests.rs"]
mod tests;
