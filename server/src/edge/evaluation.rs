//! `EvaluationService`: evaluates on the server.

use std::sync::Arc;

use mycelia_flags_core::compiled::{Around, Slot};
use mycelia_flags_core::context::Context;
use mycelia_flags_core::evaluation::ErrorCode;
use mycelia_flags_core::key::{EnvironmentKey, FlagKey, ServiceName, VariantName};
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
use crate::control::observations::Observations;
use crate::control::seen::SeenContexts;
use crate::control::usage::Usage;

/// As which service the evaluations of callers count who say none.
const UNNAMED: &str = "unnamed";

/// As which service those of pages count, at the listener for browsers.
const BROWSER: &str = "browser";

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
    /// Where evaluations are counted.
    pub observations: Arc<Observations>,
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

    /// Counts what an answer hands out to whoever says that it is this service.
    pub(super) fn count<'f>(
        &self,
        environment: &EnvironmentKey,
        service: &str,
        context: &Context,
        served: impl IntoIterator<Item = (&'f FlagKey, &'f VariantName)>,
    ) {
        let service = match self.callers {
            // What a page says of itself, anybody may say.
            Callers::Browsers(_) => ServiceName::new(BROWSER),
            Callers::Inside => {
                ServiceName::parse(service).unwrap_or_else(|_no_name| ServiceName::new(UNNAMED))
            }
        };
        self.observations.handouts().count(environment, &service, context.targeting_key(), served);
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

/// A flag and the variant that an answer hands out; none when there is no value.
pub(super) type Served<'f> = Option<(&'f FlagKey, &'f VariantName)>;

/// The answer of a flag, and what is to be counted when it is given.
pub(super) fn evaluate<'f>(
    slot: &'f Slot,
    around: Around<'f>,
    context: &Context,
) -> (v1::Evaluation, Served<'f>) {
    match slot {
        Slot::Flag(flag) => {
            let resolution = flag.evaluate(around, context);
            let served = Some((flag.key(), &resolution.variant.name));
            (convert::evaluation_to_wire(flag.key(), &resolution), served)
        }
        Slot::Broken { key, .. } => {
            (convert::evaluation_error_to_wire(key.as_str(), ErrorCode::ParseError), None)
        }
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
        if !request.trial {
            self.seen.note_raw(&environment.key, &request.service, &context);
        }
        let now = self.clock.now();
        let around = environment.flags.around(&request.service, now);
        let found = environment.flags.get(&request.flag);
        let evaluation = match found.filter(|slot| self.is_visible(&environment, slot, &request.service)) {
            Some(slot) => {
                let (evaluation, served) = evaluate(slot, around, &context);
                if !request.trial {
                    self.note(&environment.key, slot, now);
                    self.count(&environment.key, &request.service, &context, served);
                }
                evaluation
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
        let mut handed_out = Vec::new();
        let evaluations = environment
            .flags
            .in_order()
            .iter()
            .filter(|slot| self.is_visible(&environment, slot, &request.service))
            .map(|slot| {
                self.note(&environment.key, slot, now);
                let (evaluation, served) = evaluate(slot, around, &context);
                handed_out.extend(served);
                evaluation
            })
            .collect();
        self.count(&environment.key, &request.service, &context, handed_out);
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
