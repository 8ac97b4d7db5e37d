//! How far a run is: bytes, rate and the time that is left, as a bar on a terminal and as a line
//! when USR1 asks for it.
//!
//! The counters of the connections are looked at ten times a second, from here; the data path does
//! nothing for it. What is drawn goes through the queue of stderr, whose thread keeps it below the
//! lines of the log, so a terminal that is stopped holds up nobody.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use fivetuple::{Live, Table};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle, TermLike};
use tokio::time::{MissedTickBehavior, interval};

use super::counters::Counters;
use crate::report::Reports;

/// Between two looks at the counters.
const LOOK_EVERY: Duration = Duration::from_millis(100);

const KNOWN: &str = "{decimal_bytes} of {decimal_total_bytes} [{wide_bar}] {percent} %, {msg}";
const UNKNOWN: &str = "{decimal_bytes}, {elapsed}, {msg}";

/// What is looked at.
#[derive(Clone)]
pub(super) enum Progress {
    /// Every client of a server gets so many bytes.
    Sending(Arc<Table>, Arc<Counters>, u64),
    /// Every client of a server sends as many as it wants.
    Receiving(Arc<Table>, Arc<Counters>),
    /// One connection, and what there is to send if that is known.
    Connection(Arc<Live>, Option<u64>),
}

/// The counters at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Sample {
    /// By the connections that live now.
    moved: u64,
    /// Of those, all that there is to move.
    total: Option<u64>,
    /// By those that have ended.
    ended: u64,
    /// Since the first of those that live now began.
    elapsed: Duration,
    note: String,
}

impl Progress {
    /// `None` while there is no connection.
    fn sample(&self) -> Option<Sample> {
        let (table, counters, size) = match self {
            Self::Connection(live, size) => return Some(of_one(live, *size)),
            Self::Sending(table, counters, size) => (table, counters, Some(*size)),
            Self::Receiving(table, counters) => (table, counters, None),
        };
        let living = table.all();
        let since = living.iter().map(|live| live.identity.since).min()?;
        let (sent, received) = counters.ended();
        let moved = |live: &Arc<Live>| match size {
            Some(_) => live.bytes_sent(),
            None => live.bytes_received(),
        };
        let connections = living.len() as u64;
        Some(Sample {
            moved: living.iter().map(moved).sum(),
            total: size.map(|size| size.saturating_mul(connections)),
            ended: if size.is_some() { sent } else { received },
            elapsed: since.elapsed(),
            note: match connections {
                1 => String::new(),
                more => format!(", {more} connections"),
            },
        })
    }

    /// One line: how far the living connections are. `None` while there is none.
    pub(super) fn line(&self) -> Option<String> {
        let sample = self.sample()?;
        Some(line(sample.moved, sample.total, sample.elapsed) + &sample.note)
    }

    /// Draws until it is aborted.
    pub(super) async fn draw(self, reports: Reports) {
        let mut looks = interval(LOOK_EVERY);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut drawn: Option<Drawn> = None;
        loop {
            looks.tick().await;
            match self.sample() {
                Some(sample) => drawn
                    .get_or_insert_with(|| Drawn::new(&reports, &sample))
                    .show(&sample),
                None => {
                    if drawn.take().is_some() {
                        reports.status("");
                    }
                }
            }
        }
    }
}

fn of_one(live: &Live, size: Option<u64>) -> Sample {
    let (sent, received) = (live.bytes_sent(), live.bytes_received());
    let (moved, note) = match (size, sent, received) {
        (_, _, 0) => (sent, String::new()),
        (None, 0, _) => (received, String::new()),
        // The file has gone, or never was the matter.
        (Some(size), _, _) if sent < size => (sent, format!(", received {received} B")),
        (_, _, _) => (sent + received, format!(", sent {sent} B")),
    };
    Sample {
        moved,
        total: size.filter(|size| sent < *size || received == 0),
        ended: 0,
        elapsed: live.identity.since.elapsed(),
        note,
    }
}

/// `12582912 of 33554432 B (37 %), 4.50 MB/s, 5 s left`.
fn line(moved: u64, total: Option<u64>, elapsed: Duration) -> String {
    let pace = pace(moved, total, elapsed);
    let Some(total) = total else {
        return format!("{moved} B, {pace}");
    };
    let percent = (u128::from(moved) * 100).checked_div(u128::from(total));
    let percent = percent.unwrap_or(100);
    format!("{moved} of {total} B ({percent} %), {pace}")
}

/// `4.50 MB/s, 5 s left`: the average since the beginning, and what follows from it. The bar shows
/// the same, for it first sees the counters when much may have been moved.
fn pace(moved: u64, total: Option<u64>, elapsed: Duration) -> String {
    let per_second = u128::from(moved) * 1000 / elapsed.as_millis().max(1);
    let rate = format!(
        "{}.{:02} MB/s",
        per_second / 1_000_000,
        per_second % 1_000_000 / 10_000
    );
    let Some(total) = total else {
        return rate;
    };
    let left = u128::from(total.saturating_sub(moved)).checked_div(per_second);
    let left = left.map_or_else(
        || "time left unknown".to_owned(),
        |left| format!("{left} s left"),
    );
    format!("{rate}, {left}")
}

