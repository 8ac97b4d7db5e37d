//! The rules about lines, sizes, names of files and what a file may contain.

use crate::source::{Source, is_word, item_length, leading_word, line_of, words};

/// One place that breaks a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Violation {
    pub(crate) path: String,
    /// Line, counted from 1.
    pub(crate) line: usize,
    /// The function, file or word it is about; exceptions name it.
    pub(crate) item: String,
}

impl Violation {
    pub(crate) fn new(source: &Source, line: usize, item: impl Into<String>) -> Self {
        Self {
            path: source.path.clone(),
            line,
            item: item.into(),
        }
    }
}

const FUNCTION_LINES_MAX: usize = 70;
const FILE_LINES_MAX: usize = 400;
const PARAMETERS_MAX: usize = 4;
const LINE_COLUMNS_MAX: usize = 120;

/// Folders or files below `crates/ft/src` that work from the plan alone.
const READERS_OF_THE_PLAN: [&str; 9] = [
    "run", "code", "show", "report", "trace", "board", "explain", "demo", "diagram",
];

/// Files that read bytes from a peer, a user or a file; a path that is gone fails the test.
pub(crate) const PARSERS: &[&str] = &[
    "crates/fivetuple/src/address/host.rs",
    "crates/fivetuple/src/address/parse.rs",
    "crates/fivetuple/src/address/port.rs",
    "crates/fivetuple/src/address/port_set.rs",
    "crates/fivetuple/src/kernel/datagram.rs",
    "crates/fivetuple/src/kernel/error_queue.rs",
    "crates/fivetuple/src/service/terminal/lines.rs",
    "crates/fivetuple/src/service/chat/command.rs",
    "crates/fivetuple/src/service/chat/name.rs",
    "crates/fivetuple/src/service/hub/lines.rs",
    "crates/fivetuple/src/service/http/path.rs",
    "crates/fivetuple/src/service/http/talk.rs",
    "crates/ft/src/args/values.rs",
    "crates/peers/src/drive/control.rs",
];

/// The rules search for these, so their own files contain them.
fn is_tidy(source: &Source) -> bool {
    source.path.starts_with("crates/fivetuple/tests/tidy")
}

pub(crate) fn head_comment(sources: &[Source]) -> Vec<Violation> {
    let headless = sources
        .iter()
        .filter(|source| !source.raw.starts_with("//! "));
    headless
        .map(|source| Violation::new(source, 1, "no //! head comment"))
        .collect()
}

pub(crate) fn long_lines(sources: &[Source]) -> Vec<Violation> {
    by_line(sources, |line| {
        (line.chars().count() > LINE_COLUMNS_MAX).then_some("line")
    })
}

pub(crate) fn unfinished(sources: &[Source]) -> Vec<Violation> {
    const WORDS: [&str; 3] = ["TODO", "FIXME", "XXX"];
    const MACROS: [&str; 3] = ["todo!", "unimplemented!", "dbg!"];
    by_line(sources, |line| {
        let word = WORDS
            .into_iter()
            .find(|word| words(line, word).next().is_some());
        word.or_else(|| MACROS.into_iter().find(|call| line.contains(call)))
    })
}

pub(crate) fn home_directories(sources: &[Source]) -> Vec<Violation> {
    const HOMES: [&str; 3] = ["/home/", "/root/", "/Users/"];
    by_line(sources, |line| {
        HOMES.into_iter().find(|home| line.contains(home))
    })
}

/// Judges every line as it is written.
fn by_line(
    sources: &[Source],
    fault: impl Fn(&str) -> Option<&'static str> + Copy,
) -> Vec<Violation> {
    let in_file = |source: &Source| -> Vec<Violation> {
        let lines = source.raw.lines().enumerate();
        lines
            .filter_map(|(at, line)| Some(Violation::new(source, at + 1, fault(line)?)))
            .collect()
    };
    sources
        .iter()
        .filter(|source| !is_tidy(source))
        .flat_map(in_file)
        .collect()
}

