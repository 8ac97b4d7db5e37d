//! A name becomes addresses: the blocking `getaddrinfo` with typed failures.
//!
//! It waits as long as the resolver makes it wait (two servers, five seconds, twice: twenty
//! seconds are usual); the phase that calls it does so on a thread of its own with a deadline.

use std::ffi::CString;
use std::net::SocketAddr;
use std::ptr;

use libc::{addrinfo, c_int};
use rustix::io::Errno;

use super::{field, last_errno};
use crate::address::Family;

/// Addresses that one look-up returns at most; the rest of a longer answer is left out.
pub const ADDRESSES_MAX: usize = 64;

/// Why a look-up gave no address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LookupFailure {
    /// The resolver says that there is no such name, or no address to it (`EAI_NONAME`,
    /// `EAI_NODATA`).
    NoSuchName,
    /// No resolver answered, or one answered that it cannot now (`EAI_AGAIN`).
    NoAnswer,
    /// The name has addresses, but none of the family that was asked for.
    NoAddressOfFamily(Family),
    /// The resolver refused for good (`EAI_FAIL`).
    Failed,
    /// A system call inside the look-up failed (`EAI_SYSTEM`).
    System(Errno),
    /// Another code of getaddrinfo(3).
    Other(i32),
}

/// The addresses of a name, in the order of the resolver, without duplicates, at most
/// [`ADDRESSES_MAX`]. The port of each is 0.
///
/// `name` may be a numeric address, with a scope after `%` for link-local IPv6. Whether this
/// machine has an address of the family is not asked (no `AI_ADDRCONFIG`).
///
/// # Errors
///
/// [`LookupFailure`]. A name with a zero byte or of no byte is [`LookupFailure::NoSuchName`].
pub fn lookup(name: &str, family: Option<Family>) -> Result<Vec<SocketAddr>, LookupFailure> {
    let Ok(c_name) = CString::new(name) else {
        return Err(LookupFailure::NoSuchName);
    };
    if name.is_empty() {
        return Err(LookupFailure::NoSuchName);
    }
    match (ask(&c_name, family), family) {
        (Err(LookupFailure::NoSuchName), Some(family))
            if ask(&c_name, Some(family.other())).is_ok() =>
        {
            Err(LookupFailure::NoAddressOfFamily(family))
        }
        (answer, _) => answer,
    }
}

fn ask(name: &CString, family: Option<Family>) -> Result<Vec<SocketAddr>, LookupFailure> {
    let family = match family {
        None => libc::AF_UNSPEC,
        Some(Family::Inet) => libc::AF_INET,
        Some(Family::Inet6) => libc::AF_INET6,
        Some(Family::Unix) => libc::AF_UNIX,
    };
    let hints = addrinfo {
        ai_flags: 0,
        ai_family: family,
        ai_socktype: libc::SOCK_STREAM,
        ai_protocol: libc::IPPROTO_TCP,
        ai_addrlen: 0,
        ai_addr: ptr::null_mut(),
        ai_canonname: ptr::null_mut(),
        ai_next: ptr::null_mut(),
    };
    let mut first: *mut addrinfo = ptr::null_mut();
    // SAFETY: the name ends with a zero byte, the hints are complete, the service may be null,
    // and `first` receives one pointer.
    let code =
        unsafe { libc::getaddrinfo(name.as_ptr(), ptr::null(), &raw const hints, &raw mut first) };
    if code != 0 {
        return Err(failure(code));
    }
    let answer = Answer { first };
    let mut addresses = Vec::new();
    for address in answer.addresses().take(ADDRESSES_MAX) {
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    if addresses.is_empty() {
        Err(LookupFailure::NoSuchName)
    } else {
        Ok(addresses)
    }
}

fn failure(code: c_int) -> LookupFailure {
    match code {
        libc::EAI_NONAME | libc::EAI_NODATA | EAI_ADDRFAMILY => LookupFailure::NoSuchName,
        libc::EAI_AGAIN => LookupFailure::NoAnswer,
        libc::EAI_FAIL => LookupFailure::Failed,
        libc::EAI_SYSTEM => LookupFailure::System(last_errno()),
        other => LookupFailure::Other(other),
    }
}

/// glibc: the name has addresses, but none of the family in the hints.
const EAI_ADDRFAMILY: c_int = -9;

/// The list that getaddrinfo made; it is given back when this is dropped.
struct Answer {
    first: *mut addrinfo,
}

impl Answer {
    fn addresses(&self) -> impl Iterator<Item = SocketAddr> + '_ {
        let mut next: *const addrinfo = self.first;
        std::iter::from_fn(move || {
            loop {
                // SAFETY: every pointer of the list is null or a valid entry until freeaddrinfo,
                // which runs only after this iterator, since it borrows `self`.
                let entry = unsafe { next.as_ref() }?;
                next = entry.ai_next;
                if let Some(address) = address(entry) {
                    return Some(address);
                }
            }
        })
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        // SAFETY: `first` came from a getaddrinfo that succeeded, and is given back only here.
        unsafe { libc::freeaddrinfo(self.first) };
    }
}

