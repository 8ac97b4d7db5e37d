//! The daytime service (RFC 867): one line for people, then our end of the stream; over UDP a line
//! for each datagram, whatever it says.

use std::task::{Context, Poll};

use jiff::Zoned;

use crate::service::{DatagramExchange, Reply};
use crate::transfer::{Exchange, Outgoing, Supply};

/// The line for this moment, in the form that RFC 867 proposes: `Weekday, Month Day, Year
/// Time-Zone`, ended by CR LF.
pub fn daytime(now: &Zoned) -> String {
    now.strftime("%A, %B %-d, %Y %H:%M:%S-%Z\r\n").to_string()
}

/// Sends the local date and time and finishes sending.
#[derive(Clone, Copy, Debug, Default)]
pub struct Daytime {
    sent: bool,
}

impl Exchange for Daytime {
    fn received(&mut self, _bytes: &[u8], _reply: &mut Outgoing<'_>) {}

    fn poll_supply(&mut self, _cx: &mut Context<'_>, out: &mut Outgoing<'_>) -> Poll<Supply> {
        if !self.sent {
            self.sent = true;
            out.send_last(daytime(&Zoned::now()).as_bytes());
        }
        Poll::Ready(Supply::Ended)
    }
}

impl DatagramExchange for Daytime {
    fn received(&mut self, _datagram: &[u8], reply: &Reply) {
        reply.send(daytime(&Zoned::now()).as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_is_that_of_rfc_867() {
        let now = jiff::civil::date(1982, 2, 22).at(17, 37, 43, 0);
        let now = now.to_zoned(jiff::tz::TimeZone::UTC).unwrap();
        assert_eq!(daytime(&now), "Monday, February 22, 1982 17:37:43-UTC\r\n");
    }
}
