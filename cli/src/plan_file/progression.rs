//! The ordinary ramp: flags that go up step by step, as a template of stages.

use mycelia_flags_core::key::FlagKey;
use mycelia_flags_core::plan::{Gate, Stage, Target};
use mycelia_flags_core::rejection::Reason;

use super::fault::INVALID_FORM;
use super::node::Content;
use super::reading::{Reading, Spot};
use super::stage::NamedFlag;
use crate::percent::Percent;

const FIELDS: [&str; 4] = ["flags", "steps", "hold", "gate"];
const STEPS: &str =
    "rising percentages such as 1 → 10 → 50 → 100 (or 1 -> 10 -> 50 -> 100, or a list of them)";

/// One step of a ramp.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Step {
    pub(crate) percent: f64,
    pub(crate) hold_seconds: u64,
    pub(crate) gate: Gate,
}

/// The stages of a ramp.
pub(crate) fn ramp_stages(flags: &[FlagKey], steps: &[Step]) -> Vec<Stage> {
    let stage = |step: &Step| Stage {
        name: format!("{}%", step.percent).into(),
        set: flags.iter().map(|flag| (flag.clone(), Target::Percent(step.percent))).collect(),
        hold_seconds: step.hold_seconds,
        gate: step.gate.clone(),
        ..Stage::default()
    };
    steps.iter().map(stage).collect()
}

impl Reading {
    /// The stages that a progression stands for.
    pub(crate) fn progression(&mut self, spot: &Spot<'_>, named: &mut Vec<NamedFlag>) -> Vec<Stage> {
        self.place("stages".to_owned(), spot.mark, &spot.field, spot.node.shown());
        let Some(fields) = self.fields(spot, &FIELDS) else {
            return Vec::new();
        };
        let flags = match fields.get("flags") {
            Some(flags) => self.flag_names(flags),
            None => {
                self.missing(&fields, "flags", "the flags that go up");
                Vec::new()
            }
        };
        let percents = match fields.get("steps") {
            Some(steps) => self.steps(steps),
            None => {
                self.missing(&fields, "steps", STEPS);
                Vec::new()
            }
        };
        let mut steps: Vec<Step> =
            percents.iter().map(|(_, percent)| Step { percent: *percent, ..Step::default() }).collect();
        if let Some(hold) = fields.get("hold") {
            let holds = self.for_each_step(hold, steps.len(), Self::seconds);
            for (step, seconds) in steps.iter_mut().zip(holds) {
                step.hold_seconds = seconds;
            }
        }
        if let Some(gate) = fields.get("gate") {
            let gates = self.for_each_step(gate, steps.len(), |reading, spot| Some(reading.gate(spot)));
            for (step, gate) in steps.iter_mut().zip(gates) {
                step.gate = gate;
            }
        }
        self.place_template(&percents, &flags, fields.get("hold"), fields.get("gate"));
        named.extend(flags.iter().map(|(spot, flag)| NamedFlag {
            flag: flag.clone(),
            mark: spot.mark,
            field: spot.field.clone(),
        }));
        let flags: Vec<FlagKey> = flags.into_iter().map(|(_, flag)| flag).collect();
        ramp_stages(&flags, &steps)
    }

    pub(crate) fn flag_names<'n>(&mut self, spot: &Spot<'n>) -> Vec<(Spot<'n>, FlagKey)> {
        let items = self.items(spot, "a list of flags");
        if items.is_empty() && matches!(spot.node.content, Content::List(_)) {
            self.fault(spot, Reason::Required.as_str(), "at least one flag");
        }
        let named = items.into_iter().filter_map(|item| {
            let flag = self.name(&item, FlagKey::parse)?;
            Some((item, flag))
        });
        named.collect()
    }

    fn steps<'n>(&mut self, spot: &Spot<'n>) -> Vec<(Spot<'n>, f64)> {
        let parts: Vec<(Spot<'n>, &'n str)> = match &spot.node.content {
            Content::List(_) => {
                let items = self.items(spot, STEPS);
                let parts = items.into_iter().filter_map(|item| {
                    let (text, _) = self.scalar(&item, STEPS)?;
                    Some((item, text))
                });
                parts.collect()
            }
            _ => {
                let Some((text, _)) = self.scalar(spot, STEPS) else {
                    return Vec::new();
                };
                let parts = text.split('→').flat_map(|part| part.split("->"));
                parts.map(|part| (spot.clone(), part.trim())).collect()
            }
        };
        let mut steps: Vec<(Spot<'n>, f64)> = Vec::new();
        for (spot, part) in parts {
            let Ok(percent) = part.parse::<Percent>() else {
                self.fault_of(&spot, part, INVALID_FORM, STEPS);
                continue;
            };
            let percent = percent.as_f64();
            if let Some((_, before)) = steps.last().filter(|(_, before)| *before >= percent) {
                let allowed = format!("more than the step before it, {before}%");
                self.fault_of(&spot, part, Reason::OutOfRange.as_str(), allowed);
            }
            steps.push((spot, percent));
        }
        steps
    }

    /// One value for each step but the last, or a list of as many. The last step is where the ramp ends.
    fn for_each_step<T: Clone>(
        &mut self,
        spot: &Spot<'_>,
        steps: usize,
        read: impl Fn(&mut Self, &Spot<'_>) -> Option<T>,
    ) -> Vec<T> {
        let needed = steps.saturating_sub(1);
        if !matches!(spot.node.content, Content::List(_)) {
            return read(self, spot).map(|value| vec![value; needed]).unwrap_or_default();
        }
        let items = self.items(spot, "");
        if items.len() != needed && steps > 0 {
            let allowed = format!("one value, or one for each of the {needed} steps before the last");
            self.fault_of(spot, &items.len().to_string(), Reason::OutOfRange.as_str(), allowed);
        }
        // What cannot be read must not move the ones behind it.
        items.iter().map_while(|item| read(self, item)).collect()
    }

    /// Where in the template that stands which core finds wrong in the stages.
    fn place_template(
        &mut self,
        percents: &[(Spot<'_>, f64)],
        flags: &[(Spot<'_>, FlagKey)],
        hold: Option<&Spot<'_>>,
        gate: Option<&Spot<'_>>,
    ) {
        for (index, (step, _)) in percents.iter().enumerate() {
            let stage = format!("stages[{index}]");
            self.place(stage.clone(), step.mark, &step.field, step.node.shown());
            for (name, spot) in [("hold", hold), ("gate", gate)] {
                if let Some(spot) = spot {
                    let path = match spot.node.content {
                        Content::List(_) => format!("{}[{index}]", spot.path),
                        _ => spot.path.clone(),
                    };
                    self.rename(format!("{stage}.{name}"), &spot.clone().known_as(path));
                }
            }
            for (place, (spot, flag)) in flags.iter().enumerate() {
                self.place(format!("{stage}.set[{place}]"), step.mark, &step.field, step.node.shown());
                self.place(format!("{stage}.set[{place}].flag"), spot.mark, &spot.field, flag.to_string());
            }
        }
    }
}
