//! `TelemetryService`: what service instances tell of their evaluations.

use std::sync::Arc;

use mycelia_flags_core::key::{EnvironmentKey, FoldedKey, NAME_GRAMMAR, ServiceName};
use mycelia_flags_core::rejection::{Reason, Rejection, Violation};
use mycelia_flags_proto::convert;
use mycelia_flags_proto::v1;
use mycelia_flags_proto::v1::telemetry_service_server::TelemetryService;
use tonic::{Request, Response, Status};

use super::limits::{REPORT_CONTEXTS_MAX, REPORT_FLAGS_MAX};
use super::status;
use crate::clock::SharedClock;
use crate::control::seen::SeenContexts;
use crate::control::usage::Usage;
use crate::state::Store;

/// What TelemetryService calls.
#[derive(Debug, Clone)]
pub struct TelemetryEdge {
    /// Which flags and environments there are.
    pub store: Store,
    /// When flags were evaluated last.
    pub usage: Arc<Usage>,
    /// For whom.
    pub seen: Arc<SeenContexts>,
    /// The environment that an empty name means.
    pub default_environment: EnvironmentKey,
    /// The time.
    pub clock: SharedClock,
}

impl TelemetryEdge {
    fn take(&self, report: v1::ReportRequest) -> Result<(), Rejection> {
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
        let bounds = [
            ("evaluated_flags", report.evaluated_flags.len(), REPORT_FLAGS_MAX),
            ("contexts", report.contexts.len(), REPORT_CONTEXTS_MAX),
        ];
        for (field, found, max) in bounds {
            if found > max {
                note(Reason::TooLarge, field, &found.to_string(), format!("at most {max}"));
            }
        }
        let mut contexts = Vec::new();
        if report.contexts.len() <= REPORT_CONTEXTS_MAX {
            for (index, seen) in report.contexts.into_iter().enumerate() {
                let field = format!("contexts[{index}].context");
                match convert::context_from_wire(&field, &seen.context.unwrap_or_default()) {
                    Ok(context) => contexts.push(context),
                    Err(faults) => violations.extend(faults),
                }
            }
        }
        let Some(environment) = environment.filter(|_| violations.is_empty()) else {
            return Err(Rejection { violations });
        };
        // Flags that are not there any more are nobody's concern.
        let flags = report.evaluated_flags.iter().map(|flag| FoldedKey::of(flag));
        let known = flags.filter(|flag| snapshot.flag(flag).is_some());
        self.usage.note(&environment, known, self.clock.now());
        for context in contexts {
            self.seen.note(&environment, &report.service, context);
        }
        Ok(())
    }
}

#[tonic::async_trait]
impl TelemetryService for TelemetryEdge {
    async fn report(
        &self,
        request: Request<v1::ReportRequest>,
    ) -> Result<Response<v1::ReportResponse>, Status> {
        self.take(request.into_inner()).map_err(|rejection| status::rejected(&rejection))?;
        Ok(Response::new(v1::ReportResponse {}))
    }
}

#[cfg(test)]
mod tests {
    use mycelia_flags_core::change::{Change, ChangeSet, CreateFlag};

    use super::*;
    use crate::clock::ManualClock;
    use crate::control::seen::pseudonym;
    use crate::state::{CommitRequest, LogChoice, StoreOptions};

    async fn edge() -> TelemetryEdge {
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
        TelemetryEdge {
            store,
            usage: Arc::new(Usage::new(clock.now())),
            seen: Arc::new(SeenContexts::new(true)),
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
        edge.take(report).unwrap();
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
        let rejection = edge.take(report).unwrap_err();
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
        assert_eq!(edge.take(many).unwrap_err().violations[0].reason, Reason::TooLarge);
        edge.store.close().await;
    }
}
