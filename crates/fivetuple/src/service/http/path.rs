//! The path of a request as names below the folder.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// What stays as it is in a path: letters, digits, `-`, `.`, `_`, `~`.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Names that were looked at one by one: none is empty, hidden, `.` or `..`, none has a NUL.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct SitePath {
    names: Vec<String>,
    /// It ends with a slash, so it names a folder.
    pub(super) slash: bool,
}

impl SitePath {
    /// The path of a request; `None` where nothing of ours can be.
    pub(super) fn parse(path: &str) -> Option<Self> {
        let decoded = percent_decode_str(path).decode_utf8().ok()?;
        let below = decoded.strip_prefix('/')?;
        let (below, slash) = match below.strip_suffix('/') {
            Some(below) => (below, true),
            None => (below, below.is_empty()),
        };
        let mut names = Vec::new();
        if !below.is_empty() {
            for name in below.split('/') {
                if name.is_empty() || name.starts_with('.') || name.contains('\0') {
                    return None;
                }
                names.push(name.to_owned());
            }
        } else if decoded.len() > 1 {
            return None;
        }
        Some(Self { names, slash })
    }

    pub(super) fn is_root(&self) -> bool {
        self.names.is_empty()
    }

    /// Below the folder; `.` is the folder itself.
    pub(super) fn relative(&self) -> String {
        match self.names.is_empty() {
            true => ".".to_owned(),
            false => self.names.join("/"),
        }
    }

    /// As it is written in a request, without a slash at the end.
    pub(super) fn encoded(&self) -> String {
        self.names
            .iter()
            .map(|name| format!("/{}", encode(name)))
            .collect()
    }

    /// For people, with a slash at both ends.
    pub(super) fn shown(&self) -> String {
        let names = self.names.iter().map(|name| format!("{name}/"));
        format!("/{}", names.collect::<String>())
    }
}

/// One name as it is written in a path.
pub(super) fn encode(name: &str) -> String {
    utf8_percent_encode(name, ENCODED).to_string()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_leads_elsewhere_or_is_hidden_is_no_path() {
        for path in [
            "/..",
            "/../etc/passwd",
            "/a/../b",
            "/a/./b",
            "/%2e%2e/etc/passwd",
            "/%2E%2e%2fetc%2fpasswd",
            "/a/%2e%2e/%2e%2e/b",
            "//etc/passwd",
            "/%2fetc/passwd",
            "//",
            "/a//b",
            "/a%00b",
            "/.git/config",
            "/a/.hidden",
            "/%ff",
            "*",
            "",
            "a",
        ] {
            assert_eq!(SitePath::parse(path), None, "{path}");
        }
    }

    #[test]
    fn what_is_left_are_names_and_perhaps_a_slash() {
        for (path, relative, slash) in [
            ("/", ".", true),
            ("/a", "a", false),
            ("/a/", "a", true),
            ("/a/b%20c/d%25", "a/b c/d%", false),
            ("/a..b/c.", "a..b/c.", false),
            ("/%C3%A9", "é", false),
            ("/a%2Fb", "a/b", false),
            ("/a\\..\\b", "a\\..\\b", false),
        ] {
            let parsed = SitePath::parse(path).expect(path);
            assert_eq!(
                (parsed.relative().as_str(), parsed.slash),
                (relative, slash)
            );
        }
    }

    proptest! {
        #[test]
        fn no_path_leads_out(path in "(/|\\.|%2e|%2f|%00|a|\\\\|%)*") {
            if let Some(parsed) = SitePath::parse(&path) {
                let is_name = |name: &String| {
                    !name.is_empty() && !name.starts_with('.') && !name.contains(['/', '\0'])
                };
                prop_assert!(parsed.names.iter().all(is_name));
            }
        }

        #[test]
        fn a_name_survives_its_encoding(name in "[^/.\0][^/\0]{0,20}") {
            let parsed = SitePath::parse(&format!("/{}", encode(&name)));
            prop_assert_eq!(parsed.map(|path| path.names), Some(vec![name]));
        }
    }
}
