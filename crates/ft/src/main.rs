//! `ft`: open a port, call it, and see every connection.

mod args;
mod code;
mod explain;
mod plan;
mod report;
mod run;
mod shell;
mod trace;

use std::env;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use args::{Environment, Exit, Terminals};

/// Sockets that are taken from a service manager at most.
const PASSED_MAX: usize = 1024;

fn main() -> ExitCode {
    let terminals = Terminals {
        stdin: io::stdin().is_terminal(),
        stdout: io::stdout().is_terminal(),
        stderr: io::stderr().is_terminal(),
    };
    match args::plan(env::args_os(), terminals, &environment()) {
        Ok(plan) => ExitCode::from(run::run(plan)),
        Err(exit) => leave(&exit),
    }
}

/// What the environment says; nothing else looks at it.
fn environment() -> Environment {
    let set = |name| env::var_os(name).filter(|value| !value.is_empty());
    Environment {
        no_color: set("NO_COLOR").is_some(),
        term_dumb: set("TERM").is_some_and(|term| term == "dumb"),
        clicolor_force: set("CLICOLOR_FORCE").is_some_and(|force| force != "0"),
        columns: columns(),
        passed: passed(),
        notify: set("NOTIFY_SOCKET"),
    }
}

/// The names of the sockets that a service manager has passed, from descriptor 3 on
/// (sd_listen_fds(3)); none if they are meant for another process.
fn passed() -> Vec<String> {
    let number = |name| env::var(name).ok()?.parse::<u32>().ok();
    if number("LISTEN_PID") != Some(std::process::id()) {
        return Vec::new();
    }
    let count = number("LISTEN_FDS").and_then(|count| usize::try_from(count).ok());
    let count = count.unwrap_or(0).min(PASSED_MAX);
    let names = env::var("LISTEN_FDNAMES").unwrap_or_default();
    let names = names.split(':').map(str::to_owned);
    names
        .chain(std::iter::repeat(String::new()))
        .take(count)
        .collect()
}

/// Columns of the terminal on stdout, unless `COLUMNS` says otherwise.
fn columns() -> Option<usize> {
    let said = env::var("COLUMNS").ok().and_then(|text| text.parse().ok());
    let size = || rustix::termios::tcgetwinsize(io::stdout()).ok();
    said.or_else(|| size().map(|size| usize::from(size.ws_col)))
        .filter(|columns| *columns > 0)
}

fn leave(exit: &Exit) -> ExitCode {
    if exit.to_stdout {
        return ExitCode::from(run::print(&exit.text));
    }
    // A closed stderr is a quiet end.
    let _ = io::stderr().write_all(exit.text.as_bytes());
    ExitCode::from(exit.status)
}
