//! Bench: the generator, beside iperf3 and wrk; and whether it tells the truth: beside a bare client
//! it must find the same server cost.

use std::io::Read;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use fivetuple::load::{LoadOptions, Mode, Reply, Request};
use serde_json::Value;

use crate::contender::{Program, Recipe, TEXT, recipes};
use crate::drive::bare::Bare;
use crate::drive::generator::Generator;
use crate::harness::Harness;
use crate::pairs::{Measure, Meter, Pairs, Side, Slice, alternate};
use crate::process::{Ended, Running, spawn, wait_for};
use crate::row::{Row, Target, Unit, Work};
use crate::trouble::{Doing, Trouble};

/// So much longer than it is to work may a program need.
const PATIENCE: Duration = Duration::from_secs(10);

/// What `ft bench --mode send` sends at once; iperf3 128 KiB.
const BLOCK: usize = 1024 * 1024;

/// Connections of a generator of requests.
const CONNECTIONS: u32 = 64;

/// The library's generator, as rows have it: it runs in the harness.
const GENERATOR: Recipe = Recipe::plain("fivetuple::load", Program::Floor, "bench");
/// The floor of a generator.
const BARE: Recipe = Recipe::plain("bare epoll client", Program::Floor, "bench");

/// Bulk beside iperf3, requests beside wrk, messages beside the floor.
pub(super) fn rows(harness: &Harness) -> Vec<Row> {
    let mut work = Work {
        name: "send, one connection, the usual blocks of each".to_owned(),
        ft: recipes::FT_DISCARD,
        unit: Unit::Byte,
        measure: Measure::Rate,
        destination: 0,
        apart: None,
        also: vec![
            recipes::IPERF3_SERVER,
            recipes::NGINX_HTTP,
            recipes::EPOLL_ECHO,
        ],
    };
    let mut rows = Vec::new();
    let equal = Some(Target::AtLeast(1.0));
    for client in [recipes::IPERF3_CLIENT, recipes::IPERF3_CLIENT_Z] {
        let pairs = send(harness, &client);
        rows.push(harness.row(&work, (client, equal), pairs));
    }
    work.ft = GENERATOR;
    work.unit = Unit::Request;
    work.apart = Harness::apart();
    for (measure, target) in [
        (Measure::RatePerClientCpu, Some(Target::AtLeast(0.9))),
        (Measure::Rate, None),
    ] {
        work.measure = measure;
        work.name = format!("small GET from nginx, {CONNECTIONS} connections, a core each");
        let pairs = requests(harness, &work);
        rows.push(harness.row(&work, (recipes::WRK, target), pairs));
    }
    work.unit = Unit::Message;
    for measure in [Measure::ServerCpu, Measure::RatePerClientCpu] {
        work.measure = measure;
        work.name = format!("64 B echo, {CONNECTIONS} connections, same server, a core each");
        let pairs = messages(harness, &work);
        rows.push(harness.row(&work, (BARE, None), pairs));
    }
    rows
}

fn send(harness: &Harness, client: &Recipe) -> Result<Pairs, Trouble> {
    let discard = harness.start(&recipes::FT_DISCARD, 0, None)?;
    let options = LoadOptions {
        mode: Mode::Send,
        connections: 1,
        size: BLOCK,
        ..LoadOptions::default()
    };
    let mut generator = Generator::open(discard.port(), &options, None)?;
    let mut ft: Side<'_> = Box::new(|length| {
        let meter = Meter::start(&discard);
        let measured = generator.run(length)?;
        Ok(meter.stop(&discard, measured.bytes_sent as f64))
    });
    let server = harness.start(&recipes::IPERF3_SERVER, 0, None)?;
    let mut other: Side<'_> = Box::new(|length| iperf3(harness, client, &server, length));
    alternate(&harness.form, &mut ft, &mut other)
}

/// One run of iperf3, in whole seconds: it knows no shorter ones.
fn iperf3(
    harness: &Harness,
    client: &Recipe,
    server: &Running,
    length: Duration,
) -> Result<Slice, Trouble> {
    let seconds = length.as_secs().max(1);
    let mut command = harness.command(client, server.port(), 0)?;
    command.arg("-t").arg(seconds.to_string());
    let meter = Meter::start(server);
    let within = Duration::from_secs(seconds) + PATIENCE;
    let (ended, text) = output(&mut command, None, within)?;
    let mut slice = meter.stop(server, 0.0);
    slice.client = ended.cpu;
    let report: Value = serde_json::from_str(&text).unwrap_or_default();
    let received = &report["end"]["sum_received"];
    match (received["bytes"].as_f64(), received["seconds"].as_f64()) {
        (Some(bytes), Some(seconds)) if bytes > 0.0 && ended.status.success() => {
            slice.units = bytes;
            slice.elapsed = Duration::from_secs_f64(seconds);
            Ok(slice)
        }
        _ => Err(Trouble::wrong("iperf3", report["error"].to_string())),
    }
}

