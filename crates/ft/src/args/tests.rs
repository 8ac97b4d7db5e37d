//! Each option lands in its field, each mistake has its sentence.

use std::os::unix::ffi::OsStringExt;
use std::time::Duration;

use fivetuple::address::Host;
use fivetuple::service::Slow;
use fivetuple::{Address, AtLimit, Eof, Family, Retry};
use proptest::strategy::Strategy;

use super::example::examples;
use super::verb::VERBS;
use super::*;
use crate::plan::{Check, Connect, Destination, Listen, Service, Sockets, Terminal, Verbosity};

fn planned(line: &str, terminals: Terminals, environment: &Environment) -> Result<Plan, Exit> {
    let words = line.split_whitespace().map(|word| match word {
        "''" => OsString::new(),
        word => word.trim_matches('\'').into(),
    });
    let argv = std::iter::once(OsString::from("ft")).chain(words);
    plan(argv, terminals, environment)
}

fn piped(line: &str) -> Result<Plan, Exit> {
    planned(line, Terminals::default(), &Environment::default())
}

fn listen(line: &str) -> Listen {
    match piped(line) {
        Ok(Plan::Listen(listen)) => *listen,
        other => panic!("{line}: {other:?}"),
    }
}

fn connect(line: &str) -> Connect {
    match piped(line) {
        Ok(Plan::Connect(connect)) => *connect,
        other => panic!("{line}: {other:?}"),
    }
}

fn check(line: &str) -> Check {
    match piped(line) {
        Ok(Plan::Check(check)) => *check,
        other => panic!("{line}: {other:?}"),
    }
}

fn printed(line: &str) -> String {
    match piped(line) {
        Ok(Plan::Print(text)) => text,
        other => panic!("{line}: {other:?}"),
    }
}

