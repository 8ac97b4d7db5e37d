//! One member of a hub: reads, compares what comes with what belongs there, and answers the protocol.

use std::io::Write;
use std::net::TcpStream;

use rustix::io::Errno;
use rustix::net::{RecvFlags, recv};

use super::control::{Control, control};
use super::dialect::{Dialect, Text};
use crate::trouble::{Doing, Trouble};

/// The longest line of a protocol that is not a message.
const CONTROL_MAX: usize = 64 * 1024;

/// One connection to the hub.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) stream: TcpStream,
    /// Bytes of lines that have arrived.
    pub(super) received: u64,
    /// The beginning of a line that is not a message.
    control: Vec<u8>,
}

impl Member {
    pub(super) fn new(stream: TcpStream) -> Self {
        Self {
            stream,
            received: 0,
            control: Vec::new(),
        }
    }

    /// Reads once, and checks what came.
    pub(super) fn receive(
        &mut self,
        dialect: Dialect,
        incoming: &[u8],
        chunk: &mut [u8],
    ) -> Result<(), Trouble> {
        let received = match recv(&self.stream, &mut *chunk, RecvFlags::empty()) {
            Ok((0, _)) => return Err(Trouble::wrong("the hub", "ends a connection")),
            Ok((received, _)) => received,
            Err(Errno::AGAIN | Errno::INTR) => return Ok(()),
            Err(error) => return Err(error).doing("receive from the hub"),
        };
        let mut rest = &chunk[..received];
        while !rest.is_empty() {
            let matched = self.matched(incoming, rest);
            self.received += matched as u64;
            rest = &rest[matched..];
            if matched == 0 {
                rest = self.not_a_message(dialect, incoming, rest)?;
            }
        }
        Ok(())
    }

    /// How many bytes are those that belong here: all of them, or whole messages.
    fn matched(&self, incoming: &[u8], bytes: &[u8]) -> usize {
        if !self.control.is_empty() {
            return 0;
        }
        let start = within(self.received, incoming.len());
        let length = bytes.len().min(incoming.len() - start);
        if bytes[..length] == incoming[start..start + length] {
            return length;
        }
        // Somewhere in here something else stands between two messages.
        let same = bytes.iter().zip(&incoming[start..]);
        same.take_while(|(one, other)| one == other).count()
    }

    /// Takes a line of the protocol that is no message, answers it, and returns what is behind it.
    fn not_a_message<'a>(
        &mut self,
        dialect: Dialect,
        incoming: &[u8],
        bytes: &'a [u8],
    ) -> Result<&'a [u8], Trouble> {
        let length = Text::length_of_one(incoming) as u64;
        if dialect == Dialect::Lines || !self.received.is_multiple_of(length) {
            let line = self.received / length;
            return Err(Trouble::wrong(
                "the hub",
                format!("has other bytes in line {line}"),
            ));
        }
        let end = bytes.iter().position(|byte| *byte == b'\n');
        let (line, rest) = bytes.split_at(end.map_or(bytes.len(), |end| end + 1));
        self.control.extend_from_slice(line);
        if end.is_none() && self.control.len() < CONTROL_MAX {
            return Ok(rest);
        }
        let line = std::mem::take(&mut self.control);
        match control(&line) {
            Control::Ignore => {}
            Control::Answer => (&self.stream)
                .write_all(b"PONG\r\n")
                .doing("answer the hub")?,
            Control::Refused | Control::Unknown => {
                let line = String::from_utf8_lossy(&line).trim().to_owned();
                return Err(Trouble::wrong("the hub", format!("says {line:?}")));
            }
        }
        Ok(rest)
    }
}

/// Where a place of a stream is in one turn of it.
pub(super) fn within(place: u64, length: usize) -> usize {
    usize::try_from(place % length as u64).unwrap_or(0)
}
