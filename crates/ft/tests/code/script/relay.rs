//! relay: each client gets a connection of its own to a server of the test.

use std::io::Read;
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixListener;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};

use super::{Stage, Transcript, bulk, crowd, drains, finishes, resets, shown};
use crate::code::wire::Wire;
use crate::rig::{Folder, PATIENCE};

/// The server behind the relay. The first line that it gets says what it does.
pub(crate) struct Destination {
    /// As it is typed.
    pub(crate) address: String,
    /// What it got after its own end, and how that ended.
    got: Mutex<Receiver<(Vec<u8>, &'static str)>>,
    _folder: Folder,
}

impl Destination {
    pub(crate) fn new(protocol: &str) -> Self {
        let folder = Folder::new();
        let (tell, got) = channel();
        let serve = move |wire: Wire| {
            let tell = tell.clone();
            thread::spawn(move || serve(wire, &tell));
        };
        let address = if protocol == "unix" {
            let path = folder.text("destination");
            let listener = UnixListener::bind(&path).expect("the path is free");
            thread::spawn(move || {
                for stream in listener.incoming().flatten() {
                    serve(Wire::Unix(stream));
                }
            });
            format!("unix:{path}")
        } else {
            let (listener, address) = crate::rig::listener();
            let listener: TcpListener = listener;
            thread::spawn(move || {
                for stream in listener.incoming().flatten() {
                    serve(Wire::Tcp(stream));
                }
            });
            address
        };
        Self {
            address,
            got: Mutex::new(got),
            _folder: folder,
        }
    }

    fn got(&self) -> String {
        let got = self.got.lock().expect("nobody panics here");
        let (bytes, end) = got.recv_timeout(PATIENCE).expect("it is told");
        format!("the destination: {}, then {end}", shown(&bytes))
    }
}

fn serve(mut wire: Wire, tell: &Sender<(Vec<u8>, &'static str)>) {
    let mut first = Vec::new();
    while !first.ends_with(b"\n") {
        let mut byte = [0];
        if !matches!(wire.read(&mut byte), Ok(1)) {
            return;
        }
        first.push(byte[0]);
    }
    match &*first {
        b"reset\n" => wire.reset(),
        b"bye\n" => {
            wire.say(b"bye\n");
            wire.finish();
            let _ = tell.send(wire.rest());
        }
        b"report\n" => {
            wire.say(b"reported\n");
            let _ = tell.send(wire.rest());
        }
        _ => {
            wire.say(&first);
            let mut reader = wire.again();
            // A client that resets is the business of another script.
            let _ = std::io::copy(&mut reader, &mut wire);
            wire.finish();
        }
    }
}

pub(crate) fn relay(mut stage: Stage, destination: &Destination) -> Transcript {
    finishes(&mut stage, b"hello\nand the end\n");
    // Each client costs two connections: the second was closed, too.
    stage.closed(1);
    bulk(&mut stage);
    stage.closed(1);
    crowd(&mut stage, |number| {
        format!("number {number:02}\n").into_bytes()
    });
    stage.closed(super::CROWD);
    stage.are_mixed();
    // The other direction ends first.
    let mut wire = stage.client();
    wire.say(b"bye\n");
    let (heard, end) = wire.rest();
    stage.note(format!("{}, then {end}", shown(&heard)));
    wire.say(b"more");
    wire.finish();
    stage.note(destination.got());
    stage.closed(2);
    if destination.address.starts_with("unix:") {
        // It knows no reset.
        return drains(stage, b"late\n", 5);
    }
    // A reset of either is a reset of the other.
    let mut wire = stage.client();
    wire.say(b"reset\n");
    let (heard, end) = wire.rest();
    stage.note(format!("{}, then {end}", shown(&heard)));
    drop(wire);
    stage.closed(2);
    resets(&mut stage, b"report\n", 9);
    stage.closed(1);
    stage.note(destination.got());
    drains(stage, b"late\n", 5)
}

/// A server that does not answer a SYN for as long as its accept queue is full.
pub(crate) struct Silent {
    pub(crate) address: String,
    listener: TcpListener,
    /// Those who wait in the queue.
    waiting: Mutex<Vec<OwnedFd>>,
}

impl Silent {
    pub(crate) fn new() -> Self {
        let (listener, address) = crate::rig::listener();
        rustix::net::listen(&listener, 0).expect("it listens already");
        Self {
            address,
            listener,
            waiting: Mutex::default(),
        }
    }

    pub(crate) fn fill(&self) {
        let mut waiting = self.waiting.lock().expect("nobody panics here");
        let address = self.listener.local_addr().expect("it has one");
        // One is let in beside the backlog of none; the next ones wait for an answer.
        while waiting.len() < 3 {
            let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
            let socket = socket_with(AddressFamily::INET, SocketType::STREAM, flags, None);
            let socket = socket.expect("a socket");
            let _ = rustix::net::connect(&socket, &address);
            waiting.push(socket);
        }
    }

    /// Takes everybody until one who says this, and says it back.
    fn answer(&self, said: &[u8]) {
        self.waiting.lock().expect("nobody panics here").clear();
        loop {
            let (stream, _) = self.listener.accept().expect("one calls");
            let mut wire = Wire::Tcp(stream);
            let (heard, _) = wire.rest();
            if heard == said {
                wire.say(&heard);
                return;
            }
        }
    }
}

/// The first SYN is lost, and a later one answered.
pub(crate) fn late_answer(mut stage: Stage, silent: &Silent) -> Transcript {
    let mut wire = stage.client();
    // peer: so slow that the call has begun.
    thread::sleep(Duration::from_millis(200));
    wire.say(b"hello\n");
    wire.finish();
    silent.answer(b"hello\n");
    let (heard, end) = wire.rest();
    stage.note(format!("{}, then {end}", shown(&heard)));
    stage.closed(2);
    stage.stop()
}

/// The time of the client is up before the destination answers.
pub(crate) fn no_answer(mut stage: Stage, _: &Silent) -> Transcript {
    let mut wire = stage.client();
    let (heard, end) = wire.rest();
    stage.note(format!("{}, then {end}", shown(&heard)));
    stage.closed(1);
    stage.stop()
}

/// Nobody listens there.
pub(crate) fn relay_to_nobody(mut stage: Stage) -> Transcript {
    // One client: ft says a failure that comes again once.
    let mut wire = stage.client();
    let (heard, end) = wire.rest();
    stage.note(format!("{}, then {end}", shown(&heard)));
    drop(wire);
    stage.closed(1);
    stage.stop()
}
