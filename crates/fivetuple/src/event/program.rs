//! How a program that served a connection ended.

use std::fmt;

/// How a program ended. Displayed: `status 1`, `signal 15`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProgramEnd {
    /// By itself, with this status; 0 is well.
    Status(i32),
    /// By this signal.
    Signal(i32),
    /// Somebody else has reaped it and knows.
    Unknown,
}

impl fmt::Display for ProgramEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => write!(f, "status {status}"),
            Self::Signal(signal) => write!(f, "signal {signal}"),
            Self::Unknown => f.write_str("an unknown status"),
        }
    }
}
