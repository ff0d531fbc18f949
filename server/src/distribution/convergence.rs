//! Who has applied a revision, who has not yet, and how long it took: on one clock, the server's.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use mycelia_flags_core::key::EnvironmentKey;
use mycelia_flags_core::revision::{Revision, Timestamp};

use super::hub::Hub;
use super::registry::{Entry, StreamId};

/// The shortest time between two looks: with thousands of acknowledgements at once, each look goes over all streams.
const LOOK_PERIOD: Duration = Duration::from_millis(5);

/// What is waited for.
#[derive(Debug, Clone)]
pub struct Goal {
    /// The revision; none means everything that each scope has now.
    pub revision: Option<Revision>,
    /// When it was committed, if that is known.
    pub committed_at: Option<Timestamp>,
    /// Only this environment.
    pub environment: Option<EnvironmentKey>,
    /// At least this many instances must take part.
    pub instances_min: usize,
}

/// How far one service is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ServiceProgress {
    /// How many of its live instances have applied the revision.
    pub converged: usize,
    /// How many of its instances are live and concerned.
    pub live: usize,
    /// When the first acknowledgement came.
    pub first: Option<Timestamp>,
    /// When the last one so far came.
    pub last: Option<Timestamp>,
}

/// How far everybody is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Progress {
    /// Whether every live and concerned instance has applied the revision.
    pub converged: bool,
    /// By service; instances without one are under the empty name.
    pub services: BTreeMap<String, ServiceProgress>,
    /// `service/instance` of the first that has not applied it, or else of the last that has.
    pub slowest: String,
    /// From the first to the last acknowledgement, when there are at least two.
    pub spread_micros: Option<u64>,
}

/// A live instance that lacks something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lagging {
    /// Where.
    pub environment: EnvironmentKey,
    /// `service/instance`.
    pub instance: String,
    /// What it has applied.
    pub applied: Revision,
    /// What it needs.
    pub needed: Revision,
}

/// What a live instance has and lacks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Its stream.
    pub stream: StreamId,
    /// Where.
    pub environment: EnvironmentKey,
    /// `service/instance`.
    pub instance: String,
    /// What it has applied.
    pub applied: Revision,
    /// The first revision after that which concerns it.
    pub lacks: Option<Revision>,
}

impl Hub {
    /// Waits until all feeds have taken in a revision; false when the hub stops before that.
    pub async fn wait_taken_in(&self, revision: Revision) -> bool {
        self.taken_in().wait_for(|taken_in| *taken_in >= revision).await.is_ok()
    }

    /// How far everybody is with a goal.
    #[must_use]
    pub fn progress(&self, goal: &Goal) -> Progress {
        let mut progress = Progress { converged: true, ..Progress::default() };
        let mut last: Option<(Timestamp, Arc<Entry>)> = None;
        let mut pending = None;
        let mut first: Option<Timestamp> = None;
        let (mut instances, mut measured) = (0, 0);
        for entry in self.registry().list().into_iter().filter(|entry| entry.identity.is_waited_for()) {
            if goal.environment.as_ref().is_some_and(|environment| *environment != entry.scope.environment) {
                continue;
            }
            let Some((needed, concerned)) = self.needed(&entry.scope, goal.revision) else {
                continue;
            };
            if !concerned {
                continue;
            }
            instances += 1;
            let service = entry.scope.service.as_ref().map_or("", |service| service.as_str());
            let service = progress.services.entry(service.to_owned()).or_default();
            service.live += 1;
            if entry.applied() < needed {
                progress.converged = false;
                pending.get_or_insert(entry);
                continue;
            }
            service.converged += 1;
            let Some(at) = entry.applied_at(needed) else {
                continue;
            };
            measured += 1;
            service.first = Some(service.first.map_or(at, |first| first.min(at)));
            service.last = Some(service.last.map_or(at, |last| last.max(at)));
            first = Some(first.map_or(at, |first| first.min(at)));
            if last.as_ref().is_none_or(|(latest, _)| *latest <= at) {
                last = Some((at, entry));
            }
        }
        progress.converged &= instances >= goal.instances_min;
        progress.spread_micros = first
            .zip(last.as_ref())
            .filter(|_| measured > 1)
            .map(|(first, (last, _))| last.micros_since(first));
        let slowest = pending.or(last.map(|(_, entry)| entry));
        progress.slowest = slowest.map(|entry| name(&entry)).unwrap_or_default();
        progress
    }

    /// The live instances that lack something up to a revision, although they were connected at a moment already, in the
    /// order in which they came.
    #[must_use]
    pub fn lagging(&self, revision: Revision, since: Timestamp) -> Vec<Lagging> {
        let entries = self.registry().list().into_iter();
        let entries = entries.filter(|entry| entry.identity.is_waited_for() && entry.connected_at <= since);
        let lagging = entries.filter_map(|entry| {
            let (needed, _) = self.needed(&entry.scope, Some(revision))?;
            (entry.applied() < needed).then(|| Lagging {
                environment: entry.scope.environment.clone(),
                instance: name(&entry),
                applied: entry.applied(),
                needed,
            })
        });
        lagging.collect()
    }

    /// What each live instance has and lacks, in the order in which they came.
    #[must_use]
    pub fn standings(&self) -> Vec<Standing> {
        let entries = self.registry().list().into_iter().filter(|entry| entry.identity.is_waited_for());
        let standings = entries.map(|entry| {
            let applied = entry.applied();
            Standing {
                stream: entry.stream,
                environment: entry.scope.environment.clone(),
                instance: name(&entry),
                applied,
                lacks: self.lacks(&entry.scope, applied),
            }
        });
        standings.collect()
    }

    /// The next progress that is different from the one before, or the first one when there is none before.
    pub async fn next_progress(&self, goal: &Goal, before: Option<&Progress>) -> Option<Progress> {
        let mut moved = self.registry().moved();
        loop {
            moved.mark_unchanged();
            let progress = self.progress(goal);
            if before != Some(&progress) {
                return Some(progress);
            }
            moved.changed().await.ok()?;
            tokio::time::sleep(LOOK_PERIOD).await;
        }
    }
}

fn name(entry: &Entry) -> String {
    let service = entry.scope.service.as_ref().map_or("", |service| service.as_str());
    format!("{service}/{}", entry.identity.instance)
}
