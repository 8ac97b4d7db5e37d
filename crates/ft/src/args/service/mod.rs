//! What `ft listen` does with connections: the words of a service, and the options that only it
//! has.
//!
//! A service with options of its own has a file here: its options as clap reads them, flattened
//! into [`Listen`], and what they mean.

pub(super) mod exec;
pub(super) mod files;
pub(super) mod http;
pub(super) mod relay;
mod hub;

use std::ffi::{OsStr, OsString};

use fivetuple::service::Slow;

use super::Surroundings;
use super::cli::{Listen, SlowWord};
use super::failure::said;
use super::shown;
use super::values::{nearest, size};
use crate::plan::Service;

pub(super) use hub::Hub;

/// The services of this release.
pub(super) const SERVICES: [&str; 15] = [
    "terminal", "echo", "discard", "chargen", "daytime", "time", "source", "relay", "send",
    "receive", "http", "exec", "shell", "hub", "chat",
];

/// Those whose name a word of their own follows.
pub(super) const WITH_A_WORD: [&str; 3] = ["source", "send", "receive"];

/// What is done with connections.
pub(super) fn plan(words: &Listen, around: Surroundings<'_>) -> Result<Service, String> {
    let (name, rest) = match words.service.split_first() {
        None => ("terminal", &[][..]),
        Some((name, rest)) => (name.to_str().ok_or_else(|| unknown(name))?, rest),
    };
    let mut rest = rest.iter().map(OsString::as_os_str);
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
        "exec" | "shell" => {
            let rest: Vec<&OsStr> = rest.by_ref().collect();
            exec::plan(name, &rest, words)?
        }
        "source" => Service::Source(rest.next().map(source_size).transpose()?),
        "relay" => relay::plan(&mut rest, words)?,
        "http" => http::plan(words, rest.next())?,
        "send" => files::send(words, rest.next(), around)?,
        "receive" => files::receive(words, rest.next(), around)?,
        "hub" => hub::hub(words, around)?,
        "chat" => hub::chat(words, around)?,
        other => return Err(unknown(other.as_ref())),
    };
    if let Some(word) = rest.next() {
        return Err(if is_service(word) {
            two(name, word)
        } else {
            format!("'{}' is one word too many behind {name}", said(word))
        });
    }
    match of_others(name, words) {
        Some(sentence) => Err(sentence),
        None => Ok(service),
    }
}

/// What is wrong with the first option that only another service has.
fn of_others(name: &str, words: &Listen) -> Option<String> {
    let of_console = words.slow.map(|_: SlowWord| "--slow");
    let of_console = of_console.or(words.shown.raw.then_some("--raw"));
    let options: [(&[&str], Option<&str>, &str); 7] = [
        (
            &["terminal"],
            shown::written(&words.data).next(),
            "the terminal service",
        ),
        (
            &["terminal", "hub", "chat"],
            of_console,
            "terminal, hub and chat",
        ),
        (&["hub", "chat"], hub::written(&words.hub), "hub and chat"),
        (
            &["relay"],
            relay::written(&words.relay),
            "relay, which calls",
        ),
        (
            &["send", "receive"],
            files::written(&words.files),
            "send and receive",
        ),
        (&["http"], words.http.first(), "the http service"),
        (
            &["exec", "shell"],
            exec::written(&words.exec),
            "exec and shell",
        ),
    ];
    let foreign = |(services, option, of): (&[&str], Option<&str>, &str)| {
        let option = option.filter(|_| !services.contains(&name))?;
        Some(format!(
            "{option} is for {of}: leave out {option} or {name}"
        ))
    };
    let behind = !words.after.is_empty() && !exec::is_meant(words);
    options.into_iter().find_map(foreign).or_else(|| {
        behind.then(|| "words behind -- are for a program: write exec -- CMD ARGS".to_owned())
    })
}

fn is_service(word: &OsStr) -> bool {
    SERVICES.iter().any(|name| word == *name)
}

fn two(one: &str, other: &OsStr) -> String {
    let other = said(other);
    format!("a listening socket has one service: leave out {one} or {other}")
}

/// A word that is text, as all are but paths and commands.
fn text(word: &OsStr) -> Result<&str, String> {
    word.to_str()
        .ok_or_else(|| format!("'{}' is not UTF-8", said(word)))
}

fn source_size(word: &OsStr) -> Result<u64, String> {
    if is_service(word) {
        return Err(two("source", word));
    }
    size(text(word)?).map_err(|why| format!("source {}: {why}", said(word)))
}

fn unknown(word: &OsStr) -> String {
    let near =
        nearest(&word.to_string_lossy(), SERVICES).map(|near| format!("; did you mean '{near}'?"));
    let near = near.unwrap_or_default();
    let list = SERVICES.join(", ");
    format!("unknown service '{}'{near} (services: {list})", said(word))
}
