//! `ft listen`: what its words mean together.

use fivetuple::address::Host;
use fivetuple::{Access, Address, AtLimit, BACKLOG, Limits, ServerOptions, SocketOptions, Terms};

use super::Surroundings;
use super::cli::Listen;
use super::failure::said;
use super::service::{self, SERVICES};
use super::shown;
use crate::plan::{self, Plan, Typed};

pub(super) fn plan(words: Listen, around: Surroundings<'_>) -> Result<Plan, String> {
    let mut address = address(&words.address, &words.service)?;
    if words.place.interface.is_some() && address.host == Host::Here {
        address.host = Host::Any;
    }
    let family = shown::family(&words.place)?;
    address
        .listening_addresses(family)
        .map_err(|error| error.to_string())?;
    let service = service::plan(&words, around)?;
    let report = shown::report(
        &words.shown,
        Typed::Listen(service::exec::typed(&words)),
        around,
    )?;
    let defaults = ServerOptions::default();
    let mut terms = Terms::SERVER;
    if service::exec::is_meant(&words) {
        // The program decides how long a direction may stay open alone.
        terms.half_closed = None;
    }
    let options = ServerOptions {
        socket: SocketOptions {
            interface: words.place.interface,
            ..defaults.socket
        },
        family,
        backlog: words.backlog.unwrap_or(BACKLOG),
        limits: Limits {
            // A further bound, so that whoever comes at it meets --at-limit.
            max_connections: match (words.max_connections, words.exec.max_children) {
                (Some(connections), Some(children)) => Some(connections.min(children.into())),
                (connections, children) => connections.or(children.map(u64::from)),
            },
            max_per_ip: words.max_per_ip,
            at_limit: words.at_limit.map_or(AtLimit::Wait, Into::into),
        },
        access: Access {
            allow: words.allow,
            deny: words.deny,
        },
        terms: shown::terms(&words.end, &words.data, &terms),
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
