//! Clients that are not ours: grpcurl over reflection, and grpc-health-probe.

use std::io::Write as _;
use std::process::{Command, Output, Stdio};

use crate::admin::DAY_ONE;
use crate::binary::{Process, free_port, tool};
use crate::checker::Checked;
use crate::patience::eventually;
use crate::server::Admin;

fn grpcurl(program: &std::path::Path, url: &str, method: &str, request: &str) -> Output {
    let address = url.trim_start_matches("http://");
    let mut child = Command::new(program)
        .args(["-plaintext", "-d", "@", address, method])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(request.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

fn day_one(dreams: &str) -> String {
    let changes: Vec<String> = DAY_ONE
        .iter()
        .flat_map(|(flag, percent)| {
            let percent = if *flag == "dreams" { dreams.to_owned() } else { percent.to_string() };
            [
                format!(r#"{{"createFlag":{{"definition":{{"key":"{flag}"}}}}}}"#),
                format!(r#"{{"rollout":{{"flag":"{flag}","percent":{percent}}}}}"#),
            ]
        })
        .collect();
    format!(r#"{{"changeSet":{{"actor":"mara","reason":"day 1","changes":[{}]}}}}"#, changes.join(","))
}

#[tokio::test(flavor = "multi_thread")]
async fn grpcurl_applies_day_one_as_one_change() {
    let Some(program) = tool("grpcurl") else { return };
    let folder = tempfile::tempdir().unwrap();
    let server = Process::serve(folder.path());
    let mut followers = Vec::new();
    for service in ["ui", "runner", "agent"] {
        let mut follower = Checked::follow(&server.url, service, "1").await;
        follower.next().await.unwrap();
        followers.push(follower);
    }
    let apply = "mycelia.flags.v1.AdminService/Apply";
    let wrong = grpcurl(&program, &server.url, apply, &day_one("125"));
    let said = String::from_utf8_lossy(&wrong.stderr).into_owned();
    assert!(!wrong.status.success());
    for expected in ["InvalidArgument", "changes[11].rollout.percent", "125", "0 to 100"] {
        assert!(said.contains(expected), "{expected} is missing in\n{said}");
    }
    let mut admin = Admin::connect(&server.url).await;
    assert_eq!(
        admin
            .client
            .get_status(mycelia_flags_proto::v1::GetStatusRequest {})
            .await
            .unwrap()
            .into_inner()
            .flags,
        0
    );

    let right = grpcurl(&program, &server.url, apply, &day_one("25"));
    assert!(right.status.success(), "{}", String::from_utf8_lossy(&right.stderr));
    let answer: serde_json::Value = serde_json::from_slice(&right.stdout).unwrap();
    assert_eq!(answer["revision"], "2");
    for follower in &mut followers {
        let updates = follower.updates;
        follower.until(2).await;
        assert_eq!(follower.updates, updates + 1, "exactly one update");
        assert_eq!(follower.held.flags.len(), 10);
    }
    let listed = Command::new(&program)
        .args(["-plaintext", server.url.trim_start_matches("http://"), "list"])
        .output()
        .unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    for service in ["grpc.health.v1.Health", "mycelia.flags.v1.AdminService", "mycelia.flags.v1.SyncService"]
    {
        assert!(listed.contains(service), "{service} is missing in\n{listed}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn grpc_health_probe_sees_serving_and_then_a_drain() {
    let Some(program) = tool("grpc-health-probe") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let server = Process::serve_with(folder.path(), &[], &["--drain-notice", "3s", "--drain-limit", "10s"]);
    let url = server.url.clone();
    let probe = |service: &str| {
        let address = format!("-addr={}", url.trim_start_matches("http://"));
        let output =
            Command::new(&program).args([&address, &format!("-service={service}")]).output().unwrap();
        String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout)
    };
    let services = [
        "",
        "readiness",
        "mycelia.flags.v1.AdminService",
        "mycelia.flags.v1.SyncService",
        "mycelia.flags.v1.EvaluationService",
    ];
    for service in services {
        assert!(probe(service).contains("status: SERVING"), "{service}: {}", probe(service));
    }
    let mut followers = Vec::new();
    for number in 0..50 {
        followers.push(Checked::follow(&url, "ui", &number.to_string()).await);
    }
    server.signal("TERM");
    eventually("NOT_SERVING", || async { probe("").contains("NOT_SERVING") }).await;
    for service in services {
        assert!(probe(service).contains("NOT_SERVING"), "{service}: {}", probe(service));
    }
    assert_eq!(server.wait().code(), Some(0));
}

/// A store whose directory takes long to lock, as one on a tired disk would: strace holds the call up.
#[tokio::test(flavor = "multi_thread")]
async fn grpc_health_probe_sees_not_serving_while_the_store_is_being_opened() {
    let (Some(program), Some(strace)) = (tool("grpc-health-probe"), tool("strace")) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let address = format!("127.0.0.1:{}", free_port());
    let mut server = Command::new(strace)
        .args([
            "-f",
            "-qq",
            "-o",
            "/dev/null",
            "-e",
            "trace=flock",
            "-e",
            "inject=flock:delay_enter=3000000:when=1",
        ])
        .arg(crate::binary::path())
        .args(["serve", "--listen", &address, "--data-dir"])
        .arg(folder.path())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let probe = |service: &str| {
        let arguments = [format!("-addr={address}"), format!("-service={service}")];
        let output = Command::new(&program).args(arguments).output().unwrap();
        String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout)
    };
    eventually("NOT_SERVING", || async { probe("").contains("NOT_SERVING") }).await;
    assert!(probe("startup").contains("NOT_SERVING"));
    assert!(probe("liveness").contains("status: SERVING"), "alive, though not ready: {}", probe("liveness"));
    eventually("SERVING", || async { probe("startup").contains("status: SERVING") }).await;
    assert!(probe("").contains("status: SERVING"));
    let stopped = Command::new("pkill").args(["-TERM", "-P", &server.id().to_string()]).status().unwrap();
    assert!(stopped.success());
    server.wait().unwrap();
}

/// Which services a version of reflection lists.
macro_rules! listed_by {
    ($version:ident, $url:expr) => {{
        use tonic_reflection::pb::$version::ServerReflectionRequest;
        use tonic_reflection::pb::$version::server_reflection_client::ServerReflectionClient;
        use tonic_reflection::pb::$version::server_reflection_request::MessageRequest;
        use tonic_reflection::pb::$version::server_reflection_response::MessageResponse;

        let asked = Some(MessageRequest::ListServices(String::new()));
        let request = ServerReflectionRequest { message_request: asked, ..Default::default() };
        let mut client = ServerReflectionClient::new(crate::server::channel($url).await);
        let mut answers =
            client.server_reflection_info(tokio_stream::once(request)).await.unwrap().into_inner();
        let answer = answers.message().await.unwrap().unwrap().message_response;
        let Some(MessageResponse::ListServicesResponse(list)) = answer else { panic!("{answer:?}") };
        list.service.into_iter().map(|service| service.name).collect::<Vec<_>>()
    }};
}

/// grpcurl asks the one, Python's client the other.
#[tokio::test]
async fn both_versions_of_reflection_know_every_service() {
    let server = crate::server::Server::in_memory().await;
    for listed in [listed_by!(v1, &server.url), listed_by!(v1alpha, &server.url)] {
        for service in ["AdminService", "SyncService", "EvaluationService"] {
            let name = format!("mycelia.flags.v1.{service}");
            assert!(listed.contains(&name), "{name} is missing in {listed:?}");
        }
    }
}
