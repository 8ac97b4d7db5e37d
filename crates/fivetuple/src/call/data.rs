//! Why bytes cannot be sent or received, and why a connection cannot be half-closed or closed.

use super::{Advice, Call, CallError, Cause, Code, Errno, Fact, Resource, Subject};

/// A send that failed.
pub type SendError = CallError<SendCause>;

/// A receive that failed.
pub type ReceiveError = CallError<ReceiveCause>;

/// A half-close that failed.
pub type ShutdownError = CallError<ShutdownCause>;

/// A close that failed.
pub type CloseError = CallError<CloseCause>;

/// Why a send failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SendCause {
    /// An RST came (ECONNRESET): what the peer had not acknowledged is lost.
    Reset,
    /// Our direction had ended before: by an RST that was told already, or by us (EPIPE).
    Ended,
    /// The peer acknowledged nothing for too long (ETIMEDOUT).
    TimedOut,
    /// No way leads to the peer any more (EHOSTUNREACH, ENETUNREACH, ENETDOWN).
    Unreachable,
    /// The connection was aborted by this machine (ECONNABORTED).
    Aborted,
    /// A firewall rule forbids it (EPERM).
    NotPermitted,
    /// The socket has no peer (ENOTCONN, EDESTADDRREQ).
    NotConnected,
    /// An earlier datagram reached nobody (ECONNREFUSED).
    Refused,
    /// Longer than a datagram may be (EMSGSIZE).
    TooLong,
    /// Something has run out.
    Resource(Resource),
    /// Nothing more is known than the code.
    Other,
}

/// Why a receive failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReceiveCause {
    /// An RST came (ECONNRESET): more may have been on its way.
    Reset,
    /// The peer gave no sign of life for too long (ETIMEDOUT).
    TimedOut,
    /// No way leads to the peer any more (EHOSTUNREACH, ENETUNREACH, ENETDOWN).
    Unreachable,
    /// The connection was aborted by this machine (ECONNABORTED).
    Aborted,
    /// The socket has no peer (ENOTCONN).
    NotConnected,
    /// A datagram that was sent reached nobody (ECONNREFUSED).
    Refused,
    /// Something has run out.
    Resource(Resource),
    /// Nothing more is known than the code.
    Other,
}

/// Why a half-close failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ShutdownCause {
    /// The connection has ended already, by an RST or by both sides (ENOTCONN).
    NotConnected,
    /// Nothing more is known than the code.
    Other,
}

/// Why a close failed. The descriptor is released all the same (close(2)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CloseCause {
    /// Nothing more is known than the code.
    Other,
}

impl SendError {
    /// A send on this connection gave this errno.
    pub fn new(connection: impl Into<Subject>, errno: Errno) -> Self {
        let cause = match errno {
            Errno::CONNRESET => SendCause::Reset,
            Errno::PIPE => SendCause::Ended,
            Errno::TIMEDOUT => SendCause::TimedOut,
            Errno::HOSTUNREACH | Errno::NETUNREACH | Errno::NETDOWN => SendCause::Unreachable,
            Errno::CONNABORTED => SendCause::Aborted,
            Errno::PERM => SendCause::NotPermitted,
            Errno::NOTCONN | Errno::DESTADDRREQ => SendCause::NotConnected,
            Errno::CONNREFUSED => SendCause::Refused,
            Errno::MSGSIZE => SendCause::TooLong,
            errno => Resource::missing(errno).map_or(SendCause::Other, SendCause::Resource),
        };
        Self {
            call: Call::Send,
            subject: connection.into(),
            code: Code::Errno(errno),
            cause,
        }
    }
}

