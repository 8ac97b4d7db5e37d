//! The rules of the end of stream against every order of facts.

use std::collections::HashSet;

use super::*;

const MODES: [Eof; 3] = [Eof::Half, Eof::Each, Eof::Full];

/// What can happen to a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fact {
    /// There is something to send that the kernel does not take at once.
    Unsent,
    Sent,
    InputEnds,
    InputAbsent,
    /// Bytes came that have a way to go.
    Undelivered,
    Delivered,
    PeerFinishes,
    Reset,
    SendFails,
    TimesOut,
    Aborts,
}

const FACTS: [Fact; 11] = [
    Fact::Unsent,
    Fact::Sent,
    Fact::InputEnds,
    Fact::InputAbsent,
    Fact::Undelivered,
    Fact::Delivered,
    Fact::PeerFinishes,
    Fact::Reset,
    Fact::SendFails,
    Fact::TimesOut,
    Fact::Aborts,
];

/// The state after this fact; `None` where it cannot happen.
fn after(state: &EndOfStream, fact: Fact) -> Option<EndOfStream> {
    let mut next = state.clone();
    let open = state.broken.is_none();
    let possible = match fact {
        Fact::Unsent => {
            next.unsent = true;
            // Of its own as long as the input is open, as an answer as long as the peer sends.
            let may_send = state.input == Input::Open || !state.peer_finished;
            state.can_send() && !state.unsent && may_send
        }
        Fact::Sent => {
            next.unsent = false;
            state.can_send() && state.unsent
        }
        Fact::InputEnds | Fact::InputAbsent => {
            next.input = match fact {
                Fact::InputEnds => Input::Ended,
                _ => Input::Absent,
            };
            state.can_send() && state.input == Input::Open
        }
        Fact::Undelivered => {
            next.undelivered = true;
            open && !state.peer_finished && !state.undelivered && !state.send_only()
        }
        Fact::Delivered => {
            next.undelivered = false;
            state.undelivered
        }
        Fact::PeerFinishes => {
            next.peer_finished = true;
            next.broken = state.send_failed.then_some(Close::Reset);
            open && !state.peer_finished
        }
        Fact::SendFails => {
            next.send_failed = true;
            next.unsent = false;
            next.broken = state.peer_finished.then_some(Close::Reset);
            state.can_send()
        }
        Fact::Reset | Fact::TimesOut | Fact::Aborts => {
            next.unsent = false;
            next.broken = Some(match fact {
                Fact::Reset => Close::Reset,
                Fact::TimesOut => Close::TimeOut,
                _ => Close::Abort,
            });
            open
        }
    };
    possible.then_some(next)
}

/// Every state that some order of facts leads to, in each mode.
fn reachable() -> Vec<EndOfStream> {
    let mut all = Vec::new();
    for eof in MODES {
        for (send_only, interactive) in [(false, false), (false, true), (true, false), (true, true)]
        {
            let mut start = EndOfStream::new(eof, send_only);
            start.interactive = interactive;
            let mut seen = HashSet::new();
            let mut waiting = vec![start];
            while let Some(mut state) = waiting.pop() {
                if !seen.insert(format!("{state:?}")) {
                    continue;
                }
                all.push(state.clone());
                match state.step() {
                    Step::Close(_) => continue,
                    Step::HalfClose => {
                        state.half_closed = true;
                        waiting.push(state);
                        continue;
                    }
                    Step::GoOn => {}
                }
                waiting.extend(FACTS.iter().filter_map(|fact| after(&state, *fact)));
            }
        }
    }
    assert!(all.len() > 500, "only {} states", all.len());
    all
}

#[test]
fn we_finish_sending_once_and_only_when_everything_is_sent() {
    for state in reachable() {
        if state.step() == Step::HalfClose {
            assert!(!state.unsent && !state.half_closed, "{state:?}");
            assert!(!state.send_failed && state.broken.is_none(), "{state:?}");
            assert_ne!(state.input, Input::Open, "{state:?}");
        }
    }
}

#[test]
fn an_absent_input_finishes_only_after_the_peer() {
    for state in reachable() {
        if state.input == Input::Absent && !state.peer_finished && !state.send_only {
            assert!(
                matches!(state.step(), Step::GoOn) || state.broken.is_some(),
                "{state:?}"
            );
        }
    }
}

