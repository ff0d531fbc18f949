//! `TelemetryService`: what service instances tell of their evaluations.

use std::sync::Arc;

use mycelia_flags_core::key::{EnvironmentKey, FoldedKey};
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
        let bounds = [
            ("evaluated_flags", report.evaluated_flags.len(), REPORT_FLAGS_MAX),
            ("contexts", report.contexts.len(), REPORT_CONTEXTS_MAX),
        ];
        for (field, found, max) in bounds {
            if found > max {
                note(Reason::TooLarge, field, &found.to_string(), format!("at most {max}"));
            }
        }
        let Some(environment) = environment.filter(|_| violations.is_empty()) else {
            return Err(Rejection { violations });
        };
        // Flags that are not there any more are nobody's concern.
        let flags = report.evaluated_flags.iter().map(|flag| FoldedKey::of(flag));
        let known = flags.filter(|flag| snapshot.flag(flag).is_some());
        self.usage.note(&environment, known, self.clock.now());
        for (index, seen) in report.contexts.into_iter().enumerate() {
            let field = format!("contexts[{index}].context");
            let context = convert::context_from_wire(&field, &seen.context.unwrap_or_default())
                .map_err(|violations| Rejection { violations })?;
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
