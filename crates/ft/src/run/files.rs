//! `send FILE` and `receive FILE|DIR` at work, and what is said about each file.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use fivetuple::call::{FileError, Visible};
use fivetuple::service::{Destination, Digest, PARTIAL, ReceiveFile, Received, SendFile, Sent};
use fivetuple::{Identity, Reason, SocketName};
use tokio::sync::mpsc::{Receiver, Sender};
use tokio::time::timeout;

use crate::plan::{self, Sums};
use crate::report::Reports;
use crate::report::words::{Bytes, Named};
use crate::shell;

/// After the last connection a job may still be with a slow disk; it is waited for so long.
const TOLD_WITHIN: Duration = Duration::from_secs(2);

/// The first port that everybody may bind.
const PORT_MIN: u16 = 1024;

/// Whoever tells of files.
#[derive(Clone)]
pub(super) struct Teller {
    pub(super) reports: Reports,
    /// The address that we listen on, as one writes it; `None` if it is not free in the end: the
    /// server goes on, or a service manager holds it.
    pub(super) address: Option<String>,
    /// A file could not be written, or not be read.
    pub(super) failed: Arc<AtomicBool>,
    /// Dropped by all when the last file was told of.
    #[expect(dead_code, reason = "its end is what is waited for")]
    pub(super) telling: Sender<()>,
}

/// Waits until all files were told of, but for no disk that hangs; whether they were.
pub(super) async fn all_told(mut telling: Receiver<()>) -> bool {
    timeout(TOLD_WITHIN, telling.recv()).await.is_ok()
}

/// Whether there is something to send, and how much.
pub(super) fn size(plan: &plan::SendFile) -> Result<u64, FileError> {
    SendFile::new(&plan.path, plan.from, |_| {}).size()
}

/// Where received files go, if anything can be written there.
pub(super) fn destination(plan: &plan::ReceiveFile) -> Result<Destination, FileError> {
    if plan.directory {
        Destination::directory(&plan.path)
    } else {
        Destination::file(&plan.path)
    }
}

pub(super) fn send(plan: &plan::SendFile, teller: Teller) -> SendFile {
    let of_teller = plan.clone();
    SendFile::new(&plan.path, plan.from, move |sent| {
        teller.sent(&of_teller, sent);
    })
    .with_digest(plan.digest != Sums::Nowhere)
}

pub(super) fn receive(plan: &plan::ReceiveFile, teller: Teller) -> Result<ReceiveFile, FileError> {
    let sums = plan.digest;
    let receive = ReceiveFile::new(destination(plan)?, move |received| {
        teller.received(received, sums);
    });
    Ok(receive.with_digest(sums != Sums::Nowhere))
}

impl Teller {
    fn sent(&self, plan: &plan::SendFile, sent: &Sent<'_>) {
        let connection = Named(sent.identity);
        let shown = Visible(plan.path.as_os_str().as_encoded_bytes());
        if sent.changed {
            self.reports.say(&format!(
                "{connection}: somebody wrote to {shown} while it was sent"
            ));
        }
        let reason = sent.closed.map(|closed| closed.reason);
        if reason == Some(Reason::Failed) {
            self.failed.store(true, Ordering::Relaxed);
        } else if !sent.complete {
            let (here, _) = self.where_to_go_on(sent.identity);
            self.reports.say(&format!(
                "{connection}: perhaps not all of {shown} is there; to continue behind the BYTES that \
                 the client has:\n  ft listen {} send --from BYTES {}",
                shell::word(&here),
                shell::path(&plan.path)
            ));
        }
        if let (true, Some(digest)) = (sent.complete, sent.digest) {
            self.sum(plan.digest, (digest, &plan.path), plan.from);
        }
    }

    fn received(&self, received: &Received<'_>, sums: Sums) {
        self.failed.fetch_or(received.failed, Ordering::Relaxed);
        let Some(path) = &received.path else {
            return;
        };
        let connection = Named(received.identity);
        let (bytes, shown) = (
            Bytes(received.bytes),
            Visible(path.as_os_str().as_encoded_bytes()),
        );
        if received.complete {
            self.reports
                .say(&format!("{connection}: {bytes} in {shown}"));
        } else {
            let (here, there) = self.where_to_go_on(received.identity);
            self.reports.say(&format!(
                "{connection}: incomplete, {bytes} in {shown}\n{}",
                how_to_go_on(path, received.bytes, (&here, &there))
            ));
        }
        if let Some(digest) = received.digest {
            self.sum(sums, (digest, path), 0);
        }
    }

