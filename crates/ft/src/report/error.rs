//! How an error is told: the call that failed, what is known about it, and what to type.

use std::fmt::{self, Write};
use std::io;
use std::net::{IpAddr, SocketAddr};

use fivetuple::call::{
    Advice, Cause, Code, Errno, Fact, FileAdvice, Resource, Subject, Visible, describe,
};
use fivetuple::{Call, Explained, Family};

use crate::explain;
use crate::shell;

/// The command line that failed, as far as advice is made of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Context {
    /// The verb.
    pub(crate) verb: Verb,
    /// To listen, what stands behind the address: the service, empty for the default. To connect,
    /// the address. It is printed as it is, so it is quoted for a shell.
    pub(crate) rest: String,
    /// What stands in front of an address to listen on: nothing, or `udp:`.
    pub(crate) scheme: &'static str,
}

/// On which side of the diagram it failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    /// The passive open.
    Listen,
    /// The active open.
    Connect,
}

impl Context {
    /// What advice is made for.
    pub(crate) fn new(verb: Verb, rest: &str) -> Self {
        Self {
            verb,
            rest: rest.to_owned(),
            scheme: "",
        }
    }

    fn listen(&self, address: &str) -> String {
        let space = if self.rest.is_empty() { "" } else { " " };
        let scheme = self.scheme;
        let address = shell::word(format!("{scheme}{address}"));
        format!("ft listen {address}{space}{}", self.rest)
    }
}

/// The whole text about an error, several lines without a newline at the end.
pub(crate) fn explain_error(error: &dyn Explained, context: &Context) -> String {
    let known = (error.facts(), error.advice());
    block(plain_error(error), (error.code(), known), |advice| {
        command(advice, error, context)
    })
}

/// The text about something that the standard library could not do, without the name of the program.
pub(crate) fn explain_io(what: &str, error: &io::Error) -> String {
    let text = format!("{what}: {}", describe(error));
    let Some(errno) = Errno::from_io_error(error) else {
        return text;
    };
    let cause = Resource::missing(errno);
    let known = cause.map(|cause| (cause.facts(), cause.advice()));
    block(
        text,
        (Code::Errno(errno), known.unwrap_or_default()),
        |advice| {
            let nothing = Context::new(Verb::Listen, "");
            system_command(advice, &nothing).unwrap_or_else(|| advice.to_string())
        },
    )
}

/// A first line, what is known, and what to type.
fn block(
    mut text: String,
    (code, (facts, advice)): (Code, (Vec<Fact>, Vec<Advice>)),
    command: impl Fn(&Advice) -> String,
) -> String {
    for fact in facts {
        // Writing to a String does not fail.
        let _ = write!(text, "\n  {fact}");
    }
    let mut commands: Vec<String> = Vec::new();
    for one in &advice {
        let command = command(one);
        if !commands.contains(&command) {
            commands.push(command);
        }
    }
    let code = code.name();
    if explain::lookup(&code).is_ok() {
        commands.push(format!("ft explain {code}"));
    }
    if !commands.is_empty() {
        let _ = write!(text, "\n  try: {}", commands.join(" · "));
    }
    text
}

/// An error that is not one of a call: one line.
pub(crate) fn plain_error(error: impl fmt::Display) -> String {
    format!("ft: {error}")
}

/// The advice as something to type; where no command says it, in words.
fn command(advice: &Advice, error: &dyn Explained, context: &Context) -> String {
    let subject = error.subject();
    let is_call = matches!(error.call(), Call::Connect);
    match context.verb {
        Verb::Listen if is_call => relay_command(advice),
        Verb::Listen => listen_command(advice, subject, context),
        Verb::Connect => connect_command(advice, subject, context),
    }
    .or_else(|| system_command(advice, context))
    .unwrap_or_else(|| advice.to_string())
}

fn listen_command(advice: &Advice, subject: &Subject, context: &Context) -> Option<String> {
    let Subject::Address(local) = subject else {
        return None;
    };
    let port = local.port();
    match advice {
        Advice::UseAnotherPort => {
            let other = port.checked_add(1).unwrap_or(0);
            Some(context.listen(&with_port(local, other)))
        }
        Advice::UsePortFrom(start) => {
            let high = port.saturating_add(8000).max(*start);
            Some(context.listen(&with_port(local, high)))
        }
        // ft sets it itself; who had the port before did not.
        Advice::SetReuseAddress => {
            Some("set SO_REUSEADDR in the program that had the port before".to_owned())
        }
        Advice::UseLocalAddress(ip) => {
            Some(context.listen(&SocketAddr::new(*ip, port).to_string()))
        }
        _ => None,
    }
}

/// For a server that calls: a relay.
fn relay_command(advice: &Advice) -> Option<String> {
    Some(match advice {
        Advice::UseLocalAddress(ip) => format!("add --source {}", source(*ip)),
        Advice::UseFamily(Family::Inet) => "add -4".to_owned(),
        Advice::UseFamily(Family::Inet6) => "add -6".to_owned(),
        Advice::TryAgain => "add --retry 5".to_owned(),
        Advice::WaitLonger => "add --connect-timeout 1m".to_owned(),
        Advice::ConnectTo(address) => format!("relay to {address}"),
        _ => return None,
    })
}

