//! A plan in simulated time: which flag serves what when, where the plan waits, and what a bad hour would have done.
//!
//! The same runner and the same check as on a server, over a store that exists only here. People are assumed to do what a
//! gate waits for after a while, or never; metrics come from a trace.

use std::collections::BTreeMap;

use super::gate::{self, Missing, NoMemory, Surroundings};
use super::metric_check::{MetricCheck, Metrics, Verdict};
use super::progress::{PlanState, Progress};
use super::runner::{Next, Step, next};
use super::status::serves_in_words;
use super::timetable::after;
use super::{PlanDefinition, Target};
use crate::bucketing::Generation;
use crate::change::{Change, ChangeSet, CreateFlag, PlanAct, SetSegment};
use crate::check::{Circumstances, Origin, check};
use crate::key::{EnvironmentKey, FlagKey};
use crate::record::Record;
use crate::rejection::Rejection;
use crate::revision::Timestamp;
use crate::schema::AnyValue;
use crate::snapshot::Snapshot;
use crate::value::Value;

/// Steps after which a simulation ends: a plan that takes more has a fault.
const STEPS_MAX: usize = 10_000;

/// Metrics as they were at some moments, each in force until the next one of the same subject.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Trace {
    rows: BTreeMap<Box<str>, BTreeMap<Timestamp, f64>>,
}

impl Trace {
    /// Notes a value. The subject is what a check names: `error_rate`, `error_rate of dreams`, `latency.p95 in ui`.
    pub fn note(&mut self, at: Timestamp, subject: &str, value: f64) {
        self.rows.entry(Box::from(subject)).or_default().insert(at, value);
    }

    fn rows_of(&self, check: &MetricCheck) -> Option<&BTreeMap<Timestamp, f64>> {
        self.rows.get(check.subject().as_str()).or_else(|| self.rows.get(&check.metric))
    }

    /// The next moment at which some value changes.
    fn next_change(&self, now: Timestamp) -> Option<Timestamp> {
        let bounds = (std::ops::Bound::Excluded(now), std::ops::Bound::Unbounded);
        self.rows.values().filter_map(|rows| rows.range(bounds).next().map(|(at, _)| *at)).min()
    }

    /// What is known of a condition at a moment: the mean over its window, weighted by time; where it must be sustained,
    /// true of every value that was in force meanwhile.
    fn judge_at(&self, check: &MetricCheck, now: Timestamp) -> Verdict {
        let Some(rows) = self.rows_of(check) else {
            return Verdict::InsufficientData;
        };
        let length = check.window_seconds.max(check.sustained_seconds);
        let from = before(now, length);
        let in_force = rows.range(..=from).next_back().map(|(_, value)| (from, *value));
        let bounds = (std::ops::Bound::Excluded(from), std::ops::Bound::Included(now));
        let later = rows.range(bounds).map(|(at, value)| (*at, *value));
        let values: Vec<(Timestamp, f64)> = in_force.into_iter().chain(later).collect();
        let (Some((first, _)), Some((_, last))) = (values.first(), values.last()) else {
            return Verdict::InsufficientData;
        };
        if check.sustained_seconds > 0 {
            let is_whole = *first <= before(now, check.sustained_seconds);
            let is_sustained = is_whole && values.iter().all(|(_, value)| check.is_true_of(*value));
            return if is_sustained {
                Verdict::Met { value: *last }
            } else {
                Verdict::NotMet { value: *last }
            };
        }
        let value = mean(&values, now).unwrap_or(*last);
        if check.is_true_of(value) { Verdict::Met { value } } else { Verdict::NotMet { value } }
    }

    /// When a condition that must be sustained may come to be so, if nothing changes meanwhile.
    fn sustained_at(&self, check: &MetricCheck, now: Timestamp) -> Option<Timestamp> {
        let rows = self.rows_of(check).filter(|_| check.sustained_seconds > 0)?;
        let moments = rows.range(..=now).rev().map(|(at, _)| after(*at, check.sustained_seconds));
        moments.take_while(|moment| *moment > now).last()
    }
}

fn before(moment: Timestamp, seconds: u64) -> Timestamp {
    let micros = i64::try_from(seconds.saturating_mul(1_000_000)).unwrap_or(i64::MAX);
    Timestamp::from_unix_micros(moment.unix_micros().saturating_sub(micros))
}

/// The mean of values that each were in force until the next one.
fn mean(values: &[(Timestamp, f64)], now: Timestamp) -> Option<f64> {
    let ends = values.iter().skip(1).map(|(at, _)| *at).chain([now]);
    let (mut sum, mut length) = (0.0, 0.0);
    for ((from, value), until) in values.iter().zip(ends) {
        #[expect(clippy::cast_precision_loss, reason = "a length of time in a chart, not a bucket")]
        let stay = until.micros_since(*from) as f64;
        sum += value * stay;
        length += stay;
    }
    (length > 0.0).then(|| sum / length)
}

