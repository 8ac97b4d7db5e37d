//! The log alone: who reads what, who misses what, and what is kept.

use std::time::Duration;

use proptest::prelude::*;

use super::hold::tests::is_held;
use super::piece::PIECE_COST;
use super::*;

pub(super) fn piece(text: &str) -> Piece {
    Piece {
        bytes: text.as_bytes().into(),
        messages: text.matches('\n').count() as u64,
        to: None,
    }
}

/// Everything that `member` gets now, sent in one go; what was missed stands in `<>`.
pub(super) fn read(log: &mut Log, member: u64) -> String {
    let mut all = String::new();
    loop {
        let mut parts = Vec::new();
        match log.take(member, None, (&mut parts, 3)) {
            Taken::Missed(missed) => all += &format!("<{}>", missed.messages),
            Taken::Nothing | Taken::Reached => return all,
            Taken::Parts => {
                for part in &parts {
                    all += std::str::from_utf8(part.unseen()).unwrap();
                }
                let number = parts.last().unwrap().place.number + 1;
                log.sent(member, Place::at(number), &[]);
            }
        }
    }
}

pub(super) const WAKER: &Waker = Waker::noop();

/// Room for three pieces of some bytes.
pub(super) const SMALL: usize = 3 * (PIECE_COST + 8);

#[test]
fn everybody_but_the_sender_reads_a_message_once_and_then_it_is_gone() {
    let mut log = Log::new(Slow::DropOldest, SMALL, 0);
    let (a, b, c) = (
        log.join(Guest::Connection, None),
        log.join(Guest::Connection, None),
        log.join(Guest::Connection, None),
    );
    log.append(a, [piece("1\n")]);
    log.append(b, [piece("2\n")]);
    assert_eq!(read(&mut log, a), "2\n");
    assert_eq!(read(&mut log, b), "1\n");
    assert_eq!(log.entries.len(), 2);
    assert_eq!(read(&mut log, c), "1\n2\n");
    assert_eq!((log.entries.len(), log.cost, log.waited_for), (0, 0, 0));
    assert_eq!(read(&mut log, c), "");
}

#[test]
fn who_is_behind_misses_the_oldest_and_its_own_are_not_counted() {
    let mut log = Log::new(Slow::DropOldest, SMALL, 0);
    let (a, b) = (
        log.join(Guest::Connection, None),
        log.join(Guest::Connection, None),
    );
    log.append(a, [piece("1\n2\n"), piece("3\n")]);
    log.append(b, [piece("own\n")]);
    for text in ["4\n", "5\n", "6\n", "7\n"] {
        log.append(a, [piece(text)]);
    }
    assert_eq!(read(&mut log, b), "<4>5\n6\n7\n");
    assert_eq!(read(&mut log, a), "<1>");
    assert_eq!(log.entries.len(), 0);
}

#[test]
fn what_is_lost_while_it_is_being_sent_is_counted_exactly() {
    let mut log = Log::new(Slow::DropOldest, SMALL, 0);
    let (a, b) = (
        log.join(Guest::Connection, None),
        log.join(Guest::Connection, None),
    );
    log.append(a, [piece("1\n2\n3\n"), piece("4\n")]);
    let mut parts = Vec::new();
    assert_eq!(log.take(b, None, (&mut parts, 9)), Taken::Parts);
    for text in ["5\n", "6\n", "7\n", "8\n"] {
        log.append(a, [piece(text)]);
    }
    // Only `1` and `2` were sent: 3, 4 and 5 are lost.
    let sent = Place {
        number: 0,
        bytes: 4,
        messages: 2,
    };
    log.sent(b, sent, &parts);
    assert_eq!(read(&mut log, b), "<3>6\n7\n8\n");
    // All of it was sent: only what came later can be lost.
    log.append(a, [piece("a\n"), piece("b\n")]);
    parts.clear();
    assert_eq!(log.take(b, None, (&mut parts, 9)), Taken::Parts);
    let end = log.end();
    for text in ["c\n", "d\n", "e\n", "f\n"] {
        log.append(a, [piece(text)]);
    }
    log.sent(b, Place::at(end), &[]);
    assert_eq!(read(&mut log, b), "<1>d\ne\nf\n");
}

#[test]
fn a_member_that_is_too_slow_is_cut_and_nobody_waits_for_it() {
    let mut log = Log::new(Slow::Close, SMALL, 0);
    let (a, b, c) = (
        log.join(Guest::Connection, None),
        log.join(Guest::Connection, None),
        log.join(Guest::Connection, None),
    );
    for text in ["1\n", "2\n", "3\n"] {
        log.append(a, [piece(text)]);
        assert_eq!(read(&mut log, c), text);
        assert_eq!(read(&mut log, a), "");
    }
    assert_eq!(log.cut_off(b, WAKER), None);
    log.append(a, [piece("4\n")]);
    let lost = Missed {
        messages: 1,
        bytes: 2,
    };
    assert_eq!(log.cut_off(b, WAKER), Some(lost));
    assert_eq!(read(&mut log, c), "4\n");
    assert_eq!(read(&mut log, a), "");
    assert_eq!(log.entries.len(), 0);
    log.leave(b);
    log.append(a, [piece("5\n")]);
    assert_eq!(read(&mut log, c), "5\n");
}

