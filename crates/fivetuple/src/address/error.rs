//! Why a written address cannot be read: one variant per mistake, one sentence each, and where a
//! rule gives it the spelling that was probably meant.

use std::fmt;
use std::net::IpAddr;

use super::Family;

/// An address, port or set of ports that cannot be read or used.
///
/// Every message is one line without control characters, whatever was typed. Where a message ends
/// in a spelling, that spelling (with a number in place of `PORT`) can be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AddressError {
    /// Nothing was written.
    #[error("the address is empty: write PORT, HOST:PORT or [IPV6]:PORT")]
    Empty,
    /// Of the two words HOST PORT the first is empty.
    #[error("the host is empty: write HOST PORT, or the port alone for this machine")]
    EmptyHost,
    /// A control character stands in the text.
    #[error("'{shown}' contains a control character")]
    ControlCharacter {
        /// The text.
        shown: Shown,
    },
    /// White space stands in the text.
    #[error("'{shown}' contains white space: an address is one word, such as HOST:PORT")]
    WhiteSpace {
        /// The text.
        shown: Shown,
    },
    /// A scheme that has no place here.
    #[error("{scheme}: has no place here: write {wanted}:HOST:PORT, or no scheme")]
    OtherScheme {
        /// The scheme, without its colon.
        scheme: &'static str,
        /// The only one that may stand here.
        wanted: &'static str,
    },
    /// The scheme belongs to a later release.
    #[error("{scheme}: addresses are not supported in this release")]
    SchemeNotSupported {
        /// The scheme, without its colon.
        scheme: &'static str,
    },
    /// A scheme that no release has.
    #[error("'{scheme}://' is not a scheme known here: write {suggestion}")]
    UnknownScheme {
        /// The scheme as it was typed.
        scheme: Shown,
        /// The address without it, where it could be made out.
        suggestion: String,
    },
    /// Something follows the port after `tcp://`.
    #[error("'{shown}' has a path: an address ends with the port")]
    Path {
        /// The text.
        shown: Shown,
    },
    /// A stream is asked for, and the scheme is of datagrams.
    #[error("udp: is for datagrams, and a stream is asked for here")]
    NotAStream,
    /// Datagrams are asked for, and the address is not one of UDP.
    #[error("datagrams are asked for here: write udp: in front of the address")]
    NotDatagrams,
    /// Nothing stands behind `unix:`.
    #[error("the path is empty: write unix:/path or unix:@name")]
    EmptyPath,
    /// A path that does not fit into a socket address.
    #[error(
        "the path of a Unix socket has at most 107 bytes, and this one has {bytes}: use a shorter \
         one, or change into its folder and write it from there"
    )]
    PathTooLong {
        /// How many bytes it has.
        bytes: usize,
    },
    /// A NUL ends a path.
    #[error("the path of a Unix socket cannot contain a NUL")]
    NulInPath,
    /// A name where numbers are asked for.
    #[error("'{shown}' is not IP:PORT")]
    NotNumeric {
        /// The text.
        shown: Shown,
    },
    /// Of the two words HOST PORT the second is empty.
    #[error("the port is empty: write {host}:PORT")]
    EmptyPort {
        /// The host.
        host: Shown,
    },
    /// There is a host and no port.
    #[error("'{shown}' has no port: write {suggestion}")]
    MissingPort {
        /// The text.
        shown: Shown,
        /// The same host, with `PORT` where the port belongs.
        suggestion: String,
    },
    /// Of the two words HOST PORT the first has a port already.
    #[error("'{shown}' has a port already: write HOST PORT or HOST:PORT")]
    TwoPorts {
        /// The first word.
        shown: Shown,
    },
    /// Several colons and no brackets: the end may be a port or a part of the IPv6 address.
    #[error("'{shown}' is unclear without brackets: write {suggestion}")]
    Unbracketed {
        /// The text.
        shown: Shown,
        /// The readings, joined by "or".
        suggestion: String,
    },
    /// More than one colon, and it is not an IPv6 address either.
    #[error("'{shown}' has too many colons: write HOST:PORT or [IPV6]:PORT")]
    TooManyColons {
        /// The text.
        shown: Shown,
    },
    /// `[` without `]`, or something other than a port after `]`.
    #[error("'{shown}' does not have the form [IPV6]:PORT")]
    Brackets {
        /// The text.
        shown: Shown,
    },
    /// What stands in the brackets is a name or an IPv4 address.
    #[error("brackets are for IPv6 addresses: write {suggestion} without them")]
    BracketsNotNeeded {
        /// The host alone.
        suggestion: String,
    },
    /// What stands in the brackets cannot be read.
    #[error("'{shown}' is not an IPv6 address")]
    InvalidIpv6 {
        /// The text in the brackets.
        shown: Shown,
    },
    /// What stands behind `%` names no interface.
    #[error("there is no interface '{zone}' with IPv6: after % stands its name or number")]
    UnknownInterface {
        /// The text behind `%`.
        zone: Shown,
    },
    /// An IPv4 address that programs read in different ways, or not at all.
    #[error("'{shown}' is not an IPv4 address in full: write {suggestion}")]
    Ipv4Form {
        /// The text.
        shown: Shown,
        /// The four numbers that were probably meant, or the form.
        suggestion: String,
    },
    /// A host name that cannot exist.
    #[error("'{shown}' is not a host name: {problem}")]
    InvalidName {
        /// The text.
        shown: Shown,
        /// What is wrong with it.
        problem: NameProblem,
    },
    /// A port above 65535.
    #[error("port {shown} is out of range: ports go from 0 to 65535")]
    PortOutOfRange {
        /// The number as it was typed.
        shown: Shown,
    },
    /// Neither a number nor the name of a port.
    #[error("'{shown}' is not a port: write a number from 0 to 65535 or a name such as http")]
    UnknownPort {
        /// The text.
        shown: Shown,
    },
    /// A list or range where one port is asked for.
    #[error("'{shown}' is more than one port, and one is asked for here")]
    OnePort {
        /// The text.
        shown: Shown,
    },
    /// A range whose end is below its start.
    #[error("the range {start}-{end} goes backwards: write {end}-{start}")]
    ReversedRange {
        /// The first number.
        start: u16,
        /// The second number.
        end: u16,
    },
    /// Two commas in a row, a comma at an end, or a range that lacks one end.
    #[error("'{shown}' is not a list of ports: write ports and ranges such as 20-25,80,http")]
    PortList {
        /// The list.
        shown: Shown,
    },
    /// `*` names every interface, which is nobody in particular.
    #[error("*:{port} cannot be called: write {port} for this machine, or HOST:{port}")]
    NobodyToCall {
        /// The port.
        port: u16,
    },
    /// The address is of the family that was excluded.
    #[error("{ip} is not an {wanted} address, and only {wanted} is wanted")]
    OtherFamily {
        /// The address.
        ip: IpAddr,
        /// The only family that is wanted.
        wanted: Family,
    },
}

