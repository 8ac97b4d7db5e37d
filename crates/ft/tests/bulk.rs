//! Bulk that the kernel moves by itself: that every byte arrives, what happens where the kernel does
//! not do it, and how many calls it takes.

mod rig;

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::thread;

use rig::{
    Folder, PATIENCE, Running, bytes, descriptors_at_rest, eventually, ft, has, number, wait,
};
use rustix::process::Signal;

/// More than every buffer on the way together.
const SIZE: usize = 24 << 20;

/// Refusals of the kernel as strace makes them: from the first call on, and in the middle.
const REFUSALS: [&str; 5] = [
    "splice:error=EINVAL",
    "splice:error=ENOSYS:when=4+",
    "splice:error=EPERM:when=7+",
    "sendfile:error=EINVAL",
    "sendfile:error=ENOSYS:when=2+",
];

/// `ft` with these calls refused; its own process is the one that is started.
fn refused(refusal: &str) -> Command {
    let mut command = Command::new("strace");
    command
        .args(["-D", "-f", "-qq", "-o", "/dev/null", "-e"])
        .arg("trace=splice,sendfile")
        .args(["-e", &format!("inject={refusal}")])
        .arg(env!("CARGO_BIN_EXE_ft"));
    command.env("NO_COLOR", "1").env("LC_ALL", "C.UTF-8");
    command
}

fn patient(stream: TcpStream) -> TcpStream {
    stream.set_read_timeout(Some(PATIENCE)).expect("an option");
    stream.set_write_timeout(Some(PATIENCE)).expect("an option");
    stream
}

fn connect(address: SocketAddr) -> TcpStream {
    patient(TcpStream::connect(address).expect("it listens"))
}

fn listener() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = listener.local_addr().expect("it has an address");
    (listener, address.to_string())
}

/// Receives everything; it must be this and no more.
fn receives(mut from: TcpStream, expected: &[u8]) {
    let mut received = Vec::with_capacity(expected.len());
    from.read_to_end(&mut received).expect("no reset");
    assert_eq!(received.len(), expected.len());
    assert!(received == expected, "a byte is wrong");
}

