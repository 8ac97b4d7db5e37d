//! `ft listen … exec` and `shell`: real programs for real clients, and nothing left of them.

mod rig;

use std::fmt::Debug;
use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use rig::{
    Folder, PATIENCE, Running, bytes, connect, descriptors, descriptors_at_rest, eventually, ft,
    has, run, sh,
};
use rustix::net::sockopt::set_socket_linger;
use rustix::process::Signal;

/// The two ways of the data: the socket itself, and pipes.
const WAYS: [&[&str]; 2] = [&[], &["--pipe"]];
/// The same, and a terminal.
const ALL_WAYS: [&[&str]; 3] = [&[], &["--pipe"], &["--pty"]];

/// Outputs of a program that ends at once.
const SIZES: [usize; 5] = [1, 1000, 65_536, 65_537, 1_000_000];

fn all() -> bool {
    std::env::var_os("FT_TEST_ALL").is_some()
}

/// `ft listen 127.0.0.1:0 OPTIONS exec -- PROGRAM`.
fn exec(options: &[&str], program: &[&str]) -> (Running, SocketAddr) {
    let words = [&["127.0.0.1:0"], options, &["exec", "--"], program].concat();
    Running::listen(&words)
}

/// The same with a shell.
fn shell(options: &[&str], script: &str) -> (Running, SocketAddr) {
    Running::listen(&[&["127.0.0.1:0"], options, &["shell", script]].concat())
}

/// Sends this, finishes, and reads to the end.
fn ask(address: SocketAddr, request: &[u8]) -> Vec<u8> {
    let mut stream = connect(address);
    stream.write_all(request).expect("it is taken");
    stream.shutdown(Shutdown::Write).expect("it is open");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("an orderly end");
    answer
}

fn text(answer: Vec<u8>) -> String {
    String::from_utf8(answer).expect("text")
}

/// A line of the peer's.
fn line(stream: &mut TcpStream) -> String {
    let mut line = Vec::new();
    let mut byte = [0];
    while stream.read(&mut byte).expect("a line comes") == 1 && byte[0] != b'\n' {
        line.push(byte[0]);
    }
    text(line).trim().to_owned()
}

/// Closes with RST.
fn reset(stream: TcpStream) {
    set_socket_linger(&stream, Some(Duration::ZERO)).expect("a socket");
    drop(stream);
}

/// The state letter and the parent of a process; `None` when there is none.
fn state(pid: &str) -> Option<(char, u32)> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut words = stat.rsplit_once(')')?.1.split_whitespace();
    let state = words.next()?.chars().next()?;
    Some((state, words.next()?.parse().ok()?))
}

/// Not there, or a zombie that somebody else than `ft` has to reap.
fn is_gone(pid: &str, ft: u32) -> bool {
    state(pid).is_none_or(|(state, parent)| state == 'Z' && parent != ft)
}

/// Every process whose parent is this one, zombies too.
fn children(of: u32) -> Vec<String> {
    let processes = fs::read_dir("/proc").expect("/proc is there").flatten();
    let names = processes.filter_map(|entry| entry.file_name().into_string().ok());
    names
        .filter(|pid| pid.bytes().all(|byte| byte.is_ascii_digit()))
        .filter(|pid| state(pid).is_some_and(|(_, parent)| parent == of))
        .collect()
}

/// Receives to an orderly end, which comes behind these bytes and no others.
fn gets_all(mut stream: impl Read, whole: &[u8], context: &dyn Debug) {
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("an orderly end");
    assert!(answer == whole, "{context:?}: {}", answer.len());
}

fn ended_well(ft: Running) -> Vec<String> {
    let ended = ft.stop();
    assert_eq!(ended.status, 0, "{:#?}", ended.said);
    ended.said
}

#[test]
fn everything_arrives_from_a_program_that_ends_at_once() {
    let runs = if all() { 500 } else { 20 };
    let folder = Folder::new();
    let whole = bytes(3, 0, 1_000_000);
    let file = folder.write("output", &whole);
    for way in WAYS {
        for size in SIZES {
            let (ft, address) = exec(way, &["head", "-c", &size.to_string(), &file]);
            for run in 0..runs {
                // Some finish at once, some never send, some send what nobody reads.
                let mut stream = connect(address);
                match run % 3 {
                    0 => stream.shutdown(Shutdown::Write).expect("it is open"),
                    1 => stream.write_all(b"never read").expect("it is open"),
                    _ => {}
                }
                gets_all(stream, &whole[..size], &(way, size, run));
            }
            let said = ended_well(ft);
            let sum = format!("sent {} B", size * runs);
            let last = said.last().expect("a last line");
            assert!(last.contains(&sum), "{way:?}: {last}");
        }
    }
}

