//! `ft listen`: the passive road, its signals and its last line.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use fivetuple::address::Host;
use fivetuple::event::Observers;
use fivetuple::kernel::limit::raise_descriptor_limit;
use fivetuple::service::{Exec, Output};
use fivetuple::{Control, Event, Explained, NotListening, Server, Summary, Table};
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::counters::Counters;
use super::signals::{Asked, Signals};
use super::{remark, service, status, status_of, streams};
use crate::plan::{self, Listen};
use crate::report::Reports;

/// If it listens longer than this after it was told to stop, it says why.
const STOPS_WITHIN: Duration = Duration::from_millis(500);

pub(super) async fn listen(plan: Listen) -> u8 {
    let counters = Arc::new(Counters::default());
    let (reports, observers) = match Reports::open(&plan.report, vec![counters.clone()]) {
        Ok(opened) => opened,
        Err(text) => return super::fail(&text),
    };
    // Best effort: with the old limit fewer clients are served at a time.
    let inherited = raise_descriptor_limit().ok();
    let signals = Signals::new();
    if let Err(error) = service::check(&plan.service) {
        observers.emit(&failed(&error));
        return super::close(&reports, status::FAILED);
    }
    let server = match Server::open(&plan.address, plan.options.clone(), &observers).await {
        Ok(server) => server,
        Err(error) => return refuse(&error, &reports, &observers),
    };
    if let Host::Here = plan.address.host {
        let port = server.local().next().map_or(0, |local| local.port());
        reports.say(&format!(
            "only this machine can connect; for every interface: ft listen '*:{port}'"
        ));
    }
    if let plan::Service::Exec(options) = &plan.service
        && plan.options.access.allow.is_empty()
        && server.local().any(|local| !local.ip().is_loopback())
    {
        reports.say(&service::warning(options));
    }
    let mut running = Running {
        once: plan.options.once,
        drain_s: plan.options.drain.as_secs_f64(),
        control: server.control(),
        table: server.table(),
        output: None,
        programs: None,
        counters,
        reports,
        signals,
    };
    match service::start(server, &plan.service, inherited) {
        Ok(started) => {
            running.output = started.output;
            running.programs = started.programs;
            running.until_ended(started.serving).await
        }
        Err(text) => {
            running.reports.error(text);
            super::close(&running.reports, status::FAILED)
        }
    }
}

fn refuse(error: &NotListening, reports: &Reports, observers: &Observers) -> u8 {
    let status = match error.explained() {
        Some(explained) => {
            observers.emit(&failed(explained));
            status::FAILED
        }
        None => {
            reports.error(error);
            status::USAGE
        }
    };
    super::close(reports, status)
}

fn failed(error: &dyn Explained) -> Event<'_> {
    Event::Failed {
        connection: None,
        local: None,
        error,
    }
}

/// A server at work, seen from the one who started it.
struct Running {
    once: bool,
    drain_s: f64,
    control: Control,
    table: Arc<Table>,
    output: Option<Output>,
    programs: Option<Exec>,
    counters: Arc<Counters>,
    reports: Reports,
    signals: Signals,
}

impl Running {
    async fn until_ended(mut self, mut serving: JoinHandle<Summary>) -> u8 {
        let mut first_signal = true;
        let mut second_signal = None;
        // Told to stop, and nothing has been said of it yet.
        let mut untold = false;
        let summary = loop {
            tokio::select! {
                summary = &mut serving => break summary,
                asked = self.signals.next() => match asked {
                    Asked::Counters => self.reports.say(&self.counters.line(&self.table)),
                    Asked::End(_) if first_signal => {
                        first_signal = false;
                        untold = true;
                        self.control.drain();
                    }
                    Asked::End(status) => {
                        second_signal = Some(status);
                        self.control.cut();
                    }
                },
                () = self.counters.stopped_listening() => {
                    untold = false;
                    if !first_signal && self.output.as_ref().and_then(Output::end).is_none() {
                        self.say_draining();
                    }
                }
                () = sleep(STOPS_WITHIN), if untold => {
                    untold = false;
                    self.reports.say(&format!(
                        "stopping; those who had come before are served as places get free, for \
                         up to {} s (once more ends now)",
                        self.drain_s
                    ));
                }
                () = ended(self.output.as_ref()), if first_signal => {
                    // The connections end by themselves: they have nowhere to write to.
                    first_signal = false;
                    self.control.drain();
                }
            }
        };
        let killed = self.end_programs(second_signal.is_some()).await;
        second_signal = second_signal.or(killed);
        let status = match summary {
            Ok(summary) => self.status(summary),
            Err(panicked) => {
                self.reports
                    .error(format_args!("the server ended: {panicked}"));
                status::FAILED
            }
        };
        let status = super::close(&self.reports, status);
        second_signal.unwrap_or(status)
    }

    /// Waits until the process groups of all connections have ended, and has them killed where
    /// that is wanted `now`. The status of the signal that asked for it meanwhile.
    async fn end_programs(&mut self, now: bool) -> Option<u8> {
        let programs = self.programs.take()?;
        if now {
            programs.kill();
        }
        let mut asked = None;
        let mut ended = pin!(programs.ended());
        loop {
            tokio::select! {
                () = &mut ended => return asked,
                status = self.signals.end() => {
                    programs.kill();
                    asked = Some(status);
                }
            }
        }
    }

    fn say_draining(&self) {
        let open = self.table.len();
        if open > 0 {
            self.reports.say(&format!(
                "no longer listening; waiting up to {} s for {open} open connection{} to end \
                 (once more ends now)",
                self.drain_s,
                if open == 1 { "" } else { "s" },
            ));
        }
    }

    fn status(&self, summary: Summary) -> u8 {
        let output_end = self.output.as_ref().and_then(Output::end);
        if let Some(text) = output_end.as_ref().and_then(streams::complaint) {
            self.reports.error(text);
            return status::FAILED;
        }
        self.reports.say_at_last(&self.counters.line(&self.table));
        if output_end.is_some() {
            return status::DONE;
        }
        match summary.last {
            Some(closed) if self.once => {
                if let Some(text) = remark(&closed) {
                    self.reports.error(text);
                }
                status_of(&closed)
            }
            None if self.once && summary.accepted > 0 => status::FAILED,
            _ if summary.cut > 0 => status::FAILED,
            _ => status::DONE,
        }
    }
}

async fn ended(output: Option<&Output>) {
    match output {
        Some(output) => {
            output.ended().await;
        }
        None => std::future::pending().await,
    }
}
