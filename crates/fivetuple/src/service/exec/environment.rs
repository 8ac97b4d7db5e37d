//! What a program learns of its connection: variables of its environment, addresses and numbers
//! only. Nothing that a peer may choose freely is among them.

use std::process::Command;

use crate::address::UnixAddress;
use crate::event::Identity;
use crate::five_tuple::{ConnectionName, FiveTuple};

/// Names and values.
pub(super) type Environment = Vec<(&'static str, String)>;

/// What an outer server of the same convention (UCSPI) may have left, and is not true here.
const NOT_OURS: [&str; 4] = ["TCPREMOTEHOST", "TCPREMOTEINFO", "TCPLOCALHOST", "SSLPROTO"];

/// The variables for this connection: those of UCSPI, and the five-tuple, or what a Unix socket
/// has instead.
pub(super) fn of(identity: &Identity) -> Environment {
    let mut environment = vec![
        ("FT_CONNECTION", identity.number.to_string()),
        ("FT_PROTOCOL", identity.ends.protocol.to_string()),
    ];
    if let (Some(local), Some(peer)) = (identity.local().inet(), identity.peer().inet()) {
        environment.extend([
            ("PROTO", "TCP".to_owned()),
            ("TCPREMOTEIP", peer.ip().to_string()),
            ("TCPREMOTEPORT", peer.port().to_string()),
            ("TCPLOCALIP", local.ip().to_string()),
            ("TCPLOCALPORT", local.port().to_string()),
        ]);
    }
    match identity.name() {
        ConnectionName::FiveTuple(FiveTuple {
            source,
            destination,
            ..
        }) => environment.extend([
            ("FT_SOURCE_IP", source.ip().to_string()),
            ("FT_SOURCE_PORT", source.port().to_string()),
            ("FT_DESTINATION_IP", destination.ip().to_string()),
            ("FT_DESTINATION_PORT", destination.port().to_string()),
        ]),
        ConnectionName::Unix(pair) => {
            environment.push(("PROTO", "UNIX".to_owned()));
            if let UnixAddress::Path(path) = &pair.destination {
                environment.push(("UNIXLOCALPATH", path.to_string_lossy().into_owned()));
            }
            if let Some(process) = pair.source {
                environment.push(("UNIXREMOTEPID", process.pid.to_string()));
                environment.push(("UNIXREMOTEEUID", process.uid.to_string()));
            }
        }
    }
    environment
}

/// Gives them to a program.
pub(super) fn give(environment: Environment, command: &mut Command) {
    for name in NOT_OURS {
        command.env_remove(name);
    }
    command.envs(environment);
}
