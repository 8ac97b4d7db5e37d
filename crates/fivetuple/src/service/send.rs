//! The send service: each client gets a file, then our end of the stream.
//!
//! The file is opened once for each client, and what is sent is what it had then: so many bytes.
//! What is appended meanwhile is not sent; a file that becomes shorter, or cannot be read, fails
//! the connection by RST, so that no client takes a part for the whole. A file that is replaced by
//! rename is sent as it was; one that is changed in place is sent as it is when its bytes leave the
//! machine, and [`Sent::changed`] says so.
//!
//! The kernel sends the pages of the file by itself (sendfile(2)). Where it does not, or somebody
//! wants the bytes (a digest, a dump), they are read into the buffer of the thread and sent from it.
//! Either happens on the threads of the event loop. What comes from a local disk costs little there;
//! a file system that hangs (NFS, FUSE) holds up a thread for each of its clients, and with as many
//! clients as threads everything.

use std::fs::{File, FileType, Metadata};
use std::future::Future;
use std::io;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};
use std::time::SystemTime;

use rustix::fs::{Mode, OFlags};

use super::digest::{Digest, Digesting};
use crate::call::{Call, Errno, FileError};
use crate::close::{Close, Closed};
use crate::connection::Connection;
use crate::event::{Event, Identity, Observers};
use crate::service::Service;
use crate::transfer::{Exchange, Intake, Outgoing, SCRATCH, Supply, Terms, Transfer, with_scratch};

/// Sends a regular file to each client and throws away what it receives. The file should be on a
/// disk that does not hang: it is read on the threads of the event loop.
#[derive(Clone)]
pub struct SendFile {
    path: Arc<Path>,
    from: u64,
    digest: bool,
    tell: Tell,
}

/// Bytes that the kernel is told to send at once. More would keep others waiting.
const AT_ONCE: usize = 1024 * 1024;

type Tell = Arc<dyn Fn(&Sent<'_>) + Send + Sync>;

/// What one client got of the file, when its connection is over.
#[derive(Clone, Debug)]
pub struct Sent<'a> {
    /// Whose it is.
    pub identity: &'a Identity,
    /// How the connection ended; `None` if it was cut.
    pub closed: Option<&'a Closed>,
    /// All of the file went, in order, and is acknowledged.
    pub complete: bool,
    /// Of the bytes that went, if all of them did and it was asked for.
    pub digest: Option<Digest>,
    /// Somebody wrote to the file while it was sent.
    pub changed: bool,
}

impl SendFile {
    /// Sends this file from this byte on. `tell` hears of each client whose connection is over;
    /// it must not block.
    pub fn new(path: &Path, from: u64, tell: impl Fn(&Sent<'_>) + Send + Sync + 'static) -> Self {
        Self {
            path: path.into(),
            from,
            digest: false,
            tell: Arc::new(tell),
        }
    }

    /// Digests what is sent, for each client.
    #[must_use]
    pub fn with_digest(mut self, digest: bool) -> Self {
        self.digest = digest;
        self
    }

    /// How many bytes a client would get now.
    ///
    /// # Errors
    ///
    /// [`FileError`]: why it would get none.
    pub fn size(&self) -> Result<u64, FileError> {
        open(&self.path, self.from).map(|file| file.size - self.from)
    }
}

impl Service for SendFile {
    fn serve(
        &self,
        connection: Connection,
        terms: &Arc<Terms>,
    ) -> impl Future<Output = Closed> + Send + 'static {
        let whole = Arc::new(OnceLock::new());
        let exchange = SendExchange {
            identity: connection.identity().clone(),
            observers: connection.observers().clone(),
            path: Arc::clone(&self.path),
            file: open(&self.path, self.from),
            at: self.from,
            digesting: self.digest.then(Digesting::default),
            copies: self.digest,
            whole: Arc::clone(&whole),
            failed: false,
        };
        let telling = Telling {
            tell: Arc::clone(&self.tell),
            identity: exchange.identity.clone(),
            whole,
            closed: None,
        };
        let transfer = Transfer::new(connection, exchange, terms);
        async move {
            let closed = transfer.await;
            telling.over(&closed);
            closed
        }
    }

    fn descriptors(&self) -> u64 {
        2
    }
}

/// Tells of one client when its connection is over, however that came.
struct Telling {
    tell: Tell,
    identity: Identity,
    whole: Arc<OnceLock<Whole>>,
    closed: Option<Closed>,
}

impl Telling {
    /// The connection has closed; one that is cut never comes here.
    fn over(mut self, closed: &Closed) {
        self.closed = Some(closed.clone());
    }
}

impl Drop for Telling {
    fn drop(&mut self) {
        let (whole, closed) = (self.whole.get(), self.closed.as_ref());
        (self.tell)(&Sent {
            identity: &self.identity,
            closed,
            complete: whole.is_some() && closed.is_some_and(Closed::is_complete),
            digest: whole.and_then(|whole| whole.digest),
            changed: whole.is_some_and(|whole| whole.changed),
        });
    }
}

/// All of it went.
#[derive(Clone, Copy, Debug)]
struct Whole {
    digest: Option<Digest>,
    changed: bool,
}

#[derive(Debug)]
struct SendExchange {
    identity: Identity,
    observers: Observers,
    path: Arc<Path>,
    file: Result<Open, FileError>,
    /// The next byte.
    at: u64,
    digesting: Option<Digesting>,
    /// The bytes go through our memory.
    copies: bool,
    whole: Arc<OnceLock<Whole>>,
    /// The failure of the file was told.
    failed: bool,
}

