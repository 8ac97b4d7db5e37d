//! What is done with an accepted connection, as plain data.

use std::path::PathBuf;

use fivetuple::service::HttpOptions;

use super::Terminal;

/// What is done with an accepted connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Service {
    Terminal(Terminal),
    Echo,
    Discard,
    Chargen,
    Daytime,
    Time,
    /// So many bytes; without a size, no end.
    Source(Option<u64>),
    Http(Site),
}

/// The files of a folder over HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Site {
    pub(crate) folder: PathBuf,
    pub(crate) options: HttpOptions,
}
