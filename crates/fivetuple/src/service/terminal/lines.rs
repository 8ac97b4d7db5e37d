//! Chunks of bytes become datagrams: each line is one, and its newline goes with it.

use std::sync::Arc;

/// A line that is longer than any datagram can be is given out unfinished at this length, so that
/// the kernel can refuse it; nothing longer is ever kept.
const LINE_MAX: usize = 65_536;

/// The lines of a stream of chunks.
#[derive(Debug, Default)]
pub(super) struct Lines {
    chunk: Option<Arc<[u8]>>,
    /// Where the next line begins in the chunk.
    at: usize,
    /// The beginning of a line that goes on in the chunk, or is complete if `given`.
    partial: Vec<u8>,
    given: bool,
}

impl Lines {
    /// The next chunk, once there is no further line.
    pub(super) fn push(&mut self, chunk: Arc<[u8]>) {
        self.chunk = Some(chunk);
        self.at = 0;
    }

    /// The next whole line.
    pub(super) fn next(&mut self) -> Option<&[u8]> {
        self.forget_given();
        let rest = self.chunk.as_deref()?.get(self.at..).unwrap_or_default();
        let room = LINE_MAX - self.partial.len();
        let newline = rest.iter().position(|byte| *byte == b'\n');
        let end = newline.map_or(rest.len(), |newline| newline + 1).min(room);
        let start = self.at;
        self.at += end;
        let whole = newline.is_some() || end == room;
        if whole && self.partial.is_empty() {
            return self.chunk.as_deref()?.get(start..start + end);
        }
        self.partial
            .extend_from_slice(rest.get(..end).unwrap_or_default());
        if whole {
            self.given = true;
            return Some(&self.partial);
        }
        self.chunk = None;
        None
    }

    /// The last line, which has no newline.
    pub(super) fn last(&mut self) -> Option<&[u8]> {
        self.forget_given();
        self.given = true;
        (!self.partial.is_empty()).then_some(&*self.partial)
    }

    fn forget_given(&mut self) {
        if std::mem::take(&mut self.given) {
            self.partial = Vec::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn lines(chunks: &[&[u8]]) -> Vec<Vec<u8>> {
        let (mut lines, mut found) = (Lines::default(), Vec::new());
        for chunk in chunks {
            lines.push((*chunk).into());
            while let Some(line) = lines.next() {
                found.push(line.to_vec());
            }
        }
        found.extend(lines.last().map(<[u8]>::to_vec));
        assert_eq!(lines.last(), None);
        found
    }

    #[test]
    fn a_line_is_given_whole_however_it_came() {
        let expected: Vec<Vec<u8>> = vec![b"one\n".into(), b"\n".into(), b"two".into()];
        assert_eq!(lines(&[b"one\n\ntwo"]), expected);
        assert_eq!(lines(&[b"o", b"ne", b"\n\n", b"t", b"wo"]), expected);
        assert_eq!(lines(&[]), Vec::<Vec<u8>>::new());
    }

    #[test]
    fn no_line_is_kept_that_is_longer_than_any_datagram() {
        let long = vec![b'x'; 3 * LINE_MAX];
        let found = lines(&[b"x", &long, b"\n"]);
        let lengths: Vec<usize> = found.iter().map(Vec::len).collect();
        assert_eq!(lengths, [LINE_MAX, LINE_MAX, LINE_MAX, 2]);
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_only_the_last_has_no_newline(
            chunks in prop::collection::vec("[a\n]{1,9}", 0..9)
        ) {
            let bytes: Vec<&[u8]> = chunks.iter().map(String::as_bytes).collect();
            let found = lines(&bytes);
            prop_assert_eq!(found.concat(), bytes.concat());
            for (at, line) in found.iter().enumerate() {
                let newlines = line.iter().filter(|byte| **byte == b'\n').count();
                let is_last = at + 1 == found.len();
                prop_assert!(newlines == 1 && line.ends_with(b"\n") || is_last && newlines == 0);
            }
        }
    }
}
