//! Reading a tree field by field: every fault is noted and none ends the reading, and each field's place is remembered.

use std::collections::BTreeMap;
use std::rc::Rc;

use mycelia_flags_core::rejection::{Reason, Violation};

use super::closest::closest;
use super::fault::{Fault, Mark, UNKNOWN_FIELD};
use super::limits::FAULTS_MAX;
use super::node::{Content, Key, Node, shown};

/// A value, and what it is called.
#[derive(Debug, Clone)]
pub(crate) struct Spot<'n> {
    pub(crate) node: &'n Node,
    pub(crate) mark: Mark,
    /// As the file names it.
    pub(crate) field: String,
    /// As the check in core names it.
    pub(crate) path: String,
}

impl<'n> Spot<'n> {
    /// The whole document.
    pub(crate) fn root(node: &'n Node) -> Self {
        Self { node, mark: node.mark, field: String::new(), path: String::new() }
    }

    fn below(&self, node: &'n Node, mark: Mark, step: &str) -> Self {
        let step_of = |path: &str| {
            if path.is_empty() { step.trim_start_matches('.').to_owned() } else { format!("{path}{step}") }
        };
        // What is not there stands nowhere: its name does.
        let mark = if node.is_null() { mark } else { node.mark };
        Self { node, mark, field: step_of(&self.field), path: step_of(&self.path) }
    }

    /// The same, under another name in core.
    pub(crate) fn known_as(mut self, path: String) -> Self {
        self.path = path;
        self
    }
}

/// Where a field stands.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    mark: Mark,
    field: String,
    value: String,
}

/// What was found so far.
#[derive(Debug, Default)]
pub(crate) struct Reading {
    faults: Vec<Fault>,
    places: BTreeMap<String, Place>,
    /// What core knows by the first name stands in the file under the second one.
    renamed: Vec<(String, String)>,
}

/// The fields of a mapping.
pub(crate) struct Fields<'n> {
    pub(crate) spot: Spot<'n>,
    entries: Vec<(&'n Key, Spot<'n>)>,
}

impl<'n> Fields<'n> {
    /// A field, if it is there.
    pub(crate) fn get(&self, name: &str) -> Option<&Spot<'n>> {
        self.entries.iter().find(|(key, _)| key.text == name).map(|(_, spot)| spot)
    }

    /// All of them, in order.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&'n Key, &Spot<'n>)> {
        self.entries.iter().map(|(key, spot)| (*key, spot))
    }
}

impl Reading {
    /// Notes that something else must stand at a spot.
    pub(crate) fn fault(&mut self, spot: &Spot<'_>, reason: &'static str, allowed: impl Into<String>) {
        self.fault_of(spot, &spot.node.shown(), reason, allowed);
    }

    /// Notes that a part of what stands at a spot is wrong.
    pub(crate) fn fault_of(
        &mut self,
        spot: &Spot<'_>,
        value: &str,
        reason: &'static str,
        allowed: impl Into<String>,
    ) {
        self.fault_at(spot.mark, &spot.field, value, reason, allowed);
    }

    pub(crate) fn fault_at(
        &mut self,
        mark: Mark,
        field: &str,
        value: &str,
        reason: &'static str,
        allowed: impl Into<String>,
    ) {
        if self.faults.len() < FAULTS_MAX {
            let (field, value) = (field.to_owned(), shown(value));
            self.faults.push(Fault { mark, field, value, allowed: allowed.into(), reason });
        }
    }

    /// Notes that a field is not there.
    pub(crate) fn missing(&mut self, fields: &Fields<'_>, name: &str, allowed: &str) {
        let field = match fields.spot.field.as_str() {
            "" => name.to_owned(),
            field => format!("{field}.{name}"),
        };
        self.fault_at(fields.spot.mark, &field, "", Reason::Required.as_str(), allowed);
        // What core says of it is said with that.
        self.place(field.clone(), fields.spot.mark, &field, String::new());
    }

    /// Says that a part of the plan stands elsewhere in the file.
    pub(crate) fn rename(&mut self, path: String, spot: &Spot<'_>) {
        self.renamed.push((path, spot.path.clone()));
    }

    /// Remembers where something stands that core calls by a name.
    pub(crate) fn place(&mut self, path: String, mark: Mark, field: &str, value: String) {
        self.places.insert(path, Place { mark, field: field.to_owned(), value });
    }

    fn place_spot(&mut self, spot: &Spot<'_>) {
        self.place(spot.path.clone(), spot.mark, &spot.field, spot.node.shown());
    }

