//! The small services: echo, discard, chargen, daytime, time.

use rustix::process::Signal;

use super::{asks, bulk, crowd, drains, finishes, others, resets, stuck};
use crate::code::stage::{Stage, Transcript, shown};

pub(crate) fn echo(mut stage: Stage) -> Transcript {
    asks(&mut stage, 0, b"hello\n", 6);
    finishes(&mut stage, b"and the end\n");
    if stage.places.len() > 1 {
        asks(&mut stage, 1, b"by IPv6\n", 8);
    }
    bulk(&mut stage);
    crowd(&mut stage, |number| {
        format!("number {number:02}\n").repeat(40).into_bytes()
    });
    stuck(&mut stage, b"still there?", 12);
    resets(&mut stage, b"hello\n", 6);
    finishes(&mut stage, b"");
    others(&mut stage, b"one\ntwo\n");
    drains(stage, b"late\n", 5)
}

pub(crate) fn discard(mut stage: Stage) -> Transcript {
    finishes(&mut stage, b"hello\n");
    asks(&mut stage, 0, b"hello\n", 0);
    bulk(&mut stage);
    crowd(&mut stage, |number| vec![b'x'; number]);
    others(&mut stage, b"one\ntwo\n");
    drains(stage, b"late\n", 0)
}

pub(crate) fn chargen(mut stage: Stage) -> Transcript {
    // More than a turn of the pattern.
    let mut wire = stage.client();
    stage.is_vague();
    let heard = wire.hear(100_000);
    stage.note(shown(&heard));
    let mut second = stage.client();
    stage.is_vague();
    second.say(b"nobody reads this");
    second.finish();
    let heard = second.hear(10_000);
    stage.note(format!("half-closed: {}", shown(&heard)));
    // The first has stopped reading; the second is served all the same.
    second.hear(4 << 20);
    second.reset();
    wire.reset();
    stage.closed(2);
    stage.stop()
}

/// daytime and time: the same to everybody, and then our end. What the time is, is masked.
pub(crate) fn waits(mut stage: Stage) -> Transcript {
    let read = |stage: &mut Stage, place: usize| {
        let mut wire = stage.client_of(place);
        let (heard, end) = wire.rest();
        drop(wire);
        stage.closed(1);
        let text = match &*heard {
            [a, b, c, d] => is_now(u32::from_be_bytes([*a, *b, *c, *d])),
            text => without_digits(text),
        };
        stage.note(format!("{text}, then {end}"));
    };
    read(&mut stage, 0);
    if stage.places.len() > 1 {
        read(&mut stage, 1);
    }
    let mut wire = stage.client();
    wire.say(b"nobody reads this");
    let (heard, end) = wire.rest();
    stage.note(format!("{} bytes, then {end}", heard.len()));
    wire.finish();
    stage.closed(1);
    stage.stop()
}

pub(super) fn without_digits(text: &[u8]) -> String {
    let text = text.escape_ascii().to_string();
    text.replace(|c: char| c.is_ascii_digit(), "9")
}

/// Seconds since 1900, as RFC 868 has them.
pub(super) fn is_now(seconds: u32) -> String {
    let since_1970 = std::time::UNIX_EPOCH.elapsed().expect("it is after 1970");
    let now = (since_1970.as_secs() + 2_208_988_800) as u32;
    let is_near = now.wrapping_sub(seconds) < 60;
    format!("the time, {is_near}")
}

/// TERM with nobody there.
pub(crate) fn idle(stage: Stage) -> Transcript {
    stage.stop()
}

/// A second signal cuts who is there.
pub(crate) fn twice_told(mut stage: Stage) -> Transcript {
    let mut wire = stage.client();
    wire.say(b"hello\n");
    wire.hear(6);
    stage.refuse_more();
    stage.signal(Signal::TERM);
    let (heard, end) = wire.rest();
    stage.note(format!("cut: {} then {end}", shown(&heard)));
    stage.wait()
}
