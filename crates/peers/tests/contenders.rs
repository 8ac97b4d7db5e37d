//! Every contender that is here does a little of the work that it is measured with. Who is missing is
//! skipped by name; under CI nobody may be.

mod rig;

use std::io::Write;
use std::sync::Arc;

use fivetuple::load::{CloseBy, LoadOptions, Mode};
use peers::contender::{Program, Recipe, TEXT, recipes};
use peers::drive::dialect::Dialect;
use peers::drive::generator::Generator;
use peers::drive::members::{Members, Room};
use peers::drive::programs::{self, Client};
use peers::drive::stream::Destination;
use peers::drive::transfer::{Both, Sent};
use peers::drive::visits;
use peers::harness::{Harness, Open};
use peers::pairs::{Calls, Form, Measure, Meter, Pairs, alternate};
use peers::process::Running;
use peers::row::{Row, Unit, Work};

/// Whether a program is there.
fn has(program: Program) -> bool {
    let missing = program.find().err();
    assert!(
        missing.is_none() || std::env::var_os("CI").is_none(),
        "under CI nothing is skipped: {missing:?}"
    );
    if let Some(missing) = &missing {
        let _ = writeln!(std::io::stderr(), "skipped: {missing}");
    }
    missing.is_none()
}

fn work(ft: Recipe, unit: Unit) -> Work {
    Work::new("a little", (ft, unit), Measure::Rate)
}

/// Both have done something in every slice, and their calls were counted.
fn is_measured(pairs: &Pairs) {
    assert!(
        !pairs.kept.is_empty() && !pairs.calls.is_empty(),
        "{pairs:?}"
    );
    for (one, other) in &pairs.kept {
        assert!(one.units > 0.0 && other.units > 0.0, "{pairs:?}");
    }
    for (who, calls) in &pairs.calls {
        match calls {
            Calls::PerUnit(calls) => assert!(!calls.is_empty(), "{who}"),
            Calls::Unknown(_) if Program::Strace.find().is_err() => {}
            // A user may not be allowed to trace.
            Calls::Unknown(said) => assert!(said.ends_with("cannot be traced"), "{who}: {said}"),
        }
    }
}

fn are_measured(rows: &[Row]) {
    for row in rows {
        is_measured(row.pairs.as_ref().unwrap_or_else(|_| panic!("{row}")));
    }
}

/// Messages that come back, from every one of these and from a floor.
fn echoes(harness: &Harness, (floor, destination): (Recipe, u16), others: &[Recipe]) {
    let options = LoadOptions {
        connections: 2,
        size: 64,
        ..LoadOptions::default()
    };
    let open: &Open<'_> = &|server| {
        let mut generator = Generator::open(server.port(), &options, None)?;
        Ok(Box::new(move |length| {
            let meter = Meter::start(server);
            // On a slow machine so long that there is one message at least.
            let measured = loop {
                let measured = generator.run(length)?;
                if measured.messages > 0 {
                    break measured;
                }
            };
            Ok(meter.stop(server, measured.messages as f64))
        }))
    };
    let mut work = work(floor, Unit::Message);
    work.destination = destination;
    let others: Vec<_> = others.iter().map(|other| (*other, None)).collect();
    are_measured(&harness.contest(&work, &others, open));
}

#[test]
fn ncat_echoes() {
    if has(Program::Ncat) {
        let floor = (recipes::EPOLL_ECHO, 0);
        echoes(&rig::harness(), floor, &[recipes::NCAT_ECHO]);
    }
}

#[test]
fn socat_echoes_with_a_program_and_with_a_pipe() {
    if has(Program::Socat) {
        let others = [recipes::SOCAT_EXEC, recipes::SOCAT_PIPE];
        echoes(&rig::harness(), (recipes::EPOLL_ECHO, 0), &others);
    }
}

