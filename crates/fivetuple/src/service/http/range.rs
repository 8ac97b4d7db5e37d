//! Which part of a file is asked for, and whether it fits to what the client has.

use hyper::Method;
use hyper::header::{self, HeaderMap};
use hyper::http::request::Parts;
use jiff::fmt::rfc2822::DateTimeParser;
use jiff::{SignedDuration, Timestamp};

/// A file that has been left alone for so long will not change once more in the second that its
/// date names.
const SETTLED: SignedDuration = SignedDuration::from_secs(60);

/// A part of a file that is there, or that is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// From the first to the last, both included; both are in the file.
    Bytes { first: u64, last: u64 },
    /// Behind the end of the file: it cannot be satisfied.
    Beyond,
}

impl Part {
    /// The part that this request asks for, of a file of this length; `None` is the whole.
    ///
    /// A range counts with GET, alone, and in bytes (RFC 9110 14.2). Several ranges at once are
    /// answered with the whole, as is what is no range.
    pub(super) fn asked(parts: &Parts, length: u64) -> Option<Self> {
        let mut ranges = parts.headers.get_all(header::RANGE).iter();
        let range = ranges.next()?.to_str().ok()?;
        match parts.method == Method::GET && ranges.next().is_none() {
            true => Self::parse(range, length),
            false => None,
        }
    }

    fn parse(range: &str, length: u64) -> Option<Self> {
        let (unit, range) = range.split_once('=')?;
        let (first, last) = range.trim().split_once('-')?;
        if !unit.trim().eq_ignore_ascii_case("bytes") {
            return None;
        }
        let (first, last) = match (first, last) {
            ("", suffix) => match position(suffix)? {
                0 => (length, u64::MAX),
                // The end of nothing: no part can say so.
                _ if length == 0 => return None,
                suffix => (length.saturating_sub(suffix), u64::MAX),
            },
            (first, "") => (position(first)?, u64::MAX),
            (first, last) => (position(first)?, position(last)?),
        };
        if last < first {
            return None;
        }
        match first < length {
            true => Some(Self::Bytes {
                first,
                last: last.min(length - 1),
            }),
            false => Some(Self::Beyond),
        }
    }
}

/// A number of as many digits as somebody likes; what is behind every file is the largest.
fn position(digits: &str) -> Option<u64> {
    let is_number = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
    is_number.then(|| digits.parse().unwrap_or(u64::MAX))
}

/// Whether a part of what there is now fits to what the client has of it (If-Range, RFC 9110
/// 13.1.5). Without that header the client does not mind.
pub(super) fn is_of_this_version(asked: &HeaderMap, answered: &HeaderMap) -> bool {
    let Some(wanted) = asked.get(header::IF_RANGE) else {
        return true;
    };
    let has = |name| answered.get(name) == Some(wanted);
    has(header::ETAG) || has(header::LAST_MODIFIED) && wanted.to_str().is_ok_and(is_settled)
}

/// Whether a file of this date is old enough for the date to name one version of it.
fn is_settled(date: &str) -> bool {
    let modified = DateTimeParser::new().parse_timestamp(date);
    modified.is_ok_and(|modified| Timestamp::now().duration_since(modified) >= SETTLED)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_range_is_brought_into_the_file_or_lies_beyond_it_or_is_none() {
        let bytes = |first, last| Some(Part::Bytes { first, last });
        for (range, length, part) in [
            ("bytes=0-0", 13, bytes(0, 0)),
            ("bytes=7-", 13, bytes(7, 12)),
            ("bytes= 7-11 ", 13, bytes(7, 11)),
            ("BYTES=7-100", 13, bytes(7, 12)),
            ("bytes=0-99999999999999999999999", 13, bytes(0, 12)),
            ("bytes=-6", 13, bytes(7, 12)),
            ("bytes=-100", 13, bytes(0, 12)),
            ("bytes=-99999999999999999999999", 13, bytes(0, 12)),
            ("bytes=13-", 13, Some(Part::Beyond)),
            ("bytes=99999999999999999999999-", 13, Some(Part::Beyond)),
            ("bytes=-0", 13, Some(Part::Beyond)),
            ("bytes=0-", 0, Some(Part::Beyond)),
            ("bytes=-0", 0, Some(Part::Beyond)),
            ("bytes=-1", 0, None),
            ("bytes=4-3", 13, None),
            ("bytes=0-1,3-4", 13, None),
            ("bytes=-", 13, None),
            ("bytes=", 13, None),
            ("bytes=+1-2", 13, None),
            ("bytes=1--2", 13, None),
            ("lines=1-2", 13, None),
            ("bytes", 13, None),
            ("", 13, None),
        ] {
            assert_eq!(Part::parse(range, length), part, "{range} of {length}");
        }
    }

    proptest! {
        #[test]
        fn a_part_lies_in_the_file(range in "bytes=[0-9]{0,21}-[0-9]{0,21}", length: u64) {
            if let Some(Part::Bytes { first, last }) = Part::parse(&range, length) {
                prop_assert!(first <= last && last < length);
            }
        }
    }
}
