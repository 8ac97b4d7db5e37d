//! One line of the comparison: which work, beside whom, what came out, and whether it is enough.

use std::fmt;
use std::time::Duration;

use crate::contender::Recipe;
use crate::machine;
use crate::pairs::{Measure, Pairs, Slice, Spread};
use crate::trouble::Trouble;

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Messages that came back.
    Message,
    /// Connections made, used and closed, or held.
    Connection,
    /// Bytes that arrived.
    Byte,
    /// Messages that arrived at a member.
    Delivery,
    /// Requests that were answered.
    Request,
    /// Programs that ran to their end.
    Run,
}

impl Unit {
    /// One of them.
    pub fn name(self) -> &'static str {
        match self {
            Self::Message => "message",
            Self::Connection => "connection",
            Self::Byte => "byte",
            Self::Delivery => "delivery",
            Self::Request => "request",
            Self::Run => "run",
        }
    }

    /// So many a second, with digits that mean something.
    pub fn per_second(self, rate: f64) -> String {
        if self == Self::Byte {
            return format!("{:.2} GB/s", rate / 1e9);
        }
        let number = if rate < 1e4 {
            format!("{rate:.0}")
        } else if rate < 1e6 {
            format!("{:.1}k", rate / 1e3)
        } else {
            format!("{:.2}M", rate / 1e6)
        };
        format!(
            "{number} {}s/s",
            self.name().replace("delivery", "deliverie")
        )
    }

    /// Seconds for one of them; of bytes, for a MiB.
    pub fn time(self, seconds: f64) -> String {
        let (seconds, of) = match self {
            Self::Byte => (seconds * f64::from(1 << 20), " per MiB"),
            _ => (seconds, ""),
        };
        if seconds < 1e-3 {
            format!("{:.2} µs{of}", seconds * 1e6)
        } else {
            format!("{:.2} ms{of}", seconds * 1e3)
        }
    }
}

/// What is asked of the ratio.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Target {
    /// At least so much.
    AtLeast(f64),
    /// At most so much.
    AtMost(f64),
    /// At most so many KiB per unit, whatever the other has.
    AtMostKib(f64),
    /// So near to 1, on either side.
    Within(f64),
}

impl Target {
    /// Whether a value is enough.
    pub fn is_reached(self, value: f64) -> bool {
        match self {
            Self::AtLeast(least) => value >= least,
            Self::AtMost(most) | Self::AtMostKib(most) => value <= most,
            Self::Within(most) => (value - 1.0).abs() <= most,
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::AtLeast(least) => write!(f, "≥ {} ×", rounded(least)),
            Self::AtMost(most) => write!(f, "≤ {} ×", rounded(most)),
            Self::AtMostKib(most) => write!(f, "≤ {most} KiB"),
            Self::Within(most) => write!(f, "1 ± {} ×", rounded(most)),
        }
    }
}

