//! Waiting until everybody has applied a revision.

use mycelia_flags_proto::flagd::sync::v1::SyncFlagsRequest;
use mycelia_flags_proto::flagd::sync::v1::flag_sync_service_client::FlagSyncServiceClient;
use mycelia_flags_proto::v1;
use tokio_stream::StreamExt as _;

use crate::binary::tool;
use crate::checker::Checked;
use crate::command_line::json as command;
use crate::http_commands::curl;
use crate::patience::{eventually, within};
use crate::server::{Admin, Server};

async fn wait(admin: &Admin, request: v1::WaitConvergedRequest) -> Vec<v1::WaitConvergedResponse> {
    let mut client = admin.client.clone();
    let stream = client.wait_converged(request).await.unwrap().into_inner();
    within("convergence", stream.map(Result::unwrap).collect()).await
}

#[tokio::test]
async fn progress_comes_by_service_and_ends_when_the_last_one_has_it() {
    let server = Server::in_memory().await;
    let mut admin = server.admin().await;
    let first = admin.create("dreams").await;
    let mut followers = Vec::new();
    for (service, instance) in [("ui", "1"), ("runner", "1"), ("runner", "2")] {
        let mut follower = Checked::follow(&server.url, service, instance).await;
        follower.until(first).await;
        follower.acknowledge().await.unwrap();
        followers.push(follower);
    }
    let revision = admin.enable("dreams").await;
    let mut client = admin.client.clone();
    let request = v1::WaitConvergedRequest { revision, ..Default::default() };
    let mut progress = client.wait_converged(request).await.unwrap().into_inner();
    let nobody = within("progress", progress.next()).await.unwrap().unwrap();
    let counts = |progress: &v1::WaitConvergedResponse| {
        progress.services.iter().map(|s| (s.service.clone(), s.converged, s.live)).collect::<Vec<_>>()
    };
    assert_eq!(counts(&nobody), [("runner".to_owned(), 0, 2), ("ui".to_owned(), 0, 1)]);
    assert!(!nobody.converged);
    for follower in &mut followers {
        follower.until(revision).await;
        follower.acknowledge().await.unwrap();
    }
    let mut last = nobody;
    while let Some(next) = within("progress", progress.next()).await {
        last = next.unwrap();
    }
    assert!(last.converged);
    assert_eq!(counts(&last), [("runner".to_owned(), 2, 2), ("ui".to_owned(), 1, 1)]);
    assert_eq!(last.slowest, "runner/2");
    assert!(last.spread_micros.is_some());
    let ui = &last.services[1];
    assert!(ui.first_after_micros.unwrap() <= ui.last_after_micros.unwrap());
}

#[tokio::test]
async fn who_is_not_concerned_is_not_waited_for() {
    let server = Server::in_memory().await;
    let mut admin = server.admin().await;
    admin.create("dreams").await;
    let lagging = Checked::follow(&server.url, "ui", "1").await;
    let staging = v1::EnableFlag { environment: "staging".to_owned(), flag: "dreams".to_owned() };
    let revision = admin.apply(vec![v1::change::Change::EnableFlag(staging)]).await.revision;
    let answers = wait(&admin, v1::WaitConvergedRequest { revision, ..Default::default() }).await;
    assert!(answers.last().unwrap().converged);
    assert!(answers.last().unwrap().services.is_empty());
    drop(lagging);
}

#[tokio::test]
async fn who_leaves_is_not_waited_for_any_more() {
    let server = Server::in_memory().await;
    let mut admin = server.admin().await;
    admin.create("dreams").await;
    let leaving = Checked::follow(&server.url, "ui", "1").await;
    let waiting = tokio::join!(wait(&admin, v1::WaitConvergedRequest::default()), async { drop(leaving) }).0;
    assert!(waiting.last().unwrap().converged);
}

