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
    Console, Hall, HubOptions, Lines, Member, Messages, Pieces, Seat, Talk, cut_line, room_name,
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
        let mut talk = ChatTalk::new(&self.hall);
        if talk.stage == Stage::Name {
            talk.enter("console", &mut |_| {});
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
        let member = Member::new(ChatTalk::new(&self.hall), &connection, terms);
        Transfer::new(connection, member, terms)
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
    lines: Lines,
    stage: Stage,
    room: Option<Box<str>>,
    /// Seat and name come and go together.
    seat: Option<(Seat, Name)>,
}

type Reply<'a> = &'a mut dyn FnMut(&[u8]);

impl ChatTalk {
    fn new(hall: &Arc<Hall>) -> Self {
        Self {
            hall: Arc::clone(hall),
            lines: Lines::new(hall.options.max_line),
            stage: if hall.options.rooms {
                Stage::Room
            } else {
                Stage::Name
            },
            room: None,
            seat: None,
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
            text => self.enter(text.strip_prefix("/name ").unwrap_or(text), reply),
        }
    }

    fn enter(&mut self, text: &str, reply: Reply<'_>) {
        let name = match name::read(text) {
            Ok(name) => name,
            Err(sentence) => return say(reply, &sentence),
        };
        let Some(seat) = self.hall.enter(self.room.as_deref(), Some(&name)) else {
            return say(reply, &taken(&name));
        };
        let others = match seat.len() - 1 {
            0 => "nobody else is here".to_owned(),
            1 => "one other is here".to_owned(),
            others => format!("{others} others are here"),
        };
        say(
            reply,
            &format!("welcome, {name}: {others}; /help lists the commands"),
        );
        tell(&seat, &format!("-- {name} has joined --"));
        self.seat = Some((seat, name));
        self.stage = Stage::Here;
    }

    fn said(&mut self, text: &str, reply: Reply<'_>) {
        if let Some(words) = text.strip_prefix('/')
            && !words.starts_with('/')
        {
            return command::obey(self, words, reply);
        }
        // Two slashes say one.
        let text = text.strip_prefix('/').unwrap_or(text);
        if let Some((seat, name)) = &self.seat
            && !text.is_empty()
        {
            tell(seat, &format!("{name}: {text}"));
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

    fn hear(&mut self, bytes: &[u8], reply: &mut dyn FnMut(&[u8])) {
        let mut rest = bytes;
        while self.stage != Stage::Left
            && let Some(line) = self.lines.next(&mut rest)
        {
            let text = self.harmless(&line.text, line.cut, reply);
            self.line(&text, reply);
        }
    }

    fn finish(&mut self, reply: &mut dyn FnMut(&[u8])) {
        if let Some(line) = self.lines.finish() {
            let text = self.harmless(&line.text, line.cut, reply);
            self.line(&text, reply);
        }
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

    fn options(&self) -> &HubOptions {
        &self.hall.options
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
