//! The Unix sockets of this machine (`/proc/net/unix`, proc(5)).

use std::fs;
use std::os::unix::ffi::OsStrExt;

use crate::address::UnixAddress;

/// The flag of a socket that listens (`__SO_ACCEPTCON`).
const LISTENS: u32 = 0x1_0000;

/// The state of a socket that is not connected (`SS_UNCONNECTED`).
const UNCONNECTED: u32 = 1;

/// The inodes of the sockets that listen under this name, as it was written to bind.
pub fn listening_inodes(name: &UnixAddress) -> Vec<u32> {
    sockets(name, |found| found.flags & LISTENS != 0)
}

/// The inodes of the sockets that are bound to this name, as it was written to bind, and are not
/// connected: those that listen, and those that may listen yet.
pub fn bound_inodes(name: &UnixAddress) -> Vec<u32> {
    sockets(name, |found| found.state == UNCONNECTED)
}

fn sockets(name: &UnixAddress, wanted: impl Fn(&Found) -> bool) -> Vec<u32> {
    let table = fs::read("/proc/net/unix").unwrap_or_default();
    let found = parse(&table, name).into_iter().filter(wanted);
    found.map(|found| found.inode).collect()
}

/// A socket of that name.
#[derive(Debug, PartialEq, Eq)]
struct Found {
    flags: u32,
    state: u32,
    inode: u32,
}

fn parse(table: &[u8], name: &UnixAddress) -> Vec<Found> {
    let wanted = match name {
        UnixAddress::Path(path) => path.as_os_str().as_bytes().to_vec(),
        UnixAddress::Abstract(name) => [b"@", &**name].concat(),
        UnixAddress::Unnamed => return Vec::new(),
    };
    let mut lines = table.split(|byte| *byte == b'\n');
    lines.by_ref().next();
    lines.filter_map(|line| named(line, &wanted)).collect()
}

/// `ffff…: 00000002 00000000 00010000 0001 01 20184 /run/x`: reference count, protocol, flags,
/// type, state, inode, name. The name may contain spaces.
fn named(line: &[u8], wanted: &[u8]) -> Option<Found> {
    let line = line.strip_suffix(wanted)?.strip_suffix(b" ")?;
    let mut words = std::str::from_utf8(line).ok()?.split_ascii_whitespace();
    let hex = |word: &str| u32::from_str_radix(word, 16).ok();
    let flags = hex(words.nth(3)?)?;
    let state = hex(words.nth(1)?)?;
    let inode = words.next()?.parse().ok()?;
    words.next().is_none().then_some(Found {
        flags,
        state,
        inode,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_sockets_of_that_very_name_are_found() {
        let table = b"Num       RefCount Protocol Flags    Type St Inode Path\n\
            0000000000000000: 00000002 00000000 00010000 0001 01 20184 /run/x\n\
            0000000000000000: 00000003 00000000 00000000 0001 03 20185 /run/x\n\
            0000000000000000: 00000002 00000000 00010000 0001 01 20186 /a /run/x\n\
            0000000000000000: 00000002 00000000 00010000 0001 01 20187 @x\n\
            0000000000000000: 00000002 00000000 00010000 0001 01 20188\n";
        let path = |path: &str| UnixAddress::Path(std::path::Path::new(path).into());
        let found = |flags, state, inode| Found {
            flags,
            state,
            inode,
        };
        let both = [found(LISTENS, UNCONNECTED, 20184), found(0, 3, 20185)];
        assert_eq!(parse(table, &path("/run/x")), both);
        let one = |inode| [found(LISTENS, UNCONNECTED, inode)];
        assert_eq!(parse(table, &path("/a /run/x")), one(20186));
        let name = UnixAddress::Abstract(b"x"[..].into());
        assert_eq!(parse(table, &name), one(20187));
        assert!(parse(table, &path("x")).is_empty());
        assert!(parse(b"", &path("/run/x")).is_empty());
    }
}
