//! What USR1 prints, and the last line of a server.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use fivetuple::event::Role;
use fivetuple::{Direction, Event, Observer, Protocol, Reason, Table};
use tokio::sync::Notify;

/// Counts connections by how they ended.
#[derive(Debug, Default)]
pub(super) struct Counters {
    accepted: AtomicU64,
    turned_away: AtomicU64,
    ended: [AtomicU64; REASONS.len()],
    sent: AtomicU64,
    received: AtomicU64,
    /// Bytes of datagrams that were not sent.
    not_sent: AtomicU64,
    /// Listening sockets that are open.
    listening: AtomicU64,
    stopped: Notify,
}

const REASONS: [Reason; 5] = [
    Reason::Released,
    Reason::Reset,
    Reason::Aborted,
    Reason::TimedOut,
    Reason::Failed,
];

impl Observer for Counters {
    fn event(&self, event: &Event<'_>) {
        match event {
            Event::Accepted(_) => {
                self.accepted.fetch_add(1, Relaxed);
            }
            Event::Listening { .. } => {
                self.listening.fetch_add(1, Relaxed);
            }
            Event::StoppedListening { .. } => {
                let before = self.listening.fetch_sub(1, Relaxed);
                if before == 1 {
                    self.stopped.notify_one();
                }
            }
            Event::TurnedAway { .. } => {
                self.turned_away.fetch_add(1, Relaxed);
            }
            // The connected side of a relay is not one of the clients.
            Event::Closed {
                connection,
                reason,
                totals,
                ..
            } if connection.role == Role::Accepted => {
                for (known, count) in REASONS.iter().zip(&self.ended) {
                    if known == reason {
                        count.fetch_add(1, Relaxed);
                    }
                }
                self.sent.fetch_add(totals.bytes_sent, Relaxed);
                self.received.fetch_add(totals.bytes_received, Relaxed);
            }
            Event::Dropped {
                connection,
                direction: Direction::Sent,
                bytes,
            } if connection.ends.protocol == Protocol::Udp => {
                self.not_sent.fetch_add(*bytes, Relaxed);
            }
            _ => {}
        }
    }
}

impl Counters {
    /// Waits until the last listening socket is closed; once.
    pub(super) async fn stopped_listening(&self) {
        self.stopped.notified().await;
    }

    /// Bytes sent and received by the connections that have ended.
    pub(super) fn ended(&self) -> (u64, u64) {
        (self.sent.load(Relaxed), self.received.load(Relaxed))
    }

    /// One line: all connections so far, the living ones of `table` included.
    pub(super) fn line(&self, table: &Table) -> String {
        let mut sent = self.sent.load(Relaxed);
        let mut received = self.received.load(Relaxed);
        let living = table.all();
        for live in &living {
            sent += live.bytes_sent();
            received += live.bytes_received();
        }
        let accepted = self.accepted.load(Relaxed);
        let mut line = format!("{} accepted", count(accepted, "connection"));
        if !living.is_empty() {
            line += &format!(", {} open", living.len());
        }
        for (reason, ended) in REASONS.iter().zip(&self.ended) {
            let ended = ended.load(Relaxed);
            if ended > 0 {
                line += &format!(", {ended} {reason}");
            }
        }
        let turned_away = self.turned_away.load(Relaxed);
        if turned_away > 0 {
            line += &format!("; {} turned away", count(turned_away, "client"));
        }
        line += &format!("; sent {sent} B, received {received} B");
        let not_sent = self.not_sent.load(Relaxed);
        if not_sent > 0 {
            line += &format!(", not sent {not_sent} B");
        }
        line
    }
}

fn count(number: u64, thing: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {thing}{plural}")
}
