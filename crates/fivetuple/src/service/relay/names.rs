//! The names of a destination of datagrams: looked up once for all peers.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::destinations::REST;
use crate::address::{Address, SocketName};
use crate::connect::{ConnectOptions, NoAddresses, calling_names};

/// Whom a destination of datagrams stands for. Anybody can make peers come by the thousand, so a
/// look-up is made at most once in [`REST`], whether it succeeds or not.
#[derive(Debug, Default)]
pub(super) struct Names {
    found: Mutex<Found>,
    /// Held by the look-up that is made.
    looking: Arc<tokio::sync::Mutex<()>>,
}

#[derive(Debug, Default)]
struct Found {
    at: Option<Instant>,
    names: Vec<SocketName>,
    /// How the last look-up failed. What was found before is still used.
    failed: Option<NoAddresses>,
    /// The name that has refused a datagram comes last.
    refused: Option<SocketName>,
}

impl Names {
    /// Whom to send to, in order.
    pub(super) async fn get(
        self: &Arc<Self>,
        address: &Address,
        options: &Arc<ConnectOptions>,
    ) -> Result<Vec<SocketName>, NoAddresses> {
        if let Some(known) = self.found().fresh() {
            return known;
        }
        let looking = Arc::clone(&self.looking).lock_owned().await;
        if let Some(known) = self.found().fresh() {
            return known;
        }
        // It goes on without the peer that it is made for. Otherwise peers that come and go would
        // each start one, and the thread of a look-up cannot be ended.
        let (names, address) = (Arc::clone(self), address.clone());
        let options = Arc::clone(options);
        let look_up = tokio::spawn(async move {
            let found = calling_names(&address, &options).await;
            names.found().keep(found.clone());
            drop(looking);
            found
        });
        match look_up.await {
            Ok(found) => self.found().fresh().unwrap_or(found),
            Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
        }
    }

    /// Nobody has this port; the other names of the destination are called before it.
    pub(super) fn note_refused(&self, name: &SocketName) {
        let mut found = self.found();
        found.refused = Some(name.clone());
        found.put_refused_last();
    }

    fn found(&self) -> MutexGuard<'_, Found> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Found {
    fn fresh(&self) -> Option<Result<Vec<SocketName>, NoAddresses>> {
        if self.at?.elapsed() >= REST {
            return None;
        }
        Some(match &self.failed {
            Some(error) if self.names.is_empty() => Err(error.clone()),
            _ => Ok(self.names.clone()),
        })
    }

    fn keep(&mut self, found: Result<Vec<SocketName>, NoAddresses>) {
        self.at = Some(Instant::now());
        match found {
            Ok(names) => {
                self.names = names;
                self.failed = None;
                self.put_refused_last();
            }
            Err(error) => self.failed = Some(error),
        }
    }

    fn put_refused_last(&mut self) {
        let refused = &self.refused;
        self.names
            .sort_by_key(|name| refused.as_ref() == Some(name));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::AddressError;

    fn name(text: &str) -> SocketName {
        text.parse().unwrap()
    }

    #[test]
    fn a_failure_is_remembered_and_what_was_known_is_used_still() {
        let mut found = Found::default();
        assert!(found.fresh().is_none());
        let failed = || Err(NoAddresses::from(AddressError::NotDatagrams));
        found.keep(failed());
        assert!(matches!(found.fresh(), Some(Err(_))));
        found.keep(Ok(vec![name("127.0.0.1:1")]));
        found.keep(failed());
        let Some(Ok(names)) = found.fresh() else {
            panic!("{found:?}");
        };
        assert_eq!(names, [name("127.0.0.1:1")]);
        found.at = Instant::now().checked_sub(REST);
        assert!(found.fresh().is_none(), "it is asked for anew");
    }

    #[test]
    fn the_name_that_refused_last_comes_last() {
        let both = || Ok(vec![name("[::1]:1"), name("127.0.0.1:1")]);
        let names = Arc::new(Names::default());
        names.found().keep(both());
        let first = || names.found().fresh().unwrap().unwrap().remove(0);
        names.note_refused(&name("[::1]:1"));
        assert_eq!(first(), name("127.0.0.1:1"));
        // A new look-up changes nothing about it.
        names.found().keep(both());
        assert_eq!(first(), name("127.0.0.1:1"));
        names.note_refused(&name("127.0.0.1:1"));
        assert_eq!(first(), name("[::1]:1"));
    }
}
