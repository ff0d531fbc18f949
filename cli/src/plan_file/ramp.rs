//! A plan for one flag that was typed on the command line: `--stage 1,24h --stage 10,3d --stage 100`.

use std::fmt;
use std::str::FromStr;

use mycelia_flags_core::key::{EnvironmentKey, FlagKey, NAME_GRAMMAR, PlanKey};
use mycelia_flags_core::limits::{GATE_APPROVALS_MAX, PLAN_SECONDS_MAX, STAGES_MAX};
use mycelia_flags_core::plan::{Gate, PlanDefinition, duration_text};

use super::progression::{Step, ramp_stages};
use crate::percent::Percent;

/// A stage as it was typed: `1,24h`, or `100`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RampStage {
    pub(crate) percent: Percent,
    /// How long the stay is; none for the last stage.
    pub(crate) hold_seconds: Option<u64>,
}

impl FromStr for RampStage {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (percent, hold) =
            text.split_once(',').map_or((text, None), |(percent, hold)| (percent, Some(hold)));
        let percent = percent.trim().parse()?;
        let hold_seconds = match hold {
            Some(hold) => Some(duration_text::parse(hold).ok_or_else(|| {
                format!("expected {} after the comma, not `{}`", duration_text::GRAMMAR, hold.trim())
            })?),
            None => None,
        };
        Ok(Self { percent, hold_seconds })
    }
}

/// What else a ramp may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct RampGate {
    /// Somebody must say go before each step.
    pub(crate) go: bool,
    /// How many people must approve each step.
    pub(crate) approvals: u32,
}

/// An argument that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RampFault {
    pub(crate) argument: String,
    pub(crate) value: String,
    pub(crate) allowed: String,
}

impl fmt::Display for RampFault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {:?}: {}", self.argument, self.value, self.allowed)
    }
}

/// The plan `ramp.FLAG`. An empty environment is the server's default one.
///
/// # Errors
/// Everything that is wrong with the arguments.
pub(crate) fn ramp(
    flag: &str,
    environment: &str,
    stages: &[RampStage],
    gate: RampGate,
) -> Result<PlanDefinition, Vec<RampFault>> {
    let mut faults = Vec::new();
    let mut note = |argument: String, value: &str, allowed: String| {
        faults.push(RampFault { argument, value: value.to_owned(), allowed });
    };
    let key = FlagKey::parse(flag).ok();
    let plan = PlanKey::parse(&format!("ramp.{flag}")).ok();
    if key.is_none() || plan.is_none() {
        // The plan's own name is five letters longer.
        note("FLAG".to_owned(), flag, format!("{NAME_GRAMMAR}; at most 123 of them here"));
    }
    if !environment.is_empty() && EnvironmentKey::parse(environment).is_err() {
        note("--env".to_owned(), environment, NAME_GRAMMAR.to_owned());
    }
    if stages.is_empty() || stages.len() > STAGES_MAX {
        let allowed = format!("1 to {STAGES_MAX} stages, such as --stage 1,24h --stage 10,3d --stage 100");
        note("--stage".to_owned(), &stages.len().to_string(), allowed);
    }
    if gate.approvals > GATE_APPROVALS_MAX {
        note("--approvals".to_owned(), &gate.approvals.to_string(), format!("0 to {GATE_APPROVALS_MAX}"));
    }
    let mut before: Option<Percent> = None;
    for (index, stage) in stages.iter().enumerate() {
        let argument = format!("--stage (number {})", index + 1);
        if let Some(before) = before.filter(|before| before.thousandths() >= stage.percent.thousandths()) {
            note(
                argument.clone(),
                &stage.percent.to_string(),
                format!("more than the stage before it, {before}"),
            );
        }
        before = Some(stage.percent);
        let is_last = index + 1 == stages.len();
        match stage.hold_seconds {
            None if !is_last => {
                let allowed =
                    format!("how long it stays, behind a comma, such as {},24h", stage.percent.as_f64());
                note(argument, &stage.percent.to_string(), allowed);
            }
            Some(seconds) if seconds > PLAN_SECONDS_MAX => {
                note(argument, &format!("{seconds}s"), "a stay of at most two years".to_owned());
            }
            _ => {}
        }
    }
    let (Some(key), Some(plan), true) = (key, plan, faults.is_empty()) else {
        return Err(faults);
    };
    let last = stages.len().saturating_sub(1);
    let steps = stages.iter().enumerate().map(|(index, stage)| Step {
        percent: stage.percent.as_f64(),
        hold_seconds: stage.hold_seconds.unwrap_or(0),
        gate: match index < last {
            true => Gate { go: gate.go, approvals: gate.approvals, ..Gate::default() },
            false => Gate::default(),
        },
    });
    let steps: Vec<Step> = steps.collect();
    let mut definition = PlanDefinition::empty(plan, EnvironmentKey::new(environment));
    definition.description = format!("{key} step by step").into();
    definition.stages = ramp_stages(&[key], &steps);
    Ok(definition)
}

