//! `ft connect`: what its words mean together.

use std::net::SocketAddr;

use fivetuple::address::{AddressError, Host, HostPorts};
use fivetuple::{Address, ClientOptions, ConnectOptions, Family, Retry, SocketOptions, Terms};

use super::Surroundings;
use super::cli::Connect;
use super::failure::said;
use super::shown;
use super::values;
use crate::plan::{self, Plan, Typed};

pub(super) fn plan(words: Connect, around: Surroundings<'_>) -> Result<Plan, String> {
    together(&words)?;
    let targets = targets(&words.words)?;
    let family = family(&words)?;
    let target = callable(&targets, family)?;
    let report = shown::report(&words.shown, Typed::Connect(words.words.join(" ")), around)?;
    let terminal = shown::terminal(&words.data, words.shown.raw, around)?;
    let edit = edits(&words, &report, around);
    let terms = shown::terms(&words.end, &words.data, &Terms::CLIENT);
    let defaults = ConnectOptions::default();
    let options = ConnectOptions {
        socket: SocketOptions {
            interface: words.place.interface,
            ..defaults.socket
        },
        connect_timeout: words.connect_timeout.unwrap_or(defaults.connect_timeout),
        retry: match words.retry {
            None => defaults.retry,
            Some(values::Retry::Times(times)) => Retry::Times(times),
            Some(values::Retry::Forever) => Retry::Forever,
        },
        source: words.source,
        family,
    };
    if words.check {
        return Ok(Plan::Check(Box::new(plan::Check {
            targets,
            options,
            report,
        })));
    }
    if targets.ports.count() > 1 {
        return Err(format!(
            "{} is more than one port, and a connection has one: add --check to see which answer",
            targets.ports
        ));
    }
    Ok(Plan::Connect(Box::new(plan::Connect {
        target,
        options: ClientOptions {
            connect: options,
            terms,
        },
        terminal,
        edit,
        exec: words.exec.then_some(words.command),
        report,
    })))
}

/// Whether lines are edited: stdin and stdout are one terminal and nothing else is written to it.
fn edits(words: &Connect, report: &plan::Report, around: Surroundings<'_>) -> bool {
    let Surroundings {
        terminals,
        environment,
    } = around;
    let both_ways = !words.data.send_only && !words.data.receive_only && !words.exec;
    let stderr = Some(plan::Destination::Stderr);
    let reports = report.verbosity == plan::Verbosity::Trace
        || report.events == stderr
        || report.dump == stderr;
    terminals.stdin
        && terminals.stdout
        && both_ways
        && !words.shown.raw
        && !environment.term_dumb
        && !(reports && terminals.stderr)
}

fn targets(words: &[String]) -> Result<HostPorts, String> {
    let read = match words {
        [] => Err(AddressError::Empty),
        [address] => address.parse(),
        [host, ports] => HostPorts::from_host_and_ports(host, ports),
        [_, _, extra, ..] => {
            return Err(format!(
                "'{}' is one word too many: write HOST PORT, or HOST:PORT",
                said(extra)
            ));
        }
    };
    read.map_err(|error| error.to_string())
}

/// The family that is asked for, by option or by the source address.
fn family(words: &Connect) -> Result<Option<Family>, String> {
    let family = shown::family(&words.place)?;
    let Some(source) = words.source else {
        return Ok(family);
    };
    let of_source = Family::of(&source);
    match family {
        Some(wanted) if wanted != of_source => Err(other_family(&source, wanted)),
        _ => Ok(Some(of_source)),
    }
}

fn other_family(source: &SocketAddr, wanted: Family) -> String {
    let option = match wanted {
        Family::Inet => "-4",
        Family::Inet6 => "-6",
    };
    let ip = source.ip();
    format!("{option} is {wanted} only, and --source {ip} is not: leave out {option}")
}

/// The first of the addresses, if all of them can be called.
fn callable(targets: &HostPorts, family: Option<Family>) -> Result<Address, String> {
    let mut addresses = targets.addresses();
    let first = addresses
        .next()
        .ok_or_else(|| AddressError::Empty.to_string())?;
    if first.host == Host::Any {
        let error = AddressError::NobodyToCall { port: first.port };
        return Err(error.to_string());
    }
    if first.port == 0 {
        return Err("nobody listens on port 0: write the port that ft listen reports".to_owned());
    }
    first
        .calling_addresses(family)
        .map_err(|error| error.to_string())?;
    Ok(first)
}

/// Options that exclude each other.
fn together(words: &Connect) -> Result<(), String> {
    let behind = !words.command.is_empty();
    if words.exec && !behind {
        return Err("the program is missing: write --exec -- CMD ARGS".to_owned());
    }
    if behind && !words.exec {
        return Err("words behind -- are a program to run: write --exec -- CMD ARGS".to_owned());
    }
    if words.check && words.exec {
        return Err("--check sends nothing: leave out --exec".to_owned());
    }
    let raw = words.shown.raw.then_some("--raw");
    let of_terminal = shown::written(&words.data).next().or(raw);
    if words.check
        && let Some(option) = of_terminal.or(of_connection(words))
    {
        return Err(format!(
            "--check sends and receives nothing: leave out {option}"
        ));
    }
    if words.exec
        && let Some(option) = of_terminal
    {
        return Err(format!(
            "with --exec the program has the data, not this terminal: leave out {option}"
        ));
    }
    Ok(())
}

/// The first option that is about an established connection.
fn of_connection(words: &Connect) -> Option<&'static str> {
    let options = [
        (words.end.eof.is_some(), "--eof"),
        (words.end.idle.is_some(), "--idle"),
        (words.end.deadline.is_some(), "--deadline"),
        (words.end.half_closed.is_some(), "--half-closed"),
        (words.shown.dump.is_some(), "--dump"),
    ];
    options
        .into_iter()
        .find_map(|(given, option)| given.then_some(option))
}
