//! Everything that asks Linux for what the safe crates do not cover; the only place with `unsafe`.
//!
//! Before this module: [`crate::address`] and [`crate::FiveTuple`]. After it: [`crate::call`],
//! which turns what is found here into explanations, and every phase. Nothing here waits for a
//! peer; [`resolve::lookup`] waits for the resolver, and the readers of `/proc` and of netlink
//! wait for the kernel. Errors are plain [`rustix::io::Errno`] values.
#![allow(unsafe_code)]

#[cfg(feature = "exec")]
pub mod child;
pub mod datagram;
pub mod error_queue;
mod field;
pub mod inherited;
pub mod interface;
pub mod limit;
pub mod name;
mod netlink;
pub mod process;
pub mod processor_time;
pub mod queue;
pub mod resolve;
pub mod sock_diag;
pub mod readiness;
pub mod socket_option;
pub mod tcp_info;
pub mod unix_diag;

use std::io;

use rustix::io::Errno;

pub use tcp_info::{TcpInfo, TcpState};

/// The errno of a call of the C library that has just failed.
fn last_errno() -> Errno {
    errno_of(&io::Error::last_os_error())
}

/// The errno inside an error of the standard library; EIO where it carries none.
fn errno_of(error: &io::Error) -> Errno {
    Errno::from_io_error(error).unwrap_or(Errno::IO)
}
