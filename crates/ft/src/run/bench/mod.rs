//! `ft bench`: opens the connections, has them work, and says how much they did and how long it
//! took. One window after the other is run by [`window`]; the results are told by [`table`] and
//! [`json`].

mod bars;
mod compare;
mod find_max;
mod json;
mod limit;
mod progress;
mod table;
mod window;

use std::fs;

use fivetuple::event::Observers;
use fivetuple::kernel::limit::raise_descriptor_limit;
use fivetuple::load::{Failure, Failures, Load, LoadOptions, Measured, Mode, Request};
use fivetuple::{NotConnected, Retry};

use super::connect::refuse;
use super::status;
use crate::plan::{Bench, Output, Target};
use crate::report::Reports;
use crate::report::error::explain_io;
use compare::Ratio;
use find_max::Found;
use window::Runner;

/// One server, and what was measured there.
struct Subject {
    /// As it was typed.
    typed: String,
    /// Its address, once it has answered.
    peer: Option<String>,
    load: Option<Load>,
    measured: Option<Measured>,
    /// It only timed out, so it had no turn more.
    left_alone: bool,
    /// Why the first connect has come to nothing.
    not_connected: Option<Failure>,
}

/// Everything that was measured in one run.
struct Results<'a> {
    plan: &'a Bench,
    options: LoadOptions,
    subjects: Vec<Subject>,
    ratios: Vec<Ratio>,
    found: Option<Found>,
    interrupted: bool,
}

pub(super) async fn bench(plan: Bench) -> u8 {
    let (reports, observers) = match Reports::open(&plan.report, Vec::new()) {
        Ok(opened) => opened,
        Err(text) => return super::fail(&text),
    };
    // Best effort: with the old limit there are fewer connections, which is counted.
    let _ = raise_descriptor_limit();
    let options = match options(&plan) {
        Ok(options) => options,
        Err(text) => {
            reports.error(text);
            return super::close(&reports, status::FAILED);
        }
    };
    let mut runner = Runner::new(&plan, &reports);
    let mut results = Results {
        plan: &plan,
        options,
        subjects: Vec::new(),
        ratios: Vec::new(),
        found: None,
        interrupted: false,
    };
    let opened = open_all(&mut results, &mut runner, (&reports, &observers)).await;
    if opened && !runner.is_interrupted() {
        measure(&mut results, &mut runner).await;
    }
    results.interrupted = runner.is_interrupted();
    reports.settle();
    tell(&results, &reports);
    if !runner.is_abandoned() {
        for subject in &mut results.subjects {
            if let Some(load) = subject.load.take() {
                runner.close(load).await;
            }
        }
    }
    let status = runner.interrupted().unwrap_or_else(|| results.status());
    super::close(&reports, status)
}

/// The options with the request that stands in a file.
fn options(plan: &Bench) -> Result<LoadOptions, String> {
    let mut options = plan.options.clone();
    let Some(request) = &plan.request else {
        return Ok(options);
    };
    let file = fivetuple::call::Visible(request.file.as_os_str().as_encoded_bytes());
    let message =
        fs::read(&request.file).map_err(|error| explain_io(&format!("read {file}"), &error))?;
    if message.is_empty() {
        return Err(format!("{file} is empty: a request has at least one byte"));
    }
    let request = Request {
        message: message.into(),
        reply: request.reply.clone(),
    };
    if options.mode == Mode::Connect {
        options.connect_request = Some(request);
    } else {
        options.mode = Mode::Request(request);
    }
    Ok(options)
}

/// Opens the connections to every server; whether all of them have answered.
async fn open_all(
    results: &mut Results<'_>,
    runner: &mut Runner<'_>,
    (reports, observers): (&Reports, &Observers),
) -> bool {
    let mut all = true;
    for target in &results.plan.targets {
        reports.tries(results.options.connect.retry != Retry::Times(0));
        let opening = Load::open_first(&target.address, &results.options, observers);
        let Some(opened) = runner.wait(opening).await else {
            let mut subject = Subject::new(target);
            subject.not_connected = Some(Failure::Unfinished);
            results.subjects.push(subject);
            return false;
        };
        all &= opened.is_ok();
        reports.tries(false);
        let mut subject = subject(target, opened, (reports, observers));
        if let Some(load) = &mut subject.load {
            runner.open_others(load).await;
        }
        results.subjects.push(subject);
        if runner.is_interrupted() {
            return false;
        }
    }
    all
}

