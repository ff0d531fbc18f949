//! Damaged stores: either everything is there, or the store is refused. Never an older state without a word.

use super::*;
use crate::state::head_file::HeadFile;

/// A store to damage copies of.
struct Original {
    dir: tempfile::TempDir,
    snapshot: Arc<Snapshot>,
}

impl Original {
    async fn of(records: usize) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (_, snapshot) = closed_store(&dir.path().join("0"), records).await;
        Self { dir, snapshot }
    }

    /// A copy after something has happened to it.
    fn damaged(&self, damage: impl FnOnce(&Path)) -> tempfile::TempDir {
        let copied = tempfile::tempdir().unwrap();
        copy(&self.dir.path().join("0"), copied.path());
        damage(copied.path());
        copied
    }

    /// Whether the damaged copy is refused; if not, everything must be there.
    #[track_caller]
    fn is_refused(&self, damage: impl FnOnce(&Path)) -> bool {
        let copied = self.damaged(damage);
        match try_sled(copied.path()) {
            Ok(store) => {
                assert_eq!(store.snapshot(), self.snapshot, "it opened with something else");
                false
            }
            Err(error) => {
                let message = error.to_string();
                assert!(!message.contains('\n') && message.contains("backup"), "{message}");
                true
            }
        }
    }

    #[track_caller]
    fn refusal(&self, damage: impl FnOnce(&Path)) -> OpenError {
        refused(self.damaged(damage).path())
    }
}

fn flip(path: &Path, offset: usize, bytes: usize) {
    let mut content = fs::read(path).unwrap();
    let end = (offset + bytes).min(content.len());
    for byte in &mut content[offset..end] {
        *byte ^= 0x5a;
    }
    fs::write(path, content).unwrap();
}

#[tokio::test]
async fn flipped_bytes_never_bring_an_older_state_back() {
    let original = Original::of(300).await;
    let length = fs::metadata(original.dir.path().join("0/log/db")).unwrap().len();
    let length = usize::try_from(length).unwrap();
    // A prime number of places that is spread over the file; most of it is dead bytes, so there have to be many.
    let places = 97;
    let refused = (0..places)
        .filter(|place| original.is_refused(|dir| flip(&dir.join("log/db"), place * length / places, 3)))
        .count();
    println!("{refused} of {places} were refused, the others are complete");
    assert!(refused > 0);
}

#[tokio::test]
async fn a_log_that_is_cut_off_is_complete_or_refused() {
    let original = Original::of(100).await;
    let path = |dir: &Path| dir.join("log/db");
    let length = fs::metadata(path(&original.dir.path().join("0"))).unwrap().len();
    for kept in [1, 500, length / 10, length / 4, length / 2, length - 1] {
        let cut =
            |dir: &Path| fs::File::options().write(true).open(path(dir)).unwrap().set_len(kept).unwrap();
        let refused = original.is_refused(cut);
        // The records fill a part of sled's first segment only; what is cut off behind them is not missed.
        assert!(refused || kept > length / 10, "{kept} of {length} bytes");
    }
}

#[tokio::test]
async fn a_log_that_is_missing_or_empty_is_refused_and_not_created() {
    let original = Original::of(3).await;
    for damage in [
        (|dir| fs::write(dir.join("log/db"), b"").unwrap()) as fn(&Path),
        |dir| fs::remove_file(dir.join("log/db")).unwrap(),
        |dir| fs::remove_dir_all(dir.join("log")).unwrap(),
    ] {
        let copied = original.damaged(damage);
        let before = content(copied.path());
        let error = refused(copied.path());
        assert!(matches!(error, OpenError::LogMissing { head, .. } if head == Revision::new(4)), "{error}");
        assert_eq!(content(copied.path()), before);
    }
}

#[tokio::test]
async fn a_log_that_another_store_left_empty_is_rolled_back() {
    let original = Original::of(3).await;
    let error = original.refusal(|dir| {
        fs::remove_dir_all(dir.join("log")).unwrap();
        let db = ::sled::open(dir.join("log")).unwrap();
        db.flush().unwrap();
    });
    let expected = matches!(error, OpenError::RolledBack { head, found, .. }
        if head == Revision::new(4) && found == Revision::ZERO);
    assert!(expected, "{error}");
}

