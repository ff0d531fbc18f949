//! Names of ours for names of others.

use crate::key::{NAME_BYTES_MAX, VariantName};
use crate::limits::{DESCRIPTION_BYTES_MAX, TAGS_MAX, TEXT_BYTES_MAX};

/// A name that follows our grammar, as close as can be to any text; none when nothing of it can stand in a name.
pub(super) fn name_of(text: &str) -> Option<String> {
    if VariantName::parse(text).is_ok() {
        return Some(text.to_owned());
    }
    let mut name = String::new();
    for letter in text.chars() {
        let fits = letter.is_ascii_alphanumeric() || matches!(letter, '.' | '_' | '-');
        match (fits, name.is_empty()) {
            (true, true) if letter.is_ascii_alphanumeric() => name.push(letter),
            (true, false) => name.push(letter),
            (false, false) if !name.ends_with('-') => name.push('-'),
            _ => {}
        }
    }
    name.truncate(NAME_BYTES_MAX);
    let name = name.trim_end_matches('-').to_owned();
    (!name.is_empty()).then_some(name)
}

/// The name, or the name with a number that nobody has yet.
pub(super) fn unique(name: &str, is_taken: impl Fn(&str) -> bool) -> String {
    if !is_taken(name) {
        return name.to_owned();
    }
    let short = name.get(..name.len().min(NAME_BYTES_MAX - 6)).unwrap_or("variant");
    let numbered = (2..).map(|number: u32| format!("{short}-{number}"));
    numbered.into_iter().find(|name| !is_taken(name)).unwrap_or_default()
}

/// Text without what no text of ours holds, and no longer than it may be.
pub(super) fn clean(text: &str, bytes_max: usize) -> String {
    let mut clean: String =
        text.chars().filter(|letter| !letter.is_control() || matches!(letter, '\n' | '\t')).collect();
    while clean.len() > bytes_max {
        clean.pop();
    }
    clean
}

pub(super) fn description(text: &str) -> String {
    clean(text, DESCRIPTION_BYTES_MAX)
}

/// Sorted, each once, and no more than fit.
pub(super) fn tags(tags: impl Iterator<Item = String>) -> Vec<String> {
    let mut tags: Vec<String> = tags.map(|tag| clean(&tag, TEXT_BYTES_MAX)).collect();
    tags.retain(|tag| !tag.is_empty());
    tags.sort_unstable();
    tags.dedup();
    tags.truncate(TAGS_MAX);
    tags
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_text_becomes_a_name_or_nothing() {
        for (text, expected) in [
            ("blue", Some("blue")),
            ("Dark Blue!", Some("Dark-Blue")),
            ("_x", Some("x")),
            ("größe", Some("gr-e")),
            ("!!", None),
            ("", None),
        ] {
            assert_eq!(name_of(text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn names_that_are_taken_get_a_number() {
        assert_eq!(unique("a", |_| false), "a");
        assert_eq!(unique("a", |name| ["a", "a-2"].contains(&name)), "a-3");
    }
}
