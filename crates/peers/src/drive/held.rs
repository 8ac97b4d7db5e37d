//! Connections that have been used once and are idle.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

use rustix::net::sockopt::set_socket_linger;

use crate::trouble::{Doing, Trouble};

/// What each connection sends and gets back before it is idle.
const MESSAGE: usize = 16 * 1024;

/// An echo that does not answer for so long has failed.
const PATIENCE: Duration = Duration::from_secs(10);

/// Connections to an echo, idle.
#[derive(Debug)]
pub struct Held {
    streams: Vec<TcpStream>,
}

impl Held {
    /// Connects so many times; each connection exchanges one message, and is left alone.
    ///
    /// # Errors
    ///
    /// There are not so many to be had, or a message does not come back as it was.
    pub fn open(port: u16, count: usize) -> Result<Self, Trouble> {
        let message: Vec<u8> = (0..MESSAGE).map(|at| (at % 251) as u8).collect();
        let mut answer = vec![0; MESSAGE];
        let mut held = Self {
            streams: Vec::with_capacity(count),
        };
        for _ in 0..count {
            let doing = || format!("connect for the {}th time", held.streams.len() + 1);
            let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).doing(&doing())?;
            stream
                .set_read_timeout(Some(PATIENCE))
                .doing("set a time limit")?;
            stream.write_all(&message).doing("send a message")?;
            stream.read_exact(&mut answer).doing("receive an answer")?;
            if answer != message {
                return Err(Trouble::wrong(
                    "the echo",
                    "answers other bytes than it received",
                ));
            }
            answer.fill(0);
            held.streams.push(stream);
        }
        Ok(held)
    }
}

impl Drop for Held {
    /// Aborts all of them: so many ports would wait in TIME-WAIT otherwise.
    fn drop(&mut self) {
        for stream in &self.streams {
            // The ports are only busy for longer where this fails.
            let _ = set_socket_linger(stream, Some(Duration::ZERO));
        }
    }
}
