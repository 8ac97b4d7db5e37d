//! What both floors on epoll share: listening sockets, and the loop over what is ready.

use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::OwnedFd;
use std::thread;

use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, SocketFlags, SocketType, accept_with, bind, listen, socket_with, sockopt,
};

/// Connections that wait for accept at most, for every contender that can be told.
const BACKLOG: i32 = 4096;

/// Connections taken for one wake-up at most.
const ACCEPTS_MAX: usize = 64;

/// Bytes read at once.
pub(super) const CHUNK: usize = 64 * 1024;

/// The token of the listening socket.
pub(super) const LISTENER: u64 = u64::MAX;

const FLAGS: SocketFlags = SocketFlags::NONBLOCK.union(SocketFlags::CLOEXEC);

/// One loop: its epoll instance, its listening socket, and the buffer it reads into.
pub(super) struct Loop {
    pub(super) epoll: OwnedFd,
    listener: OwnedFd,
    pub(super) chunk: Vec<u8>,
}

impl Loop {
    fn open(port: u16) -> io::Result<Self> {
        let listener = listener(port)?;
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        epoll::add(
            &epoll,
            &listener,
            EventData::new_u64(LISTENER),
            EventFlags::IN,
        )?;
        Ok(Self {
            epoll,
            listener,
            chunk: vec![0; CHUNK],
        })
    }

    /// Waits until something is ready.
    pub(super) fn wait<'a>(&self, ready: &'a mut Vec<Event>) -> io::Result<&'a [Event]> {
        ready.clear();
        match epoll::wait(&self.epoll, rustix::buffer::spare_capacity(ready), None) {
            Err(Errno::INTR) => Ok(&[]),
            Err(error) => Err(error.into()),
            Ok(_) => Ok(ready),
        }
    }

    /// The connections that wait, at most so many that the others have their turn.
    pub(super) fn accept(&self) -> Vec<OwnedFd> {
        let accept = |_| accept_with(&self.listener, FLAGS).ok();
        (0..ACCEPTS_MAX).map_while(accept).collect()
    }

    /// Has the loop told when the socket is ready for these.
    pub(super) fn add(&self, socket: &OwnedFd, token: u64, flags: EventFlags) -> io::Result<()> {
        Ok(epoll::add(
            &self.epoll,
            socket,
            EventData::new_u64(token),
            flags,
        )?)
    }

    /// Changes what the loop is told about.
    pub(super) fn modify(&self, socket: &OwnedFd, token: u64, flags: EventFlags) -> io::Result<()> {
        Ok(epoll::modify(
            &self.epoll,
            socket,
            EventData::new_u64(token),
            flags,
        )?)
    }
}

/// Room for the events of one wake-up.
pub(super) fn events() -> Vec<Event> {
    Vec::with_capacity(512)
}

/// A socket of TCP that never waits.
pub(super) fn socket() -> io::Result<OwnedFd> {
    let socket = socket_with(AddressFamily::INET, SocketType::STREAM, FLAGS, None)?;
    sockopt::set_tcp_nodelay(&socket, true)?;
    Ok(socket)
}

/// This machine, at a port.
pub(super) fn loopback(port: u16) -> SocketAddrV4 {
    SocketAddrV4::new(Ipv4Addr::LOCALHOST, port)
}

/// The listening socket of one loop. Accepted sockets inherit TCP_NODELAY; SO_REUSEPORT gives each
/// loop a queue of its own.
fn listener(port: u16) -> io::Result<OwnedFd> {
    let listener = socket()?;
    sockopt::set_socket_reuseaddr(&listener, true)?;
    sockopt::set_socket_reuseport(&listener, true)?;
    bind(&listener, &loopback(port))?;
    listen(&listener, BACKLOG)?;
    Ok(listener)
}

/// Opens a loop per thread, then runs all of them for as long as the process lives.
pub(super) fn run_loops(
    port: u16,
    threads: usize,
    run: impl Fn(Loop) -> io::Result<()> + Sync,
) -> io::Result<()> {
    let loops: io::Result<Vec<Loop>> = (0..threads).map(|_| Loop::open(port)).collect();
    let loops = loops?;
    thread::scope(|scope| {
        let run = &run;
        let running: Vec<_> = loops
            .into_iter()
            .map(|one| scope.spawn(move || run(one)))
            .collect();
        running.into_iter().try_for_each(|one| {
            one.join()
                .unwrap_or_else(|_| Err(io::Error::other("a loop panicked")))
        })
    })
}
