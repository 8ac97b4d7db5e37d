//! `ft explain`: every topic can be found, fits the screen, and keeps the vocabulary.

#[path = "../src/explain/mod.rs"]
mod explain;

use std::collections::{HashMap, HashSet};

use explain::{Topic, Unknown, events, index, lookup, render, schema, topics};

/// Columns of the terminal that everything must fit.
const COLUMNS: usize = 80;
/// Lines of a topic, and of the two that are tables.
const LINES: usize = 40;
const LINES_OF_TABLES: usize = 80;
/// A topic without a command to type: no command of a safe program produces it.
const WITHOUT_EXAMPLE: &[&str] = &["EFAULT"];
/// Names that differ only in case or in the dashes of an option. The name as typed decides.
const SHARED: &[&str] = &[
    "listen",
    "backlog",
    "eof",
    "events",
    "source",
    "halfclosed",
    "status",
    "exec",
    "close",
    "duration",
    "size",
    "json",
];
/// The first word of every command that an example may show.
const COMMANDS: &[&str] = &[
    "ft", "ss", "ip", "nft", "sysctl", "ulimit", "getent", "cat", "printf", "seq", "kill",
];
/// The verbs of this release.
const VERBS: &[&str] = &[
    "listen",
    "connect",
    "relay",
    "bench",
    "code",
    "explain",
    "demo",
    "completions",
    "man",
];

/// Words for which the project has a better one; see CONTRIBUTING.md.
const BANNED: &[&str] = &[
    "session",
    "sessions",
    "channel",
    "channels",
    "link",
    "links",
    "remote",
    "foreign",
    "upstream",
    "downstream",
    "disconnect",
    "disconnects",
    "disconnected",
    "drop",
    "drops",
    "dropped",
    "kill",
    "kills",
    "killed",
    "hang up",
    "hangs up",
    "other end",
    "client socket",
    "server socket",
    "packet",
    "packets",
    "rx",
    "tx",
    "handler",
    "manager",
    "helper",
    "utils",
    "misc",
    "timeout",
    "timeouts",
    "stream",
    "streams",
    "conn",
    "addr",
];

fn letters(word: &str) -> String {
    word.chars()
        .filter(|c| c.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect()
}

fn found(word: &str) -> &'static str {
    lookup(word).map_or("nothing", |topic: &Topic| topic.name)
}

#[test]
fn the_number_of_an_errno_is_a_word() {
    for (number, name) in [
        ("28", "ENOSPC"),
        ("98", "EADDRINUSE"),
        ("111", "ECONNREFUSED"),
    ] {
        assert_eq!(lookup(number).ok().map(|topic| topic.name), Some(name));
    }
    for none in ["4000", "4096", "0", "2147483647"] {
        assert!(lookup(none).is_err(), "{none}");
    }
    // Less than nothing is no number of an errno, whatever else it may be.
    assert_ne!(found("-111"), "ECONNREFUSED");
}

#[test]
fn every_topic_fits_the_screen() {
    for topic in topics() {
        let text = render(topic, COLUMNS);
        for line in text.lines() {
            assert!(line.chars().count() <= COLUMNS, "{}: {line}", topic.name);
        }
        let table = ["eof", "events"].contains(&topic.name);
        let limit = if table { LINES_OF_TABLES } else { LINES };
        assert!(
            text.lines().count() <= limit,
            "{}: {} lines",
            topic.name,
            text.lines().count()
        );
        assert!(
            !text.contains("\n\n\n") && text.ends_with('\n'),
            "{}",
            topic.name
        );
    }
}

#[test]
fn a_narrow_screen_wraps_what_can_be_wrapped() {
    let topic = lookup("TIME-WAIT").unwrap();
    let prose = render(topic, 50);
    let long = prose
        .lines()
        .filter(|line| line.chars().count() > 50 && !line.starts_with("  "));
    assert_eq!(long.count(), 0, "{prose}");
    assert!(render(topic, 0).lines().count() < 100);
}

#[test]
fn every_topic_has_something_to_type() {
    for topic in topics() {
        let without = WITHOUT_EXAMPLE.contains(&topic.name);
        assert_eq!(topic.examples.is_empty(), without, "{}", topic.name);
        assert!(
            !topic.body.is_empty() && !topic.summary.is_empty(),
            "{}",
            topic.name
        );
    }
}

