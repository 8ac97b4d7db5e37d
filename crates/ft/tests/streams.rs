//! stdin and stdout of every kind: no hang, no panic, the right status.

mod rig;

use std::fs::{self, DirEntry};
use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::process::{Command, Stdio};
use std::thread;

use rig::{PATIENCE, Running, bytes, eventually, ft, has, number, run, sh, wait};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::process::Signal;

/// Runs a line of shell against a fresh server of this service, and gives its output.
fn against(service: &[&str], script: &str) -> std::process::Output {
    let mut words = vec!["127.0.0.1:0"];
    words.extend(service);
    let (server, address) = Running::listen(&words);
    let output = run(&mut sh(script, address.port()), b"");
    server.stop();
    output
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Status, stdout and stderr of a line of shell.
#[track_caller]
fn expect(service: &[&str], script: &str, (status, stdout, stderr): (i32, &str, &str)) {
    let output = against(service, script);
    let got = (
        number(output.status),
        text(&output.stdout),
        text(&output.stderr),
    );
    assert_eq!(
        got,
        (status, stdout.to_owned(), stderr.to_owned()),
        "{script}"
    );
}

#[test]
fn a_file_a_pipe_and_dev_null_on_stdin() {
    expect(
        &["echo"],
        "echo hello | $FT connect $PORT",
        (0, "hello\n", ""),
    );
    expect(
        &["echo"],
        "$FT connect $PORT < /etc/hostname | cmp - /etc/hostname",
        (0, "", ""),
    );
    // A stdin that ends before its first byte is no reason to finish before the peer has.
    expect(
        &["source", "5"],
        "$FT connect $PORT </dev/null | wc -c",
        (0, "5\n", ""),
    );
    // An empty file is sent: discard never says anything, and sees the end.
    expect(
        &["discard"],
        "f=$(mktemp) && $FT connect $PORT < $f; rm $f",
        (0, "", ""),
    );
}

#[test]
fn closed_and_unreadable_descriptors() {
    expect(
        &["source", "5"],
        "$FT connect $PORT <&- | wc -c",
        (0, "5\n", ""),
    );
    expect(
        &["source", "5"],
        "$FT connect $PORT </ | wc -c",
        (0, "5\n", ""),
    );
    expect(&["echo"], "echo hello | $FT connect $PORT >&-", (0, "", ""));
    expect(
        &["echo"],
        "echo hello | $FT connect $PORT 2>&-",
        (0, "hello\n", ""),
    );
    expect(
        &["source", "5"],
        "$FT connect $PORT <&- >&- 2>&-",
        (0, "", ""),
    );
}

#[test]
fn a_reader_of_stdout_that_goes_is_a_quiet_end() {
    let script = "$FT connect $PORT </dev/null | head -c1 | wc -c; echo ${PIPESTATUS[0]}";
    expect(&["chargen"], script, (0, "1\n0\n", ""));
    // Also when nothing more would ever be written.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let peer = thread::spawn(move || {
        let (mut connection, _) = listener.accept().unwrap();
        connection.write_all(b"only line\n").unwrap();
        // The peer is silent and stays.
        let _ = connection.read(&mut [0; 8]);
    });
    let script = "$FT connect $PORT </dev/null | head -n1; echo ${PIPESTATUS[0]}";
    let output = run(&mut sh(script, port), b"");
    assert_eq!(text(&output.stdout), "only line\n0\n");
    peer.join().unwrap();
}

#[test]
fn a_full_disk_is_said_and_is_status_one() {
    let output = against(
        &["source", "100k"],
        "$FT connect $PORT </dev/null >/dev/full",
    );
    assert_eq!(number(output.status), 1);
    let said = text(&output.stderr);
    assert!(
        said.contains("write stdout: no space left on the device (ENOSPC)"),
        "{said}"
    );
}

