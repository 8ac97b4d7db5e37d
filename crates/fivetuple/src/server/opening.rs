//! A socket for each address that is to be listened on: all of them, or none.

use std::time::Duration;

use super::NotListening;
use crate::address::{Address, Family, Host, SocketName};
use crate::bind::Bound;
use crate::connect::listening_names;

/// How long a name may take to become addresses to listen on.
const RESOLVE_WITHIN: Duration = Duration::from_secs(10);
/// Ports tried until one that the system chose is free in both families.
const SAME_PORT_TRIES: usize = 16;

/// Binds a socket for each address, then `finish`es all.
pub(super) async fn open_each<T>(
    (address, family): (&Address, Option<Family>),
    bind: impl Fn(SocketName) -> Result<Bound, NotListening>,
    finish: impl Fn(Bound) -> Result<T, NotListening>,
) -> Result<Vec<T>, NotListening> {
    let names = listening_names(address, family, RESOLVE_WITHIN).await?;
    let place = address.host_port();
    // A family that was not asked for by name may be missing.
    let any_family =
        place.is_some_and(|place| matches!(place.host, Host::Here | Host::Omitted | Host::Any));
    let open = || -> Result<Vec<T>, NotListening> {
        let bound = bind_all(&names, any_family, &bind)?;
        bound.into_iter().map(&finish).collect()
    };
    // A port that the system chose for one family may be taken in the other.
    let may_try_again = place.is_some_and(|place| place.port == 0) && names.len() > 1;
    let mut tries = 1;
    loop {
        match open() {
            Err(error) if may_try_again && error.is_taken() && tries < SAME_PORT_TRIES => {
                tries += 1;
            }
            other => return other,
        }
    }
}

/// Binds a socket for each address. The port that the system chose for the first is used for all.
fn bind_all(
    names: &[SocketName],
    any_family: bool,
    bind: impl Fn(SocketName) -> Result<Bound, NotListening>,
) -> Result<Vec<Bound>, NotListening> {
    let mut all: Vec<Bound> = Vec::with_capacity(names.len());
    let mut missing = None;
    for name in names {
        let mut name = name.clone();
        if let SocketName::Inet(address) = &mut name
            && address.port() == 0
            && let Some(first) = all.first().and_then(|first| first.local().inet())
        {
            address.set_port(first.port());
        }
        match bind(name) {
            Ok(bound) => all.push(bound),
            Err(error) if any_family && error.is_missing_family() => missing = Some(error),
            Err(error) => return Err(error),
        }
    }
    match missing {
        Some(error) if all.is_empty() => Err(error),
        _ => Ok(all),
    }
}
