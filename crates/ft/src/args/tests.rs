//! Each option lands in its field, each mistake has its sentence.

use std::time::Duration;

use fivetuple::address::Host;
use fivetuple::service::Slow;
use fivetuple::{AtLimit, Eof, Family, Retry};
use proptest::strategy::Strategy;

use super::example::examples;
use super::verb::VERBS;
use super::*;
use crate::plan::{Check, Connect, Destination, Listen, Service, Terminal, Typed, Verbosity};

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
fn a_bare_listen_has_the_defaults_of_the_library() {
    let plan = listen("listen 8080");
    assert_eq!(plan.address, "8080".parse().unwrap());
    assert_eq!(plan.options, fivetuple::ServerOptions::default());
    assert!(matches!(plan.report.typed, Typed::Listen(_)) && !plan.report.color);
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
    assert_eq!(plan.report.typed, Typed::Connect("localhost 8080".into()));
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
    assert_eq!(plan.report.typed, Typed::ListenDatagrams("echo".into()));
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
    for name in crate::plan::DatagramService::NAMES {
        assert!(piped(&format!("listen udp:0 {name}")).is_ok(), "{name}");
    }
    let named = |name: &&str| piped(&format!("listen udp:0 {name}")).is_ok();
    let count = super::service::SERVICES
        .iter()
        .filter(|name| named(name))
        .count();
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
    let color = |line: &str, stderr: bool, environment: Environment| {
        let terminals = Terminals {
            stderr,
            ..Terminals::default()
        };
        match planned(line, terminals, &environment) {
            Ok(Plan::Demo(report)) => report.color,
            other => panic!("{other:?}"),
        }
    };
    let plain = Environment::default();
    let (mut none, mut dumb, mut force) = (plain, plain, plain);
    none.no_color = true;
    dumb.term_dumb = true;
    force.clicolor_force = true;
    assert!(color("demo", true, plain) && !color("demo", false, plain));
    assert!(!color("demo", true, none) && !color("demo", true, dumb));
    assert!(color("demo", false, force) && color("demo --color always", false, none));
    assert!(!color("demo --color never", true, force));
    assert!(color("demo --color auto", true, plain));
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

#[test]
fn a_bare_port_on_an_interface_is_every_address() {
    assert_eq!(
        listen("listen 8080 --interface eth0")
            .address
            .host_port()
            .unwrap()
            .host,
        Host::Any
    );
    let named = listen("listen localhost:8080 --interface lo").address;
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
    assert_eq!(
        listen("listen 1 source 5 -q").report.typed,
        Typed::Listen("source 5".into())
    );
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
            let line = command.split(['<', '>']).next().unwrap_or(command);
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

proptest::proptest! {
    #[test]
    fn any_words_make_a_plan_or_a_sentence(
        words in proptest::collection::vec(
            proptest::prop_oneof![
                proptest::sample::select(vec![
                    "listen", "connect", "explain", "man", "help", "completions", "demo", "echo",
                    "source", "80", "localhost", "-4", "-v", "--", "-", "--exec", "--idle",
                    "--idle=", "--retry", "-1", "--check", "--events", "--allow", "-vq", "-4x",
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

mod mistakes;
