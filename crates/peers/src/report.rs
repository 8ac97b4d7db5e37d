//! The report: `docs/comparison.md`, a section per group. A run of one group replaces its section
//! and the ones about the machine; the others stay.

use std::fmt::{self, Write};
use std::time::Duration;

use crate::contender::{Program, Recipe};
use crate::group::Group;
use crate::harness::Harness;
use crate::machine;
use crate::pairs::{Calls, Form, Measure, Slice, Spread};
use crate::row::{Row, Unit};

const INTRODUCTION: &str = "\
# Comparison

The same work, done by `ft` and by the program beside it, in slices that alternate (A B B A) within one
run. A ratio is `ft` divided by the other, pair by pair: the median, and in parentheses the middle half
of the pairs. Only ratios mean something on another machine. CPU time is what the scheduler has counted in
nanoseconds for a contender with all its children (for children that have ended, in ticks of 10 ms); memory
is that of its processes in user space (PSS). What is checked of what arrives, each section says.

Pairs are left out when more than 1 % of the machine's time went to other machines meanwhile. When twice as
many have been left out as are wanted, the next ones are kept all the same, and are told as disturbed.

Under *cores busy* stands the time on a core of the server and of the client by the clock. *Client-bound* is a side
whose client was busy on 0.97 of the cores that it can fill while its server was not on those that are
left: the server could have done more, so a ratio of throughputs is nearer to 1 than that of the servers. CPU
time per unit of work is the server's all the same.

`cargo run --release -p peers -- all` writes this file; `crates/peers` has the harness, every command
line and every configuration. `scripts/cubic` runs a command on a loopback of its own with cubic,
whatever the machine has.
";

/// The title of the section about the machine.
const MACHINE: &str = "The machine";

/// The document with the rows of some groups put in, and everything else as it was.
pub fn document(before: &str, harness: &Harness, groups: &[(Group, Vec<Row>)]) -> String {
    let mut sections = sections(before);
    put(&mut sections, MACHINE, about_the_machine(harness));
    for (group, rows) in groups {
        put(&mut sections, group.title(), section(harness, *group, rows));
    }
    let mut text = INTRODUCTION.to_owned();
    let order = std::iter::once(MACHINE).chain(Group::ALL.iter().map(|group| group.title()));
    for title in order {
        if let Some((_, body)) = sections.iter().find(|(known, _)| known == title) {
            text.push_str(&format!("\n## {title}\n\n{}\n", body.trim()));
        }
    }
    text
}

/// The sections of a document: title and text.
fn sections(document: &str) -> Vec<(String, String)> {
    let pieces = document.split("\n## ").skip(1);
    let section = |piece: &str| {
        let (title, body) = piece.split_once('\n')?;
        Some((title.trim().to_owned(), body.to_owned()))
    };
    pieces.filter_map(section).collect()
}

fn put(sections: &mut Vec<(String, String)>, title: &str, body: String) {
    sections.retain(|(known, _)| known != title);
    sections.push((title.to_owned(), body));
}

fn about_the_machine(harness: &Harness) -> String {
    let mut text = "| | |\n|---|---|\n".to_owned();
    for (name, value) in machine::settings() {
        text.push_str(&format!("| {name} | {value} |\n"));
    }
    let programs = std::iter::once(Program::Ft).chain(Program::OTHERS);
    for program in programs {
        let version = match harness.find(program) {
            Ok(file) => program.version(&file),
            Err(trouble) => trouble.to_string(),
        };
        text.push_str(&format!("| {} | {version} |\n", program.name()));
    }
    text
}

fn section(harness: &Harness, group: Group, rows: &[Row]) -> String {
    let mut text = format!("{}\n\n", group.note());
    // Writing to a string does not fail.
    let _ = write_section(&mut text, &harness.form, rows);
    text
}

fn write_section(text: &mut String, form: &Form, rows: &[Row]) -> fmt::Result {
    let name = if form.is_quick {
        "short form"
    } else {
        "full form"
    };
    let seconds = form.slice.as_secs_f64();
    writeln!(
        text,
        "Measured in the {name}: {} pairs of slices of {seconds} s.\n",
        form.pairs
    )?;
    writeln!(
        text,
        "| work | beside | compared | ft ÷ other | target | reached | pairs (left out) |"
    )?;
    writeln!(text, "|---|---|---|---:|---:|---|---:|")?;
    for row in rows {
        write_verdict(text, row)?;
    }
    writeln!(
        text,
        "\n| work | who | throughput | server CPU | client CPU | cores busy | memory |"
    )?;
    writeln!(text, "|---|---|---:|---:|---:|---:|---:|")?;
    let measured = rows.iter().filter(|row| !row.is_another_look);
    for row in measured.clone() {
        let Ok(pairs) = &row.pairs else { continue };
        let names = [row.work.ft.name, row.other.name];
        for (name, slices) in names.into_iter().zip(pairs.sides()) {
            write_figures(text, row, name, &slices)?;
        }
    }
    write_calls(text, rows)?;
    writeln!(text, "\nHow each was started:\n")?;
    let mut told: Vec<String> = Vec::new();
    let recipes = |row: &'_ Row| {
        let sides = [row.work.ft, row.other].into_iter();
        sides.chain(row.work.also.clone()).collect::<Vec<Recipe>>()
    };
    for line in measured.flat_map(recipes).filter_map(|one| one.line()) {
        if !told.contains(&line) {
            writeln!(text, "- `{line}`")?;
            told.push(line);
        }
    }
    Ok(())
}

