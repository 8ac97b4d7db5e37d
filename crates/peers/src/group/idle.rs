//! Idle: the memory in user space of connections that have been used once.

use crate::contender::{Recipe, recipes};
use crate::drive::held::Held;
use crate::harness::Harness;
use crate::pairs::{Calls, Measure, Meter, Pairs, Slice, alternate};
use crate::process::Running;
use crate::row::{Row, Target, Unit, Work};
use crate::trouble::Trouble;

/// What its section says of its rows.
pub(super) const NOTE: &str = "\
Each connection has had 16 KiB back that were compared, and is left alone. Memory is what a contender has more
than before the first of them; it is started anew for each slice, because memory that was used once stays with
a process. The calls are those of 1,000 connections until the last of them is idle.";

/// So many connections are enough to count the calls of one.
const COUNTED: usize = 1000;

/// `ft` beside a buffer per connection, and by itself.
pub(super) fn rows(harness: &Harness) -> Vec<Row> {
    let count = harness.form.idle;
    let name = format!("{count} connections that have echoed 16 KiB once");
    let work = Work {
        client_threads: None,
        ..Work::new(name, (recipes::FT_ECHO, Unit::Connection), Measure::Memory)
    };
    let other = recipes::TOKIO_ECHO;
    let sixth = Some(Target::AtMost(1.0 / 6.0));
    let row = harness.row(&work, (other, sixth), contest(harness, [&work.ft, &other]));
    let each = Some(Target::AtMostKib(1.25));
    let mut itself = row.looked_at(Measure::Memory, each);
    itself.other.name = "nobody";
    vec![row, Harness::say(itself)]
}

fn contest(harness: &Harness, recipes: [&Recipe; 2]) -> Result<Pairs, Trouble> {
    let [ft, other] = recipes.map(|recipe| {
        move |_| {
            let server = harness.start(recipe, 0, None)?;
            hold(&server, harness.form.idle)
        }
    });
    let mut pairs = alternate(
        &harness.form,
        &mut (Box::new(ft) as _),
        &mut (Box::new(other) as _),
    )?;
    pairs.calls = recipes.map(|recipe| calls(harness, recipe)).to_vec();
    Ok(pairs)
}

fn calls(harness: &Harness, recipe: &Recipe) -> (String, Calls) {
    match harness.start(recipe, 0, None) {
        Ok(server) => {
            let count = harness.form.idle.min(COUNTED);
            harness.calls(&server, Box::new(|_| hold(&server, count)))
        }
        Err(trouble) => (recipe.name.to_owned(), Calls::Unknown(trouble.to_string())),
    }
}

/// Opens so many connections, and reads the memory while they are idle.
fn hold(server: &Running, count: usize) -> Result<Slice, Trouble> {
    let before = server.memory();
    let meter = Meter::start(server);
    let held = Held::open(server.port(), count)?;
    let mut slice = meter.stop(server, count as f64);
    slice.memory = server.memory().saturating_sub(before) as f64;
    drop(held);
    Ok(slice)
}
