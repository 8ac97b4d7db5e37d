//! The log: what a server says about its sockets and connections, and the errors of both sides.
//!
//! A connection that the peer resets has one line: the one that says how it was closed. A burst of
//! clients that are turned away has one line a second.

mod unreached;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use fivetuple::call::{Code, Errno, Visible};
use fivetuple::event::{Pause, ProgramEnd};
use fivetuple::{Event, Explained, Observer, Protocol};

use super::error::{explain_error, plain_error};
use super::line::{Line, Style};
use super::queue::{Kind, Queue};
use super::sparse::{Drops, Failures, LeftOut, Pace, Refusal, Say, Tries};
use super::words::{Behind, Bytes, Connected, Dropped, Ended, Named, paused, turned_away};
use crate::plan::Typed;
use unreached::{Unreached, is_about_destination};

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
    typed: Typed,
    color: bool,
    refusals: Mutex<Refusals>,
    drops: Mutex<Drops>,
    failures: Mutex<Failures>,
    unreached: Mutex<Unreached>,
    /// What a client last failed with.
    last: Mutex<Option<Code>>,
}

/// How often was something refused since the last line about it.
#[derive(Debug, Default)]
struct Refusals {
    pace: Pace,
    left_out: LeftOut,
    /// The last line about pausing said that clients wait.
    paused: bool,
}

impl Log {
    /// A log into `queue`.
    pub(crate) fn new(queue: Arc<Queue>, says: Says, typed: Typed, color: bool) -> Self {
        Self {
            queue,
            says,
            typed,
            color,
            refusals: Mutex::default(),
            drops: Mutex::default(),
            failures: Mutex::default(),
            unreached: Mutex::default(),
            last: Mutex::default(),
        }
    }

    /// Says how many lines about refusals are still owed.
    pub(crate) fn finish(&self) {
        let unreached = std::mem::take(&mut lock(&self.unreached).left_out);
        if unreached > 0 {
            self.line(|line| {
                line.put(format_args!(
                    "left out: {unreached} more failed call{} of a destination",
                    if unreached == 1 { "" } else { "s" }
                ));
            });
        }
        let left_out = std::mem::take(&mut lock(&self.refusals).left_out);
        let (lines, were) = match left_out.sum() {
            0 => return,
            1 => ("line", "was"),
            _ => ("lines", "were"),
        };
        self.line(|line| {
            let sum = left_out.sum();
            line.put(format_args!(
                "{sum} more {lines} like these {were} left out: {left_out}"
            ));
        });
    }

    /// How a client tells of tries that fail from now on.
    pub(crate) fn tries(&self, tries: Tries) {
        let mut failures = lock(&self.failures);
        match tries {
            Tries::Last => failures.last_try(),
            other => failures.tries = other,
        }
    }

