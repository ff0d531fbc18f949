//! Guards in a store in memory, with metrics that a test sets and a clock that it moves.

mod events;
mod latches;
mod laws;
mod refused;
mod replay;
mod trips;

use std::collections::BTreeMap;

use super::GuardKey;
use super::state::{GuardPhase, GuardState, Observed, Recovery, RecoveryVerdict};
use super::watch::{GuardStep, due};
use crate::bucketing::Generation;
use crate::change::{
    AcknowledgeGuard, Change, ChangeSet, CreateFlag, Place, PlanAct, SetGuard, SetSegment, StepGuard,
};
use crate::check::{Checked, Circumstances, Origin, Undone, check};
use crate::incident::Severity;
use crate::key::{EnvironmentKey, FlagKey, FoldedKey, PlanKey, SegmentKey};
use crate::observation::measurement::{Measurement, Reference};
use crate::plan::gate::{NoMemory, Surroundings};
use crate::plan::metric_check::{Asked, MetricCheck, Metrics, Verdict, Versus};
use crate::plan::progress::PlanState;
use crate::plan::runner::{Next, next};
use crate::plan::status::serves_in_words;
use crate::plan::{GuardAction, Ladder, PlanDefinition, RollbackKind, Stage, Target};
use crate::record::Record;
use crate::rejection::{Reason, Rejection};
use crate::revision::Timestamp;
use crate::schema::AnyValue;
use crate::snapshot::Snapshot;

/// 2026-12-01T09:00:00Z.
const START: i64 = 1_796_115_600_000_000;

/// Metrics by their name, the same for every flag and window; what is not there is not known. A second map is what they
/// were before.
#[derive(Debug, Clone, Default)]
struct Values {
    now: BTreeMap<&'static str, f64>,
    before: BTreeMap<&'static str, f64>,
}

impl Values {
    fn reference(&self, check: &MetricCheck) -> Option<Reference> {
        let (value, compared) = (*self.before.get(&*check.metric)?, *self.now.get(&*check.metric)?);
        (check.versus != Versus::Threshold).then_some(Reference { value, compared, samples: 100 })
    }

    fn value(&self, check: &MetricCheck) -> Option<f64> {
        match check.versus {
            Versus::Threshold => self.now.get(&*check.metric).copied(),
            Versus::Control | Versus::Baseline => {
                let reference = self.reference(check)?;
                Some((reference.compared - reference.value) / reference.value * 100.0)
            }
        }
    }
}

impl Metrics for Values {
    fn judge(&self, check: &MetricCheck, _asked: &Asked<'_>) -> Verdict {
        match self.value(check) {
            Some(value) if check.is_true_of(value) => Verdict::Met { value },
            Some(value) => Verdict::NotMet { value },
            None => Verdict::InsufficientData,
        }
    }

    fn measure(&self, check: &MetricCheck, asked: &Asked<'_>) -> Option<Measurement> {
        Some(Measurement {
            value: self.value(check)?,
            samples: 1_000,
            from: Timestamp::from_unix_micros(asked.now.unix_micros() - 300_000_000),
            until: asked.now,
            reference: self.reference(check),
            instances: Vec::new(),
        })
    }
}

/// A store, its log, metrics and a clock.
#[derive(Debug, Clone)]
struct World {
    snapshot: Snapshot,
    records: Vec<Record>,
    values: Values,
    now: Timestamp,
}

impl World {
    /// `dreams` and `whispers` are served to everybody in production, `maya.voice` to nobody; segments A to C.
    fn new() -> Self {
        let now = Timestamp::from_unix_micros(START);
        let mut world =
            Self { snapshot: Snapshot::default(), records: Vec::new(), values: Values::default(), now };
        let environments = ["development", "staging", "production"].map(str::to_owned).to_vec();
        let create = Change::CreateStore { bucketing: Generation::default(), environments };
        world.commit(Origin::Store, "", vec![create]).unwrap();
        for flag in ["dreams", "whispers", "maya.voice"] {
            world.ask(Change::CreateFlag(CreateFlag::boolean(flag)));
        }
        for segment in ["A", "B", "C"] {
            world.ask(Change::SetSegment(SetSegment {
                environment: "production".to_owned(),
                segment: segment.to_owned(),
                ..SetSegment::default()
            }));
        }
        world.ask(rollout("dreams", 100.0));
        world.ask(rollout("whispers", 100.0));
        world.pass(3_600);
        world
    }

    fn guarded(when: &str, action: GuardAction) -> Self {
        let mut world = Self::new();
        world.ask(guard(when, action));
        world
    }

    fn commit(&mut self, origin: Origin, reason: &str, changes: Vec<Change>) -> Result<Checked, Rejection> {
        self.commit_undoing(origin, reason, changes, &[])
    }

    fn commit_undoing(
        &mut self,
        origin: Origin,
        reason: &str,
        changes: Vec<Change>,
        undone: &[Undone],
    ) -> Result<Checked, Rejection> {
        let actor = if origin == Origin::Caller { "ana" } else { "mycelia" }.to_owned();
        let change_set = ChangeSet { actor, reason: reason.to_owned(), changes };
        let circumstances = Circumstances { origin, at: self.now, schemas: &AnyValue, undone };
        let checked = check(&self.snapshot, &change_set, circumstances)?;
        if checked.writes.is_empty() {
            return Ok(checked);
        }
        let record = Record {
            revision: self.snapshot.revision().next(),
            committed_at: self.now,
            change_set,
            writes: checked.writes.clone(),
            idempotency_key: Box::default(),
        };
        self.snapshot.fold(&record).unwrap();
        self.records.push(record);
        Ok(checked)
    }

