//! The one sanitiser: bytes that others chose become text that cannot steer a terminal or a log.

use std::fmt::{self, Write};

/// Shows bytes on one line: what is printable as it is, everything else escaped.
///
/// Escaped are control characters (C0, DEL, C1), also as raw bytes, invalid UTF-8, and the
/// characters that are not seen or change the direction of writing. The backslash is escaped as
/// well, so that the shown text is never ambiguous.
///
/// ```
/// use fivetuple::call::Visible;
/// assert_eq!(Visible(b"a\x1b[31m\n\xff\xc2\x9b").to_string(), r"a\x1b[31m\n\xff\u{9b}");
/// assert_eq!(Visible("größer\u{202e}".as_bytes()).to_string(), r"größer\u{202e}");
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Visible<'a>(pub &'a [u8]);

impl fmt::Display for Visible<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.0.utf8_chunks() {
            for character in chunk.valid().chars() {
                if character == '\\' {
                    f.write_str("\\\\")?;
                } else {
                    show(character, f)?;
                }
            }
            for &byte in chunk.invalid() {
                write!(f, "\\x{byte:02x}")?;
            }
        }
        Ok(())
    }
}

/// Filters a peer's bytes on their way to a terminal.
///
/// Newline, tab and the two selectors of a symbol's drawing (U+FE0E, U+FE0F) pass, `\r\n` passes
/// as a newline, a lone `\r` and everything that [`Visible`] escapes is shown; the backslash
/// passes. A character or a `\r\n` may be split between chunks.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// The bytes of a character whose rest has not come yet.
    pending: [u8; 4],
    pending_len: usize,
    after_return: bool,
}

impl Filter {
    /// A filter at the start of a row of bytes.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends the shown form of the next bytes. The text grows to at most six times their
    /// number.
    pub fn push(&mut self, chunk: &[u8], to: &mut String) {
        for &byte in chunk {
            self.push_byte(byte, to);
        }
    }

    /// Shows what was held back: an incomplete character, a return at the very end.
    pub fn finish(&mut self, to: &mut String) {
        self.flush_return(to);
        self.flush_pending(to);
    }

    fn push_byte(&mut self, byte: u8, to: &mut String) {
        let Some(slot) = self.pending.get_mut(self.pending_len) else {
            return;
        };
        *slot = byte;
        self.pending_len += 1;
        let held = self.pending.get(..self.pending_len).unwrap_or_default();
        match std::str::from_utf8(held) {
            Ok(text) => {
                let character = text.chars().next();
                self.pending_len = 0;
                character
                    .into_iter()
                    .for_each(|character| self.push_character(character, to));
            }
            // Not ended yet, but good so far.
            Err(error) if error.error_len().is_none() => {}
            Err(_) => self.give_up(byte, to),
        }
    }

    /// The held bytes will never be a character; the last one may begin another.
    fn give_up(&mut self, byte: u8, to: &mut String) {
        if self.pending_len == 1 {
            self.flush_return(to);
            self.flush_pending(to);
        } else {
            self.pending_len -= 1;
            self.flush_return(to);
            self.flush_pending(to);
            self.push_byte(byte, to);
        }
    }

    fn push_character(&mut self, character: char, to: &mut String) {
        if character == '\n' {
            self.after_return = false;
            to.push('\n');
            return;
        }
        self.flush_return(to);
        match character {
            '\r' => self.after_return = true,
            '\t' => to.push('\t'),
            // Whether a symbol is drawn in colour: harmless in a row of text, frequent in it.
            '\u{fe0e}' | '\u{fe0f}' => to.push(character),
            // Writing to a String does not fail.
            _ => _ = show(character, to),
        }
    }

    fn flush_return(&mut self, to: &mut String) {
        if std::mem::take(&mut self.after_return) {
            to.push_str("\\r");
        }
    }

    fn flush_pending(&mut self, to: &mut String) {
        for &byte in self.pending.get(..self.pending_len).unwrap_or_default() {
            // Writing to a String does not fail.
            _ = write!(to, "\\x{byte:02x}");
        }
        self.pending_len = 0;
    }
}

/// Writes a character as it is, or escaped.
fn show(character: char, to: &mut impl Write) -> fmt::Result {
    match character {
        '\n' => to.write_str("\\n"),
        '\r' => to.write_str("\\r"),
        '\t' => to.write_str("\\t"),
        '\0'..='\x1f' | '\x7f' => write!(to, "\\x{:02x}", u32::from(character)),
        _ if is_invisible(character) => write!(to, "\\u{{{:x}}}", u32::from(character)),
        _ => to.write_char(character),
    }
}

