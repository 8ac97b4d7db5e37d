//! The options of `ft listen` and `ft connect`: value, default, and what they are good for.

mod call;
mod end;
mod hub;
mod limit;
mod show;

use super::topic::Topic;

/// All options, in the order of a connection's life.
pub(crate) const TABLES: &[&[Topic]] = &[
    show::TOPICS,
    call::TOPICS,
    limit::TOPICS,
    hub::TOPICS,
    end::TOPICS,
];
