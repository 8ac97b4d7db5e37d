//! Runs one window after the other: draws how far it is, hears signals, writes the records.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use fivetuple::load::{Load, Measured};
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::Subject;
use super::progress::{Drawn, Series};
use crate::plan::{Bench, Output};
use crate::report::Reports;
use crate::run::progress::columns;
use crate::run::signals::Signals;

/// Between two looks at the counters.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// What windows are run with.
pub(super) struct Runner<'a> {
    reports: &'a Reports,
    /// How long a reply may take.
    patience: Duration,
    signals: Signals,
    /// The status of the signal that came.
    interrupted: Option<u8>,
    /// There is no window more: a signal came, or the reader of the records has gone.
    ends: bool,
    abandoned: bool,
    drawn: Option<Drawn>,
    series: Option<Series>,
}

impl<'a> Runner<'a> {
    pub(super) fn new(plan: &Bench, reports: &'a Reports) -> Self {
        Self {
            reports,
            patience: plan.options.reply_timeout,
            signals: Signals::new(),
            interrupted: None,
            ends: false,
            abandoned: false,
            drawn: plan.progress.then(|| Drawn::new(plan)),
            series: match plan.output {
                Output::Series(format) => Some(Series::begin(format, reports)),
                Output::Table | Output::Json => None,
            },
        }
    }

    /// The status that a signal asks for, if one came.
    pub(super) fn interrupted(&self) -> Option<u8> {
        self.interrupted
    }

    pub(super) fn is_interrupted(&self) -> bool {
        self.ends
    }

    /// A second signal came: nothing is waited for.
    pub(super) fn is_abandoned(&self) -> bool {
        self.abandoned
    }

    /// Waits for this, or for a signal: then it is `None`.
    pub(super) async fn wait<T>(&mut self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            done = work => Some(done),
            status = self.signals.end() => {
                self.interrupted = Some(status);
                self.ends = true;
                None
            }
        }
    }

    /// Opens the connections that are still to be opened; a signal gives those up that are out.
    pub(super) async fn open_others(&mut self, load: &mut Load) {
        let control = load.control();
        let mut opening = pin!(load.open_others());
        if self.wait(opening.as_mut()).await.is_none() {
            control.stop();
            opening.await;
        }
    }

    /// Closes the connections; a signal ends the wait.
    pub(super) async fn close(&mut self, load: Load) {
        let _ = self.wait(load.close()).await;
    }

    /// One window that has no records.
    pub(super) async fn unrecorded_window(
        &mut self,
        subject: &mut Subject,
        duration: Duration,
    ) -> Option<Measured> {
        let series = self.series.take();
        let measured = self.window(subject, duration).await;
        self.series = series;
        measured
    }

    /// One window, added to what was measured before.
    pub(super) async fn add_window(
        &mut self,
        subject: &mut Subject,
        duration: Duration,
    ) -> Option<Measured> {
        let measured = self.window(subject, duration).await?;
        match &mut subject.measured {
            Some(before) => before.add(&measured),
            None => subject.measured = Some(measured.clone()),
        }
        Some(measured)
    }

    /// One window. A signal makes it shorter; a second one ends it without a result.
    pub(super) async fn window(
        &mut self,
        subject: &mut Subject,
        duration: Duration,
    ) -> Option<Measured> {
        let load = subject.load.as_mut()?;
        let control = load.control();
        let live = Arc::clone(load.live());
        if let Some(drawn) = &mut self.drawn {
            drawn.begin(&live, duration);
        }
        if let Some(series) = &mut self.series {
            series.begin_window(&subject.typed, &live);
        }
        let end = Instant::now() + duration;
        let mut notice = None;
        let mut running = pin!(load.run(duration));
        let mut looks = interval(LOOK_EVERY);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let measured = loop {
            tokio::select! {
                measured = &mut running => break measured,
                status = self.signals.end() => {
                    self.ends = true;
                    if self.interrupted.replace(status).is_some() {
                        self.abandoned = true;
                        return None;
                    }
                    control.stop();
                    notice = Some(format!("waiting up to {:?} for replies; again to leave", self.patience));
                    // What is over by the next look is not worth a word.
                    looks.reset();
                }
                _ = looks.tick() => {
                    if let Some(text) = notice.take() {
                        self.reports.say(&text);
                    }
                    if self.series.is_some() && self.reports.has_lost_its_reader() {
                        self.ends = true;
                        control.stop();
                    }
                    if let Some(drawn) = &mut self.drawn {
                        let width = usize::from(columns());
                        let line: String = drawn.line(&live).chars().take(width).collect();
                        self.reports.status(&line);
                    }
                    // The last record is written when the window is over.
                    if let Some(series) = &mut self.series && !self.ends && Instant::now() < end {
                        series.look(&live, self.reports);
                    }
                }
            }
        };
        if let Some(series) = &mut self.series {
            series.end_window(&measured, self.reports);
        }
        Some(measured)
    }
}
