//! Topics as text: the only place that knows columns and widths.

use super::topic::{Example, Part, Topic};
use super::{GROUPS, events};

/// Below this many columns nothing is wrapped any more.
const WIDTH_MIN: usize = 40;
/// No label pushes its text further to the right than this.
const LABEL_MAX: usize = 22;

/// One topic as text, wrapped to `width` columns. Commands and fixed lines are never broken.
pub(crate) fn render(topic: &Topic, width: usize) -> String {
    let mut page = Page::new(width);
    page.row(0, "", &format!("{}: {}", topic.name, topic.summary));
    page.body(topic.body);
    if !topic.examples.is_empty() {
        page.blank();
        page.line("type");
        page.examples(topic.examples);
    }
    page.blank();
    if !topic.see_also.is_empty() {
        page.row(10, "see also", &topic.see_also.join(", "));
    }
    if !topic.manual.is_empty() {
        page.row(10, "manual", topic.manual);
    }
    page.text
}

/// All words in their groups: what `ft explain` prints when no word is given.
pub(crate) fn index(width: usize) -> String {
    let mut page = Page::new(width);
    page.line("ft explain WORD explains one of these:");
    for group in GROUPS {
        page.blank();
        page.line(group.title);
        let names: Vec<String> = group
            .topics()
            .map(|t| t.name.replace(' ', NO_BREAK))
            .collect();
        page.row(2, "", &names.join("  "));
    }
    page.text
}

/// A space that stays inside one word until the line is written.
const NO_BREAK: &str = "\u{a0}";

/// Lines that are being collected.
struct Page {
    text: String,
    width: usize,
}

impl Page {
    fn new(width: usize) -> Self {
        Self {
            text: String::new(),
            width: width.max(WIDTH_MIN),
        }
    }

    fn line(&mut self, line: &str) {
        self.text.push_str(line.trim_end());
        self.text.push('\n');
    }

    fn blank(&mut self) {
        self.text.push('\n');
    }

    /// A blank line stands between parts of different kinds and between paragraphs.
    fn body(&mut self, body: &[Part]) {
        let column = label_column(body);
        let mut before = None;
        for part in body {
            let kind = std::mem::discriminant(part);
            if before != Some(kind) || matches!(part, Part::Text(_)) {
                self.blank();
            }
            before = Some(kind);
            match part {
                Part::Text(text) => self.row(0, "", text),
                Part::Row(label, text) => self.row(column, &format!("  {label}"), text),
                Part::Fixed(line) => self.line(&format!("  {line}")),
                Part::Schema => self.schema(),
            }
        }
    }

    /// A label, then the text wrapped in the rest of the width.
    fn row(&mut self, column: usize, label: &str, text: &str) {
        let mut lead = label.to_owned();
        for line in wrap(text, self.width.saturating_sub(column)) {
            let gap = column.saturating_sub(columns(&lead));
            self.line(&format!("{lead}{}{line}", " ".repeat(gap)));
            lead.clear();
        }
    }

    /// Notes stand in a column if all of them fit there, otherwise above their commands.
    fn examples(&mut self, examples: &[Example]) {
        let widest = examples
            .iter()
            .map(|e| columns(e.command))
            .max()
            .unwrap_or(0);
        let beside = |e: &Example| 2 + widest + 4 + columns(e.shows) <= self.width;
        let in_column = examples.iter().all(beside);
        for Example { command, shows } in examples {
            if shows.is_empty() {
                self.line(&format!("  {command}"));
            } else if in_column {
                self.line(&format!("  {command:widest$}  # {shows}"));
            } else {
                self.row(4, "  #", shows);
                self.line(&format!("  {command}"));
            }
        }
    }

    /// The table of events: each with its own keys, then the meaning of every key.
    fn schema(&mut self) {
        self.row(
            0,
            "",
            &format!("Every line has {}.", events::COMMON.join(", ")),
        );
        self.blank();
        for event in super::schema() {
            let mut keys = event.required.join(" ");
            for key in event.optional {
                keys.push_str(&format!(" [{key}]"));
            }
            self.row(21, &format!("  {}", event.event), keys.trim_start());
        }
        self.blank();
        for key in events::KEYS {
            let meaning = format!("{}; {}", key.kind, key.meaning);
            self.row(24, &format!("  {}", key.key), &meaning);
        }
    }
}

/// Where the texts of all rows begin: after the longest label.
fn label_column(body: &[Part]) -> usize {
    let label = |part: &Part| match part {
        Part::Row(label, _) => columns(label),
        _ => 0,
    };
    body.iter().map(label).max().unwrap_or(0).min(LABEL_MAX) + 4
}

/// Words joined by one space (two where the text has two) into lines of at most `width` columns.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut gap = "";
    for word in text.split(' ') {
        if word.is_empty() {
            gap = "  ";
            continue;
        }
        if !line.is_empty() && columns(&line) + columns(gap) + columns(word) > width {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push_str(gap);
        }
        line.push_str(&word.replace(NO_BREAK, " "));
        gap = " ";
    }
    lines.push(line);
    lines
}

fn columns(text: &str) -> usize {
    text.chars().count()
}
