//! Undoing revisions, whose values are read back from the log.

use mycelia_flags_core::change::{CreateFlag, SetSegment};
use mycelia_flags_core::entity::EntityId;
use mycelia_flags_core::flag::FlagConfiguration;
use mycelia_flags_core::key::EnvironmentKey;
use mycelia_flags_core::list::ListKey;
use mycelia_flags_core::policy::AskedPolicy;

use super::*;
use crate::state::fixture::sled;

fn undo(revisions: &[u64]) -> CommitRequest {
    request(revisions.iter().map(|revision| Change::Undo { revision: Revision::new(*revision) }).collect())
}

fn edit(add: &[&str], remove: &[&str]) -> CommitRequest {
    let keys = |keys: &[&str]| keys.iter().map(ToString::to_string).collect();
    request(vec![Change::EditList {
        environment: "production".to_owned(),
        list: "canary".to_owned(),
        add: keys(add),
        remove: keys(remove),
    }])
}

fn by(actor: &str, mut request: CommitRequest) -> CommitRequest {
    actor.clone_into(&mut request.change_set.actor);
    request
}

/// Everything but the revision.
#[track_caller]
fn check_same(store: &Store, before: &Snapshot) {
    let now = store.snapshot();
    assert_ne!(now.revision(), before.revision());
    assert!(now.flags().eq(before.flags()), "flags");
    assert!(now.features().eq(before.features()), "features");
    for environment in before.environments() {
        // People had the flag all the same: who raised it last is not taken back.
        let configured = |snapshot: &Snapshot| {
            let raised_by_nobody = |(flag, found): (&FoldedKey, &Arc<FlagConfiguration>)| {
                (flag.clone(), FlagConfiguration { raised: None, ..FlagConfiguration::clone(found) })
            };
            snapshot.configurations(environment).map(raised_by_nobody).collect::<Vec<_>>()
        };
        assert_eq!(configured(&now), configured(before), "configurations");
        assert_eq!(now.policy(environment), before.policy(environment));
        assert!(now.segments(environment).eq(before.segments(environment)), "segments");
        assert!(now.lists(environment).eq(before.lists(environment)), "lists");
        assert_eq!(now.canary(environment), before.canary(environment));
    }
}

/// After these, undoing the last one brings everything back.
async fn check_undone(store: &Store, before: &[CommitRequest], undone: CommitRequest) {
    for request in before {
        store.commit(request.clone()).await.unwrap();
    }
    let held = store.snapshot();
    let revision = store.commit(undone).await.unwrap().revision;
    let committed = store.commit(undo(&[revision.get()])).await.unwrap();
    assert_eq!(committed.revision, revision.next());
    check_same(store, &held);
    // To undo is to change: it can be undone as well.
    store.commit(undo(&[committed.revision.get()])).await.unwrap();
    store.commit(undo(&[committed.revision.next().get()])).await.unwrap();
    check_same(store, &held);
}

fn in_production(segment: &str, description: &str) -> Change {
    Change::SetSegment(SetSegment {
        environment: "production".to_owned(),
        segment: segment.to_owned(),
        description: description.to_owned(),
        ..SetSegment::default()
    })
}

#[tokio::test]
async fn whatever_was_changed_can_be_brought_back() {
    let policy = |approvals| Change::SetPolicy {
        environment: "staging".to_owned(),
        policy: AskedPolicy { approvals, reason_required: true, ..AskedPolicy::default() },
    };
    let feature = |flags: &[&str]| Change::SetFeature {
        feature: "night".to_owned(),
        description: String::new(),
        flags: flags.iter().map(ToString::to_string).collect(),
    };
    let canary = |on| request(vec![Change::SwitchCanary { environment: "production".to_owned(), on }]);
    let delete = |flag: &str| request(vec![Change::DeleteFlag { flag: flag.to_owned(), force: false }]);
    let archive = Change::ArchiveFlag { flag: "other".to_owned(), force: false };
    let store = memory();
    check_undone(&store, &[], create("dreams")).await;
    check_undone(&store, &[create("dreams"), switch("dreams", true)], switch("dreams", false)).await;
    check_undone(&store, &[], delete("dreams")).await;
    check_undone(&store, &[], edit(&["ann", "bob"], &[])).await;
    check_undone(&store, &[edit(&["ann", "bob"], &[])], edit(&["cid"], &["ann"])).await;
    check_undone(&store, &[], canary(true)).await;
    check_undone(&store, &[canary(true)], canary(false)).await;
    check_undone(&store, &[], request(vec![in_production("beta", "")])).await;
    check_undone(
        &store,
        &[request(vec![in_production("beta", "")])],
        request(vec![in_production("beta", "new")]),
    )
    .await;
    check_undone(&store, &[create("other")], request(vec![feature(&["dreams", "other"])])).await;
    check_undone(
        &store,
        &[request(vec![feature(&["dreams"])])],
        request(vec![feature(&["dreams", "other"])]),
    )
    .await;
    check_undone(&store, &[], request(vec![archive])).await;
    check_undone(&store, &[], request(vec![policy(0)])).await;
}

