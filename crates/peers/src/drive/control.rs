//! Lines of the protocol of NATS that are not messages.

/// What a member does about a line that is not a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Control {
    /// Nothing.
    Ignore,
    /// It is to answer `PONG`.
    Answer,
    /// The server has refused something.
    Refused,
    /// The line is none that the protocol has here.
    Unknown,
}

/// Reads a line of NATS that is not a message.
pub fn control(line: &[u8]) -> Control {
    let word = line.split(|byte| matches!(byte, b' ' | b'\r')).next();
    match word.unwrap_or_default() {
        b"PING" => Control::Answer,
        b"INFO" | b"+OK" | b"PONG" => Control::Ignore,
        b"-ERR" => Control::Refused,
        _ => Control::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_lines_are_told_apart() {
        assert_eq!(control(b"PING\r\n"), Control::Answer);
        assert_eq!(control(b"INFO {\"a\":1}\r\n"), Control::Ignore);
        assert_eq!(control(b"-ERR 'Slow Consumer'\r\n"), Control::Refused);
        assert_eq!(control(b"MSG s 1 64\r\n"), Control::Unknown);
        assert_eq!(control(b""), Control::Unknown);
    }
}
