//! What the clients of each service do. A script is the same for `ft` and for a program.

pub(crate) mod client;
pub(crate) mod datagram;
mod exchange;
mod exec;
pub(crate) mod fails;
mod file;
mod hub;
pub(crate) mod option;
mod page;
mod relay;
mod terminal;

pub(crate) use exchange::{chargen, discard, echo, idle, twice_told, waits};
pub(crate) use exec::{PROGRAM, exec};
pub(crate) use file::{receive, receive_broken, receive_many, send};
pub(crate) use hub::hub;
pub(crate) use page::http;
pub(crate) use relay::{Destination, Silent, late_answer, no_answer, relay, relay_to_nobody};
pub(crate) use terminal::{terminal, terminal_ended};

use std::thread;

use super::stage::{BULK, Stage, Transcript, shown};
use super::wire::Wire;
use crate::program;
use crate::rig::{bytes, run};

/// How many come at once.
const CROWD: usize = 64;

/// One client that says this, reads so much, and closes.
fn asks(stage: &mut Stage, place: usize, words: &[u8], count: usize) {
    let mut wire = stage.client_of(place);
    wire.say(words);
    let heard = wire.hear(count);
    stage.note(format!("answer: {}", shown(&heard)));
    drop(wire);
    stage.closed(1);
}

/// One client that says this, finishes, and reads to the end.
fn finishes(stage: &mut Stage, words: &[u8]) -> Vec<u8> {
    let mut wire = stage.client();
    wire.say(words);
    wire.finish();
    let (heard, end) = wire.rest();
    stage.note(format!("after our end: {}, then {end}", shown(&heard)));
    stage.closed(1);
    heard
}

/// 1 MiB of binary, sent while what comes is read.
fn bulk(stage: &mut Stage) {
    let mut wire = stage.client();
    let mut writer = wire.again();
    let writing = thread::spawn(move || {
        writer.say(&bytes(7, 0, BULK));
        writer.finish();
    });
    let (heard, end) = wire.rest();
    writing.join().expect("it is taken");
    stage.note(format!("of 1 MiB: {}, then {end}", shown(&heard)));
    stage.closed(1);
}

/// Many at once: all are there before the first says anything.
fn crowd(stage: &mut Stage, words: impl Fn(usize) -> Vec<u8>) {
    let mut wires: Vec<Wire> = (0..CROWD).map(|_| Wire::to(&stage.places[0])).collect();
    stage.accepted(CROWD);
    for (number, wire) in wires.iter_mut().enumerate() {
        wire.say(&words(number));
    }
    for wire in &mut wires {
        wire.finish();
    }
    for wire in &mut wires {
        let (heard, end) = wire.rest();
        stage.note(format!("in a crowd: {}, then {end}", shown(&heard)));
    }
    drop(wires);
    stage.closed(CROWD);
}

/// A client that takes nothing does not hold up another; and what it sends is not kept without end.
fn stuck(stage: &mut Stage, words: &[u8], count: usize) {
    let mut greedy = stage.client();
    stage.is_vague();
    let taken = greedy.stuff(&vec![b'x'; 65_536]);
    stage.note(format!("stuffed without end: {}", taken >= 64 << 20));
    asks(stage, 0, words, count);
    greedy.reset();
    stage.closed(1);
}

/// A reset after an answer.
fn resets(stage: &mut Stage, words: &[u8], count: usize) {
    let mut wire = stage.client();
    wire.say(words);
    let heard = wire.hear(count);
    stage.note(format!("before the reset: {}", shown(&heard)));
    wire.reset();
    stage.closed(1);
}

/// The programs that people have, and `ft`, with this on their stdin.
fn others(stage: &mut Stage, words: &[u8]) {
    for name in ["nc", "ft"] {
        let Some(mut command) = program::client(name, &stage.places[0]) else {
            continue;
        };
        let output = run(&mut command, words);
        stage.accepted(1);
        // Which of the two ends comes first is theirs to decide.
        stage.is_vague();
        stage.closed(1);
        stage.note(format!("{name}: {}", shown(&output.stdout)));
    }
}

/// After TERM nobody gets in, and who is there may go on.
fn drains(mut stage: Stage, words: &[u8], count: usize) -> Transcript {
    let mut wire = stage.client();
    stage.refuse_more();
    wire.say(words);
    let heard = wire.hear(count);
    wire.finish();
    let (rest, end) = wire.rest();
    stage.note(format!(
        "in the drain: {} {}, then {end}",
        shown(&heard),
        shown(&rest)
    ));
    stage.closed(1);
    stage.wait()
}
