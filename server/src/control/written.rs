//! When what a flag serves was written last, in each environment: read from the log, and remembered.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use mycelia_flags_core::entity::EntityId;
use mycelia_flags_core::key::{EnvironmentKey, FoldedKey};
use mycelia_flags_core::revision::{Revision, Timestamp};

use crate::state::{HistoryQuery, ReadError, Store};

/// Records that are read at once.
const PAGE: usize = 1_000;

/// By environment and flag, the moment of the newest record that wrote the configuration.
pub type Written = BTreeMap<(EnvironmentKey, FoldedKey), Timestamp>;

/// See the module.
#[derive(Debug, Default)]
pub struct LastWritten {
    known: Mutex<(Revision, Arc<Written>)>,
}

impl LastWritten {
    /// What is so at the newest revision. The first answer reads the whole log, a later one what came since.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub async fn at_head(&self, store: &Store) -> Result<Arc<Written>, ReadError> {
        let (mut revision, written) = self.known.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let head = store.snapshot().revision();
        if revision >= head {
            return Ok(written);
        }
        let mut written = Written::clone(&written);
        loop {
            let query = HistoryQuery { after: revision, limit: PAGE, ..HistoryQuery::default() };
            let page = store.history(query).await?;
            for (record, _) in &page.records {
                for write in &record.writes {
                    if let EntityId::Configuration(environment, flag) = &write.id {
                        written.insert((environment.clone(), flag.clone()), record.committed_at);
                    }
                }
            }
            if !page.more || page.scanned <= revision {
                break;
            }
            revision = page.scanned;
        }
        let written = Arc::new(written);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        // Somebody else may have read further meanwhile.
        if known.0 < head {
            *known = (head, Arc::clone(&written));
        }
        Ok(written)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use mycelia_flags_core::change::{Change, ChangeSet, CreateFlag, Place};

    use super::*;
    use crate::clock::{ManualClock, SharedClock};
    use crate::state::{CommitRequest, LogChoice, StoreOptions};

    async fn commit(store: &Store, change: Change) {
        let change_set = ChangeSet { actor: "test".to_owned(), reason: String::new(), changes: vec![change] };
        store.commit(CommitRequest { change_set, ..CommitRequest::default() }).await.unwrap();
    }

    #[tokio::test]
    async fn what_was_written_since_is_added_to_what_is_known() {
        let clock = ManualClock::at(0);
        let shared: SharedClock = clock.clone();
        let options = StoreOptions {
            log: LogChoice::Memory,
            bucketing: None,
            environments: vec!["staging".to_owned(), "production".to_owned()],
            created_by: "test".to_owned(),
        };
        let store = Store::open(options, shared).unwrap();
        let written = LastWritten::default();
        let at = |written: &Written, environment: &str| {
            let key = (EnvironmentKey::new(environment), FoldedKey::of("dreams"));
            written.get(&key).map(|at| at.unix_micros() / 1_000_000)
        };
        commit(&store, Change::CreateFlag(CreateFlag::boolean("dreams"))).await;
        let first = written.at_head(&store).await.unwrap();
        assert_eq!((at(&first, "staging"), at(&first, "production")), (Some(0), Some(0)));
        clock.advance(Duration::from_secs(5));
        let place = Place { environment: "production".to_owned(), flag: "dreams".to_owned() };
        commit(&store, Change::Enable(place)).await;
        let second = written.at_head(&store).await.unwrap();
        assert_eq!((at(&second, "staging"), at(&second, "production")), (Some(0), Some(5)));
        assert!(Arc::ptr_eq(&second, &written.at_head(&store).await.unwrap()), "nothing is read again");
        store.close().await;
    }
}
