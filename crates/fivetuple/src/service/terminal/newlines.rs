//! Line ends of text protocols.

/// Turns LF into CR LF, across chunks, and leaves CR LF as it is.
#[derive(Debug, Default)]
pub(super) struct Newlines {
    after_cr: bool,
}

impl Newlines {
    pub(super) fn with_cr(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(bytes.len() + bytes.len() / 16);
        for &byte in bytes {
            if byte == b'\n' && !self.after_cr {
                out.push(b'\r');
            }
            out.push(byte);
            self.after_cr = byte == b'\r';
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_newline_gets_its_carriage_return_also_between_chunks() {
        let mut newlines = Newlines::default();
        assert_eq!(newlines.with_cr(b"a\nb\r\nc\r"), b"a\r\nb\r\nc\r");
        assert_eq!(newlines.with_cr(b"\n\n"), b"\n\r\n");
    }
}
