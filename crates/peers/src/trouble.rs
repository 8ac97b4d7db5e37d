//! Why a row of the comparison could not be measured.

use std::io;

/// Why a row could not be measured.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// The program is not on this machine.
    #[error("{program} is missing (apt-get install {package})")]
    Missing {
        /// What is looked for.
        program: &'static str,
        /// The Debian package that brings it.
        package: &'static str,
    },
    /// A call of the system failed.
    #[error("{what}: {source}")]
    Call {
        /// What was to be done.
        what: String,
        /// What the system said.
        source: io::Error,
    },
    /// Somebody did something else than the work that was asked for.
    #[error("{who}: {what}")]
    Wrong {
        /// The contender, or the part of the harness.
        who: String,
        /// What it did.
        what: String,
    },
}

impl Trouble {
    /// The same in the same words.
    pub fn again(&self) -> Self {
        match self {
            Self::Missing { program, package } => Self::Missing { program, package },
            Self::Call { what, source } => Self::wrong(what, source.to_string()),
            Self::Wrong { who, what } => Self::wrong(who, what),
        }
    }

    /// Somebody did something else than what was asked for.
    pub fn wrong(who: impl Into<String>, what: impl Into<String>) -> Self {
        Self::Wrong {
            who: who.into(),
            what: what.into(),
        }
    }
}

/// Says what was to be done when a call failed.
pub trait Doing<T> {
    /// The value, or the error with what was to be done.
    ///
    /// # Errors
    ///
    /// The call's own.
    fn doing(self, what: &str) -> Result<T, Trouble>;
}

impl<T, E: Into<io::Error>> Doing<T> for Result<T, E> {
    fn doing(self, what: &str) -> Result<T, Trouble> {
        self.map_err(|source| Trouble::Call {
            what: what.to_owned(),
            source: source.into(),
        })
    }
}
