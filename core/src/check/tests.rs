//! A store in memory that is asked to change, what it answers, and what it holds afterwards.

mod accepted;
mod fields;
mod labels;
mod laws;
mod limits;
mod policies;
mod promotion_faults;
mod promotion_laws;
mod promotions;
mod refused;
mod requests;
mod rollout;
mod switched;
mod variants;

use super::{Checked, Circumstances, Origin, check};
use crate::bucketing::Generation;
use crate::change::{Change, ChangeSet, CreateFlag, Place};
use crate::condition::{Condition, Operator, Test};
use crate::entity::Write;
use crate::flag::{EffectiveFlag, FlagConfiguration, Rule, Serve, Split, WeightedVariant};
use crate::key::{EnvironmentKey, FoldedKey, VariantName};
use crate::record::Record;
use crate::rejection::{Reason, Rejection};
use crate::revision::Timestamp;
use crate::schema::AnyValue;
use crate::snapshot::Snapshot;
use crate::value::{FlagType, Value};

/// The environments of [`Store::new`], in the order of their keys.
pub(crate) const ENVIRONMENTS: [&str; 3] = ["development", "production", "staging"];

/// A store: its log, and the snapshot that the log folds to.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Store {
    pub(crate) snapshot: Snapshot,
    pub(crate) records: Vec<Record>,
}

impl Store {
    /// Created, and without flags.
    pub(crate) fn new() -> Self {
        Self::of_generation(Generation::default())
    }

    pub(crate) fn of_generation(bucketing: Generation) -> Self {
        let mut store = Self::default();
        store.submit_as("mycelia", Origin::Store, &[create_store(bucketing, &ENVIRONMENTS)]).unwrap();
        store
    }

    /// Created, and with each of the changes made in its own revision.
    pub(crate) fn with(changes: &[Change]) -> Self {
        let mut store = Self::new();
        for change in changes {
            store.submit(std::slice::from_ref(change)).unwrap();
        }
        store
    }

    /// What these changes would do.
    pub(crate) fn check(&self, changes: &[Change]) -> Result<Checked, Rejection> {
        check(&self.snapshot, &change_set("ana", changes), self.circumstances(Origin::Caller))
    }

    /// Checks and commits.
    pub(crate) fn submit(&mut self, changes: &[Change]) -> Result<Checked, Rejection> {
        self.submit_as("ana", Origin::Caller, changes)
    }

    pub(crate) fn submit_as(
        &mut self,
        actor: &str,
        origin: Origin,
        changes: &[Change],
    ) -> Result<Checked, Rejection> {
        let change_set = change_set(actor, changes);
        let checked = check(&self.snapshot, &change_set, self.circumstances(origin))?;
        let record = Record {
            revision: self.snapshot.revision().next(),
            committed_at: self.now(),
            change_set,
            writes: checked.writes.clone(),
            idempotency_key: Box::from(""),
        };
        self.snapshot.fold(&record).unwrap();
        self.records.push(record);
        Ok(checked)
    }

    /// A flag in an environment that must have it.
    pub(crate) fn flag(&self, environment: &str, flag: &str) -> EffectiveFlag {
        let environment = EnvironmentKey::new(environment);
        self.snapshot.effective(&environment, &FoldedKey::of(flag)).unwrap()
    }

    /// What an environment says about a flag that it must have.
    pub(crate) fn configuration(&self, environment: &str, flag: &str) -> FlagConfiguration {
        let environment = EnvironmentKey::new(environment);
        let configuration = self.snapshot.configuration(&environment, &FoldedKey::of(flag));
        FlagConfiguration::clone(configuration.unwrap())
    }

    fn circumstances(&self, origin: Origin) -> Circumstances<'_> {
        Circumstances { origin, at: self.now(), ..nowhere() }
    }

    /// A second for each revision, from 2026-11-21T09:00:00Z on.
    fn now(&self) -> Timestamp {
        let seconds = i64::try_from(self.snapshot.revision().get()).unwrap();
        Timestamp::from_unix_micros((1_795_251_600 + seconds) * 1_000_000)
    }
}

/// A caller at the beginning of time.
pub(crate) fn nowhere() -> Circumstances<'static> {
    Circumstances { origin: Origin::Caller, at: Timestamp::default(), schemas: &AnyValue, undone: &[] }
}

pub(crate) fn change_set(actor: &str, changes: &[Change]) -> ChangeSet {
    ChangeSet { actor: actor.to_owned(), reason: "a test".to_owned(), changes: changes.to_vec() }
}

pub(crate) fn create_store(bucketing: Generation, environments: &[&str]) -> Change {
    Change::CreateStore { bucketing, environments: environments.iter().map(ToString::to_string).collect() }
}

pub(crate) fn create(flag: &str) -> Change {
    Change::CreateFlag(CreateFlag::boolean(flag))
}

/// A flag of texts, the first of which is served when it is enabled and the last when it is not.
pub(crate) fn create_text(flag: &str, variants: &[&str]) -> Change {
    Change::CreateFlag(CreateFlag {
        flag_type: FlagType::String,
        variants: texts(variants),
        default_variant: variants.first().unwrap().to_string(),
        off_variant: variants.last().unwrap().to_string(),
        ..CreateFlag::boolean(flag)
    })
}

