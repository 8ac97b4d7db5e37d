//! The words of the command line, as clap reads them. What they mean together is decided in
//! [`super::listen`] and [`super::connect`].
#![allow(
    rustdoc::broken_intra_doc_links,
    reason = "these comments are printed as help, where brackets are brackets"
)]

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint};
use fivetuple::service::Slow;
use fivetuple::{AtLimit, Eof};
use ipnet::IpNet;

use super::bench::words::Bench;
use super::code::Code;
use super::limit;
use super::service;
use super::values::{self, DurationOrNever, Retry};

pub(super) const ADDRESSES: &str = "Addresses";
const DATA: &str = "What is sent";
pub(super) const END: &str = "End of stream";
pub(super) const LIMITS: &str = "Limits";
pub(super) const SHOWN: &str = "What is shown";

/// Open a port, call it, and see every connection
#[derive(Debug, Parser)]
#[command(
    name = "ft",
    version,
    disable_help_flag = true,
    disable_help_subcommand = true,
    disable_version_flag = true,
    override_usage = "ft COMMAND …\n       ft HOST PORT    the same as ft connect HOST PORT",
    subcommand_value_name = "COMMAND"
)]
pub(super) struct Cli {
    #[command(subcommand)]
    pub(super) verb: Option<Verb>,
}

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// The server: bind, listen, and serve every client
    #[command(override_usage = "ft listen [OPTIONS] ADDRESS [SERVICE]\n       \
            ft listen [OPTIONS] ADDRESS exec -- CMD [ARGS]")]
    Listen(Box<Listen>),
    /// Both, joined: every client of LISTEN gets a connection of its own to DESTINATION
    #[command(override_usage = "ft relay [OPTIONS] LISTEN DESTINATION[,DESTINATION…]")]
    Relay(Box<Listen>),
    /// The client: connect to an address, send and receive
    #[command(override_usage = "ft connect [OPTIONS] ADDRESS | HOST PORT\n       \
            ft connect [OPTIONS] ADDRESS --exec -- CMD [ARGS]")]
    Connect(Box<Connect>),
    /// The load: many connections at work, how much they do and how long it takes
    #[command(override_usage = "ft bench [OPTIONS] ADDRESS [ADDRESS…]")]
    Bench(Box<Bench>),
    /// The same program in C, Go, Java, JavaScript, Python or Rust
    #[command(
        override_usage = "ft code LANGUAGE [OPTIONS] listen|connect|relay …\n       \
            ft code --list"
    )]
    Code(Code),
    /// Explain a word: an errno, a state, a step, an option
    #[command(override_usage = "ft explain [WORD]")]
    Explain(Explain),
    /// Show the whole diagram on loopback, with real sockets
    Demo(Demo),
    /// Print the completions for a shell
    #[command(override_usage = "ft completions SHELL")]
    Completions(Completions),
    /// Print the manual page, as roff
    #[command(override_usage = "ft man [COMMAND]")]
    Man(Man),
}

