//! Opening a store on disk: what must be kept, what must be refused, and what must not be touched.

mod damage;

use std::fs;
use std::path::Path;

use mycelia_flags_core::change::CreateFlag;
use mycelia_flags_core::revision::Revision;
use mycelia_flags_core::value::{FlagType, Value};
use tokio::task::JoinSet;

use super::*;
use crate::state::commit::{CommitRequest, Committed};
use crate::state::fixture::{clock, create, create_many, head, options, request, sled, switch, try_sled};
use crate::state::head_file::forge_format;
use crate::state::history::{HistoryPage, HistoryQuery};

/// The error, whose message must be one line that names the directory.
#[track_caller]
fn refused(dir: &Path) -> OpenError {
    let Err(error) = try_sled(dir) else { panic!("it was opened") };
    let message = error.to_string();
    assert!(!message.contains('\n') && message.contains(&dir.display().to_string()), "{message}");
    error
}

async fn history(store: &Store) -> HistoryPage {
    store.history(HistoryQuery { limit: 1_000, ..HistoryQuery::default() }).await.unwrap()
}

/// A closed store with so many records beside the first.
async fn closed_store(dir: &Path, records: usize) -> (Epoch, Arc<Snapshot>) {
    let store = sled(dir);
    create_many(&store, records).await;
    store.close().await;
    (store.epoch(), store.snapshot())
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Every file with its content.
fn content(dir: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap().map(Result::unwrap) {
        if entry.file_type().unwrap().is_dir() {
            found.push((entry.path(), Vec::new()));
            found.extend(content(&entry.path()));
        } else {
            found.push((entry.path(), fs::read(entry.path()).unwrap()));
        }
    }
    found.sort();
    found
}

#[tokio::test]
async fn everything_is_there_after_opening_again() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("a/b");
    let store = sled(&data);
    create_many(&store, 30).await;
    let keyed = CommitRequest { idempotency_key: "k".into(), ..switch("flag-3", true) };
    let first = store.commit(keyed.clone()).await.unwrap();
    let (snapshot, before) = (store.snapshot(), history(&store).await);
    store.close().await;

    let again = sled(&data);
    assert_eq!((again.epoch(), head(&again)), (store.epoch(), Revision::new(32)));
    assert_eq!(again.snapshot(), snapshot);
    assert_eq!(history(&again).await, before, "records and hashes");
    assert_eq!(again.records_after(Revision::ZERO).unwrap().len(), 32);
    let repeated = again.commit(keyed).await.unwrap();
    assert_eq!(repeated, Committed { replayed: true, ..first });
    assert_eq!(again.commit(switch("flag-4", true)).await.unwrap().revision, Revision::new(33));
    again.close().await;
    assert_eq!(head(&sled(&data)), Revision::new(33));
}

#[tokio::test]
async fn the_data_directory_is_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    sled(&data).close().await;
    assert_eq!(fs::metadata(&data).unwrap().permissions().mode() & 0o777, 0o700);
    let mut names: Vec<_> = fs::read_dir(&data).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["HEAD", "LOCK", "log"]);
}

#[tokio::test]
async fn a_store_that_is_open_cannot_be_opened_a_second_time() {
    let dir = tempfile::tempdir().unwrap();
    let store = sled(dir.path());
    let error = refused(dir.path());
    assert!(matches!(error, OpenError::Locked { .. }), "{error}");
    assert!(error.to_string().contains("in use by another server"));
    store.commit(create("still-works")).await.unwrap();
}

#[tokio::test]
async fn a_store_can_be_opened_as_soon_as_it_is_closed_or_dropped() {
    let dir = tempfile::tempdir().unwrap();
    for round in 0..20 {
        let store = sled(dir.path());
        store.commit(create(&format!("closed-{round}"))).await.unwrap();
        store.close().await;
        let store_after_close = sled(dir.path());
        store_after_close.commit(create(&format!("dropped-{round}"))).await.unwrap();
        drop(store_after_close);
    }
    assert_eq!(head(&sled(dir.path())), Revision::new(41));
}

