//! The values of options that are a limit: times above nothing, counts, the name of an interface.
//!
//! As in [`super::values`], what is wrong is one sentence that does not repeat the value.

use std::str::FromStr;
use std::time::Duration;

use super::values::{DurationOrNever, duration, duration_or_never, not_negative};

/// The longest name of an interface, in bytes (`IFNAMSIZ` less the zero at its end).
const INTERFACE_MAX: usize = 15;
/// What listen(2) can be given; the kernel lowers it to `net.core.somaxconn`.
const BACKLOG_MAX: u32 = i32::MAX.unsigned_abs();

/// Reads a time after which something ends.
pub(super) fn time(text: &str) -> Result<Duration, String> {
    match duration(text)? {
        Duration::ZERO => Err(
            "a limit of no time ends everything at once: write a longer time, such as 10s".into(),
        ),
        time => Ok(time),
    }
}

/// Reads a time after which something ends, or `never`.
pub(super) fn time_or_never(text: &str) -> Result<DurationOrNever, String> {
    match duration_or_never(text)? {
        DurationOrNever::After(Duration::ZERO) => {
            Err("a limit of no time ends everything at once: write never for no limit".into())
        }
        time => Ok(time),
    }
}

/// Reads how many connections there may be.
pub(super) fn count(text: &str) -> Result<u64, String> {
    positive(text, &u64::MAX)
}

/// Reads how many connections one address may have.
pub(super) fn count_of_ip(text: &str) -> Result<u32, String> {
    positive(text, &u32::MAX)
}

/// Reads how many messages are kept for who joins.
pub(super) fn messages(text: &str) -> Result<u64, String> {
    number(text, &u64::MAX)
}

fn positive<N: FromStr + Default + PartialEq + std::fmt::Display>(
    text: &str,
    max: &N,
) -> Result<N, String> {
    let count: N = number(text, max)?;
    if count == N::default() {
        return Err("nobody could connect: write at least 1".to_owned());
    }
    Ok(count)
}

/// Reads the mode of a file: octal, as chmod(1) takes it.
pub(super) fn mode(text: &str) -> Result<u32, String> {
    match u32::from_str_radix(text, 8) {
        Ok(mode) if mode <= 0o777 => Ok(mode),
        _ => Err("a mode is three octal digits, such as 0660".to_owned()),
    }
}

/// Reads the number for listen(2).
pub(super) fn backlog(text: &str) -> Result<u32, String> {
    let backlog = number(text, &BACKLOG_MAX)?;
    if backlog > BACKLOG_MAX {
        return Err(format!("the largest number is {BACKLOG_MAX}"));
    }
    Ok(backlog)
}

fn number<N: FromStr + std::fmt::Display>(text: &str, max: &N) -> Result<N, String> {
    not_negative(text)?;
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err("not a number: write a whole number such as 100".to_owned());
    }
    text.parse()
        .map_err(|_| format!("the largest number is {max}"))
}

/// Reads the name of an interface; whether there is such an interface, the kernel says.
pub(super) fn interface(text: &str) -> Result<String, String> {
    let forbidden =
        |byte: u8| byte == b'/' || byte.is_ascii_whitespace() || byte.is_ascii_control();
    if text.is_empty() || text.len() > INTERFACE_MAX || text.bytes().any(forbidden) {
        return Err(format!(
            "not the name of an interface: it has 1 to {INTERFACE_MAX} characters, such as eth0"
        ));
    }
    Ok(text.to_owned())
}