#[derive(Debug, Args)]
pub(super) struct Listen {
    /// 8080 (this machine only), *:8080 (every interface), HOST:PORT
    ///
    /// Also [::1]:8080, names of ports, unix:/path, unix:@name, and udp:8080 for datagrams. Port 0 is
    /// any free port; the one that was chosen is reported.
    #[arg(value_name = "ADDRESS")]
    pub(super) address: Option<String>,
    /// echo, hub, chat, exec, shell, relay, send, receive, http and more: see --help
    ///
    /// terminal, echo, discard, chargen, daytime, time, source [SIZE], relay DESTINATION, send FILE,
    /// receive FILE|DIR, http [DIR], exec -- CMD ARGS, shell 'CMD', hub, chat.
    ///
    /// Without one, the terminal: what is typed or piped in goes to every client, what they send
    /// goes to stdout. source sends SIZE bytes to each client, without a SIZE for ever. relay
    /// connects each client to DESTINATION, as ft relay does. send gives each client a file; receive
    /// writes what each client sends to a file, or to one in a directory. http serves the files of
    /// DIR, without one those of this folder. exec starts a program for each client, shell has
    /// /bin/sh read the command; both end with the connection, and with ft. If ft itself is killed
    /// (SIGKILL), the program is ended too, but what that has started is out of reach. hub passes
    /// on to all others what one client sends; chat does so with names.
    #[arg(value_name = "SERVICE")]
    pub(super) service: Vec<OsString>,
    #[arg(last = true, hide = true)]
    pub(super) after: Vec<OsString>,
    #[command(flatten)]
    pub(super) exec: service::exec::ExecWords,
    #[command(flatten)]
    pub(super) place: Place,
    #[command(flatten)]
    pub(super) data: Data,
    /// What happens to a client that does not read: block, drop-oldest or close
    ///
    /// [default: block for the terminal, drop-oldest for hub and chat]
    #[arg(long, value_name = "POLICY", value_enum, help_heading = DATA)]
    #[arg(hide_short_help = true, hide_possible_values = true)]
    pub(super) slow: Option<SlowWord>,
    #[command(flatten)]
    pub(super) files: service::files::Files,
    #[command(flatten)]
    pub(super) hub: service::Hub,
    #[command(flatten)]
    pub(super) end: End,
    /// Serve one connection, then stop
    ///
    /// The exit status is the outcome of that connection.
    #[arg(long, help_heading = END)]
    pub(super) once: bool,
    /// How long connections may go on after INT or TERM [default: 30s]
    #[arg(long, value_name = "DURATION", value_parser = values::duration)]
    #[arg(help_heading = END, hide_short_help = true)]
    pub(super) drain: Option<Duration>,
    /// How many connections there may be
    ///
    /// [default: what the descriptor limit leaves]
    #[arg(long, value_name = "N", value_parser = limit::count, help_heading = LIMITS)]
    pub(super) max_connections: Option<u64>,
    /// Connections at a time from one IP address [default: no limit]
    #[arg(long, value_name = "N", value_parser = limit::count_of_ip, help_heading = LIMITS)]
    #[arg(hide_short_help = true)]
    pub(super) max_per_ip: Option<u32>,
    /// At --max-connections: wait or refuse [default: wait]
    #[arg(long, value_name = "POLICY", value_enum, help_heading = LIMITS)]
    #[arg(hide_short_help = true, hide_possible_values = true)]
    pub(super) at_limit: Option<AtLimitWord>,
    /// Clients that may wait to be accepted [default: 4096]
    #[arg(long, value_name = "N", value_parser = limit::backlog, help_heading = LIMITS)]
    #[arg(hide_short_help = true)]
    pub(super) backlog: Option<u32>,
    /// Sockets that listen already, in place of ADDRESS: a descriptor, a name, or all
    ///
    /// A number is a descriptor that this program was started with, from 3 on. A name is one that
    /// the service manager gave (LISTEN_FDNAMES); all takes all that it has passed (LISTEN_FDS).
    /// May be given several times.
    #[arg(long, value_name = "FD", help_heading = ADDRESSES, hide_short_help = true)]
    pub(super) listen_fd: Vec<String>,
    /// Mode of the file of a Unix socket: who may write to it may connect [default: 0600]
    #[arg(long, value_name = "MODE", value_parser = limit::mode, help_heading = ADDRESSES)]
    #[arg(hide_short_help = true)]
    pub(super) mode: Option<u32>,
    /// Only these clients; may be given several times
    #[arg(long, value_name = "CIDR", value_parser = values::network, help_heading = LIMITS)]
    pub(super) allow: Vec<IpNet>,
    /// Not these clients; looked at before --allow
    #[arg(long, value_name = "CIDR", value_parser = values::network, help_heading = LIMITS)]
    #[arg(hide_short_help = true)]
    pub(super) deny: Vec<IpNet>,
    #[command(flatten)]
    pub(super) relay: service::relay::Relay,
    #[command(flatten)]
    pub(super) http: service::http::Options,
    #[command(flatten)]
    pub(super) shown: Shown,
}

