//! The exec service: a process for each connection.
//!
//! ```no_run
//! use fivetuple::service::{Exec, ExecOptions};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let tr = Exec::new(ExecOptions::new(["tr", "a-z", "A-Z"]))?;
//! # fn is_service(_: impl fivetuple::Service) {}
//! # is_service(tr);
//! # Ok(())
//! # }
//! ```
//!
//! [`Data`] says how the bytes go: through the socket itself, which the program then has as stdin
//! and stdout, or through pipes or a pseudo-terminal and us. The words of the command are taken as
//! they are; what a peer sends never becomes one of them. When the connection ends, so does the
//! process group of the program: TERM, and 5 s later KILL. What had ended in order gets 5 s before
//! that.
//!
//! `starter` is the thread that forks; `child` one process group; `direct` and `piped` are the two
//! ways of the data; `complaints` is what a program writes to stderr.

mod child;
mod complaints;
mod direct;
mod environment;
mod job;
mod piped;
mod starter;

use std::ffi::{OsStr, OsString};
use std::future::{Future, pending, poll_fn};
use std::sync::Arc;
use std::time::Instant;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::sleep_until;

use crate::call::{Call, Errno, ExecError, Explained, Visible};
use crate::close::{Close, Closed, Expired};
use crate::connection::Connection;
use crate::event::{Called, Event};
use crate::kernel::child::GRACE;
use crate::kernel::limit::DescriptorLimit;
use crate::service::Service;
use crate::transfer::{Eof, Terms, close_for};
use job::{Job, Ours};
use starter::Starter;

/// Where programs are looked for without PATH, as execvp(3) does.
const PATH_DEFAULT: &str = "/bin:/usr/bin";

/// How the bytes go between the peer and the program.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Data {
    /// The program has the socket itself as stdin and stdout, and we are not between. Where the
    /// terms or an observer need us between (`idle`, `half_closed`, another end of stream than
    /// [`Eof::Half`], the bytes themselves), and on a Unix socket, whose bytes the kernel does not
    /// count, it is as [`Data::Pipe`]; say that then, so that
    /// [`Service::descriptors`] is right.
    #[default]
    Socket,
    /// Two pipes: the program sees no socket, and each direction ends on its own.
    Pipe,
    /// A pseudo-terminal of 24 lines and 80 columns, which controls the program.
    Terminal,
}

/// What becomes of what a program writes to stderr.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stderr {
    /// Each line is an [`Event::Wrote`]. The program is never held up by who reads them: more than
    /// 256 KiB in a second is left out and counted.
    #[default]
    Log,
    /// It goes where its stdout goes.
    Peer,
    /// Thrown away.
    Null,
    /// Our own stderr.
    Inherit,
}

/// What is started for each connection, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExecOptions {
    /// The program, looked for in PATH if it has no slash, and its arguments. No shell is between.
    pub words: Vec<OsString>,
    /// How the bytes go.
    pub data: Data,
    /// What becomes of its stderr.
    pub stderr: Stderr,
    /// Process groups that there are at a time; those count that are being ended.
    pub max_children: Option<u32>,
    /// The limit on descriptors that programs get, if it is not our own.
    pub descriptor_limit: Option<DescriptorLimit>,
}

impl ExecOptions {
    /// A program and its arguments; the rest by default.
    pub fn new<W: Into<OsString>>(words: impl IntoIterator<Item = W>) -> Self {
        Self {
            words: words.into_iter().map(Into::into).collect(),
            data: Data::default(),
            stderr: Stderr::default(),
            max_children: None,
            descriptor_limit: None,
        }
    }

    /// The program.
    pub fn program(&self) -> &OsStr {
        self.words
            .first()
            .map_or(OsStr::new(""), OsString::as_os_str)
    }

    /// Whether the program can be found and executed, as far as that is known beforehand.
    ///
    /// # Errors
    ///
    /// [`ExecError`]: what starting it would fail with.
    pub fn check(&self) -> Result<(), ExecError> {
        let path = std::env::var_os("PATH").unwrap_or_else(|| PATH_DEFAULT.into());
        match ExecError::foresee(self.program(), &path) {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }
}

/// Starts a program for each connection. Cheap to clone; all clones have their children in common.
#[derive(Clone, Debug)]
pub struct Exec {
    options: Arc<ExecOptions>,
    starter: Arc<Starter>,
    places: Option<Arc<Semaphore>>,
}

impl Exec {
    /// A service out of these options, with a thread of its own that starts the programs. A
    /// process that ignores SIGCHLD does so no longer once a program has been started: the kernel
    /// would say of none how it ended.
    ///
    /// # Errors
    ///
    /// [`ExecError`]: the program cannot be started, or the thread cannot.
    pub fn new(options: ExecOptions) -> Result<Self, ExecError> {
        options.check()?;
        let starter = Starter::start();
        let starter = starter.map_err(|error| ExecError::of(options.program(), &error))?;
        let places = |max| Arc::new(Semaphore::new(max as usize));
        Ok(Self {
            places: options.max_children.map(places),
            options: Arc::new(options),
            starter,
        })
    }

