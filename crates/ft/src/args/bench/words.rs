//! The words of `ft bench`, as clap reads them.
#![allow(
    rustdoc::broken_intra_doc_links,
    reason = "these comments are printed as help, where brackets are brackets"
)]

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum, ValueHint};

use super::values as own;
use crate::args::cli::{ADDRESSES, LIMITS, Place, SHOWN, Shown};
use crate::args::limit;
use crate::args::values::{self, Retry};
use crate::plan::Bound;

const WORK: &str = "The work";

#[derive(Debug, Args)]
pub(in crate::args) struct Bench {
    /// 8080 (this machine), HOST:PORT, unix:/path; several are compared
    ///
    /// Also [::1]:8080, names of ports, unix:@name. Several take turns, and the ratio of each to the
    /// first is told with its spread.
    #[arg(value_name = "ADDRESS", required = true)]
    pub(in crate::args) addresses: Vec<String>,
    /// echo, connect, request, send, receive, both, hold
    ///
    /// [default: echo] echo: messages that come back, every byte compared. connect: connect, one exchange, close.
    /// request: any protocol, see --message. send, receive, both: bytes as fast as they go. hold:
    /// idle connections, each checked at the end.
    #[arg(id = "work", long = "mode", value_name = "MODE", value_enum, help_heading = WORK)]
    #[arg(hide_possible_values = true)]
    pub(in crate::args) mode: Option<ModeWord>,
    /// Connections; of connect, at a time [default: 64]
    #[arg(short, long, value_name = "N", value_parser = own::connections, help_heading = WORK)]
    pub(in crate::args) connections: Option<u32>,
    /// How long [default: 10s; with --find-max 1s each]
    #[arg(short, long, value_name = "DURATION", value_parser = limit::time, help_heading = WORK)]
    pub(in crate::args) duration: Option<Duration>,
    /// Bytes of a message [default: 64; in bulk 1Mi]
    #[arg(short, long, value_name = "SIZE", value_parser = own::size, help_heading = WORK)]
    pub(in crate::args) size: Option<u64>,
    /// Messages out at a time, each [default: 1]
    ///
    /// So many may each connection have sent without their replies.
    #[arg(long, value_name = "N", value_parser = own::pipeline, help_heading = WORK)]
    pub(in crate::args) pipeline: Option<u32>,
    /// Messages per second in all, replies or not
    ///
    /// On a schedule that waits for nobody. Latency then counts from when each message was due. Of
    /// connect, connections per second.
    #[arg(long, value_name = "N", value_parser = own::rate, help_heading = WORK)]
    pub(in crate::args) rate: Option<u64>,
    /// The highest rate that keeps such as 'p99<1ms'
    #[arg(long, value_name = "BOUND", value_parser = own::bound, help_heading = WORK)]
    pub(in crate::args) find_max: Option<Bound>,
    /// Work for so long before it counts [default: none]
    #[arg(long, value_name = "DURATION", value_parser = values::duration, help_heading = WORK)]
    #[arg(hide_short_help = true)]
    pub(in crate::args) warm_up: Option<Duration>,
    /// The request is in this file
    #[arg(long, value_name = "FILE", help_heading = WORK, value_hint = ValueHint::FilePath)]
    pub(in crate::args) message: Option<PathBuf>,
    /// The reply has so many bytes
    #[arg(long, value_name = "SIZE", value_parser = own::reply_bytes, help_heading = WORK)]
    #[arg(hide_short_help = true)]
    pub(in crate::args) reply_bytes: Option<u64>,
    /// The reply ends with this, such as '\r\n'
    #[arg(long, value_name = "TEXT", value_parser = own::text, help_heading = WORK)]
    #[arg(hide_short_help = true)]
    pub(in crate::args) reply_until: Option<own::Text>,
    /// How connect closes: rst or fin [default: rst]
    #[arg(long, value_name = "HOW", value_enum, help_heading = WORK)]
    #[arg(hide_short_help = true, hide_possible_values = true)]
    pub(in crate::args) close: Option<CloseWord>,
    #[command(flatten)]
    pub(in crate::args) place: Place,
    /// The source address, and port if one is written
    #[arg(long, value_name = "ADDR[:PORT]", value_parser = values::source)]
    #[arg(help_heading = ADDRESSES, hide_short_help = true)]
    pub(in crate::args) source: Option<SocketAddr>,
    /// Several source addresses with commas, used in turn: more ports
    #[arg(long, value_name = "IP,IP…", value_parser = own::ip, value_delimiter = ',')]
    #[arg(help_heading = ADDRESSES, hide_short_help = true)]
    pub(in crate::args) source_addresses: Vec<IpAddr>,
    /// For one connect [default: 10s]
    #[arg(long, value_name = "DURATION", value_parser = limit::time)]
    #[arg(help_heading = LIMITS, hide_short_help = true)]
    pub(in crate::args) connect_timeout: Option<Duration>,
    /// For each reply; without a byte for so long it has failed [default: 5s]
    #[arg(long, value_name = "DURATION", value_parser = limit::time)]
    #[arg(help_heading = LIMITS, hide_short_help = true)]
    pub(in crate::args) reply_timeout: Option<Duration>,
    /// Try the first connect again so often, or forever [default: 0]
    #[arg(long, value_name = "N", value_parser = values::retry, help_heading = LIMITS)]
    #[arg(allow_negative_numbers = true, hide_short_help = true)]
    pub(in crate::args) retry: Option<Retry>,
    /// The result as one JSON object
    #[arg(long, help_heading = SHOWN)]
    pub(in crate::args) json: bool,
    /// A record each second, csv or json; result to stderr
    #[arg(long, value_name = "FORMAT", value_enum, help_heading = SHOWN)]
    #[arg(hide_possible_values = true)]
    pub(in crate::args) export: Option<FormatWord>,
    #[command(flatten)]
    pub(in crate::args) shown: Shown,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::args) enum ModeWord {
    Echo,
    Connect,
    Request,
    Send,
    Receive,
    Both,
    Hold,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::args) enum CloseWord {
    Rst,
    Fin,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::args) enum FormatWord {
    Csv,
    Json,
}
