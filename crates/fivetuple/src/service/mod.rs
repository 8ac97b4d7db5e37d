//! What is done with a connection: one file per service.
//!
//! Before this module: [`crate::transfer`], which moves the bytes. After it: [`crate::server`] and
//! [`crate::client`], which bring connections. A service of your own is a closure that makes an
//! [`Exchange`] for each connection:
//!
//! ```
//! use fivetuple::{Exchange, Outgoing};
//!
//! struct Shout;
//!
//! impl Exchange for Shout {
//!     fn received(&mut self, bytes: &[u8], reply: &mut Outgoing<'_>) {
//!         reply.send(&bytes.to_ascii_uppercase());
//!     }
//! }
//!
//! let service = |_: &fivetuple::Identity| Shout;
//! # fn is_service(_: impl fivetuple::Service) {}
//! # is_service(service);
//! ```

mod chargen;
mod chat;
mod datagram;
mod daytime;
mod digest;
mod discard;
mod echo;
#[cfg(feature = "exec")]
mod exec;
#[cfg(feature = "http")]
mod http;
mod hub;
mod losses;
mod receive;
mod relay;
mod send;
mod source;
mod terminal;
mod time;

use std::future::Future;
use std::sync::Arc;

use crate::close::Closed;
use crate::connection::Connection;
use crate::event::Identity;
use crate::transfer::{Exchange, Terms, Transfer};

pub use chargen::Chargen;
pub use chat::Chat;
pub(crate) use datagram::Ending;
pub use datagram::{CREDIT_EACH, DatagramExchange, DatagramService, Replies, Reply};
pub use daytime::{Daytime, daytime};
pub use digest::{Digest, Digesting};
pub use discard::Discard;
pub use echo::Echo;
#[cfg(feature = "exec")]
pub use exec::{Data, Exec, ExecOptions, Stderr};
#[cfg(feature = "http")]
pub use http::{Http, HttpOptions};
pub use hub::{Console, Hub, HubOptions, Messages};
pub use receive::{Destination, PARTIAL, ReceiveFile, Received};
pub use relay::{REST, Relay};
pub use send::{SendFile, Sent};
pub use source::Source;
#[cfg(feature = "load")]
pub(crate) use source::{COPIED_MAX, ZEROS_LENGTH, zeros};
pub use terminal::{Input, Output, OutputEnd, Slow, Terminal, WhenGone};
pub use time::{Time, time};

/// What is done with each connection.
///
/// Every `Fn(&Identity) -> impl Exchange` is a service. Implement the trait itself for what wants
/// the whole connection.
pub trait Service: Send + Sync + 'static {
    /// Does it, on a task of its own. A panic in it ends this connection only.
    fn serve(
        &self,
        connection: Connection,
        terms: &Arc<Terms>,
    ) -> impl Future<Output = Closed> + Send + 'static;

    /// Descriptors that one connection needs, its socket included.
    fn descriptors(&self) -> u64 {
        1
    }

    /// The server was told to stop: a connection that waits for more work ends now. Connections
    /// that come after this were queued before it.
    fn drain(&self) {}
}

impl<F, E> Service for F
where
    F: Fn(&Identity) -> E + Send + Sync + 'static,
    E: Exchange + Unpin + 'static,
{
    fn serve(
        &self,
        connection: Connection,
        terms: &Arc<Terms>,
    ) -> impl Future<Output = Closed> + Send + 'static {
        let exchange = self(connection.identity());
        Transfer::new(connection, exchange, terms)
    }
}
