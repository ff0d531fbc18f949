//! The file is complete or as good as none, and belongs to whom it was written for.

use mycelia_flags_core::context::Context;
use mycelia_flags_core::key::SegmentKey;
use mycelia_flags_core::key_set::KeySet;
use mycelia_flags_core::list::ListKey;
use mycelia_flags_core::update::Member;

use super::*;
use crate::state::Content;

fn binding() -> Binding {
    Binding {
        server: "http://127.0.0.1:8013".to_owned(),
        environment: "production".to_owned(),
        service: "runner".to_owned(),
    }
}

fn state(flags: usize) -> State {
    let values: Vec<_> = (0..flags)
        .map(|flag| (format!("flag.{flag}"), mycelia_flags_core::value::Value::Boolean(true)))
        .collect();
    let state = decode::values(&values).unwrap().unwrap_or_default();
    let lineage = Lineage { epoch: Arc::from("epoch-1"), environment: Arc::from("production") };
    let members = state.view.members().cloned();
    let keys: KeySet = (0..flags).map(|number| format!("user-{number}")).collect();
    let lists = [(ListKey::Canary, keys.clone()), (ListKey::Included(SegmentKey::new("beta")), keys)];
    let members = members.chain([segment("beta"), decode::canary(&Bytes::from(canary_on()), true)]);
    State::of(lineage, Generation::V2, Arc::from("runner"), View::of(Revision::new(41), members, lists))
}

fn canary_on() -> Vec<u8> {
    v1::Canary { on: true, ..v1::Canary::default() }.encode_to_vec()
}

fn segment(key: &str) -> Member<Content> {
    let wire = v1::Segment { key: key.to_owned(), ..v1::Segment::default() };
    decode::segment(&Bytes::from(wire.encode_to_vec()), Generation::V2, true)
}

fn store(directory: &tempfile::TempDir) -> Store {
    Store::new(directory.path().join("cache"), binding())
}

#[test]
fn what_was_saved_is_loaded() {
    let directory = tempfile::tempdir().unwrap();
    let store = store(&directory);
    assert!(store.load().is_none());
    for flags in [3, 0, 500] {
        let saved = state(flags);
        store.save(&saved).unwrap();
        let kept = store.load().unwrap();
        assert_eq!(kept.state.lineage, saved.lineage);
        assert_eq!(kept.state.revision(), Revision::new(41));
        assert_eq!(kept.state.bucketing, Generation::V2);
        assert_eq!(kept.state.view.digest(), saved.view.digest());
        assert_eq!(kept.state.set.len(), flags);
        let audiences = kept.state.set.audiences();
        let somebody = Context::new("user-2");
        assert_eq!(audiences.canary().map(KeySet::len), Some(flags));
        assert_eq!(audiences.has(&SegmentKey::new("beta"), &somebody), flags > 2);
        assert!(kept.since.age() < Duration::from_secs(60));
    }
    let files = fs::read_dir(directory.path().join("cache")).unwrap().count();
    assert_eq!(files, 1, "no temporary file is left");
}

#[test]
fn a_damaged_file_is_ignored() {
    let directory = tempfile::tempdir().unwrap();
    let store = store(&directory);
    store.save(&state(20)).unwrap();
    let good = fs::read(store.path()).unwrap();
    let mut bad: Vec<Vec<u8>> = (0..20).map(|part| good[..good.len() * part / 20].to_vec()).collect();
    bad.push(good[..good.len() - 1].to_vec());
    bad.push(b"{\"flags\": []}".to_vec());
    bad.push(vec![0; 4096]);
    bad.push([&good[..], b"more"].concat());
    for at in [0, 7, 12, 13, 16, 40, good.len() - 1] {
        let mut flipped = good.clone();
        flipped[at] ^= 1;
        bad.push(flipped);
    }
    for bytes in bad {
        fs::write(store.path(), &bytes).unwrap();
        assert!(store.load().is_none(), "{} bytes", bytes.len());
    }
    fs::write(store.path(), &good).unwrap();
    assert!(store.load().is_some());
}