fn subject(
    target: &Target,
    opened: Result<Load, NotConnected>,
    (reports, observers): (&Reports, &Observers),
) -> Subject {
    let mut subject = Subject::new(target);
    match opened {
        Ok(load) => {
            subject.peer = Some(load.peer().to_string());
            subject.load = Some(load);
        }
        Err(error) => {
            refuse(&error, reports, observers);
            subject.not_connected = Some(Failure::from(&error));
        }
    }
    subject
}

async fn measure(results: &mut Results<'_>, runner: &mut Runner<'_>) {
    let plan = results.plan;
    if let Some(bound) = plan.find_max {
        if let [subject] = results.subjects.as_mut_slice() {
            results.found = find_max::find_max(subject, runner, (plan, bound)).await;
        }
        return;
    }
    if !plan.warm_up.is_zero() {
        for subject in &mut results.subjects {
            if !runner.is_interrupted() {
                warm_up(subject, runner, plan).await;
            }
        }
    }
    if results.subjects.len() > 1 {
        let kind = (plan.duration, plan.options.mode.is_bulk());
        results.ratios = compare::compare(&mut results.subjects, runner, kind).await;
    } else if let [subject] = results.subjects.as_mut_slice()
        && !runner.is_interrupted()
    {
        runner.add_window(subject, plan.duration).await;
    }
}

/// Of the work before it counts, the failures count, and the time in which the connections were
/// opened that stay.
async fn warm_up(subject: &mut Subject, runner: &mut Runner<'_>, plan: &Bench) {
    let Some(mut warm) = runner.unrecorded_window(subject, plan.warm_up).await else {
        return;
    };
    warm.elapsed = std::time::Duration::ZERO;
    warm.cpu = std::time::Duration::ZERO;
    (warm.messages, warm.bytes_sent, warm.bytes_received) = (0, 0, 0);
    (warm.backlog, warm.backlog_max, warm.retransmissions) = (0, 0, 0);
    warm.per_connection.fill(0);
    if plan.options.mode == Mode::Connect {
        warm.connect.reset();
    }
    warm.connection.reset();
    warm.reply.reset();
    warm.first_byte.reset();
    if let Some(corrected) = &mut warm.corrected {
        corrected.reset();
    }
    subject.measured = Some(warm);
}

fn tell(results: &Results<'_>, reports: &Reports) {
    match results.plan.output {
        Output::Json => reports.product(json::object(results).as_bytes()),
        Output::Table => {
            for line in table::lines(results) {
                reports.product(line.as_bytes());
            }
        }
        Output::Series(_) => {
            for line in table::lines(results) {
                reports.say(&line);
            }
        }
    }
}

impl Subject {
    /// Nothing is known of it yet.
    fn new(target: &Target) -> Self {
        Self {
            typed: target.typed.clone(),
            peer: None,
            load: None,
            measured: None,
            left_alone: false,
            not_connected: None,
        }
    }

    /// What failed here, the first connect included.
    fn failures(&self) -> Failures {
        let mut failures = Failures::default();
        if let Some(measured) = &self.measured {
            failures.add(&measured.failures);
        }
        if let Some(load) = &self.load {
            failures.add(load.failures());
        }
        if let Some(failure) = self.not_connected {
            failures.add(&Failures::from(failure));
        }
        failures
    }

    /// Connections that are open.
    fn open(&self) -> u64 {
        match (&self.measured, &self.load) {
            (Some(measured), _) => measured.open,
            (None, Some(load)) => load.live().open(),
            (None, None) => 0,
        }
    }

