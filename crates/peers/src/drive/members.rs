//! The members of a hub: one sends lines, the others check each line that arrives, one thread for
//! all. The sender is never further ahead of the slowest than a window, so no hub needs to drop.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::buffer::spare_capacity;
use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, recv, send};

use super::control::{Control, control};
use super::dialect::{Dialect, GO, GREETED, LINE, PROBE, Text, greeting};
use crate::trouble::{Doing, Trouble};

/// How many lines the sender may be ahead of the slowest member: the 256 KiB that a hub of `ft` lets
/// one be behind. The others let them be further.
const WINDOW: u64 = 4096;

/// How many threads the members are read by.
pub const READERS: usize = 1;

/// A hub that does not go on for so long has failed.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long the loop waits when nothing is ready.
const TURN: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 5_000_000,
};

/// Bytes read at once.
const CHUNK: usize = 256 * 1024;

/// The longest line of a protocol that is not a message.
const CONTROL_MAX: usize = 64 * 1024;

/// Everybody in the room.
#[derive(Debug)]
pub struct Members {
    sender: Member,
    receiving: Vec<Member>,
    /// They joined, and receive nothing.
    _stopped: Vec<TcpStream>,
    epoll: OwnedFd,
    dialect: Dialect,
    text: Text,
    /// Bytes of lines that have been sent.
    sent: u64,
    /// Bytes that are sent with one call at most.
    at_once: u64,
}

/// One connection to the hub.
#[derive(Debug)]
struct Member {
    stream: TcpStream,
    /// Bytes of lines that have arrived.
    received: u64,
    /// The beginning of a line that is not a message.
    control: Vec<u8>,
}

/// Who is in the room.
#[derive(Clone, Copy, Debug)]
pub struct Room {
    /// The port of the hub.
    pub port: u16,
    /// How they talk.
    pub dialect: Dialect,
    /// How many members there are beside the sender.
    pub members: usize,
    /// How many of them receive nothing once they have joined.
    pub stopped: usize,
    /// How many lines the sender sends with one call at most.
    pub lines_at_once: u64,
}

impl Members {
    /// Has everybody join, and returns when all have heard the same line.
    ///
    /// # Errors
    ///
    /// The hub does not let them, or does not pass lines on.
    pub fn join(room: Room) -> Result<Self, Trouble> {
        let connect = |_| connect(room.port);
        let mut members = (0..room.members)
            .map(connect)
            .collect::<Result<Vec<_>, _>>()?;
        let mut sender = self::connect(room.port)?;
        match room.dialect {
            Dialect::Lines => gather(&mut sender, &mut members)?,
            Dialect::Nats => {
                greet(&mut sender, false)?;
                members
                    .iter_mut()
                    .try_for_each(|member| greet(member, true))?;
            }
        }
        let stopped = members.split_off(room.members - room.stopped);
        let epoll = epoll::create(CreateFlags::CLOEXEC).doing("make an epoll instance")?;
        for (number, stream) in members.iter().chain([&sender]).enumerate() {
            stream
                .set_nonblocking(true)
                .doing("make a socket non-blocking")?;
            let token = EventData::new_u64(number as u64);
            epoll::add(&epoll, stream, token, EventFlags::IN).doing("register a member")?;
        }
        let text = Text::new(room.dialect);
        Ok(Self {
            sender: Member::new(sender),
            receiving: members.into_iter().map(Member::new).collect(),
            _stopped: stopped,
            epoll,
            dialect: room.dialect,
            at_once: room.lines_at_once * text.sent_length() as u64,
            text,
            sent: 0,
        })
    }

    /// Sends for so long, and waits until every member has everything: how many lines arrived.
    ///
    /// # Errors
    ///
    /// A line is missing, is another one, or does not come.
    pub fn run(&mut self, length: Duration) -> Result<u64, Trouble> {
        let before = self.slowest();
        let until = Instant::now() + length;
        let mut chunk = vec![0; CHUNK];
        let mut ready = Vec::with_capacity(64);
        loop {
            let now = Instant::now();
            if now > until + PATIENCE {
                return Err(Trouble::wrong("the hub", "does not pass everything on"));
            }
            let line = self.text.sent_length() as u64;
            if now < until {
                self.send((self.slowest() + WINDOW) * line)?;
            } else if !self.sent.is_multiple_of(line) {
                self.send(self.sent.next_multiple_of(line))?;
            } else if !self.is_ahead() {
                break;
            }
            ready.clear();
            epoll::wait(&self.epoll, spare_capacity(&mut ready), Some(&TURN))
                .or_else(|error| {
                    if error == Errno::INTR {
                        Ok(0)
                    } else {
                        Err(error)
                    }
                })
                .doing("wait for members")?;
            for event in &ready {
                let number = usize::try_from(event.data.u64()).unwrap_or(usize::MAX);
                let member = self.receiving.get_mut(number).unwrap_or(&mut self.sender);
                member.receive(self.dialect, &self.text.incoming, &mut chunk)?;
            }
        }
        let lines = self.slowest() - before;
        Ok(lines * self.receiving.len() as u64)
    }

    /// Lines that every member has received.
    fn slowest(&self) -> u64 {
        let slowest = self.receiving.iter().map(|member| member.received).min();
        slowest.unwrap_or(0) / self.text.received_length() as u64
    }

    fn is_ahead(&self) -> bool {
        self.slowest() < self.sent / self.text.sent_length() as u64
    }

    /// Sends up to here, as much as the kernel takes.
    fn send(&mut self, most: u64) -> Result<(), Trouble> {
        let outgoing = &self.text.outgoing;
        while self.sent < most {
            let start = within(self.sent, outgoing.len());
            let to_the_end = self.at_once - self.sent % self.at_once;
            let room = usize::try_from(to_the_end.min(most - self.sent)).unwrap_or(usize::MAX);
            let end = outgoing.len().min(start.saturating_add(room));
            let sent = send(
                &self.sender.stream,
                &outgoing[start..end],
                SendFlags::NOSIGNAL,
            );
            match sent {
                Ok(sent) => self.sent += sent as u64,
                Err(Errno::AGAIN | Errno::INTR) => break,
                Err(error) => return Err(error).doing("send to the hub"),
            }
        }
        Ok(())
    }
}

impl Member {
    fn new(stream: TcpStream) -> Self {
        Self {
            stream,
            received: 0,
            control: Vec::new(),
        }
    }

    /// Reads once, and checks what came.
    fn receive(
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
fn within(place: u64, length: usize) -> usize {
    usize::try_from(place % length as u64).unwrap_or(0)
}

fn connect(port: u16) -> Result<TcpStream, Trouble> {
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).doing("connect to a hub")?;
    stream.set_nodelay(true).doing("set an option")?;
    Ok(stream)
}

/// Talks to NATS until it has answered.
fn greet(stream: &mut TcpStream, receives: bool) -> Result<(), Trouble> {
    stream
        .write_all(&greeting(receives))
        .doing("greet the hub")?;
    hear(stream, GREETED)
}

/// Sends lines until every member has heard one, then the one behind which the counting begins.
fn gather(sender: &mut TcpStream, members: &mut [TcpStream]) -> Result<(), Trouble> {
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
        if received == 0 || heard.len() > CONTROL_MAX {
            return Err(Trouble::wrong("the hub", "does not let everybody in"));
        }
        heard.extend_from_slice(&chunk[..received]);
    }
    Ok(())
}