#[test]
fn a_release_leaves_nothing_behind_and_no_direction_open() {
    for state in reachable() {
        if state.step() == Step::Close(Close::Release) {
            assert!(!state.unsent && !state.undelivered, "{state:?}");
            assert!(state.peer_finished, "{state:?}");
            let ours_ended = state.input != Input::Open;
            let need_not = match state.eof {
                Eof::Half => state.interactive,
                Eof::Each => false,
                Eof::Full => true,
            };
            assert!(ours_ended || need_not, "{state:?}");
        }
    }
}

#[test]
fn lingering_is_for_a_peer_that_may_still_send_what_nobody_wants() {
    for state in reachable() {
        if state.step() == Step::Close(Close::Linger) {
            assert!(!state.unsent && !state.peer_finished, "{state:?}");
            assert!(state.send_only || state.eof == Eof::Full, "{state:?}");
            assert_ne!(state.input, Input::Open, "{state:?}");
        }
    }
}

#[test]
fn a_reset_waits_for_delivery_and_for_nothing_else() {
    for state in reachable() {
        let Some(close) = state.broken else { continue };
        let waits = state.undelivered && close != Close::Abort;
        let expected = if waits {
            Step::GoOn
        } else {
            Step::Close(close)
        };
        assert_eq!(state.step(), expected, "{state:?}");
    }
}

#[test]
fn when_both_directions_have_ended_the_connection_closes() {
    let mut closes = 0;
    for state in reachable() {
        let both = state.peer_finished && state.input != Input::Open;
        let done = both && !state.unsent && !state.undelivered;
        if done && state.broken.is_none() && !state.send_failed {
            assert_eq!(state.step(), Step::Close(Close::Release), "{state:?}");
            closes += 1;
        }
    }
    assert!(closes > 20, "{closes}");
}

#[test]
fn a_failed_send_waits_for_the_last_words_of_the_peer_and_then_ends() {
    for state in reachable() {
        if !state.send_failed || state.broken.is_some() {
            continue;
        }
        assert_eq!(state.step(), Step::GoOn, "{state:?}");
        let mut ended = after(&state, Fact::PeerFinishes).unwrap();
        ended.undelivered = false;
        assert_eq!(ended.step(), Step::Close(Close::Reset), "{state:?}");
    }
}

#[test]
fn from_every_state_the_ends_of_both_directions_lead_to_exactly_one_close() {
    use Fact::{Delivered, InputEnds, PeerFinishes, Sent};
    let orders = [
        [Sent, InputEnds, Delivered, PeerFinishes],
        [PeerFinishes, Delivered, InputEnds, Sent],
        [InputEnds, PeerFinishes, Sent, Delivered],
        [PeerFinishes, Sent, Delivered, InputEnds],
    ];
    for start in reachable() {
        for order in orders {
            let mut state = start.clone();
            // Twice, because a fact can make another one possible.
            let mut facts = order.iter().chain(&order);
            let mut half_closes = usize::from(state.half_closed);
            loop {
                match state.step() {
                    Step::Close(_) => break,
                    Step::HalfClose => {
                        half_closes += 1;
                        state.half_closed = true;
                    }
                    Step::GoOn => {
                        let fact = facts.next();
                        let fact = fact.unwrap_or_else(|| panic!("{start:?} {order:?}"));
                        state = after(&state, *fact).unwrap_or(state);
                    }
                }
            }
            assert!(half_closes <= 1, "{start:?}");
        }
    }
}

/// One cell of the table: who has ended, what waits, and what is to be done.
struct Cell {
    eof: Eof,
    input: Input,
    interactive: bool,
    peer_finished: bool,
    idle: Step,
    unsent: Step,
    undelivered: Step,
}

const fn cell(eof: Eof, (input, interactive): (Input, bool), peer_finished: bool) -> Cell {
    Cell {
        eof,
        input,
        interactive,
        peer_finished,
        idle: Step::GoOn,
        unsent: Step::GoOn,
        undelivered: Step::GoOn,
    }
}

impl Cell {
    /// What is to be done when nothing waits, when something is unsent, when it is undelivered.
    const fn does(mut self, idle: Step, unsent: Step, undelivered: Step) -> Self {
        (self.idle, self.unsent, self.undelivered) = (idle, unsent, undelivered);
        self
    }
}

const PIPE: (Input, bool) = (Input::Open, false);
const PIPE_ENDED: (Input, bool) = (Input::Ended, false);
const TERMINAL: (Input, bool) = (Input::Open, true);
const TERMINAL_ENDED: (Input, bool) = (Input::Ended, true);
const ABSENT: (Input, bool) = (Input::Absent, false);

