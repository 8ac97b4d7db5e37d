//! The command line as it was typed, for advice that repeats it with a change.

use std::ffi::OsStr;
use std::fmt;

use crate::shell;

/// A command, each of its words quoted for a shell, so that it can be printed as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Typed {
    verb: &'static str,
    /// What stands behind the verb; an option and its value are one part.
    parts: Vec<String>,
    /// The part that is the address, if one was written.
    address: Option<usize>,
    /// What stands in front of an address: nothing, or `udp:`.
    scheme: &'static str,
}

impl Typed {
    /// A command of which only the verb is known.
    pub(crate) fn verb(verb: &'static str) -> Self {
        Self {
            verb,
            parts: Vec::new(),
            address: None,
            scheme: "",
        }
    }

    /// One more word, or an option.
    pub(crate) fn word(&mut self, word: impl AsRef<OsStr>) {
        self.parts.push(shell::word(word));
    }

    /// The value of the option that was the last word.
    pub(crate) fn value(&mut self, value: impl AsRef<OsStr>) {
        if let Some(option) = self.parts.last_mut() {
            option.push(' ');
            option.push_str(&shell::word(value));
        }
    }

    /// The next word is the address.
    pub(crate) fn address(&mut self, address: &OsStr) {
        let is_udp = |scheme: &[u8]| scheme.eq_ignore_ascii_case(b"udp:");
        if address.as_encoded_bytes().get(..4).is_some_and(is_udp) {
            self.scheme = "udp:";
        }
        self.address = Some(self.parts.len());
        self.word(address);
    }

    /// Whether it waits for clients. The log of a server has a line when a connection is accepted
    /// and one when it has closed.
    pub(crate) fn serves(&self) -> bool {
        ["listen", "relay"].contains(&self.verb)
    }

    /// Whether this option was written.
    pub(crate) fn has(&self, option: &str) -> bool {
        let options = self.parts.iter().take_while(|part| *part != "--");
        let mut written = options.filter_map(|part| part.split([' ', '=']).next());
        written.any(|written| written == option)
    }

    /// Whether it is about datagrams.
    pub(crate) fn is_of_datagrams(&self) -> bool {
        !self.scheme.is_empty()
    }

    /// The same command at another address of the same kind.
    pub(crate) fn at(&self, address: &str) -> String {
        let mut other = self.clone();
        let address = shell::word(format!("{}{address}", self.scheme));
        match self.address.and_then(|at| other.parts.get_mut(at)) {
            Some(part) => *part = address,
            None => other.parts.push(address),
        }
        other.to_string()
    }

    /// The same command with this option in place of those that it excludes; none if only the verb
    /// is known.
    pub(crate) fn with(&self, option: &str, value: Option<&str>) -> Option<String> {
        self.address?;
        let families = ["-4", "-6"];
        let excluded = |part: &String| {
            let written = part.split([' ', '=']).next().unwrap_or(part);
            written == option || (families.contains(&option) && families.contains(&written))
        };
        let mut other = Self::verb(self.verb);
        other.word(option);
        if let Some(value) = value {
            other.value(value);
        }
        // Behind -- there are no options.
        let end = self.parts.iter().position(|part| part == "--");
        let (options, rest) = self.parts.split_at(end.unwrap_or(self.parts.len()));
        let kept = options.iter().filter(|part| !excluded(part));
        other.parts.extend(kept.chain(rest).cloned());
        Some(other.to_string())
    }
}

/// The command.
impl fmt::Display for Typed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ft {}", self.verb)?;
        for part in &self.parts {
            write!(f, " {part}")?;
        }
        Ok(())
    }
}
