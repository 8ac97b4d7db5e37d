//! Several ports of one host: what `--check` asks about.

use std::fmt;
use std::str::FromStr;

use super::parse::{Written, host_alone, missing_port, written};
use super::port::{is_number, looks_like_a_list, named_port, read_port};
use super::{AddressError, Host, HostPort};

/// A set of ports, written `20-25,80,http,8000-8010`; in ascending order and without duplicates.
///
/// ```
/// use fivetuple::address::PortSet;
/// let ports: PortSet = "443,http,20-22,21".parse().unwrap();
/// assert_eq!(ports.iter().collect::<Vec<_>>(), [20, 21, 22, 80, 443]);
/// assert_eq!(ports.to_string(), "20-22,80,443");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PortSet {
    /// First and last port of each range; ascending, with a gap between any two. Never none.
    ranges: Vec<(u16, u16)>,
}

/// One host and a set of its ports, written `host:20-25,80`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HostPorts {
    /// The host.
    pub host: Host,
    /// The ports.
    pub ports: PortSet,
}

impl PortSet {
    /// The ports in ascending order.
    pub fn iter(&self) -> impl Iterator<Item = u16> + '_ {
        self.ranges.iter().flat_map(|(first, last)| *first..=*last)
    }

    /// How many ports there are, from 1 to 65,536.
    pub fn count(&self) -> usize {
        self.ranges
            .iter()
            .map(|(first, last)| usize::from(last - first) + 1)
            .sum()
    }

    fn from_ranges(mut ranges: Vec<(u16, u16)>) -> Self {
        ranges.sort_unstable();
        ranges.dedup_by(|next, kept| {
            let touches = next.0 <= kept.1.saturating_add(1);
            if touches {
                kept.1 = kept.1.max(next.1);
            }
            touches
        });
        Self { ranges }
    }
}

impl From<u16> for PortSet {
    fn from(port: u16) -> Self {
        Self {
            ranges: vec![(port, port)],
        }
    }
}

impl FromStr for PortSet {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let ranges = text.split(',').map(|item| read_range(text, item));
        Ok(Self::from_ranges(ranges.collect::<Result<_, _>>()?))
    }
}

/// Reads one item of a list: a port, or two numbers with a hyphen between them.
fn read_range(list: &str, item: &str) -> Result<(u16, u16), AddressError> {
    if let Some((start, end)) = item.split_once('-')
        && [start, end]
            .into_iter()
            .all(|side| side.is_empty() || is_number(side))
    {
        if start.is_empty() || end.is_empty() {
            return Err(AddressError::PortList { shown: list.into() });
        }
        let (start, end) = (read_port(start)?, read_port(end)?);
        if end < start {
            return Err(AddressError::ReversedRange { start, end });
        }
        return Ok((start, end));
    }
    if item.is_empty() {
        return Err(AddressError::PortList { shown: list.into() });
    }
    read_port(item).map(|port| (port, port))
}

impl HostPorts {
    /// Reads the two words HOST PORTS. HOST may be an IPv6 address without brackets.
    ///
    /// # Errors
    /// What is wrong with the host, else with the ports.
    pub fn from_host_and_ports(host: &str, ports: &str) -> Result<Self, AddressError> {
        let host = host_alone(host)?;
        if ports.is_empty() {
            let host = host.to_string();
            return Err(AddressError::EmptyPort {
                host: host.as_str().into(),
            });
        }
        Ok(Self {
            host,
            ports: ports.parse()?,
        })
    }

    /// One address for each port, in ascending order.
    pub fn addresses(&self) -> impl Iterator<Item = HostPort> + '_ {
        self.ports.iter().map(|port| HostPort {
            host: self.host.clone(),
            port,
        })
    }
}

impl FromStr for HostPorts {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        match written(text, "tcp")? {
            Written::Pair(host, ports) => Ok(Self {
                host,
                ports: ports.parse()?,
            }),
            Written::Bare(word)
                if is_number(word) || looks_like_a_list(word) || named_port(word).is_some() =>
            {
                Ok(Self {
                    host: Host::Here,
                    ports: word.parse()?,
                })
            }
            Written::Bare(word) => {
                let host = super::host::read_word(word)?;
                Err(missing_port(text, &host))
            }
        }
    }
}

impl From<HostPort> for HostPorts {
    fn from(address: HostPort) -> Self {
        Self {
            host: address.host,
            ports: address.port.into(),
        }
    }
}

/// The canonical spelling; reading it gives the same set again.
impl fmt::Display for PortSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut comma = "";
        for (first, last) in &self.ranges {
            if first == last {
                write!(f, "{comma}{first}")?;
            } else {
                write!(f, "{comma}{first}-{last}")?;
            }
            comma = ",";
        }
        Ok(())
    }
}

/// The canonical spelling; reading it gives the same host and ports again.
impl fmt::Display for HostPorts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            Host::Here => write!(f, "{}", self.ports),
            Host::Name(name) if super::parse::is_scheme(name) => {
                write!(f, "tcp:{name}:{}", self.ports)
            }
            host => write!(f, "{host}:{}", self.ports),
        }
    }
}
