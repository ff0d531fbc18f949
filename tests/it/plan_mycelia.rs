//! The rollout playbook of the Mycelia features (1 % → 10 % → 50 % → 100 %, with a canary): its commands as it writes
//! them, one after the other, typed into the real binary.

use crate::binary::Process;
use crate::command_line::{json, run};
use crate::people::People;

const FLAGS: [&str; 5] = [
    "intent_bar_v1_rollout",
    "applets_v1_rollout",
    "live_captions_rollout",
    "av1_encode_rollout",
    "av1_decode_rollout",
];

fn state(url: &str, flag: &str) -> String {
    let got = json(url, &["get", flag]);
    got["environments"]["production"]["state"].as_str().unwrap_or_default().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_playbook_is_executed_command_by_command() {
    let folder = tempfile::tempdir().unwrap();
    let server = Process::serve(folder.path());
    let url = &*server.url;
    let people = People::of(url, 300).await;
    for flag in FLAGS {
        json(url, &["create", flag]);
    }

    // Set Rollout Percentage
    json(url, &["rollout", "intent_bar_v1_rollout", "10"]);
    json(url, &["rollout", "applets_v1_rollout", "25"]);
    json(url, &["rollout", "live_captions_rollout", "50"]);
    assert_eq!(state(url, "intent_bar_v1_rollout"), "10%");

    // Canary Management
    json(url, &["canary", "on"]);
    json(url, &["canary-add", "user123"]);
    for flag in &FLAGS[..3] {
        assert!(people.has(flag, "user123").await, "{flag}");
    }
    assert!(
        !people.has("av1_encode_rollout", "user123").await,
        "a disabled flag is off for the canary as well"
    );
    let listed = json(url, &["canary-list"]);
    assert_eq!((&listed["on"], &listed["keys"]), (&true.into(), &serde_json::json!(["user123"])));
    json(url, &["canary-remove", "user123"]);
    assert_eq!(json(url, &["canary-list"])["keys"], serde_json::json!([]));
    json(url, &["canary", "off"]);

    // Status Monitoring
    let status = json(url, &["status"]);
    let rollouts = status["rollouts"].as_array().unwrap();
    let intent_bar = rollouts.iter().find(|rollout| rollout["flag"] == "intent_bar_v1_rollout").unwrap();
    assert_eq!(intent_bar["state"], "10%");
    assert_eq!(json(url, &["get", "intent_bar_v1_rollout"])["key"], "intent_bar_v1_rollout");

    // Step 2: canary deployment, before anybody else gets it
    json(url, &["rollout", "av1_decode_rollout", "0"]);
    json(url, &["canary", "on"]);
    json(url, &["canary-add", "ana", "bo", "cy", "dan", "eve"]);
    assert!(people.has("av1_decode_rollout", "eve").await);
    assert!(people.who_has("av1_decode_rollout").await.is_empty());

    // Step 3 and 4: 1 % → 10 % → 50 % → 100 %: nobody who has it loses it
    let mut before: Vec<String> = Vec::new();
    for percent in ["1", "10", "50", "100"] {
        json(url, &["rollout", "av1_decode_rollout", percent]);
        let now = people.who_has("av1_decode_rollout").await;
        assert!(before.iter().all(|user| now.contains(user)), "{percent}");
        before = now;
    }
    assert_eq!(before.len(), 300);

    // Gradual Rollback
    json(url, &["rollout", "intent_bar_v1_rollout", "25"]);
    let quarter = people.who_has("intent_bar_v1_rollout").await;
    json(url, &["canary-remove", "ana"]);

    // Immediate Rollback
    json(url, &["rollout", "intent_bar_v1_rollout", "0"]);
    json(url, &["canary", "off"]);
    assert!(people.who_has("intent_bar_v1_rollout").await.is_empty());
    assert!(!people.has("intent_bar_v1_rollout", "bo").await);

    // Re-deploy: the same people come back, after a restart too
    json(url, &["rollout", "intent_bar_v1_rollout", "25"]);
    assert_eq!(people.who_has("intent_bar_v1_rollout").await, quarter);
    assert!(server.terminate().success());
    let server = Process::serve(folder.path());
    let people = People::of(&server.url, 300).await;
    assert_eq!(people.who_has("intent_bar_v1_rollout").await, quarter);
    let unknown = run(&server.url, &["canary-add", ""]);
    assert_eq!(unknown.status.code(), Some(1), "{}", String::from_utf8_lossy(&unknown.stderr));
    assert!(server.terminate().success());
}
