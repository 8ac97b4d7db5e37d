//! `ft code`: which program is to be written, and what it does.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum, ValueHint};

use super::failure::said;
use super::values::nearest;
use super::{Environment, Exit, Terminals};
use crate::code;
use crate::plan::{self, Language, Model, Plan, Style};
use crate::shell;

/// The versions of Java that are written for, with the model that is usual in each.
const JAVA: [(u32, Model); 2] = [(17, Model::Pool), (21, Model::Virtual)];

#[derive(Debug, Args)]
pub(super) struct Code {
    /// c, go, java, javascript, python or rust
    #[arg(value_name = "LANGUAGE")]
    language: Option<String>,
    /// minimal, commented or production [default: commented]
    ///
    /// minimal has no comments but the first. commented has each step of the diagram above its call.
    /// production has the bounds, too, that ft has without being asked.
    #[arg(long, value_name = "STYLE", value_enum, hide_possible_values = true)]
    style: Option<StyleWord>,
    /// How many connections are served: see --list
    #[arg(long, value_name = "MODEL")]
    model: Option<String>,
    /// For this version of Java: 17 or 21 [default: 17]
    #[arg(long, value_name = "VERSION")]
    java: Option<u32>,
    /// Write the program to this file instead of stdout
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    output: Option<PathBuf>,
    /// List the languages, models and styles
    #[arg(long)]
    list: bool,
    /// listen, connect or relay, with everything that belongs to it
    #[arg(
        value_name = "COMMAND",
        trailing_var_arg = true,
        allow_hyphen_values = true
    )]
    command: Vec<OsString>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum StyleWord {
    Minimal,
    Commented,
    Production,
}

pub(super) fn plan(words: Code, environment: &Environment) -> Result<Plan, Exit> {
    let usage = |sentence: String| Exit::usage(Some("code"), &sentence);
    if words.list {
        return Ok(Plan::Print(code::list()));
    }
    let language = language(words.language.as_deref()).map_err(usage)?;
    let model = model(language, words.model.as_deref(), words.java).map_err(usage)?;
    if words.command.is_empty() {
        return Err(usage(format!(
            "what is it to do? write ft code {} listen 8080 echo",
            language.word()
        )));
    }
    let named = [OsString::from("ft")].into_iter();
    let argv = named.chain(words.command.iter().cloned());
    // Nobody knows from where the program will be started.
    let of = super::plan(argv, Terminals::default(), environment)?;
    if !matches!(
        of,
        Plan::Listen(_) | Plan::ListenDatagrams(_) | Plan::Connect(_) | Plan::Check(_)
    ) {
        return Err(usage(
            "only listen, connect and relay become programs".to_owned(),
        ));
    }
    let command = words.command.iter().map(shell::word_in_comment);
    Ok(Plan::Code(Box::new(plan::Code {
        language,
        model,
        style: match words.style {
            Some(StyleWord::Minimal) => Style::Minimal,
            None | Some(StyleWord::Commented) => Style::Commented,
            Some(StyleWord::Production) => Style::Production,
        },
        output: words.output.filter(|path| path != Path::new("-")),
        command: format!("ft {}", command.collect::<Vec<_>>().join(" ")),
        of: Box::new(of),
    })))
}

fn language(word: Option<&str>) -> Result<Language, String> {
    let known = Language::ALL.map(Language::word);
    let list = known.join(", ");
    let Some(word) = word else {
        return Err(format!("the language is missing (languages: {list})"));
    };
    let found = Language::ALL
        .into_iter()
        .find(|language| language.word() == word);
    found.ok_or_else(|| {
        let near = nearest(word, known).map(|near| format!("; did you mean '{near}'?"));
        let near = near.unwrap_or_default();
        format!(
            "unknown language '{}'{near} (languages: {list})",
            said(word)
        )
    })
}

fn model(language: Language, word: Option<&str>, java: Option<u32>) -> Result<Model, String> {
    let models = language.models();
    let usual = models.first().copied().unwrap_or(Model::Threads);
    let wanted = match word {
        None => None,
        Some(word) => {
            let found = models.iter().copied().find(|model| model.word() == word);
            let list: Vec<&str> = models.iter().map(|model| model.word()).collect();
            Some(found.ok_or_else(|| {
                format!(
                    "{} has no model '{}' (models: {})",
                    language.word(),
                    said(word),
                    list.join(", ")
                )
            })?)
        }
    };
    let Some(version) = java else {
        return Ok(wanted.unwrap_or(usual));
    };
    if language != Language::Java {
        return Err(format!(
            "--java is for java: leave it out for {}",
            language.word()
        ));
    }
    let Some((_, of_version)) = JAVA.into_iter().find(|(known, _)| *known == version) else {
        return Err(format!(
            "--java {version} is not written for (versions: 17, 21)"
        ));
    };
    match wanted {
        Some(Model::Virtual) if version < 21 => {
            Err("--model virtual needs Java 21: leave out --java 17".to_owned())
        }
        Some(model) => Ok(model),
        None => Ok(of_version),
    }
}