fn connect_command(advice: &Advice, subject: &Subject, context: &Context) -> Option<String> {
    let to = |option: &str| match (context.rest.as_str(), subject) {
        ("", Subject::Address(peer)) => {
            let peer = shell::word(peer.to_string());
            Some(format!("ft connect {option} {peer}"))
        }
        ("", _) => None,
        (target, _) => Some(format!(
            "ft connect {option} {}",
            Visible(target.as_bytes())
        )),
    };
    match advice {
        Advice::UseLocalAddress(ip) => to(&format!("--source {}", source(*ip))),
        Advice::UseFamily(Family::Inet) => to("-4"),
        Advice::UseFamily(Family::Inet6) => to("-6"),
        Advice::ListenThere => match subject {
            Subject::Unix(address) => {
                Some(format!("ft listen {}", shell::word(address.to_string())))
            }
            _ => None,
        },
        Advice::TryAgain => to("--retry 5"),
        Advice::WaitLonger => to("--connect-timeout 1m"),
        _ => None,
    }
}

fn system_command(advice: &Advice, context: &Context) -> Option<String> {
    Some(match advice {
        Advice::StopProcess(process) => format!("kill {}", process.pid),
        Advice::LookAsRoot(port) => {
            let kind = if context.scheme == "udp:" { 'u' } else { 't' };
            format!("sudo ss -{kind}anp 'sport = :{port}'")
        }
        Advice::ReservePort(port) => {
            format!("sudo sysctl net.ipv4.ip_local_reserved_ports={port}")
        }
        Advice::GrantBindCapability => {
            "sudo setcap cap_net_bind_service=+ep \"$(command -v ft)\"".to_owned()
        }
        Advice::LowerUnprivilegedPortStart { port, .. } => {
            format!("sudo sysctl net.ipv4.ip_unprivileged_port_start={port}")
        }
        Advice::MakeFolder(path) => format!("mkdir -p {}", shell::path(path)),
        Advice::LookAtMode(path) => format!("ls -ld {}", shell::path(path)),
        Advice::CheckFirewall => "sudo nft list ruleset".to_owned(),
        Advice::CheckNetwork => "ip route".to_owned(),
        Advice::RaiseSoftLimit(limit) => match limit.hard {
            Some(hard) => format!("ulimit -n {hard}"),
            None => "ulimit -n unlimited".to_owned(),
        },
        Advice::ForFile(FileAdvice::UseTerminal) => {
            "ft listen 8080 < FILE (the terminal service sends what is piped in)".to_owned()
        }
        Advice::ForFile(FileAdvice::SendArchive) => {
            "tar c DIR | ft listen 8080 (an archive)".to_owned()
        }
        Advice::ConnectTo(address) => format!("ft connect {}", shell::word(address.to_string())),
        Advice::ListenAt(address) => {
            let address = with_port(address, address.port());
            format!("ft listen {}", shell::word(address))
        }
        _ => return None,
    })
}

/// As people type it: `8081` for this machine, `*:8081` for every interface.
fn with_port(local: &SocketAddr, port: u16) -> String {
    let ip = local.ip();
    if ip.is_loopback() {
        port.to_string()
    } else if ip.is_unspecified() {
        format!("*:{port}")
    } else {
        let mut other = *local;
        other.set_port(port);
        other.to_string()
    }
}

