//! The values that options take: durations, sizes, counts, networks, sources.
//!
//! Each reader returns the value or one sentence, with the spelling that was probably meant where
//! a rule gives it. The sentence does not repeat the value: the line it ends does that.
//! Addresses and ports are read by [`fivetuple::address`].

mod network;

use std::net::{IpAddr, SocketAddr, SocketAddrV6};
use std::time::Duration;

use fivetuple::address::{AddressError, Host, HostPort};

pub(crate) use network::network;

/// The longest duration, some 136 years: any sum of a few of them still fits a clock.
const DURATION_MAX: Duration = Duration::from_secs(u32::MAX as u64);
const NANOS_PER_SECOND: u64 = 1_000_000_000;

/// Units of time, longest first, and what else people write for them.
const TIME_UNITS: [(&str, u64, &[&str]); 4] = [
    (
        "h",
        3600 * NANOS_PER_SECOND,
        &["hr", "hrs", "hour", "hours"],
    ),
    (
        "m",
        60 * NANOS_PER_SECOND,
        &["min", "mins", "minute", "minutes"],
    ),
    ("s", NANOS_PER_SECOND, &["sec", "secs", "second", "seconds"]),
    (
        "ms",
        1_000_000,
        &["msec", "msecs", "millis", "millisecond", "milliseconds"],
    ),
];

/// Units of size and the spellings in lower case that stand for them elsewhere.
const SIZE_UNITS: [(&str, u64, &[&str]); 7] = [
    ("", 1, &["", "b", "byte", "bytes"]),
    ("k", 1000, &["k", "kb"]),
    ("M", 1000_u64.pow(2), &["m", "mb"]),
    ("G", 1000_u64.pow(3), &["g", "gb"]),
    ("Ki", 1 << 10, &["ki", "kib"]),
    ("Mi", 1 << 20, &["mi", "mib"]),
    ("Gi", 1 << 30, &["gi", "gib"]),
];

/// A limit in time that can be switched off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DurationOrNever {
    /// The limit.
    After(Duration),
    /// No limit, written `never`.
    Never,
}

/// How often a failed connect is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Retry {
    /// So many times after the first.
    Times(u32),
    /// Until it succeeds, written `forever`.
    Forever,
}

/// Says so if the value begins like a number below nothing; no option has such values.
pub(crate) fn not_negative(text: &str) -> Result<(), String> {
    let below = text.strip_prefix('-').is_some_and(|rest| {
        let digits = rest.strip_prefix('.').unwrap_or(rest);
        digits.starts_with(|c: char| c.is_ascii_digit())
    });
    if below {
        return Err("the value is negative: write one without the sign".to_owned());
    }
    Ok(())
}

/// Reads a duration: `500ms`, `10s`, `5m`, `1h`, `1.5s`, `1m30s`; a bare number is seconds.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    not_negative(text)?;
    let Some(nanos) = duration_nanos(text) else {
        return Err(duration_meant(text).map_or_else(
            || "not a duration: write a number and a unit, such as 500ms, 10s, 5m or 1h".to_owned(),
            |meant| format!("not a duration: write {meant}"),
        ));
    };
    if nanos > DURATION_MAX.as_nanos() {
        return Err(format!(
            "the longest duration is {}s",
            DURATION_MAX.as_secs()
        ));
    }
    Ok(Duration::from_nanos_u128(nanos))
}

/// Reads a duration, or `never`.
pub(crate) fn duration_or_never(text: &str) -> Result<DurationOrNever, String> {
    if text == "never" {
        return Ok(DurationOrNever::Never);
    }
    duration(text)
        .map(DurationOrNever::After)
        .map_err(|message| {
            let none = ["none", "off", "no", "infinite", "forever"];
            if none.contains(&text) || nearest(text, ["never"]).is_some() {
                "not a duration: write never".to_owned()
            } else if message.starts_with("not a duration: write a number") {
                format!("{message}, or never")
            } else {
                message
            }
        })
}

