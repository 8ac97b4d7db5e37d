//! One port: a number, or a name from `/etc/services` or from a short list of our own.

use std::fs::File;
use std::io::Read;

use super::AddressError;

/// The most that is read of `/etc/services`; Debian's has 13 kB, IANA's complete list 1.5 MB.
const SERVICES_BYTES_MAX: u64 = 4 << 20;

/// Names that work on every machine; minimal systems have no `/etc/services`.
const PORT_NAMES: [(&str, u16); 44] = [
    ("echo", 7),
    ("discard", 9),
    ("daytime", 13),
    ("chargen", 19),
    ("ftp", 21),
    ("ssh", 22),
    ("telnet", 23),
    ("smtp", 25),
    ("time", 37),
    ("whois", 43),
    ("domain", 53),
    ("dns", 53),
    ("gopher", 70),
    ("finger", 79),
    ("http", 80),
    ("kerberos", 88),
    ("pop3", 110),
    ("sunrpc", 111),
    ("nntp", 119),
    ("ntp", 123),
    ("imap2", 143),
    ("imap", 143),
    ("snmp", 161),
    ("bgp", 179),
    ("irc", 194),
    ("ldap", 389),
    ("https", 443),
    ("submissions", 465),
    ("submission", 587),
    ("ipp", 631),
    ("ldaps", 636),
    ("domain-s", 853),
    ("rsync", 873),
    ("imaps", 993),
    ("pop3s", 995),
    ("socks", 1080),
    ("mqtt", 1883),
    ("nfs", 2049),
    ("mysql", 3306),
    ("rdp", 3389),
    ("postgresql", 5432),
    ("amqp", 5672),
    ("redis", 6379),
    ("http-alt", 8080),
];

/// The names that work on every machine, with their ports, in order of the ports.
pub fn port_names() -> impl Iterator<Item = (&'static str, u16)> {
    PORT_NAMES.into_iter()
}

/// Reads one port: a number from 0 to 65535, or a name.
///
/// # Errors
/// [`AddressError::PortOutOfRange`], [`AddressError::OnePort`] or [`AddressError::UnknownPort`].
pub fn read_port(text: &str) -> Result<u16, AddressError> {
    if is_number(text) {
        return text
            .parse()
            .map_err(|_| AddressError::PortOutOfRange { shown: text.into() });
    }
    if let Some(port) = named_port(text) {
        return Ok(port);
    }
    Err(if looks_like_a_list(text) {
        AddressError::OnePort { shown: text.into() }
    } else {
        AddressError::UnknownPort { shown: text.into() }
    })
}

/// Whether the text is made of decimal digits alone; signs do not count.
pub(super) fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether the text is a list or range of ports rather than a host: `20-25`, `80,http`.
pub(super) fn looks_like_a_list(text: &str) -> bool {
    text.contains(',')
        || text
            .split_once('-')
            .is_some_and(|(start, end)| is_number(start) && is_number(end))
}

/// The port with this name: what the machine says, else what is known everywhere.
pub(super) fn named_port(name: &str) -> Option<u16> {
    // No service has a name of this length; and a digit alone would never be a name.
    if name.is_empty() || name.len() > 64 {
        return None;
    }
    let mut services = String::new();
    let readable = File::open("/etc/services")
        .and_then(|file| file.take(SERVICES_BYTES_MAX).read_to_string(&mut services));
    readable
        .ok()
        .and_then(|_| port_in_services(&services, name))
        .or_else(|| {
            port_names()
                .find(|(known, _)| known.eq_ignore_ascii_case(name))
                .map(|(_, port)| port)
        })
}

/// Looks a name up in a text of the form `name port/protocol aliases… # comment`, TCP only.
fn port_in_services(services: &str, name: &str) -> Option<u16> {
    services.lines().find_map(|line| {
        let entry = line.split('#').next()?;
        let mut words = entry.split_ascii_whitespace();
        let official = words.next()?;
        let port = words.next()?.strip_suffix("/tcp")?.parse().ok()?;
        std::iter::once(official)
            .chain(words)
            .any(|known| known.eq_ignore_ascii_case(name))
            .then_some(port)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_are_read_by_name_and_by_alias_and_only_for_tcp() {
        let services = "# head\nhttp\t\t80/tcp\t\twww # web\n\ntalk 517/udp\nweird\nodd x/tcp\n";
        assert_eq!(port_in_services(services, "http"), Some(80));
        assert_eq!(port_in_services(services, "WWW"), Some(80));
        for absent in ["talk", "web", "weird", "odd", "#", "80/tcp", ""] {
            assert_eq!(port_in_services(services, absent), None, "{absent}");
        }
    }

    #[test]
    fn the_list_is_in_order_of_the_ports_and_every_name_works() {
        assert!(port_names().is_sorted_by_key(|(_, port)| port));
        for (name, _) in port_names() {
            assert!(read_port(name).is_ok(), "{name}");
        }
    }

    #[test]
    fn ports_go_from_0_to_65535() {
        assert_eq!(read_port("0"), Ok(0));
        assert_eq!(read_port("65535"), Ok(65535));
        assert_eq!(read_port("00080"), Ok(80));
        for outside in ["65536", "99999999999999999999999999"] {
            assert!(
                matches!(read_port(outside), Err(AddressError::PortOutOfRange { .. })),
                "{outside}"
            );
        }
        for odd in [
            "",
            "+80",
            "-1",
            "8o",
            "８０",
            "0x50",
            "80.0",
            "no-such-service",
        ] {
            assert!(
                matches!(read_port(odd), Err(AddressError::UnknownPort { .. })),
                "{odd}"
            );
        }
        assert!(matches!(
            read_port("20-25"),
            Err(AddressError::OnePort { .. })
        ));
    }
}
