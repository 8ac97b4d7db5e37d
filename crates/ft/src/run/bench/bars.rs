//! A histogram as bars of text.

use fivetuple::load::Histogram;

use super::table::time;

/// Columns of the longest bar, and rows of a histogram at most.
const BAR: usize = 40;
const ROWS: usize = 12;

/// How often which latency was, in steps of a power of two.
pub(super) fn histogram(histogram: &Histogram<u64>, lines: &mut Vec<String>) {
    if histogram.is_empty() {
        return;
    }
    let step_of = |value: u64| value.max(1).ilog2() as usize;
    let (first, last) = (step_of(histogram.min()), step_of(histogram.max()));
    // What is slower than most comes together in the last row.
    let last = last.min(first + ROWS - 1);
    let mut rows = vec![0_u64; last - first + 1];
    for value in histogram.iter_recorded() {
        let step = step_of(value.value_iterated_to()).clamp(first, last);
        if let Some(count) = rows.get_mut(step - first) {
            *count += value.count_since_last_iteration();
        }
    }
    let most = rows.iter().copied().max().unwrap_or(1).max(1);
    for (index, count) in rows.iter().enumerate() {
        let is_last = index + 1 == rows.len();
        let end = if is_last {
            histogram.max()
        } else {
            2_u64.saturating_pow((first + index + 1) as u32)
        };
        let length = (*count as f64 / most as f64 * BAR as f64).ceil() as usize;
        let bar = "█".repeat(length);
        let share = *count as f64 * 100.0 / histogram.len() as f64;
        let sign = if is_last { "≤" } else { "<" };
        let line = format!("  {sign} {:>10} {share:>6.2} % {bar}", time(end));
        lines.push(line.trim_end().to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_histogram_has_every_sample_in_few_rows() {
        let mut samples = Histogram::<u64>::new_with_bounds(1, 3_600_000_000_000, 3).unwrap();
        for (value, count) in [(900, 1), (1_500, 10), (70_000, 4), (2_000_000_000, 1)] {
            samples.record_n(value, count).unwrap();
        }
        let mut lines = Vec::new();
        histogram(&samples, &mut lines);
        assert_eq!(lines.len(), ROWS);
        assert_eq!(
            lines[0],
            format!("  <     1.0 µs   6.25 % {}", "█".repeat(4))
        );
        assert_eq!(
            lines[1],
            format!("  <     2.0 µs  62.50 % {}", "█".repeat(BAR))
        );
        assert!(lines[ROWS - 1].starts_with("  ≤    2.0"), "{lines:?}");
        let total: f64 = lines
            .iter()
            .filter_map(|line| {
                line.split(" %")
                    .next()?
                    .split_whitespace()
                    .last()?
                    .parse::<f64>()
                    .ok()
            })
            .sum();
        assert!((total - 100.0).abs() < 0.1, "{lines:#?}");
        let mut none = Vec::new();
        histogram(&Histogram::<u64>::new(3).unwrap(), &mut none);
        assert!(none.is_empty());
    }
}
