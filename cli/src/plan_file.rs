//! Plan files: YAML in, a plan and the place of each of its fields out.
//!
//! `docs/plans.md` shows the format, `docs/plan.schema.json` says it to editors. Reading goes through the whole file
//! and notes everything that is wrong; then the check of core is asked, which is the one that a server asks, and what it
//! finds is said at its line and column too.

mod closest;
mod fault;
mod gate;
mod guard;
mod limits;
mod node;
mod places;
mod progression;
mod ramp;
mod reading;
mod scalar;
mod stage;
mod target;
#[cfg(test)]
mod tests;

use mycelia_flags_core::key::{EnvironmentKey, PlanKey};
use mycelia_flags_core::plan::simulation::rehearse;
use mycelia_flags_core::plan::{GuardAction, Ladder, OnComplete, PlanDefinition};
use mycelia_flags_core::rejection::Reason;

use reading::{Fields, Reading, Spot};
use stage::NamedFlag;

pub(crate) use fault::Fault;
pub(crate) use places::Places;
pub(crate) use ramp::{RampGate, RampStage, ramp};
pub(crate) use scalar::{MOMENT_GRAMMAR, moment};

const FIELDS: [&str; 13] = [
    "plan",
    "description",
    "owner",
    "environment",
    "start",
    "first_day",
    "flags",
    "stages",
    "progression",
    "guards",
    "ladder",
    "on_complete",
    "notes",
];

/// What an offline rehearsal takes for the server's default environment.
const DEFAULT_ENVIRONMENT: &str = "production";

/// A plan as its file says it. An empty environment is the server's default one.
///
/// # Errors
/// Everything that is wrong with the file, in its order.
pub(crate) fn read(text: &str) -> Result<PlanDefinition, Vec<Fault>> {
    read_with_places(text).map(|(definition, _places)| definition)
}

/// The same, and where each of its fields stands.
///
/// # Errors
/// Everything that is wrong with the file, in its order.
pub(crate) fn read_with_places(text: &str) -> Result<(PlanDefinition, Places), Vec<Fault>> {
    let root = node::parse(text).map_err(|fault| vec![fault])?;
    let mut reading = Reading::default();
    let Some(definition) = reading.plan(&Spot::root(&root)) else {
        return Err(reading.into_faults());
    };
    if let Err(rejection) = rehearse(&offline(&definition)) {
        reading.add(&rejection.violations);
    }
    if reading.is_faultless() { Ok((definition, Places::of(reading))) } else { Err(reading.into_faults()) }
}

/// The plan with a name for the environment that only the server knows.
pub(crate) fn offline(plan: &PlanDefinition) -> PlanDefinition {
    let mut plan = plan.clone();
    if plan.environment.as_str().is_empty() {
        plan.environment = EnvironmentKey::new(DEFAULT_ENVIRONMENT);
    }
    plan
}

