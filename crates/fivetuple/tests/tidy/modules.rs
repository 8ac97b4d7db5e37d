//! The rules about how files hang together: the one order of the library's modules, no file that
//! nothing mentions, and one word per thing in public names.

use std::collections::{HashMap, HashSet};

use crate::rules::Violation;
use crate::source::{Source, leading_word, words};

/// The total order. A module imports only from those before it.
const ORDER: [&str; 17] = [
    "address",
    "five_tuple",
    "kernel",
    "call",
    "event",
    "socket",
    "bind",
    "listen",
    "connection",
    "accept",
    "connect",
    "close",
    "transfer",
    "service",
    "load",
    "server",
    "client",
];

/// Words that public names do not contain, because another word is used for the same thing.
const WORDS_BANNED: [&str; 22] = [
    "addr",
    "addrs",
    "channel",
    "conn",
    "conns",
    "disconnect",
    "downstream",
    "foreign",
    "handler",
    "helper",
    "helpers",
    "link",
    "manager",
    "misc",
    "packet",
    "remote",
    "rx",
    "session",
    "sock",
    "tx",
    "upstream",
    "utils",
];

/// Names of other people's interfaces, which keep their spelling.
const NAMES_ALLOWED: [&str; 1] = ["sock_diag"];

fn rank(module: &str) -> Option<usize> {
    ORDER.iter().position(|known| *known == module)
}

pub(crate) fn order(sources: &[Source]) -> Vec<Violation> {
    let exports = exports(sources);
    let mut violations = Vec::new();
    for source in sources {
        let Some(parts) = source.parts_below_src("crates/fivetuple") else {
            continue;
        };
        let own = parts[0];
        if own == "lib" {
            continue;
        }
        let Some(own_rank) = rank(own) else {
            violations.push(Violation::new(
                source,
                1,
                format!("{own} has no place in the order"),
            ));
            continue;
        };
        let depth = parts.iter().filter(|part| **part != "mod").count();
        for (line, name) in imports(&source.product_code(), depth) {
            let module = exports.get(name.as_str()).unwrap_or(&name);
            let allowed = module == own || rank(module).is_some_and(|rank| rank < own_rank);
            if !allowed {
                violations.push(Violation::new(source, line, format!("{own} uses {module}")));
            }
        }
    }
    violations
}

/// What the root of the library exports, and from which module.
fn exports(sources: &[Source]) -> HashMap<String, String> {
    let mut exports = HashMap::new();
    for source in sources
        .iter()
        .filter(|source| source.path == "crates/fivetuple/src/lib.rs")
    {
        for (at, _) in words(&source.code, "pub use") {
            let path = source.code[at + "pub use".len()..].trim_start();
            let path = path.strip_prefix("crate::").unwrap_or(path);
            let path = &path[..path.find(';').unwrap_or(path.len())];
            let names = path
                .split(|c| !crate::source::is_word(c))
                .filter(|name| !name.is_empty());
            let module = leading_word(path);
            exports.extend(
                names
                    .skip(1)
                    .map(|name| (name.to_owned(), module.to_owned())),
            );
        }
    }
    exports
}

/// Every name directly below the root of the crate that the code mentions, with its line.
fn imports(code: &str, depth: usize) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let climb = "super::".repeat(depth);
    for root in ["crate::", climb.as_str()] {
        for (at, _) in code.match_indices(root) {
            let before = code[..at].trim_end();
            if before.ends_with("::") || code[..at].ends_with(crate::source::is_word) {
                continue;
            }
            let line = crate::source::line_of(code, at);
            let rest = &code[at + root.len()..];
            found.extend(names_at(rest).into_iter().map(|name| (line, name)));
        }
    }
    found
}

/// `a::b` begins with `a`; `{a, b::{c, d}}` with `a` and `b`.
fn names_at(rest: &str) -> Vec<String> {
    let Some(group) = rest.strip_prefix('{') else {
        return vec![leading_word(rest).to_owned()];
    };
    let mut names = Vec::new();
    let mut depth = 0;
    let mut fresh = true;
    for (at, c) in group.char_indices() {
        match c {
            '}' if depth == 0 => break,
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => fresh = true,
            c if fresh && !c.is_whitespace() => {
                names.push(leading_word(&group[at..]).to_owned());
                fresh = false;
            }
            _ => {}
        }
    }
    names
}

pub(crate) fn dead_files(sources: &[Source]) -> Vec<Violation> {
    let by_path: HashMap<&str, &Source> = sources
        .iter()
        .map(|source| (source.path.as_str(), source))
        .collect();
    let mut alive: HashSet<&str> = HashSet::new();
    let mut waiting: Vec<&str> = by_path
        .keys()
        .copied()
        .filter(|path| is_root(path))
        .collect();
    while let Some(path) = waiting.pop() {
        if alive.insert(path) {
            let children = modules_of(by_path[path]).into_iter();
            waiting.extend(children.filter_map(|child| Some(*by_path.get_key_value(&*child)?.0)));
        }
    }
    let dead = sources
        .iter()
        .filter(|source| !alive.contains(source.path.as_str()));
    dead.map(|source| Violation::new(source, 1, "no mod line leads here"))
        .collect()
}

