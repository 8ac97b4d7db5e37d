//! How the members of a hub come in: connected, and heard by one another.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::{Duration, Instant};

use super::dialect::{GO, GREETED, LINE, PROBE, greeting};
use super::members::PATIENCE;
use crate::trouble::{Doing, Trouble};

/// What a hub says before lines count is no more than this.
const GREETING_MAX: usize = 64 * 1024;

/// Connects to a hub.
pub(super) fn connect(port: u16) -> Result<TcpStream, Trouble> {
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).doing("connect to a hub")?;
    stream.set_nodelay(true).doing("set an option")?;
    Ok(stream)
}

/// Talks to NATS until it has answered.
pub(super) fn greet(stream: &mut TcpStream, receives: bool) -> Result<(), Trouble> {
    stream
        .write_all(&greeting(receives))
        .doing("greet the hub")?;
    hear(stream, GREETED)
}

/// Sends lines until every member has heard one, then the one behind which the counting begins.
pub(super) fn gather(sender: &mut TcpStream, members: &mut [TcpStream]) -> Result<(), Trouble> {
    let until = Instant::now() + PATIENCE;
    for member in &mut *members {
        let mut heard = [0; LINE];
        while !has_heard(member, &mut heard)? {
            if Instant::now() > until {
                return Err(Trouble::wrong("the hub", "does not let everybody in"));
            }
            sender.write_all(&PROBE).doing("send to the hub")?;
        }
    }
    sender.write_all(&GO).doing("send to the hub")?;
    members.iter_mut().try_for_each(|member| hear(member, &GO))
}

/// Whether a line arrives in a moment.
fn has_heard(member: &mut TcpStream, line: &mut [u8; LINE]) -> Result<bool, Trouble> {
    member
        .set_read_timeout(Some(Duration::from_millis(5)))
        .doing("set a time limit")?;
    match member.peek(line) {
        Ok(0) => Err(Trouble::wrong("the hub", "ends a connection")),
        Ok(_) => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => Ok(false),
        Err(error) => Err(error).doing("receive from the hub"),
    }
}

/// Reads until the last bytes are these; nobody says anything behind them.
fn hear(member: &mut TcpStream, last: &[u8]) -> Result<(), Trouble> {
    member
        .set_read_timeout(Some(PATIENCE))
        .doing("set a time limit")?;
    let mut heard = Vec::new();
    let mut chunk = [0; 4096];
    while !heard.ends_with(last) {
        let received = member.read(&mut chunk).doing("receive from the hub")?;
        if received == 0 || heard.len() > GREETING_MAX {
            return Err(Trouble::wrong("the hub", "does not let everybody in"));
        }
        heard.extend_from_slice(&chunk[..received]);
    }
    Ok(())
}
