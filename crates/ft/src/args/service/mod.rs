//! What `ft listen` does with connections: the words of a service, and the options that only it
//! has.
//!
//! A service with options of its own has a file here: its options as clap reads them, flattened
//! into [`Listen`], and what they mean.

mod hub;

use fivetuple::service::Slow;

use super::Surroundings;
use super::cli::{Listen, SlowWord};
use super::failure::said;
use super::shown;
use super::values::{nearest, size};
use crate::plan::Service;

pub(super) use hub::Hub;

/// The services of this release.
pub(super) const SERVICES: [&str; 9] = [
    "terminal", "echo", "discard", "chargen", "daytime", "time", "source", "hub", "chat",
];

/// What is done with connections.
pub(super) fn plan(words: &Listen, around: Surroundings<'_>) -> Result<Service, String> {
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
        "hub" => hub::hub(words, around)?,
        "chat" => hub::chat(words, around)?,
        other => return Err(unknown(other)),
    };
    if let Some(word) = rest.next() {
        return Err(if SERVICES.contains(&word) {
            two(name, word)
        } else {
            format!("'{}' is one word too many behind {name}", said(word))
        });
    }
    let is_hub = matches!(name, "hub" | "chat");
    if !is_hub && let Some(option) = hub::written(&words.hub) {
        return Err(format!(
            "{option} is for hub and chat: leave out {option}, or {name}"
        ));
    }
    if is_hub && let Some(option) = shown::written(&words.data).next() {
        return Err(format!(
            "{option} is for the terminal service: leave out {option} or {name}"
        ));
    }
    if name != "terminal"
        && !is_hub
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
