//! What a run says besides the data: the log, the trace, the events file, the dump, the errors.
//!
//! Everything for stderr goes through one queue, so that its lines keep their order; each file has
//! a queue of its own. Whoever reports appends to a queue and never waits.

pub(crate) mod clock;
mod dump;
pub(crate) mod error;
mod events;
pub(crate) mod line;
mod log;
pub(crate) mod queue;
mod status;
#[cfg(test)]
pub(crate) mod samples;
pub(crate) mod sparse;
pub(crate) mod words;

use std::fmt;
use std::io::{Write, stderr, stdout};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use fivetuple::Call;
use fivetuple::call::{Code, FileError, Visible};
use fivetuple::{Observer, Observers};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use crate::plan::{self, Destination, Verbosity};
use crate::trace::Trace;
use clock::Clock;
use dump::Dump;
use error::{explain_early, plain_error};
use events::Events;
use line::Line;
use log::{Log, Says};
use queue::{Kind, Queue};
use sparse::Tries;

/// What a queue holds of text that is not written yet.
const TEXT_MAX: usize = 1 << 20;
/// The same where a dump goes through it.
const DUMP_MAX: usize = 64 << 20;
/// How long the end of a run waits until everything is written.
const CLOSE_WAIT: Duration = Duration::from_secs(2);
/// What stderr has of it at least.
const STDERR_WAIT: Duration = Duration::from_millis(500);

/// The reports of one run.
#[derive(Clone, Debug)]
pub(crate) struct Reports {
    stderr: Arc<Queue>,
    /// Made for the first line; `None` where there is no thread for it.
    stdout: Arc<OnceLock<Option<Queue>>>,
    files: Vec<(PathBuf, Arc<Queue>)>,
    log: Arc<Log>,
    quiet: bool,
    color: bool,
}

impl Reports {
    /// Opens the files and starts the queues; the observers, those given among them, go to the
    /// server or client.
    ///
    /// # Errors
    ///
    /// One line: a file that cannot be opened, a thread that cannot be started.
    pub(crate) fn open(
        plan: &plan::Report,
        mut observers: Vec<Arc<dyn Observer>>,
    ) -> Result<(Self, Observers), String> {
        let dumps_to_stderr = plan.dump == Some(Destination::Stderr);
        let bytes_max = if dumps_to_stderr { DUMP_MAX } else { TEXT_MAX };
        let stderr = Arc::new(start(stderr(), bytes_max)?);
        let mut files = Files {
            stderr: Arc::clone(&stderr),
            files: Vec::new(),
        };
        let clock = Clock::of_this_machine();
        let log = Arc::new(Log::new(
            Arc::clone(&stderr),
            says(plan),
            plan.typed.clone(),
            plan.color,
        ));
        if plan.verbosity == Verbosity::Trace {
            let trace = Trace::new(Arc::clone(&stderr), clock.clone(), plan.color);
            observers.push(Arc::new(trace));
        }
        observers.push(Arc::clone(&log) as Arc<dyn Observer>);
        if let Some(destination) = &plan.events {
            let queue = files.queue(destination, TEXT_MAX)?;
            observers.push(Arc::new(Events::new(queue)));
        }
        if let Some(destination) = &plan.dump {
            let queue = files.queue(destination, DUMP_MAX)?;
            observers.push(Arc::new(Dump::new(queue, clock)));
        }
        let reports = Self {
            stderr,
            stdout: Arc::default(),
            files: files.files,
            log,
            quiet: plan.verbosity == Verbosity::Quiet,
            color: plan.color,
        };
        Ok((reports, Observers::new(observers)))
    }

    /// One or more lines on stderr, unless only errors are to be told.
    pub(crate) fn say(&self, text: &str) {
        if !self.quiet {
            self.stderr.push(Kind::Line, |to| {
                for text in text.lines() {
                    Line::new(to, self.color).put(text).end();
                }
            });
        }
    }

