//! The agent integration over three services and three environments: one flag, and one service that is detached for a
//! while.

use mycelia_flags_sdk::{Client, Context};

use crate::binary::Process;
use crate::command_line::{json, refused};
use crate::patience::{PATIENCE, eventually};

const FLAG: &str = "elevenlabs_agent_enabled";
const SERVICES: [&str; 3] = ["jarek-va-ui", "cursor-runner", "elevenlabs-agent"];

#[tokio::test(flavor = "multi_thread")]
async fn one_of_three_services_is_detached_and_comes_back_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    let server = Process::serve(folder.path());
    let url = &*server.url;
    let services: Vec<&str> = SERVICES.iter().flat_map(|service| ["--service", service]).collect();
    json(url, &[&["create", FLAG][..], &services[..]].concat());
    let mut clients = Vec::new();
    for service in SERVICES {
        let client = Client::builder().server(url).environment("production").service(service);
        let client = client.connect().unwrap();
        client.ready(PATIENCE).await.unwrap();
        clients.push(client);
    }
    let somebody = Context::new("ana");
    let table = || clients.iter().map(|client| client.bool_value(FLAG, false, &somebody)).collect::<Vec<_>>();
    assert_eq!(table(), [false, false, false], "the initial state");
    for environment in ["development", "staging", "production"] {
        json(url, &["enable", FLAG, "--env", environment, "--wait"]);
    }
    assert_eq!(table(), [true, true, true]);

    // Toggled independently per service for debugging
    let detach =
        ["override", "set", FLAG, "--service", "cursor-runner", "--variant", "off", "--expires", "2h"];
    json(url, &[&detach[..], &["--reason", "look into the queue", "--wait"]].concat());
    assert_eq!(table(), [true, false, true]);
    let status = json(url, &["status"]);
    let detached = &status["overrides"][0];
    assert_eq!(
        (&detached["flag"], &detached["service"]),
        (&FLAG.into(), &"cursor-runner".into()),
        "{status}"
    );
    let explained = json(url, &["explain", FLAG, "--user", "ana", "--service", "cursor-runner"]);
    assert_eq!((&explained["variant"], &explained["reason"]), (&"off".into(), &"TARGETING_MATCH".into()));
    refused(url, &["override", "set", FLAG, "--service", "billing", "--variant", "off"], 1, "NOT_APPLICABLE");
    json(url, &["override", "remove", FLAG, "--service", "cursor-runner", "--wait"]);
    assert_eq!(table(), [true, true, true]);

    // It expires by itself: the server takes it back
    let briefly =
        ["override", "set", FLAG, "--service", "cursor-runner", "--variant", "off", "--expires", "1s"];
    json(url, &briefly);
    // The table alone does not tell: it is like this before the override has reached the service, too.
    let newest = || json(url, &["history", FLAG, "--limit", "1"])["records"][0].clone();
    eventually("the server takes it back", || async { newest()["actor"] == "mycelia" }).await;
    assert_eq!(newest()["reason"], "expired");
    eventually("the override has gone", || async { table() == [true, true, true] }).await;

    // Off means off everywhere: disabling ends an override
    json(url, &["override", "set", FLAG, "--service", "cursor-runner", "--variant", "on"]);
    json(url, &["disable", FLAG, "--wait"]);
    assert_eq!(table(), [false, false, false]);
    assert_eq!(json(url, &["override", "list"])["overrides"], serde_json::json!([]));
    for client in clients {
        client.close().await;
    }
    assert!(server.terminate().success());
}
