//! One host: an IP address in full, a name that can exist, or a sentence why it is neither.

use std::fs;
use std::net::{Ipv4Addr, Ipv6Addr};

use super::port::is_number;
use super::{AddressError, Host, NameProblem};

/// RFC 1035: a name of 255 bytes on the wire is at most 253 characters of text.
const NAME_CHARS_MAX: usize = 253;
/// RFC 1035: the length of a label has six bits.
const LABEL_CHARS_MAX: usize = 63;
/// Linux: `IFNAMSIZ` less the closing zero.
const INTERFACE_CHARS_MAX: usize = 15;

/// Reads a host without brackets: an IPv4 address or a name. A star is every interface.
pub(super) fn read_word(text: &str) -> Result<Host, AddressError> {
    if text == "*" {
        return Ok(Host::Any);
    }
    if let Ok(ip) = text.parse::<Ipv4Addr>() {
        return Ok(Host::V4(ip));
    }
    if ends_in_a_number(text) {
        return Err(AddressError::Ipv4Form {
            shown: text.into(),
            suggestion: ipv4_meant(text),
        });
    }
    match name_problem(text) {
        Some(problem) => Err(AddressError::InvalidName {
            shown: text.into(),
            problem,
        }),
        None => Ok(Host::Name(text.to_ascii_lowercase())),
    }
}

/// Reads an IPv6 address without its brackets, with or without `%` and an interface.
pub(super) fn read_ipv6(text: &str) -> Result<Host, AddressError> {
    let (digits, zone) = match text.split_once('%') {
        Some((digits, zone)) => (digits, Some(zone)),
        None => (text, None),
    };
    let Ok(ip) = digits.parse::<Ipv6Addr>() else {
        return Err(match read_word(text) {
            Ok(host @ (Host::V4(_) | Host::Name(_))) if text.contains('.') || zone.is_none() => {
                AddressError::BracketsNotNeeded {
                    suggestion: host.to_string(),
                }
            }
            _ => AddressError::InvalidIpv6 { shown: text.into() },
        });
    };
    let scope_id = zone.map_or(Ok(0), interface_number)?;
    // With IPV6_V6ONLY on, the IPv4 form of a mapped address is the one that works.
    Ok(match ip.to_ipv4_mapped() {
        Some(ip) => Host::V4(ip),
        None => Host::V6 { ip, scope_id },
    })
}

/// Whether a resolver would take the text for an IPv4 address: its last part is a number.
fn ends_in_a_number(text: &str) -> bool {
    let text = text.strip_suffix('.').unwrap_or(text);
    let last = text.rsplit('.').next().unwrap_or(text);
    is_number(last) || part_of_ipv4(last).is_some()
}

/// One part of an IPv4 address in the reading of inet_aton: octal after 0, hexadecimal after 0x.
fn part_of_ipv4(text: &str) -> Option<u32> {
    let (digits, radix) = match text.as_bytes() {
        [b'0', b'x' | b'X', ..] => (text.get(2..)?, 16),
        [b'0', _, ..] => (text.get(1..)?, 8),
        _ => (text, 10),
    };
    let digits_only = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    digits_only
        .then(|| u32::from_str_radix(digits, radix).ok())
        .flatten()
}

/// What to write in place of a shortened IPv4 address. Leading zeros are octal to some programs
/// and nothing to others, so both readings are shown.
fn ipv4_meant(text: &str) -> String {
    let text = text.strip_suffix('.').unwrap_or(text);
    let decimal = text
        .split('.')
        .map(|part| is_number(part).then(|| part.parse::<u32>().ok()).flatten())
        .collect::<Option<Vec<_>>>()
        .and_then(|parts| ipv4_from_parts(&parts));
    let classic = text
        .split('.')
        .map(part_of_ipv4)
        .collect::<Option<Vec<_>>>()
        .and_then(|parts| ipv4_from_parts(&parts));
    match (decimal, classic) {
        (Some(decimal), Some(classic)) if decimal != classic => format!("{decimal} or {classic}"),
        (Some(ip), _) | (None, Some(ip)) => ip.to_string(),
        (None, None) => "four numbers from 0 to 255, such as 127.0.0.1".to_owned(),
    }
}

