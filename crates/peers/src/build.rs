//! The release build of `ft`: made by cargo, which also says where it is.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use peers::{Doing, Trouble};
use serde_json::Value;

/// Builds `ft` as it is released, and returns its place.
///
/// # Errors
///
/// It cannot be built.
pub(crate) fn ft(workspace: &Path) -> Result<PathBuf, Trouble> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo)
        .args([
            "build",
            "--release",
            "-p",
            "fivetuple-cli",
            "--message-format",
            "json",
        ])
        .current_dir(workspace)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .doing("start cargo")?;
    let text = String::from_utf8_lossy(&built.stdout);
    let executable = text.lines().rev().find_map(executable);
    match executable {
        Some(file) if built.status.success() => Ok(file),
        _ => Err(Trouble::wrong("cargo", "does not build ft")),
    }
}

/// The place of `ft`, if this message of cargo tells it.
fn executable(line: &str) -> Option<PathBuf> {
    let message: Value = serde_json::from_str(line).ok()?;
    let is_ft = message.get("target")?.get("name")? == "ft";
    let file = message.get("executable")?.as_str()?;
    is_ft.then(|| PathBuf::from(file))
}
