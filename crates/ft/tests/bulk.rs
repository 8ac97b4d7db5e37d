//! Bulk that the kernel moves by itself: that it does, that every byte arrives, and what happens where
//! it does not.

mod rig;

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::thread;

use rig::{
    Attached, Folder, Running, Traced, bytes, connect, descriptors_at_rest, eventually, ft, has,
    listener, number, patient, wait,
};
use rustix::pipe::{fcntl_getpipe_size, fcntl_setpipe_size};

/// More than every buffer on the way together.
const SIZE: usize = 24 << 20;

/// Programs of which the kernel refuses a call, as strace has it.
struct Refusing {
    options: [String; 2],
    started: Vec<Traced>,
}

impl Refusing {
    /// `CALL:error=ERRNO`, as strace's `inject` has it: from the first call on, or in the middle.
    fn new(refusal: &str) -> Self {
        let call = refusal.split(':').next().unwrap_or_default();
        Self {
            options: [format!("trace={call}"), format!("inject={refusal}")],
            started: Vec::new(),
        }
    }

    fn ft(&mut self) -> Command {
        let [trace, inject] = &self.options;
        let (command, traced) = Traced::ft(&["-e", trace, "-e", inject]);
        self.started.push(traced);
        command
    }

    /// All of them were refused it.
    fn have_been(self) {
        for traced in self.started {
            traced.wait_for("(INJECTED)");
        }
    }
}

/// Receives everything; it must be this and no more.
fn receives(mut from: TcpStream, expected: &[u8]) {
    let mut received = Vec::with_capacity(expected.len());
    from.read_to_end(&mut received).expect("no reset");
    assert_eq!(received.len(), expected.len());
    assert!(received == expected, "a byte is wrong");
}

/// A relay, its address, and where it leads.
fn relay(command: &mut Command) -> (Running, SocketAddr, TcpListener) {
    let (listener, destination) = listener();
    command.args(["relay", "127.0.0.1:0", &destination]);
    command.stdin(Stdio::null()).stdout(Stdio::null());
    let (relay, address) = Running::listen_as(command);
    (relay, address, listener)
}

/// Bytes through a relay, both ways at once.
fn goes_through(command: &mut Command) {
    let (relay, address, listener) = relay(command);
    flows_both_ways(address, &listener);
    let ended = relay.stop();
    assert_eq!(ended.status, 0, "{:?}", ended.said);
}

fn flows_both_ways(address: SocketAddr, listener: &TcpListener) {
    let client = connect(address);
    let (server, _) = listener.accept().expect("the relay calls");
    let ends = [(client, 1, 2), (patient(server), 2, 1)];
    let threads = ends.map(|(mut stream, sends, expects)| {
        thread::spawn(move || {
            let mut writer = stream.try_clone().expect("a descriptor is free");
            let sending = thread::spawn(move || {
                writer
                    .write_all(&bytes(sends, 0, SIZE))
                    .expect("it is taken");
                writer.shutdown(Shutdown::Write).expect("it is connected");
            });
            stream.flush().expect("nothing to do");
            receives(stream, &bytes(expects, 0, SIZE));
            sending.join().expect("it sends");
        })
    });
    for thread in threads {
        thread.join().expect("all is well");
    }
}

/// A file from the stdin of a client to the stdout of a server: a file and a pipe.
fn goes_from_file_to_file(sender: &mut Command, receiver: &mut Command, appends: bool) {
    let folder = Folder::new();
    let content = bytes(3, 0, SIZE);
    let from = folder.write("from", &content);
    let to = folder.path("to");
    let target = File::options()
        .create(true)
        .append(appends)
        .write(true)
        .open(&to);
    receiver.args(["listen", "127.0.0.1:0", "--once"]);
    receiver
        .stdin(Stdio::null())
        .stdout(target.expect("it can be made"));
    let (server, address) = Running::listen_as(receiver);
    sender.args(["connect", &address.to_string()]);
    sender
        .stdin(File::open(from).expect("it is there"))
        .stdout(Stdio::null());
    let mut client = sender.spawn().expect("it starts");
    assert_eq!(number(wait(&mut client)), 0);
    assert_eq!(server.wait().status, 0);
    let arrived = fs::read(to).expect("it was made");
    assert_eq!(arrived.len(), content.len());
    assert!(arrived == content, "a byte is wrong");
}

