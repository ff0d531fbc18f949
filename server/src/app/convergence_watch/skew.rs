//! Tells when live instances of an environment serve different states for longer than a while, and when that is over.
//!
//! An instance is behind when it lacks a revision which another one of its environment has had for longer than the bound.
//! So is nobody while all lack the same (that is no skew: it is told as a convergence that failed), nor where revisions follow
//! each other quickly and everybody keeps up. What does not concern an instance's scope, it does not lack.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use mycelia_flags_core::event::{Event, EventKind};
use mycelia_flags_core::incident::Severity;
use mycelia_flags_core::key::EnvironmentKey;
use mycelia_flags_core::revision::{Revision, Timestamp};

use super::NAMED_MAX;
use crate::clock::SharedClock;
use crate::control::notifier::Notifier;
use crate::control::notifier::notice::{Notice, Origin};
use crate::control::notifier::skews::{ToldSkew, ToldSkews};
use crate::distribution::convergence::Standing;
use crate::distribution::hub::Hub;
use crate::distribution::registry::StreamId;

/// Into how many steps the bound is divided: so many moments of the past are remembered.
const STEPS: u32 = 64;

/// Looks whenever somebody moves, and on a pace while anybody is behind, until the server drains.
pub(super) async fn run(
    hub: &Hub,
    notifier: &Notifier,
    clock: &SharedClock,
    bound: Duration,
    pace: Duration,
) {
    let mut moved = hub.registry().moved();
    let begun = clock.elapsed();
    let before = notifier.told_skews().await.into_iter();
    let mut watched: BTreeMap<EnvironmentKey, Watched> =
        before.map(|(environment, told)| (environment, Watched::resume(told, begun))).collect();
    loop {
        moved.mark_unchanged();
        let mut standings: BTreeMap<EnvironmentKey, Vec<Standing>> = BTreeMap::new();
        for standing in hub.standings() {
            standings.entry(standing.environment.clone()).or_default().push(standing);
        }
        if hub.draining().is_cancelled() {
            // Streams end because the server leaves: nobody has caught up by that.
            return;
        }
        let is_level = standings.values().flatten().all(|standing| standing.lacks.is_none());
        for environment in standings.keys() {
            watched.entry(environment.clone()).or_default();
        }
        let now = (clock.elapsed(), clock.now());
        let mut found = Vec::new();
        for (environment, watched) in &mut watched {
            let here = standings.get(environment).map(Vec::as_slice).unwrap_or_default();
            found.extend(watched.look(here, now, bound).map(|found| (environment.clone(), found)));
        }
        if !found.is_empty() {
            // Before it is told: an end that nobody waits for is better than one that never comes.
            notifier.keep_told_skews(told(&watched)).await;
        }
        for (environment, found) in found {
            tell(notifier, &environment, (now.1, bound), found);
        }
        let waits = |watched: &Watched| watched.resumed.is_some();
        watched.retain(|environment, watched| standings.contains_key(environment) || waits(watched));
        if !is_level || watched.values().any(waits) {
            tokio::time::sleep(pace).await;
        } else if moved.changed().await.is_err() {
            return;
        }
    }
}

/// What is remembered of an environment.
#[derive(Debug, Default)]
struct Watched {
    /// The newest revision that anybody had, each since when; at least one that is older than the bound, if there was one.
    fronts: VecDeque<(Duration, Revision)>,
    /// Since when each stream is known.
    known: BTreeMap<StreamId, Duration>,
    episode: Option<Episode>,
    /// Since when a skew is watched that was told before a restart, until it is known what became of it.
    resumed: Option<Duration>,
}

/// A skew that was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Episode {
    revision: Revision,
    at: Timestamp,
    /// When it was told, for whoever measures how long it took; none before a restart.
    since: Option<Duration>,
}

/// What there is to tell.
#[derive(Debug, PartialEq)]
enum Found {
    /// Somebody is behind: who, and of how many.
    Begun { episode: Episode, behind: Vec<Standing>, live: usize },
    /// Nobody is any more, after so long.
    Over { episode: Episode, after: Duration },
}

impl Watched {
    /// Goes on with what was told before a restart.
    fn resume(told: ToldSkew, begun: Duration) -> Self {
        let ToldSkew { revision, at } = told;
        Self { episode: Some(Episode { revision, at, since: None }), resumed: Some(begun), ..Self::default() }
    }

