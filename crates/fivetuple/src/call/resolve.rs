//! Why a name gives no address.

use std::fs;
use std::time::Duration;

use super::errno::{EAI_AGAIN, EAI_FAIL, EAI_NODATA, EAI_NONAME};
use super::{Advice, Call, CallError, Cause, Code, Errno, Fact, Resource, Subject};
use crate::address::Family;
use crate::kernel::resolve::LookupFailure;

/// A look-up that gave no address.
pub type ResolveError = CallError<ResolveCause>;

/// Why a look-up gave no address.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ResolveCause {
    /// There is no such name, or no address to it.
    NoSuchName,
    /// No name server answered, or one answered that it cannot now.
    NoAnswer {
        /// The name servers of `/etc/resolv.conf`, at most [`RESOLVERS_MAX`]; any text.
        resolvers: Vec<String>,
        /// How long was waited, if it was our deadline that ended the waiting.
        after: Option<Duration>,
    },
    /// The name has addresses of the other family only.
    NoAddressOfFamily(Family),
    /// The name server refused for good.
    Failed {
        /// The name servers of `/etc/resolv.conf`, at most [`RESOLVERS_MAX`]; any text.
        resolvers: Vec<String>,
    },
    /// Something has run out.
    Resource(Resource),
    /// Nothing more is known than the code.
    Other,
}

/// Name servers that are named; the library uses three.
pub const RESOLVERS_MAX: usize = 3;

impl ResolveError {
    /// Looking up this name failed this way.
    pub fn new(name: &str, failure: LookupFailure) -> Self {
        let (code, cause) = match failure {
            LookupFailure::NoSuchName => (Code::Lookup(EAI_NONAME), ResolveCause::NoSuchName),
            LookupFailure::NoAnswer => (
                Code::Lookup(EAI_AGAIN),
                ResolveCause::NoAnswer {
                    resolvers: resolvers(),
                    after: None,
                },
            ),
            LookupFailure::NoAddressOfFamily(family) => (
                Code::Lookup(EAI_NODATA),
                ResolveCause::NoAddressOfFamily(family),
            ),
            LookupFailure::Failed => (
                Code::Lookup(EAI_FAIL),
                ResolveCause::Failed {
                    resolvers: resolvers(),
                },
            ),
            LookupFailure::System(errno) => (
                Code::Errno(errno),
                Resource::missing(errno).map_or(ResolveCause::Other, ResolveCause::Resource),
            ),
            LookupFailure::Other(code) => (Code::Lookup(code), ResolveCause::Other),
        };
        Self::build(name, code, cause)
    }

    /// Looking up this name took longer than this deadline (ETIMEDOUT).
    pub fn timed_out(name: &str, after: Duration) -> Self {
        let cause = ResolveCause::NoAnswer {
            resolvers: resolvers(),
            after: Some(after),
        };
        Self::build(name, Code::Errno(Errno::TIMEDOUT), cause)
    }

    fn build(name: &str, code: Code, cause: ResolveCause) -> Self {
        let subject = Subject::Name(name.as_bytes().into());
        Self {
            call: Call::Resolve,
            subject,
            code,
            cause,
        }
    }
}

fn resolvers() -> Vec<String> {
    parse_resolvers(&fs::read("/etc/resolv.conf").unwrap_or_default())
}

/// The `nameserver` lines of resolv.conf(5).
fn parse_resolvers(text: &[u8]) -> Vec<String> {
    String::from_utf8_lossy(text)
        .lines()
        .filter_map(|line| {
            let mut words = line.split_ascii_whitespace();
            (words.next()? == "nameserver").then(|| words.next().map(str::to_owned))?
        })
        .take(RESOLVERS_MAX)
        .collect()
}

impl Cause for ResolveCause {
    fn facts(&self) -> Vec<Fact> {
        match self {
            Self::NoSuchName => vec![Fact::NameUnknown],
            Self::NoAnswer { resolvers, after } => {
                let after = after.map(Fact::WaitedFor);
                after
                    .into_iter()
                    .chain([Fact::NameServers(resolvers.clone())])
                    .collect()
            }
            Self::NoAddressOfFamily(family) => vec![Fact::NameHasOnlyFamily(family.other())],
            Self::Failed { resolvers } => vec![Fact::NameServers(resolvers.clone())],
            Self::Resource(cause) => cause.facts(),
            Self::Other => Vec::new(),
        }
    }

    fn advice(&self) -> Vec<Advice> {
        match self {
            Self::NoSuchName => vec![Advice::CheckName],
            Self::NoAnswer { .. } | Self::Failed { .. } => {
                vec![Advice::CheckNameServer, Advice::UseNumericAddress]
            }
            Self::NoAddressOfFamily(family) => vec![Advice::UseFamily(family.other())],
            Self::Resource(cause) => cause.advice(),
            Self::Other => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_servers_are_the_words_after_nameserver() {
        let text = b"# nameserver 1.1.1.1\nnameserver 192.0.2.1\n  nameserver ::1 x\nnameserver\n\
            nameserver\t192.0.2.2\nnameserver 192.0.2.3\n\xff\noptions x\n";
        assert_eq!(parse_resolvers(text), ["192.0.2.1", "::1", "192.0.2.2"]);
    }

    #[test]
    fn the_line_has_the_code_of_the_look_up() {
        let error = ResolveError::new("nosuch.example", LookupFailure::NoSuchName);
        assert_eq!(
            error.to_string(),
            "getaddrinfo nosuch.example: no such name (EAI_NONAME)"
        );
        let error = ResolveError::new("a\x1b]0;b", LookupFailure::Other(-99));
        assert_eq!(
            error.to_string(),
            r"getaddrinfo a\x1b]0;b: unknown error (getaddrinfo code -99)"
        );
        let error = ResolveError::timed_out("slow.example", Duration::from_secs(5));
        assert_eq!(
            error.to_string(),
            "getaddrinfo slow.example: timed out (ETIMEDOUT)"
        );
    }
}
