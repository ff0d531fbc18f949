//! The whispers canary plan: typed settings beside a switch, and everything that one of them refuses.

use mycelia_flags_sdk::{Client, Context};

use crate::binary::Process;
use crate::command_line::{json, refused};
use crate::patience::{PATIENCE, eventually};

#[tokio::test(flavor = "multi_thread")]
async fn the_settings_of_a_service_have_types_and_limits() {
    let folder = tempfile::tempdir().unwrap();
    let server = Process::serve(folder.path());
    let url = &*server.url;
    json(url, &["create", "whispers.enabled"]);
    json(url, &["create", "whispers.context_ranking"]);
    let integer = |flag: &str, value: &str| {
        let variant = format!("default={value}");
        json(url, &["create", flag, "--type", "integer", "--variant", &variant, "--permanent"]);
        json(url, &["enable", flag]);
    };
    integer("whispers.max", "6");
    integer("whispers.ranking_timeout_ms", "200");
    let schema = folder.path().join("ranking.schema.json");
    let weights = r#"{
        "type": "object",
        "required": ["recency", "salience"],
        "properties": { "recency": { "type": "number", "minimum": 0, "maximum": 1 }, "salience": { "type": "number" } }
    }"#;
    std::fs::write(&schema, weights).unwrap();
    let schema = schema.to_str().unwrap();
    let variant = r#"default={"recency": 0.5, "salience": 2}"#;
    json(url, &["create", "whispers.weights", "--type", "object", "--variant", variant, "--schema", schema]);
    json(url, &["enable", "whispers.weights"]);
    let flags =
        ["whispers.enabled", "whispers.context_ranking", "whispers.max", "whispers.ranking_timeout_ms"];
    let named: Vec<&str> = flags.iter().flat_map(|flag| ["--flag", flag]).collect();
    json(url, &[&["feature", "set", "whispers"][..], &named[..]].concat());

    let client = Client::builder().server(url).environment("production").service("ui").connect().unwrap();
    client.ready(PATIENCE).await.unwrap();
    let ana = Context::new("ana");
    assert_eq!(client.int_value("whispers.max", 0, &ana), 6);
    assert_eq!(client.int_value("whispers_ranking_timeout_ms", 0, &ana), 200, "any spelling is the flag");
    assert!(!client.bool_value("whispers.enabled", true, &ana), "dark by default");
    json(url, &["feature", "enable", "whispers"]);
    eventually("the feature", || async { client.bool_value("whispers.enabled", false, &ana) }).await;
    assert!(client.bool_value("whispers.context_ranking", false, &ana));

    let wrong = r#"default={"recency": 7}"#;
    refused(url, &["variants", "whispers.weights", wrong], 1, "SCHEMA_VIOLATION");
    refused(url, &["variants", "whispers.max", "default=six"], 2, "default=six");
    json(url, &["variants", "whispers.max", "default=8"]);
    eventually("the setting", || async { client.int_value("whispers.max", 0, &ana) == 8 }).await;

    // Day 8, 10, 12, 14
    for (day, percent) in [("day 8", "10"), ("day 10", "25"), ("day 12", "50"), ("day 14", "100")] {
        json(url, &["rollout", "whispers.enabled", percent, "--reason", day]);
    }
    // Rollback: immediately disable
    json(url, &["feature", "disable", "whispers", "--reason", "error rate > 5 %", "--wait"]);
    assert!(!client.bool_value("whispers.enabled", true, &ana));
    client.close().await;
    assert!(server.terminate().success());
}
