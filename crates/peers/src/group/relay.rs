//! Relay: two connections joined to each other. What is measured is the relay; both ends are the
//! harness's and cost little, or are a bare echo.

use std::sync::Arc;

use fivetuple::load::{LoadOptions, Mode};

use crate::contender::recipes;
use crate::drive::generator::Generator;
use crate::drive::stream::Destination;
use crate::harness::{Harness, Open};
use crate::pairs::{Measure, Meter};
use crate::row::{Beside, Row, Target, Unit, Work};
use crate::trouble::Trouble;

/// One bulk stream, round trips, and many streams.
pub(super) fn rows(harness: &Harness) -> Vec<Row> {
    let mut rows = bulk(harness);
    let round_trips: [_; 3] = [
        (recipes::HAPROXY, Some(Target::AtLeast(1.1))),
        (recipes::NGINX_RELAY, Some(Target::AtLeast(1.1))),
        (recipes::EPOLL_RELAY, None),
    ];
    let streams = [
        (recipes::HAPROXY, Some(Target::AtLeast(1.1))),
        (recipes::EPOLL_RELAY, None),
    ];
    rows.extend(exchanges(harness, (64, 64), &round_trips));
    rows.extend(exchanges(harness, (1000, 64 * 1024), &streams));
    rows
}

fn bulk(harness: &Harness) -> Vec<Row> {
    let mut work = Work {
        name: "one bulk stream".to_owned(),
        ft: recipes::FT_RELAY,
        unit: Unit::Byte,
        measure: Measure::Rate,
        destination: 0,
        apart: None,
        also: Vec::new(),
    };
    let others = [
        (recipes::HAPROXY, Some(Target::AtLeast(1.5))),
        (recipes::NGINX_RELAY, Some(Target::AtLeast(1.3))),
        (recipes::SOCAT_RELAY_LARGE, Some(Target::AtLeast(1.3))),
        (recipes::SOCAT_RELAY, Some(Target::AtLeast(2.5))),
        (recipes::EPOLL_RELAY, None),
    ];
    let destination = Destination::open().and_then(|destination| {
        work.destination = destination.port()?;
        Ok(Arc::new(destination))
    });
    let open: &Open<'_> = &|server| {
        let destination = match &destination {
            Ok(destination) => Arc::clone(destination),
            Err(trouble) => return Err(Trouble::wrong("the destination", trouble.to_string())),
        };
        Ok(Box::new(move |length| {
            let meter = Meter::start(server);
            let bytes = destination.stream(server.port(), length)?;
            Ok(meter.stop(server, bytes as f64))
        }))
    };
    harness.contest(&work, &others, open)
}

/// Messages through the relay to an echo and back.
fn exchanges(harness: &Harness, (connections, size): (u32, usize), others: &[Beside]) -> Vec<Row> {
    let shown = if size < 1024 {
        format!("{size} B")
    } else {
        format!("{} KiB", size / 1024)
    };
    let mut work = Work {
        name: format!("{shown} round trips over {connections} connections"),
        ft: recipes::FT_RELAY,
        unit: Unit::Message,
        measure: Measure::Rate,
        destination: 0,
        apart: None,
        also: vec![recipes::EPOLL_ECHO],
    };
    let echo = harness.start(&recipes::EPOLL_ECHO, 0, None);
    work.destination = echo.as_ref().map_or(0, crate::process::Running::port);
    let options = LoadOptions {
        mode: Mode::Echo,
        connections,
        size,
        ..LoadOptions::default()
    };
    let open: &Open<'_> = &|server| {
        if let Err(trouble) = &echo {
            return Err(Trouble::wrong("the echo", trouble.to_string()));
        }
        let mut generator = Generator::open(server.port(), &options, None)?;
        Ok(Box::new(move |length| {
            let meter = Meter::start(server);
            let measured = generator.run(length)?;
            Ok(meter.stop(server, measured.messages as f64))
        }))
    };
    harness.contest(&work, others, open)
}
