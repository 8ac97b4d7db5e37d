//! Bytes in any portions become whole lines. There is a buffer only while a line is incomplete.

use std::borrow::Cow;

/// Cuts what a peer sends into lines of a bounded length.
#[derive(Debug)]
pub(in crate::service) struct Lines {
    partial: Vec<u8>,
    max: usize,
    /// The line was too long: what comes of it is left out.
    cutting: bool,
}

/// One line, without its newline.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::service) struct Line<'a> {
    pub(in crate::service) text: Cow<'a, [u8]>,
    /// It was longer; this is its beginning.
    pub(in crate::service) cut: bool,
}

impl Lines {
    /// Lines of at most `max` bytes, not counting the newline.
    pub(in crate::service) fn new(max: usize) -> Self {
        Self {
            partial: Vec::new(),
            max,
            cutting: false,
        }
    }

    /// Takes the next line from the front of `bytes`; when there is no whole one, keeps them.
    pub(in crate::service) fn next<'a>(&mut self, bytes: &mut &'a [u8]) -> Option<Line<'a>> {
        loop {
            let (segment, ended) = match memchr::memchr(b'\n', bytes) {
                Some(end) => (bytes.split_at(end).0, true),
                None => (*bytes, false),
            };
            let taken = segment.len() + usize::from(ended);
            *bytes = bytes.get(taken..).unwrap_or_default();
            if self.cutting {
                self.cutting = !ended;
                if ended {
                    continue;
                }
                return None;
            }
            let room = self.max - self.partial.len();
            if segment.len() > room {
                self.cutting = !ended;
                self.partial.extend_from_slice(segment.split_at(room).0);
                let mut text = std::mem::take(&mut self.partial);
                text.truncate(whole_characters(&text));
                let text = Cow::Owned(text);
                return Some(Line { text, cut: true });
            }
            if ended && self.partial.is_empty() {
                let text = Cow::Borrowed(segment);
                return Some(Line { text, cut: false });
            }
            self.partial.extend_from_slice(segment);
            return ended.then(|| self.whole());
        }
    }

    /// The last line, if it had no newline.
    pub(in crate::service) fn finish(&mut self) -> Option<Line<'static>> {
        (!self.partial.is_empty()).then(|| self.whole())
    }

    fn whole(&mut self) -> Line<'static> {
        let text = Cow::Owned(std::mem::take(&mut self.partial));
        Line { text, cut: false }
    }
}

/// The length of `text` without a character that was cut in two at its end.
fn whole_characters(text: &[u8]) -> usize {
    let tail = text.len().saturating_sub(3);
    let last = text.get(tail..).unwrap_or_default();
    let lead = last.iter().rposition(|byte| byte & 0xc0 == 0xc0);
    let Some(at) = lead else {
        return text.len();
    };
    let character = last.get(at..).unwrap_or_default();
    match std::str::from_utf8(character) {
        Err(error) if error.error_len().is_none() => tail + at,
        _ => text.len(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The lines of these portions; a `+` marks one that was cut.
    fn lines(max: usize, portions: &[&[u8]]) -> Vec<String> {
        let mut lines = Lines::new(max);
        let mut all = Vec::new();
        let mut keep = |line: Line<'_>| {
            let mark = if line.cut { "+" } else { "" };
            all.push(String::from_utf8_lossy(&line.text).into_owned() + mark);
        };
        for portion in portions {
            let mut rest = *portion;
            while let Some(line) = lines.next(&mut rest) {
                keep(line);
            }
            assert!(rest.is_empty());
            assert!(lines.partial.len() <= max);
        }
        lines.finish().into_iter().for_each(keep);
        all
    }

    #[test]
    fn lines_come_whole_however_they_are_cut_and_the_last_needs_no_newline() {
        assert_eq!(
            lines(9, &[b"one\n\ntw", b"o\nth", b"ree"]),
            ["one", "", "two", "three"]
        );
        assert_eq!(lines(9, &[b"a", b"b", b"\n", b""]), ["ab"]);
    }

    #[test]
    fn a_line_that_is_too_long_is_cut_once_and_the_next_is_whole() {
        assert_eq!(lines(4, &[b"12345\nok\n"]), ["1234+", "ok"]);
        assert_eq!(lines(4, &[b"123", b"45", b"67", b"8\nok"]), ["1234+", "ok"]);
        assert_eq!(lines(4, &[b"1234", b"\n1234\n"]), ["1234", "1234"]);
        assert_eq!(lines(4, &[b"123456"]), ["1234+"]);
        assert_eq!(lines(4, &[b"1234", b"5\n"]), ["1234+"]);
    }

    #[test]
    fn a_character_is_not_cut_in_two() {
        assert_eq!(lines(4, &["12€34\n".as_bytes()]), ["12+"]);
        assert_eq!(lines(5, &["12€34\n".as_bytes()]), ["12€+"]);
        assert_eq!(lines(4, &["1😀5\n".as_bytes()]), ["1+"]);
        assert_eq!(lines(4, &["😀5\n".as_bytes()]), ["😀+"]);
    }

    proptest! {
        #[test]
        fn portions_make_no_difference(text: Vec<u8>, cuts: Vec<u8>, max in 1_usize..20) {
            let (mut portions, mut rest) = (Vec::new(), &text[..]);
            for cut in cuts {
                let (portion, after) = rest.split_at(usize::from(cut).min(rest.len()));
                portions.push(portion);
                rest = after;
            }
            portions.push(rest);
            prop_assert_eq!(lines(max, &portions), lines(max, &[&text]));
        }
    }
}
