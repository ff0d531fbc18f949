//! `policy`: what environments allow.

use mycelia_flags_proto::v1;
use mycelia_flags_proto::v1::change::Change;
use mycelia_flags_proto::v1::freeze_window::Window;

use crate::args::policy::{DriftArg, PolicyCommand, PolicySetArgs};
use crate::args::write::WriteArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::session::Session;
use crate::submission::{Submission, Told, submit};
use crate::view::applied::Subject;
use crate::view::policy::PoliciesView;

pub(crate) async fn run(command: PolicyCommand, session: &Session<'_>) -> Result<Exit, Failure> {
    match command {
        PolicyCommand::Show => show(session).await,
        PolicyCommand::Set(args) => {
            let (policy, write) = policy(*args);
            set(policy, ("policy set", "set the policy"), write, session).await
        }
        PolicyCommand::Clear(args) => {
            let none = v1::Policy::default();
            set(none, ("policy clear", "removed the policy"), args.write, session).await
        }
    }
}

async fn show(session: &Session<'_>) -> Result<Exit, Failure> {
    let connection = session.connection()?;
    let request = v1::ListPoliciesRequest { environment: session.settings.environment.clone() };
    let answer = connection.answer(connection.admin().list_policies(request)).await?;
    session.show(&PoliciesView::of(answer))?;
    Ok(Exit::Done)
}

async fn set(
    policy: v1::Policy,
    (action, deed): (&'static str, &str),
    write: WriteArgs,
    session: &Session<'_>,
) -> Result<Exit, Failure> {
    let change = v1::SetPolicy { environment: session.settings.environment.clone(), policy: Some(policy) };
    let told = Told::here(Subject::Policy(action), action, deed.to_owned());
    submit(Submission::of(Change::SetPolicy(change), told), write, session).await
}

fn policy(args: PolicySetArgs) -> (v1::Policy, WriteArgs) {
    let once = args.freeze_from.zip(args.freeze_to).map(|(from, to)| v1::FreezeWindow {
        name: args.freeze_name,
        window: Some(Window::Once(v1::OnceWindow { from: Some(from), to: Some(to) })),
    });
    let drift = match args.drift {
        DriftArg::Accept => v1::DriftPolicy::Accept,
        DriftArg::Refuse => v1::DriftPolicy::Refuse,
    };
    let policy = v1::Policy {
        reason_required: args.reason_required,
        largest_step_percent: args.largest_step.map(crate::percent::Percent::as_f64),
        smallest_interval_seconds: args.smallest_interval.map(|interval| interval.as_secs()),
        freeze_windows: args.freezes.into_iter().chain(once).collect(),
        approvals: args.approvals,
        protected_flags: args.protected,
        drift: drift.into(),
        break_glass: args.break_glass,
    };
    (policy, args.write)
}
