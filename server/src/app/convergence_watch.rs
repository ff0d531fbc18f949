//! Tells when live instances do not follow: what distribution knows, brought to the notifier, which does not know
//! distribution.

mod skew;

use std::sync::Arc;
use std::time::Duration;

use mycelia_flags_core::event::{Event, EventKind};
use mycelia_flags_core::incident::Severity;
use mycelia_flags_core::revision::Revision;
use tokio_util::sync::CancellationToken;

use crate::clock::SharedClock;
use crate::control::notifier::notice::{Notice, Origin};
use crate::control::notifier::{Notifier, NotifyOptions};
use crate::distribution::convergence::Lagging;
use crate::distribution::hub::Hub;

/// How many instances are named.
const NAMED_MAX: usize = 20;

/// How long instances may lag, and how long they may serve different states.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    pub(super) convergence: Duration,
    pub(super) skew: Duration,
}

impl Bounds {
    pub(super) const fn of(options: &NotifyOptions) -> Self {
        Self { convergence: options.convergence_bound, skew: options.skew_bound }
    }
}

/// Looks at the newest revision when it has stood for the bound, then at the one that is the newest then. Whoever lags is
/// found within twice the bound, however fast revisions follow each other. `pace` is how often the clock is looked at.
pub(super) async fn run(
    hub: Arc<Hub>,
    notifier: Arc<Notifier>,
    clock: SharedClock,
    (bounds, pace): (Bounds, Duration),
    stopping: CancellationToken,
) {
    let bound = bounds.convergence;
    let lagging = async {
        let (mut taken_in, mut known) = (hub.taken_in(), Vec::new());
        loop {
            let (revision, since) = (*taken_in.borrow_and_update(), clock.now());
            let until = clock.elapsed().saturating_add(bound);
            loop {
                let left = until.saturating_sub(clock.elapsed());
                if left.is_zero() {
                    break;
                }
                tokio::time::sleep(left.min(pace)).await;
            }
            let lagging = hub.lagging(revision, since);
            // One that has moved since it was told of, and lags again, is told of again.
            let names: Vec<(String, Revision)> =
                lagging.iter().map(|lagging| (lagging.instance.clone(), lagging.applied)).collect();
            if names.iter().any(|name| !known.contains(name)) {
                raise(&notifier, &clock, (revision, bound), &lagging);
            }
            known = names;
            // Whoever lags is looked at again, to notice when it is there; else there is nothing to do until something moves.
            if known.is_empty()
                && !taken_in.has_changed().unwrap_or(true)
                && taken_in.changed().await.is_err()
            {
                return;
            }
        }
    };
    if !notifier.desks().is_empty() {
        let skewed = skew::run(&hub, &notifier, &clock, bounds.skew, pace);
        stopping.run_until_cancelled(async { tokio::join!(lagging, skewed) }).await;
    }
}

fn raise(
    notifier: &Notifier,
    clock: &SharedClock,
    (revision, bound): (Revision, Duration),
    lagging: &[Lagging],
) {
    let mut environments = Vec::new();
    for environment in lagging.iter().map(|lagging| &lagging.environment) {
        if !environments.contains(environment) {
            environments.push(environment.clone());
        }
    }
    let evidence = lagging.iter().take(NAMED_MAX).map(|lagging| {
        let Lagging { environment, instance, applied, needed } = lagging;
        format!("{instance} in {environment}: has {applied}, needs {needed}")
    });
    let names: Vec<&str> = lagging.iter().take(3).map(|lagging| lagging.instance.as_str()).collect();
    let more = if lagging.len() > names.len() { ", …" } else { "" };
    let event = Event {
        kind: EventKind::ConvergenceFailed,
        severity: Severity::Critical,
        environments,
        flags: Vec::new(),
        plan: None,
        words: format!(
            "{} live instance(s) have not applied revision {revision} within {} s: {}{more}",
            lagging.len(),
            bound.as_secs(),
            names.join(", ")
        ),
        evidence: evidence.collect(),
        notify: Vec::new(),
    };
    let id = format!("{}-{revision}-convergence", notifier.epoch());
    let origin = Origin { id, at: clock.now(), revision, actor: "mycelia", reason: "" };
    notifier.raise(event.clone(), Notice::of(origin, event));
}
