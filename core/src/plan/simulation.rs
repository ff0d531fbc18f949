//! A plan in simulated time: which flag serves what when, where the plan waits, and what a bad hour would have done.
//!
//! The same runner and the same check as on a server, over a store that exists only here. People are assumed to do what a
//! gate waits for after a while, or never; metrics come from a trace.

mod people;
#[cfg(test)]
mod tests;
mod trace;
mod world;

use super::gate::{self, Memory, Missing, Surroundings};
use super::metric_check::{Asked, MetricCheck, Metrics, Verdict};
use super::progress::{PlanState, Progress};
use super::runner::{Next, next};
use super::status::serves_in_words;
use super::{PlanDefinition, Stage};
use crate::change::{Change, PlanAct};
use crate::check::Origin;
use crate::key::{EnvironmentKey, FlagKey};
use crate::rejection::Rejection;
use crate::revision::Timestamp;

use people::{Doing, Turn, step_words};
use world::{World, applied};

pub use trace::Trace;

/// Events after which a simulation ends: nobody reads on.
const EVENTS_MAX: usize = 10_000;

/// Looks at the plan after which a simulation ends: a trace of a month of minutes takes fewer.
const LOOKS_MAX: usize = 200_000;

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
    /// Whether a metric that the trace does not hold is as it should be: gates open, guards stay quiet. Otherwise nobody
    /// knows, as on a server that nobody reports to.
    pub is_healthy: bool,
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
    /// When it ended: nothing happens afterwards, or the simulation has seen enough.
    pub ended: Timestamp,
    /// Where the plan was in the end.
    pub progress: Progress,
    /// What it waits for, when it never ended.
    pub missing: Vec<Missing>,
}

/// Applies a plan to a store that has what it needs: whatever is wrong with the plan itself is said.
///
/// # Errors
/// When the plan cannot be applied; the fields are those of [`Change::SetPlan`].
pub fn rehearse(plan: &PlanDefinition) -> Result<(), Rejection> {
    applied(plan, Timestamp::default()).map(|_world| ())
}

/// Runs a plan in simulated time.
///
/// # Errors
/// When the plan cannot be applied; the fields are those of [`Change::SetPlan`].
pub fn simulate(plan: &PlanDefinition, assumptions: &Assumptions) -> Result<Simulation, Rejection> {
    let world = applied(plan, assumptions.start)?;
    let mut run = Run { plan, assumptions, world, events: Vec::new(), resumed: 0, drill: None };
    if plan.starts_at.is_none() {
        run.act("people", "", PlanAct::Start)?;
    }
    for _ in 0..LOOKS_MAX {
        if run.events.len() >= EVENTS_MAX || !run.go_on()? {
            break;
        }
    }
    let progress = run.world.progress(plan);
    let missing = if progress.state.is_in_stage() { run.missing(&progress) } else { Vec::new() };
    Ok(Simulation { events: run.events, ended: run.world.now, progress, missing })
}

/// A simulation that is under way.
struct Run<'a> {
    plan: &'a PlanDefinition,
    assumptions: &'a Assumptions,
    world: World,
    events: Vec<SimulatedEvent>,
    /// How often people have resumed the plan.
    resumed: usize,
    /// When people last rehearsed a rollback.
    drill: Option<Timestamp>,
}

