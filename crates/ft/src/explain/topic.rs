//! What one explanation is made of: plain data, no behaviour.
//!
//! The tables in the files beside this one are written with these types; [`super::render()`] makes
//! text of them.

/// One word that `ft explain` knows.
pub(crate) struct Topic {
    /// The word as it is shown.
    pub(crate) name: &'static str,
    /// Other words for it, among them the text that the C library prints for an errno.
    pub(crate) aliases: &'static [&'static str],
    /// One line that stands beside the name.
    pub(crate) summary: &'static str,
    /// The explanation.
    pub(crate) body: &'static [Part],
    /// Commands to type.
    pub(crate) examples: &'static [Example],
    /// Names of other topics, spelled as they are shown.
    pub(crate) see_also: &'static [&'static str],
    /// Where the rule stands: manual pages and RFC sections.
    pub(crate) manual: &'static str,
}

/// A piece of an explanation.
pub(crate) enum Part {
    /// A paragraph, wrapped to the width.
    Text(&'static str),
    /// A label in a column of its own, and what is said about it.
    Row(&'static str, &'static str),
    /// A line that is printed as it is: C prototypes, output, a line of JSON.
    Fixed(&'static str),
    /// The table of events, made from the schema.
    Schema,
}

/// A command to type and what it shows.
pub(crate) struct Example {
    /// The command line.
    pub(crate) command: &'static str,
    /// What to look for; may be empty.
    pub(crate) shows: &'static str,
}

/// An [`Example`] on one line of a table.
pub(crate) const fn example(command: &'static str, shows: &'static str) -> Example {
    Example { command, shows }
}

/// Topics that belong together, under one heading of the index.
pub(crate) struct Group {
    /// The heading.
    pub(crate) title: &'static str,
    /// The tables of topics, in the order in which they are shown.
    pub(crate) tables: &'static [&'static [Topic]],
}

impl Group {
    /// Every topic of the group.
    pub(crate) fn topics(&self) -> impl Iterator<Item = &'static Topic> {
        self.tables.iter().copied().flatten()
    }
}
