//! The bare epoll relay: each client is joined to the destination by copying, in both directions.
//!
//! A direction reads while it has nothing unsent, passes the end of the stream on when everything
//! before it is sent, and the pair closes when both directions have ended.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

use rustix::event::epoll::EventFlags;
use rustix::io::Errno;
use rustix::net::{RecvFlags, Shutdown, connect, recv, shutdown};

use super::epoll::{CHUNK, LISTENER, Loop, events, loopback, run_loops, socket};
use super::unsent::Unsent;

/// One of the two byte streams of a pair.
#[derive(Default)]
struct Direction {
    unsent: Unsent,
    /// The sender of this direction has finished.
    finished: bool,
    /// And its receiver knows.
    ended: bool,
}

/// The accepted side (0) and the connected side (1); direction `n` reads from side `n`.
struct Pair {
    sockets: [OwnedFd; 2],
    directions: [Direction; 2],
    told_about: [EventFlags; 2],
}

/// Joins every connection to the port with one to the destination, for as long as the process lives.
///
/// # Errors
///
/// Those of opening the sockets, and of waiting for them.
pub fn epoll_relay(port: u16, destination: u16, threads: usize) -> io::Result<()> {
    run_loops(port, threads, |own| serve(own, destination))
}

fn serve(mut own: Loop, destination: u16) -> io::Result<()> {
    let mut pairs: Vec<Option<Pair>> = Vec::new();
    let mut ready = events();
    loop {
        for event in own.wait(&mut ready)? {
            let token = event.data.u64();
            if token == LISTENER {
                accept(&own, &mut pairs, destination)?;
                continue;
            }
            let number = usize::try_from(token / 2).map_err(io::Error::other)?;
            let Some(place) = pairs.get_mut(number) else {
                continue;
            };
            let Some(pair) = place else { continue };
            let flags = event.flags;
            let broken = flags.contains(EventFlags::ERR);
            if broken || pair.step(&mut own.chunk).is_err() || pair.is_over() {
                *place = None;
                continue;
            }
            pair.tell(&own, token & !1)?;
        }
    }
}

fn accept(own: &Loop, pairs: &mut Vec<Option<Pair>>, destination: u16) -> io::Result<()> {
    for accepted in own.accept() {
        let connected = socket()?;
        match connect(&connected, &loopback(destination)) {
            Ok(()) | Err(Errno::INPROGRESS) => {}
            // The client sees its connection close.
            Err(_) => continue,
        }
        let number = usize::try_from(accepted.as_raw_fd()).map_err(io::Error::other)?;
        if pairs.len() <= number {
            pairs.resize_with(number + 1, || None);
        }
        let token = number as u64 * 2;
        own.add(&accepted, token, EventFlags::IN)?;
        own.add(&connected, token + 1, EventFlags::IN)?;
        pairs[number] = Some(Pair {
            sockets: [accepted, connected],
            directions: Default::default(),
            told_about: [EventFlags::IN; 2],
        });
    }
    Ok(())
}

impl Pair {
    /// Moves what can be moved, in both directions.
    fn step(&mut self, chunk: &mut [u8]) -> Result<(), Errno> {
        for (number, direction) in self.directions.iter_mut().enumerate() {
            direction.step(&self.sockets[number], &self.sockets[1 - number], chunk)?;
        }
        Ok(())
    }

    fn is_over(&self) -> bool {
        self.directions.iter().all(|direction| direction.ended)
    }

    /// Has the loop told about what each socket is waited for, where that has changed.
    fn tell(&mut self, own: &Loop, token: u64) -> io::Result<()> {
        for (number, socket) in self.sockets.iter().enumerate() {
            let from = &self.directions[number];
            let to = &self.directions[1 - number];
            let mut flags = EventFlags::empty();
            flags.set(EventFlags::IN, !from.finished && from.unsent.is_empty());
            flags.set(EventFlags::OUT, !to.unsent.is_empty());
            if flags != self.told_about[number] {
                own.modify(socket, token + number as u64, flags)?;
                self.told_about[number] = flags;
            }
        }
        Ok(())
    }
}

impl Direction {
    fn step(&mut self, from: &OwnedFd, to: &OwnedFd, chunk: &mut [u8]) -> Result<(), Errno> {
        if !self.unsent.is_empty() {
            self.unsent.flush(to)?;
        }
        while !self.finished && self.unsent.is_empty() {
            let received = match recv(from, &mut *chunk, RecvFlags::empty()) {
                Ok((received, _)) => received,
                Err(Errno::AGAIN | Errno::INTR) => break,
                Err(error) => return Err(error),
            };
            self.finished = received == 0;
            if !self.finished {
                self.unsent.send(to, &chunk[..received])?;
            }
            // A short read has taken everything there was.
            if received < CHUNK {
                break;
            }
        }
        if self.finished && !self.ended && self.unsent.is_empty() {
            self.ended = true;
            shutdown(to, Shutdown::Write)?;
        }
        Ok(())
    }
}
