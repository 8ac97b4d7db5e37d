//! One number of a kernel structure, by its offset; `None` where the structure is too short.
//!
//! The kernel adds fields at the end of its structures and never moves one, so that a reader by
//! offset is right for every version.

/// `N` bytes from `offset` on.
pub(super) fn bytes<const N: usize>(from: &[u8], offset: usize) -> Option<[u8; N]> {
    from.get(offset..)?.first_chunk().copied()
}

/// An unsigned byte.
pub(super) fn u8(from: &[u8], offset: usize) -> Option<u8> {
    from.get(offset).copied()
}

/// Two bytes in network order: a port.
pub(super) fn u16_network(from: &[u8], offset: usize) -> Option<u16> {
    bytes(from, offset).map(u16::from_be_bytes)
}

/// Two bytes in the order of this machine.
pub(super) fn u16(from: &[u8], offset: usize) -> Option<u16> {
    bytes(from, offset).map(u16::from_ne_bytes)
}

/// Four bytes in the order of this machine.
pub(super) fn u32(from: &[u8], offset: usize) -> Option<u32> {
    bytes(from, offset).map(u32::from_ne_bytes)
}

/// Eight bytes in the order of this machine.
pub(super) fn u64(from: &[u8], offset: usize) -> Option<u64> {
    bytes(from, offset).map(u64::from_ne_bytes)
}
