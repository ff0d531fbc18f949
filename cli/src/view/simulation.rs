//! How a plan went in simulated time: what happened, a chart, and how it ends.

mod chart;
mod lane;
pub(crate) mod svg;
#[cfg(test)]
mod tests;

use mycelia_flags_core::plan::PlanDefinition;
use mycelia_flags_core::plan::duration_text::{Exact, Length};
use mycelia_flags_core::plan::simulation::{Assumptions, SimulatedEvent, Simulation};
use mycelia_flags_core::revision::Timestamp;
use serde::Serialize;

use crate::page::{Page, Span, Tone};
use crate::terminal::View;

/// What a flag serves before a plan has touched it.
const DARK: &str = "disabled";

/// The answer of `plan simulate`.
#[derive(Debug, Serialize)]
pub(crate) struct SimulationView {
    pub(crate) plan: String,
    pub(crate) started: String,
    pub(crate) ended: String,
    pub(crate) ended_after_seconds: u64,
    /// As `plan status` names it.
    pub(crate) state: String,
    pub(crate) reason: String,
    /// The stage that the plan is in, by its place; 0 is the first.
    pub(crate) stage: usize,
    pub(crate) stages: Vec<String>,
    /// What the gate waits for.
    pub(crate) waits_for: Vec<String>,
    pub(crate) assumptions: AssumptionsView,
    pub(crate) events: Vec<SimulatedEventView>,
}

/// What was assumed. Null is never.
#[derive(Debug, Serialize)]
pub(crate) struct AssumptionsView {
    pub(crate) people_take_seconds: Option<u64>,
    pub(crate) resume_after_seconds: Option<u64>,
    pub(crate) healthy: bool,
}

/// Something that happened.
#[derive(Debug, Serialize)]
pub(crate) struct SimulatedEventView {
    pub(crate) at: String,
    pub(crate) after_seconds: u64,
    pub(crate) day: u32,
    pub(crate) by: String,
    pub(crate) what: String,
    /// The state afterwards.
    pub(crate) state: String,
    /// The stage afterwards.
    pub(crate) stage: usize,
    /// What each flag serves afterwards.
    pub(crate) flags: Vec<SimulatedFlagView>,
}

/// A flag at a moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct SimulatedFlagView {
    pub(crate) environment: String,
    pub(crate) flag: String,
    pub(crate) serves: String,
}

impl SimulationView {
    pub(crate) fn of(plan: &PlanDefinition, simulation: &Simulation, assumptions: &Assumptions) -> Self {
        let seconds = |at: Timestamp| at.micros_since(assumptions.start) / 1_000_000;
        let event = |event: &SimulatedEvent| SimulatedEventView {
            at: event.at.to_string(),
            after_seconds: seconds(event.at),
            day: event.day,
            by: event.by.to_string(),
            what: event.words.clone(),
            state: event.state.as_str().to_owned(),
            stage: usize::try_from(event.stage).unwrap_or(usize::MAX),
            flags: event
                .flags
                .iter()
                .map(|(environment, flag, serves)| SimulatedFlagView {
                    environment: environment.to_string(),
                    flag: flag.to_string(),
                    serves: serves.clone(),
                })
                .collect(),
        };
        Self {
            plan: plan.key.to_string(),
            started: assumptions.start.to_string(),
            ended: simulation.ended.to_string(),
            ended_after_seconds: seconds(simulation.ended),
            state: simulation.progress.state.as_str().to_owned(),
            reason: simulation.progress.reason.to_string(),
            stage: simulation.progress.stage_index(),
            stages: plan.stages.iter().map(|stage| stage.name.to_string()).collect(),
            waits_for: simulation.missing.iter().map(ToString::to_string).collect(),
            assumptions: AssumptionsView {
                people_take_seconds: assumptions.people_take_seconds,
                resume_after_seconds: assumptions.resume_after_seconds,
                healthy: assumptions.is_healthy,
            },
            events: simulation.events.iter().map(event).collect(),
        }
    }

