//! Slices of the same work, A B B A, and what their pairs say: only a ratio within one run counts.

use std::time::{Duration, Instant};

use crate::machine;
use crate::process::Running;
use crate::trouble::Trouble;

/// What one contender did in one slice.
#[derive(Clone, Copy, Debug, Default)]
pub struct Slice {
    /// Messages, bytes, connections …, all of them checked.
    pub units: f64,
    /// How long it took.
    pub elapsed: Duration,
    /// The time on a core of the contender.
    pub server: Duration,
    /// The time on a core of who made the work.
    pub client: Duration,
    /// Bytes that the contender has in user space.
    pub memory: f64,
    /// How much of the machine's time went to other machines, from 0 to 1.
    pub stolen: f64,
}

/// Measures one slice around its work.
#[derive(Debug)]
pub struct Meter {
    started: Instant,
    server: Duration,
    client: Duration,
    times: machine::Times,
}

impl Meter {
    /// Before the work.
    pub fn start(server: &Running) -> Self {
        Self {
            server: server.cpu(),
            client: machine::own_cpu(),
            times: machine::Times::now(),
            started: Instant::now(),
        }
    }

    /// After the work.
    pub fn stop(self, server: &Running, units: f64) -> Slice {
        let elapsed = self.started.elapsed();
        let client = machine::own_cpu();
        Slice {
            units,
            elapsed,
            server: server.cpu().saturating_sub(self.server),
            client: client.saturating_sub(self.client),
            memory: server.memory() as f64,
            stolen: self.times.stolen_since(),
        }
    }
}

/// What of a slice is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// Units per second.
    Rate,
    /// Time on a core of the server per unit.
    ServerCpu,
    /// Units per second that the client is on a core.
    RatePerClientCpu,
    /// Bytes that the contender has in user space, per unit.
    Memory,
    /// Time per unit.
    Time,
}

impl Measure {
    /// This of one slice.
    pub fn of(self, slice: &Slice) -> f64 {
        match self {
            Self::Rate => slice.units / slice.elapsed.as_secs_f64(),
            Self::ServerCpu => slice.server.as_secs_f64() / slice.units,
            Self::RatePerClientCpu => slice.units / slice.client.as_secs_f64(),
            Self::Memory => slice.memory / slice.units,
            Self::Time => slice.elapsed.as_secs_f64() / slice.units,
        }
    }

    /// What it is called.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rate => "throughput",
            Self::ServerCpu => "server CPU per unit",
            Self::RatePerClientCpu => "throughput per client CPU",
            Self::Memory => "memory per unit",
            Self::Time => "wall time",
        }
    }
}

/// A median and the interval that the middle values span: the lowest and the highest quarter are
/// left out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    /// The middle value.
    pub median: f64,
    /// The lowest of the middle values.
    pub low: f64,
    /// The highest of the middle values.
    pub high: f64,
}

impl Spread {
    /// Of some values; of none, nothing.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        let count = values.len();
        let last = count.checked_sub(1)?;
        let outside = count / 4;
        Some(Self {
            median: f64::midpoint(values[last / 2], values[count / 2]),
            low: values[outside],
            high: values[last - outside],
        })
    }
}

/// How long, and how often.
#[derive(Clone, Copy, Debug)]
pub struct Form {
    /// How many pairs are kept.
    pub pairs: usize,
    /// How long a slice is.
    pub slice: Duration,
    /// How long both do the work before it counts.
    pub warm_up: Duration,
    /// How large the file is that is sent.
    pub file: u64,
    /// How many connections are held idle.
    pub idle: usize,
    /// Whether this is the short form.
    pub is_quick: bool,
}

impl Form {
    /// What a result is taken from.
    pub const FULL: Self = Self {
        pairs: 9,
        slice: Duration::from_secs(1),
        warm_up: Duration::from_secs(1),
        file: 2 << 30,
        idle: 15_000,
        is_quick: false,
    };

    /// What shows in minutes where things stand.
    pub const QUICK: Self = Self {
        pairs: 3,
        slice: Duration::from_millis(400),
        warm_up: Duration::from_millis(200),
        file: 256 << 20,
        idle: 15_000,
        is_quick: true,
    };
}

/// One side of a comparison: does its work for so long.
pub type Side<'a> = Box<dyn FnMut(Duration) -> Result<Slice, Trouble> + 'a>;

/// The pairs of one comparison.
#[derive(Clone, Debug, Default)]
pub struct Pairs {
    /// `ft` and the other, slice beside slice.
    pub kept: Vec<(Slice, Slice)>,
    /// How many pairs were left out because the machine was somebody else's meanwhile.
    pub left_out: usize,
    /// How many of those that were kept should have been left out, too.
    pub disturbed: usize,
    /// Who made which calls, in a slice of their own.
    pub calls: Vec<(String, Calls)>,
}

