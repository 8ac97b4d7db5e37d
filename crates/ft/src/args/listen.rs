//! `ft listen`: what its words mean together.

use std::ffi::OsString;

use fivetuple::address::{Host, UnixAddress};
use fivetuple::{
    Access, Address, AtLimit, BACKLOG, Family, Limits, ServerOptions, SocketOptions, Terms,
};

use super::Surroundings;
use super::cli::Listen;
use super::datagrams;
use super::failure::said;
use super::passed;
use super::service::{self, SERVICES, WITH_A_WORD};
use super::shown;
use crate::plan::{self, Plan, Sockets};

pub(super) fn plan(mut words: Listen, around: Surroundings<'_>) -> Result<Plan, String> {
    if !words.listen_fd.is_empty() {
        // What would be the address is the service.
        let word = words.address.take();
        words.service.splice(0..0, word.map(OsString::from));
    } else if words.address.is_none() {
        return Err("the address is missing: write ft listen 8080".to_owned());
    }
    let family = shown::family(&words.place)?;
    let sockets = sockets(&words, family, around)?;
    if let Sockets::Made(address @ Address::Udp(_)) = sockets {
        return datagrams::plan(words, (address, family), around);
    }
    let service = service::plan(&words, around)?;
    service::relay::of_one_kind(&service, false)?;
    of_sockets(&words, &sockets, service::relay::calls_ip(&service))?;
    let report = shown::report(&words.shown, around)?;
    let defaults = ServerOptions::default();
    let mut terms = Terms::SERVER;
    if service::exec::is_meant(&words) {
        // The program decides how long a direction may stay open alone.
        terms.half_closed = None;
    }
    let options = ServerOptions {
        socket: SocketOptions {
            // Whoever made the passed ones has chosen theirs.
            interface: words
                .place
                .interface
                .filter(|_| matches!(sockets, Sockets::Made(_))),
            file_mode: words.mode.unwrap_or(defaults.socket.file_mode),
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
        // One file is for one client.
        once: words.once || service.is_for_one(),
        drain: words.drain.unwrap_or(defaults.drain),
    };
    Ok(Plan::Listen(Box::new(plan::Listen {
        sockets,
        options,
        service,
        notify: around.environment.notify.clone(),
        report,
    })))
}

/// Where clients come.
fn sockets(
    words: &Listen,
    family: Option<Family>,
    around: Surroundings<'_>,
) -> Result<Sockets, String> {
    let Some(word) = &words.address else {
        let descriptors = passed::descriptors(&words.listen_fd, around.environment)?;
        return Ok(Sockets::Passed(descriptors));
    };
    let mut address = address(word, &words.service)?;
    if let Address::Tcp(place) | Address::Udp(place) = &mut address {
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
    Ok(Sockets::Made(address))
}

/// Options that these sockets have no use for. Some are about calls as well, if there are any to
/// IP addresses.
fn of_sockets(words: &Listen, sockets: &Sockets, calls_ip: bool) -> Result<(), String> {
    let of_both = shown::first([
        (words.place.v4, "-4"),
        (words.place.v6, "-6"),
        (words.place.interface.is_some(), "--interface"),
    ]);
    let useless = of_both.filter(|_| !calls_ip);
    match sockets {
        Sockets::Made(Address::Unix(name)) => of_unix(words, name, useless),
        Sockets::Made(_) => Ok(()),
        Sockets::Passed(_) => {
            let made = [
                (words.backlog.is_some(), "--backlog"),
                (words.mode.is_some(), "--mode"),
            ];
            match useless.or(shown::first(made)) {
                Some(option) => Err(format!(
                    "{option} is for a socket that ft makes, and with --listen-fd it is made: \
                     leave it out"
                )),
                None => Ok(()),
            }
        }
    }
}

/// Options that a Unix socket has no use for, or one without a file.
fn of_unix(
    words: &Listen,
    name: &UnixAddress,
    useless: Option<&'static str>,
) -> Result<(), String> {
    let is_file = matches!(name, UnixAddress::Path(_));
    if words.mode.is_some() && !is_file {
        return Err(
            "--mode is of the file of a Unix socket, and an abstract name has none: leave it out"
                .to_owned(),
        );
    }
    let of_clients = shown::first([
        (!words.allow.is_empty(), "--allow"),
        (!words.deny.is_empty(), "--deny"),
        (words.max_per_ip.is_some(), "--max-per-ip"),
    ]);
    let instead = match of_clients {
        Some(_) if useless.is_none() && is_file => " (--mode says who may connect)",
        _ => "",
    };
    match useless.or(of_clients) {
        Some(option) => Err(shown::about_ip(option) + instead),
        None => Ok(()),
    }
}

/// The address, unless a service stands in its place.
fn address(word: &str, service: &[OsString]) -> Result<Address, String> {
    let next = service.first().and_then(|next| next.to_str());
    if SERVICES.contains(&word) && !next.is_some_and(|next| SERVICES.contains(&next)) {
        return Err(match next {
            Some(address) if !WITH_A_WORD.contains(&word) && address.parse::<Address>().is_ok() => {
                format!("the address stands first: write ft listen {address} {word}")
            }
            _ => {
                let words = [&[word.into()], service].concat().join(" ".as_ref());
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
