//! Peers that send and receive datagrams.
#![allow(dead_code, reason = "each test binary uses its own part")]

use std::io::{Read, Write};
use std::net::{SocketAddr, UdpSocket};
use std::process::{Child, Command, Stdio};

use crate::rig::PATIENCE;

/// A peer that waits no longer than [`PATIENCE`] for an answer.
pub(crate) fn peer(address: SocketAddr) -> UdpSocket {
    let any = if address.is_ipv4() {
        "0.0.0.0:0"
    } else {
        "[::]:0"
    };
    let socket = UdpSocket::bind(any).expect("a port is free");
    socket
        .set_read_timeout(Some(PATIENCE))
        .expect("it takes a time");
    socket.connect(address).expect("there is a way");
    socket
}

pub(crate) fn receive(socket: &UdpSocket) -> Vec<u8> {
    let mut buffer = vec![0; 65_536];
    let length = socket.recv(&mut buffer).expect("an answer comes");
    buffer.truncate(length);
    buffer
}

pub(crate) fn ask(socket: &UdpSocket, question: &[u8]) -> Vec<u8> {
    socket.send(question).expect("it is sent");
    receive(socket)
}

/// Starts a program, writes this to its stdin, which stays open, and reads so many bytes of its
/// stdout, however long they take.
pub(crate) fn talk(command: &mut Command, input: &[u8], expected: usize) -> (Child, Vec<u8>) {
    let spawned = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let mut child = spawned.unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let stdin = child.stdin.as_mut().expect("stdin is a pipe");
    stdin.write_all(input).expect("it reads");
    let mut answer = vec![0; expected];
    let stdout = child.stdout.as_mut().expect("stdout is a pipe");
    stdout.read_exact(&mut answer).expect("the answer comes");
    (child, answer)
}

pub(crate) fn end(mut child: Child) {
    let _ = child.kill();
    let _ = child.wait();
}
