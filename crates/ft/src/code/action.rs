//! What a program does with a connection, from the service of a plan.

use std::os::unix::ffi::OsStrExt;

use fivetuple::service::{Data, ExecOptions, HttpOptions, Messages, Slow, Stderr};

use super::context::{Action, Exec, Hub, Receive, Send, Terminal, Typed};
use super::lower;
use crate::plan::{self, DatagramService, Service, Sums};

/// The name of the service, and what it needs to know.
///
/// # Errors
///
/// The sentence that says what no program of `ft code` does.
pub(super) fn of_service(service: &Service) -> Result<(&'static str, Action), String> {
    let mut action = Action::default();
    let name = match service {
        Service::Terminal(terminal) => {
            if terminal.slow != Slow::Block {
                return Err(not_here("--slow of the terminal"));
            }
            action.terminal = Some(of_terminal(terminal));
            "terminal"
        }
        Service::Echo => "echo",
        Service::Discard => "discard",
        Service::Chargen => "chargen",
        Service::Daytime => "daytime",
        Service::Time => "time",
        Service::Source(_) => return Err(no_service("source")),
        Service::Chat(_) => return Err(no_service("chat")),
        Service::Http(site) => {
            of_http(&site.options)?;
            "http"
        }
        Service::Relay(relay) => {
            action.relay = Some(of_relay(relay)?);
            "relay"
        }
        Service::Send(send) => {
            without_sums(send.digest)?;
            action.send = Some(Send {
                path: Typed::new(send.path.as_os_str().as_bytes()),
                from: send.from,
            });
            "send"
        }
        Service::Receive(receive) => {
            without_sums(receive.digest)?;
            action.receive = Some(Receive {
                path: Typed::new(receive.path.as_os_str().as_bytes()),
                directory: receive.directory,
            });
            "receive"
        }
        Service::Exec(options) => {
            action.exec = Some(of_exec(options)?);
            "exec"
        }
        Service::Hub(hub) => {
            action.hub = Some(of_hub(hub)?);
            "hub"
        }
    };
    Ok((name, action))
}

/// As [`of_service`], of datagrams.
pub(super) fn of_datagrams(service: &DatagramService) -> Result<&'static str, String> {
    match service {
        DatagramService::Echo => Ok("echo"),
        DatagramService::Discard => Ok("discard"),
        DatagramService::Chargen => Ok("chargen"),
        DatagramService::Daytime => Ok("daytime"),
        DatagramService::Time => Ok("time"),
        DatagramService::Relay(_) => Err(not_here("a relay of datagrams")),
    }
}

pub(super) fn of_terminal(terminal: &plan::Terminal) -> Terminal {
    Terminal {
        input: terminal.input,
        output: terminal.output,
        crlf: terminal.crlf,
    }
}

fn of_relay(relay: &plan::Relay) -> Result<super::context::Calling, String> {
    let [destination] = &*relay.destinations else {
        return Err("a relay of ft code has one destination: write only one".to_owned());
    };
    if relay.options.socket.interface.is_some() {
        return Err(not_here("--interface"));
    }
    lower::calling(destination, &relay.options).map_err(|error| error.to_string())
}

fn of_exec(options: &ExecOptions) -> Result<Exec, String> {
    let refused = [
        (options.data == Data::Terminal, "--pty"),
        (options.stderr != Stderr::Log, "--stderr"),
        (options.max_children.is_some(), "--max-children"),
    ];
    first(&refused)?;
    Ok(Exec {
        pipe: false,
        words: options
            .words
            .iter()
            .map(|word| Typed::new(word.as_bytes()))
            .collect(),
    })
}

fn of_http(options: &HttpOptions) -> Result<(), String> {
    let refused = [
        (options.status, "--status"),
        (
            options.head_deadline != HttpOptions::default().head_deadline,
            "--head-deadline",
        ),
    ];
    first(&refused)
}

fn of_hub(hub: &plan::Hub) -> Result<Hub, String> {
    let options = &hub.options;
    let refused = [
        (options.messages != Messages::Lines, "--messages chunks"),
        (options.rooms, "--rooms"),
        (options.history > 0, "--history"),
        (hub.console.is_some(), "--console"),
    ];
    first(&refused)?;
    Ok(Hub {
        max_line: options.max_line,
        max_behind: options.max_behind,
        slow: match options.slow {
            Slow::Block => "block",
            Slow::DropOldest => "drop-oldest",
            Slow::Close => "close",
        },
    })
}

fn without_sums(digest: Sums) -> Result<(), String> {
    match digest {
        Sums::Nowhere => Ok(()),
        Sums::Stdout | Sums::Stderr => Err(not_here("--digest")),
    }
}

/// The sentence for the first of these options that was given.
pub(super) fn first(refused: &[(bool, &'static str)]) -> Result<(), String> {
    match refused.iter().find(|(given, _)| *given) {
        Some((_, option)) => Err(not_here(option)),
        None => Ok(()),
    }
}

/// What is said of an option that no program has.
pub(super) fn not_here(option: &str) -> String {
    format!("{option} is in no program of ft code: leave it out")
}

fn no_service(name: &str) -> String {
    format!(
        "{name} is in no program of ft code (services: terminal, echo, discard, chargen, daytime, \
         time, send, receive, exec, shell, hub, relay, http)"
    )
}
