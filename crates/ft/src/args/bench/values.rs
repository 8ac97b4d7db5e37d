//! The values of the options of `ft bench`. As in [`crate::args::values`], what is wrong is one
//! sentence that does not repeat the value.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::args::limit;
use crate::args::values::{self, not_negative};
use crate::plan::Bound;

/// The most connections: a port of the client for each of some source addresses.
const CONNECTIONS_MAX: u64 = 10_000_000;
/// The largest message, and the largest reply that ends by its length.
const SIZE_MAX: u64 = 1 << 30;
/// The most messages of one connection that are out at a time.
const PIPELINE_MAX: u64 = 65_536;
/// The highest rate; a clock of nanoseconds tells no more apart.
const RATE_MAX: u64 = 1_000_000_000;

/// Bytes that were written with escapes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::args) struct Text(pub(in crate::args) Arc<[u8]>);

/// A whole number from 1 on, with `k` or `M` if need be.
fn count(text: &str, max: u64) -> Result<u64, String> {
    not_negative(text)?;
    let count = values::size(text)
        .map_err(|_| "not a number: write a whole number such as 100 or 10k".to_owned())?;
    match count {
        0 => Err("nothing would be done: write at least 1".to_owned()),
        count if count > max => Err(format!("the largest number is {max}")),
        count => Ok(count),
    }
}

/// Reads how many connections.
pub(in crate::args) fn connections(text: &str) -> Result<u32, String> {
    let count = count(text, CONNECTIONS_MAX)?;
    u32::try_from(count).map_err(|_| format!("the largest number is {CONNECTIONS_MAX}"))
}

/// Reads how many messages may be out.
pub(in crate::args) fn pipeline(text: &str) -> Result<u32, String> {
    let count = count(text, PIPELINE_MAX)?;
    u32::try_from(count).map_err(|_| format!("the largest number is {PIPELINE_MAX}"))
}

/// Reads messages per second.
pub(in crate::args) fn rate(text: &str) -> Result<u64, String> {
    let number = text.strip_suffix("/s").unwrap_or(text);
    count(number, RATE_MAX)
}

/// Reads the size of a message; 0 is allowed where a mode has a meaning for it.
pub(in crate::args) fn size(text: &str) -> Result<u64, String> {
    match values::size(text)? {
        size if size > SIZE_MAX => Err(format!("the largest size is {SIZE_MAX} bytes")),
        size => Ok(size),
    }
}

/// Reads the size of a reply.
pub(in crate::args) fn reply_bytes(text: &str) -> Result<u64, String> {
    match size(text)? {
        0 => Err("a reply without a byte is none: write at least 1".to_owned()),
        size => Ok(size),
    }
}

/// Reads an IP address of this machine.
pub(in crate::args) fn ip(text: &str) -> Result<IpAddr, String> {
    text.trim()
        .parse()
        .map_err(|_| "not an IP address: write such as 127.0.0.2,127.0.0.3".to_owned())
}

/// Reads bytes: text with `\r`, `\n`, `\t`, `\0`, `\\` and `\x00` for the others.
pub(in crate::args) fn text(text: &str) -> Result<Text, String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        bytes.push(match rest.next() {
            Some(b'r') => b'\r',
            Some(b'n') => b'\n',
            Some(b't') => b'\t',
            Some(b'0') => 0,
            Some(b'\\') => b'\\',
            Some(b'x') => {
                let mut digit = || rest.next().and_then(|byte| char::from(byte).to_digit(16));
                let value = digit().zip(digit()).map(|(high, low)| high * 16 + low);
                let value = value.and_then(|value| u8::try_from(value).ok());
                value.ok_or(r"behind \x stand two hexadecimal digits, such as \x0a")?
            }
            _ => return Err(r"a backslash stands before r n t 0 x or another one".to_owned()),
        });
    }
    if bytes.is_empty() {
        return Err("nothing ends no reply: write such as '\\r\\n'".to_owned());
    }
    Ok(Text(bytes.into()))
}

/// Reads a latency that is to be kept: `p99<1ms`, `p99.9<500us`, `max<10ms`.
pub(in crate::args) fn bound(text: &str) -> Result<Bound, String> {
    const FORM: &str = "not a bound: write one such as 'p99<1ms', 'p99.9<500us' or 'max<10ms'";
    let plain: String = text.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    let (which, below) = plain.split_once('<').ok_or(FORM)?;
    let below = below.strip_prefix('=').unwrap_or(below);
    let quantile = match which.strip_prefix('p') {
        Some(percent) => percent.parse::<f64>().map_err(|_| FORM)? / 100.0,
        None if which == "max" => 1.0,
        None => return Err(FORM.to_owned()),
    };
    if !(0.0..=1.0).contains(&quantile) {
        return Err("a percentile is from p0 to p100".to_owned());
    }
    let micros = below
        .strip_suffix("us")
        .or_else(|| below.strip_suffix("µs"));
    let below = match micros {
        Some(micros) => {
            let micros: f64 = micros.parse().map_err(|_| FORM)?;
            let time = Duration::try_from_secs_f64(micros / 1e6).map_err(|_| FORM)?;
            Some(time).filter(|time| !time.is_zero()).ok_or(FORM)?
        }
        None => limit::time(below)?,
    };
    Ok(Bound { quantile, below })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_a_percentile_and_a_time() {
        let of = |text| bound(text).map(|bound| (bound.quantile, bound.below));
        assert_eq!(of("p99<1ms"), Ok((0.99, Duration::from_millis(1))));
        assert_eq!(of("p50 < 500us"), Ok((0.5, Duration::from_micros(500))));
        assert_eq!(of("max<=2s"), Ok((1.0, Duration::from_secs(2))));
        assert_eq!(of("p100<1.5µs"), Ok((1.0, Duration::from_nanos(1500))));
        for text in [
            "", "p99", "p99>1ms", "99<1ms", "p101<1ms", "p99<0", "p99<0us", "pNaN<1s",
        ] {
            assert!(bound(text).is_err(), "{text}");
        }
    }

    #[test]
    fn texts_have_escapes() {
        let of = |written| text(written).map(|text| text.0.to_vec());
        assert_eq!(of(r"a\r\n\0\t\\\x7f"), Ok(b"a\r\n\0\t\\\x7f".to_vec()));
        for wrong in ["", r"\", r"\q", r"\x1", r"\xg0"] {
            assert!(text(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn counts_begin_with_one() {
        assert_eq!(connections("10k"), Ok(10_000));
        assert_eq!(rate("100k/s"), Ok(100_000));
        assert_eq!(size("0"), Ok(0));
        for text in ["0", "", "x", "-1", "1.5", "99999999999999999999"] {
            assert!(connections(text).is_err(), "{text}");
            assert!(pipeline(text).is_err(), "{text}");
            assert!(rate(text).is_err(), "{text}");
        }
    }
}
