//! The members of a hub: one sends lines, the others check each line that arrives. The sender is never
//! further ahead of the slowest than a window, so no hub needs to drop.
//!
//! The members are shared by a few threads, so that the one who reads is not what a hub waits for. The
//! first of them sends, too; the others tell it how far their members are.

use std::net::TcpStream;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::event::{EventfdFlags, Timespec, eventfd};
use rustix::io::{Errno, write};
use rustix::net::{SendFlags, send};

use super::dialect::{Dialect, Text};
use super::joining::{connect, gather, greet};
use super::member::{Member, within};
use crate::trouble::{Doing, Trouble};

/// How many lines the sender may be ahead of the slowest member: the 256 KiB that a hub of `ft` lets
/// one be behind. The others let them be further.
const WINDOW: u64 = 4096;

/// How many threads the members are read by.
pub const READERS: usize = 2;

/// A hub that does not go on for so long has failed.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// How long a thread waits when nothing is ready.
const TURN: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 5_000_000,
};

/// Bytes read at once.
const CHUNK: usize = 256 * 1024;

/// The tokens of those who are no member that receives.
const SENDER: u64 = u64::MAX;
const WAKE: u64 = u64::MAX - 1;

/// Everybody in the room.
#[derive(Debug)]
pub struct Members {
    sender: Member,
    shares: Vec<Share>,
    /// What wakes the thread of each share.
    wakes: Vec<OwnedFd>,
    /// They joined, and receive nothing.
    _stopped: Vec<TcpStream>,
    script: Script,
    /// Bytes of lines that have been sent.
    sent: u64,
    /// Bytes that are sent with one call at most.
    at_once: u64,
}

/// What is said in the room.
#[derive(Debug)]
struct Script {
    dialect: Dialect,
    text: Text,
}

/// The members that one thread reads.
#[derive(Debug)]
struct Share {
    members: Vec<Member>,
    epoll: OwnedFd,
    chunk: Vec<u8>,
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
        let members = (0..room.members).map(|_| connect(room.port));
        let mut members = members.collect::<Result<Vec<_>, _>>()?;
        let mut sender = connect(room.port)?;
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
        let threads = READERS.min(members.len()).max(1);
        let mut shares = Vec::new();
        let mut wakes = Vec::new();
        let each = members.len().div_ceil(threads);
        for _ in 0..threads {
            let rest = members.split_off(each.min(members.len()));
            let wake = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)
                .doing("make an eventfd")?;
            shares.push(Share::new(std::mem::replace(&mut members, rest), &wake)?);
            wakes.push(wake);
        }
        watch(&shares[0].epoll, &sender, SENDER)?;
        let text = Text::new(room.dialect);
        Ok(Self {
            sender: Member::new(sender),
            shares,
            wakes,
            _stopped: stopped,
            at_once: room.lines_at_once * text.sent_length() as u64,
            script: Script {
                dialect: room.dialect,
                text,
            },
            sent: 0,
        })
    }

    /// Sends for so long, and waits until every member has everything: how many lines arrived.
    ///
    /// # Errors
    ///
    /// A line is missing, is another one, or does not come.
    pub fn run(&mut self, length: Duration) -> Result<u64, Trouble> {
        let progress = Progress::new(&self.shares, &self.wakes, &self.script);
        let before = progress.slowest();
        let script = &self.script;
        let (first, others) = self.shares.split_at_mut(1);
        let mut sending = Sending {
            sender: &mut self.sender,
            share: &mut first[0],
            script,
            sent: &mut self.sent,
            at_once: self.at_once,
        };
        let progress = &progress;
        thread::scope(|scope| {
            let others = others.iter_mut().enumerate();
            let reading: Vec<_> = others
                .map(|(number, share)| {
                    scope.spawn(move || share.read_to_the_end(number + 1, progress, script))
                })
                .collect();
            let sent = sending.run(length, progress);
            // Where the sender has failed nothing more is waited for.
            progress.end_at(*sent.as_ref().unwrap_or(&0));
            let read = reading.into_iter().try_for_each(|reading| {
                let ended = reading.join();
                ended.unwrap_or_else(|_| Err(Trouble::wrong("a member", "panicked")))
            });
            read.and(sent.map(|_| ()))
        })?;
        let members = self.shares.iter().map(|share| share.members.len() as u64);
        Ok((progress.slowest() - before) * members.sum::<u64>())
    }
}

/// What the threads of one run know of one another.
struct Progress<'a> {
    /// The lines that all members of each share have received.
    received: Vec<AtomicU64>,
    /// The lines that there will have been, once that is known.
    last: AtomicU64,
    /// The sender goes on when somebody has received more.
    sender_waits: AtomicBool,
    has_failed: AtomicBool,
    wakes: &'a [OwnedFd],
}

impl<'a> Progress<'a> {
    fn new(shares: &[Share], wakes: &'a [OwnedFd], script: &Script) -> Self {
        let received = shares.iter().map(|share| share.slowest(script).into());
        Self {
            received: received.collect(),
            last: u64::MAX.into(),
            sender_waits: false.into(),
            has_failed: false.into(),
            wakes,
        }
    }

    /// Lines that every member has received.
    fn slowest(&self) -> u64 {
        let received = self.received.iter();
        let slowest = received.map(|lines| lines.load(Ordering::SeqCst)).min();
        slowest.unwrap_or(0)
    }

    /// A share has come so far.
    fn set(&self, share: usize, lines: u64) {
        self.received[share].store(lines, Ordering::SeqCst);
    }

