//! Several addresses of one name are raced (RFC 8305, "happy eyeballs"): the families take turns,
//! each address starts a little after the one before it or as soon as that has failed, and the
//! first that answers wins.

use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout_at};

use super::{ConnectOptions, NotConnected};
use crate::address::SocketName;
use crate::call::ConnectError;
use crate::connection::Connection;
use crate::event::Observers;
use crate::socket::Socket;

/// Head start of each address before the next (RFC 8305 §5, "Connection Attempt Delay").
pub const STAGGER: Duration = Duration::from_millis(250);

/// The first connection to any of the addresses.
pub(super) async fn race(
    addresses: Vec<SocketName>,
    options: &ConnectOptions,
    observers: &Observers,
    until: Instant,
) -> Result<Connection, NotConnected> {
    let first = addresses.first().cloned();
    let mut waiting = interleave(addresses).into_iter();
    let mut running = JoinSet::new();
    let mut started: Vec<SocketName> = Vec::new();
    let mut failures = Vec::new();
    let mut next_start = Instant::now();
    loop {
        let more = waiting.len() > 0;
        tokio::select! {
            biased;
            Some(ended) = running.join_next() => match ended {
                Ok((_, Ok(connection))) => return Ok(connection),
                Ok((address, Err(failure))) => {
                    started.retain(|other| *other != address);
                    failures.push(failure);
                    next_start = Instant::now();
                }
                Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
            },
            () = sleep_until(until) => {
                let after = options.connect_timeout;
                failures.extend(started.iter().map(|address| {
                    NotConnected::Connect(ConnectError::timed_out(address.clone(), after))
                }));
                break;
            }
            () = sleep_until(next_start), if more => {
                if let Some(address) = waiting.next() {
                    started.push(address.clone());
                    running.spawn(attempt(address, options.clone(), observers.clone(), until));
                    next_start = Instant::now() + STAGGER;
                }
            }
            else => break,
        }
        if running.is_empty() && waiting.len() == 0 {
            break;
        }
    }
    Err(match failures.pop() {
        Some(only) if failures.is_empty() => only,
        Some(last) => {
            failures.push(last);
            NotConnected::Each(failures)
        }
        // Finding the addresses has taken all the time, so that none of them was called.
        None => match first {
            Some(address) => ConnectError::timed_out(address, options.connect_timeout).into(),
            None => NotConnected::Each(failures),
        },
    })
}

async fn attempt(
    address: SocketName,
    options: ConnectOptions,
    observers: Observers,
    until: Instant,
) -> (SocketName, Result<Connection, NotConnected>) {
    let connecting = async {
        let socket = Socket::open(address.family(), &options.socket, &observers)?;
        Ok(match options.source {
            Some(source) => socket.bind_source(source)?.reach(address.clone()).await?,
            None => socket.reach(address.clone()).await?,
        })
    };
    let connected = timeout_at(until, connecting).await.unwrap_or_else(|_| {
        let late = ConnectError::timed_out(address.clone(), options.connect_timeout);
        Err(NotConnected::Connect(late))
    });
    (address, connected)
}

/// First address first, then the families in turn (RFC 8305 §4).
fn interleave(addresses: Vec<SocketName>) -> Vec<SocketName> {
    let Some(first) = addresses.first().map(SocketName::family) else {
        return addresses;
    };
    let (mut same, mut other): (Vec<_>, Vec<_>) = addresses
        .into_iter()
        .partition(|address| address.family() == first);
    same.reverse();
    other.reverse();
    let mut ordered = Vec::with_capacity(same.len() + other.len());
    while !same.is_empty() || !other.is_empty() {
        ordered.extend(same.pop());
        ordered.extend(other.pop());
    }
    ordered
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_take_turns_beginning_with_the_first() {
        let of = |texts: &[&str]| -> Vec<SocketName> {
            texts.iter().map(|text| text.parse().unwrap()).collect()
        };
        let ordered = interleave(of(&[
            "[::1]:1",
            "[::2]:1",
            "[::3]:1",
            "1.1.1.1:1",
            "2.2.2.2:1",
        ]));
        assert_eq!(
            ordered,
            of(&["[::1]:1", "1.1.1.1:1", "[::2]:1", "2.2.2.2:1", "[::3]:1"])
        );
        assert_eq!(interleave(Vec::new()), Vec::new());
    }
}
