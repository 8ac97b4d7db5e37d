//! Why a socket cannot be made, or one of its options not set.

use super::{Advice, Call, CallError, Cause, Code, Errno, Fact, Resource, Subject};
use crate::address::Family;
use crate::kernel::interface;

/// A socket that could not be made.
pub type SocketError = CallError<SocketCause>;

/// An option that could not be set.
pub type SetOptionError = CallError<SetOptionCause>;

/// Why a socket could not be made.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SocketCause {
    /// The kernel has no such family (EAFNOSUPPORT): IPv6 is switched off.
    NoFamily(Family),
    /// A rule of the system forbids it (EACCES, EPERM): seccomp, a container.
    NotPermitted,
    /// Something has run out.
    Resource(Resource),
    /// Nothing more is known than the code.
    Other,
}

/// Why an option could not be set.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SetOptionCause {
    /// There is no interface of this name (ENODEV).
    NoSuchInterface {
        /// The names of the interfaces.
        interfaces: Vec<String>,
    },
    /// The option needs a privilege (EPERM, EACCES).
    NotPermitted,
    /// The kernel does not know the option (ENOPROTOOPT).
    Unknown,
    /// Something has run out.
    Resource(Resource),
    /// Nothing more is known than the code.
    Other,
}

impl SocketError {
    /// Making a socket of this family gave this errno.
    pub fn new(family: Family, errno: Errno) -> Self {
        let cause = match errno {
            Errno::AFNOSUPPORT => SocketCause::NoFamily(family),
            Errno::ACCESS | Errno::PERM => SocketCause::NotPermitted,
            errno => Resource::missing(errno).map_or(SocketCause::Other, SocketCause::Resource),
        };
        let subject = Subject::Family(family);
        Self {
            call: Call::Socket,
            subject,
            code: Code::Errno(errno),
            cause,
        }
    }
}

impl SetOptionError {
    /// Setting this option (`SO_BINDTODEVICE`) to this value gave this errno.
    pub fn new(option: &'static str, value: &str, errno: Errno) -> Self {
        let cause = match errno {
            Errno::NODEV => SetOptionCause::NoSuchInterface {
                interfaces: interface::names().unwrap_or_default(),
            },
            Errno::PERM | Errno::ACCESS => SetOptionCause::NotPermitted,
            Errno::NOPROTOOPT => SetOptionCause::Unknown,
            errno => {
                Resource::missing(errno).map_or(SetOptionCause::Other, SetOptionCause::Resource)
            }
        };
        let subject = Subject::Option(option, value.into());
        Self {
            call: Call::SetOption,
            subject,
            code: Code::Errno(errno),
            cause,
        }
    }
}

impl Cause for SocketCause {
    fn facts(&self) -> Vec<Fact> {
        match self {
            Self::NoFamily(family) => vec![Fact::NoFamily(*family)],
            Self::NotPermitted => vec![Fact::ForbiddenByRule],
            Self::Resource(cause) => cause.facts(),
            Self::Other => Vec::new(),
        }
    }

    fn advice(&self) -> Vec<Advice> {
        match self {
            Self::NoFamily(family) => vec![Advice::UseFamily(family.other())],
            Self::NotPermitted => vec![Advice::CheckSecurityRules],
            Self::Resource(cause) => cause.advice(),
            Self::Other => Vec::new(),
        }
    }
}

impl Cause for SetOptionCause {
    fn facts(&self) -> Vec<Fact> {
        match self {
            Self::NoSuchInterface { interfaces } => vec![Fact::Interfaces(interfaces.clone())],
            Self::NotPermitted => vec![Fact::OptionNeedsPrivilege],
            Self::Unknown => vec![Fact::OptionUnknown],
            Self::Resource(cause) => cause.facts(),
            Self::Other => Vec::new(),
        }
    }

    fn advice(&self) -> Vec<Advice> {
        match self {
            Self::NoSuchInterface { interfaces } => vec![Advice::NameInterface(interfaces.clone())],
            Self::Resource(cause) => cause.advice(),
            Self::NotPermitted | Self::Unknown | Self::Other => Vec::new(),
        }
    }
}
