//! The options of `ft listen`, `ft connect`, `ft bench` and `ft code`: value, default, and what they are good for.

mod bench;
mod call;
mod code;
mod end;
mod files;
mod http;
mod hub;
mod limit;
mod place;
mod program;
mod show;

use super::topic::Topic;

/// All options, in the order of a connection's life.
pub(crate) const TABLES: &[&[Topic]] = &[
    show::TOPICS,
    call::TOPICS,
    place::TOPICS,
    files::TOPICS,
    program::TOPICS,
    limit::TOPICS,
    hub::TOPICS,
    end::TOPICS,
    http::TOPICS,
    bench::TOPICS,
    code::TOPICS,
];