const GO_ON: Step = Step::GoOn;
const HALF_CLOSE: Step = Step::HalfClose;
const RELEASE: Step = Step::Close(Close::Release);
const LINGER: Step = Step::Close(Close::Linger);

/// The same for `listen` and `connect`: they differ in what the program does after the close.
fn table() -> Vec<Cell> {
    use Eof::{Each, Full, Half};
    vec![
        cell(Half, PIPE, false),
        cell(Half, PIPE, true),
        cell(Half, TERMINAL, false),
        cell(Half, TERMINAL, true).does(RELEASE, GO_ON, GO_ON),
        cell(Half, PIPE_ENDED, false).does(HALF_CLOSE, GO_ON, HALF_CLOSE),
        cell(Half, PIPE_ENDED, true).does(RELEASE, GO_ON, HALF_CLOSE),
        cell(Half, TERMINAL_ENDED, false).does(HALF_CLOSE, GO_ON, HALF_CLOSE),
        cell(Half, TERMINAL_ENDED, true).does(RELEASE, GO_ON, HALF_CLOSE),
        cell(Half, ABSENT, false),
        cell(Half, ABSENT, true).does(RELEASE, GO_ON, HALF_CLOSE),
        cell(Each, PIPE, false),
        cell(Each, PIPE, true),
        cell(Each, TERMINAL, true),
        cell(Each, PIPE_ENDED, false).does(HALF_CLOSE, GO_ON, HALF_CLOSE),
        cell(Each, PIPE_ENDED, true).does(RELEASE, GO_ON, HALF_CLOSE),
        cell(Each, ABSENT, false),
        cell(Each, ABSENT, true).does(RELEASE, GO_ON, HALF_CLOSE),
        cell(Full, PIPE, false),
        cell(Full, PIPE, true).does(RELEASE, GO_ON, GO_ON),
        cell(Full, TERMINAL, true).does(RELEASE, GO_ON, GO_ON),
        cell(Full, PIPE_ENDED, false).does(LINGER, GO_ON, HALF_CLOSE),
        cell(Full, PIPE_ENDED, true).does(RELEASE, GO_ON, HALF_CLOSE),
        cell(Full, ABSENT, false),
        cell(Full, ABSENT, true).does(RELEASE, GO_ON, HALF_CLOSE),
    ]
}

#[test]
fn every_cell_of_the_table_of_the_end_of_stream_holds() {
    for cell in table() {
        let mut state = EndOfStream::new(cell.eof, false);
        state.input = cell.input;
        state.interactive = cell.interactive;
        state.peer_finished = cell.peer_finished;
        assert_eq!(state.step(), cell.idle, "{state:?}");
        state.unsent = true;
        assert_eq!(state.step(), cell.unsent, "{state:?}");
        state.undelivered = true;
        assert_eq!(state.step(), GO_ON, "{state:?}");
        state.unsent = false;
        assert_eq!(state.step(), cell.undelivered, "{state:?}");
    }
}

#[test]
fn who_only_sends_closes_when_that_is_done_whatever_the_peer_does() {
    for eof in MODES {
        for input in [Input::Ended, Input::Absent] {
            for peer_finished in [false, true] {
                let mut state = EndOfStream::new(eof, true);
                state.input = input;
                state.peer_finished = peer_finished;
                let expected = if peer_finished { RELEASE } else { LINGER };
                assert_eq!(state.step(), expected, "{state:?}");
                state.unsent = true;
                assert_eq!(state.step(), GO_ON, "{state:?}");
            }
        }
    }
}

/// Counted by `scripts/instructions`: each time the five looks that a connection takes from its
/// first byte to its close.
#[inline(never)]
fn instructions_of_end_of_stream(times: u32) -> u32 {
    let mut closes = 0;
    for _ in 0..times {
        let mut end = std::hint::black_box(EndOfStream::new(Eof::Half, false));
        assert_eq!(end.step(), Step::GoOn);
        end.unsent = true;
        assert_eq!(end.step(), Step::GoOn);
        end.unsent = false;
        end.input = Input::Ended;
        assert_eq!(end.step(), Step::HalfClose);
        end.half_closed = true;
        assert_eq!(end.step(), Step::GoOn);
        end.peer_finished = true;
        closes += u32::from(matches!(end.step(), Step::Close(_)));
    }
    closes
}

#[test]
#[ignore = "scripts/instructions counts it"]
fn counted_end_of_stream() {
    assert_eq!(instructions_of_end_of_stream(1000), 1000);
}
