//! What became of each part of a document.

use super::node::Node;
use crate::json::{Place, Places};

/// What became of a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Grade {
    /// It decides here what it decided there.
    Exact,
    /// It decides nearly the same: the text says for whom it does not.
    Approximate,
    /// Something that is here already is replaced.
    Changed,
    /// It decides nothing, and has no place here.
    Noted,
    /// It cannot be said here: the flag is left out.
    Unmapped,
}

/// What became of a part of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The flag's key; empty for what is said of the document, or of a segment.
    pub flag: String,
    /// The part: `features[2].strategies[0]`.
    pub path: String,
    /// Where the part begins.
    pub place: Option<Place>,
    /// What became of it.
    pub grade: Grade,
    /// In words: what it is here, or why it is not and what to do.
    pub text: String,
}

/// The lines so far, and the flag that they are about.
pub(super) struct Report<'p> {
    places: &'p Places,
    pub(super) flag: String,
    pub(super) lines: Vec<Line>,
}

impl<'p> Report<'p> {
    pub(super) fn new(places: &'p Places) -> Self {
        Self { places, flag: String::new(), lines: Vec::new() }
    }

    /// Another one, about a flag.
    pub(super) fn about(&self, flag: &str) -> Self {
        Self { places: self.places, flag: flag.to_owned(), lines: Vec::new() }
    }

    pub(super) fn line(&mut self, grade: Grade, at: &Node<'_>, text: impl Into<String>) {
        self.lines.push(Line {
            flag: self.flag.clone(),
            path: at.path.clone(),
            place: self.places.of(&at.path),
            grade,
            text: text.into(),
        });
    }

    pub(super) fn exact(&mut self, at: &Node<'_>, text: impl Into<String>) {
        self.line(Grade::Exact, at, text);
    }

    pub(super) fn approximate(&mut self, at: &Node<'_>, text: impl Into<String>) {
        self.line(Grade::Approximate, at, text);
    }

    pub(super) fn noted(&mut self, at: &Node<'_>, text: impl Into<String>) {
        self.line(Grade::Noted, at, text);
    }

    /// Says why a part cannot be said here; answers none, for whoever was to answer with the part.
    pub(super) fn unmapped<T>(&mut self, at: &Node<'_>, text: impl Into<String>) -> Option<T> {
        self.line(Grade::Unmapped, at, text);
        None
    }

    /// Fields that nobody has read may have decided something.
    pub(super) fn strangers(&mut self, node: &Node<'_>, known: &[&str]) {
        for name in node.names() {
            let decides_nothing = name.starts_with('_') || known.contains(&name);
            if let Some(field) = node.get(name).filter(|_| !decides_nothing) {
                self.noted(
                    &field,
                    "this field is not known here, and is dropped; look whether it decides anything",
                );
            }
        }
    }

    pub(super) fn is_left_out(&self) -> bool {
        self.lines.iter().any(|line| line.grade == Grade::Unmapped)
    }
}
