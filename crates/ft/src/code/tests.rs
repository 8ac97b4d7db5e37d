//! Every template fits every context that it is given.

use std::ffi::OsString;

use crate::args::{self, Environment, Terminals};
use crate::plan::{Language, Plan};

/// The program for this command line, or why there is none.
fn program(words: &[&str]) -> Result<String, String> {
    let argv = ["ft", "code"].iter().chain(words).map(OsString::from);
    match args::plan(argv, Terminals::default(), &Environment::default()) {
        Ok(Plan::Code(code)) => super::program(&code),
        Ok(plan) => panic!("{words:?}: {plan:?}"),
        Err(exit) => panic!("{words:?}: {}", exit.text),
    }
}

const COMMANDS: &[&[&str]] = &[
    &["echo"],
    &["discard"],
    &["chargen"],
    &["daytime"],
    &["time"],
    &["send", "file", "--from", "3"],
    &["receive", "file"],
    &["receive", "inbox/"],
    &["exec", "--", "cat"],
    &["hub"],
    &["hub", "--slow", "block"],
    &["hub", "--slow", "close"],
    &["http"],
    &["relay", "9"],
    &["relay", "unix:/path"],
    &["relay", "name:9", "--retry", "3"],
    &["terminal"],
    &["terminal", "--crlf"],
    &["terminal", "--receive-only"],
    &["terminal", "--send-only"],
];
const CALLS: &[&[&str]] = &[
    &["connect", "9"],
    &["connect", "name", "9", "--retry", "forever"],
    &["connect", "unix:/path", "--crlf"],
    &["connect", "udp:9"],
    &["connect", "9", "--source", "127.0.0.1", "--receive-only"],
    &["connect", "9", "--send-only"],
    &["connect", "9", "--exec", "--", "cat"],
];
const TERMS: &[&[&str]] = &[
    &[],
    &["--idle", "5", "--deadline", "9", "--half-closed", "7"],
    &["--eof", "each"],
    &["--eof", "full", "-q"],
];
const LIMITS: &[&[&str]] = &[
    &[],
    &["--once"],
    &["--max-connections", "3"],
    &["--max-connections", "3", "--at-limit", "refuse"],
];

/// The command with more words, of which none is for the program behind `--`.
fn with(command: &[&'static str], more: &[&'static str]) -> Vec<&'static str> {
    let end = command.iter().position(|word| *word == "--");
    let (own, behind) = command.split_at(end.unwrap_or(command.len()));
    [own, more, behind].concat()
}

/// All commands that a template has to have an answer to.
fn commands() -> Vec<Vec<&'static str>> {
    let mut all = Vec::new();
    let mut turn = 0;
    for address in ["0", "unix:/path", "name:80", "[::1]:80"] {
        for command in COMMANDS {
            let command = [&["listen", address], *command].concat();
            for terms in TERMS {
                if command[2] == "http" && terms.contains(&"--eof") {
                    continue;
                }
                // Each pair of them comes with some command.
                let limits = LIMITS[turn % LIMITS.len()];
                turn += 1;
                all.push(with(&command, &[*terms, limits].concat()));
            }
            turn += 1;
        }
    }
    for service in ["echo", "discard", "chargen", "daytime", "time"] {
        all.push(vec!["listen", "udp:0", service]);
        all.push(vec!["listen", "udp:name:9", service, "-q"]);
    }
    for command in CALLS {
        let terms = TERMS
            .iter()
            .filter(|terms| command[1] != "udp:9" || terms.is_empty());
        all.extend(terms.map(|terms| with(command, terms)));
    }
    all
}

