//! A folder without a page of its own: the list of what is in it.

use std::cmp::Reverse;
use std::fmt::Write;
use std::fs::Metadata;
use std::io;
use std::path::Path;

use jiff::Timestamp;
use rustix::fs::{Dir, OFlags};

use super::folder::Folder;
use super::page::Escaped;
use super::path::{SitePath, encode};
use crate::call::Visible;

/// Names that one list has at most; of more, some are left out, and it says so.
const NAMES_MAX: usize = 10_000;

struct Entry {
    name: Vec<u8>,
    metadata: Metadata,
}

/// The body of the page.
pub(super) fn listing(folder: &Folder, path: &SitePath) -> io::Result<String> {
    let (mut entries, whole) = entries(folder, path)?;
    entries.sort_by(|one, other| {
        let key = |entry: &Entry| Reverse(entry.metadata.is_dir());
        (key(one), &one.name).cmp(&(key(other), &other.name))
    });
    let mut out = String::from("<table>\n");
    if !path.is_root() {
        out.push_str("<tr><td><a href=\"../\">../</a></td></tr>\n");
    }
    for entry in &entries {
        row(entry, &mut out);
    }
    out.push_str("</table>\n");
    let last = match (entries.len(), whole) {
        (0, _) => "nothing is here",
        (_, true) => "times are UTC",
        (_, false) => "times are UTC; there is more here than one list holds",
    };
    // Writing to a String does not fail.
    let _ = writeln!(out, "<p>{last}</p>");
    Ok(out)
}

fn row(entry: &Entry, out: &mut String) {
    let is_folder = entry.metadata.is_dir();
    let slash = if is_folder { "/" } else { "" };
    // Writing to a String does not fail.
    let _ = match std::str::from_utf8(&entry.name) {
        Ok(name) => write!(
            out,
            "<tr><td><a href=\"{}{slash}\">{}{slash}</a></td>",
            encode(name),
            Escaped(name)
        ),
        // No request can name it.
        Err(_) => {
            let shown = Visible(&entry.name).to_string();
            write!(out, "<tr><td>{}{slash}</td>", Escaped(&shown))
        }
    };
    let size = match is_folder {
        true => "-".to_owned(),
        false => entry.metadata.len().to_string(),
    };
    let modified = entry.metadata.modified().ok();
    let modified = modified.and_then(|time| Timestamp::try_from(time).ok());
    let modified = modified.map(|time| time.strftime("%Y-%m-%d %H:%M").to_string());
    let modified = modified.unwrap_or_default();
    let _ = writeln!(out, "<td>{size}</td><td>{modified}</td></tr>");
}

/// What can be asked for in this folder, and whether that is all of it. A name whose link leads
/// out of the folder is left out, like all that is neither file nor folder.
fn entries(folder: &Folder, path: &SitePath) -> io::Result<(Vec<Entry>, bool)> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY;
    let opened = folder.open_beneath(Path::new(&path.relative()), flags)?;
    let mut entries = Vec::new();
    for entry in Dir::new(opened)? {
        let name = entry?.file_name().to_bytes().to_vec();
        if name.starts_with(b".") {
            continue;
        }
        if entries.len() == NAMES_MAX {
            return Ok((entries, false));
        }
        let below = Path::new(&path.relative()).join(as_path(&name));
        let metadata = folder.metadata_where_served(&below)?;
        if let Some(metadata) = metadata
            && (metadata.is_file() || metadata.is_dir())
        {
            entries.push(Entry { name, metadata });
        }
    }
    Ok((entries, true))
}

fn as_path(name: &[u8]) -> &Path {
    Path::new(<std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(name))
}