pub(crate) fn file_names(sources: &[Source]) -> Vec<Violation> {
    const NAMES: [&str; 6] = ["util", "utils", "common", "misc", "helper", "helpers"];
    let mut violations = Vec::new();
    for source in sources {
        let parts = source.path.split(['/', '.']).map(|part| (1, part));
        let modules = words(&source.code, "mod")
            .map(|(at, line)| (line, leading_word(source.code[at + 3..].trim_start())));
        let bad = parts
            .chain(modules)
            .filter(|(_, name)| NAMES.contains(name));
        violations.extend(bad.map(|(line, name)| Violation::new(source, line, name)));
    }
    violations
}

pub(crate) fn file_sizes(sources: &[Source]) -> Vec<Violation> {
    let lines = |source: &Source| source.is_test.iter().filter(|is_test| !**is_test).count();
    let large = sources
        .iter()
        .filter(|source| lines(source) > FILE_LINES_MAX);
    large
        .map(|source| Violation::new(source, lines(source), "file"))
        .collect()
}

/// Lines of code between the braces; empty lines and comments are not counted.
pub(crate) fn function_sizes(sources: &[Source]) -> Vec<Violation> {
    let mut violations = Vec::new();
    for source in sources {
        for (at, line) in words(&source.code, "fn") {
            let item = &source.code[at..];
            let item = &item[..item_length(item)];
            let name = leading_word(item["fn".len()..].trim_start());
            let body = item.find('{').map_or("", |brace| &item[brace + 1..]);
            let lines = body.lines().filter(|line| !line.trim().is_empty()).count();
            // The first piece is what follows the brace, the last is the closing brace.
            if !name.is_empty() && lines.saturating_sub(1) > FUNCTION_LINES_MAX {
                violations.push(Violation::new(source, line, name));
            }
        }
    }
    violations
}

pub(crate) fn parameters(sources: &[Source]) -> Vec<Violation> {
    let mut violations = Vec::new();
    for source in sources {
        for (at, line) in words(&source.code, "fn") {
            let name = leading_word(source.code[at + "fn".len()..].trim_start());
            if is_public(&source.code[..at]) && parameter_count(&source.code[at..]) > PARAMETERS_MAX
            {
                violations.push(Violation::new(source, line, name));
            }
        }
    }
    violations
}

/// Whether what stands before `fn` makes it public, to the crate or to all.
fn is_public(before: &str) -> bool {
    let declaration = before.rsplit([';', '{', '}', ']']).next().unwrap_or(before);
    words(declaration, "pub").next().is_some()
}

/// How many parameters a function has, `self` not counted.
fn parameter_count(function: &str) -> usize {
    let (mut depth, mut angles, mut commas, mut list) = (0, 0, Vec::new(), None);
    let mut previous = ' ';
    for (at, c) in function.char_indices() {
        match c {
            '<' => angles += 1,
            '>' if previous != '-' && previous != '=' => angles -= 1,
            '(' | '[' | '{' => {
                if depth == 0 && angles == 0 && c == '(' {
                    list = Some(at + 1);
                }
                depth += 1;
            }
            ')' | ']' | '}' => depth -= 1,
            ',' if depth == 1 && angles == 0 && list.is_some() => commas.push(at),
            _ => {}
        }
        previous = c;
        if let (Some(start), 0) = (list, depth) {
            let cuts = [&[start - 1][..], &commas, &[at]].concat();
            let pieces = cuts
                .windows(2)
                .map(|cut| function[cut[0] + 1..cut[1]].trim());
            return pieces
                .filter(|text| !text.is_empty() && !is_self(text))
                .count();
        }
    }
    0
}

fn is_self(parameter: &str) -> bool {
    let name = parameter.split(':').next().unwrap_or(parameter);
    words(name, "self").next().is_some()
}