/// C1 controls, and what is not seen, breaks lines or turns the direction of writing.
fn is_invisible(character: char) -> bool {
    matches!(character,
        '\u{80}'..='\u{9f}'
        // Soft hyphen, grapheme joiner, Arabic letter mark, fillers, vowel inherents, Mongolian.
        | '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
        | '\u{180b}'..='\u{180f}'
        // Zero width, direction marks; line and paragraph separator; embeddings; invisible
        // operators, isolates, deprecated format characters.
        | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
        // Shorthand and musical format characters, tags, more variation selectors.
        | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn filtered(chunks: &[&[u8]]) -> String {
        let (mut filter, mut shown) = (Filter::new(), String::new());
        for chunk in chunks {
            filter.push(chunk, &mut shown);
        }
        filter.finish(&mut shown);
        shown
    }

    #[test]
    fn what_could_steer_a_terminal_is_escaped() {
        for (bytes, shown) in [
            (&b"plain"[..], "plain"),
            (b"\x1b]0;title\x07", r"\x1b]0;title\x07"),
            (b"\0\x7f", r"\x00\x7f"),
            (b"\x9b31m", r"\x9b31m"),
            ("\u{9b}31m".as_bytes(), r"\u{9b}31m"),
            (b"a\r\nb\tc", r"a\r\nb\tc"),
            (r"a\b".as_bytes(), r"a\\b"),
            (
                "\u{2028}\u{200b}\u{2066}\u{feff}".as_bytes(),
                r"\u{2028}\u{200b}\u{2066}\u{feff}",
            ),
            (b"\xe2\x82", r"\xe2\x82"),
            ("añ漢😀".as_bytes(), "añ漢😀"),
        ] {
            assert_eq!(Visible(bytes).to_string(), shown);
        }
    }

    #[test]
    fn newline_and_tab_pass_the_filter_and_a_lone_return_is_shown() {
        assert_eq!(filtered(&[b"a\r\nb\tc\n"]), "a\nb\tc\n");
        assert_eq!(filtered(&[b"a\r", b"\nb"]), "a\nb");
        assert_eq!(filtered(&[b"secret\rpublic"]), r"secret\rpublic");
        assert_eq!(filtered(&[b"\r\r\n\r"]), "\\r\n\\r");
        assert_eq!(filtered(&[b"\r", b"\xff\n"]), "\\r\\xff\n");
        assert_eq!(filtered(&[b"C:\\dir \x1b[2J"]), r"C:\dir \x1b[2J");
    }

    #[test]
    fn a_character_may_be_split_and_a_broken_one_hides_nothing() {
        assert_eq!(filtered(&[b"\xe2", b"\x82", b"\xac"]), "€");
        assert_eq!(filtered(&[b"\xe2\x82", b"A"]), r"\xe2\x82A");
        assert_eq!(filtered(&[b"\xe2\x82\x1b[m"]), r"\xe2\x82\x1b[m");
        assert_eq!(
            filtered(&[b"\xf0\x9f", b"\x98\x80", b"\xf0\x9f"]),
            r"😀\xf0\x9f"
        );
        assert_eq!(filtered(&[b"\xc2", b"\x9b"]), r"\u{9b}");
        assert_eq!(filtered(&[b"\xe2\xe2\x82\xac"]), r"\xe2€");
    }

    proptest! {
        #[test]
        fn no_control_character_comes_through(chunks: Vec<Vec<u8>>) {
            let whole = chunks.concat();
            let shown = Visible(&whole).to_string();
            prop_assert!(!shown.chars().any(|c| c.is_control() || is_invisible(c)));
            let parts: Vec<&[u8]> = chunks.iter().map(Vec::as_slice).collect();
            let through = filtered(&parts);
            let passes = |c: char| matches!(c, '\n' | '\t' | '\u{fe0e}' | '\u{fe0f}');
            let bad = |c: char| (c.is_control() || is_invisible(c)) && !passes(c);
            prop_assert!(!through.chars().any(bad));
            prop_assert_eq!(filtered(&[&whole]), through);
        }

        #[test]
        fn text_passes_whole_however_it_is_cut(text in "[ -~äöü漢字😀\n\t]*", at: usize) {
            let (first, last) = text.as_bytes().split_at(at % (text.len() + 1));
            prop_assert_eq!(filtered(&[first, last]), text);
        }
    }
}