#[test]
fn everything_arrives_from_a_program_that_ends_at_once_over_a_unix_socket() {
    let runs = if all() { 500 } else { 20 };
    let folder = Folder::new();
    let whole = bytes(3, 0, 1_000_000);
    let file = folder.write("output", &whole);
    let path = folder.path("x");
    let address = format!("unix:{}", path.display());
    for size in SIZES {
        let mut command = ft();
        let words = ["listen", &address, "exec", "--", "head", "-c"];
        command.args(words).args([&size.to_string(), &file]);
        command.stdin(Stdio::null()).stdout(Stdio::null());
        let mut ft = Running::start(&mut command);
        ft.wait_for("listening on unix:");
        for run in 0..runs {
            let mut stream = UnixStream::connect(&path).expect("it listens");
            stream.set_read_timeout(Some(PATIENCE)).expect("a socket");
            match run % 3 {
                0 => stream.shutdown(Shutdown::Write).expect("it is open"),
                1 => stream.write_all(b"never read").expect("it is open"),
                _ => {}
            }
            gets_all(stream, &whole[..size], &(size, run));
        }
        ended_well(ft);
    }
}

#[test]
fn everything_arrives_from_a_program_that_ends_at_once_and_has_a_terminal() {
    let runs = if all() { 500 } else { 20 };
    let folder = Folder::new();
    let whole = bytes(3, 0, 1_000_000);
    let file = folder.write("output", &whole);
    for size in SIZES {
        let script = "stty -opost; exec head -c $0 $1";
        let program = ["sh", "-c", script, &size.to_string(), &file];
        let (ft, address) = exec(&["--pty"], &program);
        for run in 0..runs {
            // What is sent would be echoed.
            let stream = connect(address);
            if run % 2 == 0 {
                stream.shutdown(Shutdown::Write).expect("it is open");
            }
            gets_all(stream, &whole[..size], &(size, run));
        }
        ended_well(ft);
    }
}

#[test]
fn a_long_stream_comes_back_from_a_program_byte_by_byte() {
    let size: u64 = if all() { 1 << 30 } else { 10 << 20 };
    for way in WAYS {
        let (ft, address) = exec(way, &["cat"]);
        let mut stream = connect(address);
        let mut sending = stream.try_clone().expect("a socket");
        let writer = thread::spawn(move || {
            let mut sent = 0;
            while sent < size {
                let part = bytes(5, sent, 256 * 1024);
                sending.write_all(&part).expect("it is taken");
                sent += part.len() as u64;
            }
            sending.shutdown(Shutdown::Write).expect("it is open");
        });
        let mut received = 0;
        let mut buffer = vec![0; 256 * 1024];
        loop {
            let count = stream.read(&mut buffer).expect("an orderly end");
            if count == 0 {
                break;
            }
            let right = buffer[..count] == bytes(5, received, count)[..];
            assert!(right, "{way:?}: a wrong byte after {received}");
            received += count as u64;
        }
        assert_eq!(received, size, "{way:?}");
        writer.join().expect("it writes");
        let ended = ft.stop();
        let last = ended.said.last().expect("a last line");
        let sums = format!("sent {size} B, received {size} B");
        assert!(last.ends_with(&sums), "{way:?}: {last}");
    }
}

#[test]
fn a_half_close_is_the_end_of_input_and_late_output_gets_back() {
    for way in WAYS {
        let (_ft, address) = shell(way, "wc -c; echo late");
        let answer = text(ask(address, &[7; 300_000]));
        assert_eq!(answer, "300000\nlate\n", "{way:?}");
    }
    let (_ft, address) = shell(&["--pty"], "stty -echo; echo ready; cat; echo late");
    let mut stream = connect(address);
    assert_eq!(line(&mut stream), "ready");
    stream.write_all(b"whole\npart").expect("it is open");
    stream.shutdown(Shutdown::Write).expect("it is open");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("an orderly end");
    assert_eq!(text(answer), "whole\r\npartlate\r\n");
}

