//! Who holds a port, in words.

use std::fmt;
use std::time::SystemTime;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::{Holder, Who};
use crate::call::Visible;
use crate::five_tuple::Protocol;
use crate::kernel::TcpState;
use crate::kernel::process::Process;

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.who)?;
        match (self.state, self.peer) {
            (_, None) if self.protocol == Protocol::Udp => {
                write!(f, "bound to {} udp", self.local)
            }
            (_, Some(peer)) if self.protocol == Protocol::Udp => {
                write!(f, "local {}, peer {peer} udp", self.local)
            }
            (TcpState::Closed, _) => write!(f, "bound to {}, not listening", self.local),
            (state, Some(peer)) => write!(f, "{state}, local {}, peer {peer}", self.local),
            (state, None) => write!(f, "{state} on {}", self.local),
        }
    }
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Processes(processes) => {
                for (at, process) in processes.iter().enumerate() {
                    if at > 0 {
                        f.write_str(" and ")?;
                    }
                    show_process(process, f)?;
                }
                Ok(())
            }
            Self::NotVisible { uid, user } => {
                write!(f, "a socket of ")?;
                show_user(*uid, user.as_deref(), f)?;
                f.write_str(" whose process is not visible from here")
            }
            Self::Unknown => f.write_str("a process that is not visible from here"),
            Self::Kernel => f.write_str("the kernel itself"),
            Self::Nobody => f.write_str("a connection closed by its process and not ended yet"),
        }
    }
}

fn show_process(process: &Process, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    if process.is_ours() {
        return write!(f, "this very program (pid {})", process.pid);
    }
    write!(f, "{} (pid {}, ", Visible(&process.name), process.pid)?;
    show_user(process.uid, process.user.as_deref(), f)?;
    if let Some(since) = process.since.and_then(local_time) {
        write!(f, ", since {since}")?;
    }
    f.write_str(")")
}

fn show_user(uid: u32, user: Option<&str>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match user {
        Some(user) => write!(f, "user {}", Visible(user.as_bytes())),
        None => write!(f, "user {uid}"),
    }
}

/// Date and time of day where this machine is, to the second; where that is not known, UTC, marked.
fn local_time(at: SystemTime) -> Option<String> {
    let zone = TimeZone::system();
    let mark = if zone.is_unknown() { "Z" } else { "" };
    let at = Timestamp::try_from(at).ok()?.to_zoned(zone);
    Some(at.strftime("%Y-%m-%d %H:%M:%S").to_string() + mark)
}
