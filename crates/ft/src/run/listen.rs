//! `ft listen`: the passive road, its signals and its last line.

use std::os::fd::OwnedFd;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use fivetuple::address::{Host, SocketName, UnixAddress};
use fivetuple::event::Observers;
use fivetuple::kernel::limit::raise_descriptor_limit;
use fivetuple::service::{Exec, Output};
use fivetuple::{Address, Control, Event, Explained, NotListening, Server, Summary, Table};
use tokio::sync::mpsc::Receiver;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::counters::Counters;
use super::notify::Notice;
use super::progress::Progress;
use super::signals::{Asked, Signals};
use super::{files, passed, remark, service, status, status_of, streams};
use crate::plan::{Listen, Service, Sockets};
use crate::report::Reports;

/// If it listens longer than this after it was told to stop, it says why.
const STOPS_WITHIN: Duration = Duration::from_millis(500);

pub(super) async fn listen(plan: Listen, passed: Vec<OwnedFd>) -> u8 {
    let counters = Arc::new(Counters::default());
    let (reports, observers) = match Reports::open(&plan.report, vec![counters.clone()]) {
        Ok(opened) => opened,
        Err(text) => return super::fail(&text),
    };
    // Best effort: with the old limit fewer clients are served at a time.
    let inherited = raise_descriptor_limit().ok();
    let signals = Signals::new();
    if let Err(error) = service::check(&plan.service) {
        observers.emit(&failed(&*error));
        return super::close(&reports, status::FAILED);
    }
    if let (Service::Relay(relay), Sockets::Made(address)) = (&plan.service, &plan.sockets)
        && let Err(text) = service::check_relay(relay, address, plan.options.family)
    {
        reports.error(text);
        return super::close(&reports, status::FAILED);
    }
    let server = match open(&plan, passed, (&reports, &observers)).await {
        Ok(server) => server,
        Err(status) => return super::close(&reports, status),
    };
    say_who_can_connect(&plan, &server, &reports);
    let notice = Notice::new(plan.notify.as_deref());
    let mut running = Running {
        once: plan.options.once,
        drain_s: plan.options.drain.as_secs_f64(),
        control: server.control(),
        table: server.table(),
        output: None,
        failed: Arc::default(),
        progress: progress(&plan.service, &server.table(), &counters),
        telling: None,
        programs: None,
        counters,
        reports,
        signals,
        notice,
    };
    match service::start(server, &plan, (&running.reports, inherited)) {
        Ok(started) => {
            running.output = started.output;
            running.programs = started.programs;
            running.failed = started.failed;
            running.telling = started.telling;
            running.notice.ready();
            if let Some((progress, true)) = running.progress.clone() {
                tokio::spawn(progress.draw(running.reports.clone()));
            }
            running.until_ended(started.serving).await
        }
        Err(text) => {
            running.reports.error(text);
            super::close(&running.reports, status::FAILED)
        }
    }
}

/// How far a server that moves files is, and whether that is drawn.
fn progress(
    service: &Service,
    table: &Arc<Table>,
    counters: &Arc<Counters>,
) -> Option<(Progress, bool)> {
    let (table, counters) = (Arc::clone(table), Arc::clone(counters));
    match service {
        Service::Send(plan) => {
            let size = files::size(plan).unwrap_or(0);
            Some((Progress::Sending(table, counters, size), plan.bar))
        }
        Service::Receive(plan) => Some((Progress::Receiving(table, counters), plan.bar)),
        _ => None,
    }
}

async fn open(
    plan: &Listen,
    sockets: Vec<OwnedFd>,
    (reports, observers): (&Reports, &Observers),
) -> Result<Server, u8> {
    let error = match &plan.sockets {
        Sockets::Made(address) => {
            match Server::open(address, plan.options.clone(), observers).await {
                Ok(server) => return Ok(server),
                Err(error) => error,
            }
        }
        Sockets::Passed(_) => {
            return passed::adopt(sockets, plan, observers).map_err(|error| {
                reports.error(error);
                status::FAILED
            });
        }
    };
    Err(refuse(&error, reports, observers))
}

/// Says why nobody can come; the status that it makes.
pub(super) fn refuse(error: &NotListening, reports: &Reports, observers: &Observers) -> u8 {
    let Some(explained) = error.explained() else {
        reports.error(error);
        return status::USAGE;
    };
    observers.emit(&failed(explained));
    status::FAILED
}

fn say_who_can_connect(plan: &Listen, server: &Server, reports: &Reports) {
    match &plan.sockets {
        Sockets::Made(Address::Tcp(place)) if place.host == Host::Here => {
            let first = server.local().next().and_then(SocketName::inet);
            let port = first.map_or(0, |local| local.port());
            let everywhere = plan.report.typed.at(&format!("*:{port}"));
            reports.say(&format!(
                "only this machine can connect; for every interface: {everywhere}"
            ));
        }
        Sockets::Made(Address::Unix(UnixAddress::Abstract(_))) => {
            reports.say("an abstract name has no mode: everybody on this machine can connect");
        }
        Sockets::Made(_) | Sockets::Passed(_) => {}
    }
    let mut local = server.local().filter_map(SocketName::inet);
    if let Service::Exec(options) = &plan.service
        && plan.options.access.allow.is_empty()
        && local.any(|local| !local.ip().is_loopback())
    {
        reports.say(&service::warning(options));
    }
}

fn failed(error: &dyn Explained) -> Event<'_> {
    Event::Failed {
        connection: None,
        local: None,
        error,
    }
}

/// A server at work, seen from the one who started it.
pub(super) struct Running {
    pub(super) once: bool,
    pub(super) drain_s: f64,
    pub(super) control: Control,
    pub(super) table: Arc<Table>,
    pub(super) output: Option<Output>,
    pub(super) failed: Arc<AtomicBool>,
    pub(super) progress: Option<(Progress, bool)>,
    pub(super) telling: Option<Receiver<()>>,
    pub(super) programs: Option<Exec>,
    pub(super) counters: Arc<Counters>,
    pub(super) reports: Reports,
    pub(super) signals: Signals,
    pub(super) notice: Notice,
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
                    Asked::Counters => self.reports.say(&self.line()),
                    Asked::End(_) if first_signal => {
                        first_signal = false;
                        untold = true;
                        self.notice.stopping();
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
                    self.notice.stopping();
                    self.control.drain();
                }
            }
        };
        let killed = self.end_programs(second_signal.is_some()).await;
        second_signal = second_signal.or(killed);
        if let Some(telling) = self.telling.take()
            && !files::all_told(telling).await
        {
            self.failed.store(true, Ordering::Relaxed);
            self.reports.error(
                "a disk is too slow to wait for: how much of its file is there is not known",
            );
        }
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

    /// What USR1 prints.
    fn line(&self) -> String {
        let mut line = self.counters.line(&self.table);
        if let Some(progress) = self.progress.as_ref().and_then(|(one, _)| one.line()) {
            line += "; ";
            line += &progress;
        }
        line
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
            _ if summary.cut > 0 || self.failed.load(Ordering::Relaxed) => status::FAILED,
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
