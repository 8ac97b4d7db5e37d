//! Connections to a server that says one text to each and closes: connect, read to the end of the
//! stream, compare, reset.

use std::io::Read;
use std::net::{Ipv4Addr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use rustix::net::sockopt::set_socket_linger;

use crate::trouble::{Doing, Trouble};

/// How many visitors there are at a time.
const VISITORS: usize = 16;

/// A server that says nothing for so long has failed.
const PATIENCE: Duration = Duration::from_secs(10);

/// Visits for so long; how many were told the text.
///
/// # Errors
///
/// A visit fails, or something else is said.
pub fn visit(port: u16, text: &[u8], length: Duration) -> Result<u64, Trouble> {
    let until = Instant::now() + length;
    let visitor = || {
        let mut visits = 0;
        let mut heard = Vec::with_capacity(2 * text.len());
        while Instant::now() < until {
            hear(port, &mut heard)?;
            if heard != text {
                let what = format!("says {} bytes that are not the text", heard.len());
                return Err(Trouble::wrong("the server", what));
            }
            visits += 1;
        }
        Ok(visits)
    };
    thread::scope(|scope| {
        let visitors: Vec<_> = (0..VISITORS).map(|_| scope.spawn(visitor)).collect();
        let ended = visitors.into_iter().map(|visitor| {
            let ended = visitor.join();
            ended.unwrap_or_else(|_| Err(Trouble::wrong("a visitor", "panicked")))
        });
        ended.sum()
    })
}

/// What the server says to one visitor.
///
/// # Errors
///
/// It says nothing, or cannot be reached.
pub fn hear(port: u16, heard: &mut Vec<u8>) -> Result<(), Trouble> {
    heard.clear();
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).doing("visit")?;
    stream
        .set_read_timeout(Some(PATIENCE))
        .doing("set a time limit")?;
    stream
        .read_to_end(heard)
        .doing("hear what the server says")?;
    // The ports are only busy for longer where this fails.
    let _ = set_socket_linger(&stream, Some(Duration::ZERO));
    Ok(())
}
