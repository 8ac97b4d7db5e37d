//! From the words of the command line to a [`Plan`], or to the text that says why there is none.
//!
//! [`verb`] finds what is asked for, [`cli`] reads options, [`listen`] and [`connect`] decide what
//! they mean together, [`failure`] words what is wrong. Every failure is one sentence that says
//! what to write instead, and a line with the command that helps.

mod bench;
mod cli;
mod code;
mod connect;
mod datagrams;
mod example;
mod failure;
mod limit;
mod listen;
mod negative;
mod page;
mod passed;
mod service;
mod shown;
mod values;
mod verb;

use std::ffi::OsString;

use clap::FromArgMatches;
use clap::error::ErrorKind;

use crate::explain;
use crate::plan::{Plan, Typed};
use cli::{Cli, Verb};
use failure::said;

/// Which of the three streams are terminals.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Terminals {
    pub(crate) stdin: bool,
    pub(crate) stdout: bool,
    pub(crate) stderr: bool,
}

/// What the environment says.
#[derive(Clone, Debug, Default)]
pub(crate) struct Environment {
    /// `NO_COLOR` is set and not empty.
    pub(crate) no_color: bool,
    /// `TERM` is `dumb`.
    pub(crate) term_dumb: bool,
    /// `CLICOLOR_FORCE` is set, not empty and not 0.
    pub(crate) clicolor_force: bool,
    /// Columns of the terminal.
    pub(crate) columns: Option<usize>,
    /// The names of the sockets that a service manager has passed, from descriptor 3 on.
    pub(crate) passed: Vec<String>,
    /// Where a service manager wants to hear that we are ready (`NOTIFY_SOCKET`).
    pub(crate) notify: Option<OsString>,
}

impl Environment {
    /// How wide texts are: the terminal's width, but no lines too long to read.
    fn width(&self) -> usize {
        self.columns.unwrap_or(80).clamp(40, 100)
    }
}

/// Where the command was called, and how.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Surroundings<'a> {
    pub(crate) terminals: Terminals,
    pub(crate) environment: &'a Environment,
    pub(crate) typed: &'a Typed,
}

/// An end without a run: help, the version, or a command line that cannot be carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Exit {
    pub(crate) status: u8,
    pub(crate) text: String,
    /// Whether it was asked for and belongs on stdout; what went wrong belongs on stderr.
    pub(crate) to_stdout: bool,
}

impl Exit {
    fn asked_for(text: String) -> Self {
        Self {
            status: 0,
            text,
            to_stdout: true,
        }
    }

    /// A command line that cannot be carried out. Without a verb it is `ft` that speaks.
    fn usage(verb: Option<&str>, sentence: &str) -> Self {
        let name = verb.map_or_else(|| "ft".to_owned(), |verb| format!("ft {verb}"));
        Self {
            status: 2,
            text: format!("{name}: {sentence}\ntry: {name} --help\n"),
            to_stdout: false,
        }
    }
}

/// What this command line asks for. The first word is the name of the program.
///
/// # Errors
///
/// An [`Exit`] with status 0 for help and the version, with status 2 for what cannot be understood.
pub(crate) fn plan(
    argv: impl Iterator<Item = OsString>,
    terminals: Terminals,
    environment: &Environment,
) -> Result<Plan, Exit> {
    let command = page::command(environment.width());
    let words = verb::first(argv.skip(1).collect(), &command)?;
    let around = Surroundings {
        terminals,
        environment,
        typed: &words.typed(&command),
    };
    let verb = words.verb;
    let argv: Vec<OsString> = words.argv().collect();
    // What follows those is read elsewhere.
    if !["explain", "code"].map(Some).contains(&verb) {
        negative::refused(&argv, &command).map_err(|sentence| Exit::usage(verb, &sentence))?;
    }
    let read = command
        .clone()
        .try_get_matches_from(argv)
        .and_then(|matches| Cli::from_arg_matches(&matches));
    let cli = read.map_err(|error| match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => Exit::asked_for(error.to_string()),
        _ => Exit::usage(
            failure::meant(&error, verb),
            &failure::sentence(&error, verb, &command),
        ),
    })?;
    let Some(asked) = cli.verb else {
        return Err(Exit::asked_for(page::help(environment.width())));
    };
    let planned = match asked {
        Verb::Listen(words) => listen::plan(*words, around),
        Verb::Relay(words) => {
            service::relay::as_listen(*words).and_then(|words| listen::plan(words, around))
        }
        Verb::Connect(words) => connect::plan(*words, around),
        Verb::Bench(words) => bench::plan(&words, around),
        Verb::Code(words) => return code::plan(words, environment),
        Verb::Explain(words) => explained(&words.words, environment.width()),
        Verb::Demo(words) => Ok(Plan::Demo(shown::color_only(&words.color, around))),
        Verb::Completions(words) => Ok(Plan::Print(page::completions(words.shell))),
        Verb::Man(words) => page::manual(words.verb.as_deref()).map(Plan::Print),
    };
    planned.map_err(|sentence| Exit::usage(verb, &sentence))
}

fn explained(words: &[String], width: usize) -> Result<Plan, String> {
    if words.is_empty() {
        return Ok(Plan::Print(explain::index(width)));
    }
    let word = words.join(" ");
    match explain::lookup(&word) {
        Ok(topic) => Ok(Plan::Print(explain::render(topic, width))),
        Err(unknown) => Err(match unknown.nearest {
            Some(nearest) => {
                format!("unknown word '{}'; did you mean '{nearest}'?", said(&word))
            }
            None => format!(
                "unknown word '{}'; ft explain alone lists all words",
                said(&word)
            ),
        }),
    }
}

#[cfg(test)]
mod tests;