    fn line(&self, write: impl FnOnce(&mut Line<'_>)) {
        self.queue.push(Kind::Line, |to| {
            let mut line = Line::new(to, self.color);
            write(&mut line);
            line.end();
        });
    }

    /// Writes the line if one is due; whether it was.
    fn refusal(&self, kind: Refusal, now: Instant, write: impl FnOnce(&mut Line<'_>)) -> bool {
        let mut refusals = lock(&self.refusals);
        let due = refusals.pace.is_due(now);
        if !due {
            refusals.left_out.count(kind);
            return false;
        }
        let left_out = std::mem::take(&mut refusals.left_out).sum();
        drop(refusals);
        self.line(|line| {
            write(line);
            if left_out > 0 {
                line.put(format_args!(" (and {left_out} more before)"));
            }
        });
        true
    }

    fn paused(&self, why: Pause, now: Instant) {
        let told = self.refusal(Refusal::Paused, now, |line| {
            line.put(format_args!("paused: {}; clients wait", paused(why)));
        });
        if told {
            lock(&self.refusals).paused = true;
        }
    }

    /// Whoever was told that clients wait is told when they no longer do, however soon.
    fn resumed(&self) {
        let mut refusals = lock(&self.refusals);
        let told = std::mem::take(&mut refusals.paused);
        if !told {
            refusals.left_out.count(Refusal::Resumed);
        }
        drop(refusals);
        if told {
            self.line(|line| {
                line.put("resumed: clients are accepted again");
            });
        }
    }

    fn failed(&self, error: &dyn Explained, of_a_connection: bool, now: Instant) {
        let server = self.typed.serves();
        if server && of_a_connection && is_reset(error.code()) {
            // Told by its end.
            return;
        }
        if server || of_a_connection {
            let text = explain_error(error, &self.typed);
            return error_lines(&self.queue, &text, self.color);
        }
        self.not_connected(error, now);
    }

    /// A client that fails at each address of a name, or in each try, in the same way: what is
    /// known and what to try is told once.
    fn not_connected(&self, error: &dyn Explained, now: Instant) {
        let headline = error.to_string();
        match lock(&self.failures).failed(&headline, now) {
            Say::Nothing => {}
            Say::StillTrying => self.line(|line| {
                line.put("still trying: ").put(&headline);
            }),
            Say::Error => {
                let code = error.code();
                let is_repeated = lock(&self.last).replace(code) == Some(code);
                let text = if is_repeated {
                    plain_error(error)
                } else {
                    explain_error(error, &self.typed)
                };
                error_lines(&self.queue, &text, self.color);
            }
        }
    }

    fn about_sockets(&self, event: &Event<'_>, now: Instant) {
        match event {
            Event::Listening { local, protocol } => self.line(|line| {
                line.put("listening on ")
                    .styled(Style::Bold, local)
                    .put(format_args!(" {protocol}"));
            }),
            Event::TurnedAway { name, why } => {
                self.refusal(Refusal::TurnedAway, now, |line| {
                    let why = turned_away(*why);
                    line.put(format_args!("turned away {name}: {why}"));
                });
            }
            Event::Paused { why } => self.paused(*why, now),
            Event::Resumed => self.resumed(),
            _ => {}
        }
    }

    fn about_connections(&self, event: &Event<'_>, now: Instant) {
        match event {
            Event::Accepted(connection) => self.line(|line| {
                line.put(Named(connection)).put(" accepted");
            }),
            Event::Connected(connection) => self.line(|line| {
                line.put(Named(connection))
                    .put(' ')
                    .put(Connected(connection));
            }),
            Event::Closed {
                connection,
                reason,
                first,
                totals,
            } => {
                let dropped = lock(&self.drops).forget(connection.number);
                self.line(|line| {
                    let (reason, first) = (*reason, *first);
                    line.put(Named(connection)).put(' ').put(Ended {
                        reason,
                        first,
                        totals,
                    });
                    if let Some(sums) = dropped {
                        line.put(", ").put(sums);
                    }
                });
            }
            Event::Served { connection, what } => self.line(|line| {
                line.put(Named(connection)).put(' ').put(what);
            }),
            Event::Dropped {
                connection,
                direction,
                bytes,
            } => {
                let dropped = (*direction, *bytes);
                let due = lock(&self.drops).count(connection.number, dropped, now);
                let protocol = connection.ends.protocol;
                if due.is_some() && protocol == Protocol::Udp {
                    self.line(|line| {
                        line.put(Named(connection)).put(' ').put(Dropped {
                            protocol,
                            role: connection.role,
                            direction: *direction,
                            bytes: *bytes,
                        });
                    });
                } else if let Some(sums) = due {
                    self.line(|line| {
                        line.put(Named(connection)).put(" was too slow: ").put(sums);
                    });
                }
            }
            Event::FellBehind(behind) => self.line(|line| {
                line.put(Named(behind.connection))
                    .put(' ')
                    .put(Behind(behind));
            }),
            _ => {}
        }
    }

    /// What programs say and how they end; with `-q`, too, as what they say are complaints.
    fn about_programs(&self, event: &Event<'_>) {
        match event {
            Event::Wrote {
                connection,
                line: text,
                left_out,
            } => self.line(|line| {
                let number = connection.number;
                line.put(format_args!("#{number} stderr: {}", Visible(text)));
                if *left_out > 0 {
                    line.put(format_args!(" -- left out: {} --", Bytes(*left_out)));
                }
            }),
            Event::ProgramEnded {
                connection,
                program,
                how,
            } if *how != ProgramEnd::Status(0) && self.says != Says::Errors => self.line(|line| {
                let number = connection.number;
                line.put(format_args!(
                    "#{number} {} ended with {how}",
                    Visible(program)
                ));
            }),
            _ => {}
        }
    }

    fn event_at(&self, event: &Event<'_>, now: Instant) {
        self.about_programs(event);
        if let Event::Failed {
            connection, error, ..
        } = event
        {
            match connection {
                Some(client) if is_about_destination(client, *error) => {
                    self.unreached(client, *error, now);
                }
                _ => self.failed(*error, connection.is_some(), now),
            }
        }
        if self.says != Says::Errors {
            self.about_sockets(event, now);
        }
        if self.says == Says::Everything {
            self.about_connections(event, now);
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

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn is_reset(code: Code) -> bool {
    matches!(
        code,
        Code::Errno(Errno::CONNRESET | Errno::PIPE | Errno::CONNREFUSED)
    )
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use fivetuple::call::ConnectError;
    use fivetuple::event::{FellBehind, Pause, TurnedAway};
    use fivetuple::{Direction, Reason, Side, SocketName, Totals};

    use super::*;
    use crate::report::samples;

    fn told(says: Says, verb: &'static str, events: &[(Event<'_>, u64)]) -> String {
        samples::written(|queue| {
            let log = Log::new(queue, says, Typed::verb(verb), false);
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
            datagrams_dropped: 0,
            duration: Duration::from_millis(1204),
        };
        let lost = Totals {
            bytes_unacknowledged: 12,
            datagrams_dropped: 0,
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
            told(Says::Everything, "listen", &events),
            "listening on 127.0.0.1:8080 tcp\n\
             #1 127.0.0.1:51312 → 127.0.0.1:8080 tcp accepted\n\
             #1 127.0.0.1:51312 → 127.0.0.1:8080 tcp closed: released by peer first, 1.204 s, \
             sent 5 B, received 17 B\n\
             #1 127.0.0.1:51312 → 127.0.0.1:8080 tcp closed: reset by peer, 1.204 s, sent 5 B, \
             received 17 B, 12 B unacknowledged\n\
             #1 127.0.0.1:51312 → 127.0.0.1:8080 tcp was too slow: 7 B dropped (sent)\n"
        );
        assert_eq!(
            told(Says::Sockets, "listen", &events),
            "listening on 127.0.0.1:8080 tcp\n"
        );
        assert_eq!(told(Says::Errors, "connect", &events), "");
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
            told(Says::Everything, "listen", &events),
            "turned away 127.0.0.1:51312 → 127.0.0.1:8080 tcp: its address has as many \
             connections as it may have\n\
             paused: no descriptor is left; clients wait (and 501 more before)\n\
             resumed: clients are accepted again\n\
             1 more line like these was left out: paused 1\n"
        );
        let name = samples::identity(1).name();
        let away = || Event::TurnedAway {
            name: &name,
            why: TurnedAway::Rule,
        };
        let events = [
            (away(), 0),
            (away(), 1),
            (away(), 2),
            (pause(), 3),
            (Event::Resumed, 4),
        ];
        let told = told(Says::Everything, "listen", &events);
        let end = "\n4 more lines like these were left out: turned away 2, paused 1, resumed 1\n";
        assert!(told.ends_with(end), "{told}");
    }

    #[test]
    fn what_is_dropped_is_summed_up_and_its_total_stands_at_the_end() {
        let identity = samples::identity(1);
        let dropped = |direction, bytes| Event::Dropped {
            connection: &identity,
            direction,
            bytes,
        };
        let totals = Totals {
            duration: Duration::from_secs(2),
            ..Totals::default()
        };
        let mut events: Vec<_> = (0..1000)
            .map(|at| (dropped(Direction::Sent, 7), at))
            .collect();
        events.push((dropped(Direction::Sent, 1), 1000));
        events.push((dropped(Direction::Received, 5), 1001));
        events.push((
            Event::Closed {
                connection: &identity,
                reason: Reason::Released,
                first: Side::Peer,
                totals: &totals,
            },
            1002,
        ));
        let name = "#1 127.0.0.1:51312 → 127.0.0.1:8080 tcp";
        assert_eq!(
            told(Says::Everything, "listen", &events),
            format!(
                "{name} was too slow: 7 B dropped (sent)\n\
                 {name} was too slow: 6994 B dropped (sent)\n\
                 {name} closed: released by peer first, 2.000 s, sent 0 B, received 0 B, \
                 7001 B dropped (sent), 5 B dropped (received)\n"
            )
        );
    }

    #[test]
    fn who_is_too_slow_for_the_policy_is_told_how_far_behind() {
        let identity = samples::identity(1);
        let behind = FellBehind {
            connection: &identity,
            direction: Direction::Sent,
            bytes: 262_144,
            policy: "close",
        };
        let events = [(Event::FellBehind(behind), 0)];
        let name = "#1 127.0.0.1:51312 → 127.0.0.1:8080 tcp";
        assert_eq!(
            told(Says::Everything, "listen", &events),
            format!(
                "{name} was too slow: 262144 B (262.14 kB) behind (sent), so it is closed \
                 (--slow close)\n"
            )
        );
        assert_eq!(told(Says::Errors, "listen", &events), "");
    }

    #[test]
    fn tries_that_fail_alike_are_told_once_and_then_once_a_second() {
        let refused = |address: &str| {
            let address: std::net::SocketAddr = address.parse().unwrap();
            ConnectError::new(address, Errno::CONNREFUSED)
        };
        let errors = [refused("127.0.0.1:1"), refused("127.0.0.2:1")];
        let text = |tries| {
            samples::written(|queue| {
                let log = Log::new(queue, Says::Errors, Typed::verb("connect"), false);
                let start = Instant::now();
                log.tries(tries);
                let fail = |millis| {
                    for error in &errors {
                        let event = Event::Failed {
                            connection: None,
                            local: None,
                            error,
                        };
                        log.event_at(&event, start + Duration::from_millis(millis));
                    }
                };
                [0, 300, 600, 1200, 1300].into_iter().for_each(fail);
                log.tries(Tries::Last);
                fail(1400);
            })
        };
        let told = text(Tries::Told);
        let lines: Vec<&str> = told.lines().filter(|line| !line.starts_with(' ')).collect();
        let first = "ft: connect 127.0.0.1:1: connection refused (ECONNREFUSED)";
        let second = "ft: connect 127.0.0.2:1: connection refused (ECONNREFUSED)";
        let still = "still trying: connect 127.0.0.1:1: connection refused (ECONNREFUSED)";
        assert_eq!(lines, [first, second, still, first, second], "{told}");
        let silent = text(Tries::Silent);
        let lines: Vec<&str> = silent
            .lines()
            .filter(|line| !line.starts_with(' '))
            .collect();
        assert_eq!(lines, [first, second], "{silent}");
        assert_eq!(silent.matches("  try: ").count(), 1, "{silent}");
        assert_eq!(told.matches("  try: ").count(), 1, "{told}");
    }

    #[test]
    fn an_error_that_is_the_same_for_each_family_is_told_once() {
        let error =
            fivetuple::call::SetOptionError::new("SO_BINDTODEVICE", "nosuch0", Errno::NODEV);
        let event = || Event::Failed {
            connection: None,
            local: None,
            error: &error,
        };
        let told = told(Says::Errors, "connect", &[(event(), 0), (event(), 0)]);
        assert_eq!(told.matches("setsockopt").count(), 1, "{told}");
    }

    #[test]
    fn a_relay_says_what_belongs_together_and_explains_a_failure_once_a_second() {
        let other = samples::connected_side(2, 1);
        let clients: Vec<_> = (1..=4).map(samples::identity).collect();
        let address: SocketName = "192.0.2.1:6379".parse().unwrap();
        let error = ConnectError::timed_out(address, Duration::from_secs(10));
        let failed = |client: usize| Event::Failed {
            connection: Some(&clients[client - 1]),
            local: None,
            error: &error,
        };
        let mut events = vec![(Event::Connected(&other), 0)];
        events.push((failed(1), 10));
        events.push((failed(1), 11));
        events.extend((0..99).map(|_| (failed(2), 12)));
        events.push((failed(3), 1010));
        events.push((failed(4), 1020));
        let whole = |for_whom: &str| {
            format!(
                "ft: connect 192.0.2.1:6379: timed out (ETIMEDOUT) for {for_whom}\n  \
                 given up after 10s\n  \
                 no answer: the machine is off, the address wrong, or a firewall silent\n  \
                 try: check the address, and that the machine is on · look at the firewall \
                 there, or on the way · add --connect-timeout 1m · ft explain ETIMEDOUT\n"
            )
        };
        assert_eq!(
            told(Says::Everything, "listen", &events),
            format!(
                "#2 127.0.0.1:40002 → 127.0.0.1:6379 tcp connected for #1\n{}\
                 ft: connect 192.0.2.1:6379: timed out (ETIMEDOUT) for #1\n{}\
                 left out: 1 more failed call of a destination\n",
                whole("#1"),
                whole("#3 (and 99 more before)")
            )
        );
    }

    #[test]
    fn a_reset_is_an_error_of_a_client_and_the_end_of_a_servers_connection() {
        let identity = samples::identity(1);
        let reset = samples::receive_error(Errno::CONNRESET);
        let events = [(
            Event::Failed {
                connection: Some(&identity),
                local: None,
                error: &reset,
            },
            0,
        )];
        assert_eq!(told(Says::Everything, "listen", &events), "");
        let client = told(Says::Errors, "connect", &events);
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
        let server = told(Says::Errors, "listen", &events);
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
