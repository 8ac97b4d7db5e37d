//! One line for people: escaped as it is written, its columns counted, its colours optional.

use std::fmt::{self, Write};

use fivetuple::call::Visible;

/// How a part of a line is drawn on a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// Beside the matter.
    Dim,
    /// What the eye looks for.
    Bold,
    /// What went wrong.
    Red,
}

impl Style {
    const fn sequence(self) -> &'static [u8] {
        match self {
            Self::Dim => b"\x1b[2m",
            Self::Bold => b"\x1b[1m",
            Self::Red => b"\x1b[31m",
        }
    }
}

/// A line under construction at the end of a text.
///
/// Whatever is written into it comes out without a control character; what is escaped already is
/// not escaped again.
#[derive(Debug)]
pub(crate) struct Line<'a> {
    to: &'a mut Vec<u8>,
    columns: usize,
    color: bool,
}

impl<'a> Line<'a> {
    /// A new line at the end of `to`.
    pub(crate) fn new(to: &'a mut Vec<u8>, color: bool) -> Self {
        Self {
            to,
            columns: 0,
            color,
        }
    }

    /// Appends text.
    pub(crate) fn put(&mut self, text: impl fmt::Display) -> &mut Self {
        // Writing to a Vec does not fail.
        let _ = write!(self, "{text}");
        self
    }

    /// Appends text in a style.
    pub(crate) fn styled(&mut self, style: Style, text: impl fmt::Display) -> &mut Self {
        if self.color {
            self.to.extend_from_slice(style.sequence());
        }
        self.put(text);
        if self.color {
            self.to.extend_from_slice(b"\x1b[0m");
        }
        self
    }

    /// Appends spaces up to a column, at least one.
    pub(crate) fn column(&mut self, column: usize) -> &mut Self {
        let spaces = column.saturating_sub(self.columns).max(1);
        self.to.resize(self.to.len() + spaces, b' ');
        self.columns += spaces;
        self
    }

    /// Ends the line.
    pub(crate) fn end(&mut self) {
        self.to.push(b'\n');
        self.columns = 0;
    }
}

impl Write for Line<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let before = self.to.len();
        for (at, part) in text.split('\\').enumerate() {
            if at > 0 {
                self.to.push(b'\\');
            }
            let _ = io_write(self.to, part);
        }
        let added = self.to.get(before..).unwrap_or_default();
        let is_first = |byte: &&u8| (**byte & 0xc0) != 0x80;
        self.columns += added.iter().filter(is_first).count();
        Ok(())
    }
}

fn io_write(to: &mut Vec<u8>, part: &str) -> std::io::Result<()> {
    if part.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        to.extend_from_slice(part.as_bytes());
        return Ok(());
    }
    std::io::Write::write_fmt(to, format_args!("{}", Visible(part.as_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_escaped_once_and_counts_its_columns() {
        let mut to = Vec::new();
        let mut line = Line::new(&mut to, false);
        line.put("a → b\x1b[2J").column(14).put(r"\x1b").end();
        assert_eq!(String::from_utf8(to).unwrap(), "a → b\\x1b[2J  \\x1b\n");
    }

    #[test]
    fn colour_takes_no_column() {
        let mut to = Vec::new();
        let mut line = Line::new(&mut to, true);
        line.styled(Style::Dim, "12")
            .column(4)
            .styled(Style::Red, "x")
            .end();
        assert_eq!(to, b"\x1b[2m12\x1b[0m  \x1b[31mx\x1b[0m\n");
    }
}
