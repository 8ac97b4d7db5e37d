//! What is done with an accepted connection, as plain data.

use fivetuple::service::HubOptions;

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
    Hub(Hub),
    /// The hub, with names.
    Chat(Hub),
}

/// What one client sends goes to all others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Hub {
    pub(crate) options: HubOptions,
    /// How stdin and stdout take part, if they do.
    pub(crate) console: Option<Terminal>,
}
