//! What options change: the ends, the limits, the addresses. The service is echo unless it is said.

use std::time::Duration;

use super::{Stage, Transcript, asks, finishes, resets, shown};
use crate::code::wire::Wire;
use crate::program::Place;
use crate::rig::eventually;

/// --once: the outcome of the connection is that of the program.
pub(crate) fn once(mut stage: Stage) -> Transcript {
    finishes(&mut stage, b"hello\n");
    stage.wait()
}

pub(crate) fn once_reset(mut stage: Stage) -> Transcript {
    resets(&mut stage, b"hello\n", 6);
    stage.wait()
}

/// --idle, --deadline: the client stays; our end comes.
pub(crate) fn out_of_time(mut stage: Stage) -> Transcript {
    let mut wire = stage.client();
    wire.say(b"hello\n");
    let (heard, end) = wire.rest();
    stage.note(format!("{}, then {end}", shown(&heard)));
    drop(wire);
    stage.closed(1);
    stage.wait()
}

/// The same of a relay, which has two connections: what the client and the caller of the program see, for
/// the order of the lines about both is chance.
pub(crate) fn relay_out_of_time(stage: Stage) -> Transcript {
    let mut seen = out_of_time(stage);
    seen.retain(|line| !line.contains(" tcp"));
    seen
}

/// The same of a server that goes on.
pub(crate) fn out_of_time_and_on(mut stage: Stage) -> Transcript {
    let mut wire = stage.client();
    let (heard, end) = wire.rest();
    stage.note(format!("{}, then {end}", shown(&heard)));
    stage.closed(1);
    drop(wire);
    stage.stop()
}

/// --max-connections 1 --at-limit refuse.
pub(crate) fn refuses(mut stage: Stage) -> Transcript {
    let mut first = stage.client();
    first.say(b"hello\n");
    first.hear(6);
    let mut second = Wire::to(&stage.places[0]);
    stage.reach("turned away", 1);
    let (heard, end) = second.rest();
    stage.note(format!("refused: {}, then {end}", shown(&heard)));
    first.say(b"again\n");
    let heard = first.hear(6);
    stage.note(shown(&heard));
    drop(first);
    stage.closed(1);
    asks(&mut stage, 0, b"free\n", 5);
    stage.stop()
}

/// --max-connections 1: the second waits.
pub(crate) fn queues(mut stage: Stage) -> Transcript {
    let mut first = stage.client();
    first.say(b"hello\n");
    first.hear(6);
    let mut second = Wire::to(&stage.places[0]);
    second.say(b"me, too\n");
    let Wire::Tcp(stream) = &second else {
        unreachable!("this is over TCP");
    };
    let soon = Some(Duration::from_millis(150));
    stream.set_read_timeout(soon).expect("an option");
    let early = std::io::Read::read(&mut second, &mut [0]);
    stage.note(format!("served at once: {}", early.is_ok()));
    let Wire::Tcp(stream) = &second else {
        unreachable!("this is over TCP");
    };
    stream
        .set_read_timeout(Some(crate::rig::PATIENCE))
        .expect("an option");
    drop(first);
    stage.closed(1);
    stage.accepted(1);
    let heard = second.hear(8);
    stage.note(shown(&heard));
    drop(second);
    stage.closed(1);
    stage.stop()
}

/// --drain: who is still there then is cut.
pub(crate) fn cut(mut stage: Stage) -> Transcript {
    let mut wire = stage.client();
    wire.say(b"hello\n");
    wire.hear(6);
    stage.refuse_more();
    let (heard, end) = wire.rest();
    stage.note(format!("{}, then {end}", shown(&heard)));
    stage.wait()
}

/// -q: nothing is said, so the path says where it is.
pub(crate) fn quiet(mut stage: Stage) -> Transcript {
    let place = Place::Unix(stage.folder.path("sock"));
    eventually("it listens", || match &place {
        Place::Unix(path) => std::os::unix::net::UnixStream::connect(path).is_ok(),
        _ => false,
    });
    let mut wire = Wire::to(&place);
    wire.say(b"hello\n");
    wire.finish();
    let (heard, end) = wire.rest();
    stage.note(format!("{}, then {end}", shown(&heard)));
    stage.stop()
}

/// Another address than usual: one client of each.
pub(crate) fn addresses(mut stage: Stage) -> Transcript {
    for place in 0..stage.places.len() {
        if let Place::Tcp(address) = &mut stage.places[place] {
            // Whoever listens everywhere listens here.
            if address.ip().is_unspecified() {
                let here: std::net::IpAddr = match address.is_ipv4() {
                    true => std::net::Ipv4Addr::LOCALHOST.into(),
                    false => std::net::Ipv6Addr::LOCALHOST.into(),
                };
                address.set_ip(here);
            }
        }
        asks(&mut stage, place, b"hello\n", 6);
    }
    stage.stop()
}

/// --mode: who may call.
pub(crate) fn mode(mut stage: Stage) -> Transcript {
    let file = std::fs::metadata(stage.folder.path("sock")).expect("it listens there");
    let mode = std::os::unix::fs::PermissionsExt::mode(&file.permissions());
    stage.note(format!("mode {:o}", mode & 0o7777));
    once_then_stop(stage)
}

/// A client that finishes, and TERM.
pub(crate) fn once_then_stop(mut stage: Stage) -> Transcript {
    finishes(&mut stage, b"hello\n");
    stage.stop()
}
