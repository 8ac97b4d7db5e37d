//! One line of the comparison: which work, beside whom, what came out, and whether it is enough.

use std::fmt;

use crate::contender::Recipe;
use crate::pairs::{Measure, Pairs, Spread};
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
}

impl Target {
    /// Whether a value is enough.
    pub fn is_reached(self, value: f64) -> bool {
        match self {
            Self::AtLeast(least) => value >= least,
            Self::AtMost(most) | Self::AtMostKib(most) => value <= most,
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::AtLeast(least) => write!(f, "≥ {} ×", rounded(least)),
            Self::AtMost(most) => write!(f, "≤ {} ×", rounded(most)),
            Self::AtMostKib(most) => write!(f, "≤ {most} KiB"),
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
    /// What stands on the other side meanwhile.
    pub also: Vec<Recipe>,
}

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
}

impl Row {
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
                "; {} pairs, {} left out",
                pairs.kept.len(),
                pairs.left_out
            ),
            Err(_) => Ok(()),
        }
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
            elapsed: std::time::Duration::from_secs(1),
            ..Slice::default()
        };
        let pair = (slice(100.0, 204_800.0), slice(50.0, 512_000.0));
        Row {
            work: Work {
                name: "work".to_owned(),
                ft: recipes::FT_ECHO,
                unit: Unit::Connection,
                measure,
                destination: 0,
                apart: None,
                also: Vec::new(),
            },
            other: recipes::TOKIO_ECHO,
            target,
            pairs: Ok(Pairs {
                kept: vec![pair],
                ..Pairs::default()
            }),
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
                        1 pairs, 0 left out";
        assert_eq!(line, expected);
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
