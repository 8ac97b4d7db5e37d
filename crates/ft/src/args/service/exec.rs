//! `exec -- CMD ARGS` and `shell 'CMD'`: a program for each connection.

use std::ffi::{OsStr, OsString};

use clap::{Args, ValueEnum};
use fivetuple::service::{Data, ExecOptions, Stderr};

use super::super::cli::Listen;
use super::super::failure::said;
use super::super::{limit, shown};
use crate::plan::Service;
use crate::shell;

const PROGRAM: &str = "exec and shell";
/// What reads the words of `shell`.
const SHELL: &str = "/bin/sh";

/// The options of exec and shell.
#[derive(Debug, Args)]
pub(crate) struct ExecWords {
    /// Give the program pipes as stdin and stdout instead of the socket itself
    #[arg(long, help_heading = PROGRAM, hide_short_help = true)]
    pub(crate) pipe: bool,
    /// Give the program a terminal
    #[arg(long, help_heading = PROGRAM, hide_short_help = true)]
    pub(crate) pty: bool,
    /// What becomes of its stderr: log, peer or null [default: log, with --pty peer]
    #[arg(long, value_name = "WHERE", value_enum, help_heading = PROGRAM)]
    #[arg(hide_short_help = true, hide_possible_values = true)]
    pub(crate) stderr: Option<StderrWord>,
    /// Programs at a time, those that are being ended included
    ///
    /// [default: as many as there may be connections]
    #[arg(long, value_name = "N", value_parser = limit::count_of_ip, help_heading = PROGRAM)]
    #[arg(hide_short_help = true)]
    pub(crate) max_children: Option<u32>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum StderrWord {
    Log,
    Peer,
    Null,
}

/// Whether this service runs programs.
pub(crate) fn is_meant(words: &Listen) -> bool {
    let name = words.service.first().and_then(|name| name.to_str());
    matches!(name, Some("exec" | "shell"))
}

/// The service `name`, with the words behind it.
pub(super) fn plan(name: &str, rest: &[&OsStr], words: &Listen) -> Result<Service, String> {
    let program = if name == "shell" {
        shell(rest, &words.after)?
    } else {
        exec(rest, &words.after)?
    };
    let own = &words.exec;
    if own.pipe && own.pty {
        return Err("--pty is a terminal in place of the pipes: leave out --pipe".to_owned());
    }
    // Where somebody has to be between, the program cannot have the socket itself.
    let between = words.end.idle.is_some()
        || words.end.half_closed.is_some()
        || words.end.eof.is_some()
        || words.shown.dump.is_some();
    let stderr = match own.stderr {
        Some(StderrWord::Log) => Stderr::Log,
        Some(StderrWord::Peer) => Stderr::Peer,
        Some(StderrWord::Null) => Stderr::Null,
        None if own.pty => Stderr::Peer,
        None => Stderr::Log,
    };
    Ok(Service::Exec(ExecOptions {
        data: match (own.pty, own.pipe || between) {
            (true, _) => Data::Terminal,
            (false, true) => Data::Pipe,
            (false, false) => Data::Socket,
        },
        stderr,
        max_children: own.max_children,
        ..ExecOptions::new(program)
    }))
}

fn exec(rest: &[&OsStr], after: &[OsString]) -> Result<Vec<OsString>, String> {
    if !rest.is_empty() {
        let behind = after.iter().map(shell::word);
        let words: Vec<String> = rest.iter().map(shell::word).chain(behind).collect();
        return Err(format!(
            "the program stands behind --: write exec -- {}",
            words.join(" ")
        ));
    }
    if after.first().is_none_or(|program| program.is_empty()) {
        return Err("the program is missing: write exec -- CMD ARGS".to_owned());
    }
    Ok(after.to_vec())
}

fn shell(rest: &[&OsStr], after: &[OsString]) -> Result<Vec<OsString>, String> {
    if !after.is_empty() {
        return Err(
            "shell takes its command as one word: write shell 'CMD ARGS', or exec -- CMD ARGS"
                .to_owned(),
        );
    }
    match rest {
        [] => Err("the command is missing: write shell 'CMD ARGS'".to_owned()),
        [command] => Ok([SHELL.as_ref(), "-c".as_ref(), *command]
            .map(OsString::from)
            .to_vec()),
        [_, word, ..] => Err(format!(
            "'{}' is one word too many behind shell: write shell 'CMD ARGS', in quotes",
            said(word)
        )),
    }
}

/// The first of these options that was given.
pub(super) fn written(words: &ExecWords) -> Option<&'static str> {
    shown::first([
        (words.pipe, "--pipe"),
        (words.pty, "--pty"),
        (words.stderr.is_some(), "--stderr"),
        (words.max_children.is_some(), "--max-children"),
    ])
}
