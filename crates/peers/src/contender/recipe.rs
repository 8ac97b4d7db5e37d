//! How a contender is started: a program, its words, its configuration, with places to fill in.

use std::fs;
use std::path::{Path, PathBuf};

use crate::contender::Program;
use crate::trouble::{Doing, Trouble};

/// How a contender is started for one kind of work.
#[derive(Clone, Copy, Debug)]
pub struct Recipe {
    /// What rows call it.
    pub name: &'static str,
    /// The program.
    pub program: Program,
    /// Its words, separated by spaces, with places in braces.
    pub words: &'static str,
    /// Its configuration, or the request that it sends, with places in braces; `{configuration}` or
    /// `{request}` among the words is its file.
    pub configuration: Option<&'static str>,
}

/// What is filled in.
#[derive(Clone, Debug)]
pub struct Places {
    /// `{port}`: where it listens, or what it calls.
    pub port: u16,
    /// `{destination}`: what a relay calls.
    pub destination: u16,
    /// `{cores}`: how many threads or workers it is to have.
    pub cores: usize,
    /// `{seconds}`: how long a program is to work that makes the work itself.
    pub seconds: u64,
    /// `{folder}`: where its files may be.
    pub folder: PathBuf,
}

/// What a text is that a server sends to each client, where one does: as long as a message.
pub const TEXT: &str = "0123456789abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQR";

impl Recipe {
    /// A contender without a configuration.
    pub const fn plain(name: &'static str, program: Program, words: &'static str) -> Self {
        Self {
            name,
            program,
            words,
            configuration: None,
        }
    }

    /// Its words, with everything filled in; writes its configuration.
    ///
    /// # Errors
    ///
    /// The configuration cannot be written.
    pub fn words(&self, places: &Places) -> Result<Vec<String>, Trouble> {
        let file = places
            .folder
            .join(format!("{}-{}.conf", self.program.name(), places.port));
        if let Some(text) = self.configuration {
            let text = filled(text, places, &file);
            fs::write(&file, text).doing("write a configuration")?;
        }
        let words = self.words.split_whitespace();
        Ok(words.map(|word| filled(word, places, &file)).collect())
    }

    /// The command line as a reader of the report may type it; none of what is done in the harness.
    pub fn line(&self) -> Option<String> {
        let line = || format!("{} {}", self.program.name(), self.words);
        (!self.words.is_empty()).then(line)
    }
}

fn filled(text: &str, places: &Places, configuration: &Path) -> String {
    text.replace("{port}", &places.port.to_string())
        .replace("{destination}", &places.destination.to_string())
        .replace("{cores}", &places.cores.to_string())
        .replace("{seconds}", &places.seconds.to_string())
        .replace("{folder}", &places.folder.to_string_lossy())
        .replace("{configuration}", &configuration.to_string_lossy())
        .replace("{request}", &configuration.to_string_lossy())
        .replace("{text}", TEXT)
}
