//! The folder that is served. Every path is resolved by the kernel below the folder's descriptor
//! (`openat2`, `RESOLVE_BENEATH`), so no path and no symbolic link leads out of it, not even one
//! that is changed at the same moment.

use std::fs::File;
use std::future::Future;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime};

use hyper::StatusCode;
use rustix::fs::{Mode, OFlags, ResolveFlags};
use tokio::io::{AsyncRead, AsyncSeek, ReadBuf};
use tower_http::services::fs;

use super::site::status_of;
use crate::call::Errno;

/// How often a path is resolved anew whose parts were renamed meanwhile.
const TRIES: usize = 8;
/// A date of HTTP has four digits for its year: the seconds from 1970 to the end of 9999.
const DATES: Duration = Duration::from_secs(253_402_300_800);

/// The descriptor of the folder.
#[derive(Clone, Debug)]
pub(super) struct Folder(Arc<OwnedFd>);

/// What is at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    File {
        length: u64,
    },
    Folder {
        /// The length of the page of its own, if it has one.
        index: Option<u64>,
    },
}

impl Folder {
    pub(super) fn open(path: &Path) -> Result<Self, Errno> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let folder = Self(Arc::new(rustix::fs::open(path, flags, Mode::empty())?));
        // So that an old kernel is found out now.
        folder.open_beneath(Path::new("."), OFlags::PATH)?;
        Ok(folder)
    }

    pub(super) fn open_beneath(&self, path: &Path, flags: OFlags) -> Result<OwnedFd, Errno> {
        let flags = flags | OFlags::CLOEXEC;
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
        let mut tries = 1;
        loop {
            match rustix::fs::openat2(&*self.0, path, flags, Mode::empty(), resolve) {
                Err(Errno::AGAIN | Errno::INTR) if tries < TRIES => tries += 1,
                other => return other,
            }
        }
    }

    pub(super) fn metadata_beneath(&self, path: &Path) -> io::Result<std::fs::Metadata> {
        let fd = self.open_beneath(path, OFlags::PATH)?;
        File::from(fd).metadata()
    }

    /// The same, and `None` where a request would be told that nothing is there, or nothing for
    /// it. Whatever else fails, descriptors that are short for one, says nothing about the path.
    pub(super) fn metadata_where_served(
        &self,
        path: &Path,
    ) -> io::Result<Option<std::fs::Metadata>> {
        match self.metadata_beneath(path) {
            Ok(metadata) => Ok(Some(metadata)),
            Err(error) => match status_of(&error) {
                StatusCode::NOT_FOUND | StatusCode::FORBIDDEN => Ok(None),
                _ => Err(error),
            },
        }
    }

    /// Looks without opening anything: to open a pipe or a device may wait or do something.
    pub(super) fn look(&self, path: &Path) -> io::Result<Found> {
        let metadata = self.metadata_beneath(path)?;
        if metadata.is_dir() {
            let index = self.metadata_where_served(&path.join("index.html"))?;
            let index = index.filter(std::fs::Metadata::is_file);
            let index = index.map(|index| index.len());
            return Ok(Found::Folder { index });
        }
        let length = metadata.len();
        match metadata.is_file() {
            true => Ok(Found::File { length }),
            false => Err(Errno::NOENT.into()),
        }
    }

    fn open_file(&self, path: &Path) -> io::Result<Opened> {
        // Should it be a pipe by now, this does not wait for its writer.
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY;
        let file = File::from(self.open_beneath(path, flags)?);
        if !file.metadata()?.is_file() {
            return Err(Errno::NOENT.into());
        }
        Ok(Opened(tokio::fs::File::from_std(file)))
    }
}

/// Runs what may wait for a disk on a thread that may wait.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(io::Error::other(error)),
    }
}

type Later<T> = Pin<Box<dyn Future<Output = io::Result<T>> + Send>>;

impl fs::Backend for Folder {
    type File = Opened;
    type Metadata = Metadata;
    type OpenFuture = Later<Opened>;
    type MetadataFuture = Later<Metadata>;

    fn open(&self, path: PathBuf) -> Self::OpenFuture {
        let folder = self.clone();
        Box::pin(blocking(move || folder.open_file(&path)))
    }

    fn metadata(&self, path: PathBuf) -> Self::MetadataFuture {
        let folder = self.clone();
        Box::pin(blocking(move || {
            folder.metadata_beneath(&path).map(Metadata)
        }))
    }
}

/// What is known of a file. A date that HTTP cannot write is not known.
#[derive(Debug)]
pub(super) struct Metadata(std::fs::Metadata);

impl fs::Metadata for Metadata {
    fn is_dir(&self) -> bool {
        self.0.is_dir()
    }

    fn modified(&self) -> io::Result<SystemTime> {
        let modified = self.0.modified()?;
        match modified.duration_since(SystemTime::UNIX_EPOCH) {
            Ok(since) if since < DATES => Ok(modified),
            _ => Err(Errno::RANGE.into()),
        }
    }

    fn len(&self) -> u64 {
        self.0.len()
    }
}

/// A plain file below the folder.
#[derive(Debug)]
pub(super) struct Opened(tokio::fs::File);

impl fs::File for Opened {
    type Metadata = Metadata;
    type MetadataFuture<'a> = Pin<Box<dyn Future<Output = io::Result<Metadata>> + Send + 'a>>;

    fn metadata(&self) -> Self::MetadataFuture<'_> {
        Box::pin(async move { self.0.metadata().await.map(Metadata) })
    }
}

impl AsyncRead for Opened {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buffer)
    }
}

impl AsyncSeek for Opened {
    fn start_seek(mut self: Pin<&mut Self>, position: io::SeekFrom) -> io::Result<()> {
        Pin::new(&mut self.0).start_seek(position)
    }

    fn poll_complete(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<u64>> {
        Pin::new(&mut self.0).poll_complete(cx)
    }
}
