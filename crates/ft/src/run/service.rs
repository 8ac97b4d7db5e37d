//! From the plan of a service to the service of the library.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use fivetuple::address::Resolution;
use fivetuple::call::{Code, FileError, Visible};
use fivetuple::kernel::limit::DescriptorLimit;
use fivetuple::service::{
    Chargen, Chat, Console, Data, Daytime, Discard, Echo, Exec, ExecOptions, Http, Hub, Output,
    Relay, Source, Time,
};
use fivetuple::{
    Address, Call, Explained, Family, Identity, Loops, Server, Service, SocketName, Summary,
};
use tokio::runtime::Builder;
use tokio::sync::mpsc::{Receiver, channel};
use tokio::task::JoinHandle;

use super::files::{self, Teller};
use super::streams;
use crate::plan;
use crate::report::Reports;
use crate::report::error::explain_io;

/// A server at work.
pub(super) struct Started {
    pub(super) serving: JoinHandle<Summary>,
    /// Where what clients send goes, if it goes to stdout.
    pub(super) output: Option<Output>,
    /// Something that was not the network's failed: a file.
    pub(super) failed: Arc<AtomicBool>,
    /// Ends when all files were told of.
    pub(super) telling: Option<Receiver<()>>,
    /// The programs that serve connections.
    pub(super) programs: Option<Exec>,
}

/// What can be known before anybody is let in: whether the program or the file is there.
///
/// # Errors
///
/// What it would fail with.
pub(super) fn check(service: &plan::Service) -> Result<(), Box<dyn Explained>> {
    fn boxed(error: impl Explained + 'static) -> Box<dyn Explained> {
        Box::new(error)
    }
    match service {
        plan::Service::Exec(options) => options.check().map_err(boxed),
        plan::Service::Send(plan) => files::size(plan).map(drop).map_err(boxed),
        plan::Service::Receive(plan) => files::destination(plan).map(drop).map_err(boxed),
        plan::Service::Http(site) => {
            let opened = Http::open(&site.folder, site.options.clone()).map(drop);
            opened.map_err(|errno| boxed(FileError::new(Call::Open, &site.folder, errno)))
        }
        _ => Ok(()),
    }
}

/// Whether the connections stay with all threads together: where what one says makes work for all
/// others, and where reading a file may hold up a thread.
fn is_shared(service: &plan::Service) -> bool {
    use plan::Service::{Chat, Hub, Send};
    matches!(service, Hub(_) | Chat(_) | Send(_))
}

/// What accepts; and what serves all connections where they are shared.
pub(super) fn runtime(service: &plan::Service) -> Builder {
    if is_shared(service) {
        Builder::new_multi_thread()
    } else {
        Builder::new_current_thread()
    }
}

/// Gives each processor a loop of its own, if the service is for that.
fn spread(server: Server, service: &plan::Service) -> Result<Server, String> {
    if is_shared(service) {
        return Ok(server);
    }
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let loops = Loops::start(processors).map_err(|error| explain_io("no event loop", &error))?;
    Ok(server.on(loops))
}

/// A program that everybody can run who reaches us.
pub(super) fn warning(options: &ExecOptions) -> String {
    let program = options.program().as_encoded_bytes();
    format!(
        "warning: whoever can reach this address runs {} here; let in only some with --allow CIDR",
        Visible(program)
    )
}

