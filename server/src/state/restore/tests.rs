//! Backups: complete or refused, and nothing left behind.

mod stored;

use mycelia_flags_core::revision::Revision;
use tokio::sync::mpsc;

use super::*;
use crate::state::fixture::{clock, create, create_many, head, memory, sled, switch, try_sled};
use crate::state::limits::BACKUP_CHUNK_BYTES_MAX;
use crate::state::{BackupSummary, HistoryQuery, ReadError, Store};

async fn backed_up(store: &Store) -> (Vec<u8>, BackupSummary) {
    let (sink, mut chunks) = mpsc::channel::<Bytes>(4);
    let collect = async {
        let mut backup = Vec::new();
        while let Some(chunk) = chunks.recv().await {
            assert!(!chunk.is_empty() && chunk.len() <= BACKUP_CHUNK_BYTES_MAX);
            backup.extend_from_slice(&chunk);
        }
        backup
    };
    let (summary, backup) = tokio::join!(store.backup(sink), collect);
    (backup, summary.unwrap())
}

#[tokio::test]
async fn a_restored_store_has_the_same_state_a_new_epoch_and_one_more_record() {
    let store = memory();
    create_many(&store, 600).await;
    store.commit(switch("flag-3", true)).await.unwrap();
    let (backup, summary) = backed_up(&store).await;
    assert_eq!((summary.epoch, summary.revision), (store.epoch(), Revision::new(602)));
    assert_eq!(summary.bytes, u64::try_from(backup.len()).unwrap());

    let dir = tempfile::tempdir().unwrap();
    let restored = restore(&backup[..], &dir.path().join("new"), clock()).unwrap();
    assert_eq!((restored.from_epoch, restored.restored), (store.epoch(), Revision::new(602)));
    assert_eq!((restored.revision, restored.flags), (Revision::new(603), 600));
    assert_ne!(restored.epoch, store.epoch());

    let again = sled(&dir.path().join("new"));
    assert_eq!((again.epoch(), head(&again)), (restored.epoch, restored.revision));
    let (old, new) = (store.snapshot(), again.snapshot());
    assert!(old.flags().eq(new.flags()) && old.environments().eq(new.environments()));
    let all = HistoryQuery { limit: 1_000, ..HistoryQuery::default() };
    let (old, new) = (store.history(all.clone()).await.unwrap(), again.history(all).await.unwrap());
    assert_eq!(old.records, new.records[..602], "the same records with the same hashes");
    assert_eq!(new.records[601].1, summary.hash);
    let last = &new.records[602].0.change_set;
    let from_epoch = store.epoch().to_string();
    assert_eq!((&*last.actor, &last.changes[..]), ("restore", &[Change::RestoreStore { from_epoch }][..]));
    again.commit(create("goes-on")).await.unwrap();
}

#[tokio::test]
async fn a_backup_of_a_restored_store_can_be_restored() {
    let dir = tempfile::tempdir().unwrap();
    let (first, _) = backed_up(&memory()).await;
    restore(&first[..], &dir.path().join("1"), clock()).unwrap();
    let store = sled(&dir.path().join("1"));
    let (second, _) = backed_up(&store).await;
    assert_eq!(restore(&second[..], &dir.path().join("2"), clock()).unwrap().revision, Revision::new(3));
}

#[tokio::test]
async fn a_backup_holds_what_was_there_when_it_began() {
    let store = memory();
    create_many(&store, 600).await;
    let (sink, mut chunks) = mpsc::channel(1);
    let taking = tokio::task::JoinSet::from_iter([{
        let store = store.clone();
        async move { store.backup(sink).await }
    }]);
    let mut backup = chunks.recv().await.unwrap().to_vec();
    // The backup stands still because nobody takes its chunks; commits do not.
    create_one_more(&store).await;
    while let Some(chunk) = chunks.recv().await {
        backup.extend_from_slice(&chunk);
    }
    let summary = taking.join_all().await.remove(0).unwrap();
    assert_eq!((summary.revision, head(&store)), (Revision::new(601), Revision::new(602)));
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(restore(&backup[..], dir.path(), clock()).unwrap().restored, Revision::new(601));
}

