//! The connections that live at this moment.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::accept::{Home, Place};
use crate::connection::Live;

/// The connections that live at this moment.
#[derive(Debug, Default)]
pub struct Table(Mutex<HashMap<u64, Arc<Live>>>);

impl Table {
    pub(super) fn enter(
        table: &Arc<Self>,
        live: Arc<Live>,
        (place, home): (Option<Place>, Option<Home>),
    ) -> Entry {
        let number = live.identity.number;
        table.lock().insert(number, live);
        Entry {
            table: Arc::clone(table),
            number,
            _place: place,
            _home: home,
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.lock().len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    /// All of them, in the order of their numbers.
    pub fn all(&self) -> Vec<Arc<Live>> {
        let mut all: Vec<_> = self.lock().values().map(Arc::clone).collect();
        all.sort_unstable_by_key(|live| live.identity.number);
        all
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Arc<Live>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection's line in the table, its place and its home; all go when its socket is closed.
pub(super) struct Entry {
    table: Arc<Table>,
    number: u64,
    _place: Option<Place>,
    _home: Option<Home>,
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.table.lock().remove(&self.number);
    }
}
