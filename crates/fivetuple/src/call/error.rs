//! The shape that all errors of calls share: which call, on what, with which code, and why.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::net::SocketAddr;
use std::path::Path;

use super::{Advice, Call, Errno, Fact, Visible, errno};
use crate::address::{Family, SocketName, UnixAddress};
use crate::five_tuple::ConnectionName;

/// A call that failed. `C` is the type of its causes: each call has its own.
///
/// Displayed, it is one line: `bind 127.0.0.1:8080: address in use (EADDRINUSE)`. What is known
/// and what to try are in [`Explained`].
#[derive(Clone, Debug, PartialEq)]
pub struct CallError<C> {
    /// The call.
    pub call: Call,
    /// What it was asked to do it with.
    pub subject: Subject,
    /// The code that it gave.
    pub code: Code,
    /// Why, as far as it could be found out.
    pub cause: C,
}

impl<C> CallError<C> {
    /// The errno, unless the code is one of getaddrinfo(3).
    pub const fn errno(&self) -> Option<Errno> {
        match self.code {
            Code::Errno(errno) => Some(errno),
            Code::Lookup(_) => None,
        }
    }

    /// The same error about something else.
    ///
    /// A phase that knows more, for instance the five-tuple, puts it in here.
    #[must_use]
    pub fn about(mut self, subject: Subject) -> Self {
        self.subject = subject;
        self
    }
}

impl<C> fmt::Display for CallError<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.call)?;
        if self.subject != Subject::None {
            write!(f, " {}", self.subject)?;
        }
        write!(f, ": {} ({})", self.code.text(), self.code)
    }
}

impl<C: fmt::Debug> Error for CallError<C> {}

/// What a call was about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// Nothing that has a name.
    None,
    /// The address that was to be bound, listened on or connected to.
    Address(SocketAddr),
    /// The Unix socket that was to be bound, listened on or connected to.
    Unix(UnixAddress),
    /// One connection.
    Connection(Box<ConnectionName>),
    /// A host name or a path; any bytes.
    Name(Box<[u8]>),
    /// The family of a new socket.
    Family(Family),
    /// An option and its value.
    Option(&'static str, Box<str>),
}

impl Subject {
    /// A path of the file system.
    pub fn path(path: &Path) -> Self {
        Self::Name(path.as_os_str().as_encoded_bytes().into())
    }
}

impl From<SocketAddr> for Subject {
    fn from(address: SocketAddr) -> Self {
        Self::Address(address)
    }
}

impl From<&SocketName> for Subject {
    fn from(name: &SocketName) -> Self {
        match name {
            SocketName::Inet(address) => Self::Address(*address),
            SocketName::Unix(address) => Self::Unix(address.clone()),
        }
    }
}

impl From<ConnectionName> for Subject {
    fn from(name: ConnectionName) -> Self {
        Self::Connection(Box::new(name))
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => Ok(()),
            Self::Address(address) => write!(f, "{address}"),
            Self::Unix(address) => write!(f, "{address}"),
            Self::Connection(name) => write!(f, "{name}"),
            Self::Name(name) => write!(f, "{}", Visible(name)),
            Self::Family(family) => write!(f, "{family}"),
            Self::Option(option, value) => write!(f, "{option} {}", Visible(value.as_bytes())),
        }
    }
}

/// The number that a call failed with. Displayed, it is the name: `EADDRINUSE`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// An errno.
    Errno(Errno),
    /// A code of getaddrinfo(3), such as `EAI_NONAME`.
    Lookup(i32),
}

impl Code {
    /// The constant's name; `errno 4095` for a number without one.
    pub fn name(self) -> Cow<'static, str> {
        match self {
            Self::Errno(code) => match errno::known(code) {
                Some((name, _)) => name.into(),
                None => format!("errno {}", code.raw_os_error()).into(),
            },
            Self::Lookup(code) => match errno::known_lookup(code) {
                Some((name, _)) => name.into(),
                None => format!("getaddrinfo code {code}").into(),
            },
        }
    }

    /// What it means, in a few words of lower case.
    pub fn text(self) -> &'static str {
        match self {
            Self::Errno(code) => errno::text(code),
            Self::Lookup(code) => errno::known_lookup(code).map_or("unknown error", |(_, t)| t),
        }
    }
}

/// An error of the standard library in the form of ours: `no space left on the device (ENOSPC)`.
pub fn describe(error: &std::io::Error) -> String {
    match Errno::from_io_error(error) {
        Some(errno) => {
            let code = Code::Errno(errno);
            format!("{} ({code})", code.text())
        }
        None => error.to_string(),
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.name())
    }
}

