//! Numbers below nothing. To clap `-1` looks like an option, and `-4` is one, so they are found
//! before the options are read.

use std::ffi::OsString;

use clap::Command;

use super::failure::said;
use super::values::not_negative;
use super::verb::takes_value;

/// Says so if a value is negative.
pub(super) fn refused(argv: &[OsString], command: &Command) -> Result<(), String> {
    let mut before = "";
    for word in argv.iter().map_while(|word| word.to_str()) {
        if word == "--" {
            break;
        }
        refuse(before, word, command)?;
        before = word;
    }
    Ok(())
}

fn refuse(before: &str, word: &str, command: &Command) -> Result<(), String> {
    let Err(why) = not_negative(word) else {
        return Ok(());
    };
    let word = said(word);
    if before.starts_with('-') {
        // A file may have such a name, and --retry has a sentence of its own.
        let other = ["--events", "--dump", "--retry"].contains(&before);
        return if takes_value(before.as_ref(), command) && !other {
            Err(format!("{before} {word}: {why}"))
        } else {
            Ok(())
        };
    }
    if before == "source" {
        return Err(format!("source {word}: {why}"));
    }
    // The families are options of their own.
    if word.0.iter().all(|byte| b"-46".contains(byte)) {
        return Ok(());
    }
    Err(format!("'{word}' is negative: ports go from 0 to 65535"))
}
