//! One bulk stream through a relay, with ends that cost as little as they can: sent from a file in
//! memory without copying, discarded in the kernel, and checked by position at every MiB.

use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::sendfile;
use rustix::net::{RecvFlags, Shutdown, recv, shutdown};

use super::pattern::{PERIOD, Pattern};
use crate::trouble::{Doing, Trouble};

/// Who does not go on for so long has failed.
const PATIENCE: Duration = Duration::from_secs(10);

/// Positions are checked at every step.
const STEP: usize = 1 << 20;

/// So many bytes are checked there.
const CHECKED: usize = 4096;

/// The receiver of what comes through a relay.
#[derive(Debug)]
pub struct Destination {
    listener: TcpListener,
    pattern: Pattern,
}

impl Destination {
    /// On a port that the system gives.
    ///
    /// # Errors
    ///
    /// There is none.
    pub fn open() -> Result<Self, Trouble> {
        let listener =
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).doing("listen as a destination")?;
        Ok(Self {
            listener,
            pattern: Pattern::new()?,
        })
    }

    /// The port that relays are to call.
    ///
    /// # Errors
    ///
    /// The system does not tell.
    pub fn port(&self) -> Result<u16, Trouble> {
        let local = self.listener.local_addr().doing("ask for a port")?;
        Ok(local.port())
    }

    /// Sends through the relay for so long, and receives until the end of the stream: the bytes that
    /// arrived.
    ///
    /// # Errors
    ///
    /// Bytes are missing, are not those that belong there, or do not come.
    pub fn stream(&self, relay: u16, length: Duration) -> Result<u64, Trouble> {
        thread::scope(|scope| {
            let sending = scope.spawn(|| self.send(relay, length));
            let received = self.receive();
            let sent = sending
                .join()
                .unwrap_or_else(|_| Err(Trouble::wrong("the sender", "panicked")));
            // A receiver that has seen something wrong leaves, and the sender fails by that.
            let (received, sent) = (received?, sent?);
            if sent == received {
                Ok(received)
            } else {
                let what = format!("passed on {received} of {sent} bytes");
                Err(Trouble::wrong("the relay", what))
            }
        })
    }

    fn send(&self, relay: u16, length: Duration) -> Result<u64, Trouble> {
        let stream =
            TcpStream::connect((Ipv4Addr::LOCALHOST, relay)).doing("connect to a relay")?;
        stream
            .set_write_timeout(Some(PATIENCE))
            .doing("set a time limit")?;
        let until = Instant::now() + length;
        let (mut offset, mut sent) = (0, 0);
        while Instant::now() < until {
            let now = sendfile(&stream, self.pattern.file(), Some(&mut offset), STEP)
                .doing("send through a relay")?;
            sent += now as u64;
            offset %= PERIOD as u64;
        }
        shutdown(&stream, Shutdown::Write).doing("finish sending")?;
        Ok(sent)
    }

    fn receive(&self) -> Result<u64, Trouble> {
        let stream = self.accept()?;
        stream
            .set_read_timeout(Some(PATIENCE))
            .doing("set a time limit")?;
        let mut chunk = vec![0; STEP];
        let mut place = 0_u64;
        loop {
            let within = usize::try_from(place % STEP as u64).unwrap_or(0);
            let (most, flags) = if within < CHECKED {
                (CHECKED - within, RecvFlags::empty())
            } else {
                (STEP - within, RecvFlags::TRUNC)
            };
            let (_, received) =
                recv(&stream, &mut chunk[..most], flags).doing("receive from a relay")?;
            if received == 0 {
                return Ok(place);
            }
            if within < CHECKED && !self.pattern.holds(place, &chunk[..received]) {
                let what = format!("passed on other bytes than it received, near byte {place}");
                return Err(Trouble::wrong("the relay", what));
            }
            place += received as u64;
        }
    }

    fn accept(&self) -> Result<TcpStream, Trouble> {
        let mut waited_for = [PollFd::new(&self.listener, PollFlags::IN)];
        let within = Timespec::try_from(PATIENCE).unwrap_or_default();
        if poll(&mut waited_for, Some(&within)).doing("wait for a relay")? == 0 {
            return Err(Trouble::wrong("the relay", "does not call its destination"));
        }
        let (stream, _) = self.listener.accept().doing("accept a relay")?;
        Ok(stream)
    }
}