    /// A line that was asked for by an option, on stderr, also when only errors are to be told.
    pub(crate) fn answer(&self, text: &str) {
        self.stderr
            .push(Kind::Line, |to| Line::new(to, self.color).put(text).end());
    }

    /// A line of what the run produces, on stdout.
    pub(crate) fn product(&self, line: &[u8]) {
        let queue = self.stdout.get_or_init(|| start(stdout(), TEXT_MAX).ok());
        if let Some(queue) = queue {
            queue.push(Kind::Line, |to| {
                to.extend_from_slice(line);
                to.push(b'\n');
            });
        }
    }

    /// Whether nobody reads the results any more.
    pub(crate) fn has_lost_its_reader(&self) -> bool {
        let queue = self.stdout.get().and_then(Option::as_ref);
        queue.and_then(Queue::failed) == Some(Errno::PIPE)
    }

    /// Draws this line at the bottom of the terminal on stderr; an empty one takes it away.
    pub(crate) fn status(&self, text: &str) {
        self.stderr.set_status(text);
    }

    /// Takes that line away, and waits for a moment until everything is written: stdout may be the
    /// same terminal.
    pub(crate) fn settle(&self) {
        self.status("");
        self.stderr.flush(STDERR_WAIT);
    }

    /// The last lines of a run, after everything that is still owed.
    pub(crate) fn say_at_last(&self, text: &str) {
        self.log.finish();
        self.say(text);
    }

    /// Tries that fail from now on are not the last ones, or it is over with them.
    pub(crate) fn tries(&self, others: bool) {
        self.log.tries(match (others, self.quiet) {
            (false, _) => Tries::Last,
            (true, false) => Tries::Told,
            (true, true) => Tries::Silent,
        });
    }

    /// An error, always told.
    pub(crate) fn error(&self, text: impl fmt::Display) {
        log::error_lines(&self.stderr, &plain_error(text), self.color);
    }

    /// Writes out what is left, for at most two seconds, and tells of files that could not be
    /// written. Whether every file has everything that was reported.
    pub(crate) fn close(&self) -> bool {
        let until = Instant::now() + CLOSE_WAIT;
        let left = || until.saturating_duration_since(Instant::now());
        let mut whole = true;
        self.log.finish();
        for (path, queue) in &self.files {
            if queue.flush(left()) {
                continue;
            }
            whole = false;
            let path = Visible(path.as_os_str().as_encoded_bytes());
            self.error(format_args!("write {path}: {}", incomplete(queue.failed())));
        }
        if let Some(Some(queue)) = self.stdout.get()
            && !queue.flush(left())
        {
            match queue.failed() {
                // A reader that has gone is a quiet end.
                Some(Errno::PIPE) => {}
                failed => {
                    whole = false;
                    self.error(format_args!("write stdout: {}", incomplete(failed)));
                }
            }
        }
        self.stderr.end_status();
        // It has a time of its own: what another file could not take is told there.
        self.stderr.flush(left().max(STDERR_WAIT));
        whole
    }
}

/// Why a queue was not written out.
fn incomplete(failed: Option<Errno>) -> String {
    match failed.map(Code::Errno) {
        Some(code) => format!("{} ({code})", code.text()),
        None => "not everything could be written in time".to_owned(),
    }
}

/// The queue of stderr and those of the files opened so far.
struct Files {
    stderr: Arc<Queue>,
    files: Vec<(PathBuf, Arc<Queue>)>,
}

impl Files {
    fn queue(&mut self, destination: &Destination, bytes_max: usize) -> Result<Arc<Queue>, String> {
        match destination {
            Destination::Stderr => Ok(Arc::clone(&self.stderr)),
            Destination::File(path) => {
                let queue = Arc::new(start(create(path)?, bytes_max)?);
                self.files.push((path.clone(), Arc::clone(&queue)));
                Ok(queue)
            }
        }
    }
}

fn start(sink: impl std::os::fd::AsFd + Send + 'static, bytes_max: usize) -> Result<Queue, String> {
    Queue::start(sink, bytes_max, missed_line).map_err(|error| format!("start a thread: {error}"))
}

