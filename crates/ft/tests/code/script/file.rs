//! send and receive.

use std::fs;
use std::path::Path;

use super::{CROWD, others};
use crate::code::stage::{BULK, Stage, Transcript, shown};
use crate::code::wire::Wire;
use crate::rig::{bytes, eventually};

/// `send file`.
pub(crate) fn send(mut stage: Stage) -> Transcript {
    for place in 0..stage.places.len() {
        let mut wire = stage.client_of(place);
        let (heard, end) = wire.rest();
        stage.note(format!("{}, then {end}", shown(&heard)));
        drop(wire);
        stage.closed(1);
    }
    let mut stuck = stage.client();
    stage.is_vague();
    stuck.hear(1);
    let mut wires: Vec<Wire> = (0..CROWD).map(|_| Wire::to(&stage.places[0])).collect();
    stage.accepted(CROWD);
    for wire in &mut wires {
        let (heard, end) = wire.rest();
        stage.note(format!("in a crowd: {}, then {end}", shown(&heard)));
    }
    drop(wires);
    stage.closed(CROWD);
    stuck.reset();
    stage.closed(1);
    others(&mut stage, b"");
    // Who comes late gets all of it.
    let mut wire = stage.client();
    stage.refuse_more();
    let (heard, end) = wire.rest();
    stage.note(format!("in the drain: {}, then {end}", shown(&heard)));
    drop(wire);
    stage.closed(1);
    stage.wait()
}

/// `receive got`: one client, and then it ends by itself.
pub(crate) fn receive(mut stage: Stage) -> Transcript {
    let mut wire = stage.client();
    wire.say(&bytes(3, 0, BULK));
    wire.finish();
    let (heard, end) = wire.rest();
    stage.note(format!("{}, then {end}", shown(&heard)));
    drop(wire);
    stage.closed(1);
    stage.wait_and_see(|folder| files(folder.as_path(), "got"))
}

/// The same, of a client that resets.
pub(crate) fn receive_broken(mut stage: Stage) -> Transcript {
    let mut wire = stage.client();
    wire.say(b"not all of it");
    // All of it is there before the reset.
    let path = stage.folder.path("got.partial");
    eventually("it is in the file", || {
        fs::metadata(&path).is_ok_and(|file| file.len() == 13)
    });
    wire.reset();
    stage.closed(1);
    stage.wait_and_see(|folder| files(folder.as_path(), "got"))
}

/// `receive inbox/`.
pub(crate) fn receive_many(mut stage: Stage) -> Transcript {
    for place in 0..stage.places.len() {
        let mut wire = stage.client_of(place);
        wire.say(b"one\n");
        wire.finish();
        let (heard, end) = wire.rest();
        stage.note(format!("{}, then {end}", shown(&heard)));
        stage.closed(1);
    }
    let mut wires: Vec<Wire> = (0..CROWD).map(|_| Wire::to(&stage.places[0])).collect();
    stage.accepted(CROWD);
    for wire in &mut wires {
        wire.say(b"the same of all\n");
    }
    for wire in &mut wires {
        wire.finish();
        wire.rest();
    }
    drop(wires);
    stage.closed(CROWD);
    others(&mut stage, &bytes(5, 0, BULK));
    let mut wire = stage.client();
    stage.refuse_more();
    wire.say(b"late\n");
    wire.finish();
    wire.rest();
    stage.closed(1);
    stage.wait_and_see(|folder| files(&folder.path("inbox"), ""))
}

/// What is in a folder: the names that begin so, and the contents.
fn files(folder: &Path, start: &str) -> Transcript {
    let entries = fs::read_dir(folder).expect("a folder");
    let names = entries.map(|entry| entry.expect("an entry").file_name().into_string());
    let mut names: Vec<String> = names.map(|name| name.expect("text")).collect();
    names.retain(|name| name.starts_with(start));
    names.sort();
    let each = names.iter().map(|name| {
        let content = fs::read(folder.join(name)).expect("a file");
        format!("{}: {}", without_source(name), shown(&content))
    });
    each.collect()
}

/// The name begins with the number and the address; the port of the client is chance.
fn without_source(name: &str) -> String {
    match name.rsplit_once('_') {
        Some((start, rest)) => {
            let end = rest.trim_start_matches(|c: char| c.is_ascii_digit());
            format!("{start}_PORT{end}")
        }
        None => name.to_owned(),
    }
}