    fn wake(&self, share: usize) {
        // An eventfd that cannot count any further has woken its thread already.
        let _ = write(&self.wakes[share], &1_u64.to_ne_bytes());
    }

    fn end_at(&self, lines: u64) {
        self.last.store(lines, Ordering::SeqCst);
        (1..self.wakes.len()).for_each(|share| self.wake(share));
    }
}

impl Share {
    fn new(members: Vec<TcpStream>, wake: &OwnedFd) -> Result<Self, Trouble> {
        let epoll = epoll::create(CreateFlags::CLOEXEC).doing("make an epoll instance")?;
        let token = EventData::new_u64(WAKE);
        epoll::add(&epoll, wake, token, EventFlags::IN | EventFlags::ET)
            .doing("register an eventfd")?;
        for (number, stream) in members.iter().enumerate() {
            watch(&epoll, stream, number as u64)?;
        }
        Ok(Self {
            members: members.into_iter().map(Member::new).collect(),
            epoll,
            chunk: vec![0; CHUNK],
        })
    }

    /// Lines that every member of it has received.
    fn slowest(&self, script: &Script) -> u64 {
        let slowest = self.members.iter().map(|member| member.received).min();
        slowest.unwrap_or(0) / script.text.received_length() as u64
    }

    /// Waits for a moment, and reads from those to whom something has come; whether the sender is one
    /// of them.
    fn turn(&mut self, script: &Script, ready: &mut Vec<Event>) -> Result<bool, Trouble> {
        ready.clear();
        match epoll::wait(&self.epoll, spare_capacity(ready), Some(&TURN)) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error).doing("wait for members"),
        }
        let mut sender_is_ready = false;
        for event in &*ready {
            let token = event.data.u64();
            sender_is_ready |= token == SENDER;
            let number = usize::try_from(token).unwrap_or(usize::MAX);
            if let Some(member) = self.members.get_mut(number) {
                member.receive(script.dialect, &script.text.incoming, &mut self.chunk)?;
            }
        }
        Ok(sender_is_ready)
    }

    /// Reads until everything that is sent has arrived, and says how far it is.
    fn read_to_the_end(
        &mut self,
        number: usize,
        progress: &Progress<'_>,
        script: &Script,
    ) -> Result<(), Trouble> {
        let mut ready = events();
        while self.slowest(script) < progress.last.load(Ordering::SeqCst) {
            let turned = self.turn(script, &mut ready);
            progress
                .has_failed
                .fetch_or(turned.is_err(), Ordering::SeqCst);
            progress.set(number, self.slowest(script));
            if turned.is_err() || progress.sender_waits.swap(false, Ordering::SeqCst) {
                progress.wake(0);
            }
            turned?;
        }
        Ok(())
    }
}

/// The work of the first thread.
struct Sending<'a> {
    sender: &'a mut Member,
    share: &'a mut Share,
    script: &'a Script,
    sent: &'a mut u64,
    at_once: u64,
}

impl Sending<'_> {
    /// Sends for so long, and reads until every member of everybody has everything: the lines that
    /// have been sent up to now.
    fn run(&mut self, length: Duration, progress: &Progress<'_>) -> Result<u64, Trouble> {
        let until = Instant::now() + length;
        let line = self.script.text.sent_length() as u64;
        let mut ready = events();
        loop {
            let now = Instant::now();
            if now > until + PATIENCE {
                return Err(Trouble::wrong("the hub", "does not pass everything on"));
            }
            let slowest = progress.slowest();
            let most = if now < until {
                (slowest + WINDOW) * line
            } else {
                self.sent.next_multiple_of(line)
            };
            self.send(most)?;
            let is_over = now >= until && *self.sent <= slowest * line;
            if is_over || progress.has_failed.load(Ordering::SeqCst) {
                return Ok(*self.sent / line);
            }
            let waits = *self.sent >= most;
            progress.sender_waits.store(waits, Ordering::SeqCst);
            if waits && progress.slowest() > slowest {
                continue;
            }
            if self.share.turn(self.script, &mut ready)? {
                let incoming = &self.script.text.incoming;
                let chunk = &mut self.share.chunk;
                self.sender.receive(self.script.dialect, incoming, chunk)?;
            }
            progress.set(0, self.share.slowest(self.script));
        }
    }

    /// Sends up to here, as much as the kernel takes.
    fn send(&mut self, most: u64) -> Result<(), Trouble> {
        let outgoing = &self.script.text.outgoing;
        while *self.sent < most {
            let start = within(*self.sent, outgoing.len());
            let to_the_end = self.at_once - *self.sent % self.at_once;
            let room = usize::try_from(to_the_end.min(most - *self.sent)).unwrap_or(usize::MAX);
            let end = outgoing.len().min(start.saturating_add(room));
            let bytes = &outgoing[start..end];
            match send(&self.sender.stream, bytes, SendFlags::NOSIGNAL) {
                Ok(sent) => *self.sent += sent as u64,
                Err(Errno::AGAIN | Errno::INTR) => break,
                Err(error) => return Err(error).doing("send to the hub"),
            }
        }
        Ok(())
    }
}

/// Room for the events of one turn.
fn events() -> Vec<Event> {
    Vec::with_capacity(64)
}

/// Has a thread told when something comes to a member.
fn watch(epoll: &OwnedFd, stream: &TcpStream, token: u64) -> Result<(), Trouble> {
    stream
        .set_nonblocking(true)
        .doing("make a socket non-blocking")?;
    let token = EventData::new_u64(token);
    epoll::add(epoll, stream, token, EventFlags::IN).doing("register a member")
}