/// A pipe on stdin and one on stdout.
fn goes_from_pipe_to_pipe(sender: &mut Command, receiver: &mut Command) {
    let content = bytes(4, 0, SIZE);
    receiver.args(["listen", "127.0.0.1:0", "--once"]);
    receiver.stdin(Stdio::null()).stdout(Stdio::piped());
    let (mut server, address) = Running::listen_as(receiver);
    let mut stdout = server.child.stdout.take().expect("a pipe");
    sender.args(["connect", &address.to_string()]);
    sender.stdin(Stdio::piped()).stdout(Stdio::null());
    let mut client = sender.spawn().expect("it starts");
    let mut stdin = client.stdin.take().expect("a pipe");
    let sent = content.clone();
    let writing = thread::spawn(move || stdin.write_all(&sent).expect("it is taken"));
    let mut arrived = Vec::with_capacity(SIZE);
    stdout.read_to_end(&mut arrived).expect("it can be read");
    writing.join().expect("it writes");
    assert_eq!(number(wait(&mut client)), 0);
    assert_eq!(server.wait().status, 0);
    assert_eq!(arrived.len(), content.len());
    assert!(arrived == content, "a byte is wrong");
}

/// What a service sends; what its client says is thrown away.
fn is_sent(server: &mut Command, words: &[&str], expected: &[u8]) {
    server.args(["listen", "127.0.0.1:0"]).args(words);
    server.stdin(Stdio::null()).stdout(Stdio::null());
    let (server, address) = Running::listen_as(server);
    let client = connect(address);
    let mut writer = client.try_clone().expect("a descriptor is free");
    let talking = thread::spawn(move || {
        let _ = writer.write_all(&bytes(6, 0, 1 << 20));
        let _ = writer.shutdown(Shutdown::Write);
    });
    receives(client, expected);
    talking.join().expect("it talks");
    assert_eq!(server.stop().status, 0);
}

fn file_is_sent(server: &mut Command) {
    let folder = Folder::new();
    let content = bytes(5, 0, SIZE);
    let file = folder.write("file", &content);
    is_sent(server, &["send", &file], &content);
}

fn zeros_are_sent(server: &mut Command) {
    is_sent(server, &["source", &SIZE.to_string()], &vec![0; SIZE]);
}

#[test]
fn bulk_arrives_whole_on_every_road() {
    goes_through(&mut ft());
    goes_from_file_to_file(&mut ft(), &mut ft(), false);
    // Nothing is spliced to a file that is appended to.
    goes_from_file_to_file(&mut ft(), &mut ft(), true);
    goes_from_pipe_to_pipe(&mut ft(), &mut ft());
    file_is_sent(&mut ft());
    zeros_are_sent(&mut ft());
}

/// So much of the bulk went by this call that not all of it was copied.
#[track_caller]
fn moved_by(call: &str, traced: Traced) {
    // With one call go 64 KiB at most where they are copied.
    const COPIES: u64 = (SIZE / (64 << 10)) as u64;
    let calls = traced.calls();
    let copies = calls.of("recvfrom").max(calls.of("sendto"));
    assert!(calls.of(call) > 0 && copies < COPIES, "{}", calls.0);
}

#[test]
fn exclusive_bulk_is_moved_by_the_kernel_on_every_road() {
    if !has("strace") {
        return;
    }
    let (mut sender, sends) = Traced::counted();
    let (mut receiver, receives) = Traced::counted();
    goes_from_file_to_file(&mut sender, &mut receiver, false);
    moved_by("sendfile", sends);
    moved_by("splice", receives);
    let (mut sender, sends) = Traced::counted();
    let (mut receiver, receives) = Traced::counted();
    goes_from_pipe_to_pipe(&mut sender, &mut receiver);
    moved_by("splice", sends);
    moved_by("splice", receives);
    let (mut server, traced) = Traced::counted();
    file_is_sent(&mut server);
    moved_by("sendfile", traced);
    let (mut server, traced) = Traced::counted();
    zeros_are_sent(&mut server);
    moved_by("sendfile", traced);
}

