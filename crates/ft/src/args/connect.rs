//! `ft connect`: what its words mean together.

use std::net::{IpAddr, SocketAddr};

use fivetuple::address::{AddressError, Host, HostPorts};
use fivetuple::{Address, ClientOptions, ConnectOptions, Family, Retry, SocketOptions, Terms};

use super::Surroundings;
use super::cli::{Connect, Place};
use super::failure::said;
use super::service::files;
use super::shown;
use super::values;
use crate::plan::{self, Plan};

pub(super) fn plan(words: Connect, around: Surroundings<'_>) -> Result<Plan, String> {
    together(&words)?;
    let targets = if words.check {
        several(&words.words)?
    } else {
        vec![one(&words.words)?]
    };
    let family = family(&words.place, words.source)?;
    for target in &targets {
        if let (Some(source), Some(place)) = (&words.source, target.host_port()) {
            same_family(source, &place.host)?;
        }
        callable(target, family)?;
    }
    let target = targets.first().cloned().ok_or("the address is missing")?;
    if let Address::Unix(_) = target {
        of_ip(&words)?;
    }
    let defaults = match target {
        Address::Udp(_) => of_datagrams(&words)?,
        _ if words.wait.is_some() => {
            return Err("--wait is about datagrams: leave it out, or write udp:".to_owned());
        }
        _ => Terms::CLIENT,
    };
    let report = shown::report(&words.shown, around)?;
    let terminal = shown::terminal(&words.data, words.shown.raw, around)?;
    let edit = edits(&words, &report, around) && !matches!(target, Address::Udp(_));
    let terms = shown::terms(&words.end, &words.data, &defaults);
    let options = options(&words, family);
    if words.check {
        return Ok(Plan::Check(Box::new(plan::Check {
            targets,
            options,
            report,
        })));
    }
    Ok(Plan::Connect(Box::new(plan::Connect {
        target,
        options: ClientOptions {
            connect: options,
            terms,
        },
        terminal,
        edit,
        watch: files::watch(&words.watch, words.shown.quiet, around),
        exec: words.exec.then_some(words.command),
        report,
    })))
}

fn options(words: &Connect, family: Option<Family>) -> ConnectOptions {
    let defaults = ConnectOptions::default();
    ConnectOptions {
        socket: SocketOptions {
            interface: words.place.interface.clone(),
            ..defaults.socket
        },
        connect_timeout: words.connect_timeout.unwrap_or(defaults.connect_timeout),
        retry: retry(words.retry),
        source: words.source,
        family,
    }
}

