//! `plan simulate`: a plan file in simulated time.

use std::fs;

use anyhow::Context as _;
use mycelia_flags_core::plan::simulation::{Assumptions, Trace, simulate};
use mycelia_flags_core::revision::Timestamp;
use mycelia_flags_server::clock::SystemClock;

use crate::args::plan_file::PlanSimulateArgs;
use crate::exit::Exit;
use crate::failure::{Failure, Violation};
use crate::metrics_trace;
use crate::plan_file;
use crate::plan_text;
use crate::terminal::Terminal;
use crate::view::simulation::{SimulationView, svg};

pub(crate) fn run(args: &PlanSimulateArgs, terminal: &Terminal) -> Result<Exit, Failure> {
    let plan = plan_file::offline(&plan_text::read(&args.file)?);
    let start = args.start.or(plan.starts_at).unwrap_or_else(this_minute);
    // A plan with a date to come starts then, and so does what is counted from its start.
    let start = plan.starts_at.map_or(start, |date| start.max(date));
    let trace = match &args.metrics {
        Some(path) => metrics_trace::read(path, start)?,
        None => Trace::default(),
    };
    let assumptions = Assumptions {
        start,
        people_take_seconds: args.people.seconds(),
        resume_after_seconds: args.resume_after.seconds(),
        trace,
        is_healthy: args.healthy,
    };
    let simulation = simulate(&plan, &assumptions).map_err(|rejection| {
        let violations = rejection.violations.into_iter().map(|violation| Violation {
            field: violation.field,
            description: format!("{:?}: {}", violation.value, violation.allowed),
        });
        plan_text::invalid(&args.file.display().to_string(), violations.collect())
    })?;
    let view = SimulationView::of(&plan, &simulation, &assumptions);
    if let Some(path) = &args.svg {
        fs::write(path, svg::draw(&view)).with_context(|| format!("cannot write {}", path.display()))?;
    }
    terminal.show(&view)?;
    Ok(Exit::Done)
}

/// Now, without the seconds: nobody plans in them.
fn this_minute() -> Timestamp {
    let now = SystemClock::shared().now().unix_micros();
    let minute = 60_000_000;
    Timestamp::from_unix_micros(now.div_euclid(minute) * minute)
}