/// Round trips through a relay, and one bulk stream.
fn relays(program: Program, small: &[Recipe], bulk: &[Recipe]) {
    if !has(program) {
        return;
    }
    let harness = rig::harness();
    let echo = harness.start(&recipes::EPOLL_ECHO, 0, None).unwrap();
    echoes(&harness, (recipes::EPOLL_RELAY, echo.port()), small);
    let destination = Arc::new(Destination::open().unwrap());
    let open: &Open<'_> = &|server| {
        let destination = Arc::clone(&destination);
        Ok(Box::new(move |length| {
            let meter = Meter::start(server);
            let bytes = destination.stream(server.port(), length)?;
            Ok(meter.stop(server, bytes as f64))
        }))
    };
    let mut work = work(recipes::EPOLL_RELAY, Unit::Byte);
    work.destination = destination.port().unwrap();
    let others: Vec<_> = bulk.iter().map(|other| (*other, None)).collect();
    are_measured(&harness.contest(&work, &others, open));
}

#[test]
fn haproxy_relays_small_messages_and_bulk() {
    let small = [recipes::HAPROXY, recipes::HAPROXY_SPLICE];
    relays(Program::Haproxy, &small, &[recipes::HAPROXY_SPLICE]);
}

#[test]
fn nginx_relays_small_messages_and_bulk() {
    let nginx = [recipes::NGINX_RELAY];
    relays(Program::Nginx, &nginx, &nginx);
}

#[test]
fn socat_relays_bulk() {
    let bulk = [recipes::SOCAT_RELAY, recipes::SOCAT_RELAY_LARGE];
    relays(Program::Socat, &[], &bulk);
}

/// The bulk row is called "splice", so it has to be.
#[test]
fn haproxy_splices_one_bulk_stream() {
    if !has(Program::Haproxy) || !has(Program::Strace) {
        return;
    }
    let harness = rig::harness();
    let destination = Destination::open().unwrap();
    let port = destination.port().unwrap();
    let relay = harness.start(&recipes::HAPROXY_SPLICE, port, None).unwrap();
    let work = |length| {
        let meter = Meter::start(&relay);
        let bytes = destination.stream(relay.port(), length)?;
        Ok(meter.stop(&relay, bytes as f64))
    };
    match harness.calls(&relay, Box::new(work)).1 {
        Calls::PerUnit(calls) => {
            let most = calls.first().map(|(name, _)| name.as_str());
            assert_eq!(most, Some("splice"), "{calls:?}");
        }
        // A user may not be allowed to trace.
        Calls::Unknown(said) => assert!(said.ends_with("cannot be traced"), "{said}"),
    }
}

#[test]
fn nginx_says_its_text_to_each_who_comes() {
    if !has(Program::Nginx) {
        return;
    }
    let harness = rig::harness();
    let open: &Open<'_> = &|server| {
        Ok(Box::new(|length| {
            let meter = Meter::start(server);
            let visits = visits::visit(server.port(), TEXT.as_bytes(), length)?;
            Ok(meter.stop(server, visits as f64))
        }))
    };
    let work = work(recipes::NGINX_RETURN, Unit::Connection);
    are_measured(&harness.contest(&work, &[(recipes::NGINX_RETURN, None)], open));
}

/// A floor answers each who comes and is reset, as the rate is measured.
#[test]
fn a_floor_echoes_to_connections_that_come_and_go() {
    let harness = rig::harness();
    let server = harness.start(&recipes::EPOLL_ECHO, 0, None).unwrap();
    let options = LoadOptions {
        mode: Mode::Connect,
        connections: 4,
        size: 64,
        close_by: CloseBy::Reset,
        ..LoadOptions::default()
    };
    let mut generator = Generator::open(server.port(), &options, None).unwrap();
    assert!(generator.run(rig::TINY.slice).unwrap().messages > 0);
}

fn hubs(program: Program, recipe: Recipe, dialect: Dialect) {
    if !has(program) {
        return;
    }
    let harness = rig::harness();
    let open: &Open<'_> = &|server| {
        let mut members = Members::join(Room {
            port: server.port(),
            dialect,
            members: 3,
            stopped: 0,
            lines_at_once: 2,
        })?;
        Ok(Box::new(move |length| {
            let meter = Meter::start(server);
            let deliveries = members.run(length)?;
            Ok(meter.stop(server, deliveries as f64))
        }))
    };
    let work = work(recipe, Unit::Delivery);
    are_measured(&harness.contest(&work, &[(recipe, None)], open));
}

