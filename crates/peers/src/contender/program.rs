//! The programs: where each is found, its version, and the Debian package that brings it.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::trouble::Trouble;

/// A program that is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// The command of this workspace.
    Ft,
    /// A floor: this program itself.
    Floor,
    /// OpenBSD's netcat.
    Nc,
    /// Nmap's netcat.
    Ncat,
    /// socat.
    Socat,
    /// HAProxy.
    Haproxy,
    /// nginx, with its stream module.
    Nginx,
    /// iperf3.
    Iperf3,
    /// wrk.
    Wrk,
    /// nats-server.
    Nats,
    /// strace, which counts the calls of the others.
    Strace,
}

impl Program {
    /// All that are not of this workspace.
    pub const OTHERS: [Self; 9] = [
        Self::Nc,
        Self::Ncat,
        Self::Socat,
        Self::Haproxy,
        Self::Nginx,
        Self::Iperf3,
        Self::Wrk,
        Self::Nats,
        Self::Strace,
    ];

    /// What is typed to run it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ft => "ft",
            Self::Floor => "peers",
            // /bin/nc may be somebody else's.
            Self::Nc => "nc.openbsd",
            Self::Ncat => "ncat",
            Self::Socat => "socat",
            Self::Haproxy => "haproxy",
            Self::Nginx => "nginx",
            Self::Iperf3 => "iperf3",
            Self::Wrk => "wrk",
            Self::Nats => "nats-server",
            Self::Strace => "strace",
        }
    }

    /// The Debian packages that bring it; none for those of this workspace.
    pub fn package(self) -> &'static str {
        match self {
            Self::Ft | Self::Floor => "",
            Self::Nc => "netcat-openbsd",
            Self::Ncat => "ncat",
            Self::Socat => "socat",
            Self::Haproxy => "haproxy",
            Self::Nginx => "nginx-light libnginx-mod-stream",
            Self::Iperf3 => "iperf3",
            Self::Wrk => "wrk",
            Self::Nats => "nats-server",
            Self::Strace => "strace",
        }
    }

    /// The folders where programs are.
    pub fn places() -> Vec<PathBuf> {
        let path = env::var_os("PATH").unwrap_or_default();
        // Administrators' programs are not on everybody's PATH.
        let folders = env::split_paths(&path).chain(["/usr/sbin", "/sbin"].map(PathBuf::from));
        folders.collect()
    }

    /// Where it is.
    ///
    /// # Errors
    ///
    /// It is not on this machine.
    pub fn find(self) -> Result<PathBuf, Trouble> {
        self.find_in(&Self::places())
    }

    /// Where it is in these folders.
    ///
    /// # Errors
    ///
    /// It is in none of them.
    pub fn find_in(self, folders: &[PathBuf]) -> Result<PathBuf, Trouble> {
        let mut files = folders.iter().map(|folder| folder.join(self.name()));
        files.find(|file| file.is_file()).ok_or(Trouble::Missing {
            program: self.name(),
            package: self.package(),
        })
    }

    /// What it says of its version.
    pub fn version(self, file: &Path) -> String {
        let option = match self {
            Self::Ft | Self::Floor | Self::Ncat | Self::Iperf3 | Self::Nats => "--version",
            Self::Nc => "-h",
            Self::Socat | Self::Strace => "-V",
            Self::Haproxy | Self::Nginx | Self::Wrk => "-v",
        };
        let said = Command::new(file).arg(option).stdin(Stdio::null()).output();
        let Ok(said) = said else {
            return "does not say".to_owned();
        };
        let text = [said.stdout, said.stderr].concat();
        let text = String::from_utf8_lossy(&text);
        let line = text
            .lines()
            .find(|line| line.chars().any(|c| c.is_ascii_digit()));
        let line = line.unwrap_or("does not say");
        // Addresses and licences behind the number belong to nobody's version.
        let ends = ["Copyright", "https://", " ( "].map(|mark| line.find(mark));
        let end = ends.into_iter().flatten().min().unwrap_or(line.len());
        let line = line[..end].trim_start_matches("nginx version: ");
        line.trim_end_matches([' ', '-']).to_owned()
    }
}
