//! The log: what a server says about its sockets and connections, and the errors of both sides.
//!
//! A connection that the peer resets has one line: the one that says how it was closed. A burst of
//! clients that are turned away has one line a second.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use fivetuple::call::{Code, Errno};
use fivetuple::event::Pause;
use fivetuple::{Event, Explained, Observer};

use super::error::{Context, Verb, explain_error, plain_error};
use super::line::{Line, Style};
use super::queue::{Kind, Queue};
use super::words::{Dropped, Ended, Named, paused, turned_away};

/// Lines about what a busy server refuses come no more often than this.
const REFUSAL_EVERY: Duration = Duration::from_secs(1);

/// What is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Says {
    /// Errors only.
    Errors,
    /// A server whose trace tells of the connections.
    Sockets,
    /// A server.
    Everything,
}

/// The observer behind the log.
#[derive(Debug)]
pub(crate) struct Log {
    queue: Arc<Queue>,
    says: Says,
    context: Context,
    color: bool,
    refusals: Mutex<Refusals>,
    /// What a client last failed with.
    last: Mutex<Option<Code>>,
}

/// How often was something refused since the last line about it.
#[derive(Debug, Default)]
struct Refusals {
    told: Option<Instant>,
    left_out: u64,
    /// The last line about pausing said that clients wait.
    paused: bool,
}

impl Refusals {
    /// How many were left out, if it is time for a line.
    fn due(&mut self, now: Instant) -> Option<u64> {
        let early = |told| now.saturating_duration_since(told) < REFUSAL_EVERY;
        if self.told.is_some_and(early) {
            self.left_out += 1;
            return None;
        }
        self.told = Some(now);
        Some(std::mem::take(&mut self.left_out))
    }
}

impl Log {
    /// A log into `queue`.
    pub(crate) fn new(queue: Arc<Queue>, says: Says, context: Context, color: bool) -> Self {
        Self {
            queue,
            says,
            context,
            color,
            refusals: Mutex::default(),
            last: Mutex::default(),
        }
    }

    /// Says how many lines about refusals are still owed.
    pub(crate) fn finish(&self) {
        let left_out = std::mem::take(&mut self.refusals().left_out);
        if left_out > 0 {
            self.line(|line| {
                line.put(format_args!(
                    "left out: {left_out} more of being turned away, paused or resumed"
                ));
            });
        }
    }

