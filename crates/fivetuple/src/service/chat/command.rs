//! What begins with a slash.

use super::{ChatTalk, Reply, say, taken, tell};
use crate::service::hub::{Pieces, Seat};

/// How long the names that `/who` writes are together, in bytes.
const NAMES_MAX: usize = 2000;

const HELP: [&str; 6] = [
    "/name NEW        take another name",
    "/who             who is here",
    "/msg NAME TEXT   tell one alone",
    "/help            this list",
    "/quit            leave",
    "a line that begins with // is said with one /",
];

pub(super) fn help(reply: Reply<'_>) {
    for line in HELP {
        reply(format!("-- {line}\n").as_bytes());
    }
}

/// Does what a member asks for; `line` is what stands behind the slash.
pub(super) fn obey(talk: &mut ChatTalk, line: &str, reply: Reply<'_>) {
    let (command, rest) = match line.split_once(char::is_whitespace) {
        Some((command, rest)) => (command, rest.trim_start()),
        None => (line, ""),
    };
    match command {
        "quit" => talk.quit(reply),
        "help" => help(reply),
        "name" => rename(talk, rest, reply),
        "who" => {
            if let Some((seat, _)) = &talk.seat {
                who(seat, reply);
            }
        }
        "msg" => message(talk, rest, reply),
        other => {
            // A slip, not a speech.
            let shown: String = other.chars().take(24).collect();
            say(
                reply,
                &format!("there is no /{shown}; /help lists the commands"),
            );
        }
    }
}

fn rename(talk: &mut ChatTalk, text: &str, reply: Reply<'_>) {
    let new = match talk.name(text) {
        Ok(new) => new,
        Err(sentence) => return say(reply, &sentence),
    };
    let Some((seat, old)) = &mut talk.seat else {
        return;
    };
    if !seat.rename(&new) {
        return say(reply, &taken(&new));
    }
    tell(seat, &format!("-- {old} is {new} now --"));
    say(reply, &format!("you are {new} now"));
    *old = new;
}

fn who(seat: &Seat, reply: Reply<'_>) {
    let (count, names) = seat.names(NAMES_MAX);
    let mut text = format!("{count} here: {}", names.join(", "));
    let more = count - names.len();
    if more > 0 {
        text += &format!(" and {more} more");
    }
    say(reply, &text);
}

fn message(talk: &ChatTalk, rest: &str, reply: Reply<'_>) {
    let Some((seat, from)) = &talk.seat else {
        return;
    };
    let Some((to, text)) = rest.split_once(char::is_whitespace) else {
        return say(reply, "write /msg NAME TEXT");
    };
    let Some((number, to)) = seat.named(to) else {
        let shown: String = to.chars().take(24).collect();
        return say(
            reply,
            &format!("nobody here is called {shown}; /who lists who is here"),
        );
    };
    let text = text.trim_start();
    let mut pieces = Pieces::to(number);
    pieces.line(format!("{from} (to you alone): {text}").as_bytes());
    seat.publish(pieces);
    reply(format!("you (to {to} alone): {text}\n").as_bytes());
}
