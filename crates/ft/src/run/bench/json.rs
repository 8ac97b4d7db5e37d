//! The results for programs: one JSON object on one line. Times are in nanoseconds; what the mode
//! does not know is null.

use std::collections::BTreeMap;
use std::time::Duration;

use fivetuple::load::{Failures, Histogram, LoadOptions, Measured, Mode};
use serde::Serialize;

use super::compare::Ratio;
use super::find_max::{Found, Trial};
use super::limit::{limit, processors, used};
use super::table::{QUANTILES, at, bound_text, spread};
use super::{Results, Subject, mode_name};

#[derive(Serialize)]
struct Object<'a> {
    v: u8,
    mode: &'static str,
    connections: u32,
    size: Option<usize>,
    pipeline: Option<u32>,
    rate: Option<f64>,
    closed_by: Option<&'static str>,
    interrupted: bool,
    results: Vec<OfSubject<'a>>,
    ratios: Vec<OfRatio<'a>>,
    find_max: Option<OfSearch>,
}

/// What one server did.
#[derive(Serialize)]
struct OfSubject<'a> {
    address: &'a str,
    peer: Option<&'a str>,
    elapsed_ns: u64,
    messages: u64,
    messages_per_second: f64,
    bytes_sent: u64,
    bytes_received: u64,
    bytes_per_second: f64,
    open: u64,
    alive: u64,
    left_alone: bool,
    latency: BTreeMap<&'static str, Latency>,
    per_connection: Spread,
    failures: OfFailures,
    retransmissions: u64,
    backlog: u64,
    backlog_max: u64,
    cpu: Cpu,
}

#[derive(Serialize)]
struct Latency {
    count: u64,
    min: u64,
    mean: f64,
    #[serde(flatten)]
    quantiles: BTreeMap<&'static str, u64>,
}

#[derive(Serialize)]
struct Spread {
    min: u64,
    median: u64,
    max: u64,
}

#[derive(Serialize)]
struct OfFailures {
    total: u64,
    kinds: BTreeMap<String, u64>,
}

#[derive(Serialize)]
struct Cpu {
    ns: u64,
    awaited_ns: u64,
    processors: f64,
    processors_available: usize,
    generator_limited: bool,
}

#[derive(Serialize)]
struct OfRatio<'a> {
    address: &'a str,
    to: &'a str,
    median: f64,
    spread: f64,
    turns: usize,
}

#[derive(Serialize)]
struct OfSearch {
    bound: String,
    rate: Option<f64>,
    trials: Vec<OfTrial>,
}

#[derive(Serialize)]
struct OfTrial {
    rate: f64,
    reached: f64,
    latency_ns: u64,
    failures: u64,
    keeps_up: bool,
    holds: bool,
}

/// The object, without a newline.
pub(super) fn object(results: &Results<'_>) -> String {
    let options = &results.options;
    let object = Object {
        v: 1,
        mode: mode_name(&options.mode),
        connections: options.connections,
        size: size(options),
        pipeline: pipeline(options),
        rate: options.rate,
        closed_by: (options.mode == Mode::Connect).then(|| options.close_by.name()),
        interrupted: results.interrupted,
        results: results.subjects.iter().map(of_subject).collect(),
        ratios: of_ratios(results),
        find_max: results.found.as_ref().map(of_search),
    };
    // Plain data becomes text in every case.
    serde_json::to_string(&object).unwrap_or_default()
}

/// Of the messages, or of a send; a request is as long as its file.
fn size(options: &LoadOptions) -> Option<usize> {
    let has_size = match options.mode {
        Mode::Echo | Mode::Send | Mode::Both | Mode::Hold => true,
        Mode::Connect => options.connect_request.is_none(),
        Mode::Request(_) | Mode::Receive => false,
    };
    has_size.then_some(options.size)
}