fn terminal(service: Service) -> Terminal {
    match service {
        Service::Terminal(terminal) => terminal,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_relay_is_a_server_with_that_service() {
    let options = "--retry 3 --connect-timeout 2s --source 127.0.0.1 -4 --interface lo --once";
    let plans = [
        format!("relay {options} 8080 one:80,127.0.0.2:81"),
        format!("relay 8080 {options} one:80,127.0.0.2:81"),
        format!("relay 8080 one:80,127.0.0.2:81 {options}"),
        format!("{options} relay 8080 one:80,127.0.0.2:81"),
        format!("listen 8080 relay one:80,127.0.0.2:81 {options}"),
        format!("listen {options} 8080 relay one:80,127.0.0.2:81"),
    ];
    for line in plans {
        let plan = listen(&line);
        assert_eq!(made(&plan), "*:8080".parse().unwrap(), "{line}");
        assert!(plan.options.once, "{line}");
        assert_eq!(plan.options.family, Some(Family::Inet), "{line}");
        assert_eq!(plan.options.socket.interface.as_deref(), Some("lo"));
        assert!(plan.report.typed.serves());
        let Service::Relay(relay) = plan.service else {
            panic!("{line}");
        };
        let to = ["one:80", "127.0.0.2:81"].map(|word| word.parse().unwrap());
        assert_eq!(relay.destinations, to, "{line}");
        let options = relay.options;
        assert_eq!(options.retry, Retry::Times(3));
        assert_eq!(options.connect_timeout, Duration::from_secs(2));
        assert_eq!(options.source, Some("127.0.0.1:0".parse().unwrap()));
        assert_eq!(options.family, Some(Family::Inet));
        assert_eq!(options.socket.interface.as_deref(), Some("lo"));
    }
    let plain = listen("relay 8080 9090");
    assert_eq!(made(&plain), "8080".parse().unwrap());
    assert_eq!(plain.options.terms, fivetuple::Terms::SERVER);
    let Service::Relay(relay) = plain.service else {
        panic!();
    };
    assert_eq!(relay.options, fivetuple::ConnectOptions::default());
}

#[test]
fn where_a_relay_listens_without_ip_its_options_are_about_its_calls() {
    for line in [
        "relay unix:/x localhost:80,unix:/y -6 --interface lo --source ::1",
        "relay unix:@x localhost:80 -6 --interface lo --source ::1",
        "listen --listen-fd 3 relay localhost:80 -6 --interface lo --source ::1",
    ] {
        let plan = listen(line);
        let made = matches!(plan.sockets, Sockets::Made(_));
        assert_eq!(plan.options.socket.interface.is_some(), made, "{line}");
        let Service::Relay(relay) = plan.service else {
            panic!("{line}");
        };
        assert_eq!(relay.options.family, Some(Family::Inet6), "{line}");
        assert_eq!(relay.options.socket.interface.as_deref(), Some("lo"));
        assert_eq!(relay.options.source, Some("[::1]:0".parse().unwrap()));
    }
    let to_unix = listen("relay 8080 unix:/x -4 --interface lo");
    assert_eq!(to_unix.options.family, Some(Family::Inet));
    assert_eq!(to_unix.options.socket.interface.as_deref(), Some("lo"));
}

#[test]
fn what_is_no_relay_says_what_to_write() {
    for (line, sentence) in [
        (
            "relay",
            "an address is missing: write ft relay 8080 HOST:PORT",
        ),
        (
            "relay 8080",
            "an address is missing: write ft relay 8080 HOST:PORT",
        ),
        (
            "listen 8080 relay",
            "the destination is missing: write relay HOST:PORT",
        ),
        (
            "listen 8080 relay echo",
            "the destination is missing: write relay HOST:PORT",
        ),
        (
            "relay 8080 one 80",
            "a destination is one word: write one:80",
        ),
        (
            "relay 8080 one:80 two:80",
            "'two:80' is one word too many: write the destinations as one word, one:80,two:80",
        ),
        (
            "relay 8080 one:0",
            "nobody listens on port 0: write the port that ft listen reports",
        ),
        (
            "relay 8080 one:80 -6 --source 127.0.0.1",
            "-6 is IPv6 only, and --source 127.0.0.1 is not: leave out -6",
        ),
        (
            "relay 8080 one:80 --crlf",
            "--crlf is for the terminal service: leave out --crlf or relay",
        ),
        (
            "relay 8080 udp:one:53",
            "a relay of streams leads to a stream: write one:53, or listen with udp: in front, too",
        ),
        (
            "listen 8080 echo --retry 1",
            "--retry is for relay, which calls: leave out --retry or echo",
        ),
    ] {
        let exit = piped(line).unwrap_err();
        assert_eq!(exit.status, 2, "{line}");
        assert!(exit.text.contains(sentence), "{line}: {}", exit.text);
    }
}

#[test]
fn a_bare_listen_has_the_defaults_of_the_library() {
    let plan = listen("listen 8080");
    assert_eq!(plan.sockets, Sockets::Made("8080".parse().unwrap()));
    assert_eq!(plan.options, fivetuple::ServerOptions::default());
    assert_eq!(plan.report.typed.to_string(), "ft listen 8080");
    assert!(plan.report.typed.serves() && !plan.report.color);
    assert_eq!(plan.report.verbosity, Verbosity::Normal);
    let terminal = terminal(plan.service);
    assert!(terminal.input && terminal.output);
    assert!(!terminal.interactive && !terminal.visible && !terminal.crlf);
    assert_eq!(terminal.slow, Slow::Block);
}

#[test]
fn a_bare_connect_has_the_defaults_of_the_library() {
    let plan = connect("connect localhost 8080");
    assert_eq!(plan.target, "localhost:8080".parse().unwrap());
    assert_eq!(plan.options, fivetuple::ClientOptions::default());
    assert_eq!(plan.exec, None);
    assert_eq!(plan.report.typed.to_string(), "ft connect localhost 8080");
    assert!(!plan.report.typed.serves());
}

#[test]
fn options_of_listen_land_in_their_fields() {
    let plan = listen(
        "listen --backlog 7 *:8080 --eof each --idle 500ms --deadline 1h --half-closed 10s --once \
         --drain 0 --max-connections 5 --max-per-ip 2 --at-limit refuse --allow 10.0.0.0/8 \
         --allow ::1 --deny 10.1.0.0/16 -4 --interface eth0 -v --events e --dump - --color always",
    );
    let options = plan.options;
    assert_eq!((options.backlog, options.once), (7, true));
    assert_eq!(options.drain, Duration::ZERO);
    assert_eq!(options.terms.eof, Eof::Each);
    assert_eq!(options.terms.idle, Some(Duration::from_millis(500)));
    assert_eq!(options.terms.deadline, Some(Duration::from_secs(3600)));
    assert_eq!(options.terms.half_closed, Some(Duration::from_secs(10)));
    assert_eq!(options.limits.max_connections, Some(5));
    assert_eq!(options.limits.max_per_ip, Some(2));
    assert_eq!(options.limits.at_limit, AtLimit::Refuse);
    let networks = |texts: &[&str]| -> Vec<_> {
        let read = texts.iter().map(|text| values::network(text).unwrap());
        read.collect()
    };
    assert_eq!(options.access.allow, networks(&["10.0.0.0/8", "::1"]));
    assert_eq!(options.access.deny, networks(&["10.1.0.0/16"]));
    assert_eq!(options.family, Some(Family::Inet));
    assert_eq!(options.socket.interface.as_deref(), Some("eth0"));
    assert_eq!(plan.report.verbosity, Verbosity::Trace);
    assert_eq!(plan.report.events, Some(Destination::File("e".into())));
    assert_eq!(plan.report.dump, Some(Destination::Stderr));
    assert!(plan.report.color);
}

#[test]
fn options_of_datagrams_land_in_their_fields() {
    let planned = |line| match piped(line) {
        Ok(Plan::ListenDatagrams(plan)) => *plan,
        other => panic!("{line}: {other:?}"),
    };
    let plan = planned("listen udp:8080 echo");
    assert_eq!(plan.options, fivetuple::DatagramOptions::default());
    assert_eq!(plan.service, crate::plan::DatagramService::Echo);
    assert_eq!(plan.address, "udp:8080".parse().unwrap());
    assert_eq!(plan.report.typed.at("*:9"), "ft listen 'udp:*:9' echo");
    let plan = planned(
        "listen --idle 5s udp:*:8080 time --deadline 1h --max-connections 7 --max-per-ip 2 \
         --at-limit refuse --allow 10.0.0.0/8 --deny 10.1.0.0/16 -6 --interface eth0",
    );
    let options = plan.options;
    assert_eq!(options.idle, Duration::from_secs(5));
    assert_eq!(options.deadline, Some(Duration::from_secs(3600)));
    assert_eq!((options.max_connections, options.max_per_ip), (7, Some(2)));
    assert_eq!(options.when_full, fivetuple::server::WhenFull::Refuse);
    assert_eq!(
        (options.access.allow.len(), options.access.deny.len()),
        (1, 1)
    );
    assert_eq!(options.family, Some(Family::Inet6));
    assert_eq!(options.socket.interface.as_deref(), Some("eth0"));
    let wait = |line| connect(line).options.terms.half_closed;
    assert_eq!(wait("connect udp:8080"), Some(Duration::from_secs(1)));
    assert_eq!(wait("connect udp:8080 --wait 0"), Some(Duration::ZERO));
}

#[test]
fn every_service_of_datagrams_is_named() {
    let serves = |name: &str| {
        let destination = if name == "relay" { " udp:one:53" } else { "" };
        piped(&format!("listen udp:0 {name}{destination}")).is_ok()
    };
    for name in crate::plan::DatagramService::NAMES {
        assert!(serves(name), "{name}");
    }
    let named = |name: &&&str| serves(name);
    let count = service::SERVICES.iter().filter(|name| named(name)).count();
    assert_eq!(count, crate::plan::DatagramService::NAMES.len());
}

#[test]
fn options_of_connect_land_in_their_fields() {
    let plan = connect(
        "connect --connect-timeout 2 10.0.0.1:80 --retry 3 --source 10.0.0.2:5000 --interface lo \
         --eof full --half-closed never --crlf --send-only -q --events - --dump -",
    );
    assert_eq!(plan.options.connect.connect_timeout, Duration::from_secs(2));
    assert_eq!(plan.options.connect.retry, Retry::Times(3));
    assert_eq!(
        plan.options.connect.source,
        Some("10.0.0.2:5000".parse().unwrap())
    );
    assert_eq!(plan.options.connect.family, Some(Family::Inet));
    assert_eq!(plan.options.connect.socket.interface.as_deref(), Some("lo"));
    assert_eq!(plan.options.terms.eof, Eof::Full);
    assert!(plan.options.terms.send_only && plan.options.terms.half_closed.is_none());
    assert!(plan.terminal.crlf && plan.terminal.input && !plan.terminal.output);
    assert_eq!(plan.report.verbosity, Verbosity::Quiet);
    assert_eq!(plan.report.events, Some(Destination::Stderr));
    assert_eq!(plan.report.dump, Some(Destination::Stderr));
    let endless = connect("connect 80 --retry forever -6");
    assert_eq!(endless.options.connect.retry, Retry::Forever);
    assert_eq!(endless.options.connect.family, Some(Family::Inet6));
}

#[test]
fn services_stand_behind_the_address_and_options_anywhere() {
    let services = [
        ("listen 8080 echo", Service::Echo),
        ("listen -v 8080 discard", Service::Discard),
        ("listen 8080 -v chargen", Service::Chargen),
        ("listen 8080 daytime -v", Service::Daytime),
        ("listen --idle 5 8080 time", Service::Time),
        ("listen 8080 source", Service::Source(None)),
        ("listen 8080 source 64Ki", Service::Source(Some(65_536))),
        ("listen 8080 source -v 1M", Service::Source(Some(1_000_000))),
        ("-v listen 8080 echo", Service::Echo),
        ("listen echo echo", Service::Echo),
    ];
    for (line, service) in services {
        assert_eq!(listen(line).service, service, "{line}");
    }
}

#[test]
fn the_terminal_takes_part_as_the_streams_are() {
    let terminals = Terminals {
        stdin: true,
        stdout: true,
        stderr: true,
    };
    let on_terminal = |line: &str| match planned(line, terminals, &Environment::default()) {
        Ok(Plan::Connect(connect)) => connect,
        other => panic!("{line}: {other:?}"),
    };
    let plain = on_terminal("connect 80");
    assert!(plain.terminal.interactive && plain.terminal.visible && plain.report.color);
    assert!(!on_terminal("connect 80 --raw").terminal.visible);
    assert!(!on_terminal("connect 80 --receive-only").terminal.input);
    assert!(!on_terminal("connect 80 --recv-only").terminal.input);
    let slow = listen("listen 80 --slow drop-oldest").service;
    assert_eq!(terminal(slow).slow, Slow::DropOldest);
}

#[test]
fn colour_is_for_terminals_unless_somebody_says_otherwise() {
    let color = |line: &str, stderr: bool, environment: &Environment| {
        let terminals = Terminals {
            stderr,
            ..Terminals::default()
        };
        match planned(line, terminals, environment) {
            Ok(Plan::Demo(report)) => report.color,
            other => panic!("{other:?}"),
        }
    };
    let plain = Environment::default();
    let (mut none, mut dumb, mut force) = (plain.clone(), plain.clone(), plain.clone());
    none.no_color = true;
    dumb.term_dumb = true;
    force.clicolor_force = true;
    assert!(color("demo", true, &plain) && !color("demo", false, &plain));
    assert!(!color("demo", true, &none) && !color("demo", true, &dumb));
    assert!(color("demo", false, &force) && color("demo --color always", false, &none));
    assert!(!color("demo --color never", true, &force));
    assert!(color("demo --color auto", true, &plain));
}

#[test]
fn a_call_needs_no_verb() {
    for line in [
        "localhost 80",
        "localhost:80",
        "-v localhost:80",
        "--idle 5s localhost 80 -q",
    ] {
        assert_eq!(
            connect(line).target,
            "localhost:80".parse().unwrap(),
            "{line}"
        );
    }
    assert_eq!(
        connect(":80").target.host_port().unwrap().host,
        Host::Omitted
    );
    assert_eq!(connect("80").target.host_port().unwrap().host, Host::Here);
    assert_eq!(connect("::1 80").target, "[::1]:80".parse().unwrap());
}

fn made(plan: &Listen) -> Address {
    match &plan.sockets {
        Sockets::Made(address) => address.clone(),
        Sockets::Passed(_) => panic!("{plan:?}"),
    }
}

#[test]
fn sockets_that_were_passed_take_the_place_of_the_address() {
    let passed = Environment {
        passed: vec!["web".into(), String::new(), "web".into()],
        ..Environment::default()
    };
    let sockets = |line: &str| match planned(line, Terminals::default(), &passed) {
        Ok(Plan::Listen(plan)) => Ok((plan.sockets, plan.service)),
        Ok(other) => panic!("{other:?}"),
        Err(exit) => Err(exit.text),
    };
    for (line, numbers) in [
        ("listen --listen-fd 7 echo", vec![7]),
        ("listen echo --listen-fd 7 --listen-fd 3", vec![7, 3]),
        ("listen --listen-fd all echo", vec![3, 4, 5]),
        ("listen --listen-fd web echo", vec![3, 5]),
    ] {
        let expected = (Sockets::Passed(numbers), Service::Echo);
        assert_eq!(sockets(line), Ok(expected), "{line}");
    }
    for (line, sentence) in [
        (
            "listen --listen-fd 2 echo",
            "descriptors 0, 1 and 2 belong to others",
        ),
        (
            "listen --listen-fd wbe echo",
            "no socket of that name was passed; did you mean 'web'?",
        ),
        (
            "listen --listen-fd web --listen-fd 3",
            "descriptor 3 is named twice",
        ),
        (
            "listen --listen-fd 3 -4 echo",
            "-4 is for a socket that ft makes",
        ),
        ("listen --listen-fd 3 ehco", "did you mean 'echo'?"),
    ] {
        let said = sockets(line).unwrap_err();
        assert!(said.contains(sentence), "{said}");
    }
    let nobody = planned(
        "listen --listen-fd all",
        Terminals::default(),
        &Environment::default(),
    );
    assert!(
        nobody
            .unwrap_err()
            .text
            .contains("no service manager has passed a socket")
    );
}

#[test]
fn a_bare_port_on_an_interface_is_every_address() {
    assert_eq!(
        made(&listen("listen 8080 --interface eth0"))
            .host_port()
            .unwrap()
            .host,
        Host::Any
    );
    let named = made(&listen("listen localhost:8080 --interface lo"));
    assert_eq!(named, "localhost:8080".parse().unwrap());
}

#[test]
fn check_takes_many_ports_and_exec_takes_every_word() {
    let plan = check("connect localhost 20-22,80 --check --retry 2");
    assert_eq!(plan.targets.len(), 4);
    assert_eq!(plan.options.retry, Retry::Times(2));
    assert_eq!(check("connect 80 --check").targets.len(), 1);
    let exec = connect("connect 80 --exec -- grep -v --help x").exec;
    assert_eq!(exec.unwrap(), ["grep", "-v", "--help", "x"]);
}

#[test]
fn later_options_win() {
    assert_eq!(
        listen("listen 1 --backlog 1 --backlog 2").options.backlog,
        2
    );
    assert_eq!(listen("listen 1 -v -v").report.verbosity, Verbosity::Trace);
}

#[test]
fn explain_takes_words_and_options() {
    assert!(printed("explain").contains("ECONNREFUSED"));
    assert!(printed("explain --eof").starts_with("--eof: "));
    assert!(printed("explain -v").starts_with("-v: "));
    assert_eq!(printed("man ft"), printed("man"));
    assert!(printed("explain time wait").starts_with("TIME-WAIT: "));
}

#[test]
fn help_and_version_are_asked_for() {
    for line in [
        "",
        "-h",
        "--help",
        "help",
        "help --help",
        "help listen",
        "listen -h",
        "explain --help",
        "-V",
    ] {
        let exit = piped(line).unwrap_err();
        assert_eq!((exit.status, exit.to_stdout), (0, true), "{line}");
        assert!(
            exit.text.ends_with('\n') && !exit.text.ends_with("\n\n"),
            "{line}"
        );
    }
    assert!(piped("--version").unwrap_err().text.starts_with("ft 0."));
}

#[test]
fn short_help_fits_the_screen() {
    for verb in VERBS {
        let text = piped(&format!("{verb} -h")).unwrap_err().text;
        assert!(
            text.lines().count() <= 24,
            "{verb}: {}",
            text.lines().count()
        );
        let long = piped(&format!("{verb} --help")).unwrap_err().text;
        for line in text.lines().chain(long.lines()) {
            assert!(line.chars().count() <= 80, "{verb}: {line}");
        }
        let block = example::block(Some(verb));
        assert!(
            long.ends_with(&format!("\n\n{block}\n")),
            "{verb}: an example does not fit"
        );
    }
}

#[test]
fn every_example_can_be_typed() {
    for verb in VERBS.map(Some).into_iter().chain([None]) {
        for (command, _) in examples(verb) {
            let line = command.split(" > ").next().unwrap_or(command);
            let line = line.split(" < ").next().unwrap_or(line);
            let line = line.strip_prefix("ft ").unwrap();
            assert!(piped(line).is_ok(), "{command}: {:?}", piped(line));
        }
    }
}

#[test]
fn every_option_has_an_explanation() {
    let command = page::command(80);
    let arguments = command
        .get_subcommands()
        .flat_map(clap::Command::get_arguments);
    for argument in arguments.filter(|argument| argument.get_id() != "help") {
        let short = argument.get_short().map(|short| format!("-{short}"));
        let long = argument.get_long().map(|long| format!("--{long}"));
        if let Some(option) = long.or(short) {
            let topic = explain::lookup(&option);
            assert!(topic.is_ok(), "{option}");
        }
    }
}

#[test]
fn the_definition_of_the_options_is_sound() {
    page::command(80).debug_assert();
}

#[test]
fn a_program_has_the_socket_unless_somebody_must_be_between() {
    use fivetuple::service::{Data, ExecOptions, Stderr};
    let exec = |line: &str| match listen(line).service {
        Service::Exec(options) => options,
        other => panic!("{line}: {other:?}"),
    };
    let plain = exec("listen 80 exec -- grep -v --help x");
    assert_eq!(plain, ExecOptions::new(["grep", "-v", "--help", "x"]));
    assert_eq!(
        exec("listen 80 shell date").words,
        ["/bin/sh", "-c", "date"]
    );
    for (options, data) in [
        ("--pipe", Data::Pipe),
        ("--idle 5", Data::Pipe),
        ("--half-closed 5", Data::Pipe),
        ("--eof each", Data::Pipe),
        ("--dump -", Data::Pipe),
        ("--pty --idle 5", Data::Terminal),
        ("--deadline 5 -v --events -", Data::Socket),
    ] {
        assert_eq!(
            exec(&format!("listen 80 {options} exec -- cat")).data,
            data,
            "{options}"
        );
    }
    assert_eq!(exec("listen 80 exec --pty -- cat").stderr, Stderr::Peer);
    assert_eq!(
        exec("listen 80 exec --pty --stderr log -- cat").stderr,
        Stderr::Log
    );
    let limits = |line| listen(line).options.limits.max_connections;
    assert_eq!(limits("listen 80 --max-children 3 exec -- cat"), Some(3));
    assert_eq!(
        limits("listen 80 --max-children 3 --max-connections 2 exec -- cat"),
        Some(2)
    );
    let terms = |line| listen(line).options.terms.half_closed;
    assert_eq!(terms("listen 80 exec -- cat"), None);
    assert_eq!(
        terms("listen 80 --half-closed 7 exec -- cat"),
        Some(Duration::from_secs(7))
    );
}

#[test]
fn what_was_typed_can_be_typed_again_with_another_address() {
    for (line, expected) in [
        ("listen 80", "ft listen '*:81'"),
        ("listen 80 source 1M", "ft listen '*:81' source 1M"),
        (
            "listen --allow 10.0.0.0/8 80 --once chat --history=9 -q",
            "ft listen --allow 10.0.0.0/8 '*:81' --once chat --history=9 -q",
        ),
        (
            "listen 80 exec -- a $(id) --idle b",
            "ft listen '*:81' exec -- a '$(id)' --idle b",
        ),
        (
            "relay -v 80 --retry 3 one:80 -4",
            "ft relay -v '*:81' --retry 3 one:80 -4",
        ),
        ("-v listen 80", "ft listen -v '*:81'"),
    ] {
        assert_eq!(listen(line).report.typed.at("*:81"), expected);
    }
    let argv = ["ft", "listen", "80", "shell", "it's; $x"].map(OsString::from);
    let planned = plan(
        argv.into_iter(),
        Terminals::default(),
        &Environment::default(),
    );
    let Ok(Plan::Listen(planned)) = planned else {
        panic!("it is understood");
    };
    let again = planned.report.typed.to_string();
    assert_eq!(again, r"ft listen 80 shell 'it'\''s; $x'");
}

#[test]
fn what_was_typed_can_be_typed_again_with_another_option() {
    let typed = |line| connect(line).report.typed;
    let retry = |line| typed(line).with("--retry", Some("5"));
    for (line, expected) in [
        ("one 80", "ft connect --retry 5 one 80"),
        (
            "connect one 80 --retry 3 -4",
            "ft connect --retry 5 one 80 -4",
        ),
        (
            "one 80 --retry=3 --exec -- a --retry b",
            "ft connect --retry 5 one 80 --exec -- a --retry b",
        ),
    ] {
        assert_eq!(retry(line).as_deref(), Some(expected));
    }
    let other_family = typed("-4 one 80").with("-6", None);
    assert_eq!(other_family.as_deref(), Some("ft connect -6 one 80"));
}

#[test]
fn what_is_not_utf8_is_a_file_or_belongs_to_the_program() {
    use std::os::unix::ffi::OsStringExt;
    let read = |words: &[&[u8]]| {
        let words = words.iter().map(|word| OsString::from_vec(word.to_vec()));
        plan(words, Terminals::default(), &Environment::default())
    };
    assert!(read(&[b"ft", b"connect", b"80", b"--dump", b"\xff"]).is_ok());
    assert!(read(&[b"ft", b"connect", b"80", b"--exec", b"--", b"\xff"]).is_ok());
    let exit = read(&[b"ft", b"connect", b"\xff:80"]).unwrap_err();
    assert!(
        exit.text.starts_with("ft connect: a word is not UTF-8;"),
        "{}",
        exit.text
    );
    assert_eq!(read(&[b"ft", b"\xff", b"80"]).unwrap_err().status, 2);
    assert!(read(&[]).is_err());
}

#[test]
fn a_quiet_run_draws_no_bar() {
    let terminals = Terminals {
        stdin: true,
        stdout: false,
        stderr: true,
    };
    for (line, draws) in [
        ("listen 0 send /dev/null", true),
        ("listen 0 send /dev/null -q", false),
        ("listen 0 receive copy", true),
        ("listen 0 receive copy -q", false),
        ("connect 1 --progress", true),
        ("connect 1 --progress -q", false),
    ] {
        let bar = match planned(line, terminals, &Environment::default()) {
            Ok(Plan::Connect(connect)) => connect.watch.bar,
            Ok(Plan::Listen(listen)) => match listen.service {
                Service::Send(send) => send.bar,
                Service::Receive(receive) => receive.bar,
                other => panic!("{line}: {other:?}"),
            },
            other => panic!("{line}: {other:?}"),
        };
        assert_eq!(bar, draws, "{line}");
    }
}

proptest::proptest! {
    #[test]
    fn any_words_make_a_plan_or_a_sentence(
        words in proptest::collection::vec(
            proptest::prop_oneof![
                proptest::sample::select(vec![
                    "listen", "connect", "explain", "man", "help", "completions", "demo", "echo",
                    "bench", "-c", "-d", "--mode",
                    "source", "80", "localhost", "-4", "-v", "--", "-", "--exec", "--idle",
                    "--idle=", "--retry", "-1", "--check", "--events", "--allow", "-vq", "-4x", "exec",
                    "shell", "--pty", "--stderr",
                ])
                .prop_map(str::to_owned),
                "\\PC{0,6}",
                "-{1,3}[a-z\\x00-\\x1f=]{0,5}",
            ],
            0..7,
        )
    ) {
        let argv = std::iter::once("ft".to_owned()).chain(words).map(OsString::from);
        if let Err(exit) = plan(argv, Terminals::default(), &Environment::default()) {
            proptest::prop_assert_eq!(exit.to_stdout, exit.status == 0);
            let control = exit.text.chars().any(|c| c.is_control() && c != '\n');
            proptest::prop_assert!(!control, "{:?}", exit.text);
            proptest::prop_assert!(exit.to_stdout || exit.text.lines().count() == 2, "{}", exit.text);
        }
    }
}

mod hub;
mod mistakes;

#[test]
fn a_path_may_be_any_bytes_and_all_else_is_text() {
    let of = |service: &str| {
        let words = ["ft", "listen", "80", service].map(OsString::from);
        let name = OsString::from_vec(b"f\xff".to_vec());
        let argv = words.into_iter().chain([name]);
        plan(argv, Terminals::default(), &Environment::default())
    };
    for (service, sentence) in [
        ("relay", "'f\\xff' is not UTF-8"),
        ("source", "'f\\xff' is not UTF-8"),
        ("echo", "'f\\xff' is one word too many behind echo"),
        ("shell", ""),
        ("send", ""),
        ("receive", ""),
    ] {
        match of(service) {
            Ok(Plan::Listen(listen)) => {
                let said = format!("{:?}", listen.service);
                assert!(said.contains("f\\xFF"), "{said}");
                assert_eq!(sentence, "", "{service}");
            }
            Err(exit) => assert!(
                !sentence.is_empty() && exit.text.contains(sentence),
                "{service}: {}",
                exit.text
            ),
            other => panic!("{other:?}"),
        }
    }
}