#[tokio::test]
async fn an_older_log_under_a_newer_head_is_rolled_back() {
    let dir = tempfile::tempdir().unwrap();
    let (data, older) = (dir.path().join("data"), dir.path().join("older"));
    closed_store(&data, 3).await;
    copy(&data.join("log"), &older);
    let store = sled(&data);
    store.commit(create("one-more")).await.unwrap();
    store.close().await;
    fs::remove_dir_all(data.join("log")).unwrap();
    fs::rename(&older, data.join("log")).unwrap();
    let error = refused(&data);
    let expected = matches!(error, OpenError::RolledBack { head, found, .. }
        if head == Revision::new(5) && found == Revision::new(4));
    assert!(expected, "{error}");
}

#[tokio::test]
async fn a_log_that_is_ahead_of_head_is_kept_and_head_catches_up() {
    let dir = tempfile::tempdir().unwrap();
    closed_store(dir.path(), 3).await;
    let older = fs::read(dir.path().join("HEAD")).unwrap();
    let store = sled(dir.path());
    create_more(&store).await;
    store.close().await;
    fs::write(dir.path().join("HEAD"), older).unwrap();
    let again = sled(dir.path());
    assert_eq!(again.snapshot(), store.snapshot());
    assert_eq!(HeadFile::open(dir.path()).unwrap().position().revision, Revision::new(9));
}

async fn create_more(store: &Store) {
    for index in 0..5 {
        store.commit(create(&format!("more-{index}"))).await.unwrap();
    }
}

#[tokio::test]
async fn head_from_another_history_is_refused() {
    let original = Original::of(3).await;
    let other = Original::of(3).await;
    let foreign = fs::read(other.dir.path().join("0/HEAD")).unwrap();
    let error = original.refusal(|dir| fs::write(dir.join("HEAD"), &foreign).unwrap());
    assert!(matches!(error, OpenError::Foreign { .. }), "{error}");
    let error = original.refusal(|dir| {
        let mut head = HeadFile::open(dir).unwrap();
        let hash = crate::state::ChainHash::from_bytes([1; 32]);
        head.advance(Position { hash, ..head.position() }).unwrap();
    });
    assert!(matches!(error, OpenError::Damaged { revision, .. } if revision == Revision::new(4)), "{error}");
}

#[tokio::test]
async fn a_missing_or_damaged_head_is_refused_and_nothing_is_touched() {
    for records in [0, 3] {
        let original = Original::of(records).await;
        let copied = original.damaged(|dir| fs::remove_file(dir.join("HEAD")).unwrap());
        let before = content(copied.path());
        let error = refused(copied.path());
        assert!(matches!(error, OpenError::HeadMissing { .. }), "{error}");
        assert_eq!(content(copied.path()), before);
        for bytes in [vec![], vec![0; 1_024], vec![7; 300]] {
            let copied = original.damaged(|dir| fs::write(dir.join("HEAD"), &bytes).unwrap());
            let before = content(copied.path());
            assert!(matches!(refused(copied.path()), OpenError::HeadDamaged { .. }));
            assert_eq!(content(copied.path()), before);
        }
    }
}

#[tokio::test]
async fn flipped_bytes_in_head_leave_its_other_slot() {
    let original = Original::of(2).await;
    for offset in (0..1_024).step_by(31) {
        assert!(!original.is_refused(|dir| flip(&dir.join("HEAD"), offset, 1)), "byte {offset}");
    }
}

#[tokio::test]
async fn index_snapshots_of_sled_that_are_in_the_way_are_set_aside() {
    let original = Original::of(50).await;
    let junk = "0000000000000000ffffff";
    let half_written =
        |dir: &Path| fs::write(dir.join(format!("log/snap.{junk}.generating")), b"junk").unwrap();
    assert!(!original.is_refused(half_written));
    let copied = original.damaged(|dir| fs::write(dir.join("log/snap.7FFFFFFFFFFFFFFF"), b"junk").unwrap());
    let store = sled(copied.path());
    assert_eq!(store.snapshot(), original.snapshot);
    assert!(copied.path().join("set-aside/snap.7FFFFFFFFFFFFFFF").exists());
}

#[tokio::test]
async fn sleds_own_small_files_may_be_missing() {
    let original = Original::of(50).await;
    assert!(!original.is_refused(|dir| fs::remove_file(dir.join("log/conf")).unwrap()));
    assert!(!original.is_refused(|dir| fs::remove_dir(dir.join("log/blobs")).unwrap()));
}
