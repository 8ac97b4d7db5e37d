//! Bytes as the languages write them: what stands between the quotes comes out of the compiled
//! program as it went in.

use crate::plan::Language;

/// An expression of the language for these bytes; none if it has no string of them.
///
/// C gets a string literal (without the NUL that ends it), Go a string, Python and Rust a literal of
/// bytes, Java a String, JavaScript a string, or a Buffer of what is not UTF-8.
pub(super) fn literal(language: Language, bytes: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(bytes).ok();
    Some(match language {
        // Octal has three digits at most, so that a digit behind it is a character of its own, and
        // a question mark begins no trigraph.
        Language::C => quoted(bytes.iter().map(|byte| match byte {
            b'?' => r"\077".to_owned(),
            byte => plain(*byte).unwrap_or_else(|| format!("\\{byte:03o}")),
        })),
        Language::Go => quoted(bytes.iter().map(|byte| hexadecimal(*byte))),
        Language::Python | Language::Rust => {
            format!("b{}", quoted(bytes.iter().map(|byte| hexadecimal(*byte))))
        }
        // Java and JavaScript have UTF-16 in their strings. Java reads \u000a as the end of the line
        // before it looks for strings, so what has an octal escape gets one.
        Language::Java => quoted(text?.encode_utf16().map(|unit| match u8::try_from(unit) {
            Ok(byte) => plain(byte).unwrap_or_else(|| format!("\\{byte:03o}")),
            Err(_) => utf16(unit),
        })),
        Language::JavaScript => match text {
            Some(text) => quoted(text.encode_utf16().map(utf16)),
            None => {
                let bytes: Vec<String> = bytes.iter().map(u8::to_string).collect();
                format!("Buffer.from([{}])", bytes.join(", "))
            }
        },
    })
}

/// An expression of the language for this text.
pub(super) fn text_literal(language: Language, text: &str) -> Option<String> {
    let code_point = |c: char| match u8::try_from(c).ok().and_then(plain) {
        Some(plain) => plain,
        None if language == Language::Rust => c.escape_unicode().to_string(),
        None => format!("\\U{:08x}", u32::from(c)),
    };
    match language {
        Language::Python | Language::Rust => Some(quoted(text.chars().map(code_point))),
        _ => literal(language, text.as_bytes()),
    }
}

fn quoted(characters: impl Iterator<Item = String>) -> String {
    format!("\"{}\"", characters.collect::<String>())
}

/// A byte that means itself between double quotes in every language.
fn plain(byte: u8) -> Option<String> {
    matches!(byte, b' '..=b'~' if !b"\"\\".contains(&byte)).then(|| char::from(byte).to_string())
}

fn hexadecimal(byte: u8) -> String {
    plain(byte).unwrap_or_else(|| format!("\\x{byte:02x}"))
}

fn utf16(unit: u16) -> String {
    u8::try_from(unit)
        .ok()
        .and_then(plain)
        .unwrap_or_else(|| format!("\\u{unit:04x}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_a_meaning_between_quotes_is_written_as_a_number() {
        let cases: [(Language, &[u8], Option<&str>); 8] = [
            (
                Language::C,
                b"a\"\\??/\n1",
                Some(r#""a\042\134\077\077/\0121""#),
            ),
            (Language::C, b"\xff", Some(r#""\377""#)),
            (Language::Go, b"\xc3\xa9\n", Some(r#""\xc3\xa9\x0a""#)),
            (
                Language::Python,
                b"it's \"\x00",
                Some(r#"b"it's \x22\x00""#),
            ),
            (Language::Rust, b"{}\\", Some(r#"b"{}\x5c""#)),
            (
                Language::Java,
                "é\n\u{1f600}".as_bytes(),
                Some(r#""\351\012\ud83d\ude00""#),
            ),
            (Language::Java, b"\xff", None),
            (
                Language::JavaScript,
                b"a\xff",
                Some("Buffer.from([97, 255])"),
            ),
        ];
        for (language, bytes, expected) in cases {
            assert_eq!(literal(language, bytes).as_deref(), expected);
        }
        for (language, expected) in [
            (Language::Python, r#""\U000000e9\U0000000a\U00000022""#),
            (Language::Rust, r#""\u{e9}\u{a}\u{22}""#),
            (Language::C, r#""\303\251\012\042""#),
        ] {
            assert_eq!(text_literal(language, "é\n\"").as_deref(), Some(expected));
        }
    }
}
