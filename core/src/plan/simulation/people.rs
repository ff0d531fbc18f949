//! What people are assumed to do, and what it is called.

use super::Assumptions;
use crate::change::PlanAct;
use crate::plan::PlanDefinition;
use crate::plan::gate::Missing;
use crate::plan::progress::{PlanState, Progress};
use crate::plan::runner::Step;
use crate::plan::timetable::after;
use crate::revision::Timestamp;

/// How often people resume a plan. One that is taken back as often has a fault that waiting does not mend.
pub(super) const RESUMES_MAX: usize = 5;

/// What people do next, and when.
pub(super) struct Turn {
    pub(super) at: Timestamp,
    pub(super) doings: Vec<Doing>,
}

/// One deed; one that is no act on the plan is a rehearsal.
pub(super) struct Doing {
    pub(super) by: String,
    pub(super) act: Option<PlanAct>,
}

impl Doing {
    fn of_people(act: PlanAct) -> Self {
        Self { by: "people".to_owned(), act: Some(act) }
    }
}

impl Turn {
    pub(super) fn of(
        progress: &Progress,
        missing: &[Missing],
        now: Timestamp,
        assumptions: &Assumptions,
        resumed: usize,
    ) -> Option<Self> {
        let resume = || Doing::of_people(PlanAct::Resume);
        let (seconds, doings) = match progress.state {
            PlanState::Latched | PlanState::Paused if resumed >= RESUMES_MAX => return None,
            PlanState::Latched if progress.acknowledged.is_none() => {
                (assumptions.resume_after_seconds?, vec![Doing::of_people(PlanAct::Acknowledge), resume()])
            }
            PlanState::Latched | PlanState::Paused => (assumptions.resume_after_seconds?, vec![resume()]),
            PlanState::WaitingForGate => {
                let mut doings: Vec<Doing> = Vec::new();
                for missing in missing {
                    answer(missing, progress, &mut doings);
                }
                (assumptions.people_take_seconds?, doings)
            }
            _ => return None,
        };
        (!doings.is_empty()).then(|| Self { at: after(progress.since, seconds).max(now), doings })
    }
}

/// What people do about something that a gate waits for.
fn answer(missing: &Missing, progress: &Progress, doings: &mut Vec<Doing>) {
    match missing {
        Missing::NoGo { .. } | Missing::Go => doings.push(Doing::of_people(PlanAct::Go)),
        Missing::Approvals { given, needed } => {
            let taken = |name: &String| progress.approvals.iter().any(|deed| *deed.by == **name);
            let names = (1..).map(|number: u32| format!("person {number}")).filter(|name| !taken(name));
            let wanted = usize::try_from(needed.saturating_sub(*given)).unwrap_or(0);
            doings.extend(names.take(wanted).map(|by| Doing { by, act: Some(PlanAct::Approve) }));
        }
        Missing::Item(item) => doings.push(Doing::of_people(PlanAct::Tick { item: item.to_string() })),
        // One rehearsal is for all flags of the plan.
        Missing::Drill { .. } => {
            if doings.iter().all(|doing| doing.act.is_some()) {
                doings.push(Doing { by: "people".to_owned(), act: None });
            }
        }
        // Nobody reports what the trace does not hold: the plan waits, and that is what the simulation shows.
        Missing::Check { .. } | Missing::Unknown(_) | Missing::Soak { .. } => {}
    }
}

/// What a step is called; `{stage}` and `{reason}` stand for where the plan is then, and why.
pub(super) fn step_words(plan: &PlanDefinition, step: &Step) -> String {
    let guard = |place: &u32| usize::try_from(*place).ok().and_then(|place| plan.guards.get(place));
    let words = match step {
        Step::Alert { guard: place, value } => {
            let told =
                guard(place).map(|guard| format!("alert: {} ({})", guard.when, guard.when.show(*value)));
            return told.unwrap_or_default();
        }
        Step::Quiet { guard: place } => {
            let told = guard(place).map(|guard| format!("quiet again: {}", guard.when));
            return told.unwrap_or_default();
        }
        Step::Start => "starts: {reason}",
        Step::Enter { .. } => "enters {stage}: {reason}",
        Step::AwaitGate { .. } => "waits for the gate: {reason}",
        Step::AwaitDate => "waits for the next stage's date",
        Step::Complete => "completes: {reason}",
        Step::Trip { .. } => "{reason}",
        Step::Descend { .. } => "{reason}",
        Step::Rest { .. } => "the ladder ends: {reason}",
        Step::ClockWentBack => "the clock went back",
        Step::Block { .. } => "the next step was refused",
    };
    words.to_owned()
}
