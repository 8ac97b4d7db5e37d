//! From the plan of a service to the service of the library.

use fivetuple::call::describe;
use fivetuple::service::{
    Chargen, Chat, Console, Daytime, Discard, Echo, Hub, Output, Source, Time,
};
use fivetuple::{Identity, Server, Service, Summary};
use tokio::task::JoinHandle;

use super::streams;
use crate::plan;

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
            let terminal = streams::terminal(plan)
                .map_err(|error| format!("no thread for stdin or stdout: {}", describe(&error)))?;
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
        plan::Service::Source(size) => serve(server, move |_: &Identity| Source::new(size)),
        plan::Service::Hub(ref plan) => {
            let hub = Hub::new(plan.options.clone());
            let output = console(plan, || hub.console())?;
            Started {
                output,
                ..serve(server, hub)
            }
        }
        plan::Service::Chat(ref plan) => {
            let chat = Chat::new(plan.options.clone());
            let output = console(plan, || chat.console())?;
            Started {
                output,
                ..serve(server, chat)
            }
        }
    })
}

/// stdin and stdout as a member, if they are to be one.
fn console(plan: &plan::Hub, member: impl FnOnce() -> Console) -> Result<Option<Output>, String> {
    let Some(terminal) = &plan.console else {
        return Ok(None);
    };
    let failed = |error| format!("no thread for stdin or stdout: {}", describe(&error));
    let output = streams::output(terminal).map_err(failed)?;
    let console = member();
    // A stdin that cannot be read counts as one that has ended.
    if let Ok(stdin) = streams::stdin() {
        console.speak(stdin, &output).map_err(failed)?;
    }
    tokio::spawn(console.listen(output.clone()));
    Ok(Some(output))
}

fn serve<S: Service>(server: Server, service: S) -> Started {
    Started {
        serving: tokio::spawn(server.serve(service)),
        output: None,
    }
}
