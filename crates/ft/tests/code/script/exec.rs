//! exec: a program for each client.

use std::path::Path;

use super::{Stage, Transcript, crowd, drains, finishes, shown};
use crate::code::stage::BULK;
use crate::program::Place;
use crate::rig::{bytes, eventually};

/// What each client gets: the first line says what is done with the others.
pub(crate) const PROGRAM: &str = "read w; case $w in up) exec tr a-z A-Z;; cat) exec cat;; \
    three) exit 3;; err) echo oops >&2; echo out;; long) echo $$; exec sleep 1000;; esac";

pub(crate) fn exec(mut stage: Stage) -> Transcript {
    finishes(&mut stage, b"up\nhello\n");
    for word in ["three\n", "err\n"] {
        let mut wire = stage.client();
        wire.say(word.as_bytes());
        let (heard, end) = wire.rest();
        stage.note(format!("{word:?}: {}, then {end}", shown(&heard)));
        drop(wire);
        stage.closed(1);
    }
    let mut words = b"cat\n".to_vec();
    words.extend(bytes(9, 0, BULK));
    let mut wire = stage.client();
    let mut writer = wire.again();
    let writing = std::thread::spawn(move || {
        writer.say(&words);
        writer.finish();
    });
    let (heard, end) = wire.rest();
    writing.join().expect("it is taken");
    stage.note(format!("1 MiB: {}, then {end}", shown(&heard)));
    stage.closed(1);
    crowd(&mut stage, |number| {
        format!("up\nnumber {number:02}\n").into_bytes()
    });
    if matches!(stage.places[0], Place::Unix(_)) {
        // It knows no reset: many languages hear of who has gone when they next send.
        // Nobody counts what passes through a Unix socket that a program holds.
        stage.are_vague();
        return stage.stop();
    }
    ends_its_program(&mut stage);
    drains(stage, b"cat\nlate\n", 5)
}

/// A client that resets takes its program with it.
fn ends_its_program(stage: &mut Stage) {
    let mut wire = stage.client();
    stage.is_vague();
    wire.say(b"long\n");
    let mut pid = String::new();
    while !pid.ends_with('\n') {
        pid.push(char::from(wire.hear(1)[0]));
    }
    wire.reset();
    stage.closed(1);
    let process = Path::new("/proc").join(pid.trim());
    eventually("its program ends", || !process.exists());
}
