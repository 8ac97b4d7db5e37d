//! Every error that a socket user meets: which call gives it, what it means on the wire, whose
//! fault it is, what to try.

mod address;
mod limit;
mod network;
mod program;
mod resolver;
mod waiting;

use super::topic::Topic;

/// The errno tables, the most frequent first.
pub(crate) const TABLES: &[&[Topic]] = &[
    address::TOPICS,
    network::TOPICS,
    limit::TOPICS,
    waiting::TOPICS,
    program::TOPICS,
];

/// What `getaddrinfo` says instead of an errno.
pub(crate) const RESOLVER: &[Topic] = resolver::TOPICS;