/// What a requested undo takes back is read from the log when it is asked for, and again when it is approved.
#[tokio::test]
async fn an_undo_can_be_requested() {
    let store = memory();
    store.commit(create("dreams")).await.unwrap();
    let enabled = store.commit(switch("dreams", true)).await.unwrap().revision;
    let disabled = store.commit(switch("dreams", false)).await.unwrap().revision;
    let changes = vec![Change::Undo { revision: disabled }];
    let asked = store.commit(request(vec![Change::RequestApproval { changes }])).await.unwrap().revision;
    let approve = request(vec![Change::ApproveRequest { request: asked }]);
    store.commit(by("somebody else", approve)).await.unwrap();
    let key = (EnvironmentKey::new("production"), FoldedKey::of("dreams"));
    let configuration = store.snapshot().configuration(&key.0, &key.1).cloned().unwrap();
    assert!(configuration.enabled);
    assert_eq!(configuration.switched.as_ref().map(|switched| switched.revision), Some(enabled));
}

#[tokio::test]
async fn a_segment_comes_back_with_its_lists() {
    let store = memory();
    let listed = Change::EditList {
        environment: "production".to_owned(),
        list: "segment/beta/included".to_owned(),
        add: (0..500).map(|number| format!("user-{number}")).collect(),
        remove: Vec::new(),
    };
    let delete = Change::DeleteSegment { environment: "production".to_owned(), segment: "beta".to_owned() };
    check_undone(&store, &[request(vec![in_production("beta", ""), listed])], request(vec![delete])).await;
}

#[tokio::test]
async fn what_was_changed_since_is_not_undone_and_whoever_did_it_is_named() {
    let store = memory();
    store.commit(create("dreams")).await.unwrap();
    store.commit(switch("dreams", true)).await.unwrap();
    store.commit(by("bob", switch("dreams", false))).await.unwrap();
    store.commit(by("cid", switch("dreams", true))).await.unwrap();
    let Err(CommitError::Rejected(rejection)) = store.commit(undo(&[3])).await else { panic!("undone") };
    let [violation] = &rejection.violations[..] else { panic!("{rejection}") };
    assert_eq!((violation.reason, &*violation.field), (Reason::ChangedSince, "changes[0].undo.revision"));
    assert_eq!(violation.value, "configuration/production/dreams");
    assert!(violation.allowed.contains("cid changed it again in revision 5"), "{violation}");
    assert_eq!(head(&store), Revision::new(5));
    // From the newest one back everything can be undone, at once as well.
    store.commit(undo(&[5, 4, 3])).await.unwrap();
    let production = EnvironmentKey::new("production");
    let configuration =
        store.snapshot().configuration(&production, &FoldedKey::of("dreams")).cloned().unwrap();
    assert_eq!((configuration.enabled, &configuration.switched), (false, &None));
}

#[tokio::test]
async fn a_change_that_overtakes_an_undoing_is_not_lost() {
    let Switches { gate, .. } = faulty();
    let (store, hold) = gate;
    let mut tasks = JoinSet::new();
    spawn(&mut tasks, &store, create("dreams"));
    hold.entered().await;
    spawn(&mut tasks, &store, by("bob", switch("dreams", true)));
    waiting(&store, 1).await;
    hold.open();
    tasks.join_all().await;
    let undone = store.commit(undo(&[2])).await;
    assert_eq!(reason(undone), Reason::ChangedSince);
    // The log that was read ends before bob's change: the state is what counts.
    let request = undo(&[2]);
    let read = undone::read(&store.inner.commands, &request.change_set, &store.snapshot(), Revision::new(2))
        .await
        .unwrap();
    assert!(read[0].since.is_empty());
    let Err(CommitError::Rejected(rejection)) = store.submit(request, read).await else { panic!("undone") };
    assert!(rejection.violations[0].allowed.contains("it was changed again since"), "{rejection}");
}

