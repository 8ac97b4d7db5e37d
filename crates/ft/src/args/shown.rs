//! What is shown besides the data, and how stdin and stdout take part: the same for both sides.

use std::path::{Path, PathBuf};

use fivetuple::{Family, Terms};

use super::Surroundings;
use super::cli::{Color, ColorWord, Data, End, Place, Shown};
use super::values::DurationOrNever;
use crate::plan::{Destination, Report, Terminal, Typed, Verbosity};

/// The report of a run.
pub(super) fn report(shown: &Shown, around: Surroundings<'_>) -> Result<Report, String> {
    if shown.verbose && shown.quiet {
        return Err("-q says less and -v says more: leave one of them out".to_owned());
    }
    let events = shown.events.as_deref().map(destination);
    let dump = shown.dump.as_deref().map(destination);
    if let (Some(Destination::File(events)), Some(Destination::File(dump))) = (&events, &dump)
        && events == dump
    {
        return Err(
            "--events and --dump write different things: give each its own file".to_owned(),
        );
    }
    Ok(Report {
        verbosity: match (shown.verbose, shown.quiet) {
            (true, _) => Verbosity::Trace,
            (_, true) => Verbosity::Quiet,
            _ => Verbosity::Normal,
        },
        typed: around.typed.clone(),
        color: color(&shown.color, around),
        events,
        dump,
    })
}

/// The report of a run that has no other choice.
pub(super) fn color_only(words: &Color, around: Surroundings<'_>) -> Report {
    Report {
        verbosity: Verbosity::Normal,
        typed: Typed::verb("connect"),
        color: color(words, around),
        events: None,
        dump: None,
    }
}

fn color(words: &Color, around: Surroundings<'_>) -> bool {
    let environment = around.environment;
    match words.color {
        Some(ColorWord::Always) => true,
        Some(ColorWord::Never) => false,
        Some(ColorWord::Auto) | None if environment.no_color => false,
        Some(ColorWord::Auto) | None => {
            environment.clicolor_force || (around.terminals.stderr && !environment.term_dumb)
        }
    }
}

fn destination(path: &Path) -> Destination {
    if path == Path::new("-") {
        Destination::Stderr
    } else {
        Destination::File(PathBuf::from(path))
    }
}

/// How stdin and stdout take part.
pub(super) fn terminal(
    data: &Data,
    raw: bool,
    around: Surroundings<'_>,
) -> Result<Terminal, String> {
    if data.send_only && data.receive_only {
        return Err(
            "--send-only and --receive-only together move nothing: leave one out".to_owned(),
        );
    }
    if data.receive_only && data.crlf {
        return Err("--receive-only sends nothing: leave out --crlf".to_owned());
    }
    Ok(Terminal {
        input: !data.receive_only,
        interactive: around.terminals.stdin,
        crlf: data.crlf,
        output: !data.send_only,
        visible: around.terminals.stdout && !raw,
        slow: fivetuple::service::Slow::default(),
    })
}

/// When connections end; `defaults` are those of this side.
pub(super) fn terms(end: &End, data: &Data, defaults: &Terms) -> Terms {
    Terms {
        eof: end.eof.map_or(defaults.eof, Into::into),
        send_only: data.send_only,
        idle: end.idle.or(defaults.idle),
        deadline: end.deadline.or(defaults.deadline),
        half_closed: match end.half_closed {
            None => defaults.half_closed,
            Some(DurationOrNever::Never) => None,
            Some(DurationOrNever::After(time)) => Some(time),
        },
    }
}

/// The family that is asked for.
pub(super) fn family(place: &Place) -> Result<Option<Family>, String> {
    match (place.v4, place.v6) {
        (true, true) => Err("-4 and -6 exclude each other: leave both out for both".to_owned()),
        (true, false) => Ok(Some(Family::Inet)),
        (false, true) => Ok(Some(Family::Inet6)),
        (false, false) => Ok(None),
    }
}

/// The first of these options that was written.
pub(super) fn first<const N: usize>(options: [(bool, &'static str); N]) -> Option<&'static str> {
    let written = options.into_iter().find(|(given, _)| *given);
    written.map(|(_, option)| option)
}

/// What is said of an option that only IP addresses have a use for.
pub(super) fn about_ip(option: &str) -> String {
    format!("{option} is about IP addresses, and a Unix socket has none: leave it out")
}

/// The options of [`Data`] that were written.
pub(super) fn written(data: &Data) -> impl Iterator<Item = &'static str> {
    let options = [
        (data.send_only, "--send-only"),
        (data.receive_only, "--receive-only"),
        (data.crlf, "--crlf"),
    ];
    options
        .into_iter()
        .filter_map(|(given, option)| given.then_some(option))
}
