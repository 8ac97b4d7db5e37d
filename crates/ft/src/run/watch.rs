//! What `ft connect` tells of the bytes that it moves: how far it is, their digests, and after a
//! break how to go on.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use fivetuple::service::Digesting;
use fivetuple::{Closed, Direction, Event, Live, Observer, Reason, Wants};
use rustix::fs::{FileType, SeekFrom, fstat, seek};
use tokio::task::JoinHandle;

use super::progress::Progress;
use crate::plan;
use crate::report::Reports;
use crate::shell;

/// The digests of both directions of a connection.
#[derive(Default)]
pub(super) struct Digests {
    sent: Mutex<Digesting>,
    received: Mutex<Digesting>,
}

impl Observer for Digests {
    fn wants(&self) -> Wants {
        Wants {
            bytes: true,
            ..Wants::default()
        }
    }

    fn event(&self, event: &Event<'_>) {
        if let Event::Moved {
            direction, bytes, ..
        } = event
        {
            let digesting = match direction {
                Direction::Sent => &self.sent,
                Direction::Received => &self.received,
            };
            let mut digesting = digesting.lock().unwrap_or_else(PoisonError::into_inner);
            digesting.push(bytes);
        }
    }
}

impl Digests {
    /// The observer, if the digests are asked for.
    pub(super) fn of(watch: plan::Watch) -> Option<Arc<Self>> {
        watch.digest.then(Arc::default)
    }

    /// One line for each direction that was to move.
    pub(super) fn tell(&self, plan: &plan::Connect, reports: &Reports) {
        for (digesting, direction, was_meant) in [
            (&self.sent, Direction::Sent, plan.terminal.input),
            (&self.received, Direction::Received, plan.terminal.output),
        ] {
            if !was_meant {
                continue;
            }
            let digesting = digesting.lock().unwrap_or_else(PoisonError::into_inner);
            reports.answer(&format!("{}  {direction}", digesting.digest()));
        }
    }
}

/// A connection that is looked at.
pub(super) struct Watching {
    live: Arc<Live>,
    progress: Option<Progress>,
    drawing: Option<JoinHandle<()>>,
}

impl Watching {
    pub(super) fn start(plan: &plan::Connect, live: &Arc<Live>, reports: &Reports) -> Self {
        let progress = plan.watch.progress.then(|| {
            let size = input_size(plan);
            Progress::Connection(Arc::clone(live), size)
        });
        let drawing = progress
            .clone()
            .filter(|_| plan.watch.bar)
            .map(|progress| tokio::spawn(progress.draw(reports.clone())));
        Self {
            live: Arc::clone(live),
            progress,
            drawing,
        }
    }

    /// What USR1 prints.
    pub(super) fn line(&self) -> String {
        let live = &self.live;
        let mut line = format!(
            "{}: sent {} B, received {} B",
            live.identity.name(),
            live.bytes_sent(),
            live.bytes_received()
        );
        if let Some(progress) = self.progress.as_ref().and_then(Progress::line) {
            line += "; ";
            line += &progress;
        }
        line
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        // What is drawn goes with the end of the reports.
        if let Some(drawing) = &self.drawing {
            drawing.abort();
        }
    }
}

/// What a regular file on stdin has to be sent.
fn input_size(plan: &plan::Connect) -> Option<u64> {
    if !plan.terminal.input || plan.terminal.crlf || plan.exec.is_some() {
        return None;
    }
    let stdin = rustix::stdio::stdin();
    let stat = fstat(stdin).ok()?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return None;
    }
    let at = seek(stdin, SeekFrom::Current(0)).ok()?;
    u64::try_from(stat.st_size).ok()?.checked_sub(at)
}

/// After a break in a file that was received, and nothing else: what both sides type to get the
/// rest. The file on stdout knows its own name and size.
pub(super) fn how_to_go_on(plan: &plan::Connect, closed: &Closed) -> Option<String> {
    let broken = matches!(closed.reason, Reason::Reset | Reason::TimedOut);
    let totals = &closed.totals;
    if !broken || totals.bytes_received == 0 || totals.bytes_sent > 0 || plan.exec.is_some() {
        return None;
    }
    let (path, size) = output_file()?;
    let path = shell::path(&path);
    let place = match plan.target.host_port() {
        Some(place) => place.port.to_string(),
        None => shell::word(plan.target.to_string()),
    };
    Some(format!(
        "{path} has {size} B; to continue, there: ft listen {place} send --from {size} FILE\n  \
         and here: {} >> {path}",
        plan.report.typed
    ))
}

/// Path and size of the regular file on stdout.
fn output_file() -> Option<(PathBuf, u64)> {
    let stat = fstat(rustix::stdio::stdout()).ok()?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return None;
    }
    let path = std::fs::read_link("/proc/self/fd/1").ok()?;
    let here = std::fs::read_link("/proc/self/cwd").ok();
    let path = here
        .and_then(|here| path.strip_prefix(here).ok().map(Path::to_owned))
        .unwrap_or(path);
    Some((path, u64::try_from(stat.st_size).ok()?))
}