fn pipeline(options: &LoadOptions) -> Option<u32> {
    let has_pipeline = matches!(options.mode, Mode::Echo | Mode::Request(_));
    has_pipeline.then_some(options.pipeline)
}

fn of_subject(subject: &Subject) -> OfSubject<'_> {
    let measured = subject.measured.as_ref();
    let number = |of: fn(&Measured) -> u64| measured.map_or(0, of);
    let share = |of: fn(&Measured) -> f64| measured.map_or(0.0, of);
    let time = |of: fn(&Measured) -> Duration| {
        measured.map_or(0, |one| of(one).as_nanos().try_into().unwrap_or(u64::MAX))
    };
    let (min, median, max) = spread(measured.map_or(&[][..], |one| &one.per_connection));
    OfSubject {
        address: &subject.typed,
        peer: subject.peer.as_deref(),
        elapsed_ns: time(|one| one.elapsed),
        messages: number(|one| one.messages),
        messages_per_second: share(Measured::rate),
        bytes_sent: number(|one| one.bytes_sent),
        bytes_received: number(|one| one.bytes_received),
        bytes_per_second: share(Measured::throughput),
        open: subject.open(),
        alive: number(|one| one.alive),
        left_alone: subject.left_alone,
        latency: measured.map(latencies).unwrap_or_default(),
        per_connection: Spread { min, median, max },
        failures: of_failures(&subject.failures()),
        retransmissions: number(|one| one.retransmissions),
        backlog: number(|one| one.backlog),
        backlog_max: number(|one| one.backlog_max),
        cpu: Cpu {
            ns: time(|one| one.cpu),
            awaited_ns: time(|one| one.cpu_awaited),
            processors: share(used),
            processors_available: processors(),
            generator_limited: measured.and_then(limit).is_some(),
        },
    }
}

fn latencies(measured: &Measured) -> BTreeMap<&'static str, Latency> {
    let mut all = BTreeMap::new();
    all.insert("reply", latency(&measured.reply));
    all.insert("first_byte", latency(&measured.first_byte));
    all.insert("connect", latency(&measured.connect));
    if !measured.connection.is_empty() {
        all.insert("connection", latency(&measured.connection));
    }
    if let Some(corrected) = &measured.corrected {
        all.insert("corrected", latency(corrected));
    }
    all
}

fn latency(histogram: &Histogram<u64>) -> Latency {
    let quantiles = QUANTILES.into_iter();
    Latency {
        count: histogram.len(),
        min: if histogram.is_empty() {
            0
        } else {
            histogram.min()
        },
        mean: histogram.mean(),
        quantiles: quantiles
            .map(|(name, quantile)| (name, at(histogram, quantile)))
            .collect(),
    }
}

fn of_failures(failures: &Failures) -> OfFailures {
    OfFailures {
        total: failures.total(),
        kinds: failures
            .iter()
            .map(|(kind, count)| (kind.name(), count))
            .collect(),
    }
}

fn of_ratios<'a>(results: &'a Results<'_>) -> Vec<OfRatio<'a>> {
    let Some((first, others)) = results.subjects.split_first() else {
        return Vec::new();
    };
    let pairs = others.iter().zip(&results.ratios);
    let of = |(other, ratio): (&'a Subject, &Ratio)| OfRatio {
        address: &other.typed,
        to: &first.typed,
        median: ratio.median,
        spread: ratio.spread,
        turns: ratio.turns,
    };
    pairs.map(of).collect()
}

fn of_search(found: &Found) -> OfSearch {
    let of = |trial: &Trial| OfTrial {
        rate: trial.rate,
        reached: trial.reached,
        latency_ns: trial.latency,
        failures: trial.failures,
        keeps_up: trial.keeps_up,
        holds: trial.holds,
    };
    OfSearch {
        bound: bound_text(found.bound),
        rate: found.best.as_ref().map(|best| best.rate),
        trials: found.trials.iter().map(of).collect(),
    }
}
