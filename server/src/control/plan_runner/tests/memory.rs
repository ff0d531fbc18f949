//! Gates remember: incidents that are open or were until lately, and drills.

use mycelia_flags_core::change::{CloseIncident, OpenIncident, RecordDrill};
use mycelia_flags_core::incident::Severity;

use super::*;

fn incident() -> Change {
    Change::OpenIncident(OpenIncident {
        environment: "production".to_owned(),
        flags: vec!["dreams".to_owned()],
        severity: Severity::Critical,
        what: "nightmares".to_owned(),
    })
}

fn close() -> Change {
    let (environment, flag) = ("production".to_owned(), "dreams".to_owned());
    Change::CloseIncident(CloseIncident::OfFlag { environment, flag })
}

/// The reason for which the plan is in the state that it is in.
fn waits_for(words: &str) -> impl Fn(&Snapshot) -> bool {
    move |snapshot| {
        let plan = snapshot.plan(&PlanKey::new("ramp"));
        plan.is_some_and(|(_, progress)| {
            progress.state == PlanState::WaitingForGate && progress.reason.contains(words)
        })
    }
}

#[tokio::test]
async fn a_gate_waits_for_an_incident_and_for_as_long_as_it_asks_after_it() {
    let world = World::begin();
    let mut plan = ramp();
    plan.stages[0].gate.soak_seconds = 7_200;
    let create = Change::CreateFlag(CreateFlag::boolean("dreams"));
    world.commit(vec![create, Change::SetPlan(Box::new(plan)), act(PlanAct::Start)]).await;
    world.until(is(PlanState::Holding, 0)).await;
    world.commit(vec![incident()]).await;
    world.clock.advance(Duration::from_secs(3_600));
    world.until(waits_for("an incident is open: #3 nightmares")).await;
    world.clock.advance(Duration::from_secs(7_200));
    world.commit(vec![close()]).await;
    world.clock.advance(Duration::from_secs(7_199));
    world.until(|snapshot| snapshot.incidents().all(|incident| incident.closed.is_some())).await;
    assert!(is(PlanState::WaitingForGate, 0)(&world.store.snapshot()), "one second is missing");
    world.clock.advance(Duration::from_secs(1));
    world.until(is(PlanState::Holding, 1)).await;
    world.end().await;
}

#[tokio::test]
async fn a_gate_waits_for_a_rollback_drill() {
    let world = World::begin();
    let mut plan = ramp();
    plan.stages[0].gate.drill_within_seconds = Some(86_400);
    let create = Change::CreateFlag(CreateFlag::boolean("dreams"));
    world.commit(vec![create, Change::SetPlan(Box::new(plan)), act(PlanAct::Start)]).await;
    world.clock.advance(Duration::from_secs(3_600));
    world.until(waits_for("no rollback drill of dreams within 1d")).await;
    let drill = RecordDrill {
        environment: "production".to_owned(),
        flag: "dreams".to_owned(),
        services: Vec::new(),
        total_micros: 0,
    };
    world.commit(vec![Change::RecordDrill(drill)]).await;
    world.until(is(PlanState::Holding, 1)).await;
    world.end().await;
}