#[test]
fn a_message_wakes_those_who_have_taken_everything_and_nobody_else() {
    let mut log = Log::new(Slow::DropOldest, SMALL, 0);
    let mut join = || log.join(Guest::Connection, None);
    let (a, reads, stuck) = (join(), join(), join());
    for member in [reads, stuck] {
        assert_eq!(log.cut_off(member, WAKER), None);
    }
    log.awake.clear();
    log.park(reads, WAKER);
    log.append(a, [piece("1\n")]);
    assert_eq!(log.awake.len(), 1);
    log.append(a, [piece("2\n")]);
    assert_eq!(log.awake.len(), 1);
}

#[test]
fn who_is_cut_is_given_nothing_more_and_the_console_is_not_cut() {
    let mut log = Log::new(Slow::Close, SMALL, 0);
    let (a, cut) = (
        log.join(Guest::Connection, None),
        log.join(Guest::Connection, None),
    );
    let console = log.join(Guest::Console, None);
    for text in ["1\n", "2\n", "3\n", "4\n", "5\n"] {
        log.append(a, [piece(text)]);
    }
    let lost = Missed {
        messages: 1,
        bytes: 2,
    };
    assert_eq!(read(&mut log, cut), "");
    assert_eq!(log.cut_off(cut, WAKER), Some(lost));
    assert_eq!(log.cut_off(console, WAKER), None);
    assert_eq!(read(&mut log, console), "<2>3\n4\n5\n");
}

#[test]
fn who_joins_gets_exactly_so_many_messages_of_the_past() {
    let mut log = Log::new(Slow::DropOldest, 10 * SMALL, 3);
    let a = log.join(Guest::Connection, None);
    log.append(a, [piece("1\n2\n3\n4\n"), piece("5\n")]);
    read(&mut log, a);
    let b = log.join(Guest::Connection, None);
    assert_eq!(read(&mut log, b), "3\n4\n5\n");
    log.append(a, [piece("6\n"), piece("7\n"), piece("8\n9\n")]);
    for member in [a, b] {
        read(&mut log, member);
    }
    let c = log.join(Guest::Connection, None);
    assert_eq!(read(&mut log, c), "7\n8\n9\n");
    // Also when nobody was there in the meantime.
    for member in [a, b, c] {
        log.leave(member);
    }
    let d = log.join(Guest::Connection, None);
    assert_eq!(read(&mut log, d), "7\n8\n9\n");
    // No history is longer than the log.
    let mut log = Log::new(Slow::DropOldest, SMALL, 100);
    let a = log.join(Guest::Connection, None);
    for text in ["1\n", "2\n", "3\n", "4\n", "5\n"] {
        log.append(a, [piece(text)]);
        read(&mut log, a);
    }
    let b = log.join(Guest::Connection, None);
    assert_eq!(read(&mut log, b), "3\n4\n5\n");
}

#[test]
fn what_is_for_one_reaches_one_and_is_no_history() {
    let mut log = Log::new(Slow::DropOldest, 10 * SMALL, 5);
    let (a, b, c) = (
        log.join(Guest::Connection, None),
        log.join(Guest::Connection, None),
        log.join(Guest::Connection, None),
    );
    let secret = Piece {
        to: Some(b),
        ..piece("secret\n")
    };
    log.append(a, [secret, piece("all\n")]);
    assert_eq!(read(&mut log, b), "secret\nall\n");
    assert_eq!(read(&mut log, c), "all\n");
    let d = log.join(Guest::Connection, None);
    assert_eq!(read(&mut log, d), "all\n");
}

#[derive(Clone, Debug)]
enum Act {
    Join,
    Leave(usize),
    Say(usize, u8),
    Take(usize, u8),
    Sent(usize, u8),
    Wait(usize, u8),
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        1 => Just(Act::Join),
        1 => any::<usize>().prop_map(Act::Leave),
        6 => any::<(usize, u8)>().prop_map(|(who, count)| Act::Say(who, count)),
        4 => any::<(usize, u8)>().prop_map(|(who, count)| Act::Take(who, count)),
        4 => any::<(usize, u8)>().prop_map(|(who, count)| Act::Sent(who, count)),
        1 => any::<(usize, u8)>().prop_map(|(who, seconds)| Act::Wait(who, seconds)),
    ];
    prop::collection::vec(act, 0..120)
}

/// A member as it should be: what it was owed, in order, and what it was sent or told it missed.
#[derive(Default)]
struct Model {
    number: u64,
    owed: u64,
    got: u64,
    missed: u64,
    in_flight: Option<Vec<Part>>,
}

