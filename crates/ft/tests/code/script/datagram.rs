//! The services of datagrams.

use std::net::UdpSocket;

use super::{Stage, Transcript, shown};
use crate::datagram;
use crate::program::{self, Place};

fn peer(stage: &mut Stage, place: usize) -> UdpSocket {
    let Place::Udp(address) = stage.places[place] else {
        unreachable!("datagrams only");
    };
    datagram::peer(address)
}

pub(crate) fn echo(mut stage: Stage) -> Transcript {
    for place in 0..stage.places.len() {
        let peer = peer(&mut stage, place);
        let words: [&[u8]; 4] = [b"hello", b"", b"again\n", &crate::rig::bytes(13, 0, 60_000)];
        for words in words {
            let heard = datagram::ask(&peer, words);
            stage.note(shown(&heard));
        }
        stage.accepted(1);
    }
    for number in 0..8 {
        let peer = peer(&mut stage, 0);
        let heard = datagram::ask(&peer, format!("number {number}").as_bytes());
        stage.note(shown(&heard));
        stage.accepted(1);
    }
    let mut command = program::client("nc", &stage.places[0]);
    if let Some(command) = &mut command {
        let (child, heard) = datagram::talk(command, b"by nc\n", 6);
        stage.note(shown(&heard));
        datagram::end(child);
        stage.accepted(1);
    }
    stage.stop()
}

pub(crate) fn discard(mut stage: Stage) -> Transcript {
    let one = peer(&mut stage, 0);
    one.send(b"hello").expect("it is sent");
    stage.accepted(1);
    let two = peer(&mut stage, 0);
    two.send(b"from another").expect("it is sent");
    stage.accepted(1);
    stage.stop()
}

/// chargen: as much as chance has it, of the pattern.
pub(crate) fn chargen(mut stage: Stage) -> Transcript {
    let peer = peer(&mut stage, 0);
    for length in [0, 1, 100, 600] {
        let heard = datagram::ask(&peer, &vec![b'x'; length]);
        let is_little = heard.len() <= 512;
        let is_printing = heard
            .iter()
            .all(|byte| matches!(byte, b' '..=b'~' | b'\r' | b'\n'));
        stage.note(format!("{is_little} {is_printing}"));
        stage.accepted(usize::from(length == 0));
        stage.is_vague();
    }
    stage.stop()
}

/// daytime and time: one datagram to everybody who asks.
pub(crate) fn waits(mut stage: Stage) -> Transcript {
    for _ in 0..2 {
        let peer = peer(&mut stage, 0);
        let heard = datagram::ask(&peer, b"what time is it, please?");
        stage.note(match &*heard {
            [a, b, c, d] => super::exchange::is_now(u32::from_be_bytes([*a, *b, *c, *d])),
            text => super::exchange::without_digits(text),
        });
        stage.accepted(1);
    }
    stage.stop()
}
