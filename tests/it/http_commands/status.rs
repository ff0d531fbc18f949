//! What HTTP shows: rollouts, the server, the history.

use super::*;
use crate::checker::Checked;

#[tokio::test(flavor = "multi_thread")]
async fn status_says_how_far_every_flag_is() {
    let Some(_curl) = tool("curl") else { return };
    let server = Server::in_memory().await;
    let (url, mut admin) = (&*server.url, server.admin().await);
    let mut changes: Vec<Kind> = ["dark", "live", "dreams", "old"].map(create).into();
    changes.extend([enable("live"), rollout("dreams", 12.5)]);
    changes.push(Kind::ArchiveFlag(v1::ArchiveFlag { flag: "old".to_owned(), force: false }));
    admin.apply(changes).await;
    let answer = curl(url, "/status.json", &[]);
    assert!(answer.head.contains("content-type: application/json"), "{}", answer.head);
    let status = answer.body;
    let flag = |key, enabled, rollout: Value, variant: Value, serves| json!({ "key": key, "enabled": enabled, "rollout": rollout, "variant": variant, "serves": serves });
    assert_eq!((&status["revision"], &status["environment"]), (&2.into(), &"production".into()));
    assert_eq!(status["environments"], json!(["development", "staging", "production"]));
    assert_eq!(status["canary"], json!({ "on": false, "allowlist": 0 }));
    assert_eq!(
        status["flags"],
        json!([
            flag("dark", false, 0.into(), "off".into(), "off"),
            flag("dreams", true, 12.5.into(), Value::Null, "12.5% on, 87.5% off"),
            flag("live", true, 100.into(), "on".into(), "on"),
        ]),
        "what is archived is left out"
    );
    let staging = curl(url, "/status.json?env=staging", &[]).body;
    let enabled = |flag: &Value| flag["enabled"] == true;
    assert!(!staging["flags"].as_array().unwrap().iter().any(enabled), "{staging}");
}

/// A plan over `dreams` in production: 10 % until somebody says go, then everybody.
fn plan() -> v1::Plan {
    let stage = |percent: f64, gate: Option<v1::Gate>| {
        let target = Some(v1::stage_target::Target::Percent(percent));
        let set = vec![v1::StageTarget { flag: "dreams".to_owned(), target }];
        v1::Stage { name: format!("to {percent}%"), set, gate, ..Default::default() }
    };
    let go = v1::Gate { go: true, ..Default::default() };
    v1::Plan {
        key: "dreams".to_owned(),
        environment: "production".to_owned(),
        first_day: 1,
        stages: vec![stage(10.0, Some(go)), stage(100.0, None)],
        ladder: Some(v1::Ladder { percents: vec![0.0], every_seconds: 1 }),
        ..Default::default()
    }
}

fn act(deed: v1::PlanDeed) -> Kind {
    let act = Some(v1::act_on_plan::Act::Deed(deed.into()));
    Kind::ActOnPlan(v1::ActOnPlan { plan: "dreams".to_owned(), act })
}

