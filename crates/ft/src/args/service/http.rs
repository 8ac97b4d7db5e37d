//! `http [DIR]`: its options, and what they mean.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use fivetuple::call::{Code, Errno};
use fivetuple::service::HttpOptions;

use super::{is_service, two};
use crate::args::cli::Listen;
use crate::args::failure::said;
use crate::args::limit;
use crate::plan::{Service, Site};

const HEADING: &str = "http";

/// What only the http service has.
#[derive(Debug, Args)]
pub(in crate::args) struct Options {
    /// Show the five-tuple of the very request at /.ft
    #[arg(long, help_heading = HEADING, hide_short_help = true)]
    pub(in crate::args) status: bool,
    /// How long the head of a request may take [default: 10s]
    #[arg(long, value_name = "DURATION", value_parser = limit::time)]
    #[arg(help_heading = HEADING, hide_short_help = true)]
    pub(in crate::args) head_deadline: Option<Duration>,
}

impl Options {
    /// The first that was written.
    pub(super) fn first(&self) -> Option<&'static str> {
        let head_deadline = self.head_deadline.map(|_: Duration| "--head-deadline");
        self.status.then_some("--status").or(head_deadline)
    }
}

/// The files of this folder.
pub(super) fn plan(words: &Listen, folder: Option<&OsStr>) -> Result<Service, String> {
    if words.end.eof.is_some() {
        return Err(
            "--eof is not for http: an answer is sent whole, then the connection ends as HTTP \
             wants it"
                .to_owned(),
        );
    }
    let folder = folder.unwrap_or_else(|| ".".as_ref());
    let problem = match std::fs::metadata(folder) {
        Ok(metadata) if metadata.is_dir() => None,
        Ok(_) => Some("it is no folder".to_owned()),
        Err(error) => {
            let code = Errno::from_io_error(&error).map(Code::Errno);
            Some(code.map_or(error.to_string(), |code| {
                format!("{} ({code})", code.text())
            }))
        }
    };
    match problem {
        Some(_) if is_service(folder) => return Err(two("http", folder)),
        Some(problem) => return Err(format!("http {}: {problem}", said(folder))),
        None => {}
    }
    let default = HttpOptions::default();
    Ok(Service::Http(Site {
        folder: PathBuf::from(folder),
        options: HttpOptions {
            status: words.http.status,
            head_deadline: words.http.head_deadline.unwrap_or(default.head_deadline),
            ..default
        },
    }))
}
