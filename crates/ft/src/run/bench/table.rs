//! The results for people: aligned, with units, and in words where a number needs them.

use std::time::Duration;

use fivetuple::load::{Failure, Failures, Histogram, Measured, Mode, Reply};

use super::bars::histogram;
use super::find_max::{Found, Trial};
use super::limit::{limit, processors, used};
use super::{Results, Subject};
use crate::plan::Bound;

/// The percentiles that are told, with what they are called.
pub(super) const QUANTILES: [(&str, f64); 6] = [
    ("p50", 0.5),
    ("p90", 0.9),
    ("p99", 0.99),
    ("p99.9", 0.999),
    ("p99.99", 0.9999),
    ("max", 1.0),
];

/// All lines.
pub(super) fn lines(results: &Results<'_>) -> Vec<String> {
    let mut lines = Vec::new();
    for (index, subject) in results.subjects.iter().enumerate() {
        if index > 0 {
            lines.push(String::new());
        }
        of_subject(subject, results, &mut lines);
    }
    if let Some(found) = &results.found {
        lines.push(String::new());
        of_search(found, &mut lines);
    }
    of_ratios(results, &mut lines);
    if results.interrupted {
        lines.push("interrupted: this is what was measured until then".to_owned());
    }
    lines
}

fn row(lines: &mut Vec<String>, name: &str, text: &str) {
    lines.push(format!("  {name:<17}{text}").trim_end().to_owned());
}

fn of_subject(subject: &Subject, results: &Results<'_>, lines: &mut Vec<String>) {
    let peer = subject.peer.as_deref().unwrap_or(&subject.typed);
    let work = work(results);
    let Some(measured) = &subject.measured else {
        lines.push(format!("{peer}: {work}; nothing was measured"));
        let (open, asked) = (subject.open(), results.options.connections);
        // With --mode connect none stays open.
        let is_told = subject.load.is_none() || results.options.mode != Mode::Connect;
        if is_told && open < asked.into() {
            row(lines, "connections", &format!("{open} of {asked} opened"));
        }
        row(lines, "failures", &failures(&subject.failures()));
        return;
    };
    let time = seconds(measured.elapsed);
    lines.push(format!("{peer}: {work}, {time}"));
    counts(measured, results, lines);
    latencies(measured, lines);
    fairness(measured, results, lines);
    if let Some(corrected) = &measured.corrected {
        let (unsent, most) = (measured.backlog, measured.backlog_max);
        let text =
            format!("{unsent} messages due and never sent; one connection up to {most} behind");
        row(
            lines,
            "backlog",
            if corrected.is_empty() { "0" } else { &text },
        );
    }
    row(lines, "failures", &failures(&subject.failures()));
    row(
        lines,
        "retransmissions",
        &measured.retransmissions.to_string(),
    );
    let (used, all) = (used(measured), processors());
    let plural = if all == 1 { "" } else { "s" };
    let cpu = seconds(measured.cpu);
    row(
        lines,
        "our processor",
        &format!("{cpu}: {used:.2} of {all} processor{plural}"),
    );
    notes(subject, measured, results, lines);
    let shown = measured.corrected.as_ref();
    histogram(shown.unwrap_or_else(|| uncorrected(measured)), lines);
}

/// What the numbers alone do not say.
fn notes(subject: &Subject, measured: &Measured, results: &Results<'_>, lines: &mut Vec<String>) {
    let mode = &results.options.mode;
    let has_messages = !mode.is_bulk() && *mode != Mode::Hold;
    if has_messages && measured.messages == 0 && subject.failures().total() == 0 {
        lines.push("  no reply came before the end of the time".to_owned());
    }
    if subject.left_alone {
        lines.push("  it only timed out, so it was left alone from then on".to_owned());
    }
    if let Some(limit) = limit(measured) {
        lines.push(format!("  {}", limit.text()));
    }
}

/// What a connection did, not counting the wait before it.
fn uncorrected(measured: &Measured) -> &Histogram<u64> {
    if measured.connection.is_empty() {
        &measured.reply
    } else {
        &measured.connection
    }
}

/// What the connections did: `echo, 64 connections, 64 B messages`.
fn work(results: &Results<'_>) -> String {
    let options = &results.options;
    let count = options.connections;
    let plural = if count == 1 { "" } else { "s" };
    let name = super::mode_name(&options.mode);
    let mut text = format!("{name}, {count} connection{plural}");
    let request = match &options.mode {
        Mode::Request(request) => Some(request),
        _ => options.connect_request.as_ref(),
    };
    match (&options.mode, request) {
        (_, Some(request)) => {
            text += &format!(", {} B requests, ", request.message.len());
            text += &match &request.reply {
                Reply::Bytes(count) => format!("{count} B replies"),
                Reply::Until(end) => format!("replies until \"{}\"", end.escape_ascii()),
            };
        }
        (Mode::Receive, None) => {}
        (Mode::Send | Mode::Both, None) => text += &format!(", {} B sends", options.size),
        (_, None) => text += &format!(", {} B messages", options.size),
    }
    if options.pipeline > 1 {
        text += &format!(", {} at a time each", options.pipeline);
    }
    if options.mode == Mode::Connect {
        text += &format!(", closed by {}", options.close_by.name());
    }
    if let Some(rate) = options.rate {
        text += &format!(", {} per second asked for", decimal(rate));
    }
    text
}

