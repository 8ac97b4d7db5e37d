//! From the plan of a service to the service of the library.

use fivetuple::call::{ExecError, Visible, describe};
use fivetuple::kernel::limit::DescriptorLimit;
use fivetuple::service::{
    Chargen, Daytime, Discard, Echo, Exec, ExecOptions, Output, Source, Time,
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
    /// The programs that serve connections.
    pub(super) programs: Option<Exec>,
}

/// What can be known beforehand: whether a program is there.
///
/// # Errors
///
/// What starting it would fail with.
pub(super) fn check(service: &plan::Service) -> Result<(), ExecError> {
    match service {
        plan::Service::Exec(options) => options.check(),
        _ => Ok(()),
    }
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
    service: &plan::Service,
    inherited: Option<DescriptorLimit>,
) -> Result<Started, String> {
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
        plan::Service::Exec(ref options) => {
            let exec = Exec::new(ExecOptions {
                descriptor_limit: inherited,
                ..options.clone()
            });
            let exec = exec.map_err(|error| error.to_string())?;
            Started {
                programs: Some(exec.clone()),
                ..serve(server, exec)
            }
        }
        plan::Service::Source(size) => serve(server, move |_: &Identity| Source::new(size)),
    })
}

fn serve<S: Service>(server: Server, service: S) -> Started {
    Started {
        serving: tokio::spawn(server.serve(service)),
        output: None,
        programs: None,
    }
}
