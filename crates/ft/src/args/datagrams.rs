//! `ft listen udp:…`: what its words mean together.

use fivetuple::server::WhenFull;
use fivetuple::{Access, Address, DatagramOptions, Family, SocketOptions};

use super::Surroundings;
use super::cli::{AtLimitWord, Listen};
use super::failure::said;
use super::{service, shown};
use crate::plan::{self, DatagramService, Plan};

pub(super) fn plan(
    words: Listen,
    (address, family): (Address, Option<Family>),
    around: Surroundings<'_>,
) -> Result<Plan, String> {
    let service = service::plan(&words, around)?;
    service::relay::of_one_kind(&service, true)?;
    let service = match (DatagramService::of(service), words.service.first()) {
        (Some(service), _) => service,
        (None, None) => return Err(nothing_said()),
        (None, Some(name)) => {
            return Err(format!("{} needs a stream: leave out udp:", said(name)));
        }
    };
    if let Some(option) = of_streams(&words) {
        return Err(format!(
            "{option} needs a stream: leave out {option} or udp:"
        ));
    }
    let report = shown::report(&words.shown, around)?;
    let defaults = DatagramOptions::default();
    let options = DatagramOptions {
        socket: SocketOptions {
            interface: words.place.interface,
            ..defaults.socket
        },
        family,
        access: Access {
            allow: words.allow,
            deny: words.deny,
        },
        max_connections: words
            .max_connections
            .map_or(defaults.max_connections, |max| {
                usize::try_from(max).unwrap_or(usize::MAX)
            }),
        max_per_ip: words.max_per_ip,
        when_full: match words.at_limit {
            Some(AtLimitWord::Refuse) => WhenFull::Refuse,
            Some(AtLimitWord::Wait) | None => WhenFull::Displace,
        },
        idle: words.end.idle.unwrap_or(defaults.idle),
        deadline: words.end.deadline,
        length_max: defaults.length_max,
    };
    Ok(Plan::ListenDatagrams(Box::new(plan::ListenDatagrams {
        address,
        options,
        service,
        report,
        notify: around.environment.notify.clone(),
    })))
}

fn nothing_said() -> String {
    let names = DatagramService::NAMES.join(", ");
    format!(
        "the terminal needs a stream: leave out udp:, or write a service of datagrams ({names})"
    )
}

/// The first option that means something for streams only.
fn of_streams(words: &Listen) -> Option<&'static str> {
    shown::first([
        (words.end.eof.is_some(), "--eof"),
        (words.end.half_closed.is_some(), "--half-closed"),
        (words.once, "--once"),
        (words.drain.is_some(), "--drain"),
        (words.backlog.is_some(), "--backlog"),
        (
            matches!(words.at_limit, Some(AtLimitWord::Wait)),
            "--at-limit wait",
        ),
    ])
}
