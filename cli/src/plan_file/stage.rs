//! The stages of a plan.

use mycelia_flags_core::key::{EnvironmentKey, FlagKey, NAME_GRAMMAR};
use mycelia_flags_core::plan::{Stage, StageCanary, StageStart};
use mycelia_flags_core::rejection::Reason;

use super::fault::{INVALID_FORM, Mark};
use super::reading::{Reading, Spot};
use super::scalar::moment;

const FIELDS: [&str; 9] =
    ["name", "description", "environment", "at", "set", "canary", "hold", "gate", "rollback_within"];
const START: &str = "a day of the plan such as day 3, or a date and time with a zone such as \
                     2026-12-01T09:00:00+01:00 or 2026-12-01T09:00[Europe/Berlin]";

/// Where a stage names a flag.
pub(crate) struct NamedFlag {
    pub(crate) flag: FlagKey,
    pub(crate) mark: Mark,
    pub(crate) field: String,
}

impl Reading {
    /// All stages, each at its place; one that cannot be read is there without what cannot be read.
    pub(crate) fn stages(&mut self, spot: &Spot<'_>, named: &mut Vec<NamedFlag>) -> Vec<Stage> {
        let items = self.items(spot, "a list of stages, each with a name");
        let stages = items.iter().enumerate().map(|(index, item)| self.stage(item, index, named));
        stages.collect()
    }

    fn stage(&mut self, spot: &Spot<'_>, index: usize, named: &mut Vec<NamedFlag>) -> Stage {
        let mut stage = Stage { name: format!("stage {}", index + 1).into(), ..Stage::default() };
        let Some(fields) = self.fields(spot, &FIELDS) else {
            return stage;
        };
        match fields.get("name") {
            Some(name) => stage.name = self.text(name),
            None => self.missing(&fields, "name", "what the stage is, in a few words"),
        }
        stage.description = fields.get("description").map(|spot| self.text(spot)).unwrap_or_default();
        stage.environment = fields.get("environment").and_then(|spot| self.name(spot, EnvironmentKey::parse));
        stage.start = fields.get("at").and_then(|spot| self.start(spot)).unwrap_or_default();
        if let Some(set) = fields.get("set") {
            self.set(set, &mut stage, named);
        }
        stage.canary = fields.get("canary").map(|spot| self.canary(spot)).unwrap_or_default();
        stage.hold_seconds = fields.get("hold").and_then(|spot| self.seconds(spot)).unwrap_or_default();
        stage.gate = fields.get("gate").map(|spot| self.gate(spot)).unwrap_or_default();
        stage.rollback_within_seconds = fields.get("rollback_within").and_then(|spot| self.seconds(spot));
        stage
    }

    fn start(&mut self, spot: &Spot<'_>) -> Option<StageStart> {
        let (text, _) = self.scalar(spot, START)?;
        let day = text.strip_prefix("day ").and_then(|day| day.trim().parse().ok()).map(StageStart::Day);
        let start = day.or_else(|| moment(text).map(StageStart::At));
        if start.is_none() {
            self.fault(spot, INVALID_FORM, START);
        }
        start
    }

    fn set(&mut self, spot: &Spot<'_>, stage: &mut Stage, named: &mut Vec<NamedFlag>) {
        let Some(entries) = self.entries(spot, "a mapping of flags to what they serve, such as dreams: 25%")
        else {
            return;
        };
        for (key, target) in entries.all() {
            let path = format!("{}[{}]", spot.path, stage.set.len());
            let flag = FlagKey::parse(&key.text).ok();
            match &flag {
                Some(flag) => {
                    named.push(NamedFlag { flag: flag.clone(), mark: key.mark, field: target.field.clone() });
                }
                None => {
                    let reason = Reason::InvalidName.as_str();
                    self.fault_at(key.mark, &target.field, &key.text, reason, NAME_GRAMMAR);
                }
            }
            let target = target.clone().known_as(path.clone());
            // What cannot be read is not set, and the next flag takes its place in the check.
            if let (Some(wanted), Some(flag)) = (self.target(&target), flag) {
                self.place(format!("{path}.flag"), key.mark, &target.field, key.text.clone());
                self.place(path, target.mark, &target.field, target.node.shown());
                stage.set.push((flag, wanted));
            }
        }
    }

    fn canary(&mut self, spot: &Spot<'_>) -> StageCanary {
        let mut canary = StageCanary::default();
        if let Some(fields) = self.fields(spot, &["on", "add", "remove"]) {
            canary.on = fields.get("on").and_then(|spot| self.truth(spot));
            canary.add = fields.get("add").map(|spot| self.texts(spot)).unwrap_or_default();
            canary.remove = fields.get("remove").map(|spot| self.texts(spot)).unwrap_or_default();
        }
        canary
    }
}
