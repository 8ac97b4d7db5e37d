//! Hub: lines of 64 bytes from one sender to 50 members, deliveries per second.

use crate::contender::{Recipe, recipes};
use crate::drive::dialect::Dialect;
use crate::drive::members::{Members, READERS, Room};
use crate::harness::{Harness, Open};
use crate::pairs::{Measure, Meter, Pairs, Side, alternate};
use crate::process::Running;
use crate::row::{Row, Target, Unit, Work};
use crate::trouble::Trouble;

/// What its section says of its rows.
pub(super) const NOTE: &str = "\
Every byte that each member receives is compared, except by those that are stopped. The sender is never more than
4,096 lines ahead of the slowest of the others. Two threads read what the members receive, and one of them sends.";

/// Members beside the sender.
const MEMBERS: usize = 50;

/// Lines that the sender sends with one call: as somebody who types or logs, and as a pipe that is
/// full.
const AT_ONCE: [(u64, &str); 2] = [(1, "a call each"), (1024, "1,024 a call")];

/// What the hub is called that is beside itself.
const UNDISTURBED: &str = "ft hub, nobody stopped";

/// `ft` beside its like and beside itself.
pub(super) fn rows(harness: &Harness) -> Vec<Row> {
    let mut rows = Vec::new();
    for (at_once, said) in AT_ONCE {
        let name = format!("64 B lines, {said}, 1 sender, {MEMBERS} members");
        let mut work = Work {
            client_threads: Some(READERS),
            ..Work::new(name, (recipes::FT_HUB, Unit::Delivery), Measure::Rate)
        };
        let others = [
            (recipes::NCAT_BROKER, Some(Target::AtLeast(3.0))),
            (recipes::NATS, Some(Target::AtLeast(1.0))),
        ];
        let open: &Open<'_> = &|server| side(server, at_once, 0);
        for row in harness.contest(&work, &others, open) {
            let cpu = harness.look(&row, Measure::ServerCpu, None);
            rows.extend([row, cpu]);
        }
        work.name.push_str(", 1 of them stopped");
        let undisturbed = Recipe {
            name: UNDISTURBED,
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
    let (mut stopped, mut nobody) = (side(&one, at_once, 1)?, side(&other, at_once, 0)?);
    let mut pairs = alternate(&harness.form, &mut stopped, &mut nobody)?;
    let undisturbed = harness.calls(&other, nobody).1;
    pairs.calls = vec![
        harness.calls(&one, stopped),
        (UNDISTURBED.to_owned(), undisturbed),
    ];
    Ok(pairs)
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
