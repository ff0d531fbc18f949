//! Health, and leaving politely.

use std::time::Duration;

use mycelia_flags_server::app::DrainOptions;
use tonic::Code;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use crate::checker::Checked;
use crate::patience::{eventually, within};
use crate::server::{Server, Wanted, channel};

const NAMES: [&str; 7] = [
    "",
    "startup",
    "readiness",
    "liveness",
    "mycelia.flags.v1.AdminService",
    "mycelia.flags.v1.SyncService",
    "mycelia.flags.v1.EvaluationService",
];

async fn status(url: &str, name: &str) -> Option<ServingStatus> {
    let request = HealthCheckRequest { service: name.to_owned() };
    let answer = HealthClient::new(channel(url).await).check(request).await.ok()?;
    Some(answer.into_inner().status())
}

#[tokio::test]
async fn every_service_says_that_it_serves() {
    let server = Server::in_memory().await;
    for name in NAMES {
        assert_eq!(status(&server.url, name).await, Some(ServingStatus::Serving), "{name}");
    }
    assert_eq!(status(&server.url, "nobody").await, None);
}

#[tokio::test]
async fn fifty_streams_are_told_to_go_while_health_says_not_serving() {
    let drain = DrainOptions { notice: Duration::from_secs(2), limit: Duration::from_secs(5) };
    let server = Wanted { drain, ..Wanted::default() }.start().await;
    let url = server.url.clone();
    let mut admin = server.admin().await;
    admin.create("dreams").await;
    let mut followers = Vec::new();
    for number in 0..50 {
        followers.push(Checked::follow(&url, "ui", &number.to_string()).await);
    }
    let stopping = server.running.stop();
    let watching = async {
        eventually("NOT_SERVING", || async { status(&url, "").await == Some(ServingStatus::NotServing) })
            .await;
        assert_eq!(status(&url, "liveness").await, Some(ServingStatus::Serving));
        let mut spread = std::collections::BTreeSet::new();
        for follower in &mut followers {
            let (goodbye, end) = within("goodbye", follower.until_the_end()).await;
            spread.insert(goodbye.reconnect_after_ms);
            assert_eq!(end.code(), Code::Unavailable);
        }
        assert!(spread.len() > 10, "they are asked to come back at different times: {spread:?}");
    };
    let ((), ()) = tokio::join!(stopping, watching);
}

#[tokio::test]
async fn a_store_on_disk_can_be_opened_again_at_once() {
    let folder = tempfile::tempdir().unwrap();
    for round in 1..=3 {
        let server = Wanted::on_disk(folder.path()).start().await;
        let follower = Checked::follow(&server.url, "ui", "1").await;
        let revision = server.admin().await.create(&format!("flag{round}")).await;
        assert_eq!(revision, round + 1);
        within("stop", server.running.stop()).await;
        drop(follower);
    }
}

#[tokio::test]
async fn plain_http_answers_beside_grpc() {
    let server = Server::in_memory().await;
    let _follower = Checked::follow(&server.url, "ui", "1").await;
    let address = server.running.address();
    assert!(get(address, "/health").await.contains("\"ok\""));
    let ready = get(address, "/ready").await;
    assert!(ready.contains("200 OK") && ready.contains("\"writable\":true"), "{ready}");
    let metrics = get(address, "/metrics").await;
    for expected in [
        "mycelia_head_revision 1",
        "mycelia_subscribers{environment=\"production\",service=\"ui\"} 1",
        "mycelia_store_poisoned 0",
        "mycelia_snapshots_encoded_total 1",
        "# EOF",
    ] {
        assert!(metrics.contains(expected), "{expected} is missing in\n{metrics}");
    }
    assert!(get(address, "/nothing").await.contains("application/problem+json"));
}

/// One HTTP/1.1 request, by hand: proves that the port speaks it.
async fn get(address: std::net::SocketAddr, path: &str) -> String {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    within("an answer", stream.read_to_string(&mut answer)).await.unwrap();
    answer
}

#[tokio::test]
async fn those_who_wait_and_those_who_watch_do_not_hold_up_a_drain() {
    let drain = DrainOptions { notice: Duration::ZERO, limit: Duration::from_secs(600) };
    let server = Wanted { drain, ..Wanted::default() }.start().await;
    let mut admin = server.admin().await;
    let request = mycelia_flags_proto::v1::WaitConvergedRequest { min_instances: 1, ..Default::default() };
    let mut waiting = admin.client.wait_converged(request).await.unwrap().into_inner();
    waiting.message().await.unwrap();
    let mut health = HealthClient::new(channel(&server.url).await);
    let mut watching = health.watch(HealthCheckRequest::default()).await.unwrap().into_inner();
    assert_eq!(watching.message().await.unwrap().unwrap().status(), ServingStatus::Serving);
    // A connection that says nothing, either.
    let _silent = tokio::net::TcpStream::connect(server.running.address()).await.unwrap();
    within("the end, long before the limit", server.running.stop()).await;
    assert_eq!(waiting.message().await.unwrap_err().code(), Code::Unavailable);
    assert_eq!(watching.message().await.unwrap().unwrap().status(), ServingStatus::NotServing);
    assert_eq!(watching.message().await.unwrap_err().code(), Code::Unavailable);
}

#[tokio::test]
async fn a_default_environment_that_is_none_leaves_no_store_behind() {
    let folder = tempfile::tempdir().unwrap();
    let more = ["--environments", "dev,prod"];
    let refused = crate::binary::Process::try_serve(folder.path(), &[], &more, &[]);
    assert!(refused.is_err_and(|status| status.code() == Some(1)));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing was created");
    let more = ["--environments", "dev,prod", "--default-environment", "prod"];
    crate::binary::Process::serve_with(folder.path(), &[], &more).kill();
}