fn address(entry: &addrinfo) -> Option<SocketAddr> {
    let length = usize::try_from(entry.ai_addrlen).ok()?;
    if entry.ai_addr.is_null() {
        return None;
    }
    // SAFETY: the address of an entry is readable for `ai_addrlen` bytes as long as the entry is.
    let bytes = unsafe { std::slice::from_raw_parts(entry.ai_addr.cast::<u8>(), length) };
    socket_address(bytes)
}

/// Reads a `sockaddr_in` or `sockaddr_in6`.
pub(super) fn socket_address(bytes: &[u8]) -> Option<SocketAddr> {
    let port = field::u16_network(bytes, 2)?;
    match c_int::from(field::u16(bytes, 0)?) {
        libc::AF_INET => {
            let ip: [u8; 4] = field::bytes(bytes, 4)?;
            Some(SocketAddr::from((ip, port)))
        }
        libc::AF_INET6 => {
            let ip: [u8; 16] = field::bytes(bytes, 8)?;
            let flow = u32::from_be(field::u32(bytes, 4)?);
            let scope = field::u32(bytes, 24)?;
            Some(std::net::SocketAddrV6::new(ip.into(), port, flow, scope).into())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_numeric_address_needs_no_name_server() {
        let found = lookup("127.0.0.1", None).unwrap();
        assert_eq!(found, ["127.0.0.1:0".parse().unwrap()]);
        let found = lookup("::1", Some(Family::Inet6)).unwrap();
        assert_eq!(found, ["[::1]:0".parse().unwrap()]);
        let SocketAddr::V6(scoped) = lookup("fe80::1%lo", None).unwrap()[0] else {
            panic!("not IPv6");
        };
        assert_eq!(scoped.scope_id(), 1);
    }

    #[test]
    fn localhost_comes_once_and_of_the_family_asked_for() {
        let all = lookup("localhost", None).unwrap();
        assert!(
            all.iter()
                .all(|address| address.ip().is_loopback() && address.port() == 0)
        );
        for (at, address) in all.iter().enumerate() {
            assert!(!all[..at].contains(address));
        }
        let found = lookup("localhost", Some(Family::Inet)).unwrap();
        assert!(found.iter().all(SocketAddr::is_ipv4));
    }

    #[test]
    fn failures_are_typed() {
        assert_eq!(lookup("", None), Err(LookupFailure::NoSuchName));
        assert_eq!(lookup("a\0b", None), Err(LookupFailure::NoSuchName));
        assert_eq!(
            lookup("127.0.0.1", Some(Family::Inet6)),
            Err(LookupFailure::NoAddressOfFamily(Family::Inet6))
        );
        assert_eq!(
            lookup("::1", Some(Family::Inet)),
            Err(LookupFailure::NoAddressOfFamily(Family::Inet))
        );
        assert_eq!(failure(libc::EAI_FAIL), LookupFailure::Failed);
        assert_eq!(
            failure(libc::EAI_OVERFLOW),
            LookupFailure::Other(libc::EAI_OVERFLOW)
        );
    }

    #[test]
    fn a_short_address_is_none() {
        let mut bytes = vec![0; 28];
        bytes[..2].copy_from_slice(&(libc::AF_INET6 as u16).to_ne_bytes());
        assert!(socket_address(&bytes).is_some());
        assert_eq!(socket_address(&bytes[..27]), None);
        bytes[..2].copy_from_slice(&(libc::AF_INET as u16).to_ne_bytes());
        assert!(socket_address(&bytes[..8]).is_some());
        assert_eq!(socket_address(&bytes[..7]), None);
        assert_eq!(socket_address(&[]), None);
    }
}