/// Whether cargo compiles the file without being told by another file.
fn is_root(path: &str) -> bool {
    let parts: Vec<&str> = path.split('/').collect();
    match parts.as_slice() {
        [_, _, "build.rs"] | [_, _, "src", "lib.rs" | "main.rs"] => true,
        [_, _, "src", "bin", ..] => parts.len() == 5,
        [_, _, "tests" | "examples" | "benches", _] => true,
        [_, _, "tests" | "examples" | "benches", _, "main.rs"] => true,
        _ => false,
    }
}

/// The paths at which the modules that a file declares can be.
fn modules_of(source: &Source) -> Vec<String> {
    let (folder, file) = source.path.rsplit_once('/').unwrap_or(("", &source.path));
    let stem = file.strip_suffix(".rs").unwrap_or(file);
    let base = if is_root(&source.path) || stem == "mod" {
        folder.to_owned()
    } else {
        format!("{folder}/{stem}")
    };
    let mut children = Vec::new();
    let raw: Vec<&str> = source.raw.lines().collect();
    for (at, line) in words(&source.code, "mod") {
        let after = source.code[at + "mod".len()..].trim_start();
        let name = leading_word(after);
        if !after[name.len()..].trim_start().starts_with(';') {
            continue;
        }
        let nested: String = enclosing_modules(&source.code[..at])
            .iter()
            .map(|name| format!("/{name}"))
            .collect();
        children.push(format!("{base}{nested}/{name}.rs"));
        children.push(format!("{base}{nested}/{name}/mod.rs"));
        let above = &raw[line.saturating_sub(3)..line - 1];
        let given = above
            .iter()
            .rev()
            .find_map(|line| line.trim().strip_prefix("#[path = \""));
        let given = given.and_then(|given| given.strip_suffix("\"]"));
        children.extend(given.map(|given| format!("{folder}/{given}")));
    }
    children
}

/// The inline modules that are open at the end of the code.
fn enclosing_modules(code: &str) -> Vec<&str> {
    let mut open = Vec::new();
    for (at, c) in code.char_indices() {
        match c {
            '{' => {
                let header = code[..at].trim_end();
                let start = header
                    .rfind(|c| !crate::source::is_word(c))
                    .map_or(0, |at| at + 1);
                let is_module = header[..start].trim_end().ends_with("mod");
                open.push(is_module.then_some(&header[start..]));
            }
            '}' => {
                open.pop();
            }
            _ => {}
        }
    }
    open.into_iter().flatten().collect()
}

pub(crate) fn public_names(sources: &[Source]) -> Vec<Violation> {
    let mut violations = Vec::new();
    for source in sources {
        let code = source.product_code();
        for (at, line) in words(&code, "pub") {
            let name = public_name(&code[at + "pub".len()..]);
            let snake = snake_case(name);
            let allowed = NAMES_ALLOWED.contains(&snake.as_str());
            let banned = snake.split('_').any(|word| WORDS_BANNED.contains(&word));
            let noise = snake.starts_with("get_") || snake == "timeout";
            if !allowed && (banned || noise) {
                violations.push(Violation::new(source, line, name));
            }
        }
    }
    violations
}

/// The name of a function, type, module or field, from behind its `pub`.
fn public_name(after: &str) -> &str {
    const BEFORE_NAMES: [&str; 12] = [
        "async", "const", "unsafe", "extern", "fn", "struct", "enum", "trait", "type", "static",
        "mod", "mut",
    ];
    let mut rest = after.trim_start();
    if let Some(restricted) = rest.strip_prefix('(') {
        rest = restricted
            .split_once(')')
            .map_or("", |(_, rest)| rest)
            .trim_start();
    }
    loop {
        let word = leading_word(rest);
        if word == "use" {
            return "";
        }
        if !BEFORE_NAMES.contains(&word) {
            return word;
        }
        rest = rest[word.len()..]
            .trim_start()
            .trim_start_matches(['"', ' ']);
    }
}

/// `RemoteAddr` and `REMOTE_ADDR` are `remote_addr`.
fn snake_case(name: &str) -> String {
    if name.chars().any(char::is_lowercase) {
        let mut snake = String::new();
        for c in name.chars() {
            if c.is_uppercase() && !snake.is_empty() {
                snake.push('_');
            }
            snake.extend(c.to_lowercase());
        }
        return snake;
    }
    name.to_lowercase()
}
