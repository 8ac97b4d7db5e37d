//! How many calls a message costs: strace counts them. Where it depends on who is faster, the program
//! is stopped until everything that it is to do is there.

mod rig;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::fd::AsFd;
use std::process::Stdio;
use std::thread;

use fivetuple::kernel::queue::unacknowledged;
use rig::{Attached, Running, connect, eventually, ft, has, listener, patient, rest};
use rustix::process::Signal;

/// What receives and what sends. The event loop reads its own wake-ups, if anything.
const MOVING: [&str; 6] = ["recvfrom", "recvmsg", "read", "sendto", "sendmsg", "splice"];

fn relay(destination: &str) -> (Running, SocketAddr) {
    let mut command = ft();
    command.args(["relay", "127.0.0.1:0", destination]);
    command.stdin(Stdio::null()).stdout(Stdio::null());
    Running::listen_as(&mut command)
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
    let counting = Attached::counting(server.child.id());
    server.signal(Signal::CONT);
    for client in &mut clients {
        let mut back = [0; 64];
        client.read_exact(&mut back).expect("it comes back");
        assert_eq!(back, [7; 64]);
    }
    rest(server.child.id());
    let calls = counting.leave();
    assert_eq!(calls.sum(&MOVING), 2 * CLIENTS as u64, "{}", calls.0);
    drop(clients);
    assert_eq!(server.stop().status, 0);
}

/// A source that is slower than the relay is copied; over several connections it never is that all the
/// time.
#[test]
fn exclusive_bulk_through_a_relay_is_spliced_and_costs_few_calls() {
    const CONNECTIONS: usize = 8;
    const BULK: usize = 32 << 20;
    if !has("strace") {
        return;
    }
    let (listener, destination) = listener();
    let (relay, address) = relay(&destination);
    let counting = Attached::counting(relay.child.id());
    for _ in 0..CONNECTIONS {
        let mut client = connect(address);
        let mut server = patient(listener.accept().expect("the relay calls").0);
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
    }
    let calls = counting.leave();
    let pieces = (CONNECTIONS * BULK / (64 * 1024)) as u64;
    let all = calls.sum(&["recvfrom", "sendto", "sendmsg", "splice"]);
    let is_spliced = calls.of("splice") > 0 && calls.of("recvfrom") <= pieces / 2;
    assert!(
        all <= 3 * pieces && is_spliced,
        "{pieces} pieces of 64 KiB:\n{}",
        calls.0
    );
    assert_eq!(relay.stop().status, 0);
}

/// Each fills the buffer that it is read into, as bulk does; but then there is nothing.
#[test]
fn messages_of_one_buffer_through_a_relay_borrow_no_pipe() {
    const MESSAGES: usize = 32;
    if !has("strace") {
        return;
    }
    let (listener, destination) = listener();
    let (relay, address) = relay(&destination);
    let mut client = connect(address);
    let mut server = patient(listener.accept().expect("the relay calls").0);
    let counting = Attached::counting(relay.child.id());
    let mut message = vec![9; fivetuple::transfer::SCRATCH];
    for _ in 0..MESSAGES {
        client.write_all(&message).expect("it is taken");
        server.read_exact(&mut message).expect("it arrives");
        server.write_all(&message).expect("it is taken");
        client.read_exact(&mut message).expect("it comes back");
    }
    let calls = counting.leave();
    assert_eq!(calls.sum(&["splice", "pipe2"]), 0, "{}", calls.0);
    drop((client, server));
    assert_eq!(relay.stop().status, 0);
}

#[test]
fn a_member_of_a_hub_is_sent_all_that_is_new_with_one_call() {
    const MEMBERS: usize = 8;
    const LINES: usize = 64;
    if !has("strace") {
        return;
    }
    let (mut server, address) = Running::listen(&["127.0.0.1:0", "hub"]);
    let mut sender = connect(address);
    let join = || BufReader::new(connect(address));
    let mut members: Vec<BufReader<TcpStream>> = (0..MEMBERS).map(|_| join()).collect();
    // All are in the room: each is accepted, and said so.
    for _ in 0..=MEMBERS {
        server.wait_for("accepted");
    }
    server.freeze();
    for number in 0..LINES {
        let line = format!("line {number}\n");
        sender.write_all(line.as_bytes()).expect("it is taken");
    }
    eventually("all of them are there", || {
        unacknowledged(sender.as_fd()).expect("a socket") == 0
    });
    let counting = Attached::counting(server.child.id());
    server.signal(Signal::CONT);
    let mut line = String::new();
    for member in &mut members {
        for number in 0..LINES {
            line.clear();
            member.read_line(&mut line).expect("it is open");
            assert_eq!(line, format!("line {number}\n"));
        }
    }
    rest(server.child.id());
    let calls = counting.leave();
    assert_eq!(calls.of("sendmsg"), MEMBERS as u64, "{}", calls.0);
    drop((sender, members));
    assert_eq!(server.stop().status, 0);
}
