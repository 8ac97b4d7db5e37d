//! Causes that several calls share: descriptors, memory and ports that have run out.

use std::ops::RangeInclusive;

use super::{Advice, Cause, Errno, Fact};
use crate::kernel::limit::{self, DescriptorLimit};
use crate::kernel::sock_diag::time_wait_count;

/// Something that the process or the system has run out of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resource {
    /// Descriptors of this process (EMFILE).
    Descriptors {
        /// The limit in force and how far the process may raise it.
        limit: DescriptorLimit,
        /// How many are open; `None` where not one was left to count them with.
        open: Option<u64>,
    },
    /// Open files of the whole system (ENFILE).
    SystemFiles {
        /// How many are open, and how many may be.
        open_and_limit: Option<(u64, u64)>,
    },
    /// Memory of the kernel, or room in its network buffers (ENOMEM, ENOBUFS).
    Memory,
}

impl Resource {
    /// The resource that an errno tells to be missing, if it tells that.
    pub fn missing(errno: Errno) -> Option<Self> {
        Some(match errno {
            Errno::MFILE => Self::Descriptors {
                limit: limit::descriptor_limit(),
                open: limit::open_descriptors().ok(),
            },
            Errno::NFILE => Self::SystemFiles {
                open_and_limit: limit::system_descriptors(),
            },
            Errno::NOMEM | Errno::NOBUFS => Self::Memory,
            _ => return None,
        })
    }
}

impl Cause for Resource {
    fn facts(&self) -> Vec<Fact> {
        match *self {
            Self::Descriptors { limit, open } => vec![Fact::DescriptorLimit { limit, open }],
            Self::SystemFiles { open_and_limit } => open_and_limit
                .map(|(open, limit)| Fact::SystemFiles { open, limit })
                .into_iter()
                .collect(),
            Self::Memory => vec![Fact::KernelMemory],
        }
    }

    fn advice(&self) -> Vec<Advice> {
        match *self {
            Self::Descriptors { limit, .. } => {
                let raise = (limit.soft != limit.hard).then_some(Advice::RaiseSoftLimit(limit));
                raise
                    .into_iter()
                    .chain([Advice::HoldFewerConnections, Advice::RaiseHardLimit])
                    .collect()
            }
            Self::SystemFiles { .. } => {
                vec![Advice::HoldFewerConnections, Advice::RaiseSystemFiles]
            }
            Self::Memory => vec![Advice::HoldFewerConnections],
        }
    }
}

/// No port is left of those that the system chooses from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortsExhausted {
    /// The ports to choose from.
    pub range: Option<RangeInclusive<u16>>,
    /// How many five-tuples of this machine are in TIME-WAIT.
    pub time_wait: Option<usize>,
}

impl PortsExhausted {
    /// Asks for the range and counts.
    pub fn now() -> Self {
        Self {
            range: limit::ephemeral_ports(),
            time_wait: time_wait_count().ok(),
        }
    }
}

impl Cause for PortsExhausted {
    fn facts(&self) -> Vec<Fact> {
        let range = self.range.clone().map(Fact::EphemeralPortsTaken);
        let time_wait = self.time_wait.map(Fact::TimeWaitCount);
        range.into_iter().chain(time_wait).collect()
    }

    fn advice(&self) -> Vec<Advice> {
        vec![
            Advice::UseMoreSourceAddresses,
            Advice::LetThePeerCloseFirst,
            Advice::WidenPortRange(self.range.clone()),
        ]
    }
}
