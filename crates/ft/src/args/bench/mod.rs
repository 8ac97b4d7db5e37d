//! `ft bench`: what its words mean together.

mod values;
pub(super) mod words;

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use fivetuple::load::{CloseBy, LoadOptions, Mode, Reply};
use fivetuple::{Address, ConnectOptions, Family, SocketOptions};

use super::Surroundings;
use super::connect::{callable, family, retry, same_family};
use super::shown;
use crate::plan::{self, Format, Output, Plan, Target};
use words::{Bench, CloseWord, FormatWord, ModeWord};

/// How long each rate is tried when the highest is looked for.
const EACH_RATE: Duration = Duration::from_secs(1);
/// How long the work goes on.
const DURATION: Duration = Duration::from_secs(10);
/// Bytes of one send where bytes are all that counts.
const BULK: usize = 1024 * 1024;

pub(super) fn plan(words: &Bench, around: Surroundings<'_>) -> Result<Plan, String> {
    let mode = words.mode.unwrap_or(ModeWord::Echo);
    together(words)?;
    of_mode(words, mode)?;
    let targets = targets(words)?;
    let report = shown::report(&words.shown, around)?;
    let options = options(words, mode)?;
    let each = words.find_max.map(|_| EACH_RATE);
    let progress = around.terminals.stderr
        && !around.environment.term_dumb
        && report.verbosity == plan::Verbosity::Normal
        && report.events != Some(plan::Destination::Stderr);
    Ok(Plan::Bench(Box::new(plan::Bench {
        targets,
        request: request(words),
        options,
        duration: words.duration.or(each).unwrap_or(DURATION),
        warm_up: words.warm_up.unwrap_or_default(),
        find_max: words.find_max,
        output: match (words.json, words.export) {
            (true, _) => Output::Json,
            (false, None) => Output::Table,
            (false, Some(FormatWord::Csv)) => Output::Series(Format::Csv),
            (false, Some(FormatWord::Json)) => Output::Series(Format::Json),
        },
        progress,
        report,
    })))
}

fn targets(words: &Bench) -> Result<Vec<Target>, String> {
    let family = source_family(words)?;
    let mut targets = Vec::new();
    for word in &words.addresses {
        let address: Address = word
            .parse()
            .map_err(|error: fivetuple::address::AddressError| error.to_string())?;
        match &address {
            Address::Udp(_) => {
                return Err("ft bench measures connections, and udp: has none".to_owned());
            }
            Address::Unix(_) => of_ip(words)?,
            Address::Tcp(place) => {
                for source in sources(words) {
                    same_family(&source, &place.host)?;
                }
            }
        }
        callable(&address, family)?;
        targets.push(Target {
            address,
            typed: word.clone(),
        });
    }
    Ok(targets)
}

fn sources(words: &Bench) -> impl Iterator<Item = SocketAddr> {
    let several = words.source_addresses.iter();
    let several = several.map(|ip| SocketAddr::new(*ip, 0));
    words.source.into_iter().chain(several)
}

/// The family that is asked for, by option or by the source addresses, which have one.
fn source_family(words: &Bench) -> Result<Option<Family>, String> {
    let first = sources(words).next();
    let is_v4 = first.map(|source| source.is_ipv4());
    if words
        .source_addresses
        .iter()
        .any(|ip| Some(IpAddr::is_ipv4(ip)) != is_v4)
    {
        return Err("--source-addresses are of one family: write IPv4 or IPv6".to_owned());
    }
    family(&words.place, first)
}

fn options(words: &Bench, mode: ModeWord) -> Result<LoadOptions, String> {
    let defaults = LoadOptions::default();
    let connect = ConnectOptions::default();
    let size = words.size.map(usize::try_from).transpose();
    let size = size.map_err(|_| "--size is more than this machine can hold".to_owned())?;
    let usual = match mode {
        ModeWord::Send | ModeWord::Both => BULK,
        _ => defaults.size,
    };
    Ok(LoadOptions {
        mode: match mode {
            // A request is made of its file when that is read.
            ModeWord::Echo | ModeWord::Request => Mode::Echo,
            ModeWord::Connect => Mode::Connect,
            ModeWord::Send => Mode::Send,
            ModeWord::Receive => Mode::Receive,
            ModeWord::Both => Mode::Both,
            ModeWord::Hold => Mode::Hold,
        },
        connections: words.connections.unwrap_or(defaults.connections),
        size: size.unwrap_or(usual),
        pipeline: words.pipeline.unwrap_or(defaults.pipeline),
        rate: words.rate.map(|rate| rate as f64),
        connect: ConnectOptions {
            socket: SocketOptions {
                interface: words.place.interface.clone(),
                ..connect.socket
            },
            connect_timeout: words.connect_timeout.unwrap_or(connect.connect_timeout),
            retry: retry(words.retry),
            source: words.source,
            family: source_family(words)?,
        },
        sources: words.source_addresses.clone(),
        reply_timeout: words.reply_timeout.unwrap_or(defaults.reply_timeout),
        close_by: match words.close {
            Some(CloseWord::Fin) => CloseBy::Fin,
            Some(CloseWord::Rst) | None => CloseBy::Reset,
        },
        connect_request: None,
    })
}

