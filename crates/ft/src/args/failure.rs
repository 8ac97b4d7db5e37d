//! What clap has to object, as one sentence of ours.

use std::ffi::OsStr;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, Command, Error};
use fivetuple::call::Visible;

use super::values::nearest;

/// Options of other programs that do the same work, and what stands for them here.
const ELSEWHERE: [(&str, &str); 11] = [
    ("-l", "leave it out, for the server is ft listen ADDRESS"),
    ("-k", "leave it out, for ft listen goes on listening"),
    ("-z", "write --check"),
    ("-w", "write --connect-timeout, or --idle"),
    ("-n", "leave it out, for nothing is looked up in reverse"),
    ("-N", "leave it out, for the end of stdin is passed on"),
    (
        "-p",
        "the port is part of the address; a source port is --source",
    ),
    ("-s", "write --source"),
    ("-u", "write udp: before the address"),
    ("-U", "write unix: and the path as the address"),
    ("-e", "write --exec -- CMD"),
];

/// A word of the command line, safe to show.
pub(super) fn said<W: AsRef<OsStr> + ?Sized>(word: &W) -> Visible<'_> {
    Visible(word.as_ref().as_encoded_bytes())
}

/// The sentence for an error of clap.
pub(super) fn sentence(error: &Error, verb: Option<&str>, command: &Command) -> String {
    let context = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => text.as_str(),
        _ => "",
    };
    let argument = context(ContextKind::InvalidArg);
    let value = context(ContextKind::InvalidValue);
    match error.kind() {
        ErrorKind::UnknownArgument => unknown(argument, verb, command),
        ErrorKind::InvalidValue if value.is_empty() => missing(argument),
        ErrorKind::InvalidValue => match error.get(ContextKind::ValidValue) {
            Some(ContextValue::Strings(known)) => choice((argument, value), known),
            _ => format!("{} cannot be '{}'", name(argument), said(value)),
        },
        ErrorKind::ValueValidation => {
            let why = std::error::Error::source(error).map(ToString::to_string);
            let why = why.unwrap_or_else(|| "not a value for it".to_owned());
            format!("{} {}: {why}", name(argument), quoted_if_empty(value))
        }
        ErrorKind::MissingRequiredArgument => absent(verb).to_owned(),
        ErrorKind::TooManyValues => format!("{} takes no value", name(argument)),
        ErrorKind::InvalidUtf8 => "a word is not UTF-8; only FILE and CMD ARGS may be".to_owned(),
        _ => first_line(error),
    }
}

/// The command that is meant: who writes `-l` without one wants to listen.
pub(super) fn meant<'a>(error: &Error, verb: Option<&'a str>) -> Option<&'a str> {
    let argument = error.get(ContextKind::InvalidArg);
    match argument {
        Some(ContextValue::String(argument)) if argument == "-l" => Some("listen"),
        _ => verb,
    }
}

/// What a command cannot do without.
fn absent(verb: Option<&str>) -> &'static str {
    match verb {
        Some("listen") => "the address is missing: write ft listen 8080",
        Some("relay") => "an address is missing: write ft relay 8080 HOST:PORT",
        Some("bench") => "the address is missing: write ft bench 8080",
        Some("completions") => "the shell is missing: write ft completions bash",
        _ => "the address is missing: write ft connect 8080, or ft connect HOST PORT",
    }
}

/// `--idle <DURATION>` without what stands behind it.
fn name(argument: &str) -> &str {
    let name = argument.split([' ', '=']).next().unwrap_or(argument);
    name.trim_matches(['<', '>', '[', ']', '.'])
}

fn quoted_if_empty(value: &str) -> String {
    if value.is_empty() {
        "''".to_owned()
    } else {
        said(value).to_string()
    }
}

fn missing(argument: &str) -> String {
    let value = argument
        .split_once(['<', '['])
        .map_or("value", |(_, value)| value);
    let value = value.trim_end_matches(['>', ']', '.']);
    format!("{} needs a value: write {0} {value}", name(argument))
}

fn choice((argument, value): (&str, &str), known: &[String]) -> String {
    let list = known.join(", ");
    let near = nearest(value, known.iter().map(String::as_str));
    let near = near.map_or_else(String::new, |near| format!("; did you mean '{near}'?"));
    format!(
        "{} cannot be '{}'{near} (values: {list})",
        name(argument),
        said(value)
    )
}

fn unknown(argument: &str, verb: Option<&str>, command: &Command) -> String {
    let argument = argument.split('=').next().unwrap_or(argument);
    let shown = said(argument);
    if !argument.starts_with('-') {
        return format!("'{shown}' is one word too many");
    }
    let here = verb.and_then(|verb| command.find_subcommand(verb));
    let longs = |command: &Command| -> Vec<String> {
        let shown = command.get_arguments().filter_map(Arg::get_long);
        shown.map(|long| format!("--{long}")).collect()
    };
    let known = here.map(longs).unwrap_or_default();
    if let Some(near) = nearest(argument, known.iter().map(String::as_str)) {
        return format!("unknown option '{shown}'; did you mean '{near}'?");
    }
    if let Some((_, here)) = ELSEWHERE.iter().find(|(option, _)| *option == argument) {
        return format!("unknown option '{shown}': {here}");
    }
    let short = |option: &Arg| {
        option
            .get_short()
            .is_some_and(|c| format!("-{c}") == argument)
    };
    let has = |command: &&Command| {
        longs(command).iter().any(|long| long == argument) || command.get_arguments().any(short)
    };
    match command.get_subcommands().find(has).map(Command::get_name) {
        Some("code") => {
            let verb = verb.unwrap_or("the command");
            format!("{shown} is an option of ft code; it stands before {verb}")
        }
        Some(other) => format!("{shown} is an option of ft {other}"),
        None => format!("unknown option '{shown}'"),
    }
}

/// What is left, in clap's words but in our form.
fn first_line(error: &Error) -> String {
    let text = error.to_string();
    let line = text.lines().next().unwrap_or_default();
    said(line.strip_prefix("error: ").unwrap_or(line)).to_string()
}