fn counts(measured: &Measured, results: &Results<'_>, lines: &mut Vec<String>) {
    let options = &results.options;
    if options.mode == Mode::Hold {
        let (answered, alive, open) = (measured.messages, measured.alive, measured.open);
        let asked = options.connections;
        let text = format!(
            "{open} of {asked} held: {answered} sent our message back, {alive} took it and are alive"
        );
        return row(lines, "connections", &text);
    }
    if !options.mode.is_bulk() {
        let rate = decimal(measured.rate());
        let has_request =
            matches!(options.mode, Mode::Request(_)) || options.connect_request.is_some();
        // Of a reply to a request nobody knows what it should be.
        let what = if has_request { "answered" } else { "verified" };
        let text = format!("{} {what}, {rate} per second", measured.messages);
        row(lines, "messages", &text);
    }
    let (sent, received) = (measured.bytes_sent, measured.bytes_received);
    let rate = |bytes: u64| rate_of_bytes(bytes as f64 / measured.elapsed.as_secs_f64().max(1e-9));
    row(lines, "sent", &format!("{sent} B, {}", rate(sent)));
    row(
        lines,
        "received",
        &format!("{received} B, {}", rate(received)),
    );
}

/// The percentiles of everything that was timed, in columns.
fn latencies(measured: &Measured, lines: &mut Vec<String>) {
    let mut columns: Vec<(&str, &Histogram<u64>)> = Vec::new();
    match &measured.corrected {
        Some(corrected) => {
            columns.push(("corrected", corrected));
            columns.push(("uncorrected", uncorrected(measured)));
        }
        None => columns.push(("connection", &measured.connection)),
    }
    if measured.corrected.is_none() || !measured.connection.is_empty() {
        columns.push(("reply", &measured.reply));
    }
    columns.push(("first byte", &measured.first_byte));
    columns.push(("connect", &measured.connect));
    columns.retain(|(_, histogram)| !histogram.is_empty());
    if columns.is_empty() {
        return;
    }
    let names = columns.iter().map(|(name, _)| format!("{name:>14}"));
    lines.push(format!("  {:<10}{}", "latency", names.collect::<String>()));
    for (name, quantile) in QUANTILES {
        let values = columns
            .iter()
            .map(|(_, histogram)| format!("{:>14}", time(at(histogram, quantile))));
        lines.push(format!("    {name:<8}{}", values.collect::<String>()));
    }
}

/// The value at a quantile, in nanoseconds; the last one is the exact maximum.
pub(super) fn at(histogram: &Histogram<u64>, quantile: f64) -> u64 {
    let value = histogram.value_at_quantile(quantile);
    value.min(histogram.max())
}

fn fairness(measured: &Measured, results: &Results<'_>, lines: &mut Vec<String>) {
    if results.options.mode == Mode::Hold {
        return;
    }
    let (min, median, max) = spread(&measured.per_connection);
    let unit = if results.options.mode.is_bulk() {
        "B"
    } else {
        "messages"
    };
    let text = format!("min {min}, median {median}, max {max} {unit}");
    row(lines, "each connection", &text);
}

/// Minimum, median and maximum.
pub(super) fn spread(values: &[u64]) -> (u64, u64, u64) {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    let of = |index: usize| sorted.get(index).copied().unwrap_or(0);
    (
        of(0),
        of(sorted.len() / 2),
        of(sorted.len().saturating_sub(1)),
    )
}

/// `3 reset (ft explain ECONNRESET), 1 wrong bytes (ft explain bench)`.
fn failures(failures: &Failures) -> String {
    let kinds: Vec<String> = failures
        .iter()
        .map(|(kind, count)| format!("{count} {kind} (ft explain {})", explained(kind)))
        .collect();
    if kinds.is_empty() {
        "none".to_owned()
    } else {
        kinds.join(", ")
    }
}

/// The word that explains a failure.
fn explained(kind: Failure) -> String {
    match kind {
        Failure::Refused => "ECONNREFUSED".into(),
        Failure::Reset => "ECONNRESET".into(),
        Failure::TimedOut => "ETIMEDOUT".into(),
        Failure::ClosedEarly => "eof".into(),
        Failure::NoPorts => "EADDRNOTAVAIL".into(),
        Failure::NoAddress => "EAI_NONAME".into(),
        Failure::WrongBytes | Failure::Unfinished => "bench".into(),
        Failure::Other(_) => kind.name(),
    }
}

