//! The words of the subject: ports and sockets, ends and limits, what `ft` writes and returns.

mod bench;
mod bulk;
mod end;
mod http;
mod hub;
mod name;
mod output;
mod program;
mod relay;
mod unix;

use super::topic::Topic;

/// All words: names first, then ends, then what a run says.
pub(crate) const TABLES: &[&[Topic]] = &[
    name::TOPICS,
    unix::TOPICS,
    hub::TOPICS,
    program::TOPICS,
    end::TOPICS,
    relay::TOPICS,
    bulk::TOPICS,
    http::TOPICS,
    bench::TOPICS,
    output::TOPICS,
];