impl Run<'_> {
    /// Does what is due, or goes to the moment at which something may be; false when nothing ever will.
    fn go_on(&mut self) -> Result<bool, Rejection> {
        let progress = self.world.progress(self.plan);
        if progress.state.is_over() {
            return Ok(false);
        }
        let until = match self.look(|around| next(self.plan, &progress, around)) {
            Next::Step(step) => {
                let words = step_words(self.plan, &step);
                let act = PlanAct::Step(step);
                let change = Change::ActOnPlan { plan: self.plan.key.to_string(), act };
                self.world.commit(Origin::Control, "mycelia", "", vec![change])?;
                self.note("mycelia", &words);
                return Ok(true);
            }
            Next::Wait(until) => Some(until),
            Next::Idle => None,
        };
        let missing = self.missing(&progress);
        let turn = Turn::of(&progress, &missing, self.world.now, self.assumptions, self.resumed);
        let moments = [until, self.next_look(&progress), turn.as_ref().map(|turn| turn.at)];
        let Some(moment) = moments.into_iter().flatten().min() else {
            return Ok(false);
        };
        self.world.now = self.world.now.max(moment);
        if let Some(turn) = turn.filter(|turn| turn.at <= self.world.now) {
            for Doing { by, act } in turn.doings {
                match act {
                    Some(act) => self.act(&by, "as assumed", act)?,
                    None => {
                        self.drill = Some(self.world.now);
                        self.note(&by, "rehearsed a rollback");
                    }
                }
            }
        }
        Ok(true)
    }

    /// When metrics may say something else, with nobody doing anything.
    fn next_look(&self, progress: &Progress) -> Option<Timestamp> {
        let (trace, now) = (&self.assumptions.trace, self.world.now);
        if !progress.state.is_in_stage() {
            // Nobody listens: people resume the plan, or a ladder's next rung is due.
            return None;
        }
        let gate = self.plan.stages.get(progress.stage_index()).map_or(&[][..], |stage| &stage.gate.checks);
        let checks = self.plan.guards.iter().map(|guard| &guard.when).chain(gate);
        let entered = progress.entered_at(progress.stage_index()).map(|entry| entry.at);
        checks.filter_map(|check| trace.next_look(check, now, entered)).chain(trace.next_change(now)).min()
    }

    fn look<T>(&self, ask: impl FnOnce(&Surroundings<'_>) -> T) -> T {
        ask(&Surroundings { now: self.world.now, metrics: self, memory: self })
    }

    fn missing(&self, progress: &Progress) -> Vec<Missing> {
        self.look(|around| gate::missing(self.plan, progress, around))
    }

    fn act(&mut self, by: &str, reason: &str, act: PlanAct) -> Result<(), Rejection> {
        let words = act.in_words();
        self.resumed += usize::from(act == PlanAct::Resume);
        let change = Change::ActOnPlan { plan: self.plan.key.to_string(), act };
        self.world.commit(Origin::Caller, by, reason, vec![change])?;
        self.note(by, &words);
        Ok(())
    }

    fn note(&mut self, by: &str, words: &str) {
        let progress = self.world.progress(self.plan);
        let started = progress.started.as_ref().map_or(self.world.now, |deed| deed.at);
        let flags = self.plan.places().into_iter().filter_map(|(environment, flag)| {
            let definition = self.world.snapshot.flag(&flag.folded())?;
            let configuration = self.world.snapshot.configuration(environment, &flag.folded())?;
            Some((environment.clone(), flag.clone(), serves_in_words(definition, configuration)))
        });
        let stage = self.plan.stages.get(progress.stage_index()).map_or("", |stage| &stage.name);
        let event = SimulatedEvent {
            at: self.world.now,
            day: self.plan.day_at(started, self.world.now),
            state: progress.state,
            stage: progress.stage,
            by: Box::from(by),
            words: words.replace("{stage}", stage).replace("{reason}", &progress.reason),
            flags: flags.collect(),
        };
        self.events.push(event);
    }
}

impl Metrics for Run<'_> {
    fn judge(&self, check: &MetricCheck, asked: &Asked<'_>) -> Verdict {
        let trace = &self.assumptions.trace;
        if !self.assumptions.is_healthy || trace.knows(check, asked.changed_at) {
            return trace.judge_at(check, self.world.now, asked.changed_at);
        }
        // A guard's condition is one that should not come true, a gate's one that should.
        let value = check.threshold;
        match self.plan.guards.iter().any(|guard| guard.when == *check) {
            true => Verdict::NotMet { value },
            false => Verdict::Met { value },
        }
    }
}

impl Memory for Run<'_> {
    fn last_incident(&self, _plan: &PlanDefinition, _stage: &Stage) -> Option<(Box<str>, Option<Timestamp>)> {
        None
    }

    fn last_drill(&self, _flag: &FlagKey) -> Option<Timestamp> {
        self.drill
    }
}
