//! Tells a service manager how we are (sd_notify(3), `Type=notify`).

use std::ffi::OsStr;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

/// How long a manager that does not read is waited for.
const SEND_WAIT: Duration = Duration::from_secs(2);

/// Where to tell it, if somebody wants to hear.
#[derive(Debug)]
pub(super) struct Notice(Option<(UnixDatagram, SocketAddr)>);

impl Notice {
    /// `socket` is `NOTIFY_SOCKET`: a path, or `@` and an abstract name.
    pub(super) fn new(socket: Option<&OsStr>) -> Self {
        let address = |socket: &OsStr| match socket.as_bytes() {
            [b'@', name @ ..] => SocketAddr::from_abstract_name(name),
            _ => SocketAddr::from_pathname(socket),
        };
        let opened = socket.and_then(|socket| {
            let told = UnixDatagram::unbound().ok()?;
            // A manager that is busy is waited for, as sd_notify does: it ends who is never ready.
            told.set_write_timeout(Some(SEND_WAIT)).ok()?;
            Some((told, address(socket).ok()?))
        });
        Self(opened)
    }

    /// Clients can come now.
    pub(super) fn ready(&self) {
        self.tell("READY=1");
    }

    /// No more clients are accepted; those that are here may finish.
    pub(super) fn stopping(&self) {
        self.tell("STOPPING=1");
    }

    fn tell(&self, state: &str) {
        if let Some((socket, address)) = &self.0 {
            // Nobody hears it, then; the clients are served all the same.
            let _ = socket.send_to_addr(state.as_bytes(), address);
        }
    }
}
