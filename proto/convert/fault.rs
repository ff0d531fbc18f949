//! What can be wrong with the shape of a message, where it is, and the list of all of it.

use std::fmt;

use mycelia_flags_core::rejection::{Reason, Violation};

/// Faults that are collected from one message. A message of 4 MiB has room for two million empty changes, and an
/// answer about each of them would be a hundred times as large; nobody repairs more than this at once. The
/// faults beyond it are not reported, and the message is refused all the same.
pub const VIOLATIONS_MAX: usize = 1_000;

/// How much of an attribute's name is repeated in a path.
const KEY_CHARS_MAX: usize = 80;

/// The shape of a message is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// A field or oneof is not set. A kind that only a newer peer knows looks the same.
    #[error("{field} is not set or of a kind unknown here: expected {allowed}")]
    Missing {
        /// Where.
        field: String,
        /// What is expected there.
        allowed: &'static str,
    },
    /// The operator has a number that this version does not know.
    #[error("{field} is {number}, which is no known operator")]
    UnknownOperator {
        /// Where.
        field: String,
        /// What stands there.
        number: i32,
    },
    /// Another enum has a number that this version does not know.
    #[error("{field} is {number}: expected {allowed}")]
    UnknownNumber {
        /// Where.
        field: String,
        /// What stands there.
        number: i32,
        /// What is expected there.
        allowed: &'static str,
    },
    /// Values or conditions are nested too deeply.
    #[error("{field} is nested more than {levels_max} levels deep")]
    TooDeep {
        /// Where.
        field: String,
        /// How deep it may be.
        levels_max: usize,
    },
    /// There are too many of something.
    #[error("{field} has {count} items: expected at most {count_max}")]
    TooMany {
        /// Where.
        field: String,
        /// How many there are.
        count: usize,
        /// How many there may be.
        count_max: usize,
    },
    /// Something takes too many bytes.
    #[error("{field} has {bytes} bytes: expected at most {bytes_max}")]
    TooLarge {
        /// Where.
        field: String,
        /// How many bytes it takes.
        bytes: usize,
        /// How many it may take.
        bytes_max: usize,
    },
    /// A number is NaN or infinite.
    #[error("{field} is NaN or infinite: expected a finite number")]
    NotFinite {
        /// Where.
        field: String,
    },
    /// A timestamp is outside the range of microseconds, or its nanoseconds are no fraction of a second.
    #[error("{field} is no point in time: {seconds} s and {nanos} ns")]
    InvalidTime {
        /// Where.
        field: String,
        /// Its seconds.
        seconds: i64,
        /// Its nanoseconds.
        nanos: i32,
    },
    /// Two fields say two things of which only one can be.
    #[error("{field} is set beside {other}: expected only one of them")]
    Contradiction {
        /// Where.
        field: String,
        /// The other field, in the same message.
        other: &'static str,
    },
    /// A text is no condition on a metric.
    #[error("{field} is {found:?}: expected {allowed}")]
    InvalidCheck {
        /// Where.
        field: String,
        /// The part that is wrong.
        found: String,
        /// What is expected there.
        allowed: &'static str,
    },
    /// A list has a name that this version does not know.
    #[error("{field} is {list:?}: expected {LISTS}")]
    UnknownList {
        /// Where.
        field: String,
        /// What stands there.
        list: String,
    },
}

/// Says in words what [`WireError::UnknownList`] objects to, as the core's check does.
const LISTS: &str = "`canary`, `segment/KEY/included` or `segment/KEY/excluded`";

impl From<WireError> for Violation {
    fn from(error: WireError) -> Self {
        let (reason, field, value, allowed) = match error {
            WireError::Missing { field, allowed } => {
                (Reason::Required, field, String::new(), allowed.to_owned())
            }
            WireError::UnknownOperator { field, number } => {
                let allowed = "a known operator, 1 to 17".to_owned();
                (Reason::InvalidOperand, field, number.to_string(), allowed)
            }
            WireError::UnknownNumber { field, number, allowed } => {
                (Reason::OutOfRange, field, number.to_string(), allowed.to_owned())
            }
            WireError::TooDeep { field, levels_max } => {
                let allowed = format!("at most {levels_max} levels of nesting");
                (Reason::TooLarge, field, format!("more than {levels_max}"), allowed)
            }
            WireError::TooMany { field, count, count_max } => {
                (Reason::TooLarge, field, count.to_string(), format!("at most {count_max}"))
            }
            WireError::TooLarge { field, bytes, bytes_max } => {
                (Reason::TooLarge, field, bytes.to_string(), format!("at most {bytes_max} bytes"))
            }
            WireError::NotFinite { field } => {
                (Reason::OutOfRange, field, "NaN or infinite".to_owned(), "a finite number".to_owned())
            }
            WireError::InvalidTime { field, seconds, nanos } => {
                let allowed =
                    "a point in time in microseconds of 64 bits, with 0 to 999999999 nanoseconds".to_owned();
                (Reason::OutOfRange, field, format!("{seconds} s and {nanos} ns"), allowed)
            }
            WireError::Contradiction { field, other } => {
                (Reason::Duplicate, field, "set".to_owned(), format!("not set beside {other}"))
            }
            WireError::InvalidCheck { field, found, allowed } => {
                (Reason::InvalidOperand, field, found, allowed.to_owned())
            }
            WireError::UnknownList { field, list } => (Reason::InvalidName, field, list, LISTS.to_owned()),
        };
        Self { reason, field, value, allowed }
    }
}

/// Says that a fault was noted, and can only be had by noting one: whoever returns it has explained itself.
#[derive(Debug, Clone, Copy)]
pub(super) struct Noted(());

