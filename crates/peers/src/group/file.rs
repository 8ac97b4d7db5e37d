//! File: from a file on stdin of one process to another that writes to /dev/null; each tool on both
//! sides.

use std::fs;

use crate::contender::recipes;
use crate::drive::transfer::{Both, Sent};
use crate::harness::Harness;
use crate::pairs::{Measure, Pairs, Side, alternate};
use crate::row::{Row, Target, Unit, Work};
use crate::trouble::Trouble;

/// What its section says of its rows.
pub(super) const NOTE: &str = "\
Before it is measured each tool sends the file into a pipe, where every byte is compared. What is timed
goes to /dev/null, and only the end of both processes is looked at. The server is the receiver. They end
with the transfer, so their memory is not read.";

/// `ft` beside the four others.
pub(super) fn rows(harness: &Harness) -> Vec<Row> {
    let size = harness.form.file;
    let others: [(Both, f64); 4] = [
        (recipes::FILE_NC, 2.0),
        (recipes::FILE_NCAT, 2.5),
        (recipes::FILE_SOCAT, 2.5),
        (recipes::FILE_SOCAT_LARGE, 1.3),
    ];
    let name = format!("{} MiB file, stdin to /dev/null", size >> 20);
    let [receives, sends] = recipes::FILE_FT;
    let receivers = others.iter().map(|([receiver, _], _)| *receiver);
    let work = Work {
        client_threads: None,
        also: [receives].into_iter().chain(receivers).collect(),
        ..Work::new(name, (sends, Unit::Byte), Measure::Rate)
    };
    let path = harness.folder().join("file");
    let sent = Sent::make(&path, size);
    let mut rows = Vec::new();
    for (other, least) in others {
        let pairs = match &sent {
            Ok(sent) => contest(harness, sent, &other),
            Err(trouble) => Err(trouble.again()),
        };
        rows.push(harness.row(&work, (other[1], Some(Target::AtLeast(least))), pairs));
    }
    // The folder goes at the end of the run; the space is wanted before.
    let _ = fs::remove_file(&path);
    rows
}

/// Checks what both tools deliver, then has them do it in turns.
fn contest(harness: &Harness, sent: &Sent, other: &Both) -> Result<Pairs, Trouble> {
    let tools = [&recipes::FILE_FT, other];
    tools
        .iter()
        .try_for_each(|tool| sent.check(harness, tool))?;
    let [mut ft, mut other]: [Side<'_>; 2] =
        tools.map(|tool| Box::new(move |_| sent.once(harness, tool)) as _);
    let mut pairs = alternate(&harness.form, &mut ft, &mut other)?;
    pairs.calls = tools
        .into_iter()
        .flat_map(|tool| sent.calls(harness, tool))
        .collect();
    Ok(pairs)
}
