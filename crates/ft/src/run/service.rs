//! From the plan of a service to the service of the library.

use fivetuple::call::{Code, Visible};
use fivetuple::service::{Chargen, Daytime, Discard, Echo, Http, Output, Relay, Source, Time};
use fivetuple::{Identity, Server, Service, Summary};
use tokio::task::JoinHandle;

use super::streams;
use crate::plan;
use crate::report::error::explain_io;

/// A server at work.
pub(super) struct Started {
    pub(super) serving: JoinHandle<Summary>,
    /// Where what clients send goes, if it goes to stdout.
    pub(super) output: Option<Output>,
}

/// Serves every client of `server` in this way.
///
/// # Errors
///
/// One sentence: what the service needs and cannot have.
pub(super) fn start(server: Server, service: &plan::Service) -> Result<Started, String> {
    Ok(match *service {
        plan::Service::Terminal(ref plan) => {
            let terminal =
                streams::terminal(plan).map_err(|error| explain_io("stdin or stdout", &error))?;
            let output = Some(terminal.output.clone());
            Started {
                output,
                ..serve(server, terminal)
            }
        }
        plan::Service::Echo => serve(server, |_: &Identity| Echo),
        plan::Service::Discard => serve(server, |_: &Identity| Discard),
        plan::Service::Chargen => serve(server, |_: &Identity| Chargen),
        plan::Service::Daytime => serve(server, |_: &Identity| Daytime::default()),
        plan::Service::Time => serve(server, |_: &Identity| Time::default()),
        plan::Service::Http(ref site) => serve(server, http(site)?),
        plan::Service::Source(size) => serve(server, move |_: &Identity| Source::new(size)),
        plan::Service::Relay(ref plan) => relay(server, plan)?,
    })
}

fn relay(server: Server, plan: &plan::Relay) -> Result<Started, String> {
    let relay = Relay::new(plan.destinations.clone(), plan.options.clone());
    let listening: Vec<_> = server.local().cloned().collect();
    match relay.leads_back(&listening) {
        Some(itself) => Err(format!(
            "relay {itself}: that is where this relay listens, so every client would be its own \
             next client: write another destination"
        )),
        None => Ok(serve(server, relay)),
    }
}

fn serve<S: Service>(server: Server, service: S) -> Started {
    Started {
        serving: tokio::spawn(server.serve(service)),
        output: None,
    }
}

fn http(site: &plan::Site) -> Result<Http, String> {
    Http::open(&site.folder, site.options.clone()).map_err(|errno| {
        let (folder, code) = (
            Visible(site.folder.as_os_str().as_encoded_bytes()),
            Code::Errno(errno),
        );
        format!("open {folder}: {} ({code})", code.text())
    })
}
