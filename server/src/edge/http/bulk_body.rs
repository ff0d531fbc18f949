//! The body of a bulk change: `{"changes":[{"key":"dreams","enabled":true,"rollout":25,"client_visible":true}]}`.
//!
//! Reads what was asked and says what is wrong with its shape, all of it at once and where it stands. Whether a number is
//! in its range, or a flag is there, is the core's to say, as it is on gRPC.

use std::collections::BTreeMap;

use mycelia_flags_core::change::{Change, ChangeSet, Place, UpdateFlag};
use mycelia_flags_core::key::{EnvironmentKey, FoldedKey, NAME_GRAMMAR};
use mycelia_flags_core::limits::CHANGES_MAX;
use mycelia_flags_core::rejection::{Reason, Violation};
use mycelia_flags_core::revision::Revision;
use mycelia_flags_core::value::Value;

use super::body::{Object, object, unknown, wrong_type};
use crate::edge::problem::{Fault, Faults};

/// Who asks, when the caller does not say: there are no credentials yet that would tell.
const ACTOR: &str = "http";

const EXAMPLE: &str = r#"an object such as {"changes":[{"key":"dreams","enabled":true,"rollout":25}]}"#;
const SOMETHING: &str = "enabled, rollout, client_visible or several of them";
const PERCENT: &str = "a number: 0 to 100 with at most three decimals";

/// What a body asks for.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Bulk {
    pub(super) change_set: ChangeSet,
    /// For each change of the set, which of the caller's it does.
    origins: Vec<usize>,
    /// The flags, in the caller's order.
    pub(super) flags: Vec<FoldedKey>,
    pub(super) expected_revision: Option<Revision>,
    pub(super) dry_run: bool,
}

impl Bulk {
    /// Reads a body. What is wrong is noted; the answer is of no use then.
    pub(super) fn read(body: &[u8], environment: &EnvironmentKey, faults: &mut Faults) -> Self {
        let mut bulk = Self::default();
        if let Some(fields) = object(body, EXAMPLE, faults) {
            bulk.take(&fields, environment, faults);
        }
        bulk
    }

    fn take(&mut self, fields: &Object, environment: &EnvironmentKey, faults: &mut Faults) {
        const KNOWN: [&str; 5] = ["changes", "actor", "reason", "dry_run", "expected_revision"];
        let text = |name: &str, faults: &mut Faults| match fields.get(name) {
            Some(Value::String(text)) => Some(text.to_string()),
            Some(other) => {
                wrong_type(name, other, "text", faults);
                None
            }
            None => None,
        };
        self.change_set.actor = text("actor", faults).unwrap_or_else(|| ACTOR.to_owned());
        self.change_set.reason = text("reason", faults).unwrap_or_default();
        match fields.get("changes") {
            Some(Value::List(changes)) => self.take_changes(changes, environment, faults),
            Some(other) => wrong_type("changes", other, "a list of changes", faults),
            None => faults.note(Reason::Required, "changes", "", changes_allowed()),
        }
        match fields.get("dry_run") {
            Some(Value::Boolean(dry_run)) => self.dry_run = *dry_run,
            Some(other) => wrong_type("dry_run", other, "true or false", faults),
            None => {}
        }
        match fields.get("expected_revision") {
            Some(Value::Integer(number)) if *number >= 0 => {
                self.expected_revision = Some(Revision::new(number.unsigned_abs()));
            }
            Some(other) => wrong_type("expected_revision", other, "a whole number from 0 on", faults),
            None => {}
        }
        unknown(fields, "", &KNOWN, faults);
    }

    fn take_changes(&mut self, changes: &[Value], environment: &EnvironmentKey, faults: &mut Faults) {
        if changes.is_empty() {
            faults.note(Reason::Required, "changes", "0", changes_allowed());
        }
        if changes.len() > CHANGES_MAX {
            // Not read: a megabyte of them would be as many faults.
            let allowed = format!("at most {CHANGES_MAX}");
            return faults.note(Reason::TooLarge, "changes", changes.len().to_string(), allowed);
        }
        let mut named: BTreeMap<FoldedKey, usize> = BTreeMap::new();
        for (index, change) in changes.iter().enumerate() {
            let path = format!("changes[{index}]");
            let Value::Object(fields) = change else {
                let allowed = format!("an object with a key, and with {SOMETHING}");
                wrong_type(&path, change, &allowed, faults);
                continue;
            };
            let Some(wanted) = Wanted::read(fields, &path, faults) else { continue };
            let folded = FoldedKey::of(&wanted.key);
            if let Some(before) = named.get(&folded) {
                let allowed = format!("each flag once; changes[{before}] names it already");
                faults.note(Reason::Duplicate, format!("{path}.key"), &wanted.key, allowed);
            }
            named.entry(folded.clone()).or_insert(index);
            self.flags.push(folded);
            for change in wanted.intents(environment) {
                self.change_set.changes.push(change);
                self.origins.push(index);
            }
        }
        let count = self.change_set.changes.len();
        if count > CHANGES_MAX {
            let allowed = format!(
                "at most {CHANGES_MAX}; one that is not enabled and has a rollout counts as two, and client_visible \
                 as one more"
            );
            faults.note(Reason::TooLarge, "changes", count.to_string(), allowed);
        }
    }

