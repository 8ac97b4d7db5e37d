//! The hub: what one member sends, all others receive.
//!
//! A message is a line (or, if asked for, whatever came with one read), and reaches everybody
//! whole: never torn, never mixed with another, those of one member in their order. It is stored
//! once, in the log of its room; each member reads that log at its own place, everything that is
//! new with one call. What is kept is bounded in bytes: a log, its history included, holds at most
//! [`HubOptions::max_behind`] (counting 64 bytes for each group of messages beside its text, and
//! always the newest group). A member holds the rest of the one message that it is being sent; the
//! line that it is sending, at most [`HubOptions::max_line`]; the rest of one read, at most 64 KiB,
//! that waits until the answers to its beginning are sent; and answers that it has not read, less
//! than two lines and 96 KiB.
//!
//! Who is further behind than that gets what [`HubOptions::slow`] says:
//! [`DropOldest`](Slow::DropOldest) skips what is lost and says how much, [`Close`](Slow::Close)
//! ends that connection, [`Block`](Slow::Block) reads nothing from anybody until it has caught up,
//! and ends its connection if it takes nothing for [`Hub::STALL`] meanwhile. By the first two, too,
//! who talks fast is held back while somebody is half of that behind, but for half a second at most:
//! who reads loses nothing because another had the machine for itself.
//!
//! The end of a stream, by the table of `docs/end-of-stream.md`: a hub has nothing of its own, so
//! a member that has finished sending is sent what was said up to then, and its connection closes:
//! `echo hi | nc host port` tells everybody and ends. A last line without a newline gets one. With
//! [`Eof::Each`] such a member goes on receiving. When the server is told to stop, every member is
//! sent what was said up to then, and its connection closes.

mod console;
mod lines;
mod log;
mod member;
mod room;
mod sending;
mod talk;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use crate::close::Closed;
use crate::connection::Connection;
use crate::service::{Service, Slow};
#[cfg(doc)]
use crate::transfer::Eof;
use crate::transfer::{Terms, Transfer};

pub use console::Console;
pub(super) use lines::Lines;
pub(super) use log::Guest;
pub(super) use member::Member;
pub(super) use room::{Hall, Pieces, Seat, room_name};
use talk::HubTalk;
pub(super) use talk::{ANSWERS_MAX, Talk, cut_line};

/// What is passed on as one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Messages {
    /// Lines, each with its newline.
    #[default]
    Lines,
    /// Bytes as they come.
    Chunks,
}

/// How a hub treats its members.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HubOptions {
    /// What is passed on as one.
    pub messages: Messages,
    /// What happens to who is too far behind.
    pub slow: Slow,
    /// How far behind, in bytes. No more than that is kept.
    pub max_behind: usize,
    /// The longest line in bytes, its newline not counted; what is longer is cut.
    pub max_line: usize,
    /// The first line of each member names its room.
    pub rooms: bool,
    /// How many messages who joins is sent first, as far as [`HubOptions::max_behind`] reaches.
    pub history: u64,
    /// How long a member may take to name its room, and itself.
    pub ask_within: Duration,
}

impl Default for HubOptions {
    fn default() -> Self {
        Self {
            messages: Messages::Lines,
            slow: Slow::DropOldest,
            max_behind: 256 * 1024,
            max_line: 64 * 1024,
            rooms: false,
            history: 0,
            ask_within: Duration::from_secs(300),
        }
    }
}

/// Passes on to all others what one sends; cheap to clone.
#[derive(Clone, Debug)]
pub struct Hub {
    hall: Arc<Hall>,
}

impl Hub {
    /// How long one member that takes nothing may hold back the others, by [`Slow::Block`].
    pub const STALL: Duration = log::STALL;

    /// A hub without members.
    pub fn new(options: HubOptions) -> Self {
        let hall = Hall::new(options);
        Self { hall }
    }

    /// A member without a connection, such as whoever runs the server.
    pub fn console(&self) -> Console {
        Console::new(HubTalk::new(&self.hall, Guest::Console))
    }
}

impl Service for Hub {
    fn serve(
        &self,
        connection: Connection,
        terms: &Arc<Terms>,
    ) -> impl Future<Output = Closed> + Send + 'static {
        let talk = HubTalk::new(&self.hall, Guest::Connection);
        let member = Member::new(talk, &connection, terms);
        Transfer::new(connection, member, terms)
    }

    fn drain(&self) {
        self.hall.stop();
    }
}
