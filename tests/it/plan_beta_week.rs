//! Beta week: ten flags in two spellings, the first day's percentages in one change set, and the checks around them.

use mycelia_flags_proto::v1;
use mycelia_flags_proto::v1::change::Change as Kind;

use crate::binary::Process;
use crate::command_line::{json, run};
use crate::server::{Admin, rollout};

const DAY_ONE: [(&str, &str, f64); 10] = [
    ("oracle.chat", "oracle_chat", 100.0),
    ("weave_pipeline", "weave_pipeline", 100.0),
    ("uploads", "uploads", 100.0),
    ("admin.panel", "admin_panel", 100.0),
    ("services.catalog", "services_catalog", 100.0),
    ("dreams", "dreams", 25.0),
    ("micro_memories", "micro_memories", 25.0),
    ("whispers", "whispers", 10.0),
    ("maya.voice", "maya_voice", 10.0),
    ("maya.cues", "maya_cues", 10.0),
];

#[tokio::test(flavor = "multi_thread")]
async fn ten_flags_change_in_one_revision_and_are_undone_in_one() {
    let folder = tempfile::tempdir().unwrap();
    let server = Process::serve(folder.path());
    let url = &*server.url;
    for (key, _, _) in DAY_ONE {
        json(url, &["create", key, "--owner", "maya"]);
    }
    // `npm run audit:features`: all required flags exist, with the type that is asked for
    let required = folder.path().join("required.txt");
    std::fs::write(&required, DAY_ONE.map(|(_, key, _)| format!("{key} boolean\n")).concat()).unwrap();
    let required = required.to_str().unwrap();
    assert!(run(url, &["audit", "features", "--required", required]).status.success());

    let mut admin = Admin::connect(url).await;
    let day_one = DAY_ONE.iter().map(|(_, key, percent)| rollout(key, *percent)).collect();
    let revision = admin.apply(day_one).await.revision;
    let states = || {
        let listed = json(url, &["list"]);
        let flags = listed["flags"].as_array().unwrap().clone();
        flags
            .iter()
            .map(|flag| flag["environments"]["production"]["state"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let day_one_states = states();
    assert_eq!(day_one_states.iter().filter(|state| *state == "25%").count(), 2, "{day_one_states:?}");
    assert_eq!(day_one_states.iter().filter(|state| *state == "10%").count(), 3, "{day_one_states:?}");

    // Emergency rollback of two flags: one revision, and one command takes it back
    let off = |flag: &str| {
        Kind::DisableFlag(v1::DisableFlag { environment: "production".to_owned(), flag: flag.to_owned() })
    };
    let rollback = admin.apply(vec![off("maya_voice"), off("maya_cues")]).await.revision;
    let differences = json(url, &["diff", &revision.to_string(), &rollback.to_string()]);
    let entities: Vec<&str> = differences["differences"]
        .as_array()
        .unwrap()
        .iter()
        .map(|change| change["entity"].as_str().unwrap())
        .collect();
    assert!(entities.contains(&"configuration/production/maya_voice"), "{differences}");
    assert!(entities.contains(&"configuration/production/maya_cues"), "{differences}");
    json(url, &["undo", &rollback.to_string(), "--reason", "a false alarm"]);
    assert_eq!(states(), day_one_states);

    // Who got what at that moment, and why: from the log
    let then = ["explain", "maya.voice", "--user", "ana", "--at", &rollback.to_string()];
    assert_eq!(json(url, &then)["reason"], "DISABLED");
    let now = json(url, &["explain", "maya.voice", "--user", "ana"]);
    assert_eq!(now["reason"], "SPLIT");

    // "Feature Not Appearing for User": the number that decides
    let bucket = json(url, &["bucket", "maya.voice", "ana"])["bucket"].as_f64().unwrap();
    assert_eq!(now["variant"] == "on", bucket < 10.0, "{now}");

    json(url, &["archive", "uploads"]);
    let audit = run(url, &["audit", "features", "--required", required]);
    assert!(!audit.status.success());
    let findings: serde_json::Value = serde_json::from_slice(&audit.stdout).unwrap();
    assert!(findings.to_string().contains("archived"), "{findings}");
    assert!(server.terminate().success());
}