    fn look(
        &mut self,
        here: &[Standing],
        (elapsed, at): (Duration, Timestamp),
        bound: Duration,
    ) -> Option<Found> {
        let streams: BTreeSet<StreamId> = here.iter().map(|standing| standing.stream).collect();
        self.known.retain(|stream, _| streams.contains(stream));
        for stream in streams {
            self.known.entry(stream).or_insert(elapsed);
        }
        let front = here.iter().map(|standing| standing.applied).max().unwrap_or(Revision::ZERO);
        self.note(front, elapsed, bound);
        let is_long_ago = |since: Duration| elapsed.saturating_sub(since) > bound;
        let old = self.fronts.iter().rev().find(|(since, _)| is_long_ago(*since));
        // Whoever was ahead may have gone: it is still ahead of somebody who lives that an instance must be.
        let reached = old.map_or(Revision::ZERO, |(_, revision)| (*revision).min(front));
        let is_behind = |standing: &&Standing| {
            let is_known = self.known.get(&standing.stream).is_some_and(|since| is_long_ago(*since));
            is_known && standing.lacks.is_some_and(|lacks| lacks <= reached)
        };
        let behind: Vec<Standing> = here.iter().filter(is_behind).cloned().collect();
        if let Some(begun) = self.resumed {
            // Nobody is known for long enough to be behind. Whoever was has the bound to come back, and who lacks what another
            // one has may be the one.
            let may_be_behind =
                here.iter().any(|standing| standing.lacks.is_some_and(|lacks| lacks <= front));
            if behind.is_empty() && (may_be_behind || !is_long_ago(begun)) {
                return None;
            }
            self.resumed = None;
        }
        match self.episode {
            None if !behind.is_empty() => {
                let episode = Episode { revision: reached, at, since: Some(elapsed) };
                self.episode = Some(episode);
                Some(Found::Begun { episode, behind, live: here.len() })
            }
            Some(episode) if behind.is_empty() => {
                self.episode = None;
                let before = Duration::from_micros(at.micros_since(episode.at));
                let after = episode.since.map_or(before, |since| elapsed.saturating_sub(since));
                Some(Found::Over { episode, after })
            }
            _ => None,
        }
    }

    /// Remembers how far the first ones are. A front that follows another one too soon is noted at a later look: never earlier
    /// than it was reached.
    fn note(&mut self, front: Revision, elapsed: Duration, bound: Duration) {
        let is_news = self
            .fronts
            .back()
            .is_none_or(|(since, last)| *last != front && elapsed.saturating_sub(*since) >= bound / STEPS);
        if is_news {
            self.fronts.push_back((elapsed, front));
        }
        // The second one is old enough by itself: the first is not needed any more.
        while self.fronts.get(1).is_some_and(|(since, _)| elapsed.saturating_sub(*since) > bound) {
            self.fronts.pop_front();
        }
    }
}

/// What is told and not over.
fn told(watched: &BTreeMap<EnvironmentKey, Watched>) -> ToldSkews {
    let told = watched.iter().filter_map(|(environment, watched)| {
        let Episode { revision, at, .. } = watched.episode?;
        Some((environment.clone(), ToldSkew { revision, at }))
    });
    told.collect()
}

