//! `ft listen udp:…`: the passive road for datagrams.

use std::sync::Arc;

use fivetuple::address::{Host, HostPort, SocketName};
use fivetuple::kernel::limit::raise_descriptor_limit;
use fivetuple::service::{Chargen, Daytime, Discard, Echo, Time};
use fivetuple::{DatagramServer, Identity, Summary};
use tokio::task::JoinHandle;

use super::counters::Counters;
use super::listen::{Running, refuse};
use super::notify::Notice;
use super::service::{check_relay, relay};
use super::signals::Signals;
use super::status;
use crate::plan::{DatagramService, ListenDatagrams};
use crate::report::Reports;

pub(super) async fn listen(plan: ListenDatagrams) -> u8 {
    let counters = Arc::new(Counters::default());
    let (reports, observers) = match Reports::open(&plan.report, vec![counters.clone()]) {
        Ok(opened) => opened,
        Err(text) => return super::fail(&text),
    };
    // Best effort: with the old limit a relay knows fewer peers at a time.
    let _ = raise_descriptor_limit();
    let signals = Signals::new();
    if let DatagramService::Relay(relay) = &plan.service
        && let Err(text) = check_relay(relay, &plan.address, plan.options.family)
    {
        reports.error(text);
        return super::close(&reports, status::FAILED);
    }
    let opened = DatagramServer::open(&plan.address, plan.options.clone(), &observers).await;
    let server = match opened {
        Ok(server) => server,
        Err(error) => {
            let status = refuse(&error, &reports, &observers);
            return super::close(&reports, status);
        }
    };
    let is_here = |place: &HostPort| place.host == Host::Here;
    if plan.address.host_port().is_some_and(is_here) {
        let port = server.local().next().map_or(0, |local| local.port());
        let everywhere = plan.report.typed.at(&format!("*:{port}"));
        reports.say(&format!(
            "only this machine can send; for every interface: {everywhere}"
        ));
    }
    let running = Running {
        once: false,
        drain_s: 0.0,
        control: server.control(),
        table: server.table(),
        output: None,
        failed: Arc::default(),
        progress: None,
        telling: None,
        programs: None,
        counters,
        reports,
        signals,
        notice: Notice::new(plan.notify.as_deref()),
    };
    match start(server, plan.service) {
        Ok(serving) => {
            running.notice.ready();
            running.until_ended(serving).await
        }
        Err(text) => {
            running.reports.error(text);
            super::close(&running.reports, status::FAILED)
        }
    }
}

/// Serves every peer of `server` in this way.
///
/// # Errors
///
/// One sentence: what is wrong with the service.
fn start(server: DatagramServer, service: DatagramService) -> Result<JoinHandle<Summary>, String> {
    Ok(match service {
        DatagramService::Echo => serve(server, |_: &Identity| Echo),
        DatagramService::Discard => serve(server, |_: &Identity| Discard),
        DatagramService::Chargen => serve(server, |_: &Identity| Chargen),
        DatagramService::Daytime => serve(server, |_: &Identity| Daytime::default()),
        DatagramService::Time => serve(server, |_: &Identity| Time::default()),
        DatagramService::Relay(plan) => {
            let relay = relay(&plan, server.local().map(SocketName::Inet))?;
            serve(server, relay)
        }
    })
}

fn serve<S: fivetuple::DatagramService>(server: DatagramServer, service: S) -> JoinHandle<Summary> {
    tokio::spawn(async move {
        let summary = server.serve(service).await;
        Summary {
            accepted: summary.accepted,
            panicked: summary.panicked,
            ..Summary::default()
        }
    })
}