fn requests(harness: &Harness, work: &Work) -> Result<Pairs, Trouble> {
    let [of_server, core] = [0, 1].map(|side| work.apart.map(|cores| cores[side]));
    let server = harness.start(&recipes::NGINX_HTTP, 0, of_server)?;
    let host = format!("127.0.0.1:{}", server.port());
    let message = format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n").into_bytes();
    let options = LoadOptions {
        mode: Mode::Request(Request {
            message: message.into(),
            reply: Reply::Until(TEXT.as_bytes().into()),
        }),
        connections: CONNECTIONS,
        ..LoadOptions::default()
    };
    // One thread, as wrk has.
    let mut generator = Generator::open(server.port(), &options, core)?;
    let mut ft: Side<'_> = Box::new(|length| {
        let meter = Meter::start(&server);
        let measured = generator.run(length)?;
        Ok(meter.stop(&server, measured.messages as f64))
    });
    let mut other: Side<'_> = Box::new(|length| wrk(harness, &server, core, length));
    alternate(&harness.form, &mut ft, &mut other)
}

/// One run of wrk, in whole seconds: it knows no shorter ones.
fn wrk(
    harness: &Harness,
    server: &Running,
    core: Option<usize>,
    length: Duration,
) -> Result<Slice, Trouble> {
    let seconds = length.as_secs().max(1);
    let mut command = harness.command(&recipes::WRK, server.port(), 0)?;
    command.arg(format!("-d{seconds}s"));
    let meter = Meter::start(server);
    let within = Duration::from_secs(seconds) + PATIENCE;
    let (ended, text) = output(&mut command, core, within)?;
    let mut slice = meter.stop(server, 0.0);
    slice.client = ended.cpu;
    let wrong = text.contains("Socket errors") || text.contains("Non-2xx");
    let line = text
        .lines()
        .find_map(|line| line.trim().split_once(" requests in "));
    let numbers = line.and_then(|(requests, rest)| {
        let (seconds, _) = rest.split_once("s,")?;
        Some((requests.parse::<f64>().ok()?, seconds.parse::<f64>().ok()?))
    });
    match numbers {
        Some((requests, seconds)) if requests > 0.0 && !wrong && ended.status.success() => {
            slice.units = requests;
            slice.elapsed = Duration::from_secs_f64(seconds);
            Ok(slice)
        }
        _ => Err(Trouble::wrong("wrk", text)),
    }
}

/// Both generators at work for the same server.
fn messages(harness: &Harness, work: &Work) -> Result<Pairs, Trouble> {
    let [server, client] = [0, 1].map(|side| work.apart.map(|cores| cores[side]));
    let server = harness.start(&recipes::EPOLL_ECHO, 0, server)?;
    let options = LoadOptions {
        mode: Mode::Echo,
        connections: CONNECTIONS,
        size: 64,
        ..LoadOptions::default()
    };
    let mut generator = Generator::open(server.port(), &options, client)?;
    let mut ft: Side<'_> = Box::new(|length| {
        let meter = Meter::start(&server);
        let measured = generator.run(length)?;
        Ok(meter.stop(&server, measured.messages as f64))
    });
    let mut bare = Bare::open(server.port(), CONNECTIONS as usize)?;
    let mut other: Side<'_> = Box::new(|length| {
        let meter = Meter::start(&server);
        let messages = bare.run(length, client)?;
        Ok(meter.stop(&server, messages as f64))
    });
    alternate(&harness.form, &mut ft, &mut other)
}

/// Runs a program to its end; what it cost, and what it wrote.
fn output(
    command: &mut Command,
    core: Option<usize>,
    within: Duration,
) -> Result<(Ended, String), Trouble> {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let until = Instant::now() + within;
    let mut child = spawn(command, core).doing("start a program")?;
    let mut output = child.stdout.take();
    // What these programs write fits into the pipe.
    let ended = wait_for(&mut child, until - Instant::now())?;
    let mut text = String::new();
    if let Some(output) = &mut output {
        output
            .read_to_string(&mut text)
            .doing("read what a program writes")?;
    }
    Ok((ended, text))
}
