//! Carries a plan out and says with which status the program ends.

mod bench;
mod check;
mod connect;
mod counters;
mod datagrams;
mod demo;
mod editor;
mod exec;
mod files;
mod listen;
mod notify;
mod passed;
mod progress;
mod service;
mod signals;
mod streams;
mod watch;

use std::io::{self, Write};
use std::os::fd::OwnedFd;

use fivetuple::call::Errno;
use fivetuple::{Closed, Expired, Reason};
use rustix::io::fcntl_dupfd_cloexec;
use tokio::runtime::{Builder, Runtime};

use crate::code;
use crate::plan::{Code, Plan};
use crate::report::Reports;
use crate::report::error::explain_io;
use crate::shell;

/// Exit statuses; the table stands in `ft explain status`.
pub(crate) mod status {
    pub(crate) const DONE: u8 = 0;
    pub(crate) const FAILED: u8 = 1;
    pub(crate) const USAGE: u8 = 2;
    pub(crate) const TIME_UP: u8 = 124;
    pub(crate) const INTERRUPTED: u8 = 130;
    pub(crate) const TERMINATED: u8 = 143;
}

/// Runs it to its end.
pub(crate) fn run(plan: Plan) -> u8 {
    match plan {
        Plan::Print(text) => print(&text),
        Plan::Code(code) => write(&code),
        Plan::Listen(plan) => match passed::take(&plan) {
            Ok(passed) => on(
                service::runtime(&plan.service),
                listen::listen(*plan, passed),
            ),
            Err((status, text)) => {
                fail(&text);
                status
            }
        },
        Plan::ListenDatagrams(plan) => on(Builder::new_multi_thread(), datagrams::listen(*plan)),
        Plan::Connect(plan) => on(connect::runtime(&plan), connect::connect(*plan)),
        Plan::Check(plan) => on(Builder::new_current_thread(), check::check(*plan)),
        Plan::Bench(plan) => on(Builder::new_multi_thread(), bench::bench(*plan)),
        Plan::Demo(report) => on(Builder::new_current_thread(), demo::demo(report)),
    }
}

/// Writes a program to where it is wanted.
fn write(code: &Code) -> u8 {
    let text = match code::program(code) {
        Ok(text) => text,
        Err(sentence) => {
            let text = format!("ft code: {sentence}\ntry: ft code --help\n");
            let _ = io::stderr().write_all(text.as_bytes());
            return status::USAGE;
        }
    };
    let Some(path) = &code.output else {
        return print(&text);
    };
    match std::fs::write(path, text) {
        Ok(()) => status::DONE,
        Err(error) => fail(&explain_io(
            &format!("cannot write {}", shell::path(path)),
            &error,
        )),
    }
}

/// Runs a future on a runtime of its own, which is left without waiting for any thread.
fn on(mut builder: Builder, work: impl Future<Output = u8> + Send + 'static) -> u8 {
    let built = room_for_runtime().and_then(|()| builder.enable_all().build());
    let runtime = match built {
        Ok(runtime) => runtime,
        Err(error) => return fail(&explain_io("no event loop", &error)),
    };
    let status = wait(&runtime, work);
    runtime.shutdown_background();
    status
}

fn wait(runtime: &Runtime, work: impl Future<Output = u8> + Send + 'static) -> u8 {
    // On a worker, where the connections are, not on this thread beside them.
    match runtime.block_on(runtime.spawn(work)) {
        Ok(status) => status,
        Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
    }
}

/// What the verb was asked to produce. A reader that has gone is a quiet end.
pub(crate) fn print(text: &str) -> u8 {
    let mut stdout = io::stdout().lock();
    let written = stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush());
    match written {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => fail(&stdout_failed(&error)),
        _ => status::DONE,
    }
}

/// Descriptors that a runtime opens at its start.
const OF_THE_RUNTIME: usize = 6;

/// A runtime that finds no descriptor for its signals panics, so they are looked for before.
fn room_for_runtime() -> io::Result<()> {
    let one = || fcntl_dupfd_cloexec(rustix::stdio::stdin(), 0);
    let all: Result<Vec<OwnedFd>, Errno> = (0..OF_THE_RUNTIME).map(|_| one()).collect();
    Ok(all.map(drop)?)
}

/// What is told of a stdout that cannot be written.
fn stdout_failed(error: &io::Error) -> String {
    explain_io("write stdout", error)
}

/// One line on stderr, before there are reports or without them.
pub(crate) fn fail(text: &str) -> u8 {
    // Nobody is left to be told when stderr is closed.
    let _ = writeln!(io::stderr(), "ft: {text}");
    status::FAILED
}

/// Writes the reports out; one that is incomplete is data lost.
fn close(reports: &Reports, status: u8) -> u8 {
    let whole = reports.close();
    if whole || status != status::DONE {
        status
    } else {
        status::FAILED
    }
}

/// The status that the end of one connection makes.
fn status_of(closed: &Closed) -> u8 {
    match (closed.expired, closed.reason) {
        (Some(Expired::Idle | Expired::Deadline), _) => status::TIME_UP,
        (None, Reason::Released) if closed.is_complete() => status::DONE,
        _ => status::FAILED,
    }
}

/// What a person wants to know about an end that no call has explained.
fn remark(closed: &Closed) -> Option<String> {
    let name = closed.identity.name();
    let text = match (closed.expired, closed.reason) {
        (Some(Expired::Idle), _) => "no byte either way for too long (--idle)".to_owned(),
        (Some(Expired::Deadline), _) => "took too long in all (--deadline)".to_owned(),
        (Some(Expired::HalfClosed), _) => {
            "no byte for too long after one direction had ended (--half-closed)".to_owned()
        }
        (None, Reason::Released) if closed.totals.datagrams_dropped > 0 => format!(
            "{} datagrams that came were lost here: the receive buffer was full",
            closed.totals.datagrams_dropped
        ),
        (None, Reason::Released) if !closed.is_complete() => format!(
            "closed with {} bytes that the peer's kernel has not acknowledged",
            closed.totals.bytes_unacknowledged
        ),
        _ => return None,
    };
    Some(format!("{name}: {text}"))
}