#[derive(Debug, Args)]
pub(super) struct Connect {
    /// 8080 (this machine), HOST:PORT, or two words HOST PORT
    ///
    /// Also [::1]:8080, names of ports, unix:/path, unix:@name, and udp:8080 for datagrams; with
    /// --check several ports, such as localhost:20-25,80.
    #[arg(value_name = "ADDRESS", required = true)]
    pub(super) words: Vec<String>,
    #[arg(last = true, hide = true)]
    pub(super) command: Vec<OsString>,
    #[command(flatten)]
    pub(super) place: Place,
    /// The source address, and port if one is written
    #[arg(long, value_name = "ADDR[:PORT]", value_parser = values::source)]
    #[arg(help_heading = ADDRESSES, hide_short_help = true)]
    pub(super) source: Option<SocketAddr>,
    /// Only see which ports answer, such as localhost:20-25,80
    #[arg(long, help_heading = DATA)]
    pub(super) check: bool,
    /// Let the program after -- talk to the peer
    #[arg(long, help_heading = DATA, hide_short_help = true)]
    pub(super) exec: bool,
    #[command(flatten)]
    pub(super) data: Data,
    #[command(flatten)]
    pub(super) end: End,
    /// Over UDP: how long to wait for one more datagram when our input has ended [default: 1s]
    #[arg(long, value_name = "DURATION", value_parser = values::duration)]
    #[arg(help_heading = END, hide_short_help = true)]
    pub(super) wait: Option<Duration>,
    /// For one try to connect [default: 10s]
    #[arg(long, value_name = "DURATION", value_parser = limit::time)]
    #[arg(help_heading = LIMITS)]
    pub(super) connect_timeout: Option<Duration>,
    /// Try again so often, or forever
    ///
    /// [default: 0] A connection that was made is never made a second time.
    #[arg(long, value_name = "N", value_parser = values::retry, help_heading = LIMITS)]
    #[arg(allow_negative_numbers = true)]
    pub(super) retry: Option<Retry>,
    #[command(flatten)]
    pub(super) shown: Shown,
    #[command(flatten)]
    pub(super) watch: service::files::Watch,
}

/// Families and interfaces.
#[derive(Debug, Args)]
pub(super) struct Place {
    /// IPv4 only
    #[arg(short = '4', help_heading = ADDRESSES, hide_short_help = true)]
    pub(super) v4: bool,
    /// IPv6 only
    #[arg(short = '6', help_heading = ADDRESSES, hide_short_help = true)]
    pub(super) v6: bool,
    /// Only through this interface, such as eth0
    #[arg(long, value_name = "NAME", value_parser = limit::interface)]
    #[arg(help_heading = ADDRESSES, hide_short_help = true)]
    pub(super) interface: Option<String>,
}

/// What goes in and out of the terminal.
#[derive(Debug, Args)]
pub(super) struct Data {
    /// Send our input and nothing else: the peer's bytes are not written to stdout
    #[arg(long, help_heading = DATA, hide_short_help = true)]
    pub(super) send_only: bool,
    /// Do not read stdin
    #[arg(long, alias = "recv-only", help_heading = DATA, hide_short_help = true)]
    pub(super) receive_only: bool,
    /// Send CR LF at the end of every line
    #[arg(long, help_heading = DATA, hide_short_help = true)]
    pub(super) crlf: bool,
}