    /// Waits until no process of any group is left of the connections that have ended. One that
    /// was killed and that its own parent does not reap is waited for a second.
    pub async fn ended(&self) {
        self.starter.all_ended().await;
    }

    /// KILL, now, to every process group that is being ended, and from now on to each when its
    /// connection ends.
    pub fn kill(&self) {
        self.starter.kill();
    }

    /// How the bytes of this connection go.
    fn data(&self, connection: &Connection, terms: &Terms) -> Data {
        let between = terms.eof != Eof::Half
            || terms.idle.is_some()
            || terms.half_closed.is_some()
            || connection.observers().wants().bytes
            // Nobody else counts its bytes.
            || connection.identity().local().inet().is_none();
        match self.options.data {
            Data::Socket if between => Data::Pipe,
            data => data,
        }
    }

    /// A place among the children, once there is one.
    ///
    /// # Errors
    ///
    /// The way to close, when the connection has no time left, or ended before.
    async fn place(
        &self,
        connection: &Connection,
        terms: &Terms,
    ) -> Result<Option<OwnedSemaphorePermit>, Close> {
        let Some(places) = &self.places else {
            return Ok(None);
        };
        let until = terms
            .deadline
            .map(|time| connection.identity().since + time);
        tokio::select! {
            biased;
            place = Arc::clone(places).acquire_owned() => Ok(place.ok()),
            errno = poll_fn(|cx| connection.poll_broken(cx)) => Err(close_for(errno)),
            () = come(until) => Err(Close::TimeOut),
        }
    }

    async fn run(self, mut connection: Connection, terms: Arc<Terms>) -> Closed {
        let place = match self.place(&connection, &terms).await {
            Ok(place) => place,
            Err(how) => {
                let mut closed = connection.close(how).await;
                closed.expired = (how == Close::TimeOut).then_some(Expired::Deadline);
                return closed;
            }
        };
        let data = self.data(&connection, &terms);
        let socket = match data {
            Data::Socket => match connection.hand_over() {
                Ok(socket) => Some(socket),
                Err(errno) => {
                    let error = ExecError::new(self.options.program(), errno);
                    return fail(connection, &error).await;
                }
            },
            Data::Pipe | Data::Terminal => None,
        };
        let job = Job {
            options: Arc::clone(&self.options),
            environment: environment::of(connection.identity()),
            data,
            socket,
        };
        let started = self.starter.run(job, place).await;
        let pid = started.as_ref().map(|started| started.child.pid());
        let pid = pid.map_err(|error| error.errno().unwrap_or(Errno::IO));
        let program = Visible(self.options.program().as_encoded_bytes());
        connection.observers().called(Called {
            call: Call::Exec,
            descriptor: None,
            arguments: format_args!("{program}"),
            result: pid,
            connection: Some(connection.identity()),
        });
        let started = match started {
            Ok(started) => started,
            Err(error) => return fail(connection, &error).await,
        };
        let complaints = match complaints::Complaints::new(started.stderr, &connection) {
            Ok(complaints) => complaints,
            Err(errno) => {
                let error = ExecError::new(self.options.program(), errno);
                return fail(connection, &error).await;
            }
        };
        let served = Served {
            options: self.options,
            child: started.child,
            complaints,
        };
        match started.ours {
            Ours::Nothing => direct::serve(connection, served, &terms).await,
            Ours::Ends { stdin, stdout } => {
                piped::serve(connection, served, (stdin, stdout), &terms).await
            }
        }
    }
}

/// A program at work for one connection.
struct Served {
    options: Arc<ExecOptions>,
    child: child::Child,
    complaints: complaints::Complaints,
}

impl Service for Exec {
    fn serve(
        &self,
        connection: Connection,
        terms: &Arc<Terms>,
    ) -> impl Future<Output = Closed> + Send + 'static {
        self.clone().run(connection, Arc::clone(terms))
    }

    fn descriptors(&self) -> u64 {
        // The socket, the process, and what is between.
        let data = match self.options.data {
            Data::Socket => 2,
            Data::Terminal => 3,
            Data::Pipe => 4,
        };
        data + u64::from(self.options.stderr == Stderr::Log)
    }
}

/// Waits for this moment; for ever without one.
async fn come(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at.into()).await,
        None => pending().await,
    }
}

/// No program came to be: the peer gets a reset, so that it does not take silence for an answer.
async fn fail(connection: Connection, error: &ExecError) -> Closed {
    tell(&connection, error);
    connection.close(Close::Fail).await
}

fn tell(connection: &Connection, error: &dyn Explained) {
    connection.observers().emit(&Event::Failed {
        connection: Some(connection.identity()),
        local: None,
        error,
    });
}
