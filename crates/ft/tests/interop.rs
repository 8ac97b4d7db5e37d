//! `ft` with the programs that people know, in both roles.

mod program;
mod rig;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use program::Place;
use rig::{Running, bytes, ft, has, number, run};

/// Sends stdin, finishes sending, prints what comes until the end.
const ASYNCIO_CLIENT: &str = r"
import asyncio, sys
async def main():
    reader, writer = await asyncio.open_connection(sys.argv[1], int(sys.argv[2]))
    reading = asyncio.create_task(reader.read())
    writer.write(sys.stdin.buffer.read())
    await writer.drain()
    writer.write_eof()
    sys.stdout.buffer.write(await reading)
    writer.close()
    await writer.wait_closed()
asyncio.run(main())
";
/// Prints its port; receives to the end, then answers with the same in upper case.
const PYTHON_SERVER: &str = r"
import socket, sys, time
s = socket.create_server((sys.argv[1], 0), family=socket.AF_INET6 if ':' in sys.argv[1] else socket.AF_INET)
print(s.getsockname()[1], flush=True)
c, _ = s.accept()
data = b''
while part := c.recv(65536):
    data += part
time.sleep(float(sys.argv[2]))
c.sendall(data.upper())
c.close()
";
const ASYNCIO_SERVER: &str = r"
import asyncio, sys
async def serve(reader, writer):
    data = await reader.read()
    await asyncio.sleep(float(sys.argv[2]))
    writer.write(data.upper())
    await writer.drain()
    writer.close()
    await writer.wait_closed()
    done.set()
