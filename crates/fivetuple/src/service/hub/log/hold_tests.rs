//! How long publishers wait, and for whom.

use std::sync::LazyLock;
use std::time::Duration;

use tokio::time::Instant;

use super::super::tests::{SMALL, WAKER, piece, read};
use super::super::{Guest, Log, Missed, Place, Taken};
use super::{Room, STALL};
use crate::service::Slow;

/// Whether nothing may be published, a long time after the test began.
pub(in crate::service::hub::log) fn is_held(log: &mut Log, member: u64, after: Duration) -> bool {
    let now = *START + after;
    matches!(log.room(member, (WAKER, now)), Room::HeldUntil(_))
}

static START: LazyLock<Instant> = LazyLock::new(Instant::now);

#[test]
fn publishers_are_held_back_until_the_slowest_has_taken() {
    const NOW: Duration = Duration::ZERO;
    let mut log = Log::new(Slow::Block, SMALL, 0);
    let (a, b) = (
        log.join(Guest::Connection, None),
        log.join(Guest::Connection, None),
    );
    for text in ["1\n", "2\n", "3\n", "4\n"] {
        log.append(a, [piece(text)]);
    }
    assert!(is_held(&mut log, a, NOW));
    read(&mut log, a);
    assert!(log.awake.is_empty());
    assert_eq!(read(&mut log, b), "1\n2\n3\n4\n");
    assert!(!log.awake.is_empty());
    assert_eq!(log.room(a, (WAKER, *START)), Room::Bytes(SMALL));
    // Who leaves is waited for no longer.
    for _ in 0..4 {
        log.append(a, [piece("x\n")]);
    }
    read(&mut log, a);
    assert!(is_held(&mut log, a, NOW));
    log.leave(b);
    assert!(!is_held(&mut log, a, NOW));
}

#[test]
fn where_nothing_is_lost_who_takes_nothing_for_too_long_is_cut() {
    let mut log = Log::new(Slow::Block, SMALL, 0);
    let mut join = |guest| log.join(guest, None);
    let (a, stuck, slow) = (
        join(Guest::Connection),
        join(Guest::Connection),
        join(Guest::Connection),
    );
    let console = join(Guest::Console);
    log.append(a, ["1\n", "2\n", "3\n", "4\n"].map(piece));
    read(&mut log, a);
    let mut parts = Vec::new();
    assert_eq!(log.take(stuck, None, (&mut parts, 1)), Taken::Parts);
    let passed = Place::at(parts[0].place.number + 1);
    log.sent(stuck, passed, &[]);
    assert!(is_held(&mut log, a, Duration::ZERO));
    parts.clear();
    assert_eq!(log.take(slow, None, (&mut parts, 1)), Taken::Parts);
    log.sent(slow, passed, &[]);
    assert!(is_held(&mut log, a, STALL - Duration::from_millis(1)));
    assert_eq!(log.cut_off(stuck, WAKER), None);
    assert!(is_held(&mut log, a, STALL));
    let unread = Missed {
        messages: 3,
        bytes: 6,
    };
    assert_eq!(log.cut_off(stuck, WAKER), Some(unread));
    // Who takes something is not stuck; and nobody could close the console.
    assert_eq!(log.cut_off(slow, WAKER), None);
    assert!(is_held(&mut log, a, 3 * STALL));
    assert_eq!(log.cut_off(console, WAKER), None);
    read(&mut log, console);
    assert!(!is_held(&mut log, a, 3 * STALL));
}

#[test]
fn publishers_wait_a_short_time_for_who_reads_and_no_longer_for_who_does_not() {
    const LATER: Duration = Duration::from_secs(1);
    for slow in [Slow::DropOldest, Slow::Close] {
        let mut log = Log::new(slow, 4 * SMALL, 0);
        let mut join = || log.join(Guest::Connection, None);
        let (a, reads, stuck) = (join(), join(), join());
        let say = |log: &mut Log| {
            log.append(a, ["1\n", "2\n", "3\n", "4\n", "5\n", "6\n"].map(piece));
            read(log, a);
        };
        say(&mut log);
        assert!(!is_held(&mut log, a, Duration::ZERO));
        say(&mut log);
        assert!(is_held(&mut log, a, Duration::ZERO));
        for member in [reads, stuck] {
            assert!(!read(&mut log, member).contains('<'));
        }
        assert!(!is_held(&mut log, a, Duration::ZERO));
        say(&mut log);
        say(&mut log);
        read(&mut log, reads);
        assert!(is_held(&mut log, a, LATER));
        // The wait is over; from now on nobody waits for it.
        assert!(!is_held(&mut log, a, 2 * LATER));
        for _ in 0..9 {
            say(&mut log);
            assert!(!is_held(&mut log, a, 2 * LATER));
            assert!(!read(&mut log, reads).contains('<'));
        }
    }
}
