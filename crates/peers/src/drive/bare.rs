//! The floor of a generator: the least that a correct client of an echo does, on one epoll loop. The
//! library's generator is held against it.

use std::net::{Ipv4Addr, TcpStream};
use std::os::fd::OwnedFd;
use std::thread;
use std::time::{Duration, Instant};

use rustix::buffer::spare_capacity;
use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, recv, send};

use crate::process::stay_on;
use crate::trouble::{Doing, Trouble};

/// Bytes of a message; no kernel takes so few in part.
const MESSAGE: usize = 64;

/// An echo that does not answer for so long has failed.
const PATIENCE: Timespec = Timespec {
    tv_sec: 10,
    tv_nsec: 0,
};

/// Connections to an echo, each with one message out at a time.
#[derive(Debug)]
pub struct Bare {
    epoll: OwnedFd,
    connections: Vec<Connection>,
}

#[derive(Debug)]
struct Connection {
    stream: TcpStream,
    /// How many messages it has sent: the text of the next one.
    sent: u64,
    /// Bytes of the answer that are there.
    received: usize,
}

impl Bare {
    /// Connects so many times.
    ///
    /// # Errors
    ///
    /// There are not so many to be had.
    pub fn open(port: u16, count: usize) -> Result<Self, Trouble> {
        let epoll = epoll::create(CreateFlags::CLOEXEC).doing("make an epoll instance")?;
        let connect = |number: usize| {
            let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).doing("connect")?;
            stream.set_nodelay(true).doing("set an option")?;
            stream
                .set_nonblocking(true)
                .doing("make a socket non-blocking")?;
            let token = EventData::new_u64(number as u64);
            epoll::add(&epoll, &stream, token, EventFlags::IN).doing("register a connection")?;
            Ok(Connection {
                stream,
                sent: 0,
                received: 0,
            })
        };
        let connections = (0..count).map(connect).collect::<Result<_, Trouble>>()?;
        Ok(Self { epoll, connections })
    }

    /// Exchanges messages for so long, on a core of its own if it is to have one, and waits for those
    /// that are out; how many came back.
    ///
    /// # Errors
    ///
    /// An answer does not come, or is another one.
    pub fn run(&mut self, length: Duration, core: Option<usize>) -> Result<u64, Trouble> {
        thread::scope(|scope| {
            let working = scope.spawn(|| {
                core.map_or(Ok(()), stay_on).doing("take a core")?;
                self.exchange(length)
            });
            let ended = working.join();
            ended.unwrap_or_else(|_| Err(Trouble::wrong("the bare client", "panicked")))
        })
    }

    fn exchange(&mut self, length: Duration) -> Result<u64, Trouble> {
        let until = Instant::now() + length;
        let before: u64 = self
            .connections
            .iter()
            .map(|connection| connection.sent)
            .sum();
        self.connections.iter_mut().try_for_each(Connection::send)?;
        let mut out = self.connections.len();
        let mut ready = Vec::with_capacity(self.connections.len());
        while out > 0 {
            ready.clear();
            let waited = epoll::wait(&self.epoll, spare_capacity(&mut ready), Some(&PATIENCE));
            match waited {
                Ok(0) => return Err(wrong("does not answer")),
                Err(Errno::INTR) => continue,
                waited => waited.doing("wait for answers")?,
            };
            let goes_on = Instant::now() < until;
            for event in &ready {
                let number = usize::try_from(event.data.u64()).unwrap_or(usize::MAX);
                let Some(connection) = self.connections.get_mut(number) else {
                    continue;
                };
                if !connection.receive()? {
                    continue;
                }
                if goes_on {
                    connection.send()?;
                } else {
                    out -= 1;
                }
            }
        }
        let after: u64 = self
            .connections
            .iter()
            .map(|connection| connection.sent)
            .sum();
        Ok(after - before)
    }
}

impl Connection {
    fn message(&self) -> [u8; MESSAGE] {
        let word = self.sent.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes();
        std::array::from_fn(|at| word[at % word.len()])
    }

    /// Sends the next message.
    fn send(&mut self) -> Result<(), Trouble> {
        self.sent += 1;
        self.received = 0;
        let sent = send(&self.stream, &self.message(), SendFlags::NOSIGNAL);
        match sent.doing("send a message")? {
            MESSAGE => Ok(()),
            _ => Err(wrong("does not take a message")),
        }
    }

    /// Reads once; whether the answer is whole now.
    fn receive(&mut self) -> Result<bool, Trouble> {
        let mut chunk = [0; 4096];
        let received = match recv(&self.stream, &mut chunk, RecvFlags::empty()) {
            Ok((0, _)) => return Err(wrong("ends a connection")),
            Ok((received, _)) => received,
            Err(Errno::AGAIN | Errno::INTR) => return Ok(false),
            Err(error) => return Err(error).doing("receive an answer"),
        };
        let end = self.received + received;
        if end > MESSAGE || chunk[..received] != self.message()[self.received..end] {
            return Err(wrong("answers other bytes than it received"));
        }
        self.received = end;
        Ok(end == MESSAGE)
    }
}

fn wrong(what: &str) -> Trouble {
    Trouble::wrong("the echo", what)
}
