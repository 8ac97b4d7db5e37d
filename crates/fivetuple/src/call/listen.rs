//! Why a listen fails.

use super::{
    Advice, Call, CallError, Cause, Code, Errno, Fact, PortInUse, PortsExhausted, Resource,
};
use crate::address::SocketName;

/// A listen that failed.
pub type ListenError = CallError<ListenCause>;

/// Why a listen failed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ListenCause {
    /// Another socket listens on the port; both had been bound with `SO_REUSEADDR` (EADDRINUSE).
    PortInUse(Box<PortInUse>),
    /// The socket was not bound, and no port is left to choose (EADDRINUSE).
    PortsExhausted(PortsExhausted),
    /// A rule of the system forbids it (EACCES, EPERM).
    NotPermitted,
    /// The socket is connected (EINVAL), or of a kind that cannot listen (EOPNOTSUPP).
    CannotListen,
    /// Something has run out.
    Resource(Resource),
    /// Nothing more is known than the code.
    Other,
}

impl ListenError {
    /// A listen by a socket bound to this address gave this errno: finds out why.
    pub fn new(local: impl Into<SocketName>, errno: Errno) -> Self {
        let local = local.into();
        let cause = match (errno, local.inet()) {
            (Errno::ADDRINUSE, Some(local)) if local.port() == 0 => {
                ListenCause::PortsExhausted(PortsExhausted::now())
            }
            (Errno::ADDRINUSE, Some(local)) => {
                ListenCause::PortInUse(Box::new(PortInUse::of_listen(local)))
            }
            (errno, _) => Self::other(errno),
        };
        Self {
            call: Call::Listen,
            subject: (&local).into(),
            code: Code::Errno(errno),
            cause,
        }
    }

    fn other(errno: Errno) -> ListenCause {
        match errno {
            Errno::ACCESS | Errno::PERM => ListenCause::NotPermitted,
            Errno::INVAL | Errno::OPNOTSUPP => ListenCause::CannotListen,
            errno => Resource::missing(errno).map_or(ListenCause::Other, ListenCause::Resource),
        }
    }
}

impl Cause for ListenCause {
    fn facts(&self) -> Vec<Fact> {
        match self {
            Self::PortInUse(cause) => cause.facts(),
            Self::PortsExhausted(cause) => cause.facts(),
            Self::Resource(cause) => cause.facts(),
            Self::NotPermitted => vec![Fact::ForbiddenByRule],
            Self::CannotListen => vec![Fact::CannotListen],
            Self::Other => Vec::new(),
        }
    }

    fn advice(&self) -> Vec<Advice> {
        match self {
            Self::PortInUse(cause) => cause.advice(),
            Self::PortsExhausted(cause) => cause.advice(),
            Self::Resource(cause) => cause.advice(),
            Self::NotPermitted => vec![Advice::CheckSecurityRules],
            Self::CannotListen | Self::Other => Vec::new(),
        }
    }
}
