//! `ft listen`: what its words mean together.

use fivetuple::address::Host;
use fivetuple::service::Slow;
use fivetuple::{Access, Address, AtLimit, BACKLOG, Limits, ServerOptions, SocketOptions, Terms};

use super::Surroundings;
use super::cli::{Listen, SlowWord};
use super::failure::said;
use super::shown;
use super::values::{nearest, size};
use crate::plan::{self, Plan, Service, Typed};

/// The services of this release.
pub(super) const SERVICES: [&str; 7] = [
    "terminal", "echo", "discard", "chargen", "daytime", "time", "source",
];

pub(super) fn plan(words: Listen, around: Surroundings<'_>) -> Result<Plan, String> {
    let mut address = address(&words.address, &words.service)?;
    if !words.after.is_empty() {
        return Err("words behind -- are for a program, and ft listen runs none".to_owned());
    }
    if words.place.interface.is_some() && address.host == Host::Here {
        address.host = Host::Any;
    }
    let family = shown::family(&words.place)?;
    address
        .listening_addresses(family)
        .map_err(|error| error.to_string())?;
    let service = service(&words, around)?;
    let report = shown::report(&words.shown, Typed::Listen(words.service.join(" ")), around)?;
    let defaults = ServerOptions::default();
    let options = ServerOptions {
        socket: SocketOptions {
            interface: words.place.interface,
            ..defaults.socket
        },
        family,
        backlog: words.backlog.unwrap_or(BACKLOG),
        limits: Limits {
            max_connections: words.max_connections,
            max_per_ip: words.max_per_ip,
            at_limit: words.at_limit.map_or(AtLimit::Wait, Into::into),
        },
        access: Access {
            allow: words.allow,
            deny: words.deny,
        },
        terms: shown::terms(&words.end, &words.data, &Terms::SERVER),
        once: words.once,
        drain: words.drain.unwrap_or(defaults.drain),
    };
    Ok(Plan::Listen(Box::new(plan::Listen {
        address,
        options,
        service,
        report,
    })))
}

/// The address, unless a service stands in its place.
fn address(word: &str, service: &[String]) -> Result<Address, String> {
    let next = service.first().map(String::as_str);
    if SERVICES.contains(&word) && !next.is_some_and(|next| SERVICES.contains(&next)) {
        return Err(match next {
            Some(address) if word != "source" && address.parse::<Address>().is_ok() => {
                format!("the address stands first: write ft listen {address} {word}")
            }
            _ => {
                let words = [&[word.to_owned()], service].concat().join(" ");
                format!(
                    "the address is missing: write ft listen 8080 {}",
                    said(&words)
                )
            }
        });
    }
    word.parse()
        .map_err(|error: fivetuple::address::AddressError| {
            match next.map(|port| Address::from_host_and_port(word, port)) {
                Some(Ok(meant)) => format!("an address to listen on is one word: write {meant}"),
                _ => error.to_string(),
            }
        })
}

/// What is done with connections.
fn service(words: &Listen, around: Surroundings<'_>) -> Result<Service, String> {
    let (name, rest) = match words.service.split_first() {
        None => ("terminal", &[][..]),
        Some((name, rest)) => (name.as_str(), rest),
    };
    let mut rest = rest.iter().map(String::as_str);
    let service = match name {
        "terminal" => {
            let mut terminal = shown::terminal(&words.data, words.shown.raw, around)?;
            terminal.slow = words.slow.map_or(Slow::Block, Into::into);
            Service::Terminal(terminal)
        }
        "echo" => Service::Echo,
        "discard" => Service::Discard,
        "chargen" => Service::Chargen,
        "daytime" => Service::Daytime,
        "time" => Service::Time,
        "source" => Service::Source(rest.next().map(source_size).transpose()?),
        other => return Err(unknown(other)),
    };
    if let Some(word) = rest.next() {
        return Err(if SERVICES.contains(&word) {
            two(name, word)
        } else {
            format!("'{}' is one word too many behind {name}", said(word))
        });
    }
    if name != "terminal"
        && let Some(option) = of_terminal(words)
    {
        return Err(format!(
            "{option} is for the terminal service: leave out {option} or {name}"
        ));
    }
    Ok(service)
}

fn two(one: &str, other: &str) -> String {
    format!("a listening socket has one service: leave out {one} or {other}")
}

fn source_size(word: &str) -> Result<u64, String> {
    if SERVICES.contains(&word) {
        return Err(two("source", word));
    }
    size(word).map_err(|why| format!("source {}: {why}", said(word)))
}

fn unknown(word: &str) -> String {
    let near = nearest(word, SERVICES).map(|near| format!("; did you mean '{near}'?"));
    let near = near.unwrap_or_default();
    let list = SERVICES.join(", ");
    format!("unknown service '{}'{near} (services: {list})", said(word))
}

/// The first option that only the terminal service has.
fn of_terminal(words: &Listen) -> Option<&'static str> {
    let slow = words.slow.map(|_: SlowWord| "--slow");
    let raw = words.shown.raw.then_some("--raw");
    shown::written(&words.data).next().or(slow).or(raw)
}