#[test]
fn a_program_that_never_reads_still_speaks_and_a_reset_ends_it() {
    for way in WAYS {
        let (ft, address) = shell(way, "echo $$; exec sleep 1000");
        let mut stream = connect(address);
        stream.set_nonblocking(true).expect("a socket");
        let mut sent = 0;
        let mut full = 0;
        while sent < 20_000_000 && full < 1000 {
            match stream.write(&[1; 65_536]) {
                Ok(count) => sent += count,
                Err(_) => full += 1,
            }
        }
        stream.set_nonblocking(false).expect("a socket");
        let pid = line(&mut stream);
        let number = ft.child.id();
        assert!(!is_gone(&pid, number));
        reset(stream);
        eventually("the sleeper ends", || is_gone(&pid, number));
        eventually("it is reaped", || children(number).is_empty());
    }
}

#[test]
fn a_reset_ends_a_sleeping_program_whatever_it_has() {
    for way in ALL_WAYS {
        let (mut ft, address) = shell(way, "echo $$; sleep 1000 & wait");
        let mut stream = connect(address);
        let pid = line(&mut stream);
        let number = ft.child.id();
        let sleepers = || children(pid.parse().expect("a number"));
        eventually("the shell has a child", || !sleepers().is_empty());
        let sleeper = sleepers().remove(0);
        reset(stream);
        ft.wait_for("closed: reset by peer");
        eventually("the shell ends", || is_gone(&pid, number));
        eventually("its child ends", || is_gone(&sleeper, number));
        eventually("both are reaped", || children(number).is_empty());
    }
}

#[test]
fn a_program_that_closes_stdin_early_ends_that_direction_only() {
    for way in WAYS {
        let (_ft, address) = shell(way, "head -c 1; exec <&-; sleep 0.1; echo late");
        let mut stream = connect(address);
        let sending = stream.try_clone().expect("a socket");
        let writer = thread::spawn(move || {
            let mut sending = sending;
            // Whether all of it is taken is the business of the program.
            let _ = sending.write_all(&[b'x'; 3_000_000]);
            let _ = sending.shutdown(Shutdown::Write);
        });
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).expect("an orderly end");
        assert_eq!(text(answer), "xlate\n", "{way:?}");
        drop(stream);
        writer.join().expect("it writes");
    }
}

#[test]
fn a_flood_on_stderr_holds_nothing_up_and_is_counted() {
    for way in WAYS {
        let script =
            "head -c 30000000 /dev/zero | tr '\\0' '\\n' >&2; printf 'a\\033[2Jb' >&2; cat";
        let (mut ft, address) = shell(way, script);
        assert_eq!(ask(address, b"through"), b"through");
        ft.wait_for("closed: released");
        assert!(ft.said.iter().any(|line| line.contains("-- left out: ")));
    }
    let (mut ft, address) = shell(&[], "printf 'a\\033[2Jb' >&2; echo two >&2; kill -9 $$");
    assert_eq!(ask(address, b""), b"");
    ft.wait_for(r"#1 stderr: a\x1b[2Jbtwo");
    ft.wait_for("#1 /bin/sh ended with signal 9");
}

#[test]
fn stderr_goes_to_the_peer_or_nowhere() {
    let script = "echo out; echo err >&2";
    for way in WAYS {
        let (ft, address) = shell(&[way, &["--stderr", "peer"]].concat(), script);
        assert_eq!(text(ask(address, b"")), "out\nerr\n");
        assert!(!ft.stop().said.concat().contains("stderr"));
        let (ft, address) = shell(&[way, &["--stderr", "null"]].concat(), script);
        assert_eq!(text(ask(address, b"")), "out\n");
        assert!(!ft.stop().said.concat().contains("stderr"));
    }
    let (mut ft, address) = shell(&["--pty", "--stderr", "log"], script);
    assert_eq!(text(ask(address, b"")), "out\r\n");
    ft.wait_for("#1 stderr: err");
}

#[test]
fn what_ignores_term_is_ended_by_force() {
    for way in ALL_WAYS {
        let script = "trap '' TERM HUP; echo $$; while :; do sleep 1; done";
        let (ft, address) = shell(way, script);
        let mut stream = connect(address);
        let pid = line(&mut stream);
        let number = ft.child.id();
        reset(stream);
        eventually("it ends", || is_gone(&pid, number));
        eventually("it is reaped", || children(number).is_empty());
    }
}

