//! The words of the subject: ports and sockets, ends and limits, what `ft` writes and returns.

mod end;
mod name;
mod output;
mod program;

use super::topic::Topic;

/// All words: names first, then ends, then what a run says.
pub(crate) const TABLES: &[&[Topic]] =
    &[name::TOPICS, program::TOPICS, end::TOPICS, output::TOPICS];
