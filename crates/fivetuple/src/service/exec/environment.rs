//! What a program learns of its connection: variables of its environment, addresses and numbers
//! only. Nothing that a peer may choose freely is among them.

use std::process::Command;

use crate::address::UnixAddress;
use crate::event::Identity;
use crate::five_tuple::{ConnectionName, FiveTuple};

/// Every name that is ours to set, with its value where it has one.
pub(super) type Environment = Vec<(&'static str, Option<String>)>;

/// What is meant for us or for an outer server of the same convention (UCSPI), and not true of
/// this connection.
const NOT_THEIRS: [&str; 8] = [
    "TCPREMOTEHOST",
    "TCPREMOTEINFO",
    "TCPLOCALHOST",
    "SSLPROTO",
    "NOTIFY_SOCKET",
    "LISTEN_PID",
    "LISTEN_FDS",
    "LISTEN_FDNAMES",
];

/// The variables for this connection: those of UCSPI, and the five-tuple, or what a Unix socket
/// has instead.
pub(super) fn of(identity: &Identity) -> Environment {
    let local = identity.local().inet();
    let peer = identity.peer().inet();
    let (source, destination, unix) = match identity.name() {
        ConnectionName::FiveTuple(FiveTuple {
            source,
            destination,
            ..
        }) => (Some(source), Some(destination), None),
        ConnectionName::Unix(pair) => (None, None, Some(pair)),
    };
    let path = unix.as_ref().and_then(|pair| match &pair.destination {
        UnixAddress::Path(path) => Some(path.to_string_lossy().into_owned()),
        _ => None,
    });
    let process = unix.as_ref().and_then(|pair| pair.source.as_ref());
    let kind = if unix.is_some() { "UNIX" } else { "TCP" };
    vec![
        ("FT_CONNECTION", Some(identity.number.to_string())),
        ("FT_PROTOCOL", Some(identity.ends.protocol.to_string())),
        ("FT_SOURCE_IP", source.map(|end| end.ip().to_string())),
        ("FT_SOURCE_PORT", source.map(|end| end.port().to_string())),
        (
            "FT_DESTINATION_IP",
            destination.map(|end| end.ip().to_string()),
        ),
        (
            "FT_DESTINATION_PORT",
            destination.map(|end| end.port().to_string()),
        ),
        ("PROTO", Some(kind.to_owned())),
        ("TCPREMOTEIP", peer.map(|end| end.ip().to_string())),
        ("TCPREMOTEPORT", peer.map(|end| end.port().to_string())),
        ("TCPLOCALIP", local.map(|end| end.ip().to_string())),
        ("TCPLOCALPORT", local.map(|end| end.port().to_string())),
        ("UNIXLOCALPATH", path),
        (
            "UNIXREMOTEPID",
            process.map(|process| process.pid.to_string()),
        ),
        (
            "UNIXREMOTEEUID",
            process.map(|process| process.uid.to_string()),
        ),
    ]
}

/// Gives them to a program; a name without a value is taken out, whoever had set it.
pub(super) fn give(environment: Environment, command: &mut Command) {
    for name in NOT_THEIRS {
        command.env_remove(name);
    }
    for (name, value) in environment {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
}
