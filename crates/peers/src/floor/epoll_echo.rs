//! The bare epoll echo: the least that a correct echo does on readiness.
//!
//! One loop per thread, connections in a table by descriptor. What the kernel does not take is kept,
//! and nothing more is read until it is gone; a peer that has finished is answered to the end.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

use rustix::event::epoll::EventFlags;
use rustix::io::Errno;
use rustix::net::{RecvFlags, recv};

use super::epoll::{CHUNK, LISTENER, Loop, events, run_loops};
use super::unsent::Unsent;

/// One connection of the echo.
struct Connection {
    socket: OwnedFd,
    unsent: Unsent,
    peer_finished: bool,
}

/// Whether a connection goes on.
enum Next {
    Go,
    Close,
}

/// Answers every connection to the port with its own bytes, for as long as the process lives.
///
/// # Errors
///
/// Those of opening the sockets, and of waiting for them.
pub fn epoll_echo(port: u16, threads: usize) -> io::Result<()> {
    run_loops(port, threads, serve)
}

fn serve(mut own: Loop) -> io::Result<()> {
    let mut connections: Vec<Option<Connection>> = Vec::new();
    let mut ready = events();
    loop {
        for event in own.wait(&mut ready)? {
            let token = event.data.u64();
            if token == LISTENER {
                accept(&own, &mut connections)?;
                continue;
            }
            let Some(place) = slot(&mut connections, token) else {
                continue;
            };
            let Some(connection) = place else { continue };
            if let Next::Close = connection.step(&mut own, token)? {
                *place = None;
            }
        }
    }
}

fn slot(connections: &mut [Option<Connection>], token: u64) -> Option<&mut Option<Connection>> {
    connections.get_mut(usize::try_from(token).ok()?)
}

fn accept(own: &Loop, connections: &mut Vec<Option<Connection>>) -> io::Result<()> {
    for socket in own.accept() {
        let number = usize::try_from(socket.as_raw_fd()).map_err(io::Error::other)?;
        own.add(&socket, number as u64, EventFlags::IN)?;
        if connections.len() <= number {
            connections.resize_with(number + 1, || None);
        }
        connections[number] = Some(Connection {
            socket,
            unsent: Unsent::default(),
            peer_finished: false,
        });
    }
    Ok(())
}

impl Connection {
    /// One wake-up: sends what is left, or answers what has come.
    fn step(&mut self, own: &mut Loop, token: u64) -> io::Result<Next> {
        let kept = !self.unsent.is_empty();
        let done = if kept {
            self.unsent.flush(&self.socket)
        } else {
            self.answer(&mut own.chunk)
        };
        if done.is_err() || (self.peer_finished && self.unsent.is_empty()) {
            return Ok(Next::Close);
        }
        if kept == self.unsent.is_empty() {
            let flags = if kept {
                EventFlags::IN
            } else {
                EventFlags::OUT
            };
            own.modify(&self.socket, token, flags)?;
        }
        Ok(Next::Go)
    }

    /// Reads until a read is short, and sends each time what was read.
    fn answer(&mut self, chunk: &mut [u8]) -> Result<(), Errno> {
        loop {
            let received = match recv(&self.socket, &mut *chunk, RecvFlags::empty()) {
                Ok((received, _)) => received,
                Err(Errno::AGAIN | Errno::INTR) => return Ok(()),
                Err(error) => return Err(error),
            };
            if received == 0 {
                self.peer_finished = true;
                return Ok(());
            }
            self.unsent.send(&self.socket, &chunk[..received])?;
            if received < CHUNK || !self.unsent.is_empty() {
                return Ok(());
            }
        }
    }
}
