//! The programs that people have, each as a client of whatever listens.
#![allow(dead_code, reason = "each test binary uses its own part")]

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

use crate::rig::{ft, has};

/// Those that others have made.
pub(crate) const OTHERS: [&str; 4] = ["nc", "ncat", "socat", "python3"];
/// The same, and ours.
pub(crate) const ALL: [&str; 5] = ["nc", "ncat", "socat", "python3", "ft"];

/// Where a server listens; written as `ft` reads it.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    Tcp(SocketAddr),
    Unix(PathBuf),
    Udp(SocketAddr),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "{address}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Udp(address) => write!(f, "udp:{address}"),
        }
    }
}

/// Like nc: stdin to the peer, what comes to stdout, both line by line.
const PYTHON: &str = r"
import os, socket, sys, threading
if len(sys.argv) == 2:
    s = socket.socket(socket.AF_UNIX)
    s.connect(sys.argv[1])
else:
    s = socket.create_connection((sys.argv[1], int(sys.argv[2])))
def send():
    for line in sys.stdin.buffer:
        s.sendall(line)
    s.shutdown(socket.SHUT_WR)
threading.Thread(target=send, daemon=True).start()
while data := s.recv(65536):
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()
# Without waiting for a thread that still reads.
os._exit(0)
";
/// Sends each line of its stdin, and prints the answer before the next.
const PYTHON_UDP: &str = r"
import socket, sys
host, port = sys.argv[1], int(sys.argv[2])
s = socket.socket(socket.AF_INET6 if ':' in host else socket.AF_INET, socket.SOCK_DGRAM)
s.connect((host, port))
for line in sys.stdin.buffer:
    s.send(line)
    sys.stdout.buffer.write(s.recv(65536))
    sys.stdout.buffer.flush()
";

/// A program that sends its stdin there, finishes at its end where the protocol can say so, and
/// prints what comes back. `None` where it is not installed.
pub(crate) fn client(name: &str, place: &Place) -> Option<Command> {
    if name == "ft" {
        let mut command = ft();
        command.args(["connect", &place.to_string()]);
        return Some(command);
    }
    if !has(name) {
        return None;
    }
    let mut command = Command::new(name);
    command.args(match place {
        Place::Tcp(address) => over_tcp(name, address),
        Place::Unix(path) => over_unix(name, path.to_str().expect("UTF-8")),
        Place::Udp(address) => over_udp(name, address),
    });
    Some(command)
}

fn over_tcp(name: &str, address: &SocketAddr) -> Vec<String> {
    let (host, port) = (address.ip().to_string(), address.port().to_string());
    match name {
        "nc" => vec!["-N".into(), host, port],
        "ncat" => vec![host, port],
        "socat" => vec!["-t60".into(), "-".into(), format!("TCP:{address}")],
        "python3" => vec!["-c".into(), PYTHON.into(), host, port],
        _ => unreachable!("{name}"),
    }
}

fn over_unix(name: &str, path: &str) -> Vec<String> {
    match name {
        "nc" => vec!["-UN".into(), path.into()],
        "ncat" => vec!["-U".into(), path.into()],
        "socat" => vec!["-t60".into(), "-".into(), format!("UNIX-CONNECT:{path}")],
        "python3" => vec!["-c".into(), PYTHON.into(), path.into()],
        _ => unreachable!("{name}"),
    }
}

fn over_udp(name: &str, address: &SocketAddr) -> Vec<String> {
    let (host, port) = (address.ip().to_string(), address.port().to_string());
    let family = if address.is_ipv4() { '4' } else { '6' };
    match name {
        "nc" | "ncat" => vec!["-u".into(), host, port],
        "socat" => vec!["-".into(), format!("UDP{family}:{address}")],
        "python3" => vec!["-c".into(), PYTHON_UDP.into(), host, port],
        _ => unreachable!("{name}"),
    }
}