#[tokio::test]
async fn bucketing_is_part_of_the_store_and_environments_are_not_asked_for_again() {
    let dir = tempfile::tempdir().unwrap();
    closed_store(dir.path(), 1).await;
    let log = LogChoice::Sled { data_dir: dir.path().to_owned() };
    let other = StoreOptions { bucketing: Some(Generation::V2), ..options(log.clone()) };
    let error = Store::open(other, clock()).unwrap_err();
    let message = error.to_string();
    assert!(message.contains("bucketing v3") && message.contains("use v2"), "{message}");
    assert!(message.contains("part of the store"), "{message}");
    let other = StoreOptions { environments: Vec::new(), created_by: String::new(), ..options(log) };
    let store = Store::open(other, clock()).unwrap();
    assert_eq!(store.snapshot().environments().count(), 3);
}

#[tokio::test]
async fn a_store_with_other_bucketing_keeps_it() {
    let dir = tempfile::tempdir().unwrap();
    let log = LogChoice::Sled { data_dir: dir.path().to_owned() };
    let options = StoreOptions { bucketing: Some(Generation::V2), ..options(log) };
    Store::open(options.clone(), clock()).unwrap().close().await;
    let store = Store::open(options.clone(), clock()).unwrap();
    assert_eq!(store.snapshot().settings().bucketing, Generation::V2);
    store.close().await;
    let unasked = StoreOptions { bucketing: None, ..options };
    let store = Store::open(unasked, clock()).unwrap();
    assert_eq!(store.snapshot().settings().bucketing, Generation::V2);
}

#[test]
fn wrong_settings_create_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let log = LogChoice::Sled { data_dir: dir.path().to_owned() };
    let environments = vec!["pro duction".to_owned(), "a".to_owned(), "a".to_owned()];
    let wrong = StoreOptions { environments, created_by: String::new(), ..options(log) };
    let Err(OpenError::Settings(rejection)) = Store::open(wrong, clock()) else { panic!("created") };
    assert_eq!(rejection.violations.len(), 3, "{rejection}");
    assert_eq!(head(&sled(dir.path())), Revision::new(1), "the correct settings find no trace of it");
}

#[tokio::test]
async fn large_change_sets_are_kept_whole() {
    let dir = tempfile::tempdir().unwrap();
    let store = sled(dir.path());
    let creates = (0..1_000).map(|index| Change::CreateFlag(CreateFlag::boolean(&format!("flag-{index}"))));
    store.commit(request(creates.collect())).await.unwrap();
    let variants = (0..20).map(|index| (format!("v{index}"), Value::string(&"x".repeat(16_000))));
    let large = CreateFlag {
        flag_type: FlagType::String,
        variants: variants.collect(),
        default_variant: "v0".to_owned(),
        off_variant: "v1".to_owned(),
        ..CreateFlag::boolean("large")
    };
    store.commit(request(vec![Change::CreateFlag(large)])).await.unwrap();
    let before = history(&store).await;
    store.close().await;
    let again = sled(dir.path());
    assert_eq!(again.snapshot().flag_count(), 1_001);
    assert_eq!(again.snapshot(), store.snapshot());
    assert_eq!(history(&again).await, before);
    assert_eq!(fs::read_dir(dir.path().join("log/blobs")).unwrap().count(), 0);
}

#[tokio::test]
async fn many_writers_share_syncs_on_disk() {
    let dir = tempfile::tempdir().unwrap();
    let store = sled(dir.path());
    let mut tasks = JoinSet::new();
    for index in 0..200 {
        let store = store.clone();
        tasks.spawn(async move { store.commit(create(&format!("flag-{index}"))).await.unwrap().revision });
    }
    let mut revisions: Vec<u64> = tasks.join_all().await.into_iter().map(Revision::get).collect();
    revisions.sort_unstable();
    assert_eq!(revisions, (2..=201).collect::<Vec<_>>());
    assert!(store.stats().groups < 200, "{:?}", store.stats());
    store.close().await;
    assert_eq!(sled(dir.path()).snapshot(), store.snapshot());
}

