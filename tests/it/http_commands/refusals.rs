//! How HTTP says no: for the same fault in the words of gRPC, and in the caller's own paths.

use super::*;

/// A request, and the same on gRPC.
struct Pair {
    body: Value,
    query: &'static str,
    status: u16,
    field: &'static str,
    grpc: v1::ApplyRequest,
}

fn pair(change: Value, status: u16, field: &'static str, grpc: Kind) -> Pair {
    let body = json!({ "changes": [{ "key": "fine", "enabled": true }, change], "actor": "test" });
    Pair { body, query: "", status, field, grpc: apply_request(vec![enable("fine"), grpc]) }
}

fn pairs() -> Vec<Pair> {
    let change_set = |actor: &str, reason: &str| {
        let mut request = apply_request(vec![enable("fine")]);
        let set = request.change_set.as_mut().unwrap();
        (set.actor, set.reason) = (actor.to_owned(), reason.to_owned());
        request
    };
    let fine = json!([{ "key": "fine", "enabled": true }]);
    let whole = |mut body: Value, query, status, field, grpc| {
        body["changes"] = fine.clone();
        Pair { body, query, status, field, grpc }
    };
    let (long, longer) = ("x".repeat(257), "x".repeat(2_049));
    let place = |flag: &str| ("mars".to_owned(), flag.to_owned());
    let on_mars = {
        let (environment, flag) = place("fine");
        apply_request(vec![Kind::EnableFlag(v1::EnableFlag { environment, flag })])
    };
    let forced = |flag: &str, percent| {
        let (environment, flag) = ("production".to_owned(), flag.to_owned());
        Kind::Rollout(v1::Rollout { environment, flag, percent, enable: true })
    };
    vec![
        pair(json!({ "key": "nobody", "enabled": true }), 404, "changes[1].key", enable("nobody")),
        pair(json!({ "key": "nobody", "enabled": false }), 404, "changes[1].key", disable("nobody")),
        pair(json!({ "key": "nobody", "rollout": 5 }), 404, "changes[1].key", rollout("nobody", 5.0)),
        pair(
            json!({ "key": "nobody", "enabled": false, "rollout": 0 }),
            404,
            "changes[1].key",
            disable("nobody"),
        ),
        pair(json!({ "key": "no name", "enabled": true }), 400, "changes[1].key", enable("no name")),
        pair(json!({ "key": "", "enabled": true }), 400, "changes[1].key", enable("")),
        pair(json!({ "key": "dreams", "rollout": 101 }), 400, "changes[1].rollout", rollout("dreams", 101.0)),
        pair(
            json!({ "key": "dreams", "enabled": true, "rollout": -1 }),
            400,
            "changes[1].rollout",
            forced("dreams", -1.0),
        ),
        pair(
            json!({ "key": "dreams", "rollout": 0.0001 }),
            400,
            "changes[1].rollout",
            rollout("dreams", 0.0001),
        ),
        pair(json!({ "key": "mode", "rollout": 5 }), 400, "changes[1].key", rollout("mode", 5.0)),
        pair(
            json!({ "key": "mode", "enabled": false, "rollout": 0 }),
            400,
            "changes[1].key",
            forced("mode", 0.0),
        ),
        pair(json!({ "key": "old", "enabled": true }), 409, "changes[1].key", enable("old")),
        pair(json!({ "key": "off", "rollout": 5 }), 409, "changes[1].key", rollout("off", 5.0)),
        whole(json!({ "actor": "" }), "", 400, "actor", change_set("", "")),
        whole(json!({ "actor": long }), "", 400, "actor", change_set(&long, "")),
        whole(json!({ "actor": "test", "reason": longer }), "", 400, "reason", change_set("test", &longer)),
        whole(json!({ "actor": "test" }), "?env=mars", 404, "env", on_mars),
        whole(
            json!({ "actor": "test", "expected_revision": 1 }),
            "",
            409,
            "expected_revision",
            v1::ApplyRequest { expected_revision: Some(1), ..apply_request(vec![enable("fine")]) },
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_fault_is_told_in_the_same_words_as_on_grpc() {
    let Some(_curl) = tool("curl") else { return };
    let server = Server::in_memory().await;
    let (url, mut admin) = (&*server.url, server.admin().await);
    let named = |name: &str| v1::Variant {
        name: name.to_owned(),
        value: Some(v1::Value { kind: Some(v1::value::Kind::StringValue(name.to_owned())) }),
    };
    let mode = v1::FlagDefinition {
        key: "mode".to_owned(),
        r#type: v1::FlagType::String.into(),
        variants: vec![named("a"), named("b")],
        ..Default::default()
    };
    let mode = v1::CreateFlag {
        definition: Some(mode),
        default_variant: "a".to_owned(),
        off_variant: "b".to_owned(),
    };
    let mut changes: Vec<Kind> = ["fine", "dreams", "old", "off"].map(create).into();
    changes.extend([Kind::CreateFlag(mode), disable("off")]);
    changes.push(Kind::ArchiveFlag(v1::ArchiveFlag { flag: "old".to_owned(), force: false }));
    admin.apply(changes).await;
    for Pair { body, query, status, field, grpc } in pairs() {
        let path = format!("/api/admin/features/bulk{query}");
        let answer = curl(url, &path, &["-d", &body.to_string()]);
        let refused = admin.request(grpc).await.unwrap_err();
        let info = refused.get_details_error_info().unwrap();
        let problem = &answer.body;
        assert_eq!(answer.status, status, "{body}: {problem}");
        assert!(answer.head.contains("content-type: application/problem+json"), "{}", answer.head);
        assert_eq!((&problem["status"], &problem["reason"]), (&status.into(), &info.reason.clone().into()));
        assert_eq!(problem["type"], format!("urn:mycelia-flags:error:{}", info.reason));
        let expected = json!([{
            "reason": info.reason,
            "field": field,
            "value": info.metadata["value"],
            "allowed": info.metadata["allowed"]
        }]);
        assert_eq!(problem["violations"], expected, "{body}");
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.starts_with(field) && detail.contains(&info.metadata["allowed"]), "{detail}");
        assert!(problem["title"].is_string());
    }
    let revision = admin.client.get_status(v1::GetStatusRequest {}).await.unwrap().into_inner().revision;
    assert_eq!(revision, 2, "nothing has changed");
}

/// What is answered to a request that never becomes a change set: the status, the reason and the field.
#[track_caller]
fn check(url: &str, path: &str, arguments: &[&str], expected: (u16, &str, Option<&str>)) -> Answer {
    let answer = curl(url, path, arguments);
    let problem = &answer.body;
    let found =
        (answer.status, problem["reason"].as_str().unwrap(), problem["violations"][0]["field"].as_str());
    assert_eq!(found, expected, "{path} {arguments:?}: {problem}");
    assert!(answer.head.contains("content-type: application/problem+json"), "{}", answer.head);
    assert_eq!(problem["status"], answer.status);
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_request_of_ours_is_told_so() {
    let Some(_curl) = tool("curl") else { return };
    let server = Server::in_memory().await;
    let url = &*server.url;
    const BULK: &str = "/api/admin/features/bulk";
    const HISTORY: &str = "/api/admin/features/history";
    check(url, "/api/admin/features", &[], (404, "UNKNOWN_PATH", None));
    let get = check(url, BULK, &[], (405, "METHOD_NOT_ALLOWED", None));
    assert!(get.head.contains("allow: post"), "{}", get.head);
    let delete = check(url, HISTORY, &["-X", "DELETE"], (405, "METHOD_NOT_ALLOWED", None));
    assert!(delete.head.contains("allow: get"), "{}", delete.head);
    check(url, "/status.json", &["-d", "{}"], (405, "METHOD_NOT_ALLOWED", None));
    check(url, BULK, &["-d", "changes=1"], (400, "INVALID_JSON", Some("body")));
    check(url, BULK, &["-X", "POST"], (400, "INVALID_JSON", Some("body")));
    check(url, BULK, &["-d", "{}"], (400, "REQUIRED", Some("changes")));
    let misspelled = format!("{BULK}?enviroment=staging");
    check(url, &misspelled, &["-d", "{}"], (400, "UNKNOWN_FIELD", Some("enviroment")));
    check(url, &format!("{HISTORY}?limit=0"), &[], (400, "OUT_OF_RANGE", Some("limit")));
    check(url, &format!("{HISTORY}?page=2"), &[], (400, "UNKNOWN_FIELD", Some("page")));
    check(url, "/status.json?env=mars", &[], (404, "UNKNOWN_ENVIRONMENT", Some("env")));
    check(url, "/ops/status.json?env=production", &[], (400, "UNKNOWN_FIELD", Some("env")));
    let foreign = ["-H", "Origin: https://evil.example", "-d", "{}"];
    check(url, BULK, &foreign, (403, "CROSS_ORIGIN", Some("Origin")));
    let own = format!("Origin: {url}");
    check(url, BULK, &["-H", &own, "-d", "{}"], (400, "REQUIRED", Some("changes")));
    let long = format!("Idempotency-Key: {}", "k".repeat(129));
    let right = r#"{"changes":[{"key":"a","enabled":true}]}"#;
    check(url, BULK, &["-H", &long, "-d", right], (400, "TOO_LARGE", Some("Idempotency-Key")));
    let http2 = ["--http2-prior-knowledge", "-d", "{}"];
    check(url, BULK, &http2, (400, "REQUIRED", Some("changes")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_too_large_is_not_read() {
    let Some(_curl) = tool("curl") else { return };
    let server = Server::in_memory().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("large");
    std::fs::write(&file, " ".repeat(1024 * 1024 + 1)).unwrap();
    let file = format!("@{}", file.display());
    let expected = (413, "TOO_LARGE", Some("body"));
    let path = "/api/admin/features/bulk";
    check(&server.url, path, &["--data-binary", &file], expected);
    check(&server.url, path, &["-H", "Expect:", "--data-binary", &file], expected);
    let chunked = ["-H", "Transfer-Encoding: chunked", "--data-binary", &file];
    check(&server.url, path, &chunked, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_ends_refuses_changes_as_it_does_on_grpc() {
    let Some(_curl) = tool("curl") else { return };
    let server = Server::in_memory().await;
    let mut admin = server.admin().await;
    admin.create("dreams").await;
    server.running.store().close().await;
    let refused = admin.try_apply(vec![enable("dreams")]).await.unwrap_err();
    let word = refused.get_details_error_info().unwrap().reason;
    let body = r#"{"changes":[{"key":"dreams","enabled":true}]}"#;
    let answer = check(&server.url, "/api/admin/features/bulk", &["-d", body], (503, &word, None));
    assert_eq!((&*word, answer.body["detail"].as_str()), ("DRAINING", Some(refused.message())));
    assert!(answer.head.contains("retry-after: 1"), "{}", answer.head);
    let operations = curl(&server.url, "/ops/status.json", &[]).body;
    assert_eq!(operations["writable"], false, "{operations}");
    assert_eq!(curl(&server.url, "/status.json", &[]).body["flags"][0]["key"], "dreams", "reads go on");
}