#[tokio::test(flavor = "multi_thread")]
async fn status_shows_the_plans_under_way_and_what_they_wait_for() {
    let Some(_curl) = tool("curl") else { return };
    let server = Server::in_memory().await;
    let (url, mut admin) = (&*server.url, server.admin().await);
    let set = Kind::SetPlan(v1::SetPlan { plan: Some(plan()) });
    admin.apply(vec![create("dreams"), set]).await;
    let counts = |under_way: u64, paused: u64, rolled_back: u64| {
        json!({
            "under_way": under_way, "waiting_for_gate": under_way - paused - rolled_back, "paused": paused,
            "rolled_back": rolled_back, "blocked": 0, "alerting": 0
        })
    };
    let (of, ops) = (|| curl(url, "/status.json", &[]).body, || curl(url, "/ops/status.json", &[]).body);
    assert_eq!((&of()["plans"], &ops()["plans"]), (&json!([]), &counts(0, 0, 0)), "a draft does nothing yet");
    admin.apply(vec![act(v1::PlanDeed::Start)]).await;
    let expected = json!([{
        "key": "dreams", "state": "waiting_for_gate", "reason": "started by test", "day": 1,
        "stage": "to 10%", "number": 1, "stages": 2,
        "flags": [{ "key": "dreams", "target": "10%", "serves": "10%", "agrees": true }],
        "waits_for": ["nobody has said go"], "alerts": []
    }]);
    assert_eq!((&of()["plans"], &ops()["plans"]), (&expected, &counts(1, 0, 0)));
    let elsewhere = curl(url, "/status.json?env=staging", &[]).body;
    assert_eq!(elsewhere["plans"], json!([]), "it moves nothing there");
    admin.apply(vec![disable("dreams")]).await;
    let paused = &of()["plans"][0];
    assert_eq!((&paused["state"], &paused["reason"]), (&"paused".into(), &"test disabled dreams".into()));
    let flag = json!({ "key": "dreams", "target": "10%", "serves": "disabled", "agrees": false });
    assert_eq!((&paused["flags"][0], &ops()["plans"]), (&flag, &counts(1, 1, 0)));
    admin.apply(vec![act(v1::PlanDeed::Cancel)]).await;
    assert_eq!((&of()["plans"], &ops()["plans"]), (&json!([]), &counts(0, 0, 0)));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operational_status_says_who_lacks_what() {
    let Some(_curl) = tool("curl") else { return };
    let server = Server::in_memory().await;
    let (url, mut admin) = (&*server.url, server.admin().await);
    let mut runner = Checked::follow(url, "runner", "1").await;
    let revision = admin.create("dreams").await;
    runner.until(revision).await;
    let status = curl(url, "/ops/status.json", &[]).body;
    let service = |applied| {
        json!([{
            "environment": "production", "service": "runner",
            "live": 1, "applied": applied, "observers": 0, "delivered": 0, "refusing": 0
        }])
    };
    assert_eq!(status["services"], service(0), "it has not said that it has it");
    assert_eq!(status["convergence"], json!({ "converged": false, "applied": 0, "live": 1 }));
    runner.acknowledge().await.unwrap();
    let status = curl(url, "/ops/status.json", &[]).body;
    assert_eq!(status["services"], service(1));
    assert_eq!(status["convergence"], json!({ "converged": true, "applied": 1, "live": 1 }));
    let (epoch, revision) = (server.running.epoch().to_string(), revision.into());
    assert_eq!((&status["epoch"], &status["revision"]), (&epoch.into(), &revision));
    assert_eq!((&status["writable"], &status["draining"]), (&true.into(), &false.into()));
    assert_eq!((&status["flags"], &status["streams"]), (&1.into(), &1.into()));
    assert!(status["uptime_seconds"].is_u64() && status["version"].is_string(), "{status}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_history_is_read_page_by_page_and_by_flag_and_environment() {
    let Some(_curl) = tool("curl") else { return };
    let server = Server::in_memory().await;
    let (url, mut admin) = (&*server.url, server.admin().await);
    admin.apply(vec![create("dreams"), create("whispers")]).await;
    for percent in [10.0, 20.0, 30.0] {
        admin.apply(vec![rollout("dreams", percent)]).await;
    }
    let staging = v1::EnableFlag { environment: "staging".to_owned(), flag: "whispers".to_owned() };
    admin.apply(vec![Kind::EnableFlag(staging)]).await;
    let revisions = |query: &str| {
        let answer = curl(url, &format!("/api/admin/features/history{query}"), &[]).body;
        let records = answer["records"].as_array().unwrap();
        let revisions: Vec<u64> = records.iter().map(|record| record["revision"].as_u64().unwrap()).collect();
        (revisions, answer["next_before"].as_u64())
    };
    assert_eq!(revisions(""), (vec![6, 5, 4, 3, 2, 1], None));
    assert_eq!(revisions("?limit=2"), (vec![6, 5], Some(5)));
    assert_eq!(revisions("?limit=2&before=5"), (vec![4, 3], Some(3)));
    assert_eq!(revisions("?limit=2&before=3"), (vec![2, 1], None));
    assert_eq!(revisions("?flag=whispers"), (vec![6, 2], None));
    assert_eq!(revisions("?env=staging"), (vec![6, 2, 1], None), "what all environments share is theirs too");
    assert_eq!(revisions("?env=staging&limit=2"), (vec![6, 2], Some(2)), "the pages between are read");
    let newest = curl(url, "/api/admin/features/history?limit=1", &[]).body["records"][0].clone();
    assert_eq!((&newest["actor"], &newest["reason"]), (&"test".into(), &"a story".into()));
    assert_eq!(newest["changes"], json!(["enable whispers in staging"]));
    assert_eq!(newest["entities"], json!(["configuration/staging/whispers"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_record_is_a_line_of_bounded_length() {
    let Some(_curl) = tool("curl") else { return };
    let server = Server::in_memory().await;
    let mut admin = server.admin().await;
    admin.apply((0..150).map(|number| create(&format!("flag{number:03}"))).collect()).await;
    let answer = curl(&server.url, "/api/admin/features/history?limit=1", &[]).body;
    let record = &answer["records"][0];
    assert_eq!(record["changes"].as_array().unwrap().len(), 100);
    assert_eq!((&record["changes_left_out"], &record["entities_left_out"]), (&50.into(), &500.into()));
}
