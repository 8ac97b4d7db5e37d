//! Where the head of a request begins and ends.

/// Follows the bytes of heads that come one behind the other. A head begins with the first byte
/// that is no line break, and ends with its empty line.
#[derive(Debug, Default)]
pub(super) struct Heads {
    begun: bool,
    /// Nothing of the line has come yet.
    blank: bool,
}

impl Heads {
    /// Takes the next byte. Whether a head ends with it.
    fn take(&mut self, byte: u8) -> bool {
        match byte {
            b'\n' => {
                let ends = self.begun && self.blank;
                self.begun = self.begun && !ends;
                self.blank = true;
                ends
            }
            b'\r' => false,
            _ => {
                self.begun = true;
                self.blank = false;
                false
            }
        }
    }

    /// Takes these bytes. Whether a head has begun then that has not ended.
    pub(super) fn take_all(&mut self, bytes: &[u8]) -> bool {
        for byte in bytes {
            self.take(*byte);
        }
        self.begun
    }
}

/// Up to and with the empty line.
pub(super) fn length_of_head(bytes: &[u8]) -> usize {
    let mut heads = Heads::default();
    let end = bytes.iter().position(|byte| heads.take(*byte));
    end.map_or(bytes.len(), |end| end + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_ends_with_its_empty_line_whatever_ends_the_lines() {
        for (bytes, head, begun) in [
            ("GET / HTTP/1.1\r\nHost: x\r\n\r\nGET", 27, true),
            ("GET / HTTP/1.1\nHost: x\n\n", 24, false),
            ("\r\n\r\nGET / HTTP/1.0\r\n\r\n", 22, false),
            ("GET / HTTP/1.0\r\n\r\n\r\n", 18, false),
            ("GET / HTTP/1.0\r\n", 16, true),
            ("\r\n", 2, false),
            ("", 0, false),
        ] {
            assert_eq!(length_of_head(bytes.as_bytes()), head, "{bytes:?}");
            let now = Heads::default().take_all(bytes.as_bytes());
            assert_eq!(now, begun, "{bytes:?}");
        }
    }
}
