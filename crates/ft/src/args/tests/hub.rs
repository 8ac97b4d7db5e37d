//! The options of hub and chat, and when lines are edited.

use fivetuple::service::{HubOptions, Messages, Slow};

use super::*;
use crate::plan::Hub;

fn hub(line: &str) -> Hub {
    match listen(line).service {
        Service::Hub(hub) | Service::Chat(hub) => hub,
        other => panic!("{line}: {other:?}"),
    }
}

#[test]
fn a_bare_hub_and_a_bare_chat_have_the_defaults_of_the_library() {
    for line in ["listen 8080 hub", "listen 8080 chat"] {
        let hub = hub(line);
        assert_eq!(hub.options, HubOptions::default());
        assert_eq!(hub.console, None);
    }
}

#[test]
fn options_of_a_hub_land_in_their_fields() {
    let hub = hub(
        "listen 8080 hub --messages chunks --max-behind 2Mi --max-line 1k --rooms --history 9 \
         --slow close --console",
    );
    let expected = HubOptions {
        messages: Messages::Chunks,
        slow: Slow::Close,
        max_behind: 2 << 20,
        max_line: 1000,
        rooms: true,
        history: 9,
        ask_within: HubOptions::default().ask_within,
    };
    assert_eq!(hub.options, expected);
    let console = hub.console.expect("it was asked for");
    assert!(console.input && console.output && !console.visible);
}

#[test]
fn a_line_fits_into_what_a_member_may_be_behind() {
    assert_eq!(
        hub("listen 8080 hub --max-behind 1k").options.max_line,
        1000
    );
    let long = hub("listen 8080 hub --max-line 1M").options;
    assert_eq!((long.max_line, long.max_behind), (1_000_000, 1_000_000));
}

#[test]
fn lines_are_edited_where_stdin_and_stdout_are_a_terminal_and_nothing_else_writes_to_it() {
    let terminals = |stdin, stdout| Terminals {
        stdin,
        stdout,
        stderr: true,
    };
    let dumb = Environment {
        term_dumb: true,
        ..Environment::default()
    };
    let edits = |line: &str, terminals, environment: &Environment| match planned(
        line,
        terminals,
        environment,
    ) {
        Ok(Plan::Connect(plan)) => plan.edit,
        other => panic!("{line}: {other:?}"),
    };
    let both = terminals(true, true);
    let plain = Environment::default();
    assert!(edits("connect 8080", both, &plain));
    assert!(edits(
        "connect 8080 --crlf --events run.jsonl",
        both,
        &plain
    ));
    assert!(!edits("connect 8080", both, &dumb));
    assert!(!edits("connect 8080", terminals(true, false), &plain));
    assert!(!edits("connect 8080", terminals(false, true), &plain));
    for option in [
        "--raw",
        "-v",
        "--dump -",
        "--events -",
        "--send-only",
        "--receive-only",
        "--exec -- cat",
    ] {
        assert!(
            !edits(&format!("connect 8080 {option}"), both, &plain),
            "{option}"
        );
    }
}