/// A cause tells what is known about a failure, and what may be tried.
pub trait Cause: fmt::Debug {
    /// What was found out, the most important first.
    fn facts(&self) -> Vec<Fact>;
    /// What to try, what needs the least power first.
    fn advice(&self) -> Vec<Advice>;
}

/// An error of a call with what is known about it and what to try; usable as `dyn Explained`.
pub trait Explained: Error {
    /// The call that failed.
    fn call(&self) -> Call;
    /// What it was about.
    fn subject(&self) -> &Subject;
    /// The code that it failed with.
    fn code(&self) -> Code;
    /// What was found out, the most important first.
    fn facts(&self) -> Vec<Fact>;
    /// What to try, what needs the least power first.
    fn advice(&self) -> Vec<Advice>;
}

impl<C: Cause> Explained for CallError<C> {
    fn call(&self) -> Call {
        self.call
    }

    fn subject(&self) -> &Subject {
        &self.subject
    }

    fn code(&self) -> Code {
        self.code
    }

    fn facts(&self) -> Vec<Fact> {
        self.cause.facts()
    }

    fn advice(&self) -> Vec<Advice> {
        self.cause.advice()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::*;

    #[test]
    fn an_error_is_small_enough_to_be_returned() {
        const RESULT_ERR_MAX: usize = 128;
        for size in [
            size_of::<SocketError>(),
            size_of::<SetOptionError>(),
            size_of::<BindError>(),
            size_of::<ListenError>(),
            size_of::<AcceptError>(),
            size_of::<ConnectError>(),
            size_of::<ResolveError>(),
            size_of::<SendError>(),
            size_of::<ReceiveError>(),
        ] {
            assert!(size < RESULT_ERR_MAX, "{size}");
        }
    }

    #[test]
    fn the_line_is_call_subject_text_and_code() {
        let address: SocketAddr = "192.0.2.1:9".parse().unwrap();
        let refused = ConnectError::new(address, Errno::CONNREFUSED);
        assert_eq!(
            refused.to_string(),
            "connect 192.0.2.1:9: connection refused (ECONNREFUSED)"
        );
        let unknown = AcceptError::new(address, Errno::from_raw_os_error(4000));
        assert_eq!(
            unknown.to_string(),
            "accept 192.0.2.1:9: unknown error (errno 4000)"
        );
        let option = SetOptionError::new("SO_BINDTODEVICE", "et\x1bh", Errno::NODEV);
        assert_eq!(
            option.to_string(),
            r"setsockopt SO_BINDTODEVICE et\x1bh: no such interface (ENODEV)"
        );
        let nothing = AcceptError::new(Subject::None, Errno::MFILE);
        assert_eq!(
            nothing.to_string(),
            "accept: too many open descriptors in this process (EMFILE)"
        );
        let five_tuple = crate::FiveTuple {
            source: "127.0.0.1:1".parse().unwrap(),
            destination: "127.0.0.1:2".parse().unwrap(),
            protocol: crate::Protocol::Tcp,
        };
        assert_eq!(
            SendError::new(ConnectionName::from(five_tuple), Errno::PIPE).to_string(),
            "send 127.0.0.1:1 → 127.0.0.1:2 tcp: sending side is closed (EPIPE)"
        );
        assert_eq!(
            SocketError::new(Family::Inet6, Errno::AFNOSUPPORT).to_string(),
            "socket IPv6: address family not supported (EAFNOSUPPORT)"
        );
    }

    #[test]
    fn every_errno_has_facts_and_advice_of_one_line_for_every_call() {
        let address: SocketAddr = "127.0.0.1:1".parse().unwrap();
        for raw in 1..140 {
            let errno = Errno::from_raw_os_error(raw);
            let errors: [Box<dyn Explained>; 10] = [
                Box::new(SocketError::new(Family::Inet, errno)),
                Box::new(SetOptionError::new("SO_KEEPALIVE", "1", errno)),
                Box::new(BindError::new(address, errno)),
                Box::new(ListenError::new(address, errno)),
                Box::new(AcceptError::new(address, errno)),
                Box::new(ConnectError::new(address, errno)),
                Box::new(SendError::new(address, errno)),
                Box::new(ReceiveError::new(address, errno)),
                Box::new(ShutdownError::new(address, errno)),
                Box::new(CloseError::new(address, errno)),
            ];
            for error in errors {
                let facts = error.facts().into_iter().map(|fact| fact.to_string());
                let advice = error.advice().into_iter().map(|advice| advice.to_string());
                for line in facts.chain(advice).chain([error.to_string()]) {
                    assert!(
                        !line.is_empty() && !line.contains('\n'),
                        "{error:?}: {line:?}"
                    );
                    assert!(!line.ends_with('.'), "{line}");
                }
            }
        }
    }
}