#[test]
fn a_newer_format_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let store = store(&directory);
    store.save(&state(1)).unwrap();
    let mut newer = fs::read(store.path()).unwrap();
    newer[8] = 2;
    fs::write(store.path(), &newer).unwrap();
    assert!(matches!(read(&store.path(), None), Err(IgnoredError::Newer(2))));
    assert_eq!(fs::read(store.path()).unwrap(), newer);
}

#[test]
fn a_file_of_another_binding_is_ignored() {
    let directory = tempfile::tempdir().unwrap();
    let mine = store(&directory);
    mine.save(&state(1)).unwrap();
    let change: [fn(&mut Binding); 3] = [
        |binding| binding.server.push('0'),
        |binding| binding.environment.clear(),
        |binding| binding.service.push('2'),
    ];
    for change in change {
        let mut binding = binding();
        change(&mut binding);
        let other = Store::new(directory.path().join("cache"), binding);
        assert_ne!(other.path(), mine.path());
        assert!(other.load().is_none());
        fs::copy(mine.path(), other.path()).unwrap();
        assert!(other.load().is_none(), "not even under the other's name");
        fs::remove_file(other.path()).unwrap();
    }
    assert!(load_any(&mine.path()).is_some(), "a bootstrap file may be of any binding");
}

#[test]
fn what_is_no_regular_file_is_not_opened() {
    let directory = tempfile::tempdir().unwrap();
    let store = store(&directory);
    fs::create_dir_all(store.path()).unwrap();
    assert!(store.load().is_none());
    fs::remove_dir(store.path()).unwrap();
    let made = process::Command::new("mkfifo").arg(store.path()).status();
    if made.is_ok_and(|made| made.success()) {
        assert!(store.load().is_none(), "and it did not block");
        store.save(&state(1)).unwrap();
        assert!(store.load().is_some(), "the next good state replaces it");
    }
}

#[cfg(unix)]
#[test]
fn an_unreadable_file_is_ignored() {
    use std::os::unix::fs::PermissionsExt as _;

    let directory = tempfile::tempdir().unwrap();
    let store = store(&directory);
    store.save(&state(1)).unwrap();
    fs::set_permissions(store.path(), fs::Permissions::from_mode(0o000)).unwrap();
    // Root reads everything; then there is nothing to see here.
    if File::open(store.path()).is_err() {
        assert!(store.load().is_none());
    }
    store.save(&state(1)).unwrap();
    assert!(store.load().is_some());
}

#[test]
fn a_file_that_is_too_large_is_not_read() {
    let directory = tempfile::tempdir().unwrap();
    let store = store(&directory);
    store.save(&state(1)).unwrap();
    File::options().write(true).open(store.path()).unwrap().set_len(DISK_BYTES_MAX + 1).unwrap();
    assert!(matches!(read(&store.path(), None), Err(IgnoredError::TooLarge(_))));
}

#[test]
fn a_directory_that_cannot_be_written_is_an_error_and_leaves_the_file() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("cache"), b"a file where the directory should be").unwrap();
    assert!(store(&directory).save(&state(1)).is_err());
    assert!(store(&directory).load().is_none());
}

#[test]
fn what_a_crash_left_behind_is_swept_and_what_another_process_writes_is_not() {
    let directory = tempfile::tempdir().unwrap();
    let store = store(&directory);
    store.save(&state(1)).unwrap();
    let leftover = |name: &str, age: Duration| {
        let path = store.directory.join(format!("{}{name}", store.prefix()));
        let file = File::create(&path).unwrap();
        let modified = file.metadata().unwrap().modified().unwrap();
        file.set_modified(modified - age).unwrap();
        path
    };
    let old = leftover("1-1", DISK_LEFTOVER_AGE * 2);
    let young = leftover("2-2", Duration::ZERO);
    assert!(store.load().is_some());
    assert!(!old.exists() && young.exists());
}
