//! The words of the subject: ports and sockets, ends and limits, what `ft` writes and returns.

mod end;
mod hub;
mod name;
mod output;

use super::topic::Topic;

/// All words: names first, then ends, then what a run says.
pub(crate) const TABLES: &[&[Topic]] = &[name::TOPICS, hub::TOPICS, end::TOPICS, output::TOPICS];
