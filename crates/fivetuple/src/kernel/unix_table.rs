//! The Unix sockets of this machine (`/proc/net/unix`, proc(5)).

use std::fs;
use std::os::unix::ffi::OsStrExt;

use crate::address::UnixAddress;

/// The flag of a socket that listens (`__SO_ACCEPTCON`).
const LISTENS: u32 = 0x1_0000;

/// The inodes of the sockets that listen under this name, as it was written to bind.
pub fn listening_inodes(name: &UnixAddress) -> Vec<u32> {
    parse(&fs::read("/proc/net/unix").unwrap_or_default(), name)
}

fn parse(table: &[u8], name: &UnixAddress) -> Vec<u32> {
    let wanted = match name {
        UnixAddress::Path(path) => path.as_os_str().as_bytes().to_vec(),
        UnixAddress::Abstract(name) => [b"@", &**name].concat(),
        UnixAddress::Unnamed => return Vec::new(),
    };
    let mut lines = table.split(|byte| *byte == b'\n');
    lines.by_ref().next();
    lines.filter_map(|line| listening(line, &wanted)).collect()
}

/// `ffff…: 00000002 00000000 00010000 0001 01 20184 /run/x`: reference count, protocol, flags,
/// type, state, inode, name. The name may contain spaces.
fn listening(line: &[u8], wanted: &[u8]) -> Option<u32> {
    let line = line.strip_suffix(wanted)?.strip_suffix(b" ")?;
    let mut words = std::str::from_utf8(line).ok()?.split_ascii_whitespace();
    let flags = u32::from_str_radix(words.nth(3)?, 16).ok()?;
    let inode = words.nth(2)?.parse().ok()?;
    (words.next().is_none() && flags & LISTENS != 0).then_some(inode)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_listening_sockets_of_that_very_name_are_found() {
        let table = b"Num       RefCount Protocol Flags    Type St Inode Path\n\
            0000000000000000: 00000002 00000000 00010000 0001 01 20184 /run/x\n\
            0000000000000000: 00000003 00000000 00000000 0001 03 20185 /run/x\n\
            0000000000000000: 00000002 00000000 00010000 0001 01 20186 /a /run/x\n\
            0000000000000000: 00000002 00000000 00010000 0001 01 20187 @x\n\
            0000000000000000: 00000002 00000000 00010000 0001 01 20188\n";
        let path = |path: &str| UnixAddress::Path(std::path::Path::new(path).into());
        assert_eq!(parse(table, &path("/run/x")), [20184]);
        assert_eq!(parse(table, &path("/a /run/x")), [20186]);
        assert_eq!(
            parse(table, &UnixAddress::Abstract(b"x"[..].into())),
            [20187]
        );
        assert!(parse(table, &path("x")).is_empty());
        assert!(parse(b"", &path("/run/x")).is_empty());
    }
}
