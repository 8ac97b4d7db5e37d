//! The check of what comes back: the right bytes, no more and no fewer, and where a reply ends.

use memchr::memmem::Finder;

use super::content::Content;
use super::{Failure, Reply, Request};

/// What must come back.
#[derive(Debug)]
pub(super) enum Expected {
    /// What was sent, in messages of this size.
    Same(u64),
    /// So many bytes for each message.
    Bytes(u64),
    /// For each message something that ends so.
    Until(Box<Finder<'static>>),
}

impl Expected {
    pub(super) fn of(request: &Request) -> Self {
        match &request.reply {
            Reply::Bytes(count) => Self::Bytes((*count).max(1)),
            Reply::Until(end) => Self::Until(Box::new(Finder::new(end).into_owned())),
        }
    }
}

/// How far the replies of one connection are.
#[derive(Debug, Default)]
pub(super) struct Replies {
    /// Bytes received.
    received: u64,
    /// Of them, those of a reply that is not whole.
    partial: u64,
    /// The last of these, where the beginning of the end may stand.
    carry: Vec<u8>,
}

impl Replies {
    /// Whether a reply has begun and not ended.
    pub(super) fn is_partial(&self) -> bool {
        self.partial > 0
    }

    /// Takes bytes that came: how many replies they have made whole.
    ///
    /// `sent` is what may come back of `content` from `start` on, in bytes.
    pub(super) fn take(
        &mut self,
        bytes: &[u8],
        expected: &Expected,
        (content, start, sent): (&Content, u64, u64),
    ) -> Result<u64, Failure> {
        let count = bytes.len() as u64;
        let position = self.received;
        self.received += count;
        match expected {
            Expected::Same(size) => {
                if self.received > sent || !content.is_at(start + position, bytes) {
                    return Err(Failure::WrongBytes);
                }
                Ok(self.whole(count, *size))
            }
            Expected::Bytes(size) => Ok(self.whole(count, *size)),
            Expected::Until(end) => Ok(self.ends(bytes, end)),
        }
    }

    fn whole(&mut self, count: u64, size: u64) -> u64 {
        let length = self.partial + count;
        if length == size {
            self.partial = 0;
            return 1;
        }
        self.partial = length % size;
        length / size
    }

    fn ends(&mut self, bytes: &[u8], end: &Finder<'_>) -> u64 {
        let length = end.needle().len();
        let mut whole = 0;
        let mut rest = bytes;
        if !self.carry.is_empty() {
            // An end that lies across two reads begins in the carry and ends in these bytes.
            let before = self.carry.len();
            let more = bytes.get(..length - 1).unwrap_or(bytes);
            self.carry.extend_from_slice(more);
            if let Some(at) = end.find(&self.carry) {
                whole += 1;
                rest = bytes.get(at + length - before..).unwrap_or_default();
            } else if bytes.len() < length {
                let surplus = self.carry.len().saturating_sub(length - 1);
                self.carry.drain(..surplus);
                self.partial += bytes.len() as u64;
                return 0;
            }
            self.carry.clear();
        }
        while let Some(at) = end.find(rest) {
            whole += 1;
            rest = rest.get(at + length..).unwrap_or_default();
        }
        let kept = rest.len().saturating_sub(length - 1);
        self.carry
            .extend_from_slice(rest.get(kept..).unwrap_or_default());
        let before = if whole == 0 { self.partial } else { 0 };
        self.partial = before + rest.len() as u64;
        whole
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn until(end: &[u8], pieces: &[&[u8]]) -> Vec<u64> {
        let expected = Expected::Until(Box::new(Finder::new(end).into_owned()));
        let content = Content::pattern();
        let mut replies = Replies::default();
        let mut take = |bytes: &&[u8]| replies.take(bytes, &expected, (&content, 0, 0)).unwrap();
        pieces.iter().map(&mut take).collect()
    }

    #[test]
    fn an_end_is_found_however_the_bytes_are_cut() {
        let text = b"one\r\n\r\ntwo\r\n\r\n\r\n\r\nx";
        for cut in 0..=text.len() {
            for other in cut..=text.len() {
                let pieces = [&text[..cut], &text[cut..other], &text[other..]];
                let whole: u64 = until(b"\r\n\r\n", &pieces).iter().sum();
                assert_eq!(whole, 3, "{cut} {other}");
            }
        }
        let bytes: Vec<&[u8]> = text.chunks(1).collect();
        assert_eq!(until(b"\r\n\r\n", &bytes).iter().sum::<u64>(), 3);
        assert_eq!(until(b"\n", &[b"a", b"b\nc\n", b"\n"]), [0, 2, 1]);
    }

    #[test]
    fn a_partial_reply_is_known() {
        let content = Content::pattern();
        let expected = Expected::Until(Box::new(Finder::new(b"ab").into_owned()));
        let mut replies = Replies::default();
        for (bytes, whole, partial) in [
            (&b"xa"[..], 0, true),
            (b"b", 1, false),
            (b"a", 0, true),
            (b"bab", 2, false),
            (b"abx", 1, true),
        ] {
            let took = replies.take(bytes, &expected, (&content, 0, 0));
            assert_eq!((took, replies.is_partial()), (Ok(whole), partial));
        }
    }

    #[test]
    fn an_echo_has_the_bytes_that_were_sent_and_no_more() {
        let content = Content::pattern();
        let expected = Expected::Same(10);
        let start = content.start(3);
        let right = content.at(start, 100).to_vec();
        let mut replies = Replies::default();
        let mut take = |bytes: &[u8]| replies.take(bytes, &expected, (&content, start, 50));
        assert_eq!(take(&right[..10]), Ok(1));
        assert_eq!(take(&right[10..15]), Ok(0));
        assert_eq!(take(&right[15..40]), Ok(3));
        assert_eq!(take(&right[40..51]), Err(Failure::WrongBytes));
        let mut replies = Replies::default();
        let shifted = replies.take(&right[10..20], &expected, (&content, start, 50));
        assert_eq!(shifted, Err(Failure::WrongBytes));
    }

    #[test]
    fn replies_of_a_size_are_counted() {
        let content = Content::pattern();
        let mut replies = Replies::default();
        for (length, whole) in [(7, 0), (3, 1), (25, 2), (5, 1)] {
            let took = replies.take(&vec![0; length], &Expected::Bytes(10), (&content, 0, 0));
            assert_eq!(took, Ok(whole));
        }
        assert!(!replies.is_partial());
    }
}
