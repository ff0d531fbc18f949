//! Lets rollout plans go on: decides by core, acts by change sets of its own.
//!
//! It remembers nothing but what is in the log, so a restart between any two steps changes nothing. A step that is
//! refused, because a policy forbids it now or a flag is no longer what the plan knew, blocks its plan: the plan says why,
//! and the step is tried again.

use std::collections::BTreeMap;
use std::time::Duration;

use mycelia_flags_core::change::{Change, ChangeSet, PlanAct};
use mycelia_flags_core::check::Origin;
use mycelia_flags_core::key::PlanKey;
use mycelia_flags_core::plan::gate::Surroundings;
use mycelia_flags_core::plan::metric_check::Metrics;
use mycelia_flags_core::plan::progress::PlanState;
use mycelia_flags_core::plan::runner::{Next, Step, next};
use mycelia_flags_core::rejection::{Reason, Rejection};
use mycelia_flags_core::revision::{Revision, Timestamp};
use mycelia_flags_core::snapshot::Snapshot;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::measured::Measured;
use crate::clock::SharedClock;
use crate::state::{CommitError, CommitRequest, Store};

/// Who takes a step, for the history.
const ACTOR: &str = "mycelia";

/// How long a step that was refused waits until it is tried again, unless something is committed before.
const TRY_AGAIN: Duration = Duration::from_secs(30);

/// What is to be done now, and when to look again.
#[derive(Debug, Default)]
struct Agenda {
    steps: Vec<(PlanKey, Step)>,
    /// The next moment at which a step is due by itself.
    until: Option<Timestamp>,
    /// Whether what metrics say may let a plan move, although nothing is committed and no moment comes.
    measured: bool,
}

impl Agenda {
    fn of(snapshot: &Snapshot, metrics: &dyn Metrics, now: Timestamp) -> Self {
        let around = Surroundings { now, metrics, memory: snapshot };
        let mut agenda = Self::default();
        for (plan, progress) in snapshot.plans() {
            agenda.measured |= progress.state.is_in_stage() || progress.state == PlanState::RollingBack;
            match next(plan, progress, &around) {
                Next::Step(step) => agenda.steps.push((plan.key.clone(), step)),
                Next::Wait(moment) => {
                    agenda.until = Some(agenda.until.map_or(moment, |until| until.min(moment)));
                }
                Next::Idle => {}
            }
        }
        agenda
    }
}

/// The plans whose step was refused: at which revision, and when. Each is tried again when something is committed, or
/// after a while: what a policy forbids now it may allow then.
type Refused = BTreeMap<PlanKey, (Revision, Duration)>;

/// How a step went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// It is in the log.
    Taken,
    /// The plan has moved since it was looked at, or nothing was to be done.
    Stale,
    /// It was refused, and the plan says why: now, or since before.
    Refused {
        /// Whether it was said now, which is a revision of its own.
        said: bool,
    },
    /// Nothing can be committed now.
    Unavailable,
}

/// Lets plans go on, until it is told to stop. `pace` is how often the clock is looked at while a plan waits for it: it
/// may jump.
pub async fn run(
    store: Store,
    clock: SharedClock,
    measured: Measured,
    pace: Duration,
    stopping: CancellationToken,
) {
    let mut head = store.head();
    let mut refused = Refused::new();
    loop {
        let seen = *head.borrow_and_update();
        let mut agenda = Agenda::of(&store.snapshot(), &measured, clock.now());
        let elapsed = clock.elapsed();
        refused.retain(|_, (at, since)| *at == seen && elapsed.saturating_sub(*since) < TRY_AGAIN);
        let waits = !agenda.steps.is_empty() || agenda.until.is_some() || agenda.measured;
        agenda.steps.retain(|(plan, _)| !refused.contains_key(plan));
        let mut outcomes = Vec::new();
        for (plan, step) in agenda.steps {
            let before = store.snapshot().revision();
            let outcome = take(&store, &plan, step).await;
            if let Outcome::Refused { said } = outcome {
                // What somebody else commits meanwhile may be what it lacks: only its own word does not count.
                let at = if said { before.next() } else { before };
                refused.insert(plan, (at, clock.elapsed()));
            }
            outcomes.push(outcome);
        }
        if outcomes.contains(&Outcome::Taken) {
            continue;
        }
        if outcomes.iter().any(|outcome| matches!(outcome, Outcome::Refused { .. })) {
            // Its own word about it is no reason to try again.
            head.borrow_and_update();
        }
        let looked = async {
            match waits {
                true => tokio::time::sleep(pace).await,
                false => std::future::pending().await,
            }
        };
        tokio::select! {
            () = stopping.cancelled() => return,
            moved = head.changed() => if moved.is_err() { return },
            () = looked => {}
        }
    }
}

async fn take(store: &Store, plan: &PlanKey, step: Step) -> Outcome {
    match submit(store, plan, step).await {
        Ok(true) => Outcome::Taken,
        Ok(false) => Outcome::Stale,
        Err(CommitError::Rejected(rejection)) if is_stale(&rejection) => Outcome::Stale,
        Err(CommitError::Rejected(rejection)) => {
            Outcome::Refused { said: block(store, plan, &rejection).await }
        }
        Err(error) => {
            warn!(%plan, %error, "a plan cannot go on");
            Outcome::Unavailable
        }
    }
}

/// Answers whether anything was written.
async fn submit(store: &Store, plan: &PlanKey, step: Step) -> Result<bool, CommitError> {
    let reason = step.in_words();
    let act = Change::ActOnPlan { plan: plan.to_string(), act: PlanAct::Step(step) };
    let change_set = ChangeSet { actor: ACTOR.to_owned(), reason, changes: vec![act] };
    let reason = change_set.reason.clone();
    let request = CommitRequest { change_set, origin: Origin::Control, ..CommitRequest::default() };
    let committed = store.commit(request).await?;
    if !committed.writes.is_empty() {
        info!(%plan, revision = %committed.revision, reason, "a plan goes on");
    }
    Ok(!committed.writes.is_empty())
}

/// The plan has moved since it was looked at: there is nothing to tell.
fn is_stale(rejection: &Rejection) -> bool {
    rejection
        .violations
        .iter()
        .all(|violation| matches!(violation.reason, Reason::PlanState | Reason::UnknownPlan))
}

/// Lets the plan say why it does not go on, once; answers whether it said it now.
async fn block(store: &Store, plan: &PlanKey, rejection: &Rejection) -> bool {
    let reason: Vec<&str> = rejection.violations.iter().map(|violation| violation.allowed.as_str()).collect();
    let reason = format!(
        "{}: {}",
        rejection.violations.first().map_or("", |violation| violation.reason.as_str()),
        reason.join("; ")
    );
    let known = store.snapshot().plan(plan).is_some_and(|(_, progress)| *progress.blocked == *reason);
    if known {
        return false;
    }
    warn!(%plan, reason, "a plan's step is refused");
    match submit(store, plan, Step::Block { reason }).await {
        Ok(said) => said,
        Err(error) => {
            warn!(%plan, %error, "a plan cannot say why it does not go on");
            false
        }
    }
}

#[cfg(test)]
mod tests;