#[test]
fn what_a_program_leaves_behind_ends_with_the_connection() {
    for way in ALL_WAYS {
        let (ft, address) = shell(way, "trap '' HUP; sleep 1000 & echo $!");
        let mut stream = connect(address);
        let pid = line(&mut stream);
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).expect("an orderly end");
        assert!(rest.is_empty());
        eventually("it ends", || is_gone(&pid, ft.child.id()));
    }
}

#[test]
fn after_many_connections_no_zombie_and_no_descriptor_is_left() {
    let count = if all() { 10_000 } else { 300 };
    for way in WAYS {
        let (ft, address) = exec(way, &["/bin/cat"]);
        let number = ft.child.id();
        assert_eq!(ask(address, b"first"), b"first");
        eventually("it is reaped", || children(number).is_empty());
        let before = descriptors_at_rest(number);
        let clients = (0..8).map(|client| {
            thread::spawn(move || {
                for at in 0..count / 8 {
                    let request = bytes(client, at * 100, 100);
                    if at % 7 == 3 {
                        reset(connect(address));
                    } else {
                        assert_eq!(ask(address, &request), request);
                    }
                }
            })
        });
        for client in clients.collect::<Vec<_>>() {
            client.join().expect("every answer is right");
        }
        eventually("no process is left", || children(number).is_empty());
        eventually("no descriptor is left", || descriptors(number) <= before);
        ft.stop();
    }
}

#[test]
fn a_program_has_three_descriptors_and_nothing_else_of_ours() {
    for way in ["", "--pipe", "--pty"] {
        let script = format!(
            "exec 7</dev/null 9>/dev/null; trap '' HUP USR1; ulimit -Sn 777; \
             exec \"$FT\" listen 127.0.0.1:0 {way} shell \
             'ls /proc/self/fd; ulimit -Sn; grep -E \"Sig(Blk|Ign)\" /proc/self/status'"
        );
        let mut command = sh(&script, 0);
        command.stdin(Stdio::null()).stdout(Stdio::null());
        let (_ft, address) = Running::listen_as(&mut command);
        let answer = text(ask(address, b"")).replace('\r', "");
        let words: Vec<&str> = answer.split_whitespace().collect();
        // 3 is the folder that ls reads.
        let none = "0000000000000000";
        let expected = ["0", "1", "2", "3", "777", "SigBlk:", none, "SigIgn:", none];
        assert_eq!(words, expected, "{way}");
    }
}

#[test]
fn programs_run_and_are_reaped_where_the_signal_of_their_end_was_ignored() {
    for way in ["", "--pipe", "--pty"] {
        let script =
            format!("trap '' CHLD; exec \"$FT\" listen 127.0.0.1:0 {way} shell 'echo hi; exit 3'");
        let mut command = sh(&script, 0);
        command.stdin(Stdio::null()).stdout(Stdio::null());
        let (mut ft, address) = Running::listen_as(&mut command);
        for _ in 0..100 {
            assert_eq!(text(ask(address, b"")).trim(), "hi", "{way}");
        }
        ft.wait_for("#100 /bin/sh ended with status 3");
        let ended = ft.stop();
        assert_eq!(ended.status, 0, "{way}: {:#?}", ended.said);
    }
}

#[test]
fn words_reach_the_program_unharmed() {
    let words = [
        "printf", "%s|", ";id", "$(id)", "a b", "'", "\"", "*", "-v", "--", "\\",
    ];
    let (_ft, address) = exec(&[], &words);
    assert_eq!(text(ask(address, b"")), ";id|$(id)|a b|'|\"|*|-v|--|\\|");
}

#[test]
fn a_program_learns_who_is_connected_with_whom() {
    let mut command = from_outside();
    command.args(["listen", "127.0.0.1:0", "shell", ENVIRONMENT]);
    let (_ft, address) = Running::listen_as(&mut command);
    let mut stream = connect(address);
    let (ours, port) = (
        stream.local_addr().expect("it has one").port(),
        address.port(),
    );
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an orderly end");
    let expected = format!(
        "FT_CONNECTION=1\nFT_DESTINATION_IP=127.0.0.1\nFT_DESTINATION_PORT={port}\n\
         FT_PROTOCOL=tcp\nFT_SOURCE_IP=127.0.0.1\nFT_SOURCE_PORT={ours}\nPROTO=TCP\n\
         TCPLOCALIP=127.0.0.1\nTCPLOCALPORT={port}\nTCPREMOTEIP=127.0.0.1\nTCPREMOTEPORT={ours}\n"
    );
    assert_eq!(answer, expected);
}