/// The system calls of a contender for one unit of work.
#[derive(Clone, Debug)]
pub enum Calls {
    /// They could not be counted, and why.
    Unknown(String),
    /// How often each was made, the most frequent first.
    PerUnit(Vec<(String, f64)>),
}

/// From here on a slice is not the machine's own.
const STOLEN_MAX: f64 = 0.01;

/// Alternates slices, A B B A, until enough pairs are undisturbed. On a machine where hardly any is,
/// the last ones are kept as they are, and counted.
///
/// # Errors
///
/// Those of either side.
pub fn alternate(form: &Form, ft: &mut Side<'_>, other: &mut Side<'_>) -> Result<Pairs, Trouble> {
    ft(form.warm_up)?;
    other(form.warm_up)?;
    let mut pairs = Pairs::default();
    while pairs.kept.len() < form.pairs {
        let turn = pairs.kept.len() + pairs.left_out;
        let pair = if turn.is_multiple_of(2) {
            let first = ft(form.slice)?;
            (first, other(form.slice)?)
        } else {
            let first = other(form.slice)?;
            (ft(form.slice)?, first)
        };
        let disturbed = pair.0.stolen.max(pair.1.stolen) > STOLEN_MAX;
        if disturbed && pairs.left_out < 2 * form.pairs {
            pairs.left_out += 1;
        } else {
            pairs.disturbed += usize::from(disturbed);
            pairs.kept.push(pair);
        }
    }
    Ok(pairs)
}

impl Pairs {
    /// The ratios of `ft` to the other.
    pub fn ratio(&self, measure: Measure) -> Option<Spread> {
        let ratio = |(ft, other): &(Slice, Slice)| measure.of(ft) / measure.of(other);
        Spread::of(
            self.kept
                .iter()
                .map(ratio)
                .filter(|ratio| ratio.is_finite()),
        )
    }

    /// The slices of `ft`, and those of the other.
    pub fn sides(&self) -> [Vec<Slice>; 2] {
        let (ft, other) = self.kept.iter().copied().unzip();
        [ft, other]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spread_leaves_out_the_outer_quarters() {
        assert_eq!(Spread::of([]), None);
        let of = |values: &[f64]| Spread::of(values.iter().copied()).unwrap();
        let one = of(&[2.0]);
        assert_eq!((one.low, one.median, one.high), (2.0, 2.0, 2.0));
        let three = of(&[3.0, 1.0, 2.0]);
        assert_eq!((three.low, three.median, three.high), (1.0, 2.0, 3.0));
        let nine = of(&[9.0, 8.0, 7.0, 6.0, 5.0, 4.0, 3.0, 2.0, 1.0]);
        assert_eq!((nine.low, nine.median, nine.high), (3.0, 5.0, 7.0));
        assert_eq!(of(&[1.0, 2.0, 3.0, 4.0]).median, 2.5);
    }

    fn slice(units: f64, stolen: f64) -> Slice {
        Slice {
            units,
            elapsed: Duration::from_secs(1),
            server: Duration::from_millis(500),
            client: Duration::from_millis(250),
            stolen,
            ..Slice::default()
        }
    }

    #[test]
    fn slices_alternate_and_disturbed_pairs_are_left_out() {
        let form = Form {
            pairs: 3,
            ..Form::QUICK
        };
        let order = std::cell::RefCell::new(String::new());
        let mut turn = 0;
        let mut ft: Side<'_> = Box::new(|_| {
            order.borrow_mut().push('a');
            turn += 1;
            // The second slice behind the one that warms up.
            Ok(slice(20.0, if turn == 3 { 0.5 } else { 0.0 }))
        });
        let mut other: Side<'_> = Box::new(|_| {
            order.borrow_mut().push('b');
            Ok(slice(10.0, 0.0))
        });
        let pairs = alternate(&form, &mut ft, &mut other).unwrap();
        drop((ft, other));
        assert_eq!(order.into_inner(), "ab".to_owned() + "abbaabba");
        assert_eq!((pairs.kept.len(), pairs.left_out), (3, 1));
        assert_eq!(pairs.disturbed, 0);
        assert_eq!(pairs.ratio(Measure::Rate).unwrap().median, 2.0);
        assert_eq!(pairs.ratio(Measure::ServerCpu).unwrap().median, 0.5);
        assert_eq!(pairs.ratio(Measure::RatePerClientCpu).unwrap().median, 2.0);
    }

    #[test]
    fn on_a_machine_that_is_never_its_own_there_is_a_result_all_the_same() {
        let mut ft: Side<'_> = Box::new(|_| Ok(slice(20.0, 0.9)));
        let mut other: Side<'_> = Box::new(|_| Ok(slice(10.0, 0.9)));
        let pairs = alternate(&Form::QUICK, &mut ft, &mut other).unwrap();
        assert_eq!((pairs.kept.len(), pairs.left_out), (3, 6));
        assert_eq!(pairs.disturbed, 3);
    }
}
