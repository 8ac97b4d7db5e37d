//! What stands above the line that is being typed.

use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use rustyline::ExternalPrinter;
use rustyline::error::ReadlineError;

use super::{Desk, lock};

/// The start of a line is shown when its end has not come for so long.
const PARTIAL_WAIT: Duration = Duration::from_millis(100);
/// It is shown at once when it is longer than this.
const PARTIAL_MAX: usize = 64 * 1024;

type Printer = Box<dyn ExternalPrinter + Send>;

/// What stands above the line. Whole lines are printed as they come; the start of one, when no
/// more comes.
pub(super) struct Page {
    sheet: Mutex<Sheet>,
    grown: Condvar,
    desk: Arc<Desk>,
}

struct Sheet {
    printer: Printer,
    partial: String,
    /// Everything that ever came.
    length: u64,
}

impl Page {
    pub(super) fn start(printer: Printer, desk: Arc<Desk>) -> io::Result<(Arc<Self>, PageWriter)> {
        let sheet = Sheet {
            printer,
            partial: String::new(),
            length: 0,
        };
        let page = Arc::new(Self {
            sheet: Mutex::new(sheet),
            grown: Condvar::new(),
            desk,
        });
        let of_thread = Arc::clone(&page);
        thread::Builder::new()
            .name("page".into())
            .spawn(move || of_thread.show_partial_lines())?;
        Ok((Arc::clone(&page), PageWriter(page)))
    }

    fn show_partial_lines(&self) {
        let mut sheet = lock(&self.sheet);
        loop {
            let length = sheet.length;
            let empty = sheet.partial.is_empty();
            sheet = if empty {
                let waited = self.grown.wait(sheet);
                waited.unwrap_or_else(PoisonError::into_inner)
            } else {
                let waited = self.grown.wait_timeout(sheet, PARTIAL_WAIT);
                waited.unwrap_or_else(PoisonError::into_inner).0
            };
            if !empty && sheet.length == length {
                let partial = std::mem::take(&mut sheet.partial);
                // What cannot be written now, the next write finds out.
                let _ = self.print(&mut sheet.printer, partial + "\n");
            }
        }
    }

    fn print(&self, printer: &mut Printer, text: String) -> io::Result<()> {
        let before = self.desk.times_drawn();
        printer.print(text).map_err(|error| match error {
            ReadlineError::Io(error) => error,
            error => io::Error::other(error),
        })?;
        self.desk.wait_until_drawn(before);
        Ok(())
    }

    /// Shows what is still held back, unless the terminal is stuck.
    pub(super) fn finish(&self) {
        if let Ok(mut sheet) = self.sheet.try_lock()
            && !sheet.partial.is_empty()
        {
            let partial = std::mem::take(&mut sheet.partial);
            let _ = self.print(&mut sheet.printer, partial + "\n");
        }
    }
}

pub(super) struct PageWriter(Arc<Page>);

impl Write for PageWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut sheet = lock(&self.0.sheet);
        sheet.partial.push_str(&String::from_utf8_lossy(bytes));
        sheet.length += bytes.len() as u64;
        let whole = match sheet.partial.rfind('\n') {
            Some(end) => end + 1,
            None if sheet.partial.len() > PARTIAL_MAX => sheet.partial.len(),
            None => 0,
        };
        if whole > 0 {
            let rest = sheet.partial.split_off(whole);
            let lines = std::mem::replace(&mut sheet.partial, rest);
            self.0.print(&mut sheet.printer, lines)?;
        }
        self.0.grown.notify_one();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
