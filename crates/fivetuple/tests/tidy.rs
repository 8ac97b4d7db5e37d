//! Rules about the sources, held by reading them: the order of the modules, where `unsafe` may
//! stand, sizes, names. What a compiler lint can hold, a lint holds; see the workspace's
//! `Cargo.toml` and CONTRIBUTING.md.

#[path = "tidy/modules.rs"]
mod modules;
#[path = "tidy/rules.rs"]
mod rules;
#[path = "tidy/snippets.rs"]
mod snippets;
#[path = "tidy/source.rs"]
mod source;

use rules::Violation;
use source::Source;

/// What is allowed to break a rule: rule, path, item, reason. The list only shrinks: an exception
/// that nothing needs any more fails the test.
const EXCEPTIONS: &[(&str, &str, &str, &str)] = &[];

type Rule = fn(&[Source]) -> Vec<Violation>;

const RULES: [(&str, Rule); 16] = [
    (
        "a module imports only from modules before it",
        modules::order,
    ),
    ("every file is reached by a mod line", modules::dead_files),
    (
        "public names use the project's words",
        modules::public_names,
    ),
    ("what runs looks at the plan alone", rules::plan_is_enough),
    (
        "unsafe stands in kernel/ with its proof",
        rules::unsafe_code,
    ),
    ("target conditions stand in kernel/", rules::target_cfg),
    ("a function has at most 70 lines", rules::function_sizes),
    (
        "a file has at most 400 lines without its tests",
        rules::file_sizes,
    ),
    (
        "a public function has at most 4 parameters",
        rules::parameters,
    ),
    (
        "files and modules are named after what they hold",
        rules::file_names,
    ),
    ("a test does not sleep, its peer may", rules::sleeping_tests),
    ("a parser does not panic", rules::panicking_parsers),
    ("a file begins with a head comment", rules::head_comment),
    ("nothing is left unfinished", rules::unfinished),
    ("a line has at most 120 columns", rules::long_lines),
    (
        "no path leads into a home directory",
        rules::home_directories,
    ),
];

fn is_excepted(rule: &str, violation: &Violation) -> bool {
    EXCEPTIONS.iter().any(|(name, path, item, _)| {
        *name == rule && *path == violation.path && *item == violation.item
    })
}

#[test]
fn the_sources_keep_every_rule() {
    let sources = source::all();
    let mut report = String::new();
    for (name, rule) in RULES {
        for violation in rule(&sources) {
            if !is_excepted(name, &violation) {
                let Violation { path, line, item } = violation;
                report.push_str(&format!("{path}:{line}: {item}: {name}\n"));
            }
        }
    }
    assert!(report.is_empty(), "\n{report}");
}

#[test]
fn every_exception_is_needed_and_has_a_reason() {
    let sources = source::all();
    for (name, path, item, reason) in EXCEPTIONS {
        assert!(reason.len() > 20, "{path}: {item}: a reason is a sentence");
        let rule = RULES.into_iter().find(|(rule, _)| rule == name);
        let (_, rule) = rule.unwrap_or_else(|| panic!("there is no rule `{name}`"));
        let needed = rule(&sources)
            .iter()
            .any(|violation| violation.path == *path && violation.item == *item);
        assert!(
            needed,
            "{path}: {item}: the exception is not needed any more"
        );
    }
}

#[test]
fn every_listed_parser_exists() {
    let sources = source::all();
    for path in rules::PARSERS {
        assert!(sources.iter().any(|source| source.path == *path), "{path}");
    }
}

/// The places in a file of this path and text that break a rule.
fn judge(rule: &str, path: &str, text: &str) -> Vec<Violation> {
    let (_, rule) = RULES
        .into_iter()
        .find(|(name, _)| *name == rule)
        .expect("a rule's name");
    let root = Source::new(
        "crates/fivetuple/src/lib.rs",
        "//! Root.\npub mod address;\npub use call::{Call, Errno};\n",
    );
    let mut violations = rule(&[root, Source::new(path, text)]);
    violations.retain(|violation| violation.path == path);
    violations
}

#[test]
fn every_rule_finds_what_breaks_it() {
    // The two rules about sizes have a test of their own, below.
    for (rule, _) in RULES
        .into_iter()
        .filter(|(rule, _)| !rule.contains("lines"))
    {
        let bad = snippets::BAD.iter().filter(|(name, ..)| *name == rule);
        assert!(bad.count() > 0, "no snippet breaks the rule `{rule}`");
    }
    for (rule, path, text) in snippets::BAD {
        let found = judge(rule, path, text);
        assert_eq!(found.len(), 1, "{rule}: {path}:\n{text}\n{found:?}");
    }
}

#[test]
fn no_rule_finds_fault_with_what_is_right() {
    for (rule, path, text) in snippets::GOOD {
        let found = judge(rule, path, text);
        assert_eq!(found, [], "{rule}: {path}:\n{text}");
    }
}

#[test]
fn sizes_are_counted_without_comments_and_tests() {
    let function = |lines: usize| {
        format!(
            "//! Head.\nfn f() {{\n{}}}\n",
            "g(); // x\n\n// y\n".repeat(lines)
        )
    };
    let path = "crates/ft/src/a.rs";
    let rule = "a function has at most 70 lines";
    assert_eq!(judge(rule, path, &function(70)), []);
    assert_eq!(judge(rule, path, &function(71)).len(), 1);
    let file = |lines: usize| {
        format!(
            "{}#[cfg(test)]\nmod tests {{\n{}}}\n",
            "// x\n".repeat(lines),
            "\n".repeat(500)
        )
    };
    let rule = "a file has at most 400 lines without its tests";
    assert_eq!(judge(rule, path, &file(400)), []);
    assert_eq!(judge(rule, path, &file(401)).len(), 1);
    assert_eq!(judge(rule, "crates/ft/tests/a.rs", &file(401)), []);
}
