//! One call as it was made, for observers that want calls.

use std::fmt;
use std::os::fd::{AsRawFd, RawFd};

use super::Identity;
use crate::call::{Call, Errno};

/// One call of the diagram, as it was made; only for observers that want calls.
#[derive(Clone, Copy)]
pub struct Called<'a> {
    /// Which call.
    pub call: Call,
    /// The descriptor it was made on; `None` where there is none yet.
    pub descriptor: Option<RawFd>,
    /// Its other arguments as text, as a manual page names them.
    pub arguments: fmt::Arguments<'a>,
    /// What it returned.
    pub result: Result<u64, Errno>,
    /// The connection it belongs to, once there is one.
    pub connection: Option<&'a Identity>,
}

impl<'a> Called<'a> {
    /// A call on `fd`.
    pub fn on(
        call: Call,
        fd: &impl AsRawFd,
        arguments: fmt::Arguments<'a>,
        result: Result<u64, Errno>,
    ) -> Self {
        Self {
            call,
            descriptor: Some(fd.as_raw_fd()),
            arguments,
            result,
            connection: None,
        }
    }

    /// The same, of a connection.
    #[must_use]
    pub fn of(mut self, connection: &'a Identity) -> Self {
        self.connection = Some(connection);
        self
    }
}

impl fmt::Debug for Called<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// `bind(3, 127.0.0.1:8080) = 0`, in the manner of strace.
impl fmt::Display for Called<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let arguments = self.arguments.to_string();
        write!(f, "{}(", self.call)?;
        match self.descriptor {
            Some(fd) if arguments.is_empty() => write!(f, "{fd}")?,
            Some(fd) => write!(f, "{fd}, {arguments}")?,
            None => f.write_str(&arguments)?,
        }
        match self.result {
            Ok(value) => write!(f, ") = {value}"),
            Err(errno) => write!(f, ") = -1 {}", crate::call::Code::Errno(errno)),
        }
    }
}
