//! What is made of the bytes of one member, whether it has a connection or is the console.

use std::sync::Arc;

use super::lines::Line;
use super::{Hall, HubOptions, Lines, Messages, Pieces, Seat, room_name};

/// Makes messages of what a member says. It answers through `reply`, which is given whole lines.
pub(in crate::service) trait Talk: Send {
    /// What is said to who comes.
    fn greet(&mut self, _reply: &mut dyn FnMut(&[u8])) {}

    /// Bytes that the member sent.
    fn hear(&mut self, bytes: &[u8], reply: &mut dyn FnMut(&[u8]));

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

    fn options(&self) -> &HubOptions;
}

/// The hub's way: what comes is passed on as it is.
#[derive(Debug)]
pub(super) struct HubTalk {
    hall: Arc<Hall>,
    lines: Lines,
    seat: Option<Seat>,
}

impl HubTalk {
    pub(super) fn new(hall: &Arc<Hall>) -> Self {
        let seat = if hall.options.rooms {
            None
        } else {
            hall.enter(None, None)
        };
        Self {
            hall: Arc::clone(hall),
            lines: Lines::new(hall.options.max_line),
            seat,
        }
    }

    /// Takes the line that names the room; true once there is one.
    fn find_room(&mut self, rest: &mut &[u8], reply: &mut dyn FnMut(&[u8])) -> bool {
        while self.seat.is_none() {
            let Some(line) = self.lines.next(rest) else {
                return false;
            };
            self.enter(&line, reply);
        }
        true
    }

    fn enter(&mut self, line: &Line<'_>, reply: &mut dyn FnMut(&[u8])) {
        match room_name(&line.text) {
            Ok(room) => self.seat = self.hall.enter(Some(&room), None),
            Err(sentence) => reply(format!("-- {sentence} --\n").as_bytes()),
        }
    }
}

impl Talk for HubTalk {
    fn hear(&mut self, bytes: &[u8], reply: &mut dyn FnMut(&[u8])) {
        let mut rest = bytes;
        if !self.find_room(&mut rest, reply) {
            return;
        }
        let Some(seat) = &self.seat else {
            return;
        };
        let mut pieces = Pieces::default();
        if self.hall.options.messages == Messages::Chunks {
            pieces.chunk(rest);
            return seat.publish(pieces);
        }
        while let Some(line) = self.lines.next(&mut rest) {
            pieces.line(&line.text);
            if line.cut {
                reply(cut_line(self.hall.options.max_line).as_bytes());
            }
        }
        seat.publish(pieces);
    }

    fn finish(&mut self, reply: &mut dyn FnMut(&[u8])) {
        let Some(line) = self.lines.finish() else {
            return;
        };
        match &self.seat {
            None => self.enter(&line, reply),
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

    fn options(&self) -> &HubOptions {
        &self.hall.options
    }
}

/// What a member reads whose line was too long.
pub(in crate::service) fn cut_line(max: usize) -> String {
    format!("-- your line was longer than {max} bytes: the rest of it was left out --\n")
}