#[test]
fn under_nohup_and_with_ignored_interrupts() {
    let folder = std::env::temp_dir().join(format!("ft-nohup-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let script = format!(
        "cd {} && echo hello | nohup $FT connect $PORT 2>/dev/null",
        folder.display()
    );
    expect(&["echo"], &script, (0, "hello\n", ""));
    fs::remove_dir_all(&folder).unwrap();
    // A shell without job control starts what stands before & with INT ignored, and so it stays.
    let mut command = Command::new("sh");
    command.args([
        "-c",
        "trap '' INT; exec \"$0\" listen 127.0.0.1:0 echo",
        env!("CARGO_BIN_EXE_ft"),
    ]);
    command.stdin(Stdio::null()).stdout(Stdio::null());
    let (server, address) = Running::listen_as(&mut command);
    server.signal(Signal::INT);
    let mut client = TcpStream::connect(address).unwrap();
    client.write_all(b"x").unwrap();
    assert_eq!(client.read(&mut [0; 8]).unwrap(), 1);
    drop(client);
    assert_eq!(server.stop().status, 0);
}

#[test]
fn a_tree_goes_through_tar() {
    let folder = std::env::temp_dir().join(format!("ft-tar-{}", std::process::id()));
    fs::create_dir_all(folder.join("from/below")).unwrap();
    fs::create_dir_all(folder.join("to")).unwrap();
    fs::write(folder.join("from/below/file"), bytes(1, 0, 3_000_000)).unwrap();
    let file = fs::File::create(folder.join("tree.tar")).unwrap();
    let mut command = ft();
    command
        .args(["listen", "127.0.0.1:0", "--once"])
        .stdin(Stdio::null())
        .stdout(file);
    let (server, address) = Running::listen_as(&mut command);
    let script = format!(
        "cd {}/from && tar c . | $FT connect $PORT",
        folder.display()
    );
    let output = run(&mut sh(&script, address.port()), b"");
    assert_eq!(
        (number(output.status), text(&output.stderr)),
        (0, String::new())
    );
    assert_eq!(server.wait().status, 0);
    let script = format!(
        "cd {0}/to && tar x -f ../tree.tar && diff -r . ../from",
        folder.display()
    );
    assert_eq!(number(run(&mut sh(&script, 0), b"").status), 0);
    fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn nonblocking_is_never_set_on_the_descriptors_of_others() {
    let (server, address) = Running::listen(&["127.0.0.1:0", "echo"]);
    // The flag belongs to the open file, so our own end of it shows what ft does to its.
    let (stdin, mut typing) = std::io::pipe().unwrap();
    let (mut shown, stdout) = std::io::pipe().unwrap();
    let mut command = ft();
    command.args(["connect", "127.0.0.1", &address.port().to_string()]);
    command
        .stdin(stdin.try_clone().unwrap())
        .stdout(stdout.try_clone().unwrap());
    let client = Running::start(&mut command);
    drop(command);
    typing.write_all(b"hello").unwrap();
    shown.read_exact(&mut [0; 5]).unwrap();
    for fd in [fcntl_getfl(&stdin), fcntl_getfl(&stdout)] {
        assert!(!fd.unwrap().contains(OFlags::NONBLOCK));
    }
    drop(typing);
    assert_eq!(client.wait().status, 0);
    assert_eq!(server.stop().status, 0);
}

/// A command on a terminal of its own, by script(1).
fn on_a_terminal(command: &str, port: u16) -> Command {
    let mut script = sh("script -qec \"$0\" /dev/null", port);
    script.arg(command);
    script
}

#[test]
fn on_a_terminal_control_bytes_are_visible_and_the_settings_are_restored() {
    if !has("script") {
        return;
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let peer = thread::spawn(move || {
        for _ in 0..2 {
            let (mut connection, _) = listener.accept().unwrap();
            connection
                .write_all(b"\x1b]0;title\x07 and \x9b2J\n")
                .unwrap();
        }
    });
    let command = "stty -g > $SAVED; $FT connect $PORT; echo status $?; stty -g | cmp - $SAVED";
    let saved = std::env::temp_dir().join(format!("ft-stty-{}", std::process::id()));
    let output = run(on_a_terminal(command, port).env("SAVED", &saved), b"");
    let shown = text(&output.stdout);
    assert!(shown.contains(r"\x1b]0;title\x07 and \x9b2J"), "{shown:?}");
    assert!(shown.contains("status 0"), "{shown:?}");
    assert_eq!(number(output.status), 0, "{shown:?}");
    let raw = run(&mut on_a_terminal("$FT connect $PORT --raw", port), b"");
    assert!(
        raw.stdout
            .windows(10)
            .any(|part| part == b"\x1b]0;title\x07"),
        "{:?}",
        text(&raw.stdout)
    );
    peer.join().unwrap();
    fs::remove_file(saved).unwrap();
}

#[test]
fn at_a_terminal_nobody_waits_for_a_key_when_the_peer_has_finished() {
    if !has("script") {
        return;
    }
    let (server, address) = Running::listen(&["127.0.0.1:0", "daytime"]);
    // stdin of script stays open and silent, like a person who types nothing.
    let mut command = on_a_terminal("$FT connect $PORT; echo status $?", address.port());
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let silent = child.stdin.take();
    let mut shown = String::new();
    child
        .stdout
        .take()
        .unwrap()
        .read_to_string(&mut shown)
        .unwrap();
    assert!(shown.contains("status 0"), "{shown:?}");
    wait(&mut child);
    drop(silent);
    assert_eq!(server.stop().status, 0);
}

#[test]
fn newlines_become_cr_lf_when_asked_for() {
    expect(
        &["echo"],
        r"printf 'a\nb\r\nc' | $FT connect $PORT --crlf | od -An -c | tr -s ' '",
        (0, " a \\r \\n b \\r \\n c\n", ""),
    );
}

#[test]
fn a_program_talks_to_the_peer() {
    let script =
        "$FT connect $PORT --exec -- sh -c 'echo question; read answer; echo got $answer >&2'";
    expect(&["echo"], script, (0, "", "got question\n"));
    let output = against(&["echo"], "$FT connect $PORT --exec -- sh -c 'exit 3'");
    assert_eq!(number(output.status), 1);
    assert_eq!(text(&output.stderr), "ft: sh ended with status 3\n");
    let output = against(
        &["echo"],
        "$FT connect $PORT --exec -- /nonexistent/program",
    );
    assert_eq!(number(output.status), 1);
    assert!(
        text(&output.stderr).starts_with("ft: exec /nonexistent/program: "),
        "{output:?}"
    );
    let script = "$FT connect $PORT --exec -- head -c 1000000 /dev/zero";
    expect(&["discard"], script, (0, "", ""));
}

#[test]
fn times_that_are_up_are_status_124() {
    let (server, address) = Running::listen(&["127.0.0.1:0", "discard"]);
    for option in ["--idle", "--deadline"] {
        let mut command = ft();
        command.args([
            "connect",
            "127.0.0.1",
            &address.port().to_string(),
            option,
            "100ms",
        ]);
        let mut client = Running::start(command.stdin(Stdio::piped()).stdout(Stdio::null()));
        let silent = client.child.stdin.take();
        let ended = client.wait();
        drop(silent);
        assert_eq!(ended.status, 124, "{option}");
        assert!(ended.said.concat().contains(option), "{:?}", ended.said);
    }
    assert_eq!(server.stop().status, 0);
}

#[test]
fn signals_end_a_client_with_their_status() {
    let (server, address) = Running::listen(&["127.0.0.1:0", "echo"]);
    for (signal, status) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let mut command = ft();
        command.args(["connect", "-v", "127.0.0.1", &address.port().to_string()]);
        let mut client = Running::start(command.stdin(Stdio::piped()).stdout(Stdio::null()));
        client.wait_for("connect(");
        client.signal(signal);
        assert_eq!(client.wait().status, status);
    }
    let ended = server.stop();
    assert_eq!(ended.status, 0);
    let released = ended
        .said
        .iter()
        .filter(|line| line.contains("released by peer first"));
    assert_eq!(released.count(), 2, "{:#?}", ended.said);
}

/// A shell with job control, in so far as `ft` can tell: a session with a terminal, where a job is
/// in the foreground or in the background.
const SHELL: &str = r#"
import fcntl, os, pty, signal, socket, subprocess, sys, termios
signal.alarm(50)
master, slave = pty.openpty()
os.setsid()
fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
signal.signal(signal.SIGTTOU, signal.SIG_IGN)

def job(*words):
    def own_group():
        os.setpgid(0, 0)
        signal.signal(signal.SIGTTOU, signal.SIG_DFL)
    return subprocess.Popen([os.environ["FT"], *words], stdin=slave, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, bufsize=0, preexec_fn=own_group)

def exchange(client, job):
    for _ in range(2):
        client.sendall(b"heard\n")
        assert job.stdout.read(6) == b"heard\n"
    stopped = os.waitpid(job.pid, os.WNOHANG | os.WUNTRACED)
    assert stopped == (0, 0), stopped

def foreground(client, job):
    os.tcsetpgrp(slave, job.pid)
    os.write(master, b"typed\n")
    assert client.recv(6) == b"typed\n"

def stop_and_continue_in_background(job):
    os.killpg(job.pid, signal.SIGTSTP)
    _, status = os.waitpid(job.pid, os.WUNTRACED)
    assert os.WIFSTOPPED(status) and os.WSTOPSIG(status) == signal.SIGTSTP, status
    os.tcsetpgrp(slave, os.getpgrp())
    os.killpg(job.pid, signal.SIGCONT)

def kill(job, expected):
    os.killpg(job.pid, signal.SIGTERM)
    os.killpg(job.pid, signal.SIGCONT)
    _, status = os.waitpid(job.pid, os.WUNTRACED)
    assert not os.WIFSTOPPED(status), "stopped by signal %d" % os.WSTOPSIG(status)
    assert os.waitstatus_to_exitcode(status) == expected, (status, job.stderr.read())

def listening():
    server = job("listen", "127.0.0.1:0", "--drain", "100ms")
    port = int(server.stderr.readline().split(b":")[1].split()[0])
    return server, socket.create_connection(("127.0.0.1", port))

listener = socket.create_server(("127.0.0.1", 0))
def calling():
    client = job("connect", "127.0.0.1:%d" % listener.getsockname()[1])
    return client, listener.accept()[0]

for start, status in [(listening, 1), (calling, 143)]:
    # In the background from the beginning to the end.
    started, peer = start()
    exchange(peer, started)
    kill(started, status)
    # To the foreground, where it is typed into, and back.
    started, peer = start()
    exchange(peer, started)
    foreground(peer, started)
    stop_and_continue_in_background(started)
    exchange(peer, started)
    foreground(peer, started)
    stop_and_continue_in_background(started)
    exchange(peer, started)
    kill(started, status)
"#;

#[test]
fn in_the_background_it_serves_on_and_can_be_killed() {
    if !has("python3") {
        return;
    }
    let mut shell = Command::new("python3");
    shell
        .args(["-c", SHELL])
        .env("FT", env!("CARGO_BIN_EXE_ft"));
    let output = run(&mut shell, b"");
    assert_eq!(number(output.status), 0, "{}", text(&output.stderr));
}

/// Makes what this descriptor stands for non-blocking, as another program that has it may.
fn make_nonblocking(fd: impl AsFd) {
    let flags = fcntl_getfl(&fd).expect("it is open");
    fcntl_setfl(&fd, flags | OFlags::NONBLOCK).expect("a flag");
}

#[test]
fn a_stdin_that_somebody_has_made_non_blocking_is_waited_for() {
    let (server, address) = Running::listen(&["127.0.0.1:0", "echo"]);
    let (reading, mut writing) = std::io::pipe().expect("a pipe");
    make_nonblocking(&reading);
    let mut command = ft();
    command
        .args(["connect", &address.to_string()])
        .stdin(reading);
    let mut client = command.stdout(Stdio::piped()).spawn().expect("it starts");
    let tasks = format!("/proc/{}/task", client.id());
    let is_asleep = |task: std::io::Result<DirEntry>| {
        let stat = fs::read_to_string(task.ok()?.path().join("stat")).ok()?;
        stat.contains("(input) S").then_some(())
    };
    eventually("its input has found nothing and sleeps", || {
        let mut tasks = fs::read_dir(&tasks).expect("it lives");
        tasks.any(|task| is_asleep(task).is_some())
    });
    writing.write_all(b"hello").expect("it is read");
    drop(writing);
    let mut answer = String::new();
    let mut stdout = client.stdout.take().expect("it is a pipe");
    stdout.read_to_string(&mut answer).expect("text");
    assert_eq!((answer.as_str(), number(wait(&mut client))), ("hello", 0));
    drop(server);
}

#[test]
fn a_stdout_that_somebody_has_made_non_blocking_is_waited_for() {
    const SIZE: usize = 3_000_000;
    let (server, address) = Running::listen(&["127.0.0.1:0", "source", &SIZE.to_string()]);
    let (mut reading, writing) = std::io::pipe().expect("a pipe");
    make_nonblocking(&writing);
    let mut command = ft();
    command
        .args(["connect", &address.to_string()])
        .stdin(Stdio::null());
    let mut client = command.stdout(writing).spawn().expect("it starts");
    // The pipe is not to be held open here.
    drop(command);
    eventually("the pipe is full", || {
        rustix::io::ioctl_fionread(&reading).expect("a pipe") >= 60_000
    });
    let mut received = Vec::new();
    reading.read_to_end(&mut received).expect("a pipe");
    assert_eq!((received.len(), number(wait(&mut client))), (SIZE, 0));
    drop(server);
}

#[test]
fn a_deadline_in_the_middle_is_no_end_of_the_stream() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = listener.local_addr().expect("it has one").to_string();
    let (reading, mut writing) = std::io::pipe().expect("a pipe");
    let mut command = ft();
    command.args(["connect", &address, "--deadline", "300ms"]);
    command.stdin(reading).stderr(Stdio::null());
    let mut client = command.spawn().expect("it starts");
    let (mut peer, _) = listener.accept().expect("it calls");
    peer.set_read_timeout(Some(PATIENCE)).expect("an option");
    writing.write_all(b"half of ").expect("it is read");
    let mut received = Vec::new();
    let end = peer.read_to_end(&mut received);
    assert_eq!(received, b"half of ");
    let end = end.expect_err("more would have come").kind();
    assert_eq!(end, ErrorKind::ConnectionReset);
    assert_eq!(number(wait(&mut client)), 124);
}
