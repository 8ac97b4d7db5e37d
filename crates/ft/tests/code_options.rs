//! Options in any combination: what `ft code` does not refuse compiles under the strict flags. The cells of
//! `code.rs` run what is written; here are the combinations that no cell has.

#[path = "code/mod.rs"]
mod code;
mod datagram;
mod program;
mod rig;

use std::ffi::OsString;

use code::source::Source;
use code::tongue::{TONGUES, Tongue};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use proptest::test_runner::{Config, TestRunner};

/// Where a server listens; options of their own stand behind the bar.
const LISTEN: [&str; 10] = [
    "8080",
    "127.0.0.1:0",
    "[::1]:0",
    "*:8080",
    "*:0|-4",
    "[::]:0|-6",
    "localhost:8080",
    "unix:/path|--mode 660",
    "unix:@name",
    "udp:8080",
];

/// Whom a client calls.
const CONNECT: [&str; 7] = [
    "8080",
    "127.0.0.1:9|--source 127.0.0.2",
    "[::1]:9|--source [::1]:5000",
    "host:9|-6",
    "unix:/path",
    "unix:@name",
    "udp:9|--wait 3s",
];

const LISTENING: &[&str] = &[
    "--backlog 7",
    "--drain 7s",
    "--max-connections 3",
    "--max-connections 100 --at-limit refuse",
    "--once",
    "--quiet",
];

const TALKING: &[&str] = &[
    "--deadline 5s",
    "--eof each",
    "--eof full",
    "--half-closed 9s",
    "--half-closed never",
    "--idle 5s",
];

/// What a server does, and what only that has.
const SERVICES: [(&str, &[&str]); 15] = [
    (
        "",
        &[
            "--crlf",
            "--raw",
            "--receive-only",
            "--send-only",
            "--slow block",
        ],
    ),
    ("echo", &[]),
    ("discard", &[]),
    ("chargen", &[]),
    ("daytime", &[]),
    ("time", &[]),
    ("send file", &["--from 3"]),
    ("receive file", &[]),
    ("receive folder/", &[]),
    ("exec {} -- cat -n", &[]),
    (
        "hub",
        &[
            "--max-behind 9k",
            "--max-line 100",
            "--slow block",
            "--slow close",
        ],
    ),
    (
        "relay 9",
        &["--connect-timeout 3s", "--retry 3", "--source 127.0.0.2"],
    ),
    ("relay host:9", &["--connect-timeout 3s", "--retry 3"]),
    ("relay unix:/other", &["--connect-timeout 3s", "--retry 3"]),
    ("http", &[]),
];

const CALLING: &[&str] = &[
    "--connect-timeout 3s",
    "--crlf",
    "--raw",
    "--receive-only",
    "--retry 3",
    "--send-only",
];

/// A command: where, what, and some of the options. Most are no contradiction.
fn commands() -> impl Strategy<Value = Vec<OsString>> {
    let server = (select(&LISTEN[..]), select(&SERVICES[..])).prop_flat_map(|(place, service)| {
        let (service, own) = service;
        let known = [&of_place(place)[..], own, LISTENING, TALKING].concat();
        let address = address(place);
        some(known).prop_map(move |options| words("listen", address, service, &options))
    });
    let client = (
        select(&CONNECT[..]),
        select(&["", "--exec {} -- cat -n"][..]),
    )
        .prop_flat_map(|(place, program)| {
            let known = [&of_place(place)[..], CALLING, TALKING].concat();
            let address = address(place);
            some(known).prop_map(move |options| words("connect", address, program, &options))
        });
    prop_oneof![2 => server, 1 => client]
}

fn address(place: &'static str) -> &'static str {
    place.split('|').next().unwrap_or(place)
}

fn of_place(place: &'static str) -> Vec<&'static str> {
    place.split('|').skip(1).collect()
}

/// Few of them, because two that exclude each other make no program.
fn some(options: Vec<&'static str>) -> impl Strategy<Value = Vec<&'static str>> {
    let most = options.len().min(4);
    subsequence(options, 0..=most)
}

/// The options stand at the end, or where the service has a place for them.
fn words(verb: &str, address: &str, service: &str, options: &[&str]) -> Vec<OsString> {
    let options = options.join(" ");
    let service = match service.contains("{}") {
        true => service.replace("{}", &options),
        false => format!("{service} {options}"),
    };
    let command = format!("{verb} {address} {service}");
    command.split_whitespace().map(OsString::from).collect()
}

/// What the program is called after.
fn stem(words: &[OsString]) -> &str {
    let of_service = words.get(2).and_then(|word| word.to_str());
    match words.first() {
        Some(verb) if verb == "connect" => "client",
        _ => of_service
            .filter(|word| !word.starts_with('-'))
            .unwrap_or("terminal"),
    }
}

fn compile(tongue: &'static Tongue, cases: u32) {
    let config = Config {
        cases,
        // Most of what is left out is a contradiction, and costs a millisecond.
        max_global_rejects: 50 * cases,
        // Each try compiles a program.
        max_shrink_iters: 40,
        failure_persistence: None,
        ..Config::default()
    };
    let style = select(&["minimal", "commented", "production"][..]);
    TestRunner::new(config)
        .run(&(commands(), style), |(words, style)| {
            match Source::of(tongue, &["--style", style], stem(&words), &words) {
                Ok(source) => drop(source.build(tongue)),
                Err(sentence) => {
                    prop_assert!(sentence.starts_with("ft "), "{sentence}");
                    prop_assert!(!sentence.contains("could not be written"), "{sentence}");
                    return Err(TestCaseError::reject("refused"));
                }
            }
            Ok(())
        })
        .unwrap_or_else(|failure| panic!("{} {}: {failure}", tongue.language, tongue.model));
}

#[test]
fn options_in_any_combination_compile() {
    let cases = match std::env::var_os("FT_TEST_ALL") {
        Some(_) => 60,
        None => 8,
    };
    std::thread::scope(|scope| {
        let here = TONGUES.iter().filter(|tongue| (tongue.is_here)());
        let running: Vec<_> = here
            .map(|tongue| scope.spawn(move || compile(tongue, cases)))
            .collect();
        for thread in running {
            if let Err(panic) = thread.join() {
                std::panic::resume_unwind(panic);
            }
        }
    });
}
