//! What a command line asks for, complete and as plain data.
//!
//! `args` makes a plan; `run` carries it out. Neither the arguments nor the environment are looked
//! at again after this.

mod bench;
mod code;
mod service;
mod typed;

use std::ffi::OsString;
use std::path::PathBuf;

use fivetuple::service::Slow;
use fivetuple::{Address, ClientOptions, ConnectOptions, DatagramOptions, ServerOptions};

pub(crate) use bench::{Bench, Bound, Format, Output, Request, Target};
pub(crate) use code::{Code, Language, Model, Style};
pub(crate) use service::{DatagramService, Hub, ReceiveFile, Relay, SendFile, Service, Site, Sums};
pub(crate) use typed::Typed;

/// One run of the command.
#[derive(Clone, Debug)]
pub(crate) enum Plan {
    /// The server.
    Listen(Box<Listen>),
    /// The server of datagrams.
    ListenDatagrams(Box<ListenDatagrams>),
    /// The client.
    Connect(Box<Connect>),
    /// Which ports answer.
    Check(Box<Check>),
    /// A measurement under load.
    Bench(Box<Bench>),
    /// The whole diagram, narrated.
    Demo(Report),
    /// A program to be written in another language.
    Code(Box<Code>),
    /// A text to print on stdout: an explanation, completions, the manual page, help.
    Print(String),
}

/// The server.
#[derive(Clone, Debug)]
pub(crate) struct Listen {
    pub(crate) sockets: Sockets,
    pub(crate) options: ServerOptions,
    pub(crate) service: Service,
    pub(crate) report: Report,
    /// The datagram socket of a service manager that wants to hear when we are ready.
    pub(crate) notify: Option<OsString>,
}

/// Where clients come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Sockets {
    /// To sockets that we make.
    Made(Address),
    /// To sockets that listen already, with these descriptors.
    Passed(Vec<i32>),
}

/// The server of datagrams.
#[derive(Clone, Debug)]
pub(crate) struct ListenDatagrams {
    pub(crate) address: Address,
    pub(crate) options: DatagramOptions,
    pub(crate) service: DatagramService,
    pub(crate) report: Report,
    /// As of [`Listen`].
    pub(crate) notify: Option<OsString>,
}

/// How stdin and stdout take part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Terminal {
    /// Read stdin and send it.
    pub(crate) input: bool,
    /// A person types there.
    pub(crate) interactive: bool,
    /// Send CR LF for LF.
    pub(crate) crlf: bool,
    /// Write what is received to stdout.
    pub(crate) output: bool,
    /// Make control bytes visible on stdout.
    pub(crate) visible: bool,
    /// What happens to who is too slow.
    pub(crate) slow: Slow,
}

/// The client.
#[derive(Clone, Debug)]
pub(crate) struct Connect {
    pub(crate) target: Address,
    pub(crate) options: ClientOptions,
    pub(crate) terminal: Terminal,
    pub(crate) watch: Watch,
    /// A person types lines: let them be edited.
    pub(crate) edit: bool,
    /// Let this program talk to the peer instead of stdin and stdout.
    pub(crate) exec: Option<Vec<OsString>>,
    pub(crate) report: Report,
}

/// What is told of the bytes of one connection besides moving them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Watch {
    /// Tell how far it is.
    pub(crate) progress: bool,
    /// Draw it as a bar on stderr.
    pub(crate) bar: bool,
    /// Print the SHA-256 of each direction.
    pub(crate) digest: bool,
}

/// Which ports answer.
#[derive(Clone, Debug)]
pub(crate) struct Check {
    /// Never none.
    pub(crate) targets: Vec<Address>,
    pub(crate) options: ConnectOptions,
    pub(crate) report: Report,
}

/// What is shown besides the data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Report {
    pub(crate) verbosity: Verbosity,
    /// The command line, which advice repeats.
    pub(crate) typed: Typed,
    /// Colour on stderr.
    pub(crate) color: bool,
    /// JSON lines.
    pub(crate) events: Option<Destination>,
    /// Traffic as hex and text.
    pub(crate) dump: Option<Destination>,
}

/// How much is said on stderr.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verbosity {
    /// Nothing but errors.
    Quiet,
    Normal,
    /// Every call of the diagram.
    Trace,
}

/// Where a report goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Destination {
    Stderr,
    File(PathBuf),
}