/// Variants whose values are their names.
pub(crate) fn texts(variants: &[&str]) -> Vec<(String, Value)> {
    let text = |name: &&str| (name.to_string(), Value::string(name));
    variants.iter().map(text).collect()
}

/// A flag in production.
pub(crate) fn place(flag: &str) -> Place {
    Place { environment: "production".to_owned(), flag: flag.to_owned() }
}

pub(crate) fn enable(flag: &str) -> Change {
    Change::Enable(place(flag))
}

pub(crate) fn disable(flag: &str) -> Change {
    Change::Disable(place(flag))
}

pub(crate) fn delete(flag: &str) -> Change {
    Change::DeleteFlag { flag: flag.to_owned(), force: false }
}

pub(crate) fn rollout(flag: &str, percent: f64) -> Change {
    Change::Rollout { place: place(flag), percent, enable: false }
}

pub(crate) fn default_serve(flag: &str, serve: Serve) -> Change {
    Change::SetDefaultServe { place: place(flag), serve }
}

pub(crate) fn set_rules(flag: &str, rules: Vec<Rule>) -> Change {
    Change::SetRules { place: place(flag), rules }
}

pub(crate) fn set_variants(flag: &str, variants: Vec<(String, Value)>) -> Change {
    Change::SetVariants { flag: flag.to_owned(), variants }
}

pub(crate) fn set_off_variant(flag: &str, variant: &str) -> Change {
    Change::SetOffVariant { place: place(flag), variant: variant.to_owned() }
}

pub(crate) fn set_salt(flag: &str, salt: &str) -> Change {
    Change::SetSalt { place: place(flag), salt: salt.to_owned() }
}

pub(crate) fn serve(variant: &str) -> Serve {
    Serve::Variant(VariantName::new(variant))
}

pub(crate) fn split(weights: &[(&str, u32)]) -> Serve {
    split_by(None, weights)
}

pub(crate) fn split_by(attribute: Option<&str>, weights: &[(&str, u32)]) -> Serve {
    let weighted =
        |&(variant, weight): &(&str, u32)| WeightedVariant { variant: VariantName::new(variant), weight };
    Serve::Split(Split {
        weights: weights.iter().map(weighted).collect(),
        bucket_by: attribute.map(Box::from),
    })
}

pub(crate) fn rule(condition: Condition, serve: Serve) -> Rule {
    Rule { name: Box::from("a rule"), condition, serve }
}

pub(crate) fn test(attribute: &str, operator: Operator, operands: &[Value]) -> Condition {
    Condition::Test(Test {
        attribute: Box::from(attribute),
        operator,
        operands: operands.to_vec(),
        negated: false,
    })
}

/// Enables `dreams` somewhere.
fn in_environment(name: &str) -> Change {
    let mut place = place("dreams");
    place.environment = name.to_owned();
    Change::Enable(place)
}

/// Tests the country, for `dreams`.
fn operand(operator: Operator, operands: &[Value]) -> Change {
    set_rules("dreams", vec![rule(test("country", operator, operands), serve("on"))])
}

/// The ids of the entities that were written; a minus before what was removed.
fn ids(writes: &[Write]) -> Vec<String> {
    let id = |write: &Write| match &write.value {
        Some(_) => write.id.to_string(),
        None => format!("-{}", write.id),
    };
    writes.iter().map(id).collect()
}

/// After `before`, `changes` together write exactly these entities.
#[track_caller]
fn check_writes(before: &[Change], changes: &[Change], expected: &[&str]) {
    let checked = Store::with(before).check(changes).unwrap();
    assert_eq!(ids(&checked.writes), expected);
}

/// After `before`, `changes` together are refused for exactly these violations, in this order, and change nothing.
#[track_caller]
fn check_refused(before: &[Change], changes: &[Change], expected: &[(Reason, &str, &str, &str)]) {
    let mut store = Store::with(before);
    let held = store.clone();
    let rejection = store.submit(changes).unwrap_err();
    let violation = |violation| {
        let crate::rejection::Violation { reason, field, value, allowed } = violation;
        (reason, field, value, allowed)
    };
    let found: Vec<(Reason, String, String, String)> =
        rejection.violations.into_iter().map(violation).collect();
    let expected: Vec<(Reason, String, String, String)> = expected
        .iter()
        .map(|(reason, field, value, allowed)| {
            (*reason, field.to_string(), value.to_string(), allowed.to_string())
        })
        .collect();
    assert_eq!(found, expected);
    assert_eq!(store, held);
}

/// As [`check_refused`] on a store with the boolean flag `dreams` and the flag `voice` of the texts a, b and c, for a
/// single change and a single violation; the field is the one within the change.
#[track_caller]
fn check_fault(change: Change, reason: Reason, field: &str, value: &str, allowed: &str) {
    let field = if field.starts_with('.') { format!("changes[0]{field}") } else { field.to_owned() };
    let before = [create("dreams"), create_text("voice", &["a", "b", "c"])];
    check_refused(&before, &[change], &[(reason, &field, value, allowed)]);
}