/// Prints what a program may be told of its connection.
const ENVIRONMENT: &str =
    "env | grep -E '^(PROTO|SSLPROTO|TCP|UNIX|FT_|NOTIFY_|LISTEN_)' | LC_ALL=C sort";

/// `ft` as an outer server of the same convention, or a service manager, would start it.
fn from_outside() -> Command {
    let mut command = ft();
    command.stdin(Stdio::null()).stdout(Stdio::null());
    // It asks for the long runs, and would be shown among the others.
    command.env_remove("FT_TEST_ALL");
    for name in [
        "FT_CONNECTION",
        "FT_DESTINATION_IP",
        "FT_DESTINATION_PORT",
        "FT_PROTOCOL",
        "FT_SOURCE_IP",
        "FT_SOURCE_PORT",
        "LISTEN_FDNAMES",
        "LISTEN_FDS",
        "LISTEN_PID",
        "NOTIFY_SOCKET",
        "PROTO",
        "SSLPROTO",
        "TCPLOCALHOST",
        "TCPLOCALIP",
        "TCPLOCALPORT",
        "TCPREMOTEHOST",
        "TCPREMOTEINFO",
        "TCPREMOTEIP",
        "TCPREMOTEPORT",
        "UNIXLOCALPATH",
        "UNIXREMOTEEUID",
        "UNIXREMOTEPID",
    ] {
        command.env(name, "from outside");
    }
    command
}

#[test]
fn over_a_unix_socket_nothing_of_an_outer_server_is_left() {
    let folder = Folder::new();
    let path = folder.text("socket");
    let mut command = from_outside();
    command.args(["listen", &format!("unix:{path}"), "shell", ENVIRONMENT]);
    let mut ft = Running::start(&mut command);
    ft.wait_for("listening on ");
    let mut stream = UnixStream::connect(&path).expect("it listens");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an orderly end");
    let user = rustix::process::geteuid().as_raw();
    let expected = format!(
        "FT_CONNECTION=1\nFT_PROTOCOL=unix\nPROTO=UNIX\nUNIXLOCALPATH={path}\n\
         UNIXREMOTEEUID={user}\nUNIXREMOTEPID={}\n",
        std::process::id()
    );
    assert_eq!(answer, expected);
}

#[test]
fn the_end_of_ft_leaves_no_process_of_any_group() {
    for way in ALL_WAYS {
        let script = "trap '' TERM HUP; sleep 1000 & echo $$ $!; wait; sleep 1000";
        let (ft, address) = shell(&[way, &["--drain", "0"]].concat(), script);
        let mut stream = connect(address);
        let pids = line(&mut stream);
        let number = ft.child.id();
        let ended = ft.stop();
        for pid in pids.split_whitespace() {
            assert!(is_gone(pid, number), "{way:?}: {:#?}", ended.said);
        }
        assert_eq!(ended.status, 1, "{:#?}", ended.said);
    }
}

#[test]
fn a_second_signal_ends_programs_at_once() {
    let script = "trap '' TERM; sleep 1000 & echo $$ $!; wait; sleep 1000";
    let (mut ft, address) = shell(&[], script);
    let mut stream = connect(address);
    let pids = line(&mut stream);
    let number = ft.child.id();
    ft.signal(Signal::TERM);
    ft.wait_for("no longer listening");
    let ended = ft.stop();
    assert_eq!(ended.status, 143, "{:#?}", ended.said);
    for pid in pids.split_whitespace() {
        assert!(is_gone(pid, number));
    }
}

#[test]
fn an_ft_that_is_killed_leaves_no_direct_child() {
    for way in ALL_WAYS {
        let (ft, address) = shell(way, "trap '' TERM HUP; echo $$; while :; do sleep 1; done");
        let mut stream = connect(address);
        let pid = line(&mut stream);
        let number = ft.child.id();
        ft.signal(Signal::KILL);
        drop(ft);
        eventually("it ends", || is_gone(&pid, number));
    }
}

/// The processes that have this in their command line, those between fork and exec too.
fn marked(mark: &str) -> Vec<String> {
    let processes = fs::read_dir("/proc").expect("/proc is there").flatten();
    let names = processes.filter_map(|entry| entry.file_name().into_string().ok());
    names
        .filter(|pid| pid.bytes().all(|byte| byte.is_ascii_digit()))
        .filter(|pid| {
            let words = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            String::from_utf8_lossy(&words).contains(mark)
        })
        .collect()
}