/// With two digits, as targets are named.
fn rounded(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

/// Who does the same work beside `ft`, and what is asked of the ratio.
pub type Beside = (Recipe, Option<Target>);

/// The work of a contest.
#[derive(Clone, Debug)]
pub struct Work {
    /// What is done.
    pub name: String,
    /// How `ft` does it.
    pub ft: Recipe,
    /// What is counted.
    pub unit: Unit,
    /// What of it is compared.
    pub measure: Measure,
    /// The port that relays call.
    pub destination: u16,
    /// The core of the server and that of the client; otherwise all share all cores.
    pub apart: Option<[usize; 2]>,
    /// How many threads make the work, where it is not those that are compared.
    pub client_threads: Option<usize>,
    /// What stands on the other side meanwhile.
    pub also: Vec<Recipe>,
}

impl Work {
    /// Work for a server that shares all cores with a client that has a thread on each.
    pub fn new(name: impl Into<String>, (ft, unit): (Recipe, Unit), measure: Measure) -> Self {
        Self {
            name: name.into(),
            ft,
            unit,
            measure,
            destination: 0,
            apart: None,
            client_threads: Some(machine::cores()),
            also: Vec::new(),
        }
    }

    /// Whether the client was busy on all the cores that it can fill, and the server was not on
    /// those that are left: then it is the client that says how much is done.
    pub fn is_client_bound(&self, slices: &[Slice]) -> bool {
        let Some(threads) = self.client_threads else {
            return false;
        };
        let (client, server) = match self.apart {
            Some(_) => (1, 1),
            None => {
                let cores = machine::cores();
                let client = threads.min(cores);
                (client, (cores - client).max(1))
            }
        };
        let full = |time: fn(&Slice) -> Duration, cores: usize| {
            let busy = |slice: &Slice| time(slice).as_secs_f64() / slice.elapsed.as_secs_f64();
            let share = Spread::of(slices.iter().map(busy));
            share.is_some_and(|share| share.median >= FULL * cores as f64)
        };
        full(|slice| slice.client, client) && !full(|slice| slice.server, server)
    }
}

/// A core that is busy for this share of the time has nothing left.
const FULL: f64 = 0.97;

/// One line of the comparison.
#[derive(Debug)]
pub struct Row {
    /// The work.
    pub work: Work,
    /// How the other did it.
    pub other: Recipe,
    /// What is asked for.
    pub target: Option<Target>,
    /// What came out.
    pub pairs: Result<Pairs, Trouble>,
    /// The pairs are those of the row before, held against something else.
    pub is_another_look: bool,
}

impl Row {
    /// The same pairs, held against something else.
    pub fn looked_at(&self, measure: Measure, target: Option<Target>) -> Self {
        let mut work = self.work.clone();
        work.measure = measure;
        Self {
            work,
            other: self.other,
            target,
            pairs: self
                .pairs
                .as_ref()
                .map(Clone::clone)
                .map_err(Trouble::again),
            is_another_look: true,
        }
    }

    /// Which of the two sides were held up by their client.
    pub fn client_bound(&self) -> [bool; 2] {
        let pairs = self.pairs.as_ref();
        pairs.map_or([false; 2], |pairs| {
            pairs
                .sides()
                .map(|slices| self.work.is_client_bound(&slices))
        })
    }

    /// What is held against the target.
    pub fn value(&self) -> Option<Spread> {
        let pairs = self.pairs.as_ref().ok()?;
        match self.target {
            Some(Target::AtMostKib(_)) => {
                let of_ft = pairs.kept.iter().map(|(ft, _)| Measure::Memory.of(ft));
                Spread::of(of_ft.map(|bytes| bytes / 1024.0))
            }
            _ => pairs.ratio(self.work.measure),
        }
    }

    /// What came out, as it is shown: median and spread, or why there is none.
    pub fn shown(&self) -> String {
        let unit = match self.target {
            Some(Target::AtMostKib(_)) => " KiB",
            _ => "",
        };
        match (&self.pairs, self.value()) {
            (Err(trouble), _) => trouble.to_string(),
            (Ok(_), None) => "nothing to compare".to_owned(),
            (Ok(_), Some(Spread { median, low, high })) => {
                format!("{median:.3}{unit} ({low:.3}–{high:.3})")
            }
        }
    }

    /// Whether the target is reached, if there is one.
    pub fn is_reached(&self) -> Option<bool> {
        Some(self.target?.is_reached(self.value()?.median))
    }

    /// The same as a word.
    pub fn verdict(&self) -> &'static str {
        match self.is_reached() {
            Some(true) => "yes",
            Some(false) => "no",
            None if self.pairs.is_err() => "not measured",
            None => "–",
        }
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { work, other, .. } = self;
        let measure = match &self.pairs {
            Ok(_) => work.measure.name(),
            Err(_) => "not measured:",
        };
        let shown = self.shown();
        write!(f, "{}, beside {}: {measure} {shown}", work.name, other.name)?;
        if let (Some(target), Ok(_)) = (self.target, &self.pairs) {
            write!(f, ", {target}: {}", self.verdict())?;
        }
        match &self.pairs {
            Ok(pairs) => write!(
                f,
                "; {} pairs, {} left out, {} disturbed",
                pairs.kept.len(),
                pairs.left_out,
                pairs.disturbed
            ),
            Err(_) => Ok(()),
        }?;
        if self.client_bound().contains(&true) {
            f.write_str("; client-bound")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contender::recipes;
    use crate::pairs::Slice;

    fn row(measure: Measure, target: Option<Target>) -> Row {
        let slice = |units, memory| Slice {
            units,
            memory,
            elapsed: Duration::from_secs(1),
            ..Slice::default()
        };
        let pair = (slice(100.0, 204_800.0), slice(50.0, 512_000.0));
        Row {
            work: Work::new("work", (recipes::FT_ECHO, Unit::Connection), measure),
            other: recipes::TOKIO_ECHO,
            target,
            pairs: Ok(Pairs {
                kept: vec![pair],
                ..Pairs::default()
            }),
            is_another_look: false,
        }
    }

    #[test]
    fn a_row_says_what_came_out_and_whether_it_is_enough() {
        let ratio = row(Measure::Rate, Some(Target::AtLeast(2.0)));
        assert_eq!(
            (ratio.shown().as_str(), ratio.verdict()),
            ("2.000 (2.000–2.000)", "yes")
        );
        let ratio = row(Measure::Memory, Some(Target::AtMost(0.1)));
        assert_eq!(
            (ratio.shown().as_str(), ratio.verdict()),
            ("0.200 (0.200–0.200)", "no")
        );
        let amount = row(Measure::Memory, Some(Target::AtMostKib(2.0)));
        assert_eq!(
            (amount.shown().as_str(), amount.verdict()),
            ("2.000 KiB (2.000–2.000)", "yes")
        );
        assert_eq!(row(Measure::Rate, None).verdict(), "–");
        let line = row(Measure::Rate, Some(Target::AtLeast(2.5))).to_string();
        let expected = "work, beside plain tokio echo: throughput 2.000 (2.000–2.000), ≥ 2.5 ×: no; \
                        1 pairs, 0 left out, 0 disturbed";
        assert_eq!(line, expected);
    }

    #[test]
    fn near_to_1_is_near_on_either_side() {
        let near = Target::Within(0.05);
        assert_eq!(
            [0.94, 0.96, 1.04, 1.06].map(|of| near.is_reached(of)),
            [false, true, true, false]
        );
        assert_eq!(near.to_string(), "1 ± 0.05 ×");
    }

    #[test]
    fn a_row_is_client_bound_where_only_the_client_is_full() {
        let slice = |server, client| Slice {
            units: 1.0,
            elapsed: Duration::from_secs(1),
            server: Duration::from_millis(server),
            client: Duration::from_millis(client),
            ..Slice::default()
        };
        let mut row = row(Measure::Rate, None);
        row.work.apart = Some([0, 1]);
        let mut bound = |ft, other| {
            row.pairs.as_mut().unwrap().kept = vec![(ft, other)];
            (
                row.client_bound(),
                row.to_string().ends_with("client-bound"),
            )
        };
        assert_eq!(
            bound(slice(480, 990), slice(690, 960)),
            ([true, false], true)
        );
        assert_eq!(bound(slice(980, 990), slice(690, 960)), ([false; 2], false));
        row.work.client_threads = None;
        assert_eq!(row.client_bound(), [false; 2]);
    }

    #[test]
    fn another_look_keeps_the_pairs_and_the_trouble() {
        let mut one = row(Measure::Rate, Some(Target::AtLeast(2.0)));
        let other = one.looked_at(Measure::Memory, Some(Target::AtMost(0.1)));
        assert_eq!((other.verdict(), other.is_another_look), ("no", true));
        one.pairs = Err(Trouble::Call {
            what: "start it".to_owned(),
            source: std::io::ErrorKind::NotFound.into(),
        });
        let other = one.looked_at(Measure::Memory, None);
        assert_eq!(other.shown(), one.shown());
    }

    #[test]
    fn amounts_are_shown_with_digits_that_mean_something() {
        assert_eq!(Unit::Message.per_second(1234.5), "1234 messages/s");
        assert_eq!(Unit::Delivery.per_second(2_345_678.0), "2.35M deliveries/s");
        assert_eq!(Unit::Byte.per_second(2.5e9), "2.50 GB/s");
        assert_eq!(Unit::Byte.time(1e-9), "1.05 ms per MiB");
        assert_eq!(Unit::Message.time(2.5e-6), "2.50 µs");
    }
}
