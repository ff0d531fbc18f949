//! `ramp`: the plan `ramp.FLAG`, from the command line instead of a file.

use crate::args::ramp::RampArgs;
use crate::command::plan::submit_plan;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::plan_file::{RampGate, ramp};
use crate::session::Session;

pub(crate) async fn run(args: RampArgs, session: &Session<'_>) -> Result<Exit, Failure> {
    let gate = RampGate { go: args.go, approvals: args.approvals };
    let plan = ramp(&args.flag, &session.settings.environment, &args.stages, gate).map_err(|faults| {
        let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
        Failure::Usage(faults.join("\n"))
    })?;
    submit_plan(plan, args.start, "ramp", args.write, session).await
}
