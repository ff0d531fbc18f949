//! A rollout plan: where it is, as a document, and the words that lists and the stepper share.

pub(crate) mod checklist;
pub(crate) mod list;
pub(crate) mod next;
pub(crate) mod report;
pub(crate) mod settled;
pub(crate) mod status;
pub(crate) mod stepper;
pub(crate) mod transition;

use mycelia_flags_core::plan::rollback_length::RollbackLength;
use mycelia_flags_proto::v1;
use serde::Serialize;

use crate::duration_text::print_seconds;
use crate::page::{Span, Tone};
use crate::plans;
use crate::view::moment::{self, Now};

/// A plan as people see it.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct PlanView {
    pub(crate) plan: String,
    pub(crate) description: String,
    pub(crate) environment: String,
    /// `draft`, `running`, `holding`, `waiting_for_gate`, `paused`, `rolling_back`, `latched`, `completed` or
    /// `cancelled`.
    pub(crate) state: String,
    pub(crate) since: Option<String>,
    /// Why it is in this state, in words.
    pub(crate) reason: String,
    /// Null before the start.
    pub(crate) day: Option<u32>,
    pub(crate) stages: Vec<StageView>,
    /// What the gate of the present stage waits for, in words.
    pub(crate) missing: Vec<String>,
    pub(crate) flags: Vec<PlanFlagView>,
    pub(crate) drift: Vec<DriftView>,
    /// Why the next step was refused; empty when none was.
    pub(crate) blocked: String,
    /// Until when the stay on a rung of a ladder lasts.
    pub(crate) rung_until: Option<String>,
    /// How long the last rollback took, or takes, by the log.
    pub(crate) rollback_length: Option<RollbackLengthView>,
    /// What only alerts, and is true.
    pub(crate) alerts: Vec<AlertView>,
    #[serde(skip)]
    pub(crate) status: v1::PlanStatus,
}

/// A stage of a plan.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct StageView {
    pub(crate) name: String,
    pub(crate) environment: String,
    /// `done`, `now` or `later`.
    pub(crate) state: String,
    pub(crate) entered_at: Option<String>,
    /// For a stage to come: when it begins at the earliest.
    pub(crate) due: Option<String>,
    pub(crate) held_until: Option<String>,
    /// What each flag is to serve, in words.
    pub(crate) set: Vec<FlagTargetView>,
    /// Within how many seconds a rollback from here has to be through; null when the plan does not say.
    pub(crate) rollback_within_seconds: Option<u64>,
}

/// A guard that only alerts, and whose condition is true.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct AlertView {
    /// The condition and the value, in words.
    pub(crate) alert: String,
    pub(crate) since: Option<String>,
}

/// How long a rollback took, beside how long its stage allows.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct RollbackLengthView {
    pub(crate) taken_micros: u64,
    /// Whether the flags are at their final place.
    pub(crate) over: bool,
    pub(crate) within_seconds: Option<u64>,
    /// Null when the plan does not say how long it may take, or while it may still go on.
    pub(crate) kept: Option<bool>,
}

impl RollbackLengthView {
    pub(crate) fn of(length: RollbackLength) -> Self {
        Self {
            taken_micros: length.taken_micros,
            over: length.is_over,
            within_seconds: length.within_seconds,
            kept: length.is_kept(),
        }
    }
}

/// As the core knows it.
pub(crate) fn rollback_length(status: &v1::PlanStatus) -> Option<RollbackLength> {
    status.rollback.map(|length| RollbackLength {
        taken_micros: length.taken_micros,
        is_over: length.over,
        within_seconds: length.within_seconds,
    })
}

/// What a flag is to serve.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct FlagTargetView {
    pub(crate) flag: String,
    pub(crate) target: String,
}

/// A flag of a plan: what it should serve, and what it does.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct PlanFlagView {
    pub(crate) environment: String,
    pub(crate) flag: String,
    /// Null while no stage has set it.
    pub(crate) target: Option<String>,
    pub(crate) actual: String,
    pub(crate) agrees: bool,
}

/// A flag of a plan that somebody changed by hand.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct DriftView {
    pub(crate) environment: String,
    pub(crate) flag: String,
    pub(crate) actual: String,
    pub(crate) target: String,
    pub(crate) deed: Option<DeedView>,
}

/// Who did something, when and in which revision.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct DeedView {
    pub(crate) by: String,
    pub(crate) at: Option<String>,
    pub(crate) revision: u64,
    pub(crate) note: String,
}

