//! A program that has the socket itself: we wait for its end, or for that of the connection.

use std::future::{Future, poll_fn};
use std::os::fd::AsFd;
use std::pin::pin;
use std::task::{Context, Poll};

use rustix::io::fcntl_dupfd_cloexec;
use rustix::net::{Shutdown, connect_unspec, shutdown};
use tokio::time::{Instant, sleep_until};

use super::{GRACE, Served, come, tell};
use crate::call::{Errno, ReceiveError};
use crate::close::{Close, Closed, Expired};
use crate::connection::{Connection, NOT_STANDARD, Over};
use crate::event::{Event, Reason};
use crate::kernel::TcpState;
use crate::transfer::{Terms, close_for};

/// What came first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Program,
    Connection(Over),
    Deadline,
}

/// Serves a connection that was [handed over](Connection::hand_over).
pub(super) async fn serve(connection: Connection, served: Served, terms: &Terms) -> Closed {
    let Served {
        options,
        child,
        mut complaints,
    } = served;
    let since = connection.identity().since;
    let mut deadline = pin!(come(terms.deadline.map(|time| since + time)));
    let mut poll_end = |cx: &mut Context<'_>, watched: bool| {
        complaints.poll(cx);
        if child.poll_ended(cx).is_ready() {
            complaints.finish();
            return Poll::Ready(End::Program);
        }
        if watched && let Poll::Ready(over) = connection.poll_over(cx) {
            return Poll::Ready(End::Connection(over));
        }
        deadline.as_mut().poll(cx).map(|()| End::Deadline)
    };
    let mut end = poll_fn(|cx| poll_end(cx, true)).await;
    if end == End::Connection(Over::Ended) {
        // Nothing more can be said, but the program may have something to do yet.
        let mut grace = pin!(sleep_until(Instant::now() + GRACE));
        end = poll_fn(|cx| match poll_end(cx, false) {
            Poll::Pending => grace.as_mut().poll(cx).map(|()| end),
            ended => ended,
        })
        .await;
    }
    match end {
        End::Program => {
            let how = child.reap();
            connection.observers().emit(&Event::ProgramEnded {
                connection: connection.identity(),
                program: options.program().as_encoded_bytes(),
                how,
            });
            end_in_order(connection).await
        }
        End::Connection(Over::Ended) => {
            drop(child);
            end_in_order(connection).await
        }
        End::Connection(Over::Broken) => {
            drop(child);
            broken(connection).await
        }
        End::Deadline => {
            drop(child);
            time_up(connection).await
        }
    }
}

/// Everything that the program wrote is with the kernel: sees that it arrives.
async fn end_in_order(mut connection: Connection) -> Closed {
    let seen = connection.pending_error();
    if let Err(errno) = connection.take_back(seen) {
        // It cannot be watched, so what the peer still sends cannot be waited for.
        tell(&connection, &ReceiveError::new(connection.name(), errno));
        return connection.close(Close::Release).await;
    }
    if let Some(errno) = seen {
        return told(connection, errno).await;
    }
    if connection.note_both_ended() {
        return connection.closed(Reason::Released);
    }
    poll_fn(|cx| connection.poll_drain_finished(cx)).await;
    connection.close(Close::Linger).await
}

async fn broken(mut connection: Connection) -> Closed {
    let errno = connection.pending_error().unwrap_or(Errno::CONNRESET);
    // The counters are all that is wanted.
    let _ = connection.take_back(Some(errno));
    told(connection, errno).await
}

/// Tells of an error of the connection and closes.
async fn told(connection: Connection, errno: Errno) -> Closed {
    tell(&connection, &ReceiveError::new(connection.name(), errno));
    connection.close(close_for(errno)).await
}

/// Whether the program has sent something and has not finished, so that there may be more.
fn is_amid_sending(connection: &Connection) -> bool {
    let open = [TcpState::Established, TcpState::CloseWait];
    let state = connection.tcp_info().map(|info| info.state);
    connection.live().bytes_sent() > 0 && state.is_ok_and(|state| open.contains(&state))
}

/// The program may go on for some seconds and has the socket open: closing ours would tell the
/// peer nothing.
async fn time_up(mut connection: Connection) -> Closed {
    let theirs = fcntl_dupfd_cloexec(connection.as_fd(), NOT_STANDARD);
    // The counters are all that is wanted.
    let _ = connection.take_back(None);
    let lost = connection.unacknowledged().unwrap_or(0) > 0 || is_amid_sending(&connection);
    if lost {
        // A FIN would say that this was all.
        connection.reset_on_close();
    }
    let mut closed = connection.close(Close::TimeOut).await;
    closed.expired = Some(Expired::Deadline);
    if let Ok(theirs) = theirs {
        // Where this fails the connection has ended already.
        let _ = if lost {
            connect_unspec(&theirs)
        } else {
            shutdown(&theirs, Shutdown::Both)
        };
    }
    closed
}
