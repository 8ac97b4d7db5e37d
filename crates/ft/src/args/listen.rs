//! `ft listen`: what its words mean together.

use fivetuple::address::Host;
use fivetuple::{Access, Address, AtLimit, BACKLOG, Limits, ServerOptions, SocketOptions, Terms};

use super::Surroundings;
use super::cli::Listen;
use super::datagrams;
use super::failure::said;
use super::service::{self, SERVICES};
use super::shown;
use crate::plan::{self, Plan, Typed};

pub(super) fn plan(words: Listen, around: Surroundings<'_>) -> Result<Plan, String> {
    let mut address = address(&words.address, &words.service)?;
    if !words.after.is_empty() {
        return Err("words behind -- are for a program, and ft listen runs none".to_owned());
    }
    let family = shown::family(&words.place)?;
    match &mut address {
        Address::Tcp(place) | Address::Udp(place) => {
            if words.place.interface.is_some() && place.host == Host::Here {
                place.host = Host::Any;
            }
            place
                .listening_addresses(family)
                .map_err(|error| error.to_string())?;
            if words.mode.is_some() {
                return Err("--mode is of the file of a Unix socket: leave it out".to_owned());
            }
        }
        Address::Unix(_) => of_ip(&words)?,
    }
    if let Address::Udp(_) = address {
        return datagrams::plan(words, (address, family), around);
    }
    let service = service::plan(&words, around)?;
    let report = shown::report(&words.shown, Typed::Listen(words.service.join(" ")), around)?;
    let defaults = ServerOptions::default();
    let options = ServerOptions {
        socket: SocketOptions {
            interface: words.place.interface,
            file_mode: words.mode.unwrap_or(defaults.socket.file_mode),
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

/// Options about IP addresses, which a Unix socket does not have.
fn of_ip(words: &Listen) -> Result<(), String> {
    let options = [
        (words.place.v4, "-4"),
        (words.place.v6, "-6"),
        (words.place.interface.is_some(), "--interface"),
        (!words.allow.is_empty(), "--allow"),
        (!words.deny.is_empty(), "--deny"),
        (words.max_per_ip.is_some(), "--max-per-ip"),
    ];
    match options.iter().find(|(given, _)| *given) {
        Some((_, option)) => Err(format!(
            "{option} is about IP addresses, and a Unix socket has none: leave it out (--mode says \
             who may connect)"
        )),
        None => Ok(()),
    }
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
