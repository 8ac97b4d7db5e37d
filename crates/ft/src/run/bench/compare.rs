//! Several servers in turns, A B B A, so that what changes on the machine meanwhile meets all of
//! them alike; and the ratio of each to the first, turn by turn.

use std::time::Duration;

use super::window::Runner;
use super::{Subject, only_timed_out};

/// The longest and the shortest turn of one server, and the fewest turns that it has.
const TURN_LONGEST: Duration = Duration::from_secs(1);
const TURN_SHORTEST: Duration = Duration::from_millis(1);
const TURNS_MIN: u32 = 4;

/// How much one server did, compared with the first.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Ratio {
    /// The median over the turns.
    pub(super) median: f64,
    /// The median distance from it.
    pub(super) spread: f64,
    /// Turns.
    pub(super) turns: usize,
}

/// Measures each of them for so long in all. The ratios are those of the second server and on; a
/// turn that was cut short by a signal is in the sums, not in the ratios. Who only times out has no
/// second turn, for each costs the whole patience.
pub(super) async fn compare(
    subjects: &mut [Subject],
    runner: &mut Runner<'_>,
    (duration, is_bulk): (Duration, bool),
) -> Vec<Ratio> {
    let (turn, turns) = turns(duration);
    let mut rates: Vec<Vec<f64>> = vec![Vec::new(); subjects.len()];
    'turns: for turn_number in 0..turns {
        let mut order: Vec<usize> = (0..subjects.len()).collect();
        if turn_number % 2 == 1 {
            order.reverse();
        }
        let mut of_turn = vec![None; subjects.len()];
        for index in order {
            let Some(subject) = subjects.get_mut(index) else {
                continue;
            };
            if subject.left_alone {
                continue;
            }
            let measured = runner.add_window(subject, turn).await;
            if let (Some(measured), Some(rate)) = (measured, of_turn.get_mut(index)) {
                subject.left_alone = only_timed_out(&measured, is_bulk);
                *rate = Some(if is_bulk {
                    measured.throughput()
                } else {
                    measured.rate()
                });
            }
            if runner.is_interrupted() {
                break 'turns;
            }
        }
        for (all, rate) in rates.iter_mut().zip(of_turn) {
            all.extend(rate);
        }
    }
    let Some((first, others)) = rates.split_first() else {
        return Vec::new();
    };
    others
        .iter()
        .filter_map(|rates| ratio(rates, first))
        .collect()
}

/// How long a turn is, and how many there are.
fn turns(duration: Duration) -> (Duration, u32) {
    let turn = (duration / TURNS_MIN).clamp(TURN_SHORTEST, TURN_LONGEST);
    let turns = (duration.as_secs_f64() / turn.as_secs_f64()).round() as u32;
    (turn, turns.max(TURNS_MIN))
}

fn ratio(rates: &[f64], first: &[f64]) -> Option<Ratio> {
    let pairs = rates.iter().zip(first);
    let mut ratios: Vec<f64> = pairs
        .filter(|(_, first)| **first > 0.0)
        .map(|(rate, first)| rate / first)
        .collect();
    let median_ratio = median(&mut ratios)?;
    let mut distances: Vec<f64> = ratios
        .iter()
        .map(|ratio| (ratio - median_ratio).abs())
        .collect();
    Some(Ratio {
        median: median_ratio,
        spread: median(&mut distances)?,
        turns: ratios.len(),
    })
}

fn median(values: &mut [f64]) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    let upper = values.get(middle).copied()?;
    if values.len() % 2 == 1 {
        return Some(upper);
    }
    let lower = middle.checked_sub(1).and_then(|at| values.get(at))?;
    Some((lower + upper) / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_four_turns_of_a_second_at_most() {
        let of = |seconds| turns(Duration::from_secs_f64(seconds));
        assert_eq!(of(10.0), (TURN_LONGEST, 10));
        assert_eq!(of(0.4), (Duration::from_millis(100), 4));
        assert_eq!(of(1e-9), (TURN_SHORTEST, 4));
    }

    #[test]
    fn a_ratio_is_the_median_of_the_turns() {
        let ratio = ratio(
            &[10.0, 22.0, 30.0, 80.0, 5.0],
            &[10.0, 20.0, 20.0, 20.0, 0.0],
        );
        let ratio = ratio.unwrap();
        assert!((ratio.median - 1.3).abs() < 1e-9, "{ratio:?}");
        assert!((ratio.spread - 0.25).abs() < 1e-9, "{ratio:?}");
        assert_eq!(ratio.turns, 4);
        assert_eq!(super::ratio(&[1.0], &[0.0]), None);
    }
}
