//! The library's generator of load, on threads of its own.

use std::net::Ipv4Addr;
use std::time::Duration;

use fivetuple::load::{Load, LoadOptions, Measured};
use fivetuple::{Address, Observers};
use tokio::runtime::{Builder, Runtime};

use crate::machine;
use crate::process::stay_on;
use crate::trouble::{Doing, Trouble};

/// Connections to one contender, at rest between slices.
#[derive(Debug)]
pub struct Generator {
    runtime: Runtime,
    load: Option<Load>,
}

impl Generator {
    /// Opens all connections; the work is done by one thread on a core of its own, or by as many
    /// threads as there are cores.
    ///
    /// # Errors
    ///
    /// They cannot be opened.
    pub fn open(port: u16, options: &LoadOptions, core: Option<usize>) -> Result<Self, Trouble> {
        let threads = if core.is_some() { 1 } else { machine::cores() };
        let runtime = Builder::new_multi_thread()
            .worker_threads(threads)
            .on_thread_start(move || {
                // A generator that shares its core measures less, and says so by its CPU time.
                let _ = core.map(stay_on);
            })
            .enable_all()
            .build()
            .doing("start the generator")?;
        let address: Result<Address, _> = format!("{}:{port}", Ipv4Addr::LOCALHOST).parse();
        let address = address.map_err(|error| wrong(&error))?;
        let observers = Observers::none();
        let opening = Load::open(&address, options, &observers);
        let load = runtime.block_on(opening).map_err(|error| wrong(&error))?;
        Ok(Self {
            runtime,
            load: Some(load),
        })
    }

    /// Works for so long.
    ///
    /// # Errors
    ///
    /// Something failed, or an answer was wrong.
    pub fn run(&mut self, length: Duration) -> Result<Measured, Trouble> {
        let Some(load) = &mut self.load else {
            return Err(Trouble::wrong("the generator", "is closed"));
        };
        let measured = self.runtime.block_on(load.run(length));
        let kinds = measured.failures.iter();
        let kinds: Vec<String> = kinds
            .map(|(kind, count)| format!("{count} {kind}"))
            .collect();
        if kinds.is_empty() {
            Ok(measured)
        } else {
            Err(wrong(&kinds.join(", ")))
        }
    }
}

impl Drop for Generator {
    fn drop(&mut self) {
        if let Some(load) = self.load.take() {
            self.runtime.block_on(load.close());
        }
    }
}

fn wrong(what: &dyn std::fmt::Display) -> Trouble {
    Trouble::wrong("the generator", what.to_string())
}