    /// The entries of a mapping whose names are free; notes what is no mapping and what is named twice.
    pub(crate) fn entries<'n>(&mut self, spot: &Spot<'n>, allowed: &str) -> Option<Fields<'n>> {
        self.place_spot(spot);
        let Content::Mapping(entries) = &spot.node.content else {
            self.fault(spot, Reason::WrongType.as_str(), allowed);
            return None;
        };
        let mut found: Vec<(&Key, Spot<'n>)> = Vec::new();
        for (key, node) in entries {
            let spot = spot.below(node, key.mark, &format!(".{}", key.text));
            if let Some((known, _)) = found.iter().find(|(known, _)| known.text == key.text) {
                let allowed = format!("each name once; it stands in line {} already", known.mark.line);
                self.fault_at(key.mark, &spot.field, &key.text, Reason::Duplicate.as_str(), allowed);
                continue;
            }
            found.push((key, spot));
        }
        Some(Fields { spot: spot.clone(), entries: found })
    }

    /// The fields of a mapping whose names are known; notes all others, with the one that was probably meant.
    pub(crate) fn fields<'n>(&mut self, spot: &Spot<'n>, known: &[&'static str]) -> Option<Fields<'n>> {
        let mut fields = self.entries(spot, &format!("a mapping of: {}", known.join(", ")))?;
        fields.entries.retain(|(key, spot)| {
            let is_known = known.contains(&key.text.as_str());
            if !is_known {
                let meant = closest(&key.text, known.iter().copied());
                let meant = meant.map(|name| format!("{name}? the fields here are: ")).unwrap_or_default();
                let allowed = format!("{meant}{}", known.join(", "));
                self.fault_at(key.mark, &spot.field, &key.text, UNKNOWN_FIELD, allowed);
            }
            is_known
        });
        for (_, spot) in &fields.entries {
            self.place_spot(spot);
        }
        Some(fields)
    }

    /// The items of a list; a single value is a list of one where that is unmistakable.
    pub(crate) fn items<'n>(&mut self, spot: &Spot<'n>, allowed: &str) -> Vec<Spot<'n>> {
        let items: &'n [Rc<Node>] = match &spot.node.content {
            Content::List(items) => items,
            _ => {
                self.fault(spot, Reason::WrongType.as_str(), allowed);
                return Vec::new();
            }
        };
        let items =
            items.iter().enumerate().map(|(index, node)| spot.below(node, spot.mark, &format!("[{index}]")));
        let items: Vec<Spot<'n>> = items.collect();
        for item in &items {
            self.place_spot(item);
        }
        items
    }

    /// Adds what core's check says, each at its place, unless the file's own fault there is its cause.
    pub(crate) fn add(&mut self, violations: &[Violation]) {
        let own: Vec<String> = self.faults.iter().map(|fault| fault.field.clone()).collect();
        for violation in violations {
            let path = violation.field.split_once("set_plan.plan").map_or("", |(_, path)| path);
            let (place, is_exact) = self.find(path.trim_start_matches('.'));
            let is_lack = violation.reason == Reason::Required;
            if own.iter().any(|own| is_within(&place.field, own) || is_lack && is_within(own, &place.field)) {
                continue;
            }
            let value = if is_exact { place.value } else { violation.value.clone() };
            self.fault_at(
                place.mark,
                &place.field,
                &value,
                violation.reason.as_str(),
                violation.allowed.clone(),
            );
        }
    }

    /// Where a field that core names stands, and what the file calls it.
    pub(crate) fn stands(&self, path: &str) -> (Mark, String) {
        let (place, _is_exact) = self.find(path);
        (place.mark, place.field)
    }

    /// The place of a field, or of the nearest one around it that stands in the file; whether it is the field itself.
    fn find(&self, path: &str) -> (Place, bool) {
        let renamed = self.renamed.iter().find(|(known, _)| is_within(path, known));
        let renamed = renamed.map(|(known, there)| path.replacen(known, there, 1));
        let path = renamed.as_deref().unwrap_or(path);
        let mut around = path;
        loop {
            if let Some(place) = self.places.get(around) {
                return (place.clone(), around == path);
            }
            let Some(end) = around.rfind(['.', '[']) else {
                return (Place { mark: Mark::START, field: String::new(), value: String::new() }, false);
            };
            around = around.get(..end).unwrap_or_default();
        }
    }

    /// All faults, in the order of the file.
    pub(crate) fn into_faults(mut self) -> Vec<Fault> {
        self.faults.sort_by_key(|fault| fault.mark);
        // A part of a template is in many stages, and wrong in all of them.
        self.faults.dedup();
        self.faults
    }

    pub(crate) fn is_faultless(&self) -> bool {
        self.faults.is_empty()
    }
}

/// Whether a field is another one, or a part of it.
fn is_within(field: &str, around: &str) -> bool {
    field.strip_prefix(around).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}