    fn line(&self, write: impl FnOnce(&mut Line<'_>)) {
        self.queue.push(Kind::Line, |to| {
            let mut line = Line::new(to, self.color);
            write(&mut line);
            line.end();
        });
    }

    fn refusals(&self) -> std::sync::MutexGuard<'_, Refusals> {
        self.refusals.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes the line if one is due; whether it was.
    fn refusal(&self, now: Instant, write: impl FnOnce(&mut Line<'_>)) -> bool {
        let due = self.refusals().due(now);
        if let Some(left_out) = due {
            self.line(|line| {
                write(line);
                if left_out > 0 {
                    line.put(format_args!(" (and {left_out} more before)"));
                }
            });
        }
        due.is_some()
    }

    fn paused(&self, why: Pause, now: Instant) {
        let told = self.refusal(now, |line| {
            line.put(format_args!("paused: {}; clients wait", paused(why)));
        });
        if told {
            self.refusals().paused = true;
        }
    }

    /// Whoever was told that clients wait is told when they no longer do, however soon.
    fn resumed(&self) {
        let mut refusals = self.refusals();
        let told = std::mem::take(&mut refusals.paused);
        refusals.left_out += u64::from(!told);
        drop(refusals);
        if told {
            self.line(|line| {
                line.put("resumed: clients are accepted again");
            });
        }
    }

    fn failed(&self, error: &dyn Explained, of_a_connection: bool) {
        let told_by_its_end = of_a_connection && self.context.verb == Verb::Listen;
        if told_by_its_end && is_reset(error.code()) {
            return;
        }
        let text = if !of_a_connection && self.is_repeated(error.code()) {
            plain_error(error)
        } else {
            explain_error(error, &self.context)
        };
        error_lines(&self.queue, &text, self.color);
    }

    /// A client that fails at each address of a name, or in each try, in the same way: what is
    /// known and what to try has been told.
    fn is_repeated(&self, code: Code) -> bool {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        self.context.verb == Verb::Connect && last.replace(code) == Some(code)
    }

    fn about_sockets(&self, event: &Event<'_>, now: Instant) {
        match event {
            Event::Listening { local, protocol } => self.line(|line| {
                line.put("listening on ")
                    .styled(Style::Bold, local)
                    .put(format_args!(" {protocol}"));
            }),
            Event::TurnedAway { name, why } => {
                self.refusal(now, |line| {
                    let why = turned_away(*why);
                    line.put(format_args!("turned away {name}: {why}"));
                });
            }
            Event::Paused { why } => self.paused(*why, now),
            Event::Resumed => self.resumed(),
            _ => {}
        }
    }

    fn about_connections(&self, event: &Event<'_>) {
        match event {
            Event::Accepted(connection) => self.line(|line| {
                line.put(Named(connection)).put(" accepted");
            }),
            Event::Closed {
                connection,
                reason,
                first,
                totals,
            } => self.line(|line| {
                let (reason, first) = (*reason, *first);
                line.put(Named(connection)).put(' ').put(Ended {
                    reason,
                    first,
                    totals,
                });
            }),
            Event::Dropped {
                connection,
                direction,
                bytes,
            } => self.line(|line| {
                line.put(Named(connection)).put(' ').put(Dropped {
                    protocol: connection.ends.protocol,
                    direction: *direction,
                    bytes: *bytes,
                });
            }),
            _ => {}
        }
    }

    fn event_at(&self, event: &Event<'_>, now: Instant) {
        if let Event::Failed {
            connection, error, ..
        } = event
        {
            self.failed(*error, connection.is_some());
        }
        if self.says != Says::Errors {
            self.about_sockets(event, now);
        }
        if self.says == Says::Everything {
            self.about_connections(event);
        }
    }
}

impl Observer for Log {
    fn event(&self, event: &Event<'_>) {
        self.event_at(event, Instant::now());
    }
}

/// Appends a text of one or more lines, the first of which is an error.
pub(super) fn error_lines(queue: &Queue, text: &str, color: bool) {
    queue.push(Kind::Line, |to| {
        for (at, text) in text.lines().enumerate() {
            let mut line = Line::new(to, color);
            match at {
                0 => line.styled(Style::Red, text).end(),
                _ => line.put(text).end(),
            }
        }
    });
}

fn is_reset(code: Code) -> bool {
    matches!(
        code,
        Code::Errno(Errno::CONNRESET | Errno::PIPE | Errno::CONNREFUSED)
    )
}

#[cfg(test)]
mod tests {
    use fivetuple::event::{Pause, TurnedAway};
    use fivetuple::{Direction, Protocol, Reason, Side, SocketName, Totals};

    use super::*;
    use crate::report::samples;

    fn told(says: Says, verb: Verb, events: &[(Event<'_>, u64)]) -> String {
        samples::written(|queue| {
            let log = Log::new(queue, says, Context::new(verb, ""), false);
            let start = Instant::now();
            for (event, millis) in events {
                log.event_at(event, start + Duration::from_millis(*millis));
            }
            log.finish();
        })
    }

    #[test]
    fn a_server_says_where_it_listens_and_who_came_and_went() {
        let identity = samples::identity(1);
        let totals = Totals {
            bytes_sent: 5,
            bytes_received: 17,
            bytes_unacknowledged: 0,
            duration: Duration::from_millis(1204),
        };
        let lost = Totals {
            bytes_unacknowledged: 12,
            ..totals
        };
        let closed = |reason, first, totals| Event::Closed {
            connection: &identity,
            reason,
            first,
            totals,
        };
        let local = &"127.0.0.1:8080".parse::<SocketName>().unwrap();
        let protocol = Protocol::Tcp;
        let events = [
            (
                Event::SocketCreated {
                    family: fivetuple::Family::Inet,
                    protocol,
                },
                0,
            ),
            (Event::Bound { local }, 0),
            (Event::Listening { local, protocol }, 0),
            (Event::Accepted(&identity), 0),
            (closed(Reason::Released, Side::Peer, &totals), 0),
            (closed(Reason::Reset, Side::Us, &lost), 0),
            (
                Event::Dropped {
                    connection: &identity,
                    direction: Direction::Sent,
                    bytes: 7,
                },
                0,
            ),
        ];
        assert_eq!(
            told(Says::Everything, Verb::Listen, &events),
            "listening on 127.0.0.1:8080 tcp\n\
             #1 127.0.0.1:51312 → 127.0.0.1:8080 tcp accepted\n\
             #1 127.0.0.1:51312 → 127.0.0.1:8080 tcp closed: released by peer first, 1.204 s, \
             sent 5 B, received 17 B\n\
             #1 127.0.0.1:51312 → 127.0.0.1:8080 tcp closed: reset by peer, 1.204 s, sent 5 B, \
             received 17 B, 12 B unacknowledged\n\
             #1 127.0.0.1:51312 → 127.0.0.1:8080 tcp was too slow: 7 B dropped (sent)\n"
        );
        assert_eq!(
            told(Says::Sockets, Verb::Listen, &events),
            "listening on 127.0.0.1:8080 tcp\n"
        );
        assert_eq!(told(Says::Errors, Verb::Connect, &events), "");
    }

    #[test]
    fn refusals_come_once_a_second_with_their_count() {
        let name = samples::identity(1).name();
        let away = Event::TurnedAway {
            name: &name,
            why: TurnedAway::PerIpLimit,
        };
        let pause = || Event::Paused {
            why: Pause::Descriptors,
        };
        let mut events = vec![(away, 0)];
        events.extend((1..=500).map(|_| (pause(), 500)));
        events.push((Event::Resumed, 1000));
        events.push((pause(), 1000));
        events.push((Event::Resumed, 1001));
        events.push((pause(), 1999));
        assert_eq!(
            told(Says::Everything, Verb::Listen, &events),
            "turned away 127.0.0.1:51312 → 127.0.0.1:8080 tcp: its address has as many \
             connections as it may have\n\
             paused: no descriptor is left; clients wait (and 501 more before)\n\
             resumed: clients are accepted again\n\
             left out: 1 more of being turned away, paused or resumed\n"
        );
    }

    #[test]
    fn a_reset_is_an_error_of_a_client_and_the_end_of_a_servers_connection() {
        let identity = samples::identity(3);
        let reset = samples::receive_error(Errno::CONNRESET);
        let events = [(
            Event::Failed {
                connection: Some(&identity),
                local: None,
                error: &reset,
            },
            0,
        )];
        assert_eq!(told(Says::Everything, Verb::Listen, &events), "");
        let client = told(Says::Errors, Verb::Connect, &events);
        assert!(
            client.starts_with("ft: recv 127.0.0.1:51312 → "),
            "{client}"
        );
        assert!(
            client.contains("connection reset (ECONNRESET)\n  "),
            "{client}"
        );
        let full = fivetuple::call::AcceptError::new(identity.local(), Errno::MFILE);
        let events = [(
            Event::Failed {
                connection: None,
                local: Some(identity.local()),
                error: &full,
            },
            0,
        )];
        let server = told(Says::Errors, Verb::Listen, &events);
        assert!(
            server.starts_with("ft: accept 127.0.0.1:8080: too many"),
            "{server}"
        );
        assert!(
            server.contains("\n  try: ") && server.ends_with("EMFILE\n"),
            "{server}"
        );
    }
}