fn of_ratios(results: &Results<'_>, lines: &mut Vec<String>) {
    let [first, others @ ..] = results.subjects.as_slice() else {
        return;
    };
    if !results.ratios.is_empty() {
        lines.push(String::new());
    }
    for (other, ratio) in others.iter().zip(&results.ratios) {
        lines.push(format!(
            "{} does {:.3} ± {:.3} times what {} does (median of {} turns, and the median distance \
             from it)",
            other.typed, ratio.median, ratio.spread, first.typed, ratio.turns
        ));
    }
}

fn of_search(found: &Found, lines: &mut Vec<String>) {
    let bound = bound_text(found.bound);
    let name = quantile_name(found.bound.quantile);
    lines.push(format!("  {:>12}{:>12}{name:>14}", "asked for", "reached"));
    for trial in &found.trials {
        lines.push(trial_line(trial));
    }
    lines.push(match &found.best {
        Some(best) => format!(
            "the highest rate that keeps {bound}: {} messages per second",
            decimal(best.rate)
        ),
        None => format!("no rate keeps {bound}, not even the lowest that was tried"),
    });
}

fn trial_line(trial: &Trial) -> String {
    let holds = match (trial.holds, trial.failures) {
        (true, _) => "holds".to_owned(),
        (false, 0) if !trial.keeps_up => "does not hold: fell behind".to_owned(),
        (false, 0) => "does not hold".to_owned(),
        (false, failures) => format!("does not hold: {failures} failures"),
    };
    format!(
        "  {:>12}{:>12}{:>14}  {holds}",
        decimal(trial.rate),
        decimal(trial.reached),
        time(trial.latency)
    )
}

/// `p99<1.000 ms`.
pub(super) fn bound_text(bound: Bound) -> String {
    let below = time(bound.below.as_nanos().try_into().unwrap_or(u64::MAX));
    format!("{} < {below}", quantile_name(bound.quantile))
}

pub(super) fn quantile_name(quantile: f64) -> String {
    if quantile >= 1.0 {
        return "max".to_owned();
    }
    let percent = format!("{:.4}", quantile * 100.0);
    let percent = percent.trim_end_matches('0').trim_end_matches('.');
    format!("p{percent}")
}

/// `812 ns`, `45.1 µs`, `1.234 ms`, `2.345 s`.
pub(super) fn time(nanoseconds: u64) -> String {
    let value = nanoseconds as f64;
    match nanoseconds {
        0..1_000 => format!("{nanoseconds} ns"),
        1_000..1_000_000 => format!("{:.1} µs", value / 1e3),
        1_000_000..1_000_000_000 => format!("{:.3} ms", value / 1e6),
        _ => format!("{:.3} s", value / 1e9),
    }
}

fn seconds(time: Duration) -> String {
    format!("{:.2} s", time.as_secs_f64())
}

/// No more digits than are known: `83412`, `41.3`.
pub(super) fn decimal(number: f64) -> String {
    if number >= 1000.0 {
        format!("{number:.0}")
    } else {
        let text = format!("{number:.1}");
        text.strip_suffix(".0").map(str::to_owned).unwrap_or(text)
    }
}

/// `12.34 MB/s`.
pub(super) fn rate_of_bytes(bytes: f64) -> String {
    match bytes {
        small if small < 1e3 => format!("{small:.0} B/s"),
        small if small < 1e6 => format!("{:.2} kB/s", small / 1e3),
        medium if medium < 1e9 => format!("{:.2} MB/s", medium / 1e6),
        large => format!("{:.2} GB/s", large / 1e9),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_the_unit_that_fits() {
        let times = [1, 999, 45_100, 1_234_567, 61_000_000_000].map(time);
        assert_eq!(times, ["1 ns", "999 ns", "45.1 µs", "1.235 ms", "61.000 s"]);
        assert_eq!([0.0, 41.26, 83_412.4].map(decimal), ["0", "41.3", "83412"]);
        let rates = [12.0, 1_500.0, 12_340_000.0, 2e9].map(rate_of_bytes);
        assert_eq!(rates, ["12 B/s", "1.50 kB/s", "12.34 MB/s", "2.00 GB/s"]);
        assert_eq!(
            [0.5, 0.999, 0.9999, 1.0].map(quantile_name),
            ["p50", "p99.9", "p99.99", "max"]
        );
        assert_eq!(spread(&[3, 1, 2]), (1, 2, 3));
        assert_eq!(spread(&[]), (0, 0, 0));
    }
}
