//! What every API hears of service instances, which flags they evaluate and what they observe meanwhile, and how much
//! flags are used: judged in the same words on gRPC and on HTTP.

mod usage;

use std::sync::Arc;

use mycelia_flags_core::context::Context;
use mycelia_flags_core::key::{EnvironmentKey, FoldedKey, NAME_GRAMMAR, ServiceName};
use mycelia_flags_core::observation::batch::{Batch, Observation, Taken};
use mycelia_flags_core::rejection::{Reason, Rejection, Violation};
use mycelia_flags_proto::convert;
use mycelia_flags_proto::v1;
use tracing::warn;

use super::limits::{
    BATCH_ID_BYTES_MAX, IDENTITY_BYTES_MAX, REFUSED_SHOWN_MAX, REPORT_CONTEXTS_MAX, REPORT_FLAGS_MAX,
    REPORT_OBSERVATIONS_MAX,
};
use crate::clock::SharedClock;
use crate::control::observations::Observations;
use crate::control::seen::SeenContexts;
use crate::control::usage::Usage;
use crate::state::Store;

/// See the module.
#[derive(Debug, Clone)]
pub struct Hearing {
    /// Which flags and environments there are.
    pub store: Store,
    /// When flags were evaluated last.
    pub usage: Arc<Usage>,
    /// For whom.
    pub seen: Arc<SeenContexts>,
    /// What was observed.
    pub observations: Arc<Observations>,
    /// The environment that an empty name means.
    pub default_environment: EnvironmentKey,
    /// The time.
    pub clock: SharedClock,
}

/// A report that was read, with nothing wrong about it.
struct Told {
    environment: EnvironmentKey,
    contexts: Vec<Context>,
    observations: Vec<Observation>,
}

impl Hearing {
    /// Takes a batch.
    ///
    /// # Errors
    /// When something about it is wrong; nothing of it is counted then.
    pub fn take(&self, report: &v1::ReportRequest) -> Result<v1::ReportResponse, Rejection> {
        let Told { environment, contexts, mut observations } = self.read(report)?;
        let snapshot = self.store.snapshot();
        let now = self.clock.now();
        // Flags that are not there any more are nobody's concern.
        let is_there = |flag: &FoldedKey| snapshot.flag(flag).is_some();
        let is_known = |observation: &Observation| observation.flag.as_ref().is_none_or(is_there);
        // What is refused is named by its place in the report.
        let places: Vec<usize> = (0..)
            .zip(&observations)
            .filter(|(_, observation)| is_known(observation))
            .map(|(place, _)| place)
            .collect();
        let unknown = observations.len() - places.len();
        if unknown > 0 {
            observations.retain(is_known);
        }
        let evaluated = observations.iter().filter(|observation| observation.bucket.evaluations > 0);
        let observed = evaluated.filter_map(|observation| observation.flag.clone());
        let named = report.evaluated_flags.iter().map(|flag| FoldedKey::of(flag)).filter(is_there);
        self.usage.note(&environment, named.chain(observed), now);
        for context in contexts {
            self.seen.note(&environment, &report.service, context);
        }
        if report.service.is_empty() {
            // Reports of before there were observations did not have to name one.
            return Ok(v1::ReportResponse::default());
        }
        let batch = Batch {
            environment,
            service: ServiceName::new(&report.service),
            instance: Arc::from(&*report.instance),
            id: Box::from(&*report.batch_id),
            observations,
        };
        if report.dropped > 0 {
            let Batch { service, instance, .. } = &batch;
            warn!(%service, %instance, dropped = report.dropped, "an instance had no room for what it observed");
        }
        let taken = self.observations.take(batch, now);
        Ok(answer(&taken, &places, unknown))
    }

    fn read(&self, report: &v1::ReportRequest) -> Result<Told, Rejection> {
        let snapshot = self.store.snapshot();
        let mut violations = Vec::new();
        let mut note = |reason, field: &str, value: &str, allowed: String| {
            violations.push(Violation { reason, field: field.to_owned(), value: value.to_owned(), allowed });
        };
        let environment = if report.environment.is_empty() {
            Some(self.default_environment.clone())
        } else {
            EnvironmentKey::parse(&report.environment).ok().filter(|key| snapshot.has_environment(key))
        };
        if environment.is_none() {
            let allowed = "the key of an environment that exists".to_owned();
            note(Reason::UnknownEnvironment, "environment", &report.environment, allowed);
        }
        if !report.service.is_empty() && ServiceName::parse(&report.service).is_err() {
            note(Reason::InvalidName, "service", &report.service, NAME_GRAMMAR.to_owned());
        }
        if report.service.is_empty() && !report.observations.is_empty() {
            note(Reason::Required, "service", "", NAME_GRAMMAR.to_owned());
        }
        let bounds = [
            ("instance", report.instance.len(), IDENTITY_BYTES_MAX * 2, " bytes"),
            ("batch_id", report.batch_id.len(), BATCH_ID_BYTES_MAX, " bytes"),
            ("evaluated_flags", report.evaluated_flags.len(), REPORT_FLAGS_MAX, ""),
            ("contexts", report.contexts.len(), REPORT_CONTEXTS_MAX, ""),
            ("observations", report.observations.len(), REPORT_OBSERVATIONS_MAX, ""),
        ];
        for (field, found, max, what) in bounds {
            if found > max {
                note(Reason::TooLarge, field, &found.to_string(), format!("at most {max}{what}"));
            }
        }
        let (mut contexts, mut observations) = (Vec::new(), Vec::new());
        if report.contexts.len() <= REPORT_CONTEXTS_MAX {
            for (index, seen) in report.contexts.iter().enumerate() {
                let field = format!("contexts[{index}].context");
                let context = seen.context.clone().unwrap_or_default();
                match convert::context_from_wire(&field, &context) {
                    Ok(context) => contexts.push(context),
                    Err(faults) => violations.extend(faults),
                }
            }
        }
        if report.observations.len() <= REPORT_OBSERVATIONS_MAX {
            for (index, observation) in report.observations.iter().enumerate() {
                match convert::observation_from_wire(&format_args!("observations[{index}]"), observation) {
                    Ok(observation) => observations.push(observation),
                    Err(faults) => violations.extend(faults),
                }
            }
        }
        match environment.filter(|_| violations.is_empty()) {
            Some(environment) => Ok(Told { environment, contexts, observations }),
            None => Err(Rejection { violations }),
        }
    }
}

