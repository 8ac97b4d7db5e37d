//! `ft connect`: the active road with stdin and stdout, or with a program.

use std::sync::Arc;
use std::time::Duration;

use fivetuple::event::Observers;
use fivetuple::service::{Output, OutputEnd, Terminal};
use fivetuple::{Address, Client, Closed, Event, NotConnected, Observer, Reason, Retry};
use tokio::runtime::Builder;
use tokio::time::timeout;

use super::editor::{self, LineEditor};
use super::exec::Program;
use super::signals::{Asked, Signals};
use super::watch::{Digests, Watching, how_to_go_on};
use super::{remark, status, status_of, streams};
use crate::plan::Connect;
use crate::report::Reports;
use crate::report::error::explain_io;

/// How long a connection that is cut is waited for.
const ABORT_WITHIN: Duration = Duration::from_millis(200);

/// One thread does all of it. Where the connection itself sends a file, signals have another: a file
/// system may hang.
pub(super) fn runtime(plan: &Connect) -> Builder {
    let sends_file = plan.terminal.input && is_stream(plan) && streams::stdin_is_file();
    if plan.exec.is_some() || !sends_file {
        return Builder::new_current_thread();
    }
    let mut threads = Builder::new_multi_thread();
    threads.worker_threads(2);
    threads
}

/// Lines of a file are datagrams of their own; a stream gets the file as it is.
fn is_stream(plan: &Connect) -> bool {
    !matches!(plan.target, Address::Udp(_))
}

pub(super) async fn connect(plan: Connect) -> u8 {
    let digests = Digests::of(plan.watch);
    let asked = digests
        .iter()
        .map(|one| Arc::clone(one) as Arc<dyn Observer>);
    let (reports, observers) = match Reports::open(&plan.report, asked.collect()) {
        Ok(opened) => opened,
        Err(text) => return super::fail(&text),
    };
    let mut signals = Signals::new();
    reports.tries(plan.options.connect.retry != Retry::Times(0));
    let opened = tokio::select! {
        opened = Client::open(&plan.target, &plan.options, &observers) => match opened {
            Ok(client) => Ok(client),
            Err(error) => Err(refuse(&error, &reports, &observers)),
        },
        status = signals.end() => Err(status),
    };
    let status = match opened {
        Ok(client) => {
            let status = talk(client, &plan, (&reports, &mut signals)).await;
            if let Some(digests) = digests {
                digests.tell(&plan, &reports);
            }
            status
        }
        Err(status) => status,
    };
    super::close(&reports, status)
}

/// Says why there is no connection.
pub(super) fn refuse(error: &NotConnected, reports: &Reports, observers: &Observers) -> u8 {
    reports.tries(false);
    let calls = error.explained();
    for explained in &calls {
        observers.emit(&Event::Failed {
            connection: None,
            local: None,
            error: *explained,
        });
    }
    if calls.is_empty() {
        reports.error(error);
        return status::USAGE;
    }
    status::FAILED
}

async fn talk(client: Client, plan: &Connect, (reports, signals): (&Reports, &mut Signals)) -> u8 {
    let watching = Watching::start(plan, client.live(), reports);
    let mut editor = None;
    let started = match &plan.exec {
        None => stdin_and_stdout(plan, &mut editor).map(|terminal| (terminal, None)),
        Some(argv) => Program::start(argv, &plan.terminal)
            .map(|(terminal, program)| (terminal, Some(program))),
    };
    let (terminal, mut program) = match started {
        Ok(started) => started,
        Err(error) => {
            drop(client);
            reports.error(&match &plan.exec {
                Some(argv) => super::exec::complaint(argv, &error),
                None => explain_io("stdin or stdout", &error),
            });
            return status::FAILED;
        }
    };
    let mut serving = {
        let terminal = terminal.clone();
        tokio::spawn(async move { client.serve(&terminal).await })
    };
    let mut interrupted = None;
    let closed = loop {
        tokio::select! {
            closed = &mut serving => match closed {
                Ok(closed) => break closed,
                Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
            },
            asked = signals.next() => match asked {
                Asked::Counters => reports.say(&watching.line()),
                Asked::End(status) if interrupted.is_none() => {
                    interrupted = Some(status);
                    terminal.output.interrupt();
                    if let Some(program) = &mut program {
                        program.pass(status);
                    }
                }
                Asked::End(status) => {
                    serving.abort();
                    // It hears of it at once, unless a file system has its thread.
                    let _ = timeout(ABORT_WITHIN, serving).await;
                    return status;
                }
            },
        }
    };
    // What is said from here on stands on a terminal as it was found.
    drop(editor);
    let program = match program {
        Some(program) => tokio::select! {
            ended = program.finish(&terminal.output) => ended,
            status = signals.end() => return status,
        },
        None => None,
    };
    if let Some(text) = &program {
        reports.error(text);
    }
    let status = outcome(&closed, &terminal.output, reports);
    drop(watching);
    if let (None, Some(text)) = (interrupted, how_to_go_on(plan, &closed)) {
        reports.say(&text);
    }
    match (interrupted, program) {
        (Some(status), _) => status,
        (None, Some(_)) => status.max(status::FAILED),
        (None, None) => status,
    }
}

/// The terminal service, with an editor where lines are typed.
fn stdin_and_stdout(plan: &Connect, editor: &mut Option<LineEditor>) -> std::io::Result<Terminal> {
    if plan.edit
        && let Ok((terminal, opened)) = editor::open(&plan.terminal)
    {
        *editor = Some(opened);
        return Ok(terminal);
    }
    // A terminal that cannot do it edits lines itself.
    streams::terminal(&plan.terminal, is_stream(plan))
}

fn outcome(closed: &Closed, output: &Output, reports: &Reports) -> u8 {
    match output.end() {
        Some(OutputEnd::Interrupted) => status::DONE,
        // With a program at the other end of it, the connection says how it went.
        Some(OutputEnd::ReaderGone)
            if matches!(closed.reason, Reason::Aborted | Reason::Released) =>
        {
            status::DONE
        }
        Some(end @ OutputEnd::Failed(..)) => {
            if let Some(text) = streams::complaint(&end) {
                reports.error(text);
            }
            status::FAILED
        }
        Some(OutputEnd::ReaderGone) | None => {
            if let Some(text) = remark(closed) {
                reports.error(text);
            }
            status_of(closed)
        }
    }
}
