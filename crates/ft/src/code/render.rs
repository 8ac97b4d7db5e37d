//! From a context to the text of a program, by the templates of its language.
//!
//! A template can print numbers and words of ours. What a user has typed is bytes, which nothing but
//! the filter `bytes` makes printable: as a literal of the language.

use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Serde, Value, ValueKind};
use minijinja::{AutoEscape, Environment, Error, ErrorKind, Output, State, UndefinedBehavior};

use super::context::Context;
use super::literal::{literal, text_literal};
use crate::plan::Language;

/// The program.
///
/// # Errors
///
/// A template that uses what the context does not have; a test renders all of them.
pub(super) fn render(language: Language, context: &Context) -> Result<String, Error> {
    let mut environment = Environment::new();
    let mut syntax = SyntaxConfig::builder();
    syntax
        .trim_blocks(true)
        .lstrip_blocks(true)
        .keep_trailing_newline(true);
    environment.set_syntax(syntax.build()?);
    load_templates(&mut environment);
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_formatter(print);
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment.add_filter("bytes", move |value: Value| bytes(language, &value));
    environment.add_filter("text", move |value: Value| text(language, &value));
    let name = format!("{}/main.j2", language.word());
    environment
        .get_template(&name)?
        .render(Value::from(Serde(context)))
}

#[allow(
    unused_qualifications,
    elided_lifetimes_in_paths,
    reason = "the words of the macro are not ours"
)]
fn load_templates(environment: &mut Environment<'_>) {
    minijinja_embed::load_templates!(*environment);
}

/// A literal of the bytes that a user has typed.
fn bytes(language: Language, value: &Value) -> Result<String, Error> {
    let bytes = typed(value)?;
    literal(language, &bytes).ok_or_else(not_text)
}

/// A literal of the text that a user has typed.
fn text(language: Language, value: &Value) -> Result<String, Error> {
    let text = String::from_utf8(typed(value)?).map_err(|_| not_text())?;
    text_literal(language, &text).ok_or_else(not_text)
}

fn typed(value: &Value) -> Result<Vec<u8>, Error> {
    let bytes = value.get_attr("bytes")?;
    bytes.try_iter()?.map(u8::try_from).collect()
}

fn not_text() -> Error {
    Error::new(ErrorKind::InvalidOperation, "bytes that are not UTF-8")
}

/// Prints what is safe to print, and refuses the rest.
fn print(out: &mut Output<'_>, state: &mut State<'_, '_>, value: &Value) -> Result<(), Error> {
    match value.kind() {
        ValueKind::Number | ValueKind::String => minijinja::escape_formatter(out, state, value),
        kind => Err(Error::new(
            ErrorKind::InvalidOperation,
            format!("a template prints {kind} as it is"),
        )),
    }
}
