//! The grammar of an address: scheme, brackets, colons. What stands between them is read by
//! `host` and `port`.

use std::net::Ipv6Addr;
use std::str::FromStr;

use super::host::{read_ipv6, read_word};
use super::port::{is_number, looks_like_a_list, named_port, read_port};
use super::{Address, AddressError, Host, HostPort, UnixAddress};

/// Schemes that the grammar knows and that a later release has.
const SCHEMES_LATER: [&str; 3] = ["tls", "ws", "vsock"];
/// Those of this release.
const SCHEMES: [&str; 3] = [TCP, UDP, UNIX];
const TCP: &str = "tcp";
const UDP: &str = "udp";
const UNIX: &str = "unix";
/// Web schemes and others whose address without the scheme can be called.
const SCHEMES_WITH_PORT: [(&str, u16); 3] = [("http", 80), ("https", 443), ("ssh", 22)];

/// An address cut at its colon, before either half has been read.
pub(super) enum Written<'a> {
    /// No colon: a port, or a host that lacks one.
    Bare(&'a str),
    /// A host that has been read, and what stands behind the colon, which is not empty.
    Pair(Host, &'a str),
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        match scheme(text) {
            Some((UNIX, name)) => UnixAddress::read(name).map(Self::Unix),
            Some((UDP, _)) => HostPort::read(text, UDP).map(Self::Udp),
            _ => HostPort::read(text, TCP).map(Self::Tcp),
        }
    }
}

impl Address {
    /// Reads the two words HOST PORT. HOST may be an IPv6 address without brackets, and a scheme
    /// may stand before it.
    ///
    /// ```
    /// use fivetuple::address::Address;
    /// let address = Address::from_host_and_port("udp:::1", "8080").unwrap();
    /// assert_eq!(address.to_string(), "udp:[::1]:8080");
    /// ```
    ///
    /// # Errors
    /// What is wrong with the host, else with the port.
    pub fn from_host_and_port(host: &str, port: &str) -> Result<Self, AddressError> {
        match scheme(host) {
            Some((UDP, rest)) => {
                let rest = rest.strip_prefix("//").unwrap_or(rest);
                HostPort::from_host_and_port(rest, port).map(Self::Udp)
            }
            _ => HostPort::from_host_and_port(host, port).map(Self::Tcp),
        }
    }
}

impl FromStr for HostPort {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        Self::read(text, TCP)
    }
}

impl HostPort {
    /// Reads an address before which this scheme, and no other, may stand.
    fn read(text: &str, scheme: &'static str) -> Result<Self, AddressError> {
        match written(text, scheme)? {
            Written::Pair(host, port) => Ok(Self {
                host,
                port: read_port(port)?,
            }),
            Written::Bare(word) if is_number(word) => Ok(Self {
                host: Host::Here,
                port: read_port(word)?,
            }),
            Written::Bare(word) if looks_like_a_list(word) => {
                Err(AddressError::OnePort { shown: word.into() })
            }
            Written::Bare(word) => match named_port(word) {
                Some(port) => Ok(Self {
                    host: Host::Here,
                    port,
                }),
                None => Err(missing_port(text, &read_word(word)?)),
            },
        }
    }
}

impl HostPort {
    /// Reads the two words HOST PORT. HOST may be an IPv6 address without brackets.
    ///
    /// ```
    /// use fivetuple::address::HostPort;
    /// let address = HostPort::from_host_and_port("::1", "8080").unwrap();
    /// assert_eq!(address.to_string(), "[::1]:8080");
    /// ```
    ///
    /// # Errors
    /// What is wrong with the host, else with the port.
    pub fn from_host_and_port(host: &str, port: &str) -> Result<Self, AddressError> {
        let host = host_alone(host)?;
        check_word(port).map_err(|error| match error {
            AddressError::Empty => AddressError::EmptyPort {
                host: host.to_string().as_str().into(),
            },
            other => other,
        })?;
        Ok(Self {
            host,
            port: read_port(port)?,
        })
    }
}

/// Cuts an address in two and reads its host.
pub(super) fn written<'a>(
    text: &'a str,
    scheme: &'static str,
) -> Result<Written<'a>, AddressError> {
    check_word(text)?;
    let rest = without_scheme(text, scheme)?;
    if let Some(inner) = rest.strip_prefix('[') {
        return bracketed(text, inner);
    }
    match rest.split_once(':') {
        None if rest.is_empty() => Err(AddressError::Empty),
        None => Ok(Written::Bare(rest)),
        Some((_, port)) if port.contains(':') => Err(many_colons(rest)),
        Some((host, port)) => {
            let host = if host.is_empty() {
                Host::Omitted
            } else {
                read_word(host)?
            };
            pair(text, host, port)
        }
    }
}

/// Reads the first of two words: a host, and nothing else.
pub(super) fn host_alone(text: &str) -> Result<Host, AddressError> {
    check_word(text).map_err(|error| match error {
        AddressError::Empty => AddressError::EmptyHost,
        other => other,
    })?;
    let rest = without_scheme(text, TCP)?;
    if rest.is_empty() {
        return Err(AddressError::EmptyHost);
    }
    if let Some(inner) = rest.strip_prefix('[') {
        return match inner.split_once(']') {
            Some((ipv6, "")) => read_ipv6(ipv6),
            Some((_, after)) if after.starts_with(':') => {
                Err(AddressError::TwoPorts { shown: text.into() })
            }
            _ => Err(AddressError::Brackets { shown: text.into() }),
        };
    }
    match rest.bytes().filter(|byte| *byte == b':').count() {
        0 => read_word(rest),
        1 => Err(AddressError::TwoPorts { shown: text.into() }),
        _ => read_ipv6(rest),
    }
}

