//! Idle: the memory in user space of connections that have been used once.

use crate::contender::{Recipe, recipes};
use crate::drive::held::Held;
use crate::harness::{Harness, Open};
use crate::pairs::{Form, Measure, Meter, Pairs, alternate};
use crate::row::{Row, Target, Unit, Work};
use crate::trouble::Trouble;

/// `ft` beside a buffer per connection, and by itself.
pub(super) fn rows(harness: &Harness) -> Vec<Row> {
    let count = harness.form.idle;
    let work = Work {
        name: format!("{count} connections that have echoed 16 KiB once"),
        ft: recipes::FT_ECHO,
        unit: Unit::Connection,
        measure: Measure::Memory,
        destination: 0,
        apart: None,
        also: Vec::new(),
    };
    let other = recipes::TOKIO_ECHO;
    let open: &Open<'_> = &|server| {
        Ok(Box::new(move |_| {
            let before = server.memory();
            let meter = Meter::start(server);
            let held = Held::open(server.port(), count)?;
            let mut slice = meter.stop(server, count as f64);
            slice.memory = server.memory().saturating_sub(before) as f64;
            drop(held);
            Ok(slice)
        }))
    };
    let pairs = fresh(harness, &work, open);
    let by_itself = pairs.as_ref().map(Clone::clone);
    let by_itself = by_itself.map_err(|trouble| Trouble::wrong("idle", trouble.to_string()));
    let sixth = Some(Target::AtMost(1.0 / 6.0));
    let each = Some(Target::AtMostKib(1.25));
    let itself = Recipe {
        name: "nobody",
        ..work.ft
    };
    vec![
        harness.row(&work, (other, sixth), pairs),
        harness.row(&work, (itself, each), by_itself),
    ]
}

/// Pairs of contenders that are started anew each time: memory that was used once stays with a
/// process.
fn fresh(harness: &Harness, work: &Work, open: &Open<'_>) -> Result<Pairs, Trouble> {
    let form = Form {
        pairs: harness.form.pairs.min(3),
        ..harness.form
    };
    let once = |recipe| {
        move |length| {
            let server = harness.start(recipe, work.destination, None)?;
            open(&server)?(length)
        }
    };
    alternate(
        &form,
        &mut (Box::new(once(&work.ft)) as _),
        &mut (Box::new(once(&recipes::TOKIO_ECHO)) as _),
    )
}