#[test]
fn every_template_fits_every_command() {
    let (mut written, mut refused, mut turn) = (0, 0, 0);
    let mut faults = Vec::new();
    for language in Language::ALL {
        for model in language.models() {
            // Each command in one style, and in another with the next model.
            for command in commands() {
                let style = ["minimal", "commented", "production"][turn % 3];
                turn += 1;
                let own = [language.word(), "--model", model.word(), "--style", style];
                match program(&[&own[..], &command].concat()) {
                    Ok(text) => {
                        written += 1;
                        assert!(text.ends_with("}\n") || !text.ends_with("\n\n"));
                        assert!(!text.contains("\n\n\n\n"), "{own:?} {command:?}");
                    }
                    Err(sentence) if sentence.contains("is in no program") => refused += 1,
                    Err(sentence) => faults.push(format!("{own:?} {command:?}: {sentence}")),
                }
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(
        written > 10 * refused,
        "{written} written, {refused} refused"
    );
}

#[test]
fn the_first_comment_has_the_command_and_what_is_not_mirrored() {
    for language in Language::ALL {
        let text = program(&[language.word(), "listen", "127.0.0.1:8080", "echo", "-v"]).unwrap();
        let head: Vec<&str> = text.lines().take(40).collect();
        let has = |part: &str| head.iter().any(|line| line.contains(part));
        assert!(has("ft listen 127.0.0.1:8080 echo -v"), "{text}");
        assert!(has("-v: the calls are not shown one by one"), "{text}");
        assert!(has(env!("CARGO_PKG_VERSION")), "{text}");
    }
}

#[test]
fn each_step_stands_once_and_in_its_order() {
    for language in Language::ALL {
        for model in language.models() {
            for (command, steps) in [
                (&["listen", "8080", "echo"][..], &[1, 2, 3, 4, 5, 6, 7][..]),
                (&["listen", "8080", "hub"], &[1, 2, 3, 4, 5, 6, 7]),
                (&["listen", "8080", "relay", "9"], &[1, 2, 3, 4, 5, 6, 7]),
                (&["listen", "unix:/path", "echo"], &[1, 2, 3, 4, 5, 6, 7]),
                (&["connect", "8080"], &[1, 4, 5, 6, 7]),
                (&["connect", "unix:/path"], &[1, 4, 5, 6, 7]),
                (
                    &["connect", "127.0.0.1:80", "--source", "127.0.0.1"],
                    &[1, 2, 4, 5, 6, 7],
                ),
            ] {
                let own = [language.word(), "--model", model.word()];
                let text = program(&[&own[..], command].concat()).unwrap();
                let number = |line: &str| -> Option<u32> {
                    let behind = line.split_once("// ").or_else(|| line.split_once("# "))?.1;
                    behind.trim_start().split_once(". ")?.0.parse().ok()
                };
                let found: Vec<u32> = text.lines().filter_map(number).collect();
                assert_eq!(found, steps, "{own:?} {command:?}");
            }
        }
    }
}

#[test]
fn what_no_program_does_is_refused_by_name() {
    for (command, part) in [
        (&["listen", "8080", "chat"][..], "chat"),
        (&["listen", "8080", "source"], "source"),
        (
            &["listen", "8080", "echo", "--allow", "10.0.0.0/8"],
            "--allow",
        ),
        (
            &["listen", "8080", "echo", "--max-per-ip", "3"],
            "--max-per-ip",
        ),
        (&["listen", "8080", "exec", "--pty", "--", "sh"], "--pty"),
        (&["listen", "8080", "hub", "--rooms"], "--rooms"),
        (&["connect", "8080", "--digest"], "--digest"),
        (&["connect", "8080", "--check"], "--check"),
        (&["connect", "8080", "--interface", "lo"], "--interface"),
        (&["relay", "8080", "a:1,b:2"], "one destination"),
    ] {
        let sentence = program(&[&["c"][..], command].concat()).unwrap_err();
        assert!(sentence.contains(part), "{sentence}");
    }
}

/// Commands, each with options that change what it does. (A client says nothing but errors, so it has
/// no --quiet here.)
const OPTIONS: &[(&str, &[&str])] = &[
    (
        "listen 8080 echo",
        &[
            "--allow 10.0.0.0/8",
            "--backlog 7",
            "--color always",
            "--deadline 5s",
            "--deny 10.0.0.0/8",
            "--drain 7s",
            "--dump file",
            "--events file",
            "--half-closed 9s",
            "--idle 5s",
            "--interface lo",
            "--max-connections 3",
            "--max-per-ip 3",
            "--once",
            "--quiet",
            "--verbose",
            "-4",
            "-6",
        ],
    ),
    (
        "listen 8080 echo --max-connections 3",
        &["--at-limit refuse"],
    ),
    ("listen unix:/path echo", &["--mode 660"]),
    ("listen echo", &["--listen-fd 3"]),
    (
        "listen 8080",
        &[
            "--crlf",
            "--eof full",
            "--raw",
            "--receive-only",
            "--send-only",
            "--slow close",
        ],
    ),
    (
        "listen 8080 hub",
        &[
            "--console",
            "--history 5",
            "--max-behind 9k",
            "--max-line 100",
            "--messages chunks",
            "--rooms",
            "--slow close",
        ],
    ),
    ("listen 8080 send file", &["--digest", "--from 3"]),
    ("listen 8080 receive file", &["--digest"]),
    ("listen 8080 http", &["--head-deadline 3s", "--status"]),
    (
        "listen 8080 exec -- cat",
        &["--max-children 3", "--pipe", "--pty", "--stderr null"],
    ),
    (
        "listen 8080 relay 9",
        &["--connect-timeout 3s", "--retry 3", "--source 127.0.0.2"],
    ),
    (
        "listen udp:8080 echo",
        &[
            "--allow 10.0.0.0/8",
            "--deadline 5s",
            "--idle 5s",
            "--max-connections 3",
            "--quiet",
        ],
    ),
    (
        "connect 8080",
        &[
            "--check",
            "--color always",
            "--connect-timeout 3s",
            "--crlf",
            "--deadline 5s",
            "--digest",
            "--dump file",
            "--eof full",
            "--events file",
            "--half-closed 9s",
            "--idle 5s",
            "--interface lo",
            "--progress",
            "--raw",
            "--receive-only",
            "--retry 3",
            "--send-only",
            "--source 127.0.0.2",
            "--verbose",
            "-4",
            "-6",
        ],
    ),
    ("connect 8080 -- cat", &["--exec"]),
    ("connect udp:8080", &["--wait 3s", "--crlf"]),
];

/// A program without what was typed, which stands in its first comment.
fn without_command(text: &str) -> String {
    let lines = text.lines();
    let typed = |line: &&str| line.contains(" ft listen ") || line.contains(" ft connect ");
    lines.filter(|line| !typed(line)).collect()
}

#[test]
fn no_option_is_dropped_in_silence() {
    let mut dropped = Vec::new();
    for language in Language::ALL {
        for model in language.models() {
            let own = [language.word(), "--model", model.word()];
            for (command, options) in OPTIONS {
                let command: Vec<&str> = command.split(' ').collect();
                let plain = match options {
                    // Without it these are no commands.
                    ["--listen-fd 3" | "--exec"] => Ok(String::new()),
                    _ => program(&[&own[..], &command].concat()),
                };
                if plain
                    .as_ref()
                    .is_err_and(|why| why.contains("is in no program"))
                {
                    continue;
                }
                for option in *options {
                    let words: Vec<&str> = option.split(' ').collect();
                    let changed = program(&[&own[..], &with(&command, &words)].concat());
                    match (&plain, changed) {
                        (Ok(plain), Ok(changed))
                            if without_command(plain) == without_command(&changed) =>
                        {
                            dropped.push(format!("{own:?} {command:?} {option}"));
                        }
                        (Ok(_), Ok(_)) => {}
                        (Err(why), _) => panic!("{own:?} {command:?}: {why}"),
                        (_, Err(sentence)) => {
                            assert!(sentence.contains("in no program"), "{option}: {sentence}");
                        }
                    }
                }
            }
        }
    }
    assert!(dropped.is_empty(), "{}", dropped.join("\n"));
}

#[test]
fn every_option_is_tried() {
    let mut tried = OPTIONS.iter().flat_map(|(command, options)| {
        let verb = command.split(' ').next().unwrap();
        options.iter().map(move |option| (verb, *option))
    });
    let tried: Vec<(&str, &str)> = tried.by_ref().collect();
    for verb in ["listen", "connect"] {
        let argv = ["ft", verb, "--help"].into_iter().map(OsString::from);
        let help = args::plan(argv, Terminals::default(), &Environment::default()).unwrap_err();
        let lines = help.text.lines().map(str::trim_start);
        let options = lines.filter(|line| line.starts_with('-'));
        let mut count = 0;
        for line in options {
            let name = line.split([' ', ',']).next().unwrap();
            let long = line
                .split([' ', ',', '['])
                .find(|word| word.starts_with("--"));
            let name = long.unwrap_or(name);
            let is_tried =
                |(of, option): &(&str, &str)| *of == verb && option.split(' ').next() == Some(name);
            count += 1;
            assert!(
                ["--help", "--quiet"].contains(&name) || tried.iter().any(is_tried),
                "{verb}: {line}"
            );
        }
        assert!(count > 20, "{verb}: {count} options in its help");
    }
}
