//! Wakes the connections whose messages are due. The timers of the event loop count milliseconds,
//! which is too coarse here, so this is a timer of the kernel (timerfd_create(2)): one for all.

use std::time::Duration;

use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::window::Window;
use crate::call::Errno;
use crate::kernel::readiness;

/// The timer does not ring more often than this; what is due in between is late by no more.
const SHORTEST: u64 = 50_000;

/// Wakes task after task at this rate, until the window ends.
pub(super) async fn pace(rate: f64, window: &Window) {
    let timer = Timer::new();
    let between = 1e9 / rate.max(f64::MIN_POSITIVE);
    let tasks = window.tasks().max(1);
    let mut next: u64 = 0;
    loop {
        let now = window.now();
        if window.is_over(now) {
            return;
        }
        let due = (now as f64 / between) as u64 + 1;
        // Those that are behind have been woken already, or will see it.
        next = next.max(due.saturating_sub(tasks as u64));
        while next < due {
            window.wake((next % tasks as u64) as usize);
            next += 1;
        }
        let then = (next as f64 * between) as u64 + 1;
        let wait = then.saturating_sub(window.now()).max(SHORTEST);
        tokio::select! {
            () = window.ended() => return,
            () = wait_for(timer.as_ref().ok(), Duration::from_nanos(wait)) => {}
        }
    }
}

/// Waits by the timer, or without one (no descriptor is left) by the event loop.
async fn wait_for(timer: Option<&Timer>, time: Duration) {
    let rung = match timer {
        Some(timer) => timer.wait(time).await.is_ok(),
        None => false,
    };
    if !rung {
        tokio::time::sleep(time).await;
    }
}

struct Timer(AsyncFd<std::os::fd::OwnedFd>);

impl Timer {
    fn new() -> Result<Self, Errno> {
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        let timer = timerfd_create(TimerfdClockId::Monotonic, flags)?;
        readiness::register(timer, Interest::READABLE).map(Self)
    }

    async fn wait(&self, time: Duration) -> Result<(), Errno> {
        let once = Itimerspec {
            it_interval: Timespec::default(),
            it_value: Timespec {
                tv_sec: i64::try_from(time.as_secs()).unwrap_or(i64::MAX),
                tv_nsec: time.subsec_nanos().into(),
            },
        };
        timerfd_settime(self.0.get_ref(), TimerfdTimerFlags::empty(), &once)?;
        loop {
            let ready = self.0.readable().await;
            let mut guard = ready.map_err(|error| readiness::errno_of(&error))?;
            match rustix::io::read(self.0.get_ref(), &mut [0; 8]) {
                Ok(_) => return Ok(()),
                Err(Errno::AGAIN) => guard.clear_ready(),
                Err(Errno::INTR) => {}
                Err(errno) => return Err(errno),
            }
        }
    }
}
