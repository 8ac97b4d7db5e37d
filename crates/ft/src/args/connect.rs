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
    let targets = if words.check {
        several(&words.words)?
    } else {
        vec![one(&words.words)?]
    };
    let family = family(&words)?;
    for target in &targets {
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
    let report = shown::report(&words.shown, Typed::Connect(words.words.join(" ")), around)?;
    let terminal = shown::terminal(&words.data, words.shown.raw, around)?;
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
        retry: match words.retry {
            None => defaults.retry,
            Some(values::Retry::Times(times)) => Retry::Times(times),
            Some(values::Retry::Forever) => Retry::Forever,
        },
        source: words.source,
        family,
    }
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
    match options.iter().find(|(given, _)| *given) {
        Some((_, option)) => Err(format!(
            "{option} is about IP addresses, and a Unix socket has none: leave it out"
        )),
        None => Ok(()),
    }
}

/// When a connection of datagrams ends, unless options say something else; those that mean
/// something for streams only are refused.
fn of_datagrams(words: &Connect) -> Result<Terms, String> {
    if words.end.half_closed.is_some() {
        return Err("--half-closed needs a stream: over udp: write --wait".to_owned());
    }
    let options = [(words.end.eof.is_some(), "--eof"), (words.exec, "--exec")];
    if let Some((_, option)) = options.iter().find(|(given, _)| *given) {
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
    let option = if wanted == Family::Inet6 { "-6" } else { "-4" };
    let ip = source.ip();
    format!("{option} is {wanted} only, and --source {ip} is not: leave out {option}")
}

/// Whether somebody can be called there.
fn callable(target: &Address, family: Option<Family>) -> Result<(), String> {
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