/// So many lines of what is being sent: up to where, the first part that is not whole, how many.
fn some_of(parts: &[Part], lines: u64) -> (Place, usize, u64) {
    let mut left = lines;
    for (index, part) in parts.iter().enumerate() {
        let unseen = part.unseen().len() as u64 / 2;
        if left < unseen {
            let place = Place {
                number: part.place.number,
                bytes: part.place.bytes + 2 * left as usize,
                messages: part.place.messages + left,
            };
            return (place, index, lines);
        }
        left -= unseen;
    }
    let last = parts.last().unwrap().place.number;
    (Place::at(last + 1), parts.len(), lines - left)
}

/// The bound holds, and the sums are those of the entries.
fn keeps_count(log: &Log) {
    assert!(log.slow == Slow::Block || log.cost <= SMALL || log.entries.len() == 1);
    let cost: usize = log.entries.iter().map(|entry| entry.piece.cost()).sum();
    assert_eq!(log.cost, cost);
    let waited = log.entries.iter().filter(|entry| entry.awaited > 0);
    let waited: usize = waited.map(|entry| entry.piece.cost()).sum();
    assert_eq!(log.waited_for, waited);
    let living = || log.members.values().filter(|member| !member.cut);
    let awaited = || living().filter(|member| member.awaited);
    assert_eq!(
        (log.living, log.awaited),
        (living().count(), awaited().count())
    );
    for (number, member) in log.members.iter().filter(|(_, member)| !member.cut) {
        let is_known = log.behind.overtaken.contains(number);
        assert!(is_known || member.place.number >= log.behind.others_from);
    }
    for (number, entry) in (log.first..).zip(&log.entries) {
        let behind = |member: &&Member| member.place.number <= number;
        assert_eq!(entry.waiting, living().filter(behind).count());
        assert_eq!(entry.awaited, awaited().filter(behind).count());
    }
}

/// Whatever happens in whatever order: each member is sent, or told that it missed, exactly what
/// the others said, unless it is cut, and the log keeps its bound.
fn nothing_is_lost_or_invented(slow: Slow, acts: Vec<Act>) {
    let mut log = Log::new(slow, SMALL, 0);
    let mut members: Vec<Model> = Vec::new();
    let mut now = Duration::ZERO;
    for act in acts {
        let count = members.len();
        match act {
            Act::Join => members.push(Model {
                number: log.join(Guest::Connection, None),
                ..Model::default()
            }),
            _ if count == 0 => {}
            Act::Leave(who) => log.leave(members.swap_remove(who % count).number),
            Act::Say(who, lines) => {
                let (from, lines) = (members[who % count].number, u64::from(lines % 4) + 1);
                if slow == Slow::Block && is_held(&mut log, from, now) {
                    continue;
                }
                log.append(from, [piece(&"m\n".repeat(lines as usize))]);
                for other in members.iter_mut().filter(|member| member.number != from) {
                    other.owed += lines;
                }
            }
            Act::Take(who, max) => {
                let member = &mut members[who % count];
                if member.in_flight.is_none() {
                    let mut parts = Vec::new();
                    let max = usize::from(max % 3) + 1;
                    match log.take(member.number, None, (&mut parts, max)) {
                        Taken::Missed(missed) => member.missed += missed.messages,
                        Taken::Parts => member.in_flight = Some(parts),
                        Taken::Nothing | Taken::Reached => {}
                    }
                }
            }
            Act::Sent(who, lines) => {
                let member = &mut members[who % count];
                if let Some(parts) = member.in_flight.take() {
                    let (place, rest, got) = some_of(&parts, u64::from(lines % 12));
                    member.got += got;
                    log.sent(member.number, place, &parts[rest..]);
                }
            }
            Act::Wait(who, seconds) => {
                now += Duration::from_secs(u64::from(seconds % 16));
                is_held(&mut log, members[who % count].number, now);
            }
        }
        keeps_count(&log);
    }
    for mut member in members {
        if let Some(parts) = member.in_flight.take() {
            log.sent(member.number, parts[0].place, &parts);
        }
        let rest = read(&mut log, member.number);
        for part in rest.split('<') {
            let (missed, text) = part.split_once('>').unwrap_or(("0", part));
            member.missed += missed.parse::<u64>().unwrap();
            member.got += text.matches('\n').count() as u64;
        }
        if log.cut_off(member.number, WAKER).is_some() {
            assert_eq!(rest, "");
            assert!(slow != Slow::DropOldest && member.got + member.missed <= member.owed);
            continue;
        }
        assert_eq!(member.got + member.missed, member.owed);
        assert!(slow == Slow::DropOldest || member.missed == 0);
    }
}

proptest! {
    #[test]
    fn with_drop_oldest_nothing_is_lost_or_invented(acts in acts()) {
        nothing_is_lost_or_invented(Slow::DropOldest, acts);
    }

    #[test]
    fn with_close_nothing_is_lost_or_invented(acts in acts()) {
        nothing_is_lost_or_invented(Slow::Close, acts);
    }

    #[test]
    fn with_block_nothing_is_lost_or_invented(acts in acts()) {
        nothing_is_lost_or_invented(Slow::Block, acts);
    }
}