    /// The address to listen on for the rest, and the one to connect to.
    fn where_to_go_on(&self, identity: &Identity) -> (String, String) {
        match &self.address {
            Some(address) => (address.clone(), identity.local().to_string()),
            None => (beside(identity.local()), beside(identity.local())),
        }
    }

    fn sum(&self, sums: Sums, (digest, path): (Digest, &Path), from: u64) {
        let line = sum_line((digest, path), from);
        match sums {
            Sums::Nowhere => {}
            Sums::Stdout => self.reports.product(&line),
            Sums::Stderr => self.reports.answer(&String::from_utf8_lossy(&line)),
        }
    }
}

/// What both sides type to get the rest.
fn how_to_go_on(partial: &Path, bytes: u64, (here, there): (&str, &str)) -> String {
    debug_assert!(partial.to_string_lossy().ends_with(PARTIAL));
    let (partial, whole) = (
        shell::path(partial),
        shell::path(&partial.with_extension("")),
    );
    format!(
        "  to continue, here: ft listen {} --once --receive-only >> {partial} && \
         mv -n {partial} {whole}\n  and there: tail -c +{} FILE | ft connect {}",
        shell::word(here),
        bytes.saturating_add(1),
        shell::word(there)
    )
}

/// As sha256sum(1) prints it and `sha256sum -c` reads it. Of a part of a file it is a comment there:
/// the digest is that of the part.
fn sum_line((digest, path): (Digest, &Path), from: u64) -> Vec<u8> {
    let name = path.as_os_str().as_encoded_bytes();
    let escaped = name
        .iter()
        .any(|byte| matches!(byte, b'\\' | b'\n' | b'\r'));
    let mut line = Vec::new();
    if from > 0 {
        line.extend_from_slice(b"# ");
    } else if escaped {
        line.push(b'\\');
    }
    line.extend_from_slice(format!("{digest}  ").as_bytes());
    for byte in name {
        match byte {
            b'\\' => line.extend_from_slice(b"\\\\"),
            b'\n' => line.extend_from_slice(b"\\n"),
            b'\r' => line.extend_from_slice(b"\\r"),
            other => line.push(*other),
        }
    }
    if from > 0 {
        line.extend_from_slice(format!(" from byte {from} on").as_bytes());
    }
    line
}

/// Beside an address that somebody else goes on holding.
fn beside(local: &SocketName) -> String {
    match local {
        SocketName::Inet(local) => {
            let mut other = *local;
            other.set_port(local.port().checked_add(1).unwrap_or(PORT_MIN));
            other.to_string()
        }
        SocketName::Unix(path) => format!("{path}-2"),
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::net::SocketAddr;
    use std::os::unix::ffi::OsStrExt;

    use fivetuple::address::UnixAddress;

    use super::*;

    #[test]
    fn a_sum_is_a_line_of_sha256sum() {
        let digest = Digest([0xab; 32]);
        let hex = "ab".repeat(32);
        let line = |path: &str, from| {
            String::from_utf8(sum_line((digest, Path::new(path)), from)).unwrap()
        };
        assert_eq!(line("a b", 0), format!("{hex}  a b"));
        assert_eq!(line("a\\\nb", 0), format!("\\{hex}  a\\\\\\nb"));
        assert_eq!(line("a", 5), format!("# {hex}  a from byte 5 on"));
    }

    #[test]
    fn an_address_that_a_service_manager_holds_is_not_taken() {
        for (local, other) in [
            ("[::1]:80", "[::1]:81"),
            ("10.0.0.1:65535", "10.0.0.1:1024"),
        ] {
            let local: SocketAddr = local.parse().unwrap();
            assert_eq!(beside(&local.into()), other);
        }
        let unix = SocketName::Unix(UnixAddress::Path(Path::new("/a b").into()));
        assert_eq!(beside(&unix), "unix:/a b-2");
    }

    #[test]
    fn what_is_to_be_typed_is_quoted() {
        let partial = Path::new(OsStr::from_bytes(b"in/\xff.partial"));
        assert_eq!(
            how_to_go_on(partial, 9, ("unix:/a b", "unix:/a b")),
            "  to continue, here: ft listen 'unix:/a b' --once --receive-only >> $'in/\\377.partial' \
             && mv -n $'in/\\377.partial' $'in/\\377'\n  \
             and there: tail -c +10 FILE | ft connect 'unix:/a b'"
        );
        let text = how_to_go_on(Path::new("a.partial"), 0, ("*:80", "[::1]:80"));
        assert!(text.contains("ft listen '*:80' --once"), "{text}");
        assert!(text.ends_with("ft connect '[::1]:80'"), "{text}");
    }
}
