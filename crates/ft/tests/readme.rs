//! README.md and the examples in docs/ are true: every `console` block is run, and shows what is
//! written there.
//!
//! `# terminal N` goes to another terminal, or back to one, `$ ` begins a command, `> ` what is typed
//! into it: up to the word after `<<`, or, into `ft connect` and `nc`, when what stands above it has
//! come. `…` alone stands for any lines. Ports 8080 and 6379 become free ones. Ports, descriptors,
//! pids, times and the user are not compared.

mod rig;

use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rig::{Folder, eventually, has, quiet_port, wait};
use rustix::process::{Pid, Signal, kill_process_group};

/// Programs of others that a block may need.
const PROGRAMS: [&str; 6] = [
    "chromium",
    "curl",
    "nc",
    "python3",
    "redis-cli",
    "redis-server",
];

/// A command line of a terminal, and what is shown under it there.
struct Typed {
    terminal: String,
    line: String,
    /// The word that ends what is typed into it.
    until: Option<String>,
    shown: Vec<String>,
    /// Another terminal follows: this command may still run then.
    goes_on: bool,
}

/// What a reader does, and sees, in the order of the block; commands by their place in it.
enum Step {
    Start(usize),
    /// Types this into a program that runs.
    Type(usize, String),
    /// Sees so many lines.
    See(usize, usize),
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
    for block in blocks {
        let (commands, steps) = read_block(block);
        let begins = |program: &&&str| {
            let with = format!("{program} ");
            commands.iter().any(|typed| typed.line.starts_with(&with))
        };
        if PROGRAMS.iter().filter(begins).all(|program| has(program)) {
            Stage::new(&commands).play(&steps);
        }
    }
}

fn read_block(block: &str) -> (Vec<Typed>, Vec<Step>) {
    let (mut typed, mut steps) = (Vec::<Typed>::new(), Vec::new());
    let mut terminal = "";
    for line in block.lines() {
        let last = typed.iter().rposition(|typed| typed.terminal == terminal);
        let into = last.filter(|last| typed[*last].until.is_some());
        if let Some(last) = into.map(|last| &mut typed[last]) {
            let more = line.strip_prefix('>').expect("what is typed begins with >");
            let more = more.strip_prefix(' ').unwrap_or(more);
            last.line = format!("{}\n{more}", last.line);
            last.until = last.until.take().filter(|until| until != more);
        } else if let Some(command) = line.strip_prefix("$ ") {
            let until = command.split_once(" <<").map(|(_, word)| word);
            steps.push(Step::Start(typed.len()));
            typed.push(Typed {
                terminal: terminal.to_owned(),
                line: command.to_owned(),
                until: until.map(|word| word.trim_matches('\'').to_owned()),
                shown: Vec::new(),
                goes_on: false,
            });
        } else if line.starts_with("# terminal ") {
            if let Some(last) = last {
                typed[last].goes_on = true;
                steps.push(Step::See(last, typed[last].shown.len()));
            }
            terminal = line;
        } else {
            let last = last.expect("output has a command");
            match line.strip_prefix("> ") {
                Some(text) if is_typed_into(&typed[last].line) => {
                    steps.push(Step::See(last, typed[last].shown.len()));
                    steps.push(Step::Type(last, format!("{text}\n")));
                }
                _ => typed[last].shown.push(line.to_owned()),
            }
        }
    }
    (typed, steps)
}

/// A command that has been started.
struct Begun {
    index: usize,
    shell: Group,
    output: PathBuf,
}

