//! A program to be written in another language, as plain data.

use std::path::PathBuf;

use super::Plan;

/// What `ft code` asks for.
#[derive(Clone, Debug)]
pub(crate) struct Code {
    pub(crate) language: Language,
    pub(crate) model: Model,
    pub(crate) style: Style,
    /// Where it is written to; stdout unless it is said.
    pub(crate) output: Option<PathBuf>,
    /// The command that the program does the work of: words of a shell, safe in a comment of every
    /// language.
    pub(crate) command: String,
    /// What the program does.
    pub(crate) of: Box<Plan>,
}

/// A language that programs are written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Language {
    C,
    Go,
    Java,
    JavaScript,
    Python,
    Rust,
}

impl Language {
    /// All of them, in the order of the alphabet.
    pub(crate) const ALL: [Self; 6] = [
        Self::C,
        Self::Go,
        Self::Java,
        Self::JavaScript,
        Self::Python,
        Self::Rust,
    ];

    /// As it is typed.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::C => "c",
            Self::Go => "go",
            Self::Java => "java",
            Self::JavaScript => "javascript",
            Self::Python => "python",
            Self::Rust => "rust",
        }
    }

    /// The ways to serve many connections that it has, the usual one first.
    pub(crate) const fn models(self) -> &'static [Model] {
        match self {
            Self::C => &[Model::Poll, Model::Threads, Model::Epoll],
            Self::Go => &[Model::Goroutines],
            Self::Java => &[Model::Pool, Model::Virtual],
            Self::JavaScript => &[Model::Events],
            Self::Python => &[Model::Asyncio, Model::Threads, Model::Selectors],
            Self::Rust => &[Model::Threads, Model::Tokio],
        }
    }
}

/// How a program serves many connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Model {
    /// One loop around poll(2).
    Poll,
    /// One loop around epoll(7).
    Epoll,
    /// A thread for each connection.
    Threads,
    /// A goroutine for each connection.
    Goroutines,
    /// A platform thread of a pool for each connection; for Java 17.
    Pool,
    /// A virtual thread for each connection; for Java 21.
    Virtual,
    /// The event loop of Node.
    Events,
    /// The event loop of asyncio.
    Asyncio,
    /// One loop around a selector.
    Selectors,
    /// The tasks of tokio.
    Tokio,
}

impl Model {
    /// As it is typed.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Poll => "poll",
            Self::Epoll => "epoll",
            Self::Threads => "threads",
            Self::Goroutines => "goroutines",
            Self::Pool => "pool",
            Self::Virtual => "virtual",
            Self::Events => "events",
            Self::Asyncio => "asyncio",
            Self::Selectors => "selectors",
            Self::Tokio => "tokio",
        }
    }
}

/// How much a program says to who reads it, and how much it cares for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// No comments but the first.
    Minimal,
    /// Each step of the diagram stands above its call.
    Commented,
    /// As commented, with the bounds that `ft` has without being asked.
    Production,
}

impl Style {
    /// As it is typed.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Minimal => "minimal",
            Self::Commented => "commented",
            Self::Production => "production",
        }
    }
}
