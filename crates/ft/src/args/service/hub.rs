//! The hub and the chat: their own options, and what these mean.

use clap::{Args, ValueEnum};
use fivetuple::service::{HubOptions, Messages, Slow};

use super::super::Surroundings;
use super::super::cli::Listen;
use super::super::values::size;
use super::super::{limit, shown};
use crate::plan::{self, Service};

const HUB: &str = "Of hub and chat";

#[derive(Debug, Args)]
pub(in crate::args) struct Hub {
    /// What is passed on as one: lines or chunks, bytes as they come [default: lines]
    #[arg(long, value_name = "WHAT", value_enum, help_heading = HUB)]
    #[arg(hide_short_help = true, hide_possible_values = true)]
    pub(super) messages: Option<MessagesWord>,
    /// How far behind a member may be before --slow has its way [default: 256Ki]
    #[arg(long, value_name = "SIZE", value_parser = some_bytes)]
    #[arg(help_heading = HUB, hide_short_help = true)]
    pub(super) max_behind: Option<usize>,
    /// The longest line; what is longer is cut [default: 64Ki]
    #[arg(long, value_name = "SIZE", value_parser = some_bytes)]
    #[arg(help_heading = HUB, hide_short_help = true)]
    pub(super) max_line: Option<usize>,
    /// The first line of each member names its room
    #[arg(long, help_heading = HUB, hide_short_help = true)]
    pub(super) rooms: bool,
    /// Who joins gets the last N messages [default: 0]
    #[arg(long, value_name = "N", value_parser = limit::messages)]
    #[arg(help_heading = HUB, hide_short_help = true)]
    pub(super) history: Option<u64>,
    /// stdin and stdout are a member, too
    #[arg(long, help_heading = HUB, hide_short_help = true)]
    pub(super) console: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(in crate::args) enum MessagesWord {
    Lines,
    Chunks,
}

/// Reads a size that is at least one byte.
fn some_bytes(text: &str) -> Result<usize, String> {
    match size(text)? {
        0 => Err("nothing would fit: write at least 1".to_owned()),
        bytes => usize::try_from(bytes).map_err(|_| format!("the largest size is {}", usize::MAX)),
    }
}

/// The hub that is asked for.
pub(super) fn hub(words: &Listen, around: Surroundings<'_>) -> Result<Service, String> {
    together(words, around).map(Service::Hub)
}

/// The chat that is asked for.
pub(super) fn chat(words: &Listen, around: Surroundings<'_>) -> Result<Service, String> {
    if words.hub.messages.is_some() {
        return Err("the messages of a chat are lines: leave out --messages".to_owned());
    }
    together(words, around).map(Service::Chat)
}

fn together(words: &Listen, around: Surroundings<'_>) -> Result<plan::Hub, String> {
    let hub = &words.hub;
    let defaults = HubOptions::default();
    let max_behind = hub.max_behind.unwrap_or(match hub.max_line {
        Some(max_line) => defaults.max_behind.max(max_line),
        None => defaults.max_behind,
    });
    let max_line = hub.max_line.unwrap_or(defaults.max_line.min(max_behind));
    if max_line > max_behind {
        return Err(format!(
            "a line of --max-line {max_line} bytes does not fit into --max-behind {max_behind}: \
             make one larger or the other smaller"
        ));
    }
    if words.shown.raw && !hub.console {
        return Err(
            "--raw is about what stdout shows, and it shows nothing: add --console, or leave out \
             --raw"
                .to_owned(),
        );
    }
    if matches!(hub.messages, Some(MessagesWord::Chunks)) && hub.max_line.is_some() && !hub.rooms {
        return Err(
            "--max-line is about lines, and --messages chunks has none: leave one out".to_owned(),
        );
    }
    let terminals = around.terminals;
    Ok(plan::Hub {
        options: HubOptions {
            messages: match hub.messages {
                Some(MessagesWord::Chunks) => Messages::Chunks,
                Some(MessagesWord::Lines) | None => Messages::Lines,
            },
            slow: words.slow.map_or(defaults.slow, Slow::from),
            max_behind,
            max_line,
            rooms: hub.rooms,
            history: hub.history.unwrap_or(0),
            ask_within: defaults.ask_within,
        },
        console: hub.console.then_some(plan::Terminal {
            input: true,
            interactive: terminals.stdin,
            crlf: false,
            output: true,
            visible: terminals.stdout && !words.shown.raw,
            slow: Slow::Block,
        }),
    })
}

/// The first option here that was written.
pub(super) fn written(hub: &Hub) -> Option<&'static str> {
    shown::first([
        (hub.messages.is_some(), "--messages"),
        (hub.max_behind.is_some(), "--max-behind"),
        (hub.max_line.is_some(), "--max-line"),
        (hub.rooms, "--rooms"),
        (hub.history.is_some(), "--history"),
        (hub.console, "--console"),
    ])
}
