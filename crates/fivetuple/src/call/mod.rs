//! The calls of the diagram by name, one error per call, and what is known about each error.
//!
//! Before this module: [`crate::kernel`], which finds the facts. After it: every phase, which
//! makes calls and returns their errors.

mod error;
mod fact;
mod advice;
mod socket;
mod bind;
mod listen;
mod accept;
mod connect;
mod resolve;
mod data;
mod exec;
mod file;
mod holder;
mod path;
mod resource;
mod errno;
mod visible;

use std::fmt;

pub use rustix::io::Errno;

pub use accept::{AcceptCause, AcceptError};
pub use advice::Advice;
pub use bind::{BindCause, BindError};
pub use connect::{AcceptQueue, ConnectCause, ConnectError, Refused};
pub use data::{
    CloseCause, CloseError, ReceiveCause, ReceiveError, SendCause, SendError, ShutdownCause,
    ShutdownError,
};
pub use errno::{name, text};
pub use error::{CallError, Cause, Code, Explained, Subject, describe};
pub use exec::{ExecCause, ExecError, ProgramAdvice, ProgramFact};
pub use fact::Fact;
pub use file::{FileAdvice, FileCause, FileError, FileFact};
pub use holder::{HOLDERS_MAX, Holder, Overlap, PortInUse, TimeWait, Who};
pub use listen::{ListenCause, ListenError};
pub use path::PathCause;
pub use resolve::{RESOLVERS_MAX, ResolveCause, ResolveError};
pub use resource::{PortsExhausted, Resource};
pub use socket::{SetOptionCause, SetOptionError, SocketCause, SocketError};
pub use visible::{Filter, Visible};

/// One system call (or library function) of the diagram, by its manual name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Call {
    /// `getaddrinfo`: a name becomes addresses.
    Resolve,
    /// `socket`: an empty endpoint.
    Socket,
    /// `setsockopt`: one option of a socket.
    SetOption,
    /// `bind`: the endpoint gets its local address and port.
    Bind,
    /// `listen`: the socket waits for clients and never carries data.
    Listen,
    /// `accept`: a new socket for one client.
    Accept,
    /// `connect`: the active open.
    Connect,
    /// `send`: bytes to the peer.
    Send,
    /// `recv`: bytes from the peer.
    Receive,
    /// `splice`: bytes from socket to pipe or from pipe to socket, without a copy.
    Splice,
    /// `sendfile`: bytes of a file to the peer, without a copy.
    SendFile,
    /// `shutdown`: half-close, our direction ends.
    Shutdown,
    /// `close`: the socket is released.
    Close,
    /// `openat`: a file to send or to receive into.
    Open,
    /// `pread`: bytes of a file.
    Read,
    /// `write`: bytes into a file.
    Write,
    /// `fsync`: what was written is on the disk.
    Sync,
    /// `renameat2`: a complete file gets its name.
    Rename,
    /// `execve`: a program is started that talks to the peer.
    Exec,
}

impl Call {
    /// The name in section 2 or 3 of the manual.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Resolve => "getaddrinfo",
            Self::Socket => "socket",
            Self::SetOption => "setsockopt",
            Self::Bind => "bind",
            Self::Listen => "listen",
            Self::Accept => "accept",
            Self::Connect => "connect",
            Self::Send => "send",
            Self::Receive => "recv",
            Self::Splice => "splice",
            Self::SendFile => "sendfile",
            Self::Shutdown => "shutdown",
            Self::Close => "close",
            Self::Open => "open",
            Self::Read => "read",
            Self::Write => "write",
            Self::Sync => "fsync",
            Self::Rename => "rename",
            Self::Exec => "exec",
        }
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