impl ReceiveError {
    /// A receive on this connection gave this errno.
    pub fn new(connection: impl Into<Subject>, errno: Errno) -> Self {
        let cause = match errno {
            Errno::CONNRESET => ReceiveCause::Reset,
            Errno::TIMEDOUT => ReceiveCause::TimedOut,
            Errno::HOSTUNREACH | Errno::NETUNREACH | Errno::NETDOWN => ReceiveCause::Unreachable,
            Errno::CONNABORTED => ReceiveCause::Aborted,
            Errno::NOTCONN => ReceiveCause::NotConnected,
            Errno::CONNREFUSED => ReceiveCause::Refused,
            errno => Resource::missing(errno).map_or(ReceiveCause::Other, ReceiveCause::Resource),
        };
        Self {
            call: Call::Receive,
            subject: connection.into(),
            code: Code::Errno(errno),
            cause,
        }
    }
}

impl ShutdownError {
    /// A shutdown of this connection gave this errno.
    pub fn new(connection: impl Into<Subject>, errno: Errno) -> Self {
        let cause = match errno {
            Errno::NOTCONN => ShutdownCause::NotConnected,
            _ => ShutdownCause::Other,
        };
        Self {
            call: Call::Shutdown,
            subject: connection.into(),
            code: Code::Errno(errno),
            cause,
        }
    }
}

impl CloseError {
    /// Closing this connection gave this errno.
    pub fn new(connection: impl Into<Subject>, errno: Errno) -> Self {
        let (code, cause) = (Code::Errno(errno), CloseCause::Other);
        Self {
            call: Call::Close,
            subject: connection.into(),
            code,
            cause,
        }
    }
}

impl Cause for SendCause {
    fn facts(&self) -> Vec<Fact> {
        match self {
            Self::Reset => vec![Fact::ResetByPeer],
            Self::Ended => vec![Fact::SendingHadEnded],
            Self::TimedOut => vec![Fact::NothingAcknowledged],
            Self::Unreachable => vec![Fact::WayLost],
            Self::Aborted => vec![Fact::AbortedHere],
            Self::NotPermitted => vec![Fact::ForbiddenByFirewall],
            Self::NotConnected => vec![Fact::NotConnected],
            Self::Refused => vec![Fact::PortUnreachable],
            Self::TooLong => vec![Fact::DatagramTooLong],
            Self::Resource(cause) => cause.facts(),
            Self::Other => Vec::new(),
        }
    }

    fn advice(&self) -> Vec<Advice> {
        match self {
            Self::Reset | Self::Ended | Self::Refused => vec![Advice::LookAtPeer],
            Self::TimedOut | Self::Unreachable => vec![Advice::CheckNetwork],
            Self::NotPermitted => vec![Advice::CheckFirewall],
            Self::Resource(cause) => cause.advice(),
            Self::Aborted | Self::NotConnected | Self::TooLong | Self::Other => Vec::new(),
        }
    }
}

impl Cause for ReceiveCause {
    fn facts(&self) -> Vec<Fact> {
        match self {
            Self::Reset => vec![Fact::ResetByPeer],
            Self::TimedOut => vec![Fact::NothingAcknowledged],
            Self::Unreachable => vec![Fact::WayLost],
            Self::Aborted => vec![Fact::AbortedHere],
            Self::NotConnected => vec![Fact::NotConnected],
            Self::Refused => vec![Fact::PortUnreachable],
            Self::Resource(cause) => cause.facts(),
            Self::Other => Vec::new(),
        }
    }

    fn advice(&self) -> Vec<Advice> {
        match self {
            Self::Reset | Self::Refused => vec![Advice::LookAtPeer],
            Self::TimedOut | Self::Unreachable => vec![Advice::CheckNetwork],
            Self::Resource(cause) => cause.advice(),
            Self::Aborted | Self::NotConnected | Self::Other => Vec::new(),
        }
    }
}

impl Cause for ShutdownCause {
    fn facts(&self) -> Vec<Fact> {
        match self {
            Self::NotConnected => vec![Fact::NotConnected],
            Self::Other => Vec::new(),
        }
    }

    fn advice(&self) -> Vec<Advice> {
        Vec::new()
    }
}

impl Cause for CloseCause {
    fn facts(&self) -> Vec<Fact> {
        Vec::new()
    }

    fn advice(&self) -> Vec<Advice> {
        Vec::new()
    }
}