/// How `ft` is ended.
#[derive(Clone, Copy, Debug)]
enum Told {
    Once,
    Twice,
    Killed,
}

/// Ends `ft` at one of 41 moments of the first 10 ms after four clients came, or, in the last round,
/// when all of them have their program.
fn end_at_a_moment(told: Told, round: usize, is_last: bool) {
    let mark = format!("7{:07}{:04}", std::process::id(), round * 3 + told as usize);
    let script = match told {
        // What the program itself has started is out of reach.
        Told::Killed => format!("trap '' TERM HUP; echo; exec sleep {mark}"),
        Told::Twice => format!("trap '' TERM HUP; sleep {mark} & echo; sleep {mark}"),
        Told::Once => format!("sleep {mark} & sleep {mark} & echo; wait"),
    };
    let drain: &[&str] = match told {
        Told::Once => &["--drain", "0"],
        Told::Twice | Told::Killed => &[],
    };
    let way = ALL_WAYS[round % ALL_WAYS.len()];
    let (mut ft, address) = shell(&[way, drain].concat(), &script);
    let mut clients: Vec<TcpStream> = (0..4).map(|_| connect(address)).collect();
    if is_last {
        for client in &mut clients {
            assert_eq!(client.read(&mut [0]).expect("it has begun"), 1);
        }
    } else {
        let moment = Duration::from_micros(250) * (round * 29 % 41) as u32;
        thread::sleep(moment); // peer: the signal comes at any moment
    }
    match told {
        Told::Once => {
            ft.stop();
        }
        Told::Twice => {
            ft.signal(Signal::TERM);
            ft.wait_for("no longer listening");
            ft.stop();
        }
        Told::Killed => {
            ft.signal(Signal::KILL);
            drop(ft);
            // The kernel ends it, and nobody waits for that.
            eventually("the programs end", || marked(&mark).is_empty());
        }
    }
    let left = marked(&mark);
    assert!(left.is_empty(), "{told:?}, round {round}: {left:?}");
}

#[test]
fn at_whatever_moment_ft_ends_no_process_is_left_that_it_can_reach() {
    const AT_A_TIME: usize = 8;
    let rounds = if all() { 240 } else { 24 };
    let each = [Told::Once, Told::Twice, Told::Killed];
    let moments: Vec<_> = (0..rounds)
        .flat_map(|round| each.map(|told| (told, round)))
        .collect();
    // Many at a time, as a round may have to wait for init: it reaps what a dead shell had started.
    thread::scope(|scope| {
        for part in 0..AT_A_TIME {
            let mine = moments.iter().skip(part).step_by(AT_A_TIME);
            scope.spawn(move || {
                for (told, round) in mine {
                    end_at_a_moment(*told, *round, round + 1 == rounds);
                }
            });
        }
    });
}

#[test]
fn a_program_has_a_terminal_and_its_group_hears_an_interrupt() {
    let script =
        "tty; stty size; trap 'echo int; exit 5' INT; echo ready; while :; do sleep 1; done";
    let (mut ft, address) = shell(&["--pty"], script);
    let mut stream = connect(address);
    assert!(line(&mut stream).starts_with("/dev/pts/"));
    assert_eq!(line(&mut stream), "24 80");
    assert_eq!(line(&mut stream), "ready");
    stream.write_all(b"\x03").expect("it is open");
    let mut rest = String::new();
    stream.read_to_string(&mut rest).expect("an orderly end");
    assert_eq!(rest, "^Cint\r\n");
    ft.wait_for("ended with status 5");
    ft.wait_for("closed: released by us first");
}

#[test]
fn a_program_that_cannot_be_found_is_said_before_anybody_can_connect() {
    let mut command = ft();
    let output = run(
        command.args(["listen", "127.0.0.1:0", "exec", "--", "no-such-program"]),
        b"",
    );
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr);
    let expected = "ft: exec no-such-program: no such file (ENOENT)\n  \
        no folder of PATH has a program of that name\n  \
        try: check the spelling, or write the whole path · ft explain ENOENT\n";
    assert_eq!(said, expected);
}