/// What is behind the verdict, and the busy cores, where the client is the limit.
const CLIENT_BOUND: &str = ", client-bound";

fn write_verdict(text: &mut String, row: &Row) -> fmt::Result {
    let ratio = cell(&row.shown());
    let pairs = row.pairs.as_ref().map_or_else(
        |_| "–".to_owned(),
        |pairs| {
            let disturbed = match pairs.disturbed {
                0 => String::new(),
                count => format!(", {count} of them disturbed"),
            };
            format!("{} ({}){disturbed}", pairs.kept.len(), pairs.left_out)
        },
    );
    let target = row
        .target
        .map_or("–".to_owned(), |target| target.to_string());
    let bound = if row.client_bound().contains(&true) {
        CLIENT_BOUND
    } else {
        ""
    };
    writeln!(
        text,
        "| {} | {} | {} | {ratio} | {target} | {}{bound} | {pairs} |",
        row.work.name,
        row.other.name,
        row.work.measure.name(),
        row.verdict()
    )
}

/// Less often than this for one unit, a call is not worth a word.
const CALLS_MIN: f64 = 0.005;

/// How many kinds of calls are named at most.
const CALLS_NAMED: usize = 12;

/// The calls of each for one unit of each work, where they were counted.
fn write_calls(text: &mut String, rows: &[Row]) -> fmt::Result {
    let mut told: Vec<String> = Vec::new();
    for row in rows {
        let Ok(pairs) = &row.pairs else { continue };
        for (name, calls) in &pairs.calls {
            let beginning = format!("| {} | {name} |", row.work.name);
            // ft does the same work beside each of the others.
            let is_new = !told.iter().any(|line| line.starts_with(&beginning));
            if is_new {
                let line = calls_line(row.work.unit, calls);
                told.push(format!("{beginning} {line} |"));
            }
        }
    }
    if told.is_empty() {
        return Ok(());
    }
    writeln!(
        text,
        "\nThe system calls of each, counted by strace in a slice of its own, which that slows down:\n"
    )?;
    writeln!(text, "| work | who | calls | which |\n|---|---|---:|---|")?;
    told.iter().try_for_each(|line| writeln!(text, "{line}"))
}

/// How many there are for one unit, and which.
fn calls_line(unit: Unit, calls: &Calls) -> String {
    let calls = match calls {
        Calls::Unknown(trouble) => return format!("– | {}", cell(trouble)),
        Calls::PerUnit(calls) => calls,
    };
    let (of, times) = match unit {
        Unit::Byte => ("MiB", f64::from(1 << 20)),
        Unit::Delivery => ("1,000 deliveries", 1000.0),
        unit => (unit.name(), 1.0),
    };
    let all: f64 = calls.iter().map(|(_, count)| count * times).sum();
    let counts = calls.iter().map(|(name, count)| (name, count * times));
    let frequent = counts.filter(|(_, count)| *count >= CALLS_MIN);
    let mut named: Vec<String> = frequent
        .map(|(name, count)| format!("{name} {count:.2}"))
        .collect();
    if named.len() > CALLS_NAMED {
        named.truncate(CALLS_NAMED);
        named.push("…".to_owned());
    }
    format!("{all:.2} per {of} | {}", named.join(", "))
}

/// Somebody else's words as a cell of a table.
fn cell(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ").replace('|', "\\|")
}

/// The medians of one side; what was not measured is a dash.
fn write_figures(text: &mut String, row: &Row, name: &str, slices: &[Slice]) -> fmt::Result {
    let unit = row.work.unit;
    let median = |value: &dyn Fn(&Slice) -> f64| {
        let median = Spread::of(slices.iter().map(value)).map_or(0.0, |spread| spread.median);
        (median.is_finite() && median > 0.0).then_some(median)
    };
    let shown = |value: Option<f64>, show: &dyn Fn(f64) -> String| {
        value.map_or_else(|| "–".to_owned(), show)
    };
    let time = |seconds: f64| unit.time(seconds);
    let rate = shown(median(&|slice| Measure::Rate.of(slice)), &|rate| {
        unit.per_second(rate)
    });
    let server = shown(median(&|slice| Measure::ServerCpu.of(slice)), &time);
    let client = shown(
        median(&|slice| slice.client.as_secs_f64() / slice.units),
        &time,
    );
    let memory = shown(median(&|slice| slice.memory), &|bytes| {
        if row.work.measure == Measure::Memory {
            let each = bytes / 1024.0 / slices[0].units;
            format!("{each:.2} KiB per {}", unit.name())
        } else {
            format!("{:.1} MiB", bytes / f64::from(1 << 20))
        }
    });
    let busy = |time: fn(&Slice) -> Duration| {
        let share = median(&|slice| time(slice).as_secs_f64() / slice.elapsed.as_secs_f64());
        shown(share, &|share| format!("{share:.2}"))
    };
    let mut busy = [busy(|slice| slice.server), busy(|slice| slice.client)].join(" + ");
    if row.work.is_client_bound(slices) {
        busy.push_str(CLIENT_BOUND);
    }
    let work = &row.work.name;
    writeln!(
        text,
        "| {work} | {name} | {rate} | {server} | {client} | {busy} | {memory} |"
    )
}
