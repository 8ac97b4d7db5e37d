//! What the log says of the destinations of a relay.

use std::time::Instant;

use fivetuple::call::{Code, Subject};
use fivetuple::event::Role;
use fivetuple::{Call, Explained, Identity};

use super::super::error::{explain_error, plain_error};
use super::super::sparse::Pace;
use super::{Log, error_lines, lock};

/// Destinations of a relay that were not reached.
#[derive(Debug, Default)]
pub(super) struct Unreached {
    pace: Pace,
    pub(super) left_out: u64,
    /// The client who was told of last, and what its call failed with.
    last: Option<(u64, Code)>,
}

impl Log {
    /// A relay did not reach a destination. When that is down, every client finds it so.
    pub(super) fn unreached(&self, client: &Identity, error: &dyn Explained, now: Instant) {
        let mut unreached = lock(&self.unreached);
        let last = unreached.last;
        // All that one client meets is told: several destinations, several tries.
        let goes_on = last.is_some_and(|(number, _)| number == client.number);
        if !goes_on && !unreached.pace.is_due(now) {
            unreached.left_out += 1;
            return;
        }
        let left_out = if goes_on {
            0
        } else {
            std::mem::take(&mut unreached.left_out)
        };
        let this = (client.number, error.code());
        unreached.last = Some(this);
        drop(unreached);
        let mut text = if last == Some(this) {
            plain_error(error)
        } else {
            explain_error(error, &self.typed)
        };
        let mut for_whom = format!(" for #{}", client.number);
        if left_out > 0 {
            for_whom += &format!(" (and {left_out} more before)");
        }
        let line = text.find('\n').unwrap_or(text.len());
        text.insert_str(line, &for_whom);
        error_lines(&self.queue, &text, self.color);
    }
}

/// Whether it is about a destination, called for a client who is here already.
pub(super) fn is_about_destination(client: &Identity, error: &dyn Explained) -> bool {
    let data = [
        Call::Send,
        Call::Receive,
        Call::Splice,
        Call::SendFile,
        Call::Shutdown,
        Call::Close,
    ];
    let of_another = match error.subject() {
        Subject::Connection(name) => **name != client.name(),
        _ => false,
    };
    client.role == Role::Accepted && (of_another || !data.contains(&error.call()))
}
