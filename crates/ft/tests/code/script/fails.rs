//! What never comes to serve or to call anybody.

use std::process::Command;

use super::{Transcript, shown};
use crate::code::{mask, stage};
use crate::rig::{Folder, number, run};

/// It ends by itself; what it said and its status are all there is.
pub(crate) fn fails(mut command: Command) -> Transcript {
    let folder = Folder::new();
    stage::lay_out(&folder);
    command.current_dir(folder.as_path());
    let output = run(&mut command, b"one\ntwo\n");
    let said = String::from_utf8(output.stderr).expect("it is text");
    let lines = said.lines().filter_map(|line| mask::masked(line, false));
    let mut transcript: Transcript = lines.collect();
    transcript.push(format!("stdout: {}", shown(&output.stdout)));
    transcript.push(format!("status {}", number(output.status)));
    transcript
}
