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
