//! What the tests of this floor share.

use std::path::Path;

use mycelia_flags_core::bucketing::Generation;
use mycelia_flags_core::change::{Change, ChangeSet, CreateFlag, Place};
use mycelia_flags_core::revision::Revision;

use super::{CommitRequest, Committed, LogChoice, OpenError, Store, StoreOptions};
use crate::clock::{ManualClock, SharedClock};

pub(super) fn clock() -> SharedClock {
    ManualClock::at(1_000_000)
}

pub(super) fn options(log: LogChoice) -> StoreOptions {
    StoreOptions {
        log,
        bucketing: Some(Generation::V3),
        environments: ["development", "staging", "production"].map(str::to_owned).to_vec(),
        created_by: "installer".to_owned(),
    }
}

pub(super) fn memory() -> Store {
    Store::open(options(LogChoice::Memory), clock()).unwrap()
}

pub(super) fn try_sled(dir: &Path) -> Result<Store, OpenError> {
    Store::open(options(LogChoice::Sled { data_dir: dir.to_owned() }), clock())
}

#[track_caller]
pub(super) fn sled(dir: &Path) -> Store {
    match try_sled(dir) {
        Ok(store) => store,
        Err(error) => panic!("{error}"),
    }
}

pub(super) fn request(changes: Vec<Change>) -> CommitRequest {
    CommitRequest {
        change_set: ChangeSet { actor: "ann".to_owned(), reason: "because".to_owned(), changes },
        ..CommitRequest::default()
    }
}

pub(super) fn create(key: &str) -> CommitRequest {
    request(vec![Change::CreateFlag(CreateFlag::boolean(key))])
}

pub(super) fn place(flag: &str) -> Place {
    Place { environment: "production".to_owned(), flag: flag.to_owned() }
}

/// Switches a flag on or off; each one is a change when they alternate.
pub(super) fn switch(flag: &str, on: bool) -> CommitRequest {
    request(vec![if on { Change::Enable(place(flag)) } else { Change::Disable(place(flag)) }])
}

/// Creates flag-0 to flag-(n-1), each in a revision of its own.
pub(super) async fn create_many(store: &Store, count: usize) {
    for index in 0..count {
        let Committed { revision, .. } = store.commit(create(&format!("flag-{index}"))).await.unwrap();
        assert_eq!(revision, store.snapshot().revision());
    }
}

pub(super) fn head(store: &Store) -> Revision {
    *store.head().borrow()
}
