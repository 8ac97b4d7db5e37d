//! Hub: lines of 64 bytes from one sender to 50 members, deliveries per second.

use crate::contender::{Recipe, recipes};
use crate::drive::dialect::Dialect;
use crate::drive::members::{Members, Room};
use crate::harness::{Harness, Open};
use crate::pairs::{Measure, Meter, Pairs, Side, alternate};
use crate::process::Running;
use crate::row::{Row, Target, Unit, Work};
use crate::trouble::Trouble;

/// Members beside the sender.
const MEMBERS: usize = 50;

/// `ft` beside its like and beside itself.
pub(super) fn rows(harness: &Harness) -> Vec<Row> {
    let mut work = Work {
        name: "64 B lines, 1 sender, 50 members".to_owned(),
        ft: recipes::FT_HUB,
        unit: Unit::Delivery,
        measure: Measure::Rate,
        destination: 0,
        apart: None,
    };
    let others = [
        (recipes::NCAT_BROKER, Some(Target::AtLeast(3.0))),
        (recipes::NATS, Some(Target::AtLeast(1.0))),
    ];
    let open: &Open<'_> = &|server| side(server, 0);
    let mut rows = harness.contest(&work, &others, open);
    "the same, 1 of 50 members stopped".clone_into(&mut work.name);
    let undisturbed = Recipe {
        name: "ft hub, nobody stopped",
        ..recipes::FT_HUB
    };
    let pairs = beside_itself(harness);
    let target = Some(Target::AtLeast(0.9));
    rows.push(harness.row(&work, (undisturbed, target), pairs));
    rows
}

fn beside_itself(harness: &Harness) -> Result<Pairs, Trouble> {
    let one = harness.start(&recipes::FT_HUB, 0, None)?;
    let other = harness.start(&recipes::FT_HUB, 0, None)?;
    alternate(&harness.form, &mut side(&one, 1)?, &mut side(&other, 0)?)
}

fn side(server: &Running, stopped: usize) -> Result<Side<'_>, Trouble> {
    let nats = server.name() == recipes::NATS.name;
    let mut members = Members::join(Room {
        port: server.port(),
        dialect: if nats { Dialect::Nats } else { Dialect::Lines },
        members: MEMBERS,
        stopped,
    })?;
    Ok(Box::new(move |length| {
        let meter = Meter::start(server);
        let deliveries = members.run(length)?;
        Ok(meter.stop(server, deliveries as f64))
    }))
}
