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

/// What its section says of its rows.
pub(super) const NOTE: &str = "\
Of the bulk stream 4 KiB in each MiB and the number of all bytes are compared; the rest is thrown away in the
kernel, so that the ends cost little. Of round trips every byte is compared. haproxy has two settings, each for
the rows where it is the faster one: what `option splice-auto` sees as bulk depends on who is quicker, and it
copied this stream; with `splice-request`, `splice-response` and pipes of 1 MiB it splices. On round trips of 64 B
that made it slower, as did larger buffers, so there it copies with its own.";

/// One bulk stream, round trips, and many streams.
pub(super) fn rows(harness: &Harness) -> Vec<Row> {
    let mut rows = bulk(harness);
    let round_trips: [_; 3] = [
        (recipes::HAPROXY, Some(Target::AtLeast(1.1))),
        (recipes::NGINX_RELAY, Some(Target::AtLeast(1.1))),
        (recipes::EPOLL_RELAY, None),
    ];
    let streams = [
        (recipes::HAPROXY_SPLICE, Some(Target::AtLeast(1.1))),
        (recipes::EPOLL_RELAY, None),
    ];
    rows.extend(exchanges(harness, (64, 64), &round_trips));
    rows.extend(exchanges(harness, (1000, 64 * 1024), &streams));
    rows
}

fn bulk(harness: &Harness) -> Vec<Row> {
    let name = "one bulk stream";
    let mut work = Work {
        // One sends, one receives.
        client_threads: Some(2),
        ..Work::new(name, (recipes::FT_RELAY, Unit::Byte), Measure::Rate)
    };
    let others = [
        (recipes::HAPROXY_SPLICE, Some(Target::AtLeast(1.5))),
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
            Err(trouble) => return Err(trouble.again()),
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
    let name = format!("{shown} round trips over {connections} connections");
    let mut work = Work {
        also: vec![recipes::EPOLL_ECHO],
        ..Work::new(name, (recipes::FT_RELAY, Unit::Message), Measure::Rate)
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
            return Err(trouble.again());
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
