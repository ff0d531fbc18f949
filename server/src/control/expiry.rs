//! Ends overrides whose time has come: what was detached for debugging comes back by itself.
//!
//! Evaluations know no time, so that the same state gives the same answers at any later replay. It is the server that
//! takes an override back, by a change set of its own. One whose time came while the server was down goes at its start.

use std::collections::BTreeMap;
use std::time::Duration;

use mycelia_flags_core::change::{Change, ChangeSet, Place};
use mycelia_flags_core::check::Origin;
use mycelia_flags_core::entity::{Entity, EntityId, Write};
use mycelia_flags_core::flag::FlagConfiguration;
use mycelia_flags_core::key::{EnvironmentKey, FoldedKey, ServiceName};
use mycelia_flags_core::limits::CHANGES_MAX;
use mycelia_flags_core::revision::{Revision, Timestamp};
use mycelia_flags_core::snapshot::Snapshot;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::clock::SharedClock;
use crate::state::{CommitRequest, Store};

/// Who ends an override, for the history.
const ACTOR: &str = "mycelia";

/// How often the clock is looked at while an override is waiting for its end: it may jump.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// The overrides of a store, by the configurations that have some.
#[derive(Debug, Default)]
struct Deadlines {
    revision: Revision,
    known: BTreeMap<(EnvironmentKey, FoldedKey), Vec<(Timestamp, ServiceName)>>,
}

impl Deadlines {
    fn of(snapshot: &Snapshot) -> Self {
        let mut deadlines = Self { revision: snapshot.revision(), ..Self::default() };
        for environment in snapshot.environments() {
            for (flag, configuration) in snapshot.configurations(environment) {
                deadlines.note(environment, flag, Some(configuration));
            }
        }
        deadlines
    }

    /// Takes in what was committed since.
    fn follow(&mut self, store: &Store) {
        let Some(records) = store.records_after(self.revision) else {
            *self = Self::of(&store.snapshot());
            return;
        };
        for record in records {
            self.take_in(&record.writes);
            self.revision = record.revision;
        }
    }

    fn take_in(&mut self, writes: &[Write]) {
        for write in writes {
            if let EntityId::Configuration(environment, flag) = &write.id {
                let configuration = match &write.value {
                    Some(Entity::Configuration(configuration)) => Some(&**configuration),
                    _ => None,
                };
                self.note(environment, flag, configuration);
            }
        }
    }

    fn note(
        &mut self,
        environment: &EnvironmentKey,
        flag: &FoldedKey,
        configuration: Option<&FlagConfiguration>,
    ) {
        let overrides = configuration.map_or(&[][..], |configuration| &configuration.overrides);
        let key = (environment.clone(), flag.clone());
        if overrides.is_empty() {
            self.known.remove(&key);
            return;
        }
        let deadlines = overrides.iter().map(|detached| (detached.expires_at, detached.service.clone()));
        self.known.insert(key, deadlines.collect());
    }

    /// What is to be done at a moment: as much as one change set holds.
    fn due(&self, now: Timestamp) -> Vec<Change> {
        let overrides = self.known.iter().flat_map(|(place, overrides)| {
            overrides.iter().map(move |(expires_at, service)| (place, expires_at, service))
        });
        let due = overrides.filter(|(_, expires_at, _)| **expires_at <= now);
        due.take(CHANGES_MAX)
            .map(|((environment, flag), _, service)| Change::RemoveOverride {
                place: Place { environment: environment.to_string(), flag: flag.to_string() },
                service: service.to_string(),
            })
            .collect()
    }

    /// How long to wait before the clock is looked at again; none while no override is waiting for its end.
    fn wait(&self, now: Timestamp) -> Option<Duration> {
        let next = self.known.values().flatten().map(|(expires_at, _)| *expires_at).min()?;
        Some(Duration::from_micros(next.micros_since(now)).min(LOOK_AGAIN))
    }
}

/// Ends overrides, until it is told to stop.
pub async fn run(store: Store, clock: SharedClock, stopping: CancellationToken) {
    let mut head = store.head();
    let mut deadlines = Deadlines::of(&store.snapshot());
    loop {
        head.borrow_and_update();
        deadlines.follow(&store);
        let now = clock.now();
        let due = deadlines.due(now);
        let wait = if due.is_empty() {
            deadlines.wait(now)
        } else if end(&store, due, deadlines.revision).await {
            continue;
        } else {
            Some(LOOK_AGAIN)
        };
        let waited = async {
            match wait {
                Some(wait) => tokio::time::sleep(wait).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = stopping.cancelled() => return,
            moved = head.changed() => if moved.is_err() { return },
            () = waited => {}
        }
    }
}

/// Submits the change set; false when it was not committed.
async fn end(store: &Store, changes: Vec<Change>, revision: Revision) -> bool {
    let overrides = changes.len();
    let change_set = ChangeSet { actor: ACTOR.to_owned(), reason: "expired".to_owned(), changes };
    // Somebody who prolongs an override at this very moment must not lose it.
    let expected_revision = Some(revision);
    let request =
        CommitRequest { change_set, expected_revision, origin: Origin::Control, ..CommitRequest::default() };
    match store.commit(request).await {
        Ok(committed) => {
            info!(revision = %committed.revision, overrides, "overrides have expired");
            true
        }
        Err(error) => {
            warn!(%error, overrides, "overrides that have expired are still there");
            false
        }
    }
}

#[cfg(test)]
mod tests;
