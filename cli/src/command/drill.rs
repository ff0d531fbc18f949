//! `drill`: a rollback that is tried out, measured and taken back.
//!
//! What was taken back is restored whatever the services do: a drill that is waited for in vain must not become an
//! outage. Only somebody else's change in between is left alone, and said.

use std::time::Duration;

use mycelia_flags_proto::v1;
use mycelia_flags_proto::v1::change::Change;

use crate::args::promotion::{DrillCommand, DrillRollbackArgs};
use crate::args::write::WriteArgs;
use crate::connection::Connection;
use crate::convergence;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::session::Session;
use crate::submission::{meant_environment, send};
use crate::view::drill::{DrillView, DrillsView, RecordedView};

pub(crate) async fn run(command: DrillCommand, session: &Session<'_>) -> Result<Exit, Failure> {
    match command {
        DrillCommand::Rollback(args) => rollback(args, session).await,
        DrillCommand::List => list(session).await,
    }
}

async fn list(session: &Session<'_>) -> Result<Exit, Failure> {
    let connection = session.connection()?;
    let request = v1::ListDrillsRequest { environment: session.settings.environment.clone() };
    let answer = connection.answer(connection.promotions().list_drills(request)).await?;
    let drills = answer.drills.into_iter().map(RecordedView::of).collect();
    session.show(&DrillsView { drills, revision: answer.revision })?;
    Ok(Exit::Done)
}

/// A drill that goes on.
struct Drill<'a> {
    connection: Connection,
    session: &'a Session<'a>,
    environment: String,
    flag: String,
    reason: String,
}

async fn rollback(args: DrillRollbackArgs, session: &Session<'_>) -> Result<Exit, Failure> {
    let connection = session.connection()?;
    let environment = meant_environment(&connection, &session.settings.environment).await?;
    let reason =
        args.reason.map_or_else(|| "rollback drill".to_owned(), |why| format!("rollback drill: {why}"));
    let drill = Drill { connection, session, environment, flag: args.flag, reason };
    let plan = drill.may_begin(args.allow_nobody).await?;
    let revision = drill.apply(drill.taken_back(), false).await?.revision;
    let Drill { flag, environment, .. } = &drill;
    session.terminal.note(&format!(
        "{flag} is off in {environment} for the drill; should this end early: mycelia-flags undo {revision}"
    ));
    let measured = drill.converge(revision, args.wait_timeout).await;
    let restored = drill.apply(Change::Undo(v1::Undo { revision }), false).await;
    let back = match &restored {
        Ok(answer) => drill.converge(answer.revision, args.wait_timeout).await.end,
        Err(_failure) => Ok(()),
    };
    if let Some(plan) = plan.filter(|_| restored.is_ok()) {
        drill.resume(&plan).await?;
    }
    let mut view = DrillView::of(flag, environment, revision, measured.last.as_ref());
    view.restored_revision = restored.as_ref().ok().map(|answer| answer.revision);
    // A drill that not everybody answered proves nothing.
    let nobody = view.services.is_empty() && !args.allow_nobody;
    if measured.end.is_ok() && !nobody {
        view.recorded_revision = Some(drill.record(&view).await?.revision);
    }
    session.show(&view)?;
    restored.map_err(|failure| drill.not_restored(revision, &failure))?;
    measured.end?;
    back?;
    if nobody {
        return Err(drill.nobody());
    }
    Ok(Exit::Done)
}

