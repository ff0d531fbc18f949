//! A subscriber that never reads, beside many that do.

use std::time::Duration;

use mycelia_flags_proto::raw::Frame;
use mycelia_flags_proto::v1;
use mycelia_flags_server::distribution::hub::HubOptions;
use tonic::Streaming;
use tonic::transport::Endpoint;

use crate::binary::Process;
use crate::checker::{Checked, subscribe};
use crate::patience::{PATIENCE, eventually, within};
use crate::server::{Admin, Wanted, create};

/// Large enough that a few of them fill every buffer between the server and a reader that has stopped.
fn big_flag(name: &str, letter: char) -> v1::change::Change {
    let value = v1::Value { kind: Some(v1::value::Kind::StringValue(letter.to_string().repeat(16_000))) };
    let variants = vec![v1::Variant { name: "only".to_owned(), value: Some(value) }];
    v1::change::Change::SetVariants(v1::SetVariants { flag: name.to_owned(), variants })
}

async fn create_big_flags(admin: &mut Admin) {
    let create = |name: String| {
        let value = v1::Value { kind: Some(v1::value::Kind::StringValue("-".to_owned())) };
        let definition = v1::FlagDefinition {
            key: name,
            r#type: v1::FlagType::String.into(),
            variants: vec![v1::Variant { name: "only".to_owned(), value: Some(value) }],
            ..Default::default()
        };
        v1::change::Change::CreateFlag(v1::CreateFlag { definition: Some(definition), ..Default::default() })
    };
    admin.apply((0..20).map(|number| create(format!("big{number}"))).collect()).await;
}

/// Subscribes on a connection with a small window and then never reads.
async fn stall(url: &str) -> Streaming<Frame> {
    let endpoint = Endpoint::from_shared(url.to_owned()).unwrap();
    let channel =
        endpoint.initial_stream_window_size(65_535).initial_connection_window_size(65_535).connect().await;
    let request = v1::SubscribeRequest { service: "stalled".to_owned(), ..Default::default() };
    let mut frames = subscribe(&channel.unwrap(), request).await.unwrap();
    frames.message().await.unwrap();
    frames
}

async fn write_much(admin: &mut Admin, rounds: usize) -> u64 {
    let mut revision = 0;
    for round in 0..rounds {
        let letter = if round.is_multiple_of(2) { 'a' } else { 'b' };
        let changes = (0..20).map(|number| big_flag(&format!("big{number}"), letter)).collect();
        revision = admin.apply(changes).await.revision;
    }
    revision
}

#[tokio::test(flavor = "multi_thread")]
async fn it_holds_up_nobody_and_gets_the_newest_state_when_it_reads_again() {
    // How long it may stand still is another story's matter: on a machine that is busy this one takes longer.
    let hub = HubOptions { progress_timeout: PATIENCE * 10, ..HubOptions::default() };
    let server = Wanted { hub, ..Wanted::default() }.start().await;
    let mut admin = server.admin().await;
    create_big_flags(&mut admin).await;
    let mut stalled = stall(&server.url).await;
    let mut readers = tokio::task::JoinSet::new();
    for number in 0..100 {
        let url = server.url.clone();
        let mut reader = Checked::follow(&url, "reader", &number.to_string()).await;
        readers.spawn(async move {
            reader.until(102).await;
            reader.updates
        });
    }
    // 100 revisions of 320 KB: more than any buffer holds.
    let head = write_much(&mut admin, 100).await;
    assert_eq!(head, 102);
    while let Some(updates) = within("the readers", readers.join_next()).await {
        assert!(updates.unwrap() >= 1);
    }
    let behind = admin.subscribers().await.into_iter().find(|s| s.service == "stalled").unwrap();
    assert!(behind.sent_revision < head, "the stalled one was not sent everything: {}", behind.sent_revision);
    // What it lacks is nowhere queued: a few frames lead from where it stopped to the head.
    let mut frames = 0;
    let catch_up = async {
        loop {
            let revision = match stalled.message().await.unwrap().unwrap().body.unwrap() {
                mycelia_flags_proto::raw::Body::Snapshot(snapshot) => snapshot.revision,
                mycelia_flags_proto::raw::Body::Delta(delta) => delta.revision,
                _ => 0,
            };
            frames += 1;
            if revision >= head {
                break;
            }
        }
    };
    within("the newest state", catch_up).await;
    assert!(frames < 20, "skipped to the newest state, not replayed: {frames} frames");
    server.running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_sent_away_by_name_and_then_cut_off() {
    let hub = HubOptions { progress_timeout: Duration::from_millis(100), ..HubOptions::default() };
    let server = Wanted { hub, ..Wanted::default() }.start().await;
    let mut admin = server.admin().await;
    create_big_flags(&mut admin).await;
    let stalled = stall(&server.url).await;
    write_much(&mut admin, 10).await;
    eventually("the stalled stream is gone", || async {
        admin.clone().subscribers().await.iter().all(|subscriber| subscriber.service != "stalled")
    })
    .await;
    assert_eq!(server.running.hub().slow_disconnects(), 1);
    drop(stalled);
    let mut other = Checked::follow(&server.url, "ui", "1").await;
    let head = admin.apply(vec![create("dreams")]).await.revision;
    other.until(head).await;
}

/// Bytes of memory that a process holds.
fn resident(process: &Process) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", process.id())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_stalled_subscribers_cost_no_memory() {
    const STALLED: u64 = 20;
    const ROUNDS: u64 = 120;
    let folder = tempfile::tempdir().unwrap();
    let server = Process::serve_with(folder.path(), &[], &["--progress-timeout", "10m"]);
    let mut admin = Admin::connect(&server.url).await;
    create_big_flags(&mut admin).await;
    let mut stalled = Vec::new();
    for _ in 0..STALLED {
        stalled.push(stall(&server.url).await);
    }
    let mut reader = Checked::follow(&server.url, "reader", "1").await;
    // Fills every ring and buffer that is bounded; what still grows afterwards has no bound.
    reader.until(write_much(&mut admin, 60).await).await;
    let before = resident(&server);
    reader.until(write_much(&mut admin, usize::try_from(ROUNDS).unwrap()).await).await;
    let grown = resident(&server).saturating_sub(before);
    let lacked = STALLED * ROUNDS * 20 * 16_000;
    println!("{STALLED} stalled subscribers lack {} MB; the server grew by {} MB", lacked >> 20, grown >> 20);
    assert!(
        grown < lacked / 10,
        "the server grew by {grown} bytes while its stalled readers lacked {lacked}"
    );
}
