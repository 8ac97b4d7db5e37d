//! How far a window is: a line on the terminal with the rates of the last seconds, and a record
//! for every second on stdout.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use fivetuple::load::{LoadCounters, Measured};
use serde::Serialize;

use super::table::{decimal, rate_of_bytes};
use crate::plan::{Bench, Format};
use crate::report::Reports;

/// Rates that are drawn.
const RATES_MAX: usize = 32;
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// How long one record is.
const RECORD: Duration = Duration::from_secs(1);

/// The line on the terminal.
pub(super) struct Drawn {
    is_bulk: bool,
    begin: Instant,
    duration: Duration,
    last: (Instant, u64),
    rates: VecDeque<f64>,
}

impl Drawn {
    pub(super) fn new(plan: &Bench) -> Self {
        let now = Instant::now();
        Self {
            is_bulk: plan.options.mode.is_bulk(),
            begin: now,
            duration: plan.duration,
            last: (now, 0),
            rates: VecDeque::with_capacity(RATES_MAX),
        }
    }

    pub(super) fn begin(&mut self, live: &LoadCounters, duration: Duration) {
        self.begin = Instant::now();
        self.duration = duration;
        self.last = (self.begin, self.count(live));
    }

    fn count(&self, live: &LoadCounters) -> u64 {
        if self.is_bulk {
            live.bytes_sent() + live.bytes_received()
        } else {
            live.messages()
        }
    }

    /// `4.2 of 10.0 s ▁▅▇█▇ 83412 messages/s, 64 open, 0 failures`.
    pub(super) fn line(&mut self, live: &LoadCounters) -> String {
        let (now, count) = (Instant::now(), self.count(live));
        let (before, counted) = std::mem::replace(&mut self.last, (now, count));
        let time = now.duration_since(before).as_secs_f64();
        if time > 0.0 {
            if self.rates.len() == RATES_MAX {
                self.rates.pop_front();
            }
            self.rates
                .push_back(count.saturating_sub(counted) as f64 / time);
        }
        let rate = self.rates.back().copied().unwrap_or(0.0);
        let rate = if self.is_bulk {
            rate_of_bytes(rate)
        } else {
            format!("{} messages/s", decimal(rate))
        };
        let elapsed = self.begin.elapsed().min(self.duration).as_secs_f64();
        format!(
            "{elapsed:.1} of {:.1} s {} {rate}, {} open, {} failures",
            self.duration.as_secs_f64(),
            spark(self.rates.iter().copied()),
            live.open(),
            live.failures(),
        )
    }
}

/// Each value as a bar, the highest as high as a line.
fn spark(values: impl Iterator<Item = f64> + Clone) -> String {
    let highest = values.clone().fold(0.0, f64::max);
    let bar = |value: f64| {
        let share = if highest > 0.0 { value / highest } else { 0.0 };
        let step = (share * (BARS.len() - 1) as f64).round() as usize;
        BARS.get(step).copied().unwrap_or(' ')
    };
    values.map(bar).collect()
}

/// Counters at one moment.
#[derive(Clone, Copy, Default)]
struct Counted {
    messages: u64,
    bytes_sent: u64,
    bytes_received: u64,
    failures: u64,
}

impl Counted {
    fn of(live: &LoadCounters) -> Self {
        Self {
            messages: live.messages(),
            bytes_sent: live.bytes_sent(),
            bytes_received: live.bytes_received(),
            failures: live.failures(),
        }
    }
}

/// What happened in one piece of time, over all connections.
#[derive(Serialize)]
struct Record<'a> {
    v: u8,
    address: &'a str,
    /// Seconds since the beginning of the run, at the end of the record.
    at: f64,
    /// How long it is.
    seconds: f64,
    messages: u64,
    bytes_sent: u64,
    bytes_received: u64,
    failures: u64,
    open: u64,
}

/// The records of a run.
pub(super) struct Series {
    format: Format,
    begin: Instant,
    address: String,
    /// The end of the record before, and the beginning of the window.
    last: (Instant, Counted),
    window: (Instant, Counted),
    open: u64,
}

impl Series {
    /// Writes the names of the columns.
    pub(super) fn begin(format: Format, reports: &Reports) -> Self {
        if format == Format::Csv {
            reports.product(b"address,at,seconds,messages,bytes_sent,bytes_received,failures,open");
        }
        let nothing = (Instant::now(), Counted::default());
        Self {
            format,
            begin: nothing.0,
            address: String::new(),
            last: nothing,
            window: nothing,
            open: 0,
        }
    }

    pub(super) fn begin_window(&mut self, address: &str, live: &LoadCounters) {
        address.clone_into(&mut self.address);
        self.last = (Instant::now(), Counted::of(live));
        self.window = self.last;
    }

    /// Writes a record when a second is over.
    pub(super) fn look(&mut self, live: &LoadCounters, reports: &Reports) {
        self.open = live.open();
        if self.last.0.elapsed() >= RECORD {
            self.write((Instant::now(), Counted::of(live)), reports);
        }
    }

    /// Writes the last record of a window, from which nothing is missing that was measured.
    pub(super) fn end_window(&mut self, measured: &Measured, reports: &Reports) {
        let (begin, before) = self.window;
        self.open = measured.open;
        let after = Counted {
            messages: before.messages + measured.messages,
            bytes_sent: before.bytes_sent + measured.bytes_sent,
            bytes_received: before.bytes_received + measured.bytes_received,
            failures: before.failures + measured.failures.total(),
        };
        let end = (begin + measured.elapsed).max(self.last.0);
        self.write((end, after), reports);
    }

    fn write(&mut self, (now, counted): (Instant, Counted), reports: &Reports) {
        let (before, last) = std::mem::replace(&mut self.last, (now, counted));
        let millis = |time: Duration| (time.as_secs_f64() * 1000.0).round() / 1000.0;
        let record = Record {
            v: 1,
            address: &self.address,
            at: millis(now.duration_since(self.begin)),
            seconds: millis(now.duration_since(before)),
            messages: counted.messages.saturating_sub(last.messages),
            bytes_sent: counted.bytes_sent.saturating_sub(last.bytes_sent),
            bytes_received: counted.bytes_received.saturating_sub(last.bytes_received),
            failures: counted.failures.saturating_sub(last.failures),
            open: self.open,
        };
        match self.format {
            Format::Json => {
                let line = serde_json::to_string(&record).unwrap_or_default();
                reports.product(line.as_bytes());
            }
            Format::Csv => reports.product(record.csv().as_bytes()),
        }
    }
}

impl Record<'_> {
    fn csv(&self) -> String {
        let address = if self.address.contains([',', '"', '\n']) {
            format!("\"{}\"", self.address.replace('"', "\"\""))
        } else {
            self.address.to_owned()
        };
        format!(
            "{address},{:.3},{:.3},{},{},{},{},{}",
            self.at,
            self.seconds,
            self.messages,
            self.bytes_sent,
            self.bytes_received,
            self.failures,
            self.open
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_rate_is_a_whole_bar() {
        assert_eq!(spark([0.0, 50.0, 100.0].into_iter()), "▁▅█");
        assert_eq!(spark([0.0, 0.0].into_iter()), "▁▁");
        assert_eq!(spark(std::iter::empty()), "");
    }
}
