//! Ports: free ones for contenders, and whether somebody listens on one.
//!
//! A contender is told its port before it binds it. Harnesses that run at the same time take a port by a
//! name that only one of them can have; clients are given others by the system.
//!
//! Whether a contender listens is read from the kernel's table: some serve one connection only, and
//! a connection made to find out would be that one.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::trouble::Trouble;

/// Ports below those that the system gives to clients, so that no client takes one in the meantime.
const PORTS: std::ops::Range<u16> = 20_000..32_000;

/// The state LISTEN in the kernel's table.
const LISTEN: &str = "0A";

static NEXT: AtomicU16 = AtomicU16::new(0);

/// What holds the names of the ports that this process has taken, for as long as it lives.
static TAKEN: Mutex<Vec<UnixDatagram>> = Mutex::new(Vec::new());

/// A port on loopback that nobody has, and that no harness has been given that still runs.
///
/// # Errors
///
/// All of them are taken.
pub fn free_port() -> Result<u16, Trouble> {
    let start = u16::try_from(std::process::id() % 10_000).unwrap_or(0);
    for _ in PORTS {
        let turn = NEXT.fetch_add(1, Ordering::Relaxed).wrapping_add(start);
        let port = PORTS.start + turn % (PORTS.end - PORTS.start);
        if take(port) && TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Ok(port);
        }
    }
    Err(Trouble::wrong("harness", "no port is free"))
}

/// Takes a port for this process, if no harness has it.
fn take(port: u16) -> bool {
    let name = SocketAddr::from_abstract_name(format!("peers-port-{port}"));
    let Ok(taken) = name.and_then(|name| UnixDatagram::bind_addr(&name)) else {
        return false;
    };
    let mut all = TAKEN.lock().unwrap_or_else(PoisonError::into_inner);
    all.push(taken);
    true
}

/// Whether somebody listens on this port of loopback, or of every interface.
pub fn is_listening(port: u16) -> bool {
    let table = fs::read_to_string("/proc/net/tcp").unwrap_or_default();
    table.lines().skip(1).any(|line| {
        let mut fields = line.split_whitespace().skip(1);
        let local = fields.next().and_then(|local| local.rsplit_once(':'));
        let here = local.is_some_and(|(_, text)| u16::from_str_radix(text, 16) == Ok(port));
        here && fields.nth(1) == Some(LISTEN)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_taken_once() {
        let port = free_port().unwrap();
        assert!(!take(port));
        assert_ne!(free_port().unwrap(), port);
    }
}