struct TraceAt<'t>(&'t Trace, Timestamp);

impl Metrics for TraceAt<'_> {
    fn judge(&self, check: &MetricCheck) -> Verdict {
        self.0.judge_at(check, self.1)
    }
}

/// What is assumed of people and of the store.
#[derive(Debug, Clone, PartialEq)]
pub struct Assumptions {
    /// When the plan starts, unless it has a date.
    pub start: Timestamp,
    /// After how many seconds people do what a gate waits for; none means never.
    pub people_take_seconds: Option<u64>,
    /// After how many seconds somebody acknowledges a rollback or a pause and resumes the plan; none means never.
    pub resume_after_seconds: Option<u64>,
    /// Metrics.
    pub trace: Trace,
}

/// Something that happened in simulated time.
#[derive(Debug, Clone, PartialEq)]
pub struct SimulatedEvent {
    /// When.
    pub at: Timestamp,
    /// The day of the plan.
    pub day: u32,
    /// The state afterwards.
    pub state: PlanState,
    /// The stage afterwards.
    pub stage: u32,
    /// Who did it: `mycelia`, or people.
    pub by: Box<str>,
    /// What it was, in words.
    pub words: String,
    /// What each flag serves afterwards.
    pub flags: Vec<(EnvironmentKey, FlagKey, String)>,
}

/// How a simulation went.
#[derive(Debug, Clone, PartialEq)]
pub struct Simulation {
    /// Everything that happened, in order.
    pub events: Vec<SimulatedEvent>,
    /// Where the plan was in the end.
    pub progress: Progress,
    /// What it waits for, when it never ended.
    pub missing: Vec<Missing>,
}

struct World {
    snapshot: Snapshot,
    now: Timestamp,
}

impl World {
    fn commit(
        &mut self,
        origin: Origin,
        actor: &str,
        reason: &str,
        changes: Vec<Change>,
    ) -> Result<(), Rejection> {
        let change_set = ChangeSet { actor: actor.to_owned(), reason: reason.to_owned(), changes };
        let circumstances = Circumstances { origin, at: self.now, schemas: &AnyValue, undone: &[] };
        let checked = check(&self.snapshot, &change_set, circumstances)?;
        let record = Record {
            revision: self.snapshot.revision().next(),
            committed_at: self.now,
            change_set,
            writes: checked.writes,
            idempotency_key: Box::default(),
        };
        let folded = self.snapshot.fold(&record);
        debug_assert!(folded.is_ok(), "the record is the next one");
        Ok(())
    }

    fn progress(&self, plan: &PlanDefinition) -> Progress {
        self.snapshot.plan(&plan.key).map(|(_, progress)| Progress::clone(progress)).unwrap_or_default()
    }
}

/// Applies a plan to a store that has what it needs: whatever is wrong with the plan itself is said.
///
/// # Errors
/// When the plan cannot be applied; the fields are those of [`Change::SetPlan`].
pub fn rehearse(plan: &PlanDefinition) -> Result<(), Rejection> {
    applied(plan, Timestamp::default()).map(|_world| ())
}

fn applied(plan: &PlanDefinition, start: Timestamp) -> Result<World, Rejection> {
    let mut world = world(plan, start)?;
    world.commit(Origin::Caller, "people", "", vec![Change::SetPlan(Box::new(plan.clone()))])?;
    Ok(world)
}

/// The store that a plan needs: its environments, its flags with what it sets, its segments.
///
/// # Errors
/// When the plan cannot be applied; the fields are those of [`Change::SetPlan`].
fn world(plan: &PlanDefinition, start: Timestamp) -> Result<World, Rejection> {
    let mut environments: Vec<String> = vec![plan.environment.to_string()];
    environments.extend(plan.stages.iter().map(|stage| plan.environment_of(stage).to_string()));
    let mut known: Vec<String> = Vec::new();
    for environment in environments {
        if !environment.is_empty() && !known.contains(&environment) {
            known.push(environment);
        }
    }
    let mut world = World { snapshot: Snapshot::default(), now: start };
    let create = Change::CreateStore { bucketing: Generation::default(), environments: known };
    world.commit(Origin::Store, "simulation", "", vec![create])?;
    for change in flags(plan).into_iter().chain(segments(plan)) {
        // What cannot be created is what the plan names wrongly: applying the plan says so, with its field.
        let _refused = world.commit(Origin::Caller, "simulation", "", vec![change]);
    }
    Ok(world)
}

