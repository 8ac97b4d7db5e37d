//! The echo service (RFC 862): everything comes back.

use crate::service::{DatagramExchange, Reply};
use crate::transfer::{Exchange, Outgoing};

/// Sends back what it receives. While the peer does not take it, nothing more is received.
#[derive(Clone, Copy, Debug, Default)]
pub struct Echo;

impl Exchange for Echo {
    fn received(&mut self, bytes: &[u8], reply: &mut Outgoing<'_>) {
        reply.send(bytes);
    }
}

impl DatagramExchange for Echo {
    fn received(&mut self, datagram: &[u8], reply: &Reply) {
        reply.send(datagram);
    }
}
