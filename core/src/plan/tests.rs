//! Plans that run in a store in memory, by a clock that the test moves.

mod acts;
mod events;
mod guards;
mod laws;
mod refused;
mod stages;
mod taken_back;

use super::gate::{Memory, NoMemory, Surroundings};
use super::metric_check::{MetricCheck, Metrics, NoMetrics};
use super::progress::{PlanState, Progress};
use super::runner::{Next, next};
use super::status::serves_in_words;
use super::{Gate, PlanDefinition, PlanKey, Stage, StageStart, Target};
use crate::bucketing::Generation;
use crate::change::{Change, ChangeSet, CreateFlag, Place, PlanAct, SetSegment};
use crate::check::{Checked, Circumstances, Origin, Undone, check};
use crate::key::{EnvironmentKey, FlagKey, FoldedKey, SegmentKey};
use crate::record::Record;
use crate::rejection::{Reason, Rejection};
use crate::revision::Timestamp;
use crate::schema::AnyValue;
use crate::snapshot::Snapshot;

const HOUR: u64 = 3_600;
const DAY: u64 = 24 * HOUR;

/// 2026-12-01T09:00:00Z.
const START: i64 = 1_796_115_600_000_000;

/// A store, its log, and a clock.
#[derive(Debug, Clone)]
struct World {
    snapshot: Snapshot,
    records: Vec<Record>,
    now: Timestamp,
}

impl World {
    /// Three environments, four boolean flags, and segments A to D in production.
    fn new() -> Self {
        let now = Timestamp::from_unix_micros(START);
        let mut world = Self { snapshot: Snapshot::default(), records: Vec::new(), now };
        let environments = ["development", "staging", "production"].map(str::to_owned).to_vec();
        let create = Change::CreateStore { bucketing: Generation::default(), environments };
        world.commit(Origin::Store, "mycelia", "", vec![create]).unwrap();
        for flag in ["dreams", "whispers", "maya.voice", "oracle.chat"] {
            world.ask(vec![Change::CreateFlag(CreateFlag::boolean(flag))]);
        }
        for segment in ["A", "B", "C", "D"] {
            let set = SetSegment {
                environment: "production".to_owned(),
                segment: segment.to_owned(),
                ..SetSegment::default()
            };
            world.ask(vec![Change::SetSegment(set)]);
        }
        world
    }

    fn with(plan: PlanDefinition) -> Self {
        let mut world = Self::new();
        world.ask(vec![Change::SetPlan(Box::new(plan))]);
        world
    }

    fn commit(
        &mut self,
        origin: Origin,
        actor: &str,
        reason: &str,
        changes: Vec<Change>,
    ) -> Result<Checked, Rejection> {
        self.commit_with(origin, actor, reason, changes, &[])
    }

