//! `ft`: open a port, call it, and see every connection.

mod explain;

use std::io::Write;
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut words = std::env::args().skip(1);
    let text = match (words.next().as_deref(), words.next()) {
        (Some("explain"), Some(word)) => match explain::lookup(&word) {
            Ok(topic) => explain::render(topic, 80),
            Err(explain::Unknown {
                nearest: Some(name),
            }) => format!("did you mean {name}?\n"),
            Err(_) => return ExitCode::from(2),
        },
        _ => explain::index(80),
    };
    match std::io::stdout().write_all(text.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}