/// The parts of a duration such as `1m30s`: number and unit as written.
fn time_parts(text: &str) -> Option<Vec<(&str, &str)>> {
    let mut rest = text;
    let mut parts = Vec::new();
    while !rest.is_empty() {
        let (number, after) = number_and_rest(rest)?;
        let end = after
            .find(|c: char| c.is_ascii_digit() || c == '.')
            .unwrap_or(after.len());
        let (unit, next) = after.split_at_checked(end)?;
        rest = next;
        parts.push((number, unit));
    }
    Some(parts)
}

/// What is written, in nanoseconds: each unit at most once, the longer before the shorter.
fn duration_nanos(text: &str) -> Option<u128> {
    if let Some((seconds, "")) = number_and_rest(text) {
        return Some(scaled(seconds, NANOS_PER_SECOND).0);
    }
    let parts = time_parts(text)?;
    let mut units = TIME_UNITS.iter();
    let mut sum = (!parts.is_empty()).then_some(0_u128)?;
    for (number, unit) in parts {
        let (_, nanos, _) = units.find(|(known, ..)| *known == unit)?;
        sum = sum.checked_add(scaled(number, *nanos).0)?;
    }
    Some(sum)
}

/// `10sec`, `10 s`, `1,5s`, `30s1m` and `2days` have one meaning each, and it is spelled here.
fn duration_meant(text: &str) -> Option<String> {
    let plain = text.to_ascii_lowercase().replace(',', ".");
    let plain = plain.replace(|c: char| c == '_' || c.is_ascii_whitespace(), "");
    let mut meant = Vec::new();
    for (number, unit) in time_parts(&plain)? {
        if ["d", "day", "days"].contains(&unit) {
            let days = number.parse::<u32>().ok()?;
            meant.push((0, format!("{}h", days.checked_mul(24)?)));
            continue;
        }
        let known = |(name, _, others): &(&str, u64, &[&str])| {
            *name == unit || others.contains(&unit) || (unit.is_empty() && *name == "s")
        };
        let rank = TIME_UNITS.iter().position(known)?;
        let (name, ..) = TIME_UNITS.get(rank)?;
        meant.push((rank, format!("{number}{name}")));
    }
    meant.sort_by_key(|(rank, _)| *rank);
    let meant: String = meant.into_iter().map(|(_, part)| part).collect();
    duration_nanos(&meant).map(|_| meant)
}

/// Reads a size in bytes: `4096`, `10k`, `1.5M`, `64Ki`.
pub(crate) fn size(text: &str) -> Result<u64, String> {
    not_negative(text)?;
    let Some((bytes, exact)) = size_bytes(text) else {
        return Err(size_meant(text).map_or_else(
            || "not a size: write bytes, or a number with k M G or Ki Mi Gi".to_owned(),
            |meant| format!("not a size: write {meant}"),
        ));
    };
    if !exact {
        return Err("not a whole number of bytes".to_owned());
    }
    u64::try_from(bytes).map_err(|_| format!("the largest size is {} bytes", u64::MAX))
}

fn size_bytes(text: &str) -> Option<(u128, bool)> {
    let (number, unit) = number_and_rest(text)?;
    let (_, bytes, _) = SIZE_UNITS.iter().find(|(known, ..)| *known == unit)?;
    Some(scaled(number, *bytes))
}

/// `4K` and `4KB` are 4000 bytes to some and 4096 to others, so both are offered.
fn size_meant(text: &str) -> Option<String> {
    let plain: String = text
        .chars()
        .filter(|c| *c != '_' && !c.is_ascii_whitespace())
        .collect();
    let (number, unit) = number_and_rest(&plain)?;
    let unit = unit.to_ascii_lowercase();
    let (name, ..) = SIZE_UNITS
        .iter()
        .find(|(_, _, others)| others.contains(&unit.as_str()))?;
    let meant = format!("{number}{name}");
    let (bytes, _) = size_bytes(&meant)?;
    if name.len() != 1 {
        return Some(meant);
    }
    let binary = format!("{number}{name}i").replace("ki", "Ki");
    let (binary_bytes, _) = size_bytes(&binary)?;
    Some(format!(
        "{meant} for {bytes} bytes or {binary} for {binary_bytes}"
    ))
}

