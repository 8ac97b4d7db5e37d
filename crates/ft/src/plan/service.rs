//! What is done with an accepted connection, as plain data.

use std::path::PathBuf;

use fivetuple::service::{ExecOptions, HttpOptions, HubOptions};
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
    Send(SendFile),
    Receive(ReceiveFile),
    Http(Site),
    /// A program for each connection.
    Exec(ExecOptions),
    Hub(Hub),
    /// The hub, with names.
    Chat(Hub),
}

impl Service {
    /// Whether it can serve one connection and no more.
    pub(crate) fn is_for_one(&self) -> bool {
        matches!(self, Self::Receive(plan) if !plan.directory)
    }
}

/// What one client sends goes to all others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Hub {
    pub(crate) options: HubOptions,
    /// How stdin and stdout take part, if they do.
    pub(crate) console: Option<Terminal>,
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

/// Each client gets this file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SendFile {
    pub(crate) path: PathBuf,
    /// The first byte that is sent.
    pub(crate) from: u64,
    pub(crate) digest: Sums,
    /// Draw a progress bar on stderr.
    pub(crate) bar: bool,
}

/// What each client sends goes into a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ReceiveFile {
    pub(crate) path: PathBuf,
    /// The path is a directory, in which each client has its own file.
    pub(crate) directory: bool,
    pub(crate) digest: Sums,
    /// Draw a progress bar on stderr.
    pub(crate) bar: bool,
}

/// Where the SHA-256 of each file is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sums {
    Nowhere,
    Stdout,
    /// stdout and stderr are one terminal, where lines must not be torn.
    Stderr,
}

/// What is done with datagrams, as plain data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum DatagramService {
    Echo,
    Discard,
    Chargen,
    Daytime,
    Time,
    Relay(Relay),
}

impl DatagramService {
    /// The names of all of them.
    pub(crate) const NAMES: [&str; 6] = ["echo", "discard", "chargen", "daytime", "time", "relay"];

    /// The same service over datagrams; most need a stream.
    pub(crate) fn of(service: Service) -> Option<Self> {
        match service {
            Service::Echo => Some(Self::Echo),
            Service::Discard => Some(Self::Discard),
            Service::Chargen => Some(Self::Chargen),
            Service::Daytime => Some(Self::Daytime),
            Service::Time => Some(Self::Time),
            Service::Relay(relay) => Some(Self::Relay(relay)),
            _ => None,
        }
    }
}
