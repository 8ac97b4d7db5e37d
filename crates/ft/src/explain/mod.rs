//! `ft explain`: every errno, TCP state, step, option and word, each with a command to type.
//!
//! The texts are tables of plain data; this file finds a topic, [`render`](render()) makes text
//! of it. Nothing here opens a socket or writes to a stream.

mod errno;
pub(crate) mod events;
mod option;
mod render;
mod state;
mod step;
mod topic;
mod word;

use fivetuple::call::{Code, Errno};

pub(crate) use render::{index, render};
pub(crate) use topic::{Group, Topic};

/// Every group, in the order of the index. In a doubtful case the earlier group wins.
pub(crate) static GROUPS: &[Group] = &[
    Group {
        title: "words",
        tables: word::TABLES,
    },
    Group {
        title: "steps",
        tables: &[step::TOPICS],
    },
    Group {
        title: "TCP states",
        tables: &[state::TOPICS],
    },
    Group {
        title: "errno",
        tables: errno::TABLES,
    },
    Group {
        title: "name resolution",
        tables: &[errno::RESOLVER],
    },
    Group {
        title: "options",
        tables: option::TABLES,
    },
];

/// Nearer than this share of equal letters counts as a slip of the finger.
const NEAREST_MIN: f64 = 0.6;

/// The word is not in the tables.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unknown {
    /// The name of the topic that is spelled most like it, if one is near.
    pub(crate) nearest: Option<&'static str>,
}

/// Every topic, group by group; for shell completion and for the tests.
pub(crate) fn topics() -> impl Iterator<Item = &'static Topic> {
    GROUPS.iter().flat_map(Group::topics)
}

/// The keys of every event, besides [`events::COMMON`]; a test holds real output against it.
pub(crate) fn schema() -> &'static [events::EventSchema] {
    events::EVENTS
}

/// Finds a topic by a name or an alias.
///
/// Case, hyphens, underscores, spaces and punctuation do not matter, and neither do the dashes of
/// an option. They decide where two topics share their letters: `listen` is the step and `LISTEN`
/// the state, `eof` is the word and `--eof` the option.
pub(crate) fn lookup(word: &str) -> Result<&'static Topic, Unknown> {
    let typed = word.trim();
    if let Some(topic) = topics().find(|topic| spellings(topic).any(|name| name == typed)) {
        return Ok(topic);
    }
    if let Some(topic) = typed.parse().ok().and_then(of_number) {
        return Ok(topic);
    }
    let wanted = key(typed);
    if wanted.is_empty() {
        return Err(Unknown { nearest: None });
    }
    let same = |topic: &&Topic| spellings(topic).any(|name| key(name) == wanted);
    let wants_option = typed.starts_with('-');
    let option = |topic: &&Topic| wants_option && topic.name.starts_with('-');
    let found = topics()
        .filter(option)
        .find(same)
        .or_else(|| topics().find(same));
    found.ok_or_else(|| Unknown {
        nearest: nearest(&wanted),
    })
}

/// The topic of an errno by its number; Linux has none above 4095.
fn of_number(number: i32) -> Option<&'static Topic> {
    if !(1..=4095).contains(&number) {
        return None;
    }
    let name = Code::Errno(Errno::from_raw_os_error(number)).name();
    topics().find(|topic| topic.name == name)
}

/// The name of a topic and its aliases.
fn spellings(topic: &Topic) -> impl Iterator<Item = &'static str> {
    std::iter::once(topic.name).chain(topic.aliases.iter().copied())
}

/// The letters and digits of a word, in lower case.
fn key(word: &str) -> String {
    word.chars()
        .filter(|c| c.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect()
}

fn nearest(wanted: &str) -> Option<&'static str> {
    topics()
        .flat_map(|topic| spellings(topic).map(|name| (likeness(wanted, name), topic.name)))
        .filter(|(likeness, _)| *likeness >= NEAREST_MIN)
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .map(|(_, name)| name)
}

fn likeness(wanted: &str, name: &str) -> f64 {
    strsim::normalized_damerau_levenshtein(wanted, &key(name))
}
