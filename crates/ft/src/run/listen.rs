//! `ft listen`: the passive road, its signals and its last line.

use std::sync::Arc;
use std::time::Duration;

use fivetuple::address::{Host, HostPort, SocketName};
use fivetuple::event::Observers;
use fivetuple::kernel::limit::raise_descriptor_limit;
use fivetuple::service::Output;
use fivetuple::{Control, Event, NotListening, Server, Summary, Table};
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::counters::Counters;
use super::signals::{Asked, Signals};
use super::{remark, service, status, status_of, streams};
use crate::plan::Listen;
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
    let _ = raise_descriptor_limit();
    let signals = Signals::new();
    let server = match Server::open(&plan.address, plan.options.clone(), &observers).await {
        Ok(server) => server,
        Err(error) => return refuse(&error, &reports, &observers),
    };
    let is_here = |place: &HostPort| place.host == Host::Here;
    if plan.address.host_port().is_some_and(is_here) {
        let first = server.local().next().and_then(SocketName::inet);
        let port = first.map_or(0, |local| local.port());
        reports.say(&format!(
            "only this machine can connect; for every interface: ft listen '*:{port}'"
        ));
    }
    let mut running = Running {
        once: plan.options.once,
        drain_s: plan.options.drain.as_secs_f64(),
        control: server.control(),
        table: server.table(),
        output: None,
        counters,
        reports,
        signals,
    };
    match service::start(server, &plan.service) {
        Ok(started) => {
            running.output = started.output;
            running.until_ended(started.serving).await
        }
        Err(text) => {
            running.reports.error(text);
            super::close(&running.reports, status::FAILED)
        }
    }
}

pub(super) fn refuse(error: &NotListening, reports: &Reports, observers: &Observers) -> u8 {
    let status = match error.explained() {
        Some(explained) => {
            observers.emit(&Event::Failed {
                connection: None,
                local: None,
                error: explained,
            });
            status::FAILED
        }
        None => {
            reports.error(error);
            status::USAGE
        }
    };
    super::close(reports, status)
}

/// A server at work, seen from the one who started it.
pub(super) struct Running {
    pub(super) once: bool,
    pub(super) drain_s: f64,
    pub(super) control: Control,
    pub(super) table: Arc<Table>,
    pub(super) output: Option<Output>,
    pub(super) counters: Arc<Counters>,
    pub(super) reports: Reports,
    pub(super) signals: Signals,
}

impl Running {
    pub(super) async fn until_ended(mut self, mut serving: JoinHandle<Summary>) -> u8 {
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
