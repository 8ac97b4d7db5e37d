//! What a publisher pays for those who are too slow.

use super::super::piece::PIECE_COST;
use super::super::tests::{piece, read};
use super::{Guest, Log, Slow};

const PIECES: usize = 100;

/// Among so many members is one that takes nothing: those that publishers look at while they say so
/// many lines in a full log.
fn looks(members: usize, lines: usize) -> usize {
    let mut log = Log::new(Slow::DropOldest, PIECES * (PIECE_COST + 7), 0);
    let stopped = log.join(Guest::Connection, None);
    let join = |_| log.join(Guest::Connection, None);
    let others: Vec<u64> = (0..members).map(join).collect();
    let say = |log: &mut Log| {
        log.append(others[0], [piece("a line\n")]);
        for other in &others {
            read(log, *other);
        }
    };
    for _ in 0..PIECES + 1 {
        say(&mut log);
    }
    let before = log.behind.looks;
    for _ in 0..lines {
        say(&mut log);
    }
    let looks = log.behind.looks - before;
    let missed = format!("<{}>", lines + 1);
    assert!(read(&mut log, stopped).starts_with(&missed));
    looks
}

#[test]
fn a_stopped_member_costs_a_publisher_as_much_among_many_as_among_few() {
    let lines = PIECES / 2;
    assert_eq!(looks(10, lines), lines);
    assert_eq!(looks(1000, lines), lines);
}

#[test]
fn everybody_is_looked_at_after_a_whole_log_at_most() {
    let (members, logs) = (20, 10);
    let all = logs * (members + 1);
    assert!(looks(members, logs * PIECES) <= logs * PIECES + all);
}
