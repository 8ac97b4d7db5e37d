//! docs/from-command-to-code.md is what `ft` says and writes today: one server, its trace, and the
//! program in three languages with the calls of each step side by side.
//!
//! `FT_WRITE_PAGE=1` writes the page anew (`scripts/code-page`).

mod rig;

use std::env;
use std::fs;
use std::path::Path;

use rig::{Running, ft, run};

/// Whose programs are shown: the word, the name, and the tag of a block.
const LANGUAGES: [(&str, &str, &str); 3] = [
    ("c", "C", "c"),
    ("java", "Java", "java"),
    ("python", "Python", "python"),
];
const COMMAND: [&str; 3] = ["listen", "127.0.0.1:8080", "echo"];

/// The steps, and what is said of each.
const STEPS: [(&str, &str); 7] = [
    (
        "socket",
        "an empty endpoint: a phone, not yet connected to anything",
    ),
    (
        "bind",
        "the endpoint gets an address and a port; what arrives for that port is delivered to it",
    ),
    (
        "listen",
        "the socket waits for clients, and never carries data",
    ),
    (
        "accept",
        "each client gets a new socket; the listening socket goes on listening",
    ),
    (
        "established",
        "a dedicated pair of sockets, named by its five-tuple",
    ),
    (
        "send and receive",
        "both sides, both directions, until one side closes",
    ),
    (
        "close",
        "its resources are released; the listening socket is still there for the next client",
    ),
];

/// Lines of a program that are shown of a step at most.
const SHOWN: usize = 8;

#[test]
fn the_page_is_what_ft_says_and_writes() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/from-command-to-code.md");
    let page = page();
    if env::var_os("FT_WRITE_PAGE").is_some() {
        fs::write(&path, page).expect("the page can be written");
        return;
    }
    let there = fs::read_to_string(&path).expect("the page is there");
    assert!(
        there == page,
        "docs/from-command-to-code.md is out of date: scripts/code-page writes it anew"
    );
}

fn page() -> String {
    let programs = LANGUAGES.map(|(word, ..)| program(word));
    let mut page = String::from(
        "# From a command to a program\n\n\
         `ft listen 8080 echo` is a server: what a client sends, it gets back. Here are the calls that it \
         makes, and the same calls in three languages. `scripts/code-page` writes this page with \
         `ft`, and a test holds it to what `ft` says and writes today.\n\n\
         | step | server | client | what happens |\n|---|---|---|---|\n",
    );
    let of_client = [
        "`socket()`",
        "(implicit)",
        "–",
        "`connect()`",
        "established",
        "send, receive",
        "`close()`",
    ];
    for (number, ((step, what), client)) in STEPS.iter().zip(of_client).enumerate() {
        let server = match number {
            4 | 5 => (*step).to_owned(),
            _ => format!("`{step}()`"),
        };
        page.push_str(&format!(
            "| {} | {server} | {client} | {what} |\n",
            number + 1
        ));
    }
    page.push_str(
        "\n## A run\n\n`ft listen 127.0.0.1:8080 echo -v`, while `echo hello | ft connect 8080` \
         calls it:\n\n```\n",
    );
    page.push_str(&trace());
    page.push_str(
        "```\n\n## Step by step\n\nThe calls of each step, as the programs below have them.\n",
    );
    for (number, (step, what)) in STEPS.iter().enumerate() {
        page.push_str(&format!(
            "\n### {}. {step}\n\n{what}\n\n<table>\n<tr>",
            number + 1
        ));
        page.extend(LANGUAGES.map(|(_, name, _)| format!("<th>{name}</th>")));
        page.push_str("</tr>\n<tr>\n");
        for ((.., tag), program) in LANGUAGES.iter().zip(&programs) {
            let lines = step_of(program, number + 1);
            page.push_str(&format!("<td>\n\n```{tag}\n{lines}```\n\n</td>\n"));
        }
        page.push_str("</tr>\n</table>\n");
    }
    page.push_str("\n## The programs, whole\n");
    for ((word, name, tag), program) in LANGUAGES.iter().zip(&programs) {
        let command = COMMAND.join(" ");
        page.push_str(&format!(
            "\n### {name}: `ft code {word} {command}`\n\n```{tag}\n{program}```\n"
        ));
    }
    page
}