/// Where one block is played.
struct Stage<'a> {
    commands: &'a [Typed],
    running: Vec<Begun>,
    folder: Folder,
    /// The ports that are written, and those that they become.
    ports: [(&'static str, u16); 2],
}

impl<'a> Stage<'a> {
    fn new(commands: &'a [Typed]) -> Self {
        let folder = Folder::new();
        std::fs::create_dir(folder.path("work")).expect("the folder is new");
        Self {
            commands,
            running: Vec::new(),
            folder,
            ports: ["8080", "6379"].map(|written| (written, quiet_port())),
        }
    }

    /// Does what the reader would: a server goes on while others run.
    fn play(mut self, steps: &[Step]) {
        for step in steps {
            match step {
                Step::Start(index) => self.start(*index),
                Step::Type(index, text) => {
                    let mut begun = self.running.iter_mut();
                    let begun = begun.find(|begun| begun.index == *index);
                    let keyboard = begun.and_then(|begun| begun.shell.0.stdin.as_mut());
                    let keyboard = keyboard.expect("it runs, and is typed into");
                    keyboard.write_all(text.as_bytes()).expect("it reads");
                }
                Step::See(index, lines) => {
                    let typed = &self.commands[*index];
                    let begun = self.running.iter().find(|begun| begun.index == *index);
                    if let Some(begun) = begun.filter(|_| is_typed_into(&typed.line)) {
                        begun.shows(&typed.line, &typed.shown[..*lines]);
                    }
                }
            }
        }
        for begun in &self.running {
            let typed = &self.commands[begun.index];
            begun.shows(&typed.line, &typed.shown);
        }
        // Clients before their server.
        for begun in self.running.iter_mut().rev() {
            let _ = kill_process_group(Pid::from_child(&begun.shell.0), Signal::TERM);
            wait(&mut begun.shell.0);
        }
    }

    fn start(&mut self, index: usize) {
        let typed = &self.commands[index];
        // What was begun in this terminal has to end before anything else can be typed there.
        let here = |begun: &Begun| self.commands[begun.index].terminal == typed.terminal;
        if let Some(at) = self.running.iter().position(here) {
            let before = self.running.remove(at);
            let written = &self.commands[before.index];
            before.ends(&written.line, &written.shown);
        }
        let mut line = typed.line.clone();
        for (written, port) in self.ports {
            line = line.replace(written, &port.to_string());
        }
        let output = self.folder.path(&format!("{index}.out"));
        let begun = Begun {
            index,
            shell: Group(start(&line, &self.folder, &output)),
            output,
        };
        if typed.goes_on && serves(&typed.line) {
            let [(_, port), (_, other)] = self.ports;
            let is_other = typed.line.starts_with("redis-server ");
            let pattern = format!(":{:04X} ", if is_other { other } else { port });
            eventually("it listens", || {
                // With -q it does not say so.
                read(&begun.output).contains("listening on ") || listens(&pattern)
            });
            self.running.push(begun);
        } else if typed.goes_on && is_typed_into(&typed.line) {
            self.running.push(begun);
        } else {
            begun.ends(&typed.line, &typed.shown);
        }
    }
}

impl Begun {
    /// Waits until it has shown this.
    fn shows(&self, line: &str, shown: &[String]) {
        eventually(&format!("{line}: {shown:#?}"), || {
            let said = read(&self.output);
            let so_far: Vec<&str> = said.lines().take(shown.len()).collect();
            matches(shown, &said) || matches(shown, &so_far.join("\n"))
        });
    }

    /// Waits for its end; it must have shown this.
    fn ends(mut self, line: &str, shown: &[String]) {
        wait(&mut self.shell.0);
        let said = read(&self.output);
        assert!(matches(shown, &said), "{line}\n{said}");
    }
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

/// A terminal: a shell whose stdout and stderr go to one place. On stdin nobody types, unless the
/// line is one that is typed into.
fn start(line: &str, folder: &Folder, output: &Path) -> Child {
    let ft = Path::new(env!("CARGO_BIN_EXE_ft"));
    let bin = ft.parent().expect("ft is in a folder").display();
    let path = std::env::var("PATH").unwrap_or_default();
    let file = std::fs::File::create(output).expect("a file for the output");
    let keyboard = if is_typed_into(line) {
        Stdio::piped()
    } else {
        Stdio::null()
    };
    Command::new("bash")
        .args(["-c", line])
        .current_dir(folder.path("work"))
        .env("PATH", format!("{bin}:{path}"))
        .env("NO_COLOR", "1")
        .stdin(keyboard)
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
    ["ft listen", "ft relay", "python3 echo.py", "redis-server"]
        .iter()
        .any(|server| line.contains(server))
}

/// Whether what is typed goes to the program, line by line.
fn is_typed_into(line: &str) -> bool {
    (line.starts_with("ft connect ") || line.starts_with("nc ")) && !line.contains(" <<")
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
