//! `relay DESTINATION[,DESTINATION…]`: its options, and what they mean.

use std::ffi::OsStr;
use std::net::SocketAddr;
use std::time::Duration;

use clap::Args;
use fivetuple::address::AddressError;
use fivetuple::{Address, ConnectOptions, SocketOptions};

use super::super::cli::Listen;
use super::super::connect::{callable, family, retry};
use super::super::failure::said;
use super::super::{limit, shown, values};
use super::{is_service, text};
use crate::plan::{self, Service};

/// The heading of its options.
pub(in crate::args) const RELAY: &str = "Relay";

/// How the destination is called.
#[derive(Debug, Args)]
pub(in crate::args) struct Relay {
    /// For one try to connect to one destination [default: 10s]
    #[arg(long, value_name = "DURATION", value_parser = limit::time)]
    #[arg(help_heading = RELAY, hide_short_help = true)]
    connect_timeout: Option<Duration>,
    /// If no destination answers, call all of them again so often, or forever [default: 0]
    #[arg(long, value_name = "N", value_parser = values::retry, help_heading = RELAY)]
    #[arg(allow_negative_numbers = true, hide_short_help = true)]
    retry: Option<values::Retry>,
    /// The source address of the calls, and port if one is written
    #[arg(long, value_name = "ADDR[:PORT]", value_parser = values::source)]
    #[arg(help_heading = RELAY, hide_short_help = true)]
    source: Option<SocketAddr>,
}

/// The words of `ft relay LISTEN DESTINATION`, as those of `ft listen LISTEN relay DESTINATION`.
///
/// # Errors
///
/// Sockets that were passed take the place of LISTEN, which `ft listen` can spell.
pub(in crate::args) fn as_listen(mut words: Listen) -> Result<Listen, String> {
    if let Some(fd) = words.listen_fd.first() {
        return Err(format!(
            "with --listen-fd there is no LISTEN: write ft listen --listen-fd {} relay DESTINATION",
            said(fd)
        ));
    }
    words.service.insert(0, "relay".into());
    Ok(words)
}

/// What the service does.
pub(super) fn plan<'a>(
    rest: &mut impl Iterator<Item = &'a OsStr>,
    words: &Listen,
) -> Result<Service, String> {
    let missing = || "the destination is missing: write relay HOST:PORT".to_owned();
    let word = rest.next().ok_or_else(missing)?;
    if is_service(word) {
        return Err(missing());
    }
    let word = text(word)?;
    if let Some(next) = rest.next() {
        return Err(
            match Address::from_host_and_port(word, &next.to_string_lossy()) {
                Ok(meant) => format!("a destination is one word: write {meant}"),
                Err(_) => format!(
                    "'{}' is one word too many: write the destinations as one word, {},{0}",
                    said(next),
                    said(word)
                ),
            },
        );
    }
    let options = &words.relay;
    let family = family(&words.place, options.source)?;
    let destination = |word: &str| destination(word, family);
    let destinations: Vec<Address> = word.split(',').map(destination).collect::<Result<_, _>>()?;
    if options.source.is_some() && !destinations.iter().any(is_ip) {
        return Err(shown::about_ip("--source"));
    }
    let defaults = ConnectOptions::default();
    Ok(Service::Relay(plan::Relay {
        destinations,
        options: ConnectOptions {
            socket: SocketOptions {
                interface: words.place.interface.clone(),
                ..defaults.socket
            },
            connect_timeout: options.connect_timeout.unwrap_or(defaults.connect_timeout),
            retry: retry(options.retry),
            source: options.source,
            family,
        },
    }))
}

fn destination(word: &str, family: Option<fivetuple::Family>) -> Result<Address, String> {
    let sentence = |error: AddressError| error.to_string();
    let address: Address = word.parse().map_err(sentence)?;
    callable(&address, family)?;
    Ok(address)
}

fn is_ip(address: &Address) -> bool {
    address.host_port().is_some()
}

/// Whether this service calls IP addresses.
pub(in crate::args) fn calls_ip(service: &Service) -> bool {
    match service {
        Service::Relay(relay) => relay.destinations.iter().any(is_ip),
        _ => false,
    }
}

/// What is wrong with a relay that leads from streams to datagrams, or the other way round.
pub(in crate::args) fn of_one_kind(service: &Service, datagrams: bool) -> Result<(), String> {
    let Service::Relay(relay) = service else {
        return Ok(());
    };
    let is_other = |address: &&Address| matches!(address, Address::Udp(_)) != datagrams;
    match relay.destinations.iter().find(is_other) {
        None => Ok(()),
        Some(Address::Tcp(place)) => Err(format!(
            "a relay of datagrams leads to datagrams: write udp:{place}, or listen without udp:"
        )),
        Some(Address::Unix(_)) => Err(
            "a relay of datagrams leads to datagrams: write udp:HOST:PORT, or listen without udp:"
                .to_owned(),
        ),
        Some(Address::Udp(place)) => Err(format!(
            "a relay of streams leads to a stream: write {place}, or listen with udp: in front, too"
        )),
    }
}

/// The first option that only this service has.
pub(super) fn written(options: &Relay) -> Option<&'static str> {
    shown::first([
        (options.connect_timeout.is_some(), "--connect-timeout"),
        (options.retry.is_some(), "--retry"),
        (options.source.is_some(), "--source"),
    ])
}