#[test]
fn what_is_discarded_is_never_fetched() {
    if !has("strace") {
        return;
    }
    let (mut server, traced) = Traced::ft(&["-e", "trace=recvfrom"]);
    server.args(["listen", "127.0.0.1:0", "discard"]);
    server.stdin(Stdio::null()).stdout(Stdio::null());
    let (server, address) = Running::listen_as(&mut server);
    let mut client = connect(address);
    client.write_all(&bytes(8, 0, SIZE)).expect("it is taken");
    client.shutdown(Shutdown::Write).expect("it is connected");
    assert_eq!(client.read(&mut [0]).expect("in order"), 0);
    // `recvfrom(FD, …, LENGTH, MSG_TRUNC, NULL, NULL) = COUNT`
    let thrown_away = |line: &str| {
        let count = line
            .contains("MSG_TRUNC")
            .then(|| line.rsplit(" = ").next());
        count
            .flatten()
            .and_then(|count| count.parse::<usize>().ok())
    };
    eventually("all of it is thrown away", || {
        let calls = traced.written();
        calls.lines().filter_map(thrown_away).sum::<usize>() == SIZE
    });
    assert_eq!(server.stop().status, 0);
}

#[test]
fn what_the_kernel_refuses_to_move_is_copied() {
    if !has("strace") {
        return;
    }
    for refusal in [
        "splice:error=EINVAL",
        "splice:error=ENOSYS:when=4+",
        "splice:error=EPERM:when=7+",
    ] {
        let mut refusing = Refusing::new(refusal);
        goes_through(&mut refusing.ft());
        goes_from_file_to_file(&mut ft(), &mut refusing.ft(), false);
        goes_from_pipe_to_pipe(&mut refusing.ft(), &mut refusing.ft());
        refusing.have_been();
    }
    for refusal in ["sendfile:error=EINVAL", "sendfile:error=ENOSYS:when=2+"] {
        let mut refusing = Refusing::new(refusal);
        goes_from_file_to_file(&mut refusing.ft(), &mut ft(), false);
        file_is_sent(&mut refusing.ft());
        zeros_are_sent(&mut refusing.ft());
        refusing.have_been();
    }
    let mut refusing = Refusing::new("memfd_create:error=ENOSYS");
    zeros_are_sent(&mut refusing.ft());
    refusing.have_been();
    let mut refusing = Refusing::new("pipe2:error=EMFILE");
    goes_through(&mut refusing.ft());
    refusing.have_been();
}

/// The first thing that a relay does with a new pipe is to ask for its full size, the second to
/// look what it got. It does no other fcntl once it listens.
#[test]
fn a_pipe_of_another_size_than_wanted_loses_nothing() {
    if !has("strace") {
        return;
    }
    for (refusal, is_lent) in [
        ("inject=fcntl:error=EPERM:when=1+2", true),
        ("inject=fcntl:error=EPERM", false),
    ] {
        let (relay, address, listener) = relay(&mut ft());
        let options = ["-e", "trace=fcntl,splice", "-e", refusal];
        let attached = Attached::at(relay.child.id(), &options);
        flows_both_ways(address, &listener);
        let calls = attached.leave().0;
        assert!(calls.contains("F_SETPIPE_SZ"), "{calls}");
        assert!(calls.contains("(INJECTED)"), "{calls}");
        assert_eq!(calls.contains("splice("), is_lent, "{calls}");
        assert_eq!(relay.stop().status, 0);
    }
}

/// A splice stops in front of an urgent byte as if there were nothing more, and says so even when
/// there is the end of the stream behind it.
#[test]
fn an_urgent_byte_in_bulk_keeps_its_place() {
    let (relay, address, listener) = relay(&mut ft());
    let mut client = connect(address);
    let (server, _) = listener.accept().expect("the relay calls");
    let mut expected = Vec::new();
    let sending = thread::spawn(move || {
        for (seed, size) in [(1, SIZE), (2, SIZE / 3), (3, 7), (4, 0)] {
            client
                .write_all(&bytes(seed, 0, size))
                .expect("it is taken");
            let urgent = rustix::net::SendFlags::OOB;
            rustix::net::send(&client, b"!", urgent).expect("it is taken");
        }
        client.shutdown(Shutdown::Write).expect("it is connected");
        client
    });
    for (seed, size) in [(1, SIZE), (2, SIZE / 3), (3, 7), (4, 0)] {
        expected.extend_from_slice(&bytes(seed, 0, size));
        expected.push(b'!');
    }
    // Where the destination reads urgent bytes in line, they stand where they were sent.
    receives(patient(server), &expected);
    let client = sending.join().expect("it sends");
    drop(client);
    assert_eq!(relay.stop().status, 0);
}

