//! The discard service (RFC 863): everything is thrown away.

use crate::service::{DatagramExchange, Reply};
use crate::transfer::{Exchange, Intake, Outgoing};

/// Receives and forgets.
#[derive(Clone, Copy, Debug, Default)]
pub struct Discard;

impl Exchange for Discard {
    fn received(&mut self, _bytes: &[u8], _reply: &mut Outgoing<'_>) {}

    fn intake(&self) -> Intake<'_> {
        Intake::Nothing
    }
}

impl DatagramExchange for Discard {
    fn received(&mut self, _datagram: &[u8], _reply: &Reply) {}
}