fn request(words: &Bench) -> Option<plan::Request> {
    let reply = match (&words.reply_bytes, &words.reply_until) {
        (Some(bytes), _) => Reply::Bytes(*bytes),
        (None, Some(end)) => Reply::Until(end.0.clone()),
        (None, None) => return None,
    };
    let file = words.message.clone()?;
    Some(plan::Request { file, reply })
}

/// Options that exclude each other, or need each other.
fn together(words: &Bench) -> Result<(), String> {
    if words.json && words.export.is_some() {
        return Err("--json and --export both write to stdout: leave one out".to_owned());
    }
    if words.rate.is_some() && words.find_max.is_some() {
        return Err("--find-max looks for the rate: leave out --rate".to_owned());
    }
    if words.find_max.is_some() && words.warm_up.is_some() {
        return Err("--find-max begins slowly by itself: leave out --warm-up".to_owned());
    }
    if words.find_max.is_some() && words.addresses.len() > 1 {
        return Err("--find-max measures one server: leave the other addresses out".to_owned());
    }
    if words.source.is_some() && !words.source_addresses.is_empty() {
        return Err("--source is one address and --source-addresses several: leave one out".into());
    }
    if words.source.is_some_and(|source| source.port() != 0) && words.connections.unwrap_or(2) != 1
    {
        return Err("--source with a port is for one connection: add -c 1".to_owned());
    }
    if words.shown.raw || words.shown.dump.is_some() {
        let option = if words.shown.raw { "--raw" } else { "--dump" };
        return Err(format!(
            "ft bench shows no bytes: leave out {option}, or write ft connect"
        ));
    }
    match (&words.message, words.reply_bytes, &words.reply_until) {
        (_, Some(_), Some(_)) => {
            Err("--reply-bytes and --reply-until both say where a reply ends: leave one out".into())
        }
        (Some(_), None, None) => {
            Err("where a reply ends is missing: write --reply-bytes or --reply-until".to_owned())
        }
        (None, Some(_), _) | (None, _, Some(_)) => {
            Err("the request is missing: write --message FILE".to_owned())
        }
        _ => Ok(()),
    }
}

/// Options that mean nothing in this mode.
fn of_mode(words: &Bench, mode: ModeWord) -> Result<(), String> {
    use ModeWord::{Both, Connect, Echo, Hold, Receive, Request, Send};
    if mode == Request && words.message.is_none() {
        return Err("the request is missing: write --message FILE".to_owned());
    }
    let has_size = match mode {
        Receive | Request => false,
        Connect => words.message.is_none(),
        Echo | Send | Both | Hold => true,
    };
    let has_rate = matches!(mode, Echo | Connect | Request);
    let wrong = shown::first([
        (words.size.is_some() && !has_size, "--size"),
        (words.rate.is_some() && !has_rate, "--rate"),
        (words.find_max.is_some() && !has_rate, "--find-max"),
        (
            words.pipeline.is_some() && !matches!(mode, Echo | Request),
            "--pipeline",
        ),
        (
            words.message.is_some() && !matches!(mode, Request | Connect),
            "--message",
        ),
        (words.close.is_some() && mode != Connect, "--close"),
        (words.warm_up.is_some() && mode == Hold, "--warm-up"),
    ]);
    if let Some(option) = wrong {
        let mode = clap::ValueEnum::to_possible_value(&mode);
        let name = mode.as_ref().map_or("", |mode| mode.get_name());
        return Err(format!("--mode {name} does without it: leave out {option}"));
    }
    if words.addresses.len() > 1 && mode == Hold {
        return Err("--mode hold is for one server: leave the other addresses out".to_owned());
    }
    if words.size > Some(BULK as u64) && matches!(mode, Send | Both) {
        return Err(
            "one send takes at most 1 MiB: leave out --size, or write up to 1Mi".to_owned(),
        );
    }
    if words.size == Some(0) && mode != Connect {
        return Err("--size 0 moves nothing: write at least 1".to_owned());
    }
    Ok(())
}

/// Options about IP addresses, which a Unix socket does not have.
fn of_ip(words: &Bench) -> Result<(), String> {
    let options = [
        (words.place.v4, "-4"),
        (words.place.v6, "-6"),
        (words.place.interface.is_some(), "--interface"),
        (words.source.is_some(), "--source"),
        (!words.source_addresses.is_empty(), "--source-addresses"),
    ];
    shown::first(options).map_or(Ok(()), |option| Err(shown::about_ip(option)))
}
