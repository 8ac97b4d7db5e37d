//! The thread that starts programs and sees the groups of ended connections to their end.
//!
//! A child is killed when the thread that forked it ends (`PR_SET_PDEATHSIG`), so that is done on
//! a thread which lives as long as any child. Forking also takes long enough that connections
//! should not wait for it on a thread of the event loop.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, oneshot, watch};

use super::child::{Child, Leaving};
use super::job::{Begun, Job, Ours};
use crate::call::{Errno, ExecError};

/// How often groups that are being ended are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// The way to that thread.
#[derive(Debug)]
pub(super) struct Starter {
    orders: Sender<Order>,
    /// Process groups that there are.
    living: watch::Sender<u64>,
}

/// A program that has begun.
#[derive(Debug)]
pub(super) struct Started {
    pub(super) child: Child,
    pub(super) ours: Ours,
    pub(super) stderr: Option<std::os::fd::OwnedFd>,
}

type Reply = oneshot::Sender<Result<Started, ExecError>>;

#[derive(Debug)]
enum Order {
    Start(Box<(Job, Presence, Arc<Starter>, Reply)>),
    End(Leaving),
    Kill,
}

/// Counts one process group for as long as there is one.
#[derive(Debug)]
pub(super) struct Presence {
    living: watch::Sender<u64>,
    _place: Option<OwnedSemaphorePermit>,
}

impl Drop for Presence {
    fn drop(&mut self) {
        self.living.send_modify(|living| *living -= 1);
    }
}

impl Starter {
    /// Starts the thread. It ends when nobody needs it any more.
    pub(super) fn start() -> io::Result<Arc<Self>> {
        let (orders, received) = channel();
        thread::Builder::new()
            .name("exec".to_owned())
            .spawn(move || run(&received))?;
        Ok(Arc::new(Self {
            orders,
            living: watch::Sender::new(0),
        }))
    }

    /// Starts a program. If this is given up before the end, so is the program.
    pub(super) async fn run(
        self: &Arc<Self>,
        job: Job,
        place: Option<OwnedSemaphorePermit>,
    ) -> Result<Started, ExecError> {
        let options = Arc::clone(&job.options);
        let gone = || ExecError::new(options.program(), Errno::CANCELED);
        self.living.send_modify(|living| *living += 1);
        let presence = Presence {
            living: self.living.clone(),
            _place: place,
        };
        let (reply, started) = oneshot::channel();
        let order = Order::Start(Box::new((job, presence, Arc::clone(self), reply)));
        self.orders.send(order).map_err(|_| gone())?;
        let mut started = started.await.map_err(|_| gone())??;
        let watched = started.child.watch();
        watched.map_err(|errno| ExecError::new(options.program(), errno))?;
        Ok(started)
    }

    /// Sees a group to its end; at once if the thread is gone.
    pub(super) fn end(&self, leaving: Leaving) {
        if let Err(refused) = self.orders.send(Order::End(leaving))
            && let Order::End(mut leaving) = refused.0
        {
            leaving.kill();
        }
    }

    pub(super) fn kill(&self) {
        // Without the thread there is no group left.
        let _ = self.orders.send(Order::Kill);
    }

    pub(super) async fn all_ended(&self) {
        // The sender is ours, so the count does not go away.
        let _ = self
            .living
            .subscribe()
            .wait_for(|living| *living == 0)
            .await;
    }
}

fn run(orders: &Receiver<Order>) {
    let mut leaving: Vec<Leaving> = Vec::new();
    let mut looked = Instant::now();
    // Whose end comes after the order to kill has no grace, either: it may have been starting then.
    let mut at_once = false;
    loop {
        let order = if leaving.is_empty() {
            orders.recv().map_err(|_| RecvTimeoutError::Disconnected)
        } else {
            orders.recv_timeout(LOOK_EVERY)
        };
        match order {
            Ok(Order::Start(order)) => {
                let (job, presence, starter, reply) = *order;
                if !reply.is_closed() {
                    // Who does not wait any more drops what was started, which ends it.
                    let _ = reply.send(start(job, presence, starter));
                }
            }
            Ok(Order::End(mut group)) => {
                if at_once {
                    group.kill();
                }
                leaving.push(group);
            }
            Ok(Order::Kill) => {
                at_once = true;
                leaving.iter_mut().for_each(Leaving::kill);
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) if leaving.is_empty() => return,
            Err(RecvTimeoutError::Disconnected) => thread::sleep(LOOK_EVERY),
        }
        let now = Instant::now();
        if now - looked >= LOOK_EVERY {
            looked = now;
            leaving.retain_mut(|group| !group.is_over(now));
        }
    }
}

fn start(job: Job, presence: Presence, starter: Arc<Starter>) -> Result<Started, ExecError> {
    let options = Arc::clone(&job.options);
    let Begun {
        group,
        ours,
        stderr,
    } = job
        .begin()
        .map_err(|error| ExecError::of(options.program(), &error))?;
    Ok(Started {
        child: Child::new(group, presence, starter),
        ours,
        stderr,
    })
}
