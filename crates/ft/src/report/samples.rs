//! What the tests of reports share: one connection, and the text that comes out of a queue.

use std::io::{Read, pipe};
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use fivetuple::call::{Errno, ReceiveError};
use fivetuple::event::{Ends, Role};
use fivetuple::{Identity, Protocol};

use super::missed_line;
use super::queue::Queue;

/// Connection `number` of a server at port 8080, 51311 + `number` of the client.
pub(crate) fn identity(number: u16) -> Identity {
    Identity {
        number: number.into(),
        role: Role::Accepted,
        ends: Ends {
            protocol: Protocol::Tcp,
            local: "127.0.0.1:8080".parse().unwrap(),
            peer: SocketAddr::from(([127, 0, 0, 1], 51311 + number)).into(),
            process: None,
        },
        cookie: Some(0x1000 + u64::from(number)),
        since: Instant::now(),
        pair: OnceLock::new(),
    }
}

/// The connected side of a relay for connection `pair`, to port 6379.
pub(crate) fn connected_side(number: u16, pair: u64) -> Identity {
    Identity {
        role: Role::Connected,
        ends: Ends {
            protocol: Protocol::Tcp,
            local: SocketAddr::from(([127, 0, 0, 1], 40000 + number)).into(),
            peer: "127.0.0.1:6379".parse().unwrap(),
            process: None,
        },
        pair: OnceLock::from(pair),
        ..identity(number)
    }
}

/// An error of that connection.
pub(crate) fn receive_error(errno: Errno) -> ReceiveError {
    ReceiveError::new(identity(1).name(), errno)
}

/// All that `produce` puts into a queue.
pub(crate) fn written(produce: impl FnOnce(Arc<Queue>)) -> String {
    let (mut reader, writer) = pipe().unwrap();
    produce(Arc::new(
        Queue::start(writer, 1 << 20, missed_line).unwrap(),
    ));
    let mut text = String::new();
    reader.read_to_string(&mut text).unwrap();
    text
}
