//! Administration: what Apply answers, and what the reads show.

use mycelia_flags_proto::v1;
use mycelia_flags_proto::v1::change::Change as Kind;
use tonic::Code;
use tonic_types::StatusExt as _;

use crate::server::{Server, apply_request, create, disable, enable, rollout};

/// The ten flags of day 1 in the seed plan of the beta week.
pub(crate) const DAY_ONE: [(&str, f64); 10] = [
    ("oracle.chat", 100.0),
    ("weave_pipeline", 100.0),
    ("uploads", 100.0),
    ("admin.panel", 100.0),
    ("services.catalog", 100.0),
    ("dreams", 25.0),
    ("micro_memories", 25.0),
    ("whispers", 10.0),
    ("maya.voice", 10.0),
    ("maya.cues", 10.0),
];

fn fields(status: &tonic::Status) -> Vec<String> {
    let bad_request = status.get_details_bad_request().expect("the status names fields");
    bad_request.field_violations.into_iter().map(|violation| violation.field).collect()
}

#[tokio::test]
async fn day_one_is_one_revision() {
    let server = Server::in_memory().await;
    let mut admin = server.admin().await;
    let changes = DAY_ONE.iter().flat_map(|(flag, percent)| [create(flag), rollout(flag, *percent)]);
    let answer = admin.apply(changes.collect()).await;
    assert_eq!(answer.revision, 2);
    let flags = admin.client.list_flags(v1::ListFlagsRequest::default()).await.unwrap().into_inner();
    assert_eq!(flags.flags.len(), 10);
    assert_eq!(flags.environments, ["development", "staging", "production"]);
    let dreams =
        admin.client.get_flag(v1::GetFlagRequest { flag: "dreams".to_owned() }).await.unwrap().into_inner();
    let production = &dreams.flag.unwrap().configurations["production"];
    assert!(production.enabled);
    let Some(v1::serve::Serve::Split(split)) = production.default_serve.clone().unwrap().serve else {
        panic!("a rollout is a split")
    };
    assert_eq!(split.weights[0], v1::WeightedVariant { variant: "on".to_owned(), weight: 25_000 });
}

#[tokio::test]
async fn one_wrong_change_of_ten_changes_nothing_and_is_named() {
    let server = Server::in_memory().await;
    let mut admin = server.admin().await;
    let mut changes: Vec<Kind> =
        DAY_ONE.iter().flat_map(|(flag, percent)| [create(flag), rollout(flag, *percent)]).collect();
    changes[13] = rollout("micro_memories", 250.0);
    let status = admin.try_apply(changes).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    assert_eq!(fields(&status), ["changes[13].rollout.percent"]);
    assert!(status.message().contains("250"), "{status:?}");
    assert_eq!(status.get_details_error_info().unwrap().reason, "OUT_OF_RANGE");
    let flags = admin.client.list_flags(v1::ListFlagsRequest::default()).await.unwrap().into_inner();
    assert_eq!((flags.flags.len(), flags.revision), (0, 1));
}

#[tokio::test]
async fn a_dry_run_says_what_would_be_written_and_writes_nothing() {
    let server = Server::in_memory().await;
    let mut admin = server.admin().await;
    let request = v1::ApplyRequest { dry_run: true, ..apply_request(vec![create("dreams")]) };
    let answer = admin.request(request).await.unwrap();
    assert_eq!(answer.revision, 1);
    assert_eq!(answer.writes.len(), 4, "the flag and its configuration in three environments");
    assert_eq!(admin.create("dreams").await, 2);
}

#[tokio::test]
async fn an_expected_revision_that_has_passed_is_a_conflict() {
    let server = Server::in_memory().await;
    let mut admin = server.admin().await;
    let seen = admin.create("dreams").await;
    admin.enable("dreams").await;
    let request =
        v1::ApplyRequest { expected_revision: Some(seen), ..apply_request(vec![disable("dreams")]) };
    let status = admin.request(request).await.unwrap_err();
    assert_eq!(status.code(), Code::Aborted);
    assert_eq!(fields(&status), ["expected_revision"]);
}

#[tokio::test]
async fn a_repeated_request_answers_as_the_first_did() {
    let server = Server::in_memory().await;
    let mut admin = server.admin().await;
    let keyed = |changes| v1::ApplyRequest { idempotency_key: "k-1".to_owned(), ..apply_request(changes) };
    let first = admin.request(keyed(vec![create("dreams")])).await.unwrap();
    let again = admin.request(keyed(vec![create("dreams")])).await.unwrap();
    assert_eq!((again.revision, again.replayed, &again.writes), (first.revision, true, &first.writes));
    let other = admin.request(keyed(vec![create("whispers")])).await.unwrap_err();
    assert_eq!(other.code(), Code::AlreadyExists);
    let long = v1::ApplyRequest { idempotency_key: "k".repeat(129), ..apply_request(vec![create("x")]) };
    assert_eq!(fields(&admin.request(long).await.unwrap_err()), ["idempotency_key"]);
}

#[tokio::test]
async fn what_is_so_already_is_no_revision() {
    let server = Server::in_memory().await;
    let mut admin = server.admin().await;
    admin.create("dreams").await;
    let head = admin.enable("dreams").await;
    let answer = admin.apply(vec![enable("dreams")]).await;
    assert_eq!((answer.revision, answer.writes.len()), (head, 0));
}