/// Whether lines are edited: stdin and stdout are one terminal and nothing else is written to it.
fn edits(words: &Connect, report: &plan::Report, around: Surroundings<'_>) -> bool {
    let Surroundings {
        terminals,
        environment,
        ..
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

/// Whom to call.
fn one(words: &[String]) -> Result<Address, String> {
    let read = match words {
        [] => Err(AddressError::Empty),
        [address] => address.parse(),
        [host, port] => Address::from_host_and_port(host, port),
        [_, _, extra, ..] => return Err(too_many(extra)),
    };
    match read {
        Ok(address) => Ok(address),
        Err(error @ (AddressError::OnePort { .. } | AddressError::UnknownPort { .. })) => {
            Err(match several(words) {
                Ok(targets) if targets.len() > 1 => format!(
                    "{} is more than one port, and a connection has one: add --check to see which \
                     answer",
                    said(words.last().map_or("", |ports| ports))
                ),
                _ => error.to_string(),
            })
        }
        Err(error) => Err(error.to_string()),
    }
}

/// What is asked about: ports of one host, or one address of another kind.
fn several(words: &[String]) -> Result<Vec<Address>, String> {
    let read: Result<HostPorts, AddressError> = match words {
        [] => Err(AddressError::Empty),
        [address] => match address.parse() {
            Ok(Address::Udp(_)) => {
                return Err("--check asks who answers to a connect, and udp: has none".to_owned());
            }
            Ok(address @ Address::Unix(_)) => return Ok(vec![address]),
            _ => address.parse(),
        },
        [host, ports] => HostPorts::from_host_and_ports(host, ports),
        [_, _, extra, ..] => return Err(too_many(extra)),
    };
    let ports = read.map_err(|error| error.to_string())?;
    Ok(ports.addresses().map(Address::Tcp).collect())
}

fn too_many(word: &str) -> String {
    format!(
        "'{}' is one word too many: write HOST PORT, or HOST:PORT",
        said(word)
    )
}

/// Options about IP addresses, which a Unix socket does not have.
fn of_ip(words: &Connect) -> Result<(), String> {
    let options = [
        (words.place.v4, "-4"),
        (words.place.v6, "-6"),
        (words.place.interface.is_some(), "--interface"),
        (words.source.is_some(), "--source"),
    ];
    shown::first(options).map_or(Ok(()), |option| Err(shown::about_ip(option)))
}

/// When a connection of datagrams ends, unless options say something else; those that mean
/// something for streams only are refused.
fn of_datagrams(words: &Connect) -> Result<Terms, String> {
    if words.end.half_closed.is_some() {
        return Err("--half-closed needs a stream: over udp: write --wait".to_owned());
    }
    let options = [(words.end.eof.is_some(), "--eof"), (words.exec, "--exec")];
    if let Some(option) = shown::first(options) {
        return Err(format!(
            "{option} needs a stream: leave out {option} or udp:"
        ));
    }
    let defaults = Terms::DATAGRAMS;
    Ok(Terms {
        half_closed: words.wait.or(defaults.half_closed),
        ..defaults
    })
}

/// The family that is asked for, by option or by the source address.
pub(super) fn family(place: &Place, source: Option<SocketAddr>) -> Result<Option<Family>, String> {
    let family = shown::family(place)?;
    let Some(source) = source else {
        return Ok(family);
    };
    let of_source = Family::of(&source);
    match family {
        Some(wanted) if wanted != of_source => Err(other_family(&source, wanted)),
        _ => Ok(Some(of_source)),
    }
}

fn other_family(source: &SocketAddr, wanted: Family) -> String {
    let option = if wanted == Family::Inet6 { "-6" } else { "-4" };
    let ip = source.ip();
    format!("{option} is {wanted} only, and --source {ip} is not: leave out {option}")
}

/// A call goes from an address to another of its family.
pub(super) fn same_family(source: &SocketAddr, host: &Host) -> Result<(), String> {
    let ip = match host {
        Host::V4(ip) => IpAddr::V4(*ip),
        Host::V6 { ip, .. } => IpAddr::V6(*ip),
        _ => return Ok(()),
    };
    if ip.is_ipv4() == source.is_ipv4() {
        return Ok(());
    }
    let source = source.ip();
    let (one, other) = if ip.is_ipv4() {
        ("IPv6", "IPv4")
    } else {
        ("IPv4", "IPv6")
    };
    Err(format!(
        "--source {source} is {one}, and {ip} is {other}: write a source of {other}, or leave it out"
    ))
}

/// How often a failed connect is tried again.
pub(super) fn retry(word: Option<values::Retry>) -> Retry {
    match word {
        None => ConnectOptions::default().retry,
        Some(values::Retry::Times(times)) => Retry::Times(times),
        Some(values::Retry::Forever) => Retry::Forever,
    }
}

/// Whether somebody can be called there.
pub(super) fn callable(target: &Address, family: Option<Family>) -> Result<(), String> {
    let Some(place) = target.host_port() else {
        return Ok(());
    };
    if place.host == Host::Any {
        let error = AddressError::NobodyToCall { port: place.port };
        return Err(error.to_string());
    }
    if place.port == 0 {
        return Err("nobody listens on port 0: write the port that ft listen reports".to_owned());
    }
    match place.calling_addresses(family) {
        Ok(_) => Ok(()),
        Err(error) => Err(error.to_string()),
    }
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
    shown::first([
        (words.end.eof.is_some(), "--eof"),
        (words.end.idle.is_some(), "--idle"),
        (words.end.deadline.is_some(), "--deadline"),
        (words.end.half_closed.is_some(), "--half-closed"),
        (words.shown.dump.is_some(), "--dump"),
        (words.watch.progress, "--progress"),
        (words.watch.digest, "--digest"),
    ])
}