/// Bytes through a relay, both ways at once.
fn goes_through(command: &mut Command) {
    let (listener, destination) = listener();
    command.args(["relay", "127.0.0.1:0", &destination]);
    command.stdin(Stdio::null()).stdout(Stdio::null());
    let (relay, address) = Running::listen_as(command);
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
    let ended = relay.stop();
    assert_eq!(ended.status, 0, "{:?}", ended.said);
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

/// The services that send and throw away.
fn is_sent(command: impl Fn() -> Command) {
    let folder = Folder::new();
    let content = bytes(5, 0, SIZE);
    let file = folder.write("file", &content);
    for (words, expected) in [
        (vec!["send", &file], content),
        (vec!["source", "25165824"], vec![0; SIZE]),
    ] {
        let mut server = command();
        server.args(["listen", "127.0.0.1:0"]).args(words);
        server.stdin(Stdio::null()).stdout(Stdio::null());
        let (server, address) = Running::listen_as(&mut server);
        // What the client says is thrown away, however much it is.
        let client = connect(address);
        let mut writer = client.try_clone().expect("a descriptor is free");
        let talking = thread::spawn(move || {
            let _ = writer.write_all(&bytes(6, 0, 1 << 20));
            let _ = writer.shutdown(Shutdown::Write);
        });
        receives(client, &expected);
        talking.join().expect("it talks");
        assert_eq!(server.stop().status, 0);
    }
}

#[test]
fn bulk_arrives_whole_on_every_road() {
    goes_through(&mut ft());
    goes_from_file_to_file(&mut ft(), &mut ft(), false);
    // Nothing is spliced to a file that is appended to.
    goes_from_file_to_file(&mut ft(), &mut ft(), true);
    goes_from_pipe_to_pipe(&mut ft(), &mut ft());
    is_sent(ft);
}

#[test]
fn what_the_kernel_refuses_to_move_is_copied() {
    if !has("strace") {
        return;
    }
    for refusal in REFUSALS {
        let command = || refused(refusal);
        if refusal.starts_with("splice") {
            goes_through(&mut command());
        }
        goes_from_file_to_file(&mut command(), &mut command(), false);
        goes_from_pipe_to_pipe(&mut command(), &mut command());
        is_sent(command);
    }
}

/// A splice stops in front of an urgent byte as if there were nothing more, and says so even when
/// there is the end of the stream behind it.
#[test]
fn an_urgent_byte_in_bulk_keeps_its_place() {
    let (listener, destination) = listener();
    let (relay, address) = {
        let mut command = ft();
        command.args(["relay", "127.0.0.1:0", &destination]);
        command.stdin(Stdio::null()).stdout(Stdio::null());
        Running::listen_as(&mut command)
    };
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

/// Without privilege the memory of pipes is short: however many streams flow, few have a pipe, and
/// none keeps one that has nothing to move.
#[test]
fn many_streams_of_a_user_without_privilege_share_few_pipes() {
    let (streams, size) = match std::env::var_os("FT_TEST_ALL") {
        Some(_) => (5000, 256 << 10),
        None => (100, 1 << 20),
    };
    let (listener, destination) = listener();
    let mut command = ft();
    command.args(["relay", "127.0.0.1:0", &destination]);
    command.stdin(Stdio::null()).stdout(Stdio::null());
    if rustix::process::geteuid().is_root() {
        command.uid(65_534).gid(65_534);
    }
    let (relay, address) = Running::listen_as(&mut command);
    let at_rest = descriptors_at_rest(relay.child.id());
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
    assert!(pipes(relay.child.id()) <= 2 * 32 + 8);
    for ((client, mut server), sent) in pairs.into_iter().zip(sent) {
        client.shutdown(Shutdown::Write).expect("it is connected");
        let mut arrived = Vec::with_capacity(sent);
        server.read_to_end(&mut arrived).expect("no reset");
        assert!(arrived == chunk[..sent], "a byte is wrong");
    }
    eventually("all are gone", || {
        descriptors_at_rest(relay.child.id()) <= at_rest + 2 * 8
    });
    assert_eq!(relay.stop().status, 0);
}

/// strace at a process: it counts the calls that are made while it is there.
struct Counting {
    strace: Child,
    folder: Folder,
}

impl Counting {
    /// Comes to a process, and returns when it has all of its threads.
    fn attach(pid: u32) -> Self {
        let folder = Folder::new();
        let mut strace = Command::new("strace");
        strace.args(["-f", "-c", "-o"]).arg(folder.path("calls"));
        strace.args(["-p", &pid.to_string()]);
        strace.stdin(Stdio::null()).stderr(Stdio::piped());
        let mut strace = strace.spawn().expect("it starts");
        let threads = fs::read_dir(format!("/proc/{pid}/task"))
            .expect("it lives")
            .count();
        let mut told = BufReader::new(strace.stderr.take().expect("a pipe")).lines();
        let mut attached = 0;
        while attached < threads {
            let line = told.next().expect("it goes on").expect("text");
            assert!(!line.contains("Operation not permitted"), "{line}");
            // One line for each thread, or one that says how many there are.
            let many = line
                .split(" with ")
                .nth(1)
                .and_then(|rest| rest.split(' ').next());
            attached += many.map_or(1, |many| many.parse().expect("a number"));
        }
        Self { strace, folder }
    }

    /// How many of these calls were made; the report.
    fn leave(mut self, calls: &[&str]) -> (u64, String) {
        let pid = rustix::process::Pid::from_child(&self.strace);
        rustix::process::kill_process(pid, Signal::INT).expect("it lives");
        wait(&mut self.strace);
        let report = fs::read_to_string(self.folder.path("calls")).expect("strace wrote it");
        let count = |line: &str| {
            let words: Vec<&str> = line.split_whitespace().collect();
            let is_named = words.last().is_some_and(|name| calls.contains(name));
            let count = words.get(3).and_then(|count| count.parse::<u64>().ok());
            count.filter(|_| is_named)
        };
        (report.lines().filter_map(count).sum(), report)
    }
}

impl Drop for Counting {
    fn drop(&mut self) {
        let _ = self.strace.kill();
        let _ = self.strace.wait();
    }
}

#[test]
fn an_echo_costs_one_read_and_one_write() {
    const CLIENTS: usize = 64;
    if !has("strace") {
        return;
    }
    let (server, address) = Running::listen(&["127.0.0.1:0", "echo"]);
    let mut clients: Vec<TcpStream> = (0..CLIENTS).map(|_| connect(address)).collect();
    // All of them are there, and each has been served once.
    for client in &mut clients {
        client.write_all(b"hello").expect("it is taken");
        client.read_exact(&mut [0; 5]).expect("it comes back");
    }
    server.freeze();
    for client in &mut clients {
        client.write_all(&[7; 64]).expect("it is taken");
    }
    let counting = Counting::attach(server.child.id());
    server.signal(Signal::CONT);
    for client in &mut clients {
        let mut back = [0; 64];
        client.read_exact(&mut back).expect("it comes back");
        assert_eq!(back, [7; 64]);
    }
    let all = ["recvfrom", "recvmsg", "read", "sendto", "sendmsg", "splice"];
    let (calls, report) = counting.leave(&all);
    // The event loop reads its own wake-ups, if anything.
    assert_eq!(calls, 2 * CLIENTS as u64, "{report}");
    drop(clients);
    assert_eq!(server.stop().status, 0);
}

#[test]
fn bulk_through_a_relay_costs_few_calls() {
    const BULK: usize = 64 << 20;
    if !has("strace") {
        return;
    }
    let (listener, destination) = listener();
    let mut command = ft();
    command.args(["relay", "127.0.0.1:0", &destination]);
    command.stdin(Stdio::null()).stdout(Stdio::null());
    let (relay, address) = Running::listen_as(&mut command);
    let mut client = connect(address);
    let (mut server, _) = listener.accept().expect("the relay calls");
    let counting = Counting::attach(relay.child.id());
    let receiving = thread::spawn(move || {
        let (mut buffer, mut received) = (vec![0; 1 << 20], 0);
        loop {
            match server.read(&mut buffer).expect("no reset") {
                0 => return received,
                count => received += count,
            }
        }
    });
    for _ in 0..BULK / (1 << 20) {
        client.write_all(&[1; 1 << 20]).expect("it is taken");
    }
    client.shutdown(Shutdown::Write).expect("it is connected");
    assert_eq!(receiving.join().expect("it receives"), BULK);
    let (calls, report) = counting.leave(&["splice", "recvfrom", "sendto", "sendmsg"]);
    let pieces = (BULK / (64 * 1024)) as u64;
    assert!(
        calls <= 3 * pieces,
        "{calls} calls for {pieces} pieces of 64 KiB:\n{report}"
    );
    drop(client);
    assert_eq!(relay.stop().status, 0);
}
