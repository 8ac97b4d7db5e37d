//! What is done with an accepted connection, as plain data.

use std::path::PathBuf;

use fivetuple::service::HttpOptions;
use fivetuple::{Address, ConnectOptions};

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
    Relay(Relay),
    Http(Site),
}

/// Each client gets a connection of its own to one of these.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Relay {
    pub(crate) destinations: Vec<Address>,
    pub(crate) options: ConnectOptions,
}

/// The files of a folder over HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Site {
    pub(crate) folder: PathBuf,
    pub(crate) options: HttpOptions,
}
