//! The interfaces of this machine and their addresses (getifaddrs(3), netdevice(7)).

use std::ffi::CStr;
use std::net::{IpAddr, SocketAddr};
use std::ptr;

use rustix::io::Errno;

use super::last_errno;
use super::resolve::socket_address;

/// One address of one interface of this network namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InterfaceAddress {
    /// The name of the interface.
    pub interface: String,
    /// Whether the interface is up.
    pub up: bool,
    /// The IP address; `None` for an interface without one. It may have a scope.
    pub address: Option<SocketAddr>,
}

/// Every interface, once for each of its addresses, those without address included.
///
/// # Errors
///
/// ENOBUFS, ENOMEM, EMFILE: no room to ask.
pub fn addresses() -> Result<Vec<InterfaceAddress>, Errno> {
    let mut first: *mut libc::ifaddrs = ptr::null_mut();
    // SAFETY: `first` receives one pointer.
    if unsafe { libc::getifaddrs(&raw mut first) } != 0 {
        return Err(last_errno());
    }
    let list = List { first };
    let mut found = Vec::new();
    let mut next: *const libc::ifaddrs = list.first;
    // SAFETY: every pointer of the list is null or a valid entry until `list` is dropped.
    while let Some(entry) = unsafe { next.as_ref() } {
        next = entry.ifa_next;
        found.extend(interface_address(entry));
    }
    let with_address: Vec<String> = found
        .iter()
        .filter(|entry| entry.address.is_some())
        .map(|entry| entry.interface.clone())
        .collect();
    found.retain(|entry| entry.address.is_some() || !with_address.contains(&entry.interface));
    found.dedup();
    Ok(found)
}

/// The names of the interfaces, in the order of the kernel, each once.
///
/// # Errors
///
/// As [`addresses`].
pub fn names() -> Result<Vec<String>, Errno> {
    let mut names = Vec::new();
    for entry in addresses()? {
        if !names.contains(&entry.interface) {
            names.push(entry.interface);
        }
    }
    Ok(names)
}

/// Whether an IP address is one of this machine's: loopback, wildcard, or of an interface.
///
/// # Errors
///
/// As [`addresses`].
pub fn is_of_this_machine(ip: IpAddr) -> Result<bool, Errno> {
    let ip = ip.to_canonical();
    if ip.is_loopback() || ip.is_unspecified() {
        return Ok(true);
    }
    Ok(addresses()?
        .iter()
        .any(|entry| entry.address.is_some_and(|local| local.ip() == ip)))
}

/// The list that getifaddrs made; it is given back when this is dropped.
struct List {
    first: *mut libc::ifaddrs,
}

impl Drop for List {
    fn drop(&mut self) {
        // SAFETY: `first` came from a getifaddrs that succeeded, and is given back only here.
        unsafe { libc::freeifaddrs(self.first) };
    }
}

fn interface_address(entry: &libc::ifaddrs) -> Option<InterfaceAddress> {
    if entry.ifa_name.is_null() {
        return None;
    }
    // SAFETY: the name of an entry is a string with its zero byte, as long as the list.
    let interface = unsafe { CStr::from_ptr(entry.ifa_name) };
    Some(InterfaceAddress {
        interface: interface.to_string_lossy().into_owned(),
        up: entry.ifa_flags & libc::IFF_UP.cast_unsigned() != 0,
        address: address(entry.ifa_addr),
    })
}

/// Reads the address of an entry, which is null or as long as its family says.
fn address(from: *const libc::sockaddr) -> Option<SocketAddr> {
    // SAFETY: getifaddrs leaves the pointer null or aimed at an address that has its family.
    let family = unsafe { from.as_ref() }?.sa_family;
    let length = match i32::from(family) {
        libc::AF_INET => size_of::<libc::sockaddr_in>(),
        libc::AF_INET6 => size_of::<libc::sockaddr_in6>(),
        _ => return None,
    };
    // SAFETY: an address of this family is readable for this length, as long as the list.
    let bytes = unsafe { std::slice::from_raw_parts(from.cast::<u8>(), length) };
    socket_address(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_there_with_its_address() {
        let all = addresses().unwrap();
        assert!(all.iter().any(|entry| entry.interface == "lo"));
        assert_eq!(
            names().unwrap().iter().filter(|name| *name == "lo").count(),
            1
        );
    }

    #[test]
    fn addresses_are_ours_or_not() {
        for ours in [
            "127.0.0.1",
            "127.9.9.9",
            "::1",
            "0.0.0.0",
            "::",
            "::ffff:127.0.0.1",
        ] {
            assert_eq!(
                is_of_this_machine(ours.parse().unwrap()),
                Ok(true),
                "{ours}"
            );
        }
        for other in ["192.0.2.1", "2001:db8::1"] {
            assert_eq!(
                is_of_this_machine(other.parse().unwrap()),
                Ok(false),
                "{other}"
            );
        }
    }
}
