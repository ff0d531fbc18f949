//! `enable`, `disable` and `rollout`: what a flag does in one environment.

use mycelia_flags_proto::v1;
use mycelia_flags_proto::v1::change::Change;

use crate::args::write::{RolloutArgs, SwitchArgs};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::session::Session;
use crate::submission::{Submission, Told, submit};
use crate::view::applied::Subject;

pub(crate) async fn enable(args: SwitchArgs, session: &Session<'_>) -> Result<Exit, Failure> {
    let change =
        v1::EnableFlag { environment: session.settings.environment.clone(), flag: args.flag.clone() };
    let submission = Submission {
        changes: vec![Change::EnableFlag(change)],
        told: Told::here(Subject::Flag(args.flag.clone()), "enable", format!("enabled {}", args.flag)),
    };
    submit(submission, args.write, session).await
}

pub(crate) async fn disable(args: SwitchArgs, session: &Session<'_>) -> Result<Exit, Failure> {
    let change =
        v1::DisableFlag { environment: session.settings.environment.clone(), flag: args.flag.clone() };
    let submission = Submission {
        changes: vec![Change::DisableFlag(change)],
        told: Told::here(Subject::Flag(args.flag.clone()), "disable", format!("disabled {}", args.flag)),
    };
    submit(submission, args.write, session).await
}

pub(crate) async fn rollout(args: RolloutArgs, session: &Session<'_>) -> Result<Exit, Failure> {
    let change = v1::Rollout {
        environment: session.settings.environment.clone(),
        flag: args.flag.clone(),
        percent: args.percent.as_f64(),
        enable: args.enable,
    };
    let submission = Submission {
        changes: vec![Change::Rollout(change)],
        told: Told::here(
            Subject::Flag(args.flag.clone()),
            "rollout",
            format!("rolled out {} to {}", args.flag, args.percent),
        ),
    };
    submit(submission, args.write, session).await
}