impl SendExchange {
    /// What there is to send next, or that it is the end.
    fn poll_next(&mut self, cx: &mut Context<'_>, out: &mut Outgoing<'_>) -> Poll<Supply> {
        let Ok(open) = &self.file else {
            return Poll::Pending;
        };
        let left = open.size.saturating_sub(self.at);
        if left == 0 {
            let whole = Whole {
                digest: self.digesting.as_ref().map(Digesting::digest),
                changed: open.is_changed(),
            };
            // Set once: nothing is asked for after the end.
            let _ = self.whole.set(whole);
            return Poll::Ready(Supply::Ended);
        }
        let most = usize::try_from(left).unwrap_or(usize::MAX);
        if !self.copies {
            match ready!(out.poll_send_file(cx, (&open.file, Some(self.at), most.min(AT_ONCE)))) {
                Some(0) => return self.failed_to_read(None),
                Some(sent) => {
                    self.at += sent as u64;
                    return Poll::Ready(Supply::More);
                }
                // It would not be done the next time either.
                None => self.copies = true,
            }
        }
        self.poll_copy(cx, out, most)
    }

    /// Bytes of the file through the buffer of the thread. What the kernel does not take is read
    /// again.
    fn poll_copy(
        &mut self,
        cx: &mut Context<'_>,
        out: &mut Outgoing<'_>,
        most: usize,
    ) -> Poll<Supply> {
        let Ok(open) = &self.file else {
            return Poll::Pending;
        };
        let (at, digesting) = (self.at, self.digesting.as_mut());
        let moved = with_scratch(|scratch| {
            let most = most.min(scratch.len());
            let buffer = scratch.get_mut(..most).unwrap_or_default();
            match read(&open.file, buffer, at) {
                Ok(0) => Err(None),
                Ok(count) => {
                    let bytes = buffer.get(..count).unwrap_or_default();
                    Ok(out.poll_send(cx, bytes).map(|sent| {
                        if let Some(digesting) = digesting {
                            digesting.push(bytes.get(..sent).unwrap_or_default());
                        }
                        sent
                    }))
                }
                Err(errno) => Err(Some(errno)),
            }
        });
        match moved {
            Ok(sent) => {
                self.at += ready!(sent) as u64;
                Poll::Ready(Supply::More)
            }
            Err(errno) => self.failed_to_read(errno),
        }
    }

    /// The file cannot be read, or has become shorter.
    fn failed_to_read(&mut self, errno: Option<Errno>) -> Poll<Supply> {
        if let Ok(open) = &self.file {
            self.file = Err(match errno {
                Some(errno) => FileError::new(Call::Read, &self.path, errno),
                None => FileError::shrunk(&self.path, (open.size, open.size_now())),
            });
        }
        Poll::Pending
    }
}

impl Exchange for SendExchange {
    fn received(&mut self, _bytes: &[u8], _reply: &mut Outgoing<'_>) {}

    fn intake(&self) -> Intake<'_> {
        Intake::Nothing
    }

    fn poll_room(&mut self, _cx: &mut Context<'_>, _unsent: usize) -> Poll<Result<usize, Close>> {
        Poll::Ready(Ok(SCRATCH))
    }

    fn poll_supply(&mut self, cx: &mut Context<'_>, out: &mut Outgoing<'_>) -> Poll<Supply> {
        self.poll_next(cx, out)
    }

    fn poll_delivered(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Close>> {
        let Err(error) = &self.file else {
            return Poll::Ready(Ok(()));
        };
        if !self.failed {
            self.failed = true;
            self.observers.emit(&Event::Failed {
                connection: Some(&self.identity),
                local: None,
                error,
            });
        }
        Poll::Ready(Err(Close::Fail))
    }
}

/// A file as one client gets it.
#[derive(Debug)]
struct Open {
    file: File,
    size: u64,
    modified: Option<SystemTime>,
}

impl Open {
    fn is_changed(&self) -> bool {
        let now = self.file.metadata();
        now.is_ok_and(|now| now.modified().ok() != self.modified)
    }

    fn size_now(&self) -> u64 {
        self.file.metadata().map_or(0, |now| now.len())
    }
}

fn open(path: &Path, from: u64) -> Result<Open, FileError> {
    let failed = |error: io::Error| {
        let errno = Errno::from_io_error(&error).unwrap_or(Errno::IO);
        FileError::new(Call::Open, path, errno)
    };
    // Looked at before it is opened: to open a pipe or a device may do something to it.
    regular(path, &std::fs::metadata(path).map_err(failed)?)?;
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = rustix::fs::open(path, flags, Mode::empty())
        .map(File::from)
        .map_err(|errno| FileError::new(Call::Open, path, errno))?;
    let metadata = file.metadata().map_err(failed)?;
    regular(path, &metadata)?;
    let size = metadata.len();
    if size == 0 && matches!(read(&file, &mut [0], 0), Ok(1)) {
        return Err(FileError::not_regular(
            path,
            "made by the kernel as it is read",
        ));
    }
    if from > size {
        return Err(FileError::ends_before(path, (size, from)));
    }
    Ok(Open {
        file,
        size,
        modified: metadata.modified().ok(),
    })
}

fn regular(path: &Path, metadata: &Metadata) -> Result<(), FileError> {
    let kind = metadata.file_type();
    if kind.is_file() {
        Ok(())
    } else if kind.is_dir() {
        Err(FileError::new(Call::Open, path, Errno::ISDIR))
    } else {
        Err(FileError::not_regular(path, name_of(kind)))
    }
}

fn name_of(kind: FileType) -> &'static str {
    if kind.is_fifo() {
        "a pipe"
    } else if kind.is_socket() {
        "a socket"
    } else {
        "a device"
    }
}

fn read(file: &File, buffer: &mut [u8], at: u64) -> Result<usize, Errno> {
    loop {
        match rustix::io::pread(file, &mut *buffer, at) {
            Err(Errno::INTR) => {}
            other => return other,
        }
    }
}
