//! The chat: the hub, with names.
//!
//! Everything of a hub holds here too: whole lines, the log, its bounds, what happens to who is
//! too slow, rooms and history. A member is asked for a name before anything else; names are
//! unique in a room, upper and lower case alike. What members say is shown harmlessly: no control
//! character of one reaches the terminal of another. Everything works from a bare `nc`; what the
//! server says stands between two dashes or begins with them.

mod command;
mod name;

use std::borrow::Cow;
use std::future::Future;
use std::sync::Arc;

use crate::call::Filter;
use crate::close::Closed;
use crate::connection::Connection;
use crate::service::Service;
use crate::service::hub::{
    ANSWERS_MAX, Console, Guest, Hall, HubOptions, Lines, Member, Messages, Pieces, Seat, Talk,
    cut_line, room_name,
};
use crate::transfer::{Terms, Transfer};
use name::Name;

/// A hub whose members have names; cheap to clone.
#[derive(Clone, Debug)]
pub struct Chat {
    hall: Arc<Hall>,
}

impl Chat {
    /// A chat without members. Its messages are lines, whatever the options say.
    pub fn new(mut options: HubOptions) -> Self {
        options.messages = Messages::Lines;
        let hall = Hall::new(options);
        Self { hall }
    }

    /// A member without a connection, such as whoever runs the server. Its name is `console`
    /// until it takes another; where there are rooms, it is asked like anybody else.
    pub fn console(&self) -> Console {
        let mut talk = ChatTalk::new(&self.hall, Guest::Console);
        if talk.stage == Stage::Name {
            talk.enter(&name::console(), &mut |_| {});
        }
        Console::new(talk)
    }
}

impl Service for Chat {
    fn serve(
        &self,
        connection: Connection,
        terms: &Arc<Terms>,
    ) -> impl Future<Output = Closed> + Send + 'static {
        let talk = ChatTalk::new(&self.hall, Guest::Connection);
        let member = Member::new(talk, &connection, terms);
        Transfer::new(connection, member, terms)
    }

    fn drain(&self) {
        self.hall.stop();
    }
}

/// What a member is asked, or that it is asked nothing more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Room,
    Name,
    Here,
    Left,
}

#[derive(Debug)]
struct ChatTalk {
    hall: Arc<Hall>,
    guest: Guest,
    lines: Lines,
    stage: Stage,
    room: Option<Box<str>>,
    /// Seat and name come and go together.
    seat: Option<(Seat, Name)>,
    /// What it has said and the others are not told yet.
    saying: Pieces,
}

/// Bytes that are read from a member at a time.
const READ_MAX: usize = 4096;

type Reply<'a> = &'a mut dyn FnMut(&[u8]);

impl ChatTalk {
    fn new(hall: &Arc<Hall>, guest: Guest) -> Self {
        Self {
            hall: Arc::clone(hall),
            guest,
            lines: Lines::new(hall.options.max_line),
            stage: if hall.options.rooms {
                Stage::Room
            } else {
                Stage::Name
            },
            room: None,
            seat: None,
            saying: Pieces::default(),
        }
    }

    fn ask(&self, reply: Reply<'_>) {
        match self.stage {
            Stage::Room => say(reply, "which room?"),
            Stage::Name => say(reply, "your name?"),
            Stage::Here | Stage::Left => {}
        }
    }

    /// One line of the member, harmless and without its end.
    fn line(&mut self, text: &str, reply: Reply<'_>) {
        let text = text.trim_end();
        if self.stage == Stage::Here {
            return self.said(text, reply);
        }
        match text.trim() {
            "" => self.ask(reply),
            "/quit" => self.quit(reply),
            "/help" => command::help(reply),
            text if self.stage == Stage::Room => match room_name(text.as_bytes()) {
                Ok(room) => {
                    self.room = Some(room);
                    self.stage = Stage::Name;
                    self.ask(reply);
                }
                Err(sentence) => say(reply, &sentence),
            },
            text => match self.name(text.strip_prefix("/name ").unwrap_or(text)) {
                Ok(name) => self.enter(&name, reply),
                Err(sentence) => say(reply, &sentence),
            },
        }
    }

    /// Reads the name that this member would have.
    fn name(&self, text: &str) -> Result<Name, String> {
        match self.guest {
            Guest::Connection => name::read(text),
            Guest::Console => name::read(text).or_else(|sentence| {
                let own = name::console();
                if text.trim() == &*own {
                    Ok(own)
                } else {
                    Err(sentence)
                }
            }),
        }
    }

    fn enter(&mut self, name: &Name, reply: Reply<'_>) {
        let guest = (self.guest, Some(name));
        let Some(seat) = self.hall.enter(self.room.as_deref(), guest) else {
            return say(reply, &taken(name));
        };
        let others = match seat.len() - 1 {
            0 => "nobody else is here".to_owned(),
            1 => "one other is here".to_owned(),
            others => format!("{others} others are here"),
        };
        // First the others: who comes after the welcome is read does not hear of it.
        tell(&seat, &format!("-- {name} has joined --"));
        say(
            reply,
            &format!("welcome, {name}: {others}; /help lists the commands"),
        );
        self.seat = Some((seat, Arc::clone(name)));
        self.stage = Stage::Here;
    }

