//! Sockets that were passed to this program: taken over, and listened on.

use std::os::fd::OwnedFd;

use fivetuple::address::SocketName;
use fivetuple::call::{Code, Errno};
use fivetuple::event::Observers;
use fivetuple::kernel::{inherited, name};
use fivetuple::{Listener, NotAdopted, Server, ServerOptions};

use super::status;
use crate::plan::{Listen, Sockets};

/// Takes over the sockets of this plan; called before anything else is opened.
///
/// # Errors
///
/// Why they cannot be served, and the status that it makes.
pub(super) fn take(plan: &Listen) -> Result<Vec<OwnedFd>, (u8, String)> {
    let Sockets::Passed(numbers) = &plan.sockets else {
        return Ok(Vec::new());
    };
    let passed: Result<Vec<OwnedFd>, String> = numbers.iter().copied().map(one).collect();
    let passed = passed.map_err(|text| (status::FAILED, text))?;
    match of_ip(&plan.options) {
        Some(option) if passed.iter().any(is_unix) => {
            let sentence =
                format!("{option} is about IP addresses, and a Unix socket has none: leave it out");
            Err((status::USAGE, sentence))
        }
        _ => Ok(passed),
    }
}

fn one(number: i32) -> Result<OwnedFd, String> {
    inherited::take_listening(number).map_err(|errno| match errno {
        Errno::INVAL => format!("descriptor {number} is a socket that does not listen"),
        Errno::PROTOTYPE => format!(
            "descriptor {number} is no stream socket, and --listen-fd takes no other: for \
             datagrams write ft listen udp:PORT"
        ),
        errno => {
            let code = Code::Errno(errno);
            format!("descriptor {number}: {} ({code})", code.text())
        }
    })
}

fn is_unix(fd: &OwnedFd) -> bool {
    matches!(name::local(fd), Ok(SocketName::Unix(_)))
}

/// The first option about IP addresses that clients of a Unix socket would go past.
fn of_ip(options: &ServerOptions) -> Option<&'static str> {
    let access = &options.access;
    let options = [
        (!access.allow.is_empty(), "--allow"),
        (!access.deny.is_empty(), "--deny"),
        (options.limits.max_per_ip.is_some(), "--max-per-ip"),
    ];
    let given = options.into_iter().find(|(given, _)| *given);
    given.map(|(_, option)| option)
}

/// A server on them.
pub(super) fn adopt(
    passed: Vec<OwnedFd>,
    plan: &Listen,
    observers: &Observers,
) -> Result<Server, NotAdopted> {
    let listeners = passed
        .into_iter()
        .map(|fd| Listener::adopt(fd, &plan.options.socket, observers))
        .collect::<Result<_, _>>()?;
    Ok(Server::of(listeners, plan.options.clone(), observers))
}
