//! Why an accept fails.

use super::{Advice, Call, CallError, Cause, Code, Errno, Fact, Resource, Subject};

/// An accept that failed.
pub type AcceptError = CallError<AcceptCause>;

/// Why an accept failed. The listening socket is none the worse for the first two.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AcceptCause {
    /// The client, or its network, was gone before it was accepted; the next accept is not
    /// affected (accept(2), "Error handling").
    ClientGone,
    /// Something has run out; the client waits in the queue, and the socket stays readable.
    Resource(Resource),
    /// A firewall or another rule forbids it (EPERM).
    NotPermitted,
    /// The socket does not listen (EINVAL, EOPNOTSUPP).
    NotListening,
    /// Nothing more is known than the code.
    Other,
}

impl AcceptError {
    /// An accept on this listening socket gave this errno.
    pub fn new(listening: impl Into<Subject>, errno: Errno) -> Self {
        let cause = match errno {
            Errno::CONNABORTED
            | Errno::NETDOWN
            | Errno::PROTO
            | Errno::NOPROTOOPT
            | Errno::HOSTDOWN
            | Errno::NONET
            | Errno::HOSTUNREACH
            | Errno::NETUNREACH
            | Errno::CONNRESET
            | Errno::TIMEDOUT => AcceptCause::ClientGone,
            Errno::PERM => AcceptCause::NotPermitted,
            Errno::INVAL | Errno::OPNOTSUPP => AcceptCause::NotListening,
            errno => Resource::missing(errno).map_or(AcceptCause::Other, AcceptCause::Resource),
        };
        Self {
            call: Call::Accept,
            subject: listening.into(),
            code: Code::Errno(errno),
            cause,
        }
    }
}

impl Cause for AcceptCause {
    fn facts(&self) -> Vec<Fact> {
        match self {
            Self::ClientGone => vec![Fact::ClientGone],
            Self::Resource(cause) => cause.facts(),
            Self::NotPermitted => vec![Fact::ForbiddenByRule],
            Self::NotListening => vec![Fact::NotListening],
            Self::Other => Vec::new(),
        }
    }

    fn advice(&self) -> Vec<Advice> {
        match self {
            Self::Resource(cause) => cause.advice(),
            Self::NotPermitted => vec![Advice::CheckFirewall],
            Self::ClientGone | Self::NotListening | Self::Other => Vec::new(),
        }
    }
}
