//! What is made of the bytes of one member, whether it has a connection or is the console.

use std::sync::Arc;

use super::lines::Line;
use super::{Guest, Hall, Lines, Messages, Pieces, Seat, room_name};
use crate::transfer::SCRATCH;

/// Answers to what a member says in one go, in bytes; what it said beyond that is taken when these
/// are sent. One answer alone may pass this limit.
pub(in crate::service) const ANSWERS_MAX: usize = 16 * 1024;

/// Makes messages of what a member says. It answers through `reply`, which is given whole lines.
pub(in crate::service) trait Talk: Send {
    /// What is said to who comes.
    fn greet(&mut self, _reply: &mut dyn FnMut(&[u8])) {}

    /// Bytes that the member sent. Returns how many it took: it leaves the rest when it has
    /// answered [`ANSWERS_MAX`], and is given that again once the answers are sent.
    fn hear(&mut self, bytes: &[u8], reply: &mut dyn FnMut(&[u8])) -> usize;

    /// How many bytes are to be read from it at a time.
    fn read_max(&self) -> usize {
        SCRATCH
    }

    /// The member has finished: the last line may lack its newline.
    fn finish(&mut self, reply: &mut dyn FnMut(&[u8]));

    /// Its seat, once it has one.
    fn seat(&self) -> Option<&Seat>;

    /// Gives up the seat, and says so where that is the custom.
    fn leave(&mut self);

    /// It asked for the end itself.
    fn has_left(&self) -> bool {
        false
    }

    /// What is said when it has not told in time what it was asked.
    fn too_late(&self) -> &'static str;

    /// What is said to who is still here when the server stops.
    fn farewell(&self) -> Option<&'static str> {
        None
    }

    fn hall(&self) -> &Hall;
}

/// The hub's way: what comes is passed on as it is.
#[derive(Debug)]
pub(super) struct HubTalk {
    hall: Arc<Hall>,
    guest: Guest,
    lines: Lines,
    seat: Option<Seat>,
}

impl HubTalk {
    pub(super) fn new(hall: &Arc<Hall>, guest: Guest) -> Self {
        let seat = if hall.options.rooms {
            None
        } else {
            hall.enter(None, (guest, None))
        };
        Self {
            hall: Arc::clone(hall),
            guest,
            lines: Lines::new(hall.options.max_line),
            seat,
        }
    }

    /// Takes the line that names the room, or says what is wrong with it.
    fn enter(&mut self, line: &Line<'_>) -> Option<String> {
        match room_name(&line.text) {
            Ok(room) => self.seat = self.hall.enter(Some(&room), (self.guest, None)),
            Err(sentence) => return Some(format!("-- {sentence} --\n")),
        }
        None
    }
}

impl Talk for HubTalk {
    fn hear(&mut self, bytes: &[u8], reply: &mut dyn FnMut(&[u8])) -> usize {
        let (mut rest, mut answered) = (bytes, 0);
        let mut reply = |line: &[u8]| {
            answered += line.len();
            reply(line);
            answered < ANSWERS_MAX
        };
        let mut go_on = true;
        while go_on && self.seat.is_none() {
            let Some(line) = self.lines.next(&mut rest) else {
                return bytes.len();
            };
            go_on = self
                .enter(&line)
                .is_none_or(|answer| reply(answer.as_bytes()));
        }
        let Some(seat) = &self.seat else {
            return bytes.len() - rest.len();
        };
        let mut pieces = Pieces::default();
        if self.hall.options.messages == Messages::Chunks {
            pieces.chunk(rest);
            seat.publish(pieces);
            return bytes.len();
        }
        while go_on && let Some(line) = self.lines.next(&mut rest) {
            pieces.line(&line.text);
            if line.cut {
                go_on = reply(cut_line(self.hall.options.max_line).as_bytes());
            }
        }
        seat.publish(pieces);
        bytes.len() - rest.len()
    }

    fn finish(&mut self, reply: &mut dyn FnMut(&[u8])) {
        let Some(line) = self.lines.finish() else {
            return;
        };
        match &self.seat {
            None => {
                if let Some(answer) = self.enter(&line) {
                    reply(answer.as_bytes());
                }
            }
            Some(seat) => {
                let mut pieces = Pieces::default();
                pieces.line(&line.text);
                seat.publish(pieces);
            }
        }
    }

    fn seat(&self) -> Option<&Seat> {
        self.seat.as_ref()
    }

    fn leave(&mut self) {
        self.seat = None;
    }

    fn too_late(&self) -> &'static str {
        "-- no room was named in time --\n"
    }

    fn hall(&self) -> &Hall {
        &self.hall
    }
}

/// What a member reads whose line was too long.
pub(in crate::service) fn cut_line(max: usize) -> String {
    format!("-- your line was longer than {max} bytes: the rest of it was left out --\n")
}
