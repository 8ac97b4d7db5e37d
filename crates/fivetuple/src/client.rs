//! The active road on one page: socket → connect → transfer → close.
//!
//! Before it: everything.

use std::sync::Arc;

use crate::address::Address;
use crate::close::Closed;
use crate::connect::{self, ConnectOptions, NotConnected};
use crate::connection::{Connection, Live};
use crate::event::Observers;
use crate::service::Service;
use crate::transfer::Terms;

/// How to call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientOptions {
    /// How to connect.
    pub connect: ConnectOptions,
    /// When the connection ends.
    pub terms: Terms,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            connect: ConnectOptions::default(),
            terms: Terms::CLIENT,
        }
    }
}

/// A client that has reached its server.
#[derive(Debug)]
pub struct Client {
    connection: Connection,
    terms: Arc<Terms>,
}

impl Client {
    /// Connects to whoever this address means.
    ///
    /// # Errors
    ///
    /// [`NotConnected`]: why the last try failed.
    pub async fn open(
        target: &Address,
        options: &ClientOptions,
        observers: &Observers,
    ) -> Result<Self, NotConnected> {
        let connection = connect::open(target, &options.connect, observers).await?;
        Ok(Self {
            connection,
            terms: Arc::new(options.terms.clone()),
        })
    }

    /// Identity and counters, to be looked at while it is served.
    pub fn live(&self) -> &Arc<Live> {
        self.connection.live()
    }

    /// Does with the connection what `service` says, to its end; that is how it went.
    pub async fn serve<S: Service>(self, service: &S) -> Closed {
        service.serve(self.connection, &self.terms).await
    }
}