/// What became of a batch. Observations of flags that are not there any more are not wrong, and do not count.
fn answer(taken: &Taken, places: &[usize], unknown: usize) -> v1::ReportResponse {
    let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    let refused = taken.refused.iter().take(REFUSED_SHOWN_MAX).map(|refused| {
        let mut refused = refused.clone();
        refused.index = places.get(refused.index).copied().unwrap_or(refused.index);
        convert::refused_to_wire(&refused)
    });
    v1::ReportResponse {
        repeated_batch: taken.repeated,
        accepted: number(taken.accepted),
        refused: refused.collect(),
        refused_count: number(taken.refused.len()),
        unknown_flags: number(if taken.repeated { 0 } else { unknown }),
    }
}

#[cfg(test)]
mod tests {
    use mycelia_flags_core::change::{Change, ChangeSet, CreateFlag};

    use super::*;
    use crate::clock::ManualClock;
    use crate::control::seen::pseudonym;
    use crate::state::{CommitRequest, LogChoice, StoreOptions};

    async fn edge() -> Hearing {
        let clock: SharedClock = ManualClock::at(7_000_000);
        let options = StoreOptions {
            log: LogChoice::Memory,
            bucketing: None,
            environments: vec!["staging".to_owned(), "production".to_owned()],
            created_by: "test".to_owned(),
        };
        let store = Store::open(options, Arc::clone(&clock)).unwrap();
        let change_set = ChangeSet {
            actor: "test".to_owned(),
            reason: String::new(),
            changes: vec![Change::CreateFlag(CreateFlag::boolean("oracle.chat"))],
        };
        store.commit(CommitRequest { change_set, ..CommitRequest::default() }).await.unwrap();
        Hearing {
            store: store.clone(),
            usage: Arc::new(Usage::new(clock.now())),
            seen: Arc::new(SeenContexts::new(true)),
            observations: Arc::new(Observations::new(store.clone(), clock.now())),
            default_environment: EnvironmentKey::new("production"),
            clock,
        }
    }

    fn seen(key: &str) -> v1::SeenContext {
        let context =
            v1::EvaluationContext { targeting_key: key.to_owned(), ..v1::EvaluationContext::default() };
        v1::SeenContext { context: Some(context) }
    }

    #[tokio::test]
    async fn a_report_tells_what_is_used_and_for_whom() {
        let edge = edge().await;
        let report = v1::ReportRequest {
            service: "ui".to_owned(),
            evaluated_flags: vec!["oracle_chat".to_owned(), "gone".to_owned()],
            contexts: vec![seen(&pseudonym("ana")), seen("ben")],
            ..v1::ReportRequest::default()
        };
        edge.take(&report).unwrap();
        let production = EnvironmentKey::new("production");
        let last = |flag| edge.usage.last_evaluated(&production, &FoldedKey::of(flag));
        assert_eq!(last("oracle.chat"), Some(edge.clock.now()));
        assert_eq!(last("gone"), None, "no such flag");
        let kept = edge.seen.of(&production);
        assert_eq!(kept.len(), 1, "who sends keys as they are is not listened to");
        assert_eq!(&*kept[0].service, "ui");
        edge.store.close().await;
    }

    #[tokio::test]
    async fn everything_that_is_wrong_is_told_and_nothing_is_kept() {
        let edge = edge().await;
        let endless = v1::Value { kind: Some(v1::value::Kind::FloatValue(f64::INFINITY)) };
        let mut wrong = seen(&pseudonym("ben"));
        wrong.context.as_mut().unwrap().attributes.insert("age".to_owned(), endless);
        let report = v1::ReportRequest {
            environment: "nowhere".to_owned(),
            service: "no service".to_owned(),
            evaluated_flags: vec!["oracle.chat".to_owned(); REPORT_FLAGS_MAX + 1],
            contexts: vec![seen(&pseudonym("ana")), wrong],
            ..v1::ReportRequest::default()
        };
        let rejection = edge.take(&report).unwrap_err();
        let fields: Vec<&str> = rejection.violations.iter().map(|found| found.field.as_str()).collect();
        assert_eq!(
            fields,
            ["environment", "service", "evaluated_flags", "contexts[1].context.attributes[\"age\"]"]
        );
        assert!(edge.seen.of(&EnvironmentKey::new("production")).is_empty());
        let many = v1::ReportRequest {
            contexts: vec![seen(&pseudonym("ana")); REPORT_CONTEXTS_MAX + 1],
            ..v1::ReportRequest::default()
        };
        assert_eq!(edge.take(&many).unwrap_err().violations[0].reason, Reason::TooLarge);
        edge.store.close().await;
    }
}
