//! The floors are correct programs: a peer that reads slowly gets every byte, and one that has
//! finished is answered to the end.

mod rig;

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::thread;

use peers::contender::{Recipe, recipes};

/// More than all buffers on the way together take, so that sends are cut short.
const BYTES: usize = 48 << 20;

fn text() -> Vec<u8> {
    (0..BYTES as u32)
        .flat_map(|at| [(at % 251) as u8])
        .collect()
}

/// Sends everything before anything is read, finishes, and reads to the end of the stream.
fn answers_a_slow_reader(port: u16) {
    let text = text();
    let mut reading = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let mut sending = reading.try_clone().unwrap();
    thread::scope(|scope| {
        let sender = scope.spawn(|| {
            sending.write_all(&text).unwrap();
            sending.shutdown(Shutdown::Write).unwrap();
        });
        // Half of it is read when nothing more can be sent, the rest when the sender has finished.
        rig::wait_until_full(&reading);
        let mut answer = vec![0; BYTES / 2];
        reading.read_exact(&mut answer).unwrap();
        reading.read_to_end(&mut answer).unwrap();
        sender.join().unwrap();
        assert!(
            answer == text,
            "{} bytes came back, or other ones",
            answer.len()
        );
    });
}

fn a_floor_of_echo_is_correct(recipe: &Recipe) {
    let harness = rig::harness();
    let server = harness.start(recipe, 0, None).unwrap();
    answers_a_slow_reader(server.port());
    // It goes on afterwards.
    answers(server.port());
}

fn answers(port: u16) {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.write_all(b"hello").unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    assert_eq!(answer, b"hello");
}

#[test]
fn the_bare_epoll_echo_answers_a_slow_reader_to_the_end() {
    a_floor_of_echo_is_correct(&recipes::EPOLL_ECHO);
}

#[test]
fn the_plain_tokio_echo_answers_a_slow_reader_to_the_end() {
    a_floor_of_echo_is_correct(&recipes::TOKIO_ECHO);
}

#[test]
fn the_bare_epoll_relay_passes_on_every_byte_and_each_end_of_stream() {
    let harness = rig::harness();
    let echo = harness.start(&recipes::EPOLL_ECHO, 0, None).unwrap();
    let relay = harness
        .start(&recipes::EPOLL_RELAY, echo.port(), None)
        .unwrap();
    answers_a_slow_reader(relay.port());
    answers(relay.port());
}

#[test]
fn the_bare_epoll_relay_closes_a_client_whose_destination_is_not_there() {
    let harness = rig::harness();
    let nobody = peers::process::free_port().unwrap();
    let relay = harness.start(&recipes::EPOLL_RELAY, nobody, None).unwrap();
    let mut stream = TcpStream::connect(("127.0.0.1", relay.port())).unwrap();
    let ended = stream.read(&mut [0; 16]);
    assert!(matches!(ended, Ok(0) | Err(_)), "{ended:?}");
}