#[test]
fn every_example_is_a_known_command() {
    for example in topics().flat_map(|topic| topic.examples) {
        let words: Vec<&str> = example.command.split_whitespace().collect();
        let first = words.first().copied().unwrap_or_default();
        assert!(COMMANDS.contains(&first), "{}", example.command);
        for pair in words.windows(2).filter(|pair| pair[0] == "ft") {
            assert!(VERBS.contains(&pair[1]), "{}", example.command);
        }
    }
}

/// A shell would take `*` and `[` for file names.
#[test]
fn every_example_survives_the_shell() {
    for example in topics().flat_map(|topic| topic.examples) {
        let mut bare = example.command.split('\'').step_by(2);
        assert!(
            bare.all(|part| !part.contains(['*', '['])),
            "{}",
            example.command
        );
    }
}

#[test]
fn every_option_in_an_example_is_explained() {
    for example in topics().flat_map(|topic| topic.examples) {
        let Some(at) = example.command.find("ft ") else {
            continue;
        };
        let ours = example.command[at..]
            .split(" | ")
            .next()
            .unwrap_or_default();
        for word in ours.split_whitespace().take_while(|word| *word != "--") {
            if word.len() > 1 && word.starts_with('-') {
                assert_eq!(found(word), word, "{}", example.command);
            }
        }
    }
}

#[test]
fn every_see_also_leads_somewhere_else() {
    for topic in topics() {
        let mut seen = HashSet::new();
        for name in topic.see_also {
            assert_eq!(found(name), *name, "{} names {name}", topic.name);
            assert_ne!(*name, topic.name);
            assert!(seen.insert(name), "{} names {name} twice", topic.name);
        }
    }
}

#[test]
fn no_name_means_two_things() {
    let mut exact = HashSet::new();
    let mut owners: HashMap<String, &str> = HashMap::new();
    for topic in topics() {
        for name in [topic.name].iter().chain(topic.aliases) {
            assert!(exact.insert(*name), "{name} stands in two places");
            let letters = letters(name);
            let owner = *owners.entry(letters.clone()).or_insert(topic.name);
            let shared = SHARED.contains(&letters.as_str());
            assert!(
                owner == topic.name || shared,
                "{name}: {owner} or {}",
                topic.name
            );
        }
    }
}

#[test]
fn a_word_is_found_however_it_is_typed() {
    let cases = [
        ("eaddrinuse", "EADDRINUSE"),
        ("Address already in use", "EADDRINUSE"),
        ("EWOULDBLOCK", "EAGAIN"),
        ("eai_noname", "EAI_NONAME"),
        ("EAINONAME", "EAI_NONAME"),
        ("time_wait", "TIME-WAIT"),
        ("TimeWait", "TIME-WAIT"),
        ("time wait", "TIME-WAIT"),
        ("estab", "ESTABLISHED"),
        ("Five Tuple", "five-tuple"),
        ("5-tuple", "five-tuple"),
        ("connect()", "connect"),
        ("half-closed", "half-close"),
        ("--half-closed", "--half-closed"),
        ("max-connections", "--max-connections"),
        ("max_per_ip", "--max-per-ip"),
        ("--recv-only", "--receive-only"),
        ("v", "-v"),
        ("-4", "-4"),
        ("nagle", "Nagle"),
        ("localhost", "loopback"),
    ];
    for (typed, name) in cases {
        assert_eq!(found(typed), name, "{typed}");
    }
}

#[test]
fn case_and_dashes_decide_between_topics_that_share_their_letters() {
    for (typed, name) in [
        ("listen", "listen"),
        ("LISTEN", "LISTEN"),
        ("Listen", "listen"),
        ("eof", "eof"),
        ("EOF", "eof"),
        ("--eof", "--eof"),
        ("--EOF", "--eof"),
        ("backlog", "backlog"),
        ("--backlog", "--backlog"),
        ("events", "events"),
        ("--events", "--events"),
        ("exit status", "status"),
        ("--status", "--status"),
    ] {
        assert_eq!(found(typed), name, "{typed}");
    }
}

#[test]
fn every_name_is_found_in_any_case() {
    for topic in topics() {
        let small = letters(topic.name);
        if !SHARED.contains(&small.as_str()) {
            assert_eq!(found(&topic.name.to_lowercase()), topic.name);
            assert_eq!(found(&topic.name.to_uppercase()), topic.name);
            assert_eq!(found(&topic.name.replace('-', "_")), topic.name);
        }
    }
}

