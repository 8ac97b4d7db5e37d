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

/// What its section says of its rows.
pub(super) const NOTE: &str = "\
Contender and client share all cores: with a core each the client is full before the server is, and the rate
is the client's. Every byte of each answer is compared.";

/// `ft` beside the floor and beside nginx.
pub(super) fn rows(harness: &Harness) -> Vec<Row> {
    let mut rows = echoes(harness);
    rows.extend(texts(harness));
    rows
}

fn echoes(harness: &Harness) -> Vec<Row> {
    let name = format!("connect, 64 B echo, reset; {AT_A_TIME} at a time");
    let work = Work::new(name, (recipes::FT_ECHO, Unit::Connection), Measure::Rate);
    let options = LoadOptions {
        mode: Mode::Connect,
        connections: AT_A_TIME,
        size: 64,
        // No port rests in TIME-WAIT, so that none is missing in the next slice.
        close_by: CloseBy::Reset,
        ..LoadOptions::default()
    };
    let open: &Open<'_> = &|server| {
        let mut generator = Generator::open(server.port(), &options, None)?;
        Ok(Box::new(move |length| {
            let meter = Meter::start(server);
            let measured = generator.run(length)?;
            Ok(meter.stop(server, measured.messages as f64))
        }))
    };
    let others = [(recipes::EPOLL_ECHO, Some(Target::AtLeast(0.95)))];
    with_cpu(harness, harness.contest(&work, &others, open))
}

fn texts(harness: &Harness) -> Vec<Row> {
    let name = "connect, receive 64 B to the end, reset; 16 at a time";
    let work = Work::new(
        name,
        (recipes::FT_SOURCE_64, Unit::Connection),
        Measure::Rate,
    );
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
    with_cpu(harness, harness.contest(&work, &others, open))
}

/// After each row the CPU time of the server for a connection, of the same pairs.
fn with_cpu(harness: &Harness, rows: Vec<Row>) -> Vec<Row> {
    let rows = rows.into_iter();
    rows.flat_map(|row| {
        let cpu = harness.look(&row, Measure::ServerCpu, None);
        [row, cpu]
    })
    .collect()
}
