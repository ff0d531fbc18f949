//! What each edge of a running server calls.

use std::sync::Arc;

use mycelia_flags_core::key::EnvironmentKey;

use super::{Config, Running};
use crate::clock::SharedClock;
use crate::control::seen::SeenContexts;
use crate::control::usage::Usage;
use crate::edge::admin::AdminEdge;
use crate::edge::callers::Callers;
use crate::edge::compiled_sets::CompiledSets;
use crate::edge::evaluation::EvaluationEdge;
use crate::edge::flagd::FlagdEdge;
use crate::edge::guards::GuardEdge;
use crate::edge::guards::replay::Replays;
use crate::edge::hearing::Hearing;
use crate::edge::http::HttpEdge;
use crate::edge::http::ofrep::{OfrepEdge, rate_limit};
use crate::edge::intake::Intake;
use crate::edge::metrics::{ListenerNumbers, Metrics};
use crate::edge::notifications::NotificationEdge;
use crate::edge::plans::PlanEdge;
use crate::edge::promotions::PromotionEdge;
use crate::edge::router::Edges;
use crate::edge::sync::SyncEdge;
use crate::edge::telemetry::TelemetryEdge;

impl Running {
    /// What each edge calls, and nothing more.
    pub(super) fn edges(&self, config: &Config, clock: &SharedClock) -> Edges {
        let (store, hub, tasks) = (self.store.clone(), Arc::clone(&self.hub), self.tasks.clone());
        let default_environment = config.default_environment.clone();
        let intake = Intake {
            store: store.clone(),
            hub: Arc::clone(&hub),
            default_environment: default_environment.clone(),
        };
        let started_at = clock.now();
        let usage = Arc::new(Usage::new(started_at));
        let seen = Arc::new(SeenContexts::new(self.seen_contexts));
        let hearing = Hearing {
            store: store.clone(),
            usage: Arc::clone(&usage),
            seen: Arc::clone(&seen),
            observations: Arc::clone(&self.observations),
            default_environment: default_environment.clone(),
            clock: Arc::clone(clock),
        };
        let evaluation = self.evaluation(&default_environment, clock, (&usage, &seen));
        Edges {
            ofrep: OfrepEdge {
                evaluation: evaluation.clone(),
                store: store.clone(),
                ending: hub.draining().clone(),
                rate: rate_limit(Arc::clone(clock)),
            },
            selector_tokens: Arc::new(config.selector_tokens.clone()),
            flagd: FlagdEdge::new(evaluation.clone(), store.clone(), Arc::clone(&hub), tasks.clone()),
            telemetry: TelemetryEdge { hearing: hearing.clone() },
            plans: PlanEdge {
                store: store.clone(),
                clock: Arc::clone(clock),
                measured: self.measured.clone(),
            },
            guards: self.guards(&default_environment, clock),
            promotions: PromotionEdge {
                store: store.clone(),
                clock: Arc::clone(clock),
                default_environment: default_environment.clone(),
            },
            notifications: NotificationEdge { notifier: Arc::clone(&self.notifier) },
            sync: SyncEdge { hub: Arc::clone(&hub), default_environment: default_environment.clone() },
            evaluation,
            http: HttpEdge {
                intake: intake.clone(),
                hearing,
                metrics: Arc::new(self.metrics()),
                notifier: Arc::clone(&self.notifier),
                draining: Arc::clone(&self.draining),
                started_at,
                clock: Arc::clone(clock),
                measured: self.measured.clone(),
            },
            admin: AdminEdge {
                intake,
                store,
                hub,
                tasks,
                default_environment,
                started_at,
                clock: Arc::clone(clock),
                usage,
                seen,
                written: Arc::default(),
            },
        }
    }

    fn guards(&self, default_environment: &EnvironmentKey, clock: &SharedClock) -> GuardEdge {
        let (store, observations) = (self.store.clone(), Arc::clone(&self.observations));
        GuardEdge {
            store: store.clone(),
            clock: Arc::clone(clock),
            measured: self.measured.clone(),
            replays: Replays::new(store, observations, default_environment.clone()),
        }
    }

    /// What evaluates for everybody who asks inside.
    fn evaluation(
        &self,
        default_environment: &EnvironmentKey,
        clock: &SharedClock,
        (usage, seen): (&Arc<Usage>, &Arc<SeenContexts>),
    ) -> EvaluationEdge {
        EvaluationEdge {
            sets: Arc::new(CompiledSets::new(self.store.clone())),
            default_environment: default_environment.clone(),
            clock: Arc::clone(clock),
            usage: Arc::clone(usage),
            seen: Arc::clone(seen),
            observations: Arc::clone(&self.observations),
            callers: Callers::Inside,
            following: self.following.clone(),
        }
    }

    fn metrics(&self) -> Metrics {
        Metrics {
            store: self.store.clone(),
            hub: Arc::clone(&self.hub),
            main: ListenerNumbers {
                connections: Arc::clone(&self.connections),
                streams: self.following.open.clone(),
            },
            browsers: self.browser.as_ref().map(|browser| ListenerNumbers {
                connections: Arc::clone(&browser.connections),
                streams: browser.streams.clone(),
            }),
            tls: self.tls.clone(),
            tasks: self.tasks.clone(),
        }
    }
}