#[test]
fn a_program_that_cannot_be_started_costs_its_connection_only() {
    for way in ALL_WAYS {
        let folder = Folder::new();
        let script = folder.text("script");
        let copied = Command::new("cp").args(["/bin/cat", &script]).status();
        assert!(copied.expect("cp is there").success());
        let (mut ft, address) = exec(way, &[&script]);
        let mut holding = connect(address);
        holding.write_all(b"1\n").expect("it is open");
        assert_eq!(line(&mut holding), "1");
        if way.contains(&"--pty") {
            // A terminal shows what is typed, so each line comes twice.
            assert_eq!(line(&mut holding), "1");
        }
        fs::remove_file(&script).expect("it is there");
        let mut refused = connect(address);
        let error = refused.read(&mut [0]).expect_err("a reset");
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "{way:?}");
        ft.wait_for("no such file (ENOENT)");
        ft.wait_for("#2 ");
        holding.write_all(b"2\n").expect("it is open");
        assert_eq!(line(&mut holding), "2", "{way:?}");
    }
}

#[test]
fn no_more_programs_than_are_allowed() {
    let (_ft, address) = exec(&["--max-children", "2"], &["cat"]);
    let mut first = connect(address);
    let mut second = connect(address);
    for client in [&mut first, &mut second] {
        client.write_all(b"here\n").expect("it is open");
        assert_eq!(line(client), "here");
    }
    let mut third = connect(address);
    third.write_all(b"3\n").expect("the kernel takes it");
    let soon = Duration::from_millis(300);
    third.set_read_timeout(Some(soon)).expect("a socket");
    assert!(third.read(&mut [0]).is_err(), "it waits");
    drop(second);
    third.set_read_timeout(Some(PATIENCE)).expect("a socket");
    assert_eq!(line(&mut third), "3");
}

#[test]
fn times_are_kept_in_every_way() {
    for way in ALL_WAYS {
        let (mut ft, address) = shell(&[way, &["--deadline", "300ms"]].concat(), "exec sleep 1000");
        let mut stream = connect(address);
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).expect("an orderly end");
        ft.wait_for("closed: timed out");
        eventually("it is reaped", || children(ft.child.id()).is_empty());
    }
    let (mut ft, address) = exec(&["--idle", "300ms"], &["cat"]);
    let mut stream = connect(address);
    assert_eq!(stream.read(&mut [0]).expect("an orderly end"), 0);
    ft.wait_for("closed: timed out");
}

/// A FIN would say that this was all.
#[test]
fn a_program_whose_time_is_up_amid_its_words_ends_by_a_reset() {
    for way in ALL_WAYS {
        let words = [way, &["--deadline", "300ms"]].concat();
        let (mut ft, address) = shell(&words, "printf part; exec sleep 1000");
        let mut stream = connect(address);
        let mut said = [0; 4];
        stream.read_exact(&mut said).expect("it speaks");
        assert_eq!(&said, b"part");
        let end = stream.read(&mut [0]).expect_err("no orderly end");
        assert_eq!(end.kind(), std::io::ErrorKind::ConnectionReset, "{way:?}");
        ft.wait_for("closed: timed out");
    }
}

#[test]
fn every_client_that_people_have_can_use_a_program() {
    let (_ft, address) = shell(&[], "tr a-z A-Z; echo END");
    let port = address.port().to_string();
    let python = "import socket, sys\n\
        s = socket.create_connection(('127.0.0.1', int(sys.argv[1])))\n\
        s.sendall(b'python\\n'); s.shutdown(socket.SHUT_WR)\n\
        print(b''.join(iter(lambda: s.recv(100), b'')).decode(), end='')";
    let target = format!("TCP:127.0.0.1:{port}");
    let clients: [(&str, Vec<&str>); 4] = [
        ("nc", vec!["-N", "127.0.0.1", &port]),
        ("ncat", vec!["127.0.0.1", &port]),
        ("socat", vec!["-t", "10", "-", &target]),
        ("python3", vec!["-c", python, &port]),
    ];
    for (client, words) in clients {
        if has(client) {
            let input = format!("{client}\n");
            let output = run(Command::new(client).args(words), input.as_bytes());
            let expected = format!("{}\nEND\n", client.trim_end_matches('3').to_uppercase());
            assert_eq!(
                String::from_utf8_lossy(&output.stdout),
                expected,
                "{client}"
            );
        }
    }
}

#[test]
fn a_public_address_without_a_rule_is_warned_of() {
    let (ft, _) = Running::listen(&["0.0.0.0:0", "exec", "--", "cat"]);
    let said = ft.stop().said.join("\n");
    assert!(
        said.contains("warning: whoever can reach this address runs cat here"),
        "{said}"
    );
    let (ft, _) = Running::listen(&["0.0.0.0:0", "--allow", "127.0.0.1", "exec", "--", "cat"]);
    let said = ft.stop().said.join("\n");
    assert!(!said.contains("warning"), "{said}");
}