impl DeedView {
    pub(crate) fn of(deed: &v1::Deed) -> Self {
        Self {
            by: deed.by.clone(),
            at: moment::exactly(deed.at.as_ref()),
            revision: deed.revision,
            note: deed.note.clone(),
        }
    }
}

impl PlanView {
    pub(crate) fn of(status: v1::PlanStatus) -> Self {
        Self {
            plan: status.plan.clone(),
            description: status.description.clone(),
            environment: status.environment.clone(),
            state: name_of(status.state()),
            since: moment::exactly(status.since.as_ref()),
            reason: status.reason.clone(),
            day: status.day,
            stages: status.stages.iter().map(StageView::of).collect(),
            missing: status.missing.clone(),
            flags: status.flags.iter().map(PlanFlagView::of).collect(),
            drift: status.drift.iter().map(DriftView::of).collect(),
            blocked: status.blocked.clone(),
            rung_until: moment::exactly(status.rung_until.as_ref()),
            rollback_length: rollback_length(&status).map(RollbackLengthView::of),
            alerts: status
                .alerts
                .iter()
                .map(|alert| AlertView {
                    alert: alert.alert.clone(),
                    since: moment::exactly(alert.since.as_ref()),
                })
                .collect(),
            status,
        }
    }
}

impl StageView {
    fn of(stage: &v1::StageStatus) -> Self {
        let state = match stage.state() {
            v1::StageState::Done => "done",
            v1::StageState::Now => "now",
            v1::StageState::Later | v1::StageState::Unspecified => "later",
        };
        Self {
            name: stage.name.clone(),
            environment: stage.environment.clone(),
            state: state.to_owned(),
            entered_at: moment::exactly(stage.entered_at.as_ref()),
            due: moment::exactly(stage.due.as_ref()),
            held_until: moment::exactly(stage.held_until.as_ref()),
            set: stage
                .set
                .iter()
                .map(|set| FlagTargetView { flag: set.flag.clone(), target: set.target.clone() })
                .collect(),
            rollback_within_seconds: stage.rollback_within_seconds,
        }
    }
}

impl PlanFlagView {
    fn of(flag: &v1::PlanFlagStatus) -> Self {
        Self {
            environment: flag.environment.clone(),
            flag: flag.flag.clone(),
            target: flag.target.clone(),
            actual: flag.actual.clone(),
            agrees: flag.agrees,
        }
    }
}

impl DriftView {
    fn of(drift: &v1::Drift) -> Self {
        Self {
            environment: drift.environment.clone(),
            flag: drift.flag.clone(),
            actual: drift.actual.clone(),
            target: drift.target.clone(),
            deed: drift.deed.as_ref().map(DeedView::of),
        }
    }
}

/// The state as documents name it.
pub(crate) fn name_of(state: v1::PlanState) -> String {
    state.as_str_name().trim_start_matches("PLAN_STATE_").to_ascii_lowercase()
}

/// The state as people say it.
pub(crate) fn words_of(state: v1::PlanState) -> String {
    match state {
        v1::PlanState::WaitingForGate => "waiting for a gate".to_owned(),
        other => name_of(other).replace('_', " "),
    }
}

/// How the state stands out.
pub(crate) const fn tone_of(state: v1::PlanState) -> Tone {
    match state {
        v1::PlanState::Running | v1::PlanState::Holding | v1::PlanState::Completed => Tone::Good,
        v1::PlanState::WaitingForGate | v1::PlanState::Paused => Tone::Partial,
        v1::PlanState::RollingBack | v1::PlanState::Latched => Tone::Loud,
        v1::PlanState::Draft | v1::PlanState::Cancelled | v1::PlanState::Unspecified => Tone::Faint,
    }
}

/// `waiting for a gate for 2h`.
pub(crate) fn state_span(status: &v1::PlanStatus, now: Now) -> Span {
    let state = status.state();
    let lasted = now.since(status.since.as_ref()).filter(|seconds| *seconds > 0);
    let lasted = lasted.map(|seconds| match plans::is_over(state) {
        true => format!(" {} ago", print_seconds(seconds)),
        false => format!(" for {}", print_seconds(seconds)),
    });
    Span::new(&format!("{}{}", words_of(state), lasted.unwrap_or_default()), tone_of(state))
}

