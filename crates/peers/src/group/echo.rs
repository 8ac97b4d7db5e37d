//! Echo: messages of 64 bytes that come back.

use fivetuple::load::{LoadOptions, Mode};

use crate::contender::recipes;
use crate::drive::generator::Generator;
use crate::harness::{Harness, Open};
use crate::pairs::{Measure, Meter};
use crate::row::{Beside, Row, Target, Unit, Work};

/// What its section says of its rows.
pub(super) const NOTE: &str = "\
A connection has one message out; the next one is sent when every byte of it has come back and was compared.";

/// `ft` beside the floor, on a core each; and beside the programs that fork, on all cores.
pub(super) fn rows(harness: &Harness) -> Vec<Row> {
    let mut rows = Vec::new();
    for connections in [1, 64, 1000] {
        let work = work(connections, Measure::ServerCpu, Harness::apart());
        let others = [(recipes::EPOLL_ECHO, Some(Target::AtMost(1.08)))];
        rows.extend(contest(harness, &work, connections, &others));
    }
    let work = work(64, Measure::Rate, None);
    let others = [
        (recipes::NCAT_ECHO, Some(Target::AtLeast(2.5))),
        (recipes::SOCAT_EXEC, Some(Target::AtLeast(2.5))),
        (recipes::SOCAT_PIPE, Some(Target::AtLeast(2.0))),
    ];
    rows.extend(contest(harness, &work, 64, &others));
    rows
}

fn work(connections: u32, measure: Measure, apart: Option<[usize; 2]>) -> Work {
    let plural = if connections == 1 { "" } else { "s" };
    let cores = if apart.is_some() { ", a core each" } else { "" };
    let name = format!("64 B, {connections} connection{plural}{cores}");
    Work {
        apart,
        ..Work::new(name, (recipes::FT_ECHO, Unit::Message), measure)
    }
}

fn contest(harness: &Harness, work: &Work, connections: u32, others: &[Beside]) -> Vec<Row> {
    let options = LoadOptions {
        mode: Mode::Echo,
        connections,
        size: 64,
        ..LoadOptions::default()
    };
    let core = work.apart.map(|[_, client]| client);
    let open: &Open<'_> = &|server| {
        let mut generator = Generator::open(server.port(), &options, core)?;
        Ok(Box::new(move |length| {
            let meter = Meter::start(server);
            let measured = generator.run(length)?;
            Ok(meter.stop(server, measured.messages as f64))
        }))
    };
    harness.contest(work, others, open)
}
