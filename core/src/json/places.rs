//! Where each value of a document begins: for reports that people read beside the file.
//!
//! A value is named by its path, `features[2].strategies[0].name`; a field whose name is no word is quoted.

use std::collections::BTreeMap;

/// A place in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
}

/// The places of all values of a document. Of several fields of one name in one object the last counts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Places {
    /// The bytes where values begin, by path, while the text is read.
    begun: BTreeMap<Box<str>, usize>,
    /// The places, by path, once it is read.
    found: BTreeMap<Box<str>, Place>,
    path: String,
}

impl Places {
    /// Where the value of a path begins.
    #[must_use]
    pub fn of(&self, path: &str) -> Option<Place> {
        self.found.get(path).copied()
    }

    pub(super) fn enter_field(&mut self, name: &str) -> usize {
        let outer = self.path.len();
        self.path = field_path(&self.path, name);
        outer
    }

    pub(super) fn enter_item(&mut self, index: usize) -> usize {
        let outer = self.path.len();
        self.path = item_path(&self.path, index);
        outer
    }

    pub(super) fn leave(&mut self, outer: usize) {
        self.path.truncate(outer);
    }

    pub(super) fn begin(&mut self, at: usize) {
        self.begun.insert(Box::from(self.path.as_str()), at);
    }

    /// Turns bytes into lines and columns, in one pass over the text.
    pub(super) fn resolve(&mut self, text: &str) {
        let mut begun: Vec<(usize, Box<str>)> =
            std::mem::take(&mut self.begun).into_iter().map(|(path, at)| (at, path)).collect();
        begun.sort_unstable();
        let (mut line, mut column, mut seen) = (1, 1, 0);
        for (at, path) in begun {
            for letter in text.get(seen..at).unwrap_or("").chars() {
                (line, column) = if letter == '\n' { (line + 1, 1) } else { (line, column + 1) };
            }
            seen = at;
            self.found.insert(path, Place { line, column });
        }
    }
}

/// Line and column of a byte.
pub(super) fn position(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (1 + before.matches('\n').count(), 1 + before.get(line_start..).unwrap_or("").chars().count())
}

/// The path of an object's field.
#[must_use]
pub fn field_path(path: &str, name: &str) -> String {
    let is_word = !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'$'));
    match (path, is_word) {
        ("", true) => name.to_owned(),
        (_, true) => format!("{path}.{name}"),
        (_, false) => format!("{path}[{name:?}]"),
    }
}

/// The path of a list's element.
#[must_use]
pub fn item_path(path: &str, index: usize) -> String {
    format!("{path}[{index}]")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::parse_with_places;

    #[track_caller]
    fn check(text: &str, path: &str, line: usize, column: usize) {
        let (_, places) = parse_with_places(text).unwrap();
        assert_eq!(places.of(path), Some(Place { line, column }), "{path}");
    }

    #[test]
    fn every_value_has_its_place() {
        let text = "{\n  \"é\": 1,\n  \"a\": [true, {\"b.c\": null,\n\"d\": \"\"}], \"a-b\": 2\n}";
        check(text, "", 1, 1);
        check(text, "[\"é\"]", 2, 8);
        check(text, "a", 3, 8);
        check(text, "a[0]", 3, 9);
        check(text, "a[1]", 3, 15);
        check(text, "a[1][\"b.c\"]", 3, 23);
        check(text, "a[1].d", 4, 6);
        check(text, "a-b", 4, 19);
        let (_, places) = parse_with_places(text).unwrap();
        assert_eq!((places.of("a[2]"), places.of("b")), (None, None));
    }

    #[test]
    fn of_fields_of_one_name_the_last_counts() {
        check("{\"a\": 1,\n\"a\": 2}", "a", 2, 6);
    }
}
