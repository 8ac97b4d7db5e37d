//! Event loops that connections live on, and that share nothing: the one that accepts, and others with
//! a thread each.
//!
//! Threads that share their connections wake one another, and one that sleeps until another has too
//! much to do starts late. A connection of a loop of its own costs neither. What is lost is the help
//! of the others, so a new connection goes where the fewest are.

use std::io;
use std::iter;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

/// Event loops, which run until the last clone of this is dropped.
#[derive(Clone, Debug)]
pub struct Loops(Arc<[EventLoop]>);

#[derive(Debug)]
struct EventLoop {
    handle: Handle,
    /// Connections that live there.
    living: Arc<AtomicUsize>,
    /// Dropped, it ends the thread; the loop that was there before has none.
    _running: Option<oneshot::Sender<()>>,
}

/// The loop that one connection lives on, and is counted on as long as this is there.
#[derive(Debug)]
pub struct Home {
    handle: Handle,
    living: Arc<AtomicUsize>,
}

impl Loops {
    /// So many in all, of which the first is the one that calls this.
    ///
    /// # Errors
    ///
    /// No thread, no memory or no descriptor is to be had (EAGAIN, ENOMEM, EMFILE).
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    pub fn start(count: usize) -> io::Result<Self> {
        let here = EventLoop {
            handle: Handle::current(),
            living: Arc::default(),
            _running: None,
        };
        let others = (1..count).map(|_| EventLoop::start());
        let all: io::Result<Arc<[EventLoop]>> = iter::once(Ok(here)).chain(others).collect();
        all.map(Self)
    }

    /// A home where the fewest connections live.
    pub(super) fn home(&self) -> Option<Home> {
        let emptiest = self
            .0
            .iter()
            .min_by_key(|one| one.living.load(Ordering::Relaxed))?;
        emptiest.living.fetch_add(1, Ordering::Relaxed);
        Some(Home {
            handle: emptiest.handle.clone(),
            living: Arc::clone(&emptiest.living),
        })
    }
}

impl EventLoop {
    fn start() -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (running, dropped) = oneshot::channel::<()>();
        thread::Builder::new().name("loop".into()).spawn(move || {
            // Nothing else is ever heard from there.
            let _ = runtime.block_on(dropped);
            runtime.shutdown_background();
        })?;
        Ok(Self {
            handle,
            living: Arc::default(),
            _running: Some(running),
        })
    }
}

impl Home {
    /// What is registered and which timers are made while the guard lives belong to this loop; and
    /// the task is to be spawned here.
    pub fn handle(&self) -> &Handle {
        &self.handle
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        self.living.fetch_sub(1, Ordering::Relaxed);
    }
}
