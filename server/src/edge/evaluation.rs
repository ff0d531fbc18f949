//! `EvaluationService`: evaluates on the server.

use std::sync::Arc;

use mycelia_flags_core::compiled::{Around, Slot};
use mycelia_flags_core::context::Context;
use mycelia_flags_core::evaluation::ErrorCode;
use mycelia_flags_core::key::EnvironmentKey;
use mycelia_flags_core::rejection::{Reason, Rejection, Violation};
use mycelia_flags_core::revision::Timestamp;
use mycelia_flags_proto::convert;
use mycelia_flags_proto::v1;
use mycelia_flags_proto::v1::evaluation_service_server::EvaluationService;
use tonic::{Request, Response, Status};

use super::callers::Callers;
use super::compiled_sets::{CompiledEnvironment, CompiledSets};
use super::following::Following;
use super::status;
use super::watch_evaluations::Watching;
use crate::clock::SharedClock;
use crate::control::seen::SeenContexts;
use crate::control::usage::Usage;

/// What EvaluationService calls.
#[derive(Debug, Clone)]
pub struct EvaluationEdge {
    /// Compiled flags.
    pub sets: Arc<CompiledSets>,
    /// The environment that an empty name means.
    pub default_environment: EnvironmentKey,
    /// The time, for targeting expressions that ask for it.
    pub clock: SharedClock,
    /// When flags were evaluated last.
    pub usage: Arc<Usage>,
    /// For whom.
    pub seen: Arc<SeenContexts>,
    /// Who asks here.
    pub callers: Callers,
    /// What streams follow, and when they end.
    pub following: Following,
}

impl EvaluationEdge {
    pub(super) fn environment(&self, name: &str) -> Result<CompiledEnvironment, Status> {
        let key =
            if name.is_empty() { Ok(self.default_environment.clone()) } else { EnvironmentKey::parse(name) };
        let found = key.ok().and_then(|key| self.compiled(&key));
        found.ok_or_else(|| {
            status::rejected(&Rejection::one(Violation {
                reason: Reason::UnknownEnvironment,
                field: "environment".to_owned(),
                value: name.to_owned(),
                allowed: "the key of an environment that exists".to_owned(),
            }))
        })
    }
}

impl EvaluationEdge {
    /// The flags of an environment; none when there is none of this name for whoever asks here.
    pub(super) fn compiled(&self, key: &EnvironmentKey) -> Option<CompiledEnvironment> {
        self.sets.environment(key).filter(|found| self.callers.may_ask_in(&found.key))
    }

    /// Whether a caller may know of a flag; an empty service is a person, a tool or a page.
    pub(super) fn is_visible(&self, environment: &CompiledEnvironment, slot: &Slot, service: &str) -> bool {
        (service.is_empty() || slot.is_visible_to(service))
            && match &self.callers {
                Callers::Inside => true,
                browsers @ Callers::Browsers(_) => {
                    browsers.may_know(&environment.snapshot, &slot.key().folded())
                }
            }
    }

    /// Notes the first evaluation of a flag as it is now.
    pub(super) fn note(&self, environment: &EnvironmentKey, slot: &Slot, now: Timestamp) {
        if let Slot::Flag(flag) = slot
            && flag.note_evaluated()
        {
            self.usage.note(environment, std::iter::once(flag.key().folded()), now);
        }
    }
}

pub(super) fn context(wire: Option<v1::EvaluationContext>) -> Result<Context, Status> {
    convert::context_from_wire("context", &wire.unwrap_or_default())
        .map_err(|violations| status::rejected(&Rejection { violations }))
}

pub(super) fn evaluate(slot: &Slot, around: Around<'_>, context: &Context) -> v1::Evaluation {
    match slot {
        Slot::Flag(flag) => convert::evaluation_to_wire(flag.key(), &flag.evaluate(around, context)),
        Slot::Broken { key, .. } => convert::evaluation_error_to_wire(key.as_str(), ErrorCode::ParseError),
    }
}

#[tonic::async_trait]
impl EvaluationService for EvaluationEdge {
    type WatchEvaluationsStream = Watching;

    async fn evaluate(
        &self,
        request: Request<v1::EvaluateRequest>,
    ) -> Result<Response<v1::EvaluateResponse>, Status> {
        let request = request.into_inner();
        let environment = self.environment(&request.environment)?;
        let context = context(request.context)?;
        self.seen.note_raw(&environment.key, &request.service, &context);
        let now = self.clock.now();
        let around = environment.flags.around(&request.service, now);
        let found = environment.flags.get(&request.flag);
        let evaluation = match found.filter(|slot| self.is_visible(&environment, slot, &request.service)) {
            Some(slot) => {
                self.note(&environment.key, slot, now);
                evaluate(slot, around, &context)
            }
            None => convert::evaluation_error_to_wire(&request.flag, ErrorCode::FlagNotFound),
        };
        let revision = environment.snapshot.revision().get();
        Ok(Response::new(v1::EvaluateResponse { evaluation: Some(evaluation), revision }))
    }

    async fn evaluate_all(
        &self,
        request: Request<v1::EvaluateAllRequest>,
    ) -> Result<Response<v1::EvaluateAllResponse>, Status> {
        let request = request.into_inner();
        let environment = self.environment(&request.environment)?;
        let context = context(request.context)?;
        self.seen.note_raw(&environment.key, &request.service, &context);
        let now = self.clock.now();
        let around = environment.flags.around(&request.service, now);
        let evaluations = environment
            .flags
            .in_order()
            .iter()
            .filter(|slot| self.is_visible(&environment, slot, &request.service))
            .map(|slot| {
                self.note(&environment.key, slot, now);
                evaluate(slot, around, &context)
            })
            .collect();
        let revision = environment.snapshot.revision().get();
        Ok(Response::new(v1::EvaluateAllResponse { evaluations, revision }))
    }

    async fn watch_evaluations(
        &self,
        request: Request<v1::WatchEvaluationsRequest>,
    ) -> Result<Response<Watching>, Status> {
        Watching::begin(self.clone(), request.into_inner()).map(Response::new)
    }
}
