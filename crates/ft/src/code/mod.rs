//! The same program in another language: from a plan to a text, by way of the calls that a run of it
//! makes.
//!
//! [`action`] and [`lower`] make a [`context`] of the plan, [`lacks`] says what the language has no
//! way to do, and [`render`] has the templates of the language spell the rest.

mod action;
mod context;
mod lacks;
mod language;
mod literal;
mod lower;
mod render;

use std::error::Error;

use fivetuple::{Access, DatagramOptions, SocketOptions, Terms};

use self::action::not_here;
use self::context::{Action, Context};
use crate::plan::{
    Code, Connect, Language, Listen, ListenDatagrams, Plan, Sockets, Style, Verbosity,
};

pub(crate) use language::list;

/// The text of the program.
///
/// # Errors
///
/// One sentence that names what the program cannot do.
pub(crate) fn program(code: &Code) -> Result<String, String> {
    let bounded = code.style == Style::Production;
    let context = match &*code.of {
        Plan::Listen(plan) => server(code, plan, bounded)?,
        Plan::ListenDatagrams(plan) => datagram_server(code, plan)?,
        Plan::Connect(plan) => client(code, plan, bounded)?,
        Plan::Check(_) => return Err(not_here("--check")),
        _ => return Err("only listen, connect and relay become programs".to_owned()),
    };
    let context = lacks::settled(context, code)?;
    // A template that does not fit its context; every cell is rendered by a test.
    render::render(code.language, &context).map_err(|error| {
        let mut why = format!("the program could not be written: {error}");
        let mut cause = error.source();
        while let Some(error) = cause {
            why.push_str(&format!(": {error}"));
            cause = error.source();
        }
        why
    })
}

fn server(code: &Code, plan: &Listen, bounded: bool) -> Result<Context, String> {
    let Sockets::Made(address) = &plan.sockets else {
        return Err(not_here("--listen-fd"));
    };
    let options = &plan.options;
    for_all(&options.socket, &options.access, options.limits.max_per_ip)?;
    let listening = lower::listening(address, options.family, &options.socket, options.backlog);
    let (service, mut action) = action::of_service(&plan.service)?;
    if let Some(exec) = &mut action.exec {
        exec.pipe = plan.report.typed.has("--pipe");
    }
    // A program that is started decides itself how long a direction may stay open alone.
    let defaults = Terms {
        half_closed: Terms::SERVER.half_closed.filter(|_| service != "exec"),
        ..Terms::SERVER
    };
    Ok(Context {
        listen: Some(listening.map_err(|error| error.to_string())?),
        terms: context::Terms {
            once: options.once,
            drain_ms: lower::milliseconds(options.drain),
            max_connections: options.limits.max_connections,
            at_limit: lower::at_limit(options.limits.at_limit),
            ..lower::terms(&options.terms, &defaults, bounded)
        },
        quiet: plan.report.verbosity == Verbosity::Quiet,
        ..frame(code, "server", lower::protocol(address), (service, action))
    })
}

fn datagram_server(code: &Code, plan: &ListenDatagrams) -> Result<Context, String> {
    let options = &plan.options;
    for_all(&options.socket, &options.access, options.max_per_ip)?;
    let defaults = DatagramOptions::default();
    let refused = [
        (options.idle != defaults.idle, "--idle of datagrams"),
        (options.deadline.is_some(), "--deadline of datagrams"),
        (
            (options.max_connections, options.when_full)
                != (defaults.max_connections, defaults.when_full),
            "a limit of its own on those who send datagrams",
        ),
    ];
    action::first(&refused)?;
    let listening = lower::listening(&plan.address, options.family, &options.socket, 0);
    let service = action::of_datagrams(&plan.service)?;
    Ok(Context {
        listen: Some(listening.map_err(|error| error.to_string())?),
        quiet: plan.report.verbosity == Verbosity::Quiet,
        ..frame(code, "server", "udp", (service, Action::default()))
    })
}

fn client(code: &Code, plan: &Connect, bounded: bool) -> Result<Context, String> {
    let options = &plan.options;
    for_all(&options.connect.socket, &Access::default(), None)?;
    if plan.watch.digest {
        return Err(not_here("--digest"));
    }
    let protocol = lower::protocol(&plan.target);
    let calling = lower::calling(&plan.target, &options.connect);
    let mut action = Action::default();
    let service = match &plan.exec {
        Some(words) => {
            let words = words
                .iter()
                .map(|word| context::Typed::new(word.as_encoded_bytes()));
            action.exec = Some(context::Exec {
                words: words.collect(),
                pipe: false,
            });
            "exec"
        }
        None => {
            action.terminal = Some(action::of_terminal(&plan.terminal));
            "terminal"
        }
    };
    let mut terms = lower::terms(&options.terms, &Terms::CLIENT, bounded);
    if protocol == "udp" {
        terms.datagram_wait_ms = terms.half_closed_ms.take();
    }
    Ok(Context {
        connect: Some(calling.map_err(|error| error.to_string())?),
        terms,
        quiet: plan.report.verbosity == Verbosity::Quiet,
        ..frame(code, "client", protocol, (service, action))
    })
}

/// Options of every socket that no program has.
fn for_all(socket: &SocketOptions, access: &Access, max_per_ip: Option<u32>) -> Result<(), String> {
    let refused = [
        (socket.interface.is_some(), "--interface"),
        (!access.allow.is_empty(), "--allow"),
        (!access.deny.is_empty(), "--deny"),
        (max_per_ip.is_some(), "--max-per-ip"),
    ];
    action::first(&refused)
}

/// A context without addresses, and with the terms of nobody.
fn frame(
    code: &Code,
    role: &'static str,
    protocol: &'static str,
    (service, action): (&'static str, Action),
) -> Context {
    let stem = if role == "client" { role } else { service };
    let facts = language::facts(code.language);
    // A class is called as its file.
    let class: String = capitalized(stem);
    let file = match code.language {
        Language::Java => &class,
        _ => stem,
    };
    Context {
        command: code.command.clone(),
        version: env!("CARGO_PKG_VERSION"),
        language: code.language.word(),
        model: code.model.word(),
        described: language::described(code.model),
        style: code.style.word(),
        commented: code.style != Style::Minimal,
        file: format!("{file}.{}", facts.extension),
        class,
        lacks: Vec::new(),
        role,
        protocol,
        service,
        listen: None,
        connect: None,
        socket: lower::socket(&SocketOptions::default()),
        terms: lower::terms(&Terms::SERVER, &Terms::SERVER, false),
        quiet: false,
        action,
    }
}

fn capitalized(word: &str) -> String {
    let mut characters = word.chars();
    let first = characters.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(characters).collect()
}

#[cfg(test)]
mod tests;
