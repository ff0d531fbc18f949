//! The agent integration: one flag for three services, through three environments.

use mycelia_flags_sdk::{Client, Context};

use super::{DAY, HOUR, PlanState, Run};
use crate::patience::{PATIENCE, eventually};

const FLAG: &str = "elevenlabs.agent_enabled";
const SERVICES: [&str; 3] = ["jarek-va-ui", "cursor-runner", "elevenlabs-agent"];
const ENVIRONMENTS: [&str; 3] = ["development", "staging", "production"];

/// What each service sees in each environment.
struct Fleet(Vec<(usize, Client)>);

impl Fleet {
    async fn connect(url: &str) -> Self {
        let mut clients = Vec::new();
        for (place, environment) in ENVIRONMENTS.iter().enumerate() {
            for service in SERVICES {
                let client = Client::builder().server(url).environment(*environment).service(service);
                let client = client.connect().unwrap();
                client.ready(PATIENCE).await.unwrap();
                clients.push((place, client));
            }
        }
        Self(clients)
    }

    /// Waits until the first so many environments have the feature in all three services, and the others in none.
    async fn has(&self, environments: usize) {
        let ana = Context::new("ana");
        let all = || async {
            self.0
                .iter()
                .all(|(place, client)| client.bool_value(FLAG, false, &ana) == (*place < environments))
        };
        eventually(&format!("{environments} environments have it in three services"), all).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn three_services_go_through_three_environments() {
    let run = Run::begin("elevenlabs-agent").await;
    run.create(&[FLAG]);
    let fleet = Fleet::connect(run.url()).await;
    fleet.has(0).await;
    run.apply("elevenlabs.yaml");

    // Nothing moves before the checklist of development is through
    run.is(PlanState::WaitingForGate, 1).await;
    fleet.has(0).await;
    run.open_gate().await;
    run.is(PlanState::Holding, 2).await;
    fleet.has(1).await;

    // 48 hours in development
    run.pass(48 * HOUR - 1);
    run.open_gate().await;
    run.is(PlanState::Holding, 2).await;
    run.pass(1);
    run.is(PlanState::Holding, 3).await;
    fleet.has(2).await;

    // Seven days in staging, and a drill of the rollback
    run.open_gate().await;
    run.pass(7 * DAY);
    run.is(PlanState::WaitingForGate, 3).await;
    let missing = run.status().await.missing;
    assert_eq!(missing, [format!("no rollback drill of {FLAG} within 30d")]);
    fleet.has(2).await;
    run.types(&["drill", "rollback", FLAG, "--env", "staging", "--reason", "the gate asks for it"]);
    run.is(PlanState::Holding, 4).await;
    fleet.has(3).await;

    // One service is detached for debugging, the other two keep it
    let detach =
        ["override", "set", FLAG, "--service", "cursor-runner", "--variant", "off", "--expires", "2h"];
    run.types(&detach);
    let ana = Context::new("ana");
    let detached = || async {
        let production = fleet.0.iter().filter(|(place, _)| *place == 2);
        let seen: Vec<bool> = production.map(|(_, client)| client.bool_value(FLAG, false, &ana)).collect();
        seen == [true, false, true]
    };
    eventually("one of three is detached", detached).await;
    run.pass(2 * HOUR);
    fleet.has(3).await;

    // Quick rollback in production: the other environments keep it
    run.report("error_rate > 5% for 5m", true);
    run.is(PlanState::Latched, 4).await;
    fleet.has(2).await;
    run.types(&["plan", "acknowledge", "elevenlabs-agent", "--reason", "a wrong voice id"]);
    run.types(&["plan", "resume", "elevenlabs-agent"]);
    run.is(PlanState::Holding, 4).await;
    fleet.has(3).await;
    run.pass(30 * DAY);
    run.is(PlanState::WaitingForGate, 4).await;
    run.open_gate().await;
    run.is(PlanState::Completed, 4).await;
    for (_, client) in fleet.0 {
        client.close().await;
    }
    run.end().await;
}