/// `1 stage`, `4 stages`.
pub(crate) fn stages_in_words(count: usize) -> String {
    if count == 1 { "1 stage".to_owned() } else { format!("{count} stages") }
}

/// The stage that the plan is in, and its number from 1 on.
pub(crate) fn present(status: &v1::PlanStatus) -> Option<(usize, &v1::StageStatus)> {
    (1..).zip(&status.stages).find(|(_, stage)| stage.state() == v1::StageState::Now)
}

/// What somebody should know of a plan, a line for each: it is taken back, blocked, waits for somebody, or flags are
/// not as it wants them.
pub(crate) fn alarms(status: &v1::PlanStatus) -> Vec<String> {
    let mut alarms = Vec::new();
    if plans::is_over(status.state()) {
        return alarms;
    }
    match status.state() {
        v1::PlanState::Latched => alarms.push(format!("taken back: {}", status.reason)),
        v1::PlanState::RollingBack => alarms.push(format!("on its way down: {}", status.reason)),
        v1::PlanState::Paused => alarms.push(status.reason.clone()),
        v1::PlanState::WaitingForGate if !status.missing.is_empty() => {
            alarms.push(format!("waits for: {}", status.missing.join("; ")));
        }
        _ => {}
    }
    let is_back = matches!(status.state(), v1::PlanState::Latched | v1::PlanState::RollingBack);
    let late = rollback_length(status).filter(|length| is_back && length.is_kept() == Some(false));
    alarms.extend(late.map(|length| length.to_string()));
    alarms.extend(status.alerts.iter().map(alert_in_words));
    if !status.blocked.is_empty() {
        alarms.push(format!("blocked: {}", status.blocked));
    }
    alarms.extend(status.drift.iter().map(drift_in_words));
    alarms.extend(apart(status).map(apart_in_words));
    alarms
}

/// The flags of a stage that are not as the plan wants them, and nobody is known to have changed.
pub(crate) fn apart(status: &v1::PlanStatus) -> impl Iterator<Item = &v1::PlanFlagStatus> {
    use v1::PlanState::{Holding, Running, WaitingForGate};
    let is_in_stage = matches!(status.state(), Holding | Running | WaitingForGate);
    let is_known = |flag: &v1::PlanFlagStatus| {
        status.drift.iter().any(|drift| drift.flag == flag.flag && drift.environment == flag.environment)
    };
    let apart = status.flags.iter().filter(|flag| flag.target.is_some() && !flag.agrees);
    apart.filter(move |flag| is_in_stage && !is_known(flag))
}

/// `dreams in production is 30%, the plan wants 10%`.
pub(crate) fn apart_in_words(flag: &v1::PlanFlagStatus) -> String {
    let target = flag.target.as_deref().unwrap_or_default();
    format!("{} in {} is {}, the plan wants {target}", flag.flag, flag.environment, flag.actual)
}

/// `alert: error_rate > 2% (3.5%), since 2026-12-03 09:20Z`.
pub(crate) fn alert_in_words(alert: &v1::AlertStatus) -> String {
    format!("alert: {}, since {}", alert.alert, moment::to_the_minute(alert.since.as_ref()))
}

/// `drift: dreams in production is 30%, the plan wants 10% (mara)`.
pub(crate) fn drift_in_words(drift: &v1::Drift) -> String {
    let by = drift.deed.as_ref().map(|deed| format!(" ({})", deed.by)).unwrap_or_default();
    let v1::Drift { flag, environment, actual, target, .. } = drift;
    format!("drift: {flag} in {environment} is {actual}, the plan wants {target}{by}")
}

/// How a rollback goes, in words that may follow what goes back: `: disabled`, ` to 0%`.
pub(crate) fn way_in_words(way: &v1::Rollback) -> String {
    use v1::rollback::Kind;
    match &way.kind {
        None => String::new(),
        Some(Kind::Disable(_)) => ": disabled".to_owned(),
        Some(Kind::ToZero(_)) => " to 0%".to_owned(),
        Some(Kind::Gradual(ladder)) => {
            let rungs: Vec<String> = ladder.percents.iter().map(|percent| format!("{percent}%")).collect();
            format!(" gradually: {}, {} each", rungs.join(", "), print_seconds(ladder.every_seconds))
        }
        Some(Kind::Segments(segments)) => format!(" for {}", segments.segments.join(", ")),
        Some(Kind::CanaryOff(_)) => ": canary mode off".to_owned(),
    }
}

#[cfg(test)]
pub(crate) mod tests;