/// Whether a host of this name would be read as a scheme.
pub(super) fn is_scheme(name: &str) -> bool {
    known(&SCHEMES, name)
        .or(known(&SCHEMES_LATER, name))
        .is_some()
}

/// The scheme of this release that stands before the first colon, and what stands behind it.
fn scheme(text: &str) -> Option<(&'static str, &str)> {
    let (name, rest) = text.split_once(':')?;
    Some((known(&SCHEMES, name)?, rest))
}

fn known(schemes: &[&'static str], name: &str) -> Option<&'static str> {
    let mut schemes = schemes.iter().copied();
    schemes.find(|scheme| scheme.eq_ignore_ascii_case(name))
}

/// The error for a host that stands alone.
pub(super) fn missing_port(text: &str, host: &Host) -> AddressError {
    let shown = if text.is_empty() {
        host.to_string()
    } else {
        text.to_owned()
    };
    AddressError::MissingPort {
        shown: shown.as_str().into(),
        suggestion: format!("{host}:PORT"),
    }
}

/// Refuses what no part of an address can contain.
fn check_word(text: &str) -> Result<(), AddressError> {
    if text.is_empty() {
        Err(AddressError::Empty)
    } else if text.chars().all(char::is_whitespace) || text.trim() != text {
        Err(AddressError::WhiteSpace { shown: text.into() })
    } else if text.chars().any(char::is_control) {
        Err(AddressError::ControlCharacter { shown: text.into() })
    } else if text.contains(char::is_whitespace) {
        Err(AddressError::WhiteSpace { shown: text.into() })
    } else {
        Ok(())
    }
}

/// Takes `tcp:` or `tcp://` away, if that is the `wanted` scheme; every other is an error.
fn without_scheme<'a>(text: &'a str, wanted: &'static str) -> Result<&'a str, AddressError> {
    let Some((scheme, rest)) = text.split_once(':') else {
        return Ok(text);
    };
    if let Some(scheme) = known(&SCHEMES_LATER, scheme) {
        return Err(AddressError::SchemeNotSupported { scheme });
    }
    if let Some(scheme) = known(&SCHEMES, scheme)
        && scheme != wanted
    {
        return Err(AddressError::OtherScheme { scheme, wanted });
    }
    let url = rest.strip_prefix("//");
    if !scheme.eq_ignore_ascii_case(wanted) {
        return match url {
            None => Ok(text),
            Some(url) => Err(unknown_scheme(scheme, url)),
        };
    }
    let Some(url) = url else {
        return Ok(rest);
    };
    match url.split_once('/') {
        None => Ok(url),
        Some((address, "")) => Ok(address),
        Some(_) => Err(AddressError::Path { shown: text.into() }),
    }
}

/// For `http://example.com/index.html` the address that can be called is example.com:80.
fn unknown_scheme(scheme: &str, url: &str) -> AddressError {
    let place = url.split(['/', '?', '#']).next().unwrap_or(url);
    let default = SCHEMES_WITH_PORT
        .into_iter()
        .find(|(known, _)| known.eq_ignore_ascii_case(scheme))
        .map(|(_, port)| port);
    let with_port = match (place.parse(), default) {
        (
            Ok(HostPort {
                host: Host::Here, ..
            }),
            _,
        ) => None,
        (Ok(address), _) => Some(address),
        (Err(_), Some(port)) => host_alone(place).ok().map(|host| HostPort { host, port }),
        (Err(_), None) => None,
    };
    AddressError::UnknownScheme {
        scheme: scheme.into(),
        suggestion: with_port.map_or_else(|| "HOST:PORT".to_owned(), |meant| meant.to_string()),
    }
}

fn pair<'a>(text: &str, host: Host, port: &'a str) -> Result<Written<'a>, AddressError> {
    if port.is_empty() {
        return Err(missing_port(text, &host));
    }
    Ok(Written::Pair(host, port))
}

fn bracketed<'a>(text: &str, inner: &'a str) -> Result<Written<'a>, AddressError> {
    let Some((ipv6, after)) = inner.split_once(']') else {
        return Err(AddressError::Brackets { shown: text.into() });
    };
    let host = read_ipv6(ipv6)?;
    match (after, after.strip_prefix(':')) {
        ("", _) => Err(missing_port(text, &host)),
        (_, Some(port)) => pair(text, host, port),
        (_, None) => Err(AddressError::Brackets { shown: text.into() }),
    }
}

/// Several colons without brackets: which readings as IPv6 address and port are there?
fn many_colons(text: &str) -> AddressError {
    let shown = text.into();
    let mut readings = Vec::new();
    if let Some((head, port)) = text.rsplit_once(':')
        && read_port(port).is_ok()
    {
        // In ::8080 the colon before the port belongs to the address too.
        let longer = text.get(..head.len() + 1).unwrap_or(head);
        let ipv6 = [head, longer].into_iter().find(|text| is_ipv6(text));
        readings.extend(ipv6.map(|ipv6| format!("[{ipv6}]:{port}")));
    }
    if is_ipv6(text) {
        readings.push(format!("[{text}]:PORT"));
    }
    if readings.is_empty() {
        return AddressError::TooManyColons { shown };
    }
    AddressError::Unbracketed {
        shown,
        suggestion: readings.join(" or "),
    }
}

fn is_ipv6(text: &str) -> bool {
    let digits = text.split_once('%').map_or(text, |(digits, _)| digits);
    digits.parse::<Ipv6Addr>().is_ok() && read_ipv6(text).is_ok()
}
