//! What is wrong with a plan file: where, what stands there, and what may stand there.

use std::fmt;

/// The text is no YAML, or YAML that plan files do not use.
pub(crate) const INVALID_YAML: &str = "INVALID_YAML";
/// The format has no field of this name.
pub(crate) const UNKNOWN_FIELD: &str = "UNKNOWN_FIELD";
/// The text has not the form that the field needs.
pub(crate) const INVALID_FORM: &str = "INVALID_FORM";

/// A place in a file. Both count from 1; columns count letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Mark {
    pub(crate) line: usize,
    pub(crate) column: usize,
}

impl Mark {
    pub(crate) const START: Self = Self { line: 1, column: 1 };
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) mark: Mark,
    /// As the file names it, such as `stages[2].set.dreams`; empty for the file as a whole.
    pub(crate) field: String,
    /// What stands there.
    pub(crate) value: String,
    /// What may stand there.
    pub(crate) allowed: String,
    /// A word of docs/errors.md, or one of the three that only files know.
    pub(crate) reason: &'static str,
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { field, value, allowed, .. } = self;
        match (field.is_empty(), value.is_empty()) {
            (false, false) => write!(formatter, "{field}: {value:?}: {allowed}"),
            (false, true) => write!(formatter, "{field}: {allowed}"),
            (true, false) => write!(formatter, "{value:?}: {allowed}"),
            (true, true) => formatter.write_str(allowed),
        }
    }
}
