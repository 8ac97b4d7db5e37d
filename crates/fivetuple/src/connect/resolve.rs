//! From a name to addresses, off the event loop and with a deadline.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::timeout;

use super::ConnectOptions;
use crate::address::{Address, AddressError, Family, Resolution, SocketName};
use crate::call::{Explained, ResolveError};
use crate::kernel::resolve::lookup;

/// Looks a name up (getaddrinfo(3): hosts file, DNS, whatever the system is set up for).
///
/// The blocking call has a thread of its own that nobody waits for, so neither the event loop nor
/// the end of the program is held up by a resolver that is silent.
///
/// # Errors
///
/// [`ResolveError`]: no such name, no answer in time, no address of that family.
pub async fn resolve(
    name: &str,
    port: u16,
    family: Option<Family>,
    within: Duration,
) -> Result<Vec<SocketAddr>, ResolveError> {
    let (answer, answered) = oneshot::channel();
    let asked = name.to_owned();
    let spawned = std::thread::Builder::new()
        .name("resolve".into())
        .spawn(move || {
            // The asker may have given up.
            let _ = answer.send(lookup(&asked, family));
        });
    if spawned.is_err() {
        return Err(ResolveError::timed_out(name, Duration::ZERO));
    }
    match timeout(within, answered).await {
        Ok(Ok(Ok(addresses))) => Ok(addresses
            .into_iter()
            .map(|mut address| {
                address.set_port(port);
                address
            })
            .collect()),
        Ok(Ok(Err(failure))) => Err(ResolveError::new(name, failure)),
        Ok(Err(_)) | Err(_) => Err(ResolveError::timed_out(name, within)),
    }
}

/// The addresses to call for a target, in the order of preference.
pub(crate) async fn calling_names(
    target: &Address,
    options: &ConnectOptions,
) -> Result<Vec<SocketName>, NoAddresses> {
    let source = options.source.as_ref().map(Family::of);
    let family = options.family.or(source);
    let place = match target {
        Address::Tcp(place) | Address::Udp(place) => place,
        Address::Unix(address) => return Ok(vec![address.clone().into()]),
    };
    let addresses = match place.calling_addresses(family)? {
        Resolution::Known(addresses) => addresses,
        Resolution::Ask(name) => resolve(name, place.port, family, options.connect_timeout).await?,
    };
    Ok(addresses.into_iter().map(SocketName::Inet).collect())
}

/// The names to listen under for this address.
///
/// # Errors
///
/// [`NoAddresses`]: the family excludes all of them, or the name has none.
pub async fn listening_names(
    address: &Address,
    family: Option<Family>,
    within: Duration,
) -> Result<Vec<SocketName>, NoAddresses> {
    let place = match address {
        Address::Tcp(place) | Address::Udp(place) => place,
        Address::Unix(address) => return Ok(vec![address.clone().into()]),
    };
    let addresses = match place.listening_addresses(family)? {
        Resolution::Known(addresses) => addresses,
        Resolution::Ask(name) => resolve(name, place.port, family, within).await?,
    };
    Ok(addresses.into_iter().map(SocketName::Inet).collect())
}

/// Why an address gives no addresses to call or to listen on.
#[derive(Clone, Debug, thiserror::Error)]
pub enum NoAddresses {
    /// It says nothing that could be used so.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// The name has no addresses.
    #[error(transparent)]
    Resolve(#[from] ResolveError),
}

impl NoAddresses {
    /// The call that failed, with what is known about it.
    pub fn explained(&self) -> Option<&dyn Explained> {
        match self {
            Self::Address(_) => None,
            Self::Resolve(error) => Some(error),
        }
    }
}