#[test]
fn an_unknown_word_names_the_nearest() {
    let nearest = |word: &str| lookup(word).err().and_then(|unknown| unknown.nearest);
    assert_eq!(nearest("EADRINUSE"), Some("EADDRINUSE"));
    assert_eq!(nearest("econrefused"), Some("ECONNREFUSED"));
    assert_eq!(nearest("time-wiat"), Some("TIME-WAIT"));
    assert_eq!(nearest("--dedline"), Some("--deadline"));
    for word in ["", "--", "bananas and cream", "€"] {
        assert_eq!(
            lookup(word).err(),
            Some(Unknown { nearest: None }),
            "{word}"
        );
    }
}

#[test]
fn the_index_names_every_topic_once() {
    let index = index(COLUMNS);
    assert!(index.lines().all(|line| line.chars().count() <= COLUMNS));
    let words: Vec<&str> = index.lines().flat_map(|line| line.split("  ")).collect();
    for topic in topics() {
        let times = words.iter().filter(|word| **word == topic.name).count();
        assert_eq!(times, 1, "{}", topic.name);
    }
}

#[test]
fn the_eleven_states_are_those_of_the_rfc() {
    for state in [
        "LISTEN",
        "SYN-SENT",
        "SYN-RECEIVED",
        "ESTABLISHED",
        "FIN-WAIT-1",
        "FIN-WAIT-2",
        "CLOSE-WAIT",
        "CLOSING",
        "LAST-ACK",
        "TIME-WAIT",
        "CLOSED",
    ] {
        assert_eq!(found(state), state);
    }
}

#[test]
fn every_key_of_every_event_is_explained_once() {
    let known: HashSet<&str> = events::KEYS.iter().map(|key| key.key).collect();
    assert_eq!(known.len(), events::KEYS.len());
    let mut names = HashSet::new();
    let mut used: HashSet<&str> = events::COMMON.iter().copied().collect();
    for event in schema() {
        assert!(
            names.insert(event.event),
            "{} stands in two places",
            event.event
        );
        let keys: Vec<&str> = event
            .required
            .iter()
            .chain(event.optional)
            .copied()
            .collect();
        let unique: HashSet<&str> = keys.iter().copied().collect();
        assert_eq!(unique.len(), keys.len(), "{}", event.event);
        used.extend(unique);
    }
    assert_eq!(used, known);
}

#[test]
fn the_events_topic_shows_the_schema() {
    let text = render(lookup("events").unwrap(), COLUMNS);
    for event in schema() {
        assert!(
            text.contains(&format!("\n  {}", event.event)),
            "{}",
            event.event
        );
    }
    for key in events::KEYS {
        assert!(text.contains(key.key), "{}", key.key);
    }
}

#[test]
fn the_example_line_of_the_events_topic_obeys_the_schema() {
    let text = render(lookup("events").unwrap(), COLUMNS);
    let lines = text
        .lines()
        .skip_while(|line| !line.trim_start().starts_with('{'));
    let json: String = lines.take_while(|line| !line.is_empty()).collect();
    let line: serde_json::Value = serde_json::from_str(&json).unwrap();
    let event = schema()
        .iter()
        .find(|event| event.event == line["event"])
        .unwrap();
    let wanted: HashSet<&str> = events::COMMON
        .iter()
        .chain(event.required)
        .copied()
        .collect();
    let keys: HashSet<&str> = line
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    assert_eq!(keys, wanted);
}

/// Everything that is read, without the commands and without fixed lines such as prototypes.
#[test]
fn the_vocabulary_is_kept() {
    for topic in topics() {
        let text = render(topic, COLUMNS);
        let prose = text
            .lines()
            .filter(|line| !topic.examples.iter().any(|e| line.contains(e.command)))
            .collect::<Vec<_>>()
            .join(" ");
        let notes: Vec<&str> = topic.examples.iter().map(|example| example.shows).collect();
        let prose = format!("{prose} {}", notes.join(" ")).to_lowercase();
        let allowed = prose
            .replace("end of stream", "")
            .replace("--connect-timeout", "")
            .replace("--reply-timeout", "")
            .replace("*addr", "")
            // The value of --slow.
            .replace("drop-oldest", "")
            // The name of an event, in its table.
            .replace("  dropped  ", "");
        let words: String = allowed
            .chars()
            .map(|c| {
                if c.is_alphanumeric() || c == '_' {
                    c
                } else {
                    ' '
                }
            })
            .collect();
        let words = format!(
            " {} ",
            words.split_whitespace().collect::<Vec<_>>().join(" ")
        );
        for banned in BANNED {
            assert!(
                !words.contains(&format!(" {banned} ")),
                "{}: {banned}",
                topic.name
            );
        }
    }
}
