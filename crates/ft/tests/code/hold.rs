//! Holds a language to what `ft` does: cell by cell, several at a time.

use std::any::Any;
use std::fmt::Write as _;
use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::cell::{Cell, Script};
use super::source::Source;
use super::stage::Transcript;
use super::tongue::Tongue;
use crate::rig::ft;

/// Cells that are worked on at the same time.
const AT_A_TIME: usize = 3;

const STYLES: [&str; 3] = ["minimal", "commented", "production"];

/// Each of these cells in this language equals `ft`, in the style whose turn it is or in all of them.
pub(crate) fn hold(tongue: &'static Tongue, cells: &[Cell]) {
    if !(tongue.is_here)() {
        return;
    }
    let whose = format!("{} --model {}", tongue.language, tongue.model);
    let turn = turn();
    each(&whose, cells, |at, cell| {
        if takes_all() {
            for style in STYLES {
                check(tongue, style, cell);
            }
        } else {
            check(tongue, STYLES[(at + turn) % STYLES.len()], cell);
        }
    });
}

/// The reference, against itself.
pub(crate) fn hold_itself(cells: &[Cell]) {
    each("ft", cells, |_, cell| {
        for (number, script) in cell.scripts.iter().enumerate() {
            let once = || of_both(script, || reference(cell), "ft itself");
            compare("ft", number, &once(), &once());
        }
    });
}

/// Does this to all cells, several at a time, and tells of all that fail.
fn each(whose: &str, cells: &[Cell], check: impl Fn(usize, &Cell) + Sync) {
    let next = AtomicUsize::new(0);
    let failures = Mutex::new(Vec::new());
    let work = || {
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(cell) = cells.get(at) else { break };
            let held = catch_unwind(AssertUnwindSafe(|| check(at, cell)));
            if let Err(panic) = held {
                let failure = format!("{}: {}", cell.name, words(&*panic));
                failures
                    .lock()
                    .expect("pushing does not panic")
                    .push(failure);
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..AT_A_TIME {
            scope.spawn(work);
        }
    });
    let failures = failures.into_inner().expect("pushing does not panic");
    assert!(
        failures.is_empty(),
        "{whose}: {} of {} cells:\n{}",
        failures.len(),
        cells.len(),
        failures.join("\n\n")
    );
}

fn words(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("a panic without words")
}

/// One cell.
fn check(tongue: &'static Tongue, style: &str, cell: &Cell) {
    let source = match Source::of(tongue, &["--style", style], cell.stem, &cell.words) {
        Ok(source) => source,
        Err(sentence) => {
            let is_known = tongue.lacks.contains(&&*cell.name);
            assert!(is_known, "it is refused: {sentence}");
            assert!(sentence.starts_with("ft code: "), "{sentence}");
            return;
        }
    };
    let is_lacked = tongue.lacks.contains(&&*cell.name);
    assert!(
        !is_lacked,
        "it is there: take it off the list of what is lacked"
    );
    let program = source.build(tongue);
    for (number, script) in cell.scripts.iter().enumerate() {
        if tongue.differs.contains(&(&*cell.name, number)) {
            continue;
        }
        let expected = of_both(script, || reference(cell), "ft itself");
        let whose = format!("the {style} program");
        let got = of_both(script, || program.command(), &whose);
        compare(&whose, number, &expected, &got);
    }
}

/// What `ft` does with the command of this cell.
fn reference(cell: &Cell) -> Command {
    let mut command = ft();
    command.args(&cell.words);
    command
}

fn of_both(script: &Script, command: impl Fn() -> Command, whose: &str) -> Transcript {
    let ran = catch_unwind(AssertUnwindSafe(|| script(command())));
    ran.unwrap_or_else(|panic| panic!("{whose}: {}", words(&*panic)))
}

fn compare(whose: &str, script: usize, expected: &Transcript, got: &Transcript) {
    if expected == got {
        return;
    }
    let mut text = format!("script {script}: (-) only ft, (+) only {whose}\n");
    let same = expected.iter().zip(got).take_while(|(a, b)| a == b).count();
    let both = |side: &Transcript, sign: char, text: &mut String| {
        for line in side.iter().skip(same).take(12) {
            let _ = writeln!(text, "{sign} {line}");
        }
    };
    for line in expected.iter().take(same).skip(same.saturating_sub(3)) {
        let _ = writeln!(text, "  {line}");
    }
    both(expected, '-', &mut text);
    both(got, '+', &mut text);
    panic!("{text}");
}

/// Which of the longer parts this run takes: all of them with FT_TEST_ALL, else one in so many.
pub(crate) fn sampled(what: &str, cells: Vec<Cell>, one_in: usize) -> Vec<Cell> {
    if takes_all() {
        return cells;
    }
    let turn = turn();
    let names = |cells: &[Cell]| -> String {
        let names: Vec<&str> = cells.iter().map(|cell| &*cell.name).collect();
        names.join(", ")
    };
    // Another part for another language in the same run.
    let offset: usize = what.bytes().map(usize::from).sum();
    let taken = cells.into_iter().enumerate();
    let taken: Vec<Cell> = taken
        .filter(|(at, _)| (at + offset + turn).is_multiple_of(one_in))
        .map(|(_, cell)| cell)
        .collect();
    let _ = writeln!(
        std::io::stderr(),
        "{what}: of these, this run takes {}; FT_TEST_TURN={turn} repeats it, FT_TEST_ALL=1 takes all",
        names(&taken)
    );
    taken
}

fn takes_all() -> bool {
    std::env::var_os("FT_TEST_ALL").is_some()
}

/// The number that chooses.
fn turn() -> usize {
    let given = std::env::var("FT_TEST_TURN").ok();
    let given = given.map(|turn| turn.parse().expect("FT_TEST_TURN is a number"));
    given.unwrap_or_else(|| {
        let now = std::time::UNIX_EPOCH.elapsed().expect("it is after 1970");
        (now.as_secs() / 60 % 1000) as usize
    })
}
