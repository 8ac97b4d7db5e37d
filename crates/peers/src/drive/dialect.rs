//! What the members of a hub say and hear: lines, or the text protocol of NATS.
//!
//! In both, what is sent and what is to arrive are streams that repeat, so that a member checks every
//! byte that it receives by comparing.

/// Lines until the streams repeat; more than any member may be behind.
pub const LINES: usize = 16 * 1024;

/// The length of a line with its newline.
pub const LINE: usize = 64;

/// The subject that NATS passes lines on by.
const SUBJECT: &str = "s";

/// The last line before the ones that count.
pub const GO: [u8; LINE] = probe(b'g');

/// A line that tells a member that it is there.
pub const PROBE: [u8; LINE] = probe(b'p');

const fn probe(letter: u8) -> [u8; LINE] {
    let mut line = [letter; LINE];
    line[LINE - 1] = b'\n';
    line
}

/// How the members of a hub talk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// A line is a line.
    Lines,
    /// The text protocol of NATS: PUB and MSG around each line.
    Nats,
}

/// The streams of a dialect.
#[derive(Debug)]
pub struct Text {
    /// What is sent, again and again.
    pub outgoing: Vec<u8>,
    /// What arrives for it.
    pub incoming: Vec<u8>,
}

impl Text {
    /// The streams of this dialect.
    pub fn new(dialect: Dialect) -> Self {
        let mut text = Self {
            outgoing: Vec::new(),
            incoming: Vec::new(),
        };
        for number in 0..LINES {
            let line = format!("{number:063}\n");
            match dialect {
                Dialect::Lines => {
                    text.outgoing.extend_from_slice(line.as_bytes());
                    text.incoming.extend_from_slice(line.as_bytes());
                }
                Dialect::Nats => {
                    let sent = format!("PUB {SUBJECT} {LINE}\r\n{line}\r\n");
                    let received = format!("MSG {SUBJECT} 1 {LINE}\r\n{line}\r\n");
                    text.outgoing.extend_from_slice(sent.as_bytes());
                    text.incoming.extend_from_slice(received.as_bytes());
                }
            }
        }
        text
    }

    /// The length of one line as it is sent.
    pub fn sent_length(&self) -> usize {
        Self::length_of_one(&self.outgoing)
    }

    /// The length of one line as it arrives.
    pub fn received_length(&self) -> usize {
        Self::length_of_one(&self.incoming)
    }

    /// The length of one line in a stream of all of them.
    pub fn length_of_one(stream: &[u8]) -> usize {
        stream.len() / LINES
    }
}

/// What a member says first to be one, and the last of what it hears then; lines need nothing.
pub fn greeting(receives: bool) -> Vec<u8> {
    let subscribe = format!("SUB {SUBJECT} 1\r\n");
    let subscribe = if receives { subscribe.as_str() } else { "" };
    format!("CONNECT {{\"verbose\":false}}\r\n{subscribe}PING\r\n").into_bytes()
}

/// How NATS ends its answer to the greeting.
pub const GREETED: &[u8] = b"PONG\r\n";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_repeat_after_as_many_lines() {
        for dialect in [Dialect::Lines, Dialect::Nats] {
            let text = Text::new(dialect);
            assert_eq!(text.outgoing.len(), LINES * text.sent_length());
            assert_eq!(text.incoming.len(), LINES * text.received_length());
        }
        assert_eq!(Text::new(Dialect::Lines).received_length(), LINE);
    }
}