/// Each flag of the plan, of the type that its targets need.
fn flags(plan: &PlanDefinition) -> Vec<Change> {
    let mut flags: BTreeMap<String, CreateFlag> = BTreeMap::new();
    for (flag, target) in plan.stages.iter().flat_map(|stage| &stage.set) {
        let create = flags
            .entry(flag.folded().as_str().to_owned())
            .or_insert_with(|| CreateFlag::boolean(flag.as_str()));
        let value = match target {
            Target::Variant(variant) => (variant.to_string(), Value::String(Box::from(variant.as_str()))),
            Target::Value(value) => (format!("v{}", create.variants.len() + 1), value.clone()),
            _ => continue,
        };
        let Some(flag_type) = value.1.flag_type() else {
            continue;
        };
        if create.variants.is_empty() {
            create.flag_type = flag_type;
            let off = match flag_type {
                crate::value::FlagType::Boolean => continue,
                crate::value::FlagType::String => Value::String(Box::from("off")),
                crate::value::FlagType::Integer => Value::Integer(0),
                crate::value::FlagType::Float => Value::Float(0.0),
                crate::value::FlagType::Object => Value::Object(BTreeMap::new()),
            };
            create.variants.push(("off".to_owned(), off));
            "off".clone_into(&mut create.off_variant);
            "off".clone_into(&mut create.default_variant);
        }
        let is_known = create.variants.iter().any(|(name, known)| *name == value.0 || *known == value.1);
        if !is_known {
            create.variants.push(value);
        }
    }
    flags.into_values().map(Change::CreateFlag).collect()
}

fn segments(plan: &PlanDefinition) -> Vec<Change> {
    let mut segments: BTreeMap<(String, String), Change> = BTreeMap::new();
    let mut add = |environment: &EnvironmentKey, segment: &str| {
        let key = (environment.to_string(), segment.to_owned());
        let (environment, segment) = key.clone();
        let set = SetSegment { environment, segment, ..SetSegment::default() };
        segments.entry(key).or_insert_with(|| Change::SetSegment(set));
    };
    for stage in &plan.stages {
        for (_, target) in &stage.set {
            if let Target::Matrix { shares, .. } = target {
                for (segment, _) in shares {
                    add(plan.environment_of(stage), segment.as_str());
                }
            }
        }
        for guard in &plan.guards {
            if let super::GuardAction::Rollback(super::RollbackKind::Segments(taken)) = &guard.action {
                for segment in taken {
                    add(plan.environment_of(stage), segment.as_str());
                }
            }
        }
    }
    segments.into_values().collect()
}

/// Runs a plan in simulated time.
///
/// # Errors
/// When the plan cannot be applied; the fields are those of [`Change::SetPlan`].
pub fn simulate(plan: &PlanDefinition, assumptions: &Assumptions) -> Result<Simulation, Rejection> {
    let mut world = applied(plan, assumptions.start)?;
    let mut events = Vec::new();
    if plan.starts_at.is_none() {
        act(&mut world, plan, PlanAct::Start)?;
        events.push(event(&world, plan, "people", "started"));
    }
    let mut missing = Vec::new();
    for _ in 0..STEPS_MAX {
        let progress = world.progress(plan);
        let metrics = TraceAt(&assumptions.trace, world.now);
        let around = Surroundings { now: world.now, metrics: &metrics, memory: &NoMemory };
        let until = match next(plan, &progress, &around) {
            Next::Step(step) => {
                let change =
                    Change::ActOnPlan { plan: plan.key.to_string(), act: PlanAct::Step(step.clone()) };
                world.commit(Origin::Control, "mycelia", "", vec![change])?;
                events.push(event(&world, plan, "mycelia", step_word(&step)));
                continue;
            }
            Next::Wait(until) => Some(until),
            Next::Idle => None,
        };
        if progress.state.is_over() {
            break;
        }
        missing = gate::missing(plan, &progress, &around);
        let turn = Turn::of(plan, &progress, &missing, world.now, assumptions);
        let metrics_change = assumptions.trace.next_change(world.now);
        let sustained =
            plan.guards.iter().filter_map(|guard| assumptions.trace.sustained_at(&guard.when, world.now));
        let people = turn.as_ref().map(|turn| turn.at);
        let moments = [until, metrics_change, sustained.min(), people];
        let Some(moment) = moments.into_iter().flatten().min() else {
            break;
        };
        world.now = world.now.max(moment);
        if let Some(turn) = turn.filter(|turn| turn.at <= world.now) {
            for doing in turn.acts {
                let words = act_word(&doing.1);
                let change = Change::ActOnPlan { plan: plan.key.to_string(), act: doing.1 };
                world.commit(Origin::Caller, &doing.0, "as assumed", vec![change])?;
                events.push(event(&world, plan, &doing.0, &words));
            }
        }
    }
    Ok(Simulation { events, progress: world.progress(plan), missing })
}

