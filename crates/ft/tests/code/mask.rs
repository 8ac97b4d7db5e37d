//! What is said on stderr, made equal where chance or the clock decides.

/// What stands before a port, or in the name of a file before that or a process.
const BEFORE_A_PORT: [&str; 8] = [
    "127.0.0.1:",
    "127.0.0.2:",
    "0.0.0.0:",
    "[::1]:",
    "[::]:",
    "127.0.0.1_",
    "__1_",
    "-pid_",
];

/// Beginnings of lines that are for people, or come and go: a program may leave them out.
const LEFT_OUT: [&str; 9] = [
    "  ",
    "only this machine can ",
    "an abstract name has no mode",
    "no longer listening",
    "stopping; ",
    "paused: ",
    "resumed: ",
    "warning: ",
    "shutdown ",
];

/// Parts of such lines.
const LEFT_OUT_WITH: [&str; 11] = [
    ": perhaps not all of ",
    ": incomplete, ",
    " was too slow: ",
    " GET ",
    " HEAD ",
    " POST ",
    " more lines like these were left out",
    " accepted, ",
    " no request of HTTP/1",
    " a head that is too long",
    ": 400 Bad Request",
];

/// The number of the connection that a line is about; 0 for one about none.
pub(crate) fn number(line: &str) -> u64 {
    let rest = line.strip_prefix('#').unwrap_or_default();
    let digits = rest.split(|c: char| !c.is_ascii_digit()).next();
    digits.and_then(|digits| digits.parse().ok()).unwrap_or(0)
}

/// A line as it is compared, or `None` where it may be missing. `is_vague`: how many bytes this
/// connection moved, and whose end came first, is chance.
pub(crate) fn masked(line: &str, is_vague: bool) -> Option<String> {
    let line = line.strip_prefix("ft: ").unwrap_or(line);
    let left_out = LEFT_OUT.iter().any(|start| line.starts_with(start))
        || LEFT_OUT_WITH.iter().any(|part| line.contains(part))
        || line.ends_with("connections accepted; sent 0 B, received 0 B");
    if left_out {
        return None;
    }
    let line = without_words(&without_ports(&without_peer(&without_units(line))));
    Some(match line.split_once(" closed: ") {
        Some((who, how)) => format!("{who} closed: {}", ending(how, is_vague)),
        None => line,
    })
}

/// The reason and the bytes, without the duration and what is said besides.
fn ending(how: &str, is_vague: bool) -> String {
    let mut parts = how.split(", ");
    let reason = parts.next().unwrap_or_default();
    if is_vague {
        // Who was first, too.
        return reason.split(' ').next().unwrap_or_default().to_owned();
    }
    let mut text = reason.to_owned();
    for part in parts {
        let is_counted = part.starts_with("sent ") || part.starts_with("received ");
        if is_counted && !part.ends_with("unacknowledged") {
            text.push_str(", ");
            text.push_str(part);
        }
    }
    text
}

/// Without what rounds a number of bytes: ` (1.05 MB)`.
fn without_units(line: &str) -> String {
    let mut parts = line.split(" B (");
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let rest = part.split_once(')').map_or(part, |(_, rest)| rest);
        text.push_str(&format!(" B{rest}"));
    }
    text
}

/// An error by its name: its words are those of `ft`, or of the C library.
fn without_words(line: &str) -> String {
    match line
        .rsplit_once(" (E")
        .and_then(|(what, name)| Some((what.rsplit_once(": ")?.0, name)))
    {
        Some((what, name)) => format!("{what}: (E{name}"),
        None => line.to_owned(),
    }
}

/// Who calls by a Unix socket is known by a number of its process.
fn without_peer(line: &str) -> String {
    let peer = line
        .split_once(' ')
        .and_then(|(number, rest)| Some((number, rest.split_once(" → unix:")?.1)));
    match peer {
        Some((number, rest)) => format!("{number} PEER → unix:{rest}"),
        None => line.to_owned(),
    }
}

/// A line about a connection whose number is chance.
pub(crate) fn without_numbers(line: &str) -> String {
    let mut parts = line.split('#');
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let rest = part.trim_start_matches(|c: char| c.is_ascii_digit());
        text.push_str(&format!("#N{rest}"));
    }
    text
}

fn without_ports(line: &str) -> String {
    let mut text = line.to_owned();
    for before in BEFORE_A_PORT {
        let mut parts = text.split(before);
        let mut masked = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let rest = part.trim_start_matches(|c: char| c.is_ascii_digit());
            let port = if rest.len() < part.len() { "PORT" } else { "" };
            masked.push_str(&format!("{before}{port}{rest}"));
        }
        text = masked;
    }
    text
}

#[test]
fn what_chance_decides_is_masked_and_nothing_else() {
    let line = "#3 127.0.0.1:40000 → 127.0.0.1:8080 tcp closed: released by us first, 1.2 ms, \
                sent 1048576 B (1.05 MB), received 6 B, 5 B unacknowledged";
    let five_tuple = "#3 127.0.0.1:PORT → 127.0.0.1:PORT tcp";
    let exact = format!("{five_tuple} closed: released by us first, sent 1048576 B, received 6 B");
    assert_eq!(masked(line, false), Some(exact));
    let vague = format!("{five_tuple} closed: released");
    assert_eq!(masked(line, true), Some(vague));
    assert_eq!(number(line), 3);
    let unix = masked("#1 pid 5 uid 0 → unix:sock unix accepted", false);
    assert_eq!(unix.as_deref(), Some("#1 PEER → unix:sock unix accepted"));
    assert_eq!(masked("  try: ft explain EOF", false), None);
    assert_eq!(masked("Traceback", false).as_deref(), Some("Traceback"));
}
