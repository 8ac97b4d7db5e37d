//! The groups of rows: one file each says what work is done, by whom, and what is asked of `ft`.

mod bench;
mod echo;
mod file;
mod hub;
mod idle;
mod rate;
mod relay;
mod start;

use crate::harness::Harness;
use crate::row::Row;

/// A group of rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// Small messages that come back.
    Echo,
    /// Connections that are made, used once and closed.
    Rate,
    /// Memory of connections that are idle.
    Idle,
    /// Two connections joined to each other.
    Relay,
    /// A file sent to another process.
    File,
    /// Lines passed on to everybody else.
    Hub,
    /// The generator of load.
    Bench,
    /// Whole processes.
    Start,
}

impl Group {
    /// All of them, in the order of the report.
    pub const ALL: [Self; 8] = [
        Self::Echo,
        Self::Rate,
        Self::Idle,
        Self::Relay,
        Self::File,
        Self::Hub,
        Self::Bench,
        Self::Start,
    ];

    /// The word for it on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Echo => "echo",
            Self::Rate => "rate",
            Self::Idle => "idle",
            Self::Relay => "relay",
            Self::File => "file",
            Self::Hub => "hub",
            Self::Bench => "bench",
            Self::Start => "start",
        }
    }

    /// The title of its section.
    pub fn title(self) -> &'static str {
        match self {
            Self::Echo => "echo: small messages",
            Self::Rate => "rate: connect, exchange, close",
            Self::Idle => "idle: memory of connections",
            Self::Relay => "relay: two connections joined",
            Self::File => "file: from a file to another process",
            Self::Hub => "hub: one line to everybody else",
            Self::Bench => "bench: the generator",
            Self::Start => "start: whole processes",
        }
    }

    /// What its section says of its rows: who is checked how, and what is not measured.
    pub fn note(self) -> &'static str {
        match self {
            Self::Echo => echo::NOTE,
            Self::Rate => rate::NOTE,
            Self::Idle => idle::NOTE,
            Self::Relay => relay::NOTE,
            Self::File => file::NOTE,
            Self::Hub => hub::NOTE,
            Self::Bench => bench::NOTE,
            Self::Start => start::NOTE,
        }
    }

    /// Does the work and judges.
    pub fn rows(self, harness: &Harness) -> Vec<Row> {
        match self {
            Self::Echo => echo::rows(harness),
            Self::Rate => rate::rows(harness),
            Self::Idle => idle::rows(harness),
            Self::Relay => relay::rows(harness),
            Self::File => file::rows(harness),
            Self::Hub => hub::rows(harness),
            Self::Bench => bench::rows(harness),
            Self::Start => start::rows(harness),
        }
    }
}
