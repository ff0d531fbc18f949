//! When a guard would have acted: its condition, asked of what was recorded, beside the log of the same time.
//!
//! One is answered at a time, on a thread of its own, and for a bounded time: a guard that watches must not wait for one
//! that is tried out. Under the windows' lock only single questions are gathered.

use std::sync::Arc;
use std::time::Duration;

use mycelia_flags_core::guard::replay::{CONFIRM_WITHIN_SECONDS, Replay, Replayed};
use mycelia_flags_core::guard::{Guard, GuardTarget, RECOVERY_AFTER_SECONDS};
use mycelia_flags_core::incident::Severity;
use mycelia_flags_core::key::{EnvironmentKey, FeatureKey, FlagKey, GuardKey};
use mycelia_flags_core::observation::metric::Metric;
use mycelia_flags_core::observation::ring::{HOURS, Pace};
use mycelia_flags_core::plan::metric_check::{Asked, MetricCheck};
use mycelia_flags_core::plan::progress::Deed;
use mycelia_flags_core::plan::{GuardAction, RollbackKind};
use mycelia_flags_core::record::Record;
use mycelia_flags_core::rejection::{Reason, Rejection, Violation};
use mycelia_flags_core::revision::{Revision, Timestamp};
use mycelia_flags_core::snapshot::Snapshot;
use mycelia_flags_proto::{convert, v1};
use tokio::sync::Semaphore;
use tonic::Status;

use super::super::status as refusal;
use crate::clock::SharedClock;
use crate::control::observations::Observations;
use crate::state::{HistoryQuery, Store};

/// How far back is asked, when nobody says.
const SINCE_SECONDS: u64 = 24 * 60 * 60;

/// Records that a replay reads: what a busy store writes in a fortnight. More are refused, with the way out.
const RECORDS_MAX: usize = 20_000;

/// Flags that a proposed guard may name, as one that is set.
const FLAGS_MAX: usize = 200;

/// How long the condition is asked; what was found out by then is answered, and until when.
const LOOKING_MAX: Duration = Duration::from_secs(10);

/// Answers one replay at a time.
#[derive(Debug, Clone)]
pub struct Replays {
    store: Store,
    observations: Arc<Observations>,
    default_environment: EnvironmentKey,
    turn: Arc<Semaphore>,
}

/// What is replayed.
struct Asking {
    guard: Guard,
    from: Timestamp,
    now: Timestamp,
    within: u64,
}

impl Replays {
    /// Over what was recorded.
    #[must_use]
    pub fn new(store: Store, observations: Arc<Observations>, default_environment: EnvironmentKey) -> Self {
        Self { store, observations, default_environment, turn: Arc::new(Semaphore::new(1)) }
    }

    pub(super) async fn answer(
        &self,
        request: v1::ReplayGuardRequest,
        clock: &SharedClock,
    ) -> Result<v1::ReplayGuardResponse, Status> {
        let (snapshot, now) = (self.store.snapshot(), clock.now());
        let asking = self.asking(&request, &snapshot, now).map_err(|found| refusal::rejected(&found))?;
        let turn = Arc::clone(&self.turn).try_acquire_owned();
        let _turn = turn.map_err(|_taken| {
            Status::resource_exhausted("another replay is being answered: one at a time")
        })?;
        let flags = asking.guard.flags(&snapshot);
        let named: Vec<&FlagKey> = flags.iter().collect();
        let asked = Asked { environment: &asking.guard.environment, flags: &named, changed_at: None, now };
        let looks = self.observations.looks(&asking.guard.when, &asked, asking.from);
        let begin = looks.moments.first().copied().unwrap_or(now);
        let lead = i64::try_from(asking.guard.looks_back_seconds().max(300)).unwrap_or(i64::MAX);
        let (past, records) = self.log_since(earlier(begin, lead)).await?;
        let mut answer = v1::ReplayGuardResponse {
            when: asking.guard.when.to_string(),
            environment: asking.guard.environment.to_string(),
            flags: flags.iter().map(ToString::to_string).collect(),
            from: Some(convert::timestamp_to_wire(asking.from)),
            held_from: looks.held_from.map(convert::timestamp_to_wire),
            confirm_within_seconds: asking.within,
            ..v1::ReplayGuardResponse::default()
        };
        let (observations, clock) = (Arc::clone(&self.observations), Arc::clone(clock));
        let running = tokio::task::spawn_blocking(move || {
            run(&asking, past, &records, looks.moments, &observations, &clock)
        });
        let ended = running.await.map_err(|_cancelled| Status::internal("the replay ended early"))?;
        let (replayed, until) = ended?;
        answer.until = Some(convert::timestamp_to_wire(until));
        answer.firings = replayed.firings.iter().map(convert::firing_to_wire).collect();
        (answer.untold, answer.looks, answer.unknown) = (replayed.untold, replayed.looks, replayed.unknown);
        Ok(answer)
    }