/// What a guard does, as plan files say it.
///
/// # Errors
/// What is wrong with the text, in words.
pub(crate) fn guard_action(text: &str) -> Result<GuardAction, String> {
    let node = node::scalar(text);
    let mut reading = Reading::default();
    match reading.action(&Spot::root(&node), &Ladder::default()) {
        Some(action) => Ok(action),
        None => Err(reading.into_faults().iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")),
    }
}

impl Reading {
    /// The plan; what of it cannot be read is as if it were not there. None when the document is no mapping.
    fn plan(&mut self, root: &Spot<'_>) -> Option<PlanDefinition> {
        let fields = self.fields(root, &FIELDS)?;
        let key = match fields.get("plan") {
            Some(spot) => {
                self.place("key".to_owned(), spot.mark, &spot.field, spot.node.shown());
                self.name(spot, PlanKey::parse)
            }
            None => {
                self.missing(&fields, "plan", "the plan's name");
                None
            }
        };
        let key = key.unwrap_or_else(|| PlanKey::new("unnamed"));
        let mut plan = PlanDefinition::empty(key, EnvironmentKey::new(""));
        plan.description = fields.get("description").map(|spot| self.text(spot)).unwrap_or_default();
        plan.owner = fields.get("owner").map(|spot| self.text(spot)).unwrap_or_default();
        if let Some(environment) =
            fields.get("environment").and_then(|spot| self.name(spot, EnvironmentKey::parse))
        {
            plan.environment = environment;
        }
        plan.starts_at = fields.get("start").and_then(|spot| self.moment(spot));
        if let Some(first_day) = fields.get("first_day").and_then(|spot| self.count(spot)) {
            plan.first_day = first_day;
        }
        if let Some(ladder) = fields.get("ladder").and_then(|spot| self.ladder(spot)) {
            plan.ladder = ladder;
        }
        self.programme(&fields, &mut plan);
        let ladder: Ladder = plan.ladder.clone();
        plan.guards = fields.get("guards").map(|spot| self.guards(spot, &ladder)).unwrap_or_default();
        plan.on_complete = fields.get("on_complete").map(|spot| self.on_complete(spot)).unwrap_or_default();
        plan.notes = fields.get("notes").map(|spot| self.texts(spot)).unwrap_or_default();
        Some(plan)
    }

    /// The stages: written one by one, or as a progression.
    fn programme(&mut self, fields: &Fields<'_>, plan: &mut PlanDefinition) {
        let mut named = Vec::new();
        match (fields.get("stages"), fields.get("progression")) {
            (Some(stages), None) => plan.stages = self.stages(stages, &mut named),
            (None, Some(progression)) => plan.stages = self.progression(progression, &mut named),
            (Some(stages), Some(progression)) => {
                plan.stages = self.stages(stages, &mut named);
                let allowed = "either stages or a progression, which stands for stages";
                self.fault(progression, Reason::NotApplicable.as_str(), allowed);
            }
            (None, None) => {
                self.missing(fields, "stages", "a list of stages, or a progression in their place")
            }
        }
        if let Some(flags) = fields.get("flags") {
            self.flags(flags, &named);
        }
    }

    /// A list of flags at the head of a plan is a promise: the stages set these and no others.
    fn flags(&mut self, spot: &Spot<'_>, named: &[NamedFlag]) {
        let listed = self.flag_names(spot);
        for (index, (spot, flag)) in listed.iter().enumerate() {
            if listed.iter().take(index).any(|(_, known)| known.folded() == flag.folded()) {
                self.fault(spot, Reason::Duplicate.as_str(), "each flag once");
            } else if !named.iter().any(|named| named.flag.folded() == flag.folded()) {
                let allowed = "a flag that some stage sets";
                self.fault(spot, Reason::NotApplicable.as_str(), allowed);
            }
        }
        for (index, one) in named.iter().enumerate() {
            let is_listed = listed.iter().any(|(_, flag)| flag.folded() == one.flag.folded());
            let is_said = named.iter().take(index).any(|known| known.flag.folded() == one.flag.folded());
            if !listed.is_empty() && !is_listed && !is_said {
                let names: Vec<&str> = listed.iter().map(|(_, flag)| flag.as_str()).collect();
                let allowed = format!("one of the plan's flags: {}", names.join(", "));
                self.fault_at(
                    one.mark,
                    &one.field,
                    one.flag.as_str(),
                    Reason::NotApplicable.as_str(),
                    allowed,
                );
            }
        }
    }

    fn on_complete(&mut self, spot: &Spot<'_>) -> OnComplete {
        let mut end = OnComplete::default();
        if let Some(fields) = self.fields(spot, &["remove_flags_after", "canary_off", "notes"]) {
            end.remove_flags_after_seconds =
                fields.get("remove_flags_after").and_then(|spot| self.seconds(spot));
            end.canary_off = fields.get("canary_off").and_then(|spot| self.truth(spot)).unwrap_or_default();
            end.notes = fields.get("notes").map(|spot| self.texts(spot)).unwrap_or_default();
        }
        end
    }
}