pub(crate) fn unsafe_code(sources: &[Source]) -> Vec<Violation> {
    let mut violations = Vec::new();
    for source in sources {
        let in_kernel = source.path.starts_with("crates/fivetuple/src/kernel/");
        let raw: Vec<&str> = source.raw.lines().collect();
        for (at, line) in words(&source.code, "unsafe") {
            let after = source.code[at + "unsafe".len()..].trim_start();
            let wants_proof = after.starts_with('{') || after.starts_with("impl");
            let above = &raw[line.saturating_sub(8)..line];
            let proven = above.iter().any(|line| line.contains("// SAFETY:"));
            if !in_kernel || (wants_proof && !proven) {
                violations.push(Violation::new(source, line, "unsafe"));
            }
        }
    }
    violations
}

pub(crate) fn target_cfg(sources: &[Source]) -> Vec<Violation> {
    const CONDITIONS: [&str; 9] = [
        "target_os",
        "target_arch",
        "target_env",
        "target_family",
        "target_endian",
        "target_pointer_width",
        "target_vendor",
        "cfg(unix",
        "cfg(windows",
    ];
    let mut violations = Vec::new();
    let outside = |source: &&Source| !source.path.starts_with("crates/fivetuple/src/kernel/");
    for source in sources.iter().filter(outside) {
        for condition in CONDITIONS {
            let found = source.code.match_indices(condition);
            violations.extend(
                found.map(|(at, _)| Violation::new(source, line_of(&source.code, at), condition)),
            );
        }
    }
    violations
}

pub(crate) fn plan_is_enough(sources: &[Source]) -> Vec<Violation> {
    const FORBIDDEN: [&str; 3] = ["env::", "clap", "crate::args"];
    let mut violations = Vec::new();
    for source in sources {
        let parts = source.parts_below_src("crates/ft").unwrap_or_default();
        if !parts
            .first()
            .is_some_and(|first| READERS_OF_THE_PLAN.contains(first))
        {
            continue;
        }
        let code = source.product_code();
        for word in FORBIDDEN {
            let found = code.match_indices(word);
            violations
                .extend(found.map(|(at, _)| Violation::new(source, line_of(&code, at), word)));
        }
    }
    violations
}

pub(crate) fn sleeping_tests(sources: &[Source]) -> Vec<Violation> {
    let mut violations = Vec::new();
    for source in sources.iter().filter(|source| !is_tidy(source)) {
        let raw: Vec<&str> = source.raw.lines().collect();
        for (at, line) in words(&source.code, "sleep") {
            let called = source.code[at + "sleep".len()..].starts_with('(');
            let here_or_above = &raw[line.saturating_sub(2)..line];
            let of_the_peer = here_or_above.iter().any(|line| line.contains("// peer:"));
            if called && source.is_test[line - 1] && !of_the_peer {
                violations.push(Violation::new(source, line, "sleep"));
            }
        }
    }
    violations
}

pub(crate) fn panicking_parsers(sources: &[Source]) -> Vec<Violation> {
    const CALLS: [&str; 6] = [
        ".unwrap()",
        ".expect(",
        ".unwrap_err()",
        "panic!(",
        "unreachable!(",
        "assert!(",
    ];
    let mut violations = Vec::new();
    for source in sources
        .iter()
        .filter(|source| PARSERS.contains(&source.path.as_str()))
    {
        let code = source.product_code();
        for call in CALLS {
            let found = code.match_indices(call);
            violations
                .extend(found.map(|(at, _)| Violation::new(source, line_of(&code, at), call)));
        }
        let before = |at: usize| code[..at].chars().next_back().unwrap_or(' ');
        let indexing = code.match_indices('[').filter(|(at, _)| {
            let c = before(*at);
            is_word(c) || matches!(c, ')' | ']' | '?')
        });
        violations
            .extend(indexing.map(|(at, _)| Violation::new(source, line_of(&code, at), "indexing")));
    }
    violations
}
