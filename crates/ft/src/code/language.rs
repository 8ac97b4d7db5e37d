//! What is known of each language and model besides the templates.

use crate::plan::{Language, Model, Style};

/// How the language is called, and its files.
pub(super) struct Facts {
    /// The name as people write it.
    pub(super) name: &'static str,
    pub(super) extension: &'static str,
}

pub(super) const fn facts(language: Language) -> Facts {
    let (name, extension) = match language {
        Language::C => ("C", "c"),
        Language::Go => ("Go", "go"),
        Language::Java => ("Java", "java"),
        Language::JavaScript => ("JavaScript", "mjs"),
        Language::Python => ("Python", "py"),
        Language::Rust => ("Rust", "rs"),
    };
    Facts { name, extension }
}

/// How many connections are served at a time, in a few words.
pub(super) const fn described(model: Model) -> &'static str {
    match model {
        Model::Poll => "one loop around poll",
        Model::Epoll => "one loop around epoll",
        Model::Threads => "a thread for each connection",
        Model::Goroutines => "a goroutine for each connection",
        Model::Pool => "a platform thread for each connection, Java 17",
        Model::Virtual => "a virtual thread for each connection, Java 21",
        Model::Events => "the event loop of Node",
        Model::Asyncio => "the event loop of asyncio",
        Model::Selectors => "one loop around a selector",
        Model::Tokio => "the tasks of tokio, which is a crate",
    }
}

/// What `ft code --list` prints.
pub(crate) fn list() -> String {
    let mut text = String::new();
    for language in Language::ALL {
        for (at, model) in language.models().iter().enumerate() {
            let word = if at == 0 { language.word() } else { "" };
            let model = (model.word(), described(*model));
            text.push_str(&format!("{word:<11} --model {:<11} {}\n", model.0, model.1));
        }
    }
    for style in [Style::Minimal, Style::Commented, Style::Production] {
        let what = match style {
            Style::Minimal => "no comments but the first",
            Style::Commented => "each step of the diagram above its call; the default",
            Style::Production => "as commented, with the bounds that ft has by itself",
        };
        text.push_str(&format!(
            "all         --style {:<11} {what}\n",
            style.word()
        ));
    }
    text
}
