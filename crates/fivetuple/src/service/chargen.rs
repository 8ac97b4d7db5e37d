//! The character generator (RFC 864): lines of 72 printing characters, each line shifted by one,
//! as fast as the client reads, until it ends the connection; over UDP 0 to 512 of these characters
//! for each datagram.

use std::task::{Context, Poll};

use crate::close::Close;
use crate::service::{DatagramExchange, Reply};
use crate::transfer::{Exchange, Intake, Outgoing, SCRATCH, Supply};

const FIRST: u8 = b' ';
const PRINTING: usize = 95;
const COLUMNS: usize = 72;
/// The longest answer to a datagram.
const ANSWER_MAX: u64 = 512;
/// Columns, CR, LF.
const LINE: usize = COLUMNS + 2;

/// One full turn: as many lines as there are printing characters.
static TURN: [u8; LINE * PRINTING] = turn();

const fn turn() -> [u8; LINE * PRINTING] {
    let mut bytes = [0; LINE * PRINTING];
    let mut at = 0;
    while at < bytes.len() {
        let (line, column) = (at / LINE, at % LINE);
        bytes[at] = match column {
            0..COLUMNS => FIRST + ((line + column) % PRINTING) as u8,
            COLUMNS => b'\r',
            _ => b'\n',
        };
        at += 1;
    }
    bytes
}

/// Sends the pattern and throws away what it receives.
#[derive(Clone, Copy, Debug, Default)]
pub struct Chargen;

impl Exchange for Chargen {
    fn received(&mut self, _bytes: &[u8], _reply: &mut Outgoing<'_>) {}

    fn intake(&self) -> Intake<'_> {
        Intake::Nothing
    }

    fn poll_room(&mut self, _cx: &mut Context<'_>, _unsent: usize) -> Poll<Result<usize, Close>> {
        Poll::Ready(Ok(SCRATCH))
    }

    fn poll_supply(&mut self, _cx: &mut Context<'_>, out: &mut Outgoing<'_>) -> Poll<Supply> {
        out.send(&TURN);
        Poll::Ready(Supply::More)
    }
}

impl DatagramExchange for Chargen {
    /// A random number of characters, as RFC 864 has it, out of what the peer may be sent.
    fn received(&mut self, _datagram: &[u8], reply: &Reply) {
        let most = reply.credit().min(ANSWER_MAX);
        let length = usize::try_from(fastrand::u64(0..=most)).unwrap_or_default();
        let first_line = LINE * fastrand::usize(0..PRINTING / 2);
        let answer = TURN.get(first_line..first_line + length);
        reply.send(answer.unwrap_or_default());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_shifted_by_one_and_the_turn_closes() {
        let text = std::str::from_utf8(&TURN).unwrap();
        let lines: Vec<&str> = text.split_terminator("\r\n").collect();
        assert_eq!(lines.len(), PRINTING);
        assert_eq!(
            lines[0],
            " !\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefg"
        );
        for (above, below) in lines.iter().zip(lines.iter().cycle().skip(1)) {
            assert_eq!(above[1..], below[..COLUMNS - 1]);
        }
    }
}