    /// Everything was verified, and there was something.
    fn is_whole(&self, mode: &Mode) -> bool {
        let did_something = self.measured.as_ref().is_some_and(|measured| match mode {
            Mode::Hold => measured.open > 0,
            mode if mode.is_bulk() => measured.bytes_sent + measured.bytes_received > 0,
            _ => measured.messages > 0,
        });
        did_something && self.failures().total() == 0
    }
}

impl Results<'_> {
    fn status(&self) -> u8 {
        let whole = match &self.found {
            Some(found) => found.best.is_some(),
            None => {
                let mode = &self.options.mode;
                self.subjects.iter().all(|subject| subject.is_whole(mode))
            }
        };
        if whole { status::DONE } else { status::FAILED }
    }
}

/// Whether nothing came of a window but time-outs.
fn only_timed_out(measured: &Measured, is_bulk: bool) -> bool {
    let timed_out = measured.failures.of(Failure::TimedOut);
    let connections = measured.per_connection.len() as u64;
    let did_nothing = if is_bulk {
        // Buffers take something from everybody.
        timed_out >= connections
    } else {
        measured.messages == 0
    };
    did_nothing && timed_out > 0 && timed_out == measured.failures.total()
}

/// A mode as it is typed.
fn mode_name(mode: &Mode) -> &'static str {
    match mode {
        Mode::Echo => "echo",
        Mode::Connect => "connect",
        Mode::Request(_) => "request",
        Mode::Send => "send",
        Mode::Receive => "receive",
        Mode::Both => "both",
        Mode::Hold => "hold",
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use fivetuple::load::Histogram;

    use super::*;
    use crate::args::{Environment, Terminals};
    use crate::plan::Plan;

    fn plan(line: &str) -> Bench {
        let words = line.split_whitespace().map(Into::into);
        match crate::args::plan(words, Terminals::default(), &Environment::default()) {
            Ok(Plan::Bench(plan)) => *plan,
            other => panic!("{line}: {other:?}"),
        }
    }

    /// A second of a generator that had so much time on processors and waited so long for them.
    fn second(cpu: Duration, cpu_awaited: Duration) -> Measured {
        let none = || Histogram::new(3).unwrap();
        Measured {
            elapsed: Duration::from_secs(1),
            messages: 10_000,
            bytes_sent: 640_000,
            bytes_received: 640_000,
            failures: Failures::default(),
            reply: none(),
            corrected: None,
            connect: none(),
            connection: none(),
            first_byte: none(),
            per_connection: vec![10; 1000],
            cpu,
            cpu_awaited,
            retransmissions: 0,
            backlog: 0,
            backlog_max: 0,
            alive: 0,
            open: 1000,
        }
    }

    #[test]
    fn a_generator_that_was_the_limit_says_so() {
        let plan = plan("ft bench 8080 -c 1000");
        let most = limit::processors().min(1000) as f64;
        for (used, awaited, sentence) in [
            (0.95, 0.0, Some("it was the limit, not the server")),
            (0.5, 0.45, Some("this machine was the limit")),
            (0.5, 0.1, None),
        ] {
            let mut subject = Subject::new(&plan.targets[0]);
            let time = |share: f64| Duration::from_secs_f64(share * most);
            subject.measured = Some(second(time(used), time(awaited)));
            let results = Results {
                plan: &plan,
                options: plan.options.clone(),
                subjects: vec![subject],
                ratios: Vec::new(),
                found: None,
                interrupted: false,
            };
            let lines = table::lines(&results);
            let said = lines.iter().find(|line| line.contains("was the limit"));
            assert_eq!(said.is_some(), sentence.is_some(), "{lines:#?}");
            let is_it = said.is_none_or(|line| line.ends_with(sentence.unwrap_or_default()));
            assert!(is_it, "{said:?}");
            let text = json::object(&results);
            let object: serde_json::Value = serde_json::from_str(&text).unwrap();
            let cpu = &object["results"][0]["cpu"];
            assert_eq!(cpu["generator_limited"], sentence.is_some(), "{cpu}");
            assert_eq!(cpu["awaited_ns"], time(awaited).as_nanos() as u64);
        }
    }
}
