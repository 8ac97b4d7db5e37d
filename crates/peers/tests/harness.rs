//! The harness itself: contenders start and end, work is checked, and what came out is written down.

mod rig;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use fivetuple::load::LoadOptions;
use peers::Trouble;
use peers::contender::{Program, Recipe, recipes};
use peers::drive::bare::Bare;
use peers::drive::dialect::Dialect;
use peers::drive::generator::Generator;
use peers::drive::members::{Members, Room};
use peers::drive::stream::Destination;
use peers::group::Group;
use peers::harness::{Harness, Open};
use peers::pairs::{Calls, Measure, Meter, Pairs, Slice};
use peers::process::is_listening;
use peers::report::document;
use peers::row::{Row, Target, Unit, Work};

fn work() -> Work {
    let echo = (recipes::EPOLL_ECHO, Unit::Message);
    Work::new("64 B, 4 connections", echo, Measure::Rate)
}

fn echoes(harness: &Harness, others: &[(Recipe, Option<Target>)]) -> Vec<Row> {
    let options = LoadOptions {
        connections: 4,
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
    harness.contest(&work(), others, open)
}

/// Of a bare echo; or it is said why they were not counted.
fn is_one_receive_and_one_send_at_least(calls: &Calls) {
    match calls {
        Calls::PerUnit(calls) => {
            let often = calls.iter().filter(|(_, count)| *count >= 0.9).count();
            assert!(often >= 2, "{calls:?}");
        }
        Calls::Unknown(said) if Program::Strace.find().is_err() => {
            assert!(said.starts_with("strace is missing"), "{said}");
        }
        // A user may not be allowed to trace.
        Calls::Unknown(said) => assert!(said.ends_with("cannot be traced"), "{said}"),
    }
}

#[test]
fn two_floors_do_the_same_work_and_are_written_down() {
    let target = Some(Target::AtLeast(0.000_001));
    let harness = rig::harness();
    let others = [(recipes::TOKIO_ECHO, target), (recipes::EPOLL_ECHO, None)];
    let mut rows = echoes(&harness, &others);
    for row in &rows {
        let pairs = row.pairs.as_ref().unwrap();
        assert_eq!(pairs.kept.len(), rig::TINY.pairs);
        assert!(row.value().unwrap().median > 0.0);
    }
    assert_eq!(rows[0].verdict(), "yes");
    for (_, calls) in &rows[1].pairs.as_ref().unwrap().calls {
        is_one_receive_and_one_send_at_least(calls);
    }
    let look = rows[0].looked_at(Measure::ServerCpu, None);
    rows.insert(1, look);
    let text = document("", &harness, &[(Group::Echo, rows)]);
    for line in [
        "# Comparison",
        "## The machine",
        "## echo: small messages",
        "| 64 B, 4 connections | plain tokio echo | throughput | ",
        "- `peers floor tokio-echo {port} --threads {cores}`",
        "| work | who | calls | which |",
        "| 64 B, 4 connections | bare epoll echo | ",
        "| 64 B, 4 connections | plain tokio echo | server CPU per unit | ",
        Group::Echo.note(),
    ] {
        assert!(text.contains(line), "{line:?} is not in\n{text}");
    }
    // One verdict for each look, one line of figures, one of calls.
    let of_tokio = text.matches("| plain tokio echo | ");
    assert_eq!(of_tokio.count(), 4, "{text}");
    let folder = harness.folder().to_str().unwrap();
    assert!(!text.contains(folder), "the report names a folder:\n{text}");
}

#[test]
fn a_contender_that_is_missing_is_named_with_its_package() {
    let harness = rig::harness().looking_in(vec![PathBuf::from("no-folder")]);
    let rows = echoes(&harness, &[(recipes::NATS, None)]);
    let [row] = rows.as_slice() else {
        panic!("{rows:?}")
    };
    assert!(matches!(row.pairs, Err(Trouble::Missing { .. })), "{row:?}");
    assert_eq!(row.verdict(), "not measured");
    let said = "nats-server is missing (apt-get install nats-server)";
    assert_eq!(row.shown(), said);
    let text = document("", &harness, &[(Group::Echo, rows)]);
    for line in [
        format!("| nats-server core | throughput | {said} | – | not measured | – |"),
        format!("| nats-server | {said} |"),
    ] {
        assert!(text.contains(&line), "{line:?} is not in\n{text}");
    }
}

#[test]
fn pairs_that_are_kept_although_they_are_disturbed_are_told() {
    let harness = rig::harness();
    let pairs = Pairs {
        kept: vec![(Slice::default(), Slice::default()); 9],
        left_out: 18,
        disturbed: 4,
        ..Pairs::default()
    };
    let row = harness.row(&work(), (recipes::TOKIO_ECHO, None), Ok(pairs));
    let text = document("", &harness, &[(Group::Echo, vec![row])]);
    assert!(text.contains("| 9 (18), 4 of them disturbed |"), "{text}");
}

#[test]
fn a_report_keeps_the_sections_of_other_groups() {
    let harness = rig::harness();
    let mut row = Row {
        work: work(),
        other: recipes::NATS,
        target: Some(Target::AtMost(1.0 / 6.0)),
        pairs: Err(Trouble::wrong("nats-server core", "does not listen")),
        is_another_look: false,
    };
    let first = document("", &harness, &[(Group::Hub, vec![row])]);
    row = Row {
        work: work(),
        other: recipes::NCAT_ECHO,
        target: None,
        pairs: Err(Trouble::wrong("ncat", "does not listen")),
        is_another_look: false,
    };
    let both = document(&first, &harness, &[(Group::Echo, vec![row])]);
    let [echo, hub] = [Group::Echo, Group::Hub].map(|group| both.find(group.title()));
    assert!(echo.is_some() && echo < hub, "{both}");
    assert!(both.contains("nats-server core: does not listen"), "{both}");
    assert!(both.contains("≤ 0.17 ×"), "{both}");
    assert_eq!(both.matches("## The machine").count(), 1);
}

#[test]
fn a_contender_is_gone_when_it_is_dropped() {
    let harness = rig::harness();
    let server = harness.start(&recipes::EPOLL_ECHO, 0, None).unwrap();
    let port = server.port();
    assert!(is_listening(port));
    assert!(server.memory() > 0);
    drop(server);
    assert!(!is_listening(port));
}

#[test]
fn a_contender_that_ends_instead_of_listening_is_told_with_its_words() {
    let harness = rig::harness();
    let wrong = Recipe::plain("a floor", Program::Floor, "floor no-such-floor");
    let trouble = harness.start(&wrong, 0, None).unwrap_err().to_string();
    assert!(trouble.contains("a floor: does not listen"), "{trouble}");
}

#[test]
fn a_bare_client_counts_what_came_back() {
    let harness = rig::harness();
    let server = harness.start(&recipes::EPOLL_ECHO, 0, None).unwrap();
    let mut bare = Bare::open(server.port(), 3).unwrap();
    let messages = bare.run(rig::TINY.slice, None).unwrap();
    assert!(messages >= 3, "{messages}");
}

#[test]
fn a_stream_through_a_relay_arrives() {
    let harness = rig::harness();
    let destination = Destination::open().unwrap();
    let port = destination.port().unwrap();
    let relay = harness.start(&recipes::EPOLL_RELAY, port, None).unwrap();
    let length = rig::TINY.slice;
    let bytes = destination.stream(relay.port(), length).unwrap();
    assert!(bytes > 0);
}

/// A relay for one connection that passes on what it is told to make of each chunk.
fn relay_once(destination: u16, change: fn(&mut Vec<u8>)) -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        let (mut accepted, _) = listener.accept().unwrap();
        let mut connected = TcpStream::connect(("127.0.0.1", destination)).unwrap();
        let mut chunk = vec![0; 64 * 1024];
        loop {
            match accepted.read(&mut chunk) {
                Ok(0) | Err(_) => break,
                Ok(received) => {
                    let mut passed_on = chunk[..received].to_vec();
                    change(&mut passed_on);
                    if connected.write_all(&passed_on).is_err() {
                        break;
                    }
                }
            }
        }
    });
    port
}

