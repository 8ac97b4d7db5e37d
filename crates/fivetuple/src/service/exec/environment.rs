//! What a program learns of its connection: variables of its environment, addresses and numbers
//! only. Nothing that a peer may choose freely is among them.

use std::process::Command;

use crate::event::Identity;

/// Names and values.
pub(super) type Environment = Vec<(&'static str, String)>;

/// What an outer server of the same convention (UCSPI) may have left, and is not true here.
const NOT_OURS: [&str; 4] = ["TCPREMOTEHOST", "TCPREMOTEINFO", "TCPLOCALHOST", "SSLPROTO"];

/// The variables for this connection: those of UCSPI, and the five-tuple.
pub(super) fn of(identity: &Identity) -> Environment {
    let five_tuple = identity.five_tuple();
    let (source, destination) = (five_tuple.source, five_tuple.destination);
    vec![
        ("PROTO", "TCP".to_owned()),
        ("TCPREMOTEIP", identity.peer.ip().to_string()),
        ("TCPREMOTEPORT", identity.peer.port().to_string()),
        ("TCPLOCALIP", identity.local.ip().to_string()),
        ("TCPLOCALPORT", identity.local.port().to_string()),
        ("FT_CONNECTION", identity.number.to_string()),
        ("FT_SOURCE_IP", source.ip().to_string()),
        ("FT_SOURCE_PORT", source.port().to_string()),
        ("FT_DESTINATION_IP", destination.ip().to_string()),
        ("FT_DESTINATION_PORT", destination.port().to_string()),
        ("FT_PROTOCOL", five_tuple.protocol.to_string()),
    ]
}

/// Gives them to a program.
pub(super) fn give(environment: Environment, command: &mut Command) {
    for name in NOT_OURS {
        command.env_remove(name);
    }
    command.envs(environment);
}