#[cfg(test)]
mod tests {
    use mycelia_flags_core::plan::Target;

    use super::*;

    fn stages(typed: &[&str]) -> Vec<RampStage> {
        typed.iter().map(|stage| stage.parse().unwrap()).collect()
    }

    #[test]
    fn a_ramp_is_a_plan_of_one_flag() {
        let gate = RampGate { go: true, approvals: 2 };
        let plan = ramp("dreams", "", &stages(&["1,24h", "10,3d", "50,1w", "100"]), gate).unwrap();
        assert_eq!(plan.key.as_str(), "ramp.dreams");
        let seen: Vec<_> = plan
            .stages
            .iter()
            .map(|stage| (&*stage.name, stage.hold_seconds, stage.gate.go, stage.gate.approvals))
            .collect();
        let (hour, day) = (3_600, 86_400);
        assert_eq!(
            seen,
            [
                ("1%", 24 * hour, true, 2),
                ("10%", 3 * day, true, 2),
                ("50%", 7 * day, true, 2),
                ("100%", 0, false, 0)
            ]
        );
        assert_eq!(plan.stages[1].set, [(FlagKey::new("dreams"), Target::Percent(10.0))]);
    }

    #[track_caller]
    fn refuse(flag: &str, typed: &[&str], approvals: u32, expected: &[(&str, &str, &str)]) {
        let faults = ramp(flag, "", &stages(typed), RampGate { go: false, approvals }).unwrap_err();
        let faults: Vec<_> = faults
            .iter()
            .map(|fault| (fault.argument.as_str(), fault.value.as_str(), fault.allowed.as_str()))
            .collect();
        assert_eq!(faults, expected);
    }

    #[test]
    fn everything_that_is_wrong_is_said_at_once() {
        let none = "1 to 100 stages, such as --stage 1,24h --stage 10,3d --stage 100";
        refuse("dreams", &[], 0, &[("--stage", "0", none)]);
        refuse(
            "dr eams",
            &["10", "5,3000d", "100"],
            21,
            &[
                (
                    "FLAG",
                    "dr eams",
                    "1 to 128 of A-Z a-z 0-9 . _ -, beginning with a letter or digit; at most 123 of them here",
                ),
                ("--approvals", "21", "0 to 20"),
                ("--stage (number 1)", "10%", "how long it stays, behind a comma, such as 10,24h"),
                ("--stage (number 2)", "5%", "more than the stage before it, 10%"),
                ("--stage (number 2)", "259200000s", "a stay of at most two years"),
            ],
        );
    }

    #[test]
    fn a_stage_is_a_percentage_and_a_stay() {
        for (bad, words) in [
            ("x", "0 to 100"),
            ("101,1d", "0 to 100"),
            ("10,", "a length of time"),
            ("10,soon", "not `soon`"),
            ("", "0 to 100"),
        ] {
            let complaint = bad.parse::<RampStage>().unwrap_err();
            assert!(complaint.contains(words), "{bad}: {complaint}");
        }
    }
}