    fn asking(
        &self,
        request: &v1::ReplayGuardRequest,
        snapshot: &Snapshot,
        now: Timestamp,
    ) -> Result<Asking, Rejection> {
        let mut faults = Vec::new();
        let mut note = |reason, field: &str, value: &str, allowed: &str| {
            let (field, value, allowed) = (field.to_owned(), value.to_owned(), allowed.to_owned());
            faults.push(Violation { reason, field, value, allowed });
        };
        let since_max = u64::try_from(Pace::at(HOURS).span_seconds()).unwrap_or(u64::MAX);
        for (field, seconds) in [
            ("since_seconds", request.since_seconds),
            ("confirm_within_seconds", request.confirm_within_seconds),
        ] {
            if seconds > since_max {
                note(Reason::OutOfRange, field, &seconds.to_string(), "at most 1209600, which is 14 days");
            }
        }
        let when = (!request.when.is_empty()).then(|| MetricCheck::parse(&request.when)).transpose();
        let when = when.unwrap_or_else(|error| {
            note(Reason::InvalidText, "when", &error.found, error.allowed);
            None
        });
        let guard = if request.guard.is_empty() {
            self.proposed(request, when, snapshot, &mut note)
        } else {
            existing(request, when, snapshot, &mut note)
        };
        if let Some(guard) = &guard {
            let text = guard.when.to_string();
            if guard.when.query().is_some() {
                let allowed =
                    "no query: answers to queries are not recorded; guard test reads metrics from a file";
                note(Reason::InvalidText, "when", &text, allowed);
            } else if Metric::of(&guard.when.metric) == Metric::UnavailableSeconds {
                note(
                    Reason::InvalidText,
                    "when",
                    &text,
                    "what is recorded: how long a service was silent is not",
                );
            }
        }
        let Some(guard) = guard.filter(|_| faults.is_empty()) else {
            return Err(Rejection { violations: faults });
        };
        let or = |seconds: u64, default: u64| if seconds == 0 { default } else { seconds };
        let since = i64::try_from(or(request.since_seconds, SINCE_SECONDS)).unwrap_or(i64::MAX);
        let within = or(request.confirm_within_seconds, CONFIRM_WITHIN_SECONDS);
        Ok(Asking { guard, from: earlier(now, since), now, within })
    }

    /// One that is not there yet. It would take its flags back.
    fn proposed(
        &self,
        request: &v1::ReplayGuardRequest,
        when: Option<MetricCheck>,
        snapshot: &Snapshot,
        note: &mut impl FnMut(Reason, &str, &str, &str),
    ) -> Option<Guard> {
        let environment = match request.environment.as_str() {
            "" => self.default_environment.clone(),
            named => EnvironmentKey::new(named),
        };
        if !snapshot.has_environment(&environment) {
            note(
                Reason::UnknownEnvironment,
                "environment",
                environment.as_str(),
                "an environment of the store",
            );
        }
        if request.when.is_empty() {
            note(Reason::Required, "when", "", "a condition, where no guard is named");
        }
        let feature = FeatureKey::new(&request.feature);
        let target = match (request.flags.is_empty(), request.feature.is_empty()) {
            (true, true) | (false, false) => {
                note(Reason::Required, "guard", "", "a guard's key, or flags, or a feature");
                return None;
            }
            (true, false) => {
                if snapshot.feature(&feature).is_none() {
                    note(
                        Reason::UnknownFeature,
                        "feature",
                        &request.feature,
                        "the key of a feature that exists",
                    );
                }
                GuardTarget::Feature(feature)
            }
            (false, true) => {
                if request.flags.len() > FLAGS_MAX {
                    note(Reason::TooLarge, "flags", &request.flags.len().to_string(), "at most 200");
                }
                for (index, flag) in request.flags.iter().enumerate().take(FLAGS_MAX) {
                    if snapshot.flag(&FlagKey::new(flag).folded()).is_none() {
                        note(
                            Reason::UnknownFlag,
                            &format!("flags[{index}]"),
                            flag,
                            "the key of a flag that exists",
                        );
                    }
                }
                GuardTarget::Flags(request.flags.iter().map(|flag| FlagKey::new(flag)).collect())
            }
        };
        Some(Guard {
            key: GuardKey::new("proposed"),
            environment,
            target,
            when: when?,
            severity: Severity::Critical,
            action: GuardAction::Rollback(RollbackKind::Disable),
            recovery_after_seconds: RECOVERY_AFTER_SECONDS,
            description: Box::default(),
            owner: Box::default(),
            notify: Vec::new(),
            set: Deed {
                by: Box::default(),
                at: Timestamp::default(),
                revision: Revision::ZERO,
                note: Box::default(),
            },
        })
    }