/// Reads how often to try again: a number or `forever`.
pub(crate) fn retry(text: &str) -> Result<Retry, String> {
    if text == "forever" {
        return Ok(Retry::Forever);
    }
    let endless = ["always", "infinite", "inf", "unlimited", "-1"];
    if endless.contains(&text) || nearest(text, ["forever"]).is_some() {
        return Err("not a number of retries: write forever".to_owned());
    }
    if !is_digits(text) {
        return Err("not a number of retries: write a number such as 3, or forever".to_owned());
    }
    text.parse()
        .map(Retry::Times)
        .map_err(|_| format!("at most {} retries can be counted: write forever", u32::MAX))
}

/// Reads where calls come from: `10.0.0.1`, `10.0.0.1:5000`, `::1`, `[::1]:5000`. Without a port
/// the system chooses one, as for port 0.
pub(crate) fn source(text: &str) -> Result<SocketAddr, String> {
    let address = match HostPort::from_host_and_port(text, "0") {
        Err(AddressError::TwoPorts { .. }) => text.parse(),
        read => read,
    };
    let address = address.map_err(|error| error.to_string())?;
    match address.host {
        Host::V4(ip) => Ok(SocketAddr::new(IpAddr::V4(ip), address.port)),
        Host::V6 { ip, scope_id } => Ok(SocketAddr::V6(SocketAddrV6::new(
            ip,
            address.port,
            0,
            scope_id,
        ))),
        Host::Omitted | Host::Any => {
            let port = address.port;
            Err(format!(
                "the address is missing: write 0.0.0.0:{port} or [::]:{port}"
            ))
        }
        Host::Here | Host::Name(_) => {
            Err("a source is an IP address of this machine, as ADDRESS or ADDRESS:PORT".to_owned())
        }
    }
}

/// The candidate that was probably meant: at most two slips away, and fewer than half the letters.
pub(crate) fn nearest<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let word = word.to_lowercase();
    // The dashes of an option are no letters of it.
    let length = word.trim_start_matches('-').chars().count();
    // Nothing that long is a slip, and the distance would take its time.
    if length > 64 {
        return None;
    }
    candidates
        .into_iter()
        .map(|candidate| {
            (
                strsim::damerau_levenshtein(&word, &candidate.to_lowercase()),
                candidate,
            )
        })
        .filter(|(distance, _)| *distance <= 2 && distance * 2 < length)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Cuts a decimal number, `10` or `1.5`, off the front.
fn number_and_rest(text: &str) -> Option<(&str, &str)> {
    let end = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, rest) = text.split_at_checked(end)?;
    let valid = match number.split_once('.') {
        Some((whole, fraction)) => is_digits(whole) && is_digits(fraction),
        None => is_digits(number),
    };
    valid.then_some((number, rest))
}

/// A decimal number times a unit, and whether the product is whole; what is behind its point is
/// cut off. Numbers beyond all limits saturate, so that they are called too large.
fn scaled(number: &str, unit: u64) -> (u128, bool) {
    const DIGITS_MAX: usize = 18;
    /// Above every limit, and small enough for the product with the largest unit.
    const WHOLE_MAX: u128 = 1 << 80;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let fraction = fraction.trim_end_matches('0');
    let mut numerator = 0_u128;
    let mut denominator = 1_u128;
    for digit in fraction
        .chars()
        .take(DIGITS_MAX)
        .filter_map(|digit| digit.to_digit(10))
    {
        numerator = numerator * 10 + u128::from(digit);
        denominator *= 10;
    }
    let unit = u128::from(unit);
    let whole = whole.parse().unwrap_or(u128::MAX).min(WHOLE_MAX);
    let rest = numerator * unit;
    let exact = fraction.len() <= DIGITS_MAX && rest.is_multiple_of(denominator);
    (whole * unit + rest / denominator, exact)
}

#[cfg(test)]
mod tests;