fn source(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => shell::word(format!("[{ip}]")),
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error;
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    use std::path::Path;

    use fivetuple::call::{AcceptError, BindError, ConnectError, Holder, Overlap, Who};
    use fivetuple::kernel::TcpState;
    use fivetuple::kernel::process::{Process, process};

    use super::*;

    #[derive(Debug)]
    struct InUse(Subject, Process);

    impl fmt::Display for InUse {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "bind {}: address in use (EADDRINUSE)", self.0)
        }
    }

    impl Error for InUse {}

    impl Explained for InUse {
        fn call(&self) -> Call {
            Call::Bind
        }

        fn subject(&self) -> &Subject {
            &self.0
        }

        fn code(&self) -> Code {
            Code::Errno(Errno::ADDRINUSE)
        }

        fn facts(&self) -> Vec<Fact> {
            vec![Fact::HeldBy(Holder {
                protocol: fivetuple::Protocol::Tcp,
                local: "127.0.0.1:8080".parse().unwrap(),
                peer: None,
                state: TcpState::Listen,
                overlap: Overlap::Same,
                who: Who::Processes(vec![self.1.clone()]),
            })]
        }

        fn advice(&self) -> Vec<Advice> {
            vec![
                Advice::StopProcess(self.1.clone()),
                Advice::UseAnotherPort,
                Advice::UseAnotherPort,
            ]
        }
    }

    fn in_use(address: &str, name: &[u8]) -> InUse {
        let local: SocketAddr = address.parse().unwrap();
        let mut process = process(std::process::id()).unwrap();
        process.pid = 4242;
        process.name = name.to_vec();
        process.since = None;
        InUse(local.into(), process)
    }

    #[test]
    fn an_error_says_call_facts_and_what_to_type() {
        let context = Context {
            verb: Verb::Listen,
            rest: "echo".to_owned(),
            scheme: "",
        };
        let text = explain_error(&in_use("127.0.0.1:8080", b"nc"), &context);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines[0],
            "ft: bind 127.0.0.1:8080: address in use (EADDRINUSE)"
        );
        assert!(lines[1].starts_with("  held by nc"), "{text}");
        assert_eq!(
            lines[2],
            "  try: kill 4242 · ft listen 8081 echo · ft explain EADDRINUSE"
        );
        assert_eq!(lines.len(), 3);
    }

    #[test]
    fn a_name_cannot_steer_the_terminal() {
        let error = in_use("0.0.0.0:65535", b"e\x1b[31mvil\n");
        let text = explain_error(&error, &Context::new(Verb::Listen, ""));
        assert!(!text.contains('\x1b'), "{text}");
        assert_eq!(text.lines().count(), 3, "{text}");
        assert!(text.contains(r"e\x1b[31mvil\n"), "{text}");
        assert!(text.contains("ft listen '*:0' ·"), "{text}");
    }

    #[test]
    fn every_errno_of_every_call_reads_well_on_both_sides() {
        let address: SocketAddr = "[2001:db8::1]:80".parse().unwrap();
        for raw in 1..140 {
            let errno = Errno::from_raw_os_error(raw);
            let errors: [Box<dyn Explained>; 3] = [
                Box::new(BindError::new(address, errno)),
                Box::new(AcceptError::new(address, errno)),
                Box::new(ConnectError::new(address, errno)),
            ];
            for error in errors {
                for verb in [Verb::Listen, Verb::Connect] {
                    let text = explain_error(&*error, &Context::new(verb, ""));
                    let mut lines = text.lines();
                    assert!(lines.next().is_some_and(|line| line.starts_with("ft: ")));
                    assert!(lines.all(|line| line.starts_with("  ")), "{text}");
                    assert!(!text.contains("  try: ·") && !text.contains("·  ·"));
                }
            }
        }
    }

    #[test]
    fn a_refused_connect_says_how_to_listen_there() {
        let address: SocketAddr = "127.0.0.1:1".parse().unwrap();
        let error = ConnectError::new(address, Errno::CONNREFUSED);
        let text = explain_error(&error, &Context::new(Verb::Connect, ""));
        assert!(text.starts_with("ft: connect 127.0.0.1:1: connection refused (ECONNREFUSED)\n"));
        assert!(text.contains("ft listen 1 ·"), "{text}");
        assert!(text.ends_with(" · ft explain ECONNREFUSED"), "{text}");
    }

    #[test]
    fn advice_about_datagrams_keeps_its_scheme() {
        let context = Context {
            scheme: "udp:",
            ..Context::new(Verb::Listen, "echo")
        };
        for (local, expected) in [
            ("127.0.0.1:9", "ft listen udp:10 echo"),
            ("0.0.0.0:9", "ft listen 'udp:*:10' echo"),
            ("10.0.0.1:9", "ft listen udp:10.0.0.1:10 echo"),
        ] {
            let subject = Subject::Address(local.parse().unwrap());
            let text = listen_command(&Advice::UseAnotherPort, &subject, &context);
            assert_eq!(text.as_deref(), Some(expected));
        }
        let text = system_command(&Advice::LookAsRoot(53), &context).unwrap();
        assert_eq!(text, "sudo ss -uanp 'sport = :53'");
    }

    #[test]
    fn an_address_that_a_shell_would_read_is_quoted() {
        let error = ConnectError::new(
            "[::1]:80".parse::<SocketAddr>().unwrap(),
            Errno::CONNREFUSED,
        );
        let text = connect_command(
            &Advice::TryAgain,
            error.subject(),
            &Context::new(Verb::Connect, ""),
        );
        assert_eq!(text.as_deref(), Some("ft connect --retry 5 '[::1]:80'"));
        let text = system_command(
            &Advice::ConnectTo("[::1]:80".parse().unwrap()),
            &Context::new(Verb::Connect, ""),
        );
        assert_eq!(text.as_deref(), Some("ft connect '[::1]:80'"));
        let path = Path::new(OsStr::from_bytes(b"a \xff"));
        let text = system_command(
            &Advice::LookAtMode(path.into()),
            &Context::new(Verb::Listen, ""),
        );
        assert_eq!(text.as_deref(), Some(r"ls -ld $'a \377'"));
    }

    #[test]
    fn a_low_port_becomes_a_high_one() {
        let subject = Subject::Address("0.0.0.0:80".parse().unwrap());
        let context = Context::new(Verb::Listen, "");
        let text = listen_command(&Advice::UsePortFrom(1024), &subject, &context).unwrap();
        assert_eq!(text, "ft listen '*:8080'");
        assert_eq!(plain_error("no such verb"), "ft: no such verb");
    }
}
