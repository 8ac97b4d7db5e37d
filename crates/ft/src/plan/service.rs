//! What is done with an accepted connection, as plain data.

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
}

/// What is done with datagrams, as plain data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DatagramService {
    Echo,
    Discard,
    Chargen,
    Daytime,
    Time,
}

impl DatagramService {
    /// The names of all of them.
    pub(crate) const NAMES: [&str; 5] = ["echo", "discard", "chargen", "daytime", "time"];

    /// The same service over datagrams; most need a stream.
    pub(crate) fn of(service: &Service) -> Option<Self> {
        match service {
            Service::Echo => Some(Self::Echo),
            Service::Discard => Some(Self::Discard),
            Service::Chargen => Some(Self::Chargen),
            Service::Daytime => Some(Self::Daytime),
            Service::Time => Some(Self::Time),
            _ => None,
        }
    }
}