    fn try_ask(&mut self, change: Change) -> Result<Checked, Rejection> {
        self.commit(Origin::Caller, "a test", vec![change])
    }

    #[track_caller]
    fn ask(&mut self, change: Change) -> Checked {
        self.try_ask(change).unwrap()
    }

    #[track_caller]
    fn refuses(&mut self, change: Change, reason: Reason) -> String {
        let rejection = self.try_ask(change).unwrap_err();
        let found: Vec<Reason> = rejection.violations.iter().map(|violation| violation.reason).collect();
        assert_eq!(found, [reason], "{rejection}");
        rejection.to_string()
    }

    fn step(&mut self, guard: &str, step: GuardStep) -> Result<Checked, Rejection> {
        let step = StepGuard { guard: guard.to_owned(), step };
        self.commit(Origin::Control, "", vec![Change::StepGuard(Box::new(step))])
    }

    /// Guards and plans do what is due, as far as they can without more time.
    #[track_caller]
    fn go_on(&mut self) {
        for _ in 0..50 {
            let mut moved = false;
            if let Some((key, step)) = due(&self.snapshot, &self.values, self.now).into_iter().next() {
                let checked = self.step(key.as_str(), step).unwrap();
                assert!(!checked.writes.is_empty(), "a step changes something");
                moved = true;
            }
            let steps: Vec<_> = self
                .snapshot
                .plans()
                .filter_map(|(plan, progress)| {
                    let around = Surroundings { now: self.now, metrics: &self.values, memory: &NoMemory };
                    match next(plan, progress, &around) {
                        Next::Step(step) => Some((plan.key.to_string(), step)),
                        Next::Wait(_) | Next::Idle => None,
                    }
                })
                .collect();
            for (plan, step) in steps {
                let change = Change::ActOnPlan { plan, act: PlanAct::Step(step) };
                self.commit(Origin::Control, "", vec![change]).unwrap();
                moved = true;
            }
            if !moved {
                return;
            }
        }
        panic!("the guards do not come to rest");
    }

    /// A metric has a value from now on, and everybody does what follows.
    #[track_caller]
    fn measures(&mut self, metric: &'static str, value: f64) {
        self.values.now.insert(metric, value);
        self.go_on();
    }

    /// The clock moves, and nobody looks.
    fn jump(&mut self, seconds: i64) {
        self.now = Timestamp::from_unix_micros(self.now.unix_micros() + seconds * 1_000_000);
    }

    #[track_caller]
    fn pass(&mut self, seconds: i64) {
        self.jump(seconds);
        self.go_on();
    }

    fn state(&self) -> GuardState {
        self.snapshot
            .guard_state(&GuardKey::new("errors"))
            .map(|state| GuardState::clone(state))
            .unwrap_or_default()
    }

    #[track_caller]
    fn is(&self, phase: GuardPhase) {
        assert_eq!(self.state().phase, phase);
    }

    #[track_caller]
    fn serves(&self, flag: &str, expected: &str) {
        let folded = FoldedKey::of(flag);
        let configuration = self.snapshot.configuration(&EnvironmentKey::new("production"), &folded).unwrap();
        assert_eq!(serves_in_words(self.snapshot.flag(&folded).unwrap(), configuration), expected, "{flag}");
    }

    #[track_caller]
    fn acknowledge(&mut self) {
        self.ask(Change::AcknowledgeGuard(AcknowledgeGuard::Guard("errors".to_owned())));
    }

    fn plan_state(&self, plan: &str) -> Option<PlanState> {
        self.snapshot.plan(&PlanKey::new(plan)).map(|(_, progress)| progress.state)
    }
}

fn place(flag: &str) -> Place {
    Place { environment: "production".to_owned(), flag: flag.to_owned() }
}

fn rollout(flag: &str, percent: f64) -> Change {
    Change::Rollout { place: place(flag), percent, enable: true }
}

fn asked(when: &str, action: GuardAction) -> SetGuard {
    SetGuard {
        guard: "errors".to_owned(),
        environment: "production".to_owned(),
        flags: vec!["dreams".to_owned()],
        feature: String::new(),
        when: MetricCheck::parse(when).unwrap(),
        severity: Severity::Critical,
        action,
        recovery_after_seconds: None,
        description: String::new(),
        owner: String::new(),
        notify: Vec::new(),
    }
}

/// The guard `errors` over `dreams`.
fn guard(when: &str, action: GuardAction) -> Change {
    Change::SetGuard(Box::new(asked(when, action)))
}

const fn disable() -> GuardAction {
    GuardAction::Rollback(RollbackKind::Disable)
}

fn ladder() -> GuardAction {
    GuardAction::Rollback(RollbackKind::Gradual(Ladder {
        percents: vec![50.0, 25.0, 0.0],
        every_seconds: 600,
    }))
}

/// A plan under way that serves `dreams` to half of everybody.
fn half(world: &mut World) {
    let stage = Stage {
        name: Box::from("half"),
        set: vec![(FlagKey::new("dreams"), Target::Percent(50.0))],
        hold_seconds: 86_400,
        ..Stage::default()
    };
    let plan = PlanDefinition {
        stages: vec![stage],
        ..PlanDefinition::empty(PlanKey::new("halves"), EnvironmentKey::new("production"))
    };
    world.ask(Change::SetPlan(Box::new(plan)));
    world.ask(Change::ActOnPlan { plan: "halves".to_owned(), act: PlanAct::Start });
}
