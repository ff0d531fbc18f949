//! Guards end to end, in simulated time: a real server, a clock that the story moves, and metrics that it writes down.
//!
//! The windows are honest: a value counts from when it was written down, and a mean over 300 seconds moves as slowly as it
//! does in life. What is not yet so is looked at twice before the story believes it.

mod acts;
mod ratio;
mod real;
mod recovery;
mod replay;
mod triggers;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use mycelia_flags_core::key::ServiceName;
use mycelia_flags_core::observation::measurement::{InstanceShare, Measurement, Reference};
use mycelia_flags_core::plan::metric_check::{Asked, MetricCheck, Metrics, Verdict, Versus};
use mycelia_flags_core::plan::simulation::Trace;
use mycelia_flags_core::revision::Timestamp;
use mycelia_flags_proto::v1;
use mycelia_flags_proto::v1::change::Change as Kind;
use mycelia_flags_proto::v1::guard_service_client::GuardServiceClient;
use mycelia_flags_server::clock::{Clock as _, ManualClock, SharedClock};
use mycelia_flags_server::control::measured::Measured;
use tonic::transport::Channel;

use crate::patience::eventually;
use crate::server::{Admin, Server, Wanted, create, rollout};

/// 2026-12-01T09:00:00Z.
const START: i64 = 1_796_115_600_000_000;

/// Metrics as the story wrote them down. What is compared with control is the metric `control.NAME`; what is compared with
/// the baseline, the metric itself before the change.
#[derive(Default)]
struct Source {
    trace: Mutex<Trace>,
    /// How often somebody asked.
    looks: AtomicU64,
    /// How often somebody asked for evidence.
    measured: AtomicU64,
    /// The next one who asks for evidence waits until the story lets go.
    gate: Mutex<Option<Receiver<()>>>,
}

impl Source {
    fn value(&self, check: &MetricCheck, asked: &Asked<'_>) -> Option<(f64, Option<Reference>)> {
        let trace = self.trace.lock().unwrap_or_else(PoisonError::into_inner);
        let plain = MetricCheck { versus: Versus::Threshold, ..check.clone() };
        let compared = trace.measure(&plain, asked)?.value;
        let reference = match check.versus {
            Versus::Threshold => return Some((compared, None)),
            Versus::Control => {
                let control = MetricCheck { metric: format!("control.{}", check.metric).into(), ..plain };
                trace.measure(&control, asked)?.value
            }
            Versus::Baseline => trace.measure(&plain, &Asked { now: asked.changed_at?, ..*asked })?.value,
        };
        let more = (compared - reference) / reference * 100.0;
        Some((more, Some(Reference { value: reference, compared, samples: 900 })))
    }
}

impl Metrics for Source {
    fn judge(&self, check: &MetricCheck, asked: &Asked<'_>) -> Verdict {
        self.looks.fetch_add(1, Ordering::SeqCst);
        if check.versus == Versus::Threshold {
            return self.trace.lock().unwrap_or_else(PoisonError::into_inner).judge(check, asked);
        }
        match self.value(check, asked) {
            Some((value, _)) if check.is_true_of(value) => Verdict::Met { value },
            Some((value, _)) => Verdict::NotMet { value },
            None => Verdict::InsufficientData,
        }
    }

    fn measure(&self, check: &MetricCheck, asked: &Asked<'_>) -> Option<Measurement> {
        self.measured.fetch_add(1, Ordering::SeqCst);
        let gate = self.gate.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(gate) = gate {
            tokio::task::block_in_place(|| gate.recv().unwrap());
        }
        let (value, reference) = self.value(check, asked)?;
        let length = check.window_seconds.max(check.sustained_seconds);
        let from = asked.now.unix_micros() - i64::try_from(length).unwrap() * 1_000_000;
        Some(Measurement {
            value,
            samples: 1_850,
            from: Timestamp::from_unix_micros(from),
            until: asked.now,
            reference,
            instances: vec![InstanceShare {
                service: ServiceName::new("runner"),
                instance: "runner-1".into(),
                value,
                samples: 1_850,
            }],
        })
    }
}

struct World {
    server: Server,
    admin: Admin,
    guards: GuardServiceClient<Channel>,
    clock: Arc<ManualClock>,
    source: Arc<Source>,
}