    /// The flags as they were at a moment, and what was written since.
    async fn log_since(&self, from: Timestamp) -> Result<(Snapshot, Vec<Arc<Record>>), Status> {
        let failed = |failure| refusal::read_failed(&failure);
        let first = self.store.revision_at(from).await.map_err(failed)?.max(Revision::new(1));
        let past = self.store.snapshot_at(first).await.map_err(failed)?;
        let past = past.ok_or_else(|| Status::internal("a revision is not there"))?;
        let (mut records, mut after) = (Vec::new(), first);
        loop {
            let query = HistoryQuery { after, limit: RECORDS_MAX, ..HistoryQuery::default() };
            let page = self.store.history(query).await.map_err(failed)?;
            records.extend(page.records.into_iter().map(|(record, _)| record));
            if records.len() > RECORDS_MAX {
                let words =
                    format!("more than {RECORDS_MAX} revisions in this time: ask for less (since_seconds)");
                return Err(Status::resource_exhausted(words));
            }
            if !page.more {
                return Ok((Snapshot::clone(&past), records));
            }
            after = page.scanned;
        }
    }
}

fn existing(
    request: &v1::ReplayGuardRequest,
    when: Option<MetricCheck>,
    snapshot: &Snapshot,
    note: &mut impl FnMut(Reason, &str, &str, &str),
) -> Option<Guard> {
    let says_more =
        !request.flags.is_empty() || !request.feature.is_empty() || !request.environment.is_empty();
    if says_more {
        let allowed = "no flags, feature or environment beside it: the guard names them";
        note(Reason::InvalidText, "guard", &request.guard, allowed);
    }
    let Some(guard) = snapshot.guard(&GuardKey::new(&request.guard)) else {
        note(
            Reason::UnknownGuard,
            "guard",
            &request.guard,
            "the key of a guard that exists, or flags and a condition",
        );
        return None;
    };
    let guard = Guard::clone(guard);
    Some(Guard { when: when.unwrap_or_else(|| guard.when.clone()), ..guard })
}

/// Asks at each moment, with the flags as they were then. Answers until when it has.
fn run(
    asking: &Asking,
    past: Snapshot,
    records: &[Arc<Record>],
    moments: Vec<Timestamp>,
    observations: &Observations,
    clock: &SharedClock,
) -> Result<(Replayed, Timestamp), Status> {
    let gap = |_gap| Status::internal("a revision is missing in the log");
    let mut replay = Replay::new(&asking.guard, past);
    let (mut records, begun) = (records.iter().peekable(), clock.elapsed());
    let mut until = asking.now;
    let recorded = observations.recorded();
    for moment in moments {
        while let Some(record) = records.next_if(|record| record.committed_at <= moment) {
            replay.fold(record).map_err(gap)?;
        }
        if clock.elapsed().saturating_sub(begun) > LOOKING_MAX {
            until = moment;
            break;
        }
        replay.look(&recorded, moment);
    }
    for record in records {
        replay.fold(record).map_err(gap)?;
    }
    Ok((replay.end(asking.now, asking.within), until))
}

const fn earlier(moment: Timestamp, seconds: i64) -> Timestamp {
    Timestamp::from_unix_micros(moment.unix_micros().saturating_sub(seconds.saturating_mul(1_000_000)))
}

#[cfg(test)]
mod tests;
