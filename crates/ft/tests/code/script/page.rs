//! http: a greeting. `ft` serves it as the index of its folder.

use std::io::Read;
use std::process::Command;

use super::{Stage, Transcript, shown};
use crate::code::wire::Wire;
use crate::rig::{has, run};

pub(crate) fn http(mut stage: Stage) -> Transcript {
    let get = |more: &str| format!("GET / HTTP/1.1\r\nHost: here\r\n{more}\r\n").into_bytes();
    // One connection for all of these.
    let mut wire = stage.client();
    stage.is_vague();
    let asked = [
        get(""),
        get("X: y\r\n"),
        b"HEAD / HTTP/1.1\r\nHost: here\r\n\r\n".to_vec(),
    ];
    for request in asked {
        wire.say(&request);
        let answer = answer(&mut wire, request.starts_with(b"HEAD"));
        stage.note(answer);
    }
    wire.say(&[get(""), get("Connection: close\r\n")].concat());
    for _ in 0..2 {
        let answer = answer(&mut wire, false);
        stage.note(answer);
    }
    let (rest, end) = wire.rest();
    stage.note(format!("{}, then {end}", shown(&rest)));
    drop(wire);
    stage.closed(1);
    for request in ["GET / HTTP/1.0\r\n\r\n", "NONSENSE\r\n\r\n"] {
        let mut wire = stage.client();
        stage.is_vague();
        wire.say(request.as_bytes());
        let answer = answer(&mut wire, false);
        let (_, end) = wire.rest();
        stage.note(format!("{request:?}: {answer}, then {end}"));
        drop(wire);
        stage.closed(1);
    }
    let post = b"POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 0\r\n\r\n".to_vec();
    let long = |length| get(&format!("X: {}\r\n", "y".repeat(length)));
    for (what, request) in [
        ("POST", post),
        ("a long head", long(15_000)),
        ("a longer one", long(20_000)),
    ] {
        let mut wire = stage.client();
        stage.is_vague();
        wire.say(&request);
        let answer = answer(&mut wire, false);
        let status = answer.split(": ").next().unwrap_or_default();
        stage.note(format!("{what}: {status}"));
        drop(wire);
        stage.closed(1);
    }
    of_curl(&mut stage);
    // An idle connection ends at once.
    let mut wire = stage.client();
    stage.is_vague();
    wire.say(&get(""));
    let greeting = answer(&mut wire, false);
    stage.refuse_more();
    let (rest, end) = wire.rest();
    stage.note(format!("{greeting}, then {}, then {end}", shown(&rest)));
    drop(wire);
    stage.closed(1);
    stage.wait()
}

/// The status and the body of the next answer; there is no body to HEAD.
fn answer(wire: &mut Wire, is_head: bool) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.extend(wire.hear(1));
    }
    let head = String::from_utf8(head).expect("it is text").to_lowercase();
    let status: Vec<&str> = head.split(' ').take(2).collect();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length:"))
        .map_or(0, |length| length.trim().parse().expect("a number"));
    let mut body = vec![0; if is_head { 0 } else { length }];
    wire.read_exact(&mut body).expect("the body comes");
    let body = if status[1] == "200" {
        shown(&body)
    } else {
        String::new()
    };
    format!("{}: {body}", status[1])
}

fn of_curl(stage: &mut Stage) {
    let crate::program::Place::Tcp(address) = stage.places[0] else {
        return;
    };
    if !has("curl") {
        return;
    }
    let output = run(
        Command::new("curl").args(["-s", &format!("http://{address}/")]),
        b"",
    );
    stage.note(format!("curl: {}", shown(&output.stdout)));
    stage.accepted(1);
    stage.is_vague();
    stage.closed(1);
}
