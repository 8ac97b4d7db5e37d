//! How an error is told: the call that failed, what is known about it, and what to type.

use std::fmt::{self, Write};
use std::io;
use std::net::{IpAddr, SocketAddr};

use fivetuple::call::{Advice, Cause, Code, Errno, Fact, FileAdvice, Resource, Subject, describe};
use fivetuple::{Call, Explained, Family};

use crate::explain;
use crate::plan::Typed;
use crate::shell;

/// The whole text about an error, several lines without a newline at the end.
pub(crate) fn explain_error(error: &dyn Explained, typed: &Typed) -> String {
    let known = (error.facts(), error.advice());
    block(plain_error(error), (error.code(), known), |advice| {
        command(advice, error, typed)
    })
}

/// The text about a failed call before there are reports, without the name of the program.
pub(crate) fn explain_early(error: &dyn Explained) -> String {
    let known = (error.facts(), error.advice());
    block(error.to_string(), (error.code(), known), |advice| {
        system_command(advice, false).unwrap_or_else(|| advice.to_string())
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
        |advice| system_command(advice, false).unwrap_or_else(|| advice.to_string()),
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
fn command(advice: &Advice, error: &dyn Explained, typed: &Typed) -> String {
    let subject = error.subject();
    let is_call = matches!(error.call(), Call::Connect);
    match (typed.serves(), is_call) {
        (true, true) => relay_command(advice),
        (true, false) => listen_command(advice, subject, typed),
        (false, _) => connect_command(advice, subject, typed),
    }
    .or_else(|| system_command(advice, typed.is_of_datagrams()))
    .unwrap_or_else(|| advice.to_string())
}

fn listen_command(advice: &Advice, subject: &Subject, typed: &Typed) -> Option<String> {
    let Subject::Address(local) = subject else {
        return None;
    };
    let port = local.port();
    match advice {
        Advice::UseAnotherPort(free) => Some(typed.at(&with_port(local, *free))),
        Advice::UsePortFrom(start) => {
            let high = port.saturating_add(8000).max(*start);
            Some(typed.at(&with_port(local, high)))
        }
        // ft sets it itself; who had the port before did not.
        Advice::SetReuseAddress => {
            Some("set SO_REUSEADDR in the program that had the port before".to_owned())
        }
        Advice::UseLocalAddress(ip) => Some(typed.at(&SocketAddr::new(*ip, port).to_string())),
        _ => None,
    }
}

/// For a server that calls: a relay.
fn relay_command(advice: &Advice) -> Option<String> {
    Some(match advice {
        Advice::UseLocalAddress(ip) => format!("add --source {}", shell::word(source(*ip))),
        Advice::UseFamily(Family::Inet) => "add -4".to_owned(),
        Advice::UseFamily(Family::Inet6) => "add -6".to_owned(),
        Advice::TryAgain => "add --retry 5".to_owned(),
        Advice::WaitLonger => "add --connect-timeout 1m".to_owned(),
        Advice::ConnectTo(address) => format!("relay to {address}"),
        _ => return None,
    })
}

fn connect_command(advice: &Advice, subject: &Subject, typed: &Typed) -> Option<String> {
    let to = |option: &str, value: Option<&str>| typed.with(option, value);
    match advice {
        Advice::UseLocalAddress(ip) => to("--source", Some(&source(*ip))),
        Advice::UseFamily(Family::Inet) => to("-4", None),
        Advice::UseFamily(Family::Inet6) => to("-6", None),
        Advice::ListenThere => match subject {
            Subject::Unix(address) => {
                Some(format!("ft listen {}", shell::word(address.to_string())))
            }
            _ => None,
        },
        Advice::TryAgain => to("--retry", Some("5")),
        Advice::WaitLonger => to("--connect-timeout", Some("1m")),
        _ => None,
    }
}

fn system_command(advice: &Advice, datagrams: bool) -> Option<String> {
    Some(match advice {
        Advice::StopProcess(process) => format!("kill {}", process.pid),
        Advice::LookAsRoot(port) => {
            let kind = if datagrams { 'u' } else { 't' };
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
        IpAddr::V6(ip) => format!("[{ip}]"),
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
                Advice::UseAnotherPort(8082),
                Advice::UseAnotherPort(8082),
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

    fn typed(verb: &'static str, address: &str, words: &[&str]) -> Typed {
        let mut typed = Typed::verb(verb);
        typed.address(address.as_ref());
        for word in words {
            typed.word(word);
        }
        typed
    }

    #[test]
    fn an_error_says_call_facts_and_what_to_type() {
        let typed = typed("listen", "8080", &["echo"]);
        let text = explain_error(&in_use("127.0.0.1:8080", b"nc"), &typed);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines[0],
            "ft: bind 127.0.0.1:8080: address in use (EADDRINUSE)"
        );
        assert!(lines[1].starts_with("  held by nc"), "{text}");
        assert_eq!(
            lines[2],
            "  try: kill 4242 · ft listen 8082 echo · ft explain EADDRINUSE"
        );
        assert_eq!(lines.len(), 3);
    }

    #[test]
    fn a_name_cannot_steer_the_terminal() {
        let error = in_use("0.0.0.0:65535", b"e\x1b[31mvil\n");
        let text = explain_error(&error, &Typed::verb("listen"));
        assert!(!text.contains('\x1b'), "{text}");
        assert_eq!(text.lines().count(), 3, "{text}");
        assert!(text.contains(r"e\x1b[31mvil\n"), "{text}");
        assert!(text.contains("ft listen '*:8082' ·"), "{text}");
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
                for verb in ["listen", "relay", "connect"] {
                    let text = explain_error(&*error, &Typed::verb(verb));
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
        let text = explain_error(&error, &Typed::verb("connect"));
        assert!(text.starts_with("ft: connect 127.0.0.1:1: connection refused (ECONNREFUSED)\n"));
        assert!(text.contains("ft listen 1 ·"), "{text}");
        assert!(text.ends_with(" · ft explain ECONNREFUSED"), "{text}");
    }

    #[test]
    fn advice_about_datagrams_keeps_its_scheme() {
        let typed = typed("listen", "UDP:9", &["echo"]);
        for (local, expected) in [
            ("127.0.0.1:9", "ft listen udp:10 echo"),
            ("0.0.0.0:9", "ft listen 'udp:*:10' echo"),
            ("10.0.0.1:9", "ft listen udp:10.0.0.1:10 echo"),
        ] {
            let subject = Subject::Address(local.parse().unwrap());
            let text = listen_command(&Advice::UseAnotherPort(10), &subject, &typed);
            assert_eq!(text.as_deref(), Some(expected));
        }
        let text = system_command(&Advice::LookAsRoot(53), typed.is_of_datagrams()).unwrap();
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
            &typed("connect", "[::1]:80", &[]),
        );
        assert_eq!(text.as_deref(), Some("ft connect --retry 5 '[::1]:80'"));
        let text = system_command(&Advice::ConnectTo("[::1]:80".parse().unwrap()), false);
        assert_eq!(text.as_deref(), Some("ft connect '[::1]:80'"));
        let path = Path::new(OsStr::from_bytes(b"a \xff"));
        let text = system_command(&Advice::LookAtMode(path.into()), false);
        assert_eq!(text.as_deref(), Some(r"ls -ld $'a \377'"));
    }

    #[test]
    fn a_low_port_becomes_a_high_one() {
        let subject = Subject::Address("0.0.0.0:80".parse().unwrap());
        let typed = Typed::verb("listen");
        let text = listen_command(&Advice::UsePortFrom(1024), &subject, &typed).unwrap();
        assert_eq!(text, "ft listen '*:8080'");
        assert_eq!(plain_error("no such verb"), "ft: no such verb");
    }
}
