//! A connection of the test itself, over either kind of stream.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use rustix::net::sockopt::set_socket_linger;

use crate::program::Place;
use crate::rig::{PATIENCE, connect};

pub(crate) enum Wire {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Wire {
    pub(crate) fn to(place: &Place) -> Self {
        match place {
            Place::Tcp(address) => Self::Tcp(connect(*address)),
            Place::Unix(path) => {
                let stream = UnixStream::connect(path).expect("it listens");
                stream.set_read_timeout(Some(PATIENCE)).expect("an option");
                stream.set_write_timeout(Some(PATIENCE)).expect("an option");
                Self::Unix(stream)
            }
            Place::Udp(_) => unreachable!("no stream"),
        }
    }

    /// We send no more.
    pub(crate) fn finish(&self) {
        // The peer may have cut it already; that is seen by who reads.
        let _ = match self {
            Self::Tcp(stream) => stream.shutdown(Shutdown::Write),
            Self::Unix(stream) => stream.shutdown(Shutdown::Write),
        };
    }

    /// Over a Unix socket this is a close.
    pub(crate) fn reset(self) {
        if let Self::Tcp(stream) = &self {
            set_socket_linger(stream, Some(Duration::ZERO)).expect("an option");
        }
    }

    pub(crate) fn again(&self) -> Self {
        match self {
            Self::Tcp(stream) => Self::Tcp(stream.try_clone().expect("a descriptor is free")),
            Self::Unix(stream) => Self::Unix(stream.try_clone().expect("a descriptor is free")),
        }
    }

    pub(crate) fn say(&mut self, bytes: &[u8]) {
        self.write_all(bytes).expect("it is taken");
    }

    /// So many bytes.
    pub(crate) fn hear(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        self.read_exact(&mut bytes).expect("so many bytes come");
        bytes
    }

    /// Everything up to the end, and what the end was.
    pub(crate) fn rest(&mut self) -> (Vec<u8>, &'static str) {
        let mut bytes = Vec::new();
        let end = match self.read_to_end(&mut bytes) {
            Ok(_) => "its end",
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => "a reset",
            Err(error) => panic!("neither an end nor a reset: {error}; {} bytes", bytes.len()),
        };
        (bytes, end)
    }

    /// Sends until nothing has been taken for a while; how much was taken.
    pub(crate) fn stuff(&mut self, bytes: &[u8]) -> usize {
        let soon = Some(Duration::from_millis(200));
        let limited = match self {
            Self::Tcp(stream) => stream.set_write_timeout(soon),
            Self::Unix(stream) => stream.set_write_timeout(soon),
        };
        limited.expect("an option");
        let mut taken = 0;
        while taken < 64 << 20 {
            match self.write(bytes) {
                Ok(count) => taken += count,
                Err(_) => break,
            }
        }
        taken
    }
}

impl AsFd for Wire {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Tcp(stream) => stream.as_fd(),
            Self::Unix(stream) => stream.as_fd(),
        }
    }
}

impl Read for Wire {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.read(buffer),
            Self::Unix(stream) => stream.read(buffer),
        }
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.write(bytes),
            Self::Unix(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
