//! What is done with an accepted connection, as plain data.

use fivetuple::service::ExecOptions;

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
    /// A program for each connection.
    Exec(ExecOptions),
}
