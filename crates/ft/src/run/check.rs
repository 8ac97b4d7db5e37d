//! `ft connect --check`: which ports answer, in the order asked for.

use std::collections::BTreeMap;
use std::io::Write;
use std::time::{Duration, Instant};

use fivetuple::event::Observers;
use fivetuple::{
    Address, Close, ConnectOptions, ConnectionName, Event, NotConnected, Retry, connect,
};
use tokio::task::JoinSet;

use super::signals::Signals;
use super::status;
use crate::plan::Check;
use crate::report::Reports;

/// Ports that are asked at the same time.
const AT_ONCE: usize = 64;

pub(super) async fn check(plan: Check) -> u8 {
    let (reports, observers) = match Reports::open(&plan.report, Vec::new()) {
        Ok(opened) => opened,
        Err(text) => return super::fail(&text),
    };
    let mut signals = Signals::new();
    reports.tries(plan.options.retry != Retry::Times(0));
    let status = tokio::select! {
        status = ask_all(&plan, &reports, &observers) => status,
        status = signals.end() => status,
    };
    super::close(&reports, status)
}

/// One port's answer: who was connected with whom, and how long it took.
type Answer = Result<(ConnectionName, Duration), NotConnected>;

async fn ask_all(plan: &Check, reports: &Reports, observers: &Observers) -> u8 {
    let mut waiting = plan.targets.iter().cloned().enumerate();
    let single = plan.targets.len() == 1;
    let mut running = JoinSet::new();
    let mut answers: BTreeMap<usize, Answer> = BTreeMap::new();
    let mut next = 0;
    let mut status = status::DONE;
    loop {
        while running.len() < AT_ONCE
            && let Some((index, address)) = waiting.next()
        {
            let (options, observers) = (plan.options.clone(), observers.clone());
            running.spawn(async move { (index, ask(address, &options, &observers).await) });
        }
        match running.join_next().await {
            None => return status,
            Some(Ok((index, answer))) => answers.insert(index, answer),
            Some(Err(panicked)) => std::panic::resume_unwind(panicked.into_panic()),
        };
        while let Some(answer) = answers.remove(&next) {
            next += 1;
            match answer {
                Ok(answer) if tell(&answer) => {}
                // Nobody reads on.
                Ok(_) => return status,
                Err(error) => {
                    status = status::FAILED;
                    complain(&error, single, (reports, observers));
                }
            }
        }
    }
}

async fn ask(address: Address, options: &ConnectOptions, observers: &Observers) -> Answer {
    let start = Instant::now();
    let connection = connect::open(&address, options, observers).await?;
    let took = start.elapsed();
    let name = connection.name();
    connection.close(Close::Release).await;
    Ok((name, took))
}

/// The line of a port that answered; false when nobody reads it.
fn tell((name, took): &(ConnectionName, Duration)) -> bool {
    let mut stdout = std::io::stdout().lock();
    let line = writeln!(stdout, "{name} {:.3} ms", took.as_secs_f64() * 1e3);
    line.and_then(|()| stdout.flush()).is_ok()
}

/// One port gets the whole explanation, one of many a line.
fn complain(error: &NotConnected, single: bool, (reports, observers): (&Reports, &Observers)) {
    let calls = error.explained();
    let Some((first, others)) = calls.split_first() else {
        return reports.error(error);
    };
    if single {
        reports.tries(false);
        for explained in calls {
            observers.emit(&Event::Failed {
                connection: None,
                local: None,
                error: explained,
            });
        }
        return;
    }
    let mut line = first.to_string();
    for other in others {
        line += &if other.code() == first.code() {
            format!("; {} too", other.subject())
        } else {
            format!("; {other}")
        };
    }
    reports.error(line);
}
