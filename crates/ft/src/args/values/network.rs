//! Networks: `10.0.0.0/8`, `fe80::/10`, and what else people write for them.

use std::net::{IpAddr, Ipv4Addr};

use fivetuple::address::{AddressError, Host, HostPort};
use ipnet::{IpNet, Ipv4Net};

use super::is_digits;

/// Reads a network: `10.0.0.0/8`, `fe80::/10`; an address alone is a network of one.
pub(crate) fn network(text: &str) -> Result<IpNet, String> {
    let (ip, prefix) = match text.split_once('/') {
        Some((ip, prefix)) => (ip, Some(prefix)),
        None => (text, None),
    };
    let Ok(ip) = ip.parse::<IpAddr>() else {
        return Err(not_a_network(text, ip));
    };
    let bits_max = if ip.is_ipv4() { 32 } else { 128 };
    let bits = match prefix {
        None => bits_max,
        Some(prefix) => prefix_bits(ip, prefix, bits_max)?,
    };
    let network = IpNet::new(ip, bits).map_err(|error| error.to_string())?;
    if network.trunc() != network {
        return Err(format!(
            "{ip} has bits beyond /{bits}: write {}",
            network.trunc()
        ));
    }
    Ok(without_mapping(network))
}

fn prefix_bits(ip: IpAddr, prefix: &str, bits_max: u8) -> Result<u8, String> {
    if let (true, Ok(mask)) = (ip.is_ipv4(), prefix.parse::<Ipv4Addr>()) {
        let bits = mask.to_bits().leading_ones();
        if mask.to_bits().checked_shl(bits).unwrap_or(0) == 0 {
            return Err(format!(
                "the length of a network is a number: write {ip}/{bits}"
            ));
        }
    }
    Some(prefix)
        .filter(|prefix| is_digits(prefix))
        .and_then(|prefix| prefix.parse().ok())
        .filter(|bits| *bits <= bits_max)
        .ok_or_else(|| format!("after / stands a number from 0 to {bits_max}"))
}

fn not_a_network(text: &str, ip: &str) -> String {
    let plain = text.replace(['[', ']'], "");
    if plain != text && network(&plain).is_ok() {
        return format!("brackets are not needed: write {plain}");
    }
    if ip.contains('%') {
        return "a network has no interface: leave out % and what follows".to_owned();
    }
    let sentence = "not a network: write an address or ADDRESS/BITS, such as 10.0.0.0/8";
    match HostPort::from_host_and_port(ip, "0") {
        Ok(HostPort {
            host: Host::Name(_),
            ..
        }) => format!("{sentence}; names are not resolved"),
        Err(AddressError::Ipv4Form { .. }) => match whole_bytes(text) {
            Some(meant) => format!("not a network: write {meant}"),
            None => sentence.to_owned(),
        },
        _ => sentence.to_owned(),
    }
}

/// `10.1` and `192.168.7/24` are short for networks whose last bytes are left out.
fn whole_bytes(text: &str) -> Option<Ipv4Net> {
    let (begin, bits) = text.split_once('/').unwrap_or((text, ""));
    let bytes: Vec<u8> = begin
        .trim_end_matches('.')
        .split('.')
        .map(|byte| byte.parse().ok())
        .collect::<Option<_>>()?;
    let mut ip = [0; 4];
    ip.get_mut(..bytes.len())?.copy_from_slice(&bytes);
    let bits = match bits {
        "" => u8::try_from(8 * bytes.len()).ok()?,
        bits => bits.parse().ok()?,
    };
    let network = Ipv4Net::new(ip.into(), bits).ok()?;
    Some(network.trunc())
}

/// Clients that call over IPv4 are seen with IPv4 addresses, so a mapped network is one of IPv4.
fn without_mapping(network: IpNet) -> IpNet {
    let IpNet::V6(v6) = network else {
        return network;
    };
    let mapped = v6
        .prefix_len()
        .checked_sub(96)
        .zip(v6.addr().to_ipv4_mapped())
        .and_then(|(bits, ip)| Ipv4Net::new(ip, bits).ok());
    mapped.map_or(network, IpNet::V4)
}
