//! Start: whole processes that do next to nothing, from their start to their end.

use std::convert::identity;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::contender::{Recipe, recipes};
use crate::harness::{Around, Harness};
use crate::machine::Times;
use crate::pairs::{Measure, Pairs, Side, Slice, alternate};
use crate::process::{spawn, wait_for};
use crate::row::{Row, Target, Unit, Work};
use crate::trouble::{Doing, Trouble};

/// A program that takes longer has failed.
const PATIENCE: Duration = Duration::from_secs(10);

/// What its section says of its rows.
pub(super) const NOTE: &str = "\
Each run has to end with status 0. The CPU time is that of the program; it is over too soon for its memory to be
read.";

/// `ft` beside ncat.
pub(super) fn rows(harness: &Harness) -> Vec<Row> {
    let [ft, other] = &recipes::START_VERSION;
    let mut work = Work {
        client_threads: None,
        ..Work::new("its version", (*ft, Unit::Run), Measure::Time)
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
    let once = |recipe: &Recipe, around: Around<'_>, length| {
        let command = around(harness.command(recipe, port, 0)?);
        runs(recipe.name, command, length)
    };
    let [mut ft_side, mut other_side] = [ft, other]
        .map(|recipe| -> Side<'_> { Box::new(move |length| once(recipe, &identity, length)) });
    let mut pairs = alternate(&harness.form, &mut ft_side, &mut other_side)?;
    let calls = |recipe: &Recipe| {
        let calls = harness.calls_of(|around| once(recipe, around, Duration::ZERO));
        (recipe.name.to_owned(), calls)
    };
    pairs.calls = vec![calls(ft), calls(other)];
    Ok(pairs)
}

/// Runs a program again and again, once at least.
fn runs(name: &str, mut command: Command, length: Duration) -> Result<Slice, Trouble> {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let times = Times::now();
    let started = Instant::now();
    let mut slice = Slice::default();
    while slice.units == 0.0 || started.elapsed() < length {
        let mut child = spawn(&mut command, None).doing("start a program")?;
        let ended = wait_for(&mut child, PATIENCE)?;
        if !ended.status.success() {
            return Err(Trouble::wrong(name, format!("ends with {}", ended.status)));
        }
        slice.units += 1.0;
        slice.server += ended.cpu;
    }
    slice.elapsed = started.elapsed();
    slice.stolen = times.stolen_since();
    Ok(slice)
}