async def main():
    global done
    done = asyncio.Event()
    server = await asyncio.start_server(serve, sys.argv[1], 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await done.wait()
asyncio.run(main())
";

const CLIENTS: [&str; 6] = ["nc", "ncat", "socat", "python3", "python3/asyncio", "ft"];

/// A program that sends its stdin to this address, finishes, and prints what comes back.
fn client(name: &str, address: SocketAddr) -> Option<Command> {
    if name != "python3/asyncio" {
        return program::client(name, &Place::Tcp(address));
    }
    let (host, port) = (address.ip().to_string(), address.port().to_string());
    let mut command = Command::new("python3");
    command.args(["-c", ASYNCIO_CLIENT, &host, &port]);
    has("python3").then_some(command)
}

#[test]
fn every_client_gets_its_bytes_back_from_echo_over_both_families() {
    let question = bytes(7, 0, 300_000);
    for host in ["127.0.0.1:0", "[::1]:0"] {
        let (server, address) = Running::listen(&[host, "echo"]);
        for name in CLIENTS {
            let Some(mut command) = client(name, address) else {
                continue;
            };
            let output = run(&mut command, &question);
            assert_eq!(
                number(output.status),
                0,
                "{name}: {}",
                String::from_utf8_lossy(&output.stderr)
            );
            assert!(
                output.stdout == question,
                "{name}: {} bytes came back",
                output.stdout.len()
            );
        }
        let ended = server.stop();
        assert_eq!(ended.status, 0, "{:#?}", ended.said);
        let released = ended
            .said
            .iter()
            .filter(|line| line.contains("closed: released"));
        let clients = CLIENTS
            .iter()
            .filter(|name| **name == "ft" || has(name.split('/').next().unwrap()));
        assert_eq!(released.count(), clients.count(), "{:#?}", ended.said);
    }
}

#[test]
fn every_client_reads_the_services_that_only_send() {
    for (service, check) in [
        (
            &["daytime"][..],
            (|bytes| bytes.ends_with(b"\r\n") && bytes.len() > 20) as fn(&[u8]) -> bool,
        ),
        (&["time"], |bytes| bytes.len() == 4),
        (&["source", "100k"], |bytes| bytes.len() == 100_000),
    ] {
        let mut words = vec!["127.0.0.1:0"];
        words.extend(service);
        let (server, address) = Running::listen(&words);
        for name in CLIENTS {
            let Some(mut command) = client(name, address) else {
                continue;
            };
            let output = run(&mut command, b"");
            assert_eq!(number(output.status), 0, "{name} {service:?}");
            assert!(
                check(&output.stdout),
                "{name} {service:?}: {} bytes",
                output.stdout.len()
            );
        }
        assert_eq!(server.stop().status, 0);
    }
}

#[test]
fn discard_takes_everything_and_sends_nothing() {
    let (server, address) = Running::listen(&["127.0.0.1:0", "discard"]);
    for name in CLIENTS {
        let Some(mut command) = client(name, address) else {
            continue;
        };
        let output = run(&mut command, &bytes(1, 0, 1_000_000));
        assert_eq!(
            (number(output.status), output.stdout.len()),
            (0, 0),
            "{name}"
        );
    }
    let ended = server.stop();
    assert!(
        ended.said.last().unwrap().contains("received 6000000 B"),
        "{:#?}",
        ended.said.last()
    );
}

/// A server of another make: its process, and the port that it printed.
fn python_server(text: &str, host: &str, delay: &str) -> (std::process::Child, u16) {
    let mut command = Command::new("python3");
    command
        .args(["-c", text, host, delay])
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    let mut child = command.spawn().expect("python3 starts");
    let mut line = String::new();
    let stdout = child.stdout.take().expect("a pipe");
    BufReader::new(stdout)
        .read_line(&mut line)
        .expect("it prints its port");
    let port = line.trim().parse().expect("a port");
    (child, port)
}

#[test]
fn connect_half_closes_and_waits_for_the_answer_of_python_servers() {
    if !has("python3") {
        return;
    }
    for host in ["127.0.0.1", "::1"] {
        for text in [PYTHON_SERVER, ASYNCIO_SERVER] {
            let (mut server, port) = python_server(text, host, "0");
            let output = run(
                ft().args(["connect", host, &port.to_string()]),
                b"question\n",
            );
            assert_eq!(
                (number(output.status), &output.stdout[..]),
                (0, &b"QUESTION\n"[..])
            );
            assert!(
                output.stderr.is_empty(),
                "{}",
                String::from_utf8_lossy(&output.stderr)
            );
            rig::wait(&mut server);
        }
    }
}

#[test]
fn an_answer_that_comes_five_seconds_after_the_half_close_arrives() {
    if !has("python3") {
        return;
    }
    // peer: it thinks for five seconds
    let (mut server, port) = python_server(PYTHON_SERVER, "127.0.0.1", "5");
    let output = run(
        ft().args(["connect", "127.0.0.1", &port.to_string()]),
        b"question\n",
    );
    assert_eq!(
        (number(output.status), &output.stdout[..]),
        (0, &b"QUESTION\n"[..])
    );
    rig::wait(&mut server);
}

/// A port that is free at this moment; for programs that cannot tell which one they got.
fn free_port(host: &str) -> u16 {
    let listener = TcpListener::bind((host, 0)).expect("a port");
    listener.local_addr().expect("a name").port()
}

#[test]
fn connect_talks_with_servers_made_with_nc_ncat_and_socat() {
    for (host, host_of_socat) in [("127.0.0.1", "TCP4"), ("::1", "TCP6")] {
        for name in ["nc", "ncat", "socat"] {
            if !has(name) {
                continue;
            }
            let port = free_port(host).to_string();
            let bound = if host == "::1" { "[::1]" } else { host };
            let mut command = Command::new(name);
            match name {
                "nc" => command.args(["-N", "-l", host, &port]),
                "ncat" => command.args(["-l", host, &port]),
                _ => command.args([
                    "-t60",
                    &format!("{host_of_socat}-LISTEN:{port},bind={bound},reuseaddr"),
                    "-",
                ]),
            };
            let serving = thread::spawn(move || run(&mut command, b"from the server\n"));
            let mut command = ft();
            command.args(["connect", host, &port, "--retry", "forever", "-q"]);
            command.stdin(Stdio::piped()).stdout(Stdio::piped());
            let mut client = Running::start(&mut command);
            let mut typing = client.child.stdin.take().unwrap();
            typing.write_all(b"from the client\n").unwrap();
            let mut heard = [0; 16];
            client
                .child
                .stdout
                .as_mut()
                .unwrap()
                .read_exact(&mut heard)
                .unwrap();
            assert_eq!(&heard, b"from the server\n", "{name}");
            // Only now does it finish: ncat would take an earlier half-close for the end of all.
            drop(typing);
            let ended = client.wait();
            assert_eq!(ended.status, 0, "{name}: {:#?}", ended.said);
            let served = serving.join().expect("it ran");
            assert_eq!(served.stdout, b"from the client\n", "{name}");
        }
    }
}

#[test]
fn a_client_that_half_closes_gets_the_servers_later_answer() {
    for name in CLIENTS {
        let mut command = ft();
        command.args(["listen", "127.0.0.1:0", "--once"]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let (mut server, address) = Running::listen_as(&mut command);
        let Some(mut command) = client(name, address) else {
            continue;
        };
        let mut typing = server.child.stdin.take().unwrap();
        let mut stdout = server.child.stdout.take().unwrap();
        let calling = thread::spawn(move || run(&mut command, b"question\n"));
        let mut heard = [0; 9];
        stdout.read_exact(&mut heard).unwrap();
        assert_eq!(&heard, b"question\n", "{name}");
        // peer: who types takes a moment after the client has finished sending
        thread::sleep(Duration::from_millis(300));
        typing.write_all(b"answer\n").unwrap();
        drop(typing);
        let output = calling.join().unwrap();
        assert_eq!(
            (number(output.status), &output.stdout[..]),
            (0, &b"answer\n"[..]),
            "{name}"
        );
        let ended = server.wait();
        assert_eq!(ended.status, 0, "{name}: {:#?}", ended.said);
    }
}

#[test]
fn many_clients_share_one_port_and_each_is_told_what_is_typed() {
    let mut command = ft();
    command
        .args(["listen", "0"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut server = Running::start(&mut command);
    let first = server.wait_for("listening on 127.0.0.1:");
    let port: u16 = first
        .split([':', ' '])
        .nth_back(1)
        .unwrap()
        .parse()
        .unwrap();
    server.wait_for(&format!("listening on [::1]:{port} tcp"));
    let addresses = [
        SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
        SocketAddr::from((Ipv6Addr::LOCALHOST, port)),
    ];
    let mut clients: Vec<_> = addresses
        .iter()
        .cycle()
        .take(4)
        .map(|address| std::net::TcpStream::connect(address).unwrap())
        .collect();
    for _ in &clients {
        server.wait_for("accepted");
    }
    let mut typing = server.child.stdin.take().unwrap();
    typing.write_all(b"to all\n").unwrap();
    for client in &mut clients {
        let mut heard = [0; 7];
        client.read_exact(&mut heard).unwrap();
        assert_eq!(&heard, b"to all\n");
        client.write_all(b"heard\n").unwrap();
    }
    let mut stdout = server.child.stdout.take().unwrap();
    let mut heard = [0; 4 * 6];
    stdout.read_exact(&mut heard).unwrap();
    assert_eq!(&heard, b"heard\nheard\nheard\nheard\n");
    drop(typing);
    for client in &mut clients {
        assert_eq!(client.read(&mut [0; 8]).unwrap(), 0, "stdin has ended");
    }
    let mut late = std::net::TcpStream::connect(addresses[0]).unwrap();
    assert_eq!(
        late.read(&mut [0; 8]).unwrap(),
        0,
        "a later client is told at once"
    );
    drop((clients, late));
    assert_eq!(server.stop().status, 0);
}

#[test]
fn a_server_that_closes_with_unread_input_still_gets_its_four_megabytes_through() {
    // The client floods; the server sends 4 MB, finishes and closes.
    let mut command = ft();
    command.args(["listen", "127.0.0.1:0", "--once", "--send-only"]);
    command.stdin(Stdio::piped()).stdout(Stdio::null());
    let (mut server, address) = Running::listen_as(&mut command);
    let mut client = std::net::TcpStream::connect(address).unwrap();
    client.write_all(&[b'x'; 100]).unwrap();
    let mut typing = server.child.stdin.take().unwrap();
    let feeding = thread::spawn(move || {
        let sent = bytes(3, 0, 4_000_000);
        typing.write_all(&sent).unwrap();
        sent
    });
    client.write_all(&[b'y'; 100]).unwrap();
    let mut received = Vec::new();
    client.read_to_end(&mut received).unwrap();
    assert!(
        received == feeding.join().unwrap(),
        "{} bytes",
        received.len()
    );
    drop(client);
    let ended = server.wait();
    assert_eq!(ended.status, 0, "{:#?}", ended.said);
}
