//! Every service with the programs that people have: nc, ncat, socat and Python over TCP, Unix
//! sockets and UDP, and what each of them has really got.

mod datagram;
mod program;
mod rig;

use std::fs;
use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::thread;

use datagram::{end, talk};
use program::{OTHERS, Place, client};
use rig::{Folder, Running, bytes, ft, number, run};

/// Whether it is right for a client to get this, after so many clients before it.
type Right = Box<dyn Fn(usize, &[u8]) -> bool>;

/// A service of streams.
struct Row {
    words: Vec<String>,
    /// What each client sends.
    input: Vec<u8>,
    right: Right,
}

fn row(words: &[&str], input: &[u8], right: impl Fn(usize, &[u8]) -> bool + 'static) -> Row {
    Row {
        words: words.iter().map(|word| (*word).to_owned()).collect(),
        input: input.to_vec(),
        right: Box::new(right),
    }
}

/// All services that take a client's bytes to their end, or end by themselves.
fn rows(folder: &Folder, echo: &Place) -> Vec<Row> {
    let big = bytes(7, 0, 300_000);
    let is = |expected: &[u8]| {
        let expected = expected.to_vec();
        move |_: usize, got: &[u8]| got == expected
    };
    let late = [&big[..], b"late\n"].concat();
    let file = folder.write("file", &big);
    let (site, inbox) = (folder.path("site"), folder.path("inbox"));
    for made in [&site, &inbox] {
        fs::create_dir_all(made).expect("a folder");
    }
    folder.write("site/hello.txt", b"hello, world\n");
    let text = |path: &std::path::Path| path.to_str().expect("UTF-8").to_owned();
    let (sent, received) = (big.clone(), inbox.clone());
    let is_stored = move |before: usize, got: &[u8]| {
        let mut names: Vec<_> = fs::read_dir(&received)
            .expect("it is there")
            .flatten()
            .collect();
        names.sort_by_key(fs::DirEntry::file_name);
        let last = names.last().map(|last| fs::read(last.path()));
        let whole = last.is_some_and(|last| last.is_ok_and(|last| last == sent));
        got.is_empty() && whole && names.len() == before + 1
    };
    let get = b"GET /hello.txt HTTP/1.0\r\n\r\n";
    vec![
        row(&["echo"], &big, is(&big)),
        row(&["discard"], &big, is(b"")),
        row(&["daytime"], b"", |_, got| {
            got.len() > 20 && got.ends_with(b"\r\n")
        }),
        row(&["time"], b"", |_, got| got.len() == 4),
        row(&["source", "300k"], b"", |_, got| got.len() == 300_000),
        row(&["exec", "--", "cat"], &big, is(&big)),
        row(&["shell", "cat; echo late"], &big, is(&late)),
        row(&["relay", &echo.to_string()], &big, is(&big)),
        row(&["send", &file], b"", is(&big)),
        row(&["receive", &text(&inbox)], &big, is_stored),
        row(&["http", &text(&site)], get, |_, got| {
            let got = String::from_utf8_lossy(got);
            let head = got.split("\r\n").next().unwrap_or_default();
            head.ends_with(" 200 OK") && got.ends_with("\r\n\r\nhello, world\n")
        }),
        // Who comes gets what all before have said.
        row(&["hub", "--history", "9"], b"hello\n", |before, got| {
            got == b"hello\n".repeat(before)
        }),
        row(
            &["chat", "--history", "99"],
            b"anna\nhello\n",
            |before, got| {
                let got = String::from_utf8_lossy(got);
                got.starts_with("-- your name? --\n")
                    && got.contains("-- welcome, anna: nobody else is here; ")
                    && got.matches("anna: hello\n").count() == before
            },
        ),
    ]
}

/// `ft listen ADDRESS …` with pipes for stdin and stdout.
fn listen(address: &str, words: &[&str]) -> (Running, Place) {
    let mut command = ft();
    command.arg("listen").arg(address).args(words);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    if let Some(path) = address.strip_prefix("unix:") {
        let mut server = Running::start(&mut command);
        server.wait_for("listening on unix:");
        return (server, Place::Unix(path.into()));
    }
    let (server, at) = Running::listen_as(&mut command);
    let place = match address.starts_with("udp:") {
        true => Place::Udp(at),
        false => Place::Tcp(at),
    };
    (server, place)
}

fn addresses(folder: &Folder) -> [String; 2] {
    [
        "127.0.0.1:0".to_owned(),
        format!("unix:{}", folder.text("x")),
    ]
}

#[test]
fn every_service_of_streams_serves_every_program() {
    for at in [0, 1] {
        let folder = Folder::new();
        let [_, unix] = addresses(&folder);
        let (_echo, echo) = listen(&format!("{unix}-echo"), &["echo"]);
        for row in rows(&folder, &echo) {
            let words: Vec<&str> = row.words.iter().map(String::as_str).collect();
            let (mut server, place) = listen(&addresses(&folder)[at], &words);
            let installed = OTHERS.map(|name| Some((name, client(name, &place)?)));
            for (before, (name, mut command)) in installed.into_iter().flatten().enumerate() {
                let output = run(&mut command, &row.input);
                let what = format!("{name} {place} {words:?}");
                let said = String::from_utf8_lossy(&output.stderr);
                assert_eq!(number(output.status), 0, "{what}: {said}");
                let got = String::from_utf8_lossy(&output.stdout);
                let shown: String = got.chars().take(500).collect();
                assert!(
                    (row.right)(before, &output.stdout),
                    "{what}: {} bytes: {shown:?}",
                    output.stdout.len()
                );
                let line = server.wait_for(" closed: ");
                assert!(line.contains(" closed: released"), "{what}: {line}");
            }
            assert_eq!(server.stop().status, 0, "{words:?}");
        }
    }
}

