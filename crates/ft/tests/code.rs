//! `ft code`: every program that it writes does what `ft` itself does.
//!
//! A test for each language and model; in it, service by service, the program and `ft` have the same
//! clients, and what these see, what is said on stderr and the status are equal.

#[path = "code/mod.rs"]
mod code;
mod datagram;
mod program;
mod rig;

use code::cell::{Cell, bounded, datagrams, streams};
use code::hold::{hold, hold_itself, sampled};
use code::special;
use code::tongue::tongue;

/// Everything beyond the services over TCP.
fn more() -> Vec<Cell> {
    let parts = [
        streams("unix"),
        bounded(),
        datagrams(),
        special::clients("tcp"),
        special::clients("unix"),
        special::datagram_client(),
        special::options(),
        special::client_options(),
        special::failures(),
        special::lost_relay(),
        special::slow_relays(),
    ];
    parts.into_iter().flatten().collect()
}

/// The services over TCP, and a sample of all else.
fn equals_ft(language: &str, model: &str) {
    let name = format!("{language} --model {model}");
    let mut cells = streams("tcp");
    cells.extend(sampled(&name, more(), 4));
    hold(tongue(language, model), &cells);
}

/// What the scripts see of `ft` is the same each time; otherwise they could hold nobody to it.
#[test]
fn ft_equals_ft() {
    let mut cells = streams("tcp");
    cells.extend(more());
    hold_itself(&cells);
}

#[test]
fn c_with_poll_equals_ft() {
    equals_ft("c", "poll");
}

#[test]
fn c_with_threads_equals_ft() {
    equals_ft("c", "threads");
}

#[test]
fn c_with_epoll_equals_ft() {
    equals_ft("c", "epoll");
}

#[test]
fn go_equals_ft() {
    equals_ft("go", "goroutines");
}

#[test]
fn java_17_equals_ft() {
    equals_ft("java", "pool");
}

#[test]
fn java_21_equals_ft() {
    equals_ft("java", "virtual");
}

#[test]
fn javascript_equals_ft() {
    equals_ft("javascript", "events");
}

#[test]
fn python_with_asyncio_equals_ft() {
    equals_ft("python", "asyncio");
}

#[test]
fn python_with_threads_equals_ft() {
    equals_ft("python", "threads");
}

#[test]
fn python_with_selectors_equals_ft() {
    equals_ft("python", "selectors");
}

#[test]
fn rust_with_threads_equals_ft() {
    equals_ft("rust", "threads");
}

#[test]
fn rust_with_tokio_equals_ft() {
    equals_ft("rust", "tokio");
}
