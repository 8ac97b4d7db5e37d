//! Which command is meant, before its options are read.
//!
//! The command may stand behind options, and it may be left out: `ft HOST PORT` connects. So the
//! first word that is neither an option nor the value of one decides.

use std::ffi::{OsStr, OsString};

use clap::Command;
use fivetuple::Address;

use super::Exit;
use super::failure::said;
use super::values::nearest;
use crate::plan::Typed;

/// The commands of this release.
pub(super) const VERBS: [&str; 9] = [
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

/// Commands of later releases: not the names of machines, which would be looked up.
const LATER: [&str; 3] = ["board", "ports", "diagram"];

/// A command line that begins with its command, if it has one.
pub(super) struct Words {
    pub(super) verb: Option<&'static str>,
    rest: Vec<OsString>,
}

impl Words {
    /// As clap wants them, the program's name first.
    pub(super) fn argv(&self) -> impl Iterator<Item = OsString> {
        let verb = self.verb.map(OsString::from);
        [OsString::from("ft")]
            .into_iter()
            .chain(verb)
            .chain(self.rest.iter().cloned())
    }

    /// For whom it is repeated to. The first word that is no option is the address, unless the
    /// sockets were passed.
    pub(super) fn typed(&self, command: &Command) -> Typed {
        let plain = plain_words(&self.rest, command);
        let passed = |word: &OsString| word.as_encoded_bytes().starts_with(b"--listen-fd");
        let address = plain.first().filter(|_| !self.rest.iter().any(passed));
        let mut typed = Typed::verb(self.verb.unwrap_or("connect"));
        let mut options = true;
        let mut is_value = false;
        for (at, word) in self.rest.iter().enumerate() {
            options &= word != "--";
            if std::mem::take(&mut is_value) {
                typed.value(word);
            } else if address == Some(&at) {
                typed.address(word);
            } else {
                typed.word(word);
                is_value = options && takes_value(word, command);
            }
        }
        typed
    }
}

/// Brings the command to the front.
pub(super) fn first(mut argv: Vec<OsString>, command: &Command) -> Result<Words, Exit> {
    let words = plain_words(&argv, command);
    let Some(at) = words.first().copied() else {
        // Options alone are those of ft, or of a call without an address.
        let own = ["-h", "--help", "-V", "--version"];
        let of_ft = argv.iter().all(|word| own.iter().any(|own| word == own));
        let verb = (!of_ft).then_some("connect");
        return Ok(Words { verb, rest: argv });
    };
    let first = argv.get(at).cloned().unwrap_or_default();
    if let Some(verb) = VERBS.into_iter().find(|verb| first == *verb) {
        argv.remove(at);
        return Ok(Words {
            verb: Some(verb),
            rest: argv,
        });
    }
    if first == "help" {
        argv.remove(at);
        return help(argv);
    }
    later(&first)?;
    unknown(&first.to_string_lossy(), words.len())?;
    Ok(Words {
        verb: Some("connect"),
        rest: argv,
    })
}

/// `ft help`, `ft help VERB`.
fn help(mut rest: Vec<OsString>) -> Result<Words, Exit> {
    rest.retain(|word| !word.as_encoded_bytes().starts_with(b"-"));
    let Some(word) = rest.first() else {
        let rest = vec!["--help".into()];
        return Ok(Words { verb: None, rest });
    };
    if let Some(verb) = VERBS.into_iter().find(|verb| word == verb) {
        rest = vec!["--help".into()];
        return Ok(Words {
            verb: Some(verb),
            rest,
        });
    }
    later(word)?;
    let sentence = match nearest(&word.to_string_lossy(), VERBS) {
        Some(verb) => format!("unknown command '{}'; did you mean '{verb}'?", said(word)),
        None => format!(
            "unknown command '{0}'; to have the word explained: ft explain {0}",
            said(word)
        ),
    };
    Err(Exit::usage(None, &sentence))
}

/// Says so if the word is a command of a later release.
fn later(word: &OsStr) -> Result<(), Exit> {
    match LATER.into_iter().find(|verb| word == *verb) {
        None => Ok(()),
        Some(verb) => Err(Exit {
            status: 2,
            text: format!("ft {verb}: not in this release\ntry: ft --help\n"),
            to_stdout: false,
        }),
    }
}

/// Says so if the first word is a misspelt command and no address.
fn unknown(word: &str, words: usize) -> Result<(), Exit> {
    if word.contains(':') || word.parse::<Address>().is_ok() {
        return Ok(());
    }
    let sentence = match nearest(word, VERBS) {
        Some(verb) => format!("unknown command '{}'; did you mean '{verb}'?", said(word)),
        None if words == 1 && !word.contains(['.', ',', '-', '[', '/']) => format!(
            "unknown command '{0}'; to call a machine of that name, write its port too: ft {0} PORT",
            said(word)
        ),
        None => return Ok(()),
    };
    Err(Exit::usage(None, &sentence))
}

#[cfg(test)]
pub(super) fn is_later(word: &str) -> bool {
    LATER.contains(&word)
}

/// Where the words stand that are neither options nor their values.
fn plain_words(argv: &[OsString], command: &Command) -> Vec<usize> {
    let mut found = Vec::new();
    let mut is_value = false;
    for (at, word) in argv.iter().enumerate() {
        if word == "--" {
            break;
        }
        if std::mem::take(&mut is_value) {
            continue;
        }
        let is_option = word != "-" && word.as_encoded_bytes().starts_with(b"-");
        if is_option {
            is_value = takes_value(word, command);
        } else {
            found.push(at);
        }
    }
    found
}

/// Whether the word behind this option belongs to it. No option takes a value in one command only.
pub(super) fn takes_value(option: &OsStr, command: &Command) -> bool {
    let Some(name) = option.to_str().and_then(|option| option.strip_prefix('-')) else {
        return false;
    };
    let is_it = |argument: &clap::Arg| match name.strip_prefix('-') {
        Some(long) => argument.get_long() == Some(long),
        // Of several short ones in a word, only the last could take the word behind.
        None => argument
            .get_short()
            .is_some_and(|short| name.ends_with(short) && name.chars().all(char::is_alphanumeric)),
    };
    command
        .get_subcommands()
        .flat_map(Command::get_arguments)
        .filter(|argument| is_it(argument))
        .any(|argument| argument.get_action().takes_values())
}