/// Creates or empties a file. Two reports into one file do not overwrite each other.
fn create(path: &Path) -> Result<std::os::fd::OwnedFd, String> {
    let flags = OFlags::WRONLY
        | OFlags::CREATE
        | OFlags::TRUNC
        | OFlags::APPEND
        | OFlags::CLOEXEC
        | OFlags::NOCTTY;
    rustix::fs::open(path, flags, Mode::from_raw_mode(0o666))
        .map_err(|errno| explain_early(&FileError::new(Call::Open, path, errno)))
}

/// With a trace, the trace tells of the connections; a client is silent unless it fails.
fn says(plan: &plan::Report) -> Says {
    match plan.verbosity {
        Verbosity::Normal if plan.typed.serves() => Says::Everything,
        Verbosity::Trace if plan.typed.serves() => Says::Sockets,
        _ => Says::Errors,
    }
}

/// How many lines, events or blocks did not fit into a queue.
fn missed_line(kind: Kind, count: u64, to: &mut Vec<u8>) {
    let plural = if count == 1 { "" } else { "s" };
    // Writing to a Vec does not fail.
    let _ = match kind {
        Kind::Line => writeln!(to, "-- missed {count} line{plural} --"),
        Kind::Block => writeln!(to, "-- missed {count} block{plural} --"),
        Kind::Event => {
            events::missed(clock::now(), count, to);
            Ok(())
        }
    };
}

#[cfg(test)]
mod tests {
    use fivetuple::Event;

    use super::*;
    use crate::plan::Typed;

    fn plan(events: Option<Destination>, dump: Option<Destination>) -> plan::Report {
        plan::Report {
            verbosity: Verbosity::Quiet,
            typed: Typed::verb("listen"),
            color: false,
            events,
            dump,
        }
    }

    #[test]
    fn a_file_that_cannot_be_opened_is_an_error_that_shows_its_path_harmlessly() {
        let path = PathBuf::from("/dev/null/\x1b/x");
        let events = Some(Destination::File(path));
        let error = Reports::open(&plan(events, None), Vec::new()).unwrap_err();
        let first = error.lines().next();
        assert_eq!(
            first,
            Some(r"open /dev/null/\x1b/x: not a directory (ENOTDIR)")
        );
    }

    #[test]
    fn a_file_is_emptied_first_and_holds_everything_at_the_end() {
        let name = format!("fivetuple-events-{}.json", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, "what was there before").unwrap();
        let events = Some(Destination::File(path.clone()));
        let (reports, observers) = Reports::open(&plan(events, None), Vec::new()).unwrap();
        assert!(observers.wants().cookies);
        assert!(!observers.wants().calls && !observers.wants().bytes);
        observers.emit(&Event::Resumed);
        assert!(reports.close());
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        assert!(text.starts_with("{\"v\":1,\"at\":\""), "{text}");
        assert!(text.ends_with("\"event\":\"resumed\"}\n"), "{text}");
        assert_eq!(text.lines().count(), 1);
    }

    #[test]
    fn a_full_device_makes_the_end_tell() {
        let full = Some(Destination::File(PathBuf::from("/dev/full")));
        let (reports, observers) = Reports::open(&plan(full, None), Vec::new()).unwrap();
        observers.emit(&Event::Resumed);
        assert!(!reports.close());
    }

    #[test]
    fn what_was_missed_is_told_in_the_form_of_its_kind() {
        let mut to = Vec::new();
        missed_line(Kind::Line, 2, &mut to);
        missed_line(Kind::Block, 1, &mut to);
        missed_line(Kind::Event, 7, &mut to);
        let text = String::from_utf8(to).unwrap();
        assert!(text.starts_with("-- missed 2 lines --\n-- missed 1 block --\n{\"v\":1,"));
        assert!(
            text.ends_with("\"event\":\"missed\",\"count\":7}\n"),
            "{text}"
        );
    }
}
