//! Rate: connections that are made, used once and closed.

use fivetuple::load::{CloseBy, LoadOptions, Mode};

use crate::contender::recipes;
use crate::drive::generator::Generator;
use crate::drive::visits::visit;
use crate::harness::{Harness, Open};
use crate::pairs::{Measure, Meter};
use crate::row::{Row, Target, Unit, Work};

/// How many connections there are at a time.
const AT_A_TIME: u32 = 64;

/// `ft` beside the floor, on a core each, and beside nginx, on all cores.
pub(super) fn rows(harness: &Harness) -> Vec<Row> {
    let mut rows = echoes(harness);
    rows.extend(texts(harness));
    rows
}

fn echoes(harness: &Harness) -> Vec<Row> {
    let work = Work {
        name: format!("connect, 64 B echo, reset; {AT_A_TIME} at a time, a core each"),
        ft: recipes::FT_ECHO,
        unit: Unit::Connection,
        measure: Measure::Rate,
        destination: 0,
        apart: Harness::apart(),
        also: Vec::new(),
    };
    let options = LoadOptions {
        mode: Mode::Connect,
        connections: AT_A_TIME,
        size: 64,
        // No port rests in TIME-WAIT, so that none is missing in the next slice.
        close_by: CloseBy::Reset,
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
    let others = [(recipes::EPOLL_ECHO, Some(Target::AtLeast(0.95)))];
    harness.contest(&work, &others, open)
}

fn texts(harness: &Harness) -> Vec<Row> {
    let work = Work {
        name: "connect, receive 64 B to the end, reset; 16 at a time".to_owned(),
        ft: recipes::FT_SOURCE_64,
        unit: Unit::Connection,
        measure: Measure::Rate,
        destination: 0,
        apart: None,
        also: Vec::new(),
    };
    let open: &Open<'_> = &|server| {
        let port = server.port();
        let mut text = Vec::new();
        crate::drive::visits::hear(port, &mut text)?;
        if text.len() != crate::contender::TEXT.len() {
            return Err(server.wrong("does not say 64 bytes"));
        }
        Ok(Box::new(move |length| {
            let meter = Meter::start(server);
            let visits = visit(port, &text, length)?;
            Ok(meter.stop(server, visits as f64))
        }))
    };
    let others = [(recipes::NGINX_RETURN, Some(Target::AtLeast(1.0)))];
    harness.contest(&work, &others, open)
}