/// What people do next, and when.
struct Turn {
    at: Timestamp,
    acts: Vec<(String, PlanAct)>,
}

impl Turn {
    fn of(
        plan: &PlanDefinition,
        progress: &Progress,
        missing: &[Missing],
        now: Timestamp,
        assumptions: &Assumptions,
    ) -> Option<Self> {
        let people = |act| ("people".to_owned(), act);
        let (seconds, from, acts) = match progress.state {
            PlanState::Latched if progress.acknowledged.is_none() => (
                assumptions.resume_after_seconds?,
                progress.since,
                vec![people(PlanAct::Acknowledge), people(PlanAct::Resume)],
            ),
            PlanState::Latched | PlanState::Paused => {
                (assumptions.resume_after_seconds?, progress.since, vec![people(PlanAct::Resume)])
            }
            PlanState::WaitingForGate => {
                let acts = missing.iter().flat_map(|missing| answers(missing, progress)).collect::<Vec<_>>();
                (assumptions.people_take_seconds?, progress.since, acts)
            }
            _ => return None,
        };
        debug_assert!(!plan.stages.is_empty(), "a plan that was applied has stages");
        (!acts.is_empty()).then(|| Self { at: after(from, seconds).max(now), acts })
    }
}

/// What people do about something that a gate waits for.
fn answers(missing: &Missing, progress: &Progress) -> Vec<(String, PlanAct)> {
    match missing {
        Missing::NoGo { .. } | Missing::Go => vec![("people".to_owned(), PlanAct::Go)],
        Missing::Approvals { given, needed } => {
            let taken = |name: &String| progress.approvals.iter().any(|deed| *deed.by == **name);
            let names = (1..).map(|number: u32| format!("person {number}")).filter(|name| !taken(name));
            let wanted = usize::try_from(needed.saturating_sub(*given)).unwrap_or(0);
            names.take(wanted).map(|name| (name, PlanAct::Approve)).collect()
        }
        Missing::Item(item) => vec![("people".to_owned(), PlanAct::Tick { item: item.to_string() })],
        // Nobody reports what the trace does not hold: the plan waits, and that is what the simulation shows.
        Missing::Check { .. } | Missing::Unknown(_) | Missing::Soak { .. } | Missing::Drill { .. } => {
            Vec::new()
        }
    }
}

fn act(world: &mut World, plan: &PlanDefinition, act: PlanAct) -> Result<(), Rejection> {
    world.commit(Origin::Caller, "people", "", vec![Change::ActOnPlan { plan: plan.key.to_string(), act }])
}

fn event(world: &World, plan: &PlanDefinition, by: &str, words: &str) -> SimulatedEvent {
    let progress = world.progress(plan);
    let started = progress.started.as_ref().map_or(world.now, |deed| deed.at);
    let flags = plan.places().into_iter().filter_map(|(environment, flag)| {
        let definition = world.snapshot.flag(&flag.folded())?;
        let configuration = world.snapshot.configuration(environment, &flag.folded())?;
        Some((environment.clone(), flag.clone(), serves_in_words(definition, configuration)))
    });
    SimulatedEvent {
        at: world.now,
        day: plan.day_at(started, world.now),
        state: progress.state,
        stage: progress.stage,
        by: Box::from(by),
        words: format!("{words}: {}", progress.reason),
        flags: flags.collect(),
    }
}

const fn step_word(step: &Step) -> &'static str {
    match step {
        Step::Start => "starts",
        Step::Enter { .. } => "enters the next stage",
        Step::AwaitGate { .. } => "waits for the gate",
        Step::AwaitDate => "waits for the date",
        Step::Complete => "completes",
        Step::Trip { .. } => "a guard trips",
        Step::Descend { .. } => "goes down a rung",
        Step::Rest { .. } => "the ladder ends",
        Step::ClockWentBack => "the clock went back",
        Step::Block { .. } => "the next step was refused",
    }
}

fn act_word(act: &PlanAct) -> String {
    match act {
        PlanAct::Start => "start".to_owned(),
        PlanAct::Approve => "approve".to_owned(),
        PlanAct::Go => "go".to_owned(),
        PlanAct::Tick { item } => format!("tick {item}"),
        PlanAct::Acknowledge => "acknowledge".to_owned(),
        PlanAct::Resume => "resume".to_owned(),
        _ => "act".to_owned(),
    }
}