    fn commit_with(
        &mut self,
        origin: Origin,
        actor: &str,
        reason: &str,
        changes: Vec<Change>,
        undone: &[Undone],
    ) -> Result<Checked, Rejection> {
        let change_set = ChangeSet { actor: actor.to_owned(), reason: reason.to_owned(), changes };
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

    /// What somebody asks for who takes revisions back.
    fn commit_undoing(&mut self, changes: Vec<Change>, undone: &[Undone]) -> Result<Checked, Rejection> {
        self.commit_with(Origin::Caller, "ana", "", changes, undone)
    }

    /// What somebody asks for, and must get.
    #[track_caller]
    fn ask(&mut self, changes: Vec<Change>) -> Checked {
        self.commit(Origin::Caller, "ana", "", changes).unwrap()
    }

    fn try_act(&mut self, actor: &str, reason: &str, act: PlanAct) -> Result<Checked, Rejection> {
        self.commit(Origin::Caller, actor, reason, vec![Change::ActOnPlan { plan: "plan".to_owned(), act }])
    }

    /// Somebody acts on the plan, and then the plan goes on as far as it can.
    #[track_caller]
    fn act(&mut self, actor: &str, act: PlanAct) {
        self.try_act(actor, "as they say", act).unwrap();
        self.go_on();
    }

    /// The plan goes on as far as it can without more time.
    #[track_caller]
    fn go_on(&mut self) {
        self.go_on_with(&NoMetrics, &NoMemory);
    }

    #[track_caller]
    fn go_on_with(&mut self, metrics: &dyn Metrics, memory: &dyn Memory) {
        for _ in 0..100 {
            let Some((plan, progress)) = self.snapshot.plan(&key()) else {
                return;
            };
            let around = Surroundings { now: self.now, metrics, memory };
            let Next::Step(step) = next(plan, progress, &around) else {
                return;
            };
            let change = Change::ActOnPlan { plan: "plan".to_owned(), act: PlanAct::Step(step) };
            let checked = self.commit(Origin::Control, "mycelia", "", vec![change]).unwrap();
            assert!(!checked.writes.is_empty(), "a step changes something");
        }
        panic!("the plan does not come to rest");
    }

    /// Time passes in small pieces, and the plan goes on meanwhile.
    #[track_caller]
    fn pass(&mut self, seconds: u64) {
        let piece = (seconds / 24).max(1);
        let mut left = seconds;
        while left > 0 {
            let piece = piece.min(left);
            self.jump(i64::try_from(piece).unwrap());
            self.go_on();
            left -= piece;
        }
    }

    /// The clock jumps, and nobody looks.
    fn jump(&mut self, seconds: i64) {
        self.now = Timestamp::from_unix_micros(self.now.unix_micros() + seconds * 1_000_000);
    }

    fn progress(&self) -> Progress {
        Progress::clone(self.snapshot.plan(&key()).unwrap().1)
    }

    #[track_caller]
    fn is(&self, state: PlanState, stage: u32) {
        let progress = self.progress();
        assert_eq!((progress.state, progress.stage), (state, stage), "{}", progress.reason);
    }

    fn serves_in(&self, environment: &str, flag: &str) -> String {
        let folded = FoldedKey::of(flag);
        let configuration = self.snapshot.configuration(&EnvironmentKey::new(environment), &folded).unwrap();
        serves_in_words(self.snapshot.flag(&folded).unwrap(), configuration)
    }

    #[track_caller]
    fn serves(&self, flag: &str, expected: &str) {
        assert_eq!(self.serves_in("production", flag), expected, "{flag}");
    }
}

fn key() -> PlanKey {
    PlanKey::new("plan")
}

fn place(flag: &str) -> Place {
    Place { environment: "production".to_owned(), flag: flag.to_owned() }
}

fn rollout(flag: &str, percent: f64) -> Change {
    Change::Rollout { place: place(flag), percent, enable: false }
}

fn plan(stages: Vec<Stage>) -> PlanDefinition {
    PlanDefinition { stages, ..PlanDefinition::empty(key(), EnvironmentKey::new("production")) }
}

/// A stage of `dreams` that is held for an hour.
fn stage(name: &str, target: Target) -> Stage {
    Stage {
        name: Box::from(name),
        set: vec![(FlagKey::new("dreams"), target)],
        hold_seconds: HOUR,
        ..Stage::default()
    }
}

fn percent(percent: f64) -> Stage {
    stage(&format!("{percent}%"), Target::Percent(percent))
}

/// A stage that begins on a day and is not held.
fn on_day(day: u32, target: f64) -> Stage {
    Stage { start: StageStart::Day(day), hold_seconds: 0, ..percent(target) }
}

fn gated(gate: Gate) -> Stage {
    Stage { gate, ..percent(10.0) }
}

fn matrix(shares: &[(&str, f64)], rest: Option<f64>) -> Target {
    let shares = shares.iter().map(|(segment, percent)| (SegmentKey::new(segment), *percent));
    Target::Matrix { shares: shares.collect(), rest }
}

fn check_of(text: &str) -> MetricCheck {
    MetricCheck::parse(text).unwrap()
}

/// The reason words and fields of a rejection.
fn faults(rejection: &Rejection) -> Vec<(Reason, &str)> {
    rejection.violations.iter().map(|violation| (violation.reason, violation.field.as_str())).collect()
}
