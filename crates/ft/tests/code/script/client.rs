//! What the server does to a client: the test is the server here.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::fd::AsFd;
use std::os::unix::net::UnixListener;
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::Signal;

use super::{Transcript, shown};
use crate::code::mask;
use crate::code::stage::BULK;
use crate::code::wire::Wire;
use crate::rig::{Folder, PATIENCE, Running, bytes};

enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener),
}

/// Where the clients call.
pub(crate) struct Post {
    listener: Listener,
    /// As it is typed.
    pub(crate) address: String,
    _folder: Folder,
}

impl Post {
    pub(crate) fn new(protocol: &str) -> Self {
        let folder = Folder::new();
        let (listener, address) = if protocol == "unix" {
            let path = folder.text("post");
            let listener = UnixListener::bind(&path).expect("the path is free");
            (Listener::Unix(listener), format!("unix:{path}"))
        } else {
            let (listener, address) = crate::rig::listener();
            (Listener::Tcp(listener), address)
        };
        Self {
            listener,
            address,
            _folder: folder,
        }
    }

    fn accept(&self) -> Wire {
        let fd = match &self.listener {
            Listener::Tcp(listener) => listener.as_fd(),
            Listener::Unix(listener) => listener.as_fd(),
        };
        let patience = rustix::time::Timespec {
            tv_sec: PATIENCE.as_secs().try_into().expect("it is short"),
            tv_nsec: 0,
        };
        let mut polled = [PollFd::new(&fd, PollFlags::IN)];
        let ready = poll(&mut polled, Some(&patience)).expect("poll works");
        assert_eq!(ready, 1, "nobody calls");
        match &self.listener {
            Listener::Tcp(listener) => Wire::Tcp(listener.accept().expect("somebody calls").0),
            Listener::Unix(listener) => Wire::Unix(listener.accept().expect("somebody calls").0),
        }
    }
}

/// A client at work.
struct Caller {
    running: Running,
    stdout: Receiver<Vec<u8>>,
    heard: Vec<u8>,
    notes: Transcript,
}

impl Caller {
    /// Starts it; its stdin stays open.
    fn start(mut command: Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut running = Running::start(&mut command);
        let mut pipe = running.child.stdout.take().expect("stdout is a pipe");
        let (tell, stdout) = channel();
        thread::spawn(move || {
            let mut buffer = vec![0; 65_536];
            while let Ok(count @ 1..) = pipe.read(&mut buffer) {
                let _ = tell.send(buffer[..count].to_vec());
            }
        });
        Self {
            running,
            stdout,
            heard: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// Writes this to its stdin, which ends then.
    fn type_all(&mut self, text: Vec<u8>) {
        let mut stdin = self.running.child.stdin.take().expect("stdin is open");
        thread::spawn(move || {
            // Who does not read to the end is seen by what comes out.
            let _ = stdin.write_all(&text);
        });
    }

    fn printed(&mut self, count: usize) {
        while self.heard.len() < count {
            let more = self.stdout.recv_timeout(PATIENCE).expect("it prints");
            self.heard.extend(more);
        }
    }

    fn note(&mut self, heard: (Vec<u8>, &'static str)) {
        let (bytes, end) = heard;
        self.notes
            .push(format!("the server: {}, then {end}", shown(&bytes)));
    }

    fn wait(mut self) -> Transcript {
        let stdin = self.running.child.stdin.take();
        let ended = self.running.wait();
        drop(stdin);
        while let Ok(more) = self.stdout.recv_timeout(PATIENCE) {
            self.heard.extend(more);
        }
        self.notes.push(format!("stdout: {}", shown(&self.heard)));
        self.notes.push(format!("status {}", ended.status));
        let lines = ended.said.iter();
        self.notes
            .extend(lines.filter_map(|line| mask::masked(line, false)));
        self.notes
    }
}

fn echoes(command: Command, post: &Post, text: Vec<u8>) -> Transcript {
    let mut caller = Caller::start(command);
    caller.type_all(text);
    let mut wire = post.accept();
    let mut reader = wire.again();
    let echo = thread::spawn(move || {
        std::io::copy(&mut reader, &mut wire).expect("no reset");
        wire.finish();
        wire
    });
    let transcript = caller.wait();
    drop(echo.join().expect("it has ended"));
    transcript
}

pub(crate) fn lines(command: Command, post: &Post) -> Transcript {
    echoes(command, post, b"one\ntwo\n".to_vec())
}

pub(crate) fn bulk(command: Command, post: &Post) -> Transcript {
    echoes(command, post, bytes(15, 0, BULK))
}

/// The server finishes first. Without a byte on stdin that is the end of it; otherwise the rest of
/// stdin is sent all the same.
pub(crate) fn server_first(command: Command, post: &Post) -> Transcript {
    let mut caller = Caller::start(command);
    caller.type_all(Vec::new());
    let mut wire = post.accept();
    wire.say(b"bye\n");
    wire.finish();
    let rest = wire.rest();
    caller.note(rest);
    caller.wait()
}

pub(crate) fn goes_on(command: Command, post: &Post) -> Transcript {
    let mut caller = Caller::start(command);
    let mut wire = post.accept();
    wire.say(b"bye\n");
    wire.finish();
    caller.printed(4);
    caller.type_all(b"more\n".to_vec());
    let rest = wire.rest();
    caller.note(rest);
    caller.wait()
}

pub(crate) fn reset(command: Command, post: &Post) -> Transcript {
    let mut caller = Caller::start(command);
    let mut wire = post.accept();
    wire.say(b"part");
    caller.printed(4);
    wire.reset();
    caller.wait()
}

pub(crate) fn told(command: Command, post: &Post) -> Transcript {
    let mut caller = Caller::start(command);
    let mut wire = post.accept();
    wire.say(b"part");
    caller.printed(4);
    caller.running.signal(Signal::TERM);
    let transcript = caller.wait();
    drop(wire);
    transcript
}

/// The client's program talks with the server.
pub(crate) fn exec(command: Command, post: &Post) -> Transcript {
    let mut caller = Caller::start(command);
    let mut wire = post.accept();
    wire.say(b"hello\n");
    let rest = wire.rest();
    caller.note(rest);
    drop(wire);
    caller.wait()
}

/// The server does nothing at all; the client's own clock ends it.
pub(crate) fn silent(command: Command, post: &Post) -> Transcript {
    let mut caller = Caller::start(command);
    let mut wire = post.accept();
    let rest = wire.rest();
    caller.note(rest);
    caller.wait()
}