#[test]
fn a_relay_that_loses_bytes_is_found_out() {
    let destination = Destination::open().unwrap();
    let lose: fn(&mut Vec<u8>) = |bytes| bytes.truncate(bytes.len() - 1);
    let relay = relay_once(destination.port().unwrap(), lose);
    let streamed = destination.stream(relay, Duration::from_millis(50));
    assert!(streamed.is_err(), "{streamed:?}");
}

#[test]
fn a_relay_that_changes_bytes_is_found_out() {
    let destination = Destination::open().unwrap();
    // As many as it received, so that only their values tell.
    let change: fn(&mut Vec<u8>) = |bytes| bytes.iter_mut().for_each(|byte| *byte ^= 1);
    let relay = relay_once(destination.port().unwrap(), change);
    let streamed = destination.stream(relay, Duration::from_millis(50));
    let said = streamed.unwrap_err().to_string();
    assert!(said.contains("other bytes than it received"), "{said}");
}

/// A hub in which everybody hears the others, until a line has been heard that is left out.
fn hub(left_out: &'static [u8]) -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        let members = (0..3).map(|_| listener.accept().unwrap().0);
        let members: Vec<TcpStream> = members.collect();
        // The one that came last is the one that sends.
        let (mut sender, mut others) = (&members[2], &members[..2]);
        let mut line = [0; 64];
        while sender.read_exact(&mut line).is_ok() {
            if line.ends_with(left_out) {
                others = &others[..1];
                continue;
            }
            let send = |mut member: &TcpStream| member.write_all(&line);
            if others.iter().any(|member| send(member).is_err()) {
                break;
            }
        }
    });
    port
}

fn join(port: u16) -> Members {
    let room = Room {
        port,
        dialect: Dialect::Lines,
        members: 2,
        stopped: 0,
        lines_at_once: 1,
    };
    Members::join(room).unwrap()
}

#[test]
fn members_of_a_hub_count_what_each_has_heard() {
    let mut members = join(hub(b"no line ends so"));
    let heard = members.run(rig::TINY.slice).unwrap();
    assert!(heard > 0 && heard.is_multiple_of(2), "{heard}");
    assert!(members.run(rig::TINY.slice).unwrap() > 0);
}

#[test]
fn a_hub_that_leaves_out_a_line_is_found_out() {
    let mut members = join(hub(b"0017\n"));
    let ended = members.run(Duration::from_millis(50));
    assert!(ended.is_err(), "{ended:?}");
}