#[tokio::test]
async fn a_rollout_of_a_flag_that_somebody_disabled_wants_to_be_meant() {
    let server = Server::in_memory().await;
    let mut admin = server.admin().await;
    admin.create("dreams").await;
    admin.enable("dreams").await;
    let disabled = admin.disable("dreams").await;
    let status = admin.try_apply(vec![rollout("dreams", 10.0)]).await.unwrap_err();
    assert_eq!(status.code(), Code::FailedPrecondition);
    assert!(status.message().contains("test disabled it at 20"), "{}", status.message());
    assert!(status.message().contains(&format!("revision {disabled}")), "{}", status.message());
    let meant = Kind::Rollout(v1::Rollout {
        flag: "dreams".to_owned(),
        percent: 10.0,
        enable: true,
        ..Default::default()
    });
    admin.apply(vec![meant]).await;
}

#[tokio::test]
async fn an_empty_environment_is_the_default_one() {
    let server = Server::in_memory().await;
    let mut admin = server.admin().await;
    admin.create("dreams").await;
    let answer = admin
        .apply(vec![Kind::EnableFlag(v1::EnableFlag { flag: "dreams".to_owned(), ..Default::default() })])
        .await;
    assert_eq!(answer.writes[0].entity, "configuration/production/dreams");
}

#[tokio::test]
async fn history_goes_both_ways_and_by_flag() {
    let server = Server::in_memory().await;
    let mut admin = server.admin().await;
    for flag in ["dreams", "whispers"] {
        admin.create(flag).await;
        admin.enable(flag).await;
    }
    let mut list = async |request: v1::ListRecordsRequest| {
        let answer = admin.client.list_records(request).await.unwrap().into_inner();
        (answer.records.iter().map(|record| record.revision).collect::<Vec<_>>(), answer.more)
    };
    assert_eq!(list(v1::ListRecordsRequest::default()).await, (vec![1, 2, 3, 4, 5], false));
    let newest = v1::ListRecordsRequest { newest_first: true, page_size: 2, ..Default::default() };
    assert_eq!(list(newest.clone()).await, (vec![5, 4], true));
    assert_eq!(list(v1::ListRecordsRequest { before_revision: 4, ..newest }).await, (vec![3, 2], true));
    let flag = v1::ListRecordsRequest { flag: "dreams".to_owned(), ..Default::default() };
    assert_eq!(list(flag).await, (vec![2, 3], false));
    let after = v1::ListRecordsRequest { after_revision: 3, ..Default::default() };
    assert_eq!(list(after).await, (vec![4, 5], false));
}

#[tokio::test]
async fn flags_come_in_pages() {
    let server = Server::in_memory().await;
    let mut admin = server.admin().await;
    admin.apply((0..25).map(|number| create(&format!("flag.{number:02}"))).collect()).await;
    let mut keys = Vec::new();
    let mut token = String::new();
    loop {
        let request = v1::ListFlagsRequest { page_size: 10, page_token: token };
        let page = admin.client.list_flags(request).await.unwrap().into_inner();
        keys.extend(page.flags.into_iter().map(|flag| flag.definition.unwrap().key));
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    assert_eq!(keys, (0..25).map(|number| format!("flag.{number:02}")).collect::<Vec<_>>());
    let wrong = v1::ListFlagsRequest { page_size: -1, ..Default::default() };
    assert_eq!(fields(&admin.client.list_flags(wrong).await.unwrap_err()), ["page_size"]);
}

#[tokio::test]
async fn the_same_flag_is_found_by_any_spelling() {
    let server = Server::in_memory().await;
    let mut admin = server.admin().await;
    admin.create("oracle.chat").await;
    let found = admin.client.get_flag(v1::GetFlagRequest { flag: "oracle_chat".to_owned() }).await.unwrap();
    assert_eq!(found.into_inner().flag.unwrap().definition.unwrap().key, "oracle.chat");
    let taken = admin.try_apply(vec![create("oracle-chat")]).await.unwrap_err();
    assert_eq!(taken.code(), Code::AlreadyExists);
    let missing = admin.client.get_flag(v1::GetFlagRequest { flag: "nobody".to_owned() }).await.unwrap_err();
    assert_eq!((missing.code(), fields(&missing)), (Code::NotFound, vec!["flag".to_owned()]));
}

#[tokio::test]
async fn garbage_is_the_callers_fault() {
    let server = Server::in_memory().await;
    let mut admin = server.admin().await;
    let empty = admin.request(v1::ApplyRequest::default()).await.unwrap_err();
    assert_eq!(empty.code(), Code::InvalidArgument);
    assert_eq!(fields(&empty), ["actor", "changes"]);
    let mut huge = apply_request(vec![create("dreams")]);
    huge.change_set.as_mut().unwrap().reason = "x".repeat(2 << 20);
    assert_eq!(admin.request(huge).await.unwrap_err().code(), Code::ResourceExhausted);
    let reserved =
        Kind::CreateStore(v1::CreateStore { environments: vec!["x".to_owned()], ..Default::default() });
    assert_eq!(admin.try_apply(vec![reserved]).await.unwrap_err().code(), Code::InvalidArgument);
}

#[tokio::test]
async fn status_says_what_the_server_is() {
    let server = Server::in_memory().await;
    let mut admin = server.admin().await;
    admin.create("dreams").await;
    let status = admin.client.get_status(v1::GetStatusRequest {}).await.unwrap().into_inner();
    assert_eq!((status.revision, status.flags, status.writable), (2, 1, true));
    assert_eq!(status.default_environment, "production");
    assert_eq!(status.epoch, server.running.epoch().to_string());
}
