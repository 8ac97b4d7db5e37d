//! The time service (RFC 868): four bytes, seconds since 1900 UTC, most significant byte first.

use std::task::{Context, Poll};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::service::{DatagramExchange, Reply};
use crate::transfer::{Exchange, Outgoing, Supply};

/// From the first second of 1900 to that of 1970: 70 years with 17 leap days.
const SECONDS_1900_TO_1970: u64 = (70 * 365 + 17) * 24 * 60 * 60;

/// The four bytes for this moment. They wrap on 7 February 2036, as RFC 868 has it.
pub fn time(now: SystemTime) -> [u8; 4] {
    let since_1970 = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let [_, _, _, _, low @ ..] = (since_1970 + SECONDS_1900_TO_1970).to_be_bytes();
    low
}

/// Sends the time and finishes sending.
#[derive(Clone, Copy, Debug, Default)]
pub struct Time {
    sent: bool,
}

impl Exchange for Time {
    fn received(&mut self, _bytes: &[u8], _reply: &mut Outgoing<'_>) {}

    fn poll_supply(&mut self, _cx: &mut Context<'_>, out: &mut Outgoing<'_>) -> Poll<Supply> {
        if !self.sent {
            self.sent = true;
            out.send_last(&time(SystemTime::now()));
        }
        Poll::Ready(Supply::Ended)
    }
}

impl DatagramExchange for Time {
    fn received(&mut self, _datagram: &[u8], reply: &Reply) {
        reply.send(&time(SystemTime::now()));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_examples_of_rfc_868_hold() {
        assert_eq!(u32::from_be_bytes(time(UNIX_EPOCH)), 2_208_988_800);
        let later = UNIX_EPOCH + Duration::from_secs(2_524_521_600 - 2_208_988_800);
        assert_eq!(u32::from_be_bytes(time(later)), 2_524_521_600);
    }
}
