//! What stands behind the `?` of a request. An unknown parameter is refused: `?enviroment=staging` must not change
//! production.

use http::Uri;
use mycelia_flags_core::key::{EnvironmentKey, FlagKey, FoldedKey, NAME_GRAMMAR};
use mycelia_flags_core::rejection::Reason;
use mycelia_flags_core::snapshot::Snapshot;

use crate::edge::problem::Faults;
use crate::edge::status::word;

/// The parameters of one request.
#[derive(Debug)]
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    /// Reads them, and notes those that are not known or stand there twice.
    pub(super) fn read(uri: &Uri, known: &[&str], faults: &mut Faults) -> Self {
        let read = axum::extract::Query::<Vec<(String, String)>>::try_from_uri(uri);
        let pairs = read.map(|axum::extract::Query(pairs)| pairs).unwrap_or_default();
        for (index, (name, value)) in pairs.iter().enumerate() {
            if !known.contains(&&**name) {
                let allowed = format!("one of {}", known.join(", "));
                faults.note_word(word::UNKNOWN_FIELD, name, value, allowed);
            } else if pairs.iter().take(index).any(|(before, _)| before == name) {
                faults.note(Reason::Duplicate, name, value, "each parameter once");
            }
        }
        Self(pairs)
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| &**value)
    }

    /// The text of a parameter.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.get(name)
    }

    /// One of several words.
    pub(super) fn one_of(
        &self,
        name: &str,
        words: &[&'static str],
        faults: &mut Faults,
    ) -> Option<&'static str> {
        let text = self.get(name)?;
        let word = words.iter().find(|word| **word == text).copied();
        if word.is_none() {
            faults.note(Reason::OutOfRange, name, text, format!("one of {}", words.join(", ")));
        }
        word
    }

    /// The environment that `env` names.
    pub(super) fn environment(&self, snapshot: &Snapshot, faults: &mut Faults) -> Option<EnvironmentKey> {
        let name = self.get("env")?;
        match EnvironmentKey::parse(name) {
            Ok(key) if snapshot.has_environment(&key) => return Some(key),
            Ok(_unknown) => {
                let names: Vec<&str> = snapshot.environments().map(EnvironmentKey::as_str).collect();
                let allowed = format!("one of {}", names.join(", "));
                faults.note(Reason::UnknownEnvironment, "env", name, allowed);
            }
            Err(_) => {
                let reason = if name.is_empty() { Reason::Required } else { Reason::InvalidName };
                faults.note(reason, "env", name, NAME_GRAMMAR);
            }
        }
        None
    }

    /// The flag that `flag` names; it need not be there any more.
    pub(super) fn flag(&self, faults: &mut Faults) -> Option<FoldedKey> {
        let name = self.get("flag")?;
        match FlagKey::parse(name) {
            Ok(key) => Some(key.folded()),
            Err(_) => {
                let reason = if name.is_empty() { Reason::Required } else { Reason::InvalidName };
                faults.note(reason, "flag", name, NAME_GRAMMAR);
                None
            }
        }
    }

    /// A whole number between two others.
    pub(super) fn number(&self, name: &str, min: u64, max: u64, faults: &mut Faults) -> Option<u64> {
        let text = self.get(name)?;
        let number = text.parse().ok().filter(|number| (min..=max).contains(number));
        if number.is_none() {
            let allowed = if max == u64::MAX {
                format!("a whole number from {min} on")
            } else {
                format!("{min} to {max}")
            };
            faults.note(Reason::OutOfRange, name, text, allowed);
        }
        number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(query: &str, expected: &[(&str, &str, &str)]) {
        let mut faults = Faults::default();
        let uri: Uri = format!("/x{query}").parse().unwrap();
        let query = Query::read(&uri, &["env", "limit", "before", "flag"], &mut faults);
        query.environment(&Snapshot::default(), &mut faults);
        query.number("limit", 1, 1_000, &mut faults);
        query.number("before", 1, u64::MAX, &mut faults);
        query.flag(&mut faults);
        let found: Vec<_> =
            faults.as_slice().iter().map(|fault| (fault.reason, &*fault.field, &*fault.value)).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn parameters_are_looked_at() {
        check("", &[]);
        check("?limit=20&before=7&flag=oracle.chat", &[]);
        check("?enviroment=staging", &[("UNKNOWN_FIELD", "enviroment", "staging")]);
        check("?limit=1&limit=2", &[("DUPLICATE", "limit", "2")]);
        check("?env=mars", &[("UNKNOWN_ENVIRONMENT", "env", "mars")]);
        check("?env=", &[("REQUIRED", "env", "")]);
        check("?env=no%20name", &[("INVALID_NAME", "env", "no name")]);
        check("?limit=0", &[("OUT_OF_RANGE", "limit", "0")]);
        check("?limit=1001", &[("OUT_OF_RANGE", "limit", "1001")]);
        check("?limit=ten&before=-1", &[("OUT_OF_RANGE", "limit", "ten"), ("OUT_OF_RANGE", "before", "-1")]);
        check("?flag=-", &[("INVALID_NAME", "flag", "-")]);
    }
}