    /// A violation of our change set, at the place where the caller finds it.
    pub(super) fn place(&self, violation: &Violation) -> Fault {
        let field = match &*violation.field {
            "idempotency_key" => Some("Idempotency-Key".to_owned()),
            field => self.callers_field(field),
        };
        Fault { field: field.unwrap_or_else(|| violation.field.clone()), ..Fault::from(violation) }
    }

    fn callers_field(&self, field: &str) -> Option<String> {
        let (index, within) = field.strip_prefix("changes[")?.split_once(']')?;
        let origin = self.origins.get(index.parse::<usize>().ok()?)?;
        Some(match within.rsplit('.').next() {
            Some("flag") => format!("changes[{origin}].key"),
            Some("percent") => format!("changes[{origin}].rollout"),
            Some("environment") => "env".to_owned(),
            _ => format!("changes[{origin}]"),
        })
    }
}

/// One change as the caller asked for it.
struct Wanted {
    key: String,
    enabled: Option<bool>,
    rollout: Option<f64>,
    client_visible: Option<bool>,
}

impl Wanted {
    fn read(fields: &Object, path: &str, faults: &mut Faults) -> Option<Self> {
        let at = |name: &str| format!("{path}.{name}");
        let key = match fields.get("key") {
            Some(Value::String(key)) => Some(key.to_string()),
            Some(other) => {
                wrong_type(&at("key"), other, "text", faults);
                None
            }
            None => {
                faults.note(Reason::Required, at("key"), "", NAME_GRAMMAR);
                None
            }
        };
        let switch = |name: &str, faults: &mut Faults| match fields.get(name) {
            Some(Value::Boolean(switch)) => Some(*switch),
            Some(other) => {
                wrong_type(&at(name), other, "true or false", faults);
                None
            }
            None => None,
        };
        let enabled = switch("enabled", faults);
        let rollout = match fields.get("rollout") {
            #[expect(clippy::cast_precision_loss, reason = "a number that large is no percentage either way")]
            Some(Value::Integer(number)) => Some(*number as f64),
            Some(Value::Float(number)) => Some(*number),
            Some(other) => {
                wrong_type(&at("rollout"), other, PERCENT, faults);
                None
            }
            None => None,
        };
        let client_visible = switch("client_visible", faults);
        if !["enabled", "rollout", "client_visible"].iter().any(|name| fields.contains_key(*name)) {
            faults.note(Reason::Required, path, "", SOMETHING);
        }
        unknown(fields, path, &["key", "enabled", "rollout", "client_visible"], faults);
        Some(Self { key: key?, enabled, rollout, client_visible })
    }

    fn intents(self, environment: &EnvironmentKey) -> Vec<Change> {
        let mark = self.client_visible.map(|client_visible| {
            let (flag, client_visible) = (self.key.clone(), Some(client_visible));
            Change::UpdateFlag(UpdateFlag { flag, client_visible, ..UpdateFlag::default() })
        });
        let place = Place { environment: environment.to_string(), flag: self.key };
        let moves = moves(place, self.enabled, self.rollout);
        moves.into_iter().chain(mark).collect()
    }
}

/// What a change means for what is served.
///
/// A flag that is to be disabled with a rollout gets both: its split is set, whoever has disabled it before, and then it
/// is off. The order matters, because a rollout enables; between the two nobody sees anything, for a change set happens as
/// a whole, and a flag that was off already was not switched by it.
fn moves(place: Place, enabled: Option<bool>, rollout: Option<f64>) -> Vec<Change> {
    match (enabled, rollout) {
        (Some(true), Some(percent)) => vec![Change::Rollout { place, percent, enable: true }],
        (Some(true), None) => vec![Change::Enable(place)],
        (Some(false), Some(percent)) => {
            vec![Change::Rollout { place: place.clone(), percent, enable: true }, Change::Disable(place)]
        }
        (Some(false), None) => vec![Change::Disable(place)],
        (None, Some(percent)) => vec![Change::Rollout { place, percent, enable: false }],
        (None, None) => Vec::new(),
    }
}

fn changes_allowed() -> String {
    format!("1 to {CHANGES_MAX} changes")
}

#[cfg(test)]
mod tests;
