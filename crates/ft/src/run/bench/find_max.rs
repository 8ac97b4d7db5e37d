//! The highest rate at which a latency keeps its bound: doubled until it does not hold, then
//! halved between the last that held and the first that did not.

use std::time::Duration;

use fivetuple::load::Measured;

use super::window::Runner;
use super::{Subject, only_timed_out};
use crate::plan::{Bench, Bound};

/// Messages per second to begin with, and the fewest that are tried.
const FIRST: f64 = 1000.0;
const LOWEST: f64 = 10.0;
/// The most.
const HIGHEST: f64 = 1e9;
/// When what held and what did not are so near, the search is over.
const NEAR: f64 = 1.05;
/// Messages that may be missing at the end of a window, as a share of those that were due.
const MISSING: f64 = 0.05;

/// What one rate gave.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Trial {
    pub(super) rate: f64,
    /// Messages per second that were verified.
    pub(super) reached: f64,
    /// The latency that has a bound, in nanoseconds.
    pub(super) latency: u64,
    pub(super) failures: u64,
    /// Nearly everything that was due was answered in time.
    pub(super) keeps_up: bool,
    pub(super) holds: bool,
}

/// What the search has found.
pub(super) struct Found {
    pub(super) bound: Bound,
    pub(super) trials: Vec<Trial>,
    /// The highest rate that holds.
    pub(super) best: Option<Trial>,
}

/// Searches; what was measured at the best rate is then that of the subject. `None` when nothing
/// could be tried.
pub(super) async fn find_max(
    subject: &mut Subject,
    runner: &mut Runner<'_>,
    (plan, bound): (&Bench, Bound),
) -> Option<Found> {
    let mut search = Search {
        trials: Vec::new(),
        bound,
        duration: plan.duration,
        slack: f64::from(plan.options.connections) * f64::from(plan.options.pipeline),
    };
    let mut best: Option<(Trial, Measured)> = None;
    let (mut rate, mut too_much) = (FIRST, None::<f64>);
    while let Some((trial, measured)) = search.trial(subject, runner, rate).await {
        if trial.holds {
            best = Some((trial, measured));
        } else {
            too_much = Some(rate);
            subject.left_alone = best.is_none() && only_timed_out(&measured, false);
            subject.measured.get_or_insert(measured);
        }
        if subject.left_alone {
            break;
        }
        let held = best.as_ref().map(|(trial, _)| trial.rate);
        rate = match next(held, too_much) {
            Some(rate) => rate,
            None => break,
        };
    }
    let best = best.map(|(trial, measured)| {
        subject.measured = Some(measured);
        trial
    });
    (!search.trials.is_empty()).then_some(Found {
        bound,
        trials: search.trials,
        best,
    })
}

/// The rate to try next, between what held and what did not.
fn next(held: Option<f64>, too_much: Option<f64>) -> Option<f64> {
    match (held, too_much) {
        (None, None) => Some(FIRST),
        (Some(held), None) => Some(held * 2.0).filter(|rate| *rate <= HIGHEST),
        (None, Some(too_much)) if too_much <= LOWEST => None,
        (None, Some(too_much)) => Some((too_much / 4.0).max(LOWEST)),
        (Some(held), Some(too_much)) => {
            let middle = (held * too_much).sqrt();
            (too_much / held > NEAR).then_some(middle)
        }
    }
}

struct Search {
    trials: Vec<Trial>,
    bound: Bound,
    duration: Duration,
    /// Messages that may be out when a window ends.
    slack: f64,
}

impl Search {
    /// Tries a rate; one that does not hold has a second chance, for the machine has other work.
    async fn trial(
        &mut self,
        subject: &mut Subject,
        runner: &mut Runner<'_>,
        rate: f64,
    ) -> Option<(Trial, Measured)> {
        let mut tried = None;
        for _ in 0..2 {
            if runner.is_interrupted() {
                break;
            }
            subject.load.as_mut()?.set_rate(Some(rate));
            let measured = runner.window(subject, self.duration).await?;
            if runner.is_interrupted() {
                // It was cut short: it says nothing about the rate.
                break;
            }
            let trial = self.judge(rate, &measured);
            let holds = trial.holds;
            let has_another = !holds && !only_timed_out(&measured, false);
            tried = Some((trial, measured));
            if !has_another {
                break;
            }
        }
        let (trial, _) = tried.as_ref()?;
        self.trials.push(trial.clone());
        tried
    }

    fn judge(&self, rate: f64, measured: &Measured) -> Trial {
        let times = measured.corrected.as_ref().unwrap_or(&measured.reply);
        let latency = times.value_at_quantile(self.bound.quantile);
        let due = rate * measured.elapsed.as_secs_f64();
        let missing = due - measured.messages as f64;
        let keeps_up = missing <= (due * MISSING).max(self.slack.min(due / 2.0));
        let failures = measured.failures.total();
        let below = Duration::from_nanos(latency) < self.bound.below;
        Trial {
            rate,
            reached: measured.rate(),
            latency,
            failures,
            keeps_up,
            holds: below && keeps_up && failures == 0 && measured.messages > 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The search against a server that holds up to a rate.
    fn found(limit: f64) -> (Option<f64>, usize) {
        let (mut held, mut too_much, mut tried) = (None, None, 0);
        while let Some(rate) = next(held, too_much) {
            tried += 1;
            if rate <= limit {
                held = Some(rate);
            } else {
                too_much = Some(rate);
            }
        }
        (held, tried)
    }

    #[test]
    fn the_search_comes_near_from_below_in_few_steps() {
        for limit in [11.0, 999.0, 1000.0, 54_321.0, 3e6] {
            let (held, tried) = found(limit);
            let held = held.unwrap();
            assert!(held <= limit && held * NEAR >= limit, "{limit}: {held}");
            assert!(tried <= 24, "{limit}: {tried}");
        }
        assert_eq!(found(1.0).0, None);
        assert!(found(f64::INFINITY).0.unwrap() > HIGHEST / 2.0);
    }
}
