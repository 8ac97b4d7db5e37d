//! The status line: one line at the bottom of a terminal that is drawn again and again, below the
//! lines that stay.
//!
//! The thread that writes the queue of stderr writes this line, too, so that the two never tear
//! each other: it takes the line away, writes the others, and draws it again.

/// To the start of the line, and away with what stands there.
const ERASE: &[u8] = b"\r\x1b[K";

/// What is drawn, and what shall be.
#[derive(Debug, Default)]
pub(super) struct Status {
    text: String,
    drawn: bool,
    changed: bool,
    ended: bool,
}

impl Status {
    /// Shall be drawn from now on; an empty text draws nothing.
    pub(super) fn set(&mut self, text: &str) {
        if self.text != text && !self.ended {
            text.clone_into(&mut self.text);
            self.changed = true;
        }
    }

    /// Takes it away for good.
    pub(super) fn end(&mut self) {
        self.set("");
        self.ended = true;
    }

    /// There is something to draw or to take away.
    pub(super) fn is_due(&self) -> bool {
        self.changed
    }

    /// It has to do with what is written now.
    pub(super) fn is_in_use(&self) -> bool {
        self.drawn || self.changed
    }

    /// Appends the lines of `text` to `batch` with the status line below them, and empties it.
    pub(super) fn compose(&mut self, text: &mut Vec<u8>, batch: &mut Vec<u8>) {
        if self.drawn {
            batch.extend_from_slice(ERASE);
        }
        batch.append(text);
        batch.extend_from_slice(self.text.as_bytes());
        self.drawn = !self.text.is_empty();
        self.changed = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn composed(status: &mut Status, text: &str) -> String {
        let mut batch = Vec::new();
        status.compose(&mut text.as_bytes().to_vec(), &mut batch);
        String::from_utf8(batch).unwrap()
    }

    #[test]
    fn lines_stand_above_the_status_line_and_it_goes_without_a_trace() {
        let mut status = Status::default();
        assert!(!status.is_due() && !status.is_in_use());
        status.set("10 %");
        assert!(status.is_due());
        assert_eq!(composed(&mut status, ""), "10 %");
        assert!(!status.is_due() && status.is_in_use());
        assert_eq!(composed(&mut status, "a\nb\n"), "\r\x1b[Ka\nb\n10 %");
        status.set("10 %");
        assert!(!status.is_due());
        status.set("20 %");
        assert_eq!(composed(&mut status, ""), "\r\x1b[K20 %");
        status.set("");
        assert_eq!(composed(&mut status, "c\n"), "\r\x1b[Kc\n");
        assert!(!status.is_in_use());
        status.end();
        status.set("30 %");
        assert!(!status.is_due());
    }
}
