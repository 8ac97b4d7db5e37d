//! The trace as it is read.

use std::time::Duration;

use fivetuple::call::Errno;
use fivetuple::event::{Identity, TurnedAway};
use fivetuple::{Direction, Reason, Totals};

use super::*;
use crate::report::samples;

fn at() -> Timestamp {
    "2026-11-23T12:00:00.123456Z".parse().unwrap()
}

fn traced(color: bool, tell: impl FnOnce(&dyn Fn(&Event<'_>))) -> String {
    samples::written(|queue| {
        let trace = Trace::new(queue, Clock::utc(), color);
        tell(&|event| trace.event_at(event, at));
    })
}

struct Made {
    call: Call,
    on: Option<i32>,
    arguments: &'static str,
    result: Result<u64, Errno>,
}

impl Made {
    fn tell(&self, tell: &dyn Fn(&Event<'_>), connection: Option<&Identity>) {
        tell(&Event::Called(Called {
            call: self.call,
            descriptor: self.on,
            arguments: format_args!("{}", self.arguments),
            result: self.result,
            connection,
        }));
    }
}

fn made(call: Call, on: i32, arguments: &'static str, result: Result<u64, Errno>) -> Made {
    Made {
        call,
        on: (on >= 0).then_some(on),
        arguments,
        result,
    }
}

#[test]
fn a_server_and_one_client_from_socket_to_close() {
    let identity = samples::identity(1);
    let totals = Totals {
        bytes_sent: 5,
        bytes_received: 5,
        bytes_unacknowledged: 0,
        datagrams_dropped: 0,
        duration: Duration::from_millis(1204),
    };
    let text = traced(false, |tell| {
        let (local, protocol) = (identity.local(), fivetuple::Protocol::Tcp);
        made(Call::Socket, -1, "AF_INET, SOCK_STREAM, IPPROTO_TCP", Ok(9)).tell(tell, None);
        made(Call::SetOption, 9, "TCP_KEEPINTVL, 15", Ok(0)).tell(tell, None);
        made(Call::Bind, 9, "127.0.0.1:8080", Ok(0)).tell(tell, None);
        tell(&Event::Bound { local });
        made(Call::Listen, 9, "4096", Ok(0)).tell(tell, None);
        tell(&Event::Listening { local, protocol });
        made(Call::Accept, 9, "127.0.0.1:51312", Ok(10)).tell(tell, None);
        tell(&Event::Accepted(&identity));
        made(Call::Receive, 10, "65536", Ok(5)).tell(tell, Some(&identity));
        made(Call::Send, 10, "5 bytes", Ok(5)).tell(tell, Some(&identity));
        tell(&Event::HalfClosed {
            connection: &identity,
            by: Side::Peer,
        });
        made(Call::Shutdown, 10, "SHUT_WR", Ok(0)).tell(tell, Some(&identity));
        made(Call::Close, 10, "", Ok(0)).tell(tell, Some(&identity));
        tell(&Event::Closed {
            connection: &identity,
            reason: Reason::Released,
            first: Side::Peer,
            totals: &totals,
        });
        tell(&Event::StoppedListening { local, protocol });
    });
    assert_eq!(
        text,
        "\
12:00:00.123456  1 socket      socket(AF_INET, SOCK_STREAM, IPPROTO_TCP) = 9
12:00:00.123456    option      setsockopt(9, TCP_KEEPINTVL, 15) = 0
12:00:00.123456  2 bind        bind(9, 127.0.0.1:8080) = 0
12:00:00.123456  2 bind        -- bound to 127.0.0.1:8080
12:00:00.123456  3 listen      listen(9, 4096) = 0
12:00:00.123456  4 accept      accept(9, 127.0.0.1:51312) = 10
12:00:00.123456  5 established -- #1 127.0.0.1:51312 → 127.0.0.1:8080 tcp accepted
12:00:00.123456  6 receive     recv(10, 65536) = 5              #1 127.0.0.1:51312 → 127.0.0.1:8080 tcp
12:00:00.123456  6 send        send(10, 5 bytes) = 5            #1 127.0.0.1:51312 → 127.0.0.1:8080 tcp
12:00:00.123456  7 close       -- #1 half-closed: the peer has finished sending
12:00:00.123456  7 half-close  shutdown(10, SHUT_WR) = 0        #1 127.0.0.1:51312 → 127.0.0.1:8080 tcp
12:00:00.123456  7 close       close(10) = 0                    #1 127.0.0.1:51312 → 127.0.0.1:8080 tcp
12:00:00.123456  7 close       -- #1 closed: released by peer first, 1.204 s, sent 5 B, received 5 B
12:00:00.123456  7 close       -- stopped listening on 127.0.0.1:8080 tcp
"
    );
    assert!(text.lines().all(|line| line.chars().count() <= 110));
}

#[test]
fn refusals_and_failures_are_told_and_nothing_steers_the_terminal() {
    let identity = samples::identity(2);
    let text = traced(false, |tell| {
        made(Call::Connect, 9, "127.0.0.1:9", Err(Errno::CONNREFUSED)).tell(tell, None);
        made(Call::SetOption, 9, "SO_BINDTODEVICE, e\x1b[2Jth", Ok(0)).tell(tell, None);
        tell(&Event::TurnedAway {
            name: &identity.name(),
            why: TurnedAway::Rule,
        });
        tell(&Event::Dropped {
            connection: &identity,
            direction: Direction::Received,
            bytes: 3,
        });
        tell(&Event::Resumed);
    });
    assert_eq!(
        text,
        r"12:00:00.123456  4 connect     connect(9, 127.0.0.1:9) = -1 ECONNREFUSED (connection refused)
12:00:00.123456    option      setsockopt(9, SO_BINDTODEVICE, e\x1b[2Jth) = 0
12:00:00.123456  4 accept      -- turned away 127.0.0.1:51313 → 127.0.0.1:8080 tcp: a rule does not let it in
12:00:00.123456  6 transfer    -- #2 was too slow: 3 B dropped (received)
12:00:00.123456  4 accept      -- resumed: clients are accepted again
"
    );
}

#[test]
fn colour_stands_only_where_it_is_asked_for() {
    let text = traced(true, |tell| {
        made(Call::Bind, 9, "127.0.0.1:80", Err(Errno::ACCESS)).tell(tell, None);
    });
    assert_eq!(
        text,
        "\x1b[2m12:00:00.123456\x1b[0m  2 \x1b[1mbind\x1b[0m        \
         \x1b[31mbind(9, 127.0.0.1:80) = -1 EACCES\x1b[0m (permission denied)\n"
    );
}