/// When a connection ends.
#[derive(Debug, Args)]
pub(super) struct End {
    /// What the end of one direction means for the other: half, each or full [default: half]
    #[arg(long, value_name = "WHEN", value_enum, help_heading = END)]
    #[arg(hide_short_help = true, hide_possible_values = true)]
    pub(super) eof: Option<EofWord>,
    /// End a connection on which nothing moves for so long
    #[arg(long, value_name = "DURATION", value_parser = limit::time)]
    #[arg(help_heading = END)]
    pub(super) idle: Option<Duration>,
    /// End a connection after so long in all
    #[arg(long, value_name = "DURATION", value_parser = limit::time)]
    #[arg(help_heading = END, hide_short_help = true)]
    pub(super) deadline: Option<Duration>,
    /// How long one direction may stay open alone, or never [default: 5m to listen, never to connect]
    #[arg(long, value_name = "DURATION", value_parser = limit::time_or_never)]
    #[arg(help_heading = END, hide_short_help = true)]
    pub(super) half_closed: Option<DurationOrNever>,
}

/// What is said besides the data.
#[derive(Debug, Args)]
pub(super) struct Shown {
    /// Show every call of the diagram
    #[arg(short, long, help_heading = SHOWN)]
    pub(super) verbose: bool,
    /// Say nothing but errors
    #[arg(short, long, help_heading = SHOWN)]
    pub(super) quiet: bool,
    /// Write what happens as JSON lines; - is stderr
    #[arg(long, value_name = "FILE", help_heading = SHOWN)]
    #[arg(value_hint = ValueHint::FilePath)]
    pub(super) events: Option<PathBuf>,
    /// Write the traffic as hex and text; - is stderr
    #[arg(long, value_name = "FILE", help_heading = SHOWN)]
    #[arg(value_hint = ValueHint::FilePath)]
    pub(super) dump: Option<PathBuf>,
    /// Pass control bytes of the peer to the terminal
    #[arg(long, help_heading = SHOWN, hide_short_help = true)]
    pub(super) raw: bool,
    #[command(flatten)]
    pub(super) color: Color,
}

#[derive(Debug, Args)]
pub(super) struct Color {
    /// Colour on stderr: auto, always or never [default: auto]
    #[arg(long, value_name = "WHEN", value_enum, help_heading = SHOWN)]
    #[arg(hide_short_help = true, hide_possible_values = true)]
    pub(super) color: Option<ColorWord>,
}

#[derive(Debug, Args)]
pub(super) struct Explain {
    /// Such as ECONNREFUSED, TIME-WAIT, accept, --eof; without one, the list of all words
    #[arg(value_name = "WORD", allow_hyphen_values = true)]
    pub(super) words: Vec<String>,
}

#[derive(Debug, Args)]
pub(super) struct Demo {
    #[command(flatten)]
    pub(super) color: Color,
}

#[derive(Debug, Args)]
pub(super) struct Completions {
    /// bash, elvish, fish, powershell or zsh
    #[arg(value_name = "SHELL", value_enum, hide_possible_values = true)]
    pub(super) shell: clap_complete::Shell,
}

#[derive(Debug, Args)]
pub(super) struct Man {
    /// The command whose page is wanted; without one, the page of ft
    #[arg(value_name = "COMMAND")]
    pub(super) verb: Option<String>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum ColorWord {
    Auto,
    Always,
    Never,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum EofWord {
    Half,
    Each,
    Full,
}

impl From<EofWord> for Eof {
    fn from(word: EofWord) -> Self {
        match word {
            EofWord::Half => Self::Half,
            EofWord::Each => Self::Each,
            EofWord::Full => Self::Full,
        }
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum AtLimitWord {
    Wait,
    Refuse,
}

impl From<AtLimitWord> for AtLimit {
    fn from(word: AtLimitWord) -> Self {
        match word {
            AtLimitWord::Wait => Self::Wait,
            AtLimitWord::Refuse => Self::Refuse,
        }
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum SlowWord {
    Block,
    DropOldest,
    Close,
}

impl From<SlowWord> for Slow {
    fn from(word: SlowWord) -> Self {
        match word {
            SlowWord::Block => Self::Block,
            SlowWord::DropOldest => Self::DropOldest,
            SlowWord::Close => Self::Close,
        }
    }
}
