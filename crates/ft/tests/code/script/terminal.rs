//! The terminal: stdin to every client, what they send to stdout.

use super::{Stage, Transcript, shown};

pub(crate) fn terminal(mut stage: Stage) -> Transcript {
    let last = stage.places.len() - 1;
    let mut one = stage.client();
    let mut two = stage.client_of(last);
    stage.type_in(b"to all\n");
    for wire in [&mut one, &mut two] {
        let heard = wire.hear(7);
        stage.note(shown(&heard));
    }
    one.say(b"one\n");
    stage.printed(4);
    two.say(b"two\n");
    stage.printed(8);
    one.finish();
    let bulk = crate::rig::bytes(11, 0, 1 << 20);
    let reading =
        [one.again(), two.again()].map(|mut wire| std::thread::spawn(move || wire.hear(1 << 20)));
    stage.type_in(&bulk);
    for reader in reading {
        stage.note(shown(&reader.join().expect("it reads")));
    }
    stage.end_input();
    let (heard, end) = two.rest();
    stage.note(format!("{}, then {end}", shown(&heard)));
    let (heard, end) = one.rest();
    stage.note(format!("{}, then {end}", shown(&heard)));
    stage.closed(1);
    two.say(&bulk);
    stage.printed(8 + bulk.len());
    drop(two);
    stage.closed(1);
    // Later clients get our end at once.
    let mut late = stage.client();
    let (heard, end) = late.rest();
    stage.note(format!("late: {}, then {end}", shown(&heard)));
    late.say(b"late\n");
    stage.printed(8 + bulk.len() + 5);
    drop(late);
    stage.closed(1);
    stage.stop()
}

/// A stdin that ends before its first byte counts as absent.
pub(crate) fn terminal_ended(mut stage: Stage) -> Transcript {
    stage.end_input();
    let mut wire = stage.client();
    wire.say(b"hello\n");
    stage.printed(6);
    wire.finish();
    let (heard, end) = wire.rest();
    stage.note(format!("{}, then {end}", shown(&heard)));
    stage.closed(1);
    stage.stop()
}
