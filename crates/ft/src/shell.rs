//! Words as a shell reads them, for what is printed to be typed.

use std::ffi::OsStr;
use std::path::Path;

/// The text as one word of a shell.
pub(crate) fn word(text: impl AsRef<OsStr>) -> String {
    quoted(text.as_ref().as_encoded_bytes())
}

/// A path as one word of a shell; one that begins with a dash would be read as an option.
pub(crate) fn path(path: &Path) -> String {
    let bytes = path.as_os_str().as_encoded_bytes();
    let here = if bytes.starts_with(b"-") { "./" } else { "" };
    format!("{here}{}", quoted(bytes))
}

/// Text in single quotes, if it needs any; what cannot be shown is written `$'\377'`.
fn quoted(bytes: &[u8]) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+=,:@%".contains(c);
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.is_empty() && text.chars().all(plain) => text.to_owned(),
        Ok(text) if !text.chars().any(char::is_control) => {
            format!("'{}'", text.replace('\'', r"'\''"))
        }
        _ => {
            let mut word = "$'".to_owned();
            for byte in bytes {
                match byte {
                    b' '..=b'~' if !b"'\\".contains(byte) => word.push(char::from(*byte)),
                    other => word.push_str(&format!("\\{other:03o}")),
                }
            }
            word + "'"
        }
    }
}

/// The text as one word of a shell that means nothing in a comment of any language: no end of the
/// comment, no escape that a compiler reads before it looks for comments (Java's `\u000a`, C's
/// trigraphs and lines that end with a backslash), no encoding of the file (Python's `coding:`).
pub(crate) fn word_in_comment(text: impl AsRef<OsStr>) -> String {
    let bytes = text.as_ref().as_encoded_bytes();
    let word = quoted(bytes);
    let harmless = |c: char| c.is_ascii_graphic() || c == ' ';
    let meant = ["\\", "*/", "/*", "??", "coding"];
    if word.chars().all(harmless) && !meant.iter().any(|meant| word.contains(meant)) {
        return word;
    }
    let octal = |byte: &u8| match byte {
        b' ' | b'.' | b'-' | b':' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'n' | b'p'..=b'z' => {
            char::from(*byte).to_string()
        }
        other => format!("\\{other:03o}"),
    };
    format!("$'{}'", bytes.iter().map(octal).collect::<String>())
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStrExt;

    use super::*;

    #[test]
    fn what_is_printed_to_be_typed_is_one_word_of_a_shell() {
        for (text, expected) in [
            ("unix:/a b", "'unix:/a b'"),
            ("[::1]:80", "'[::1]:80'"),
            ("*:8080", "'*:8080'"),
            ("127.0.0.1:80", "127.0.0.1:80"),
            ("it's", r"'it'\''s'"),
            ("a\nb'", r"$'a\012b\047'"),
            ("", "''"),
        ] {
            assert_eq!(word(text), expected);
        }
    }

    #[test]
    fn what_means_something_in_a_comment_is_written_as_numbers() {
        for (text, expected) in [
            ("*:8080", "'*:8080'"),
            ("a */", r"$'a \052\057'"),
            (r"\u000a", r"$'\134u000a'"),
            ("coding:x", r"$'c\157ding:x'"),
            ("é\n", r"$'\303\251\012'"),
            ("what??/", r"$'what\077\077\057'"),
        ] {
            assert_eq!(word_in_comment(text), expected);
        }
    }

    #[test]
    fn a_path_is_one_word_too_and_never_an_option() {
        for (text, expected) in [
            (&b"in/000001-__1_80.partial"[..], "in/000001-__1_80.partial"),
            (b"-rf $(x)", "./'-rf $(x)'"),
            (b"-\xff7\\", r"./$'-\3777\134'"),
        ] {
            assert_eq!(path(Path::new(OsStr::from_bytes(text))), expected);
        }
    }
}