/// Serves every client of `server` in this way. Programs get the limit on descriptors that we
/// `inherited`.
///
/// # Errors
///
/// One sentence: what the service needs and cannot have.
pub(super) fn start(
    server: Server,
    plan: &plan::Listen,
    (reports, inherited): (&Reports, Option<DescriptorLimit>),
) -> Result<Started, String> {
    let server = spread(server, &plan.service)?;
    Ok(match plan.service {
        plan::Service::Terminal(ref plan) => {
            let terminal = streams::terminal(plan, false)
                .map_err(|error| explain_io("stdin or stdout", &error))?;
            let output = Some(terminal.output.clone());
            heard(output, serve(server, terminal))
        }
        plan::Service::Echo => serve(server, |_: &Identity| Echo),
        plan::Service::Discard => serve(server, |_: &Identity| Discard),
        plan::Service::Chargen => serve(server, |_: &Identity| Chargen),
        plan::Service::Daytime => serve(server, |_: &Identity| Daytime::default()),
        plan::Service::Time => serve(server, |_: &Identity| Time::default()),
        plan::Service::Http(ref site) => serve(server, http(site)?),
        plan::Service::Send(ref send) => {
            let (teller, telling) = teller(&server, plan, reports);
            let failed = Arc::clone(&teller.failed);
            Started {
                failed,
                telling: Some(telling),
                ..serve(server, files::send(send, teller))
            }
        }
        plan::Service::Receive(ref receive) => {
            let (teller, telling) = teller(&server, plan, reports);
            let failed = Arc::clone(&teller.failed);
            let receive = files::receive(receive, teller).map_err(|error| error.to_string())?;
            Started {
                failed,
                telling: Some(telling),
                ..serve(server, receive)
            }
        }
        plan::Service::Exec(ref options) => {
            let is_unix = server.local().any(|local| local.inet().is_none());
            let exec = Exec::new(ExecOptions {
                descriptor_limit: inherited,
                data: match options.data {
                    Data::Socket if is_unix => Data::Pipe,
                    data => data,
                },
                ..options.clone()
            });
            let exec = exec.map_err(|error| error.to_string())?;
            Started {
                programs: Some(exec.clone()),
                ..serve(server, exec)
            }
        }
        plan::Service::Source(size) => {
            let source = Source::new(size);
            serve(server, move |_: &Identity| source.clone())
        }
        plan::Service::Relay(ref plan) => {
            let relay = relay(plan, server.local().cloned())?;
            serve(server, relay)
        }
        plan::Service::Hub(ref plan) => {
            let hub = Hub::new(plan.options.clone());
            let output = console(plan, || hub.console())?;
            heard(output, serve(server, hub))
        }
        plan::Service::Chat(ref plan) => {
            let chat = Chat::new(plan.options.clone());
            let output = console(plan, || chat.console())?;
            heard(output, serve(server, chat))
        }
    })
}

/// What clients send goes there, too.
fn heard(output: Option<Output>, started: Started) -> Started {
    Started { output, ..started }
}

/// The relay of a server that listens there.
///
/// # Errors
///
/// One sentence: it would call itself.
pub(super) fn relay(
    plan: &plan::Relay,
    listening: impl Iterator<Item = SocketName>,
) -> Result<Relay, String> {
    let relay = Relay::new(plan.destinations.clone(), plan.options.clone());
    match relay.leads_back(&listening.collect::<Vec<_>>()) {
        Some(itself) => Err(format!(
            "relay {itself}: that is where this relay listens, so every client would be its own \
             next client: write another destination"
        )),
        None => Ok(relay),
    }
}

/// What can be known of a relay before it listens at this address, and nobody is to hear of one
/// that leads to itself.
///
/// # Errors
///
/// As [`relay`].
pub(super) fn check_relay(
    plan: &plan::Relay,
    address: &Address,
    family: Option<Family>,
) -> Result<(), String> {
    let listening = match address {
        Address::Unix(name) => vec![name.clone().into()],
        Address::Tcp(place) | Address::Udp(place) => match place.listening_addresses(family) {
            Ok(Resolution::Known(all)) => all.into_iter().map(SocketName::Inet).collect(),
            // What a name stands for is known when it listens there.
            Ok(Resolution::Ask(_)) | Err(_) => Vec::new(),
        },
    };
    relay(plan, listening.into_iter()).map(drop)
}

/// stdin and stdout as a member, if they are to be one.
fn console(plan: &plan::Hub, member: impl FnOnce() -> Console) -> Result<Option<Output>, String> {
    let Some(terminal) = &plan.console else {
        return Ok(None);
    };
    let failed = |error| explain_io("stdin or stdout", &error);
    let output = streams::output(terminal).map_err(failed)?;
    let console = member();
    // A stdin that is closed counts as one that has ended.
    if let Some(stdin) = streams::stdin().map_err(failed)? {
        console.speak(stdin, &output).map_err(failed)?;
    }
    tokio::spawn(console.listen(output.clone()));
    Ok(Some(output))
}

fn serve<S: Service>(server: Server, service: S) -> Started {
    Started {
        serving: tokio::spawn(server.serve(service)),
        output: None,
        failed: Arc::default(),
        telling: None,
        programs: None,
    }
}

fn teller(server: &Server, plan: &plan::Listen, reports: &Reports) -> (Teller, Receiver<()>) {
    let local = server.local().next();
    let address = match &plan.sockets {
        // It goes on listening there itself.
        _ if !plan.options.once => None,
        plan::Sockets::Made(Address::Tcp(place)) => {
            let mut place = place.clone();
            // The port that the system chose, if it did.
            if let Some(local) = local.and_then(SocketName::inet) {
                place.port = local.port();
            }
            Some(Address::Tcp(place).to_string())
        }
        plan::Sockets::Made(address) => Some(address.to_string()),
        plan::Sockets::Passed(_) => None,
    };
    let (sender, telling) = channel(1);
    let teller = Teller {
        reports: reports.clone(),
        address,
        failed: Arc::default(),
        telling: sender,
    };
    (teller, telling)
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
