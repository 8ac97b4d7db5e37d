//! Names of members.

use std::sync::Arc;

/// A name that can be shown anywhere.
pub(super) type Name = Arc<str>;

/// The longest name, in characters.
const NAME_MAX: usize = 24;
const CONSOLE: &str = "console";

/// Reads a name: letters and digits of any script, and `_`, `-`, `.` between them.
pub(super) fn read(text: &str) -> Result<Name, String> {
    let text = text.trim();
    let inner = |character: char| character.is_alphanumeric() || "_-.".contains(character);
    let mut characters = text.chars();
    let starts_well = characters.next().is_some_and(char::is_alphanumeric);
    if !starts_well || !characters.all(inner) || text.chars().count() > NAME_MAX {
        return Err(format!(
            "a name has 1 to {NAME_MAX} letters and digits, and _ - . between them"
        ));
    }
    if ["you", CONSOLE].contains(&text.to_lowercase().as_str()) {
        return Err(format!("{text} could be taken for another"));
    }
    Ok(text.into())
}

/// The name that only the console has.
pub(super) fn console() -> Name {
    CONSOLE.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_short_and_have_nothing_that_could_mislead() {
        for good in [
            "anna",
            " Jörg ",
            "x",
            "名前",
            "a_b-c.9",
            "123456789012345678901234",
        ] {
            assert_eq!(read(good).as_deref(), Ok(good.trim()));
        }
        for bad in [
            "",
            " ",
            "a b",
            "/who",
            "-- x",
            "a\\x1b[2J",
            "a:",
            "-a",
            "1234567890123456789012345",
            "\u{301}a",
            "a\u{200b}b",
            "a\u{202e}b",
            "a\tb",
            "😀",
            "You",
            "CONSOLE",
        ] {
            assert!(read(bad).is_err(), "{bad:?}");
        }
    }
}