fn program(language: &str) -> String {
    let output = run(ft().args(["code", language]).args(COMMAND), b"");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).expect("a program is text")
}

/// The lines behind the comment of this step, up to the next step or an empty line.
fn step_of(program: &str, step: usize) -> String {
    let is_step = |line: &str, step: usize| {
        let text = line
            .trim_start()
            .trim_start_matches(['/', '#'])
            .trim_start();
        text.starts_with(&format!("{step}. "))
    };
    let mut lines = program.lines().skip_while(|line| !is_step(line, step));
    lines
        .next()
        .unwrap_or_else(|| panic!("there is no step {step} in\n{program}"));
    let is_any = |line: &str| (1..=STEPS.len()).any(|step| is_step(line, step));
    let lines: Vec<&str> = lines
        .skip_while(|line| is_any(line))
        .take_while(|line| !line.trim().is_empty() && !is_any(line))
        .take(SHOWN)
        .collect();
    let indent = |line: &&str| line.len() - line.trim_start().len();
    let common = lines.iter().map(indent).min().unwrap_or(0);
    lines
        .iter()
        .map(|line| format!("{}\n", &line[common..]))
        .collect()
}

/// What `ft -v` says of one client, with the ports and descriptors of this page.
fn trace() -> String {
    let (mut server, address) = Running::listen(&["127.0.0.1:0", "echo", "-v"]);
    let output = run(ft().args(["connect", &address.to_string()]), b"hello\n");
    assert_eq!(output.stdout, b"hello\n");
    server.wait_for("#1 closed");
    let ended = server.stop();
    let ours = format!("127.0.0.1:{}", address.port());
    let mut descriptors = Vec::new();
    let mut text = String::new();
    let told = ended
        .said
        .iter()
        .filter(|line| !line.contains("only this machine"));
    for line in told.take_while(|line| !line.contains("stopped listening")) {
        let line = line.replace(&ours, "127.0.0.1:8080");
        // Without the time in front.
        let line = match line.split_once("  ") {
            Some((time, rest)) if time.contains(':') => rest.to_owned(),
            _ => line,
        };
        text.push_str(&with_descriptors(&with_port(&line), &mut descriptors));
        text.push('\n');
    }
    text
}

/// The client's port is the same each time, and how long it took is not said.
fn with_port(line: &str) -> String {
    let mut text = String::new();
    for (at, part) in line.split("127.0.0.1:").enumerate() {
        if at == 0 {
            text.push_str(part);
            continue;
        }
        let rest = part.trim_start_matches(|c: char| c.is_ascii_digit());
        let port = part.strip_suffix(rest).unwrap_or_default();
        let port = if ["0", "8080"].contains(&port) {
            "8080"
        } else {
            "51312"
        };
        text.push_str(&format!("127.0.0.1:{port}{rest}"));
    }
    match text.split_once(" first, ") {
        Some((who, how)) => format!(
            "{who} first, {}",
            how.split_once(", ").map_or("", |(_, rest)| rest)
        ),
        None => text,
    }
}

/// Descriptors are counted from 3 in the order in which they come.
fn with_descriptors(line: &str, known: &mut Vec<String>) -> String {
    let is_digit = |c: char| c.is_ascii_digit();
    let Some((call, rest)) = line.split_once('(') else {
        return line.to_owned();
    };
    let after = rest.trim_start_matches(is_digit);
    let number = rest.strip_suffix(after).unwrap_or_default();
    let mut of = |number: &str| {
        let at = known.iter().position(|other| other == number);
        3 + at.unwrap_or_else(|| {
            known.push(number.to_owned());
            known.len() - 1
        })
    };
    let rest = match number {
        "" => rest.to_owned(),
        number => format!("{}{after}", of(number)),
    };
    let makes_one = call.ends_with("socket") || call.ends_with("accept");
    match rest.rsplit_once(" = ") {
        Some((rest, made)) if makes_one => format!("{call}({rest} = {}", of(made)),
        _ => format!("{call}({rest}"),
    }
}
