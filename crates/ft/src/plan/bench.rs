//! A measurement under load, as plain data.

use std::path::PathBuf;
use std::time::Duration;

use fivetuple::Address;
use fivetuple::load::{LoadOptions, Reply};

use super::Report;

/// A measurement under load.
#[derive(Clone, Debug)]
pub(crate) struct Bench {
    /// Never none. Several are measured in turns.
    pub(crate) targets: Vec<Target>,
    /// Its mode is a request only once [`Bench::request`] is read.
    pub(crate) options: LoadOptions,
    /// The request of the modes request and connect.
    pub(crate) request: Option<Request>,
    /// For each address; with [`Bench::find_max`], for each rate.
    pub(crate) duration: Duration,
    /// Before it counts.
    pub(crate) warm_up: Duration,
    pub(crate) find_max: Option<Bound>,
    pub(crate) output: Output,
    /// Draw how far it is on stderr.
    pub(crate) progress: bool,
    pub(crate) report: Report,
}

/// Who is measured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) address: Address,
    /// As it was typed.
    pub(crate) typed: String,
}

/// A request that stands in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Request {
    pub(crate) file: PathBuf,
    pub(crate) reply: Reply,
}

/// A latency that is to be kept.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Bound {
    /// From 0 to 1; 1 is the maximum.
    pub(crate) quantile: f64,
    /// Less than this.
    pub(crate) below: Duration,
}

/// What stdout has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Output {
    /// Tables for people.
    Table,
    /// One JSON object.
    Json,
    /// A record for every second, while it runs; the tables go to stderr.
    Series(Format),
}

/// The form of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Csv,
    Json,
}
