//! The trace (`-v`): one line for every call of the diagram and for every fact of a connection.
//!
//! ```text
//! 12:00:00.123456  1 socket      socket(AF_INET, SOCK_STREAM, IPPROTO_TCP) = 9
//! 12:00:00.123502  5 established -- #1 127.0.0.1:51312 → 127.0.0.1:8080 tcp accepted
//! ```
//!
//! Time, step of the diagram, then a call in the manner of strace, or after `--` a fact.

use std::sync::Arc;

use fivetuple::call::Code;
use fivetuple::event::Called;
use fivetuple::{Call, Event, Observer, Side, Wants};
use jiff::Timestamp;

use crate::report::clock::{self, Clock};
use crate::report::line::{Line, Style};
use crate::report::queue::{Kind, Queue};
use crate::report::words::{Behind, Connected, Dropped, Ended, Named, paused, turned_away};

/// Where the step stands, where the call, and where the five-tuple at the end.
const STEP: usize = 17;
const CALL: usize = 31;
const CONNECTION: usize = 64;

/// A step of the diagram: its number, where it has one, and its name.
type Step = (&'static str, &'static str);

const ESTABLISHED: Step = ("5", "established");
const CLOSE: Step = ("7", "close");

/// The observer behind `-v`.
#[derive(Debug)]
pub(crate) struct Trace {
    queue: Arc<Queue>,
    clock: Clock,
    color: bool,
}

impl Trace {
    /// A trace into `queue`.
    pub(crate) fn new(queue: Arc<Queue>, clock: Clock, color: bool) -> Self {
        Self {
            queue,
            clock,
            color,
        }
    }

    fn event_at(&self, event: &Event<'_>, at: impl FnOnce() -> Timestamp) {
        match event {
            Event::Called(called) => self.line(step(called.call), at, |line| call(line, called)),
            _ => self.fact(event, at),
        }
    }

    fn line(
        &self,
        (number, name): Step,
        at: impl FnOnce() -> Timestamp,
        write: impl FnOnce(&mut Line<'_>),
    ) {
        self.queue.push(Kind::Line, |to| {
            let mut line = Line::new(to, self.color);
            line.styled(Style::Dim, self.clock.time(at())).column(STEP);
            line.put(number)
                .column(STEP + 2)
                .styled(Style::Bold, name)
                .column(CALL);
            write(&mut line);
            line.end();
        });
    }

    /// What no call says.
    fn fact(&self, event: &Event<'_>, at: impl FnOnce() -> Timestamp) {
        match event {
            Event::Bound { local } => self.line(("2", "bind"), at, |line| {
                line.put(format_args!("-- bound to {local}"));
            }),
            Event::Accepted(connection) => self.line(ESTABLISHED, at, |line| {
                line.put("-- ").put(Named(connection)).put(" accepted");
            }),
            Event::Connected(connection) => self.line(ESTABLISHED, at, |line| {
                line.put("-- ").put(Named(connection));
                line.put(' ').put(Connected(connection));
            }),
            Event::HalfClosed { connection, by } => self.line(CLOSE, at, |line| {
                let who = match by {
                    Side::Us => "we have finished sending",
                    Side::Peer => "the peer has finished sending",
                };
                line.put(format_args!("-- #{} half-closed: {who}", connection.number));
            }),
            Event::Closed {
                connection,
                reason,
                first,
                totals,
            } => self.line(CLOSE, at, |line| {
                let (reason, first) = (*reason, *first);
                line.put(format_args!("-- #{} ", connection.number))
                    .put(Ended {
                        reason,
                        first,
                        totals,
                    });
            }),
            Event::Served { connection, what } => self.line(("6", "transfer"), at, |line| {
                line.put(format_args!("-- #{} {what}", connection.number));
            }),
            Event::StoppedListening { local, protocol } => self.line(CLOSE, at, |line| {
                line.put(format_args!("-- stopped listening on {local} {protocol}"));
            }),
            _ => self.refusal(event, at),
        }
    }

    /// What a server does not do, and why.
    fn refusal(&self, event: &Event<'_>, at: impl FnOnce() -> Timestamp) {
        const ACCEPT: Step = ("4", "accept");
        match event {
            Event::TurnedAway { name, why } => self.line(ACCEPT, at, |line| {
                let why = turned_away(*why);
                line.put(format_args!("-- turned away {name}: {why}"));
            }),
            Event::Paused { why } => self.line(ACCEPT, at, |line| {
                line.put(format_args!("-- paused: {}; clients wait", paused(*why)));
            }),
            Event::Resumed => self.line(ACCEPT, at, |line| {
                line.put("-- resumed: clients are accepted again");
            }),
            Event::Dropped {
                connection,
                direction,
                bytes,
            } => self.line(("6", "transfer"), at, |line| {
                line.put(format_args!("-- #{} ", connection.number))
                    .put(Dropped {
                        protocol: connection.ends.protocol,
                        role: connection.role,
                        direction: *direction,
                        bytes: *bytes,
                    });
            }),
            Event::FellBehind(behind) => self.line(("6", "transfer"), at, |line| {
                let number = behind.connection.number;
                line.put(format_args!("-- #{number} {}", Behind(behind)));
            }),
            _ => {}
        }
    }
}

impl Observer for Trace {
    fn wants(&self) -> Wants {
        Wants {
            calls: true,
            ..Wants::default()
        }
    }

    fn event(&self, event: &Event<'_>) {
        self.event_at(event, clock::now);
    }
}

const fn step(call: Call) -> Step {
    match call {
        Call::Resolve => ("", "resolve"),
        Call::Socket => ("1", "socket"),
        Call::SetOption => ("", "option"),
        Call::Bind => ("2", "bind"),
        Call::Listen => ("3", "listen"),
        Call::Accept => ("4", "accept"),
        Call::Connect => ("4", "connect"),
        Call::Send => ("6", "send"),
        Call::Receive => ("6", "receive"),
        Call::Splice => ("6", "splice"),
        Call::SendFile => ("6", "send"),
        Call::Shutdown => ("7", "half-close"),
        Call::Close => CLOSE,
        Call::Open | Call::Read | Call::Write | Call::Sync | Call::Rename => ("", "file"),
        Call::Exec => ("", "exec"),
    }
}

fn call(line: &mut Line<'_>, called: &Called<'_>) {
    match called.result {
        Ok(_) => line.put(called),
        Err(_) => line.styled(Style::Red, called),
    };
    if let Err(errno) = called.result {
        line.put(format_args!(" ({})", Code::Errno(errno).text()));
    }
    if let Some(connection) = called.connection {
        line.column(CONNECTION)
            .styled(Style::Dim, Named(connection));
    }
}

#[cfg(test)]
mod tests;