/// `127.1` is 127.0.0.1: the last part fills what the others leave. One part alone is no address
/// that anybody means, unless it is too large for a port.
fn ipv4_from_parts(parts: &[u32]) -> Option<Ipv4Addr> {
    let (last, first) = parts.split_last()?;
    if first.len() > 3 || (first.is_empty() && *last <= u32::from(u16::MAX)) {
        return None;
    }
    let mut bits = 0_u64;
    for part in first {
        bits = (bits << 8) | u64::from(u8::try_from(*part).ok()?);
    }
    let bits_left = 32 - 8 * u32::try_from(first.len()).ok()?;
    let last = u64::from(*last);
    if last >> bits_left != 0 {
        return None;
    }
    u32::try_from((bits << bits_left) | last)
        .ok()
        .map(Ipv4Addr::from_bits)
}

fn name_problem(name: &str) -> Option<NameProblem> {
    if !name.is_ascii() {
        return Some(NameProblem::NotAscii);
    }
    let without_dot = name.strip_suffix('.').unwrap_or(name);
    if without_dot.len() > NAME_CHARS_MAX {
        return Some(NameProblem::NameTooLong);
    }
    without_dot.split('.').find_map(label_problem)
}

fn label_problem(label: &str) -> Option<NameProblem> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if label.is_empty() {
        Some(NameProblem::LabelEmpty)
    } else if label.contains('*') {
        Some(NameProblem::Star)
    } else if !label.bytes().all(allowed) {
        Some(NameProblem::Character)
    } else if label.len() > LABEL_CHARS_MAX {
        Some(NameProblem::LabelTooLong)
    } else if label.starts_with('-') || label.ends_with('-') {
        Some(NameProblem::Hyphen)
    } else {
        None
    }
}

/// The number of the interface that stands behind `%`, as name or as number.
fn interface_number(zone: &str) -> Result<u32, AddressError> {
    let unknown = || AddressError::UnknownInterface { zone: zone.into() };
    if is_number(zone) {
        return zone.parse().map_err(|_| unknown());
    }
    let a_file_name = !zone.contains(['/', '\0']) && zone != "." && zone != "..";
    if zone.is_empty() || zone.len() > INTERFACE_CHARS_MAX || !a_file_name {
        return Err(unknown());
    }
    // This file is of our own network namespace, which /sys/class/net need not be.
    match fs::read_to_string("/proc/self/net/if_inet6") {
        Ok(table) => interface_in_table(&table, zone),
        Err(_) => fs::read_to_string(format!("/sys/class/net/{zone}/ifindex"))
            .ok()
            .and_then(|number| number.trim_ascii().parse().ok()),
    }
    .ok_or_else(unknown)
}

/// Looks an interface up in lines of six columns: address, number in hexadecimal, prefix, scope,
/// flags, name.
fn interface_in_table(table: &str, name: &str) -> Option<u32> {
    table.lines().find_map(|line| {
        let mut columns = line.split_ascii_whitespace();
        let number = columns.nth(1)?;
        (columns.nth(3)? == name)
            .then(|| u32::from_str_radix(number, 16).ok())
            .flatten()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interface_is_found_by_its_name() {
        let table = "00000000000000000000000000000001 01 80 10 80       lo\n\
                     fe80000000000000021a4afffe0cf3b5 1f 40 20 80     eth0\nshort\n";
        assert_eq!(interface_in_table(table, "lo"), Some(1));
        assert_eq!(interface_in_table(table, "eth0"), Some(31));
        assert_eq!(interface_in_table(table, "eth"), None);
        assert_eq!(interface_in_table(table, "80"), None);
    }

    #[test]
    fn shortened_ipv4_addresses_name_what_was_meant() {
        let cases = [
            ("127.1", "127.0.0.1"),
            ("10.1.258", "10.1.1.2"),
            ("010.0.0.1", "10.0.0.1 or 8.0.0.1"),
            ("0x7f000001", "127.0.0.1"),
            ("0x7f.1", "127.0.0.1"),
            ("2130706433", "127.0.0.1"),
            ("1.2.3.4.", "1.2.3.4"),
            ("256.1.1.1", "four numbers from 0 to 255, such as 127.0.0.1"),
            ("1.2.3.4.5", "four numbers from 0 to 255, such as 127.0.0.1"),
            ("1..1", "four numbers from 0 to 255, such as 127.0.0.1"),
            (
                "example.99",
                "four numbers from 0 to 255, such as 127.0.0.1",
            ),
            ("8080", "four numbers from 0 to 255, such as 127.0.0.1"),
        ];
        for (written, meant) in cases {
            match read_word(written) {
                Err(AddressError::Ipv4Form { suggestion, .. }) => {
                    assert_eq!(suggestion, meant, "{written}");
                }
                other => panic!("{written}: {other:?}"),
            }
        }
    }
}
