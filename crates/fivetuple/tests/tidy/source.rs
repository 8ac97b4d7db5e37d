//! One source file in three views: as written, without comments and literals, and which of its
//! lines are tests.

use std::fs;
use std::path::{Path, PathBuf};

/// A file of Rust, with what the rules need to know about it.
pub(crate) struct Source {
    /// Path below the workspace, with `/` between the parts.
    pub(crate) path: String,
    /// As written.
    pub(crate) raw: String,
    /// The same lines and columns, with comments and the insides of literals replaced by spaces.
    pub(crate) code: String,
    /// For each line, whether it belongs to tests.
    pub(crate) is_test: Vec<bool>,
}

impl Source {
    pub(crate) fn new(path: &str, raw: &str) -> Self {
        let code = blank(raw);
        let is_test = test_lines(path, &code);
        Self {
            path: path.to_owned(),
            raw: raw.to_owned(),
            code,
            is_test,
        }
    }

    /// The parts of the path below `src/` of a crate, the last without `.rs`.
    pub(crate) fn parts_below_src(&self, of: &str) -> Option<Vec<&str>> {
        let below = self
            .path
            .strip_prefix(of)?
            .strip_prefix("/src/")?
            .strip_suffix(".rs")?;
        Some(below.split('/').collect())
    }

    /// The code without the lines that are tests.
    pub(crate) fn product_code(&self) -> String {
        let lines = self.code.lines().zip(&self.is_test);
        lines
            .map(|(line, is_test)| {
                if *is_test {
                    "\n".to_owned()
                } else {
                    format!("{line}\n")
                }
            })
            .collect()
    }
}

/// Every `.rs` file of every crate, in the order of the paths.
pub(crate) fn all() -> Vec<Source> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut files = Vec::new();
    collect(&workspace.join("crates"), &mut files);
    files.sort();
    let source = |file: &PathBuf| {
        let path = file.strip_prefix(&workspace).unwrap().to_str().unwrap();
        Source::new(path, &fs::read_to_string(file).unwrap())
    };
    files.iter().map(source).collect()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            if path.file_name().is_some_and(|name| name != "target") {
                collect(&path, files);
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// Replaces comments and the insides of literals by spaces; lines and columns stay.
fn blank(raw: &str) -> String {
    let characters: Vec<char> = raw.chars().collect();
    let mut code = String::with_capacity(raw.len());
    let mut at = 0;
    while at < characters.len() {
        let rest = &characters[at..];
        let after_word = at > 0 && is_word(characters[at - 1]);
        let (kept, blanked) = next_piece(rest, after_word);
        code.extend(&rest[..kept]);
        code.extend(
            rest[kept..kept + blanked]
                .iter()
                .map(|c| if *c == '\n' { '\n' } else { ' ' }),
        );
        at += kept + blanked;
    }
    code
}

/// How many of the next characters are code, and how many after them are comment or literal.
fn next_piece(rest: &[char], after_word: bool) -> (usize, usize) {
    match rest {
        ['/', '/', ..] => (
            0,
            rest.iter().position(|c| *c == '\n').unwrap_or(rest.len()),
        ),
        ['/', '*', ..] => (0, block_comment(rest)),
        ['"', ..] => (1, quoted(&rest[1..], '"')),
        ['r', ..] if !after_word => raw_string(&rest[1..]).map_or((1, 0), |length| (1, length)),
        ['b', 'r', ..] | ['c', 'r', ..] if !after_word => {
            raw_string(&rest[2..]).map_or((2, 0), |length| (2, length))
        }
        ['\'', '\\', ..] => (1, quoted(&rest[1..], '\'')),
        ['\'', _, '\'', ..] => (1, 2),
        _ => (1, 0),
    }
}

fn block_comment(rest: &[char]) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while at < rest.len() {
        match &rest[at..] {
            ['/', '*', ..] => (depth, at) = (depth + 1, at + 2),
            ['*', '/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

/// The length of a literal after its opening quote, with its closing quote.
fn quoted(rest: &[char], quote: char) -> usize {
    let mut at = 0;
    while at < rest.len() && rest[at] != quote {
        at += if rest[at] == '\\' { 2 } else { 1 };
    }
    (at + 1).min(rest.len())
}

/// The length of a raw string from behind its `r`, if it is one.
fn raw_string(rest: &[char]) -> Option<usize> {
    let hashes = rest.iter().take_while(|c| **c == '#').count();
    if rest.get(hashes) != Some(&'"') {
        return None;
    }
    let closing: Vec<char> = std::iter::once('"')
        .chain(std::iter::repeat_n('#', hashes))
        .collect();
    let inside = &rest[hashes + 1..];
    let end = inside
        .windows(closing.len())
        .position(|window| window == closing);
    Some(hashes + 1 + end.map_or(inside.len(), |end| end + closing.len()))
}

pub(crate) fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Which lines are tests: all of a file in `tests/` or called `tests`, and every item below
/// `#[cfg(test)]`.
fn test_lines(path: &str, code: &str) -> Vec<bool> {
    let lines = code.lines().count();
    let whole = path
        .split('/')
        .any(|part| part == "tests" || part == "tests.rs");
    let mut is_test = vec![whole; lines];
    for (at, _) in code.match_indices("#[cfg(test)]") {
        let end = at + item_length(&code[at..]);
        let first = code[..at].matches('\n').count();
        let last = code[..end].matches('\n').count();
        is_test
            .iter_mut()
            .take(last + 1)
            .skip(first)
            .for_each(|line| *line = true);
    }
    is_test
}

/// How far an item reaches: to the `;` outside of all braces, or to its closing brace.
pub(crate) fn item_length(code: &str) -> usize {
    let mut depth = 0_i32;
    for (at, c) in code.char_indices() {
        match c {
            '{' | '(' | '[' => depth += 1,
            '}' | ')' | ']' => depth -= 1,
            _ => {}
        }
        if depth <= 0 && (c == '}' || c == ';') {
            return at + 1;
        }
    }
    code.len()
}

/// The places where a word stands by itself, with the line counted from 1.
pub(crate) fn words<'a>(code: &'a str, word: &'a str) -> impl Iterator<Item = (usize, usize)> + 'a {
    code.match_indices(word).filter_map(move |(at, _)| {
        let before = code[..at].chars().next_back();
        let after = code[at + word.len()..].chars().next();
        let alone = !before.is_some_and(is_word) && !after.is_some_and(is_word);
        alone.then(|| (at, line_of(code, at)))
    })
}

pub(crate) fn line_of(code: &str, at: usize) -> usize {
    code[..at].matches('\n').count() + 1
}

/// The name that stands at the start of a text, empty if there is none.
pub(crate) fn leading_word(code: &str) -> &str {
    &code[..code.find(|c| !is_word(c)).unwrap_or(code.len())]
}