impl World {
    /// `dreams` is served to everybody in production.
    async fn begin() -> Self {
        let mut world = Self::over(Wanted::default(), ManualClock::at(START), Arc::default()).await;
        world.admin.apply(vec![create("dreams"), rollout("dreams", 100.0)]).await;
        world
    }

    async fn over(wanted: Wanted, clock: Arc<ManualClock>, source: Arc<Source>) -> Self {
        let measured = Measured::by(Arc::clone(&source) as Arc<dyn Metrics + Send + Sync>);
        let wanted = Wanted {
            clock: Arc::clone(&clock) as SharedClock,
            measured: Some(measured),
            pace: Duration::from_millis(2),
            ..wanted
        };
        let server = wanted.start().await;
        let admin = server.admin().await;
        let guards = GuardServiceClient::new(server.channel().await);
        Self { server, admin, guards, clock, source }
    }

    /// A metric has a value from now on.
    fn note(&self, metric: &str, value: f64) {
        self.source.trace.lock().unwrap().note(self.clock.now(), metric, value);
    }

    fn pass(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    /// Everything that was measured so far was looked at.
    async fn looked(&self) {
        let before = self.source.looks.load(Ordering::SeqCst);
        eventually("two more looks", || async { self.source.looks.load(Ordering::SeqCst) > before + 2 })
            .await;
    }

    async fn set(&mut self, when: &str, action: v1::guard::Action) {
        self.admin.apply(vec![guard(when, action)]).await;
    }

    async fn report(&self) -> v1::GuardReport {
        let request = v1::GetGuardRequest { guard: "errors".to_owned() };
        self.guards.clone().get_guard(request).await.unwrap().into_inner().guard.unwrap()
    }

    async fn state(&self) -> v1::GuardState {
        self.report().await.state.unwrap()
    }

    async fn comes(&self, phase: v1::GuardPhase) {
        eventually(phase.as_str_name(), || async { self.state().await.phase() == phase }).await;
    }

    /// What it served, and when it tripped.
    async fn trips(&self) -> v1::GuardDeed {
        self.comes(v1::GuardPhase::Latched).await;
        self.state().await.trip.unwrap()
    }

    fn serves(&self) -> String {
        let snapshot = self.server.running.store().snapshot();
        let flag = mycelia_flags_core::key::FoldedKey::of("dreams");
        let environment = mycelia_flags_core::key::EnvironmentKey::new("production");
        mycelia_flags_core::plan::status::serves_in_words(
            snapshot.flag(&flag).unwrap(),
            snapshot.configuration(&environment, &flag).unwrap(),
        )
    }

    async fn comes_to_serve(&self, expected: &str) {
        eventually(expected, || async { self.serves() == expected }).await;
    }

    async fn acknowledge(&mut self) {
        self.admin.apply(vec![acknowledge()]).await;
    }

    async fn end(self) {
        self.server.running.stop().await;
    }
}

fn acknowledge() -> Kind {
    let what = v1::acknowledge_guard::What::Guard("errors".to_owned());
    Kind::AcknowledgeGuard(v1::AcknowledgeGuard { what: Some(what) })
}

/// The guard `errors` over `dreams`.
fn guard(when: &str, action: v1::guard::Action) -> Kind {
    let guard = v1::Guard {
        key: "errors".to_owned(),
        flags: vec!["dreams".to_owned()],
        when: when.to_owned(),
        severity: v1::IncidentSeverity::Critical.into(),
        action: Some(action),
        ..v1::Guard::default()
    };
    Kind::SetGuard(v1::SetGuard { guard: Some(guard) })
}

fn back(kind: v1::rollback::Kind) -> v1::guard::Action {
    v1::guard::Action::Rollback(v1::Rollback { kind: Some(kind) })
}

fn at_once() -> v1::guard::Action {
    back(v1::rollback::Kind::Disable(v1::RollbackToDisabled {}))
}

/// 100 → 50 → 25 → 0, ten minutes on each.
fn ladder() -> v1::guard::Action {
    back(v1::rollback::Kind::Gradual(v1::Ladder { percents: vec![50.0, 25.0, 0.0], every_seconds: 600 }))
}
