//! hub: what one says, all others hear.

use super::{CROWD, Stage, Transcript, shown};
use crate::code::wire::Wire;

pub(crate) fn hub(mut stage: Stage) -> Transcript {
    talk(&mut stage);
    crowd(&mut stage);
    slow(&mut stage);
    let mut wire = stage.client();
    stage.refuse_more();
    let (heard, end) = wire.rest();
    stage.note(format!("at the end: {}, then {end}", shown(&heard)));
    drop(wire);
    stage.closed(1);
    stage.wait()
}

fn talk(stage: &mut Stage) {
    let last = stage.places.len() - 1;
    let mut one = stage.client();
    let mut two = stage.client_of(last);
    let mut three = stage.client();
    one.say(b"from one\n");
    for wire in [&mut two, &mut three] {
        let heard = wire.hear(9);
        stage.note(shown(&heard));
    }
    // A line is passed on when it is whole.
    two.say(b"half");
    three.say(b"whole\n");
    for wire in [&mut one, &mut two] {
        let heard = wire.hear(6);
        stage.note(shown(&heard));
    }
    two.say(b" and half\n");
    for wire in [&mut one, &mut three] {
        let heard = wire.hear(14);
        stage.note(shown(&heard));
    }
    // The last line gets its end; who says it hears no more than what was said before.
    one.say(b"without an end");
    one.finish();
    let (heard, end) = one.rest();
    stage.note(format!("{}, then {end}", shown(&heard)));
    stage.closed(1);
    for wire in [&mut two, &mut three] {
        let heard = wire.hear(15);
        stage.note(shown(&heard));
    }
    two.say(&[vec![b'y'; 70_000], b"\n".to_vec()].concat());
    let heard = three.hear(65_537);
    stage.note(format!("a long line: {}", shown(&heard)));
    let heard = two.hear(73);
    stage.note(shown(&heard));
    two.reset();
    stage.closed(1);
    three.finish();
    let (heard, end) = three.rest();
    stage.note(format!("{}, then {end}", shown(&heard)));
    stage.closed(1);
}

/// Each says a line, and all hear the lines of all others in one order.
fn crowd(stage: &mut Stage) {
    let mut wires: Vec<Wire> = (0..CROWD).map(|_| Wire::to(&stage.places[0])).collect();
    stage.accepted(CROWD);
    for (number, wire) in wires.iter_mut().enumerate() {
        wire.say(format!("line {number:02}\n").as_bytes());
    }
    let heard: Vec<Vec<u8>> = wires
        .iter_mut()
        .map(|wire| wire.hear(8 * (CROWD - 1)))
        .collect();
    let order = |heard: &[u8], own: usize| -> Vec<Vec<u8>> {
        let own = format!("line {own:02}\n").into_bytes();
        heard
            .chunks(8)
            .filter(|line| **line != *own)
            .map(<[u8]>::to_vec)
            .collect()
    };
    // Without the lines of two they have heard the same.
    let same = (1..CROWD).all(|other| {
        let first = order(&heard[0], other);
        let second = order(&heard[other], 0);
        first == second
    });
    let mut lines = order(&heard[0], 0);
    lines.sort();
    stage.note(format!("in one order: {same}; {}", shown(&lines.concat())));
    for wire in &mut wires {
        wire.finish();
    }
    for wire in &mut wires {
        let (heard, end) = wire.rest();
        stage.note(format!("{}, then {end}", shown(&heard)));
    }
    drop(wires);
    stage.closed(CROWD);
}

/// A member that does not read loses what is too old, and holds up nobody.
fn slow(stage: &mut Stage) {
    let silent = stage.client();
    stage.is_vague();
    let mut speaker = stage.client();
    stage.is_vague();
    let line = [vec![b'z'; 1000], b"\n".to_vec()].concat();
    speaker.say(&line.repeat(16 << 10));
    speaker.say(b"the last\n");
    speaker.finish();
    let (heard, end) = speaker.rest();
    stage.note(format!("the speaker: {}, then {end}", shown(&heard)));
    stage.closed(1);
    let mut silent = silent;
    silent.finish();
    let (heard, end) = silent.rest();
    let whole = heard
        .split_inclusive(|byte| *byte == b'\n')
        .all(|part| *part == *line || *part == *b"the last\n" || part.starts_with(b"-- "));
    let last = heard.ends_with(b"\nthe last\n");
    stage.note(format!(
        "whole lines: {whole}, the last: {last}, then {end}"
    ));
    stage.closed(1);
}
