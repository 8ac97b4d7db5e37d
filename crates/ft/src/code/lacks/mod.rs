//! What a program does not do as `ft` does: refused by name, or on the list in the first comment.

mod c;
mod go;
mod java;
mod javascript;
mod python;
mod rust;

use super::context::{Context, Place, Typed};
use super::language::facts;
use crate::plan::{Code, Language, Plan, Report, Verbosity};

/// Something that a language or a model has no way to do, or does otherwise.
pub(super) struct Lack {
    /// Whether it concerns this program.
    pub(super) when: fn(&Context) -> bool,
    pub(super) what: What,
}

/// What becomes of it.
pub(super) enum What {
    /// There is no such program. A part of a command, and why.
    Refused(&'static str, &'static str),
    /// A sentence for the first comment.
    Listed(&'static str),
}

/// A row of a list.
const fn listed(when: fn(&Context) -> bool, sentence: &'static str) -> Lack {
    let what = What::Listed(sentence);
    Lack { when, what }
}

/// A part of a command that there is no program for.
const fn refused(when: fn(&Context) -> bool, part: &'static str, why: &'static str) -> Lack {
    let what = What::Refused(part, why);
    Lack { when, what }
}

const fn of(language: Language) -> &'static [Lack] {
    match language {
        Language::C => c::LACKS,
        Language::Go => go::LACKS,
        Language::Java => java::LACKS,
        Language::JavaScript => javascript::LACKS,
        Language::Python => python::LACKS,
        Language::Rust => rust::LACKS,
    }
}

/// The context with its list complete.
///
/// # Errors
///
/// The sentence that names what there is no program for.
pub(super) fn settled(mut context: Context, code: &Code) -> Result<Context, String> {
    let mut listed = shown_only(&code.of);
    for lack in of(code.language)
        .iter()
        .filter(|lack| (lack.when)(&context))
    {
        match lack.what {
            What::Refused(part, why) => return Err(no_program(part, why, code)),
            What::Listed(sentence) => listed.push(sentence),
        }
    }
    let bounded = context.terms.half_closed_ms.is_some() || context.style == "production";
    // Those end as soon as the client has finished; of exec the program decides.
    let is_never_alone = ["echo", "discard", "receive", "exec"].contains(&context.service);
    if serves_streams(&context) && !is_never_alone && !bounded {
        listed.push(
            "a connection of which one direction has ended may stay open without a bound (ft: 5 \
             minutes; --style production has it)",
        );
    }
    if context.role == "server" && !context.quiet {
        listed.push(
            "it is not said from where clients can connect, and what it all came to at the end",
        );
    }
    context.lacks = listed.into_iter().map(str::to_owned).collect();
    Ok(context)
}

/// What is only shown, and not by programs.
fn shown_only(plan: &Plan) -> Vec<&'static str> {
    let (report, progress): (&Report, bool) = match plan {
        Plan::Listen(plan) => (&plan.report, false),
        Plan::ListenDatagrams(plan) => (&plan.report, false),
        Plan::Connect(plan) => (&plan.report, plan.watch.progress),
        _ => return Vec::new(),
    };
    let typed = &report.typed;
    let rows = [
        (
            report.verbosity == Verbosity::Trace,
            "-v: the calls are not shown one by one",
        ),
        (report.events.is_some(), "--events: no events are written"),
        (report.dump.is_some(), "--dump: the traffic is not written"),
        (typed.has("--color"), "--color: nothing is coloured"),
        (typed.has("--raw"), "--raw: control bytes are always passed"),
        (progress, "--progress: it is not told how far it is"),
    ];
    let given = rows.into_iter().filter(|(given, _)| *given);
    given.map(|(_, sentence)| sentence).collect()
}

fn no_program(part: &str, why: &str, code: &Code) -> String {
    let name = facts(code.language).name;
    let models: Vec<&str> = code
        .language
        .models()
        .iter()
        .map(|model| model.word())
        .collect();
    let model = match &*models {
        [_] => String::new(),
        models => format!(
            " with --model {} (models: {})",
            code.model.word(),
            models.join(", ")
        ),
    };
    format!("{part} is in no program in {name}{model}: {why}")
}

/// Whether several addresses may be called, one after the other.
fn calls_several(context: &Context) -> bool {
    let callings = [&context.connect, &context.action.relay];
    let mut places = callings.into_iter().flatten().map(|calling| &calling.place);
    places.any(|place| place.name.is_some() || place.addresses.len() > 1)
}

/// Whether it is a server of streams.
fn serves_streams(context: &Context) -> bool {
    context.role == "server" && context.protocol != "udp"
}

/// Whether it is a server of this service.
fn serves(context: &Context, service: &str) -> bool {
    context.role == "server" && context.service == service
}

/// Whether a program has pipes that nobody asked for: `ft` gives it the socket itself.
fn has_pipes(context: &Context) -> bool {
    let exec = context.action.exec.as_ref();
    serves(context, "exec") && exec.is_some_and(|exec| !exec.pipe)
}

/// Whether a connection ends when our input has, whatever the peer does.
fn ends_first(context: &Context) -> bool {
    let throws_away = context
        .action
        .terminal
        .as_ref()
        .is_some_and(|terminal| !terminal.output);
    context.protocol != "udp" && (context.terms.eof == "full" || throws_away)
}

fn has_time(context: &Context) -> bool {
    let terms = &context.terms;
    terms.idle_ms.is_some() || terms.deadline_ms.is_some() || terms.half_closed_ms.is_some()
}

/// Whether a client could run out of time while its destination is called.
fn calls_in_time(context: &Context) -> bool {
    let terms = &context.terms;
    serves(context, "relay") && (terms.idle_ms.is_some() || terms.deadline_ms.is_some())
}

/// The row for those that wait for the call to end.
const CALL_FIRST: &str =
    "while the destination is called, only --connect-timeout counts, not --idle and --deadline";

fn retries(context: &Context) -> bool {
    let callings = [&context.connect, &context.action.relay];
    callings
        .into_iter()
        .flatten()
        .any(|calling| calling.retry != 0)
}

/// Everything that was typed and is used as it is: paths and words.
fn typed(context: &Context) -> impl Iterator<Item = &Typed> {
    let action = &context.action;
    let files = [
        action.send.as_ref().map(|send| &send.path),
        action.receive.as_ref().map(|receive| &receive.path),
    ];
    let words = action.exec.iter().flat_map(|exec| &exec.words);
    places(context)
        .filter_map(|place| place.path.as_ref())
        .chain(files.into_iter().flatten())
        .chain(words)
}

fn places(context: &Context) -> impl Iterator<Item = &Place> {
    let listen = context.listen.as_ref().map(|listening| &listening.place);
    let called = [&context.connect, &context.action.relay]
        .into_iter()
        .flatten();
    listen
        .into_iter()
        .chain(called.map(|calling| &calling.place))
}