impl Drill<'_> {
    fn taken_back(&self) -> Change {
        // Not a rollback in earnest: that would take the flag's plan back with it, and nothing could restore the flag.
        Change::DisableFlag(v1::DisableFlag {
            environment: self.environment.clone(),
            flag: self.flag.clone(),
        })
    }

    async fn apply(&self, change: Change, dry_run: bool) -> Result<v1::ApplyResponse, Failure> {
        let args = WriteArgs { reason: Some(self.reason.clone()), dry_run, ..WriteArgs::default() };
        send(vec![change], &args, &self.connection, self.session).await
    }

    /// There is something to take back, it can be restored, and somebody can be measured. Answers the plan that drives
    /// the flag and goes on by itself: the drill stops it, and must let it go on afterwards.
    async fn may_begin(&self, allow_nobody: bool) -> Result<Option<String>, Failure> {
        let Self { flag, environment, connection, .. } = self;
        let planned = self.apply(self.taken_back(), true).await?;
        let mut driven = planned.writes.iter().filter_map(|write| write.entity.strip_prefix("progress/"));
        let plan = match driven.next() {
            Some(plan) => self.goes_on_by_itself(plan).await?.then(|| plan.to_owned()),
            None => None,
        };
        self.policy_lets_it_be_restored().await?;
        let request = v1::GetFlagRequest { flag: flag.clone() };
        let found = connection.answer(connection.admin().get_flag(request)).await?.flag.unwrap_or_default();
        let configurations = &found.configurations;
        if configurations.get(environment).is_none_or(|configuration| !configuration.enabled) {
            return Err(Failure::Failed(anyhow::anyhow!(
                "{flag} is disabled in {environment}: there is nothing to take back"
            )));
        }
        let services = found.definition.map(|definition| definition.services).unwrap_or_default();
        let request = v1::ListSubscribersRequest::default();
        let connected = connection.answer(connection.admin().list_subscribers(request)).await?.subscribers;
        let sees = |subscriber: &v1::Subscriber| {
            subscriber.environment == *environment
                && (services.is_empty() || services.contains(&subscriber.service))
        };
        if !allow_nobody && !connected.iter().any(sees) {
            return Err(self.nobody());
        }
        Ok(plan)
    }

    /// Whether a plan is in a stage: disabling one of its flags by hand pauses it then.
    async fn goes_on_by_itself(&self, plan: &str) -> Result<bool, Failure> {
        let request = v1::GetPlanRequest { plan: plan.to_owned() };
        let answer = self.connection.answer(self.connection.plans().get_plan(request)).await?;
        let state = answer.progress.unwrap_or_default().state();
        Ok(matches!(state, v1::PlanState::Holding | v1::PlanState::WaitingForGate | v1::PlanState::Running))
    }

    async fn resume(&self, plan: &str) -> Result<(), Failure> {
        let act = Some(v1::act_on_plan::Act::Deed(v1::PlanDeed::Resume.into()));
        let change = Change::ActOnPlan(v1::ActOnPlan { plan: plan.to_owned(), act });
        self.apply(change, false).await?;
        self.session.terminal.note(&format!("plan {plan} was paused for the drill and goes on"));
        Ok(())
    }

    /// To restore is to raise from nothing: what a policy forbids of that must be known before anything is taken back.
    async fn policy_lets_it_be_restored(&self) -> Result<(), Failure> {
        let request = v1::ListPoliciesRequest { environment: self.environment.clone() };
        let answer = self.connection.answer(self.connection.admin().list_policies(request)).await?;
        let policies = answer.policies.into_iter().filter(|policy| policy.environment == self.environment);
        let forbids = |policy: &v1::Policy| {
            policy.approvals > 0
                || policy.largest_step_percent.is_some()
                || policy.smallest_interval_seconds.is_some()
                || !policy.freeze_windows.is_empty()
                || policy.protected_flags.iter().any(|flag| is_same_flag(flag, &self.flag))
        };
        if policies.filter_map(|policy| policy.policy).any(|policy| forbids(&policy)) {
            return Err(Failure::Failed(anyhow::anyhow!(
                "the policy of {} limits how flags are raised: it could keep the drill from restoring {}; nothing was \
                 taken back",
                self.environment,
                self.flag
            )));
        }
        Ok(())
    }

    fn nobody(&self) -> Failure {
        Failure::Failed(anyhow::anyhow!(
            "nobody to measure: no service that may see {} is connected in {} (--allow-nobody drills all the same)",
            self.flag,
            self.environment
        ))
    }

    fn not_restored(&self, revision: u64, failure: &Failure) -> Failure {
        Failure::Failed(anyhow::anyhow!(
            "{} was not restored in {}, because somebody changed it meanwhile, or could not be: {} (the drill took it \
             back in revision {revision})",
            self.flag,
            self.environment,
            failure.message()
        ))
    }

    async fn converge(&self, revision: u64, patience: Duration) -> convergence::Course {
        let environment = self.environment.clone();
        let request = v1::WaitConvergedRequest { revision, environment, min_instances: 0 };
        convergence::follow(&self.connection, request, patience, self.session.terminal).await
    }

    async fn record(&self, view: &DrillView) -> Result<v1::ApplyResponse, Failure> {
        let services = view
            .services
            .iter()
            .map(|one| v1::ServiceTime { service: one.service.clone(), micros: one.micros });
        let change = Change::RecordDrill(v1::RecordDrill {
            environment: self.environment.clone(),
            flag: self.flag.clone(),
            services: services.collect(),
            total_micros: view.total_micros,
        });
        self.apply(change, false).await
    }
}

/// Two spellings of one flag.
fn is_same_flag(one: &str, other: &str) -> bool {
    let fold = |key: &str| key.replace(['.', '-'], "_");
    fold(one) == fold(other)
}
