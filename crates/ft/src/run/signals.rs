//! INT and TERM end us, USR1 asks for counters. A signal that was ignored when we were started
//! stays ignored (nohup, and what a shell starts with `&`).

use std::future::pending;

use fivetuple::kernel::limit::signal_ignored;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::status;

/// The signals that we listen to.
pub(super) struct Signals {
    interrupt: Option<Signal>,
    terminate: Option<Signal>,
    counters: Option<Signal>,
}

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// To end; with this status if that is what ends us.
    End(u8),
    /// To print counters.
    Counters,
}

impl Signals {
    pub(super) fn new() -> Self {
        let listen = |kind: SignalKind| {
            let ignored = signal_ignored(kind.as_raw_value());
            (!ignored).then(|| signal(kind).ok()).flatten()
        };
        Self {
            interrupt: listen(SignalKind::interrupt()),
            terminate: listen(SignalKind::terminate()),
            counters: listen(SignalKind::user_defined1()),
        }
    }

    pub(super) async fn next(&mut self) -> Asked {
        tokio::select! {
            () = come(&mut self.interrupt) => Asked::End(status::INTERRUPTED),
            () = come(&mut self.terminate) => Asked::End(status::TERMINATED),
            () = come(&mut self.counters) => Asked::Counters,
        }
    }

    /// The next that asks to end.
    pub(super) async fn end(&mut self) -> u8 {
        loop {
            if let Asked::End(status) = self.next().await {
                return status;
            }
        }
    }
}

async fn come(signal: &mut Option<Signal>) {
    match signal {
        Some(signal) => {
            signal.recv().await;
        }
        None => pending().await,
    }
}