#[tokio::test]
async fn what_cannot_be_undone_is_refused() {
    let store = memory();
    for unknown in [0, 2, 99, u64::MAX] {
        assert_eq!(reason(store.commit(undo(&[unknown])).await), Reason::UnknownRevision);
    }
    assert_eq!(reason(store.commit(undo(&[1])).await), Reason::NotApplicable, "the store itself");
    let many: Vec<u64> = vec![1; mycelia_flags_core::limits::CHANGES_MAX + 1];
    assert_eq!(reason(store.commit(undo(&many)).await), Reason::TooLarge);
    assert_eq!(head(&store), Revision::new(1));
}

#[tokio::test]
async fn a_dry_run_says_what_undoing_would_do() {
    let store = memory();
    store.commit(create("dreams")).await.unwrap();
    let committed = store.commit(CommitRequest { dry_run: true, ..undo(&[2]) }).await.unwrap();
    assert_eq!((committed.revision, committed.writes.len()), (Revision::new(2), 4));
    assert!(committed.writes.iter().all(|write| write.value.is_none()));
    assert!(store.snapshot().flag(&FoldedKey::of("dreams")).is_some());
}

#[tokio::test]
async fn a_repeated_undoing_is_answered_and_not_done_again() {
    let store = memory();
    store.commit(create("dreams")).await.unwrap();
    let keyed = CommitRequest { idempotency_key: "k".into(), ..undo(&[2]) };
    let first = store.commit(keyed.clone()).await.unwrap();
    assert_eq!(store.commit(keyed).await.unwrap(), Committed { replayed: true, ..first });
}

#[tokio::test]
async fn a_store_that_was_opened_again_undoes_what_was_done_before() {
    let dir = tempfile::tempdir().unwrap();
    let store = sled(dir.path());
    create_many(&store, 40).await;
    store.commit(edit(&["ann", "bob"], &[])).await.unwrap();
    let held = store.snapshot();
    store.commit(edit(&["cid"], &["bob"])).await.unwrap();
    let creation = store.snapshot();
    store.commit(create("late")).await.unwrap();
    store.close().await;

    let again = sled(dir.path());
    again.commit(undo(&[44])).await.unwrap();
    check_same(&again, &creation);
    again.commit(undo(&[43])).await.unwrap();
    check_same(&again, &held);
    let list = again.snapshot().list(&EnvironmentKey::new("production"), &ListKey::Canary);
    assert_eq!(list.sorted().into_iter().map(|key| &**key).collect::<Vec<_>>(), ["ann", "bob"]);
    let committed = again.commit(undo(&[2])).await.unwrap();
    let ids = committed.writes.iter().map(|write| &write.id);
    assert!(ids.filter_map(EntityId::flag).all(|flag| *flag == FoldedKey::of("flag-0")));
    again.close().await;
    assert_eq!(sled(dir.path()).snapshot(), again.snapshot());
}

#[tokio::test]
async fn commits_go_on_while_somebody_undoes() {
    let store = memory();
    let creates = (0..50).map(|index| Change::CreateFlag(CreateFlag::boolean(&format!("flag-{index}"))));
    store.commit(request(creates.collect())).await.unwrap();
    for _ in 0..300 {
        store.commit(switch("flag-0", true)).await.unwrap();
        store.commit(switch("flag-0", false)).await.unwrap();
    }
    let mut tasks = JoinSet::new();
    for index in 1..20 {
        let created = store.commit(switch(&format!("flag-{index}"), true)).await.unwrap();
        spawn(&mut tasks, &store, undo(&[created.revision.get()]));
        spawn(&mut tasks, &store, create(&format!("more-{index}")));
    }
    assert!(tasks.join_all().await.iter().all(Result::is_ok));
    let snapshot = store.snapshot();
    let production = EnvironmentKey::new("production");
    assert_eq!(
        snapshot.configurations(&production).filter(|(_, configuration)| configuration.enabled).count(),
        0
    );
    assert_eq!(snapshot.flag_count(), 69);
}
