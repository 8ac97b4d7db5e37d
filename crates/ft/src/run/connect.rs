//! `ft connect`: the active road with stdin and stdout, or with a program.

use std::pin::pin;
use std::sync::Arc;

use fivetuple::call::describe;
use fivetuple::event::Observers;
use fivetuple::service::{Output, OutputEnd, Terminal};
use fivetuple::{Client, Closed, Event, NotConnected, Reason};

use super::editor::{self, LineEditor};
use super::exec::Program;
use super::signals::{Asked, Signals};
use super::{remark, status, status_of, streams};
use crate::plan::Connect;
use crate::report::Reports;

pub(super) async fn connect(plan: Connect) -> u8 {
    let (reports, observers) = match Reports::open(&plan.report, Vec::new()) {
        Ok(opened) => opened,
        Err(text) => return super::fail(&text),
    };
    let mut signals = Signals::new();
    let opened = tokio::select! {
        opened = Client::open(&plan.target, &plan.options, &observers) => match opened {
            Ok(client) => Ok(client),
            Err(error) => Err(refuse(&error, &reports, &observers)),
        },
        status = signals.end() => Err(status),
    };
    let status = match opened {
        Ok(client) => talk(client, &plan, (&reports, &mut signals)).await,
        Err(status) => status,
    };
    super::close(&reports, status)
}

/// Says why there is no connection.
fn refuse(error: &NotConnected, reports: &Reports, observers: &Observers) -> u8 {
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
    let live = Arc::clone(client.live());
    let mut editor = None;
    let started = match &plan.exec {
        None => stdin_and_stdout(plan, &mut editor).map(|terminal| (terminal, None)),
        Some(argv) => Program::start(argv, &plan.terminal)
            .map(|(terminal, program)| (terminal, Some(program))),
    };
    let (terminal, program) = match started {
        Ok(started) => started,
        Err(error) => {
            drop(client);
            reports.error(&match &plan.exec {
                Some(argv) => super::exec::complaint(argv, &error),
                None => format!("no thread for stdin or stdout: {}", describe(&error)),
            });
            return status::FAILED;
        }
    };
    let mut serving = pin!(client.serve(&terminal));
    let mut interrupted = None;
    let closed = loop {
        tokio::select! {
            closed = &mut serving => break closed,
            asked = signals.next() => match asked {
                Asked::Counters => reports.say(&format!(
                    "{}: sent {} B, received {} B",
                    live.identity.five_tuple(),
                    live.bytes_sent(),
                    live.bytes_received()
                )),
                Asked::End(status) if interrupted.is_none() => {
                    interrupted = Some(status);
                    terminal.output.interrupt();
                }
                Asked::End(status) => return status,
            },
        }
    };
    // What is said from here on stands on a terminal as it was found.
    drop(editor);
    let program = match program {
        Some(program) => program.finish(&terminal.output).await,
        None => None,
    };
    if let Some(text) = &program {
        reports.error(text);
    }
    let status = outcome(&closed, &terminal.output, reports);
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
    streams::terminal(&plan.terminal)
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
        Some(end @ OutputEnd::Failed(_)) => {
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