/// What is wrong with a host name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameProblem {
    /// Over 253 characters.
    #[error("a name has at most 253 characters")]
    NameTooLong,
    /// A part over 63 characters.
    #[error("the parts between the dots have at most 63 characters each")]
    LabelTooLong,
    /// Nothing between two dots, or before the first.
    #[error("a part between the dots is empty")]
    LabelEmpty,
    /// A part that begins or ends with a hyphen.
    #[error("a part between the dots begins or ends with a hyphen")]
    Hyphen,
    /// A character beyond ASCII.
    #[error("names beyond ASCII are written in their xn-- form")]
    NotAscii,
    /// Any other character.
    #[error("names are made of letters, digits, hyphens, underscores and dots")]
    Character,
    /// A star with something around it.
    #[error("a star stands alone, as in *:PORT")]
    Star,
}

/// A piece of what was typed, safe to show: control and invisible characters escaped, cut after
/// 80 characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown(String);

impl Shown {
    /// The most characters that are shown of a text.
    pub const CHARS_MAX: usize = 80;
}

impl Shown {
    /// All of a text that has a bound of its own.
    pub(super) fn whole(text: &str) -> Self {
        let mut shown = String::new();
        for character in text.chars() {
            match character {
                '\'' | '"' => shown.push(character),
                other => shown.extend(other.escape_debug()),
            }
        }
        Self(shown)
    }
}

impl From<&str> for Shown {
    fn from(text: &str) -> Self {
        let cut = text.char_indices().nth(Self::CHARS_MAX);
        let start = cut.and_then(|(end, _)| text.get(..end)).unwrap_or(text);
        let Self(mut shown) = Self::whole(start);
        if text.chars().nth(Self::CHARS_MAX).is_some() {
            shown.push('…');
        }
        Self(shown)
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
