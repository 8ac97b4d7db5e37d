//! README.md and the examples in docs/ are true: every `console` block is run, and shows what is
//! written there.
//!
//! `# terminal N` begins another terminal, `$ ` a command, `> ` what is typed into it up to the
//! word after `<<`, `…` alone stands for any lines. Port 8080 becomes a free one. Ports,
//! descriptors, pids, times and the user are not compared.

mod rig;

use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rig::{eventually, has, wait};
use rustix::process::{Pid, Signal, kill_process_group};

/// Programs of others that a block may need.
const PROGRAMS: [&str; 2] = ["chromium", "curl"];

/// A command line and what is shown under it.
struct Typed {
    line: String,
    /// The word that ends what is typed into it.
    until: Option<String>,
    shown: Vec<String>,
    /// Another terminal follows: this command may still run then.
    goes_on: bool,
}

#[test]
fn every_console_block_shows_what_really_happens() {
    run_blocks("README.md", 4);
}

#[test]
fn the_http_example_shows_what_really_happens() {
    run_blocks("docs/http-example.md", 3);
}

/// Runs the blocks of a document, of which there are at least so many.
fn run_blocks(document: &str, at_least: usize) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .join(document);
    let text = std::fs::read_to_string(path).expect("the document is there");
    let blocks: Vec<&str> = text
        .split("\n```console\n")
        .skip(1)
        .filter_map(|rest| rest.split("\n```").next())
        .collect();
    assert!(blocks.len() >= at_least, "the blocks are found");
    for (number, block) in blocks.into_iter().enumerate() {
        let commands = commands(block);
        let begins = |program: &&&str| {
            let with = format!("{program} ");
            commands.iter().any(|typed| typed.line.starts_with(&with))
        };
        if PROGRAMS.iter().filter(begins).all(|program| has(program)) {
            play(number, &commands);
        }
    }
}

fn commands(block: &str) -> Vec<Typed> {
    let mut typed: Vec<Typed> = Vec::new();
    for line in block.lines() {
        let into = typed.last_mut().filter(|last| last.until.is_some());
        if let Some(last) = into {
            let more = line.strip_prefix('>').expect("what is typed begins with >");
            let more = more.strip_prefix(' ').unwrap_or(more);
            last.line = format!("{}\n{more}", last.line);
            last.until = last.until.take().filter(|until| until != more);
        } else if let Some(command) = line.strip_prefix("$ ") {
            let until = command.split_once(" <<").map(|(_, word)| word.to_owned());
            typed.push(Typed {
                line: command.to_owned(),
                until,
                shown: Vec::new(),
                goes_on: false,
            });
        } else if line.starts_with("# terminal ") {
            if let Some(last) = typed.last_mut() {
                last.goes_on = true;
            }
        } else {
            let last = typed.last_mut().expect("output has a command");
            last.shown.push(line.to_owned());
        }
    }
    typed
}

/// Runs the commands of one block: a server goes on while the others run.
fn play(number: usize, commands: &[Typed]) {
    let folder = std::env::temp_dir().join(format!("ft-document-{}-{number}", std::process::id()));
    std::fs::create_dir_all(folder.join("work")).expect("a folder");
    let port = TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr());
    let port = port.expect("a free port").port().to_string();

    let mut running = Vec::new();
    for (index, typed) in commands.iter().enumerate() {
        let output = folder.join(format!("{index}.out"));
        let mut group = Group(start(&typed.line.replace("8080", &port), &folder, &output));
        if typed.goes_on && serves(&typed.line) {
            let pattern = format!(":{:04X} ", port.parse::<u16>().expect("a port"));
            eventually("it listens", || {
                // With -q it does not say so.
                read(&output).contains("listening on ") || listens(&pattern)
            });
            running.push((group, typed, output));
        } else {
            wait(&mut group.0);
            let said = read(&output);
            assert!(matches(&typed.shown, &said), "{}\n{said}", typed.line);
        }
    }
    for (mut server, typed, output) in running {
        eventually(&format!("{}: {:#?}", typed.line, typed.shown), || {
            let said = read(&output);
            let so_far: Vec<&str> = said.lines().take(typed.shown.len()).collect();
            matches(&typed.shown, &said) || matches(&typed.shown, &so_far.join("\n"))
        });
        let _ = kill_process_group(Pid::from_child(&server.0), Signal::TERM);
        wait(&mut server.0);
    }
    std::fs::remove_dir_all(&folder).expect("the folder is ours");
}

/// A shell with everything that it has started: none of it outlives the test, however that ends.
struct Group(Child);

impl Drop for Group {
    fn drop(&mut self) {
        // Once it has been waited for, its number may be somebody else's.
        if let Ok(None) = self.0.try_wait() {
            let _ = kill_process_group(Pid::from_child(&self.0), Signal::KILL);
            let _ = self.0.wait();
        }
    }
}

/// A terminal: a shell whose stdout and stderr go to one place, and on whose stdin nobody types.
fn start(line: &str, folder: &Path, output: &Path) -> Child {
    let ft = Path::new(env!("CARGO_BIN_EXE_ft"));
    let bin = ft.parent().expect("ft is in a folder").display();
    let path = std::env::var("PATH").unwrap_or_default();
    let file = std::fs::File::create(output).expect("a file for the output");
    Command::new("bash")
        .args(["-c", line])
        .current_dir(folder.join("work"))
        .env("PATH", format!("{bin}:{path}"))
        .env("NO_COLOR", "1")
        .stdin(Stdio::null())
        .stdout(file.try_clone().expect("a second descriptor"))
        .stderr(file)
        .process_group(0)
        .spawn()
        .expect("there is a bash")
}

