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

/// Lines that the sender sends with one call: as somebody who types or logs, and as a pipe that is
/// full.
const AT_ONCE: [(u64, &str); 2] = [(1, "a call each"), (1024, "1,024 a call")];

/// `ft` beside its like and beside itself.
pub(super) fn rows(harness: &Harness) -> Vec<Row> {
    let mut rows = Vec::new();
    for (at_once, said) in AT_ONCE {
        let mut work = Work {
            name: format!("64 B lines, {said}, 1 sender, {MEMBERS} members"),
            ft: recipes::FT_HUB,
            unit: Unit::Delivery,
            measure: Measure::Rate,
            destination: 0,
            apart: None,
            also: Vec::new(),
        };
        let others = [
            (recipes::NCAT_BROKER, Some(Target::AtLeast(3.0))),
            (recipes::NATS, Some(Target::AtLeast(1.0))),
        ];
        let open: &Open<'_> = &|server| side(server, at_once, 0);
        rows.extend(harness.contest(&work, &others, open));
        work.name.push_str(", 1 of them stopped");
        let undisturbed = Recipe {
            name: "ft hub, nobody stopped",
            ..recipes::FT_HUB
        };
        let target = Some(Target::AtLeast(0.9));
        let pairs = beside_itself(harness, at_once);
        rows.push(harness.row(&work, (undisturbed, target), pairs));
    }
    rows
}

fn beside_itself(harness: &Harness, at_once: u64) -> Result<Pairs, Trouble> {
    let one = harness.start(&recipes::FT_HUB, 0, None)?;
    let other = harness.start(&recipes::FT_HUB, 0, None)?;
    let mut stopped = side(&one, at_once, 1)?;
    alternate(&harness.form, &mut stopped, &mut side(&other, at_once, 0)?)
}

fn side(server: &Running, lines_at_once: u64, stopped: usize) -> Result<Side<'_>, Trouble> {
    let nats = server.name() == recipes::NATS.name;
    let mut members = Members::join(Room {
        port: server.port(),
        dialect: if nats { Dialect::Nats } else { Dialect::Lines },
        members: MEMBERS,
        stopped,
        lines_at_once,
    })?;
    Ok(Box::new(move |length| {
        let meter = Meter::start(server);
        let deliveries = members.run(length)?;
        Ok(meter.stop(server, deliveries as f64))
    }))
}
