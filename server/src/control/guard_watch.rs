//! Lets guards act: decides by core, acts by change sets of its own.
//!
//! It looks on a rhythm of its own and not at every commit: what metrics say changes without one. It remembers nothing but
//! what is in the log, so a restart between any two steps changes nothing. A trip that somebody's edit came before is
//! refused as stale, and judged again at the next look. One that is refused for anything else makes its guard say why,
//! and is tried again.

use std::collections::BTreeMap;
use std::time::Duration;

use mycelia_flags_core::change::{Change, ChangeSet, StepGuard};
use mycelia_flags_core::check::Origin;
use mycelia_flags_core::guard::GuardKey;
use mycelia_flags_core::guard::watch::{GuardStep, due};
use mycelia_flags_core::rejection::{Reason, Rejection};
use mycelia_flags_core::revision::Revision;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::measured::Measured;
use crate::clock::SharedClock;
use crate::state::{CommitError, CommitRequest, Store};

/// Who acts, for the history.
const ACTOR: &str = "mycelia";

/// How long a step that was refused waits until it is tried again, unless something is committed before.
const TRY_AGAIN: Duration = Duration::from_secs(30);

/// The guards whose step was refused: at which revision, and when.
type Refused = BTreeMap<GuardKey, (Revision, Duration)>;

/// How a step went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// It is in the log.
    Taken,
    /// Something has changed since it was judged.
    Stale,
    /// It was refused, and the guard says why.
    Refused,
    /// Nothing can be committed now.
    Unavailable,
}

/// Lets guards act, until it is told to stop. `pace` is how often metrics are asked while there are guards.
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
        head.borrow_and_update();
        let snapshot = store.snapshot();
        let elapsed = clock.elapsed();
        refused.retain(|_, (at, since)| {
            *at == snapshot.revision() && elapsed.saturating_sub(*since) < TRY_AGAIN
        });
        let watches = snapshot.guards().next().is_some();
        let mut steps = due(&snapshot, &measured, clock.now());
        steps.retain(|(guard, _)| !refused.contains_key(guard));
        let mut is_moved = false;
        for (guard, step) in steps {
            match take(&store, &guard, step).await {
                Outcome::Taken => is_moved = true,
                Outcome::Refused => {
                    refused.insert(guard, (store.snapshot().revision(), clock.elapsed()));
                }
                Outcome::Stale | Outcome::Unavailable => {}
            }
        }
        if is_moved && !stopping.is_cancelled() {
            continue;
        }
        let looked = async {
            match watches {
                true => tokio::time::sleep(pace).await,
                // Without guards there is nothing to look for until somebody sets one.
                false => drop(head.changed().await),
            }
        };
        if stopping.run_until_cancelled(looked).await.is_none() {
            return;
        }
    }
}

async fn take(store: &Store, guard: &GuardKey, step: GuardStep) -> Outcome {
    match submit(store, guard, step).await {
        Ok(true) => Outcome::Taken,
        Ok(false) => Outcome::Stale,
        Err(CommitError::Rejected(rejection)) if is_stale(&rejection) => Outcome::Stale,
        Err(CommitError::Rejected(rejection)) => {
            block(store, guard, &rejection).await;
            Outcome::Refused
        }
        Err(error) => {
            warn!(%guard, %error, "a guard cannot act");
            Outcome::Unavailable
        }
    }
}

/// Answers whether anything was written.
async fn submit(store: &Store, guard: &GuardKey, step: GuardStep) -> Result<bool, CommitError> {
    let reason = store.snapshot().guard(guard).map(|known| step.in_words(known)).unwrap_or_default();
    let is_trip = matches!(step, GuardStep::Trip { .. });
    let step = Change::StepGuard(Box::new(StepGuard { guard: guard.to_string(), step }));
    let change_set = ChangeSet { actor: ACTOR.to_owned(), reason: reason.clone(), changes: vec![step] };
    let request = CommitRequest { change_set, origin: Origin::Control, ..CommitRequest::default() };
    let committed = store.commit(request).await?;
    let is_written = !committed.writes.is_empty();
    if is_written && is_trip {
        warn!(%guard, revision = %committed.revision, reason, "a guard acts");
    } else if is_written {
        info!(%guard, revision = %committed.revision, reason, "a guard says something");
    }
    Ok(is_written)
}

/// Something has changed since the step was judged: there is nothing to tell.
fn is_stale(rejection: &Rejection) -> bool {
    let is_old = |reason: Reason| matches!(reason, Reason::GuardState | Reason::UnknownGuard);
    rejection.violations.iter().all(|violation| is_old(violation.reason))
}

/// Lets the guard say why it does not act, once.
async fn block(store: &Store, guard: &GuardKey, rejection: &Rejection) {
    let words: Vec<&str> = rejection.violations.iter().map(|violation| violation.allowed.as_str()).collect();
    let word = rejection.violations.first().map_or("", |violation| violation.reason.as_str());
    let reason = format!("{word}: {}", words.join("; "));
    if store.snapshot().guard_state(guard).is_some_and(|state| *state.blocked == *reason) {
        return;
    }
    warn!(%guard, reason, "a guard's step is refused");
    if let Err(error) = submit(store, guard, GuardStep::Block { reason }).await {
        warn!(%guard, %error, "a guard cannot say why it does not act");
    }
}

#[cfg(test)]
mod tests;
