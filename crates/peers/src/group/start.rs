//! Start: whole processes that do next to nothing, from their start to their end.

use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::contender::{Recipe, recipes};
use crate::harness::Harness;
use crate::machine::Times;
use crate::pairs::{Measure, Pairs, Slice, alternate};
use crate::process::{spawn, wait_for};
use crate::row::{Row, Target, Unit, Work};
use crate::trouble::{Doing, Trouble};

/// A program that takes longer has failed.
const PATIENCE: Duration = Duration::from_secs(10);

/// `ft` beside ncat.
pub(super) fn rows(harness: &Harness) -> Vec<Row> {
    let [ft, other] = &recipes::START_VERSION;
    let mut work = Work {
        name: "its version".to_owned(),
        ft: *ft,
        unit: Unit::Run,
        measure: Measure::Time,
        destination: 0,
        apart: None,
        also: Vec::new(),
    };
    let target = Some(Target::AtMost(1.0));
    let pairs = contest(harness, &recipes::START_VERSION, 0);
    let version = harness.row(&work, (*other, target), pairs);
    "does a port answer".clone_into(&mut work.name);
    let [ft, other] = &recipes::START_CHECK;
    work.ft = *ft;
    let pairs = harness
        .start(&recipes::EPOLL_ECHO, 0, None)
        .and_then(|listening| contest(harness, &recipes::START_CHECK, listening.port()));
    vec![version, harness.row(&work, (*other, target), pairs)]
}

fn contest(harness: &Harness, [ft, other]: &[Recipe; 2], port: u16) -> Result<Pairs, Trouble> {
    let side = |recipe| move |length| runs(harness, recipe, port, length);
    alternate(
        &harness.form,
        &mut (Box::new(side(ft)) as _),
        &mut (Box::new(side(other)) as _),
    )
}

/// Runs a program again and again.
fn runs(harness: &Harness, recipe: &Recipe, port: u16, length: Duration) -> Result<Slice, Trouble> {
    let mut command = harness.command(recipe, port, 0)?;
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let times = Times::now();
    let started = Instant::now();
    let mut slice = Slice::default();
    while started.elapsed() < length {
        let mut child = spawn(&mut command, None).doing("start a program")?;
        let ended = wait_for(&mut child, PATIENCE)?;
        if !ended.status.success() {
            return Err(Trouble::wrong(
                recipe.name,
                format!("ends with {}", ended.status),
            ));
        }
        slice.units += 1.0;
    }
    slice.elapsed = started.elapsed();
    slice.stolen = times.stolen_since();
    Ok(slice)
}
