//! A member without a connection: lines from any reader, and what others say to the output of a
//! [terminal](crate::service::Terminal).
//!
//! The reader has a thread of its own, because reading from a terminal or a file blocks. It is
//! read while somebody is there to listen, or a history is kept. A console has no connection that
//! could be closed: where the policy is to close who is too slow, it misses the oldest instead, and
//! where the policy is to wait, it is waited for.

use std::future::poll_fn;
use std::io::{ErrorKind, Read};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker, ready};
use std::thread::{self, Thread};

use tokio::time::Instant;

use super::log::Missed;
use super::member::missed_line;
use super::{Messages, Talk};
use crate::service::Output;

/// Bytes that one read takes at most.
const READ: usize = 16 * 1024;
/// Memory that is kept for the next bytes; more is taken at a time where more is there.
const TAKEN_KEPT: usize = 64 * 1024;

/// Whoever runs the server, as a member.
pub struct Console {
    talk: Arc<Mutex<Shared>>,
}

struct Shared {
    talk: Box<dyn Talk>,
    /// Who waits for a seat to read from.
    waker: Option<Waker>,
}

impl std::fmt::Debug for Console {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Console")
    }
}

impl Console {
    pub(in crate::service) fn new(talk: impl Talk + 'static) -> Self {
        let talk = Box::new(talk);
        let shared = Shared { talk, waker: None };
        Self {
            talk: Arc::new(Mutex::new(shared)),
        }
    }

    /// Speaks what `reader` gives until its end, on a thread; nobody waits for that thread.
    ///
    /// # Errors
    ///
    /// No thread can be started.
    pub fn speak(
        &self,
        reader: impl Read + Send + 'static,
        output: &Output,
    ) -> std::io::Result<()> {
        let talk = Arc::clone(&self.talk);
        let output = output.clone();
        thread::Builder::new()
            .name("console".into())
            .spawn(move || speak(&talk, reader, &output))?;
        Ok(())
    }

    /// Writes to `output` what the others say, for as long as it can be written to.
    pub async fn listen(self, output: Output) {
        let number = output.join();
        let mut bytes = Vec::new();
        let mut greeted = false;
        poll_fn(|cx| {
            if !std::mem::replace(&mut greeted, true) {
                lock(&self.talk)
                    .talk
                    .greet(&mut |line| _ = output.push(line));
            }
            loop {
                // An output that has ended throws away what it is given, and its owner ends.
                if ready!(output.poll_room(cx, number, 1)).is_err() {
                    return Poll::Ready(());
                }
                let missed = ready!(poll_take(&self.talk, cx, &mut bytes));
                if let Some(missed) = missed {
                    let _ = output.push(missed_line(missed.messages).as_bytes());
                }
                let _ = output.push(&bytes);
                bytes.clear();
                bytes.shrink_to(TAKEN_KEPT);
            }
        })
        .await;
        output.forget(number);
    }
}

fn poll_take(
    talk: &Mutex<Shared>,
    cx: &mut Context<'_>,
    bytes: &mut Vec<u8>,
) -> Poll<Option<Missed>> {
    let mut shared = lock(talk);
    let Some(seat) = shared.talk.seat() else {
        shared.waker = Some(cx.waker().clone());
        return Poll::Pending;
    };
    let missed = ready!(seat.poll_take(cx, bytes));
    let said = missed.messages > 0 && shared.talk.hall().options.messages == Messages::Lines;
    Poll::Ready(said.then_some(missed))
}

fn speak(talk: &Mutex<Shared>, mut reader: impl Read, output: &Output) {
    let mut buffer = vec![0; READ];
    let mut reply = |line: &[u8]| _ = output.push(line);
    loop {
        block_on(|cx| match lock(talk).talk.seat() {
            Some(seat) if seat.poll_company(cx).is_pending() => Err(None),
            _ => Ok(()),
        });
        let mut bytes = match reader.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => buffer.get(..count).unwrap_or_default(),
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            // What cannot be read counts as ended.
            Err(_) => break,
        };
        while !bytes.is_empty() {
            block_on(|cx| match lock(talk).talk.seat() {
                Some(seat) if seat.poll_company(cx).is_pending() => Err(None),
                Some(seat) => seat.room(cx).map(|_| ()).map_err(Some),
                None => Ok(()),
            });
            let mut shared = lock(talk);
            // The line that finds a seat is heard by itself: what is behind it waits for company.
            let heard = match shared.talk.seat() {
                Some(_) => bytes,
                None => bytes
                    .split_inclusive(|byte| *byte == b'\n')
                    .next()
                    .unwrap_or(bytes),
            };
            let taken = shared.talk.hear(heard, &mut reply);
            bytes = bytes.get(taken..).unwrap_or_default();
            shared.wake();
            if shared.talk.has_left() {
                return;
            }
        }
    }
    let mut shared = lock(talk);
    shared.talk.finish(&mut reply);
    shared.wake();
}

impl Shared {
    fn wake(&mut self) {
        if self.talk.seat().is_some()
            && let Some(waker) = self.waker.take()
        {
            waker.wake();
        }
    }
}

/// Waits on this thread until it is `ready`, which says when it is to be asked again at the latest.
fn block_on(mut ready: impl FnMut(&mut Context<'_>) -> Result<(), Option<Instant>>) {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut cx = Context::from_waker(&waker);
    while let Err(until) = ready(&mut cx) {
        match until {
            Some(until) => thread::park_timeout(until - Instant::now()),
            None => thread::park(),
        }
    }
}

fn lock(talk: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    talk.lock().unwrap_or_else(PoisonError::into_inner)
}
