//! `ft listen … hub` and `… chat` with the programs that people have.

mod program;
mod rig;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::thread;

use program::{ALL, Place, client};
use rig::{PATIENCE, Running, ft, has, number, run, sh, wait};
use rustix::process::Signal;

/// A program at a hub: lines in, lines out.
struct Program {
    name: &'static str,
    child: Child,
    stdin: Option<ChildStdin>,
    lines: BufReader<ChildStdout>,
}

impl Program {
    fn start(name: &'static str, address: SocketAddr) -> Option<Self> {
        let mut command = client(name, &Place::Tcp(address))?;
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("it starts");
        let stdin = child.stdin.take();
        let lines = BufReader::new(child.stdout.take().expect("a pipe"));
        Some(Self {
            name,
            child,
            stdin,
            lines,
        })
    }

    fn says(&mut self, line: &str) {
        let mut stdin = self.stdin.as_ref().expect("it is open");
        writeln!(stdin, "{line}").expect("it reads");
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.lines.read_line(&mut line).expect("text");
        line.trim_end_matches('\n').to_owned()
    }

    #[track_caller]
    fn hears(&mut self, expected: &str) {
        assert_eq!(self.line(), expected, "{}", self.name);
    }

    /// Ends its input; it must end by itself, having heard no more than this.
    #[track_caller]
    fn ends(mut self, rest: &str) {
        drop(self.stdin.take());
        let mut text = String::new();
        self.lines.read_to_string(&mut text).expect("text");
        assert_eq!(text, rest, "{}", self.name);
        assert_eq!(number(wait(&mut self.child)), 0, "{}", self.name);
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn member(address: SocketAddr) -> TcpStream {
    let member = TcpStream::connect(address).expect("it listens");
    member.set_read_timeout(Some(PATIENCE)).expect("an option");
    member
}

fn hears(member: &mut TcpStream, expected: &str) {
    let mut bytes = vec![0; expected.len()];
    member.read_exact(&mut bytes).expect("it comes");
    assert_eq!(String::from_utf8_lossy(&bytes), expected);
}

#[test]
fn every_program_can_be_a_member_of_a_hub() {
    let (mut server, address) = Running::listen(&["127.0.0.1:0", "hub"]);
    let mut programs = Vec::new();
    for name in ALL {
        if let Some(program) = Program::start(name, address) {
            programs.push(program);
            server.wait_for("accepted");
        }
    }
    for speaker in 0..programs.len() {
        let line = format!("from {}", programs[speaker].name);
        programs[speaker].says(&line);
        for (listener, program) in programs.iter_mut().enumerate() {
            if listener != speaker {
                program.hears(&line);
            }
        }
    }
    for program in programs {
        program.ends("");
        server.wait_for("closed: released by peer first");
    }
    assert_eq!(server.stop().status, 0);
}

#[test]
fn one_line_of_a_script_is_heard_by_all_and_the_script_ends() {
    let (mut server, address) = Running::listen(&["127.0.0.1:0", "hub"]);
    let mut listener = member(address);
    server.wait_for("accepted");
    for name in ALL {
        let Some(mut command) = client(name, &Place::Tcp(address)) else {
            continue;
        };
        let output = run(&mut command, b"hi");
        assert_eq!(number(output.status), 0, "{name}");
        assert_eq!(output.stdout, b"", "{name}");
        hears(&mut listener, "hi\n");
    }
    drop(listener);
    assert_eq!(server.stop().status, 0);
}

#[test]
fn every_program_can_chat() {
    let (mut server, address) = Running::listen(&["127.0.0.1:0", "chat"]);
    let mut here = Vec::new();
    for name in ALL {
        let Some(mut program) = Program::start(name, address) else {
            continue;
        };
        program.hears("-- your name? --");
        program.says(name);
        assert!(program.line().starts_with(&format!("-- welcome, {name}: ")));
        for other in &mut here {
            Program::hears(other, &format!("-- {name} has joined --"));
        }
        here.push(program);
    }
    while let Some(mut program) = here.pop() {
        let name = program.name;
        program.says("bye all");
        // The end of its input is its leave.
        program.ends("");
        for other in &mut here {
            other.hears(&format!("{name}: bye all"));
            other.hears(&format!("-- {name} has left --"));
        }
        server.wait_for("closed: released by peer first");
    }
    assert_eq!(server.stop().status, 0);
}

#[test]
fn limits_rules_and_times_hold_for_a_hub_as_for_echo() {
    let (mut server, address) = Running::listen(&[
        "127.0.0.1:0",
        "hub",
        "--max-connections",
        "2",
        "--at-limit",
        "refuse",
    ]);
    let (mut one, mut two) = (member(address), member(address));
    server.wait_for("accepted");
    server.wait_for("accepted");
    let mut three = member(address);
    assert!(three.read(&mut [0]).is_err(), "turned away by a reset");
    server.wait_for("turned away");
    one.write_all(b"x\n").expect("it is open");
    hears(&mut two, "x\n");
    drop((one, two));
    assert_eq!(server.stop().status, 0);
    let (mut server, address) = Running::listen(&["127.0.0.1:0", "hub", "--idle", "1s"]);
    let mut silent = member(address);
    server.wait_for("closed: timed out");
    assert_eq!(silent.read(&mut [0]).unwrap_or(0), 0);
    assert_eq!(server.stop().status, 0);
    let (mut server, address) = Running::listen(&["127.0.0.1:0", "chat", "--deny", "127.0.0.0/8"]);
    assert!(member(address).read(&mut [0]).is_err());
    server.wait_for("turned away");
    assert_eq!(server.stop().status, 0);
}

/// Nobody has to be waited for: what was said is heard, and then everybody is released.
#[test]
fn a_server_that_is_told_to_stop_tells_its_members_and_ends() {
    let (mut server, address) = Running::listen(&["127.0.0.1:0", "hub", "--drain", "1h"]);
    let (mut one, mut two) = (member(address), member(address));
    server.wait_for("accepted");
    server.wait_for("accepted");
    one.write_all(b"still\n").expect("it is open");
    hears(&mut two, "still\n");
    server.signal(Signal::TERM);
    for member in [&mut one, &mut two] {
        assert_eq!(member.read(&mut [0]).expect("an end, no reset"), 0);
    }
    drop((one, two));
    assert_eq!(server.wait().status, 0);

    let (server, address) = Running::listen(&["127.0.0.1:0", "chat", "--rooms", "--drain", "1h"]);
    let join = |said: &str, heard: &str| {
        let mut member = member(address);
        member.write_all(said.as_bytes()).expect("it is open");
        hears(&mut member, heard);
        member
    };
    let asked = "-- which room? --\n";
    let named = "-- which room? --\n-- your name? --\n";
    let welcome = "-- welcome, anna: nobody else is here; /help lists the commands --\n";
    let members = [
        join("", asked),
        join("red\n", named),
        join("red\nanna\n", &format!("{named}{welcome}")),
        join("blue\nanna\n", &format!("{named}{welcome}")),
    ];
    server.signal(Signal::TERM);
    for mut member in members {
        let mut rest = String::new();
        member.read_to_string(&mut rest).expect("an end, no reset");
        assert_eq!(rest, "-- the server is stopping --\n");
    }
    assert_eq!(server.wait().status, 0);
}

#[test]
fn the_console_speaks_and_shows_what_is_said() {
    let mut command = ft();
    command
        .args(["listen", "127.0.0.1:0", "chat", "--console"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let (mut server, address) = Running::listen_as(&mut command);
    let mut anna = member(address);
    hears(&mut anna, "-- your name? --\n");
    anna.write_all(b"anna\n").expect("it is open");
    hears(
        &mut anna,
        "-- welcome, anna: one other is here; /help lists the commands --\n",
    );
    let mut typing = server.child.stdin.take().expect("a pipe");
    typing.write_all(b"hello\n/who\n").expect("it reads");
    hears(&mut anna, "console: hello\n");
    anna.write_all(b"hi \x1b[2J\n").expect("it is open");
    let mut shown = BufReader::new(server.child.stdout.take().expect("a pipe")).lines();
    let mut seen = Vec::new();
    while seen.last().is_none_or(|line| line != "anna: hi \\x1b[2J") {
        seen.push(shown.next().expect("more").expect("text"));
    }
    // What the others say comes from the room, an answer to the console from itself: either first.
    assert!(
        seen.contains(&"-- anna has joined --".to_owned()),
        "{seen:?}"
    );
    assert!(
        seen.contains(&"-- 2 here: console, anna --".to_owned()),
        "{seen:?}"
    );
    // The end of stdin is the console's leave, and not the server's end.
    drop(typing);
    anna.write_all(b"on\n").expect("it is open");
    while shown.next().expect("more").expect("text") != "anna: on" {}
    drop(anna);
    assert_eq!(server.stop().status, 0);
}

#[test]
fn a_console_whose_output_is_thrown_away_holds_nobody_up() {
    const LINES: usize = 60_000;
    let mut command = ft();
    command.args([
        "listen",
        "127.0.0.1:0",
        "hub",
        "--console",
        "--slow",
        "block",
    ]);
    command.stdin(Stdio::piped()).stdout(Stdio::null());
    let (mut server, address) = Running::listen_as(&mut command);
    let join = || {
        let member = TcpStream::connect(address).expect("it listens");
        member.set_read_timeout(Some(PATIENCE)).expect("an option");
        member
    };
    let (mut speaker, mut listener) = (join(), join());
    // That is said when it is a member.
    server.wait_for("#2 ");
    let speaking = thread::spawn(move || {
        let lines = "x".repeat(49) + "\n";
        speaker
            .write_all(lines.repeat(LINES).as_bytes())
            .map(|()| speaker)
    });
    let mut all = vec![0; 50 * LINES];
    listener.read_exact(&mut all).expect("everything comes");
    drop(
        speaking
            .join()
            .expect("no panic")
            .expect("everything is taken"),
    );
    drop(server);
}

/// What the console says waits until somebody is in its room, however early it was there to read.
#[test]
fn the_console_of_rooms_speaks_when_somebody_is_in_its_room() {
    let mut command = ft();
    command
        .args(["listen", "127.0.0.1:0", "hub", "--rooms", "--console"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null());
    let (mut server, address) = Running::listen_as(&mut command);
    let mut typing = server.child.stdin.take().expect("a pipe");
    typing.write_all(b"red\none\ntwo\n").expect("it reads");
    drop(typing);
    let mut elsewhere = member(address);
    elsewhere.write_all(b"blue\n").expect("it is open");
    let mut listens = member(address);
    server.wait_for("#2");
    listens.write_all(b"red\n").expect("it is open");
    hears(&mut listens, "one\ntwo\n");
    drop((elsewhere, listens));
    assert_eq!(server.stop().status, 0);
}

/// A command on a terminal of its own, by script(1): what is typed, and everything it shows.
struct AtTerminal {
    child: Child,
    typing: ChildStdin,
    screen: ChildStdout,
    shown: String,
}

impl AtTerminal {
    fn start(command: &str, port: u16) -> Self {
        let script = format!(
            "S=$(mktemp); stty -g > $S; {command}; echo status $?; \
             stty -g | cmp - $S && echo restored; rm $S"
        );
        let mut on_terminal = sh("script -qec \"$0\" /dev/null", port);
        on_terminal.arg(script).env("TERM", "xterm");
        on_terminal.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = on_terminal.spawn().expect("script starts");
        let typing = child.stdin.take().expect("a pipe");
        let screen = child.stdout.take().expect("a pipe");
        Self {
            child,
            typing,
            screen,
            shown: String::new(),
        }
    }

    fn types(&mut self, keys: &str) {
        self.typing.write_all(keys.as_bytes()).expect("it reads");
    }

    /// Waits until this is shown; forgets everything up to there.
    fn shows(&mut self, part: &str) {
        let mut buffer = [0; 4096];
        loop {
            if let Some(at) = self.shown.find(part) {
                self.shown.drain(..at + part.len());
                return;
            }
            let count = self.screen.read(&mut buffer).expect("it is open");
            assert!(count > 0, "the end, and never {part:?}: {:?}", self.shown);
            self.shown += &String::from_utf8_lossy(&buffer[..count]);
        }
    }

    fn ends(mut self, status: &str) {
        self.shows(status);
        self.shows("restored");
        drop(self.typing);
        wait(&mut self.child);
    }
}

fn accept() -> (u16, thread::JoinHandle<TcpStream>) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let accepted = thread::spawn(move || {
        let (peer, _) = listener.accept().expect("it calls");
        peer.set_read_timeout(Some(PATIENCE)).expect("an option");
        peer
    });
    (port, accepted)
}

#[test]
fn on_a_terminal_lines_are_edited_and_what_comes_stands_above_them() {
    if !has("script") {
        return;
    }
    let (port, accepted) = accept();
    let mut terminal = AtTerminal::start("$FT connect $PORT", port);
    let mut peer = accepted.join().expect("it calls");
    // A start of a line is shown without its end, and so we know that it is being edited.
    peer.write_all(b"login: ").expect("it is open");
    terminal.shows("login: ");
    terminal.types("helo\x1b[Dl");
    terminal.shows("hell");
    terminal.types("\r");
    hears(&mut peer, "hello\n");
    terminal.types("abc");
    terminal.shows("abc");
    peer.write_all(b"incoming \x1b[2J\n").expect("it is open");
    // Above the line, harmless, and the line is drawn again.
    terminal.shows("incoming \\x1b[2J");
    terminal.shows("abc");
    terminal.types("d\r");
    hears(&mut peer, "abcd\n");
    // The line before comes back with the arrow.
    terminal.types("\x1b[A");
    terminal.shows("abcd");
    terminal.types("\r");
    hears(&mut peer, "abcd\n");
    terminal.types("\x04");
    assert_eq!(peer.read(&mut [0]).expect("in order"), 0);
    peer.write_all(b"late\nwithout an end").expect("it is open");
    drop(peer);
    terminal.shows("late");
    terminal.shows("without an end");
    terminal.ends("status 0");
}

#[test]
fn lines_that_are_pasted_at_once_all_arrive() {
    if !has("script") {
        return;
    }
    let (port, accepted) = accept();
    let mut terminal = AtTerminal::start("$FT connect $PORT", port);
    let mut peer = accepted.join().expect("it calls");
    peer.write_all(b"ready\n").expect("it is open");
    terminal.shows("ready");
    let line = |number| format!("\tline {number}\t\twith tabs\r");
    let pasted: String = (1..=200).map(line).collect();
    terminal.types(&pasted);
    hears(&mut peer, &pasted.replace('\r', "\n"));
    drop(peer);
    terminal.ends("status 0");
}

#[test]
fn however_it_ends_the_terminal_is_as_it_was() {
    if !has("script") {
        return;
    }
    for (end, status) in [
        ("\x03", "status 130"),
        ("INT", "status 130"),
        ("TERM", "status 143"),
        ("HUP", "status 129"),
        ("QUIT", "status 131"),
        ("peer", "status 0"),
    ] {
        let (port, accepted) = accept();
        let mut terminal = AtTerminal::start("$FT connect $PORT", port);
        let mut peer = accepted.join().expect("it calls");
        peer.write_all(b"ready\n").expect("it is open");
        terminal.shows("ready");
        terminal.types("half a line");
        terminal.shows("half a line");
        match end {
            "\x03" => terminal.types(end),
            "peer" => drop(peer),
            signal => {
                let own = format!("connect {port}");
                let mut pkill = sh("pkill -$0 -f \"ft $1$\"", port);
                assert_eq!(number(run(pkill.args([signal, &own]), b"").status), 0);
            }
        }
        terminal.ends(status);
    }
}

#[test]
fn a_terminal_that_cannot_be_edited_on_works_as_before() {
    if !has("script") {
        return;
    }
    for command in ["TERM=dumb $FT connect $PORT", "$FT connect $PORT --raw"] {
        let (port, accepted) = accept();
        let mut terminal = AtTerminal::start(command, port);
        let mut peer = accepted.join().expect("it calls");
        peer.write_all(b"ready\n").expect("it is open");
        terminal.shows("ready");
        terminal.types("plain\n");
        hears(&mut peer, "plain\n");
        drop(peer);
        terminal.ends("status 0");
    }
}