#[tokio::test]
async fn a_newer_format_is_refused_and_nothing_is_touched() {
    let dir = tempfile::tempdir().unwrap();
    closed_store(dir.path(), 5).await;
    forge_format(dir.path(), 3);
    let before = content(dir.path());
    let error = refused(dir.path());
    assert!(matches!(error, OpenError::NewerFormat { found: 3, known: 2, .. }), "{error}");
    assert!(error.to_string().contains("format 3") && error.to_string().contains("up to 2"), "{error}");
    assert_eq!(content(dir.path()), before);
}

#[tokio::test]
async fn a_store_of_the_first_format_is_one_of_this_format_after_its_next_commit() {
    let dir = tempfile::tempdir().unwrap();
    closed_store(dir.path(), 5).await;
    forge_format(dir.path(), 1);
    let formats = || {
        let head = fs::read(dir.path().join("HEAD")).unwrap();
        let mut formats = [head[11], head[512 + 11]];
        formats.sort_unstable();
        formats
    };
    sled(dir.path()).close().await;
    assert_eq!(formats(), [1, 1], "who only looks changes nothing");
    let store = sled(dir.path());
    store.commit(create("dreams")).await.unwrap();
    store.close().await;
    assert_eq!(formats(), [1, 2]);
    assert_eq!(head(&sled(dir.path())), Revision::new(7));
}

/// Takes a store apart as a crash in the middle of its creation would leave it, and opens it.
async fn check_unfinished(leave: impl FnOnce(&Path)) {
    let dir = tempfile::tempdir().unwrap();
    let (epoch, _) = closed_store(dir.path(), 0).await;
    leave(dir.path());
    let store = sled(dir.path());
    assert_ne!(store.epoch(), epoch, "created anew");
    assert_eq!(head(&store), Revision::new(1));
    assert!(!dir.path().join("creating").exists());
}

#[tokio::test]
async fn a_store_that_was_never_finished_is_created_anew() {
    let staged = |dir: &Path| {
        fs::create_dir(dir.join("creating")).unwrap();
        fs::rename(dir.join("HEAD"), dir.join("creating/HEAD")).unwrap();
    };
    check_unfinished(|dir| {
        staged(dir);
        fs::rename(dir.join("log"), dir.join("creating/log")).unwrap();
    })
    .await;
    check_unfinished(staged).await;
    check_unfinished(|dir| {
        staged(dir);
        fs::write(dir.join("log/db"), b"").unwrap();
    })
    .await;
    check_unfinished(|dir| {
        fs::remove_file(dir.join("HEAD")).unwrap();
        fs::remove_dir_all(dir.join("log")).unwrap();
        fs::create_dir(dir.join("creating")).unwrap();
    })
    .await;
}

#[tokio::test]
async fn what_a_finished_creation_left_behind_is_cleared_away() {
    let dir = tempfile::tempdir().unwrap();
    closed_store(dir.path(), 2).await;
    fs::create_dir(dir.path().join("creating")).unwrap();
    assert_eq!(head(&sled(dir.path())), Revision::new(3));
    assert!(!dir.path().join("creating").exists());
}

#[tokio::test]
async fn a_restore_that_has_not_finished_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("restoring")).unwrap();
    let error = refused(dir.path());
    assert!(matches!(error, OpenError::RestoreUnfinished { .. }), "{error}");
    assert!(dir.path().join("restoring").exists());
}

#[test]
fn a_place_that_cannot_be_a_data_directory_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, b"").unwrap();
    assert!(matches!(refused(&file), OpenError::Io { .. }));
    assert!(matches!(refused(&file.join("below")), OpenError::Io { .. }));
}