/// All faults of one message, in the order in which it was read.
#[derive(Debug, Default)]
pub(super) struct Faults(Vec<WireError>);

impl Faults {
    /// Notes a fault.
    pub(super) fn note(&mut self, error: WireError) -> Noted {
        if self.0.len() < VIOLATIONS_MAX {
            self.0.push(error);
        }
        Noted(())
    }

    /// Notes that something is not there.
    pub(super) fn missing(&mut self, path: &Path<'_>, allowed: &'static str) -> Noted {
        self.note(WireError::Missing { field: path.to_string(), allowed })
    }

    /// A name that was checked when it was created, and so is at least there.
    pub(super) fn name<'w>(&mut self, path: &Path<'_>, text: &'w str) -> Result<&'w str, Noted> {
        if text.is_empty() {
            return Err(self.missing(path, "a name"));
        }
        Ok(text)
    }

    /// Notes the fault of a single field.
    pub(super) fn or_note<T>(&mut self, converted: Result<T, WireError>) -> Result<T, Noted> {
        converted.map_err(|error| self.note(error))
    }

    /// Notes the fault of a single field, also that it is not set.
    pub(super) fn set<T>(
        &mut self,
        path: &Path<'_>,
        converted: Result<Option<T>, WireError>,
        allowed: &'static str,
    ) -> Result<T, Noted> {
        self.or_note(converted)?.ok_or_else(|| self.missing(path, allowed))
    }

    /// Notes that there are too many of something.
    pub(super) fn count(&mut self, path: &Path<'_>, count: usize, count_max: usize) -> Result<(), Noted> {
        if count <= count_max {
            return Ok(());
        }
        Err(self.note(WireError::TooMany { field: path.to_string(), count, count_max }))
    }

    /// Converts every item, and so notes the faults of all of them.
    pub(super) fn each<W, C>(
        &mut self,
        path: &Path<'_>,
        items: &[W],
        convert: fn(&Path<'_>, &W, &mut Self) -> Result<C, Noted>,
    ) -> Result<Vec<C>, Noted> {
        let converted: Vec<_> =
            items.iter().enumerate().map(|(index, item)| convert(&path.index(index), item, self)).collect();
        converted.into_iter().collect()
    }
}

/// Runs a conversion, and answers its result or everything that it noted.
fn faults_of<C>(
    field: &str,
    convert: impl FnOnce(&Path<'_>, &mut Faults) -> Result<C, Noted>,
) -> Result<C, Vec<WireError>> {
    let mut faults = Faults::default();
    match convert(&Path::root(field), &mut faults) {
        Ok(converted) if faults.0.is_empty() => Ok(converted),
        Ok(_) | Err(Noted(())) => Err(faults.0),
    }
}

/// As [`faults_of`], for what comes from a server: the first fault is enough to say that it cannot be read.
pub(super) fn first_fault_of<C>(
    convert: impl FnOnce(&Path<'_>, &mut Faults) -> Result<C, Noted>,
) -> Result<C, WireError> {
    faults_of("", convert).map_err(|faults| {
        let first = faults.into_iter().next();
        debug_assert!(first.is_some(), "nothing was noted");
        first.unwrap_or_else(|| WireError::Missing { field: String::new(), allowed: "a readable message" })
    })
}

/// As [`faults_of`], in the core's words.
pub(super) fn violations_of<C>(
    field: &str,
    convert: impl FnOnce(&Path<'_>, &mut Faults) -> Result<C, Noted>,
) -> Result<C, Vec<Violation>> {
    faults_of(field, convert).map_err(|faults| faults.into_iter().map(Violation::from).collect())
}

/// Where a conversion is. It lives on the stack and becomes text only when something is wrong, because the SDK
/// converts every flag that it receives.
#[derive(Debug, Clone, Copy)]
pub(super) struct Path<'p> {
    parent: Option<&'p Path<'p>>,
    step: Step<'p>,
}

#[derive(Debug, Clone, Copy)]
enum Step<'p> {
    Field(&'p str),
    Index(usize),
    Key(&'p str),
}

impl<'p> Path<'p> {
    /// Begins with what the caller calls the message; empty when the message is the whole request.
    pub(super) const fn root(field: &'p str) -> Self {
        Self { parent: None, step: Step::Field(field) }
    }

    /// A field of the message.
    pub(super) const fn field(&'p self, name: &'p str) -> Self {
        self.then(Step::Field(name))
    }

    /// An item of a list.
    pub(super) const fn index(&'p self, index: usize) -> Self {
        self.then(Step::Index(index))
    }

    /// A value of a map.
    pub(super) const fn key(&'p self, key: &'p str) -> Self {
        self.then(Step::Key(key))
    }

    const fn then(&'p self, step: Step<'p>) -> Self {
        Self { parent: Some(self), step }
    }

    fn is_empty(&self) -> bool {
        self.parent.is_none() && matches!(self.step, Step::Field(""))
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(parent) = self.parent {
            fmt::Display::fmt(parent, formatter)?;
        }
        match self.step {
            Step::Field(name) if self.parent.is_none_or(Path::is_empty) => formatter.write_str(name),
            Step::Field(name) => write!(formatter, ".{name}"),
            Step::Index(index) => write!(formatter, "[{index}]"),
            Step::Key(key) => {
                let shown: String = key.chars().take(KEY_CHARS_MAX).collect();
                let cut = if shown.len() < key.len() { "…" } else { "" };
                write!(formatter, "[{shown:?}{cut}]")
            }
        }
    }
}
