//! What a load has done in one window.

use std::time::Duration;

use hdrhistogram::Histogram;

use super::Failures;

/// What was measured in one window. Latencies are in nanoseconds, of up to an hour, with three
/// exact digits.
#[derive(Clone, Debug)]
pub struct Measured {
    /// How long the window was.
    pub elapsed: Duration,
    /// Exchanges that were verified in it. The bulk modes have none.
    pub messages: u64,
    /// Bytes that the kernel took from us in it; in the bulk modes, without those that the peer's
    /// kernel had not acknowledged by its end.
    pub bytes_sent: u64,
    /// Bytes that we took from the kernel in it.
    pub bytes_received: u64,
    /// What failed, with what failed while the load was opened if this is its first window.
    pub failures: Failures,
    /// From the time at which a message could be sent to the last byte of its reply. What was out
    /// when the window ended is in it, though not in `messages`.
    pub reply: Histogram<u64>,
    /// With a rate: the same, or in [`Mode::Connect`](super::Mode::Connect) what `connection` is,
    /// from the time at which the message was due. A message that was never sent or
    /// never answered is in it with the time that it had waited when it was given up.
    pub corrected: Option<Histogram<u64>>,
    /// Of each connect that succeeded, those with which the load was opened in its first window. The
    /// very first is not in it: a lookup of the name and tries before it went with that.
    pub connect: Histogram<u64>,
    /// In [`Mode::Connect`](super::Mode::Connect): from the beginning of a connect to the end of the
    /// close, of each connection that succeeded. What `corrected` is without the wait before it.
    pub connection: Histogram<u64>,
    /// From the time at which a message could be sent to the first byte of its reply.
    pub first_byte: Histogram<u64>,
    /// Of each connection, its messages; in the bulk modes, its bytes both ways.
    pub per_connection: Vec<u64>,
    /// Time that this whole process was on a processor, user and system.
    pub cpu: Duration,
    /// Time that its threads were ready to run and waited for a processor, all of them together;
    /// zero where the kernel does not tell.
    pub cpu_awaited: Duration,
    /// Segments that our kernel sent again.
    pub retransmissions: u64,
    /// With a rate: messages that were due in the window and never sent, because earlier ones had
    /// no reply.
    pub backlog: u64,
    /// The most messages that one connection was behind its schedule at a time.
    pub backlog_max: u64,
    /// In [`Mode::Hold`](super::Mode::Hold): connections whose peer took our message and did not
    /// send it back. They live.
    pub alive: u64,
    /// Connections that are open at the end.
    pub open: u64,
}

impl Measured {
    /// Messages per second.
    pub fn rate(&self) -> f64 {
        per_second(self.messages, self.elapsed)
    }

    /// Bytes per second, both ways.
    pub fn throughput(&self) -> f64 {
        per_second(self.bytes_sent + self.bytes_received, self.elapsed)
    }

    /// Adds a window to this one, as if both had been one.
    pub fn add(&mut self, other: &Self) {
        self.elapsed += other.elapsed;
        self.messages += other.messages;
        self.bytes_sent += other.bytes_sent;
        self.bytes_received += other.bytes_received;
        self.failures.add(&other.failures);
        join(&mut self.reply, &other.reply);
        if let (Some(into), Some(from)) = (&mut self.corrected, &other.corrected) {
            join(into, from);
        }
        join(&mut self.connect, &other.connect);
        join(&mut self.connection, &other.connection);
        join(&mut self.first_byte, &other.first_byte);
        for (into, from) in self.per_connection.iter_mut().zip(&other.per_connection) {
            *into += from;
        }
        self.cpu += other.cpu;
        self.cpu_awaited += other.cpu_awaited;
        self.retransmissions += other.retransmissions;
        self.backlog += other.backlog;
        self.backlog_max = self.backlog_max.max(other.backlog_max);
        self.alive = other.alive;
        self.open = other.open;
    }
}

/// Adds one histogram to another; all of them have the same bounds.
pub(super) fn join(into: &mut Histogram<u64>, from: &Histogram<u64>) {
    for value in from.iter_recorded() {
        into.saturating_record_n(value.value_iterated_to(), value.count_at_value());
    }
}

fn per_second(count: u64, time: Duration) -> f64 {
    let seconds = time.as_secs_f64();
    if seconds > 0.0 {
        count as f64 / seconds
    } else {
        0.0
    }
}
