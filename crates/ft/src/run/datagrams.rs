//! `ft listen udp:…`: the passive road for datagrams.

use std::sync::Arc;

use fivetuple::address::{Host, HostPort};
use fivetuple::kernel::limit::raise_descriptor_limit;
use fivetuple::service::{Chargen, Daytime, Discard, Echo, Time};
use fivetuple::{DatagramServer, Identity, Summary};
use tokio::task::JoinHandle;

use super::counters::Counters;
use super::listen::{Running, refuse};
use super::notify::Notice;
use super::signals::Signals;
use crate::plan::{DatagramService, ListenDatagrams};
use crate::report::Reports;

pub(super) async fn listen(plan: ListenDatagrams) -> u8 {
    let counters = Arc::new(Counters::default());
    let (reports, observers) = match Reports::open(&plan.report, vec![counters.clone()]) {
        Ok(opened) => opened,
        Err(text) => return super::fail(&text),
    };
    // Best effort: a relay of datagrams needs descriptors, a plain service a handful.
    let _ = raise_descriptor_limit();
    let signals = Signals::new();
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
        reports.say(&format!(
            "only this machine can send; for every interface: ft listen 'udp:*:{port}'"
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
        programs: None,
        counters,
        reports,
        signals,
        notice: Notice::new(plan.notify.as_deref()),
    };
    running.notice.ready();
    running.until_ended(start(server, plan.service)).await
}

fn start(server: DatagramServer, service: DatagramService) -> JoinHandle<Summary> {
    tokio::spawn(async move {
        let summary = match service {
            DatagramService::Echo => server.serve(|_: &Identity| Echo).await,
            DatagramService::Discard => server.serve(|_: &Identity| Discard).await,
            DatagramService::Chargen => server.serve(|_: &Identity| Chargen).await,
            DatagramService::Daytime => server.serve(|_: &Identity| Daytime::default()).await,
            DatagramService::Time => server.serve(|_: &Identity| Time::default()).await,
        };
        Summary {
            accepted: summary.accepted,
            panicked: summary.panicked,
            ..Summary::default()
        }
    })
}
