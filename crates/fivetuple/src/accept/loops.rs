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

#[cfg(test)]
mod tests {
    use super::*;

    /// How many connections live on each.
    fn living(loops: &Loops) -> Vec<usize> {
        let counts = loops.0.iter().map(|one| one.living.load(Ordering::Relaxed));
        counts.collect()
    }

    #[tokio::test]
    async fn homes_go_in_turn_and_are_counted_back() {
        let loops = Loops::start(3).unwrap();
        let mut homes: Vec<Home> = (0..7).filter_map(|_| loops.home()).collect();
        assert_eq!(living(&loops), [3, 2, 2]);
        // The second and the fifth are of one loop, and it has the fewest now.
        drop((homes.remove(4), homes.remove(1)));
        assert_eq!(living(&loops), [3, 0, 2]);
        homes.extend((0..2).filter_map(|_| loops.home()));
        assert_eq!(living(&loops), [3, 2, 2]);
        drop(homes);
        assert_eq!(living(&loops), [0, 0, 0]);
    }

    #[tokio::test]
    async fn each_loop_but_the_first_has_a_thread_of_its_own_as_long_as_it_is_there() {
        let loops = Loops::start(3).unwrap();
        let (mut threads, mut ends) = (Vec::new(), Vec::new());
        let homes: Vec<Home> = (0..3).filter_map(|_| loops.home()).collect();
        for home in &homes {
            let (running, end) = oneshot::channel::<()>();
            let here = async {
                let _running = running;
                std::future::pending::<()>().await;
            };
            home.handle().spawn(here);
            ends.push(end);
            let thread = home.handle().spawn(async { thread::current().id() });
            threads.push(thread.await.unwrap());
        }
        assert_eq!(threads[0], thread::current().id());
        assert_ne!(threads[1], threads[2]);
        assert!(!threads[1..].contains(&threads[0]));
        drop(loops);
        // What runs there ends with its loop.
        for end in ends.split_off(1) {
            end.await.unwrap_err();
        }
    }
}