fn read(file: &Path) -> String {
    String::from_utf8_lossy(&std::fs::read(file).unwrap_or_default()).into_owned()
}

fn serves(line: &str) -> bool {
    line.contains("ft listen") || line.contains("ft relay")
}

/// Whether a socket in state LISTEN (0A) has this port.
fn listens(port: &str) -> bool {
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap_or_default();
    table
        .lines()
        .any(|line| line.contains(port) && line.contains(" 0A "))
}

/// Whether these lines were said, `…` being any lines.
fn matches(shown: &[String], said: &str) -> bool {
    let shown: Vec<String> = shown.iter().map(|line| mask(line)).collect();
    let said: Vec<String> = said.lines().map(mask).collect();
    fits(&shown, &said)
}

fn fits(shown: &[String], said: &[String]) -> bool {
    match (shown.split_first(), said.split_first()) {
        (None, rest) => rest.is_none(),
        (Some((line, after)), rest) if line == "…" => {
            fits(after, said) || rest.is_some_and(|(_, rest)| fits(shown, rest))
        }
        (Some((line, after)), Some((first, rest))) => line == first && fits(after, rest),
        (Some(_), None) => false,
    }
}

/// The line without what differs from run to run: ports that the system chose, descriptors, pids,
/// times, the user. Numbers of connections, counts of bytes and results stay as they are.
fn mask(line: &str) -> String {
    let header = line.strip_prefix("< ").unwrap_or(line);
    for name in ["date: ", "last-modified: ", "etag: "] {
        if header.starts_with(name) {
            return name.to_owned();
        }
    }
    let mut masked: Vec<String> = Vec::new();
    let words: Vec<&str> = line.split_whitespace().collect();
    for (at, word) in words.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|at| words.get(at)).copied();
        let after = words
            .get(at + 1)
            .map(|unit| unit.trim_end_matches([',', ')']));
        let is_time = after.is_some_and(|unit| ["ns", "µs", "ms", "s"].contains(&unit));
        let is_result = before == Some("=") && line.contains(" accept(");
        masked.push(match before {
            _ if is_time => "N".to_owned(),
            _ if is_clock(word) => "CLOCK".to_owned(),
            Some("user") => "NAME".to_owned(),
            Some(
                "pid" | "(pid" | "kill" | "descriptor" | "port" | "on" | "listen" | "since"
                | "cookie",
            ) => numbers(word),
            _ if is_result || word.contains([':', '(']) => numbers(word),
            _ => (*word).to_owned(),
        });
    }
    let units = ["ns", "µs", "ms", "s"];
    for at in 1..masked.len() {
        let unit = masked[at].trim_end_matches([',', ')']).to_owned();
        if masked[at - 1] == "N" && units.contains(&unit.as_str()) {
            masked[at] = masked[at].replacen(&unit, "TIME", 1);
        }
    }
    masked.join(" ")
}

/// `00:30:12.658032`.
fn is_clock(word: &str) -> bool {
    let time = |c: char| c.is_ascii_digit() || [':', '.'].contains(&c);
    word.chars().all(time) && word.matches(':').count() == 2
}

/// The word without the numbers that the system chose: a port, a descriptor, a date.
fn numbers(word: &str) -> String {
    let mut out = String::new();
    for part in word.split_inclusive(|c: char| !c.is_ascii_digit()) {
        let digits = part.trim_end_matches(|c: char| !c.is_ascii_digit());
        let is_address = part.ends_with('.') || out.ends_with('.') && digits.len() < 4;
        if digits.is_empty() || is_address || digits == "65536" {
            out.push_str(part);
        } else {
            out.push('N');
            out.push_str(part.get(digits.len()..).unwrap_or_default());
        }
    }
    out
}

#[test]
fn what_is_compared_are_counts_and_what_is_not_are_ports() {
    let shown = "#1 127.0.0.1:58936 → 127.0.0.1:8080 tcp closed: 598 µs, sent 8 B, received 8 B";
    let same = "#1 127.0.0.1:1234 → 127.0.0.1:41000 tcp closed: 1.2 ms, sent 8 B, received 8 B";
    assert_eq!(mask(shown), mask(same));
    for other in ["#2 127", "sent 9 B", "received 80 B", "127.0.0.2"] {
        let changed = match other {
            "#2 127" => same.replace("#1 127", other),
            "127.0.0.2" => same.replace("127.0.0.1", other),
            "sent 9 B" => same.replace("sent 8 B", other),
            _ => same.replace("received 8 B", other),
        };
        assert_ne!(mask(shown), mask(&changed), "{other}");
    }
    let call =
        "00:30:12.658942  6 receive     recv(13, 65536) = 6   #1 127.0.0.1:1 → 127.0.0.1:2 tcp";
    assert_ne!(mask(call), mask(&call.replace("= 6", "= 7")));
    assert_eq!(mask(call), mask(&call.replace("(13,", "(14,")));
    assert_eq!(mask(call), mask(&call.replace("00:30:12", "01:31:13")));
}

#[test]
fn the_service_of_your_own_is_the_example() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let readme = std::fs::read_to_string(root.join("README.md")).expect("README.md is there");
    let example = root.join("crates/fivetuple/examples/shout.rs");
    let example = std::fs::read_to_string(example).expect("the example is there");
    let shown = readme
        .split("\n```rust\n")
        .nth(1)
        .and_then(|rest| rest.split("```").next())
        .expect("the block is there");
    let service = |text: &str| {
        let from = text.find("struct Shout").expect("it begins");
        let to = text.find("#[tokio::main]").expect("it ends");
        text[from..to].to_owned()
    };
    assert_eq!(service(shown), service(&example));
    assert!(shown.contains("server.serve(|_: &Identity| Shout).await;"));
}
