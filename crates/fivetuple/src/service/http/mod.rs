//! The http service: the files of a folder over HTTP/1.1, on our accepted connections.
//!
//! HTTP itself is hyper's, ranges and conditions of files are tower-http's. Ours is what lies
//! below and around: [`carrier`] brings hyper's bytes over the counted data path of a
//! [`Connection`], [`talk`] holds the deadlines, the drain and the end of one connection,
//! [`folder`] lets no path lead out of the folder, [`site`] says what a request gets.

mod carrier;
mod folder;
mod head;
mod listing;
mod page;
mod path;
mod range;
mod site;
mod status;
mod talk;

use std::future::Future;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::call::Errno;
use crate::close::Closed;
use crate::connection::Connection;
use crate::service::Service;
use crate::transfer::Terms;
use folder::Folder;
use site::Site;
use talk::Talk;

/// Longest head of a request, its request line included.
pub(crate) const HEAD_MAX: usize = 16 * 1024;

/// How HTTP is spoken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpOptions {
    /// A page at [`Http::STATUS_PATH`] shows the very connection and request that asked for it.
    pub status: bool,
    /// Longest time for the head of a request, from its first byte.
    pub head_deadline: Duration,
    /// Longest time that a connection waits for its next request without a byte.
    pub keep_alive: Duration,
    /// Longest time without a byte while an answer is being sent.
    pub stall: Duration,
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self {
            status: false,
            head_deadline: Duration::from_secs(10),
            keep_alive: Duration::from_secs(60),
            stall: Duration::from_secs(300),
        }
    }
}

/// Serves the files of a folder.
///
/// Hidden files are not served, nothing outside the folder is, whatever a path or a symbolic link
/// says, and neither is anything that is no plain file.
#[derive(Debug)]
pub struct Http {
    site: Arc<Site>,
    options: HttpOptions,
    draining: watch::Sender<bool>,
}

impl Http {
    /// Where the status page is. No file can have this path: hidden files are not served.
    pub const STATUS_PATH: &'static str = "/.ft";

    /// Opens the folder; it stays the same folder, even if it is renamed.
    ///
    /// # Errors
    ///
    /// Of `openat2`: ENOENT, ENOTDIR, EACCES; ENOSYS before Linux 5.6.
    pub fn open(folder: &Path, options: HttpOptions) -> Result<Self, Errno> {
        let site = Site {
            folder: Folder::open(folder)?,
            status: options.status,
        };
        Ok(Self {
            site: Arc::new(site),
            options,
            draining: watch::Sender::new(false),
        })
    }
}

impl Service for Http {
    fn serve(
        &self,
        connection: Connection,
        terms: &Arc<Terms>,
    ) -> impl Future<Output = Closed> + Send + 'static {
        let draining = self.draining.subscribe();
        Talk::new(connection, &self.site, &self.options, terms).until_closed(draining)
    }

    /// The socket, and at most two for an answer: the folder of a list, and what is in it one by
    /// one.
    fn descriptors(&self) -> u64 {
        3
    }

    fn drain(&self) {
        self.draining.send_replace(true);
    }
}
