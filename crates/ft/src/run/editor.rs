//! Line editing for `ft connect` on a terminal: what the peer sends is printed above the line that
//! is being typed.
//!
//! The editor (rustyline) reads keys on a thread of its own, which nobody waits for. It puts the
//! terminal into raw mode for each line; in between the terminal keeps every key for it. Whatever
//! ends the program in the meantime, the settings found at the start are restored. No flag of a
//! descriptor is changed.

mod page;

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, Read, Write};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use fivetuple::call::Filter;
use fivetuple::kernel::limit::signal_ignored;
use fivetuple::service::{Input, Output, Terminal, WhenGone};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Signal, getpid, kill_process};
use rustix::termios::{
    LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr,
};
use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::MemHistory;
use rustyline::validate::Validator;
use rustyline::{CompletionType, Config, Editor, Helper};
use tokio::signal::unix::{SignalKind, signal};

use super::streams::{self, VisibleWriter};
use crate::plan;
use page::Page;

/// Typed lines that wait to be sent.
const LINES_MAX: usize = 64;
/// The editor shows a line within this time, or is busy with something else.
const SHOWN_WITHIN: Duration = Duration::from_secs(1);
/// Reads that fail in a row until the terminal counts as gone.
const FAILURES_MAX: u32 = 16;
/// To the start of the row, and nothing behind it.
const CLEAR_ROW: &[u8] = b"\r\x1b[K";

/// The terminal while it is edited on. Dropped, it is as it was found.
pub(super) struct LineEditor {
    desk: Arc<Desk>,
    page: Arc<Page>,
    saved: Arc<Saved>,
}

/// The terminal service with an editor on stdin and stdout.
///
/// # Errors
///
/// This terminal cannot do it, or no thread can be started.
pub(super) fn open(plan: &plan::Terminal) -> io::Result<(Terminal, LineEditor)> {
    let saved = Arc::new(Saved {
        settings: tcgetattr(rustix::stdio::stdin())?,
        stdin: streams::file(rustix::stdio::stdin())?.ok_or(Errno::BADF)?,
        stdout: Mutex::new(streams::stdout()?.ok_or(Errno::BADF)?),
    });
    let desk = Arc::new(Desk::default());
    // Bracketed paste would have to be switched off again by whoever ends us.
    let config = Config::builder()
        .auto_add_history(true)
        .bracketed_paste(false)
        .completion_type(CompletionType::List)
        .color_mode(rustyline::ColorMode::Forced)
        .build();
    let history = MemHistory::with_config(&config);
    let mut editor = Editor::with_history(config, history).map_err(io::Error::other)?;
    editor.set_helper(Some(Watcher(Arc::clone(&desk))));
    let printer = editor.create_external_printer().map_err(io::Error::other)?;
    let (page, writer) = Page::start(Box::new(printer), Arc::clone(&desk))?;
    let edited = LineEditor { desk, page, saved };
    edited.saved.keep_every_key()?;
    let (typed, lines) = sync_channel(LINES_MAX);
    let of_thread = Arc::clone(&edited.desk);
    thread::Builder::new()
        .name("editor".into())
        .spawn(move || edit(&mut editor, &of_thread, typed))?;
    let typed = Typed {
        lines,
        rest: io::Cursor::default(),
    };
    let input = Input::new(typed, true, plan.crlf, plan.slow)?;
    let shown = VisibleWriter::new(Filter::new(), writer);
    let output = Output::new(shown, plan.slow, WhenGone::Close)?;
    let terminal = Terminal {
        input: Some(input),
        output,
    };
    edited.restore_when_told_to_end();
    Ok((terminal, edited))
}

impl LineEditor {
    /// Signals that would end us at once: the terminal first.
    fn restore_when_told_to_end(&self) {
        for kind in [SignalKind::hangup(), SignalKind::quit()] {
            if signal_ignored(kind.as_raw_value()) {
                continue;
            }
            let Ok(mut coming) = signal(kind) else {
                continue;
            };
            let (desk, saved) = (Arc::clone(&self.desk), Arc::clone(&self.saved));
            tokio::spawn(async move {
                coming.recv().await;
                desk.end();
                saved.restore();
                std::process::exit(128 + kind.as_raw_value());
            });
        }
    }
}

impl Drop for LineEditor {
    fn drop(&mut self) {
        self.page.finish();
        self.desk.end();
        self.saved.restore();
    }
}

/// The terminal as it was found.
struct Saved {
    settings: Termios,
    stdin: File,
    stdout: Mutex<File>,
}

impl Saved {
    /// What is typed between two lines waits for the next one as it is: with line mode, ^D would end
    /// a line of the kernel's and be gone (termios(3), VEOF), and with echo it would be shown twice.
    fn keep_every_key(&self) -> io::Result<()> {
        let mut settings = self.settings.clone();
        let of_lines = LocalModes::ICANON | LocalModes::ECHO;
        settings.local_modes.remove(of_lines);
        settings.special_codes[SpecialCodeIndex::VMIN] = 1;
        settings.special_codes[SpecialCodeIndex::VTIME] = 0;
        Ok(tcsetattr(&self.stdin, OptionalActions::Now, &settings)?)
    }