/// How many of a process' descriptors are pipes.
fn pipes(pid: u32) -> usize {
    let folder = fs::read_dir(format!("/proc/{pid}/fd")).expect("it lives");
    let is_pipe = |entry: std::io::Result<fs::DirEntry>| {
        let target = entry.and_then(|entry| fs::read_link(entry.path()));
        target.is_ok_and(|target| target.to_string_lossy().starts_with("pipe:"))
    };
    folder.map(is_pipe).filter(|is| *is).count()
}

/// A user without privilege.
const NOBODY: u32 = 65_534;

/// Has all the pipe memory that a user without privilege may have, until this is dropped: the next
/// pipe is too small for bulk.
struct PipesOfOurs {
    _pipes: Vec<(OwnedFd, OwnedFd)>,
}

impl PipesOfOurs {
    fn take_all() -> Self {
        // What a pipe costs is put down to the user of the thread that makes it.
        let taking = thread::spawn(|| {
            if rustix::process::geteuid().is_root() {
                let nobody = rustix::process::Uid::from_raw(NOBODY);
                rustix::thread::set_thread_uid(nobody).expect("root may");
            }
            let mut pipes = Vec::new();
            loop {
                let pipe = rustix::pipe::pipe().expect("a descriptor is free");
                let is_short = fcntl_getpipe_size(&pipe.0).expect("a pipe") < 64 << 10;
                let _ = fcntl_setpipe_size(&pipe.0, 1 << 20);
                pipes.push(pipe);
                if is_short {
                    return pipes;
                }
            }
        });
        Self {
            _pipes: taking.join().expect("pipes can be had"),
        }
    }
}

/// However many streams flow, few have a pipe, and none keeps one that has nothing to move.
fn many_streams_flow(is_short: bool) {
    let (streams, size) = match std::env::var_os("FT_TEST_ALL") {
        Some(_) => (5000, 256 << 10),
        None => (100, 1 << 20),
    };
    let mut command = ft();
    if rustix::process::geteuid().is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    let (relay, address, listener) = relay(&mut command);
    let pid = relay.child.id();
    let (at_rest, others) = (descriptors_at_rest(pid), pipes(pid));
    let mut pairs = Vec::new();
    for _ in 0..streams {
        let client = connect(address);
        pairs.push((
            client,
            patient(listener.accept().expect("the relay calls").0),
        ));
    }
    // Each is in the middle of its bulk when the others begin: nobody reads yet.
    let chunk = bytes(7, 0, size);
    let mut sent = Vec::new();
    for (client, _) in &mut pairs {
        client.set_nonblocking(true).expect("an option");
        let mut count = 0;
        while let Ok(more) = client.write(&chunk[count..]) {
            count += more;
            if count == chunk.len() {
                break;
            }
        }
        sent.push(count);
    }
    if is_short {
        assert_eq!(pipes(pid), others);
    } else {
        eventually("some have a pipe", || pipes(pid) > others);
    }
    assert!(pipes(pid) <= others + 2 * 32);
    for ((client, mut server), sent) in pairs.into_iter().zip(sent) {
        client.shutdown(Shutdown::Write).expect("it is connected");
        let mut arrived = Vec::with_capacity(sent);
        server.read_to_end(&mut arrived).expect("no reset");
        assert!(arrived == chunk[..sent], "a byte is wrong");
    }
    eventually("all are gone", || {
        descriptors_at_rest(pid) <= at_rest + 2 * 8
    });
    assert_eq!(relay.stop().status, 0);
}

#[test]
fn many_streams_of_a_user_without_privilege_share_few_pipes() {
    many_streams_flow(false);
}

#[test]
fn exclusive_many_streams_flow_where_their_user_can_have_no_pipe() {
    fivetuple::kernel::limit::raise_descriptor_limit().expect("the soft limit can be raised");
    let all = PipesOfOurs::take_all();
    many_streams_flow(true);
    drop(all);
}