    fn said(&mut self, text: &str, reply: Reply<'_>) {
        if let Some(words) = text.strip_prefix('/')
            && !words.starts_with('/')
        {
            self.tell_all();
            return command::obey(self, words, reply);
        }
        // Two slashes say one.
        let text = text.strip_prefix('/').unwrap_or(text);
        if let Some((_, name)) = &self.seat
            && !text.is_empty()
        {
            self.saying.line(format!("{name}: {text}").as_bytes());
        }
    }

    /// Tells the others what was said: lines that come together stand together in the log.
    fn tell_all(&mut self) {
        let saying = std::mem::take(&mut self.saying);
        if let Some((seat, _)) = &self.seat {
            seat.publish(saying);
        }
    }

    fn quit(&mut self, reply: Reply<'_>) {
        say(reply, "bye");
        self.leave();
    }

    fn harmless(&self, bytes: &[u8], cut: bool, reply: Reply<'_>) -> String {
        let max = self.hall.options.max_line;
        let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
        let (mut filter, mut shown) = (Filter::new(), String::with_capacity(bytes.len()));
        filter.push(bytes, &mut shown);
        filter.finish(&mut shown);
        let too_long = shown.len() > max;
        if too_long {
            shown.truncate(shown.floor_char_boundary(max));
        }
        if cut || too_long {
            reply(cut_line(max).as_bytes());
        }
        shown
    }
}

impl Talk for ChatTalk {
    fn greet(&mut self, reply: &mut dyn FnMut(&[u8])) {
        self.ask(reply);
    }

    fn hear(&mut self, bytes: &[u8], reply: &mut dyn FnMut(&[u8])) -> usize {
        let (mut rest, mut answered) = (bytes, 0);
        while self.stage != Stage::Left
            && answered < ANSWERS_MAX
            && let Some(line) = self.lines.next(&mut rest)
        {
            let mut counted = |line: &[u8]| {
                answered += line.len();
                reply(line);
            };
            let text = self.harmless(&line.text, line.cut, &mut counted);
            self.line(&text, &mut counted);
        }
        self.tell_all();
        bytes.len() - rest.len()
    }

    fn finish(&mut self, reply: &mut dyn FnMut(&[u8])) {
        if let Some(line) = self.lines.finish() {
            let text = self.harmless(&line.text, line.cut, reply);
            self.line(&text, reply);
            self.tell_all();
        }
    }

    /// Less than a hub: a line grows by the name before it, and a short one to many times its length.
    fn read_max(&self) -> usize {
        READ_MAX
    }

    fn seat(&self) -> Option<&Seat> {
        self.seat.as_ref().map(|(seat, _)| seat)
    }

    fn leave(&mut self) {
        self.stage = Stage::Left;
        if let Some((seat, name)) = self.seat.take() {
            tell(&seat, &format!("-- {name} has left --"));
        }
    }

    fn has_left(&self) -> bool {
        self.stage == Stage::Left
    }

    fn too_late(&self) -> &'static str {
        "-- no answer came in time --\n"
    }

    fn farewell(&self) -> Option<&'static str> {
        Some("-- the server is stopping --\n")
    }

    fn hall(&self) -> &Hall {
        &self.hall
    }
}

impl Drop for ChatTalk {
    fn drop(&mut self) {
        self.leave();
    }
}

/// One line of the server to this member.
fn say(reply: Reply<'_>, text: &str) {
    reply(format!("-- {text} --\n").as_bytes());
}

/// One line to all others.
fn tell(seat: &Seat, line: &str) {
    let mut pieces = Pieces::default();
    pieces.line(line.as_bytes());
    seat.publish(pieces);
}

fn taken(name: &str) -> Cow<'static, str> {
    format!("{name} is taken here: choose another name").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_read_is_answered_with_is_bounded_and_the_rest_of_it_is_kept() {
        let hall = Hall::new(HubOptions::default());
        let mut talks: Vec<_> = (0..100)
            .map(|_| ChatTalk::new(&hall, Guest::Connection))
            .collect();
        for (number, talk) in talks.iter_mut().enumerate() {
            talk.hear(
                format!("{number}-{}\n", "名".repeat(20)).as_bytes(),
                &mut |_| {},
            );
        }
        for text in ["/who\n", "/help\n", "/x\n", "/name\n", "/msg a b\n"] {
            let said = text.repeat(64 * 1024 / text.len());
            let (mut rest, mut answers) = (said.as_bytes(), 0);
            while !rest.is_empty() {
                let mut answered = 0;
                let taken = talks[0].hear(rest, &mut |answer| {
                    answered += answer.len();
                    answers += answer.iter().filter(|byte| **byte == b'\n').count();
                });
                assert!(taken > 0 && answered < ANSWERS_MAX + 3000, "{answered}");
                rest = rest.get(taken..).unwrap_or_default();
            }
            let lines = if text == "/help\n" { 6 } else { 1 };
            assert_eq!(answers, lines * said.matches('\n').count());
        }
    }
}
