//! Whom flags are about: the canary allowlist, segments and prerequisites, from the log to an SDK's answer.

use mycelia_flags_proto::v1;
use mycelia_flags_proto::v1::change::Change as Kind;
use mycelia_flags_sdk::{Client, Context};

use crate::checker::Checked;
use crate::patience::{PATIENCE, eventually};
use crate::server::{Admin, Server, create, enable, rollout};

/// Changes in one set that one change may hold.
const KEYS_MAX: usize = 10_000;

fn production() -> String {
    "production".to_owned()
}

pub(crate) fn edit(list: &str, add: Vec<String>, remove: &[&str]) -> Kind {
    let remove = remove.iter().map(ToString::to_string).collect();
    Kind::EditList(v1::EditList { environment: production(), list: list.to_owned(), add, remove })
}

pub(crate) fn canary(on: bool) -> Kind {
    Kind::SwitchCanary(v1::SwitchCanary { environment: production(), on })
}

pub(crate) fn segment(key: &str) -> Kind {
    Kind::SetSegment(v1::SetSegment {
        environment: production(),
        segment: key.to_owned(),
        ..Default::default()
    })
}

pub(crate) fn matrix(flag: &str, shares: &[(&str, f64)]) -> Kind {
    let share = |(segment, percent): &(&str, f64)| v1::SegmentPercent {
        segment: (*segment).to_owned(),
        percent: *percent,
    };
    let shares = shares.iter().map(share).collect();
    Kind::SetMatrix(v1::SetMatrix {
        environment: production(),
        flag: flag.to_owned(),
        shares,
        ..Default::default()
    })
}

fn needs(flag: &str, other: &str) -> Kind {
    let needed = v1::Prerequisite { flag: other.to_owned(), variants: vec!["on".to_owned()] };
    Kind::SetPrerequisites(v1::SetPrerequisites {
        environment: production(),
        flag: flag.to_owned(),
        prerequisites: vec![needed],
    })
}

async fn sdk(server: &Server, service: &str) -> Client {
    let client = Client::builder().server(&*server.url).environment("production").service(service);
    let client = client.connect().unwrap();
    client.ready(PATIENCE).await.unwrap();
    client
}

/// Changes, and waits until a client has the change.
async fn applied(admin: &mut Admin, client: &Client, changes: Vec<Kind>) {
    let revision = admin.apply(changes).await.revision;
    eventually("the change", || async { client.status().revision >= revision }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_allowlist_of_a_hundred_thousand_is_sent_once_and_an_edit_is_as_large_as_the_edit() {
    let server = Server::in_memory().await;
    let mut admin = server.admin().await;
    let mut changes = vec![create("dreams"), rollout("dreams", 0.0), canary(true)];
    admin.apply(std::mem::take(&mut changes)).await;
    let users: Vec<String> = (0..100_000).map(|number| format!("user-{number:06}")).collect();
    for keys in users.chunks(KEYS_MAX) {
        admin.apply(vec![edit("canary", keys.to_vec(), &[])]).await;
    }
    let client = sdk(&server, "ui").await;
    let is_in = |user: &str| client.bool_value("dreams", false, &Context::new(user));
    assert!(is_in("user-000000") && is_in("user-099999"));
    assert!(!is_in("user-100000") && !is_in("somebody"));

    let mut subscriber = Checked::follow(&server.url, "ui", "checker").await;
    subscriber.next().await.unwrap();
    assert_eq!(subscriber.held.lists["canary"].len(), 100_000);
    let whole = subscriber.frame_bytes;
    let edited = vec![edit("canary", vec!["somebody".to_owned()], &["user-000000"])];
    let revision = admin.apply(edited).await.revision;
    subscriber.until(revision).await;
    assert!(whole > 1_000_000, "the list itself: {whole} bytes");
    assert!(subscriber.frame_bytes < 200, "an edit of two keys: {} bytes", subscriber.frame_bytes);
    eventually("the edit", || async { is_in("somebody") }).await;
    assert!(!is_in("user-000000") && is_in("user-000001"));

    applied(&mut admin, &client, vec![canary(false)]).await;
    assert!(!is_in("somebody"), "canary mode is off: everybody is in the same 0 %");
    client.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_segment_its_keys_and_the_flag_that_names_it_arrive_together() {
    let server = Server::in_memory().await;
    let mut admin = server.admin().await;
    admin.create("dreams").await;
    let client = sdk(&server, "ui").await;
    let mut subscriber = Checked::follow(&server.url, "ui", "checker").await;
    subscriber.next().await.unwrap();
    let ana = vec!["ana".to_owned()];
    let together =
        vec![segment("beta"), edit("segment/beta/included", ana, &[]), matrix("dreams", &[("beta", 100.0)])];
    let revision = admin.apply(together).await.revision;
    subscriber.until(revision).await;
    assert_eq!(subscriber.updates, 2, "one snapshot, one delta");
    assert!(subscriber.held.segments.contains_key("beta"));
    eventually("the segment", || async { client.status().revision >= revision }).await;
    assert!(client.bool_value("dreams", false, &Context::new("ana")));
    assert!(!client.bool_value("dreams", true, &Context::new("bo")));

    applied(&mut admin, &client, vec![matrix("dreams", &[])]).await;
    assert!(!client.bool_value("dreams", true, &Context::new("ana")), "in no segment, like everybody else");
    subscriber.until(revision + 1).await;
    assert!(
        subscriber.held.segments.is_empty() && subscriber.held.lists.is_empty(),
        "nobody names it any more"
    );
    client.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prerequisite_that_a_service_may_not_see_decides_all_the_same() {
    let server = Server::in_memory().await;
    let mut admin = server.admin().await;
    let engine = v1::FlagDefinition {
        key: "engine".to_owned(),
        services: vec!["runner".to_owned()],
        ..v1::FlagDefinition::default()
    };
    let engine = Kind::CreateFlag(v1::CreateFlag { definition: Some(engine), ..Default::default() });
    admin.apply(vec![engine, create("dreams"), enable("dreams"), needs("dreams", "engine")]).await;
    let client = sdk(&server, "ui").await;
    let ana = Context::new("ana");
    let details = client.bool_details("dreams", true, &ana);
    assert_eq!((details.value, details.reason.as_str()), (false, "PREREQUISITE_FAILED"));
    assert_eq!(client.keys(), ["dreams"], "the prerequisite is not the service's to see");
    assert!(client.bool_value("engine", true, &ana), "and gives the caller's default");
    applied(&mut admin, &client, vec![enable("engine")]).await;
    assert!(client.bool_value("dreams", false, &ana));
    client.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watched_flag_is_told_when_those_change_whom_it_is_about() {
    let server = Server::in_memory().await;
    let mut admin = server.admin().await;
    admin.apply(vec![create("dreams"), rollout("dreams", 0.0), create("other"), enable("other")]).await;
    let client = sdk(&server, "ui").await;
    let mut watch = client.watch("dreams");
    let revision = admin.apply(vec![canary(true)]).await.revision;
    assert_eq!(watch.changed().await, Ok(revision));
    let revision = admin.apply(vec![edit("canary", vec!["ana".to_owned()], &[])]).await.revision;
    assert_eq!(watch.changed().await, Ok(revision));
    let needed = admin.apply(vec![needs("dreams", "other")]).await.revision;
    assert_eq!(watch.changed().await, Ok(needed));
    let revision = admin.disable("other").await;
    assert_eq!(watch.changed().await, Ok(revision));
    client.close().await;
}