/// A bar on the terminal, from the first connection to the moment when there is none.
struct Drawn {
    bar: ProgressBar,
    known: bool,
    /// What had been moved before.
    before: u64,
}

impl Drawn {
    fn new(reports: &Reports, sample: &Sample) -> Self {
        let canvas = Canvas {
            reports: reports.clone(),
            frame: Mutex::default(),
        };
        Self::on(ProgressDrawTarget::term_like(Box::new(canvas)), sample)
    }

    fn on(target: ProgressDrawTarget, sample: &Sample) -> Self {
        let drawn = Self {
            bar: ProgressBar::with_draw_target(sample.total, target).with_elapsed(sample.elapsed),
            known: sample.total.is_some(),
            before: sample.ended,
        };
        drawn.set_style();
        drawn
    }

    fn set_style(&self) {
        let template = if self.known { KNOWN } else { UNKNOWN };
        if let Ok(style) = ProgressStyle::with_template(template) {
            self.bar.set_style(style.progress_chars("=> "));
        }
    }

    fn show(&mut self, sample: &Sample) {
        let known = sample.total.is_some();
        if known != self.known {
            self.known = known;
            self.set_style();
        }
        let ended = sample.ended.saturating_sub(self.before);
        self.bar.set_position(ended.saturating_add(sample.moved));
        match sample.total {
            Some(total) => self.bar.set_length(ended.saturating_add(total)),
            None => self.bar.unset_length(),
        }
        let pace = pace(sample.moved, sample.total, sample.elapsed);
        self.bar.set_message(pace + &sample.note);
        self.bar.tick();
    }
}

/// Columns of the terminal on stderr that a line may have.
pub(super) fn columns() -> u16 {
    let size = rustix::termios::tcgetwinsize(io::stderr());
    let columns = size.map_or(0, |size| size.ws_col);
    // The last column stays free: what stands there makes some terminals wrap.
    if columns > 1 { columns - 1 } else { 79 }
}

/// Takes what indicatif draws, and hands it over a frame at a time.
#[derive(Debug)]
struct Canvas {
    reports: Reports,
    frame: Mutex<String>,
}

impl Canvas {
    fn frame(&self) -> std::sync::MutexGuard<'_, String> {
        self.frame.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl TermLike for Canvas {
    fn width(&self) -> u16 {
        columns()
    }

    fn move_cursor_up(&self, _lines: usize) -> io::Result<()> {
        Ok(())
    }

    fn move_cursor_down(&self, _lines: usize) -> io::Result<()> {
        Ok(())
    }

    fn move_cursor_right(&self, _columns: usize) -> io::Result<()> {
        Ok(())
    }

    fn move_cursor_left(&self, _columns: usize) -> io::Result<()> {
        Ok(())
    }

    fn write_line(&self, text: &str) -> io::Result<()> {
        self.write_str(text)
    }

    fn write_str(&self, text: &str) -> io::Result<()> {
        self.frame().push_str(text);
        Ok(())
    }

    fn clear_line(&self) -> io::Result<()> {
        self.frame().clear();
        Ok(())
    }

    fn flush(&self) -> io::Result<()> {
        let width = usize::from(self.width());
        let mut frame = self.frame();
        // One line, also on a narrow terminal: a wrapped one could not be taken away.
        let line: String = frame.trim_end().chars().take(width).collect();
        self.reports.status(&line);
        frame.clear();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_bytes_rate_and_the_time_left() {
        let seconds = Duration::from_secs;
        assert_eq!(
            line(12_000_000, Some(36_000_000), seconds(3)),
            "12000000 of 36000000 B (33 %), 4.00 MB/s, 6 s left"
        );
        assert_eq!(
            line(0, Some(5), seconds(1)),
            "0 of 5 B (0 %), 0.00 MB/s, time left unknown"
        );
        assert_eq!(
            line(0, Some(0), seconds(1)),
            "0 of 0 B (100 %), 0.00 MB/s, time left unknown"
        );
        assert_eq!(line(50_000, None, seconds(0)), "50000 B, 50.00 MB/s");
    }

    #[test]
    fn the_first_frame_has_the_rate_since_the_beginning() {
        let target = ProgressDrawTarget::hidden();
        let sample = Sample {
            moved: 4_000_000,
            total: Some(6_000_000),
            ended: 0,
            elapsed: Duration::from_secs(2),
            note: ", 2 connections".to_owned(),
        };
        let mut drawn = Drawn::on(target, &sample);
        drawn.show(&sample);
        assert_eq!(drawn.bar.position(), 4_000_000);
        assert_eq!(drawn.bar.message(), "2.00 MB/s, 1 s left, 2 connections");
    }
}
