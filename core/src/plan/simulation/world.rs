//! The store that a plan needs, made from the plan itself: its environments, its flags, its segments.

use std::collections::BTreeMap;

use crate::bucketing::Generation;
use crate::change::{Change, ChangeSet, CreateFlag, SetSegment};
use crate::check::{Circumstances, Origin, check};
use crate::key::EnvironmentKey;
use crate::plan::progress::Progress;
use crate::plan::{GuardAction, PlanDefinition, RollbackKind, Target};
use crate::record::Record;
use crate::rejection::Rejection;
use crate::revision::Timestamp;
use crate::schema::AnyValue;
use crate::snapshot::Snapshot;
use crate::value::{FlagType, Value};

/// A store in simulated time.
pub(super) struct World {
    pub(super) snapshot: Snapshot,
    pub(super) now: Timestamp,
}

impl World {
    pub(super) fn commit(
        &mut self,
        origin: Origin,
        actor: &str,
        reason: &str,
        changes: Vec<Change>,
    ) -> Result<(), Rejection> {
        let change_set = ChangeSet { actor: actor.to_owned(), reason: reason.to_owned(), changes };
        let circumstances = Circumstances { origin, at: self.now, schemas: &AnyValue, undone: &[] };
        let checked = check(&self.snapshot, &change_set, circumstances)?;
        let record = Record {
            revision: self.snapshot.revision().next(),
            committed_at: self.now,
            change_set,
            writes: checked.writes,
            idempotency_key: Box::default(),
        };
        let folded = self.snapshot.fold(&record);
        debug_assert!(folded.is_ok(), "the record is the next one");
        Ok(())
    }

    pub(super) fn progress(&self, plan: &PlanDefinition) -> Progress {
        self.snapshot.plan(&plan.key).map(|(_, progress)| Progress::clone(progress)).unwrap_or_default()
    }
}

/// A store that has what a plan needs, and the plan applied to it.
///
/// # Errors
/// When the plan cannot be applied; the fields are those of [`Change::SetPlan`].
pub(super) fn applied(plan: &PlanDefinition, start: Timestamp) -> Result<World, Rejection> {
    let mut world = world(plan, start)?;
    world.commit(Origin::Caller, "people", "", vec![Change::SetPlan(Box::new(plan.clone()))])?;
    Ok(world)
}

/// The store that a plan needs: its environments, its flags with what it sets, its segments.
///
/// # Errors
/// When the plan cannot be applied; the fields are those of [`Change::SetPlan`].
fn world(plan: &PlanDefinition, start: Timestamp) -> Result<World, Rejection> {
    let mut environments: Vec<String> = vec![plan.environment.to_string()];
    environments.extend(plan.stages.iter().map(|stage| plan.environment_of(stage).to_string()));
    let mut known: Vec<String> = Vec::new();
    for environment in environments {
        if !environment.is_empty() && !known.contains(&environment) {
            known.push(environment);
        }
    }
    let mut world = World { snapshot: Snapshot::default(), now: start };
    let create = Change::CreateStore { bucketing: Generation::default(), environments: known };
    world.commit(Origin::Store, "simulation", "", vec![create])?;
    for change in flags(plan).into_iter().chain(segments(plan)) {
        // What cannot be created is what the plan names wrongly: applying the plan says so, with its field.
        let _refused = world.commit(Origin::Caller, "simulation", "", vec![change]);
    }
    Ok(world)
}

/// Each flag of the plan, of the type that its targets need.
fn flags(plan: &PlanDefinition) -> Vec<Change> {
    let mut targets: BTreeMap<String, (String, Vec<&Target>)> = BTreeMap::new();
    for (flag, target) in plan.stages.iter().flat_map(|stage| &stage.set) {
        let named = targets.entry(flag.folded().as_str().to_owned());
        named.or_insert_with(|| (flag.to_string(), Vec::new())).1.push(target);
    }
    let flags = targets.into_values().map(|(flag, targets)| Change::CreateFlag(flag_for(&flag, &targets)));
    flags.collect()
}

/// A flag that can serve what it is to be set to; what does not go together, the check of the plan names.
fn flag_for(flag: &str, targets: &[&Target]) -> CreateFlag {
    let mut create = CreateFlag::boolean(flag);
    let has_share =
        |target: &&Target| matches!(target, Target::Percent(_) | Target::Band { .. } | Target::Matrix { .. });
    let mut values = targets.iter().filter_map(|target| match target {
        Target::Value(value) => value.flag_type(),
        _ => None,
    });
    let has_variant = targets.iter().any(|target| matches!(target, Target::Variant(_)));
    let flag_type = match values.next() {
        _ if targets.iter().any(has_share) => FlagType::Boolean,
        // A whole number may be a value of a flag of fractions.
        Some(FlagType::Integer) if values.any(|other| other == FlagType::Float) => FlagType::Float,
        Some(flag_type) => flag_type,
        None if has_variant => FlagType::String,
        None => FlagType::Boolean,
    };
    if flag_type == FlagType::Boolean {
        return create;
    }
    create.flag_type = flag_type;
    create.variants.push(("off".to_owned(), invented(flag_type, "off", 0)));
    "off".clone_into(&mut create.off_variant);
    "off".clone_into(&mut create.default_variant);
    for target in targets {
        let number = create.variants.len();
        let (name, value) = match target {
            Target::Variant(name) => (name.to_string(), invented(flag_type, name.as_str(), number)),
            Target::Value(Value::Integer(number)) if flag_type == FlagType::Float => {
                #[expect(clippy::cast_precision_loss, reason = "a float flag has no other numbers")]
                let value = Value::Float(*number as f64);
                (format!("v{}", create.variants.len()), value)
            }
            Target::Value(value) if value.flag_type() == Some(flag_type) => {
                (format!("v{number}"), value.clone())
            }
            _ => continue,
        };
        let is_known = create.variants.iter().any(|(named, known)| *named == name || *known == value);
        if !is_known {
            create.variants.push((name, value));
        }
    }
    create
}

/// A value for a variant of which only the name is known.
fn invented(flag_type: FlagType, name: &str, number: usize) -> Value {
    // No plan sets a flag to one of these by accident.
    let number = i32::try_from(number).map_or(i32::MIN, |number| i32::MIN + number);
    match flag_type {
        FlagType::Boolean => Value::Boolean(false),
        FlagType::String => Value::string(name),
        FlagType::Integer => Value::Integer(number.into()),
        FlagType::Float => Value::Float(number.into()),
        FlagType::Object => Value::Object(BTreeMap::from([(Box::from("variant"), Value::string(name))])),
    }
}

fn segments(plan: &PlanDefinition) -> Vec<Change> {
    let mut segments: BTreeMap<(String, String), Change> = BTreeMap::new();
    let mut add = |environment: &EnvironmentKey, segment: &str| {
        let key = (environment.to_string(), segment.to_owned());
        let (environment, segment) = key.clone();
        let set = SetSegment { environment, segment, ..SetSegment::default() };
        segments.entry(key).or_insert_with(|| Change::SetSegment(set));
    };
    for stage in &plan.stages {
        for (_, target) in &stage.set {
            if let Target::Matrix { shares, .. } = target {
                for (segment, _) in shares {
                    add(plan.environment_of(stage), segment.as_str());
                }
            }
        }
        for guard in &plan.guards {
            if let GuardAction::Rollback(RollbackKind::Segments(taken)) = &guard.action {
                for segment in taken {
                    add(plan.environment_of(stage), segment.as_str());
                }
            }
        }
    }
    segments.into_values().collect()
}
