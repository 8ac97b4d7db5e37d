//! `send FILE` and `receive FILE|DIR`, and what `ft connect` tells of a file that it moves.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use clap::Args;

use super::{Surroundings, is_service, two};
use crate::args::cli::Listen;
use crate::args::values;
use crate::plan::{self, Service, Sums};

const FILES: &str = "send, receive";

/// Options of `send` and `receive`.
#[derive(Debug, Args)]
pub(crate) struct Files {
    /// Send the file from this byte on [default: 0]
    #[arg(long, value_name = "OFFSET", value_parser = values::size, help_heading = FILES)]
    #[arg(hide_short_help = true)]
    pub(crate) from: Option<u64>,
    /// Print the SHA-256 of each file, as sha256sum does
    #[arg(long, help_heading = FILES, hide_short_help = true)]
    pub(crate) digest: bool,
}

/// Options of `ft connect` about the bytes that it moves.
#[derive(Debug, Args)]
pub(crate) struct Watch {
    /// Show how far it is: bytes, rate and the time that is left
    #[arg(long, help_heading = crate::args::cli::SHOWN, hide_short_help = true)]
    pub(crate) progress: bool,
    /// Print the SHA-256 of what was sent and of what was received
    #[arg(long, help_heading = crate::args::cli::SHOWN, hide_short_help = true)]
    pub(crate) digest: bool,
}

/// `send FILE`.
pub(super) fn send(
    words: &Listen,
    word: Option<&OsStr>,
    around: Surroundings<'_>,
) -> Result<Service, String> {
    let Some(word) = word else {
        return Err("which file? write send FILE".to_owned());
    };
    if word == "-" {
        return Err(
            "send gives each client a file, and stdin is read once: leave out send -, and the \
             terminal service sends what is piped in"
                .to_owned(),
        );
    }
    Ok(Service::Send(plan::SendFile {
        path: path("send", word)?,
        from: words.files.from.unwrap_or(0),
        digest: sums(&words.files, around),
        bar: draws(words.shown.quiet, around),
    }))
}

/// `receive FILE|DIR`.
pub(super) fn receive(
    words: &Listen,
    word: Option<&OsStr>,
    around: Surroundings<'_>,
) -> Result<Service, String> {
    let Some(word) = word else {
        return Err("into which file or directory? write receive FILE or receive DIR".to_owned());
    };
    if word == "-" {
        return Err(
            "receive writes files: leave out receive -, and the terminal service writes to stdout"
                .to_owned(),
        );
    }
    if words.files.from.is_some() {
        return Err("--from is where send starts: leave it out to receive".to_owned());
    }
    let path = path("receive", word)?;
    Ok(Service::Receive(plan::ReceiveFile {
        directory: word.as_encoded_bytes().ends_with(b"/") || path.is_dir(),
        path,
        digest: sums(&words.files, around),
        bar: draws(words.shown.quiet, around),
    }))
}

/// A path; a service in its place is one that lacks the path before it.
fn path(service: &str, word: &OsStr) -> Result<PathBuf, String> {
    if is_service(word) && !Path::new(word).exists() {
        return Err(two(service, word));
    }
    if word.is_empty() {
        return Err("'' is not a path".to_owned());
    }
    Ok(PathBuf::from(word))
}

/// The first option that only these services have.
pub(super) fn written(files: &Files) -> Option<&'static str> {
    let from = files.from.map(|_| "--from");
    from.or(files.digest.then_some("--digest"))
}

/// What is told of the bytes of `ft connect`.
pub(crate) fn watch(words: &Watch, quiet: bool, around: Surroundings<'_>) -> plan::Watch {
    plan::Watch {
        progress: words.progress,
        // Where stdout is a terminal, the data is drawn there.
        bar: words.progress && draws(quiet, around) && !around.terminals.stdout,
        digest: words.digest,
    }
}

fn draws(quiet: bool, around: Surroundings<'_>) -> bool {
    !quiet && around.terminals.stderr && !around.environment.term_dumb
}

fn sums(files: &Files, around: Surroundings<'_>) -> Sums {
    match (
        files.digest,
        around.terminals.stdout && around.terminals.stderr,
    ) {
        (false, _) => Sums::Nowhere,
        (true, false) => Sums::Stdout,
        (true, true) => Sums::Stderr,
    }
}
