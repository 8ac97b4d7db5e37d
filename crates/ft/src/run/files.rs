//! `send FILE` and `receive FILE|DIR` at work, and what is said about each file.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use fivetuple::call::{FileError, Visible};
use fivetuple::service::{Destination, Digest, PARTIAL, ReceiveFile, Received, SendFile, Sent};
use fivetuple::{Identity, Reason};

use crate::plan::{self, Sums};
use crate::report::Reports;
use crate::report::words::{Bytes, Named, shell_word};

/// Whoever tells of files.
#[derive(Clone)]
pub(super) struct Teller {
    pub(super) reports: Reports,
    /// The address that we listen on, as one writes it.
    pub(super) address: String,
    /// A file could not be written, or not be read.
    pub(super) failed: Arc<AtomicBool>,
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
        let connection = Named(&sent.closed.identity);
        let shown = Visible(plan.path.as_os_str().as_encoded_bytes());
        if sent.changed {
            self.reports.say(&format!(
                "{connection}: somebody wrote to {shown} while it was sent"
            ));
        }
        match sent.closed.reason {
            Reason::Reset | Reason::TimedOut if !sent.complete => self.reports.say(&format!(
                "{connection}: perhaps not all of {shown} is there; to continue behind the BYTES that \
                 the client has:\n  ft listen {} send --from BYTES {}",
                self.address,
                shell(&plan.path)
            )),
            Reason::Failed => self.failed.store(true, Ordering::Relaxed),
            _ => {}
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
            self.reports.say(&format!(
                "{connection}: incomplete, {bytes} in {shown}\n{}",
                self.how_to_go_on((received.identity, path), received.bytes)
            ));
        }
        if let Some(digest) = received.digest {
            self.sum(sums, (digest, path), 0);
        }
    }

    /// What both sides type to get the rest.
    fn how_to_go_on(&self, (identity, partial): (&Identity, &Path), bytes: u64) -> String {
        let whole = partial.with_extension("");
        debug_assert!(partial.to_string_lossy().ends_with(PARTIAL));
        let (partial, whole) = (shell(partial), shell(&whole));
        format!(
            "  to continue, here: ft listen {} --once --receive-only >> {partial} && \
             mv -n {partial} {whole}\n  and there: tail -c +{} FILE | ft connect {}",
            self.address,
            bytes.saturating_add(1),
            identity.local()
        )
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

/// A path as a shell reads it.
pub(super) fn shell(path: &Path) -> String {
    let text = path.to_string_lossy();
    // A name that begins with a dash would be read as an option.
    let here = if text.starts_with('-') { "./" } else { "" };
    format!("{here}{}", shell_word(&text))
}

#[cfg(test)]
mod tests {
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
    fn a_path_is_quoted_for_the_shell() {
        for (path, quoted) in [
            ("in/000001-__1_80.partial", "in/000001-__1_80.partial"),
            ("it's", r"'it'\''s'"),
            ("-rf $(x)", "./'-rf $(x)'"),
        ] {
            assert_eq!(shell(Path::new(path)), quoted);
        }
    }
}