async fn create_one_more(store: &Store) {
    store.commit(create("one-more")).await.unwrap();
}

#[tokio::test]
async fn a_backup_that_nobody_takes_ends() {
    let (sink, chunks) = mpsc::channel(1);
    drop(chunks);
    assert_eq!(memory().backup(sink).await, Err(ReadError::SinkClosed));
}

#[tokio::test]
async fn a_backup_that_is_cut_off_or_changed_is_refused_and_leaves_nothing() {
    let store = memory();
    create_many(&store, 3).await;
    let (backup, _) = backed_up(&store).await;
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("new");
    let check = |bytes: &[u8], what: String| {
        let Err(error) = restore(bytes, &data, clock()) else { panic!("{what}: restored") };
        assert!(!error.to_string().contains('\n'));
        assert!(!data.exists(), "{what}: {error}");
        error
    };
    // Every place of the frames, and every seventh of what a checksum covers as one.
    for length in (0..backup.len()).step_by(7).chain(backup.len() - 50..backup.len()) {
        let error = check(&backup[..length], format!("{length} bytes"));
        assert!(matches!(error, RestoreError::CutOff { .. }), "{length} bytes: {error}");
    }
    for index in (0..60).chain((60..backup.len()).step_by(7)).chain(backup.len() - 50..backup.len()) {
        let mut bytes = backup.clone();
        bytes[index] ^= 0x40;
        check(&bytes, format!("byte {index}"));
    }
    let mut longer = backup.clone();
    longer.push(0);
    check(&longer, "one byte more".to_owned());
    check(b"flags: []", "something else".to_owned());
}

#[tokio::test]
async fn a_backup_without_its_last_record_is_refused_though_every_part_of_it_is_good() {
    let store = memory();
    let (shorter, _) = backed_up(&store).await;
    store.commit(create("dreams")).await.unwrap();
    let (backup, _) = backed_up(&store).await;
    let (header, trailer) = (&backup[..48], &backup[backup.len() - 45..]);
    let first_record = &shorter[48..shorter.len() - 45];
    assert!(backup[48..].starts_with(first_record));
    let dir = tempfile::tempdir().unwrap();
    for trailer in [trailer, &shorter[shorter.len() - 45..]] {
        let spliced = [header, first_record, trailer].concat();
        let error = restore(&spliced[..], &dir.path().join("new"), clock()).unwrap_err();
        assert!(matches!(error, RestoreError::Damaged { after, .. } if after == Revision::new(1)), "{error}");
        assert!(!dir.path().join("new").exists());
    }
    // Spliced from parts that belong together it is a backup, so the cuts are where this test thinks they are.
    let whole = [&shorter[..48], first_record, &shorter[shorter.len() - 45..]].concat();
    restore(&whole[..], &dir.path().join("new"), clock()).unwrap();
}

#[tokio::test]
async fn only_a_missing_or_empty_directory_is_restored_into() {
    let (backup, _) = backed_up(&memory()).await;
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("note"), b"mine").unwrap();
    let error = restore(&backup[..], dir.path(), clock()).unwrap_err();
    assert!(matches!(error, RestoreError::NotEmpty { .. }), "{error}");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);

    let empty = dir.path().join("empty");
    fs::create_dir(&empty).unwrap();
    restore(&backup[..20], &empty, clock()).unwrap_err();
    assert_eq!(fs::read_dir(&empty).unwrap().count(), 0, "an empty directory stays, and stays empty");
    restore(&backup[..], &empty, clock()).unwrap();
    assert!(try_sled(&empty).is_ok());
}

#[tokio::test]
async fn a_backup_of_a_newer_form_says_so() {
    let (mut backup, _) = backed_up(&memory()).await;
    backup[19] = 2;
    let checksum = crc32c::crc32c(&backup[..44]);
    backup[44..48].copy_from_slice(&checksum.to_be_bytes());
    let dir = tempfile::tempdir().unwrap();
    let error = restore(&backup[..], dir.path(), clock()).unwrap_err();
    assert!(matches!(error, RestoreError::NewerFormat { found: 2 }), "{error}");
}