    fn restore(&self) {
        // A terminal that is gone needs nothing.
        let _ = tcsetattr(&self.stdin, OptionalActions::Now, &self.settings);
        let _ = lock(&self.stdout).write_all(CLEAR_ROW);
    }
}

/// Where the editor is with its line.
#[derive(Debug, Default)]
struct Desk {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    stage: Stage,
    /// How often the line was drawn.
    drawn: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    /// The terminal keeps what is typed.
    #[default]
    Resting,
    /// It is being put into raw mode.
    Starting,
    Editing,
    /// No line is begun any more.
    Ended,
}

impl Desk {
    /// Before a line is begun; false if none may be.
    fn start(&self) -> bool {
        let mut state = lock(&self.state);
        if state.stage == Stage::Ended {
            return false;
        }
        state.stage = Stage::Starting;
        true
    }

    fn rest(&self) {
        let mut state = lock(&self.state);
        if state.stage != Stage::Ended {
            state.stage = Stage::Resting;
        }
        self.changed.notify_all();
    }

    /// The line was drawn, with everything above it.
    fn drawn(&self) {
        let mut state = lock(&self.state);
        state.drawn += 1;
        if state.stage == Stage::Starting {
            state.stage = Stage::Editing;
        }
        self.changed.notify_all();
    }

    /// No line is begun from here on, so that what is restored stays restored.
    fn end(&self) {
        let starting = |state: &mut State| state.stage == Stage::Starting;
        let waited = self
            .changed
            .wait_timeout_while(lock(&self.state), SHOWN_WITHIN, starting);
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        state.stage = Stage::Ended;
        self.changed.notify_all();
    }

    fn times_drawn(&self) -> u64 {
        lock(&self.state).drawn
    }

    /// Waits until the line was drawn again, unless nobody is editing.
    fn wait_until_drawn(&self, before: u64) {
        let undrawn = |state: &mut State| {
            state.drawn == before && matches!(state.stage, Stage::Starting | Stage::Editing)
        };
        let waited = self
            .changed
            .wait_timeout_while(lock(&self.state), SHOWN_WITHIN, undrawn);
        drop(waited);
    }
}

/// Hears of every drawing; changes nothing.
struct Watcher(Arc<Desk>);

impl Highlighter for Watcher {
    fn highlight_prompt<'b, 's: 'b, 'p: 'b>(
        &'s self,
        prompt: &'p str,
        _default: bool,
    ) -> Cow<'b, str> {
        self.0.drawn();
        Cow::Borrowed(prompt)
    }
}

impl Helper for Watcher {}
impl Validator for Watcher {}
impl Hinter for Watcher {
    type Hint = String;
}
impl Completer for Watcher {
    type Candidate = String;

    /// There is nothing to complete: a tab is a tab, or what is pasted would lose its own.
    fn complete(
        &self,
        _line: &str,
        position: usize,
        _context: &rustyline::Context<'_>,
    ) -> rustyline::Result<(usize, Vec<String>)> {
        Ok((position, vec!["\t".to_owned()]))
    }
}

/// Reads line after line; also when our input has ended, so that there is a place to print above.
fn edit(editor: &mut Editor<Watcher, MemHistory>, desk: &Desk, typed: SyncSender<String>) {
    let mut typed = Some(typed);
    let mut failures = 0;
    while failures < FAILURES_MAX && desk.start() {
        let line = editor.readline("");
        desk.rest();
        failures = if line.is_ok() { 0 } else { failures };
        match line {
            Ok(line) => {
                if let Some(lines) = &typed {
                    // Nobody takes it when the connection is over.
                    let _ = lines.send(line + "\n");
                }
            }
            Err(ReadlineError::Interrupted) => {
                // As the terminal itself would do it.
                let _ = kill_process(getpid(), Signal::INT);
            }
            Err(ReadlineError::Eof) => {
                typed = None;
                if hung_up() {
                    return;
                }
            }
            Err(_) if hung_up() => return,
            Err(_) => failures += 1,
        }
    }
}

fn hung_up() -> bool {
    let stdin = rustix::stdio::stdin();
    let mut polled = [PollFd::new(&stdin, PollFlags::IN)];
    let at_once = Timespec::default();
    let gone = PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL;
    match poll(&mut polled, Some(&at_once)) {
        Ok(_) => polled.iter().any(|fd| fd.revents().intersects(gone)),
        Err(_) => false,
    }
}

/// What is typed, for whoever sends it.
struct Typed {
    lines: Receiver<String>,
    rest: io::Cursor<Vec<u8>>,
}

impl Read for Typed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let count = self.rest.read(buffer)?;
            if count > 0 {
                return Ok(count);
            }
            match self.lines.recv() {
                Ok(line) => self.rest = io::Cursor::new(line.into_bytes()),
                Err(_) => return Ok(0),
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