#[test]
fn ncat_is_a_hub() {
    hubs(Program::Ncat, recipes::NCAT_BROKER, Dialect::Lines);
}

#[test]
fn nats_is_a_hub() {
    hubs(Program::Nats, recipes::NATS, Dialect::Nats);
}

/// Every tool that is here delivers the file whole, and does it in turns with itself.
fn sends_a_file(program: Program, tools: &[Both]) {
    if !has(program) {
        return;
    }
    let harness = rig::harness();
    let path = harness.folder().join("file");
    let sent = Sent::make(&path, harness.form.file).unwrap();
    for tool in tools {
        sent.check(&harness, tool).unwrap();
        let side = || -> peers::pairs::Side<'_> { Box::new(|_| sent.once(&harness, tool)) };
        let mut pairs = alternate(&harness.form, &mut side(), &mut side()).unwrap();
        pairs.calls = sent.calls(&harness, tool).to_vec();
        is_measured(&pairs);
        let (slice, _) = pairs.kept[0];
        assert!(
            !slice.server.is_zero() && !slice.client.is_zero(),
            "{slice:?}"
        );
    }
}

#[test]
fn nc_sends_a_file() {
    sends_a_file(Program::Nc, &[recipes::FILE_NC]);
}

#[test]
fn ncat_sends_a_file() {
    sends_a_file(Program::Ncat, &[recipes::FILE_NCAT]);
}

#[test]
fn socat_sends_a_file() {
    sends_a_file(
        Program::Socat,
        &[recipes::FILE_SOCAT, recipes::FILE_SOCAT_LARGE],
    );
}

/// One pair of slices: these programs know none that are shorter than a second.
const ONE_PAIR: Form = Form {
    pairs: 1,
    ..rig::TINY
};

/// A generator that is a program works for a server, in turns with itself.
fn generates(client: Client<'_>, server: &Running) {
    let (mut one, mut other) = (client.side(server), client.side(server));
    let mut pairs = alternate(&client.harness.form, &mut one, &mut other).unwrap();
    pairs.calls = vec![client.calls(server)];
    is_measured(&pairs);
}

#[test]
fn iperf3_sends_by_copying_and_from_a_file() {
    if !has(Program::Iperf3) {
        return;
    }
    let harness = rig::harness_of(ONE_PAIR);
    let server = harness.start(&recipes::IPERF3_SERVER, 0, None).unwrap();
    let client = |recipe| Client {
        harness: &harness,
        recipe,
        core: None,
        read: programs::iperf3,
    };
    client(&recipes::IPERF3_CLIENT)
        .run(&server, &std::convert::identity)
        .unwrap();
    generates(client(&recipes::IPERF3_CLIENT_Z), &server);
}

#[test]
fn wrk_asks_nginx() {
    if !has(Program::Wrk) || !has(Program::Nginx) {
        return;
    }
    let harness = rig::harness_of(ONE_PAIR);
    let server = harness.start(&recipes::NGINX_HTTP, 0, None).unwrap();
    let wrk = Client {
        harness: &harness,
        recipe: &recipes::WRK,
        core: None,
        read: programs::wrk,
    };
    generates(wrk, &server);
}

#[test]
fn a_client_that_does_no_work_is_told_with_its_words() {
    if !has(Program::Iperf3) {
        return;
    }
    let harness = rig::harness();
    // It is no server of iperf3.
    let server = harness.start(&recipes::EPOLL_ECHO, 0, None).unwrap();
    let wrong = Client {
        harness: &harness,
        recipe: &recipes::IPERF3_CLIENT,
        core: None,
        read: programs::wrk,
    };
    let trouble = wrong.run(&server, &std::convert::identity).unwrap_err();
    assert!(trouble.to_string().starts_with("iperf3: "), "{trouble}");
}