#[test]
fn the_terminal_hears_every_program_and_is_heard() {
    let folder = Folder::new();
    for address in addresses(&folder) {
        for name in OTHERS {
            let (mut server, place) = listen(&address, &["--once"]);
            let Some(mut command) = client(name, &place) else {
                continue;
            };
            let calling = thread::spawn(move || run(&mut command, b"from the client\n"));
            let mut heard = [0; 16];
            let mut stdout = server.child.stdout.take().expect("a pipe");
            stdout.read_exact(&mut heard).expect("it comes");
            assert_eq!(&heard, b"from the client\n", "{name} {place}");
            let mut typing = server.child.stdin.take().expect("a pipe");
            typing.write_all(b"from the server\n").expect("it reads");
            drop(typing);
            let output = calling.join().expect("it runs");
            assert_eq!(number(output.status), 0, "{name} {place}");
            assert_eq!(output.stdout, b"from the server\n", "{name} {place}");
            assert_eq!(server.wait().status, 0, "{name} {place}");
        }
    }
}

#[test]
fn chargen_sends_every_program_the_pattern_for_as_long_as_it_is_read() {
    const LINE: usize = 74;
    let folder = Folder::new();
    for address in addresses(&folder) {
        let (mut server, place) = listen(&address, &["chargen"]);
        for name in OTHERS {
            let Some(mut command) = client(name, &place) else {
                continue;
            };
            let (child, got) = talk(&mut command, b"", LINE * 95 * 3);
            let first = b" !\"#$%&'()*+,-./0123456789";
            assert!(got.starts_with(first), "{name} {place}");
            assert!(got[LINE * 95..] == got[..LINE * 95 * 2], "{name} {place}");
            end(child);
            server.wait_for(" closed: ");
        }
        assert_eq!(server.stop().status, 0, "{place}");
    }
}

/// What the server says that it has sent back: its answer has this many bytes.
fn length_of_answer(server: &mut Running) -> usize {
    let line = server.wait_for(" bytes to ");
    let length = line
        .split_once(" bytes to ")
        .and_then(|(before, _)| before.rsplit(' ').next());
    let length = length.and_then(|length| length.parse().ok());
    length.unwrap_or_else(|| panic!("no length in {line:?}"))
}

/// Sends one datagram with this program, and reads as much as the server says that it has answered.
fn exchanged(command: &mut Command, server: &mut Running, question: &[u8]) -> Vec<u8> {
    let (mut child, _) = talk(command, question, 0);
    let length = length_of_answer(server);
    let mut got = vec![0; length];
    let mut stdout = child.stdout.take().expect("stdout is a pipe");
    stdout.read_exact(&mut got).expect("the answer comes");
    end(child);
    let mut rest = Vec::new();
    stdout.read_to_end(&mut rest).expect("a pipe");
    assert!(rest.is_empty(), "{command:?}: {} bytes more", rest.len());
    got
}

#[test]
fn every_service_of_datagrams_answers_every_program() {
    const QUESTION: &[u8] = b"a question of thirty-two bytes.\n";
    let (_echo, echo) = listen("udp:127.0.0.1:0", &["echo"]);
    let echo = echo.to_string();
    type Check = fn(&[u8]) -> bool;
    let rows: [(&[&str], Check); 5] = [
        (&["echo"], |got| got == QUESTION),
        (&["relay", &echo], |got| got == QUESTION),
        (&["time"], |got| got.len() == 4),
        (&["daytime"], |got| got.len() > 20 && got.ends_with(b"\r\n")),
        (&["chargen"], |got| {
            got.len() <= 3 * QUESTION.len()
                && got
                    .iter()
                    .all(|byte| matches!(byte, b' '..=b'~' | b'\r' | b'\n'))
        }),
    ];
    for (words, right) in rows {
        let (mut server, place) = listen("udp:127.0.0.1:0", &[words, &["-v"]].concat());
        for name in OTHERS {
            let Some(mut command) = client(name, &place) else {
                continue;
            };
            let mut got = exchanged(&mut command, &mut server, QUESTION);
            // As many characters as it likes, now and then none.
            while got.is_empty() && words == ["chargen"] {
                got = exchanged(&mut command, &mut server, QUESTION);
            }
            assert!(right(&got), "{name} {words:?}: {got:?}");
        }
        assert_eq!(server.stop().status, 0, "{words:?}");
    }
}

#[test]
fn discard_takes_the_datagrams_of_every_program_and_answers_none() {
    let (mut server, place) = listen("udp:127.0.0.1:0", &["discard", "-v"]);
    for name in OTHERS {
        let Some(mut command) = client(name, &place) else {
            continue;
        };
        let (mut child, _) = talk(&mut command, b"hello\n", 0);
        server.wait_for(") = 6");
        let mut stdout = child.stdout.take().expect("stdout is a pipe");
        end(child);
        let mut got = Vec::new();
        stdout.read_to_end(&mut got).expect("a pipe");
        assert!(got.is_empty(), "{name}: {got:?}");
    }
    let ended = server.stop();
    let sent = ended.said.iter().filter(|line| line.contains(" closed: "));
    let sent: Vec<_> = sent.filter(|line| !line.contains("sent 0 B")).collect();
    assert!(sent.is_empty(), "{sent:#?}");
}