fn tell(notifier: &Notifier, environment: &EnvironmentKey, (at, bound): (Timestamp, Duration), found: Found) {
    let (kind, severity, episode, words, evidence) = match found {
        Found::Begun { episode, behind, live } => {
            let names: Vec<&str> = behind.iter().take(3).map(|standing| standing.instance.as_str()).collect();
            let more = if behind.len() > names.len() { ", …" } else { "" };
            let words = format!(
                "{} of {live} live instance(s) in {environment} serve an older state than others for more than {} s: {}{more}",
                behind.len(),
                bound.as_secs(),
                names.join(", ")
            );
            let line = |standing: &Standing| {
                let lacks = standing.lacks.unwrap_or(episode.revision);
                format!("{}: has {}, lacks {lacks} and what follows", standing.instance, standing.applied)
            };
            let mut evidence = vec![format!("others have {}", episode.revision)];
            evidence.extend(behind.iter().take(NAMED_MAX).map(line));
            (EventKind::SkewFound, Severity::Warning, episode, words, evidence)
        }
        Found::Over { episode, after } => {
            let words = format!(
                "no live instance in {environment} serves an older state than others any more, {} s after that was told",
                after.as_secs()
            );
            (EventKind::SkewOver, Severity::Info, episode, words, Vec::new())
        }
    };
    let event = Event {
        kind,
        severity,
        environments: vec![environment.clone()],
        flags: Vec::new(),
        plan: None,
        words,
        evidence,
        notify: Vec::new(),
    };
    let Episode { revision, at: begun, .. } = episode;
    let id = format!("{}-{revision}-{kind}-{environment}-{}", notifier.epoch(), begun.unix_micros());
    let origin = Origin { id, at, revision, actor: "mycelia", reason: "" };
    notifier.raise(event.clone(), Notice::of(origin, event));
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUND: Duration = Duration::from_secs(60);

    fn standing(stream: u64, applied: u64, lacks: Option<u64>) -> Standing {
        Standing {
            stream: StreamId(stream),
            environment: EnvironmentKey::new("production"),
            instance: format!("ui/ui-{stream}"),
            applied: Revision::new(applied),
            lacks: lacks.map(Revision::new),
        }
    }

    /// Looks at a moment: who is said to be behind, or nobody any more.
    fn look(watched: &mut Watched, seconds: u64, here: &[Standing]) -> Option<Vec<String>> {
        let now = (Duration::from_secs(seconds), Timestamp::default());
        match watched.look(here, now, BOUND)? {
            Found::Begun { behind, .. } => Some(behind.into_iter().map(|one| one.instance).collect()),
            Found::Over { .. } => Some(Vec::new()),
        }
    }

    #[test]
    fn who_lacks_for_longer_than_the_bound_what_another_one_has_is_told_of_once() {
        let mut watched = Watched::default();
        assert_eq!(look(&mut watched, 0, &[standing(1, 5, None), standing(2, 5, None)]), None);
        let apart = [standing(1, 6, None), standing(2, 5, Some(6))];
        assert_eq!(look(&mut watched, 100, &apart), None);
        assert_eq!(look(&mut watched, 160, &apart), None, "not longer");
        assert_eq!(look(&mut watched, 161, &apart), Some(vec!["ui/ui-2".to_owned()]));
        assert_eq!(look(&mut watched, 500, &apart), None, "once");
        assert_eq!(look(&mut watched, 501, &[standing(1, 6, None), standing(2, 6, None)]), Some(vec![]));
        assert_eq!(look(&mut watched, 502, &[standing(1, 6, None), standing(2, 6, None)]), None);
    }

    #[test]
    fn who_keeps_up_with_quick_revisions_is_not_behind() {
        let mut watched = Watched::default();
        for second in 0..600 {
            // Always ten seconds behind, and never for longer.
            let (front, back) = (second + 100, second + 90);
            let here = [standing(1, front, None), standing(2, back, Some(back + 1))];
            assert_eq!(look(&mut watched, second, &here), None, "{second}");
        }
        assert!(watched.fronts.len() <= 66, "{}", watched.fronts.len());
    }

    #[test]
    fn all_who_lack_the_same_and_who_has_just_come_are_not_behind() {
        let mut watched = Watched::default();
        for second in 0..200 {
            assert_eq!(look(&mut watched, second, &[standing(1, 5, Some(6)), standing(2, 5, Some(6))]), None);
        }
        let mut here = vec![standing(1, 6, None), standing(2, 6, None)];
        assert_eq!(look(&mut watched, 200, &here), None);
        here.push(standing(3, 0, Some(5)));
        for second in 300..=360 {
            assert_eq!(look(&mut watched, second, &here), None, "{second}");
        }
        assert_eq!(look(&mut watched, 361, &here), Some(vec!["ui/ui-3".to_owned()]));
        here.pop();
        assert_eq!(look(&mut watched, 362, &here), Some(vec![]), "it has gone");
    }

    #[test]
    fn where_only_those_behind_are_left_nobody_is_apart() {
        let mut watched = Watched::default();
        let apart = [standing(1, 6, None), standing(2, 5, Some(6))];
        assert_eq!(look(&mut watched, 0, &apart), None);
        assert!(look(&mut watched, 61, &apart).is_some());
        assert_eq!(look(&mut watched, 62, &apart[1..]), Some(vec![]));
    }

    #[test]
    fn what_was_told_before_a_restart_is_over_when_nobody_can_be_behind_any_more() {
        let told = ToldSkew { revision: Revision::new(6), at: Timestamp::default() };
        let resumed = || Watched::resume(told, Duration::from_secs(100));
        let level = [standing(1, 6, None), standing(2, 6, None)];
        let apart = [standing(1, 6, None), standing(2, 5, Some(6))];
        // Whoever is missing has the bound to come back.
        let mut watched = resumed();
        assert_eq!(look(&mut watched, 100, &[]), None);
        assert_eq!(look(&mut watched, 110, &level[..1]), None);
        assert_eq!(look(&mut watched, 160, &level), None);
        assert_eq!(look(&mut watched, 161, &level), Some(vec![]));
        assert_eq!(look(&mut watched, 162, &level), None, "once");
        // One that comes late and lags may be the one that lagged; that it still does is told already.
        let mut watched = resumed();
        assert_eq!(look(&mut watched, 159, &apart), None);
        assert_eq!(look(&mut watched, 161, &apart), None);
        assert_eq!(look(&mut watched, 300, &apart), None);
        assert_eq!(look(&mut watched, 301, &level), Some(vec![]));
        // Nobody comes back at all: nobody lags.
        let mut watched = resumed();
        assert_eq!(look(&mut watched, 161, &[]), Some(vec![]));
        // All lack the same now: that is no skew.
        let mut watched = resumed();
        assert_eq!(
            look(&mut watched, 161, &[standing(1, 6, Some(7)), standing(2, 6, Some(7))]),
            Some(vec![])
        );
    }
}
