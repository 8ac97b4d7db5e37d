//! The active road on one page: socket → connect → transfer → close.
//!
//! Before it: everything.

use std::sync::Arc;

use crate::address::Address;
use crate::close::Closed;
use crate::connect::{self, ConnectOptions, NotConnected};
use crate::event::Observers;
use crate::service::Service;
use crate::transfer::Terms;

/// Connects, does with the connection what `service` says, closes it.
///
/// # Errors
///
/// [`NotConnected`]. Once there is a connection, its own end says how it went: [`Closed`].
pub async fn call<S: Service>(
    target: &Address,
    options: &ConnectOptions,
    terms: Terms,
    (service, observers): (&S, &Observers),
) -> Result<Closed, NotConnected> {
    let connection = connect::open(target, options, observers).await?;
    Ok(service.serve(connection, &Arc::new(terms)).await)
}