    /// Each flag and environment, in the order of the plan.
    fn rows(&self) -> Vec<SimulatedFlagView> {
        let flags = self.events.first().map(|event| event.flags.as_slice()).unwrap_or_default();
        flags.iter().map(|flag| SimulatedFlagView { serves: DARK.to_owned(), ..flag.clone() }).collect()
    }

    /// The flag, and where, if the plan is in several environments.
    fn label(&self, row: &SimulatedFlagView) -> String {
        let rows = self.rows();
        match rows.iter().all(|other| other.environment == row.environment) {
            true => row.flag.clone(),
            false => format!("{} in {}", row.flag, row.environment),
        }
    }

    fn summary(&self) -> String {
        let said = |seconds: Option<u64>| match seconds {
            Some(seconds) => format!("after {}", Length(seconds)),
            None => "never".to_owned(),
        };
        format!(
            "people do what a gate waits for {}, and resume a plan that was stopped {}; metrics that are not in the \
             trace are {}",
            said(self.assumptions.people_take_seconds),
            said(self.assumptions.resume_after_seconds),
            if self.assumptions.healthy { "healthy" } else { "not known" },
        )
    }

    fn timeline(&self, page: &mut Page) {
        let headings = ["DAY", "AFTER", "TIME (UTC)", "WHO", "WHAT"];
        let mut rows: Vec<Vec<Span>> = vec![headings.map(|heading| Span::new(heading, Tone::Faint)).into()];
        let mut before = self.rows();
        for event in &self.events {
            let cells = [event.day.to_string(), Exact(event.after_seconds).to_string(), minute(&event.at)];
            let mut row: Vec<Span> = cells.into_iter().map(Span::from).collect();
            row.push(Span::from(event.by.as_str()));
            row.push(Span::new(&event.what, event.tone()));
            rows.push(row);
            for (flag, was) in event.flags.iter().zip(&before).filter(|(flag, was)| flag.serves != was.serves)
            {
                let words = format!("  {}: {} → {}", self.label(flag), was.serves, flag.serves);
                let blanks = ["", "", "", ""].map(Span::from);
                rows.push(blanks.into_iter().chain([Span::from(words)]).collect());
            }
            before.clone_from(&event.flags);
        }
        page.table(0, rows);
    }

    fn end(&self, page: &mut Page) {
        let stage = self.stages.get(self.stage).map_or("", String::as_str);
        let number = format!("stage {} of {}", self.stage + 1, self.stages.len());
        let tone = if self.state == "completed" { Tone::Good } else { Tone::Partial };
        let after = format!(", {} after the start, in {number} ({stage})", Exact(self.ended_after_seconds));
        page.line([Span::from("in the end: "), Span::new(&self.state, tone), Span::from(after)]);
        if !self.waits_for.is_empty() {
            page.line(["it waits for:".into()]);
            for missing in &self.waits_for {
                page.line([Span::from(format!("  {missing}"))]);
            }
        } else if self.state != "completed" {
            page.line([Span::from(format!("because of: {}", self.reason))]);
        }
    }
}

impl SimulatedEventView {
    fn is_guard(&self) -> bool {
        self.what.starts_with("guard:")
    }

    fn tone(&self) -> Tone {
        match self.state.as_str() {
            "latched" | "rolling back" | "paused" => Tone::Loud,
            "waiting for a gate" => Tone::Partial,
            "completed" => Tone::Good,
            _ => Tone::Plain,
        }
    }
}

/// `2026-12-01 08:00` of a moment in RFC 3339; with the seconds when there are any.
fn minute(at: &str) -> String {
    let time = at.trim_end_matches('Z').replacen('T', " ", 1);
    time.strip_suffix(":00").map(str::to_owned).unwrap_or(time)
}

impl View for SimulationView {
    fn page(&self) -> Page {
        let mut page = Page::default();
        page.line([Span::from(format!("{} in simulated time, from {}", self.plan, minute(&self.started)))]);
        page.line([Span::new(&self.summary(), Tone::Faint)]);
        page.blank();
        self.timeline(&mut page);
        page.blank();
        chart::draw(self, &mut page);
        self.end(&mut page);
        page
    }
}