#[tokio::test]
async fn a_wait_for_at_least_so_many_waits_for_them() {
    let server = Server::in_memory().await;
    let mut admin = server.admin().await;
    let revision = admin.create("dreams").await;
    let request = v1::WaitConvergedRequest { min_instances: 1, ..Default::default() };
    let arrive = async {
        let mut follower = Checked::follow(&server.url, "ui", "1").await;
        follower.until(revision).await;
        follower.acknowledge().await.unwrap();
        follower
    };
    let (answers, _follower) = tokio::join!(wait(&admin, request), arrive);
    assert_eq!(answers.last().unwrap().services[0].converged, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_cannot_acknowledge_is_listed_as_delivered_and_not_waited_for() {
    let server = Server::in_memory().await;
    let mut admin = server.admin().await;
    let first = admin.create("dreams").await;
    let mut client = FlagSyncServiceClient::new(server.channel().await);
    let request = SyncFlagsRequest { provider_id: "python".to_owned(), ..Default::default() };
    let mut documents = client.sync_flags(request).await.unwrap().into_inner();
    within("the first document", documents.next()).await.unwrap().unwrap();
    let delivered = async |revision: u64| {
        let listed = Admin::connect(&server.url).await.subscribers().await;
        listed.iter().any(|found| found.delivered_only && found.sent_revision == revision)
    };
    eventually("what was delivered first", || delivered(first)).await;
    let mut follower = Checked::follow(&server.url, "ui", "1").await;
    follower.until(first).await;
    follower.acknowledge().await.unwrap();

    let revision = admin.enable("dreams").await;
    let request = v1::WaitConvergedRequest { revision, ..Default::default() };
    let acknowledge = async {
        follower.until(revision).await;
        follower.acknowledge().await.unwrap();
    };
    let (answers, ()) = tokio::join!(wait(&admin, request), acknowledge);
    let last = answers.last().unwrap();
    let services: Vec<_> =
        last.services.iter().map(|of| (of.service.as_str(), of.converged, of.live)).collect();
    assert!(last.converged);
    assert_eq!(services, [("ui", 1, 1)], "counted neither as converged nor as live");
    within("the second document", documents.next()).await.unwrap().unwrap();
    eventually("what was delivered then", || delivered(revision)).await;

    let listed = command(&server.url, &["subscribers"])["subscribers"].as_array().unwrap().clone();
    let shown = listed.iter().find(|found| found["delivered_only"] == true).unwrap();
    assert_eq!((&shown["instance"], &shown["sdk"]), (&"python".into(), &"flagd.sync.v1".into()));
    assert_eq!((&shown["sent_revision"], &shown["up_to_date"]), (&revision.into(), &false.into()));
    if tool("curl").is_some() {
        let status = curl(&server.url, "/ops/status.json", &[]).body;
        let counted: Vec<_> =
            status["services"].as_array().unwrap().iter().map(|of| &of["delivered"]).collect();
        assert_eq!((status["convergence"]["live"].as_u64(), counted.len()), (Some(1), 2), "{status}");
        assert!(counted.contains(&&1.into()), "{status}");
    }
    drop((documents, client));
    eventually("the end", || async { admin.clone().subscribers().await.len() == 1 }).await;
}

#[tokio::test]
async fn a_revision_that_is_not_there_yet_cannot_be_waited_for() {
    let server = Server::in_memory().await;
    let admin = server.admin().await;
    let request = v1::WaitConvergedRequest { revision: 99, ..Default::default() };
    let status = admin.client.clone().wait_converged(request).await.unwrap_err();
    assert_eq!(status.code(), tonic::Code::InvalidArgument);
    let request = v1::WaitConvergedRequest { environment: "nowhere".to_owned(), ..Default::default() };
    let status = admin.client.clone().wait_converged(request).await.unwrap_err();
    assert_eq!(status.code(), tonic::Code::NotFound);
}

#[tokio::test]
async fn a_revision_from_before_a_restart_leaves_nobody_out() {
    let folder = tempfile::tempdir().unwrap();
    let server = crate::server::Wanted::on_disk(folder.path()).start().await;
    let revision = server.admin().await.create("dreams").await;
    within("stop", server.running.stop()).await;
    let server = crate::server::Wanted::on_disk(folder.path()).start().await;
    let admin = server.admin().await;
    let mut follower = Checked::follow(&server.url, "ui", "1").await;
    let request = v1::WaitConvergedRequest { revision, ..Default::default() };
    let mut progress = admin.client.clone().wait_converged(request).await.unwrap().into_inner();
    let first = within("progress", progress.next()).await.unwrap().unwrap();
    assert!(!first.converged, "an instance that has acknowledged nothing has applied nothing: {first:?}");
    follower.until(revision).await;
    follower.acknowledge().await.unwrap();
    let last = within("progress", progress.next()).await.unwrap().unwrap();
    assert!(last.converged);
}