/// `ft connect --exec -- sh -c SCRIPT`, and what its program has connected to.
fn connect_exec(script: &str) -> (Running, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = listener.local_addr().expect("it has one").to_string();
    let mut command = ft();
    command.args(["connect", &address, "--exec", "--", "sh", "-c", script]);
    command.stdin(Stdio::null()).stdout(Stdio::null());
    let ft = Running::start(&mut command);
    let (stream, _) = listener.accept().expect("it connects");
    stream.set_read_timeout(Some(PATIENCE)).expect("a socket");
    (ft, stream)
}

#[test]
fn the_program_of_connect_has_nothing_of_ours_but_stderr() {
    let (_server, address) = Running::listen(&["127.0.0.1:0", "discard"]);
    let script = "exec 7</dev/null 9>/dev/null; trap '' HUP USR1; \
        exec \"$FT\" connect 127.0.0.1 $PORT --exec -- sh -c \
        'exec >&2; ls /proc/self/fd; grep -E \"Sig(Blk|Ign)\" /proc/self/status; \
         test $(cut -d\" \" -f5 /proc/$$/stat) = $$ && echo leads'";
    let output = run(&mut sh(script, address.port()), b"");
    let said = text(output.stderr);
    let words: Vec<&str> = said.split_whitespace().collect();
    // 3 is the folder that ls reads.
    let none = "0000000000000000";
    let expected = [
        "0", "1", "2", "3", "SigBlk:", none, "SigIgn:", none, "leads",
    ];
    assert_eq!(words, expected);
}

#[test]
fn connect_knows_how_its_program_ended_where_that_signal_was_ignored() {
    let (_server, address) = Running::listen(&["127.0.0.1:0", "discard"]);
    let script = "trap '' CHLD; exec \"$FT\" connect 127.0.0.1 $PORT --exec -- sh -c 'exit 3'";
    let output = run(&mut sh(script, address.port()), b"");
    assert_eq!(text(output.stderr), "ft: sh ended with status 3\n");
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn a_signal_to_connect_reaches_all_of_its_program() {
    for (signal, status) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let (ft, mut stream) = connect_exec("trap '' HUP; sleep 1000 & echo $$ $!; wait");
        let pids = line(&mut stream);
        let number = ft.child.id();
        ft.signal(signal);
        let ended = ft.wait();
        assert_eq!(ended.status, status, "{:#?}", ended.said);
        assert!(ended.said.is_empty(), "{:#?}", ended.said);
        for pid in pids.split_whitespace() {
            eventually("it ends", || is_gone(pid, number));
        }
    }
}

#[test]
fn a_second_signal_to_connect_kills_all_of_its_program() {
    let sleeping = "while :; do sleep 1; done";
    let script = format!("trap '' INT TERM; ({sleeping}) & echo $$ $!; {sleeping}");
    let (ft, mut stream) = connect_exec(&script);
    let pids = line(&mut stream);
    let number = ft.child.id();
    ft.signal(Signal::TERM);
    // The connection has ended; the program has not.
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).expect("an orderly end");
    let ended = ft.stop();
    assert_eq!(ended.status, 143, "{:#?}", ended.said);
    assert!(ended.said.is_empty(), "{:#?}", ended.said);
    for pid in pids.split_whitespace() {
        eventually("it ends", || is_gone(pid, number));
    }
}

#[test]
fn what_the_program_of_connect_leaves_behind_ends() {
    let (ft, mut stream) = connect_exec("trap '' HUP; sleep 1000 >/dev/null & echo $!");
    let pid = line(&mut stream);
    let number = ft.child.id();
    drop(stream);
    let ended = ft.wait();
    assert_eq!(ended.status, 0, "{:#?}", ended.said);
    assert!(is_gone(&pid, number));
}

#[test]
fn a_connect_that_is_killed_leaves_no_direct_child() {
    let (ft, mut stream) =
        connect_exec("trap '' TERM HUP PIPE; echo $$; while :; do sleep 1; done");
    let pid = line(&mut stream);
    let number = ft.child.id();
    ft.signal(Signal::KILL);
    drop(ft);
    eventually("it ends", || is_gone(&pid, number));
}
